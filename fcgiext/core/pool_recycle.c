/* pool_recycle: replacing the workers of a pool without losing a request, all or one of them, and making it smaller.
 *
 * A recycle begins a new generation. Replacements are started beside the old workers (up to the surge at a time); each one
 * that proves good, by its first answer or POOL_READY_MS without traffic, gives one credit, and each credit ends one old
 * worker when it is idle. So the pool serves all the time with what is known to work. When replacements fail,
 * POOL_MAX_REPLACEMENT_FAILURES of them, the recycle stops and the old workers stay.
 *
 * Invariant: old_workers counts the workers of other generations that are not STOPPING; unproven the replacements of this
 * recycle that are neither ready nor on their way out. */
#include "fcgiext/core/pool_steps.h"

bool pool_is_old(const struct pool *pool, const struct pool_worker *worker)
{
    return worker->generation != pool->generation;
}

enum worker_exit pool_reason_of_old(const struct pool_worker *worker)
{
    return worker->worn ? WORKER_EXIT_WORN : WORKER_EXIT_RECYCLED;
}

void pool_begin_recycle(struct pool *pool, bool now)
{
    pool->totals.recycles++;
    bool rolling = pool_serving(pool) && !now && !pool->draining;
    pool_end_recycle(pool, POOL_RECYCLE_NONE);
    pool->generation++;
    pool->old_workers = pool_serving(pool);
    pool->renewals = 0; /* it replaces them, too */
    pool->unproven = pool->replacement_failures = 0;
    pool->learned_requests = pool->last_own_exit = 0; /* the program may be another one now */
    pool->evicting = now;
    pool->evict_cursor = 0;
    if (rolling)
        pool->recycle = POOL_RECYCLE_RUNNING;
}

void pool_continue_recycle(struct pool *pool)
{
    pool->recycle = POOL_RECYCLE_RUNNING;
    pool->replacement_failures = 0;
}

void pool_end_recycle(struct pool *pool, enum pool_recycle_state state)
{
    pool->recycle = state;
    pool->credit = 0;
    if (pool->most_serving < pool_serving(pool))
        pool->most_serving = pool_serving(pool); /* what the surge brought goes as it becomes idle */
}

static bool is_unproven(const struct pool *pool, const struct pool_worker *worker)
{
    return worker->replacement && !worker->ready && !pool_is_old(pool, worker);
}

void pool_mark_ready(struct pool *pool, struct pool_worker *worker)
{
    if (is_unproven(pool, worker)) {
        pool->unproven--;
        if (pool->recycle == POOL_RECYCLE_RUNNING && !worker->dismissed && pool->credit < pool->old_workers)
            pool->credit++;
    }
    worker->ready = true;
}

void pool_note_leaving(struct pool *pool, struct pool_worker *worker)
{
    pool_end_life(pool, worker);
    if (pool_is_old(pool, worker)) {
        pool->old_workers--;
        if (pool->credit > pool->old_workers)
            pool->credit = pool->old_workers;
        return;
    }
    if (!is_unproven(pool, worker))
        return;
    pool->unproven--;
    if (worker->dismissed)
        return; /* an operator's doing, not the program's */
    if (pool->recycle == POOL_RECYCLE_RUNNING && ++pool->replacement_failures >= POOL_MAX_REPLACEMENT_FAILURES)
        pool_end_recycle(pool, POOL_RECYCLE_FAILED);
}

/* What serves above the limit and need not prove itself, an earlier recycle brought or a lowered limit left. Old ones go for it at
 * once: else it would be in the way of every replacement. */
static void count_surplus(struct pool *pool)
{
    uint32_t wanted = pool->limits.max_instances + pool->unproven;
    uint32_t serving = pool_serving(pool);
    uint32_t surplus = serving > wanted ? serving - wanted : 0;
    if (surplus > pool->old_workers)
        surplus = pool->old_workers;
    if (pool->credit < surplus)
        pool->credit = surplus;
}

static bool wants_replacement(const struct pool *pool)
{
    uint32_t uncovered = pool->old_workers - pool->credit;
    uint32_t surge = pool_surge(&pool->limits);
    return pool->unproven < uncovered && pool->unproven < surge && pool_serving(pool) < pool_max_serving(pool) &&
           pool->workers.used_count < pool->workers.max_count;
}

void pool_recycle_sweep(struct pool *pool)
{
    while (pool->recycle == POOL_RECYCLE_RUNNING) {
        if (pool->old_workers == 0) {
            pool_end_recycle(pool, POOL_RECYCLE_NONE);
            return;
        }
        count_surplus(pool);
        bool retire = pool->credit && pool->idle_tail && pool_is_old(pool, pool->idle_tail);
        bool start =
            !retire && pool->state == POOL_STATE_RUNNING && !timer_is_set(&pool->start_timer.entry) && wants_replacement(pool);
        if (!retire && !start)
            return;
        if (!pool_has_room(pool)) {
            pool->more = true;
            return;
        }
        if (retire) {
            pool->credit--;
            pool_stop_worker(pool, pool->idle_tail, pool_reason_of_old(pool->idle_tail));
        } else if (!pool_start_worker(pool)) {
            return;
        }
    }
}

void pool_trim(struct pool *pool)
{
    while (pool->idle_tail && (pool->draining ? !pool->queue_head : pool_serving(pool) > pool_max_serving(pool))) {
        if (!pool_has_room(pool)) {
            pool->more = true;
            return;
        }
        pool_stop_worker(pool, pool->idle_tail, pool->draining ? WORKER_EXIT_DRAINED : WORKER_EXIT_SURPLUS);
    }
    if (pool->most_serving > pool_serving(pool))
        pool->most_serving = pool_serving(pool);
}

/* ---- one worker */

/* What is under way ends by itself: a request, or the start of a process, which cannot be called back. */
void pool_dismiss_worker(struct pool *pool, struct pool_worker *worker)
{
    bool starting = worker->state == WORKER_STARTING && !pool->limits.external;
    if (worker->state == WORKER_STOPPING)
        return;
    worker->dismissed = true;
    if (!worker->request && !starting)
        pool_stop_worker(pool, worker, WORKER_EXIT_DISMISSED);
}

void pool_end_worker(struct pool *pool, struct pool_worker *worker)
{
    bool starting = worker->state == WORKER_STARTING && !pool->limits.external;
    worker->dismissed = true;
    if (starting)
        return;
    if (worker->state != WORKER_STOPPING) {
        bool exited = worker->exited;
        pool_cut_off(pool, worker, ERROR_CAUSE_RECYCLED);
        pool_stop_worker(pool, worker, WORKER_EXIT_DISMISSED);
        if (exited)
            return; /* that was its release */
    }
    if (!worker->killed)
        pool_kill_worker(pool, worker); /* whatever time it would have had to clean up */
}
