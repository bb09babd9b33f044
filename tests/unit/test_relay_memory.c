/* relay: how much memory a request takes, and what becomes of it when there is none: each allocation fails once, at each place.
 *
 * All memory of a relay comes from buffer.c, relay.c and relay_next.c. They are compiled into this program with an allocator that counts, and
 * that can fail, in the place of the library's. */
#include "tests/unit/relay_outcome.h"

static size_t allocations;             /* so far */
static size_t first_failure, failures; /* which of them fail, and how many from there */
static size_t in_use, most_in_use;     /* bytes */

enum { PREFIX_LEN = 16, NEVER = 0x7fffffff };

static void *counting_malloc(size_t size)
{
    size_t number = allocations++;
    if (number >= first_failure && number - first_failure < failures)
        return NULL;
    uint8_t *memory = malloc(size + PREFIX_LEN);
    assert_non_null(memory);
    memcpy(memory, &size, sizeof size);
    in_use += size;
    if (in_use > most_in_use)
        most_in_use = in_use;
    return memory + PREFIX_LEN;
}

static void counting_free(void *memory)
{
    if (!memory)
        return;
    size_t size;
    memcpy(&size, (uint8_t *)memory - PREFIX_LEN, sizeof size);
    in_use -= size;
    free((uint8_t *)memory - PREFIX_LEN);
}

#undef fail /* of cmocka's */
#define malloc(size) counting_malloc(size)
#define free(memory) counting_free(memory)
#include "fcgiext/core/buffer.c"

#include "fcgiext/core/relay.c"

#include "fcgiext/core/relay_next.c"
#undef malloc
#undef free

/* ---- requests from their beginning to their end */

struct scenario {
    struct relay_settings settings;
    size_t first_len; /* of the request's body */
    const char *headers;
    size_t body_len; /* of the reply */
    const char *stderr_text;
};

/* What the test keeps does not count, and is there beforehand. */
static void reserve(struct driver *driver, const struct scenario *scenario)
{
    const size_t some = 64 * 1024;
    assert_non_null(buffer_reserve(&driver->received, (size_t)scenario->settings.body_len + some));
    assert_non_null(buffer_reserve(&driver->reply, scenario->body_len * 5 / 4 + some));
    assert_non_null(buffer_reserve(&driver->body, scenario->body_len * 5 / 4 + some));
    assert_non_null(buffer_reserve(&driver->headers, some));
    assert_non_null(buffer_reserve(&driver->stderr_text, some));
}

static void put_reply(struct driver *driver, const struct scenario *scenario)
{
    if (scenario->stderr_text)
        put_stderr(driver, scenario->stderr_text);
    if (scenario->headers) {
        put_stdout(driver, scenario->headers);
        put_body(driver, 0, scenario->body_len);
    }
    put_end(driver);
}

/* Everything that can be completed is, until the end. */
static void run_to_the_end(struct driver *driver, const struct scenario *scenario)
{
    while (!driver->done) {
        if (!driver->assigned) {
            on_assigned(driver, false, true);
            put_reply(driver, scenario);
        } else if (driver->write_out) {
            on_written(driver, WHOLE, !driver->closed);
        } else if (driver->client_read_out) {
            on_client_read(driver, WHOLE, true);
        } else if (driver->read_out && driver->bound && driver->reply.len > 0) {
            on_read(driver, driver->reply.len < MOST_READ_LEN ? driver->reply.len : MOST_READ_LEN, true);
        } else if (driver->send_out) {
            on_sent(driver, true);
        } else {
            assert_true(!"stalled");
        }
        drive(driver);
    }
}

/* Nobody has failed but our own memory: the worker is not to blame. */
static void check_end(struct driver *driver, const struct scenario *scenario)
{
    assert_true(!driver->assigned || driver->outcome == POOL_OUTCOME_DONE || driver->outcome == POOL_OUTCOME_DONE_CLOSED);
    struct answer answer = answer_of(driver);
    if (driver->explained && driver->headers_sent)
        assert_true(answer.complete);
    else if (answer.delimited && answer.complete)
        assert_int_equal(answer.body.len, scenario->body_len);
    buffer_deinit(&answer.body);
    if (driver->explained && driver->facts.cause != ERROR_CAUSE_NO_MEMORY)
        assert_true(scenario->stderr_text || driver->facts.cause == ERROR_CAUSE_BAD_RESPONSE);
}

/* -> how many allocations it makes */
static size_t run_without(const struct scenario *scenario, size_t first, size_t count)
{
    static struct driver driver;
    struct error_facts no_memory = {.cause = ERROR_CAUSE_NO_MEMORY};
    allocations = 0;
    first_failure = first;
    failures = count;
    enum cgi_vars_result result = driver_open(&driver, &scenario->settings, scenario->first_len);
    size_t until_now = allocations;
    first_failure = NEVER;
    reserve(&driver, scenario);
    allocations = until_now;
    first_failure = first;
    most_in_use = in_use;
    if (result != CGI_VARS_OK) {
        assert_int_equal(result, CGI_VARS_NO_MEMORY);
        driver.failed_from_outside = true;
        relay_fail(&driver.relay, &no_memory);
        drive(&driver);
        driver.assigned = 0;
        while (driver.send_out)
            sent(&driver);
        assert_true(driver.done);
    } else {
        run_to_the_end(&driver, scenario);
    }
    size_t total = allocations;
    first_failure = NEVER;
    check_end(&driver, scenario);
    driver_close(&driver);
    assert_int_equal(in_use, 0);
    return total;
}

static void check_each_failure(const struct scenario *scenario)
{
    size_t count = run_without(scenario, NEVER, 0);
    assert_true(count > 3);
    for (size_t i = 0; i < count; i++) {
        run_without(scenario, i, 1);     /* a bottleneck that passes */
        run_without(scenario, i, NEVER); /* no memory from then on, not even for the page */
    }
}

static void missing_memory_fails_a_small_request_with_a_page_or_closes_it(void **state)
{
    (void)state;
    struct scenario scenario = {default_settings(), 0, "Content-Type: text/plain\n\n", 100, NULL};
    check_each_failure(&scenario);
}

static void missing_memory_fails_an_upload_with_a_page_or_closes_it(void **state)
{
    (void)state;
    struct scenario scenario = {default_settings(), 1000, "Content-Type: text/plain\n\n", 100, NULL};
    scenario.settings.body_len = 200000;
    check_each_failure(&scenario);
}

static void missing_memory_fails_or_cuts_a_long_reply(void **state)
{
    (void)state;
    static const char *const protocols[] = {"HTTP/1.1", "HTTP/1.0"};
    for (int i = 0; i < 2; i++) {
        struct scenario scenario = {default_settings(), 0, "Content-Type: text/plain\n\n", 500000, NULL};
        scenario.settings.buffer_limit = 10000;
        strcpy(scenario.settings.protocol, protocols[i]);
        check_each_failure(&scenario);
    }
}

static void missing_memory_shortens_what_is_shown_of_stderr(void **state)
{
    (void)state;
    struct scenario scenario = {default_settings(), 0, NULL, 0, "oops"};
    check_each_failure(&scenario);
}

static void reply_above_the_limit_takes_no_more_than_is_said(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 1000, 65536, 1000000, 4 * 1024 * 1024};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct scenario scenario = {default_settings(), 0, "Content-Type: text/plain\n\n", 10000000, NULL};
        scenario.settings.buffer_limit = limits[i];
        allocations = 0;
        static struct driver driver;
        assert_int_equal(driver_open(&driver, &scenario.settings, 0), CGI_VARS_OK);
        reserve(&driver, &scenario);
        size_t before = most_in_use = in_use;
        run_to_the_end(&driver, &scenario);
        size_t most = most_in_use - before;
        size_t one = (limits[i] + RELAY_READ_LEN + RELAY_HEADROOM + RELAY_TAILROOM) / 4 * 5 + 1;
        size_t count = limits[i] > RELAY_STREAM_LEN ? 2 : 3; /* one is sent, one is filled, and has just grown */
        assert_true(most <= count * one + 8 * 1024);         /* the headers */
        expect_body_len(&driver, scenario.body_len);
        driver_close(&driver);
    }
}

static void no_record_of_a_body_costs_an_allocation(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 65536, 1000000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct scenario small = {default_settings(), 0, "Content-Type: text/plain\n\n", 3000000, NULL};
        small.settings.buffer_limit = limits[i];
        small.settings.body_len = 500000;
        struct scenario large = small;
        large.body_len = 12000000;
        large.settings.body_len = 5000000;
        assert_int_equal(run_without(&small, NEVER, 0), run_without(&large, NEVER, 0));
    }
}

int main(void)
{
    first_failure = NEVER;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_memory_fails_a_small_request_with_a_page_or_closes_it),
        cmocka_unit_test(missing_memory_fails_an_upload_with_a_page_or_closes_it),
        cmocka_unit_test(missing_memory_fails_or_cuts_a_long_reply),
        cmocka_unit_test(missing_memory_shortens_what_is_shown_of_stderr),
        cmocka_unit_test(no_record_of_a_body_costs_an_allocation),
        cmocka_unit_test(reply_above_the_limit_takes_no_more_than_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
