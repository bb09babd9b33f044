/* relay under schedules from a seed: sizes, the order of completions, completions inside the call, and failures of all sides are
 * random. Whatever happens, each request ends with one DONE, nothing stalls (relay_driver.h sees to both), and the client never
 * takes a part for the whole; when nothing fails it gets exactly the program's answer, and the worker exactly the request. */
#include "tests/unit/relay_outcome.h"
#include "tests/unit/rng.h"

enum { STEPS = 110000, MAX_STEPS_OF_A_REQUEST = 20000, MAX_TRIES = 3 };

struct schedule {
    struct driver driver;
    struct rng rng;
    bool may_fail, may_be_inline;
    bool failed;      /* something has */
    bool page;        /* an error page, or nothing, may be the answer */
    bool waits;       /* the program reads the whole request before it answers */
    bool dead;        /* the worker: its connection has ended */
    bool ends_itself; /* the program disconnects after its answer */
    const char *headers;
    size_t body_len;      /* of the reply */
    size_t announced_len; /* by the program; SIZE_MAX: not at all */
    size_t put_len;       /* body bytes that the program has written */
    bool headers_put, end_put;
    struct buffer first_try;
    unsigned steps;
};

static uint64_t seed_at_work; /* 0: done */

static bool chance(struct schedule *schedule, size_t one_in)
{
    return rng_below(&schedule->rng, one_in) == 0;
}

/* Small ones mostly, and some at the borders of records and limits. */
static size_t some_len(struct schedule *schedule, size_t most)
{
    static const size_t lens[] = {0, 1, 7, 100, 1000, 4096, 20000, 65527, 65528, 65536, 131072, 200000};
    size_t len = lens[rng_below(&schedule->rng, sizeof lens / sizeof *lens)];
    len += rng_below(&schedule->rng, 3);
    return len < most ? len : most;
}

/* ---- the program */

static void choose_reply(struct schedule *schedule)
{
    static const struct {
        const char *headers;
        size_t announced_len;
    } replies[] = {
        {"A: b\n\n", SIZE_MAX},
        {"Status: 404 No\nA: b\n\n", SIZE_MAX},
        {"Content-Length: 5000\n\n", 5000},
        {"Content-Length: 100000\n\n", 100000},
        {"Status: 204\n\n", SIZE_MAX},
        {"Status: 304\n\n", SIZE_MAX},
    };
    size_t choice = rng_below(&schedule->rng, sizeof replies / sizeof *replies);
    schedule->headers = replies[choice].headers;
    schedule->announced_len = replies[choice].announced_len;
    schedule->body_len = some_len(schedule, SIZE_MAX);
    if (schedule->announced_len != SIZE_MAX && chance(schedule, 2))
        schedule->body_len = schedule->announced_len;
}

/* The program writes a bit more of its answer, unless it waits for the request. */
static void program_goes_on(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    if (schedule->end_put || driver->reply.len > 0 || (schedule->waits && !request_seen(driver).complete))
        return;
    if (!schedule->headers_put) {
        put_stdout(driver, schedule->headers);
        schedule->headers_put = true;
        return;
    }
    size_t left = schedule->body_len - schedule->put_len;
    size_t len = some_len(schedule, left);
    if (chance(schedule, 4))
        len = left;
    put_body(driver, schedule->put_len, len); /* of 0: an empty record, which is not the end */
    schedule->put_len += len;
    if (schedule->put_len == schedule->body_len && chance(schedule, 2)) {
        put_end(driver);
        schedule->end_put = true;
    }
}

/* ---- completions: each returns false when it cannot happen now */

static bool step_write(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    if (!driver->write_out)
        return false;
    size_t len = chance(schedule, 4) ? 1 + rng_below(&schedule->rng, driver->write.len) : driver->write.len;
    if (schedule->dead || driver->closed)
        on_written(driver, chance(schedule, 2) ? 0 : len, false);
    else
        on_written(driver, len, true);
    return true;
}

static bool step_read(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    if (!driver->read_out || !driver->bound || driver->end_read)
        return false; /* the idle worker's read is not the relay's */
    if (!schedule->dead)
        program_goes_on(schedule);
    size_t len = driver->reply.len < driver->read_len ? driver->reply.len : driver->read_len;
    if (len > 1 && chance(schedule, 4))
        len = 1 + rng_below(&schedule->rng, len);
    bool last = schedule->end_put && len == driver->reply.len;
    if (len == 0 && !schedule->dead)
        return false;
    on_read(driver, len, len > 0 && !(last && schedule->ends_itself));
    return true;
}

static bool step_client_read(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    if (!driver->client_read_out)
        return false;
    if (driver->cancelled && chance(schedule, 2)) {
        on_client_read(driver, 0, false);
    } else if (schedule->may_fail && chance(schedule, 50)) {
        schedule->failed = schedule->page = true;
        on_client_read(driver, 0, chance(schedule, 2));
    } else {
        on_client_read(driver, chance(schedule, 2) ? WHOLE : 1 + rng_below(&schedule->rng, 70000), true);
    }
    return true;
}

static bool step_send(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    if (!driver->send_out)
        return false;
    bool fails = schedule->may_fail && chance(schedule, 30);
    schedule->failed |= fails;
    on_sent(driver, !fails);
    return true;
}

/* ---- the pool, and failures */

/* Each try has an id of its own, in the header of each record. The last record may be cut anywhere. */
static void forget_ids(struct bytes request)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)request.ptr;
    for (size_t at = 0; at < request.len;) {
        size_t left = request.len - at;
        for (size_t i = 2; i < 4 && i < left; i++)
            bytes[at + i] = 0;
        if (left < FCGI_HEADER_LEN)
            return;
        at += FCGI_HEADER_LEN + ((size_t)bytes[at + 4] << 8) + bytes[at + 5] + bytes[at + 6];
    }
}

static void check_tries_are_equal(struct schedule *schedule)
{
    struct bytes before = buffer_peek(&schedule->first_try);
    struct bytes now = buffer_peek(&schedule->driver.received);
    forget_ids(now); /* nobody looks at it any more */
    size_t len = before.len < now.len ? before.len : now.len;
    assert_true(len == 0 || memcmp(before.ptr, now.ptr, len) == 0);
    if (now.len > before.len)
        assert_true(buffer_append(&schedule->first_try, bytes_of(now.ptr + before.len, now.len - before.len)));
}

static void give_up(struct schedule *schedule)
{
    schedule->failed = schedule->page = true;
    struct driver *driver = &schedule->driver;
    struct error_facts facts = {.cause = ERROR_CAUSE_WORKER_EXITED};
    driver->failed_from_outside = true;
    driver->bound = driver->waits_pool = driver->write_out = driver->read_out = false;
    relay_fail(&driver->relay, &facts);
}

static bool step_pool(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    bool begins = !driver->assigned && !driver->failed_from_outside;
    if (!begins && !driver->waits_pool)
        return false;
    check_tries_are_equal(schedule);
    bool retried = driver->outcome == POOL_OUTCOME_UNWRITTEN || driver->outcome == POOL_OUTCOME_UNANSWERED;
    if ((!begins && (!retried || driver->assigned == MAX_TRIES)) || (schedule->may_fail && chance(schedule, 100))) {
        give_up(schedule);
        return true;
    }
    schedule->dead = schedule->headers_put = schedule->end_put = false;
    schedule->put_len = 0;
    on_assigned(driver, chance(schedule, 2), chance(schedule, 2));
    return true;
}

/* The pool gives up what has been answered: the news have crossed each other. It must not matter. */
static void cross(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    struct error_facts facts = {.cause = ERROR_CAUSE_REQUEST_TIMEOUT};
    if (driver->assigned && !driver->bound && !driver->waits_pool)
        relay_fail(&driver->relay, &facts);
}

static bool step_failure(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    if (chance(schedule, 50))
        cross(schedule);
    if (!schedule->may_fail || !driver->bound || schedule->dead || !chance(schedule, 60))
        return false;
    if (chance(schedule, 4)) {
        check_tries_are_equal(schedule);
        give_up(schedule); /* a time-out */
        return true;
    }
    schedule->failed = true;
    schedule->page |= !driver->end_read;
    if (chance(schedule, 4)) {
        assert_true(buffer_append_str(&driver->reply, "This is no FastCGI"));
        return false;
    }
    schedule->dead = true; /* completions tell of it */
    if (chance(schedule, 3))
        buffer_clear(&driver->reply);
    return false;
}

/* One thing that can happen now. false: there is none. */
static bool step(struct schedule *schedule)
{
    static bool (*const steps[])(struct schedule *) = {step_write, step_read, step_client_read, step_send, step_pool};
    enum { COUNT = sizeof steps / sizeof *steps };
    if (step_failure(schedule))
        return true;
    size_t first = rng_below(&schedule->rng, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        if (steps[(first + i) % COUNT](schedule))
            return true;
    return false;
}

static void complete_inline(struct driver *driver, enum relay_action_kind kind)
{
    struct schedule *schedule = driver->hook_context;
    if (!schedule->may_be_inline || !chance(schedule, 3))
        return;
    switch (kind) {
    case RELAY_ACTION_WRITE: step_write(schedule); break;
    case RELAY_ACTION_READ: step_read(schedule); break;
    case RELAY_ACTION_CLIENT_READ: step_client_read(schedule); break;
    case RELAY_ACTION_SEND: step_send(schedule); break;
    default: break;
    }
}

/* ---- what must have come of it */

static void check_answer(struct schedule *schedule)
{
    struct driver *driver = &schedule->driver;
    struct answer answer = answer_of(driver);
    struct bytes body = buffer_peek(&answer.body);
    unsigned status = (unsigned)atoi(driver->status_line);
    bool nothing = driver->settings.head || status == 204 || status == 304;
    size_t whole_len = nothing ? 0 : schedule->body_len;
    if (driver->explained) {
        assert_true(schedule->page && (answer.complete || driver->client_gone));
    } else {
        assert_true(body.len <= whole_len);
        for (size_t i = 0; i < body.len; i++)
            if (body.ptr[i] != body_byte(i))
                fail_msg("byte %u of the answer is wrong", (unsigned)i);
        bool cut_as_announced = !nothing && schedule->announced_len < whole_len && body.len == schedule->announced_len;
        if (answer.delimited && answer.complete) /* the client takes it for the whole */
            assert_true(body.len == whole_len || cut_as_announced);
        bool too_short = schedule->announced_len != SIZE_MAX && schedule->announced_len > whole_len;
        if (!schedule->failed)
            assert_true(answer.complete || (too_short && body.len == whole_len));
    }
    buffer_deinit(&answer.body);
}

static void check_worker(const struct schedule *schedule)
{
    const struct driver *driver = &schedule->driver;
    if (schedule->failed)
        return;
    bool complete = request_seen(driver).complete;
    assert_true(driver->released == 1 && (complete || !schedule->waits));
    bool kept = driver->settings.keep_conn && complete && !schedule->ends_itself;
    assert_int_equal(driver->outcome, kept ? POOL_OUTCOME_DONE : POOL_OUTCOME_DONE_CLOSED);
    if (driver->settings.body_len > driver->body_given && !driver->settings.spooled)
        assert_false(driver->keep_alive);
}

static void choose(struct schedule *schedule, uint64_t seed)
{
    static const size_t limits[] = {0, 1, 100, 4096, 70000, 4 * 1024 * 1024};
    static const char *const protocols[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"};
    memset(schedule, 0, sizeof *schedule);
    schedule->rng.state = seed;
    buffer_init(&schedule->first_try, SIZE_MAX / 4);
    schedule->may_fail = chance(schedule, 2);
    schedule->may_be_inline = chance(schedule, 2);
    schedule->waits = chance(schedule, 2);
    schedule->ends_itself = chance(schedule, 4);
    choose_reply(schedule);
    struct relay_settings settings = default_settings();
    settings.head = chance(schedule, 8);
    settings.safe = chance(schedule, 2);
    strcpy(settings.protocol, protocols[rng_below(&schedule->rng, 4)]);
    settings.wants_keep_alive = !chance(schedule, 4);
    settings.keep_conn = !chance(schedule, 4);
    settings.buffer_limit = limits[rng_below(&schedule->rng, 6)];
    settings.body_len = chance(schedule, 2) ? 0 : some_len(schedule, SIZE_MAX);
    settings.spooled = settings.body_len && chance(schedule, 4);
    size_t first_len = some_len(schedule, (size_t)settings.body_len);
    assert_int_equal(driver_open(&schedule->driver, &settings, first_len), CGI_VARS_OK);
    if (chance(schedule, 4))
        schedule->driver.read_len = 1 + schedule->body_len / 500 + rng_below(&schedule->rng, 3000);
    schedule->driver.inline_hook = complete_inline;
    schedule->driver.hook_context = schedule;
}

/* -> steps it took */
static unsigned run(uint64_t seed)
{
    static struct schedule schedule;
    choose(&schedule, seed);
    drive(&schedule.driver);
    while (!schedule.driver.done) {
        if (!step(&schedule))
            fail_msg("stalled: nothing can happen any more");
        drive(&schedule.driver);
        forget_actions(&schedule.driver);
        assert_true(++schedule.steps < MAX_STEPS_OF_A_REQUEST);
    }
    check_answer(&schedule);
    check_worker(&schedule);
    buffer_deinit(&schedule.first_try);
    driver_close(&schedule.driver);
    return schedule.steps;
}

static int print_seed(void **state)
{
    (void)state;
    if (seed_at_work)
        print_error("the seed of the failing schedule is %llu\n", (unsigned long long)seed_at_work);
    return 0;
}

static void random_schedules_never_stall_and_never_mix_up_an_answer(void **state)
{
    (void)state;
    unsigned steps = 0;
    for (seed_at_work = 1; steps < STEPS; seed_at_work++)
        steps += run(seed_at_work);
    seed_at_work = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(random_schedules_never_stall_and_never_mix_up_an_answer, print_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
