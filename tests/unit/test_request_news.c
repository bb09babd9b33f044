/* Which events a request has at its end. */
#include "fcgiext/core/request_news.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct relay answered(void)
{
    return (struct relay){.failed = false};
}

static struct relay failed_by(enum error_cause cause)
{
    return (struct relay){.failed = true, .failure.cause = cause};
}

static void an_answer_tells_only_what_its_program_reported(void **state)
{
    (void)state;
    struct event_facts facts;
    struct relay relay = answered();
    assert_false(request_news_outcome(&relay, &facts));
    relay.stderr_lines.has_error = true;
    assert_true(request_news_outcome(&relay, &facts));
    assert_int_equal(facts.kind, ERROR_CAUSE_STDERR);
    assert_true(facts.answered);
    assert_false(facts.cut);
    assert_ptr_equal(facts.lines, &relay.stderr_lines.errors);
}

static void a_failure_is_told_unless_its_error_page_has_led_to_that(void **state)
{
    (void)state;
    struct event_facts facts;
    struct relay relay = failed_by(ERROR_CAUSE_WORKER_CRASHED);
    relay.failure.code = 5;
    assert_true(request_news_outcome(&relay, &facts));
    assert_int_equal(facts.kind, ERROR_CAUSE_WORKER_CRASHED);
    assert_int_equal(facts.failure.code, 5);
    assert_false(facts.answered);
    assert_ptr_equal(facts.lines, &relay.stderr_lines.errors);
    relay.explained = true;
    relay.stderr_lines.has_error = true; /* was told with it */
    assert_false(request_news_outcome(&relay, &facts));
}

static void an_answer_that_was_cut_off_says_so(void **state)
{
    (void)state;
    struct event_facts facts;
    for (int sent = 0; sent < 2; sent++) {
        struct relay relay = failed_by(ERROR_CAUSE_ACTIVITY_TIMEOUT);
        relay.headers_sent = sent;
        assert_true(request_news_outcome(&relay, &facts));
        assert_int_equal(facts.cut, sent);
    }
}

static void a_client_that_has_gone_is_no_event(void **state)
{
    (void)state;
    struct event_facts facts;
    struct relay relay = failed_by(ERROR_CAUSE_CLIENT_GONE);
    assert_false(request_news_outcome(&relay, &facts));
    for (int cause = ERROR_CAUSE_NONE + 1; cause < ERROR_CAUSE_COUNT; cause++)
        assert_int_equal(request_news_tell_failure((enum error_cause)cause), cause != ERROR_CAUSE_CLIENT_GONE);
}

static void traces_are_told_by_the_heaviest_whatever_becomes_of_the_request(void **state)
{
    (void)state;
    static const struct {
        enum stderr_kind trace;
        unsigned kind; /* 0: no event */
    } rows[] = {
        {STDERR_NONE, 0},
        {STDERR_TRACE_INFO, EVENT_TRACE_INFO},
        {STDERR_TRACE_WARNING, EVENT_TRACE_WARNING},
        {STDERR_TRACE_ERROR, EVENT_TRACE_ERROR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int fails = 0; fails < 2; fails++) {
            struct event_facts facts;
            struct relay relay = fails ? failed_by(ERROR_CAUSE_CLIENT_GONE) : answered();
            relay.stderr_lines.trace = rows[i].trace;
            assert_int_equal(request_news_trace(&relay, &facts), rows[i].kind != 0);
            if (rows[i].kind == 0)
                continue;
            assert_int_equal(facts.kind, rows[i].kind);
            assert_ptr_equal(facts.lines, &relay.stderr_lines.traces);
            assert_int_equal(facts.failure.cause, ERROR_CAUSE_NONE);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_tells_only_what_its_program_reported),
        cmocka_unit_test(a_failure_is_told_unless_its_error_page_has_led_to_that),
        cmocka_unit_test(an_answer_that_was_cut_off_says_so),
        cmocka_unit_test(a_client_that_has_gone_is_no_event),
        cmocka_unit_test(traces_are_told_by_the_heaviest_whatever_becomes_of_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
