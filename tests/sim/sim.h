/* sim: a pool in a world that is made up from a seed: workers that are slow, crash, never read, garble, end early, exit
 * after N requests or take long to start; clients that go; operators that recycle, drain, resume and reconfigure. The
 * shell's part (mailboxes, connections, exits) is modelled with every delay and interleaving that the real one allows.
 *
 * Time is a number, so millions of steps take seconds; the same seed gives the same run. After each step the pool's
 * invariants (pool_check) and the world's own are checked; the first one that fails ends the run with the line that
 * replays it. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "fcgiext/core/pool.h"
#include "tests/unit/pool_totals.h"

enum behaviour {
    BEHAVE_WELL,
    BEHAVE_SLOWLY,       /* long requests, with signs of life */
    BEHAVE_CRASH,        /* in a request, with an exception code, before or after bytes came */
    BEHAVE_NEVER_READ,   /* no sign of life at all: a time-out's business */
    BEHAVE_GARBLE,       /* answers what is not FastCGI */
    BEHAVE_END_EARLY,    /* closes the connection after each answer */
    BEHAVE_EXIT_AFTER_N, /* clean, as php does */
    BEHAVE_START_SLOWLY,
    BEHAVE_START_FAIL,
    BEHAVE_EXIT_AT_START,
    BEHAVE_IGNORE_CLOSE, /* ends only when killed */
    BEHAVE_IGNORE_KILL,  /* cannot even be killed */
    BEHAVE_COUNT
};

enum sim_request_state { SIM_NONE, SIM_OPEN, SIM_ENDED };

struct sim_request {
    enum sim_request_state state;
    uint64_t id;    /* the pool's */
    uint64_t order; /* of arrival */
    bool replayable;
    unsigned written_to; /* so many workers have got bytes of it */
    bool was_assigned;
    bool was_answered; /* in part, before its connection broke */
    uint64_t arrived_ms;
};

enum { SIM_MAILBOX = 16, SIM_MAX_REQUESTS = 512, SIM_MAX_WORKERS = 64, SIM_MAX_EVENTS = 1024 };

struct sim_worker {
    bool used;
    uint64_t id;
    enum behaviour behaviour;
    struct pool_action mailbox[SIM_MAILBOX];
    unsigned mail_count;
    uint32_t request;      /* index + 1 of the request that it works on, from ASSIGN's execution; 0: none */
    uint64_t request_id;   /* of it, as ASSIGN said */
    bool has_pool_request; /* as the pool sees it: from ASSIGN to FINISHED, ABORT or REJECT */
    uint64_t pool_order;
    bool runs, connected, killed;
    bool gone;     /* the pool has given it up; its mailbox may not be empty yet */
    bool retiring; /* the pool has told it to end: nothing may be routed to it */
    bool reused;
    bool watched; /* and so a connection that ends while it is idle is noticed */
    unsigned answered, exits_after;
    uint64_t runs_since_ms; /* as the pool was told; 0: not yet */
    uint64_t bytes, leak;   /* of its memory; what each request adds */
    uint64_t measured_ms;   /* when the pool asked for that last */
    bool measuring;         /* and has not been told yet */
};

struct sim_event {
    uint64_t at_ms;
    struct pool_event event;
    uint32_t worker; /* index + 1: of the worker's world; 0: none */
    uint64_t worker_id;
};

struct sim_totals {
    uint64_t arrived, answered, failed[ERROR_CAUSE_COUNT], retried, started, released, unexpected;
};

struct sim {
    struct pool *pool;
    struct pool_limits limits;
    struct pool_limits next_limits;
    uint64_t seed, random, now_ms, step;
    struct sim_request requests[SIM_MAX_REQUESTS];
    struct sim_worker workers[SIM_MAX_WORKERS];
    struct sim_event events[SIM_MAX_EVENTS];
    unsigned event_count;
    uint64_t next_order, last_assigned_order;
    unsigned open_count;
    unsigned seen_workers, seen_requests; /* in a look at the pool */
    unsigned mix;                         /* which behaviours this part of the run has: bits */
    struct sim_totals totals;
    bool draining, closed;
    bool cuts_off;      /* an operator has requests ended: until all that follows from it is done */
    uint64_t limits_ms; /* when they were changed last */
    uint64_t calm_since_ms;
    uint64_t pause_end_ms; /* after a failed start */
    uint32_t starting;     /* before the event */
    unsigned seen_fresh_idle;
};

/* The world's dice. */
static inline uint64_t draw(struct sim *sim, uint64_t below)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return sim->random % below;
}

static inline bool chance(struct sim *sim, unsigned percent)
{
    return draw(sim, 100) < percent;
}

static inline uint32_t draw_start_exit(struct sim *sim)
{
    return chance(sim, 30) ? 0 : chance(sim, 50) ? 1 : 0xC0000135u;
}

static inline enum pool_outcome draw_close(struct sim *sim)
{
    return chance(sim, 10) ? POOL_OUTCOME_GIVEN_UP : POOL_OUTCOME_DONE_CLOSED;
}

#define REQUIRE(sim, condition) ((condition) ? (void)0 : sim_broken(sim, #condition, __LINE__))
void sim_broken(const struct sim *sim, const char *condition, int line);
void sim_settle(struct sim *sim, bool (*settled)(const struct sim *));

/* MinInstances, QueueTimeout, MaxLifetime, MaxPrivateBytes (limits.c). The rules, before and after each event, and
 * when the pool has something done. */
struct pool_limits sim_random_limits(struct sim *sim);
/* next_limits; a tuned pool is told the limit of the present ones before. */
void sim_draw_limits(struct sim *sim);
void limits_before(struct sim *sim, const struct pool_event *event);
void limits_at_start(const struct sim *sim);
void limits_at_assign(struct sim *sim, const struct sim_worker *worker);
void limits_at_failure(struct sim *sim, const struct sim_request *request, enum error_cause cause);
void limits_at_measure(struct sim *sim, struct sim_worker *worker);
void limits_after(struct sim *sim, const struct pool_event *event);
/* Ten quiet minutes in which every program behaves. */
void limits_in_calm(struct sim *sim);

/* Ends the process when something does not hold. Returns the number of requests that arrived. */
uint64_t sim_run(uint64_t seed, uint64_t steps, struct sim_totals *sum);

#endif
