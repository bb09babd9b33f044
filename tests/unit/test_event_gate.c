/* The event log is bounded, and says what is missing in it. */
#include "fcgiext/core/event_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_minute_lets_so_many_pass_and_the_next_one_tells_how_many_were_held(void **state)
{
    (void)state;
    struct event_gate gate = {0};
    uint64_t held = 1;
    uint64_t now_ms = 1000000;
    for (int i = 0; i < EVENT_GATE_COUNT; i++) {
        assert_true(event_gate_pass(&gate, now_ms, &held));
        assert_int_equal(held, 0);
    }
    for (int i = 0; i < 3; i++)
        assert_false(event_gate_pass(&gate, now_ms + EVENT_GATE_MS - 1, &held));
    assert_true(event_gate_pass(&gate, now_ms + EVENT_GATE_MS, &held));
    assert_int_equal(held, 3);
    assert_true(event_gate_pass(&gate, now_ms + EVENT_GATE_MS, &held));
    assert_int_equal(held, 0);
}

static void events_that_are_rare_always_pass(void **state)
{
    (void)state;
    struct event_gate gate = {0};
    uint64_t held = 1;
    for (uint64_t now_ms = 5; now_ms < 1000 * (uint64_t)EVENT_GATE_MS; now_ms += EVENT_GATE_MS / EVENT_GATE_COUNT + 1) {
        assert_true(event_gate_pass(&gate, now_ms, &held));
        assert_int_equal(held, 0);
    }
}

/* ---- one event for each kind and pool */

enum { START = 1234567 };

static void the_first_event_passes_at_once_then_one_a_minute_with_the_number_held_back(void **state)
{
    (void)state;
    struct event_gates gates = {0};
    struct event_references references;
    event_references_init(&references, 42, 1700000000000);
    const uint64_t now_ms = 5; /* a host that has just begun */
    struct event_verdict first = event_gates_ask(&gates, ERROR_CAUSE_START_FAILED, &references, now_ms);
    assert_true(first.write);
    assert_int_equal(first.held, 0);
    for (uint64_t i = 1; i < 1000; i++)
        assert_false(event_gates_ask(&gates, ERROR_CAUSE_START_FAILED, &references, now_ms + i * (EVENT_GATE_MS / 1000)).write);
    struct event_verdict second = event_gates_ask(&gates, ERROR_CAUSE_START_FAILED, &references, now_ms + EVENT_GATE_MS);
    assert_true(second.write);
    assert_int_equal(second.held, 999);
    assert_false(event_gates_ask(&gates, ERROR_CAUSE_START_FAILED, &references, now_ms + 2 * EVENT_GATE_MS - 1).write);
    struct event_verdict third = event_gates_ask(&gates, ERROR_CAUSE_START_FAILED, &references, now_ms + 9 * EVENT_GATE_MS);
    assert_true(third.write);
    assert_int_equal(third.held, 1);
}

static void kinds_do_not_hold_back_each_other(void **state)
{
    (void)state;
    struct event_gates gates = {0};
    struct event_references references;
    event_references_init(&references, 42, 1700000000000);
    for (int times = 0; times < 2; times++)
        for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++)
            assert_int_equal(event_gates_ask(&gates, kind, &references, START).write, times == 0);
    assert_false(event_gates_ask(&gates, EVENT_KIND_COUNT + 7, &references, START).write); /* as ERROR_CAUSE_NONE */
}

static void an_event_that_is_held_back_has_the_reference_of_the_one_that_was_written(void **state)
{
    (void)state;
    struct event_gates gates = {0};
    struct event_references references;
    event_references_init(&references, 42, 1700000000000);
    uint64_t written = 0;
    for (uint64_t now_ms = START; now_ms < START + 10 * EVENT_GATE_MS; now_ms += 7000) {
        struct event_verdict verdict = event_gates_ask(&gates, ERROR_CAUSE_STDERR, &references, now_ms);
        assert_true(verdict.write ? verdict.reference != written : verdict.reference == written);
        written = verdict.reference;
    }
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, EVENT_REFERENCE_LEN);
}

static void references_of_a_host_are_distinct_and_easy_to_tell(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    static char texts[COUNT][EVENT_REFERENCE_LEN + 1];
    struct event_references references, other;
    event_references_init(&references, 42, 1700000000000);
    for (size_t i = 0; i < COUNT; i++) {
        event_reference_put(texts[i], event_references_next(&references));
        assert_int_equal(strspn(texts[i], "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), EVENT_REFERENCE_LEN);
        assert_int_equal(strlen(texts[i]), EVENT_REFERENCE_LEN);
    }
    qsort(texts, COUNT, sizeof texts[0], compare);
    for (size_t i = 1; i < COUNT; i++)
        assert_string_not_equal(texts[i - 1], texts[i]);
    const struct {
        uint32_t pid;
        uint64_t unix_ms;
    } others[] = {{43, 1700000000000}, {42, 1700000000001}, {42, 1700000060000}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char text[EVENT_REFERENCE_LEN + 1];
        event_references_init(&other, others[i].pid, others[i].unix_ms);
        event_reference_put(text, event_references_next(&other));
        assert_null(bsearch(text, texts, COUNT, sizeof texts[0], compare));
    }
}

static void an_event_that_could_not_be_written_stands_for_no_other_one(void **state)
{
    (void)state;
    struct event_gates gates = {0};
    struct event_references references;
    event_references_init(&references, 42, 1700000000000);
    struct event_verdict first = event_gates_ask(&gates, ERROR_CAUSE_PROTOCOL, &references, 1000);
    assert_true(first.write);
    assert_false(event_gates_ask(&gates, ERROR_CAUSE_PROTOCOL, &references, 1001).write);
    event_gates_fail(&gates, ERROR_CAUSE_PROTOCOL, &first);
    struct event_verdict second = event_gates_ask(&gates, ERROR_CAUSE_PROTOCOL, &references, 1002);
    assert_true(second.write);
    assert_int_equal(second.held, 2);
    assert_true(second.reference != first.reference);
    event_gates_fail(&gates, ERROR_CAUSE_PROTOCOL, &first); /* late: another one has been written */
    assert_false(event_gates_ask(&gates, ERROR_CAUSE_PROTOCOL, &references, 1003).write);
}

static void a_request_is_slow_above_the_limit_if_there_is_one(void **state)
{
    (void)state;
    assert_false(event_is_slow(0, UINT64_MAX));
    assert_false(event_is_slow(2, 2000));
    assert_true(event_is_slow(2, 2001));
    assert_false(event_is_slow(UINT32_MAX, UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute_lets_so_many_pass_and_the_next_one_tells_how_many_were_held),
        cmocka_unit_test(events_that_are_rare_always_pass),
        cmocka_unit_test(the_first_event_passes_at_once_then_one_a_minute_with_the_number_held_back),
        cmocka_unit_test(kinds_do_not_hold_back_each_other),
        cmocka_unit_test(an_event_that_is_held_back_has_the_reference_of_the_one_that_was_written),
        cmocka_unit_test(references_of_a_host_are_distinct_and_easy_to_tell),
        cmocka_unit_test(an_event_that_could_not_be_written_stands_for_no_other_one),
        cmocka_unit_test(a_request_is_slow_above_the_limit_if_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
