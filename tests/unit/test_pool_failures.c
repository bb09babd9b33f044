/* What becomes of a request whose worker fails, and of a pool whose workers do: second tries, exit codes that come late or
 * early, and pauses between starts that fail. */
#include "tests/unit/pool_driver.h"

#define CRASH 0xC0000005u

static struct pool_limits one_worker(void)
{
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    return limits;
}

/* ---- second tries */

static void request_that_was_not_written_is_tried_on_two_more_workers(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, one_worker());
    uint64_t request = arrive_once_only(&driver, 1); /* not replayable: nothing of it has been sent */
    uint64_t worker = take_start(&driver);
    uint64_t behind = arrive(&driver, 2);
    for (int tries = 0; tries < 3; tries++) {
        of_worker(&driver, POOL_EVENT_STARTED, worker);
        assert_int_equal(take_assign(&driver, request), worker); /* before the one behind it */
        of_request(&driver, POOL_EVENT_PROGRESS, request);       /* so that starts do not pause */
        if (tries == 2)
            break;
        finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
        take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
        uint64_t next = take_start(&driver);
        exited(&driver, worker, 0);
        take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
        worker = next;
    }
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
    exited(&driver, worker, 0);
    assert_code(take_reject(&driver, 1, ERROR_CAUSE_WORKER_EXITED), 0);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    worker = start_next(&driver);
    take_assign(&driver, behind);
    assert_int_equal(pool_totals_retried(pool_get_totals(driver.pool)), 2);
    driver_close(&driver);
}

static void second_try_takes_an_idle_worker_at_once(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t first;
    uint64_t second;
    uint64_t request = run_on_new_worker(&driver, 1, &first);
    uint64_t other = run_on_new_worker(&driver, 2, &second);
    answer(&driver, other, 2);
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
    take_of_worker(&driver, POOL_ACTION_CLOSE, first);
    assert_int_equal(take_assign(&driver, request), second);
    driver_close(&driver);
}

/* A request on a worker that has answered one before, as on a kept connection. */
static uint64_t run_on_used_worker(struct driver *driver, uint64_t tag, bool replayable, uint64_t *worker)
{
    *worker = new_idle_worker(driver);
    uint64_t request = replayable ? arrive(driver, tag) : arrive_once_only(driver, tag);
    assert_int_equal(take_assign(driver, request), *worker);
    return request;
}

static void unanswered_request_is_tried_once_more_after_a_normal_exit(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct driver driver;
        uint64_t worker;
        driver_open(&driver, one_worker());
        uint64_t request = run_on_used_worker(&driver, 1, true, &worker);
        for (int i = 0; i < 2; i++) { /* the exit and the end of the connection, in either order */
            if ((i == 0) == (way % 2 == 1))
                exited(&driver, worker, way < 2 ? 0 : 7);
            else
                finish(&driver, request, POOL_OUTCOME_UNANSWERED);
        }
        take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
        worker = start_next(&driver);
        assert_int_equal(take_assign(&driver, request), worker);
        assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), way < 2 ? 0 : 1);
        exited(&driver, worker, 0);
        finish(&driver, request, POOL_OUTCOME_UNANSWERED);
        assert_code(take_reject(&driver, 1, ERROR_CAUSE_WORKER_EXITED), 0);
        take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
        assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), way < 2 ? 1 : 2);
        driver_close(&driver);
    }
}

static void unanswered_second_try_that_is_not_written_is_tried_again(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, driver_limits());
    uint64_t request = run_on_used_worker(&driver, 1, true, &worker);
    exited(&driver, worker, 0);
    finish(&driver, request, POOL_OUTCOME_UNANSWERED);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    worker = start_next(&driver);
    take_assign(&driver, request);
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    worker = start_next(&driver);
    take_assign(&driver, request);
    answer(&driver, request, 1);
    assert_int_equal(pool_totals_retried(pool_get_totals(driver.pool)), 2);
    driver_close(&driver);
}

static void broken_request_is_not_tried_again(void **state)
{
    (void)state;
    static const struct {
        bool replayable;
        enum pool_outcome outcome;
        uint32_t code;
        enum error_cause cause;
    } cases[] = {
        {true, POOL_OUTCOME_BROKEN, 0, ERROR_CAUSE_WORKER_EXITED},
        {true, POOL_OUTCOME_BROKEN, CRASH, ERROR_CAUSE_WORKER_CRASHED},
        {true, POOL_OUTCOME_BROKEN, 0xC0000135u, ERROR_CAUSE_WORKER_CRASHED}, /* it has worked: it is all there */
        {false, POOL_OUTCOME_UNANSWERED, 0, ERROR_CAUSE_WORKER_EXITED},
        {true, POOL_OUTCOME_UNANSWERED, CRASH, ERROR_CAUSE_WORKER_CRASHED},
        {true, POOL_OUTCOME_UNANSWERED, 0xC0000000u, ERROR_CAUSE_WORKER_CRASHED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int exit_first = 0; exit_first < 2; exit_first++) {
            struct driver driver;
            uint64_t worker;
            driver_open(&driver, one_worker());
            uint64_t request = run_on_used_worker(&driver, 1, cases[i].replayable, &worker);
            if (exit_first)
                exited(&driver, worker, cases[i].code);
            finish(&driver, request, cases[i].outcome);
            if (!exit_first) {
                assert_int_equal(in_state(&driver, WORKER_RETIRING), 1);
                exited(&driver, worker, cases[i].code);
            }
            assert_code(take_reject(&driver, 1, cases[i].cause), cases[i].code);
            take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
            assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 1);
            assert_int_equal(pool_totals_retried(pool_get_totals(driver.pool)), 0);
            driver_close(&driver);
        }
}

static void external_server_gets_no_request_twice_after_all_was_written(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = one_worker();
    limits.external = true;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_used_worker(&driver, 1, true, &worker);
    finish(&driver, request, POOL_OUTCOME_UNANSWERED);
    exited(&driver, worker, 0);
    assert_false(take_reject(&driver, 1, ERROR_CAUSE_CONNECTION_CLOSED)->has_code); /* it has no exit code */
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    request = run_on_used_worker(&driver, 2, true, &worker);
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN); /* before that: another connection */
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    take_start(&driver);
    driver_close(&driver);
}

/* ---- the exit and the reply */

static void connection_that_closes_while_the_process_lives_on_fails_the_request_after_a_wait(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, one_worker());
    uint64_t request = run_on_used_worker(&driver, 1, true, &worker);
    finish(&driver, request, POOL_OUTCOME_UNANSWERED);
    of_request(&driver, POOL_EVENT_PROGRESS, request); /* late ones change nothing */
    of_request(&driver, POOL_EVENT_GONE, request);
    assert_due_after(&driver, POOL_EXIT_WAIT_MS);
    assert_false(take_reject(&driver, 1, ERROR_CAUSE_CONNECTION_CLOSED)->has_code);
    take_kill(&driver, worker);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void reply_is_read_to_its_end_after_the_exit(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, one_worker());
    uint64_t request = run_on_used_worker(&driver, 1, false, &worker);
    exited(&driver, worker, 0);
    for (int i = 0; i < 5; i++) { /* as long as something comes */
        let_pass(&driver, POOL_EXIT_WAIT_MS - 1);
        of_request(&driver, POOL_EVENT_PROGRESS, request);
    }
    answer(&driver, request, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void reply_whose_end_does_not_come_after_the_exit_fails(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, one_worker());
    uint64_t request = run_on_used_worker(&driver, 1, true, &worker);
    exited(&driver, worker, 3);
    exited(&driver, worker, 4); /* a second one counts nothing */
    let_pass(&driver, POOL_EXIT_WAIT_MS - 1);
    of_request(&driver, POOL_EVENT_PROGRESS, request); /* from here on */
    assert_due_after(&driver, POOL_EXIT_WAIT_MS);
    assert_code(take_abort(&driver, worker, 1, ERROR_CAUSE_WORKER_EXITED), 3);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 1);
    assert_int_equal(pool_totals_exits(pool_get_totals(driver.pool)), 1);
    driver_close(&driver);
}

static void wait_for_the_end_of_a_reply_stops_while_the_client_is_slow(void **state)
{
    (void)state;
    for (int exit_first = 0; exit_first < 2; exit_first++) {
        struct driver driver;
        uint64_t worker;
        driver_open(&driver, one_worker());
        uint64_t request = run_on_used_worker(&driver, 1, true, &worker);
        if (exit_first)
            exited(&driver, worker, 0);
        of_request(&driver, POOL_EVENT_CLIENT_WAIT, request);
        if (!exit_first)
            exited(&driver, worker, 0);
        of_request(&driver, POOL_EVENT_PROGRESS, request); /* sets no timer either */
        let_pass(&driver, 3600000);
        take_nothing(&driver);
        of_request(&driver, POOL_EVENT_CLIENT_READY, request);
        assert_due_after(&driver, POOL_EXIT_WAIT_MS);
        take_abort(&driver, worker, 1, ERROR_CAUSE_WORKER_EXITED);
        take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
        driver_close(&driver);
    }
}

static void crash_after_a_complete_reply_is_an_unexpected_exit(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, one_worker());
    uint64_t request = run_on_used_worker(&driver, 1, true, &worker);
    exited(&driver, worker, CRASH);
    answer(&driver, request, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 1);
    driver_close(&driver);
}

static void only_a_crash_of_an_idle_worker_is_an_unexpected_exit(void **state)
{
    (void)state;
    for (int crash = 0; crash < 2; crash++)
        for (int disconnect_first = 0; disconnect_first < 2; disconnect_first++) {
            struct driver driver;
            driver_open(&driver, one_worker());
            uint64_t worker = new_idle_worker(&driver);
            if (disconnect_first) {
                of_worker(&driver, POOL_EVENT_DISCONNECTED, worker);
                take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
            }
            exited(&driver, worker, crash ? CRASH : 0);
            take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
            assert_int_equal(pool_totals_exits(pool_get_totals(driver.pool)), 1);
            assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), crash);
            driver_close(&driver);
        }
}

static void crash_while_it_ends_as_told_is_no_unexpected_exit(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = one_worker();
    limits.signal_ms = 5000;
    limits.instance_max_requests = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_DONE);
    take_all(&driver);
    exited(&driver, worker, CRASH);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_int_equal(pool_totals_exits(pool_get_totals(driver.pool)), 1);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void exit_after_a_kill_of_ours_is_no_unexpected_exit(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, one_worker());
    uint64_t worker = new_idle_worker(&driver);
    of_worker(&driver, POOL_EVENT_DISCONNECTED, worker);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    assert_due_after(&driver, POOL_EXIT_WAIT_MS);
    take_of_worker(&driver, POOL_ACTION_KILL, worker);
    exited(&driver, worker, CRASH);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

/* ---- starts that fail */

static void failed_start_fails_the_oldest_request_with_its_code(void **state)
{
    (void)state;
    for (int external = 0; external < 2; external++) {
        struct driver driver;
        struct pool_limits limits = one_worker();
        limits.external = external;
        driver_open(&driver, limits);
        arrive(&driver, 1);
        uint64_t worker = take_start(&driver);
        arrive(&driver, 2);
        start_failed(&driver, worker, 1337);
        take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
        assert_code(take_reject(&driver, 1, external ? ERROR_CAUSE_CONNECT_FAILED : ERROR_CAUSE_START_FAILED), 1337);
        assert_int_equal(counts(&driver).waiting, 1);
        assert_int_equal(pool_get_totals(driver.pool)->start_failures, 1);
        driver_close(&driver);
    }
}

static void failed_start_fails_nobody_while_another_worker_serves(void **state)
{
    (void)state;
    for (int exits = 0; exits < 2; exits++) {
        struct driver driver;
        driver_open(&driver, driver_limits());
        uint64_t worker;
        uint64_t first = run_on_new_worker(&driver, 1, &worker);
        uint64_t request = arrive(&driver, 2);
        uint64_t failing = take_start(&driver);
        if (exits)
            exited(&driver, failing, 1);
        else
            start_failed(&driver, failing, 2);
        take_of_worker(&driver, POOL_ACTION_RELEASE, failing);
        assert_int_equal(counts(&driver).waiting, 1);
        answer(&driver, first, 1);
        assert_int_equal(take_assign(&driver, request), worker);
        driver_close(&driver);
    }
}

static void failed_start_fails_the_oldest_when_the_others_are_on_their_way_out(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t ending;
    uint64_t request = run_on_new_worker(&driver, 1, &ending);
    finish(&driver, request, POOL_OUTCOME_DONE_UNUSABLE);
    take_all(&driver);
    arrive(&driver, 2);
    uint64_t worker = take_start(&driver);
    start_failed(&driver, worker, 5);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_code(take_reject(&driver, 2, ERROR_CAUSE_START_FAILED), 5);
    driver_close(&driver);
}

static void external_connection_that_is_closed_by_agreement_ends(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = one_worker();
    limits.external = true;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    uint64_t waiting = arrive(&driver, 2);
    finish(&driver, request, POOL_OUTCOME_DONE_CLOSED);
    take_forget(&driver, 1);
    take_kill(&driver, worker); /* no CONNECT that would hold a process of the server's while nobody needs it */
    uint64_t next = take_start(&driver);
    exited(&driver, worker, 0);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    of_worker(&driver, POOL_EVENT_STARTED, next);
    assert_int_equal(take_assign(&driver, waiting), next);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void pauses_between_failing_starts_grow_to_a_limit_and_end_with_success(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = one_worker();
    limits.rapid_fails_per_minute = 1000;
    driver_open(&driver, limits);
    const uint64_t pauses_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    uint64_t worker = 0;
    uint64_t requests[12];
    for (uint64_t tag = 0; tag < 12; tag++) {
        requests[tag] = arrive(&driver, tag);
        if (tag == 0)
            worker = take_start(&driver);
    }
    for (uint64_t i = 0; i < 9; i++) {
        start_failed(&driver, worker, 2);
        take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
        take_reject(&driver, i, ERROR_CAUSE_START_FAILED);
        assert_due_after(&driver, pauses_ms[i]);
        worker = take_start(&driver);
    }
    of_worker(&driver, POOL_EVENT_STARTED, worker);
    take_assign(&driver, requests[9]);
    finish(&driver, requests[9], POOL_OUTCOME_DONE_UNUSABLE);
    take_forget(&driver, 9);
    take_kill(&driver, worker);
    uint64_t next = take_start(&driver); /* no pause any more */
    exited(&driver, worker, 1);
    take_all(&driver);
    start_failed(&driver, next, 2);
    take_of_worker(&driver, POOL_ACTION_RELEASE, next);
    take_reject(&driver, 10, ERROR_CAUSE_START_FAILED);
    assert_due_after(&driver, pauses_ms[0]);
    take_start(&driver);
    driver_close(&driver);
}

static void exit_before_the_process_is_reported_as_started_fails_the_oldest_request(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, one_worker());
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    arrive(&driver, 2);
    exited(&driver, worker, 0xC0000135u);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_code(take_reject(&driver, 1, ERROR_CAUSE_LOAD_FAILED), 0xC0000135u);
    of_worker(&driver, POOL_EVENT_STARTED, worker); /* is stale now */
    assert_due_after(&driver, POOL_START_PAUSE_MS);
    take_start(&driver);
    driver_close(&driver);
}

/* A worker that ended without a byte ever is a failed start, however the pool hears of it. */
static void assert_failed_start(struct driver *driver)
{
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver->pool)), 1);
    take_all(driver);
    arrive(driver, 2);
    take_nothing(driver); /* a start must wait */
    assert_due_after(driver, POOL_START_PAUSE_MS);
    take_start(driver);
    driver_close(driver);
}

static void exit_before_the_first_byte_is_a_failed_start(void **state)
{
    (void)state;
    const enum pool_outcome outcomes[] = {POOL_OUTCOME_UNWRITTEN, POOL_OUTCOME_UNANSWERED, POOL_OUTCOME_BROKEN};
    for (int exit_first = 0; exit_first < 2; exit_first++)
        for (int i = exit_first ? 0 : 1; i < 3; i++) { /* UNWRITTEN before the exit: see below */
            struct driver driver;
            driver_open(&driver, one_worker());
            uint64_t worker;
            uint64_t request = run_on_new_worker(&driver, 1, &worker);
            if (exit_first)
                exited(&driver, worker, 1);
            finish(&driver, request, outcomes[i]);
            if (!exit_first)
                exited(&driver, worker, 1);
            assert_failed_start(&driver);
        }
}

static void exit_of_a_worker_that_never_had_a_request_is_a_failed_start(void **state)
{
    (void)state;
    for (int disconnect_first = 0; disconnect_first < 2; disconnect_first++) {
        struct driver driver;
        driver_open(&driver, one_worker());
        uint64_t request = arrive(&driver, 1);
        uint64_t worker = take_start(&driver);
        of_request(&driver, POOL_EVENT_GONE, request);
        take_all(&driver);
        of_worker(&driver, POOL_EVENT_STARTED, worker);
        if (disconnect_first)
            of_worker(&driver, POOL_EVENT_DISCONNECTED, worker);
        take_all(&driver);
        exited(&driver, worker, 1);
        assert_failed_start(&driver);
    }
}

static void exit_without_a_byte_is_a_failed_start_also_when_another_start_is_on_its_way(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, one_worker());
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_UNWRITTEN);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    uint64_t next = take_start(&driver);
    exited(&driver, worker, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 1);
    start_failed(&driver, next, 2);
    take_all(&driver);
    arrive(&driver, 2);
    assert_due_after(&driver, 2 * POOL_START_PAUSE_MS); /* the second failure in a row */
    take_start(&driver);
    driver_close(&driver);
}

static void exit_without_a_byte_and_without_an_end_of_the_reply_is_a_failed_start(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, one_worker());
    uint64_t worker;
    run_on_new_worker(&driver, 1, &worker);
    exited(&driver, worker, 1);
    driver.now_ms = pool_next_deadline_ms(driver.pool);
    of_request(&driver, POOL_EVENT_DEADLINE, 0);
    take_abort(&driver, worker, 1, ERROR_CAUSE_WORKER_EXITED);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_failed_start(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_that_was_not_written_is_tried_on_two_more_workers),
        cmocka_unit_test(second_try_takes_an_idle_worker_at_once),
        cmocka_unit_test(unanswered_request_is_tried_once_more_after_a_normal_exit),
        cmocka_unit_test(unanswered_second_try_that_is_not_written_is_tried_again),
        cmocka_unit_test(broken_request_is_not_tried_again),
        cmocka_unit_test(external_server_gets_no_request_twice_after_all_was_written),
        cmocka_unit_test(connection_that_closes_while_the_process_lives_on_fails_the_request_after_a_wait),
        cmocka_unit_test(reply_is_read_to_its_end_after_the_exit),
        cmocka_unit_test(reply_whose_end_does_not_come_after_the_exit_fails),
        cmocka_unit_test(wait_for_the_end_of_a_reply_stops_while_the_client_is_slow),
        cmocka_unit_test(crash_after_a_complete_reply_is_an_unexpected_exit),
        cmocka_unit_test(only_a_crash_of_an_idle_worker_is_an_unexpected_exit),
        cmocka_unit_test(crash_while_it_ends_as_told_is_no_unexpected_exit),
        cmocka_unit_test(exit_after_a_kill_of_ours_is_no_unexpected_exit),
        cmocka_unit_test(failed_start_fails_the_oldest_request_with_its_code),
        cmocka_unit_test(failed_start_fails_nobody_while_another_worker_serves),
        cmocka_unit_test(failed_start_fails_the_oldest_when_the_others_are_on_their_way_out),
        cmocka_unit_test(external_connection_that_is_closed_by_agreement_ends),
        cmocka_unit_test(pauses_between_failing_starts_grow_to_a_limit_and_end_with_success),
        cmocka_unit_test(exit_before_the_process_is_reported_as_started_fails_the_oldest_request),
        cmocka_unit_test(exit_before_the_first_byte_is_a_failed_start),
        cmocka_unit_test(exit_of_a_worker_that_never_had_a_request_is_a_failed_start),
        cmocka_unit_test(exit_without_a_byte_is_a_failed_start_also_when_another_start_is_on_its_way),
        cmocka_unit_test(exit_without_a_byte_and_without_an_end_of_the_reply_is_a_failed_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
