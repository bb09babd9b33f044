/* Random schedules: a small model of the shell and its workers carries out the pool's actions late, mailbox by mailbox, and
 * reports what may happen to them, so that events and actions cross in every way. Each request must end exactly once, in
 * order, written to as few workers as the rules allow; and after SHUT_DOWN the pool must become empty.
 *
 * POOL_RANDOM_SEED=n runs that seed alone (a failure prints it), POOL_RANDOM_STEPS=n makes each run longer. */
#include "fcgiext/core/pool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pool_totals.h"
#include "tests/unit/rng.h"

enum { MAX_WORKERS = 64, MAX_MAIL = 16, MAX_TAGS = 400000, DEFAULT_STEPS = 12000, SEEDS = 12 };

/* What the model knows of a request, by its tag. */
struct visitor {
    uint64_t id; /* 0: rejected at once */
    bool ended;
    bool replayable;
    uint8_t written; /* to so many workers */
    uint8_t assigned;
    uint8_t stale; /* tries on workers that had answered others, and then closed their connection */
};

enum process { PROCESS_NONE, PROCESS_STARTING, PROCESS_ALIVE, PROCESS_DEAD };

struct model_worker {
    uint64_t id; /* 0: a free place */
    struct pool_action mail[MAX_MAIL];
    unsigned mail_count;
    enum process process;
    uint32_t exit_code;
    bool exit_reported;
    bool connected;
    bool connecting; /* CONNECT has not been answered */
    bool lost;       /* the connection broke, and nobody has been told */
    bool watched;    /* a read would tell of it */
    bool answered;   /* a request, ever */
    bool closed;
    bool killed;
    bool immortal;
    bool serving;     /* between START and CLOSE, as the pool sees it */
    bool kept;        /* the connection has carried a request before */
    uint64_t request; /* 0: none */
    uint64_t tag;
    enum { UNWRITTEN, WRITTEN, ANSWERING } phase;
    bool client_wait;
};

struct world {
    struct pool *pool;
    struct pool_limits limits;
    struct rng rng;
    uint64_t seed;
    uint64_t now_ms;
    uint64_t events;
    struct model_worker workers[MAX_WORKERS];
    uint32_t places; /* that are used of workers[] */
    uint32_t serving;
    struct visitor visitors[MAX_TAGS];
    uint64_t tag_count;
    uint64_t ended_count;
    uint64_t last_first_assigned;
    bool closed;
};

static struct world world;
static uint64_t seen_actions[POOL_ACTION_FORGET + 1];
static uint64_t seen_causes[ERROR_CAUSE_COUNT];
static uint64_t seen_retries;

static void print_replay(void)
{
    fprintf(stderr, "replay: POOL_RANDOM_SEED=%u test_pool_random (event %u)\n", (unsigned)world.seed, (unsigned)world.events);
}

static void on_abort(int number)
{
    (void)number;
    print_replay();
}

static void fail_world(const char *condition)
{
    print_replay();
    fail_msg("%s", condition);
}

#define REQUIRE(condition)          \
    do {                            \
        if (!(condition))           \
            fail_world(#condition); \
    } while (0)

static bool chance(unsigned percent)
{
    return rng_below(&world.rng, 100) < percent;
}

/* ---- the shell: actions */

static void end_visitor(uint64_t tag)
{
    REQUIRE(tag < world.tag_count);
    REQUIRE(!world.visitors[tag].ended);
    world.visitors[tag].ended = true;
    world.ended_count++;
}

static struct model_worker *find_worker(uint64_t id)
{
    for (uint32_t i = 0; i < world.places; i++)
        if (world.workers[i].id == id)
            return &world.workers[i];
    fail_world("the action names a worker that is there");
    return NULL;
}

static void stop_serving(struct model_worker *worker)
{
    world.serving -= worker->serving;
    worker->serving = false;
}

static void post(const struct pool_action *action)
{
    struct model_worker *worker = find_worker(action->kind == POOL_ACTION_START ? 0 : action->worker);
    if (action->kind == POOL_ACTION_START) {
        REQUIRE((uint32_t)action->worker < pool_worker_slots(world.pool));
        memset(worker, 0, sizeof *worker);
        worker->id = action->worker;
        worker->serving = true;
        world.serving++;
        bool renews = world.limits.max_lifetime_ms || world.limits.max_private_bytes; /* replacements beside what is worn */
        uint32_t surge = world.limits.max_instances < 4 ? 1 : world.limits.max_instances / 4;
        REQUIRE(world.serving <= world.limits.max_instances + (renews ? surge : 0));
    } else if (action->kind == POOL_ACTION_CLOSE || action->kind == POOL_ACTION_RELEASE) {
        stop_serving(worker);
    } else if (action->kind == POOL_ACTION_ASSIGN) {
        REQUIRE(worker->serving);
        REQUIRE(action->tag < world.tag_count);
        struct visitor *visitor = &world.visitors[action->tag];
        REQUIRE(visitor->id == action->request);
        if (visitor->assigned++ == 0) { /* first in, first out; only second tries come before */
            REQUIRE(action->tag >= world.last_first_assigned);
            world.last_first_assigned = action->tag;
        }
        REQUIRE(visitor->stale <= world.limits.max_instances);
        REQUIRE(visitor->assigned <= 3 + visitor->stale);
    }
    REQUIRE(worker->mail_count < MAX_MAIL);
    worker->mail[worker->mail_count++] = *action;
}

static void give(struct pool_event event)
{
    static struct pool_actions actions;
    world.events++;
    pool_handle(world.pool, &event, world.now_ms, &actions);
    pool_check(world.pool);
    REQUIRE(actions.count <= POOL_MAX_ACTIONS);
    if (event.kind == POOL_EVENT_ARRIVED)
        world.visitors[event.tag].id = actions.arrived;
    for (uint32_t i = 0; i < actions.count; i++) {
        const struct pool_action *action = &actions.items[i];
        seen_actions[action->kind]++;
        if (action->kind == POOL_ACTION_REJECT || action->kind == POOL_ACTION_ABORT)
            seen_causes[action->cause]++;
        if (action->kind == POOL_ACTION_REJECT || action->kind == POOL_ACTION_FORGET)
            end_visitor(action->tag);
        else
            post(action);
    }
}

static void of_worker(enum pool_event_kind kind, const struct model_worker *worker, uint32_t code)
{
    give((struct pool_event){.kind = kind, .worker = worker->id, .code = code});
}

static void of_request(enum pool_event_kind kind, uint64_t request)
{
    give((struct pool_event){.kind = kind, .request = request});
}

static void assign(struct model_worker *worker, const struct pool_action *action)
{
    REQUIRE(!worker->request && !worker->closed && !worker->connecting);
    worker->request = action->request;
    worker->tag = action->tag;
    worker->phase = UNWRITTEN;
    worker->client_wait = false;
    worker->lost = worker->watched = false; /* the end of this request will tell */
}

static void carry_out(struct model_worker *worker)
{
    struct pool_action action = worker->mail[0];
    memmove(worker->mail, worker->mail + 1, --worker->mail_count * sizeof *worker->mail);
    switch (action.kind) {
    case POOL_ACTION_START:
        worker->process = PROCESS_STARTING;
        worker->immortal = chance(5);
        break;
    case POOL_ACTION_ASSIGN: assign(worker, &action); break;
    case POOL_ACTION_CONNECT:
        REQUIRE(!worker->request && !worker->connected && !worker->closed);
        worker->connecting = true;
        break;
    case POOL_ACTION_WATCH:
        REQUIRE(!worker->request && !worker->closed && !worker->connecting && !worker->watched);
        worker->watched = true;
        break;
    case POOL_ACTION_MEASURE:
        REQUIRE(!worker->closed);
        give((struct pool_event){.kind = POOL_EVENT_MEASURED, .worker = worker->id, .bytes = rng_below(&world.rng, 1000)});
        break;
    case POOL_ACTION_ABORT:
        REQUIRE(!worker->request || worker->tag == action.tag); /* or its end has crossed the ABORT */
        worker->request = 0;
        end_visitor(action.tag);
        break;
    case POOL_ACTION_SIGNAL: REQUIRE(!worker->request && !worker->closed); break;
    case POOL_ACTION_CLOSE:
        REQUIRE(!worker->request && !worker->closed);
        worker->closed = true;
        worker->connected = worker->connecting = worker->lost = false;
        break;
    case POOL_ACTION_KILL:
        REQUIRE(worker->closed && !worker->killed);
        worker->killed = true;
        break;
    case POOL_ACTION_RELEASE:
        REQUIRE(!worker->request && worker->mail_count == 0);
        REQUIRE(worker->process == PROCESS_DEAD || worker->killed);
        worker->id = 0;
        break;
    case POOL_ACTION_PROBE:
    case POOL_ACTION_REJECT:
    case POOL_ACTION_FORGET: fail_world("not an action of a mailbox");
    }
}

/* ---- the workers: events */

static void break_connection(struct model_worker *worker)
{
    worker->lost = worker->connected && !worker->request;
    worker->connected = false;
}

static void die(struct model_worker *worker)
{
    static const uint32_t codes[] = {0, 0, 1, 0xC0000005u};
    worker->process = PROCESS_DEAD;
    worker->exit_code = worker->killed ? 1 : codes[rng_below(&world.rng, 4)];
    if (world.limits.external)
        worker->exit_code = 0;
    break_connection(worker);
}

static void report_exit(struct model_worker *worker)
{
    worker->exit_reported = true;
    worker->connecting = worker->lost = false;
    of_worker(POOL_EVENT_EXITED, worker, worker->exit_code);
}

static void finish(struct model_worker *worker, enum pool_outcome outcome)
{
    uint64_t request = worker->request;
    worker->request = 0;
    if (outcome != POOL_OUTCOME_DONE)
        worker->connected = false;
    worker->kept = outcome == POOL_OUTCOME_DONE;
    worker->lost = outcome == POOL_OUTCOME_DONE && !worker->connected;
    world.visitors[worker->tag].stale += outcome == POOL_OUTCOME_UNWRITTEN && worker->answered;
    worker->answered |= outcome < POOL_OUTCOME_UNWRITTEN;
    give((struct pool_event){.kind = POOL_EVENT_FINISHED, .request = request, .outcome = outcome});
}

static void finish_broken(struct model_worker *worker)
{
    if (worker->phase == UNWRITTEN)
        finish(worker, chance(90) ? POOL_OUTCOME_UNWRITTEN : POOL_OUTCOME_BROKEN);
    else if (worker->phase == WRITTEN && worker->kept)
        finish(worker, POOL_OUTCOME_UNANSWERED);
    else if (worker->phase == ANSWERING && chance(50)) /* the reply was complete in the pipe */
        finish(worker, POOL_OUTCOME_DONE);
    else
        finish(worker, POOL_OUTCOME_BROKEN);
}

static void work(struct model_worker *worker)
{
    if (worker->client_wait) {
        worker->client_wait = chance(60);
        if (!worker->client_wait)
            of_request(POOL_EVENT_CLIENT_READY, worker->request);
    } else if (worker->phase == UNWRITTEN) {
        struct visitor *visitor = &world.visitors[worker->tag];
        worker->phase = WRITTEN;
        visitor->written++;
        REQUIRE(visitor->written == 1 || (visitor->replayable && !world.limits.external));
        REQUIRE(visitor->written <= 2);
    } else if (chance(20)) {
        worker->client_wait = true;
        of_request(POOL_EVENT_CLIENT_WAIT, worker->request);
    } else if (worker->phase == WRITTEN || chance(40)) {
        worker->phase = ANSWERING;
        of_request(POOL_EVENT_PROGRESS, worker->request);
    } else {
        finish(worker, chance(70) ? POOL_OUTCOME_DONE : chance(90) ? POOL_OUTCOME_DONE_CLOSED : POOL_OUTCOME_DONE_UNUSABLE);
    }
}

static void start(struct model_worker *worker)
{
    if (chance(85)) {
        worker->process = PROCESS_ALIVE;
        worker->connected = true;
        of_worker(POOL_EVENT_STARTED, worker, 0);
    } else if (chance(70)) {
        worker->process = PROCESS_DEAD;
        worker->exit_reported = true;
        of_worker(POOL_EVENT_START_FAILED, worker, 2);
    } else {
        die(worker);
        report_exit(worker);
    }
}

static void connect_again(struct model_worker *worker)
{
    worker->connecting = false;
    worker->connected = worker->process == PROCESS_ALIVE && chance(90);
    worker->kept = false;
    of_worker(worker->connected ? POOL_EVENT_CONNECTED : POOL_EVENT_DISCONNECTED, worker, 0);
}

/* One thing that may happen to a worker now. */
static void live(struct model_worker *worker)
{
    if (worker->process == PROCESS_STARTING) {
        start(worker);
        return;
    }
    bool alive = worker->process == PROCESS_ALIVE;
    if (alive && worker->killed && !worker->immortal && chance(50)) {
        die(worker);
    } else if (alive && worker->closed && !worker->immortal && chance(20)) {
        die(worker);
    } else if (alive && chance(1)) {
        die(worker);
    } else if (alive && worker->connected && chance(1)) {
        break_connection(worker);
    } else if (worker->lost && worker->watched) {
        worker->lost = worker->watched = false;
        of_worker(POOL_EVENT_DISCONNECTED, worker, 0);
    } else if (worker->connecting) {
        connect_again(worker);
    } else if (worker->process == PROCESS_DEAD && !worker->exit_reported && chance(50)) {
        report_exit(worker);
    } else if (worker->request && chance(90)) { /* else it is silent for now */
        if (worker->connected)
            work(worker);
        else
            finish_broken(worker);
    }
}

/* ---- one step of the world */

static void arrive(void)
{
    REQUIRE(world.tag_count < MAX_TAGS);
    uint64_t tag = world.tag_count++;
    struct visitor *visitor = &world.visitors[tag];
    *visitor = (struct visitor){.replayable = chance(60)};
    give((struct pool_event){.kind = POOL_EVENT_ARRIVED, .tag = tag, .replayable = visitor->replayable});
    REQUIRE(visitor->id != 0 || visitor->ended);
    REQUIRE(!world.closed || visitor->ended);
}

/* A client goes away at any time; and what is over may still be spoken of. */
static void disturb(void)
{
    static const enum pool_event_kind late[] = {POOL_EVENT_PROGRESS, POOL_EVENT_CLIENT_WAIT, POOL_EVENT_CLIENT_READY,
                                                POOL_EVENT_FINISHED};
    if (world.tag_count == 0)
        return;
    uint64_t back = rng_below(&world.rng, 20);
    uint64_t tag = back < world.tag_count ? world.tag_count - 1 - back : 0;
    uint64_t id = world.visitors[tag].id;
    if (world.visitors[tag].ended && chance(50))
        of_request(late[rng_below(&world.rng, 4)], id);
    else
        of_request(POOL_EVENT_GONE, id);
}

static void pass_time(void)
{
    uint64_t next_ms = pool_next_deadline_ms(world.pool);
    world.now_ms += rng_below(&world.rng, 12);
    if (next_ms != UINT64_MAX && next_ms > world.now_ms && chance(world.closed ? 20 : 2))
        world.now_ms = next_ms;
    if (next_ms <= world.now_ms && chance(60))
        give((struct pool_event){.kind = POOL_EVENT_DEADLINE});
}

static void step(unsigned arrivals_percent)
{
    if (chance(arrivals_percent))
        arrive();
    if (chance(3))
        disturb();
    pass_time();
    for (int i = 0; i < 8; i++) {
        struct model_worker *worker = &world.workers[rng_below(&world.rng, world.places)];
        if (worker->id && worker->mail_count > 0 && chance(60))
            carry_out(worker);
        if (worker->id && chance(50))
            live(worker);
    }
}

/* ---- runs */

static bool workers_are_left(void)
{
    for (uint32_t i = 0; i < world.places; i++)
        if (world.workers[i].id)
            return true;
    return false;
}

static struct pool_limits random_limits(void)
{
    static const uint32_t instances[] = {1, 2, 4, 24};
    return (struct pool_limits){
        .max_instances = instances[world.seed % 4],
        .queue_length = (uint32_t)rng_below(&world.rng, 60),
        .instance_max_requests = 1 + (uint32_t)rng_below(&world.rng, 40),
        .idle_timeout_ms = 500 + rng_below(&world.rng, 2000),
        .activity_timeout_ms = 300 + rng_below(&world.rng, 500),
        .request_timeout_ms = 500 + rng_below(&world.rng, 500),
        .signal_ms = chance(50) ? 0 : 200,
        .watch_ms = world.seed % 3 * 50,
        .rapid_fails_per_minute = chance(50) ? 20 : 1000000,
        .external = world.seed % 5 == 0,
        .min_instances = chance(50) ? (uint32_t)rng_below(&world.rng, 6) : 0,
        .queue_timeout_ms = chance(50) ? 100 + rng_below(&world.rng, 1000) : 0,
        .max_lifetime_ms = chance(50) ? 1000 + rng_below(&world.rng, 5000) : 0,
        .max_private_bytes = chance(50) ? 900 : 0,
    };
}

static void check_totals(void)
{
    const struct pool_totals *totals = pool_get_totals(world.pool);
    uint64_t ended = totals->answered;
    for (int cause = 0; cause < ERROR_CAUSE_COUNT; cause++)
        ended += totals->failed[cause];
    REQUIRE(totals->arrived == world.tag_count);
    REQUIRE(ended == world.tag_count);
    REQUIRE(world.ended_count == world.tag_count); /* and none twice: see end_visitor */
    seen_retries += pool_totals_retried(totals);
}

static void run(uint64_t seed, uint64_t steps)
{
    memset(&world, 0, sizeof world);
    world.seed = world.rng.state = seed;
    world.limits = random_limits();
    world.places = world.limits.max_instances * 2 + 4; /* RELEASE is carried out late, too */
    world.now_ms = rng_below(&world.rng, 1000000);
    world.pool = pool_create(&world.limits, world.now_ms);
    assert_non_null(world.pool);
    unsigned arrivals_percent = 2 + (unsigned)rng_below(&world.rng, 5 * world.limits.max_instances);
    for (uint64_t i = 0; i < steps; i++)
        step(arrivals_percent);
    world.closed = true;
    give((struct pool_event){.kind = POOL_EVENT_SHUT_DOWN});
    for (uint64_t i = 0; !pool_is_empty(world.pool) || workers_are_left(); i++) {
        REQUIRE(i < 100000);
        step(1);
    }
    check_totals();
    pool_destroy(world.pool);
}

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

static void each_request_ends_exactly_once_and_the_pool_becomes_empty(void **state)
{
    (void)state;
    uint64_t seed = number_from_environment("POOL_RANDOM_SEED", 0);
    uint64_t steps = number_from_environment("POOL_RANDOM_STEPS", DEFAULT_STEPS);
    pool_check_failed = fail_world;
    signal(SIGABRT, on_abort);
    uint64_t events = 0;
    for (uint64_t i = seed ? seed : 1; i <= (seed ? seed : SEEDS); i++) {
        run(i, steps);
        events += world.events;
    }
    signal(SIGABRT, SIG_DFL);
    assert_true(seed || events > 50000);
}

/* The schedules are worth nothing if they do not come to where it is difficult. */
static void schedules_reach_every_action_and_cause(void **state)
{
    (void)state;
    static const enum error_cause causes[] = {
        ERROR_CAUSE_START_FAILED,   ERROR_CAUSE_WORKER_EXITED,    ERROR_CAUSE_WORKER_CRASHED,  ERROR_CAUSE_CONNECTION_CLOSED,
        ERROR_CAUSE_CONNECT_FAILED, ERROR_CAUSE_ACTIVITY_TIMEOUT, ERROR_CAUSE_REQUEST_TIMEOUT, ERROR_CAUSE_QUEUE_FULL,
        ERROR_CAUSE_RAPID_FAIL,     ERROR_CAUSE_SHUTTING_DOWN,    ERROR_CAUSE_CLIENT_GONE,     ERROR_CAUSE_QUEUE_TIMEOUT,
    };
    if (getenv("POOL_RANDOM_SEED"))
        skip(); /* one seed need not reach everything */
    for (int kind = 0; kind <= POOL_ACTION_FORGET; kind++)
        assert_true(seen_actions[kind] > 10);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        assert_true(seen_causes[causes[i]] > 10);
    assert_true(seen_retries > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_ends_exactly_once_and_the_pool_becomes_empty),
        cmocka_unit_test(schedules_reach_every_action_and_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
