/* pool_info: making and ending a pool, its deadline, counts, and the check of every invariant. Kept apart from the
 * scheduler so that pool.c is only the scheduling. */
#include "fcgiext/core/pool_steps.h"

#include <stdlib.h>
#include <string.h>

static uint32_t within(uint32_t value, uint32_t min, uint32_t max)
{
    if (value < min)
        return min;
    return value > max ? max : value;
}

uint32_t pool_worker_slots_with(const struct pool *pool, const struct pool_limits *limits)
{
    struct pool_limits good = *limits;
    uint32_t most = limits->max_instances > limits->tuned_max ? limits->max_instances : limits->tuned_max;
    good.max_instances = within(most, 1, POOL_MAX_WORKERS);
    uint32_t slots = good.max_instances + pool_surge(&good); /* a new index is used only when all below are in use */
    return slots > pool->worker_slots ? slots : pool->worker_slots;
}

/* Of a tuned pool: as many as are to be kept may be there. */
static uint32_t tuned_within(uint32_t max_instances, const struct pool_limits *limits)
{
    return within(max_instances, within(limits->min_instances, 1, limits->tuned_max), limits->tuned_max);
}

void pool_set_limits(struct pool *pool, const struct pool_limits *limits)
{
    bool stays_tuned = pool->limits.tuned_max && limits->tuned_max;
    uint32_t max_instances = stays_tuned ? tuned_within(pool->limits.max_instances, limits) : limits->max_instances;
    pool->limits = *limits;
    pool->limits.max_instances = within(max_instances, 1, POOL_MAX_WORKERS);
    pool->limits.queue_length = within(limits->queue_length, 0, POOL_MAX_QUEUE);
    pool->limits.instance_max_requests = within(limits->instance_max_requests, 1, UINT32_MAX);
    pool->workers.max_count = pool->limits.max_instances + pool_surge(&pool->limits);
    pool->worker_slots = pool_worker_slots_with(pool, limits);
    pool->most_serving = pool_serving(pool);
    pool->limits_ms = pool->now_ms;
    if (limits->external) { /* no processes of ours */
        pool->limits.min_instances = 0;
        pool->limits.max_lifetime_ms = pool->limits.max_private_bytes = 0;
        pool->limits.measure = false;
    }
    pool_set_lifetime_timer(pool);
}

void pool_tune(struct pool *pool, uint32_t max_instances)
{
    if (!pool->limits.tuned_max)
        return;
    pool->limits.max_instances = tuned_within(max_instances, &pool->limits);
    pool_set_limits(pool, &pool->limits);
}

struct pool *pool_create(const struct pool_limits *limits, uint64_t now_ms)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->now_ms = now_ms;
    slab_init(&pool->workers, sizeof(struct pool_worker), 0);
    pool_set_limits(pool, limits);
    slab_init(&pool->requests, sizeof(struct pool_request), UINT32_MAX);
    timers_init(&pool->timers, now_ms);
    pool->start_timer.owner = TIMER_OF_START_PAUSE;
    pool->rapid_fail_timer.owner = TIMER_OF_RAPID_FAIL;
    pool->lifetime_timer.owner = TIMER_OF_LIFETIME;
    pool->renewal_timer.owner = TIMER_OF_RENEWAL;
    return pool;
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    slab_deinit(&pool->workers);
    slab_deinit(&pool->requests);
    free(pool);
}

uint64_t pool_next_deadline_ms(const struct pool *pool)
{
    return pool->more ? 0 : timers_next_ms(&pool->timers);
}

void pool_get_counts(const struct pool *pool, struct pool_counts *counts)
{
    counts->state = pool->state;
    if (pool->draining && pool->state != POOL_STATE_CLOSED)
        counts->state = pool->workers.used_count || pool->waiting ? POOL_STATE_DRAINING : POOL_STATE_DRAINED;
    counts->recycle = pool->recycle;
    counts->old_workers = pool->old_workers;
    counts->renewals = pool->renewals;
    counts->learned_requests = pool->learned_requests;
    counts->max_instances = pool->limits.max_instances;
    counts->queue_length = pool->limits.queue_length;
    counts->waiting = pool->waiting;
    counts->workers = pool->workers.used_count;
    memcpy(counts->by_state, pool->by_state, sizeof counts->by_state);
}

const struct pool_totals *pool_get_totals(const struct pool *pool)
{
    return &pool->totals;
}

uint32_t pool_worker_slots(const struct pool *pool)
{
    return pool->worker_slots;
}

bool pool_is_empty(const struct pool *pool)
{
    return pool->workers.used_count == 0 && pool->requests.used_count == 0;
}

const char *pool_retry_cause_name(enum pool_retry_cause cause)
{
    return cause == POOL_RETRY_UNWRITTEN ? "unwritten" : "unanswered";
}

const char *pool_state_name(enum pool_state state)
{
    switch (state) {
    case POOL_STATE_RUNNING: return "running";
    case POOL_STATE_DRAINING: return "draining";
    case POOL_STATE_DRAINED: return "drained";
    case POOL_STATE_RAPID_FAIL: return "rapid_fail";
    case POOL_STATE_CLOSED: break;
    }
    return "closed";
}

const char *pool_recycle_state_name(enum pool_recycle_state state)
{
    switch (state) {
    case POOL_RECYCLE_NONE: return "none";
    case POOL_RECYCLE_RUNNING: return "running";
    case POOL_RECYCLE_FAILED: break;
    }
    return "failed";
}

/* ---- the invariants ---- */

static void abort_on_failure(const char *condition)
{
    (void)condition; /* a debugger shows it */
    abort();
}

void (*pool_check_failed)(const char *condition) = abort_on_failure;

/* Not assert(): the checks are there in every build that calls them. */
#define CHECK(condition)                   \
    do {                                   \
        if (!(condition))                  \
            pool_check_failed(#condition); \
    } while (0)

/* Every wait has an end: a timer of the worker's or its request's own, or a client that is waited for. */
static void check_timers(const struct pool *pool, const struct pool_worker *worker)
{
    bool own_timer = timer_is_set(&worker->timer.entry);
    if (!worker->request) { /* the start of a process ends by itself: with STARTED, START_FAILED or EXITED */
        CHECK(own_timer == (worker->state != WORKER_STARTING || pool->limits.external));
        bool watched = worker->watched || worker->timer.entry.deadline_ms <= worker->since_ms + worker->watch_ms;
        CHECK(watched || worker->state != WORKER_IDLE || worker->timer.entry.deadline_ms <= pool->now_ms);
        return;
    }
    bool request_timer = timer_is_set(&worker->request->timer.entry);
    if (worker->request->state == POOL_REQUEST_LINGERING) {
        CHECK(request_timer && !own_timer);
    } else {
        CHECK(request_timer == !worker->request->client_wait);
        CHECK(own_timer == !worker->request->client_wait);
    }
}

static void check_worker(const struct pool *pool, const struct pool_worker *worker)
{
    bool has_request = worker->request != NULL;
    CHECK(has_request == (worker->state == WORKER_BUSY || worker->state == WORKER_RETIRING));
    CHECK(worker->state != WORKER_GONE);
    if (has_request) {
        CHECK(worker->request->worker == worker);
        CHECK(worker->request->state != POOL_REQUEST_WAITING);
        CHECK((worker->request->state == POOL_REQUEST_LINGERING) == (worker->state == WORKER_RETIRING));
    }
    CHECK(!worker->exited || worker->state == WORKER_BUSY); /* kept only for what it wrote */
    CHECK(!worker->killed || worker->state == WORKER_STOPPING);
    CHECK(!worker->dismissed || (worker->state != WORKER_IDLE && worker->state != WORKER_CONNECTING));
    bool runs = worker->state != WORKER_STARTING && worker->state != WORKER_STOPPING;
    CHECK(!worker->ages || runs);
    CHECK(!worker->worn || (runs && !worker->ages && pool_is_old(pool, worker)));
    CHECK(worker->started_ms <= worker->since_ms && worker->since_ms <= pool->now_ms);
    check_timers(pool, worker);
}

/* The oldest of them is the next whose time is over. */
static void check_ages(const struct pool *pool, uint32_t expected)
{
    uint32_t count = 0;
    const struct pool_worker *older = NULL;
    for (const struct pool_worker *worker = pool->oldest; worker; worker = worker->younger) {
        CHECK(worker->ages && worker->older == older);
        CHECK(!older || older->born_ms <= worker->born_ms);
        older = worker;
        count++;
    }
    CHECK(pool->youngest == older);
    CHECK(count == expected);
    CHECK(timer_is_set(&pool->lifetime_timer.entry) == (pool->oldest && pool->limits.max_lifetime_ms));
}

static void check_workers(const struct pool *pool)
{
    uint32_t by_state[WORKER_STATE_COUNT] = {0};
    uint32_t with_request = 0, old_workers = 0, unproven = 0, worn = 0, renewals = 0, doubtful = 0, age = 0;
    for (uint32_t i = 0; i < slab_index_end(&pool->workers); i++) {
        const struct pool_worker *worker = slab_at(&pool->workers, i);
        if (!worker)
            continue;
        check_worker(pool, worker);
        by_state[worker->state]++;
        bool leaving = worker->state == WORKER_STOPPING;
        old_workers += !leaving && pool_is_old(pool, worker);
        unproven += !leaving && !pool_is_old(pool, worker) && worker->replacement && !worker->ready;
        with_request += worker->request != NULL;
        worn += worker->worn;
        renewals += pool_is_renewal(pool, worker);
        age += worker->ages;
        doubtful += leaving && worker->left && !worker->has_answered;
    }
    CHECK(memcmp(by_state, pool->by_state, sizeof by_state) == 0);
    uint32_t serving = pool->workers.used_count - by_state[WORKER_STOPPING];
    CHECK(serving <= pool_max_serving(pool) || serving <= pool->most_serving);
    CHECK(old_workers == pool->old_workers);
    CHECK(unproven == pool->unproven);
    CHECK(pool->credit <= pool->old_workers);
    CHECK(worn == pool->worn);
    CHECK(renewals == pool->renewals);
    CHECK(doubtful == pool->doubtful);
    check_ages(pool, age);
    CHECK(pool->running == with_request);
    uint32_t idle = 0;
    bool old_before = false;
    const struct pool_worker *prev_idle = NULL;
    for (const struct pool_worker *worker = pool->idle_head; worker; worker = worker->next_idle) {
        CHECK(worker->state == WORKER_IDLE);
        CHECK(worker->prev_idle == prev_idle);
        CHECK(!old_before || pool_is_old(pool, worker)); /* they are used last, and found at the tail */
        old_before = pool_is_old(pool, worker);
        prev_idle = worker;
        idle++;
    }
    CHECK(pool->idle_tail == prev_idle);
    CHECK(idle == by_state[WORKER_IDLE]);
}

static void check_running(const struct pool *pool)
{
    uint32_t running = 0;
    uint64_t since_sum_ms = 0;
    const struct pool_request *prev = NULL;
    for (const struct pool_request *request = pool->run_oldest; request; request = request->next) {
        CHECK(request->worker && request->worker->request == request);
        CHECK(request->prev == prev);
        CHECK(!prev || prev->assigned_ms <= request->assigned_ms);
        since_sum_ms += request->assigned_ms;
        prev = request;
        running++;
    }
    CHECK(pool->run_newest == prev);
    CHECK(pool->running == running && pool->run_since_sum_ms == since_sum_ms);
    CHECK(pool->requests.used_count == pool->waiting + running);
}

static void check_queue(const struct pool *pool)
{
    uint32_t waiting = 0;
    uint64_t since_sum_ms = 0;
    const struct pool_request *prev = NULL;
    for (const struct pool_request *request = pool->queue_head; request; request = request->next) {
        CHECK(request->state == POOL_REQUEST_WAITING);
        CHECK(request->prev == prev);
        CHECK(request->worker == NULL);
        CHECK(timer_is_set(&request->timer.entry));
        uint64_t left_ms = pool_queue_time_left(pool, request);
        uint64_t end_ms = left_ms == UINT64_MAX ? left_ms : pool->now_ms + left_ms;
        bool timely = request->timer.entry.deadline_ms <= end_ms; /* or it was set under other limits */
        CHECK(timely || request->timer.entry.deadline_ms <= pool->limits_ms + POOL_PROBE_MS);
        since_sum_ms += request->since_ms;
        prev = request;
        waiting++;
    }
    CHECK(pool->queue_tail == prev);
    CHECK(pool->waiting == waiting && pool->wait_since_sum_ms == since_sum_ms);
}

/* Nothing waits for an event that nobody will send. */
static void check_progress(const struct pool *pool)
{
    if (pool->more || !pool->queue_head)
        return;
    CHECK(pool->state == POOL_STATE_RUNNING);
    CHECK(pool->idle_head == NULL);
    bool enough_starting = pool->by_state[WORKER_STARTING] >= pool->waiting || pool_startable(pool) == 0;
    CHECK(enough_starting || timer_is_set(&pool->start_timer.entry));
}

/* A recycle has a worker to retire or to wait for: a replacement that is on its way, or one that ends and makes room. */
static void check_recycle(const struct pool *pool)
{
    if (pool->more || pool->recycle != POOL_RECYCLE_RUNNING || pool->state != POOL_STATE_RUNNING)
        return;
    CHECK(pool->credit || pool->unproven || pool->by_state[WORKER_STOPPING] || timer_is_set(&pool->start_timer.entry));
}

/* What is to be kept is there, or nothing may be started now; what is worn is being replaced, or will be. */
static void check_kept(const struct pool *pool)
{
    if (pool->more || !pool->begun)
        return;
    CHECK(!pool_lacks_spares(pool) || timer_is_set(&pool->start_timer.entry));
    bool paused = pool->state != POOL_STATE_RUNNING || pool->draining || timer_is_set(&pool->renewal_timer.entry);
    CHECK(!pool->worn || pool->recycle == POOL_RECYCLE_RUNNING || paused);
}

void pool_check(const struct pool *pool)
{
    check_workers(pool);
    check_queue(pool);
    check_running(pool);
    check_progress(pool);
    check_recycle(pool);
    check_kept(pool);
    CHECK(pool->out == NULL);
    CHECK((pool->state == POOL_STATE_RAPID_FAIL) <= timer_is_set(&pool->rapid_fail_timer.entry));
    /* each request that came ends once: it is over, or it is here */
    uint64_t ended = pool->totals.answered;
    for (int cause = 0; cause < ERROR_CAUSE_COUNT; cause++)
        ended += pool->totals.failed[cause];
    CHECK(pool->totals.arrived == ended + pool->requests.used_count);
}
