/* What the scheduler counts, as others see it in the published memory. */
#include "tests/unit/pool_driver.h"

#include "perfcounters/counter_publish.h"

static uint64_t moves[AUTOTUNE_REASON_COUNT] = {[AUTOTUNE_QUEUE_WAITS] = 3};

struct published {
    struct driver driver;
    struct counter_block_pool slot;
    struct counter_pool_view view;
};

static uint64_t value(struct published *p, unsigned place)
{
    counter_publish(&p->slot, p->driver.pool, moves);
    assert_true(counter_pool_read(&p->slot, p->driver.now_ms * 1000, &p->view));
    return p->view.values[place];
}

static void open_published(struct published *p)
{
    memset(&p->slot, 0, sizeof p->slot);
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    limits.queue_length = 7;
    driver_open(&p->driver, limits);
}

static void requests_that_run_and_wait_are_seen_with_their_times(void **state)
{
    (void)state;
    struct published p;
    open_published(&p);
    uint64_t worker;
    uint64_t request = run_on_new_worker(&p.driver, 1, &worker);
    arrive(&p.driver, 2);
    p.driver.now_ms += 30;
    assert_int_equal(value(&p, COUNTER_EXECUTING), 1);
    assert_int_equal(value(&p, COUNTER_QUEUED), 1);
    assert_int_equal(value(&p, COUNTER_OLDEST_RUN), 30000);
    assert_int_equal(value(&p, COUNTER_OLDEST_WAIT), 30000);
    assert_int_equal(value(&p, COUNTER_BUSY), 30000);
    assert_int_equal(value(&p, COUNTER_WAITED), 30000);
    finish(&p.driver, request, POOL_OUTCOME_DONE);
    take_forget(&p.driver, 1);
    take(&p.driver, POOL_ACTION_ASSIGN);
    p.driver.now_ms += 10;
    assert_int_equal(value(&p, COUNTER_BUSY), 40000); /* 30 of the first, 10 of the second */
    assert_int_equal(value(&p, COUNTER_WAITED), 30000);
    assert_int_equal(value(&p, COUNTER_OLDEST_RUN), 10000);
    assert_int_equal(value(&p, COUNTER_QUEUED), 0);
    driver_close(&p.driver);
}

static void workers_limits_and_state_are_seen(void **state)
{
    (void)state;
    struct published p;
    open_published(&p);
    new_idle_worker(&p.driver);
    assert_int_equal(value(&p, COUNTER_WORKERS + WORKER_IDLE), 1);
    assert_int_equal(value(&p, COUNTER_WORKERS + WORKER_BUSY), 0);
    assert_int_equal(value(&p, COUNTER_WORKERS_LIMIT), 1);
    assert_int_equal(value(&p, COUNTER_QUEUE_LIMIT), 7);
    assert_int_equal(value(&p, COUNTER_STARTS), 1);
    assert_int_equal(value(&p, COUNTER_LIMIT_MOVES + AUTOTUNE_QUEUE_WAITS), 3);
    for (unsigned each = 0; each < COUNTER_MEMBERS_POOL_STATE; each++)
        assert_int_equal(value(&p, COUNTER_STATE + each), each == POOL_STATE_RUNNING);
    drain(&p.driver);
    assert_int_equal(value(&p, COUNTER_STATE + POOL_STATE_DRAINING), 1);
    assert_int_equal(value(&p, COUNTER_STATE + POOL_STATE_RUNNING), 0);
    take_all(&p.driver);
    driver_close(&p.driver);
}

/* Each way to end has its reason. */
static void ends_of_workers_are_seen_by_reason(void **state)
{
    (void)state;
    struct published p;
    open_published(&p);
    uint64_t worker = new_idle_worker(&p.driver);
    let_pass(&p.driver, driver_limits().idle_timeout_ms);
    take_all(&p.driver);
    exited(&p.driver, worker, 0);
    take_all(&p.driver);
    assert_int_equal(value(&p, COUNTER_EXITS + WORKER_EXIT_IDLE), 1);
    exited(&p.driver, new_idle_worker(&p.driver), 0xC0000005u);
    take_all(&p.driver);
    assert_int_equal(value(&p, COUNTER_EXITS + WORKER_EXIT_CRASHED), 1);
    worker = new_idle_worker(&p.driver);
    recycle(&p.driver, true);
    take_all(&p.driver);
    exited(&p.driver, worker, 1);
    take_all(&p.driver);
    assert_int_equal(value(&p, COUNTER_EXITS + WORKER_EXIT_RECYCLED), 1);
    assert_int_equal(value(&p, COUNTER_RECYCLES), 1);
    worker = new_idle_worker(&p.driver);
    of_worker(&p.driver, POOL_EVENT_DISMISS, worker);
    take_all(&p.driver);
    exited(&p.driver, worker, 1);
    take_all(&p.driver);
    assert_int_equal(value(&p, COUNTER_EXITS + WORKER_EXIT_DISMISSED), 1);
    worker = new_idle_worker(&p.driver);
    drain(&p.driver);
    take_all(&p.driver);
    exited(&p.driver, worker, 1);
    take_all(&p.driver);
    assert_int_equal(value(&p, COUNTER_EXITS + WORKER_EXIT_DRAINED), 1);
    uint64_t sum = 0;
    for (unsigned reason = 0; reason < WORKER_EXIT_COUNT; reason++)
        sum += p.view.values[COUNTER_EXITS + reason];
    assert_int_equal(sum, 5);
    driver_close(&p.driver);
}

static void what_took_long_is_in_its_bucket_and_in_the_sum(void **state)
{
    (void)state;
    struct published p;
    open_published(&p);
    counter_observe(&p.slot, COUNTER_EXECUTION, 1000);
    counter_observe(&p.slot, COUNTER_EXECUTION, 1001);
    counter_observe(&p.slot, COUNTER_EXECUTION, UINT32_MAX);
    assert_int_equal(value(&p, COUNTER_EXECUTION + counter_bucket_of(1000)), 1);
    assert_int_equal(value(&p, COUNTER_EXECUTION + counter_bucket_of(1001)), 1);
    assert_int_equal(value(&p, COUNTER_EXECUTION + COUNTER_BUCKET_COUNT - 1), 1);
    assert_true(value(&p, COUNTER_EXECUTION + COUNTER_BUCKET_COUNT) == 2001ull + UINT32_MAX);
    driver_close(&p.driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_run_and_wait_are_seen_with_their_times),
        cmocka_unit_test(workers_limits_and_state_are_seen),
        cmocka_unit_test(ends_of_workers_are_seen_by_reason),
        cmocka_unit_test(what_took_long_is_in_its_bucket_and_in_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
