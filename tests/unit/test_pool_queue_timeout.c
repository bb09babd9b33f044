/* QueueTimeout: the longest time that a request waits for a process. */
#include "tests/unit/pool_driver.h"

enum { TIMEOUT_MS = 12000 };

static struct pool_limits with_timeout(uint64_t ms)
{
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    limits.queue_timeout_ms = ms;
    return limits;
}

struct opened {
    uint64_t worker, running, waiting;
};

/* Request 1 runs on the only worker, request 2 waits. */
static struct opened open_with_waiting(struct driver *driver, struct pool_limits limits)
{
    struct opened opened;
    driver_open(driver, limits);
    opened.running = run_on_new_worker(driver, 1, &opened.worker);
    opened.waiting = arrive(driver, 2);
    return opened;
}

static void request_that_has_waited_for_so_long_is_rejected(void **state)
{
    (void)state;
    struct driver driver;
    struct opened opened = open_with_waiting(&driver, with_timeout(TIMEOUT_MS));
    assert_due_after(&driver, TIMEOUT_MS);
    assert_false(take_reject(&driver, 2, ERROR_CAUSE_QUEUE_TIMEOUT)->has_code);
    assert_int_equal(driver.probes, 2); /* and its client has been looked for meanwhile */
    answer(&driver, opened.running, 1); /* the one that runs is not concerned */
    driver_close(&driver);
}

static void time_out_shorter_than_the_first_probe_comes_in_time(void **state)
{
    (void)state;
    struct driver driver;
    open_with_waiting(&driver, with_timeout(1000));
    assert_due_after(&driver, 1000);
    take_reject(&driver, 2, ERROR_CAUSE_QUEUE_TIMEOUT);
    assert_int_equal(driver.probes, 0);
    driver_close(&driver);
}

static void each_request_has_its_own_time(void **state)
{
    (void)state;
    struct driver driver;
    open_with_waiting(&driver, with_timeout(1000));
    let_pass(&driver, 600);
    uint64_t later = arrive(&driver, 3);
    let_pass(&driver, 400 + TIMERS_TICK_MS);
    take_reject(&driver, 2, ERROR_CAUSE_QUEUE_TIMEOUT);
    let_pass(&driver, 500);
    of_request(&driver, POOL_EVENT_GONE, later);
    take_reject(&driver, 3, ERROR_CAUSE_CLIENT_GONE);
    driver_close(&driver);
}

static void request_that_gets_its_worker_is_free_of_it(void **state)
{
    (void)state;
    struct driver driver;
    struct opened opened = open_with_waiting(&driver, with_timeout(1000));
    let_pass(&driver, 900);
    answer(&driver, opened.running, 1);
    assert_int_equal(take_assign(&driver, opened.waiting), opened.worker);
    let_pass(&driver, 5000);
    answer(&driver, opened.waiting, 2);
    driver_close(&driver);
}

/* What it has waited before its first try counts, its time on the worker does not. So it may have more time left than those behind it,
 * which came later. */
static void second_try_goes_on_with_the_time_that_was_left(void **state)
{
    (void)state;
    struct driver driver;
    struct opened opened = open_with_waiting(&driver, with_timeout(1000));
    let_pass(&driver, 700);
    answer(&driver, opened.running, 1);
    take_assign(&driver, opened.waiting);
    arrive(&driver, 3);
    let_pass(&driver, 900);
    finish(&driver, opened.waiting, POOL_OUTCOME_UNWRITTEN); /* 300 ms are left to it, 100 ms to the one behind it */
    take_of_worker(&driver, POOL_ACTION_CLOSE, opened.worker);
    take_start(&driver); /* that takes its time */
    assert_due_after(&driver, 100);
    take_reject(&driver, 3, ERROR_CAUSE_QUEUE_TIMEOUT);
    assert_due_after(&driver, 200 - TIMERS_TICK_MS);
    take_reject(&driver, 2, ERROR_CAUSE_QUEUE_TIMEOUT);
    driver_close(&driver);
}

static void time_goes_on_while_the_pool_drains(void **state)
{
    (void)state;
    struct driver driver;
    open_with_waiting(&driver, with_timeout(1000));
    drain(&driver);
    assert_due_after(&driver, 1000);
    take_reject(&driver, 2, ERROR_CAUSE_QUEUE_TIMEOUT);
    driver_close(&driver);
}

static void changed_time_out_holds_for_those_that_wait_from_their_next_probe_on(void **state)
{
    (void)state;
    struct driver driver;
    struct opened opened = open_with_waiting(&driver, with_timeout(0));
    let_pass(&driver, 1000);
    reconfigure(&driver, with_timeout(2000));
    let_pass(&driver, POOL_PROBE_MS - 1000 + TIMERS_TICK_MS);
    take_reject(&driver, 2, ERROR_CAUSE_QUEUE_TIMEOUT);
    uint64_t request = arrive(&driver, 3);
    reconfigure(&driver, with_timeout(0));
    let_pass(&driver, 60000);
    assert_int_equal(counts(&driver).waiting, 1);
    take_abort(&driver, opened.worker, 1, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_all(&driver);
    of_request(&driver, POOL_EVENT_GONE, request);
    take_all(&driver);
    driver_close(&driver);
}

static void it_holds_for_servers_of_others_too(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_timeout(1000);
    limits.external = true;
    open_with_waiting(&driver, limits);
    assert_due_after(&driver, 1000);
    take_reject(&driver, 2, ERROR_CAUSE_QUEUE_TIMEOUT);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_that_has_waited_for_so_long_is_rejected),
        cmocka_unit_test(time_out_shorter_than_the_first_probe_comes_in_time),
        cmocka_unit_test(each_request_has_its_own_time),
        cmocka_unit_test(request_that_gets_its_worker_is_free_of_it),
        cmocka_unit_test(second_try_goes_on_with_the_time_that_was_left),
        cmocka_unit_test(time_goes_on_while_the_pool_drains),
        cmocka_unit_test(changed_time_out_holds_for_those_that_wait_from_their_next_probe_on),
        cmocka_unit_test(it_holds_for_servers_of_others_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
