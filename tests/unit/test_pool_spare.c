/* MinInstances: processes that are there before anybody has asked for one, and stay. */
#include "tests/unit/pool_driver.h"

static struct pool_limits with_spares(uint32_t count)
{
    struct pool_limits limits = driver_limits();
    limits.min_instances = count;
    return limits;
}

/* A pool whose spares are idle; `workers` may be NULL. */
static void open_with_spares(struct driver *driver, struct pool_limits limits, uint64_t *workers)
{
    uint64_t started[8];
    uint32_t count = limits.min_instances;
    driver_open(driver, limits);
    resume(driver);
    for (uint32_t i = 0; i < count; i++)
        started[i] = take_start(driver);
    for (uint32_t i = 0; i < count; i++)
        of_worker(driver, POOL_EVENT_STARTED, started[i]);
    if (workers)
        memcpy(workers, started, count * sizeof *workers);
}

static void spares_are_started_at_the_first_event_without_any_request(void **state)
{
    (void)state;
    struct driver driver;
    open_with_spares(&driver, with_spares(3), NULL);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 3);
    driver_close(&driver);
}

static void request_goes_to_a_spare_and_needs_no_start(void **state)
{
    (void)state;
    struct driver driver;
    open_with_spares(&driver, with_spares(2), NULL);
    for (uint64_t i = 0; i < 2; i++)
        take_assign(&driver, arrive(&driver, i));
    arrive(&driver, 2);
    take_start(&driver); /* there are MaxInstances, as ever */
    driver_close(&driver);
}

static void idle_time_out_ends_what_is_more_and_keeps_the_spares(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t requests[4], workers[2];
    open_with_spares(&driver, with_spares(2), workers);
    for (uint64_t i = 0; i < 2; i++)
        take_assign(&driver, requests[i] = arrive(&driver, i));
    for (uint64_t i = 2; i < 4; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i - 2]);
    for (uint64_t i = 0; i < 4; i++)
        answer(&driver, requests[i], i);
    let_pass(&driver, driver_limits().idle_timeout_ms + TIMERS_TICK_MS);
    assert_int_equal(in_state(&driver, WORKER_STOPPING), 2);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 2);
    take_all(&driver);
    let_pass(&driver, 10 * driver_limits().idle_timeout_ms);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 2);
    assert_int_equal(pool_get_totals(driver.pool)->started, 4);
    take_all(&driver);
    driver_close(&driver);
}

/* IdleTimeout=0: not a look at each tick. */
static void kept_spare_is_looked_at_now_and_then_only(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_spares(1);
    limits.idle_timeout_ms = 0;
    limits.watch_ms = 0;
    open_with_spares(&driver, limits, NULL);
    take_all(&driver);
    let_pass(&driver, TIMERS_TICK_MS);
    uint64_t next_ms = pool_next_deadline_ms(driver.pool);
    assert_true(next_ms >= driver.now_ms + POOL_KEPT_MS - 2 * TIMERS_TICK_MS && next_ms != UINT64_MAX);
    driver_close(&driver);
}

static void spare_that_ends_is_replaced(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_spares(2);
    limits.instance_max_requests = 1;
    open_with_spares(&driver, limits, NULL);
    uint64_t request = arrive(&driver, 1);
    uint64_t worker = take_assign(&driver, request);
    answer(&driver, request, 1);
    take_kill(&driver, worker);
    take_start(&driver); /* at once: there may be one more while one ends */
    driver_close(&driver);
}

static void dismissed_spare_is_replaced(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[2];
    open_with_spares(&driver, with_spares(2), workers);
    of_worker(&driver, POOL_EVENT_DISMISS, workers[0]);
    take_kill(&driver, workers[0]);
    take_start(&driver);
    driver_close(&driver);
}

static void more_are_started_when_the_limit_is_raised_and_none_ends_at_once_when_it_falls(void **state)
{
    (void)state;
    struct driver driver;
    open_with_spares(&driver, with_spares(1), NULL);
    reconfigure(&driver, with_spares(3));
    uint64_t second = take_start(&driver), third = take_start(&driver);
    of_worker(&driver, POOL_EVENT_STARTED, second);
    of_worker(&driver, POOL_EVENT_STARTED, third);
    reconfigure(&driver, with_spares(0));
    assert_int_equal(in_state(&driver, WORKER_IDLE), 3);
    let_pass(&driver, driver_limits().idle_timeout_ms + TIMERS_TICK_MS);
    assert_int_equal(in_state(&driver, WORKER_STOPPING), 3);
    take_all(&driver);
    driver_close(&driver);
}

static void max_instances_counts_when_it_is_lower(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_spares(9);
    limits.max_instances = 2;
    driver_open(&driver, limits);
    resume(&driver);
    take_start(&driver);
    take_start(&driver);
    driver_close(&driver);
}

static void servers_of_others_have_no_spares(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_spares(2);
    limits.external = true;
    driver_open(&driver, limits);
    resume(&driver);
    driver_close(&driver);
}

/* ---- row 18: a program that cannot run */

static void failed_start_brings_its_pause_and_many_of_them_rapid_fail(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_spares(1);
    limits.rapid_fails_per_minute = 3;
    driver_open(&driver, limits);
    resume(&driver);
    uint64_t pause_ms = POOL_START_PAUSE_MS;
    for (int i = 0; i < 3; i++, pause_ms *= 2) {
        fail_start(&driver);
        assert_due_after(&driver, pause_ms);
    }
    fail_start(&driver);
    assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
    let_pass(&driver, POOL_RAPID_FAIL_MS - 1);
    take_nothing(&driver);
    let_pass(&driver, 1 + TIMERS_TICK_MS);
    take_start(&driver);
    driver_close(&driver);
}

static void spare_that_exits_before_it_ever_worked_counts_as_a_failed_start(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    open_with_spares(&driver, with_spares(1), &worker);
    exited(&driver, worker, 0);
    take_release(&driver, worker);
    assert_due_after(&driver, POOL_START_PAUSE_MS);
    take_start(&driver);
    driver_close(&driver);
}

/* Its exit would have told; until that is known it keeps its place. */
static void spare_that_ends_in_peace_after_a_while_without_work_is_no_failure(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    struct pool_limits limits = with_spares(1);
    limits.idle_timeout_ms = 100 * POOL_RAPID_FAIL_MS;
    open_with_spares(&driver, limits, &worker);
    let_pass(&driver, POOL_RAPID_FAIL_MS);
    take_all(&driver);
    exited(&driver, worker, 0);
    take_release(&driver, worker);
    take_start(&driver); /* without a pause */
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void spare_that_closes_its_connection_and_hangs_counts_as_a_failed_start(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    open_with_spares(&driver, with_spares(1), &worker);
    of_worker(&driver, POOL_EVENT_DISCONNECTED, worker);
    take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
    assert_due_after(&driver, POOL_EXIT_WAIT_MS);
    take_of_worker(&driver, POOL_ACTION_KILL, worker);
    end_of(&driver, worker);
    assert_due_after(&driver, POOL_START_PAUSE_MS);
    take_start(&driver);
    driver_close(&driver);
}

/* ---- with what else may happen to a pool */

static void drained_pool_has_no_spares_until_it_is_resumed(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    open_with_spares(&driver, with_spares(1), &worker);
    drain(&driver);
    take_kill(&driver, worker);
    end_of(&driver, worker);
    assert_int_equal(counts(&driver).state, POOL_STATE_DRAINED);
    resume(&driver);
    take_start(&driver);
    driver_close(&driver);
}

static void pool_that_shuts_down_starts_none(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    open_with_spares(&driver, with_spares(1), &worker);
    shut_down(&driver);
    take_kill(&driver, worker);
    end_of(&driver, worker);
    assert_true(pool_is_empty(driver.pool));
    driver_close(&driver);
}

static void recycle_replaces_spares_one_by_one_and_keeps_their_number(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[2];
    open_with_spares(&driver, with_spares(2), workers);
    recycle(&driver, false);
    for (int i = 0; i < 2; i++) {
        start_next(&driver);
        let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
        take_kill(&driver, workers[i]);
        assert_int_equal(in_state(&driver, WORKER_IDLE), 2);
    }
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void recycle_at_once_brings_new_spares(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    open_with_spares(&driver, with_spares(1), &worker);
    recycle(&driver, true);
    take_kill(&driver, worker);
    take_start(&driver);
    driver_close(&driver);
}

/* A replacement proves good and ends while its worker is busy: the credit it leaves must not cost a spare. */
static void old_worker_that_goes_for_a_replacement_that_is_no_more_is_replaced_too(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[2];
    open_with_spares(&driver, with_spares(2), workers);
    uint64_t first = arrive(&driver, 1), busy = take_assign(&driver, first);
    uint64_t second = arrive(&driver, 2);
    take_assign(&driver, second);
    recycle(&driver, false);
    uint64_t fresh = start_next(&driver);
    let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
    take_start(&driver); /* for the other one */
    exited(&driver, fresh, 0);
    take_all(&driver);
    answer(&driver, first, 1);
    take_kill(&driver, busy);
    assert_true(in_state(&driver, WORKER_BUSY) + in_state(&driver, WORKER_STARTING) >= 2);
    take_all(&driver);
    driver_close(&driver);
}

/* ---- many of them: other pools' starts stand in the same line */

static struct pool_limits with_many_spares(void)
{
    struct pool_limits limits = with_spares(200);
    limits.max_instances = 200;
    return limits;
}

static void many_spares_are_started_a_few_at_a_time(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, with_many_spares());
    resume(&driver);
    uint64_t workers[200];
    uint32_t known = 0;
    for (uint32_t i = 0; i < 200; i++) {
        while (known < 200 && known < i + POOL_SPARE_STARTS)
            workers[known++] = take_start(&driver);
        of_worker(&driver, POOL_EVENT_STARTED, workers[i]);
    }
    take_nothing(&driver);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 200);
    driver_close(&driver);
}

static void first_failure_is_known_before_many_spares_are_tried(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, with_many_spares());
    resume(&driver);
    uint64_t workers[POOL_SPARE_STARTS];
    for (int i = 0; i < POOL_SPARE_STARTS; i++)
        workers[i] = take_start(&driver);
    for (int i = 0; i < POOL_SPARE_STARTS; i++) {
        start_failed(&driver, workers[i], 2);
        take_release(&driver, workers[i]);
    }
    take_nothing(&driver);
    assert_int_equal(pool_get_totals(driver.pool)->started, POOL_SPARE_STARTS);
    driver_close(&driver);
}

static void requests_do_not_wait_for_the_spares_turn(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, with_many_spares());
    resume(&driver);
    for (int i = 0; i < POOL_SPARE_STARTS; i++)
        take_start(&driver);
    for (uint64_t i = 0; i < POOL_SPARE_STARTS; i++)
        arrive(&driver, i);
    take_nothing(&driver); /* what is on its way will do */
    arrive(&driver, POOL_SPARE_STARTS);
    take_start(&driver);
    take_nothing(&driver);
    driver_close(&driver);
}

/* The process ends before it is known to run, long after the host came up: it has had no time to be unused in. */
static void spare_that_exits_with_0_while_it_starts_counts_as_a_failed_start(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_spares(1);
    limits.rapid_fails_per_minute = 1;
    driver_open(&driver, limits);
    let_pass(&driver, 2 * POOL_RAPID_FAIL_MS);
    resume(&driver);
    uint64_t worker = take_start(&driver);
    exited(&driver, worker, 0);
    take_release(&driver, worker);
    assert_due_after(&driver, POOL_START_PAUSE_MS);
    worker = take_start(&driver);
    exited(&driver, worker, 0);
    take_release(&driver, worker);
    assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spares_are_started_at_the_first_event_without_any_request),
        cmocka_unit_test(request_goes_to_a_spare_and_needs_no_start),
        cmocka_unit_test(idle_time_out_ends_what_is_more_and_keeps_the_spares),
        cmocka_unit_test(kept_spare_is_looked_at_now_and_then_only),
        cmocka_unit_test(spare_that_ends_is_replaced),
        cmocka_unit_test(dismissed_spare_is_replaced),
        cmocka_unit_test(more_are_started_when_the_limit_is_raised_and_none_ends_at_once_when_it_falls),
        cmocka_unit_test(max_instances_counts_when_it_is_lower),
        cmocka_unit_test(servers_of_others_have_no_spares),
        cmocka_unit_test(failed_start_brings_its_pause_and_many_of_them_rapid_fail),
        cmocka_unit_test(spare_that_exits_before_it_ever_worked_counts_as_a_failed_start),
        cmocka_unit_test(spare_that_ends_in_peace_after_a_while_without_work_is_no_failure),
        cmocka_unit_test(spare_that_closes_its_connection_and_hangs_counts_as_a_failed_start),
        cmocka_unit_test(drained_pool_has_no_spares_until_it_is_resumed),
        cmocka_unit_test(pool_that_shuts_down_starts_none),
        cmocka_unit_test(recycle_replaces_spares_one_by_one_and_keeps_their_number),
        cmocka_unit_test(recycle_at_once_brings_new_spares),
        cmocka_unit_test(old_worker_that_goes_for_a_replacement_that_is_no_more_is_replaced_too),
        cmocka_unit_test(many_spares_are_started_a_few_at_a_time),
        cmocka_unit_test(first_failure_is_known_before_many_spares_are_tried),
        cmocka_unit_test(requests_do_not_wait_for_the_spares_turn),
        cmocka_unit_test(spare_that_exits_with_0_while_it_starts_counts_as_a_failed_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
