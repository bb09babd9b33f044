/* relay_steps: the inside of a relay. relay.c takes in what has happened; relay_next.c says what is to be done. For these two
 * files only. */
#ifndef FCGIEXT_CORE_RELAY_STEPS_H
#define FCGIEXT_CORE_RELAY_STEPS_H

#include "fcgiext/core/relay.h"

enum {
    RELAY_HEADROOM = 20, /* for a chunk's size line in front of the body bytes, so that they are sent in one piece */
    RELAY_TAILROOM = 8,  /* for what ends the chunk, and the last one: framing a piece can never fail */
};

/* The answer becomes an error page, or a cut connection; the first cause stands. `detail` may be NULL. */
void relay_fail_with(struct relay *relay, enum error_cause cause, const char *detail);

/* The reply may have a body, by its status and the request's method. */
bool relay_has_body(const struct relay *relay);
/* The reply can become an answer, as far as we know. */
bool relay_is_usable(const struct relay *relay);

#endif
