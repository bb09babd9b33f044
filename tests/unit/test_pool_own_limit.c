/* What the pool learns, or is told, about its program's own limit of requests. */
#include "tests/unit/pool_driver.h"

#define CRASH 0xC0000005u

enum ending { EXITS_IDLE, CLOSES_FIRST, EXITS_BEFORE_THE_END, EXITS_LATE, CRASHES, FAILS, IS_KILLED, IS_ENDED_BY_US };

/* A new worker answers so many requests and ends. */
static void serve_and_end(struct driver *driver, uint32_t requests, enum ending ending)
{
    uint64_t worker = 0;
    for (uint32_t i = 0; i < requests; i++) {
        uint64_t request = i == 0 ? run_on_new_worker(driver, i, &worker) : arrive(driver, i);
        if (i)
            assert_int_equal(take_assign(driver, request), worker);
        if (ending == EXITS_BEFORE_THE_END && i + 1 == requests)
            exited(driver, worker, 0);
        answer(driver, request, i);
    }
    if (ending == EXITS_LATE)
        let_pass(driver, POOL_LEARN_MS + 1);
    if (ending == CLOSES_FIRST || ending == IS_KILLED)
        of_worker(driver, POOL_EVENT_DISCONNECTED, worker);
    take_all(driver);
    if (ending == IS_KILLED) {
        driver->now_ms = pool_next_deadline_ms(driver->pool); /* after signal_ms: within POOL_LEARN_MS */
        of_worker(driver, POOL_EVENT_DEADLINE, 0);
        take_all(driver);
    }
    exited(driver, worker, ending == CRASHES ? CRASH : ending == FAILS);
    take_all(driver);
}

/* We close the connection, and it has its time to end. */
static void end_by_itself(struct driver *driver, uint64_t worker)
{
    take_of_worker(driver, POOL_ACTION_CLOSE, worker);
    exited(driver, worker, 0);
    take_release(driver, worker);
}

static void limit_of_the_program_is_learned_from_two_equal_ends(void **state)
{
    (void)state;
    const enum ending endings[] = {EXITS_IDLE, CLOSES_FIRST, EXITS_BEFORE_THE_END};
    for (int i = 0; i < 3; i++) {
        struct driver driver;
        driver_open(&driver, driver_limits());
        serve_and_end(&driver, 3, endings[i]);
        serve_and_end(&driver, 2, endings[i]); /* something else */
        assert_int_equal(counts(&driver).learned_requests, 0);
        serve_and_end(&driver, 3, endings[i]);
        assert_int_equal(counts(&driver).learned_requests, 0); /* not twice in a row */
        serve_and_end(&driver, 3, endings[i]);
        assert_int_equal(counts(&driver).learned_requests, 3);
        assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
        uint64_t worker;
        uint64_t request = run_on_new_worker(&driver, 1, &worker);
        answer(&driver, request, 1);
        for (uint64_t tag = 2; tag <= 3; tag++) {
            request = serve_on(&driver, tag, worker);
            answer(&driver, request, tag);
        }
        end_by_itself(&driver, worker); /* the third is now its last: nobody meets its end */
        recycle(&driver, false);
        assert_int_equal(counts(&driver).learned_requests, 0); /* it may be another program now */
        driver_close(&driver);
    }
}

static void other_ends_teach_nothing(void **state)
{
    (void)state;
    const enum ending endings[] = {EXITS_LATE, CRASHES, FAILS, IS_KILLED, IS_ENDED_BY_US};
    for (int i = 0; i < 5; i++) {
        struct driver driver;
        struct pool_limits limits = driver_limits();
        limits.signal_ms = POOL_LEARN_MS / 2;
        limits.instance_max_requests = endings[i] == IS_ENDED_BY_US ? 2 : 1000;
        driver_open(&driver, limits);
        for (int times = 0; times < 3; times++)
            serve_and_end(&driver, 2, endings[i]);
        assert_int_equal(counts(&driver).learned_requests, 0);
        driver_close(&driver);
    }
}

static void learned_limit_only_lowers_the_configured_one(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    driver_open(&driver, limits);
    for (int times = 0; times < 2; times++)
        serve_and_end(&driver, 5, EXITS_IDLE);
    assert_int_equal(counts(&driver).learned_requests, 5);
    limits.instance_max_requests = 1;
    reconfigure(&driver, limits);
    uint64_t worker;
    answer(&driver, run_on_new_worker(&driver, 1, &worker), 1);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void connections_to_an_external_server_teach_nothing(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.external = true;
    driver_open(&driver, limits);
    for (int times = 0; times < 3; times++)
        serve_and_end(&driver, 2, EXITS_IDLE);
    assert_int_equal(counts(&driver).learned_requests, 0);
    driver_close(&driver);
}

static bool next_is_last(const struct driver *driver)
{
    return driver->actions[driver->taken].last;
}

/* The last one says that it is: the connection is not kept then. */
static void limit_that_is_told_is_known_from_the_first_worker_on(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.own_requests = 2;
    driver_open(&driver, limits);
    for (int times = 0; times < 2; times++) {
        uint64_t first = arrive(&driver, 1);
        uint64_t worker = take_start(&driver);
        of_worker(&driver, POOL_EVENT_STARTED, worker);
        assert_false(next_is_last(&driver));
        assert_int_equal(take_assign(&driver, first), worker);
        answer(&driver, first, 1);
        uint64_t second = arrive(&driver, 2);
        assert_true(next_is_last(&driver));
        assert_int_equal(take_assign(&driver, second), worker);
        finish(&driver, second, POOL_OUTCOME_DONE_CLOSED);
        take_forget(&driver, 2);
        end_by_itself(&driver, worker);
    }
    driver_close(&driver);
}

static void limit_that_is_above_the_pools_is_never_reached(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.own_requests = 3;
    limits.instance_max_requests = 1;
    driver_open(&driver, limits);
    uint64_t request = arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    of_worker(&driver, POOL_EVENT_STARTED, worker);
    assert_false(next_is_last(&driver));
    take_assign(&driver, request);
    answer(&driver, request, 1);
    take_kill(&driver, worker); /* it does not know that this was all */
    driver_close(&driver);
}

static void program_that_does_not_end_after_its_last_request_is_ended(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.own_requests = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    answer(&driver, request, 1);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    assert_due_after(&driver, POOL_EXIT_WAIT_MS);
    take_of_worker(&driver, POOL_ACTION_KILL, worker);
    end_of(&driver, worker);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_of_the_program_is_learned_from_two_equal_ends),
        cmocka_unit_test(other_ends_teach_nothing),
        cmocka_unit_test(learned_limit_only_lowers_the_configured_one),
        cmocka_unit_test(connections_to_an_external_server_teach_nothing),
        cmocka_unit_test(limit_that_is_told_is_known_from_the_first_worker_on),
        cmocka_unit_test(limit_that_is_above_the_pools_is_never_reached),
        cmocka_unit_test(program_that_does_not_end_after_its_last_request_is_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
