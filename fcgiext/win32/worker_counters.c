/* worker_counters: see worker_counters.h. The place in the block is taken when the process runs, and given back with the worker; each
 * value is written by one thread at a time, and whole. */
#include "fcgiext/win32/worker_counters.h"

#include "fcgiext/win32/compat.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/worker_io.h"
#include "perfcounters/atomic.h"

/* The scheduler knows: the program may have a limit of its own. */
static uint32_t requests_left(const struct worker_io *worker)
{
    struct pool_worker_info info = {.requests_left = 0};
    EnterCriticalSection(&worker->pool->lock);
    pool_find_worker(worker->pool->core, worker->id, 0, &info);
    LeaveCriticalSection(&worker->pool->lock);
    return info.requests_left;
}

void worker_counters_begin(struct worker_io *worker)
{
    struct engine_pool *pool = worker->pool;
    struct counter_section *section = &pool->engine->counters;
    struct counter_block_worker *shown = counter_section_take_worker(section);
    if (!shown)
        return;
    uint32_t left = requests_left(worker);
    counter_sequence_begin(&shown->sequence);
    shown->pool = pool->own_counters ? UINT32_MAX : (uint32_t)(pool->counters - section->block->pools);
    shown->state = WORKER_IDLE;
    shown->handle_count = 0;
    atomic64_store(&shown->start_us, counter_now_us());
    atomic64_store(&shown->request_since_us, 0);
    atomic64_store(&shown->served, 0);
    atomic64_store(&shown->requests_left, left);
    atomic64_store(&shown->private_bytes, 0);
    shown->pid = (uint32_t)worker->pid;
    counter_sequence_end(&shown->sequence);
    InterlockedExchangePointer((void *volatile *)&worker->shown, shown);
}

void worker_counters_end(struct worker_io *worker)
{
    if (worker->shown)
        counter_section_give_worker(&worker->pool->engine->counters, worker->shown);
    worker->shown = NULL;
}

void worker_counters_assigned(struct worker_io *worker, const struct pool *pool)
{
    struct pool_worker_info info;
    if (!worker->shown || !pool_find_worker(pool, worker->id, 0, &info))
        return;
    worker->shown->state = WORKER_BUSY;
    atomic64_store(&worker->shown->served, info.served);
    atomic64_store(&worker->shown->requests_left, info.requests_left);
    atomic64_store(&worker->shown->request_since_us, counter_now_us());
}

void worker_counters_released(struct worker_io *worker)
{
    if (!worker->shown)
        return;
    worker->shown->state = WORKER_IDLE;
    atomic64_store(&worker->shown->request_since_us, 0);
}

void worker_counters_measured(struct worker_io *worker, uint64_t private_bytes)
{
    if (!worker->shown)
        return;
    worker->shown->handle_count = compat_handle_count(worker->process.process);
    atomic64_store(&worker->shown->private_bytes, private_bytes);
}
