/* spool: takes in the body of a request whose length only its end tells, because FastCGI wants the length first.
 *
 * Completions in, actions out, like the relay. A body of up to SPOOL_BLOCK_LEN bytes stays in memory; of a longer one each full
 * block, and at last the rest, goes to a file. One action is outstanding at a time. */
#ifndef FCGIEXT_CORE_SPOOL_H
#define FCGIEXT_CORE_SPOOL_H

#include "fcgiext/core/bytes.h"
#include "fcgiext/core/error_page.h"

enum { SPOOL_BLOCK_LEN = 64 * 1024 };

/* A host counts a body's bytes in 32 bits, and all ones say that there are more, or that only the end will tell. `announced`, its
 * CONTENT_LENGTH, helps only where it is beyond that: for a chunked body hosts have none, or 0, or all ones there as well.
 * false: it is not known beforehand. */
bool spool_length_is_known(uint32_t counted, struct bytes announced, uint64_t *len);

enum spool_action_kind {
    SPOOL_ACTION_NONE,     /* wait for the completion of the last one */
    SPOOL_ACTION_READ,     /* from the client: up to `len` bytes to `target`; then spool_on_read */
    SPOOL_ACTION_STORE,    /* append `bytes` to the file; then spool_on_stored */
    SPOOL_ACTION_COMPLETE, /* the body is spool->len bytes: `bytes`, or all of the file if `in_file` */
    SPOOL_ACTION_FAIL,     /* for `cause`; the client may have more to send */
};

struct spool_action {
    enum spool_action_kind kind;
    uint8_t *target;
    size_t len;
    struct bytes bytes; /* in the spool's memory */
    bool in_file;
    enum error_cause cause; /* BODY_TOO_LARGE, CLIENT_GONE, SPOOL */
};

struct spool {
    uint64_t limit; /* MaxSpooledBody */
    uint64_t len;   /* so far */
    uint64_t stored;
    uint8_t *block; /* owned */
    size_t capacity;
    size_t held;  /* of it */
    bool pending; /* an action is outstanding */
    bool ended;
    enum error_cause failure; /* 0: none */
};

/* `first`, of any length, is what has come already; it is copied. false: out of memory. */
bool spool_init(struct spool *spool, uint64_t limit, struct bytes first);
void spool_deinit(struct spool *spool);

/* Ok and 0 bytes: the end of the body. */
void spool_on_read(struct spool *spool, size_t len, bool ok);
void spool_on_stored(struct spool *spool, bool ok);

struct spool_action spool_next(struct spool *spool);

#endif
