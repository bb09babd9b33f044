/* pool_renewal: MaxLifetime and MaxPrivateBytes. A worker that is too old or too large is *worn*: it becomes one of the old workers of a
 * recycle, and what pool_recycle does for all of them it does for this one: a replacement is started beside it (a quarter of
 * the pool at a time, so those that were started together do not go together), and when that has proven good, a worn one ends as soon as
 * it is free. If the replacements fail, the worn ones go on serving, and are given another try after a while.
 *
 * Invariant: all that run and are not worn or on their way out stand in one list, the oldest first, so one timer is enough and a new
 * limit costs nothing. */
#include "fcgiext/core/pool_steps.h"

/* ---- the list */

void pool_set_lifetime_timer(struct pool *pool)
{
    struct timer_entry *timer = &pool->lifetime_timer.entry;
    if (pool->oldest && pool->limits.max_lifetime_ms)
        timers_set(&pool->timers, timer, pool->oldest->born_ms + pool->limits.max_lifetime_ms);
    else
        timers_cancel(&pool->timers, timer);
}

void pool_begin_life(struct pool *pool, struct pool_worker *worker)
{
    worker->ages = true;
    worker->born_ms = pool->now_ms;
    worker->older = pool->youngest;
    *(pool->youngest ? &pool->youngest->younger : &pool->oldest) = worker;
    pool->youngest = worker;
    if (!worker->older)
        pool_set_lifetime_timer(pool);
}

static void leave_list(struct pool *pool, struct pool_worker *worker)
{
    bool was_oldest = pool->oldest == worker;
    if (!worker->ages)
        return;
    *(worker->older ? &worker->older->younger : &pool->oldest) = worker->younger;
    *(worker->younger ? &worker->younger->older : &pool->youngest) = worker->older;
    worker->older = worker->younger = NULL;
    worker->ages = false;
    if (was_oldest)
        pool_set_lifetime_timer(pool);
}

void pool_end_life(struct pool *pool, struct pool_worker *worker)
{
    leave_list(pool, worker);
    pool->worn -= worker->worn;
    pool->renewals -= pool_is_renewal(pool, worker);
    worker->worn = false;
}

/* ---- wear */

bool pool_is_renewal(const struct pool *pool, const struct pool_worker *worker)
{
    return worker->worn && worker->renewed_in == pool->generation;
}

static void wear_out(struct pool *pool, struct pool_worker *worker)
{
    leave_list(pool, worker);
    if (worker->dismissed || worker->exited || worker->state == WORKER_RETIRING || worker->worn)
        return;                    /* it goes anyway */
    pool_mark_ready(pool, worker); /* if that is all the time it has, it has done its part */
    if (worker->state == WORKER_IDLE && worker->served == 0 && pool_serving(pool) > pool_min_serving(pool)) {
        pool_stop_worker(pool, worker, WORKER_EXIT_WORN);
        return; /* nobody has needed it: with a replacement an idle pool would be renewed for ever */
    }
    worker->worn = true;
    pool->worn++;
    worker->renewed_in = pool->generation - 1; /* none that it could have */
    if (pool_is_old(pool, worker))
        return;
    worker->renewed_in = pool->generation;
    pool->renewals++;
    pool_make_old(pool, worker);
}

void pool_on_lifetime_timer(struct pool *pool)
{
    wear_out(pool, pool->oldest);
}

void pool_measure(struct pool *pool, struct pool_worker *worker)
{
    bool recently = worker->measured_ms && pool->now_ms - worker->measured_ms < POOL_MEASURE_MS;
    bool wanted = pool->limits.max_private_bytes || pool->limits.measure;
    if (!wanted || worker->worn || worker->measuring || recently)
        return;
    worker->measuring = true;
    worker->measured_ms = pool->now_ms;
    pool_emit(pool, POOL_ACTION_MEASURE, worker);
}

void pool_on_measured(struct pool *pool, struct pool_worker *worker, uint64_t bytes)
{
    uint64_t limit = pool->limits.max_private_bytes;
    worker->measuring = false;
    if (limit && bytes >= limit && worker->state != WORKER_STOPPING)
        wear_out(pool, worker);
}

/* ---- replacement */

void pool_renew(struct pool *pool)
{
    if (!pool->worn || pool->state != POOL_STATE_RUNNING || pool->draining)
        return;
    if (pool->recycle == POOL_RECYCLE_NONE)
        pool_continue_recycle(pool);
    else if (pool->recycle == POOL_RECYCLE_FAILED && !timer_is_set(&pool->renewal_timer.entry))
        pool_set_timer(pool, &pool->renewal_timer, POOL_RENEWAL_PAUSE_MS);
}

void pool_on_renewal_timer(struct pool *pool)
{
    if (pool->worn && pool->recycle == POOL_RECYCLE_FAILED)
        pool_end_recycle(pool, POOL_RECYCLE_NONE); /* the sweep begins anew */
}
