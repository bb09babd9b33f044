/* From the blocks of hosts to the instances of perfmon: sums, what is carried on of hosts that have gone, names, bounds; and blocks that
 * lie or are half-written. */
#include "perf_testing.h"

enum { MAX_BLOCKS = 100 };

struct bench {
    struct perf_hosts *hosts;
    struct counter_block *blocks[MAX_BLOCKS];
    size_t count;
};

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->hosts = perf_hosts_create();
    assert_non_null(bench->hosts);
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < bench->count; i++)
        free(bench->blocks[i]);
    perf_hosts_destroy(bench->hosts);
    free(bench);
    return 0;
}

static struct counter_block *add_block(struct bench *bench, uint32_t pid)
{
    assert_true(bench->count < MAX_BLOCKS);
    return bench->blocks[bench->count++] = perf_test_block(pid);
}

/* With the blocks from `first` on. */
static void round_from(struct bench *bench, size_t first)
{
    perf_test_round(bench->hosts, (const struct counter_block *const *)bench->blocks + first, bench->count - first);
}

static uint64_t value(const struct bench *bench, const char *pool, unsigned place)
{
    return perf_test_row(bench->hosts, pool)->values[place];
}

static void pools_of_one_name_are_summed_over_hosts_whatever_its_case(void **state)
{
    struct bench *bench = *state;
    struct counter_block *a = add_block(bench, 10), *b = add_block(bench, 20);
    struct counter_block_pool *php_a = perf_test_pool(a, "php", 100), *php_b = perf_test_pool(b, "PHP", 20);
    perf_test_pool(b, "ruby", 3);
    php_a->start_us = 3000000;
    php_a->values[COUNTER_QUEUED] = 77; /* it follows from times[] */
    php_a->times[2] = 2;
    php_b->times[2] = 3;
    php_a->times[5] = PERF_TEST_NOW_US - 500;
    php_b->times[5] = PERF_TEST_NOW_US - 900;
    round_from(bench, 0);
    size_t count;
    const struct perf_pool_row *rows = perf_hosts_pools(bench->hosts, &count);
    assert_int_equal(count, 3);
    assert_true(perf_test_is(&rows[2].name, "_Total"));
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 120);
    assert_int_equal(value(bench, "ruby", COUNTER_REQUESTS), 3);
    assert_int_equal(value(bench, "_Total", COUNTER_REQUESTS), 123);
    assert_int_equal(value(bench, "php", COUNTER_QUEUED), 5);
    assert_int_equal(value(bench, "php", COUNTER_OLDEST_WAIT), 900);
    assert_int_equal(value(bench, "_Total", COUNTER_OLDEST_WAIT), 900);
    assert_int_equal(perf_test_row(bench->hosts, "php")->start_us, 2000000);
    assert_int_equal(value(bench, "_Total", COUNTER_STATE), 3);
}

static void without_hosts_there_is_the_sum_and_it_is_zero(void **state)
{
    struct bench *bench = *state;
    size_t count;
    round_from(bench, 0);
    const struct perf_pool_row *rows = perf_hosts_pools(bench->hosts, &count);
    assert_int_equal(count, 1);
    assert_true(perf_test_is(&rows[0].name, "_Total"));
    assert_int_equal(rows[0].start_us, 0);
    perf_hosts_workers(bench->hosts, &count);
    assert_int_equal(count, 0);
}

static void counters_of_a_vanished_host_are_carried_on_and_gauges_are_not(void **state)
{
    struct bench *bench = *state;
    struct counter_block *a = add_block(bench, 10);
    struct counter_block_pool *php = perf_test_pool(a, "php", 100);
    php->values[COUNTER_WORKERS + WORKER_IDLE] = 4;
    php->values[COUNTER_EXECUTION + 3] = 90;
    perf_test_worker(a, 0, 77, 0);
    round_from(bench, 0);
    assert_int_equal(value(bench, "php", COUNTER_WORKERS + WORKER_IDLE), 4);
    round_from(bench, 1); /* it is gone */
    size_t count;
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 100);
    assert_int_equal(value(bench, "php", COUNTER_EXECUTION + 3), 90);
    assert_int_equal(value(bench, "php", COUNTER_WORKERS + WORKER_IDLE), 0);
    assert_int_equal(value(bench, "php", COUNTER_STATE), 0);
    assert_int_equal(perf_test_row(bench->hosts, "php")->start_us, 0);
    perf_hosts_workers(bench->hosts, &count);
    assert_int_equal(count, 0);
    perf_test_pool(add_block(bench, 11), "php", 5); /* its successor */
    round_from(bench, 1);
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 105);
    assert_int_equal(value(bench, "_Total", COUNTER_REQUESTS), 105);
}

static void a_host_that_was_missed_once_is_not_counted_twice(void **state)
{
    struct bench *bench = *state;
    struct counter_block_pool *php = perf_test_pool(add_block(bench, 10), "php", 100);
    round_from(bench, 0);
    round_from(bench, 1);
    php->values[COUNTER_REQUESTS] = 130;
    round_from(bench, 0);
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 130);
}

static void a_process_id_that_is_used_again_is_another_host(void **state)
{
    struct bench *bench = *state;
    perf_test_pool(add_block(bench, 10), "php", 100);
    round_from(bench, 0);
    struct counter_block *next = add_block(bench, 10);
    next->process_start++;
    perf_test_pool(next, "php", 1);
    round_from(bench, 1);
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 101);
    struct counter_block *again = add_block(bench, 10); /* the DLL was loaded once more */
    again->process_start = next->process_start;
    again->start_us++;
    perf_test_pool(again, "php", 2);
    round_from(bench, 2);
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 103);
}

static void a_host_that_has_taken_leave_counts_as_gone_with_its_last_totals(void **state)
{
    struct bench *bench = *state;
    struct counter_block *a = add_block(bench, 10);
    struct counter_block_pool *php = perf_test_pool(a, "php", 100);
    php->times[0] = 1;
    perf_test_worker(a, 0, 77, 0);
    round_from(bench, 0);
    assert_int_equal(value(bench, "php", COUNTER_EXECUTING), 1);
    php->values[COUNTER_REQUESTS] = 107;
    a->ended = 1;
    round_from(bench, 0);
    size_t count;
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 107);
    assert_int_equal(value(bench, "php", COUNTER_EXECUTING), 0);
    perf_hosts_workers(bench->hosts, &count);
    assert_int_equal(count, 0);
}

static void more_hosts_than_are_remembered_lose_no_totals(void **state)
{
    struct bench *bench = *state;
    for (uint32_t i = 0; i < PERF_MAX_HOSTS + 20; i++) {
        perf_test_pool(add_block(bench, 100 + i), "php", 1);
        round_from(bench, i);
        assert_int_equal(value(bench, "php", COUNTER_REQUESTS), i + 1);
        assert_int_equal(value(bench, "_Total", COUNTER_REQUESTS), i + 1);
    }
    /* as many as that at the same time: those that find no place are left out */
    perf_hosts_begin(bench->hosts, PERF_TEST_NOW_US);
    size_t taken = 0;
    for (size_t i = 0; i < bench->count; i++)
        taken += perf_hosts_take(bench->hosts, bench->blocks[i]->pid, bench->blocks[i], sizeof *bench->blocks[i]);
    perf_hosts_end(bench->hosts);
    assert_int_equal(taken, PERF_MAX_HOSTS);
}

static void a_counter_never_becomes_less(void **state)
{
    struct bench *bench = *state;
    struct counter_block_pool *php = perf_test_pool(add_block(bench, 10), "php", 100);
    php->values[COUNTER_WORKERS_LIMIT] = 8;
    round_from(bench, 0);
    php->values[COUNTER_REQUESTS] = 50;
    php->values[COUNTER_WORKERS_LIMIT] = 4;
    round_from(bench, 0);
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 100);
    assert_int_equal(value(bench, "php", COUNTER_WORKERS_LIMIT), 4);
}

static void a_pool_that_is_half_written_shows_what_it_showed(void **state)
{
    struct bench *bench = *state;
    struct counter_block *a = add_block(bench, 10);
    struct counter_block_pool *php = perf_test_pool(a, "php", 100), *half = perf_test_pool(a, "half", 5);
    counter_sequence_begin(&half->sequence);
    round_from(bench, 0);
    size_t count;
    perf_hosts_pools(bench->hosts, &count);
    assert_int_equal(count, 2); /* nothing is known of the other one yet */
    counter_sequence_begin(&php->sequence);
    php->values[COUNTER_REQUESTS] = 1000000;
    counter_sequence_end(&half->sequence);
    round_from(bench, 0);
    assert_int_equal(value(bench, "php", COUNTER_REQUESTS), 100);
    assert_int_equal(value(bench, "half", COUNTER_REQUESTS), 5);
}

static void what_is_no_block_of_that_process_is_refused(void **state)
{
    struct bench *bench = *state;
    struct counter_block *a = add_block(bench, 10);
    perf_test_pool(a, "php", 100);
    perf_hosts_begin(bench->hosts, PERF_TEST_NOW_US);
    assert_false(perf_hosts_take(bench->hosts, 11, a, sizeof *a));
    assert_false(perf_hosts_take(bench->hosts, 10, a, sizeof *a - 1));
    a->version++;
    assert_false(perf_hosts_take(bench->hosts, 10, a, sizeof *a));
    a->version--;
    a->magic = 0; /* dead before it was ready */
    assert_false(perf_hosts_take(bench->hosts, 10, a, sizeof *a));
    perf_hosts_end(bench->hosts);
    size_t count;
    perf_hosts_pools(bench->hosts, &count);
    assert_int_equal(count, 1);
}

static void names_that_would_be_the_same_are_told_apart_and_stay(void **state)
{
    struct bench *bench = *state;
    struct counter_block *a = add_block(bench, 10);
    perf_test_pool(a, "a/b", 1);
    perf_test_pool(a, "a_b", 2);
    perf_test_pool(a, "A#B", 3);
    perf_test_pool(a, "a_b~3", 4);
    perf_test_pool(a, "_total", 5);
    for (int i = 0; i < 2; i++) {
        round_from(bench, 0);
        assert_int_equal(value(bench, "a_b", COUNTER_REQUESTS), 1);
        assert_int_equal(value(bench, "a_b~2", COUNTER_REQUESTS), 2);
        assert_int_equal(value(bench, "A_B~3", COUNTER_REQUESTS), 3);
        assert_int_equal(value(bench, "a_b~3~4", COUNTER_REQUESTS), 4);
        assert_int_equal(value(bench, "_total_", COUNTER_REQUESTS), 5);
        assert_int_equal(value(bench, "_Total", COUNTER_REQUESTS), 15);
    }
}

static void more_pools_than_have_names_are_in_the_sum(void **state)
{
    struct bench *bench = *state;
    for (uint32_t host = 0; host < 3; host++) {
        struct counter_block *block = add_block(bench, 10 + host);
        for (uint32_t i = 0; i < COUNTER_BLOCK_POOLS; i++) {
            char name[32];
            snprintf(name, sizeof name, "pool %u/%u", host, i);
            perf_test_pool(block, name, 1);
        }
    }
    perf_test_worker(bench->blocks[2], 0, 77, 0);    /* of a pool without a name */
    for (size_t first = 0; first <= 3; first += 3) { /* then all of them are gone */
        size_t count;
        round_from(bench, first);
        perf_hosts_pools(bench->hosts, &count);
        assert_int_equal(count, PERF_MAX_POOLS + 1);
        assert_int_equal(value(bench, "_Total", COUNTER_REQUESTS), 3 * COUNTER_BLOCK_POOLS);
        perf_hosts_workers(bench->hosts, &count);
        assert_int_equal(count, 0);
    }
}

static void workers_are_called_by_pool_and_process_id(void **state)
{
    struct bench *bench = *state;
    struct counter_block *a = add_block(bench, 10), *b = add_block(bench, 20);
    perf_test_pool(a, "a/b", 0);
    perf_test_pool(b, "0123456789012345678901234567890123456789012345678901234567890123456789", 0);
    perf_test_worker(a, 5, 77, 0);
    perf_test_worker(b, COUNTER_BLOCK_WORKERS - 1, UINT32_MAX, 0);
    perf_test_worker(b, 0, 77, 0); /* a lie, or left behind by a killed host */
    perf_test_worker(b, 1, 78, 5); /* of no pool */
    round_from(bench, 0);
    size_t count;
    const struct perf_worker_row *rows = perf_hosts_workers(bench->hosts, &count);
    assert_int_equal(count, 2);
    assert_true(perf_test_is(&rows[0].name, "a_b_77"));
    assert_int_equal(rows[0].view.served, 78);
    assert_true(perf_test_is(&rows[1].name, "01234567890123456789012345678901234567890123456789012_4294967295"));
}

static void workers_have_a_bound(void **state)
{
    struct bench *bench = *state;
    for (uint32_t host = 0; host < 2; host++) {
        struct counter_block *block = add_block(bench, 10 + host);
        perf_test_pool(block, "php", 0);
        for (uint32_t i = 0; i < COUNTER_BLOCK_WORKERS; i++)
            perf_test_worker(block, i, 1 + host * COUNTER_BLOCK_WORKERS + i, 0);
    }
    size_t count;
    round_from(bench, 0);
    perf_hosts_workers(bench->hosts, &count);
    assert_int_equal(count, PERF_MAX_WORKERS);
}

static void row_27_garbage_in_every_field_is_survived(void **state)
{
    struct bench *bench = *state;
    uint64_t random = 88172645463325252u;
    struct counter_block *a = add_block(bench, 10);
    for (int tries = 0; tries < 20; tries++) {
        uint8_t *bytes = (uint8_t *)a;
        for (size_t i = 0; i < sizeof *a; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            bytes[i] = tries % 4 == 3 ? 0xff : (uint8_t)random;
        }
        a->magic = COUNTER_BLOCK_MAGIC;
        a->version = COUNTER_BLOCK_VERSION;
        a->len = sizeof *a;
        a->pid = 10;
        for (int i = 0; i < COUNTER_BLOCK_POOLS; i++)
            a->pools[i].sequence &= ~1u;
        for (int i = 0; i < COUNTER_BLOCK_WORKERS; i++)
            a->workers[i].sequence &= ~1u, a->workers[i].pool %= 200, a->workers[i].state %= 8;
        round_from(bench, 0);
        size_t count;
        const struct perf_pool_row *rows = perf_hosts_pools(bench->hosts, &count);
        assert_true(count > 1 && count <= PERF_MAX_POOLS + 1);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < i; j++)
                assert_false(perf_name_equal(&rows[i].name, &rows[j].name));
        perf_hosts_workers(bench->hosts, &count);
        assert_true(count <= PERF_MAX_WORKERS);
    }
}

#define BENCH_TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(pools_of_one_name_are_summed_over_hosts_whatever_its_case),
        BENCH_TEST(without_hosts_there_is_the_sum_and_it_is_zero),
        BENCH_TEST(counters_of_a_vanished_host_are_carried_on_and_gauges_are_not),
        BENCH_TEST(a_host_that_was_missed_once_is_not_counted_twice),
        BENCH_TEST(a_process_id_that_is_used_again_is_another_host),
        BENCH_TEST(a_host_that_has_taken_leave_counts_as_gone_with_its_last_totals),
        BENCH_TEST(more_hosts_than_are_remembered_lose_no_totals),
        BENCH_TEST(a_counter_never_becomes_less),
        BENCH_TEST(a_pool_that_is_half_written_shows_what_it_showed),
        BENCH_TEST(what_is_no_block_of_that_process_is_refused),
        BENCH_TEST(names_that_would_be_the_same_are_told_apart_and_stay),
        BENCH_TEST(more_pools_than_have_names_are_in_the_sum),
        BENCH_TEST(workers_are_called_by_pool_and_process_id),
        BENCH_TEST(workers_have_a_bound),
        BENCH_TEST(row_27_garbage_in_every_field_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
