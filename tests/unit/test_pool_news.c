/* What a pool has to tell although no request failed by it. */
#include "fcgiext/core/pool_news.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pool_limits.h"

#define CRASH 0xC0000005u

struct subject {
    struct pool *pool;
    uint64_t now_ms;
    struct pool_actions actions;
    struct pool_news news;
};

static void open_with(struct subject *subject, struct pool_limits limits)
{
    memset(subject, 0, sizeof *subject);
    subject->now_ms = 1000;
    subject->pool = pool_create(&limits, subject->now_ms);
    assert_non_null(subject->pool);
}

static struct pool_limits no_failure_allowed(void)
{
    struct pool_limits limits = driver_limits();
    limits.rapid_fails_per_minute = 0;
    return limits;
}

static void step(struct subject *subject, struct pool_event event)
{
    pool_news_begin(&subject->news, subject->pool);
    pool_handle(subject->pool, &event, subject->now_ms, &subject->actions);
    pool_news_end(&subject->news, subject->pool, &subject->actions);
}

static void let_pass(struct subject *subject, uint64_t ms)
{
    subject->now_ms += ms;
    step(subject, (struct pool_event){.kind = POOL_EVENT_DEADLINE});
}

static uint64_t started_worker(const struct subject *subject)
{
    for (uint32_t i = 0; i < subject->actions.count; i++)
        if (subject->actions.items[i].kind == POOL_ACTION_START)
            return subject->actions.items[i].worker;
    fail_msg("nothing was started");
    return 0;
}

static uint64_t arrive(struct subject *subject)
{
    step(subject, (struct pool_event){.kind = POOL_EVENT_ARRIVED, .tag = 1});
    return started_worker(subject);
}

/* A request on a new worker; *request is its id. */
static uint64_t run_one(struct subject *subject, uint64_t *request)
{
    uint64_t worker = arrive(subject);
    *request = subject->actions.arrived;
    step(subject, (struct pool_event){.kind = POOL_EVENT_STARTED, .worker = worker});
    assert_int_equal(subject->news.count, 0);
    return worker;
}

static void expect_nothing(const struct subject *subject)
{
    assert_int_equal(subject->news.count, 0);
}

static const struct pool_news_item *expect_one(const struct subject *subject, unsigned kind)
{
    assert_int_equal(subject->news.count, 1);
    assert_int_equal(subject->news.items[0].kind, kind);
    return &subject->news.items[0];
}

static void a_failed_start_is_told_by_its_request_or_by_the_pool(void **state)
{
    (void)state;
    struct subject subject;
    open_with(&subject, driver_limits());
    uint64_t worker = arrive(&subject);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_START_FAILED, .worker = worker, .code = 2});
    expect_nothing(&subject); /* the request has been rejected for it */
    let_pass(&subject, POOL_START_PAUSE_MAX_MS);
    uint64_t request;
    run_one(&subject, &request);
    worker = arrive(&subject);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_START_FAILED, .worker = worker, .code = 5});
    const struct pool_news_item *item = expect_one(&subject, ERROR_CAUSE_START_FAILED); /* another worker will serve it */
    assert_true(item->has_code && item->code == 5 && item->worker == 0);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_START_FAILED, .worker = worker, .code = 5});
    expect_nothing(&subject); /* the pool knows of none */
    pool_destroy(subject.pool);
}

/* Another connection will serve the request. */
static void a_server_that_cannot_be_reached_in_time_is_told_while_others_serve(void **state)
{
    (void)state;
    struct subject subject;
    struct pool_limits limits = driver_limits();
    limits.external = true;
    open_with(&subject, limits);
    uint64_t request;
    run_one(&subject, &request);
    arrive(&subject);
    let_pass(&subject, POOL_CONNECT_MS + TIMERS_TICK_MS);
    const struct pool_news_item *item = expect_one(&subject, ERROR_CAUSE_CONNECT_FAILED);
    assert_true(item->has_code && item->code == POOL_CONNECT_CODE);
    pool_destroy(subject.pool);
}

static void a_server_that_cannot_be_reached_in_time_is_told_by_the_request_that_fails_for_it(void **state)
{
    (void)state;
    struct subject subject;
    struct pool_limits limits = driver_limits();
    limits.external = true;
    open_with(&subject, limits);
    arrive(&subject);
    let_pass(&subject, POOL_CONNECT_MS + TIMERS_TICK_MS);
    expect_nothing(&subject);
    assert_int_equal(pool_get_totals(subject.pool)->failed[ERROR_CAUSE_CONNECT_FAILED], 1);
    pool_destroy(subject.pool);
}

static uint64_t open_with_starting_spare(struct subject *subject)
{
    struct pool_limits limits = driver_limits();
    limits.min_instances = 1;
    open_with(subject, limits);
    step(subject, (struct pool_event){.kind = POOL_EVENT_RESUME});
    return started_worker(subject);
}

static void a_spare_that_closes_its_connection_and_hangs_is_told_once(void **state)
{
    (void)state;
    struct subject subject;
    uint64_t worker = open_with_starting_spare(&subject);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_STARTED, .worker = worker});
    step(&subject, (struct pool_event){.kind = POOL_EVENT_DISCONNECTED, .worker = worker});
    expect_nothing(&subject); /* its exit may tell more */
    let_pass(&subject, POOL_EXIT_WAIT_MS + TIMERS_TICK_MS);
    assert_false(expect_one(&subject, ERROR_CAUSE_CONNECTION_CLOSED)->has_code);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_EXITED, .worker = worker, .code = 1});
    expect_nothing(&subject);
    pool_destroy(subject.pool);
}

static void a_process_that_exits_at_its_start_is_told_once_and_with_its_worker(void **state)
{
    (void)state;
    struct subject subject;
    uint64_t worker = open_with_starting_spare(&subject);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_EXITED, .worker = worker, .code = 3});
    const struct pool_news_item *item = expect_one(&subject, ERROR_CAUSE_WORKER_EXITED);
    assert_true(item->has_code && item->code == 3 && item->worker == worker);
    pool_destroy(subject.pool);
}

static void an_exit_is_told_by_its_request_or_by_the_pool(void **state)
{
    (void)state;
    struct subject subject;
    open_with(&subject, driver_limits());
    uint64_t request, worker = run_one(&subject, &request);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_FINISHED, .request = request, .outcome = POOL_OUTCOME_BROKEN});
    step(&subject, (struct pool_event){.kind = POOL_EVENT_EXITED, .worker = worker, .code = CRASH});
    expect_nothing(&subject);
    let_pass(&subject, POOL_START_PAUSE_MAX_MS);
    worker = run_one(&subject, &request);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_FINISHED, .request = request, .outcome = POOL_OUTCOME_DONE});
    step(&subject, (struct pool_event){.kind = POOL_EVENT_EXITED, .worker = worker, .code = CRASH}); /* it was idle */
    const struct pool_news_item *item = expect_one(&subject, ERROR_CAUSE_WORKER_CRASHED);
    assert_true(item->has_code && item->code == CRASH && item->worker == worker);
    worker = run_one(&subject, &request);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_FINISHED, .request = request, .outcome = POOL_OUTCOME_DONE});
    step(&subject, (struct pool_event){.kind = POOL_EVENT_EXITED, .worker = worker, .code = 0});
    expect_nothing(&subject); /* a program's own end after an answer is none */
    pool_destroy(subject.pool);
}

static void begin_and_end_of_rapid_fail_are_told_once(void **state)
{
    (void)state;
    for (int resume = 0; resume < 2; resume++) {
        struct subject subject;
        open_with(&subject, no_failure_allowed());
        uint64_t worker = arrive(&subject);
        step(&subject, (struct pool_event){.kind = POOL_EVENT_START_FAILED, .worker = worker, .code = 2});
        assert_int_equal(subject.news.items[subject.news.count - 1].kind, ERROR_CAUSE_RAPID_FAIL);
        assert_int_equal(subject.news.items[subject.news.count - 1].first_cause, ERROR_CAUSE_START_FAILED);
        assert_int_equal(subject.news.items[subject.news.count - 1].code, 2);
        step(&subject, (struct pool_event){.kind = POOL_EVENT_ARRIVED, .tag = 1});
        expect_nothing(&subject);
        subject.now_ms += POOL_RAPID_FAIL_MS + TIMERS_TICK_MS;
        step(&subject, (struct pool_event){.kind = resume ? POOL_EVENT_RESUME : POOL_EVENT_DEADLINE});
        expect_one(&subject, EVENT_RAPID_FAIL_OVER);
        step(&subject, (struct pool_event){.kind = POOL_EVENT_DEADLINE});
        expect_nothing(&subject);
        pool_destroy(subject.pool);
    }
}

static void a_pool_that_shuts_down_does_not_say_that_it_serves_again(void **state)
{
    (void)state;
    struct subject subject;
    open_with(&subject, no_failure_allowed());
    uint64_t worker = arrive(&subject);
    step(&subject, (struct pool_event){.kind = POOL_EVENT_START_FAILED, .worker = worker, .code = 2});
    step(&subject, (struct pool_event){.kind = POOL_EVENT_SHUT_DOWN});
    expect_nothing(&subject);
    pool_destroy(subject.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_start_is_told_by_its_request_or_by_the_pool),
        cmocka_unit_test(a_server_that_cannot_be_reached_in_time_is_told_while_others_serve),
        cmocka_unit_test(a_server_that_cannot_be_reached_in_time_is_told_by_the_request_that_fails_for_it),
        cmocka_unit_test(a_spare_that_closes_its_connection_and_hangs_is_told_once),
        cmocka_unit_test(a_process_that_exits_at_its_start_is_told_once_and_with_its_worker),
        cmocka_unit_test(an_exit_is_told_by_its_request_or_by_the_pool),
        cmocka_unit_test(begin_and_end_of_rapid_fail_are_told_once),
        cmocka_unit_test(a_pool_that_shuts_down_does_not_say_that_it_serves_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
