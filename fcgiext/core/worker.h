/* worker: the states of one worker (a FastCGI process, or one connection to an external server) and the legal moves.
 *
 *   STARTING -> IDLE <-> BUSY -> RETIRING -> STOPPING -> GONE
 *                 ^        |
 *                 CONNECTING   (the program has closed its connection after a request, as agreed; a new one is made)
 */
#ifndef FCGIEXT_CORE_WORKER_H
#define FCGIEXT_CORE_WORKER_H

#include <stdbool.h>

enum worker_state {
    WORKER_STARTING,   /* asked for, not there yet */
    WORKER_IDLE,       /* connected, no request */
    WORKER_BUSY,       /* has a request, and may get another after it */
    WORKER_CONNECTING, /* no request, no connection, alive: waits for a new connection */
    WORKER_RETIRING,   /* has its last request */
    WORKER_STOPPING,   /* has been told to end */
    WORKER_GONE,       /* its end has been seen */
    WORKER_STATE_COUNT
};

bool worker_may_move(enum worker_state from, enum worker_state to);
const char *worker_state_name(enum worker_state state);

#endif
