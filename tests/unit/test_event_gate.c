/* The event log is bounded, and says what is missing in it. */
#include "fcgiext/core/event_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute_lets_so_many_pass_and_the_next_one_tells_how_many_were_held),
        cmocka_unit_test(events_that_are_rare_always_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
