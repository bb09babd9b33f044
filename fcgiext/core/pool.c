/* pool: see pool.h. This file says what follows from which event; the steps themselves are in pool_steps.c. Each event is
 * handled in two parts: what it means for its own request or worker, and then, for all events alike, the sweep: waiting
 * requests go to idle workers, workers are started for the others, or, when the pool does not run, they are rejected.
 *
 * Invariant: there is no idle worker while a request waits, and never too few are being started. What does not fit into one
 * set of actions (a flood of rejections at shut-down) is left for the next call, for which pool_next_deadline_ms then asks
 * at once. */
#include "fcgiext/core/pool.h"

#include <assert.h>
#include <string.h>

#include "fcgiext/core/pool_steps.h"

/* ---- events on requests ---- */

static void on_arrived(struct pool *pool, const struct pool_event *event)
{
    pool->totals.arrived++;
    if (pool->state == POOL_STATE_CLOSED) {
        pool_reject_arrival(pool, event->tag, ERROR_CAUSE_SHUTTING_DOWN);
        return;
    }
    if (pool->draining) {
        pool_reject_arrival(pool, event->tag, ERROR_CAUSE_DRAINING);
        return;
    }
    if (pool->state == POOL_STATE_RAPID_FAIL) {
        pool_reject_arrival(pool, event->tag, ERROR_CAUSE_RAPID_FAIL);
        return;
    }
    /* requests for which a worker is on its way, or may be started, do not count as waiting in the queue */
    uint64_t room = (uint64_t)pool->by_state[WORKER_STARTING] + pool_startable(pool);
    if (!pool->idle_head && pool->waiting >= pool->limits.queue_length + room) {
        pool_reject_arrival(pool, event->tag, ERROR_CAUSE_QUEUE_FULL);
        return;
    }
    struct pool_request *request = slab_alloc(&pool->requests);
    if (!request) {
        pool_reject_arrival(pool, event->tag, ERROR_CAUSE_NO_MEMORY);
        return;
    }
    request->timer.owner = TIMER_OF_REQUEST;
    request->timer.object = request;
    request->tag = event->tag;
    request->replayable = event->replayable;
    pool->out->arrived = slab_id(request);
    pool_enqueue(pool, request); /* the sweep gives it to an idle worker at once */
}

/* The connection broke and nothing more will come; the worker has exited, or had its time to. A second try needs a process
 * of ours that ended normally: of an external server nobody knows what it has done. */
static void judge_broken(struct pool *pool, struct pool_request *request)
{
    struct pool_worker *worker = request->worker;
    bool normal_end = worker->exited && !pool_is_exception(worker->exit_code) && !pool->limits.external;
    if (normal_end && request->unanswered && request->replayable && request->retries == 0 &&
        pool->state == POOL_STATE_RUNNING) {
        request->retries++;
        pool_retry(pool, request, POOL_RETRY_UNANSWERED);
        pool_note_exit(pool, worker);
        worker->unexpected |= worker->exit_code != 0; /* no failure of the pool: the request has another try */
        return;
    }
    pool_note_loss(pool, worker);
    pool_reject(pool, request, pool_exit_verdict(pool, worker));
}

/* Idle workers may all have ended at once: that uses up none of the tries, as none of them is met twice. */
static bool may_try_unwritten(const struct pool *pool, struct pool_request *request)
{
    if (request->worker->answered && request->stale_tries < pool->limits.max_instances) {
        request->stale_tries++;
        return true;
    }
    return request->retries++ < 2;
}

static void on_broken(struct pool *pool, struct pool_request *request, enum pool_outcome outcome)
{
    struct pool_worker *worker = request->worker;
    if (outcome == POOL_OUTCOME_UNWRITTEN && pool->state == POOL_STATE_RUNNING && may_try_unwritten(pool, request)) {
        pool_retry(pool, request, POOL_RETRY_UNWRITTEN);
        pool_stop_worker(pool, worker, WORKER_EXIT_ENDED);
        return;
    }
    request->unanswered = outcome == POOL_OUTCOME_UNANSWERED;
    if (worker->exited) {
        judge_broken(pool, request);
        pool_worker_gone(pool, worker);
        return;
    }
    request->since_ms = pool->now_ms;
    request->state = POOL_REQUEST_LINGERING; /* until the exit code is known, or POOL_EXIT_WAIT_MS */
    pool_move_worker(pool, worker, WORKER_RETIRING);
    pool_set_timer(pool, &request->timer, POOL_EXIT_WAIT_MS);
}

/* A worker that is free again, but not for another request: why not. WORKER_EXIT_COUNT: it is. */
static enum worker_exit superfluous_for(struct pool *pool, const struct pool_worker *worker)
{
    if (worker->dismissed)
        return WORKER_EXIT_DISMISSED;
    if (pool->state == POOL_STATE_CLOSED)
        return WORKER_EXIT_SHUT_DOWN;
    if (pool->draining && !pool->queue_head)
        return WORKER_EXIT_DRAINED;
    if (worker->served >= pool_request_limit(pool))
        return WORKER_EXIT_REQUEST_LIMIT;
    if (pool_serving(pool) > pool_max_serving(pool))
        return WORKER_EXIT_SURPLUS;
    if (!pool->credit || !pool_is_old(pool, worker))
        return WORKER_EXIT_COUNT;
    pool->credit--; /* its replacement is ready */
    return pool_reason_of_old(worker);
}

static void note_answer(struct pool *pool, struct pool_worker *worker, bool good)
{
    worker->has_answered = true;
    worker->answered++;
    worker->answered_ms = pool->now_ms;
    pool->failed_starts = 0;
    if (good)
        pool_mark_ready(pool, worker);
}

static void on_finished(struct pool *pool, const struct pool_event *event)
{
    struct pool_request *request = slab_find(&pool->requests, event->request);
    if (!request || request->state != POOL_REQUEST_RUNNING)
        return;
    struct pool_worker *worker = request->worker;
    if (event->outcome >= POOL_OUTCOME_UNWRITTEN) {
        on_broken(pool, request, event->outcome);
        return;
    }
    pool_forget_request(pool, request);
    bool unusable = event->outcome == POOL_OUTCOME_DONE_UNUSABLE;
    if (event->outcome != POOL_OUTCOME_GIVEN_UP)
        note_answer(pool, worker, !unusable);
    if (worker->exited)
        pool_learn_request_limit(pool, worker);
    /* a server of others would hold a process for a connection that nobody uses */
    bool no_longer = pool->limits.external && event->outcome != POOL_OUTCOME_DONE;
    enum worker_exit reason = unusable ? WORKER_EXIT_UNUSABLE : no_longer ? WORKER_EXIT_CLOSED : WORKER_EXIT_COUNT;
    if (reason == WORKER_EXIT_COUNT && !worker->exited)
        reason = superfluous_for(pool, worker);
    if (reason != WORKER_EXIT_COUNT || worker->exited) {
        pool_stop_worker(pool, worker, pool_is_through(pool, worker) && !unusable ? WORKER_EXIT_ENDED : reason);
        return;
    }
    pool_measure(pool, worker);
    if (event->outcome == POOL_OUTCOME_DONE) {
        pool_worker_free(pool, worker);
        return;
    }
    pool_move_worker(pool, worker, WORKER_CONNECTING);
    pool_emit(pool, POOL_ACTION_CONNECT, worker);
    pool_set_timer(pool, &worker->timer, pool->limits.activity_timeout_ms);
}

static void on_gone(struct pool *pool, const struct pool_event *event)
{
    struct pool_request *request = slab_find(&pool->requests, event->request);
    if (request && request->state == POOL_REQUEST_WAITING)
        pool_reject(pool, request, (struct pool_failure){ERROR_CAUSE_CLIENT_GONE, false, 0});
}

static void on_client_wait(struct pool *pool, const struct pool_event *event)
{
    struct pool_request *request = slab_find(&pool->requests, event->request);
    if (!request || request->state != POOL_REQUEST_RUNNING || request->client_wait)
        return;
    request->client_wait = true;
    uint64_t deadline_ms = request->timer.entry.deadline_ms;
    request->left_ms = deadline_ms > pool->now_ms ? deadline_ms - pool->now_ms : 0;
    timers_cancel(&pool->timers, &request->timer.entry);
    timers_cancel(&pool->timers, &request->worker->timer.entry);
}

static void on_client_ready(struct pool *pool, const struct pool_event *event)
{
    struct pool_request *request = slab_find(&pool->requests, event->request);
    if (!request || request->state != POOL_REQUEST_RUNNING || !request->client_wait)
        return;
    request->client_wait = false;
    pool_set_timer(pool, &request->timer, request->left_ms);
    if (request->worker->exited)
        pool_set_timer(pool, &request->worker->timer, POOL_EXIT_WAIT_MS);
    else
        pool_set_activity_timer(pool, request->worker);
}

static void on_progress(struct pool *pool, const struct pool_event *event)
{
    struct pool_request *request = slab_find(&pool->requests, event->request);
    if (!request || request->state != POOL_REQUEST_RUNNING)
        return;
    struct pool_worker *worker = request->worker;
    worker->has_answered = true;
    if (request->client_wait)
        return;
    if (worker->exited)
        pool_set_timer(pool, &worker->timer, POOL_EXIT_WAIT_MS);
    else
        pool_set_activity_timer(pool, worker);
}

/* ---- events on workers ---- */

/* When no worker is left, the oldest waiting request gets the reason why none came; the others wait for the next try. */
static void fail_oldest(struct pool *pool, struct pool_failure verdict)
{
    if (pool->queue_head && pool_serving(pool) == 0)
        pool_reject(pool, pool->queue_head, verdict);
}

static void on_started(struct pool *pool, struct pool_worker *worker)
{
    if (worker->state != WORKER_STARTING)
        return;
    pool_begin_life(pool, worker);
    if (worker->dismissed)
        pool_stop_worker(pool, worker, WORKER_EXIT_DISMISSED);
    else if (pool->draining && !pool->queue_head)
        pool_stop_worker(pool, worker, WORKER_EXIT_DRAINED);
    else if (pool_is_old(pool, worker) && pool->recycle == POOL_RECYCLE_NONE)
        pool_stop_worker(pool, worker, WORKER_EXIT_RECYCLED); /* a recycle at once found it starting */
    else
        pool_worker_free(pool, worker);
}

static void on_start_failed(struct pool *pool, struct pool_worker *worker, uint32_t code)
{
    if (worker->state != WORKER_STARTING)
        return;
    struct pool_failure verdict = {ERROR_CAUSE_START_FAILED, true, code};
    if (pool->limits.external)
        verdict.cause = ERROR_CAUSE_CONNECT_FAILED;
    pool->totals.start_failures++;
    pool_worker_gone(pool, worker);
    pool_note_failed_start(pool, verdict);
    fail_oldest(pool, verdict);
}

static void on_exited(struct pool *pool, struct pool_worker *worker, uint32_t code)
{
    if (worker->exited)
        return;
    worker->exited = true;
    worker->exit_code = code;
    struct pool_request *request = worker->request;
    if (!request || request->state != POOL_REQUEST_RUNNING)
        pool_learn_request_limit(pool, worker);
    if (request && request->state == POOL_REQUEST_RUNNING) { /* what it wrote may still be in the pipe */
        if (!request->client_wait)
            pool_set_timer(pool, &worker->timer, POOL_EXIT_WAIT_MS);
        return;
    }
    if (request)
        judge_broken(pool, request);
    else if (worker->state != WORKER_STOPPING || (worker->left && !worker->killed))
        pool_note_exit(pool, worker);
    bool starting = worker->state == WORKER_STARTING;
    struct pool_failure verdict = pool_exit_verdict(pool, worker);
    pool_worker_gone(pool, worker);
    if (starting)
        fail_oldest(pool, verdict);
}

static void on_worker_event(struct pool *pool, const struct pool_event *event)
{
    struct pool_worker *worker = slab_find(&pool->workers, event->worker);
    if (!worker)
        return;
    switch (event->kind) {
    case POOL_EVENT_STARTED: on_started(pool, worker); break;
    case POOL_EVENT_START_FAILED: on_start_failed(pool, worker, event->code); break;
    case POOL_EVENT_CONNECTED:
        if (worker->state == WORKER_CONNECTING)
            pool_worker_free(pool, worker);
        break;
    case POOL_EVENT_DISCONNECTED:
        if (worker->state == WORKER_IDLE || worker->state == WORKER_CONNECTING)
            pool_stop_worker(pool, worker, WORKER_EXIT_ENDED);
        break;
    case POOL_EVENT_EXITED: on_exited(pool, worker, event->code); break;
    case POOL_EVENT_MEASURED: pool_on_measured(pool, worker, event->bytes); break;
    case POOL_EVENT_DISMISS: pool_dismiss_worker(pool, worker); break;
    case POOL_EVENT_KILL: pool_end_worker(pool, worker); break;
    default: assert(!"not an event of a worker");
    }
}

/* ---- deadlines ---- */

static enum error_cause silence(const struct pool *pool, const struct pool_worker *worker)
{
    bool is_new = !worker->has_answered && pool->limits.startup_timeout_ms;
    return is_new ? ERROR_CAUSE_STARTUP_TIMEOUT : ERROR_CAUSE_ACTIVITY_TIMEOUT;
}

/* The start of a process ends by itself; a server that cannot be reached may say nothing for minutes. */
static void connect_timeout(struct pool *pool, struct pool_worker *worker)
{
    struct pool_failure verdict = {ERROR_CAUSE_CONNECT_FAILED, true, POOL_CONNECT_CODE};
    pool->totals.start_failures++;
    pool_stop_worker(pool, worker, WORKER_EXIT_TIMEOUT);
    pool_note_failed_start(pool, verdict);
    fail_oldest(pool, verdict);
}

static void on_worker_timer(struct pool *pool, struct pool_worker *worker)
{
    struct pool_request *request = worker->request;
    switch (worker->state) {
    case WORKER_STARTING: connect_timeout(pool, worker); break;
    case WORKER_IDLE: pool_idle_step(pool, worker); break;
    case WORKER_CONNECTING: pool_stop_worker(pool, worker, WORKER_EXIT_TIMEOUT); break;
    case WORKER_BUSY:
        if (worker->exited) { /* and the rest of its reply has not come */
            pool_note_loss(pool, worker);
            pool_abort_request(pool, request, pool_exit_verdict(pool, worker));
            pool_worker_gone(pool, worker);
            break;
        }
        pool_abort_request(pool, request, (struct pool_failure){silence(pool, worker), false, 0});
        pool_stop_worker(pool, worker, WORKER_EXIT_TIMEOUT);
        break;
    case WORKER_STOPPING:
        if (worker->killed)
            pool_worker_gone(pool, worker); /* it cannot be ended: a driver holds it; do not wait for ever */
        else
            pool_kill_worker(pool, worker);
        break;
    case WORKER_RETIRING:
    case WORKER_GONE:
    case WORKER_STATE_COUNT: assert(!"no timer in this state");
    }
}

static void on_request_timer(struct pool *pool, struct pool_request *request)
{
    struct pool_worker *worker = request->worker;
    if (request->state == POOL_REQUEST_WAITING && pool_queue_time_left(pool, request) == 0) {
        pool_reject(pool, request, (struct pool_failure){ERROR_CAUSE_QUEUE_TIMEOUT, false, 0});
        return;
    }
    if (request->state == POOL_REQUEST_WAITING) {
        struct pool_action *action = pool_emit(pool, POOL_ACTION_PROBE, NULL);
        action->tag = request->tag;
        action->request = slab_id(request);
        pool_set_waiting_timer(pool, request);
        return;
    }
    enum worker_exit reason = WORKER_EXIT_TIMEOUT;
    if (request->state == POOL_REQUEST_LINGERING) {
        judge_broken(pool, request);
        reason = WORKER_EXIT_UNUSABLE; /* it lives, and has closed its connection */
    } else {
        pool_abort_request(pool, request, (struct pool_failure){ERROR_CAUSE_REQUEST_TIMEOUT, false, 0});
    }
    pool_stop_worker(pool, worker, reason);
}

static void on_deadline(struct pool *pool)
{
    while (pool_has_room(pool)) {
        struct timer_entry *entry = timers_expire(&pool->timers, pool->now_ms);
        if (!entry)
            return;
        struct pool_timer *timer = (struct pool_timer *)(void *)entry; /* its first member */
        switch (timer->owner) {
        case TIMER_OF_WORKER: on_worker_timer(pool, timer->object); break;
        case TIMER_OF_REQUEST: on_request_timer(pool, timer->object); break;
        case TIMER_OF_START_PAUSE: break; /* the sweep starts what waits */
        case TIMER_OF_RAPID_FAIL:
            if (pool->state == POOL_STATE_RAPID_FAIL)
                pool->state = POOL_STATE_RUNNING;
            break;
        case TIMER_OF_LIFETIME: pool_on_lifetime_timer(pool); break;
        case TIMER_OF_RENEWAL: pool_on_renewal_timer(pool); break;
        }
    } /* what is left stays due */
}

/* ---- after each event: requests to workers, or away; and what did not fit into one set of actions ---- */

/* At shut-down every worker; for a recycle that does not wait those that are old. */
static void evict_next(struct pool *pool)
{
    bool closed = pool->state == POOL_STATE_CLOSED;
    struct pool_worker *worker = slab_at(&pool->workers, pool->evict_cursor++);
    if (!worker || worker->state == WORKER_STOPPING || (worker->state == WORKER_STARTING && !pool->limits.external))
        return; /* a starting process is stopped when it has started */
    if (!closed && !pool_is_old(pool, worker))
        return;
    pool_cut_off(pool, worker, closed ? ERROR_CAUSE_SHUTTING_DOWN : ERROR_CAUSE_RECYCLED);
    pool_stop_worker(pool, worker, closed ? WORKER_EXIT_SHUT_DOWN : WORKER_EXIT_RECYCLED);
}

static void evict(struct pool *pool)
{
    while (pool->evict_cursor < slab_index_end(&pool->workers)) {
        if (!pool_has_room(pool)) {
            pool->more = true;
            return;
        }
        evict_next(pool);
    }
    pool->evicting = false;
}

static void reject_waiting(struct pool *pool)
{
    struct pool_failure verdict = {ERROR_CAUSE_RAPID_FAIL, false, 0};
    if (pool->state == POOL_STATE_CLOSED)
        verdict.cause = ERROR_CAUSE_SHUTTING_DOWN;
    while (pool_has_room(pool) && pool->queue_head)
        pool_reject(pool, pool->queue_head, verdict);
    if (pool->queue_head)
        pool->more = true;
}

static void serve_waiting(struct pool *pool)
{
    while (pool_has_room(pool) && pool->queue_head && pool->idle_head)
        pool_assign(pool, pool->idle_head, pool->queue_head);
    if (pool->queue_head && pool->idle_head)
        pool->more = true;
    else
        pool_start_workers(pool);
}

static void sweep(struct pool *pool)
{
    if (pool->evicting)
        evict(pool); /* before anything is assigned to a worker that is to go */
    if (pool->state == POOL_STATE_RUNNING)
        serve_waiting(pool);
    else
        reject_waiting(pool);
    pool_renew(pool);
    pool_recycle_sweep(pool);
    pool_trim(pool);
    pool_start_spares(pool); /* last: it looks at what is left */
}

/* ---- operations ---- */

/* What has failed is tried anew, at once. */
static void forgive(struct pool *pool)
{
    if (pool->state == POOL_STATE_RAPID_FAIL)
        pool->state = POOL_STATE_RUNNING;
    pool->failures = pool->failed_starts = 0;
    timers_cancel(&pool->timers, &pool->rapid_fail_timer.entry);
    timers_cancel(&pool->timers, &pool->start_timer.entry);
}

static void resume(struct pool *pool)
{
    if (pool->state == POOL_STATE_CLOSED)
        return;
    if (pool->draining && pool->old_workers) /* the recycle that the drain broke off, or that was asked for meanwhile */
        pool_continue_recycle(pool);
    pool->draining = false;
    forgive(pool);
}

static void shut_down(struct pool *pool)
{
    pool->state = POOL_STATE_CLOSED;
    pool_end_recycle(pool, POOL_RECYCLE_NONE);
    pool->evicting = true;
    pool->evict_cursor = 0;
}

static void on_operation(struct pool *pool, const struct pool_event *event)
{
    switch (event->kind) {
    case POOL_EVENT_RECYCLE:
        if (pool->state == POOL_STATE_CLOSED)
            break;
        forgive(pool); /* the program may be another one now */
        pool_begin_recycle(pool, event->now);
        break;
    case POOL_EVENT_DRAIN:
        pool->draining = true;
        pool_end_recycle(pool, POOL_RECYCLE_NONE);
        break;
    case POOL_EVENT_RESUME: resume(pool); break;
    case POOL_EVENT_RECONFIGURED: pool_set_limits(pool, event->limits); break;
    case POOL_EVENT_TUNED: pool_tune(pool, event->max_instances); break;
    case POOL_EVENT_SHUT_DOWN: shut_down(pool); break;
    default: assert(!"not an operation");
    }
}

void pool_handle(struct pool *pool, const struct pool_event *event, uint64_t now_ms, struct pool_actions *actions)
{
    actions->count = 0;
    actions->arrived = 0;
    pool->out = actions;
    pool->now_ms = now_ms > pool->now_ms ? now_ms : pool->now_ms;
    pool->more = false;
    switch (event->kind) {
    case POOL_EVENT_ARRIVED: on_arrived(pool, event); break;
    case POOL_EVENT_FINISHED: on_finished(pool, event); break;
    case POOL_EVENT_GONE: on_gone(pool, event); break;
    case POOL_EVENT_PROGRESS: on_progress(pool, event); break;
    case POOL_EVENT_CLIENT_WAIT: on_client_wait(pool, event); break;
    case POOL_EVENT_CLIENT_READY: on_client_ready(pool, event); break;
    case POOL_EVENT_STARTED:
    case POOL_EVENT_START_FAILED:
    case POOL_EVENT_CONNECTED:
    case POOL_EVENT_DISCONNECTED:
    case POOL_EVENT_EXITED:
    case POOL_EVENT_MEASURED:
    case POOL_EVENT_DISMISS:
    case POOL_EVENT_KILL: on_worker_event(pool, event); break;
    case POOL_EVENT_DEADLINE: on_deadline(pool); break;
    case POOL_EVENT_RECYCLE:
    case POOL_EVENT_DRAIN:
    case POOL_EVENT_RESUME:
    case POOL_EVENT_RECONFIGURED:
    case POOL_EVENT_TUNED:
    case POOL_EVENT_SHUT_DOWN: on_operation(pool, event); break;
    }
    sweep(pool);
    pool->out = NULL;
}
