/* The memory in which a host publishes its counters, written and read; readers trust nothing in it. */
#include "perfcounters/counter_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "perfcounters/atomic.h"

static int open_block(void **state)
{
    struct counter_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    counter_block_init(block, 42, 7, 1000, 5000);
    *state = block;
    return 0;
}

static int close_block(void **state)
{
    free(*state);
    return 0;
}

static struct counter_block_pool *add_pool(struct counter_block *block, const char *name)
{
    return counter_block_add_pool(block, bytes_of_str(name), 2000, 6000);
}

static void a_block_of_this_version_is_good_and_others_are_told_apart(void **state)
{
    struct counter_block *block = *state;
    assert_int_equal(counter_block_check(block, sizeof *block), COUNTER_BLOCK_GOOD);
    assert_int_equal(counter_block_check(block, sizeof *block - 1), COUNTER_BLOCK_FOREIGN);
    assert_int_equal(counter_block_check(block, 0), COUNTER_BLOCK_FOREIGN);
    block->len--;
    assert_int_equal(counter_block_check(block, sizeof *block), COUNTER_BLOCK_FOREIGN);
    block->version++;
    assert_int_equal(counter_block_check(block, sizeof *block), COUNTER_BLOCK_OTHER_VERSION);
    block->magic = 0; /* not written yet */
    assert_int_equal(counter_block_check(block, sizeof *block), COUNTER_BLOCK_FOREIGN);
}

static void a_pool_is_read_as_it_was_written_and_completed(void **state)
{
    struct counter_block *block = *state;
    struct counter_block_pool *pool = add_pool(block, "php");
    struct counter_pool_view view;
    atomic64_add(&pool->values[COUNTER_REQUESTS], UINT64_C(0x100000001));
    pool->times[0] = 1;
    pool->times[1] = pool->times[4] = 2500;
    assert_true(counter_block_read_pool(block, 0, 3000, &view));
    assert_string_equal(view.name, "php");
    assert_int_equal(view.start_us, 2000);
    assert_int_equal(view.start_unix_ms, 6000);
    assert_true(view.values[COUNTER_REQUESTS] == UINT64_C(0x100000001));
    assert_int_equal(view.values[COUNTER_BUSY], 500);
    assert_int_equal(view.values[COUNTER_OLDEST_RUN], 500);
    assert_true(
        counter_block_read_pool(block, 0, 3999, &view)); /* the scheduler's clock has milliseconds: it would shrink again */
    assert_int_equal(view.values[COUNTER_BUSY], 500);
    assert_false(counter_block_read_pool(block, 1, 3000, &view));
}

static void pools_that_find_no_room_are_counted(void **state)
{
    struct counter_block *block = *state;
    for (int i = 0; i < COUNTER_BLOCK_POOLS; i++)
        assert_ptr_equal(add_pool(block, "p"), &block->pools[i]);
    assert_null(add_pool(block, "p"));
    assert_int_equal(block->left_out, 1);
}

static void a_writer_that_died_in_the_middle_holds_nobody_up(void **state)
{
    struct counter_block *block = *state;
    struct counter_block_pool *pool = add_pool(block, "php");
    struct counter_pool_view view;
    struct counter_worker_view worker;
    counter_sequence_begin(&pool->sequence);
    assert_false(counter_block_read_pool(block, 0, 3000, &view));
    counter_sequence_end(&pool->sequence);
    assert_true(counter_block_read_pool(block, 0, 3000, &view));
    block->workers[0].pid = 1;
    assert_true(counter_block_read_worker(block, 0, 3000, &worker));
    counter_sequence_begin(&block->workers[0].sequence);
    assert_false(counter_block_read_worker(block, 0, 3000, &worker));
}

static void a_worker_of_no_pool_or_in_no_state_is_not_shown(void **state)
{
    struct counter_block *block = *state;
    struct counter_worker_view view;
    struct counter_block_worker *worker = &block->workers[COUNTER_BLOCK_WORKERS - 1];
    add_pool(block, "php");
    *worker = (struct counter_block_worker){.pid = 5, .state = WORKER_BUSY, .request_since_us = 2000, .served = 3};
    assert_true(counter_block_read_worker(block, COUNTER_BLOCK_WORKERS - 1, 3000, &view));
    assert_int_equal(view.request_age_us, 1000);
    assert_int_equal(view.served, 3);
    worker->request_since_us = 4000; /* in the future */
    assert_true(counter_block_read_worker(block, COUNTER_BLOCK_WORKERS - 1, 3000, &view));
    assert_int_equal(view.request_age_us, 0);
    worker->pool = 1;
    assert_false(counter_block_read_worker(block, COUNTER_BLOCK_WORKERS - 1, 3000, &view));
    worker->pool = UINT32_MAX;
    assert_false(counter_block_read_worker(block, COUNTER_BLOCK_WORKERS - 1, 3000, &view));
    worker->pool = 0;
    worker->state = 77;
    assert_false(counter_block_read_worker(block, COUNTER_BLOCK_WORKERS - 1, 3000, &view));
    worker->state = WORKER_IDLE;
    worker->pid = 0;
    assert_false(counter_block_read_worker(block, COUNTER_BLOCK_WORKERS - 1, 3000, &view));
}

static void a_name_without_an_end_or_without_sense_is_cut_and_cleaned(void **state)
{
    struct counter_block *block = *state;
    struct counter_pool_view view;
    struct counter_block_pool *pool = add_pool(block, "php");
    memset(pool->name, 'x', sizeof pool->name);
    assert_true(counter_block_read_pool(block, 0, 3000, &view));
    assert_int_equal(strlen(view.name), COUNTER_BLOCK_POOL_NAME_LEN - 1);
    memcpy(pool->name, "a\xff\xfe", 4);
    assert_true(counter_block_read_pool(block, 0, 3000, &view));
    assert_string_equal(view.name, "a??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_block_of_this_version_is_good_and_others_are_told_apart, open_block, close_block),
        cmocka_unit_test_setup_teardown(a_pool_is_read_as_it_was_written_and_completed, open_block, close_block),
        cmocka_unit_test_setup_teardown(pools_that_find_no_room_are_counted, open_block, close_block),
        cmocka_unit_test_setup_teardown(a_writer_that_died_in_the_middle_holds_nobody_up, open_block, close_block),
        cmocka_unit_test_setup_teardown(a_worker_of_no_pool_or_in_no_state_is_not_shown, open_block, close_block),
        cmocka_unit_test_setup_teardown(a_name_without_an_end_or_without_sense_is_cut_and_cleaned, open_block, close_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
