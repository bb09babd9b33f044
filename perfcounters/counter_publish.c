/* counter_publish: see counter_publish.h. The scheduler counts in milliseconds, the block in microseconds. */
#include "perfcounters/counter_publish.h"

#include "perfcounters/atomic.h"

enum { US_OF_MS = 1000 };

static void put(struct counter_block_pool *out, unsigned place, uint64_t value)
{
    atomic64_store(&out->values[place], value);
}

static void put_all(struct counter_block_pool *out, unsigned place, const uint64_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        put(out, place + i, values[i]);
}

static void put_totals(struct counter_block_pool *out, const struct pool_totals *totals)
{
    put_all(out, COUNTER_RETRIES, totals->retried, POOL_RETRY_COUNT);
    put_all(out, COUNTER_EXITS, totals->exits, WORKER_EXIT_COUNT);
    put(out, COUNTER_STARTS, totals->started);
    put(out, COUNTER_START_FAILURES, totals->start_failures);
    put(out, COUNTER_RECYCLES, totals->recycles);
    put(out, COUNTER_RAPID_FAILS, totals->rapid_fails);
    put(out, COUNTER_BUSY, totals->ran_ms * US_OF_MS);
    put(out, COUNTER_WAITED, totals->waited_ms * US_OF_MS);
}

static void put_times(struct counter_block_pool *out, const struct pool_times *times, uint32_t waiting)
{
    const struct counter_times all = {
        .executing = times->running,
        .run_since_sum = times->run_since_sum_ms * US_OF_MS,
        .queued = waiting,
        .wait_since_sum = times->wait_since_sum_ms * US_OF_MS,
        .oldest_run_since = times->run_since_ms * US_OF_MS,
        .oldest_wait_since = times->wait_since_ms * US_OF_MS,
    };
    const uint64_t *each = (const uint64_t *)&all;
    for (unsigned i = 0; i < sizeof all / sizeof *each; i++)
        atomic64_store(&out->times[i], each[i]);
}

void counter_publish(struct counter_block_pool *out, const struct pool *pool, const uint64_t moves[AUTOTUNE_REASON_COUNT])
{
    struct pool_counts counts;
    struct pool_times times;
    pool_get_counts(pool, &counts);
    pool_get_times(pool, 0, &times);
    counter_sequence_begin(&out->sequence);
    put_totals(out, pool_get_totals(pool));
    put_all(out, COUNTER_LIMIT_MOVES, moves, AUTOTUNE_REASON_COUNT);
    put_times(out, &times, counts.waiting);
    for (unsigned state = 0; state < COUNTER_MEMBERS_WORKER_STATE; state++)
        put(out, COUNTER_WORKERS + state, counts.by_state[state]);
    for (unsigned state = 0; state < COUNTER_MEMBERS_POOL_STATE; state++)
        put(out, COUNTER_STATE + state, counts.state == (enum pool_state)state);
    put(out, COUNTER_WORKERS_LIMIT, counts.max_instances);
    put(out, COUNTER_QUEUE_LIMIT, counts.queue_length);
    counter_sequence_end(&out->sequence);
}

void counter_observe(struct counter_block_pool *out, enum counter_pool_place histogram, uint64_t us)
{
    atomic64_add(&out->values[histogram + counter_bucket_of(us)], 1);
    atomic64_add(&out->values[histogram + COUNTER_BUCKET_COUNT], us);
}
