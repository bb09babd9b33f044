/* The scheduler in fair weather: who gets which worker, in what order, when workers are started and replaced, and when the
 * queue is full. Failures, time-outs and the shut-down: test_pool_*.c. */
#include "tests/unit/pool_driver.h"

#include "fcgiext/core/pool_types.h"

static void new_pool_is_empty_and_wants_nothing(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    assert_true(pool_is_empty(driver.pool));
    assert_true(pool_next_deadline_ms(driver.pool) == UINT64_MAX);
    assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
    of_request(&driver, POOL_EVENT_DEADLINE, 0);
    driver_close(&driver);
    pool_destroy(NULL);
}

static void first_arrival_starts_a_worker_and_gets_it(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t request = arrive(&driver, 7);
    assert_true(request != 0);
    uint64_t worker = take_start(&driver);
    assert_int_equal(counts(&driver).waiting, 1);
    assert_false(pool_is_empty(driver.pool));
    of_worker(&driver, POOL_EVENT_STARTED, worker);
    const struct pool_action *action = take(&driver, POOL_ACTION_ASSIGN);
    assert_int_equal(action->worker, worker);
    assert_int_equal(action->request, request);
    assert_int_equal(action->tag, 7);
    answer(&driver, request, 7);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 1);
    driver_close(&driver);
}

static void arrival_gets_an_idle_worker_at_once(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    serve_on(&driver, 1, worker);
    driver_close(&driver);
}

static void waiting_requests_are_served_first_in_first_out(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t requests[10];
    requests[0] = run_on_new_worker(&driver, 0, &worker);
    for (uint64_t i = 1; i < 10; i++)
        requests[i] = arrive(&driver, i);
    for (uint64_t i = 0; i < 9; i++) { /* the end of one hands the worker to the next, in one set of actions */
        answer(&driver, requests[i], i);
        assert_int_equal(take_assign(&driver, requests[i + 1]), worker);
    }
    answer(&driver, requests[9], 9);
    driver_close(&driver);
}

static void idle_workers_are_taken_last_in_first_out(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t workers[3];
    uint64_t requests[3];
    for (uint64_t i = 0; i < 3; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    const unsigned order[] = {1, 2, 0};
    for (unsigned i = 0; i < 3; i++) {
        finish(&driver, requests[order[i]], POOL_OUTCOME_DONE);
        take_all(&driver);
    }
    for (unsigned i = 3; i-- > 0;)
        serve_on(&driver, i, workers[order[i]]);
    driver_close(&driver);
}

static void worker_in_the_middle_of_the_idle_list_can_leave_it(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t workers[3];
    uint64_t requests[3];
    for (uint64_t i = 0; i < 3; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    for (uint64_t i = 0; i < 3; i++) {
        finish(&driver, requests[i], POOL_OUTCOME_DONE);
        take_all(&driver);
    }
    exited(&driver, workers[1], 0);
    take_of_worker(&driver, POOL_ACTION_RELEASE, workers[1]);
    serve_on(&driver, 1, workers[2]);
    serve_on(&driver, 2, workers[0]);
    driver_close(&driver);
}

static void workers_are_started_on_demand_and_never_above_the_limit(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 3;
    driver_open(&driver, limits);
    uint64_t workers[3];
    uint64_t requests[6];
    for (uint64_t i = 0; i < 6; i++) {
        requests[i] = arrive(&driver, i);
        if (i < 3)
            workers[i] = take_start(&driver);
    }
    for (uint64_t i = 0; i < 3; i++) {
        of_worker(&driver, POOL_EVENT_STARTED, workers[2 - i]);
        assert_int_equal(take_assign(&driver, requests[i]), workers[2 - i]);
    }
    assert_int_equal(counts(&driver).workers, 3);
    assert_int_equal(counts(&driver).waiting, 3);
    driver_close(&driver);
}

static void worker_that_comes_free_first_takes_the_request_that_another_was_started_for(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t first = run_on_new_worker(&driver, 1, &worker);
    uint64_t second = arrive(&driver, 2);
    uint64_t late = take_start(&driver);
    answer(&driver, first, 1);
    assert_int_equal(take_assign(&driver, second), worker);
    uint64_t third = arrive(&driver, 3); /* the late one is on its way: no other is started */
    of_worker(&driver, POOL_EVENT_STARTED, late);
    assert_int_equal(take_assign(&driver, third), late);
    driver_close(&driver);
}

static void started_worker_that_nobody_waits_for_any_more_becomes_idle(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t request = arrive(&driver, 1);
    uint64_t worker = take_start(&driver);
    of_request(&driver, POOL_EVENT_GONE, request);
    take_reject(&driver, 1, ERROR_CAUSE_CLIENT_GONE);
    of_worker(&driver, POOL_EVENT_STARTED, worker);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 1);
    driver_close(&driver);
}

static void more_starts_than_one_set_of_actions_holds_follow_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 100;
    driver_open(&driver, limits);
    arrive(&driver, 0);
    uint64_t worker = take_start(&driver);
    start_failed(&driver, worker, 2); /* now starts pause */
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    take_reject(&driver, 0, ERROR_CAUSE_START_FAILED);
    for (uint64_t i = 1; i <= 80; i++)
        arrive(&driver, i);
    driver.now_ms += POOL_START_PAUSE_MS + TIMERS_TICK_MS;
    of_request(&driver, POOL_EVENT_DEADLINE, 0);
    assert_true(driver.count > 0 && driver.count < 80);
    assert_true(pool_next_deadline_ms(driver.pool) <= driver.now_ms);
    do_more(&driver);
    for (int i = 0; i < 80; i++)
        take_start(&driver);
    take_nothing(&driver);
    assert_true(pool_next_deadline_ms(driver.pool) > driver.now_ms);
    driver_close(&driver);
}

static void queue_length_counts_only_requests_that_no_worker_is_on_its_way_for(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 2;
    limits.queue_length = 3;
    driver_open(&driver, limits);
    uint64_t workers[2];
    for (uint64_t i = 0; i < 5; i++) {
        assert_true(arrive(&driver, i) != 0);
        if (i < 2)
            workers[i] = take_start(&driver);
    }
    assert_int_equal(arrive(&driver, 5), 0);
    take_reject(&driver, 5, ERROR_CAUSE_QUEUE_FULL);
    of_worker(&driver, POOL_EVENT_STARTED, workers[0]);
    take(&driver, POOL_ACTION_ASSIGN);
    assert_int_equal(arrive(&driver, 6), 0); /* 4 wait, for one of which a worker is on its way */
    take_reject(&driver, 6, ERROR_CAUSE_QUEUE_FULL);
    assert_int_equal(pool_get_totals(driver.pool)->failed[ERROR_CAUSE_QUEUE_FULL], 2);
    driver_close(&driver);
}

static void queue_length_counts_only_requests_that_no_worker_can_be_started_for(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 8;
    limits.queue_length = 3;
    driver_open(&driver, limits);
    uint64_t worker;
    for (uint64_t i = 0; i < 2; i++)
        run_on_new_worker(&driver, i, &worker);
    arrive(&driver, 2);
    worker = take_start(&driver);
    start_failed(&driver, worker, 2); /* starts pause now, but 6 may be started after it; the request waits for one of them */
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    assert_int_equal(counts(&driver).waiting, 1);
    for (uint64_t i = 1; i < 6 + 3; i++)
        assert_true(arrive(&driver, i) != 0);
    assert_int_equal(arrive(&driver, 20), 0);
    take_reject(&driver, 20, ERROR_CAUSE_QUEUE_FULL);
    driver_close(&driver);
}

static void queue_is_full_when_ending_workers_leave_no_place_for_new_ones(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 8; /* so 10 in all */
    limits.queue_length = 0;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t requests[8];
    for (uint64_t i = 0; i < 8; i++)
        requests[i] = run_on_new_worker(&driver, i, &worker);
    for (uint64_t i = 0; i < 5; i++) {
        finish(&driver, requests[i], POOL_OUTCOME_DONE_UNUSABLE);
        take_all(&driver);
    }
    for (uint64_t i = 0; i < 2; i++) {
        assert_true(arrive(&driver, i) != 0);
        take_start(&driver);
    }
    assert_int_equal(arrive(&driver, 20), 0);
    take_reject(&driver, 20, ERROR_CAUSE_QUEUE_FULL);
    driver_close(&driver);
}

static void queue_of_length_0_takes_just_as_many_as_there_can_be_workers(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    limits.queue_length = 0;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    arrive(&driver, 2);
    take_reject(&driver, 2, ERROR_CAUSE_QUEUE_FULL);
    answer(&driver, request, 1);
    request = serve_on(&driver, 3, worker);
    driver_close(&driver);
}

static void client_that_has_gone_leaves_the_queue_wherever_it_stands(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t requests[6];
    requests[0] = run_on_new_worker(&driver, 0, &worker);
    for (uint64_t i = 1; i < 6; i++)
        requests[i] = arrive(&driver, i);
    const uint64_t gone[] = {3, 1, 5}; /* the middle, the head, the tail */
    for (int i = 0; i < 3; i++) {
        of_request(&driver, POOL_EVENT_GONE, requests[gone[i]]);
        take_reject(&driver, gone[i], ERROR_CAUSE_CLIENT_GONE);
        of_request(&driver, POOL_EVENT_GONE, requests[gone[i]]);
    }
    assert_int_equal(counts(&driver).waiting, 2);
    answer(&driver, requests[0], 0);
    take_assign(&driver, requests[2]);
    of_request(&driver, POOL_EVENT_GONE, requests[2]); /* it runs: its output is discarded, the worker kept */
    answer(&driver, requests[2], 2);
    take_assign(&driver, requests[4]);
    driver_close(&driver);
}

static void worker_is_replaced_after_its_number_of_requests(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    limits.instance_max_requests = 2;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t first = run_on_new_worker(&driver, 1, &worker);
    uint64_t second = arrive(&driver, 2);
    uint64_t third = arrive(&driver, 3);
    answer(&driver, first, 1);
    take_assign(&driver, second);
    answer(&driver, second, 2);
    take_kill(&driver, worker);
    uint64_t next = take_start(&driver);
    exited(&driver, worker, 1);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    of_worker(&driver, POOL_EVENT_STARTED, next);
    assert_int_equal(take_assign(&driver, third), next);
    answer(&driver, third, 3);
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver.pool)), 0);
    driver_close(&driver);
}

static void worker_with_a_closed_connection_is_not_asked_for_a_new_one_after_its_last_request(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.instance_max_requests = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    finish(&driver, request, POOL_OUTCOME_DONE_CLOSED);
    take_forget(&driver, 1);
    take_kill(&driver, worker);
    driver_close(&driver);
}

static void connection_closed_by_agreement_is_made_anew(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    uint64_t waiting = arrive(&driver, 2);
    finish(&driver, request, POOL_OUTCOME_DONE_CLOSED);
    take_forget(&driver, 1);
    take_of_worker(&driver, POOL_ACTION_CONNECT, worker);
    assert_int_equal(in_state(&driver, WORKER_CONNECTING), 1);
    of_worker(&driver, POOL_EVENT_CONNECTED, worker);
    assert_int_equal(take_assign(&driver, waiting), worker);
    finish(&driver, waiting, POOL_OUTCOME_DONE_CLOSED);
    take_forget(&driver, 2);
    take_of_worker(&driver, POOL_ACTION_CONNECT, worker);
    of_worker(&driver, POOL_EVENT_CONNECTED, worker);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 1);
    driver_close(&driver);
}

static void unusable_worker_is_ended_and_replaced_when_needed(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    arrive(&driver, 2);
    finish(&driver, request, POOL_OUTCOME_DONE_UNUSABLE);
    take_forget(&driver, 1);
    take_kill(&driver, worker);
    take_start(&driver);
    driver_close(&driver);
}

static void ending_workers_stand_beside_the_limit_but_at_most_a_quarter_of_it(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 8;
    driver_open(&driver, limits);
    uint64_t workers[8];
    uint64_t requests[8];
    for (uint64_t i = 0; i < 8; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    for (uint64_t i = 8; i < 16; i++)
        arrive(&driver, i);
    for (uint64_t i = 0; i < 4; i++) {
        finish(&driver, requests[i], POOL_OUTCOME_DONE_UNUSABLE);
        take_forget(&driver, i);
        take_kill(&driver, workers[i]);
        if (i < 2)
            take_start(&driver);
    }
    assert_int_equal(counts(&driver).workers, 10);
    exited(&driver, workers[0], 0); /* makes room for one more */
    take_of_worker(&driver, POOL_ACTION_RELEASE, workers[0]);
    take_start(&driver);
    driver_close(&driver);
}

static void limits_out_of_range_are_taken_as_the_nearest_good_ones(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 0;
    limits.queue_length = UINT32_MAX;
    limits.instance_max_requests = 0;
    driver_open(&driver, limits);
    assert_int_equal(driver.pool->limits.queue_length, POOL_MAX_QUEUE);
    uint64_t worker; /* one worker, for one request: it is served, and the worker replaced */
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    arrive(&driver, 2);
    answer(&driver, request, 1);
    take_kill(&driver, worker);
    take_start(&driver);
    driver_close(&driver);
    limits.max_instances = UINT32_MAX;
    driver_open(&driver, limits);
    assert_int_equal(driver.pool->limits.max_instances, POOL_MAX_WORKERS);
    driver_close(&driver);
}

static void arrival_without_a_slot_is_rejected_and_the_pool_lives_on(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker = new_idle_worker(&driver);
    driver.pool->requests.max_count = 1; /* as if memory were out */
    uint64_t request = arrive(&driver, 1);
    take_assign(&driver, request);
    assert_int_equal(arrive(&driver, 2), 0);
    take_reject(&driver, 2, ERROR_CAUSE_NO_MEMORY);
    answer(&driver, request, 1);
    request = serve_on(&driver, 3, worker);
    driver_close(&driver);
}

static void start_without_a_slot_is_tried_again_soon(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint32_t max_count = driver.pool->workers.max_count;
    driver.pool->workers.max_count = 0;
    arrive(&driver, 1);
    take_nothing(&driver);
    driver.pool->workers.max_count = max_count;
    assert_due_after(&driver, POOL_START_PAUSE_MS);
    take_start(&driver);
    driver_close(&driver);
}

static void totals_add_up(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&driver, 1, &worker);
    uint64_t waiting = arrive(&driver, 2);
    finish(&driver, request, POOL_OUTCOME_DONE);
    take_all(&driver);
    exited(&driver, worker, 5);
    finish(&driver, waiting, POOL_OUTCOME_BROKEN);
    take_reject(&driver, 2, ERROR_CAUSE_WORKER_EXITED);
    take_of_worker(&driver, POOL_ACTION_RELEASE, worker);
    const struct pool_totals *totals = pool_get_totals(driver.pool);
    assert_int_equal(totals->arrived, 2);
    assert_int_equal(totals->answered, 1);
    assert_int_equal(totals->failed[ERROR_CAUSE_WORKER_EXITED], 1);
    assert_int_equal(totals->started, 1);
    assert_int_equal(totals->start_failures, 0);
    assert_int_equal(pool_totals_exits(totals), 1);
    assert_int_equal(pool_totals_unexpected_exits(totals), 1);
    assert_int_equal(pool_totals_retried(totals), 0);
    driver_close(&driver);
}

static void ten_thousand_may_wait(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    limits.queue_length = 10000;
    driver_open(&driver, limits);
    struct pool_actions actions;
    for (uint64_t i = 0; i < 10001; i++) { /* without the check after each, which looks at all of them */
        struct pool_event event = {.kind = POOL_EVENT_ARRIVED, .tag = i};
        pool_handle(driver.pool, &event, driver.now_ms, &actions);
        assert_int_equal(actions.count, i == 0);
    }
    assert_int_equal(arrive(&driver, 10001), 0);
    take_reject(&driver, 10001, ERROR_CAUSE_QUEUE_FULL);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_pool_is_empty_and_wants_nothing),
        cmocka_unit_test(first_arrival_starts_a_worker_and_gets_it),
        cmocka_unit_test(arrival_gets_an_idle_worker_at_once),
        cmocka_unit_test(waiting_requests_are_served_first_in_first_out),
        cmocka_unit_test(idle_workers_are_taken_last_in_first_out),
        cmocka_unit_test(worker_in_the_middle_of_the_idle_list_can_leave_it),
        cmocka_unit_test(workers_are_started_on_demand_and_never_above_the_limit),
        cmocka_unit_test(worker_that_comes_free_first_takes_the_request_that_another_was_started_for),
        cmocka_unit_test(started_worker_that_nobody_waits_for_any_more_becomes_idle),
        cmocka_unit_test(more_starts_than_one_set_of_actions_holds_follow_at_once),
        cmocka_unit_test(queue_length_counts_only_requests_that_no_worker_is_on_its_way_for),
        cmocka_unit_test(queue_length_counts_only_requests_that_no_worker_can_be_started_for),
        cmocka_unit_test(queue_is_full_when_ending_workers_leave_no_place_for_new_ones),
        cmocka_unit_test(queue_of_length_0_takes_just_as_many_as_there_can_be_workers),
        cmocka_unit_test(client_that_has_gone_leaves_the_queue_wherever_it_stands),
        cmocka_unit_test(worker_is_replaced_after_its_number_of_requests),
        cmocka_unit_test(worker_with_a_closed_connection_is_not_asked_for_a_new_one_after_its_last_request),
        cmocka_unit_test(connection_closed_by_agreement_is_made_anew),
        cmocka_unit_test(unusable_worker_is_ended_and_replaced_when_needed),
        cmocka_unit_test(ending_workers_stand_beside_the_limit_but_at_most_a_quarter_of_it),
        cmocka_unit_test(limits_out_of_range_are_taken_as_the_nearest_good_ones),
        cmocka_unit_test(arrival_without_a_slot_is_rejected_and_the_pool_lives_on),
        cmocka_unit_test(start_without_a_slot_is_tried_again_soon),
        cmocka_unit_test(totals_add_up),
        cmocka_unit_test(ten_thousand_may_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
