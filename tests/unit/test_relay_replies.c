/* relay: replies that are none, or not FastCGI, and what StderrMode makes of stderr. */
#include "tests/unit/relay_outcome.h"

#define HEADERS "Content-Type: text/plain\n\n"

/* A page instead of the reply; the worker ended with `outcome`. */
static void expect_refused(struct driver *driver, enum error_cause cause, enum pool_outcome outcome)
{
    while (driver->send_out)
        sent(driver);
    assert_true(driver->done && driver->keep_alive);
    assert_int_equal(driver->outcome, outcome);
    expect_page(driver, cause);
}

/* ---- no FastCGI */

static void garbage_gives_an_error_page_and_ends_the_worker(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } replies[] = {
        {"HTTP/1.1 200 OK\r\n", 17},                        /* no FastCGI at all */
        {"\1\7\0\2\0\0\0\0", 8},                            /* another request's */
        {"\1\x0a\0\0\0\0\0\0", 8},                          /* a management record: we have not asked */
        {"\1\3\0\1\0\7\0\0", 8},                            /* an END_REQUEST of a wrong length */
        {"\1\1\0\1\0\x8\0\0\0\1\0\0\0\0\0\0", 16},          /* BEGIN_REQUEST, back */
        {"\1\6\0\1\0\2\0\0a:\n\1\6\0\1\0\2\0\0a:", 8 + 11}, /* good at first */
    };
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        open_and_write(&driver, &settings);
        assert_true(buffer_append(&driver.reply, bytes_of(replies[i].bytes, replies[i].len)));
        read_all(&driver);
        expect(&driver, "close release:unusable explain send");
        expect_refused(&driver, ERROR_CAUSE_PROTOCOL, POOL_OUTCOME_DONE_UNUSABLE);
        assert_true(driver.facts.detail.len > 0);
        driver_close(&driver);
    }
}

static void garbage_during_the_write_waits_for_it(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    assign(&driver);
    assert_true(buffer_append_str(&driver.reply, "Usage: php-cgi [options]"));
    read_all(&driver);
    expect(&driver, "write close explain send");
    write_fails(&driver, 0);
    expect(&driver, "release:unusable");
    expect_refused(&driver, ERROR_CAUSE_PROTOCOL, POOL_OUTCOME_DONE_UNUSABLE);
    driver_close(&driver);
}

static void nothing_is_written_after_garbage(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    assign(&driver);
    on_written(&driver, 100, true); /* the rest would be next */
    assert_true(buffer_append_str(&driver.reply, "?"));
    on_read(&driver, 1, true);
    drive(&driver);
    expect(&driver, "write close release:unusable explain send");
    driver_close(&driver);
}

static void garbage_after_the_headers_cuts_the_answer(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    put_stdout(&driver, HEADERS);
    put_body(&driver, 0, 2000);
    assert_true(buffer_append_str(&driver.reply, "?"));
    driver.read_len = driver.reply.len - 1;
    read_all(&driver);
    expect(&driver, "send read close release:unusable");
    sent(&driver);
    expect_cut(&driver);
    driver_close(&driver);
}

static void row_21_bytes_after_the_end_leave_the_answer_but_not_the_worker(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    put_stdout(&driver, HEADERS "hello");
    put_end(&driver);
    answer(&driver, HEADERS "and once more");
    expect(&driver, "close release:unusable send");
    sent(&driver);
    expect(&driver, "done:keep");
    expect_body(&driver, "hello");
    driver_close(&driver);
}

/* What may be written no more need not be waited for. */
static void row_21_bytes_after_the_end_end_a_hanging_write(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    assign(&driver);
    put_stdout(&driver, HEADERS "hello");
    put_end(&driver);
    put_end(&driver);
    read_all(&driver);
    expect(&driver, "write close send");
    write_fails(&driver, 0);
    expect(&driver, "release:unusable");
    driver_close(&driver);
}

static void overloaded_program_gives_503_and_is_kept(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    put_end_with(&driver, FCGI_OVERLOADED);
    read_all(&driver);
    expect_refused(&driver, ERROR_CAUSE_OVERLOADED, POOL_OUTCOME_DONE);
    driver_close(&driver);
}

static void program_that_refuses_the_role_is_ended(void **state)
{
    (void)state;
    for (uint8_t status = FCGI_CANT_MPX_CONN; status <= 4; status += 2) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        open_and_write(&driver, &settings);
        put_end_with(&driver, status);
        read_all(&driver);
        expect_refused(&driver, ERROR_CAUSE_PROTOCOL, POOL_OUTCOME_DONE_UNUSABLE);
        driver_close(&driver);
    }
}

/* ---- no CGI */

static void row_12_reply_without_a_header_gives_an_error_page(void **state)
{
    (void)state;
    static const char *const replies[] = {"", "\n", "\nhello", "hello", "hello\n", "hello\n\nworld", "bad name: x\n\nhello"};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        for (size_t limit = 0; limit < 2; limit++) {
            struct driver driver;
            struct relay_settings settings = default_settings();
            settings.buffer_limit = limit;
            open_and_write(&driver, &settings);
            driver.read_len = 1;
            answer(&driver, replies[i]);
            expect_refused(&driver, ERROR_CAUSE_BAD_RESPONSE, POOL_OUTCOME_DONE);
            driver_close(&driver);
        }
    }
}

static void row_12_16_mib_of_headers_give_an_error_page(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    for (size_t len = 0; len < 16 * 1024 * 1024 && !driver.done; len += 65535) {
        put_body(&driver, 0, 65535);
        read_all(&driver);
        while (driver.send_out)
            sent(&driver);
    }
    expect_refused(&driver, ERROR_CAUSE_BAD_RESPONSE, POOL_OUTCOME_DONE_UNUSABLE);
    driver_close(&driver);
}

/* ---- stderr */

struct stderr_case {
    enum config_stderr_mode mode;
    const char *before; /* stderr, before stdout */
    const char *stdout_text;
    const char *after; /* stderr, after stdout */
    enum error_cause cause;
    const char *shown; /* of stderr, to the client */
};

static void check_stderr(const struct stderr_case *expected, size_t limit)
{
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.stderr_mode = expected->mode;
    settings.buffer_limit = limit;
    open_and_write(&driver, &settings);
    if (expected->before)
        put_stderr(&driver, expected->before);
    if (expected->stdout_text)
        put_stdout(&driver, expected->stdout_text);
    if (expected->after)
        put_stderr(&driver, expected->after);
    put_end(&driver);
    read_all(&driver);
    while (driver.send_out)
        sent(&driver);
    assert_true(driver.done && driver.keep_alive);
    bool ends = expected->mode == CONFIG_STDERR_TERMINATE && (expected->before || expected->after);
    assert_int_equal(driver.outcome, ends ? POOL_OUTCOME_DONE_UNUSABLE : POOL_OUTCOME_DONE);
    if (expected->cause) {
        expect_page(&driver, expected->cause);
        assert_true(bytes_equal(buffer_peek(&driver.stderr_text), bytes_of_str(expected->shown)));
        if (expected->shown)
            expect_body(&driver, expected->shown);
    } else {
        expect_status(&driver, "200 OK");
        expect_body(&driver, expected->stdout_text ? strchr(expected->stdout_text, '\n') + 2 : "");
    }
    driver_close(&driver);
}

static void stderr_before_the_headers_are_out_does_what_the_mode_says(void **state)
{
    (void)state;
    const enum error_cause STDERR = ERROR_CAUSE_STDERR, BAD = ERROR_CAUSE_BAD_RESPONSE;
    const struct stderr_case cases[] = {
        {CONFIG_STDERR_RETURN_500, "oops", "A: b\n\nhello", NULL, STDERR, "oops"},
        {CONFIG_STDERR_RETURN_500, NULL, "A: b\n\nhello", "oops", STDERR, "oops"},
        {CONFIG_STDERR_RETURN_500, "one ", "A: b\n\nhello", "two", STDERR, "one two"},
        {CONFIG_STDERR_RETURN_500, "oops", NULL, NULL, STDERR, "oops"},
        {CONFIG_STDERR_RETURN_500, "oops", "hello\n\nworld", NULL, STDERR, "oops"},
        {CONFIG_STDERR_RETURN_500, NULL, "A: b\n\nhello", NULL, 0, NULL},
        {CONFIG_STDERR_GENERIC_500, "oops", "A: b\n\nhello", NULL, STDERR, NULL},
        {CONFIG_STDERR_GENERIC_500, NULL, "A: b\n\nhello", "oops", STDERR, NULL},
        {CONFIG_STDERR_GENERIC_500, "oops", NULL, NULL, STDERR, NULL},
        {CONFIG_STDERR_IGNORE, "oops", "A: b\n\nhello", "oops", 0, NULL},
        {CONFIG_STDERR_IGNORE, "oops", NULL, NULL, 0, NULL},
        {CONFIG_STDERR_IGNORE, "oops", "hello\n\nworld", NULL, BAD, NULL},
        {CONFIG_STDERR_IGNORE, "oops", "hello", NULL, BAD, NULL},
        {CONFIG_STDERR_IGNORE, NULL, NULL, NULL, BAD, NULL},
        {CONFIG_STDERR_TERMINATE, "oops", "A: b\n\nhello", NULL, STDERR, NULL},
        {CONFIG_STDERR_TERMINATE, NULL, "A: b\n\nhello", "oops", STDERR, NULL},
        {CONFIG_STDERR_TERMINATE, NULL, "A: b\n\nhello", NULL, 0, NULL},
        {CONFIG_STDERR_RETURN_500, "IIS_TR", "A: b\n\nhello", NULL, STDERR, "IIS_TR"},
        {CONFIG_STDERR_TERMINATE, "IIS_TR", "A: b\n\nhello", NULL, STDERR, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_stderr(&cases[i], 4 * 1024 * 1024);
}

/* In no mode; before, between and after the parts of an answer, and with its marks in several records. */
static void trace_text_alone_changes_nothing(void **state)
{
    (void)state;
    for (int mode = CONFIG_STDERR_RETURN_500; mode <= CONFIG_STDERR_TERMINATE; mode++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        settings.stderr_mode = (enum config_stderr_mode)mode;
        open_and_write(&driver, &settings);
        put_stderr(&driver, "IIS_TRACE_ERROR:bad:IIS_TRACE_END\n");
        put_stdout(&driver, "Content-Type: text/plain\n");
        put_stderr(&driver, "IIS_TRA");
        put_stdout(&driver, "\nhello");
        put_stderr(&driver, "CE_INFO:x:IIS_TR");
        put_stderr(&driver, "ACE_END");
        put_end(&driver);
        driver.read_len = mode % 2 ? 1 : MOST_READ_LEN;
        read_all(&driver);
        sent(&driver);
        expect_status(&driver, "200 OK");
        expect_body(&driver, "hello");
        assert_int_equal(driver.outcome, POOL_OUTCOME_DONE);
        assert_false(driver.relay.stderr_lines.has_error);
        assert_true(bytes_equal(buffer_peek(&driver.relay.stderr_lines.traces.lines), bytes_of_str("error: bad\ninfo: x\n")));
        driver_close(&driver);
    }
}

/* The limit is reached, but it is known already that this is no 200. */
static void stderr_before_a_reply_above_the_limit_is_a_500_all_the_same(void **state)
{
    (void)state;
    static const enum config_stderr_mode modes[] = {CONFIG_STDERR_RETURN_500, CONFIG_STDERR_GENERIC_500};
    for (size_t i = 0; i < 4; i++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        settings.stderr_mode = modes[i % 2];
        settings.buffer_limit = i < 2 ? 1000 : 0;
        open_and_write(&driver, &settings);
        put_stdout(&driver, HEADERS);
        if (i % 2 == 0)
            put_body(&driver, 0, 2000); /* above the limit, in the same read */
        put_stderr(&driver, "oops, ");
        put_body(&driver, 0, 500000);
        put_stderr(&driver, "again");
        put_end(&driver);
        driver.read_len = 5000;
        read_all(&driver);
        expect_refused(&driver, ERROR_CAUSE_STDERR, POOL_OUTCOME_DONE);
        if (i % 2 == 0)
            expect_body(&driver, "oops, again");
        driver_close(&driver);
    }
}

static void stderr_after_the_headers_changes_nothing_unless_it_ends_the_process(void **state)
{
    (void)state;
    for (int mode = CONFIG_STDERR_RETURN_500; mode <= CONFIG_STDERR_TERMINATE; mode++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        settings.stderr_mode = (enum config_stderr_mode)mode;
        settings.buffer_limit = 1000;
        open_and_write(&driver, &settings);
        put_stdout(&driver, HEADERS);
        put_body(&driver, 0, 2000);
        read_all(&driver);
        sent(&driver);
        put_stderr(&driver, "oops");
        put_end(&driver);
        read_all(&driver);
        while (driver.send_out)
            sent(&driver);
        if (mode == CONFIG_STDERR_TERMINATE) {
            assert_int_equal(driver.outcome, POOL_OUTCOME_DONE_UNUSABLE);
            expect_cut(&driver);
        } else {
            assert_true(driver.keep_alive);
            assert_int_equal(driver.outcome, POOL_OUTCOME_DONE);
            expect_body_len(&driver, 2000);
        }
        driver_close(&driver);
    }
}

static void terminate_ends_the_worker_when_the_client_has_gone_too(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.stderr_mode = CONFIG_STDERR_TERMINATE;
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    put_stdout(&driver, HEADERS);
    put_body(&driver, 0, 2000);
    read_all(&driver);
    send_fails(&driver);
    forget_actions(&driver);
    put_stderr(&driver, "oops");
    read_all(&driver);
    expect(&driver, "close release:unusable done:close");
    driver_close(&driver);
}

static void row_11_a_megabyte_of_stderr_is_kept_in_part(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    put_stdout(&driver, HEADERS);
    for (int i = 0; i < 1024; i++) {
        char text[1001];
        memset(text, 'a' + i % 26, 1000);
        text[1000] = '\0';
        put_stderr(&driver, text);
        if (i % 100 == 0)
            put_stdout(&driver, "hello");
    }
    put_end(&driver);
    read_all(&driver);
    expect_refused(&driver, ERROR_CAUSE_STDERR, POOL_OUTCOME_DONE);
    assert_int_equal(driver.relay.stderr_lines.error_len, 1024 * 1000);
    assert_int_equal(driver.stderr_text.len, RELAY_MAX_STDERR_LEN);
    assert_int_equal(buffer_peek(&driver.stderr_text).ptr[1000], 'b');
    driver_close(&driver);
}

static void row_08_headers_split_across_records_with_stderr_between_are_one_block(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.stderr_mode = CONFIG_STDERR_IGNORE;
    open_and_write(&driver, &settings);
    put_stdout(&driver, "Status: 2");
    put_stderr(&driver, "Status: 500\n\n");
    put_stdout(&driver, "01\nX-");
    put_stderr(&driver, "\n\n");
    answer(&driver, "A: b\n\nhello");
    sent(&driver);
    expect_status(&driver, "201 Created");
    assert_true(has_header(&driver, "X-A", "b"));
    expect_body(&driver, "hello");
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_gives_an_error_page_and_ends_the_worker),
        cmocka_unit_test(garbage_during_the_write_waits_for_it),
        cmocka_unit_test(nothing_is_written_after_garbage),
        cmocka_unit_test(garbage_after_the_headers_cuts_the_answer),
        cmocka_unit_test(row_21_bytes_after_the_end_leave_the_answer_but_not_the_worker),
        cmocka_unit_test(row_21_bytes_after_the_end_end_a_hanging_write),
        cmocka_unit_test(overloaded_program_gives_503_and_is_kept),
        cmocka_unit_test(program_that_refuses_the_role_is_ended),
        cmocka_unit_test(row_12_reply_without_a_header_gives_an_error_page),
        cmocka_unit_test(row_12_16_mib_of_headers_give_an_error_page),
        cmocka_unit_test(stderr_before_the_headers_are_out_does_what_the_mode_says),
        cmocka_unit_test(trace_text_alone_changes_nothing),
        cmocka_unit_test(stderr_before_a_reply_above_the_limit_is_a_500_all_the_same),
        cmocka_unit_test(stderr_after_the_headers_changes_nothing_unless_it_ends_the_process),
        cmocka_unit_test(terminate_ends_the_worker_when_the_client_has_gone_too),
        cmocka_unit_test(row_11_a_megabyte_of_stderr_is_kept_in_part),
        cmocka_unit_test(row_08_headers_split_across_records_with_stderr_between_are_one_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
