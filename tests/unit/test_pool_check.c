/* pool_check finds what it is there for: for each of its conditions a pool that breaks it, and only it or it first. A
 * condition that is added to pool_check needs a row here. */
#include "fcgiext/core/pool_steps.h"
#include "tests/unit/pool_driver.h"

#include "tests/unit/aborts.h"

/* A pool in which there is something of everything. */
struct specimen {
    struct driver driver;
    struct pool *pool;
    struct pool_worker *busy;
    struct pool_worker *idle; /* the first of the list, followed by idle_behind */
    struct pool_worker *idle_behind;
    struct pool_worker *starting;
    struct pool_worker *lingering;
    struct pool_worker *stopping;
    struct pool_request *waiting; /* the first of two, or NULL: not together with idle workers */
};

static void open_specimen(struct specimen *specimen, bool with_idle)
{
    struct driver *driver = &specimen->driver;
    driver_open(driver, driver_limits());
    specimen->pool = driver->pool;
    uint64_t workers[4];
    uint64_t requests[4];
    for (uint64_t i = 0; i < 4; i++)
        requests[i] = run_on_new_worker(driver, i, &workers[i]);
    finish(driver, requests[3], POOL_OUTCOME_DONE_UNUSABLE);
    take_all(driver);
    uint64_t waiting[2];
    for (uint64_t i = 0; i < 2; i++) {
        waiting[i] = arrive(driver, 4 + i);
        if (i == 0)
            specimen->starting = slab_find(&driver->pool->workers, take_start(driver));
    }
    if (with_idle) {
        for (int i = 0; i < 2; i++) {
            of_request(driver, POOL_EVENT_GONE, waiting[i]);
            take_all(driver);
        }
        finish(driver, requests[1], POOL_OUTCOME_DONE);
        take_all(driver);
        finish(driver, requests[2], POOL_OUTCOME_DONE);
        take_all(driver);
    } else {
        finish(driver, requests[2], POOL_OUTCOME_BROKEN);
    }
    specimen->busy = slab_find(&driver->pool->workers, workers[0]);
    specimen->idle_behind = slab_find(&driver->pool->workers, workers[1]);
    specimen->idle = specimen->lingering = slab_find(&driver->pool->workers, workers[2]);
    specimen->stopping = slab_find(&driver->pool->workers, workers[3]);
    specimen->waiting = driver->pool->queue_head;
}

/* ---- the breakages, in the order of the checks */

static void idle_with_request(struct specimen *s)
{
    s->idle->request = s->busy->request;
}

static void busy_without_request(struct specimen *s)
{
    s->busy->request = NULL;
}

static void stopping_is_gone(struct specimen *s)
{
    s->stopping->state = WORKER_GONE;
}

static void request_of_another_worker(struct specimen *s)
{
    s->busy->request->worker = s->idle;
}

static void request_waits_on_a_worker(struct specimen *s)
{
    s->busy->request->state = POOL_REQUEST_WAITING;
}

static void request_lingers_on_a_busy_worker(struct specimen *s)
{
    s->busy->request->state = POOL_REQUEST_LINGERING;
}

static void idle_has_exited(struct specimen *s)
{
    s->idle->exited = true;
}

static void idle_was_killed(struct specimen *s)
{
    s->idle->killed = true;
}

static void idle_was_dismissed(struct specimen *s)
{
    s->idle->dismissed = true;
}

static void idle_since_before_it_started(struct specimen *s)
{
    s->idle->started_ms = s->idle->since_ms + 1;
}

static void idle_without_timer(struct specimen *s)
{
    timers_cancel(&s->pool->timers, &s->idle->timer.entry);
}

static void idle_and_never_watched(struct specimen *s)
{
    s->idle->watch_ms = 50;
    timers_set(&s->pool->timers, &s->idle->timer.entry, s->idle->since_ms + 51);
}

static void stopping_without_timer(struct specimen *s)
{
    timers_cancel(&s->pool->timers, &s->stopping->timer.entry);
}

static void starting_with_timer(struct specimen *s)
{
    timers_set(&s->pool->timers, &s->starting->timer.entry, 1);
}

static void lingering_without_timer(struct specimen *s)
{
    timers_cancel(&s->pool->timers, &s->lingering->request->timer.entry);
}

static void lingering_with_timer_of_the_worker(struct specimen *s)
{
    timers_set(&s->pool->timers, &s->lingering->timer.entry, 1);
}

static void no_request_time_out(struct specimen *s)
{
    timers_cancel(&s->pool->timers, &s->busy->request->timer.entry);
}

static void no_activity_time_out(struct specimen *s)
{
    timers_cancel(&s->pool->timers, &s->busy->timer.entry);
}

static void activity_time_out_while_the_client_is_waited_for(struct specimen *s)
{
    s->busy->request->client_wait = true;
    timers_cancel(&s->pool->timers, &s->busy->request->timer.entry);
}

static void wrong_count_of_a_state(struct specimen *s)
{
    s->pool->by_state[WORKER_BUSY]++;
}

static void too_many_serve(struct specimen *s)
{
    s->pool->limits.max_instances = 3;
}

/* Fewer were allowed while four served: so many may, but no more. */
static void more_serve_than_when_the_limit_fell(struct specimen *s)
{
    struct pool_limits limits = driver_limits();
    limits.max_instances = 1;
    reconfigure(&s->driver, limits);
    s->pool->most_serving--;
}

static void wrong_count_of_old_workers(struct specimen *s)
{
    s->pool->old_workers++;
}

static void wrong_count_of_unproven_replacements(struct specimen *s)
{
    s->pool->unproven++;
}

static void unproven_replacement_nobody_counted(struct specimen *s)
{
    s->busy->replacement = true;
}

static void credit_without_an_old_worker(struct specimen *s)
{
    s->pool->credit = 1;
}

static void old_worker_nobody_counted(struct specimen *s)
{
    s->busy->generation--;
}

static void new_worker_behind_an_old_one(struct specimen *s)
{
    s->idle->generation--;
    s->pool->old_workers++;
}

static void lost_request(struct specimen *s)
{
    s->pool->requests.used_count++;
}

static void busy_in_the_idle_list(struct specimen *s)
{
    s->pool->idle_head = s->busy;
}

static void idle_list_without_a_way_back(struct specimen *s)
{
    s->idle_behind->prev_idle = NULL;
}

static void idle_list_cut(struct specimen *s)
{
    s->idle->next_idle = NULL;
}

static void idle_list_lost_its_last(struct specimen *s)
{
    s->idle->next_idle = NULL;
    s->pool->idle_tail = s->idle;
}

static void running_in_the_queue(struct specimen *s)
{
    s->waiting->state = POOL_REQUEST_RUNNING;
}

static void queue_without_a_way_back(struct specimen *s)
{
    s->waiting->next->prev = NULL;
}

static void waiting_with_worker(struct specimen *s)
{
    s->waiting->worker = s->busy;
}

static void waiting_without_timer(struct specimen *s)
{
    timers_cancel(&s->pool->timers, &s->waiting->timer.entry);
}

static void queue_with_a_wrong_tail(struct specimen *s)
{
    s->pool->queue_tail = s->waiting;
}

static void wrong_sum_of_waits(struct specimen *s)
{
    s->pool->wait_since_sum_ms++;
}

static void running_that_nobody_counted(struct specimen *s)
{
    s->pool->running--;
}

static void list_of_runs_with_one_that_waits(struct specimen *s)
{
    s->pool->run_newest->next = s->waiting;
}

static void list_of_runs_without_a_way_back(struct specimen *s)
{
    s->pool->run_oldest->next->prev = NULL;
}

static void list_of_runs_out_of_order(struct specimen *s)
{
    s->pool->run_oldest->assigned_ms = s->pool->run_newest->assigned_ms + 1;
}

static void list_of_runs_cut(struct specimen *s)
{
    s->pool->run_newest = s->pool->run_oldest;
}

static void wrong_sum_of_runs(struct specimen *s)
{
    s->pool->run_since_sum_ms++;
}

static void wrong_count_of_waiting(struct specimen *s)
{
    s->pool->waiting++;
    s->pool->requests.used_count++;
}

static void waiting_when_closed(struct specimen *s)
{
    s->pool->state = POOL_STATE_CLOSED;
}

static void enqueue(struct specimen *s)
{
    pool_enqueue(s->pool, slab_alloc(&s->pool->requests));
    s->pool->totals.arrived++;
}

static void empty(struct specimen *s)
{
    pool_destroy(s->pool);
    driver_open(&s->driver, driver_limits());
    s->pool = s->driver.pool;
}

static void waiting_and_none_starts(struct specimen *s)
{
    empty(s);
    enqueue(s);
}

static void recycle_that_waits_for_nothing(struct specimen *s)
{
    empty(s);
    s->pool->recycle = POOL_RECYCLE_RUNNING;
}

static void actions_left_behind(struct specimen *s)
{
    static struct pool_actions actions;
    s->pool->out = &actions;
}

static void stopping_that_ages(struct specimen *s)
{
    s->stopping->ages = true;
}

static void worn_and_not_to_be_replaced(struct specimen *s)
{
    s->busy->worn = true;
}

static void wrong_count_of_renewals(struct specimen *s)
{
    s->pool->renewals++;
}

static void wrong_count_of_worn_workers(struct specimen *s)
{
    s->pool->worn++;
}

static void wrong_count_of_doubtful_ends(struct specimen *s)
{
    s->pool->doubtful++;
}

static void list_of_ages_without_a_way_back(struct specimen *s)
{
    s->pool->oldest->younger->older = NULL;
}

static void one_that_does_not_age_in_the_list(struct specimen *s)
{
    s->pool->oldest->ages = false;
}

static void list_of_ages_out_of_order(struct specimen *s)
{
    s->pool->oldest->born_ms = s->pool->now_ms + 1;
}

static void list_of_ages_cut(struct specimen *s)
{
    s->pool->youngest->older->younger = NULL;
}

static void list_of_ages_lost_its_last(struct specimen *s)
{
    s->pool->youngest = s->pool->youngest->older;
    s->pool->youngest->younger = NULL;
}

static void nobody_looks_at_the_oldest(struct specimen *s)
{
    s->pool->limits.max_lifetime_ms = 1;
}

static void waiting_beyond_its_time(struct specimen *s)
{
    s->pool->limits.queue_timeout_ms = 1;
    s->pool->limits_ms = 0;
}

static void spares_that_nobody_starts(struct specimen *s)
{
    s->pool->limits.min_instances = s->pool->limits.max_instances = 8;
}

static void worn_and_nothing_replaces_it(struct specimen *s)
{
    pool_end_life(s->pool, s->idle_behind);
    pool_make_old(s->pool, s->idle_behind);
    s->idle_behind->worn = true;
    s->idle_behind->renewed_in = s->pool->generation;
    s->pool->worn++;
    s->pool->renewals++;
}

static void rapid_fail_without_end(struct specimen *s)
{
    s->pool->state = POOL_STATE_RAPID_FAIL;
}

static void request_forgotten_in_the_totals(struct specimen *s)
{
    s->pool->totals.answered--;
}

/* ---- */

static jmp_buf failed;
static const char *failed_condition;

static void note_failed(const char *condition)
{
    failed_condition = condition;
    longjmp(failed, 1);
}

/* The first condition that does not hold, or NULL. */
static const char *check(const struct pool *pool)
{
    failed_condition = NULL;
    pool_check_failed = note_failed;
    if (setjmp(failed) == 0)
        pool_check(pool);
    pool_check_failed = driver_check_failed;
    return failed_condition;
}

static const struct {
    void (*break_it)(struct specimen *);
    bool with_idle;
    const char *condition; /* how its text begins */
} breakages[] = {
    {idle_with_request, true, "has_request == (worker->state == WORKER_BUSY"},
    {busy_without_request, true, "has_request == (worker->state == WORKER_BUSY"},
    {stopping_is_gone, true, "worker->state != WORKER_GONE"},
    {request_of_another_worker, true, "worker->request->worker == worker"},
    {request_waits_on_a_worker, true, "worker->request->state != POOL_REQUEST_WAITING"},
    {request_lingers_on_a_busy_worker, true, "(worker->request->state == POOL_REQUEST_LINGERING) =="},
    {idle_has_exited, true, "!worker->exited || worker->state == WORKER_BUSY"},
    {idle_was_killed, true, "!worker->killed || worker->state == WORKER_STOPPING"},
    {idle_was_dismissed, true, "!worker->dismissed || (worker->state != WORKER_IDLE"},
    {stopping_that_ages, true, "!worker->ages || runs"},
    {worn_and_not_to_be_replaced, true, "!worker->worn || (runs"},
    {idle_since_before_it_started, true, "worker->started_ms <= worker->since_ms"},
    {idle_without_timer, true, "own_timer == (worker->state != WORKER_STARTING || pool->limits.external)"},
    {idle_and_never_watched, true, "watched || worker->state != WORKER_IDLE"},
    {stopping_without_timer, true, "own_timer == (worker->state != WORKER_STARTING || pool->limits.external)"},
    {starting_with_timer, false, "own_timer == (worker->state != WORKER_STARTING || pool->limits.external)"},
    {lingering_without_timer, false, "request_timer && !own_timer"},
    {lingering_with_timer_of_the_worker, false, "request_timer && !own_timer"},
    {no_request_time_out, true, "request_timer == !worker->request->client_wait"},
    {no_activity_time_out, true, "own_timer == !worker->request->client_wait"},
    {activity_time_out_while_the_client_is_waited_for, true, "own_timer == !worker->request->client_wait"},
    {wrong_count_of_a_state, true, "memcmp(by_state, pool->by_state"},
    {too_many_serve, true, "serving <= pool_max_serving(pool)"},
    {more_serve_than_when_the_limit_fell, false, "serving <= pool_max_serving(pool)"},
    {wrong_count_of_old_workers, true, "old_workers == pool->old_workers"},
    {old_worker_nobody_counted, true, "old_workers == pool->old_workers"},
    {wrong_count_of_unproven_replacements, true, "unproven == pool->unproven"},
    {unproven_replacement_nobody_counted, true, "unproven == pool->unproven"},
    {credit_without_an_old_worker, true, "pool->credit <= pool->old_workers"},
    {wrong_count_of_renewals, true, "renewals == pool->renewals"},
    {wrong_count_of_worn_workers, true, "worn == pool->worn"},
    {wrong_count_of_doubtful_ends, true, "doubtful == pool->doubtful"},
    {one_that_does_not_age_in_the_list, true, "worker->ages && worker->older == older"},
    {list_of_ages_without_a_way_back, true, "worker->ages && worker->older == older"},
    {list_of_ages_out_of_order, true, "!older || older->born_ms <="},
    {list_of_ages_cut, true, "pool->youngest == older"},
    {list_of_ages_lost_its_last, true, "count == expected"},
    {nobody_looks_at_the_oldest, true, "timer_is_set(&pool->lifetime_timer.entry) =="},
    {running_that_nobody_counted, true, "pool->running == with_request"},
    {lost_request, true, "pool->requests.used_count == pool->waiting + running"},
    {list_of_runs_with_one_that_waits, false, "request->worker && request->worker->request == request"},
    {list_of_runs_without_a_way_back, false, "request->prev == prev"},
    {list_of_runs_out_of_order, false, "!prev || prev->assigned_ms <="},
    {list_of_runs_cut, false, "pool->run_newest == prev"},
    {wrong_sum_of_runs, false, "pool->running == running && pool->run_since_sum_ms"},
    {busy_in_the_idle_list, true, "worker->state == WORKER_IDLE"},
    {idle_list_without_a_way_back, true, "worker->prev_idle == prev_idle"},
    {new_worker_behind_an_old_one, true, "!old_before || pool_is_old"},
    {idle_list_cut, true, "pool->idle_tail == prev_idle"},
    {idle_list_lost_its_last, true, "idle == by_state[WORKER_IDLE]"},
    {running_in_the_queue, false, "request->state == POOL_REQUEST_WAITING"},
    {queue_without_a_way_back, false, "request->prev == prev"},
    {waiting_with_worker, false, "request->worker == "},
    {waiting_without_timer, false, "timer_is_set(&request->timer.entry)"},
    {waiting_beyond_its_time, false, "timely || request->timer.entry.deadline_ms"},
    {queue_with_a_wrong_tail, false, "pool->queue_tail == prev"},
    {wrong_count_of_waiting, false, "pool->waiting == waiting"},
    {wrong_sum_of_waits, false, "pool->waiting == waiting && pool->wait_since_sum_ms"},
    {waiting_when_closed, false, "pool->state == POOL_STATE_RUNNING"},
    {enqueue, true, "pool->idle_head == "},
    {waiting_and_none_starts, true, "enough_starting || timer_is_set"},
    {recycle_that_waits_for_nothing, true, "pool->credit || pool->unproven"},
    {spares_that_nobody_starts, true, "!pool_lacks_spares(pool) ||"},
    {worn_and_nothing_replaces_it, true, "!pool->worn || pool->recycle =="},
    {actions_left_behind, true, "pool->out == "},
    {rapid_fail_without_end, true, "(pool->state == POOL_STATE_RAPID_FAIL) <="},
    {request_forgotten_in_the_totals, true, "pool->totals.arrived == ended"},
};

static void each_condition_of_the_check_can_fail(void **state)
{
    (void)state;
    static struct specimen specimen;
    for (size_t i = 0; i < sizeof breakages / sizeof *breakages; i++) {
        open_specimen(&specimen, breakages[i].with_idle);
        assert_null(check(specimen.pool));
        breakages[i].break_it(&specimen);
        const char *condition = check(specimen.pool);
        if (!condition || strncmp(condition, breakages[i].condition, strlen(breakages[i].condition)) != 0)
            fail_msg("row %u: expected '%s', got '%s'", (unsigned)i, breakages[i].condition, condition ? condition : "nothing");
        pool_destroy(specimen.pool);
    }
}

static void call_check(void *pool)
{
    pool_check(pool);
}

static void failed_check_aborts_unless_a_test_wants_otherwise(void **state)
{
    (void)state;
    const struct pool_limits limits = driver_limits();
    struct pool *pool = pool_create(&limits, 0);
    assert_false(aborts(call_check, pool));
    pool->waiting++;
    assert_true(aborts(call_check, pool));
    pool_destroy(pool);
}

static void emit_to_full(void *pool)
{
    for (int i = 0; i <= POOL_MAX_ACTIONS; i++)
        pool_emit(pool, POOL_ACTION_FORGET, NULL);
}

static void too_many_actions_abort_instead_of_writing_behind_their_end(void **state)
{
    (void)state;
    const struct pool_limits limits = driver_limits();
    struct pool *pool = pool_create(&limits, 0);
    static struct pool_actions actions;
    pool->out = &actions;
    assert_true(aborts(emit_to_full, pool));
    assert_int_equal(actions.count, POOL_MAX_ACTIONS);
    pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_check_aborts_unless_a_test_wants_otherwise), /* first: others set their own */
        cmocka_unit_test(each_condition_of_the_check_can_fail),
        cmocka_unit_test(too_many_actions_abort_instead_of_writing_behind_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
