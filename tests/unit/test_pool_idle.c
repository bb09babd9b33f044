/* Idle connections: when they are watched, and what becomes of a request that finds them closed. */
#include "tests/unit/pool_driver.h"

/* Not at once: most connections have their next request sooner, and a read that is there before it costs it time. */
static void idle_connection_is_watched_once_and_only_after_a_while(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.watch_ms = POOL_WATCH_MS;
    driver_open(&driver, limits);
    uint64_t worker = new_idle_worker(&driver);
    let_pass(&driver, POOL_WATCH_MS - 1);
    uint64_t request = serve_on(&driver, 2, worker);
    answer(&driver, request, 2); /* which begins the time anew */
    assert_due_after(&driver, POOL_WATCH_MS);
    take_of_worker(&driver, POOL_ACTION_WATCH, worker);
    assert_due_after(&driver, limits.idle_timeout_ms - POOL_WATCH_MS - TIMERS_TICK_MS);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void connection_that_takes_what_nobody_reads_is_watched_from_the_first_moment(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.watch_ms = 0;
    driver_open(&driver, limits);
    uint64_t request = arrive(&driver, 1);
    uint64_t worker = start_next(&driver);
    take_of_worker(&driver, POOL_ACTION_WATCH, worker);
    take_assign(&driver, request);
    answer(&driver, request, 1);
    take_of_worker(&driver, POOL_ACTION_WATCH, worker);
    driver_close(&driver);
}

static void idle_time_out_below_the_time_to_watch_ends_the_worker(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.idle_timeout_ms = limits.watch_ms = POOL_WATCH_MS;
    driver_open(&driver, limits);
    uint64_t worker = new_idle_worker(&driver);
    assert_due_after(&driver, POOL_WATCH_MS);
    take_kill(&driver, worker);
    driver_close(&driver);
}

/* Not in the same call, which would not come to its end: the clock stands still in it. */
static void idle_time_out_of_0_ends_a_worker_that_is_not_needed_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.idle_timeout_ms = 0;
    driver_open(&driver, limits); /* at a tick of the timers */
    uint64_t worker = new_idle_worker(&driver);
    let_pass(&driver, TIMERS_TICK_MS);
    take_kill(&driver, worker);
    driver_close(&driver);
}

/* Each of them is met once: a service whose workers have all ended loses no request. */
static void request_that_was_not_written_meets_all_stale_workers_before_its_tries_count(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[6];
    struct pool_limits limits = driver_limits();
    limits.max_instances = 6;
    open_with_idle(&driver, limits, workers, 6);
    uint64_t request = arrive_once_only(&driver, 1);
    uint64_t worker = take_assign(&driver, request);
    for (int met = 1; met < 6; met++) {
        finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
        take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
        worker = take_assign(&driver, request);
    }
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    worker = start_next(&driver);
    assert_int_equal(take_assign(&driver, request), worker);
    assert_int_equal(pool_totals_retried(pool_get_totals(driver.pool)), 6);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_connection_is_watched_once_and_only_after_a_while),
        cmocka_unit_test(connection_that_takes_what_nobody_reads_is_watched_from_the_first_moment),
        cmocka_unit_test(idle_time_out_below_the_time_to_watch_ends_the_worker),
        cmocka_unit_test(idle_time_out_of_0_ends_a_worker_that_is_not_needed_at_once),
        cmocka_unit_test(request_that_was_not_written_meets_all_stale_workers_before_its_tries_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
