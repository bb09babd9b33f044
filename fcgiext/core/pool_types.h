/* pool_types: the inside of a pool, for the pool's own files only. */
#ifndef FCGIEXT_CORE_POOL_TYPES_H
#define FCGIEXT_CORE_POOL_TYPES_H

#include "fcgiext/core/pool.h"

enum timer_owner {
    TIMER_OF_WORKER,
    TIMER_OF_REQUEST,
    TIMER_OF_START_PAUSE,
    TIMER_OF_RAPID_FAIL,
    TIMER_OF_LIFETIME,
    TIMER_OF_RENEWAL,
};

struct pool_timer {
    struct timer_entry entry; /* first */
    enum timer_owner owner;
    void *object;
};

struct pool_request {
    struct slab_slot slot;
    enum pool_request_state state;
    uint64_t arrived_ms, since_ms; /* since_ms: in this state */
    uint64_t waited_ms;            /* in the queue, before this state */
    uint64_t tag;
    struct pool_worker *worker; /* RUNNING and LINGERING */
    struct pool_request *next;  /* in the queue; else in the list of those on workers, by the time since when */
    struct pool_request *prev;
    uint64_t assigned_ms;    /* RUNNING and LINGERING */
    struct pool_timer timer; /* WAITING: probe, queue timeout; RUNNING: request timeout; LINGERING: end of the wait */
    uint64_t left_ms;        /* of the request timeout, while the client is waited for */
    uint8_t retries;
    uint32_t stale_tries; /* not counted in retries: see POOL_OUTCOME_UNWRITTEN */
    bool replayable;
    bool client_wait;
    bool unanswered; /* LINGERING: a second try may be allowed */
};

struct pool_worker {
    struct slab_slot slot;
    enum worker_state state;
    uint64_t started_ms, since_ms; /* since_ms: in this state */
    struct pool_request *request;  /* BUSY, RETIRING */
    struct pool_worker *next_idle; /* IDLE */
    struct pool_worker *prev_idle;
    struct pool_timer timer; /* by state: idle, activity, end of the wait for its exit */
    uint32_t served;
    uint32_t answered;    /* requests that it has answered in full */
    uint64_t answered_ms; /* the last time */
    uint32_t generation;  /* another one than the pool's: to be replaced */
    uint32_t exit_code;
    bool has_answered; /* has ever sent a byte */
    bool watched;      /* IDLE: WATCH has been told */
    uint64_t watch_ms; /* of the limits that it was started under, as its connection is of their kind */
    bool replacement;  /* started during a recycle */
    bool ready;        /* a replacement that has proven good */
    bool exited;
    bool killed;
    bool left;               /* STOPPING: its connection had ended before we told it to end */
    bool dismissed;          /* an operator's wish: no further request */
    bool unexpected;         /* its exit was */
    enum worker_exit reason; /* STOPPING: why it was told to end */

    /* pool_renewal */
    bool ages;            /* it is in the pool's list of those */
    bool worn;            /* to be replaced for its age or its size */
    bool measuring;       /* MEASURED is to come */
    uint32_t renewed_in;  /* worn: the generation that it was of, if nothing else has made it old */
    uint64_t born_ms;     /* it has run since then; 0: not yet */
    uint64_t measured_ms; /* when MEASURE was told last; 0: never */
    struct pool_worker *older;
    struct pool_worker *younger;
};

struct pool_failure {
    enum error_cause cause;
    bool has_code;
    uint32_t code;
};

struct pool {
    struct pool_limits limits;
    enum pool_state state; /* RUNNING, RAPID_FAIL or CLOSED: draining stands beside it */
    bool draining;
    uint64_t now_ms;
    struct slab requests;
    struct slab workers;
    uint32_t worker_slots; /* above the index of each worker that ever was */
    struct pool_request *queue_head;
    struct pool_request *queue_tail;
    uint32_t waiting;
    uint64_t wait_since_sum_ms;      /* of the queue's requests, of since_ms */
    struct pool_request *run_oldest; /* those on workers, by assigned_ms */
    struct pool_request *run_newest;
    uint32_t running;
    uint64_t run_since_sum_ms;     /* of assigned_ms */
    struct pool_worker *idle_head; /* used last; workers of the pool's generation first */
    struct pool_worker *idle_tail;
    uint32_t by_state[WORKER_STATE_COUNT];
    struct timers timers;
    struct pool_timer start_timer;      /* set: no start before it fires */
    struct pool_timer rapid_fail_timer; /* set in RAPID_FAIL */
    uint32_t failed_starts;             /* in a row */
    uint64_t all_failed_starts;         /* ever */
    struct pool_failure last_failed_start;
    uint32_t failures; /* since failures_since_ms, at most a minute */
    uint64_t failures_since_ms;
    struct pool_failure first_failure;
    bool evicting;         /* all workers, at shut-down, or the old ones of a recycle that does not wait */
    uint32_t evict_cursor; /* slab index: those below have been told to end */
    uint32_t generation;
    enum pool_recycle_state recycle;
    uint32_t old_workers; /* of another generation and not STOPPING */
    uint32_t unproven;    /* replacements that are neither ready nor STOPPING */
    uint32_t credit;      /* replacements that are ready and have not replaced anybody */
    uint32_t replacement_failures;
    uint32_t learned_requests;
    uint32_t last_own_exit; /* requests answered by the last worker that ended by itself right after an answer */
    uint32_t most_serving;  /* above the limit after a reconfiguration, until workers become free */
    bool more;
    struct pool_totals totals;
    struct pool_actions *out; /* of the call that is running */

    /* pool_spare, pool_renewal */
    uint64_t limits_ms;         /* when they were set */
    bool begun;                 /* has had an event: from then on there are spares */
    uint32_t doubtful;          /* STOPPING: closed their connection, never answered: their end will say what that was */
    uint32_t worn;              /* those that are not STOPPING */
    uint32_t renewals;          /* of the worn ones, those that no recycle of an operator is to replace */
    struct pool_worker *oldest; /* of those that run and are not worn, by the time since when they run */
    struct pool_worker *youngest;
    struct pool_timer lifetime_timer; /* of the oldest; set if there is one and a limit */
    struct pool_timer renewal_timer;  /* then worn workers are given another try */
};

#endif
