/* worker: the table of legal moves between the states of a worker. The pool's only setter asserts it, so a move that is
 * not in the table is a bug that the first test or simulated schedule that makes it shows. */
#include "fcgiext/core/worker.h"

#define TO(state) (1u << (state))

static const unsigned legal_moves[WORKER_STATE_COUNT] = {
    [WORKER_STARTING] = TO(WORKER_IDLE) | TO(WORKER_STOPPING) | TO(WORKER_GONE),
    [WORKER_IDLE] = TO(WORKER_BUSY) | TO(WORKER_STOPPING) | TO(WORKER_GONE),
    [WORKER_BUSY] = TO(WORKER_IDLE) | TO(WORKER_CONNECTING) | TO(WORKER_RETIRING) | TO(WORKER_STOPPING) | TO(WORKER_GONE),
    [WORKER_CONNECTING] = TO(WORKER_IDLE) | TO(WORKER_STOPPING) | TO(WORKER_GONE),
    [WORKER_RETIRING] = TO(WORKER_STOPPING) | TO(WORKER_GONE),
    [WORKER_STOPPING] = TO(WORKER_GONE),
    [WORKER_GONE] = 0,
};

bool worker_may_move(enum worker_state from, enum worker_state to)
{
    return (legal_moves[from] & TO(to)) != 0;
}

const char *worker_state_name(enum worker_state state)
{
    static const char *const names[WORKER_STATE_COUNT] = {
        [WORKER_STARTING] = "starting", [WORKER_IDLE] = "idle",
        [WORKER_BUSY] = "busy",         [WORKER_CONNECTING] = "connecting",
        [WORKER_RETIRING] = "retiring", [WORKER_STOPPING] = "stopping",
        [WORKER_GONE] = "gone",
    };
    return names[state];
}

const char *worker_exit_name(enum worker_exit reason)
{
    static const char *const names[WORKER_EXIT_COUNT] = {
        [WORKER_EXIT_IDLE] = "idle",           [WORKER_EXIT_REQUEST_LIMIT] = "request_limit",
        [WORKER_EXIT_RECYCLED] = "recycled",   [WORKER_EXIT_WORN] = "worn",
        [WORKER_EXIT_SURPLUS] = "surplus",     [WORKER_EXIT_DRAINED] = "drained",
        [WORKER_EXIT_DISMISSED] = "dismissed", [WORKER_EXIT_TIMEOUT] = "timeout",
        [WORKER_EXIT_UNUSABLE] = "unusable",   [WORKER_EXIT_ENDED] = "ended",
        [WORKER_EXIT_CLOSED] = "closed",       [WORKER_EXIT_EXITED] = "exited",
        [WORKER_EXIT_CRASHED] = "crashed",     [WORKER_EXIT_SHUT_DOWN] = "shut_down",
    };
    return names[reason];
}
