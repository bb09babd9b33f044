/* What an operator does to one worker, and what is shown of a pool: one worker goes and no request is lost, or it goes at once; each
 * request and each worker is seen with its times; exits are told apart. */
#include "tests/unit/pool_driver.h"

#define CRASH 0xC0000005u

static void dismiss(struct driver *driver, uint64_t worker)
{
    of_worker(driver, POOL_EVENT_DISMISS, worker);
}

static void kill_worker(struct driver *driver, uint64_t worker)
{
    of_worker(driver, POOL_EVENT_KILL, worker);
}

/* ---- one worker goes when it is free ---- */

static void idle_worker_that_is_dismissed_ends_and_the_next_request_gets_a_new_one(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    dismiss(&driver, worker);
    take_kill(&driver, worker);
    uint64_t request = arrive(&driver, 1);
    uint64_t next = take_start(&driver);
    assert_true(next != worker);
    end_of(&driver, worker);
    of_worker(&driver, POOL_EVENT_STARTED, next);
    assert_int_equal(take_assign(&driver, request), next);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void busy_worker_that_is_dismissed_answers_first(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    uint64_t waiting = arrive(&driver, 2);
    dismiss(&driver, worker);
    dismiss(&driver, worker); /* twice is once */
    take_nothing(&driver);
    answer(&driver, request, 1);
    take_kill(&driver, worker);
    uint64_t next = start_next(&driver); /* beside the one that ends */
    assert_int_equal(take_assign(&driver, waiting), next);
    end_of(&driver, worker);
    driver_close(&driver);
}

static void start_that_is_dismissed_is_ended_when_it_has_come_to_its_end(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t request = arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    dismiss(&driver, worker);
    kill_worker(&driver, worker);
    take_nothing(&driver);
    of_worker(&driver, POOL_EVENT_STARTED, worker);
    take_kill(&driver, worker);
    uint64_t next = start_next(&driver);
    assert_int_equal(take_assign(&driver, request), next);
    end_of(&driver, worker);
    driver_close(&driver);
}

static void connection_in_the_making_that_is_dismissed_ends_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.external = true;
    driver_open(&driver, limits);
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    dismiss(&driver, worker);
    take_kill(&driver, worker);
    take_start(&driver);
    driver_close(&driver);
}

static void worker_that_waits_for_a_connection_is_dismissed_at_once(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, driver_limits());
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_DONE_CLOSED);
    take_forget(&driver, 1);
    take_of_worker(&driver, POOL_ACTION_CONNECT, worker);
    dismiss(&driver, worker);
    take_kill(&driver, worker);
    of_worker(&driver, POOL_EVENT_CONNECTED, worker); /* it has crossed that */
    take_nothing(&driver);
    driver_close(&driver);
}

static void replacements_that_are_dismissed_do_not_fail_the_recycle_nor_end_old_workers(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver);
    for (int i = 0; i <= POOL_MAX_REPLACEMENT_FAILURES; i++) {
        of_worker(&driver, POOL_EVENT_STARTED, replacement);
        dismiss(&driver, replacement);
        take_kill(&driver, replacement);
        uint64_t next = take_start(&driver);
        end_of(&driver, replacement);
        replacement = next;
    }
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 1);
    of_worker(&driver, POOL_EVENT_STARTED, replacement);
    let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void unknown_worker_is_ignored(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    exited(&driver, worker, 0);
    take_release(&driver, worker);
    dismiss(&driver, worker);
    kill_worker(&driver, worker);
    take_nothing(&driver);
    driver_close(&driver);
}

/* ---- one worker goes at once ---- */

static void killed_worker_ends_at_once_with_its_request(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    struct pool_limits limits = driver_limits();
    limits.signal_ms = 5000; /* is not waited for */
    driver_open(&driver, limits);
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    kill_worker(&driver, worker);
    take_abort(&driver, worker, 1, ERROR_CAUSE_RECYCLED);
    take_signal(&driver, worker);
    take_of_worker(&driver, POOL_ACTION_KILL, worker);
    finish(&driver, request, POOL_OUTCOME_DONE); /* has crossed that */
    kill_worker(&driver, worker);
    take_nothing(&driver);
    end_of(&driver, worker);
    assert_int_equal(pool_get_totals(driver.pool)->failed[ERROR_CAUSE_RECYCLED], 1);
    driver_close(&driver);
}

static void worker_that_has_time_to_clean_up_loses_it_when_it_is_killed(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.signal_ms = 5000;
    driver_open(&driver, limits);
    uint64_t worker = new_idle_worker(&driver);
    dismiss(&driver, worker);
    take_signal(&driver, worker);
    kill_worker(&driver, worker);
    take_of_worker(&driver, POOL_ACTION_KILL, worker);
    let_pass(&driver, POOL_KILL_WAIT_MS + TIMERS_TICK_MS); /* nothing helps */
    take_release(&driver, worker);
    driver_close(&driver);
}

static void request_that_lingers_is_rejected_when_its_worker_is_killed(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, driver_limits());
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_UNANSWERED);
    take_nothing(&driver);
    kill_worker(&driver, worker);
    take_reject(&driver, 1, ERROR_CAUSE_RECYCLED);
    take_kill(&driver, worker);
    end_of(&driver, worker);
    driver_close(&driver);
}

static void worker_that_has_exited_and_whose_answer_is_read_yet_is_released_when_killed(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, driver_limits());
    run_on_new_worker(&driver, 1, &worker);
    exited(&driver, worker, 0);
    take_nothing(&driver);
    kill_worker(&driver, worker);
    take_abort(&driver, worker, 1, ERROR_CAUSE_RECYCLED);
    take_release(&driver, worker);
    driver_close(&driver);
}

/* ---- what fcgiext.ini does not end ---- */

static void drain_survives_new_limits_and_a_recycle(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    driver_open(&driver, limits);
    drain(&driver);
    limits.max_instances = 9;
    reconfigure(&driver, limits);
    recycle(&driver, false);
    assert_int_equal(arrive(&driver, 1), 0);
    take_reject(&driver, 1, ERROR_CAUSE_DRAINING);
    assert_int_equal(counts(&driver).state, POOL_STATE_DRAINED);
    driver_close(&driver);
}

/* ---- what RELEASE tells ---- */

static void release_tells_a_crash_from_an_end_that_was_asked_for(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    driver_open(&driver, driver_limits());
    run_on_new_worker(&driver, 1, &worker);
    exited(&driver, worker, CRASH);
    let_pass(&driver, POOL_EXIT_WAIT_MS + TIMERS_TICK_MS);
    take_abort(&driver, worker, 1, ERROR_CAUSE_WORKER_CRASHED);
    const struct pool_action *release = take(&driver, POOL_ACTION_RELEASE);
    assert_int_equal(release->cause, ERROR_CAUSE_WORKER_CRASHED);
    assert_code(release, CRASH);
    assert_int_equal(release->answered, 0);
    let_pass(&driver, POOL_START_PAUSE_MS + TIMERS_TICK_MS);

    worker = new_idle_worker(&driver);
    dismiss(&driver, worker);
    take_kill(&driver, worker);
    exited(&driver, worker, 1);
    release = take(&driver, POOL_ACTION_RELEASE);
    assert_int_equal(release->cause, ERROR_CAUSE_NONE);
    assert_code(release, 1);
    assert_int_equal(release->answered, 1);
    driver_close(&driver);
}

static void program_that_ends_by_its_own_limit_is_expected_to(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    exited(&driver, worker, 0);
    assert_int_equal(take(&driver, POOL_ACTION_RELEASE)->cause, ERROR_CAUSE_NONE);
    driver_close(&driver);
}

static void release_without_an_exit_has_no_code(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    start_failed(&driver, worker, 2);
    const struct pool_action *release = take(&driver, POOL_ACTION_RELEASE);
    assert_false(release->has_code);
    assert_int_equal(release->cause, ERROR_CAUSE_NONE);
    take_reject(&driver, 1, ERROR_CAUSE_START_FAILED);
    driver_close(&driver);
}

/* ---- what is shown ---- */

struct shown {
    struct pool_request_info requests[8];
    struct pool_worker_info workers[8];
    unsigned request_count, worker_count;
};

static void show_request(void *context, const struct pool_request_info *info)
{
    struct shown *shown = context;
    assert_true(shown->request_count < 8);
    shown->requests[shown->request_count++] = *info;
}

static void show_worker(void *context, const struct pool_worker_info *info)
{
    struct shown *shown = context;
    assert_true(shown->worker_count < 8);
    shown->workers[shown->worker_count++] = *info;
}

static struct shown show(const struct driver *driver)
{
    struct shown shown = {.request_count = 0};
    pool_each_request(driver->pool, driver->now_ms, show_request, &shown);
    pool_each_worker(driver->pool, driver->now_ms, show_worker, &shown);
    return shown;
}

static void requests_are_shown_running_ones_first_with_their_times(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    assert_int_equal(show(&driver).request_count, 0);
    uint64_t running = run_on_new_worker(&driver, 70, &worker);
    let_pass(&driver, 100);
    uint64_t first = arrive(&driver, 71);
    let_pass(&driver, 10);
    uint64_t second = arrive(&driver, 72);
    of_request(&driver, POOL_EVENT_CLIENT_WAIT, running);
    let_pass(&driver, 5);
    struct shown shown = show(&driver);
    assert_int_equal(shown.request_count, 3);
    const uint64_t ids[] = {running, first, second}, ages[] = {115, 15, 5};
    for (unsigned i = 0; i < 3; i++) {
        const struct pool_request_info *info = &shown.requests[i];
        assert_int_equal(info->id, ids[i]);
        assert_int_equal(info->tag, 70 + i);
        assert_int_equal(info->age_ms, ages[i]);
        assert_int_equal(info->state_ms, ages[i]);
        assert_int_equal(info->worker, i == 0 ? worker : 0);
        assert_int_equal(info->state, i == 0 ? POOL_REQUEST_RUNNING : POOL_REQUEST_WAITING);
        assert_int_equal(info->waits_for_client, i == 0);
    }
    struct pool_times times;
    pool_get_times(driver.pool, driver.now_ms, &times);
    assert_int_equal(times.running, 1);
    assert_int_equal(times.oldest_run_ms, 115);
    assert_int_equal(times.oldest_wait_ms, 15);
    assert_int_equal(times.rapid_fail_left_ms, 0);
    driver_close(&driver);
}

static void second_try_is_as_old_as_the_first(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    uint64_t request = serve_on(&driver, 1, worker);
    let_pass(&driver, 50);
    finish(&driver, request, POOL_OUTCOME_UNANSWERED);
    let_pass(&driver, 20);
    struct shown shown = show(&driver);
    assert_int_equal(shown.requests[0].state, POOL_REQUEST_LINGERING);
    assert_int_equal(shown.requests[0].state_ms, 20);
    exited(&driver, worker, 0);
    take_release(&driver, worker);
    take_start(&driver);
    let_pass(&driver, 3);
    shown = show(&driver);
    assert_int_equal(shown.requests[0].state, POOL_REQUEST_WAITING);
    assert_int_equal(shown.requests[0].age_ms, 73);
    assert_int_equal(shown.requests[0].state_ms, 3);
    driver_close(&driver);
}

static void workers_are_shown_with_what_they_have_done_and_have_left(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t busy;
    struct pool_worker_info info;
    struct pool_limits limits = driver_limits();
    limits.instance_max_requests = 10;
    driver_open(&driver, limits);
    uint64_t worker = new_idle_worker(&driver);
    let_pass(&driver, 40);
    uint64_t request = serve_on(&driver, 1, worker);
    let_pass(&driver, 2);
    uint64_t other = run_on_new_worker(&driver, 2, &busy);
    struct shown shown = show(&driver);
    assert_int_equal(shown.worker_count, 2);
    assert_true(pool_find_worker(driver.pool, worker, driver.now_ms, &info));
    assert_int_equal(info.request, request);
    assert_int_equal(info.state, WORKER_BUSY);
    assert_int_equal(info.served, 2);
    assert_int_equal(info.answered, 1);
    assert_int_equal(info.requests_left, 8);
    assert_int_equal(info.age_ms, 42);
    assert_int_equal(info.state_ms, 2);
    assert_false(info.to_go);
    dismiss(&driver, busy);
    assert_true(pool_find_worker(driver.pool, busy, driver.now_ms, &info));
    assert_int_equal(info.request, other);
    assert_true(info.to_go);
    assert_int_equal(info.requests_left, 0);
    recycle(&driver, false);
    take_start(&driver);
    assert_true(pool_find_worker(driver.pool, worker, driver.now_ms, &info));
    assert_true(info.to_go);
    assert_false(pool_find_worker(driver.pool, 12345, driver.now_ms, &info));
    driver_close(&driver);
}

static void rapid_fail_is_shown_with_its_cause_and_what_is_left_of_it(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_times times;
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 0;
    driver_open(&driver, limits);
    arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    start_failed(&driver, worker, 2);
    take_all(&driver);
    let_pass(&driver, 1000);
    pool_get_times(driver.pool, driver.now_ms, &times);
    assert_int_equal(times.rapid_fail_left_ms, POOL_RAPID_FAIL_MS - 1000);
    assert_int_equal(times.first_cause, ERROR_CAUSE_START_FAILED);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_worker_that_is_dismissed_ends_and_the_next_request_gets_a_new_one),
        cmocka_unit_test(busy_worker_that_is_dismissed_answers_first),
        cmocka_unit_test(start_that_is_dismissed_is_ended_when_it_has_come_to_its_end),
        cmocka_unit_test(connection_in_the_making_that_is_dismissed_ends_at_once),
        cmocka_unit_test(worker_that_waits_for_a_connection_is_dismissed_at_once),
        cmocka_unit_test(replacements_that_are_dismissed_do_not_fail_the_recycle_nor_end_old_workers),
        cmocka_unit_test(unknown_worker_is_ignored),
        cmocka_unit_test(killed_worker_ends_at_once_with_its_request),
        cmocka_unit_test(worker_that_has_time_to_clean_up_loses_it_when_it_is_killed),
        cmocka_unit_test(request_that_lingers_is_rejected_when_its_worker_is_killed),
        cmocka_unit_test(worker_that_has_exited_and_whose_answer_is_read_yet_is_released_when_killed),
        cmocka_unit_test(drain_survives_new_limits_and_a_recycle),
        cmocka_unit_test(release_tells_a_crash_from_an_end_that_was_asked_for),
        cmocka_unit_test(program_that_ends_by_its_own_limit_is_expected_to),
        cmocka_unit_test(release_without_an_exit_has_no_code),
        cmocka_unit_test(requests_are_shown_running_ones_first_with_their_times),
        cmocka_unit_test(second_try_is_as_old_as_the_first),
        cmocka_unit_test(workers_are_shown_with_what_they_have_done_and_have_left),
        cmocka_unit_test(rapid_fail_is_shown_with_its_cause_and_what_is_left_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
