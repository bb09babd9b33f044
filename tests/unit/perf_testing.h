/* perf_testing: blocks of hosts as the tests of perfmon want them. */
#ifndef TESTS_UNIT_PERF_TESTING_H
#define TESTS_UNIT_PERF_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "perfcounters/perf_hosts.h"

enum { PERF_TEST_NOW_US = 5000000 };

static inline struct counter_block *perf_test_block(uint32_t pid)
{
    struct counter_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    counter_block_init(block, pid, 7, 1000, 5000);
    return block;
}

static inline struct counter_block_pool *perf_test_pool(struct counter_block *block, const char *name, uint64_t requests)
{
    struct counter_block_pool *pool = counter_block_add_pool(block, bytes_of_str(name), 2000000, 6000);
    assert_non_null(pool);
    pool->values[COUNTER_REQUESTS] = requests;
    pool->values[COUNTER_STATE + POOL_STATE_RUNNING] = 1;
    return pool;
}

static inline void perf_test_worker(struct counter_block *block, unsigned index, uint32_t pid, uint32_t pool)
{
    block->workers[index] = (struct counter_block_worker){
        .pid = pid, .pool = pool, .state = WORKER_IDLE, .start_us = 3000000, .served = pid + 1, .handle_count = 9};
}

/* A round with these blocks; NULL: none. */
static inline void perf_test_round(struct perf_hosts *hosts, const struct counter_block *const *blocks, size_t count)
{
    perf_hosts_begin(hosts, PERF_TEST_NOW_US);
    for (size_t i = 0; i < count; i++)
        assert_true(perf_hosts_take(hosts, blocks[i]->pid, blocks[i], sizeof *blocks[i]));
    perf_hosts_end(hosts);
}

static inline bool perf_test_is(const struct perf_name *name, const char *ascii)
{
    struct perf_name wanted;
    perf_name_set(&wanted, ascii);
    return name->len == wanted.len && memcmp(name->units, wanted.units, 2 * (size_t)name->len) == 0;
}

static inline const struct perf_pool_row *perf_test_row(const struct perf_hosts *hosts, const char *name)
{
    size_t count;
    const struct perf_pool_row *rows = perf_hosts_pools(hosts, &count);
    for (size_t i = 0; i < count; i++)
        if (perf_test_is(&rows[i].name, name))
            return &rows[i];
    fail_msg("there is no pool %s", name);
    return NULL;
}

#endif
