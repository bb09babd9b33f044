/* pool_steps: see pool_steps.h. Waiting requests stand in one list, first in first out; idle workers in another, last in
 * first out (warm caches, and the idle timers of the rest shrink the pool). Each worker and each request has one timer,
 * whose meaning follows from its owner's state. A request is in exactly one place: in the list, or on one worker. */
#include "fcgiext/core/pool_steps.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An event's own actions, before the sweep looks at the room that is left. */
enum { EVENT_MAX_ACTIONS = 8 };

bool pool_has_room(const struct pool *pool)
{
    return pool->out->count + EVENT_MAX_ACTIONS <= POOL_MAX_ACTIONS;
}

struct pool_action *pool_emit(struct pool *pool, enum pool_action_kind kind, const struct pool_worker *worker)
{
    if (pool->out->count >= POOL_MAX_ACTIONS) /* memory safety: not only in debug builds */
        abort();
    struct pool_action *action = &pool->out->items[pool->out->count++];
    memset(action, 0, sizeof *action);
    action->kind = kind;
    action->worker = worker ? slab_id(worker) : 0;
    return action;
}

static void emit_failure(struct pool *pool, enum pool_action_kind kind, const struct pool_worker *worker, uint64_t tag,
                         struct pool_failure verdict)
{
    struct pool_action *action = pool_emit(pool, kind, worker);
    action->tag = tag;
    action->cause = verdict.cause;
    action->has_code = verdict.has_code;
    action->code = verdict.code;
    if (verdict.cause == ERROR_CAUSE_RAPID_FAIL) {
        uint64_t end_ms = pool->rapid_fail_timer.entry.deadline_ms;
        action->retry_after_s = end_ms > pool->now_ms ? (uint32_t)((end_ms - pool->now_ms + 999) / 1000) : 1;
        action->first_cause = pool->first_failure.cause;
        action->has_code = pool->first_failure.has_code;
        action->code = pool->first_failure.code;
    }
    pool->totals.failed[verdict.cause]++;
}

void pool_set_timer(struct pool *pool, struct pool_timer *timer, uint64_t delay_ms)
{
    timers_set(&pool->timers, &timer->entry, pool->now_ms + delay_ms);
}

/* ---- lists ---- */

uint64_t pool_queue_time_left(const struct pool *pool, const struct pool_request *request)
{
    uint64_t timeout_ms = pool->limits.queue_timeout_ms;
    uint64_t waited_ms = request->waited_ms + (pool->now_ms - request->since_ms);
    if (timeout_ms == 0)
        return UINT64_MAX;
    return waited_ms < timeout_ms ? timeout_ms - waited_ms : 0;
}

/* A timer each, not one for the head: a second try stands at the head and may have more time left than those behind it. */
void pool_set_waiting_timer(struct pool *pool, struct pool_request *request)
{
    uint64_t left_ms = pool_queue_time_left(pool, request);
    pool_set_timer(pool, &request->timer, left_ms < POOL_PROBE_MS ? left_ms : POOL_PROBE_MS);
}

void pool_enqueue(struct pool *pool, struct pool_request *request)
{
    request->state = POOL_REQUEST_WAITING;
    request->arrived_ms = request->since_ms = pool->now_ms;
    request->next = NULL;
    request->prev = pool->queue_tail;
    *(pool->queue_tail ? &pool->queue_tail->next : &pool->queue_head) = request;
    pool->queue_tail = request;
    pool->waiting++;
    pool->wait_since_sum_ms += request->since_ms;
    pool_set_waiting_timer(pool, request);
}

static void queue_push_front(struct pool *pool, struct pool_request *request)
{
    request->state = POOL_REQUEST_WAITING;
    request->since_ms = pool->now_ms;
    request->prev = NULL;
    request->next = pool->queue_head;
    *(pool->queue_head ? &pool->queue_head->prev : &pool->queue_tail) = request;
    pool->queue_head = request;
    pool->waiting++;
    pool->wait_since_sum_ms += request->since_ms;
    pool_set_waiting_timer(pool, request);
}

static void queue_remove(struct pool *pool, struct pool_request *request)
{
    *(request->prev ? &request->prev->next : &pool->queue_head) = request->next;
    *(request->next ? &request->next->prev : &pool->queue_tail) = request->prev;
    request->next = request->prev = NULL;
    pool->waiting--;
    pool->wait_since_sum_ms -= request->since_ms;
    pool->totals.waited_ms += pool->now_ms - request->since_ms;
}

static void begin_run(struct pool *pool, struct pool_request *request, struct pool_worker *worker)
{
    worker->request = request;
    request->worker = worker;
    request->assigned_ms = pool->now_ms;
    request->prev = pool->run_newest;
    *(pool->run_newest ? &pool->run_newest->next : &pool->run_oldest) = request;
    pool->run_newest = request;
    pool->running++;
    pool->run_since_sum_ms += request->assigned_ms;
}

static void end_run(struct pool *pool, struct pool_request *request)
{
    request->worker->request = NULL;
    request->worker = NULL;
    *(request->prev ? &request->prev->next : &pool->run_oldest) = request->next;
    *(request->next ? &request->next->prev : &pool->run_newest) = request->prev;
    request->next = request->prev = NULL;
    pool->running--;
    pool->run_since_sum_ms -= request->assigned_ms;
    pool->totals.ran_ms += pool->now_ms - request->assigned_ms;
}

/* Old ones at the end: they are used last, and replaced first. */
static void idle_push(struct pool *pool, struct pool_worker *worker)
{
    bool old = pool_is_old(pool, worker);
    worker->prev_idle = old ? pool->idle_tail : NULL;
    worker->next_idle = old ? NULL : pool->idle_head;
    *(worker->prev_idle ? &worker->prev_idle->next_idle : &pool->idle_head) = worker;
    *(worker->next_idle ? &worker->next_idle->prev_idle : &pool->idle_tail) = worker;
}

static void idle_remove(struct pool *pool, struct pool_worker *worker)
{
    *(worker->prev_idle ? &worker->prev_idle->next_idle : &pool->idle_head) = worker->next_idle;
    *(worker->next_idle ? &worker->next_idle->prev_idle : &pool->idle_tail) = worker->prev_idle;
    worker->next_idle = worker->prev_idle = NULL;
}

void pool_make_old(struct pool *pool, struct pool_worker *worker)
{
    bool idle = worker->state == WORKER_IDLE;
    if (idle)
        idle_remove(pool, worker);
    worker->generation = pool->generation - 1;
    pool->old_workers++;
    if (idle)
        idle_push(pool, worker);
}

/* ---- requests ---- */

static void drop_request(struct pool *pool, struct pool_request *request)
{
    if (request->worker)
        end_run(pool, request);
    timers_cancel(&pool->timers, &request->timer.entry);
    slab_free(&pool->requests, request);
}

void pool_reject_arrival(struct pool *pool, uint64_t tag, enum error_cause cause)
{
    emit_failure(pool, POOL_ACTION_REJECT, NULL, tag, (struct pool_failure){cause, false, 0});
}

void pool_reject(struct pool *pool, struct pool_request *request, struct pool_failure verdict)
{
    if (request->state == POOL_REQUEST_WAITING)
        queue_remove(pool, request);
    emit_failure(pool, POOL_ACTION_REJECT, NULL, request->tag, verdict);
    drop_request(pool, request);
}

void pool_abort_request(struct pool *pool, struct pool_request *request, struct pool_failure verdict)
{
    emit_failure(pool, POOL_ACTION_ABORT, request->worker, request->tag, verdict);
    drop_request(pool, request);
}

void pool_forget_request(struct pool *pool, struct pool_request *request)
{
    pool_emit(pool, POOL_ACTION_FORGET, NULL)->tag = request->tag;
    pool->totals.answered++;
    drop_request(pool, request);
}

void pool_cut_off(struct pool *pool, struct pool_worker *worker, enum error_cause cause)
{
    struct pool_failure verdict = {cause, false, 0};
    if (worker->request && worker->request->state == POOL_REQUEST_RUNNING)
        pool_abort_request(pool, worker->request, verdict);
    else if (worker->request)
        pool_reject(pool, worker->request, verdict);
}

void pool_retry(struct pool *pool, struct pool_request *request, enum pool_retry_cause cause)
{
    end_run(pool, request);
    pool->totals.retried[cause]++;
    timers_cancel(&pool->timers, &request->timer.entry);
    queue_push_front(pool, request);
}

/* ---- failures ---- */

bool pool_is_exception(uint32_t exit_code)
{
    return exit_code >= 0xC0000000u;
}

struct pool_failure pool_exit_verdict(const struct pool *pool, const struct pool_worker *worker)
{
    if (!worker->exited || pool->limits.external)
        return (struct pool_failure){ERROR_CAUSE_CONNECTION_CLOSED, false, 0};
    enum error_cause cause = pool_is_exception(worker->exit_code) ? ERROR_CAUSE_WORKER_CRASHED : ERROR_CAUSE_WORKER_EXITED;
    if (!worker->has_answered && error_load_failure_text(worker->exit_code))
        cause = ERROR_CAUSE_LOAD_FAILED;
    return (struct pool_failure){cause, true, worker->exit_code};
}

/* Counts a failed start or an unexpected exit. Above the limit of a minute everything is refused for a minute. */
static void note_failure(struct pool *pool, struct pool_failure verdict)
{
    if (pool->state == POOL_STATE_RAPID_FAIL)
        return; /* its first cause stays; when it ends, the minute of the count is over, too */
    if (pool->failures == 0 || pool->now_ms - pool->failures_since_ms >= POOL_RAPID_FAIL_MS) {
        pool->failures = 0;
        pool->failures_since_ms = pool->now_ms;
        pool->first_failure = verdict;
    }
    pool->failures++;
    if (pool->state == POOL_STATE_RUNNING && pool->failures > pool->limits.rapid_fails_per_minute) {
        pool->state = POOL_STATE_RAPID_FAIL;
        pool->totals.rapid_fails++;
        pool_set_timer(pool, &pool->rapid_fail_timer, POOL_RAPID_FAIL_MS);
    }
}

void pool_note_failed_start(struct pool *pool, struct pool_failure verdict)
{
    uint64_t pause_ms = POOL_START_PAUSE_MS;
    for (uint32_t i = 0; i < pool->failed_starts && pause_ms < POOL_START_PAUSE_MAX_MS; i++)
        pause_ms *= 2;
    if (pause_ms > POOL_START_PAUSE_MAX_MS)
        pause_ms = POOL_START_PAUSE_MAX_MS;
    pool->failed_starts++;
    pool->all_failed_starts++;
    pool->last_failed_start = verdict;
    pool_set_timer(pool, &pool->start_timer, pause_ms);
    note_failure(pool, verdict);
}

void pool_note_loss(struct pool *pool, struct pool_worker *worker)
{
    struct pool_failure verdict = pool_exit_verdict(pool, worker);
    worker->unexpected = worker->exited;
    if (worker->exited && !worker->has_answered)
        pool_note_failed_start(pool, verdict);
    else
        note_failure(pool, verdict);
}

void pool_note_exit(struct pool *pool, struct pool_worker *worker)
{
    /* A spare that nobody has needed may end for that: some programs do after a while. */
    uint64_t life_ms = worker->born_ms ? pool->now_ms - worker->born_ms : 0;
    bool unused = worker->exited && worker->exit_code == 0 && life_ms >= POOL_RAPID_FAIL_MS;
    if ((!worker->has_answered && !unused) || pool_is_exception(worker->exit_code))
        pool_note_loss(pool, worker);
}

/* ---- workers ---- */

void pool_move_worker(struct pool *pool, struct pool_worker *worker, enum worker_state state)
{
    assert(worker_may_move(worker->state, state));
    if (worker->state == WORKER_IDLE)
        idle_remove(pool, worker);
    if (worker->state != WORKER_STOPPING && (state == WORKER_STOPPING || state == WORKER_GONE))
        pool_note_leaving(pool, worker);
    pool->by_state[worker->state]--;
    pool->by_state[state]++;
    worker->state = state;
    worker->since_ms = pool->now_ms;
    if (state == WORKER_IDLE)
        idle_push(pool, worker);
    timers_cancel(&pool->timers, &worker->timer.entry);
}

static enum worker_exit exit_reason(const struct pool_worker *worker)
{
    if (worker->unexpected)
        return pool_is_exception(worker->exit_code) ? WORKER_EXIT_CRASHED : WORKER_EXIT_EXITED;
    return worker->state == WORKER_STOPPING ? worker->reason : WORKER_EXIT_ENDED;
}

void pool_worker_gone(struct pool *pool, struct pool_worker *worker)
{
    assert(!worker->request);
    pool->doubtful -= worker->left && !worker->has_answered;
    if (worker->exited)
        pool->totals.exits[exit_reason(worker)]++;
    pool_move_worker(pool, worker, WORKER_GONE);
    pool->by_state[WORKER_GONE]--;
    struct pool_action *action = pool_emit(pool, POOL_ACTION_RELEASE, worker);
    action->answered = worker->answered;
    action->has_code = worker->exited;
    action->code = worker->exit_code;
    action->cause = worker->unexpected ? pool_exit_verdict(pool, worker).cause : ERROR_CAUSE_NONE;
    slab_free(&pool->workers, worker);
}

void pool_kill_worker(struct pool *pool, struct pool_worker *worker)
{
    worker->killed = true;
    pool_emit(pool, POOL_ACTION_KILL, worker);
    pool_set_timer(pool, &worker->timer, POOL_KILL_WAIT_MS);
    /* it closed its connection and hangs: its exit will not tell that this was a failed start */
    if (worker->left && !worker->has_answered && !worker->dismissed)
        pool_note_failed_start(pool, pool_exit_verdict(pool, worker));
}

void pool_stop_worker(struct pool *pool, struct pool_worker *worker, enum worker_exit reason)
{
    bool by_itself = reason == WORKER_EXIT_ENDED;
    if (worker->exited) {
        pool_note_exit(pool, worker);
        pool_worker_gone(pool, worker);
        return;
    }
    worker->reason = reason;
    worker->left = by_itself;
    pool->doubtful += by_itself && !worker->has_answered;
    pool_move_worker(pool, worker, WORKER_STOPPING);
    if (pool->limits.signal_ms)
        pool_emit(pool, POOL_ACTION_SIGNAL, worker);
    pool_emit(pool, POOL_ACTION_CLOSE, worker);
    if (pool->limits.signal_ms)
        pool_set_timer(pool, &worker->timer, pool->limits.signal_ms);
    else if (by_itself)
        pool_set_timer(pool, &worker->timer, POOL_EXIT_WAIT_MS);
    else
        pool_kill_worker(pool, worker);
}

void pool_set_activity_timer(struct pool *pool, struct pool_worker *worker)
{
    uint64_t timeout_ms = pool->limits.activity_timeout_ms;
    if (!worker->has_answered)
        timeout_ms = pool->limits.startup_timeout_ms ? pool->limits.startup_timeout_ms : 2 * timeout_ms;
    pool_set_timer(pool, &worker->timer, timeout_ms);
}

/* The program's. 0: none is known. */
static uint32_t own_request_limit(const struct pool *pool)
{
    uint32_t learned = pool->learned_requests, told = pool->limits.own_requests;
    return learned && (!told || learned < told) ? learned : told;
}

void pool_assign(struct pool *pool, struct pool_worker *worker, struct pool_request *request)
{
    queue_remove(pool, request);
    pool_move_worker(pool, worker, WORKER_BUSY);
    begin_run(pool, request, worker);
    worker->served++;
    request->waited_ms += pool->now_ms - request->since_ms;
    request->state = POOL_REQUEST_RUNNING;
    request->since_ms = pool->now_ms;
    request->client_wait = false;
    struct pool_action *action = pool_emit(pool, POOL_ACTION_ASSIGN, worker);
    action->request = slab_id(request);
    action->tag = request->tag;
    action->last = pool_is_through(pool, worker);
    pool_set_activity_timer(pool, worker);
    pool_set_timer(pool, &request->timer, pool->limits.request_timeout_ms);
}

void pool_worker_free(struct pool *pool, struct pool_worker *worker)
{
    if (pool->state == POOL_STATE_CLOSED || pool_serving(pool) > pool_max_serving(pool)) {
        pool_stop_worker(pool, worker, pool->state == POOL_STATE_CLOSED ? WORKER_EXIT_SHUT_DOWN : WORKER_EXIT_SURPLUS);
        return;
    }
    pool_move_worker(pool, worker, WORKER_IDLE);
    worker->watched = false;
    pool_idle_step(pool, worker);
}

/* What is due for an idle worker, and its timer for what comes next. */
void pool_idle_step(struct pool *pool, struct pool_worker *worker)
{
    uint64_t idle_ms = pool->now_ms - worker->since_ms;
    uint64_t next_ms = pool->limits.idle_timeout_ms ? pool->limits.idle_timeout_ms : 1; /* 0: later, but not in this call */
    if (idle_ms >= next_ms) {
        pool_mark_ready(pool, worker); /* its time is up before it could prove anything: that is no failure */
        if (pool_serving(pool) > pool_min_serving(pool)) {
            pool_stop_worker(pool, worker, WORKER_EXIT_IDLE);
            return;
        }
        next_ms = idle_ms + (next_ms > POOL_KEPT_MS ? next_ms : POOL_KEPT_MS); /* looked at again then */
    }
    if (!worker->watched && idle_ms >= worker->watch_ms) {
        worker->watched = true;
        pool_emit(pool, POOL_ACTION_WATCH, worker);
    }
    if (idle_ms >= POOL_READY_MS)
        pool_mark_ready(pool, worker); /* it lives */
    if (!worker->watched && worker->watch_ms < next_ms)
        next_ms = worker->watch_ms;
    if (worker->replacement && !worker->ready && POOL_READY_MS < next_ms)
        next_ms = POOL_READY_MS;
    pool_set_timer(pool, &worker->timer, next_ms - idle_ms);
}

uint32_t pool_surge(const struct pool_limits *limits)
{
    uint32_t quarter = limits->max_instances / 4;
    return quarter ? quarter : 1;
}

uint32_t pool_startable(const struct pool *pool)
{
    uint32_t max = pool->limits.max_instances;
    uint32_t all = pool->workers.used_count;
    uint32_t serving = pool_serving(pool);
    uint32_t max_all = max + pool_surge(&pool->limits);
    if (serving >= max || all >= max_all)
        return 0;
    return max - serving < max_all - all ? max - serving : max_all - all;
}

uint32_t pool_serving(const struct pool *pool)
{
    return pool->workers.used_count - pool->by_state[WORKER_STOPPING];
}

uint32_t pool_max_serving(const struct pool *pool)
{
    uint32_t max = pool->limits.max_instances;
    return pool->recycle == POOL_RECYCLE_RUNNING ? max + pool_surge(&pool->limits) : max;
}

bool pool_start_worker(struct pool *pool)
{
    struct pool_worker *worker = slab_alloc(&pool->workers);
    if (!worker) { /* out of memory */
        pool_set_timer(pool, &pool->start_timer, POOL_START_PAUSE_MS);
        return false;
    }
    worker->timer.owner = TIMER_OF_WORKER;
    worker->timer.object = worker;
    worker->state = WORKER_STARTING;
    worker->generation = pool->generation;
    worker->watch_ms = pool->limits.watch_ms;
    worker->started_ms = worker->since_ms = pool->now_ms;
    worker->replacement = pool->recycle == POOL_RECYCLE_RUNNING;
    pool->unproven += worker->replacement;
    pool->by_state[WORKER_STARTING]++;
    pool->totals.started++;
    pool_emit(pool, POOL_ACTION_START, worker);
    if (pool->limits.external)
        pool_set_timer(pool, &worker->timer, POOL_CONNECT_MS);
    return true;
}

void pool_start_while(struct pool *pool, bool (*wanted)(const struct pool *pool))
{
    while (pool->state == POOL_STATE_RUNNING && !timer_is_set(&pool->start_timer.entry) && wanted(pool)) {
        if (!pool_has_room(pool)) {
            pool->more = true;
            return;
        }
        if (!pool_start_worker(pool))
            return;
    }
}

static bool lacks_workers(const struct pool *pool)
{
    return pool->by_state[WORKER_STARTING] < pool->waiting && pool_startable(pool) > 0;
}

void pool_start_workers(struct pool *pool)
{
    pool_start_while(pool, lacks_workers);
}

uint32_t pool_request_limit(const struct pool *pool)
{
    uint32_t limit = pool->limits.instance_max_requests, own = own_request_limit(pool);
    return own && own < limit ? own : limit;
}

bool pool_is_through(const struct pool *pool, const struct pool_worker *worker)
{
    return worker->served == own_request_limit(pool);
}

/* A program that ends right after its Nth answer, twice, has a limit of its own (php: PHP_FCGI_MAX_REQUESTS). From then on
 * the Nth request is planned to be a worker's last, so that none meets a pipe that is about to die. */
void pool_learn_request_limit(struct pool *pool, const struct pool_worker *worker)
{
    bool by_itself = worker->state != WORKER_STOPPING || (worker->left && !worker->killed);
    if (!by_itself || worker->exit_code != 0 || worker->answered == 0 || pool->limits.external ||
        pool->now_ms - worker->answered_ms > POOL_LEARN_MS)
        return;
    if (worker->answered == pool->last_own_exit)
        pool->learned_requests = worker->answered;
    pool->last_own_exit = worker->answered;
}
