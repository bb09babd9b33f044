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

/* Why a worker ended. */
enum worker_exit {
    WORKER_EXIT_IDLE,          /* IdleTimeout */
    WORKER_EXIT_REQUEST_LIMIT, /* InstanceMaxRequests; at a limit of its own a program ends by itself: ENDED */
    WORKER_EXIT_RECYCLED,      /* with the pool: by an operator, a changed fcgiext.ini or a monitored file */
    WORKER_EXIT_WORN,          /* MaxLifetime, MaxPrivateBytes */
    WORKER_EXIT_SURPLUS,       /* more than the limit allows now */
    WORKER_EXIT_DRAINED,
    WORKER_EXIT_DISMISSED, /* this one, by an operator */
    WORKER_EXIT_TIMEOUT,   /* silent, or too long with its request or its connection */
    WORKER_EXIT_UNUSABLE,  /* it broke the protocol, or its request was cut off */
    WORKER_EXIT_CLOSED,    /* of an external server: the connection is not kept */
    WORKER_EXIT_ENDED,     /* by itself, in peace */
    WORKER_EXIT_EXITED,    /* by itself, and that was not expected */
    WORKER_EXIT_CRASHED,   /* the same with an exception */
    WORKER_EXIT_SHUT_DOWN, /* with the host */
    WORKER_EXIT_COUNT
};

/* snake_case, stable. */
const char *worker_exit_name(enum worker_exit reason);

bool worker_may_move(enum worker_state from, enum worker_state to);
const char *worker_state_name(enum worker_state state);

#endif
