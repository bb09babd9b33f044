/* The end of a pool: what waits and what comes is rejected, every worker is brought to its end, and then the pool is empty. */
#include "tests/unit/pool_driver.h"

static void assert_closed_and_empty(struct driver *driver)
{
    take_nothing(driver);
    assert_int_equal(counts(driver).state, POOL_STATE_CLOSED);
    assert_true(pool_is_empty(driver->pool));
    arrive(driver, 12345);
    take_reject(driver, 12345, ERROR_CAUSE_SHUTTING_DOWN);
    driver_close(driver);
}

static void pool_without_anything_is_empty_at_once(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    shut_down(&driver);
    shut_down(&driver); /* a second time changes nothing */
    assert_closed_and_empty(&driver);
}

static void arrival_afterwards_is_rejected_also_when_a_worker_is_still_there(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    shut_down(&driver);
    take_kill(&driver, worker);
    assert_int_equal(arrive(&driver, 1), 0);
    take_reject(&driver, 1, ERROR_CAUSE_SHUTTING_DOWN);
    exited(&driver, worker, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_closed_and_empty(&driver);
}

static void everything_ends_whatever_state_it_is_in(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 6;
    limits.signal_ms = 5000;
    driver_open(&driver, limits);
    uint64_t worker[6];
    uint64_t request[6];
    for (uint64_t i = 0; i < 5; i++)
        request[i] = run_on_new_worker(&driver, i, &worker[i]);
    arrive(&driver, 5);
    worker[5] = take_start(&driver);
    arrive(&driver, 6);
    finish(&driver, request[0], POOL_OUTCOME_DONE_UNUSABLE); /* stopping; makes room for one more start */
    take_all(&driver);
    uint64_t another = driver.actions[driver.count - 1].worker;
    finish(&driver, request[1], POOL_OUTCOME_DONE_CLOSED); /* connecting */
    take_all(&driver);
    finish(&driver, request[2], POOL_OUTCOME_BROKEN); /* lingering */
    exited(&driver, worker[3], 0);                    /* gone, its reply is still read; 4 is busy */
    shut_down(&driver);
    take_of_worker(&driver, POOL_ACTION_SIGNAL, worker[1]);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker[1]);
    take_reject(&driver, 2, ERROR_CAUSE_SHUTTING_DOWN);
    take_of_worker(&driver, POOL_ACTION_SIGNAL, worker[2]);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker[2]);
    take_abort(&driver, worker[3], 3, ERROR_CAUSE_SHUTTING_DOWN);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker[3]);
    take_abort(&driver, worker[4], 4, ERROR_CAUSE_SHUTTING_DOWN);
    take_of_worker(&driver, POOL_ACTION_SIGNAL, worker[4]);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker[4]);
    take_reject(&driver, 5, ERROR_CAUSE_SHUTTING_DOWN); /* what waits comes last: workers take time to end */
    take_reject(&driver, 6, ERROR_CAUSE_SHUTTING_DOWN);
    take_nothing(&driver);
    of_worker(&driver, POOL_EVENT_STARTED, worker[5]); /* the starting ones are stopped when they are there */
    take_of_worker(&driver, POOL_ACTION_SIGNAL, worker[5]);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker[5]);
    start_failed(&driver, another, 2);
    take_of_worker(&driver, POOL_ACTION_RELEASE, another);
    finish(&driver, request[4], POOL_OUTCOME_DONE); /* has crossed the ABORT */
    let_pass(&driver, limits.signal_ms - TIMERS_TICK_MS);
    take_nothing(&driver);
    let_pass(&driver, 2 * TIMERS_TICK_MS);
    const unsigned left[] = {0, 1, 2, 4, 5};
    for (int i = 0; i < 5; i++)
        take(&driver, POOL_ACTION_KILL);
    for (int i = 0; i < 5; i++) {
        assert_false(pool_is_empty(driver.pool));
        exited(&driver, worker[left[i]], 1);
        take_of_worker(&driver, POOL_ACTION_RELEASE, worker[left[i]]);
    }
    assert_closed_and_empty(&driver);
}

static void starting_worker_is_ended_as_soon_as_it_has_started(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    shut_down(&driver);
    take_reject(&driver, 1, ERROR_CAUSE_SHUTTING_DOWN);
    assert_false(pool_is_empty(driver.pool));
    of_worker(&driver, POOL_EVENT_STARTED, worker);
    take_kill(&driver, worker);
    exited(&driver, worker, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_closed_and_empty(&driver);
}

static void starting_worker_that_exits_before_it_has_started_is_released(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    shut_down(&driver);
    take_reject(&driver, 1, ERROR_CAUSE_SHUTTING_DOWN);
    exited(&driver, worker, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_closed_and_empty(&driver);
}

static void kill_that_never_ends_does_not_hold_the_end_up_for_ever(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.signal_ms = 5000;
    driver_open(&driver, limits);
    uint64_t worker = new_idle_worker(&driver);
    shut_down(&driver);
    take_of_worker(&driver, POOL_ACTION_SIGNAL, worker);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    assert_due_after(&driver, limits.signal_ms);
    take_of_worker(&driver, POOL_ACTION_KILL, worker);
    let_pass(&driver, POOL_KILL_WAIT_MS + TIMERS_TICK_MS);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_closed_and_empty(&driver);
}

static void more_than_one_set_of_actions_holds_follows_at_once(void **state)
{
    (void)state;
    enum { WORKERS = 70, WAITING = 500 };
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = WORKERS;
    driver_open(&driver, limits);
    uint64_t workers[WORKERS];
    for (uint64_t i = 0; i < WORKERS; i++)
        run_on_new_worker(&driver, i, &workers[i]);
    for (uint64_t i = 0; i < WAITING; i++)
        arrive(&driver, 1000 + i);
    shut_down(&driver);
    assert_true(driver.count <= POOL_MAX_ACTIONS);
    assert_true(pool_next_deadline_ms(driver.pool) <= driver.now_ms);
    do_more(&driver);
    for (uint64_t i = 0; i < WORKERS; i++) {
        take_abort(&driver, workers[i], i, ERROR_CAUSE_SHUTTING_DOWN);
        take_kill(&driver, workers[i]);
    }
    for (uint64_t i = 0; i < WAITING; i++)
        take_reject(&driver, 1000 + i, ERROR_CAUSE_SHUTTING_DOWN);
    take_nothing(&driver);
    for (uint64_t i = 0; i < WORKERS; i++) {
        exited(&driver, workers[i], 1);
        take_of_worker(&driver, POOL_ACTION_RELEASE, workers[i]);
    }
    assert_closed_and_empty(&driver);
}

/* Any event leads the sweep on, not only the DEADLINE that was asked for; and workers may leave meanwhile. */
static void events_that_come_between_lose_nothing(void **state)
{
    (void)state;
    enum { WORKERS = 60 };
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = WORKERS;
    driver_open(&driver, limits);
    uint64_t workers[WORKERS];
    uint64_t requests[WORKERS];
    for (uint64_t i = 0; i < WORKERS; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    shut_down(&driver);
    take_all(&driver);
    finish(&driver, requests[WORKERS - 1], POOL_OUTCOME_DONE); /* not yet swept: it is answered */
    take_forget(&driver, WORKERS - 1);
    take_kill(&driver, workers[WORKERS - 1]);
    take_all(&driver);
    finish(&driver, requests[WORKERS - 2], POOL_OUTCOME_UNWRITTEN); /* not tried again */
    take_all(&driver);
    do_more(&driver);
    take_all(&driver);
    uint64_t ended = pool_get_totals(driver.pool)->failed[ERROR_CAUSE_SHUTTING_DOWN];
    assert_int_equal(ended, WORKERS - 1);
    for (uint64_t i = 0; i < WORKERS; i++) {
        exited(&driver, workers[i], 1);
        take_of_worker(&driver, POOL_ACTION_RELEASE, workers[i]);
    }
    assert_closed_and_empty(&driver);
}

static void shut_down_during_rapid_fail_ends_the_rapid_fail(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 0;
    driver_open(&driver, limits);
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    start_failed(&driver, worker, 2);
    take_all(&driver);
    assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
    shut_down(&driver);
    let_pass(&driver, 2 * POOL_RAPID_FAIL_MS);
    assert_closed_and_empty(&driver);
}

static void shut_down_does_not_wait_for_a_server_that_does_not_answer(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.external = true;
    driver_open(&driver, limits);
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    shut_down(&driver);
    take_kill(&driver, worker);
    take_reject(&driver, 1, ERROR_CAUSE_SHUTTING_DOWN);
    exited(&driver, worker, 0);
    take_release(&driver, worker);
    assert_true(pool_is_empty(driver.pool));
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_without_anything_is_empty_at_once),
        cmocka_unit_test(arrival_afterwards_is_rejected_also_when_a_worker_is_still_there),
        cmocka_unit_test(everything_ends_whatever_state_it_is_in),
        cmocka_unit_test(starting_worker_is_ended_as_soon_as_it_has_started),
        cmocka_unit_test(starting_worker_that_exits_before_it_has_started_is_released),
        cmocka_unit_test(kill_that_never_ends_does_not_hold_the_end_up_for_ever),
        cmocka_unit_test(more_than_one_set_of_actions_holds_follows_at_once),
        cmocka_unit_test(events_that_come_between_lose_nothing),
        cmocka_unit_test(shut_down_during_rapid_fail_ends_the_rapid_fail),
        cmocka_unit_test(shut_down_does_not_wait_for_a_server_that_does_not_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
