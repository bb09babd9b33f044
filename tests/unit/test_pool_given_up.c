/* A request that was given up before anything of it came to its worker: that says nothing about the worker. */
#include "tests/unit/pool_driver.h"

static void replacement_that_got_nothing_of_a_request_is_not_proven_by_it(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    uint64_t replacement = start_next(&driver);
    uint64_t request = serve_on(&driver, 1, replacement);
    finish(&driver, request, POOL_OUTCOME_GIVEN_UP);
    take_forget(&driver, 1);
    take_of_worker(&driver, POOL_ACTION_CONNECT, replacement);
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 1);
    of_worker(&driver, POOL_EVENT_CONNECTED, replacement);
    request = serve_on(&driver, 2, replacement);
    answer(&driver, request, 2);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void worker_that_got_nothing_has_its_first_bytes_yet_to_send(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    uint64_t worker;
    driver_open(&driver, limits);
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_GIVEN_UP);
    take_forget(&driver, 1);
    take_of_worker(&driver, POOL_ACTION_CONNECT, worker);
    of_worker(&driver, POOL_EVENT_CONNECTED, worker);
    request = arrive(&driver, 2);
    take_assign(&driver, request);
    assert_due_after(&driver, 2 * limits.activity_timeout_ms);
    take_abort(&driver, worker, 2, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    take_all(&driver);
    driver_close(&driver);
}

static void connection_to_a_server_of_others_is_not_made_anew(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    uint64_t worker;
    limits.external = true;
    driver_open(&driver, limits);
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_GIVEN_UP);
    take_forget(&driver, 1);
    take_kill(&driver, worker);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replacement_that_got_nothing_of_a_request_is_not_proven_by_it),
        cmocka_unit_test(worker_that_got_nothing_has_its_first_bytes_yet_to_send),
        cmocka_unit_test(connection_to_a_server_of_others_is_not_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
