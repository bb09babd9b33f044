/* pool: the scheduler of one pool of workers. Events in, actions out; no clock, thread, pipe or process.
 *
 * The shell tells what has happened (pool_handle), one call at a time for a pool, with the time; the pool answers with
 * what is to be done. Actions that name a worker go, in order, to that worker's mailbox and are carried out one after
 * another; actions on a request without a worker are carried out after the call. pool_next_deadline_ms says when the
 * pool wants a POOL_EVENT_DEADLINE; it may get one earlier. Each event costs O(1), whatever the number of workers and
 * of waiting requests.
 *
 * A request arrives with a tag of the shell's (returned in each action, never looked into) and gets an id. The pool
 * names each request for the last time in exactly one POOL_ACTION_REJECT, _ABORT or _FORGET: until then the tag must
 * stay good. Events with the id of a request or worker that is no more are ignored: they have crossed an action. */
#ifndef FCGIEXT_CORE_POOL_H
#define FCGIEXT_CORE_POOL_H

#include "fcgiext/core/error_page.h"
#include "fcgiext/core/slab.h"
#include "fcgiext/core/timers.h"
#include "fcgiext/core/worker.h"

struct pool_limits {
    uint32_t max_instances; /* workers at a time; at least 1; of a tuned pool the first limit */
    uint32_t tuned_max;     /* not 0: POOL_EVENT_TUNED moves max_instances, up to this */
    uint32_t queue_length;  /* waiting requests */
    uint32_t instance_max_requests;
    uint32_t own_requests; /* the program is known to end by itself after so many; 0: not known */
    uint64_t idle_timeout_ms;
    uint64_t activity_timeout_ms; /* doubled for the first bytes of a new worker */
    uint64_t request_timeout_ms;
    uint64_t startup_timeout_ms; /* from a new worker's first request to its first bytes; 0: twice the activity timeout */
    uint64_t signal_ms;          /* SignalBeforeTerminateSeconds; 0: terminate at once */
    uint64_t watch_ms;           /* an idle worker's connection is watched from then on: see POOL_WATCH_MS */
    uint32_t rapid_fails_per_minute;
    uint64_t queue_timeout_ms; /* in the queue, all stays of a request together; 0: none */
    /* of processes of ours; not looked at with external servers; 0: none */
    uint32_t min_instances;
    uint64_t max_lifetime_ms;
    uint64_t max_private_bytes;
    bool external; /* workers are connections to a server that is not ours */
    bool measure;  /* MEASURE also without max_private_bytes: somebody shows it */
};

enum {
    POOL_MAX_ACTIONS = 32,
    POOL_EXIT_WAIT_MS = 1000,  /* from the end of a connection to the exit of its process, and the other way round */
    POOL_KILL_WAIT_MS = 10000, /* from KILL to the exit; then the worker is given up */
    POOL_CONNECT_MS = 10000,   /* for the connection to an external server; then */
    POOL_CONNECT_CODE = 10060, /* WSAETIMEDOUT */
    POOL_START_PAUSE_MS = 100, /* after a failed start; doubled with each further one */
    POOL_START_PAUSE_MAX_MS = 5000,
    POOL_RAPID_FAIL_MS = 60000,
    POOL_SPARE_STARTS = 4,             /* spares are started while fewer starts than these are under way */
    POOL_READY_MS = 2000,              /* a replacement that has lived so long without traffic is good */
    POOL_MAX_REPLACEMENT_FAILURES = 2, /* then a recycle stops */
    POOL_WATCH_MS = 50,                /* see ARCHITECTURE.md, "The life of a request", 5 */
    POOL_PROBE_MS = 5000,              /* a waiting request: is its client still there? */
    POOL_LEARN_MS = 1000,              /* an exit so soon after an answer is the program's own limit of requests */
    POOL_KEPT_MS = 1000,               /* at least, between two looks at an idle worker that is kept as a spare */
    POOL_MEASURE_MS = 5000,            /* at least, between two looks at the memory of a worker */
    POOL_RENEWAL_PAUSE_MS = 60000,     /* after replacements of worn workers have failed */
    POOL_MAX_WORKERS = 10000,
    POOL_MAX_QUEUE = 10000000,
};

enum pool_event_kind {
    POOL_EVENT_ARRIVED,      /* tag, replayable */
    POOL_EVENT_FINISHED,     /* request, outcome: the shell is through with the request on its worker */
    POOL_EVENT_GONE,         /* request: its client has gone; matters only while it waits */
    POOL_EVENT_STARTED,      /* worker: runs, and its connection is open */
    POOL_EVENT_START_FAILED, /* worker, code: there is no process */
    POOL_EVENT_CONNECTED,    /* worker: has a new connection */
    POOL_EVENT_DISCONNECTED, /* worker: its connection ended, or none could be made; not while it has a request
                              * (that is FINISHED with an outcome) */
    POOL_EVENT_EXITED,       /* worker, code: the process has ended (external: the connection has been closed) */
    POOL_EVENT_MEASURED,     /* worker, bytes: the answer to MEASURE; 0: not known */
    POOL_EVENT_PROGRESS,     /* worker, request: bytes came from it */
    POOL_EVENT_CLIENT_WAIT,  /* request: from now on we wait for the client, not for the worker */
    POOL_EVENT_CLIENT_READY, /* request: the wait is over */
    POOL_EVENT_DEADLINE,
    POOL_EVENT_RECYCLE,      /* now: replace all workers: one by one as replacements prove good, or at once;
                              * ends rapid-fail */
    POOL_EVENT_DRAIN,        /* admit nothing; what waits and runs ends; then end the workers */
    POOL_EVENT_RESUME,       /* admit again, also after rapid-fail */
    POOL_EVENT_RECONFIGURED, /* limits: in force from now on; a lower max_instances as workers become free */
    POOL_EVENT_TUNED,        /* max_instances, of a tuned pool; a lower one as workers become free */
    POOL_EVENT_SHUT_DOWN,    /* reject what waits and comes, end all workers; those with a request at once */
    POOL_EVENT_DISMISS,      /* worker: it gets no further request and ends when it has none; what comes is served by others */
    POOL_EVENT_KILL,         /* worker: it ends at once; its request fails with ERROR_CAUSE_RECYCLED. A start under way is
                              * ended when it has come to its end */
};

enum pool_outcome {
    POOL_OUTCOME_DONE,          /* over; the connection is kept and clean */
    POOL_OUTCOME_DONE_CLOSED,   /* over; the connection is closed by agreement, the worker can have a new one */
    POOL_OUTCOME_DONE_UNUSABLE, /* over; the worker must not be used again (it broke the protocol, or is cut off) */
    POOL_OUTCOME_GIVEN_UP,   /* over for a reason of ours, the connection is closed: nothing went to the worker or came back */
    POOL_OUTCOME_UNWRITTEN,  /* the connection broke before a byte of the request was written: tried again, max_instances times
                                 * after workers that have answered before, twice besides */
    POOL_OUTCOME_UNANSWERED, /* it broke after all was written on a kept connection, and no byte came back */
    POOL_OUTCOME_BROKEN,     /* it broke later, or earlier: no second try */
};

struct pool_event {
    enum pool_event_kind kind;
    uint64_t request;
    uint64_t worker;
    uint64_t tag;
    bool replayable; /* ARRIVED: GET, HEAD or OPTIONS whose body can be sent again */
    enum pool_outcome outcome;
    bool now;
    const struct pool_limits *limits;
    uint32_t max_instances;
    uint32_t code; /* START_FAILED: system error; EXITED: exit code */
    uint64_t bytes;
};

enum pool_action_kind {
    POOL_ACTION_START,   /* worker */
    POOL_ACTION_ASSIGN,  /* worker, request, tag: send it the request */
    POOL_ACTION_CONNECT, /* worker: make a new connection; CONNECTED or DISCONNECTED follows */
    POOL_ACTION_WATCH,   /* worker: it is idle; DISCONNECTED if its connection ends, or brings anything */
    POOL_ACTION_MEASURE, /* worker: MEASURED follows, with the private bytes of its process */
    POOL_ACTION_ABORT,   /* worker, tag, cause, code: take the request off the worker and end it; its last mention */
    POOL_ACTION_SIGNAL,  /* worker: set the shutdown event */
    POOL_ACTION_CLOSE,   /* worker: close our end of the connection (and do not make a new one) */
    POOL_ACTION_KILL,    /* worker: terminate the process */
    POOL_ACTION_RELEASE, /* worker, answered, code if it has exited, cause if that was not expected: it is gone; its
                          * last mention */
    POOL_ACTION_PROBE,   /* request, tag: it waits for long; GONE if its client is not there any more */
    POOL_ACTION_REJECT,  /* tag, cause, code: end a request that is on no worker; its last mention */
    POOL_ACTION_FORGET,  /* tag: the request is over; its last mention */
};

struct pool_action {
    enum pool_action_kind kind;
    uint64_t worker;
    uint64_t request;
    uint64_t tag;
    enum error_cause cause;
    enum error_cause first_cause; /* with ERROR_CAUSE_RAPID_FAIL: what failed */
    uint32_t retry_after_s;       /* the same: when it ends */
    bool has_code;
    uint32_t code;
    uint32_t answered; /* RELEASE: requests in all */
    /* ASSIGN: the program ends by itself after it, so the connection must not be kept. PHP, told to keep it, disconnects by force then,
     * and what has not been read of its answer is lost. */
    bool last;
};

struct pool_actions {
    uint64_t arrived; /* after ARRIVED: the request's id, 0 when it was rejected at once */
    uint32_t count;
    struct pool_action items[POOL_MAX_ACTIONS];
};

enum pool_state {
    POOL_STATE_RUNNING,
    POOL_STATE_DRAINING,
    POOL_STATE_DRAINED,
    POOL_STATE_RAPID_FAIL,
    POOL_STATE_CLOSED,
};

enum pool_recycle_state { POOL_RECYCLE_NONE, POOL_RECYCLE_RUNNING, POOL_RECYCLE_FAILED };

/* snake_case, stable: "rapid_fail", "running". */
const char *pool_state_name(enum pool_state state);
const char *pool_recycle_state_name(enum pool_recycle_state state);

/* What the first try of a request that is tried again had met: the connection broke */
enum pool_retry_cause {
    POOL_RETRY_UNWRITTEN,  /* before a byte of it was written */
    POOL_RETRY_UNANSWERED, /* when all was written and nothing had come back */
    POOL_RETRY_COUNT
};
/* snake_case, stable. */
const char *pool_retry_cause_name(enum pool_retry_cause cause);

/* Totals since pool_create; they only grow. */
struct pool_totals {
    uint64_t arrived;
    uint64_t answered;                  /* ended with POOL_ACTION_FORGET */
    uint64_t failed[ERROR_CAUSE_COUNT]; /* ended with REJECT or ABORT, by cause */
    uint64_t retried[POOL_RETRY_COUNT];
    uint64_t started;
    uint64_t start_failures;
    uint64_t exits[WORKER_EXIT_COUNT]; /* of workers whose end was seen */
    uint64_t recycles;                 /* POOL_EVENT_RECYCLE */
    uint64_t rapid_fails;              /* times that it began */
    uint64_t ran_ms, waited_ms;        /* of requests on workers, and in the queue, that are there no more */
};

struct pool_counts {
    enum pool_state state;
    uint32_t waiting;
    uint32_t workers; /* all that are not GONE */
    uint32_t by_state[WORKER_STATE_COUNT];
    enum pool_recycle_state recycle; /* FAILED: the last one stopped as its replacements failed */
    uint32_t old_workers;            /* still to be replaced */
    uint32_t renewals;               /* of these, for their age or size alone: no operator's recycle is about them */
    uint32_t learned_requests;       /* the program ends after so many by itself; 0: not known */
    uint32_t max_instances;          /* in force */
    uint32_t queue_length;           /* likewise */
};

struct pool;

/* NULL: out of memory. Limits out of range are taken as the nearest good ones: 1 to POOL_MAX_WORKERS instances, a queue of
 * at most POOL_MAX_QUEUE, at least 1 request an instance. */
struct pool *pool_create(const struct pool_limits *limits, uint64_t now_ms);
/* Frees the pool's memory, whatever state it is in. */
void pool_destroy(struct pool *pool);

void pool_handle(struct pool *pool, const struct pool_event *event, uint64_t now_ms, struct pool_actions *actions);

/* UINT64_MAX: none. A time that has passed: at once (more is to be done than one set of actions holds). */
uint64_t pool_next_deadline_ms(const struct pool *pool);

/* Every invariant, O(workers + requests); for tests. One that does not hold goes to pool_check_failed, which by default
 * aborts; a test may put its own in place and must not return from it. */
void pool_check(const struct pool *pool);
extern void (*pool_check_failed)(const char *condition);

void pool_get_counts(const struct pool *pool, struct pool_counts *counts);
const struct pool_totals *pool_get_totals(const struct pool *pool);

/* ---- what an operator is shown (pool_walk.c) */

struct pool_times {
    uint32_t running;                             /* requests on workers */
    uint64_t wait_since_ms, run_since_ms;         /* the next two began then; 0: none */
    uint64_t wait_since_sum_ms, run_since_sum_ms; /* the sums of these times, of all */
    uint64_t oldest_wait_ms;                      /* of the queue's head */
    uint64_t oldest_run_ms;                       /* the longest time of a request on its worker */
    uint64_t rapid_fail_left_ms;
    enum error_cause first_cause; /* of rapid-fail */
};
void pool_get_times(const struct pool *pool, uint64_t now_ms, struct pool_times *times);

enum pool_request_state {
    POOL_REQUEST_WAITING,   /* in the queue */
    POOL_REQUEST_RUNNING,   /* on a worker */
    POOL_REQUEST_LINGERING, /* its connection broke; the exit of its worker decides what becomes of it */
};

struct pool_request_info {
    uint64_t id, tag;
    uint64_t worker; /* 0: it waits */
    enum pool_request_state state;
    bool waits_for_client;
    uint64_t age_ms;   /* since it arrived */
    uint64_t state_ms; /* in this state */
};

struct pool_worker_info {
    uint64_t id;
    uint64_t request; /* 0: none */
    enum worker_state state;
    bool to_go; /* it is to be replaced, or to end after its request */
    uint32_t served, answered;
    uint32_t requests_left; /* until its planned end */
    uint64_t age_ms;
    uint64_t state_ms;
};

/* Those that run, then those that wait in their order. */
void pool_each_request(const struct pool *pool, uint64_t now_ms,
                       void (*each)(void *context, const struct pool_request_info *request), void *context);
void pool_each_worker(const struct pool *pool, uint64_t now_ms,
                      void (*each)(void *context, const struct pool_worker_info *worker), void *context);
/* One of them, O(1); false: there is none with this id. */
bool pool_find_worker(const struct pool *pool, uint64_t id, uint64_t now_ms, struct pool_worker_info *worker);

/* The index (the lower 32 bits) of every worker's id is below this. It grows with RECONFIGURED only, and never shrinks. */
uint32_t pool_worker_slots(const struct pool *pool);
/* What it will be after RECONFIGURED with these limits. */
uint32_t pool_worker_slots_with(const struct pool *pool, const struct pool_limits *limits);
/* All workers are gone and no request is left: after SHUT_DOWN the pool may be destroyed. */
bool pool_is_empty(const struct pool *pool);

#endif
