/* exits: the last ends of processes: which, how, why, and what they did before. For whoever asks what has happened at night.
 *
 * A ring of fixed size in the caller's memory; no allocation, so that noting one cannot fail. */
#ifndef FCGIEXT_CORE_EXITS_H
#define FCGIEXT_CORE_EXITS_H

#include "fcgiext/core/bytes.h"
#include "fcgiext/core/error_page.h"

enum {
    EXITS_COUNT = 50,
    EXITS_MAX_POOL_LEN = 128, /* with the NUL, as below; what is longer is cut, between two UTF-8 characters */
    EXITS_MAX_URL_LEN = 512,
};

struct exits_entry {
    char pool[EXITS_MAX_POOL_LEN];
    char url_path[EXITS_MAX_URL_LEN]; /* of its last request; "" */
    uint32_t pid;
    uint32_t code;
    enum error_cause cause; /* NONE: we had told it to end, or it ended by its own limit of requests */
    uint64_t at_unix_ms;
    uint64_t lived_ms;
    uint32_t answered;
};

struct exits {
    struct exits_entry entries[EXITS_COUNT];
    uint64_t total; /* noted so far */
};

void exits_init(struct exits *exits);
/* `pool` and `url_path` of `entry` are not looked at. */
void exits_note(struct exits *exits, const struct exits_entry *entry, struct bytes pool, struct bytes url_path);
/* 0 is the newest. NULL: there are not so many. */
const struct exits_entry *exits_at(const struct exits *exits, unsigned age);

#endif
