/* pool_walk: a pool as an operator sees it: its workers, its requests, how long they have been what they are. Nothing of it is
 * kept up to date for that: the walks look at what the scheduler needs anyway, when somebody asks. */
#include "fcgiext/core/pool_steps.h"

#include <string.h>

static uint64_t since(uint64_t then_ms, uint64_t now_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

/* ---- requests ---- */

static struct pool_request_info describe_request(const struct pool_request *request, uint64_t now_ms)
{
    return (struct pool_request_info){
        .id = slab_id(request),
        .tag = request->tag,
        .worker = request->worker ? slab_id(request->worker) : 0,
        .state = request->state,
        .waits_for_client = request->state == POOL_REQUEST_RUNNING && request->client_wait,
        .age_ms = since(request->arrived_ms, now_ms),
        .state_ms = since(request->since_ms, now_ms),
    };
}

void pool_each_request(const struct pool *pool, uint64_t now_ms,
                       void (*each)(void *context, const struct pool_request_info *request), void *context)
{
    for (uint32_t i = 0; i < slab_index_end(&pool->workers); i++) { /* not the slab of requests: it is as long as it ever was */
        const struct pool_worker *worker = slab_at(&pool->workers, i);
        if (!worker || !worker->request)
            continue;
        struct pool_request_info info = describe_request(worker->request, now_ms);
        each(context, &info);
    }
    for (const struct pool_request *request = pool->queue_head; request; request = request->next) {
        struct pool_request_info info = describe_request(request, now_ms);
        each(context, &info);
    }
}

/* ---- workers ---- */

static struct pool_worker_info describe_worker(const struct pool *pool, const struct pool_worker *worker, uint64_t now_ms)
{
    uint32_t limit = pool_request_limit(pool);
    bool to_go = worker->dismissed || (worker->state != WORKER_STOPPING && pool_is_old(pool, worker));
    return (struct pool_worker_info){
        .id = slab_id(worker),
        .request = worker->request ? slab_id(worker->request) : 0,
        .state = worker->state,
        .to_go = to_go,
        .served = worker->served,
        .answered = worker->answered,
        .requests_left = worker->dismissed || worker->served >= limit ? 0 : limit - worker->served,
        .age_ms = since(worker->started_ms, now_ms),
        .state_ms = since(worker->since_ms, now_ms),
    };
}

void pool_each_worker(const struct pool *pool, uint64_t now_ms,
                      void (*each)(void *context, const struct pool_worker_info *worker), void *context)
{
    for (uint32_t i = 0; i < slab_index_end(&pool->workers); i++) {
        const struct pool_worker *worker = slab_at(&pool->workers, i);
        if (!worker)
            continue;
        struct pool_worker_info info = describe_worker(pool, worker, now_ms);
        each(context, &info);
    }
}

bool pool_find_worker(const struct pool *pool, uint64_t id, uint64_t now_ms, struct pool_worker_info *info)
{
    const struct pool_worker *worker = slab_find(&pool->workers, id);
    if (worker)
        *info = describe_worker(pool, worker, now_ms);
    return worker != NULL;
}

/* ---- the pool ---- */

void pool_get_times(const struct pool *pool, uint64_t now_ms, struct pool_times *times)
{
    memset(times, 0, sizeof *times);
    times->running = pool->running;
    times->wait_since_sum_ms = pool->wait_since_sum_ms;
    times->run_since_sum_ms = pool->run_since_sum_ms;
    if (pool->queue_head) {
        times->wait_since_ms = pool->queue_head->since_ms;
        times->oldest_wait_ms = since(times->wait_since_ms, now_ms);
    }
    if (pool->run_oldest) {
        times->run_since_ms = pool->run_oldest->assigned_ms;
        times->oldest_run_ms = since(times->run_since_ms, now_ms);
    }
    if (pool->state != POOL_STATE_RAPID_FAIL)
        return;
    times->rapid_fail_left_ms = since(now_ms, pool->rapid_fail_timer.entry.deadline_ms);
    times->first_cause = pool->first_failure.cause;
}
