/* MaxLifetime and MaxPrivateBytes: what is too old or too large is replaced, and no request notices. */
#include "tests/unit/pool_driver.h"

enum { LIFETIME_MS = 100000, MAX_BYTES = 1000 };

static struct pool_limits with_lifetime(uint32_t max_instances)
{
    struct pool_limits limits = driver_limits();
    limits.max_instances = max_instances;
    limits.max_lifetime_ms = LIFETIME_MS;
    return limits;
}

static struct pool_limits with_max_bytes(uint32_t max_instances)
{
    struct pool_limits limits = driver_limits();
    limits.max_instances = max_instances;
    limits.max_private_bytes = MAX_BYTES;
    return limits;
}

static void measured(struct driver *driver, uint64_t worker, uint64_t bytes)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_MEASURED, .worker = worker, .bytes = bytes});
}

/* A pool whose only worker is idle, and its time is just over. */
static uint64_t open_with_worn(struct driver *driver, struct pool_limits limits)
{
    driver_open(driver, limits);
    uint64_t worker = new_idle_worker(driver);
    assert_due_after(driver, limits.max_lifetime_ms);
    return worker;
}

/* A pool whose only worker has request 1, for longer than its life. */
static uint64_t open_with_busy(struct driver *driver, uint64_t *worker)
{
    struct pool_limits limits = with_lifetime(1);
    limits.activity_timeout_ms = limits.request_timeout_ms = 10 * LIFETIME_MS;
    driver_open(driver, limits);
    return run_on_new_worker(driver, 1, worker);
}

/* Its replacement proves good: it goes, idle. */
static uint64_t take_renewal(struct driver *driver, uint64_t worker)
{
    uint64_t fresh = start_next(driver);
    let_pass(driver, POOL_READY_MS + TIMERS_TICK_MS);
    take_kill(driver, worker);
    return fresh;
}

/* ---- age */

static void worker_that_is_too_old_goes_when_its_replacement_is_ready(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker = open_with_worn(&driver, with_lifetime(1));
    uint64_t fresh = take_renewal(&driver, worker);
    assert_int_equal(take_assign(&driver, arrive(&driver, 1)), fresh);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void age_is_counted_from_the_moment_when_it_runs(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, with_lifetime(1));
    uint64_t request = arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    let_pass(&driver, LIFETIME_MS - 1000);
    of_worker(&driver, POOL_EVENT_STARTED, worker);
    take_assign(&driver, request);
    answer(&driver, request, 1);
    assert_due_after(&driver, LIFETIME_MS);
    take_start(&driver);
    driver_close(&driver);
}

static void it_serves_until_its_replacement_is_ready_and_then_no_more(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker = open_with_worn(&driver, with_lifetime(1));
    uint64_t fresh = take_start(&driver);
    uint64_t request = serve_on(&driver, 1, worker); /* nobody waits for a start */
    of_worker(&driver, POOL_EVENT_STARTED, fresh);
    answer(&driver, request, 1);
    request = serve_on(&driver, 2, fresh); /* what is fresh is used first */
    answer(&driver, request, 2);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void it_is_never_ended_in_the_middle_of_a_request(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker, request = open_with_busy(&driver, &worker);
    assert_due_after(&driver, LIFETIME_MS);
    start_next(&driver);
    let_pass(&driver, LIFETIME_MS / 2);
    take_nothing(&driver);
    answer(&driver, request, 1);
    take_kill(&driver, worker);
    driver_close(&driver);
}

/* Those that have been told to end do so. What the pool starts in their place stays to be taken. */
static void recent_ends(struct driver *driver, const uint64_t *workers)
{
    struct pool_worker_info info;
    struct pool_event event = {.kind = POOL_EVENT_EXITED, .code = 1};
    driver->count = driver->taken = 0;
    for (int i = 0; i < 8; i++) {
        event.worker = workers[i];
        if (!pool_find_worker(driver->pool, workers[i], driver->now_ms, &info) || info.state != WORKER_STOPPING)
            continue;
        driver_handle(driver, &event);
    }
    uint32_t starts = 0;
    for (uint32_t i = 0; i < driver->count; i++)
        if (driver->actions[i].kind == POOL_ACTION_START)
            driver->actions[starts++] = driver->actions[i];
    driver->count = starts;
}

static void those_that_were_started_together_go_a_quarter_at_a_time(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[8];
    open_with_idle(&driver, with_lifetime(8), workers, 8);
    let_pass(&driver, LIFETIME_MS + TIMERS_TICK_MS);
    for (uint32_t left = 8; left > 0; left -= 2) {
        assert_recycle(&driver, POOL_RECYCLE_RUNNING, left);
        assert_int_equal(in_state(&driver, WORKER_STARTING), 2);
        uint64_t fresh[2] = {take_start(&driver), take_start(&driver)};
        take_nothing(&driver);
        for (int i = 0; i < 2; i++)
            of_worker(&driver, POOL_EVENT_STARTED, fresh[i]);
        let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
        assert_int_equal(in_state(&driver, WORKER_STOPPING), 2);
        take_all(&driver);
        recent_ends(&driver, workers);
    }
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 8);
    driver_close(&driver);
}

static void younger_ones_stay(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old, young;
    driver_open(&driver, with_lifetime(4));
    uint64_t first = run_on_new_worker(&driver, 1, &old);
    let_pass(&driver, LIFETIME_MS / 10);
    uint64_t second = run_on_new_worker(&driver, 2, &young);
    answer(&driver, first, 1);
    answer(&driver, second, 2);
    let_pass(&driver, LIFETIME_MS - LIFETIME_MS / 10 + TIMERS_TICK_MS);
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 1);
    take_renewal(&driver, old);
    let_pass(&driver, LIFETIME_MS / 20);
    take_nothing(&driver);
    driver_close(&driver);
}

/* Else a pool that nobody uses would be renewed for ever, as each replacement begins its idle time anew. */
static void replacement_that_nobody_has_needed_ends_without_another_one(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker = open_with_worn(&driver, with_lifetime(1));
    uint64_t fresh = take_renewal(&driver, worker);
    end_of(&driver, worker);
    let_pass(&driver, LIFETIME_MS);
    take_kill(&driver, fresh);
    driver_close(&driver);
}

static void unused_spare_is_renewed_all_the_same(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_lifetime(2);
    limits.min_instances = 1;
    driver_open(&driver, limits);
    resume(&driver);
    uint64_t worker = start_next(&driver);
    for (int i = 0; i < 3; i++) {
        let_pass(&driver, LIFETIME_MS);
        uint64_t fresh = take_renewal(&driver, worker);
        end_of(&driver, worker);
        worker = fresh;
    }
    driver_close(&driver);
}

/* It is too old itself before two seconds have shown it to be good. */
static void life_shorter_than_the_proof_of_a_replacement_still_renews(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_lifetime(1);
    limits.max_lifetime_ms = POOL_READY_MS / 2;
    open_with_worn(&driver, limits);
    uint64_t fresh = start_next(&driver);
    let_pass(&driver, limits.max_lifetime_ms + TIMERS_TICK_MS);
    take_kill(&driver, fresh); /* unused */
    take_all(&driver);
    assert_int_equal(in_state(&driver, WORKER_STOPPING), 2);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void changed_lifetime_holds_for_those_that_run(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_lifetime(1);
    limits.max_lifetime_ms = 0;
    driver_open(&driver, limits);
    new_idle_worker(&driver);
    let_pass(&driver, LIFETIME_MS / 2);
    reconfigure(&driver, with_lifetime(1));
    assert_due_after(&driver, LIFETIME_MS / 2);
    take_start(&driver);
    driver_close(&driver);
    driver_open(&driver, with_lifetime(1));
    new_idle_worker(&driver);
    reconfigure(&driver, limits);
    let_pass(&driver, 2 * LIFETIME_MS);
    take_nothing(&driver);
    driver_close(&driver);
}

static void connections_to_servers_of_others_have_no_age(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_lifetime(1);
    limits.external = true;
    driver_open(&driver, limits);
    new_idle_worker(&driver);
    let_pass(&driver, 2 * LIFETIME_MS);
    take_nothing(&driver);
    driver_close(&driver);
}

/* ---- size */

/* A pool whose only worker has answered a request, and is being measured. */
static uint64_t open_with_measured(struct driver *driver)
{
    uint64_t worker;
    driver_open(driver, with_max_bytes(1));
    answer(driver, run_on_new_worker(driver, 1, &worker), 1);
    take_of_worker(driver, POOL_ACTION_MEASURE, worker);
    return worker;
}

static void worker_is_measured_after_a_request_and_not_at_each(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker = open_with_measured(&driver), request;
    for (int i = 0; i < 3; i++) {
        request = arrive(&driver, 2);
        take_assign(&driver, request);
        answer(&driver, request, 2); /* no second one before the first is answered, whatever the time */
        let_pass(&driver, POOL_MEASURE_MS);
    }
    measured(&driver, worker, MAX_BYTES - 1);
    request = arrive(&driver, 3);
    take_assign(&driver, request);
    answer(&driver, request, 3);
    take_of_worker(&driver, POOL_ACTION_MEASURE, worker);
    measured(&driver, worker, 0); /* not known */
    request = arrive(&driver, 4);
    take_assign(&driver, request);
    answer(&driver, request, 4); /* too early */
    driver_close(&driver);
}

static void without_a_limit_nobody_is_measured(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    measured(&driver, worker, UINT64_MAX);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void worker_that_is_too_large_is_replaced_as_one_that_is_too_old(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker = open_with_measured(&driver);
    measured(&driver, worker, MAX_BYTES);
    take_renewal(&driver, worker);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void it_finishes_the_request_that_it_has_meanwhile(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker = open_with_measured(&driver);
    uint64_t request = arrive(&driver, 2);
    take_assign(&driver, request);
    measured(&driver, worker, MAX_BYTES);
    start_next(&driver);
    let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
    answer(&driver, request, 2);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void size_of_one_that_is_on_its_way_out_does_not_matter(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker = open_with_measured(&driver);
    of_worker(&driver, POOL_EVENT_DISMISS, worker);
    take_kill(&driver, worker);
    measured(&driver, worker, MAX_BYTES);
    end_of(&driver, worker);
    measured(&driver, worker, MAX_BYTES);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

/* ---- what may come between */

static void failed_replacements_leave_the_old_ones_in_service_until_the_next_try(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker = open_with_worn(&driver, with_lifetime(1));
    fail_start(&driver);
    let_pass(&driver, POOL_START_PAUSE_MS + TIMERS_TICK_MS);
    fail_start(&driver);
    assert_recycle(&driver, POOL_RECYCLE_FAILED, 1);
    uint64_t request = serve_on(&driver, 1, worker);
    answer(&driver, request, 1);
    assert_due_after(&driver, POOL_RENEWAL_PAUSE_MS);
    take_renewal(&driver, worker);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

/* An operator's recycle knows which workers it was about: those that were there, worn or not. */
static void renewals_are_counted_apart_from_what_an_operator_has_replaced(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[2];
    open_with_idle(&driver, driver_limits(), workers, 2);
    reconfigure(&driver, with_max_bytes(4));
    measured(&driver, workers[0], MAX_BYTES);
    assert_int_equal(counts(&driver).renewals, 1);
    uint64_t fresh = take_start(&driver);
    recycle(&driver, false);
    assert_int_equal(counts(&driver).renewals, 0);
    take_all(&driver);
    measured(&driver, workers[1], MAX_BYTES); /* it is to go anyway */
    assert_int_equal(counts(&driver).renewals, 0);
    of_worker(&driver, POOL_EVENT_DISMISS, workers[0]);
    take_all(&driver);
    assert_int_equal(counts(&driver).renewals, 0);
    of_worker(&driver, POOL_EVENT_STARTED, fresh);
    take_all(&driver);
    driver_close(&driver);
}

static void worker_that_becomes_worn_in_a_recycle_is_a_renewal_until_it_is_gone(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    reconfigure(&driver, with_max_bytes(4));
    uint64_t request = arrive(&driver, 1);
    take_assign(&driver, request);
    recycle(&driver, false);
    uint64_t fresh = start_next(&driver);
    request = serve_on(&driver, 2, fresh); /* the old one is busy */
    finish(&driver, request, POOL_OUTCOME_DONE);
    take_all(&driver);
    request = serve_on(&driver, 3, fresh);
    measured(&driver, fresh, MAX_BYTES);
    take_all(&driver);
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 2);
    assert_int_equal(counts(&driver).renewals, 1);
    finish(&driver, request, POOL_OUTCOME_DONE);
    take_all(&driver);
    assert_int_equal(counts(&driver).renewals, 0);
    driver_close(&driver);
}

static void pool_in_rapid_fail_renews_when_that_is_over(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = with_lifetime(1);
    limits.rapid_fails_per_minute = 0;
    open_with_worn(&driver, limits);
    fail_start(&driver);
    assert_int_equal(counts(&driver).state, POOL_STATE_RAPID_FAIL);
    assert_due_after(&driver, POOL_RAPID_FAIL_MS);
    take_start(&driver);
    driver_close(&driver);
}

static void drain_ends_the_renewal_and_resume_goes_on_with_it(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t worker;
    open_with_busy(&driver, &worker);
    drain(&driver);
    let_pass(&driver, LIFETIME_MS + TIMERS_TICK_MS);
    take_nothing(&driver);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 1);
    resume(&driver);
    take_start(&driver);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worker_that_is_too_old_goes_when_its_replacement_is_ready),
        cmocka_unit_test(age_is_counted_from_the_moment_when_it_runs),
        cmocka_unit_test(it_serves_until_its_replacement_is_ready_and_then_no_more),
        cmocka_unit_test(it_is_never_ended_in_the_middle_of_a_request),
        cmocka_unit_test(those_that_were_started_together_go_a_quarter_at_a_time),
        cmocka_unit_test(younger_ones_stay),
        cmocka_unit_test(replacement_that_nobody_has_needed_ends_without_another_one),
        cmocka_unit_test(unused_spare_is_renewed_all_the_same),
        cmocka_unit_test(life_shorter_than_the_proof_of_a_replacement_still_renews),
        cmocka_unit_test(changed_lifetime_holds_for_those_that_run),
        cmocka_unit_test(connections_to_servers_of_others_have_no_age),
        cmocka_unit_test(worker_is_measured_after_a_request_and_not_at_each),
        cmocka_unit_test(without_a_limit_nobody_is_measured),
        cmocka_unit_test(worker_that_is_too_large_is_replaced_as_one_that_is_too_old),
        cmocka_unit_test(it_finishes_the_request_that_it_has_meanwhile),
        cmocka_unit_test(size_of_one_that_is_on_its_way_out_does_not_matter),
        cmocka_unit_test(failed_replacements_leave_the_old_ones_in_service_until_the_next_try),
        cmocka_unit_test(renewals_are_counted_apart_from_what_an_operator_has_replaced),
        cmocka_unit_test(worker_that_becomes_worn_in_a_recycle_is_a_renewal_until_it_is_gone),
        cmocka_unit_test(pool_in_rapid_fail_renews_when_that_is_over),
        cmocka_unit_test(drain_ends_the_renewal_and_resume_goes_on_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
