/* counter_block: see counter_block.h.
 *
 * Invariant: a reader never waits for a writer, and no index or length in the block decides what memory is touched: all places follow from
 * the layout of the version, which is checked first. */
#include "perfcounters/counter_block.h"

#include <string.h>

#include "fcgiext/core/text.h"
#include "perfcounters/atomic.h"

enum { READ_TRIES = 100 };

/* ---- writing */

void counter_block_init(struct counter_block *block, uint32_t pid, uint64_t process_start, uint64_t now_us,
                        uint64_t now_unix_ms)
{
    block->version = COUNTER_BLOCK_VERSION;
    block->len = sizeof *block;
    block->pid = pid;
    block->process_start = process_start;
    block->start_us = now_us;
    block->start_unix_ms = now_unix_ms;
    atomic32_store(&block->magic, COUNTER_BLOCK_MAGIC);
}

struct counter_block_pool *counter_block_add_pool(struct counter_block *block, struct bytes name, uint64_t now_us,
                                                  uint64_t now_unix_ms)
{
    for (unsigned i = 0; i < COUNTER_BLOCK_POOLS; i++) {
        struct counter_block_pool *pool = &block->pools[i];
        if (pool->used)
            continue;
        text_copy_cut(pool->name, sizeof pool->name, name);
        pool->start_us = now_us;
        pool->start_unix_ms = now_unix_ms;
        atomic32_store(&pool->used, 1);
        return pool;
    }
    block->left_out++;
    return NULL;
}

void counter_sequence_begin(volatile uint32_t *sequence)
{
    atomic32_store(sequence, *sequence + 1);
    atomic_fence(); /* before what is written under it */
}

void counter_sequence_end(volatile uint32_t *sequence)
{
    atomic32_store(sequence, *sequence + 1);
}

/* ---- reading */

enum counter_block_check counter_block_check(const struct counter_block *block, size_t len)
{
    if (len < offsetof(struct counter_block, pid) || atomic32_load(&block->magic) != COUNTER_BLOCK_MAGIC)
        return COUNTER_BLOCK_FOREIGN;
    if (block->version != COUNTER_BLOCK_VERSION)
        return COUNTER_BLOCK_OTHER_VERSION;
    return block->len == sizeof *block && len >= sizeof *block ? COUNTER_BLOCK_GOOD : COUNTER_BLOCK_FOREIGN;
}

/* Copies 64-bit values, each of them whole. */
static void copy_values(uint64_t *out, const volatile uint64_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        out[i] = atomic64_load(&values[i]);
}

/* false: it is being written. */
static bool begin_read(const volatile uint32_t *sequence, uint32_t *seen)
{
    *seen = atomic32_load(sequence);
    return !(*seen & 1);
}

static bool end_read(const volatile uint32_t *sequence, uint32_t seen)
{
    atomic_fence(); /* after what was read under it */
    return atomic32_load(sequence) == seen;
}

static void copy_name(char *out, const char *name)
{
    size_t len = 0;
    while (len < COUNTER_BLOCK_POOL_NAME_LEN && name[len])
        len++;
    text_copy_cut(out, COUNTER_BLOCK_POOL_NAME_LEN, bytes_of(name, len));
}

bool counter_block_read_pool(const struct counter_block *block, unsigned index, uint64_t now_us, struct counter_pool_view *view)
{
    return atomic32_load(&block->pools[index].used) && counter_pool_read(&block->pools[index], now_us, view);
}

bool counter_pool_read(const struct counter_block_pool *pool, uint64_t now_us, struct counter_pool_view *view)
{
    uint64_t times[6];
    uint32_t seen;
    for (int tries = 0; tries < READ_TRIES; tries++) {
        if (!begin_read(&pool->sequence, &seen))
            continue;
        copy_values(view->values, pool->values, COUNTER_POOL_PLACES);
        copy_values(times, pool->times, 6);
        if (!end_read(&pool->sequence, seen))
            continue;
        struct counter_times complete;
        memcpy(&complete, times, sizeof complete);
        /* as the scheduler counts: a part of a millisecond that is shown now would be missing when it has ended */
        counters_complete(view->values, &complete, now_us - now_us % 1000);
        copy_name(view->name, pool->name);
        view->start_us = pool->start_us;
        view->start_unix_ms = pool->start_unix_ms;
        return true;
    }
    return false;
}

bool counter_block_read_worker(const struct counter_block *block, unsigned index, uint64_t now_us,
                               struct counter_worker_view *view)
{
    const struct counter_block_worker *worker = &block->workers[index];
    uint32_t seen;
    for (int tries = 0; tries < READ_TRIES; tries++) {
        if (!begin_read(&worker->sequence, &seen))
            continue;
        uint32_t state = worker->state;
        uint64_t since_us = atomic64_load(&worker->request_since_us);
        *view = (struct counter_worker_view){.pid = worker->pid, .pool = worker->pool, .handle_count = worker->handle_count};
        view->start_us = atomic64_load(&worker->start_us);
        view->request_age_us = since_us && since_us < now_us ? now_us - since_us : 0;
        view->served = atomic64_load(&worker->served);
        view->requests_left = atomic64_load(&worker->requests_left);
        view->private_bytes = atomic64_load(&worker->private_bytes);
        if (!end_read(&worker->sequence, seen))
            continue;
        view->state = state < WORKER_GONE ? (enum worker_state)state : WORKER_GONE;
        return view->pid && view->pool < COUNTER_BLOCK_POOLS && block->pools[view->pool].used && view->state != WORKER_GONE;
    }
    return false;
}

void counter_block_read_host(const struct counter_block *block, uint64_t values[COUNTER_HOST_PLACES])
{
    copy_values(values, block->values, COUNTER_HOST_PLACES);
}
