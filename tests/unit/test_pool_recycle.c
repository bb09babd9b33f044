/* Recycling: all workers are replaced, one by one as their replacements prove good, or at once; nothing is lost, and the
 * pool never has fewer workers than before. */
#include "tests/unit/pool_driver.h"

#define CRASH 0xC0000005u

/* ---- rolling */

static void busy_pool_is_replaced_without_losing_a_request_or_a_worker(void **state)
{
    (void)state;
    enum { OLD = 4, REQUESTS = 40 };
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t workers[OLD];
    uint64_t running[OLD + 1]; /* requests, which are also their tags' order: oldest first for each worker */
    for (uint64_t i = 0; i < OLD; i++)
        running[i] = run_on_new_worker(&driver, i, &workers[i]);
    static uint64_t waiting[REQUESTS];
    uint64_t next = OLD;
    for (uint64_t i = OLD; i < REQUESTS; i++)
        waiting[i] = arrive(&driver, i);
    uint64_t tags[OLD] = {0, 1, 2, 3};
    recycle(&driver, false);
    for (uint64_t i = 0; i < OLD; i++) {
        assert_recycle(&driver, POOL_RECYCLE_RUNNING, OLD - (uint32_t)i);
        uint64_t replacement = take_start(&driver);
        assert_int_equal(in_state(&driver, WORKER_BUSY), OLD); /* all that there were still serve */
        of_worker(&driver, POOL_EVENT_STARTED, replacement);
        assert_int_equal(take_assign(&driver, waiting[next]), replacement);
        uint64_t first = next++;
        take_nothing(&driver);
        answer(&driver, waiting[first], first); /* now it has proven good */
        assert_int_equal(take_assign(&driver, waiting[next]), replacement);
        uint64_t second = next++;
        answer(&driver, running[i], tags[i]); /* and an old one goes when it is free */
        take_kill(&driver, workers[i]);
        take_nothing(&driver);
        assert_int_equal(in_state(&driver, WORKER_BUSY), OLD);
        answer(&driver, waiting[second], second);
        assert_int_equal(take_assign(&driver, waiting[next]), replacement);
        next++;
        end_of(&driver, workers[i]);
    }
    take_nothing(&driver);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    assert_int_equal(in_state(&driver, WORKER_BUSY), OLD);
    const struct pool_totals *totals = pool_get_totals(driver.pool);
    assert_int_equal(totals->answered, 3 * OLD);
    assert_int_equal(counts(&driver).waiting, REQUESTS - next);
    assert_int_equal(totals->arrived, totals->answered + OLD + REQUESTS - next);
    assert_int_equal(pool_totals_unexpected_exits(totals), 0);
    driver_close(&driver);
}

static void replacement_that_lives_two_seconds_without_traffic_is_ready(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver);
    let_pass(&driver, 3 * POOL_READY_MS); /* a slow start proves nothing */
    take_nothing(&driver);
    of_worker(&driver, POOL_EVENT_STARTED, replacement);
    assert_due_after(&driver, POOL_READY_MS);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    end_of(&driver, old);
    let_pass(&driver, driver_limits().idle_timeout_ms - POOL_READY_MS - 3 * TIMERS_TICK_MS); /* idle since it started */
    take_nothing(&driver);
    let_pass(&driver, 4 * TIMERS_TICK_MS);
    take_kill(&driver, replacement);
    driver_close(&driver);
}

static void replacement_is_ready_at_its_end_when_the_idle_time_out_is_shorter(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.idle_timeout_ms = POOL_READY_MS / 2;
    driver_open(&driver, limits);
    uint64_t old;
    uint64_t request = run_on_new_worker(&driver, 1, &old);
    recycle(&driver, false);
    uint64_t replacement = start_next(&driver);
    assert_due_after(&driver, limits.idle_timeout_ms);
    take_kill(&driver, replacement); /* no failure */
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 1);
    answer(&driver, request, 1);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void idle_old_workers_go_one_by_one_as_replacements_are_ready(void **state)
{
    (void)state;
    enum { OLD = 3 };
    struct driver driver;
    uint64_t workers[OLD];
    open_with_idle(&driver, driver_limits(), workers, OLD);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver);
    for (uint64_t i = 0; i < OLD; i++) {
        take_nothing(&driver); /* one at a time: a quarter of the limit */
        of_worker(&driver, POOL_EVENT_STARTED, replacement);
        take_nothing(&driver);
        assert_int_equal(in_state(&driver, WORKER_IDLE), OLD + 1);
        let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
        take_kill(&driver, workers[i]); /* the one that was used longest ago */
        if (i + 1 < OLD)
            replacement = take_start(&driver);
        end_of(&driver, workers[i]);
    }
    take_nothing(&driver);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    assert_int_equal(in_state(&driver, WORKER_IDLE), OLD);
    driver_close(&driver);
}

static void large_pool_is_replaced_a_quarter_at_a_time(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 8;
    uint64_t workers[8];
    open_with_idle(&driver, limits, workers, 8);
    recycle(&driver, false);
    uint64_t replacements[2];
    for (int i = 0; i < 2; i++)
        replacements[i] = take_start(&driver);
    take_nothing(&driver);
    of_worker(&driver, POOL_EVENT_STARTED, replacements[0]);
    serve_on(&driver, 9, replacements[0]);
    finish(&driver, serve_on(&driver, 10, workers[7]), POOL_OUTCOME_DONE); /* no credit yet: it stays */
    take_forget(&driver, 10);
    take_nothing(&driver);
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 8);
    driver_close(&driver);
}

static void busy_old_worker_ends_with_its_request_for_a_ready_replacement(void **state)
{
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        struct driver driver;
        driver_open(&driver, driver_limits());
        uint64_t old;
        uint64_t request = run_on_new_worker(&driver, 1, &old);
        recycle(&driver, false);
        start_next(&driver);
        let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
        take_nothing(&driver); /* it is not taken off its worker */
        assert_recycle(&driver, POOL_RECYCLE_RUNNING, 1);
        finish(&driver, request, closed ? POOL_OUTCOME_DONE_CLOSED : POOL_OUTCOME_DONE);
        take_forget(&driver, 1);
        take_kill(&driver, old);
        assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
        driver_close(&driver);
    }
}

static void busy_old_worker_serves_on_while_no_replacement_is_ready(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    driver_open(&driver, limits);
    uint64_t old;
    uint64_t request = run_on_new_worker(&driver, 1, &old);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver); /* beside the limit of 1 */
    for (uint64_t tag = 2; tag < 6; tag++) {
        answer(&driver, request, tag - 1);
        request = serve_on(&driver, tag, old);
    }
    of_worker(&driver, POOL_EVENT_STARTED, replacement);
    uint64_t on_new = serve_on(&driver, 6, replacement);
    answer(&driver, on_new, 6);
    assert_int_equal(arrive(&driver, 7) != 0, 1);
    take_of_worker(&driver, POOL_ACTION_ASSIGN, replacement);
    answer(&driver, request, 5);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void new_generation_is_preferred(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[2];
    open_with_idle(&driver, driver_limits(), workers, 2);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver);
    uint64_t on_old = serve_on(&driver, 1, workers[1]);
    of_worker(&driver, POOL_EVENT_STARTED, replacement);
    answer(&driver, on_old, 1); /* was used last */
    uint64_t on_new = serve_on(&driver, 2, replacement);
    serve_on(&driver, 3, workers[0]); /* all old ones are behind the new, in the order in which they came there */
    serve_on(&driver, 4, workers[1]);
    answer(&driver, on_new, 2);
    take_start(&driver); /* it is ready, and the next one follows */
    driver_close(&driver);
}

static void old_worker_that_leaves_by_itself_needs_no_replacement(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[2];
    open_with_idle(&driver, driver_limits(), workers, 2);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver);
    for (int i = 0; i < 2; i++) {
        exited(&driver, workers[i], 0);
        take_release(&driver, workers[i]);
    }
    take_nothing(&driver);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    of_worker(&driver, POOL_EVENT_STARTED, replacement);
    let_pass(&driver, 2 * POOL_READY_MS);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 1);
    driver_close(&driver);
}

/* ---- replacements that fail */

enum failure { START_FAILS, EXITS_STARTING, EXITS_IDLE, CLOSES_IDLE, IS_SILENT, BREAKS_OFF, IS_UNUSABLE, FAILURE_COUNT };

/* Its actions are taken, with the next START if that comes at once. */
static void fail_replacement(struct driver *driver, uint64_t worker, enum failure failure)
{
    if (failure == START_FAILS) {
        start_failed(driver, worker, 2);
        take_release(driver, worker);
        return;
    }
    if (failure != EXITS_STARTING)
        of_worker(driver, POOL_EVENT_STARTED, worker);
    if (failure >= IS_SILENT) {
        uint64_t request = serve_on(driver, 60, worker);
        if (failure == IS_SILENT) {
            let_pass(driver, driver_limits().activity_timeout_ms * 2 + TIMERS_TICK_MS);
            take_abort(driver, worker, 60, ERROR_CAUSE_ACTIVITY_TIMEOUT);
        } else if (failure == BREAKS_OFF) {
            finish(driver, request, POOL_OUTCOME_BROKEN);
        } else {
            finish(driver, request, POOL_OUTCOME_DONE_UNUSABLE);
        }
    }
    if (failure == CLOSES_IDLE)
        of_worker(driver, POOL_EVENT_DISCONNECTED, worker);
    take_all(driver);
    exited(driver, worker, 3);
    take_all(driver);
}

static void two_failed_replacements_stop_the_recycle_and_the_old_serve_on(void **state)
{
    (void)state;
    for (enum failure failure = START_FAILS; failure < FAILURE_COUNT; failure++) {
        struct driver driver;
        uint64_t workers[2];
        open_with_idle(&driver, driver_limits(), workers, 2);
        recycle(&driver, false);
        fail_replacement(&driver, take_start(&driver), failure);
        assert_recycle(&driver, POOL_RECYCLE_RUNNING, 2);
        if (pool_get_totals(driver.pool)->started == 3) /* a pause after a failed start */
            let_pass(&driver, POOL_START_PAUSE_MS + TIMERS_TICK_MS);
        take_all(&driver);
        assert_int_equal(pool_get_totals(driver.pool)->started, 4);
        fail_replacement(&driver, driver.last_start, failure);
        take_nothing(&driver);
        assert_recycle(&driver, POOL_RECYCLE_FAILED, 2);
        let_pass(&driver, 2 * POOL_START_PAUSE_MAX_MS);
        take_nothing(&driver); /* no third one */
        serve_on(&driver, 1, workers[1]);
        serve_on(&driver, 2, workers[0]);
        assert_int_equal(counts(&driver).state, POOL_STATE_RUNNING);
        driver_close(&driver);
    }
}

static void one_failed_replacement_is_followed_by_another(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    start_failed(&driver, take_start(&driver), 2);
    take_all(&driver);
    assert_due_after(&driver, POOL_START_PAUSE_MS);
    start_next(&driver);
    assert_due_after(&driver, POOL_READY_MS);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void failed_recycle_can_be_tried_again(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    take_all(&driver);
    for (int i = 0; i < 2; i++) {
        start_failed(&driver, driver.last_start, 2);
        take_all(&driver);
        let_pass(&driver, POOL_START_PAUSE_MAX_MS);
        take_all(&driver);
    }
    assert_recycle(&driver, POOL_RECYCLE_FAILED, 1);
    recycle(&driver, false);
    start_next(&driver);
    let_pass(&driver, POOL_READY_MS + TIMERS_TICK_MS);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void start_that_fails_later_is_no_failed_replacement(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    uint64_t replacement = start_next(&driver);
    uint64_t request = serve_on(&driver, 1, replacement);
    serve_on(&driver, 2, old);
    answer(&driver, request, 1); /* proven: what comes now is no failure of the recycle */
    exited(&driver, replacement, CRASH);
    take_release(&driver, replacement);
    assert_recycle(&driver, POOL_RECYCLE_RUNNING, 1);
    driver_close(&driver);
}

/* ---- during a recycle */

static void recycle_without_workers_does_nothing(void **state)
{
    (void)state;
    for (int now = 0; now < 2; now++) {
        struct driver driver;
        driver_open(&driver, driver_limits());
        recycle(&driver, now);
        take_nothing(&driver);
        assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
        uint64_t worker = new_idle_worker(&driver);
        of_worker(&driver, POOL_EVENT_DISCONNECTED, worker); /* and one that is ending is none */
        take_of_worker(&driver, POOL_ACTION_CLOSE, worker);
        recycle(&driver, now);
        take_nothing(&driver);
        assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
        end_of(&driver, worker);
        driver_close(&driver);
    }
}

static void shut_down_ends_a_recycle(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver);
    shut_down(&driver);
    take_kill(&driver, old);
    recycle(&driver, false); /* and none begins */
    recycle(&driver, true);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    of_worker(&driver, POOL_EVENT_STARTED, replacement);
    take_kill(&driver, replacement);
    driver_close(&driver);
}

/* ---- at once */

static void recycle_at_once_ends_everything_but_what_waits(void **state)
{
    (void)state;
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = 5;
    limits.signal_ms = 5000;
    driver_open(&driver, limits);
    uint64_t workers[5];
    uint64_t requests[4];
    for (uint64_t i = 0; i < 4; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    uint64_t waiting = arrive(&driver, 4);
    workers[4] = take_start(&driver);
    finish(&driver, requests[0], POOL_OUTCOME_DONE_CLOSED); /* connecting; 1 runs */
    take_all(&driver);
    finish(&driver, requests[2], POOL_OUTCOME_BROKEN); /* lingering */
    of_request(&driver, POOL_EVENT_PROGRESS, requests[3]);
    exited(&driver, workers[3], 0); /* gone, its reply is still read */
    recycle(&driver, true);
    take_signal(&driver, workers[0]);
    take_abort(&driver, workers[1], 1, ERROR_CAUSE_RECYCLED);
    take_signal(&driver, workers[1]);
    take_reject(&driver, 2, ERROR_CAUSE_RECYCLED);
    take_signal(&driver, workers[2]);
    take_abort(&driver, workers[3], 3, ERROR_CAUSE_RECYCLED);
    take_release(&driver, workers[3]);
    take_nothing(&driver);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 1);
    of_worker(&driver, POOL_EVENT_STARTED, workers[4]); /* too old before it began */
    take_signal(&driver, workers[4]);
    uint64_t next = start_next(&driver);
    assert_int_equal(take_assign(&driver, waiting), next);
    answer(&driver, waiting, 4);
    for (int i = 0; i < 5; i++) {
        exited(&driver, workers[i], 0);
        if (i != 3)
            take_release(&driver, workers[i]);
    }
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    assert_int_equal(in_state(&driver, WORKER_IDLE), 1);
    assert_int_equal(pool_get_totals(driver.pool)->failed[ERROR_CAUSE_RECYCLED], 3);
    driver_close(&driver);
}

static void recycle_at_once_ends_idle_workers_and_serves_the_next_arrival_on_a_new_one(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t workers[3];
    open_with_idle(&driver, driver_limits(), workers, 3);
    recycle(&driver, true);
    for (int i = 0; i < 3; i++)
        take_kill(&driver, workers[i]);
    take_nothing(&driver);
    end_of(&driver, workers[0]);
    uint64_t request = arrive(&driver, 1);
    uint64_t next = start_next(&driver);
    assert_int_equal(take_assign(&driver, request), next);
    driver_close(&driver);
}

static void recycle_at_once_ends_a_rolling_one(void **state)
{
    (void)state;
    struct driver driver;
    uint64_t old;
    open_with_idle(&driver, driver_limits(), &old, 1);
    recycle(&driver, false);
    uint64_t replacement = take_start(&driver);
    recycle(&driver, true);
    take_kill(&driver, old);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 1);
    of_worker(&driver, POOL_EVENT_STARTED, replacement);
    take_kill(&driver, replacement);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    driver_close(&driver);
}

static void large_pool_recycled_at_once_needs_several_sets_of_actions(void **state)
{
    (void)state;
    enum { WORKERS = 60 };
    struct driver driver;
    struct pool_limits limits = driver_limits();
    limits.max_instances = WORKERS;
    driver_open(&driver, limits);
    uint64_t workers[WORKERS];
    uint64_t requests[WORKERS];
    for (uint64_t i = 0; i < WORKERS; i++)
        requests[i] = run_on_new_worker(&driver, i, &workers[i]);
    uint64_t waiting = arrive(&driver, 1000);
    recycle(&driver, true);
    assert_true(pool_next_deadline_ms(driver.pool) <= driver.now_ms);
    take_all(&driver);
    answer(&driver, requests[WORKERS - 1], WORKERS - 1); /* before its turn: it is answered, and gets nothing more */
    for (; driver.taken < driver.count; driver.taken++)
        assert_int_not_equal(driver.actions[driver.taken].kind, POOL_ACTION_ASSIGN);
    driver.count = driver.taken = 0;
    do_more(&driver);
    for (; driver.taken < driver.count; driver.taken++)
        assert_int_not_equal(driver.actions[driver.taken].kind, POOL_ACTION_ASSIGN);
    assert_int_equal(in_state(&driver, WORKER_STOPPING), WORKERS);
    assert_int_equal(pool_get_totals(driver.pool)->failed[ERROR_CAUSE_RECYCLED], WORKERS - 1);
    assert_recycle(&driver, POOL_RECYCLE_NONE, 0);
    uint64_t next = driver.last_start;
    of_worker(&driver, POOL_EVENT_STARTED, next);
    assert_int_equal(take_assign(&driver, waiting), next);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_pool_is_replaced_without_losing_a_request_or_a_worker),
        cmocka_unit_test(replacement_that_lives_two_seconds_without_traffic_is_ready),
        cmocka_unit_test(replacement_is_ready_at_its_end_when_the_idle_time_out_is_shorter),
        cmocka_unit_test(idle_old_workers_go_one_by_one_as_replacements_are_ready),
        cmocka_unit_test(large_pool_is_replaced_a_quarter_at_a_time),
        cmocka_unit_test(busy_old_worker_ends_with_its_request_for_a_ready_replacement),
        cmocka_unit_test(busy_old_worker_serves_on_while_no_replacement_is_ready),
        cmocka_unit_test(new_generation_is_preferred),
        cmocka_unit_test(old_worker_that_leaves_by_itself_needs_no_replacement),
        cmocka_unit_test(two_failed_replacements_stop_the_recycle_and_the_old_serve_on),
        cmocka_unit_test(one_failed_replacement_is_followed_by_another),
        cmocka_unit_test(failed_recycle_can_be_tried_again),
        cmocka_unit_test(start_that_fails_later_is_no_failed_replacement),
        cmocka_unit_test(recycle_without_workers_does_nothing),
        cmocka_unit_test(shut_down_ends_a_recycle),
        cmocka_unit_test(recycle_at_once_ends_everything_but_what_waits),
        cmocka_unit_test(recycle_at_once_ends_idle_workers_and_serves_the_next_arrival_on_a_new_one),
        cmocka_unit_test(recycle_at_once_ends_a_rolling_one),
        cmocka_unit_test(large_pool_recycled_at_once_needs_several_sets_of_actions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
