/* pool_driver: a pool under test, with a clock that the test owns. Each step gives the pool one event and checks every
 * invariant after it. The actions are kept until the test has taken them, one by one and in order; a step while some are
 * left fails, so that no action goes unnoticed. PROBE alone, which comes for whatever waits for long, is checked and counted
 * (`probes`), and kept only for a test that asks for it (`keep_probes`). */
#ifndef FCGIEXT_TESTS_POOL_DRIVER_H
#define FCGIEXT_TESTS_POOL_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fcgiext/core/pool.h"
#include "tests/unit/pool_limits.h"
#include "tests/unit/pool_totals.h"

enum { DRIVER_MAX_ACTIONS = 4096 };

struct driver {
    struct pool *pool;
    uint64_t now_ms;
    struct pool_action actions[DRIVER_MAX_ACTIONS];
    uint32_t count;
    uint32_t taken;
    uint32_t probes; /* since the test has set it to 0 */
    bool keep_probes;
    uint64_t last_start; /* the worker */
    uint64_t unexpected; /* exits, as RELEASE has told them */
};

static void driver_check_failed(const char *condition)
{
    fail_msg("invariant: %s", condition);
}

static inline void driver_open(struct driver *driver, struct pool_limits limits)
{
    pool_check_failed = driver_check_failed;
    memset(driver, 0, sizeof *driver);
    driver->now_ms = 1000000;
    driver->pool = pool_create(&limits, driver->now_ms);
    assert_non_null(driver->pool);
    pool_check(driver->pool);
}

/* ---- taking actions */

static inline void take_nothing(const struct driver *driver)
{
    if (driver->taken != driver->count)
        fail_msg("an action of kind %d is left", (int)driver->actions[driver->taken].kind);
}

static inline void driver_close(struct driver *driver)
{
    take_nothing(driver);
    pool_destroy(driver->pool);
}

static inline void take_all(struct driver *driver)
{
    driver->taken = driver->count;
}

static inline const struct pool_action *take(struct driver *driver, enum pool_action_kind kind)
{
    assert_true(driver->taken < driver->count);
    const struct pool_action *action = &driver->actions[driver->taken++];
    assert_int_equal(action->kind, kind);
    return action;
}

static inline uint64_t take_start(struct driver *driver)
{
    uint64_t worker = take(driver, POOL_ACTION_START)->worker;
    assert_true(worker != 0);
    return worker;
}

static inline uint64_t take_assign(struct driver *driver, uint64_t request)
{
    const struct pool_action *action = take(driver, POOL_ACTION_ASSIGN);
    assert_int_equal(action->request, request);
    return action->worker;
}

static inline void take_of_worker(struct driver *driver, enum pool_action_kind kind, uint64_t worker)
{
    assert_int_equal(take(driver, kind)->worker, worker);
}

/* CLOSE, KILL: the end of a worker when no signal is configured. */
static inline void take_kill(struct driver *driver, uint64_t worker)
{
    take_of_worker(driver, POOL_ACTION_CLOSE, worker);
    take_of_worker(driver, POOL_ACTION_KILL, worker);
}

/* SIGNAL, CLOSE: the same when one is. */
static inline void take_signal(struct driver *driver, uint64_t worker)
{
    take_of_worker(driver, POOL_ACTION_SIGNAL, worker);
    take_of_worker(driver, POOL_ACTION_CLOSE, worker);
}

static inline void take_release(struct driver *driver, uint64_t worker)
{
    take_of_worker(driver, POOL_ACTION_RELEASE, worker);
}

static inline void take_probe(struct driver *driver, uint64_t request, uint64_t tag)
{
    const struct pool_action *action = take(driver, POOL_ACTION_PROBE);
    assert_int_equal(action->request, request);
    assert_int_equal(action->tag, tag);
}

static inline void take_forget(struct driver *driver, uint64_t tag)
{
    assert_int_equal(take(driver, POOL_ACTION_FORGET)->tag, tag);
}

/* Only these causes come with a code: the system's, the process's, or that of the first cause. */
static inline void assert_code_fits_cause(const struct pool_action *action)
{
    bool expected = action->cause == ERROR_CAUSE_START_FAILED || action->cause == ERROR_CAUSE_CONNECT_FAILED ||
                    action->cause == ERROR_CAUSE_WORKER_EXITED || action->cause == ERROR_CAUSE_WORKER_CRASHED ||
                    action->cause == ERROR_CAUSE_LOAD_FAILED ||
                    (action->cause == ERROR_CAUSE_RAPID_FAIL && action->first_cause != ERROR_CAUSE_CONNECTION_CLOSED);
    assert_int_equal(action->has_code, expected);
}

static inline const struct pool_action *take_reject(struct driver *driver, uint64_t tag, enum error_cause cause)
{
    const struct pool_action *action = take(driver, POOL_ACTION_REJECT);
    assert_int_equal(action->tag, tag);
    assert_int_equal(action->cause, cause);
    assert_int_equal(action->worker, 0);
    assert_code_fits_cause(action);
    return action;
}

static inline const struct pool_action *take_abort(struct driver *driver, uint64_t worker, uint64_t tag, enum error_cause cause)
{
    const struct pool_action *action = take(driver, POOL_ACTION_ABORT);
    assert_int_equal(action->worker, worker);
    assert_int_equal(action->tag, tag);
    assert_int_equal(action->cause, cause);
    assert_code_fits_cause(action);
    return action;
}

static inline void assert_code(const struct pool_action *action, uint32_t code)
{
    assert_true(action->has_code);
    assert_int_equal(action->code, code);
}

/* ---- giving events */

static inline uint64_t driver_handle(struct driver *driver, const struct pool_event *event)
{
    struct pool_actions actions;
    memset(&actions, 0xee, sizeof actions); /* the pool owes us nothing of what was there */
    pool_handle(driver->pool, event, driver->now_ms, &actions);
    pool_check(driver->pool);
    assert_true(actions.count <= POOL_MAX_ACTIONS);
    for (uint32_t i = 0; i < actions.count; i++) {
        assert_true(driver->count < DRIVER_MAX_ACTIONS);
        struct pool_action *action = &driver->actions[driver->count++];
        *action = actions.items[i];
        bool fails = action->kind == POOL_ACTION_REJECT || action->kind == POOL_ACTION_ABORT;
        bool probe = action->kind == POOL_ACTION_PROBE;
        bool released = action->kind == POOL_ACTION_RELEASE; /* it may tell of an exit */
        driver->unexpected += released && action->cause != ERROR_CAUSE_NONE;
        assert_true(released || (action->cause != ERROR_CAUSE_NONE) == fails);
        assert_int_equal(action->request != 0, action->kind == POOL_ACTION_ASSIGN || probe);
        assert_false(action->has_code && !fails && !released);
        assert_false(probe && action->worker);
        driver->probes += probe;
        if (action->kind == POOL_ACTION_START)
            driver->last_start = action->worker;
        driver->count -= probe && !driver->keep_probes;
    }
    assert_int_equal(pool_totals_unexpected_exits(pool_get_totals(driver->pool)), driver->unexpected);
    return actions.arrived;
}

static inline uint64_t step(struct driver *driver, struct pool_event event)
{
    take_nothing(driver);
    driver->count = driver->taken = 0;
    return driver_handle(driver, &event);
}

static inline uint64_t arrive(struct driver *driver, uint64_t tag)
{
    return step(driver, (struct pool_event){.kind = POOL_EVENT_ARRIVED, .tag = tag, .replayable = true});
}

static inline uint64_t arrive_once_only(struct driver *driver, uint64_t tag)
{
    return step(driver, (struct pool_event){.kind = POOL_EVENT_ARRIVED, .tag = tag});
}

static inline void of_request(struct driver *driver, enum pool_event_kind kind, uint64_t request)
{
    step(driver, (struct pool_event){.kind = kind, .request = request});
}

static inline void of_worker(struct driver *driver, enum pool_event_kind kind, uint64_t worker)
{
    step(driver, (struct pool_event){.kind = kind, .worker = worker});
}

static inline void finish(struct driver *driver, uint64_t request, enum pool_outcome outcome)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_FINISHED, .request = request, .outcome = outcome});
}

static inline void exited(struct driver *driver, uint64_t worker, uint32_t code)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_EXITED, .worker = worker, .code = code});
}

static inline void start_failed(struct driver *driver, uint64_t worker, uint32_t code)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_START_FAILED, .worker = worker, .code = code});
}

/* The start that is next of the actions succeeds. */
static inline uint64_t start_next(struct driver *driver)
{
    uint64_t worker = take_start(driver);
    of_worker(driver, POOL_EVENT_STARTED, worker);
    return worker;
}

/* The start that is next of the actions comes to nothing. */
static inline void fail_start(struct driver *driver)
{
    uint64_t worker = take_start(driver);
    start_failed(driver, worker, 2);
    take_release(driver, worker);
}

static inline void recycle(struct driver *driver, bool now)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_RECYCLE, .now = now});
}

static inline void drain(struct driver *driver)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_DRAIN});
}

static inline void resume(struct driver *driver)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_RESUME});
}

static inline void reconfigure(struct driver *driver, struct pool_limits limits)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_RECONFIGURED, .limits = &limits});
}

static inline void shut_down(struct driver *driver)
{
    step(driver, (struct pool_event){.kind = POOL_EVENT_SHUT_DOWN});
}

/* Gives the pool the calls it asks for, until it asks for none before `until_ms`. */
static inline void driver_run(struct driver *driver, uint64_t until_ms)
{
    const struct pool_event deadline = {.kind = POOL_EVENT_DEADLINE};
    while (pool_next_deadline_ms(driver->pool) <= until_ms) {
        uint64_t next_ms = pool_next_deadline_ms(driver->pool);
        if (next_ms > driver->now_ms)
            driver->now_ms = next_ms;
        driver_handle(driver, &deadline);
    }
    if (until_ms > driver->now_ms)
        driver->now_ms = until_ms;
}

/* Lets time go by; the pool gets its deadlines as it asks for them. */
static inline void let_pass(struct driver *driver, uint64_t ms)
{
    take_nothing(driver);
    driver->count = driver->taken = 0;
    driver_run(driver, driver->now_ms + ms);
}

/* What the pool wants done at once, as a shell would. */
static inline void do_more(struct driver *driver)
{
    driver_run(driver, driver->now_ms);
}

/* Nothing is due until now + ms, and something is at most one tick later. */
static inline void assert_due_after(struct driver *driver, uint64_t ms)
{
    let_pass(driver, ms - 1);
    take_nothing(driver);
    let_pass(driver, 1 + TIMERS_TICK_MS);
    assert_true(driver->count > 0);
}

/* ---- short cuts */

/* A request that runs on a worker of its own, started for it. */
static inline uint64_t run_on_new_worker(struct driver *driver, uint64_t tag, uint64_t *worker)
{
    uint64_t request = arrive(driver, tag);
    *worker = start_next(driver);
    assert_int_equal(take_assign(driver, request), *worker);
    return request;
}

static inline void answer(struct driver *driver, uint64_t request, uint64_t tag)
{
    finish(driver, request, POOL_OUTCOME_DONE);
    take_forget(driver, tag);
}

/* A worker that has answered one request and is idle. */
static inline uint64_t new_idle_worker(struct driver *driver)
{
    uint64_t worker;
    answer(driver, run_on_new_worker(driver, 999, &worker), 999);
    return worker;
}

/* A request that goes to this worker at once. */
static inline uint64_t serve_on(struct driver *driver, uint64_t tag, uint64_t worker)
{
    uint64_t request = arrive(driver, tag);
    assert_int_equal(take_assign(driver, request), worker);
    return request;
}

static inline struct pool_counts counts(const struct driver *driver)
{
    struct pool_counts result;
    pool_get_counts(driver->pool, &result);
    return result;
}

static inline uint32_t in_state(const struct driver *driver, enum worker_state state)
{
    return counts(driver).by_state[state];
}

static inline void end_of(struct driver *driver, uint64_t worker)
{
    exited(driver, worker, 1);
    take_release(driver, worker);
}

static inline void assert_recycle(const struct driver *driver, enum pool_recycle_state recycle_state, uint32_t old_workers)
{
    assert_int_equal(counts(driver).recycle, recycle_state);
    assert_int_equal(counts(driver).old_workers, old_workers);
}

/* So many idle workers; the last one of `workers` was used last. */
static inline void open_with_idle(struct driver *driver, struct pool_limits limits, uint64_t *workers, uint64_t count)
{
    uint64_t requests[8];
    driver_open(driver, limits);
    for (uint64_t i = 0; i < count; i++)
        requests[i] = run_on_new_worker(driver, i, &workers[i]);
    for (uint64_t i = 0; i < count; i++)
        answer(driver, requests[i], i);
}

#endif
