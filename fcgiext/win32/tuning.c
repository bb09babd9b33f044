/* tuning: see tuning.h. A pool that rests is left alone until the next request comes. */
#include "fcgiext/win32/tuning.h"

#include "fcgiext/win32/compat.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/worker_io.h"

enum {
    WEIGHED = 4, /* workers whose memory is looked at: those used most */
    SEARCHED = 64,
};

static uint32_t least_limit(const struct pool_limits *limits)
{
    uint32_t min = limits->min_instances < limits->tuned_max ? limits->min_instances : limits->tuned_max;
    return min ? min : 1;
}

void tuning_set_limits(struct pool_limits *limits)
{
    struct autotune tune;
    uint64_t free_bytes, total_bytes;
    system_load_memory(&free_bytes, &total_bytes);
    limits->tuned_max = autotune_most(total_bytes);
    autotune_init(&tune, system_load_processors(), least_limit(limits), limits->tuned_max);
    limits->max_instances = tune.limit;
}

void tuning_follow(struct engine_pool *pool)
{
    struct pool_tuning *tuning = &pool->tuning;
    const struct pool_limits *limits = &pool->version->limits;
    bool on = limits->tuned_max > 0;
    if (on && tuning->on)
        autotune_set_bounds(&tuning->tune, least_limit(limits), limits->tuned_max);
    else if (on)
        autotune_restart(&tuning->tune, pool->engine->processors, least_limit(limits), limits->tuned_max);
    tuning->on = on;
}

bool tuning_note_work(struct engine_pool *pool)
{
    struct pool_tuning *tuning = &pool->tuning;
    if (!tuning->on || tuning->has_work)
        return false;
    tuning->has_work = true;
    return InterlockedIncrement(&pool->engine->tuning.pools) == 1;
}

/* Under the pool's lock: the processes whose memory is to be looked at. */
static unsigned find_processes(const struct engine_pool *pool, DWORD pids[WEIGHED])
{
    uint32_t slots = pool_worker_slots(pool->core);
    unsigned count = 0;
    for (uint32_t i = 0; i < slots && i < SEARCHED && count < WEIGHED; i++)
        if (pool->workers[i] && pool->workers[i]->pid)
            pids[count++] = pool->workers[i]->pid;
    return count;
}

static uint64_t average_bytes(const DWORD pids[], unsigned count)
{
    uint64_t sum = 0;
    unsigned known = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t bytes;
        uint32_t handles;
        compat_process_use(pids[i], &bytes, &handles);
        sum += bytes;
        known += bytes > 0;
    }
    return known ? sum / known : 0;
}

/* `sample` has what is known of the machine. */
static void look_at_pool(struct engine_pool *pool, struct autotune_sample sample)
{
    struct pool_tuning *tuning = &pool->tuning;
    struct pool_event event = {.kind = POOL_EVENT_TUNED};
    struct pool_counts counts;
    DWORD pids[WEIGHED];
    bool tell = false;
    EnterCriticalSection(&pool->lock);
    bool has_work = tuning->has_work;
    unsigned count = has_work ? find_processes(pool, pids) : 0;
    LeaveCriticalSection(&pool->lock);
    if (!has_work)
        return;
    sample.worker_bytes = average_bytes(pids, count);
    EnterCriticalSection(&pool->lock);
    pool_get_counts(pool->core, &counts);
    sample.waiting = counts.waiting;
    sample.busy = counts.by_state[WORKER_BUSY] + counts.by_state[WORKER_RETIRING];
    sample.workers = counts.workers - counts.by_state[WORKER_STOPPING];
    sample.starting = counts.by_state[WORKER_STARTING];
    sample.answered = pool_get_totals(pool->core)->answered;
    if (tuning->on && !autotune_rests(&tuning->tune, &sample)) {
        autotune_sample(&tuning->tune, &sample);
        event.max_instances = tuning->tune.limit;
        tell = event.max_instances != counts.max_instances;
    } else {
        tuning->has_work = false;
        InterlockedDecrement(&pool->engine->tuning.pools);
    }
    LeaveCriticalSection(&pool->lock);
    if (tell)
        engine_pool_event(pool, &event);
}

static void look(struct engine *engine, uint64_t now_ms)
{
    struct autotune_sample sample = {.now_ms = now_ms, .cpu_permille = system_load_cpu(&engine->tuning.load)};
    sample.pools = (uint32_t)engine->tuning.pools;
    system_load_memory(&sample.free_bytes, &sample.total_bytes);
    for (struct engine_pool *pool = engine->pools; pool; pool = pool->next)
        look_at_pool(pool, sample);
}

uint64_t tuning_step(struct engine *engine)
{
    struct tuning *tuning = &engine->tuning;
    uint64_t now_ms = engine_now_ms();
    if (tuning->pools && tuning->next_ms && now_ms >= tuning->next_ms) {
        look(engine, now_ms);
        tuning->next_ms = now_ms + AUTOTUNE_SAMPLE_MS;
    }
    if (!tuning->pools) {
        tuning->next_ms = 0;
        return UINT64_MAX;
    }
    if (!tuning->next_ms) {
        system_load_cpu(&tuning->load); /* from here on */
        tuning->next_ms = now_ms + AUTOTUNE_SAMPLE_MS;
    }
    return tuning->next_ms;
}
