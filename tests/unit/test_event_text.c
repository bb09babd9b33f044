/* What an event of the event log says. */
#include "fcgiext/core/event_text.h"

#include "tests/unit/config_testing.h"

static void expect_text(const struct event_facts *facts, const char *expected)
{
    struct buffer out;
    buffer_init(&out, EVENT_TEXT_MAX_LEN);
    assert_true(event_text_append(facts, &out));
    assert_true(buffer_append(&out, bytes_of("", 1)));
    assert_string_equal((const char *)buffer_peek(&out).ptr, expected);
    buffer_deinit(&out);
}

static void a_failure_names_cause_pool_program_address_code_processes_and_reference(void **state)
{
    (void)state;
    struct event_facts facts = {
        .kind = ERROR_CAUSE_START_FAILED,
        .failure = {.cause = ERROR_CAUSE_START_FAILED,
                    .pool = bytes_of_str("php"),
                    .program = bytes_of_str("C:\\php\\php-cgi.exe"),
                    .url = bytes_of_str("/app/x.php"),
                    .has_code = true,
                    .code = 2,
                    .system_text = bytes_of_str("File not found."),
                    .reference = bytes_of_str("0123456789")},
        .worker_pid = 77,
        .host_pid = 4,
        .held = 999,
    };
    expect_text(&facts, "The program could not be started (start_failed).\r\n"
                        "Pool: php\r\n"
                        "Program: C:\\php\\php-cgi.exe\r\n"
                        "Address: /app/x.php\r\n"
                        "Error number: 2 (0x00000002): File not found.\r\n"
                        "Worker process: 77\r\n"
                        "Host process: 4\r\n"
                        "Reference: 0123456789\r\n"
                        "Not written since the last event of this kind and pool: 999\r\n");
}

static void codes_of_programs_are_exit_codes_and_rapid_fail_has_its_first_cause(void **state)
{
    (void)state;
    struct event_facts facts = {.kind = ERROR_CAUSE_WORKER_EXITED,
                                .failure = {.cause = ERROR_CAUSE_WORKER_EXITED, .has_code = true, .code = 7}};
    expect_text(&facts,
                "The program ended before it had answered the request (worker_exited).\r\nExit code: 7 (0x00000007)\r\n");
    facts.kind = facts.failure.cause = ERROR_CAUSE_RAPID_FAIL;
    facts.failure.first_cause = ERROR_CAUSE_LOAD_FAILED;
    facts.failure.code = 0xC0000135;
    expect_text(&facts, "The program failed too often in a short time and is not tried for a while (rapid_fail).\r\n"
                        "Details: a library that it needs was not found\r\n"
                        "First cause: The program was started, but the system could not load all of it\r\n"
                        "Exit code: 3221225781 (0xC0000135)\r\n");
}

static void no_fact_can_look_like_a_line_of_its_own(void **state)
{
    (void)state;
    struct bytes evil = bytes_of_str("a\r\nReference: 9\x1b[2J %1");
    struct event_facts facts = {
        .kind = ERROR_CAUSE_HOST,
        .failure = {.cause = ERROR_CAUSE_HOST,
                    .pool = evil,
                    .url = evil,
                    .detail = evil,
                    .program = evil,
                    .extension = evil,
                    .site = evil},
    };
    expect_text(&facts, "The web server refused a function that is needed to answer (host).\r\n"
                        "Details: a | Reference: 9?[2J % 1\r\nPool: a | Reference: 9?[2J % 1\r\n"
                        "Program: a | Reference: 9?[2J % 1\r\nExtension: a | Reference: 9?[2J % 1\r\n"
                        "Site: a | Reference: 9?[2J % 1\r\nAddress: a | Reference: 9?[2J % 1\r\n");
}

static void what_the_program_has_reported_follows_line_by_line(void **state)
{
    (void)state;
    struct stderr_list list = {.count = 2, .dropped = 3};
    buffer_init(&list.lines, 100);
    assert_true(buffer_append_str(&list.lines, "one\ntwo\n"));
    struct event_facts facts = {.kind = ERROR_CAUSE_STDERR, .answered = true, .lines = &list};
    expect_text(&facts, "The program reported an error (stderr).\r\nThe answer of the program was sent all the same.\r\n"
                        "Error output:\r\n  one\r\n  two\r\n  and 3 more\r\n");
    facts = (struct event_facts){.kind = EVENT_TRACE_WARNING, .lines = &list};
    expect_text(&facts, "The program wrote trace text with warnings (trace_warning).\r\n"
                        "Error output:\r\n  one\r\n  two\r\n  and 3 more\r\n");
    buffer_deinit(&list.lines);
}

static void a_cut_answer_and_a_slow_request_are_said(void **state)
{
    (void)state;
    struct event_facts facts = {.kind = ERROR_CAUSE_PROTOCOL, .cut = true};
    expect_text(&facts, "The program answered with something that is not FastCGI (protocol).\r\n"
                        "The answer had begun: the connection to the client was closed.\r\n");
    facts = (struct event_facts){.kind = EVENT_SLOW_REQUEST, .ran_ms = 12345};
    expect_text(&facts, "A request took longer than SlowRequestSeconds says (slow_request).\r\nTime: 12.3 s\r\n");
}

static void kinds_have_distinct_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_KIND_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(event_kind_name(i), event_kind_name(j));
    assert_string_equal(event_kind_name(ERROR_CAUSE_QUEUE_FULL), "queue_full");
    assert_string_equal(event_kind_name(EVENT_RAPID_FAIL_OVER), "rapid_fail_over");
}

static void the_longest_facts_fit_into_an_event(void **state)
{
    (void)state;
    enum { LEN = 100 * 1000 };
    char *text = malloc(LEN);
    assert_non_null(text);
    for (size_t i = 0; i < LEN; i++)
        text[i] = i % 2000 == 0 ? '\n' : '%';
    struct bytes fact = bytes_of(text, LEN);
    struct stderr_list list = {.dropped = UINT32_MAX};
    buffer_init(&list.lines, LEN);
    for (int i = 0; i < STDERR_MAX_LINES; i++) {
        assert_true(buffer_append(&list.lines, bytes_of(text + 1, STDERR_MAX_LINE_LEN)));
        assert_true(buffer_append_str(&list.lines, "\n"));
    }
    for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        struct event_facts facts = {
            .kind = kind,
            .failure = {.pool = fact,
                        .url = fact,
                        .program = fact,
                        .extension = fact,
                        .site = fact,
                        .detail = fact,
                        .diagnostics = fact,
                        .system_text = fact,
                        .reference = fact,
                        .has_code = true},
            .answered = true,
            .cut = true,
            .worker_pid = UINT32_MAX,
            .host_pid = UINT32_MAX,
            .ran_ms = UINT64_MAX,
            .lines = &list,
            .held = UINT64_MAX,
        };
        struct buffer out;
        buffer_init(&out, EVENT_TEXT_MAX_LEN);
        assert_true(event_text_append(&facts, &out));
        buffer_deinit(&out);
    }
    buffer_deinit(&list.lines);
    free(text);
}

/* ---- fcgiext.ini */

static size_t count_of(struct bytes text, const char *part)
{
    size_t count = 0, len = strlen(part);
    for (; text.len >= len; bytes_advance(&text, 1))
        count += memcmp(text.ptr, part, len) == 0;
    return count;
}

static void each_diagnostic_is_in_one_of_the_events(void **state)
{
    (void)state;
    static const size_t counts[] = {1, EVENT_MAX_DIAGNOSTICS, EVENT_MAX_DIAGNOSTICS + 1, 3 * EVENT_MAX_DIAGNOSTICS - 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct buffer text, out;
        size_t next = 0, lines = 0, events = 0;
        buffer_init(&text, 64 * 1024);
        buffer_append_str(&text, PHP);
        for (size_t j = 0; j < counts[i]; j++)
            buffer_append_str(&text, "QueueLenght=1\n");
        struct config *config = parse_bytes(buffer_peek(&text).ptr, text.len);
        expect_count(config, counts[i]);
        buffer_init(&out, EVENT_TEXT_MAX_LEN);
        for (; event_text_diagnostics(config, "Oh", "C:\\f.ini", &next, &out); events++) {
            struct bytes event = buffer_peek(&out);
            assert_int_equal(count_of(event, events ? "Oh (continued):\r\n" : "Oh:\r\n"), 1);
            assert_true(count_of(event, "\r\n") <= EVENT_MAX_DIAGNOSTICS + 1);
            lines += count_of(event, "  C:\\f.ini:");
            buffer_clear(&out);
        }
        assert_int_equal(lines, counts[i]);
        assert_int_equal(events, (counts[i] + EVENT_MAX_DIAGNOSTICS - 1) / EVENT_MAX_DIAGNOSTICS);
        buffer_deinit(&out);
        buffer_deinit(&text);
        config_destroy(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_names_cause_pool_program_address_code_processes_and_reference),
        cmocka_unit_test(codes_of_programs_are_exit_codes_and_rapid_fail_has_its_first_cause),
        cmocka_unit_test(no_fact_can_look_like_a_line_of_its_own),
        cmocka_unit_test(what_the_program_has_reported_follows_line_by_line),
        cmocka_unit_test(a_cut_answer_and_a_slow_request_are_said),
        cmocka_unit_test(kinds_have_distinct_names),
        cmocka_unit_test(the_longest_facts_fit_into_an_event),
        cmocka_unit_test(each_diagnostic_is_in_one_of_the_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
