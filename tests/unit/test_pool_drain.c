/* What an operator does to a pool while it serves, recycling aside (test_pool_recycle.c): drain, resume, new limits. */
#include "tests/unit/pool_driver.h"

static void assert_state(const struct driver *driver, enum pool_state expected)
{
    assert_int_equal(counts(driver).state, expected);
}

static void assert_refused(struct driver *driver, enum error_cause cause)
{
    assert_int_equal(arrive(driver, 777), 0);
    take_reject(driver, 777, cause);
}

/* ---- drain */

static void drained_pool_has_finished_what_it_had_and_has_no_worker(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 2;
    driver_open(&driver, limits);
    uint64_t workers[2];
    uint64_t requests[5];
    for (uint64_t i = 0; i < 5; i++)
        requests[i] = i < 2 ? run_on_new_worker(&driver, i, &workers[i]) : arrive(&driver, i);
    drain(&driver);
    take_nothing(&driver);
    assert_state(&driver, POOL_STATE_DRAINING);
    assert_refused(&driver, ERROR_CAUSE_DRAINING);
    drain(&driver);                    /* a second time changes nothing */
    for (uint64_t i = 0; i < 3; i++) { /* the queue goes on, in order */
        answer(&driver, requests[i], i);
        assert_int_equal(take_assign(&driver, requests[i + 2]), workers[i % 2]);
    }
    answer(&driver, requests[3], 3); /* nobody waits any more */
    take_kill(&driver, workers[1]);
    assert_refused(&driver, ERROR_CAUSE_DRAINING);
    answer(&driver, requests[4], 4);
    take_kill(&driver, workers[0]);
    assert_state(&driver, POOL_STATE_DRAINING);
    end_of(&driver, workers[0]);
    assert_state(&driver, POOL_STATE_DRAINING);
    end_of(&driver, workers[1]);
    assert_state(&driver, POOL_STATE_DRAINED);
    assert_true(pool_is_empty(driver.pool));
    assert_refused(&driver, ERROR_CAUSE_DRAINING);
    let_pass(&driver, 1000000);
    assert_state(&driver, POOL_STATE_DRAINED);
    assert_int_equal(pool_get_totals(driver.pool)->answered, 5);
    driver_close(&driver);
}

static void pool_without_workers_is_drained_at_once(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    drain(&driver);
    assert_state(&driver, POOL_STATE_DRAINED);
    assert_refused(&driver, ERROR_CAUSE_DRAINING);
    driver_close(&driver);
}

static void drain_ends_workers_in_every_state(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t workers[4];
    uint64_t requests[3];
    for (uint64_t i = 0; i < 3; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    answer(&driver, requests[0], 0); /* idle */
    finish(&driver, requests[1], POOL_OUTCOME_DONE_CLOSED);
    take_all(&driver); /* connecting; 2 runs */
    uint64_t taken = arrive(&driver, 8);
    take_assign(&driver, taken);
    uint64_t waiting = arrive(&driver, 9);
    workers[3] = take_start(&driver);
    answer(&driver, taken, 8);
    take_assign(&driver, waiting);
    answer(&driver, waiting, 9);
    drain(&driver);
    take_kill(&driver, workers[0]);
    of_worker(&driver, POOL_EVENT_CONNECTED, workers[1]);
    take_kill(&driver, workers[1]);
    of_worker(&driver, POOL_EVENT_STARTED, workers[3]);
    take_kill(&driver, workers[3]);
    finish(&driver, requests[2], POOL_OUTCOME_DONE_CLOSED); /* no new connection */
    take_forget(&driver, 2);
    take_kill(&driver, workers[2]);
    for (int i = 0; i < 4; i++)
        end_of(&driver, workers[i]);
    assert_state(&driver, POOL_STATE_DRAINED);
    driver_close(&driver);
}

static void waiting_requests_get_new_workers_and_second_tries_while_the_pool_drains(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    drain(&driver);
    of_request(&driver, POOL_EVENT_PROGRESS, request);
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    uint64_t next = take_start(&driver);
    exited(&driver, worker, 0);
    take_release(&driver, worker);
    of_worker(&driver, POOL_EVENT_STARTED, next);
    assert_int_equal(take_assign(&driver, request), next);
    answer(&driver, request, 1);
    take_kill(&driver, next);
    end_of(&driver, next);
    assert_state(&driver, POOL_STATE_DRAINED);
    driver_close(&driver);
}

static void client_that_goes_while_the_pool_drains_holds_nothing_up(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t request = arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    drain(&driver);
    of_request(&driver, POOL_EVENT_GONE, request);
    take_reject(&driver, 1, ERROR_CAUSE_CLIENT_GONE);
    start_failed(&driver, worker, 2);
    take_release(&driver, worker);
    assert_state(&driver, POOL_STATE_DRAINED);
    driver_close(&driver);
}

static void many_idle_workers_are_drained_in_several_sets_of_actions(void **state)
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
    for (uint64_t i = 0; i < WORKERS; i++)
        answer(&driver, requests[i], i);
    drain(&driver);
    assert_true(pool_next_deadline_ms(driver.pool) <= driver.now_ms);
    do_more(&driver);
    for (uint64_t i = 0; i < WORKERS; i++)
        take_kill(&driver, workers[i]);
    for (uint64_t i = 0; i < WORKERS; i++)
        end_of(&driver, workers[i]);
    assert_state(&driver, POOL_STATE_DRAINED);
    driver_close(&driver);
}

static void drain_ends_a_recycle_and_none_begins_while_it_lasts(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t old;
    uint64_t request = run_on_new_worker(&driver, 1, &old);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver);
    drain(&driver);
    assert_int_equal(counts(&driver).recycle, POOL_RECYCLE_NONE);
    of_worker(&driver, POOL_EVENT_STARTED, replacement);
    take_kill(&driver, replacement);
    recycle(&driver, false);
    take_nothing(&driver);
    assert_int_equal(counts(&driver).recycle, POOL_RECYCLE_NONE);
    end_of(&driver, replacement);
    take_nothing(&driver);
    answer(&driver, request, 1);
    take_kill(&driver, old);
    end_of(&driver, old);
    assert_state(&driver, POOL_STATE_DRAINED);
    driver_close(&driver);
}

static void shut_down_of_a_draining_pool_closes_it(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    run_on_new_worker(&driver, 1, &worker);
    drain(&driver);
    shut_down(&driver);
    take_abort(&driver, worker, 1, ERROR_CAUSE_SHUTTING_DOWN);
    take_kill(&driver, worker);
    assert_state(&driver, POOL_STATE_CLOSED);
    assert_refused(&driver, ERROR_CAUSE_SHUTTING_DOWN);
    resume(&driver); /* too late */
    drain(&driver);
    assert_state(&driver, POOL_STATE_CLOSED);
    assert_refused(&driver, ERROR_CAUSE_SHUTTING_DOWN);
    driver_close(&driver);
}

/* ---- resume */

static void resumed_pool_serves_again_whether_it_was_drained_or_not(void **state)
{
    (void)state;
    for (int drained = 0; drained < 2; drained++) {
        struct driver driver;
        driver_open(&driver, driver_limits());
        uint64_t worker;
        uint64_t request = run_on_new_worker(&driver, 1, &worker);
        drain(&driver);
        if (drained) {
            answer(&driver, request, 1);
            take_kill(&driver, worker);
            end_of(&driver, worker);
            assert_state(&driver, POOL_STATE_DRAINED);
        }
        resume(&driver);
        assert_state(&driver, POOL_STATE_RUNNING);
        if (!drained) {
            answer(&driver, request, 1);
            assert_int_equal(in_state(&driver, WORKER_IDLE), 1); /* it stays */
            request = serve_on(&driver, 2, worker);
        } else {
            run_on_new_worker(&driver, 2, &worker);
        }
        driver_close(&driver);
    }
}

static void resume_goes_on_with_the_recycle_that_the_drain_held_up(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct driver driver;
        driver_open(&driver, driver_limits());
        uint64_t old;
        uint64_t request = run_on_new_worker(&driver, 1, &old);
        if (before) {
            recycle(&driver, false);
            start_failed(&driver, take_start(&driver), 2);
            take_all(&driver);
        }
        drain(&driver);
        if (!before)
            recycle(&driver, false); /* such as of a new ExePath */
        resume(&driver);
        assert_int_equal(counts(&driver).recycle, POOL_RECYCLE_RUNNING);
        start_next(&driver);
        let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
        answer(&driver, request, 1);
        take_kill(&driver, old);
        assert_int_equal(counts(&driver).recycle, POOL_RECYCLE_NONE);
        driver_close(&driver);
    }
}

static void resume_without_a_drain_leaves_a_failed_recycle_alone(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    new_idle_worker(&driver);
    recycle(&driver, false);
    for (int i = 0; i < 2; i++) {
        take_all(&driver);
        start_failed(&driver, driver.last_start, 2);
        take_all(&driver);
        let_pass(&driver, POOL_START_PAUSE_MAX_MS);
    }
    resume(&driver);
    take_nothing(&driver);
    assert_int_equal(counts(&driver).recycle, POOL_RECYCLE_FAILED);
    driver_close(&driver);
}

static void resume_ends_rapid_fail_and_its_count(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 1;
    driver_open(&driver, limits);
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 2; i++) {
            assert_state(&driver, POOL_STATE_RUNNING);
            arrive(&driver, i);
            if (i == 1)
                let_pass(&driver, POOL_START_PAUSE_MS + TIMERS_TICK_MS); /* resume has ended the pause of the round before */
            start_failed(&driver, take_start(&driver), 2);
            take_all(&driver);
        }
        assert_state(&driver, POOL_STATE_RAPID_FAIL);
        assert_refused(&driver, ERROR_CAUSE_RAPID_FAIL);
        resume(&driver);
        assert_state(&driver, POOL_STATE_RUNNING);
    }
    let_pass(&driver, 2 * POOL_RAPID_FAIL_MS); /* nothing is left of it */
    assert_state(&driver, POOL_STATE_RUNNING);
    driver_close(&driver);
}

static void resume_ends_the_pause_after_a_failed_start(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    arrive(&driver, 2);
    take_start(&driver);
    start_failed(&driver, worker, 2);
    take_all(&driver);
    arrive(&driver, 3);
    take_nothing(&driver);
    resume(&driver);
    take_start(&driver); /* with the one on its way there is one for each of the three */
    take_start(&driver);
    driver_close(&driver);
}

static void drain_goes_on_through_rapid_fail(void **state)
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
    assert_state(&driver, POOL_STATE_RAPID_FAIL);
    drain(&driver);
    assert_state(&driver, POOL_STATE_DRAINED);
    assert_refused(&driver, ERROR_CAUSE_DRAINING);
    let_pass(&driver, POOL_RAPID_FAIL_MS + TIMERS_TICK_MS);
    assert_state(&driver, POOL_STATE_DRAINED); /* only RESUME ends it */
    assert_refused(&driver, ERROR_CAUSE_DRAINING);
    driver_close(&driver);
}

/* ---- new limits */

static void lower_limit_ends_idle_workers_at_once_and_busy_ones_as_they_are_free(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    driver_open(&driver, limits);
    uint64_t workers[4];
    uint64_t requests[4];
    for (uint64_t i = 0; i < 4; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    answer(&driver, requests[0], 0);
    uint32_t slots = pool_worker_slots(driver.pool);
    limits.max_instances = 1;
    assert_int_equal(pool_worker_slots_with(driver.pool, &limits), slots);
    reconfigure(&driver, limits);
    take_kill(&driver, workers[0]);
    take_nothing(&driver);
    assert_true(pool_worker_slots(driver.pool) == slots);
    uint64_t waiting = arrive(&driver, 9);
    take_nothing(&driver);
    answer(&driver, requests[1], 1);
    take_kill(&driver, workers[1]);
    finish(&driver, requests[2], POOL_OUTCOME_DONE_CLOSED);
    take_forget(&driver, 2);
    take_kill(&driver, workers[2]);
    for (int i = 0; i < 3; i++)
        end_of(&driver, workers[i]);
    answer(&driver, requests[3], 3); /* the last one stays */
    assert_int_equal(take_assign(&driver, waiting), workers[3]);
    assert_int_equal(counts(&driver).workers, 1);
    driver_close(&driver);
}

static void higher_limit_starts_workers_for_what_waits(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    run_on_new_worker(&driver, 1, &worker);
    for (uint64_t tag = 2; tag < 7; tag++)
        arrive(&driver, tag);
    take_nothing(&driver);
    limits.max_instances = 4;
    assert_int_equal(pool_worker_slots_with(driver.pool, &limits), 5);
    reconfigure(&driver, limits);
    for (int i = 0; i < 3; i++)
        take_start(&driver);
    assert_int_equal(pool_worker_slots(driver.pool), 5);
    driver_close(&driver);
}

static void other_limits_apply_to_what_comes(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    uint64_t waiting[3];
    for (uint64_t i = 0; i < 3; i++)
        waiting[i] = arrive(&driver, 2 + i);
    limits.queue_length = 1;
    limits.activity_timeout_ms = 3000;
    limits.instance_max_requests = 2;
    reconfigure(&driver, limits);
    assert_int_equal(counts(&driver).waiting, 3); /* who waits, waits on */
    assert_refused(&driver, ERROR_CAUSE_QUEUE_FULL);
    answer(&driver, request, 1);
    take_assign(&driver, waiting[0]);
    let_pass(&driver, 1000);
    answer(&driver, waiting[0], 2);
    take_kill(&driver, worker); /* after 2 */
    uint64_t next = take_start(&driver);
    end_of(&driver, worker);
    of_worker(&driver, POOL_EVENT_STARTED, next);
    take_assign(&driver, waiting[1]);
    of_request(&driver, POOL_EVENT_PROGRESS, waiting[1]);
    assert_due_after(&driver, 3000);
    take_abort(&driver, next, 3, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, next);
    take_start(&driver);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drained_pool_has_finished_what_it_had_and_has_no_worker),
        cmocka_unit_test(pool_without_workers_is_drained_at_once),
        cmocka_unit_test(drain_ends_workers_in_every_state),
        cmocka_unit_test(waiting_requests_get_new_workers_and_second_tries_while_the_pool_drains),
        cmocka_unit_test(client_that_goes_while_the_pool_drains_holds_nothing_up),
        cmocka_unit_test(many_idle_workers_are_drained_in_several_sets_of_actions),
        cmocka_unit_test(drain_ends_a_recycle_and_none_begins_while_it_lasts),
        cmocka_unit_test(shut_down_of_a_draining_pool_closes_it),
        cmocka_unit_test(resumed_pool_serves_again_whether_it_was_drained_or_not),
        cmocka_unit_test(resume_goes_on_with_the_recycle_that_the_drain_held_up),
        cmocka_unit_test(resume_without_a_drain_leaves_a_failed_recycle_alone),
        cmocka_unit_test(resume_ends_rapid_fail_and_its_count),
        cmocka_unit_test(resume_ends_the_pause_after_a_failed_start),
        cmocka_unit_test(drain_goes_on_through_rapid_fail),
        cmocka_unit_test(lower_limit_ends_idle_workers_at_once_and_busy_ones_as_they_are_free),
        cmocka_unit_test(higher_limit_starts_workers_for_what_waits),
        cmocka_unit_test(other_limits_apply_to_what_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
