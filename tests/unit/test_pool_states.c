/* Every event in every state, as tables: what it leads to, or that it is ignored because it has crossed an action. */
#include "tests/unit/pool_driver.h"

/* ---- events on workers */

enum { WORKER_EVENTS = 5 };
static const enum pool_event_kind worker_events[WORKER_EVENTS] = {
    POOL_EVENT_STARTED, POOL_EVENT_START_FAILED, POOL_EVENT_CONNECTED, POOL_EVENT_DISCONNECTED, POOL_EVENT_EXITED,
};

/* A worker in that state, with nothing waiting for it. */
static uint64_t worker_in(struct driver *driver, enum worker_state state)
{
    uint64_t request = arrive(driver, 1);
    uint64_t worker = take_start(driver);
    if (state == WORKER_STARTING) {
        of_request(driver, POOL_EVENT_GONE, request);
        take_all(driver);
        return worker;
    }
    of_worker(driver, POOL_EVENT_STARTED, worker);
    take_all(driver);
    if (state == WORKER_IDLE)
        finish(driver, request, POOL_OUTCOME_DONE);
    else if (state == WORKER_CONNECTING)
        finish(driver, request, POOL_OUTCOME_DONE_CLOSED);
    else if (state == WORKER_RETIRING)
        finish(driver, request, POOL_OUTCOME_BROKEN);
    else if (state == WORKER_STOPPING)
        finish(driver, request, POOL_OUTCOME_DONE_UNUSABLE);
    take_all(driver);
    assert_int_equal(in_state(driver, state), 1);
    return worker;
}

static void each_worker_event_in_each_state_of_a_worker(void **state)
{
    (void)state;
    enum { SAME = WORKER_STATE_COUNT }; /* ignored: no action, no change */
    static const struct {
        enum worker_state from;
        int to[WORKER_EVENTS];
    } table[] = {
        /*                    STARTED      START_FAILED CONNECTED    DISCONNECTED     EXITED */
        {WORKER_STARTING, {WORKER_IDLE, WORKER_GONE, SAME, SAME, WORKER_GONE}},
        {WORKER_IDLE, {SAME, SAME, SAME, WORKER_STOPPING, WORKER_GONE}},
        {WORKER_BUSY, {SAME, SAME, SAME, SAME, SAME}}, /* the reply is still read */
        {WORKER_CONNECTING, {SAME, SAME, WORKER_IDLE, WORKER_STOPPING, WORKER_GONE}},
        {WORKER_RETIRING, {SAME, SAME, SAME, SAME, WORKER_GONE}},
        {WORKER_STOPPING, {SAME, SAME, SAME, SAME, WORKER_GONE}},
    };
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        for (int i = 0; i < WORKER_EVENTS; i++) {
            struct driver driver;
            driver_open(&driver, driver_limits());
            uint64_t worker = worker_in(&driver, table[row].from);
            of_worker(&driver, worker_events[i], worker);
            int to = table[row].to[i];
            if (to == SAME) {
                take_nothing(&driver);
                to = (int)table[row].from;
            }
            if (to == WORKER_GONE)
                assert_int_equal(counts(&driver).workers, 0);
            else
                assert_int_equal(in_state(&driver, (enum worker_state)to), 1);
            take_all(&driver);
            driver_close(&driver);
        }
}

static void every_event_about_a_worker_that_is_no_more_is_ignored(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t gone = new_idle_worker(&driver);
    exited(&driver, gone, 0);
    take_of_worker(&driver, POOL_ACTION_RELEASE, gone);
    uint64_t worker = new_idle_worker(&driver); /* in the same slot */
    const uint64_t ids[] = {gone, 0, UINT64_MAX, worker + 1, worker ^ (uint64_t)1 << 40};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (int k = 0; k < WORKER_EVENTS; k++) {
            of_worker(&driver, worker_events[k], ids[i]);
            take_nothing(&driver);
            assert_int_equal(in_state(&driver, WORKER_IDLE), 1);
        }
    assert_int_equal(pool_totals_exits(pool_get_totals(driver.pool)), 1);
    driver_close(&driver);
}

/* ---- events on requests */

static const struct {
    enum pool_event_kind kind;
    enum pool_outcome outcome;
} request_events[] = {
    {POOL_EVENT_GONE, POOL_OUTCOME_DONE},
    {POOL_EVENT_PROGRESS, POOL_OUTCOME_DONE},
    {POOL_EVENT_CLIENT_WAIT, POOL_OUTCOME_DONE},
    {POOL_EVENT_CLIENT_READY, POOL_OUTCOME_DONE},
    {POOL_EVENT_FINISHED, POOL_OUTCOME_DONE},
    {POOL_EVENT_FINISHED, POOL_OUTCOME_DONE_CLOSED},
    {POOL_EVENT_FINISHED, POOL_OUTCOME_DONE_UNUSABLE},
    {POOL_EVENT_FINISHED, POOL_OUTCOME_UNWRITTEN},
    {POOL_EVENT_FINISHED, POOL_OUTCOME_UNANSWERED},
    {POOL_EVENT_FINISHED, POOL_OUTCOME_BROKEN},
};
enum { REQUEST_EVENTS = sizeof request_events / sizeof *request_events };

static void give_request_event(struct driver *driver, int i, uint64_t request)
{
    step(driver, (struct pool_event){.kind = request_events[i].kind, .request = request, .outcome = request_events[i].outcome});
}

/* The actions of the last step, a letter each. */
static const char *letters(struct driver *driver)
{
    static const char letter[] = {
        [POOL_ACTION_START] = 's',  [POOL_ACTION_ASSIGN] = 'a', [POOL_ACTION_CONNECT] = 'n', [POOL_ACTION_ABORT] = 'b',
        [POOL_ACTION_SIGNAL] = 'i', [POOL_ACTION_CLOSE] = 'c',  [POOL_ACTION_KILL] = 'k',    [POOL_ACTION_RELEASE] = 'l',
        [POOL_ACTION_REJECT] = 'r', [POOL_ACTION_FORGET] = 'f', [POOL_ACTION_WATCH] = 'w',   [POOL_ACTION_MEASURE] = 'm',
    };
    static char text[POOL_MAX_ACTIONS + 1];
    size_t len = 0;
    while (driver->taken < driver->count)
        text[len++] = letter[driver->actions[driver->taken++].kind];
    text[len] = '\0';
    return text;
}

enum place { WAITING, RUNNING, RUNNING_FOR_CLIENT, RUNNING_EXITED, LINGERING, LINGERING_FOR_CLIENT, PLACES };

static uint64_t request_in(struct driver *driver, enum place place)
{
    uint64_t request = arrive(driver, 1);
    uint64_t worker = take_start(driver);
    if (place == WAITING)
        return request;
    of_worker(driver, POOL_EVENT_STARTED, worker);
    take_all(driver);
    if (place == RUNNING_FOR_CLIENT || place == LINGERING_FOR_CLIENT)
        of_request(driver, POOL_EVENT_CLIENT_WAIT, request);
    if (place == RUNNING_EXITED)
        exited(driver, worker, 0);
    if (place == LINGERING || place == LINGERING_FOR_CLIENT)
        finish(driver, request, POOL_OUTCOME_UNANSWERED);
    return request;
}

static void each_request_event_in_each_place_of_a_request(void **state)
{
    (void)state;
    static const char *const table[PLACES][REQUEST_EVENTS] = {
        /* GONE PROGRESS WAIT READY | DONE CLOSED UNUSABLE UNWRITTEN UNANSWERED BROKEN */
        [WAITING] = {"r", "", "", "", "", "", "", "", "", ""},
        [RUNNING] = {"", "", "", "", "f", "fn", "fck", "cs", "", ""},
        [RUNNING_FOR_CLIENT] = {"", "", "", "", "f", "fn", "fck", "cs", "", ""},
        /* nothing came from it: a failed start, so the second try (of UNWRITTEN, UNANSWERED) has to wait */
        [RUNNING_EXITED] = {"", "", "", "", "fl", "fl", "fl", "l", "l", "rl"},
        [LINGERING] = {"", "", "", "", "", "", "", "", "", ""},
        [LINGERING_FOR_CLIENT] = {"", "", "", "", "", "", "", "", "", ""},
    };
    for (int place = 0; place < PLACES; place++)
        for (int i = 0; i < REQUEST_EVENTS; i++) {
            struct driver driver;
            driver_open(&driver, driver_limits());
            uint64_t request = request_in(&driver, (enum place)place);
            give_request_event(&driver, i, request);
            assert_string_equal(letters(&driver), table[place][i]);
            driver_close(&driver);
        }
}

static void every_event_about_a_request_that_is_no_more_is_ignored(void **state)
{
    (void)state;
    struct driver driver;
    driver_open(&driver, driver_limits());
    uint64_t worker;
    uint64_t over = run_on_new_worker(&driver, 1, &worker);
    answer(&driver, over, 1);
    uint64_t request = arrive(&driver, 2); /* in the same slot */
    take_assign(&driver, request);
    const uint64_t ids[] = {over, 0, UINT64_MAX, request + 1, request ^ (uint64_t)1 << 40};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (int k = 0; k < REQUEST_EVENTS; k++) {
            uint64_t next_ms = pool_next_deadline_ms(driver.pool);
            give_request_event(&driver, k, ids[i]);
            take_nothing(&driver);
            assert_int_equal(in_state(&driver, WORKER_BUSY), 1);
            assert_true(pool_next_deadline_ms(driver.pool) == next_ms);
        }
    driver_close(&driver);
}

static void names_of_states_are_stable_and_differ(void **state)
{
    (void)state;
    for (int a = 0; a <= POOL_STATE_CLOSED; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(pool_state_name((enum pool_state)a), pool_state_name((enum pool_state)b));
    assert_string_equal(pool_state_name(POOL_STATE_RUNNING), "running");
    assert_string_equal(pool_state_name(POOL_STATE_RAPID_FAIL), "rapid_fail");
    assert_string_equal(pool_recycle_state_name(POOL_RECYCLE_NONE), "none");
    assert_string_equal(pool_recycle_state_name(POOL_RECYCLE_RUNNING), "running");
    assert_string_equal(pool_recycle_state_name(POOL_RECYCLE_FAILED), "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_worker_event_in_each_state_of_a_worker),
        cmocka_unit_test(every_event_about_a_worker_that_is_no_more_is_ignored),
        cmocka_unit_test(each_request_event_in_each_place_of_a_request),
        cmocka_unit_test(every_event_about_a_request_that_is_no_more_is_ignored),
        cmocka_unit_test(names_of_states_are_stable_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
