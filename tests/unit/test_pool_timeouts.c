/* Idle, activity and request time-outs, what stops them, and how a worker is brought to its end: signal, close, kill. */
#include "tests/unit/pool_driver.h"

static void idle_worker_ends_after_the_idle_time_out(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    assert_due_after(&driver, driver_limits().idle_timeout_ms);
    take_kill(&driver, worker);
    exited(&driver, worker, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_true(pool_is_empty(driver.pool));
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void only_workers_that_are_not_needed_become_too_long_idle(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t unused;
    uint64_t used;
    uint64_t first = run_on_new_worker(&driver, 1, &unused);
    uint64_t second = run_on_new_worker(&driver, 2, &used);
    answer(&driver, first, 1);
    answer(&driver, second, 2);
    for (int i = 0; i < 3; i++) { /* last in, first out: always the same one */
        let_pass(&driver, driver_limits().idle_timeout_ms / 3 - 1);
        uint64_t request = serve_on(&driver, 3, used);
        answer(&driver, request, 3);
    }
    let_pass(&driver, 3 + TIMERS_TICK_MS);
    take_kill(&driver, unused);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 1);
    driver_close(&driver);
}

static void activity_time_out_is_doubled_for_the_first_bytes_of_a_worker(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    run_on_new_worker(&driver, 1, &worker);
    assert_due_after(&driver, 2 * driver_limits().activity_timeout_ms);
    assert_false(take_abort(&driver, worker, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT)->has_code);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void each_sign_of_life_renews_the_activity_time_out(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    for (int i = 0; i < 4; i++) {
        let_pass(&driver, driver_limits().activity_timeout_ms - 1);
        of_request(&driver, POOL_EVENT_PROGRESS, request);
    }
    let_pass(&driver, driver_limits().activity_timeout_ms / 2 - 1); /* less is left of the request time-out */
    of_request(&driver, POOL_EVENT_PROGRESS, request);
    answer(&driver, request, 1);
    request = arrive(&driver, 2); /* the worker is not new any more */
    take_assign(&driver, request);
    assert_due_after(&driver, driver_limits().activity_timeout_ms);
    take_abort(&driver, worker, 2, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void answered_request_counts_as_a_sign_of_life(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver); /* the shell reported no PROGRESS */
    uint64_t request = arrive(&driver, 1);
    take_assign(&driver, request);
    assert_due_after(&driver, driver_limits().activity_timeout_ms);
    take_abort(&driver, worker, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void request_time_out_runs_from_the_assignment_whatever_comes(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t first = run_on_new_worker(&driver, 1, &worker);
    uint64_t request = arrive(&driver, 2);
    let_pass(&driver, 30000); /* its time in the queue does not count */
    answer(&driver, first, 1);
    take_assign(&driver, request);
    uint64_t left_ms = limits.request_timeout_ms;
    for (; left_ms > 10000; left_ms -= 10000) {
        let_pass(&driver, 10000);
        of_request(&driver, POOL_EVENT_PROGRESS, request);
    }
    assert_due_after(&driver, left_ms);
    take_abort(&driver, worker, 2, ERROR_CAUSE_REQUEST_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void waiting_requests_have_no_time_out_but_their_clients_are_looked_for(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    of_request(&driver, POOL_EVENT_CLIENT_WAIT, request);
    driver.keep_probes = true;
    uint64_t second = arrive(&driver, 2);
    let_pass(&driver, 1000);
    uint64_t third = arrive(&driver, 3);
    assert_due_after(&driver, POOL_PROBE_MS - 1000);
    take_probe(&driver, second, 2);
    let_pass(&driver, 1000);
    take_probe(&driver, third, 3);
    of_request(&driver, POOL_EVENT_GONE, third);
    take_reject(&driver, 3, ERROR_CAUSE_CLIENT_GONE);
    driver.probes = 0;
    for (int i = 0; i < 1000; i++) { /* and again and again, of this one only */
        let_pass(&driver, POOL_PROBE_MS);
        while (driver.taken < driver.count)
            take_probe(&driver, second, 2);
    }
    assert_in_range(driver.probes, 1000 * POOL_PROBE_MS / (POOL_PROBE_MS + TIMERS_TICK_MS) - 1, 1000);
    answer(&driver, request, 1);
    take_assign(&driver, second);
    let_pass(&driver, 2 * POOL_PROBE_MS); /* no more of it */
    driver_close(&driver);
}

static void probes_begin_anew_with_a_second_try(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    driver.keep_probes = true;
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    let_pass(&driver, POOL_PROBE_MS - 1000);
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
    take_all(&driver);
    exited(&driver, worker, 0);
    take_all(&driver);
    assert_int_equal(counts(&driver).waiting, 1);
    assert_due_after(&driver, POOL_PROBE_MS);
    take_probe(&driver, request, 1);
    driver_close(&driver);
}

static void startup_time_out_takes_the_place_of_the_doubled_activity_time_out(void **state)
{
    (void)state;
    for (uint64_t timeout_ms = 7000; timeout_ms <= 70000; timeout_ms += 63000) { /* shorter and longer */
        struct driver driver;
        struct pool_limits limits = driver_limits();
        limits.startup_timeout_ms = timeout_ms;
        limits.rapid_fails_per_minute = 0;
        driver_open(&driver, limits);
        uint64_t worker;
        run_on_new_worker(&driver, 1, &worker);
        assert_due_after(&driver, timeout_ms);
        assert_false(take_abort(&driver, worker, 1, ERROR_CAUSE_STARTUP_TIMEOUT)->has_code);
        take_kill(&driver, worker);
        end_of(&driver, worker);
        assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING); /* a time-out is no rapid failure */
        driver_close(&driver);
    }
}

static void startup_time_out_ends_with_the_first_bytes(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.startup_timeout_ms = 7000;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    let_pass(&driver, 6000);
    of_request(&driver, POOL_EVENT_PROGRESS, request);
    assert_due_after(&driver, limits.activity_timeout_ms);
    take_abort(&driver, worker, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void waiting_for_the_client_stops_both_time_outs(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    uint64_t left_ms = driver_limits().request_timeout_ms;
    for (int i = 0; i < 8; i++) {
        let_pass(&driver, 10000);
        left_ms -= 10000;
        of_request(&driver, POOL_EVENT_CLIENT_WAIT, request);
        of_request(&driver, POOL_EVENT_CLIENT_WAIT, request); /* a second one changes nothing */
        let_pass(&driver, 10000000);
        of_request(&driver, POOL_EVENT_PROGRESS, request);
        let_pass(&driver, 10000000);
        of_request(&driver, POOL_EVENT_CLIENT_READY, request);
        of_request(&driver, POOL_EVENT_CLIENT_READY, request);
    }
    assert_due_after(&driver, left_ms);
    take_abort(&driver, worker, 1, ERROR_CAUSE_REQUEST_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void client_that_is_ready_without_having_been_waited_for_changes_nothing(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    of_request(&driver, POOL_EVENT_PROGRESS, request);
    let_pass(&driver, driver_limits().activity_timeout_ms / 2);
    of_request(&driver, POOL_EVENT_CLIENT_READY, request);
    assert_due_after(&driver, driver_limits().activity_timeout_ms / 2);
    take_abort(&driver, worker, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void activity_time_out_begins_anew_when_the_client_is_ready(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    of_request(&driver, POOL_EVENT_PROGRESS, request);
    let_pass(&driver, driver_limits().activity_timeout_ms - 1);
    of_request(&driver, POOL_EVENT_CLIENT_WAIT, request);
    of_request(&driver, POOL_EVENT_CLIENT_READY, request);
    assert_due_after(&driver, driver_limits().activity_timeout_ms);
    take_abort(&driver, worker, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void request_whose_time_is_up_when_the_client_is_ready_ends(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.activity_timeout_ms = limits.request_timeout_ms;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    driver.now_ms += limits.request_timeout_ms + 5000; /* the deadline's event is late */
    of_request(&driver, POOL_EVENT_CLIENT_WAIT, request);
    let_pass(&driver, 100000);
    of_request(&driver, POOL_EVENT_CLIENT_READY, request);
    let_pass(&driver, TIMERS_TICK_MS);
    take_abort(&driver, worker, 1, ERROR_CAUSE_REQUEST_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void client_wait_of_an_earlier_try_does_not_hold_the_next(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    of_request(&driver, POOL_EVENT_CLIENT_WAIT, request);
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    uint64_t next = take_start(&driver);
    exited(&driver, worker, 0);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    of_worker(&driver, POOL_EVENT_STARTED, next);
    take_assign(&driver, request);
    assert_due_after(&driver, 2 * driver_limits().activity_timeout_ms);
    take_abort(&driver, next, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, next);
    driver_close(&driver);
}

static void worker_that_never_connects_again_ends(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_DONE_CLOSED);
    take_forget(&driver, 1);
    take_of_worker(&driver, POOL_ACTION_CONNECT, worker);
    assert_due_after(&driver, driver_limits().activity_timeout_ms);
    take_kill(&driver, worker);
    of_worker(&driver, POOL_EVENT_CONNECTED, worker); /* too late */
    driver_close(&driver);
}

static void start_that_takes_long_has_no_time_out_of_the_pool(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t request = arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    let_pass(&driver, 1000000);
    take_nothing(&driver);
    assert_in_range(driver.probes, 1000000 / (POOL_PROBE_MS + TIMERS_TICK_MS), 1000000 / POOL_PROBE_MS);
    of_worker(&driver, POOL_EVENT_STARTED, worker);
    take_assign(&driver, request);
    driver_close(&driver);
}

/* ---- how a worker ends */

static void server_that_does_not_answer_fails_the_oldest_request_and_is_tried_again(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.external = true;
    limits.max_instances = 1;
    driver_open(&driver, limits);
    arrive(&driver, 1);
    uint64_t first = take_start(&driver);
    arrive(&driver, 2);
    let_pass(&driver, POOL_CONNECT_MS - TIMERS_TICK_MS);
    take_all(&driver); /* probes */
    driver.now_ms += 2 * TIMERS_TICK_MS;
    of_request(&driver, POOL_EVENT_DEADLINE, 0);
    take_kill(&driver, first);
    assert_code(take_reject(&driver, 1, ERROR_CAUSE_CONNECT_FAILED), POOL_CONNECT_CODE);
    of_worker(&driver, POOL_EVENT_STARTED, first); /* it has crossed the CLOSE */
    exited(&driver, first, 0);
    take_release(&driver, first);
    assert_int_equal(pool_get_totals(driver.pool)->start_failures, 1);
    let_pass(&driver, POOL_START_PAUSE_MS + TIMERS_TICK_MS);
    take_start(&driver);
    driver_close(&driver);
}

static void worker_gets_signal_then_close_then_time_then_kill(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.signal_ms = 7000;
    driver_open(&driver, limits);
    uint64_t worker = new_idle_worker(&driver);
    let_pass(&driver, limits.idle_timeout_ms + TIMERS_TICK_MS);
    take_of_worker(&driver, POOL_ACTION_SIGNAL, worker);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    of_worker(&driver, POOL_EVENT_DISCONNECTED, worker); /* as we wanted */
    let_pass(&driver, limits.signal_ms - 2 * TIMERS_TICK_MS);
    take_nothing(&driver);
    let_pass(&driver, 3 * TIMERS_TICK_MS);
    take_of_worker(&driver, POOL_ACTION_KILL, worker);
    exited(&driver, worker, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    driver_close(&driver);
}

static void signalled_worker_that_exits_in_time_is_not_killed(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.signal_ms = 7000;
    driver_open(&driver, limits);
    uint64_t worker = new_idle_worker(&driver);
    let_pass(&driver, limits.idle_timeout_ms + TIMERS_TICK_MS);
    take_of_worker(&driver, POOL_ACTION_SIGNAL, worker);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    exited(&driver, worker, 0);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    let_pass(&driver, 100000);
    driver_close(&driver);
}

static void worker_that_closed_its_connection_gets_time_to_exit_before_the_kill(void **state)
{
    (void)state;
    for (uint64_t signal_ms = 0; signal_ms <= 7000; signal_ms += 7000) {
        struct driver driver;
        struct pool_limits limits = driver_limits();
        limits.signal_ms = signal_ms;
        driver_open(&driver, limits);
        uint64_t worker = new_idle_worker(&driver);
        of_worker(&driver, POOL_EVENT_DISCONNECTED, worker);
        if (signal_ms)
            take_of_worker(&driver, POOL_ACTION_SIGNAL, worker);
        take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
        assert_due_after(&driver, signal_ms ? signal_ms : POOL_EXIT_WAIT_MS);
        take_of_worker(&driver, POOL_ACTION_KILL, worker);
        driver_close(&driver);
    }
}

static void kill_that_never_ends_is_given_up(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_DONE_UNUSABLE);
    take_forget(&driver, 1);
    take_kill(&driver, worker);
    assert_due_after(&driver, POOL_KILL_WAIT_MS);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_true(pool_is_empty(driver.pool));
    exited(&driver, worker, 1); /* is stale now */
    assert_int_equal(pool_totals_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

/* ---- many at once, and the clock */

static void more_time_outs_than_one_set_of_actions_holds_follow_at_once(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = COUNT;
    driver_open(&driver, limits);
    uint64_t workers[COUNT];
    for (uint64_t i = 0; i < COUNT; i++)
        run_on_new_worker(&driver, i, &workers[i]);
    driver.now_ms += 2 * limits.activity_timeout_ms + TIMERS_TICK_MS;
    of_request(&driver, POOL_EVENT_DEADLINE, 0);
    assert_true(driver.count > 0 && driver.count <= POOL_MAX_ACTIONS);
    assert_true(pool_next_deadline_ms(driver.pool) <= driver.now_ms);
    do_more(&driver);
    for (uint64_t i = 0; i < COUNT; i++) {
        take_abort(&driver, workers[i], i, ERROR_CAUSE_ACTIVITY_TIMEOUT);
        take_kill(&driver, workers[i]);
    }
    take_nothing(&driver);
    assert_true(pool_next_deadline_ms(driver.pool) > driver.now_ms);
    driver_close(&driver);
}

static void deadline_event_that_comes_early_does_nothing(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    new_idle_worker(&driver);
    for (int i = 0; i < 100; i++) {
        of_request(&driver, POOL_EVENT_DEADLINE, 0);
        take_nothing(&driver);
        driver.now_ms += 100;
    }
    driver_close(&driver);
}

static void clock_that_goes_back_counts_as_standing_still(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    uint64_t before_ms = driver.now_ms;
    driver.now_ms = 5;
    of_request(&driver, POOL_EVENT_DEADLINE, 0);
    of_request(&driver, POOL_EVENT_PROGRESS, request);
    driver.now_ms = before_ms;
    assert_due_after(&driver, driver_limits().activity_timeout_ms);
    take_abort(&driver, worker, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_kill(&driver, worker);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_worker_ends_after_the_idle_time_out),
        cmocka_unit_test(only_workers_that_are_not_needed_become_too_long_idle),
        cmocka_unit_test(activity_time_out_is_doubled_for_the_first_bytes_of_a_worker),
        cmocka_unit_test(each_sign_of_life_renews_the_activity_time_out),
        cmocka_unit_test(answered_request_counts_as_a_sign_of_life),
        cmocka_unit_test(request_time_out_runs_from_the_assignment_whatever_comes),
        cmocka_unit_test(waiting_requests_have_no_time_out_but_their_clients_are_looked_for),
        cmocka_unit_test(probes_begin_anew_with_a_second_try),
        cmocka_unit_test(startup_time_out_takes_the_place_of_the_doubled_activity_time_out),
        cmocka_unit_test(startup_time_out_ends_with_the_first_bytes),
        cmocka_unit_test(waiting_for_the_client_stops_both_time_outs),
        cmocka_unit_test(client_that_is_ready_without_having_been_waited_for_changes_nothing),
        cmocka_unit_test(activity_time_out_begins_anew_when_the_client_is_ready),
        cmocka_unit_test(request_whose_time_is_up_when_the_client_is_ready_ends),
        cmocka_unit_test(client_wait_of_an_earlier_try_does_not_hold_the_next),
        cmocka_unit_test(worker_that_never_connects_again_ends),
        cmocka_unit_test(start_that_takes_long_has_no_time_out_of_the_pool),
        cmocka_unit_test(server_that_does_not_answer_fails_the_oldest_request_and_is_tried_again),
        cmocka_unit_test(worker_gets_signal_then_close_then_time_then_kill),
        cmocka_unit_test(signalled_worker_that_exits_in_time_is_not_killed),
        cmocka_unit_test(worker_that_closed_its_connection_gets_time_to_exit_before_the_kill),
        cmocka_unit_test(kill_that_never_ends_is_given_up),
        cmocka_unit_test(more_time_outs_than_one_set_of_actions_holds_follow_at_once),
        cmocka_unit_test(deadline_event_that_comes_early_does_nothing),
        cmocka_unit_test(clock_that_goes_back_counts_as_standing_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
