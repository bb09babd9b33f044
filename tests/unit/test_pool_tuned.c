/* A pool whose limit is moved from outside, as MaxInstances=0 has it. */
#include "tests/unit/pool_driver.h"

static struct pool_limits tuned_limits(void)
{
    struct pool_limits limits = driver_limits();
    limits.max_instances = 2;
    limits.tuned_max = 8;
    return limits;
}

static void tune(struct driver *driver, uint32_t max_instances)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_TUNED, .max_instances = max_instances});
}

static uint32_t limit_of(const struct driver *driver)
{
    struct pool_counts counts;
    pool_get_counts(driver->pool, &counts);
    return counts.max_instances;
}

static void a_higher_limit_starts_workers_for_what_waits(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, tuned_limits());
    for (uint64_t i = 0; i < 5; i++) {
        arrive(&driver, i + 1);
        if (i < 2)
            take_start(&driver);
    }
    take_nothing(&driver);
    tune(&driver, 4);
    take_start(&driver);
    take_start(&driver);
    take_nothing(&driver);
    assert_int_equal(limit_of(&driver), 4);
    driver_close(&driver);
}

static void a_lower_limit_ends_idle_workers(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, tuned_limits());
    tune(&driver, 3);
    uint64_t workers[3];
    for (int i = 0; i < 3; i++) {
        arrive(&driver, (uint64_t)i + 1);
        workers[i] = take_start(&driver);
    }
    uint64_t requests[3];
    for (int i = 0; i < 3; i++) {
        of_worker(&driver, POOL_EVENT_STARTED, workers[i]);
        requests[i] = take(&driver, POOL_ACTION_ASSIGN)->request;
    }
    finish(&driver, requests[0], POOL_OUTCOME_DONE);
    take_all(&driver);
    tune(&driver, 1);
    take_kill(&driver, workers[0]);
    finish(&driver, requests[1], POOL_OUTCOME_DONE);
    take(&driver, POOL_ACTION_FORGET);
    take_kill(&driver, workers[1]); /* when it has become free */
    finish(&driver, requests[2], POOL_OUTCOME_DONE);
    take(&driver, POOL_ACTION_FORGET);
    take_nothing(&driver); /* the last one stays */
    driver_close(&driver);
}

static void the_limit_stays_within_its_bounds(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, tuned_limits());
    uint32_t slots = pool_worker_slots(driver.pool);
    tune(&driver, 100);
    assert_int_equal(limit_of(&driver), 8);
    tune(&driver, 0);
    assert_int_equal(limit_of(&driver), 1);
    assert_int_equal(pool_worker_slots(driver.pool), slots); /* the shell has made its table for the most there may be */
    driver_close(&driver);
}

static void a_pool_that_is_not_tuned_keeps_its_limit(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    tune(&driver, 7);
    assert_int_equal(limit_of(&driver), 4);
    driver_close(&driver);
}

static void what_was_found_outlives_other_changes_of_the_settings(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = tuned_limits();
    driver_open(&driver, limits);
    tune(&driver, 6);
    limits.queue_length = 7;
    reconfigure(&driver, limits);
    assert_int_equal(limit_of(&driver), 6);
    limits.tuned_max = 5;
    reconfigure(&driver, limits);
    assert_int_equal(limit_of(&driver), 5);
    limits.tuned_max = 0;
    limits.max_instances = 3;
    reconfigure(&driver, limits);
    assert_int_equal(limit_of(&driver), 3);
    limits.tuned_max = 8;
    limits.max_instances = 2;
    reconfigure(&driver, limits);
    assert_int_equal(limit_of(&driver), 2);
    driver_close(&driver);
}

static void more_workers_to_be_kept_are_started_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = tuned_limits();
    driver_open(&driver, limits);
    limits.min_instances = 3; /* the limit is 2 */
    reconfigure(&driver, limits);
    assert_int_equal(limit_of(&driver), 3);
    for (int i = 0; i < 3; i++)
        take_start(&driver);
    take_nothing(&driver);
    tune(&driver, 1);
    assert_int_equal(limit_of(&driver), 3);
    limits.min_instances = 100; /* but not above the most there may be */
    reconfigure(&driver, limits);
    assert_int_equal(limit_of(&driver), 8);
    take_all(&driver);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_higher_limit_starts_workers_for_what_waits),
        cmocka_unit_test(a_lower_limit_ends_idle_workers),
        cmocka_unit_test(the_limit_stays_within_its_bounds),
        cmocka_unit_test(a_pool_that_is_not_tuned_keeps_its_limit),
        cmocka_unit_test(more_workers_to_be_kept_are_started_at_once),
        cmocka_unit_test(what_was_found_outlives_other_changes_of_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
