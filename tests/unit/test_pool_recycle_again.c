/* A recycle that meets another one, or a new limit: it neither stands still nor serves with too many or too few. */
#include "tests/unit/pool_driver.h"

static void recycle_during_a_recycle_replaces_the_replacements_too(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    uint64_t first = take_start(&driver);
    recycle(&driver, false);
    uint64_t second = take_start(&driver);
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 2);
    of_worker(&driver, POOL_EVENT_STARTED, first); /* serves meanwhile */
    let_pass(&driver, 2 * POOL_READY_MS);
    take_nothing(&driver); /* but proves nothing any more */
    of_worker(&driver, POOL_EVENT_STARTED, second);
    let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
    take_kill(&driver, first);
    uint64_t third = take_start(&driver);
    end_of(&driver, first);
    of_worker(&driver, POOL_EVENT_STARTED, third);
    let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 2);
    driver_close(&driver);
}

/* The surge is used up by a replacement that is to be replaced itself. */
static void recycle_during_the_recycle_of_a_full_pool_goes_on(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[8];
    struct pool_limits limits = driver_limits();
    limits.max_instances = 2;
    open_with_idle(&driver, limits, workers, 2);
    recycle(&driver, false);
    start_next(&driver);
    recycle(&driver, false);
    take_kill(&driver, workers[0]);
    end_of(&driver, workers[0]);
    uint64_t second = take_start(&driver);
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 2);
    of_worker(&driver, POOL_EVENT_STARTED, second);
    take_nothing(&driver);
    driver_close(&driver);
}

/* More serve than may, and none of them is old enough to go without a replacement, or new enough to be one. */
static void recycle_goes_on_when_the_limit_is_lowered(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[8];
    struct pool_limits limits = driver_limits();
    uint64_t requests[4];
    driver_open(&driver, limits);
    for (uint64_t i = 0; i < 4; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    recycle(&driver, false);
    fail_start(&driver);
    limits.max_instances = 2;
    reconfigure(&driver, limits);
    take_nothing(&driver);
    for (uint64_t i = 0; i < 2; i++) {
        answer(&driver, requests[i], i);
        take_kill(&driver, workers[i]);
        end_of(&driver, workers[i]);
    }
    let_pass(&driver, POOL_START_PAUSE_MS + TIMERS_TICK_MS);
    take_start(&driver);
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 2);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recycle_during_a_recycle_replaces_the_replacements_too),
        cmocka_unit_test(recycle_during_the_recycle_of_a_full_pool_goes_on),
        cmocka_unit_test(recycle_goes_on_when_the_limit_is_lowered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
