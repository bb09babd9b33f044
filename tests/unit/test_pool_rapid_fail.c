/* Rapid fail: more failures than allowed in a minute, and the pool refuses everything for a minute, naming the first cause. */
#include "tests/unit/pool_driver.h"

#include "fcgiext/core/pool_types.h"

#define CRASH 0xC0000005u

/* One start that fails; takes its actions. The pool must have nothing else: no worker that could serve the request later. */
static void fail_one_start(struct driver *driver, uint64_t tag, uint32_t code)
{
    arrive(driver, tag);
    if (driver->count == 0) /* in a pause */
        let_pass(driver, POOL_START_PAUSE_MAX_MS + TIMERS_TICK_MS);
    uint64_t worker = take_start(driver);
    start_failed(driver, worker, code);
    take_of_worker(driver, POOL_ACTION_RELEASE, worker);
    take_reject(driver, tag, ERROR_CAUSE_START_FAILED);
}

static void more_failures_than_allowed_in_a_minute_refuse_everything_with_the_first_cause(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 3;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t healthy = run_on_new_worker(&driver, 50, &worker);
    arrive(&driver, 3);
    uint64_t failing = take_start(&driver);
    for (uint32_t i = 0; i < 3; i++) {
        start_failed(&driver, failing, 100 + i);
        take_release(&driver, failing);
        assert_int_equal(counts(&driver).waiting, 1); /* the healthy one will serve it */
        assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
        let_pass(&driver, POOL_START_PAUSE_MAX_MS);
        failing = take_start(&driver);
    }
    arrive(&driver, 4);
    take_start(&driver);
    start_failed(&driver, failing, 103);
    take_release(&driver, failing);
    for (uint64_t tag = 3; tag <= 4; tag++) { /* they waited */
        const struct pool_action *waited = take_reject(&driver, tag, ERROR_CAUSE_RAPID_FAIL);
        assert_int_equal(waited->first_cause, ERROR_CAUSE_START_FAILED);
        assert_code(waited, 100);
    }
    assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
    assert_int_equal(arrive(&driver, 5), 0);
    const struct pool_action *action = take_reject(&driver, 5, ERROR_CAUSE_RAPID_FAIL);
    assert_int_equal(action->first_cause, ERROR_CAUSE_START_FAILED);
    assert_code(action, 100);
    assert_int_equal(action->retry_after_s, POOL_RAPID_FAIL_MS / 1000);
    let_pass(&driver, 20500);
    arrive(&driver, 7);
    assert_int_equal(take_reject(&driver, 7, ERROR_CAUSE_RAPID_FAIL)->retry_after_s, 40); /* what is left of it */
    finish(&driver, healthy, POOL_OUTCOME_DONE);                                          /* what runs may end */
    take_forget(&driver, 50);
    arrive(&driver, 6); /* an idle worker changes nothing */
    take_reject(&driver, 6, ERROR_CAUSE_RAPID_FAIL);
    driver_close(&driver);
}

static void crashes_and_closed_connections_of_workers_that_have_answered_count_too(void **state)
{
    (void)state;
    for (int crash = 0; crash < 2; crash++) {
        struct driver driver;
        struct pool_limits limits = driver_limits();
        limits.rapid_fails_per_minute = 1;
        driver_open(&driver, limits);
        for (uint64_t i = 0; i < 2; i++) {
            assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
            uint64_t worker;
            uint64_t request = run_on_new_worker(&driver, i, &worker);
            of_request(&driver, POOL_EVENT_PROGRESS, request);
            finish(&driver, request, POOL_OUTCOME_BROKEN);
            if (crash)
                exited(&driver, worker, CRASH);
            else
                let_pass(&driver, POOL_EXIT_WAIT_MS + TIMERS_TICK_MS);
            take_all(&driver);
        }
        assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
        arrive(&driver, 3);
        const struct pool_action *action = take_reject(&driver, 3, ERROR_CAUSE_RAPID_FAIL);
        assert_int_equal(action->first_cause, crash ? ERROR_CAUSE_WORKER_CRASHED : ERROR_CAUSE_CONNECTION_CLOSED);
        driver_close(&driver);
    }
}

static void rapid_fail_ends_after_a_minute_and_counts_anew(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 2;
    driver_open(&driver, limits);
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 3; i++) {
            assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
            fail_one_start(&driver, i, 2);
        }
        assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
        let_pass(&driver, POOL_RAPID_FAIL_MS - 1);
        arrive(&driver, 7);
        take_reject(&driver, 7, ERROR_CAUSE_RAPID_FAIL);
        let_pass(&driver, 1 + TIMERS_TICK_MS);
        assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
    }
    arrive(&driver, 8);
    take_start(&driver);
    driver_close(&driver);
}

static void failures_of_different_minutes_do_not_add_up(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 2;
    driver_open(&driver, limits);
    for (uint64_t i = 0; i < 20; i++) {
        fail_one_start(&driver, i, 2);
        let_pass(&driver, POOL_RAPID_FAIL_MS / 2);
    }
    assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
    driver_close(&driver);
}

static void no_failure_is_allowed_when_the_limit_is_0(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 0;
    driver_open(&driver, limits);
    fail_one_start(&driver, 1, 2);
    assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
    driver_close(&driver);
}

static void first_cause_stays_whatever_fails_during_rapid_fail(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 1;
    limits.request_timeout_ms = limits.activity_timeout_ms = 600000;
    driver_open(&driver, limits);
    uint64_t worker;
    run_on_new_worker(&driver, 1, &worker);
    arrive(&driver, 2); /* waits for the healthy one, and for the starts that fail meanwhile */
    uint64_t failing = take_start(&driver);
    start_failed(&driver, failing, 77);
    take_release(&driver, failing);
    let_pass(&driver, 40000);
    failing = take_start(&driver);
    start_failed(&driver, failing, 78);
    take_release(&driver, failing);
    assert_code(take_reject(&driver, 2, ERROR_CAUSE_RAPID_FAIL), 77);
    assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
    let_pass(&driver, 30000); /* more than a minute after the first failure */
    exited(&driver, worker, CRASH);
    let_pass(&driver, POOL_EXIT_WAIT_MS + TIMERS_TICK_MS);
    take_abort(&driver, worker, 1, ERROR_CAUSE_WORKER_CRASHED);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    arrive(&driver, 4);
    const struct pool_action *action = take_reject(&driver, 4, ERROR_CAUSE_RAPID_FAIL);
    assert_int_equal(action->first_cause, ERROR_CAUSE_START_FAILED);
    assert_code(action, 77);
    driver_close(&driver);
}

static void nothing_is_tried_again_during_rapid_fail(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 0;
    driver_open(&driver, limits);
    uint64_t workers[2];
    uint64_t unwritten = run_on_new_worker(&driver, 1, &workers[0]);
    uint64_t unanswered = run_on_new_worker(&driver, 2, &workers[1]);
    arrive(&driver, 3);
    fail_start(&driver);
    take_reject(&driver, 3, ERROR_CAUSE_RAPID_FAIL);
    finish(&driver, unwritten, POOL_OUTCOME_UNWRITTEN);
    exited(&driver, workers[0], 0);
    take_reject(&driver, 1, ERROR_CAUSE_WORKER_EXITED);
    take_of_worker(&driver, POOL_ACTION_RELEASE, workers[0]);
    exited(&driver, workers[1], 0);
    finish(&driver, unanswered, POOL_OUTCOME_UNANSWERED);
    take_reject(&driver, 2, ERROR_CAUSE_WORKER_EXITED);
    take_of_worker(&driver, POOL_ACTION_RELEASE, workers[1]);
    driver_close(&driver);
}

static void time_outs_do_not_count_for_rapid_fail(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 0;
    driver_open(&driver, limits);
    uint64_t worker;
    run_on_new_worker(&driver, 1, &worker);
    let_pass(&driver, 2 * limits.activity_timeout_ms + TIMERS_TICK_MS);
    take_abort(&driver, worker, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, worker);
    exited(&driver, worker, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
    driver_close(&driver);
}

static void long_queue_is_refused_in_several_sets_of_actions_when_rapid_fail_begins(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    limits.rapid_fails_per_minute = 0;
    driver_open(&driver, limits);
    arrive(&driver, 0);
    uint64_t worker = take_start(&driver);
    for (uint64_t i = 1; i <= 100; i++)
        arrive(&driver, i);
    start_failed(&driver, worker, 2);
    assert_true(pool_next_deadline_ms(driver.pool) <= driver.now_ms);
    do_more(&driver);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    take_reject(&driver, 0, ERROR_CAUSE_START_FAILED);
    for (uint64_t i = 1; i <= 100; i++)
        take_reject(&driver, i, ERROR_CAUSE_RAPID_FAIL);
    driver_close(&driver);
}

/* The shell was asked for a call at once, but it came a minute late: what still waits is served, in order. */
static void queue_that_outlives_rapid_fail_goes_to_the_idle_workers(void **state)
{
    (void)state;
    enum { WORKERS = 40, WAITING = 1200 };
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 0;
    limits.max_instances = WORKERS;
    limits.queue_length = WAITING;
    limits.request_timeout_ms = limits.activity_timeout_ms = 1000000;
    driver_open(&driver, limits);
    uint64_t workers[WORKERS];
    uint64_t requests[WORKERS];
    for (uint64_t i = 0; i < WORKERS; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    static uint64_t waiting[WAITING];
    for (uint64_t i = 0; i < WAITING; i++)
        waiting[i] = arrive(&driver, i);
    exited(&driver, workers[0], CRASH);
    finish(&driver, requests[0], POOL_OUTCOME_BROKEN);
    take_all(&driver);
    for (uint64_t i = 1; i < WORKERS; i++) { /* they become idle; at each event some of the queue are rejected */
        answer(&driver, requests[i], i);
        take_all(&driver);
    }
    driver.now_ms += POOL_RAPID_FAIL_MS + TIMERS_TICK_MS;
    driver.pool->limits.max_instances = WORKERS - 1; /* so that no start calls for more */
    uint64_t first = WAITING - counts(&driver).waiting;
    assert_true(first + WORKERS < WAITING);
    do_more(&driver);
    assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
    for (uint64_t i = WORKERS; i-- > 1;)
        assert_int_equal(take_assign(&driver, waiting[first++]), workers[i]);
    driver_close(&driver);
}

static void recycle_tries_the_program_at_once(void **state)
{
    (void)state;
    for (int now = 0; now < 2; now++) {
        struct driver driver;
        struct pool_limits limits = driver_limits();
        limits.rapid_fails_per_minute = 0;
        driver_open(&driver, limits);
        fail_one_start(&driver, 1, 2);
        assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
        recycle(&driver, now != 0);
        assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
        arrive(&driver, 2);
        take_start(&driver); /* without a pause */
        driver_close(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_failures_than_allowed_in_a_minute_refuse_everything_with_the_first_cause),
        cmocka_unit_test(crashes_and_closed_connections_of_workers_that_have_answered_count_too),
        cmocka_unit_test(rapid_fail_ends_after_a_minute_and_counts_anew),
        cmocka_unit_test(failures_of_different_minutes_do_not_add_up),
        cmocka_unit_test(no_failure_is_allowed_when_the_limit_is_0),
        cmocka_unit_test(first_cause_stays_whatever_fails_during_rapid_fail),
        cmocka_unit_test(nothing_is_tried_again_during_rapid_fail),
        cmocka_unit_test(time_outs_do_not_count_for_rapid_fail),
        cmocka_unit_test(long_queue_is_refused_in_several_sets_of_actions_when_rapid_fail_begins),
        cmocka_unit_test(queue_that_outlives_rapid_fail_goes_to_the_idle_workers),
        cmocka_unit_test(recycle_tries_the_program_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
