/* limits: the world's rules about what is kept, what waits too long, and what is too old or too large. */
#include "sim.h"

enum {
    TICKS_MS = 2 * TIMERS_TICK_MS,
    CALM_MS = 600000,
    RENEWAL_MS = 60000, /* for the renewal of a whole pool, a quarter at a time */
};

struct pool_limits sim_random_limits(struct sim *sim)
{
    return (struct pool_limits){
        .max_instances = 1 + (uint32_t)draw(sim, 12),
        .tuned_max = sim->seed % 2 * 12, /* not 0: the operator tells max_instances, too */
        .queue_length = (uint32_t)draw(sim, 60),
        .instance_max_requests = 1 + (uint32_t)draw(sim, 30),
        .idle_timeout_ms = 1000 + draw(sim, 60000),
        .activity_timeout_ms = 10000 + draw(sim, 20000),
        .request_timeout_ms = 20000 + draw(sim, 60000),
        .startup_timeout_ms = chance(sim, 50) ? draw(sim, 20000) : 0,
        .signal_ms = chance(sim, 50) ? draw(sim, 5000) : 0,
        .watch_ms = sim->seed % 3 * 100,
        .rapid_fails_per_minute = (uint32_t)draw(sim, chance(sim, 20) ? 10 : 1000),
        .queue_timeout_ms = chance(sim, 40) ? 500 + draw(sim, 20000) : 0,
        .min_instances = chance(sim, 60) ? (uint32_t)draw(sim, 14) : 0,
        .max_lifetime_ms = chance(sim, 40) ? 30000 + draw(sim, 120000) : 0,
        .max_private_bytes = chance(sim, 40) ? 1000 : 0,
    };
}

/* The limit of a tuned pool is never below what is to be kept, as far as that may be. */
static void tune(struct pool_limits *limits, uint32_t max_instances)
{
    uint32_t min = limits->min_instances < limits->tuned_max ? limits->min_instances : limits->tuned_max;
    limits->max_instances = max_instances > min ? max_instances : min;
}

void sim_draw_limits(struct sim *sim)
{
    sim->next_limits = sim_random_limits(sim);
    if (sim->limits.tuned_max) {
        tune(&sim->limits, sim->next_limits.max_instances);
        tune(&sim->next_limits, sim->limits.max_instances);
    }
}

static struct sim_worker *find_worker(struct sim *sim, uint64_t id)
{
    for (unsigned i = 0; id && i < SIM_MAX_WORKERS; i++)
        if (sim->workers[i].used && !sim->workers[i].gone && sim->workers[i].id == id)
            return &sim->workers[i];
    return NULL;
}

/* ---- starts */

void limits_before(struct sim *sim, const struct pool_event *event)
{
    struct pool_counts counts;
    struct pool_worker_info info;
    pool_get_counts(sim->pool, &counts);
    sim->starting = counts.by_state[WORKER_STARTING];
    bool known = event->worker && pool_find_worker(sim->pool, event->worker, sim->now_ms, &info);
    bool exits_at_start = event->kind == POOL_EVENT_EXITED && known && info.state == WORKER_STARTING; /* with any code */
    if (event->kind == POOL_EVENT_START_FAILED || exits_at_start)
        sim->pause_end_ms = sim->now_ms + POOL_START_PAUSE_MS;
    if (event->kind == POOL_EVENT_RECYCLE || event->kind == POOL_EVENT_RESUME)
        sim->pause_end_ms = 0;
}

/* A program that cannot run is not tried all the time, whoever wants it. */
void limits_at_start(const struct sim *sim)
{
    REQUIRE(sim, !sim->closed && sim->now_ms >= sim->pause_end_ms);
}

/* Nobody asks for spares: a few at a time will do. */
static void after_starts(const struct sim *sim)
{
    struct pool_counts counts;
    pool_get_counts(sim->pool, &counts);
    uint32_t starting = counts.by_state[WORKER_STARTING];
    bool asked_for = starting <= sim->starting || starting <= counts.waiting || counts.recycle == POOL_RECYCLE_RUNNING;
    REQUIRE(sim, asked_for || starting <= POOL_SPARE_STARTS);
}

/* ---- assignments */

static void count_fresh_idle(void *context, const struct pool_worker_info *info)
{
    struct sim *sim = context;
    sim->seen_fresh_idle += info->state == WORKER_IDLE && !info->to_go;
}

/* What is to be replaced is used only while there is nothing else. */
void limits_at_assign(struct sim *sim, const struct sim_worker *worker)
{
    struct pool_worker_info info;
    sim->seen_fresh_idle = 0;
    if (pool_find_worker(sim->pool, worker->id, sim->now_ms, &info) && info.to_go)
        pool_each_worker(sim->pool, sim->now_ms, count_fresh_idle, sim);
    REQUIRE(sim, sim->seen_fresh_idle == 0);
}

void limits_at_failure(struct sim *sim, const struct sim_request *request, enum error_cause cause)
{
    uint64_t timeout_ms = sim->limits.queue_timeout_ms;
    if (cause == ERROR_CAUSE_QUEUE_TIMEOUT)
        REQUIRE(sim, timeout_ms && sim->now_ms - request->arrived_ms >= timeout_ms);
    REQUIRE(sim, cause != ERROR_CAUSE_RECYCLED || sim->cuts_off); /* nothing else takes a request off its worker */
}

/* ---- memory */

void limits_at_measure(struct sim *sim, struct sim_worker *worker)
{
    REQUIRE(sim, sim->limits.max_private_bytes && !worker->retiring && !worker->measuring);
    REQUIRE(sim, !worker->measured_ms || sim->now_ms - worker->measured_ms >= POOL_MEASURE_MS);
    worker->measuring = true;
    worker->measured_ms = sim->now_ms;
}

/* Does the pool go on with it, as with any other? */
static bool is_in_use(const struct sim *sim, const struct sim_worker *worker)
{
    struct pool_worker_info info;
    if (!worker || worker->retiring || !worker->runs || !pool_find_worker(sim->pool, worker->id, sim->now_ms, &info))
        return false;
    bool serves = info.state == WORKER_IDLE || info.state == WORKER_BUSY || info.state == WORKER_CONNECTING;
    return serves && !info.to_go;
}

static void after_answer(struct sim *sim, const struct sim_worker *worker)
{
    bool just_measured = worker->measuring || sim->now_ms - worker->measured_ms < POOL_MEASURE_MS;
    REQUIRE(sim, just_measured || !sim->limits.max_private_bytes);
}

static void after_measure(struct sim *sim, struct sim_worker *worker, uint64_t bytes)
{
    bool large = sim->limits.max_private_bytes && bytes >= sim->limits.max_private_bytes;
    if (worker)
        worker->measuring = false;
    REQUIRE(sim, !large || !is_in_use(sim, worker));
}

/* ---- time */

static void look_at_waiting(void *context, const struct pool_request_info *info)
{
    struct sim *sim = context;
    uint64_t limit_ms = sim->limits.queue_timeout_ms + TICKS_MS;
    bool seen = sim->now_ms > sim->limits_ms + POOL_PROBE_MS + TICKS_MS; /* by all that waited under other limits */
    REQUIRE(sim, info->state != POOL_REQUEST_WAITING || info->state_ms <= limit_ms || !seen);
}

/* All that was due has been done. */
static void after_deadline(struct sim *sim)
{
    if (sim->limits.queue_timeout_ms)
        pool_each_request(sim->pool, sim->now_ms, look_at_waiting, sim);
    for (unsigned i = 0; sim->limits.max_lifetime_ms && i < SIM_MAX_WORKERS; i++) {
        const struct sim_worker *worker = &sim->workers[i];
        bool counts = worker->used && !worker->gone && worker->runs_since_ms;
        bool old = counts && sim->now_ms - worker->runs_since_ms > sim->limits.max_lifetime_ms + TICKS_MS;
        REQUIRE(sim, !old || !is_in_use(sim, worker));
    }
}

void limits_after(struct sim *sim, const struct pool_event *event)
{
    struct sim_worker *worker = find_worker(sim, event->worker);
    bool all_done = pool_next_deadline_ms(sim->pool) > sim->now_ms;
    after_starts(sim);
    if (all_done)
        sim->cuts_off = false;
    if (event->kind == POOL_EVENT_RECONFIGURED)
        sim->limits_ms = sim->now_ms;
    if (event->kind == POOL_EVENT_STARTED && worker && !worker->runs_since_ms)
        worker->runs_since_ms = sim->now_ms;
    if (event->kind == POOL_EVENT_MEASURED)
        after_measure(sim, worker, event->bytes);
    if (event->kind == POOL_EVENT_FINISHED && event->outcome <= POOL_OUTCOME_DONE_CLOSED && is_in_use(sim, worker))
        after_answer(sim, worker);
    if (event->kind == POOL_EVENT_DEADLINE && all_done)
        after_deadline(sim);
}

/* ---- calm */

static bool has_its_spares(const struct sim *sim)
{
    struct pool_counts counts;
    uint32_t min = sim->limits.min_instances, max = sim->limits.max_instances;
    pool_get_counts(sim->pool, &counts);
    return counts.by_state[WORKER_IDLE] >= (min < max ? min : max);
}

static bool none_is_overdue(const struct sim *sim)
{
    uint64_t limit_ms = sim->limits.max_lifetime_ms;
    for (unsigned i = 0; limit_ms && i < SIM_MAX_WORKERS; i++) {
        const struct sim_worker *worker = &sim->workers[i];
        if (worker->used && !worker->gone && worker->runs_since_ms &&
            sim->now_ms - worker->runs_since_ms > limit_ms + RENEWAL_MS)
            return false;
    }
    return true;
}

static bool is_calm(const struct sim *sim)
{
    struct pool_counts counts;
    pool_get_counts(sim->pool, &counts);
    for (unsigned i = 0; i < SIM_MAX_WORKERS; i++)
        if (sim->workers[i].used && (sim->workers[i].mail_count || !sim->workers[i].connected))
            return false;
    return sim->open_count == 0 && sim->event_count == 0 && counts.state == POOL_STATE_RUNNING &&
           counts.recycle != POOL_RECYCLE_RUNNING && has_its_spares(sim) && none_is_overdue(sim);
}

static bool minutes_have_passed(const struct sim *sim)
{
    bool nothing_is_due = pool_next_deadline_ms(sim->pool) == UINT64_MAX;
    return (nothing_is_due || sim->now_ms >= sim->calm_since_ms + CALM_MS) && is_calm(sim);
}

/* Nobody asks for anything: the spares are there and stay, and what becomes too old goes in time. */
void limits_in_calm(struct sim *sim)
{
    unsigned mix = sim->mix;
    sim->mix = 1u << BEHAVE_WELL;
    sim_settle(sim, is_calm);
    struct pool_counts counts;
    pool_get_counts(sim->pool, &counts);
    bool renews = sim->limits.max_lifetime_ms || counts.recycle == POOL_RECYCLE_FAILED;
    uint64_t started = sim->totals.started;
    sim->calm_since_ms = sim->now_ms;
    sim_settle(sim, minutes_have_passed);
    REQUIRE(sim, renews || sim->totals.started == started);
    sim->mix = mix;
}
