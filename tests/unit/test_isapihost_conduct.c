/* isapihost: the rules of ISAPI that --strict checks. Each rule is seen to fire, and each lawful order to pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/isapihost/conduct.h"

static const char *last(const enum conduct_event *events, size_t count)
{
    struct conduct conduct = {0};
    const char *breach = NULL;
    for (size_t i = 0; i < count; ++i) {
        breach = conduct_note(&conduct, events[i]);
        if (breach != NULL && i + 1 < count)
            fail_msg("event %u: %s", (unsigned)i, breach);
    }
    return breach;
}

#define BREACH(text, ...)                                                    \
    do {                                                                     \
        const enum conduct_event events[] = {__VA_ARGS__};                   \
        const char *breach = last(events, sizeof events / sizeof events[0]); \
        assert_non_null(breach);                                             \
        if (strstr(breach, text) == NULL)                                    \
            fail_msg("'%s', not '%s'", breach, text);                        \
    } while (0)

#define LAWFUL(...)                                                  \
    do {                                                             \
        const enum conduct_event events[] = {__VA_ARGS__};           \
        assert_null(last(events, sizeof events / sizeof events[0])); \
    } while (0)

static void lawful_courses_pass(void **state)
{
    (void)state;
    LAWFUL(CONDUCT_SYNC_IO, CONDUCT_SYNC_END, CONDUCT_HEAD, CONDUCT_SYNC_IO, CONDUCT_SYNC_END, CONDUCT_BODY, CONDUCT_RETURN);
    LAWFUL(CONDUCT_SYNC_IO, CONDUCT_CALL, CONDUCT_SYNC_END, CONDUCT_DONE);
    LAWFUL(CONDUCT_SET_COMPLETION, CONDUCT_ASYNC_BEGIN, CONDUCT_ASYNC_END, CONDUCT_HEAD, CONDUCT_ASYNC_BEGIN, CONDUCT_CALL,
           CONDUCT_ASYNC_END, CONDUCT_SET_COMPLETION, CONDUCT_BODY, CONDUCT_ASYNC_BEGIN, CONDUCT_ASYNC_END, CONDUCT_DONE);
    LAWFUL(CONDUCT_HEAD, CONDUCT_DONE, CONDUCT_ASYNC_END);
}

static void done_twice_is_seen(void **state)
{
    (void)state;
    BREACH("second DONE_WITH_SESSION", CONDUCT_DONE, CONDUCT_DONE);
    BREACH("final status after", CONDUCT_DONE, CONDUCT_RETURN);
    BREACH("second DONE_WITH_SESSION", CONDUCT_RETURN, CONDUCT_DONE);
}

static void calls_after_the_end_are_seen(void **state)
{
    (void)state;
    BREACH("after DONE_WITH_SESSION", CONDUCT_DONE, CONDUCT_CALL);
    BREACH("after DONE_WITH_SESSION", CONDUCT_DONE, CONDUCT_SYNC_IO);
    BREACH("after DONE_WITH_SESSION", CONDUCT_DONE, CONDUCT_HEAD);
}

static void one_asynchronous_operation_at_a_time(void **state)
{
    (void)state;
    BREACH("two asynchronous operations", CONDUCT_SET_COMPLETION, CONDUCT_ASYNC_BEGIN, CONDUCT_ASYNC_BEGIN);
    BREACH("synchronous operation while", CONDUCT_SET_COMPLETION, CONDUCT_ASYNC_BEGIN, CONDUCT_SYNC_IO);
    BREACH("without IO_COMPLETION", CONDUCT_ASYNC_BEGIN);
    BREACH("IO_COMPLETION while", CONDUCT_SET_COMPLETION, CONDUCT_ASYNC_BEGIN, CONDUCT_SET_COMPLETION);
    BREACH("DONE_WITH_SESSION while", CONDUCT_SET_COMPLETION, CONDUCT_ASYNC_BEGIN, CONDUCT_DONE);
    BREACH("final status while", CONDUCT_SET_COMPLETION, CONDUCT_ASYNC_BEGIN, CONDUCT_RETURN);
}

static void nothing_while_another_thread_reads_or_writes(void **state)
{
    (void)state;
    BREACH("two synchronous operations", CONDUCT_SYNC_IO, CONDUCT_SYNC_IO);
    BREACH("while a synchronous one", CONDUCT_SET_COMPLETION, CONDUCT_SYNC_IO, CONDUCT_ASYNC_BEGIN);
    BREACH("DONE_WITH_SESSION while a synchronous", CONDUCT_SYNC_IO, CONDUCT_DONE);
}

static void one_head_and_before_the_body(void **state)
{
    (void)state;
    BREACH("headers sent twice", CONDUCT_HEAD, CONDUCT_HEAD);
    BREACH("before the headers", CONDUCT_BODY);
}

static void a_breach_changes_nothing(void **state)
{
    (void)state;
    struct conduct conduct = {0};
    assert_non_null(conduct_note(&conduct, CONDUCT_ASYNC_BEGIN));
    assert_null(conduct_note(&conduct, CONDUCT_SET_COMPLETION));
    assert_null(conduct_note(&conduct, CONDUCT_ASYNC_BEGIN));
    assert_non_null(conduct_note(&conduct, CONDUCT_DONE));
    assert_null(conduct_note(&conduct, CONDUCT_ASYNC_END));
    assert_null(conduct_note(&conduct, CONDUCT_DONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lawful_courses_pass),
        cmocka_unit_test(done_twice_is_seen),
        cmocka_unit_test(calls_after_the_end_are_seen),
        cmocka_unit_test(one_asynchronous_operation_at_a_time),
        cmocka_unit_test(one_head_and_before_the_body),
        cmocka_unit_test(a_breach_changes_nothing),
        cmocka_unit_test(nothing_while_another_thread_reads_or_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
