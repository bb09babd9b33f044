/* The cost of an event does not grow with the number of waiting requests: while it is handled nobody looks at those in the
 * middle of the queue. They are made unusable meanwhile: a step along a list that comes to one of them crashes, and what is
 * written to one is seen. */
#include "fcgiext/core/pool_steps.h"
#include "tests/unit/pool_driver.h"

enum { WAITING = 10000, NEAR_END = 32, MIDDLE = WAITING - 2 * NEAR_END, GARBAGE = 0xa5 };

struct crowd {
    struct driver driver;
    uint64_t running; /* on the only worker */
    uint64_t worker;
    struct pool_request *middle[MIDDLE];
    struct pool_request saved[MIDDLE];
};

static struct crowd crowd;

static void open_crowd_with(struct pool_limits limits)
{
    limits.max_instances = 1;
    limits.queue_length = 2 * WAITING;
    limits.instance_max_requests = 2 * WAITING;
    driver_open(&crowd.driver, limits);
    crowd.running = run_on_new_worker(&crowd.driver, 1, &crowd.worker);
    struct pool_actions actions;
    struct pool_event event = {.kind = POOL_EVENT_ARRIVED, .replayable = true};
    for (uint32_t i = 0; i < WAITING; i++) {
        event.tag = 2 + i;
        pool_handle(crowd.driver.pool, &event, crowd.driver.now_ms, &actions);
        assert_int_equal(actions.count, 0);
        struct pool_request *request = slab_find(&crowd.driver.pool->requests, actions.arrived);
        if (i >= NEAR_END && i < WAITING - NEAR_END)
            crowd.middle[i - NEAR_END] = request;
    }
}

static void open_crowd(void)
{
    open_crowd_with(driver_limits());
}

/* The event, with the middle of the queue out of order. -> the actions */
static struct pool_actions handle(struct pool_event event)
{
    unsigned char expected[sizeof(struct pool_request)];
    struct pool_actions actions;
    memset(expected, GARBAGE, sizeof expected);
    for (size_t i = 0; i < MIDDLE; i++) {
        crowd.saved[i] = *crowd.middle[i];
        memset(crowd.middle[i], GARBAGE, sizeof *crowd.middle[i]);
    }
    pool_handle(crowd.driver.pool, &event, crowd.driver.now_ms, &actions);
    for (size_t i = 0; i < MIDDLE; i++) {
        assert_memory_equal(crowd.middle[i], expected, sizeof expected);
        *crowd.middle[i] = crowd.saved[i];
    }
    pool_check(crowd.driver.pool);
    return actions;
}

static void test_arrival(void **state)
{
    (void)state;
    open_crowd();
    struct pool_actions actions = handle((struct pool_event){.kind = POOL_EVENT_ARRIVED, .tag = 7777777});
    assert_int_equal(actions.count, 0);
    assert_int_equal(crowd.driver.pool->queue_tail->tag, 7777777);
    driver_close(&crowd.driver);
}

static void test_hand_off(void **state)
{
    (void)state;
    open_crowd();
    for (uint64_t i = 0; i < NEAR_END - 1; i++) {
        uint64_t next = slab_id(crowd.driver.pool->queue_head);
        struct pool_actions actions =
            handle((struct pool_event){.kind = POOL_EVENT_FINISHED, .request = crowd.running, .outcome = POOL_OUTCOME_DONE});
        assert_int_equal(actions.count, 2);
        assert_int_equal(actions.items[0].kind, POOL_ACTION_FORGET);
        assert_int_equal(actions.items[1].kind, POOL_ACTION_ASSIGN);
        assert_int_equal(actions.items[1].request, next);
        crowd.running = next;
    }
    driver_close(&crowd.driver);
}

static void test_vanished_client(void **state)
{
    (void)state;
    open_crowd();
    uint64_t second = slab_id(crowd.driver.pool->queue_head->next);
    struct pool_actions actions = handle((struct pool_event){.kind = POOL_EVENT_GONE, .request = second});
    assert_int_equal(actions.count, 1);
    assert_int_equal(actions.items[0].kind, POOL_ACTION_REJECT);
    assert_int_equal(crowd.driver.pool->waiting, WAITING - 1);
    driver_close(&crowd.driver);
}

static void test_progress_and_waits_for_the_client(void **state)
{
    (void)state;
    static const enum pool_event_kind kinds[] = {POOL_EVENT_PROGRESS, POOL_EVENT_CLIENT_WAIT, POOL_EVENT_CLIENT_READY};
    open_crowd();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_int_equal(handle((struct pool_event){.kind = kinds[i], .request = crowd.running}).count, 0);
    driver_close(&crowd.driver);
}

/* All of them are due: as many as fit into one set of actions go, from the head, and nobody else is looked at. */
static void test_time_in_the_queue_is_over(void **state)
{
    (void)state;
    struct pool_limits limits = driver_limits();
    limits.queue_timeout_ms = 500;
    open_crowd_with(limits);
    crowd.driver.now_ms += 500 + TIMERS_TICK_MS;
    struct pool_actions actions = handle((struct pool_event){.kind = POOL_EVENT_DEADLINE});
    assert_in_range(actions.count, 1, NEAR_END - 1);
    for (uint32_t i = 0; i < actions.count; i++) {
        assert_int_equal(actions.items[i].kind, POOL_ACTION_REJECT);
        assert_int_equal(actions.items[i].cause, ERROR_CAUSE_QUEUE_TIMEOUT);
        assert_int_equal(actions.items[i].tag, 2 + i);
    }
    driver_close(&crowd.driver);
}

static void test_worker_dies(void **state)
{
    (void)state;
    open_crowd();
    struct pool_actions actions =
        handle((struct pool_event){.kind = POOL_EVENT_FINISHED, .request = crowd.running, .outcome = POOL_OUTCOME_BROKEN});
    assert_int_equal(actions.count, 0); /* it lingers */
    actions = handle((struct pool_event){.kind = POOL_EVENT_EXITED, .worker = crowd.worker, .code = 1});
    assert_int_equal(actions.count, 2); /* a start follows after a pause */
    assert_int_equal(actions.items[0].kind, POOL_ACTION_REJECT);
    assert_int_equal(actions.items[1].kind, POOL_ACTION_RELEASE);
    driver_close(&crowd.driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrival),
        cmocka_unit_test(test_hand_off),
        cmocka_unit_test(test_vanished_client),
        cmocka_unit_test(test_progress_and_waits_for_the_client),
        cmocka_unit_test(test_time_in_the_queue_is_over),
        cmocka_unit_test(test_worker_dies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
