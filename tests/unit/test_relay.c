/* relay: what goes to the worker and to the client, and in which steps, when nothing goes wrong. */
#include "tests/unit/relay_outcome.h"

#define HEADERS "Content-Type: text/plain\n\n"

/* ---- small ones */

static void small_get_is_one_write_and_its_reply_one_read(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    drive(&driver);
    expect(&driver, ""); /* nothing before it has a worker */
    assign_to(&driver, true, true);
    expect(&driver, "write"); /* the idle worker's read is used */
    written(&driver);
    expect(&driver, "");
    expect_whole_request(&driver);
    answer(&driver, HEADERS "hello");
    expect(&driver, "release:kept send"); /* the read is the idle worker's */
    sent(&driver);
    expect(&driver, "done:keep");
    expect_status(&driver, "200 OK");
    assert_true(has_header(&driver, "Content-Type", "text/plain"));
    assert_true(has_header(&driver, "Content-Length", "5"));
    expect_body(&driver, "hello");
    driver_close(&driver);
}

static void worker_without_a_pending_read_is_read_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    assign_to(&driver, false, false);
    expect(&driver, "write read");
    written(&driver);
    answer(&driver, HEADERS "hello");
    sent(&driver);
    expect(&driver, "release:kept send done:keep");
    driver_close(&driver);
}

static void small_post_is_one_write(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.body_len = 20000;
    open_and_write(&driver, &settings);
    assert_int_equal(request_seen(&driver).body_len, 20000);
    answer(&driver, HEADERS "hello");
    sent(&driver);
    expect(&driver, "release:kept send done:keep");
    driver_close(&driver);
}

static void write_in_parts_goes_on_where_it_was(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.body_len = 1000;
    assert_int_equal(driver_open(&driver, &settings, 1000), CGI_VARS_OK);
    assign(&driver);
    for (unsigned parts = 0; driver.write_out; parts++) {
        on_written(&driver, parts % 3 + 1, true);
        drive(&driver);
        assert_true(parts < 10000);
    }
    expect_whole_request(&driver);
    driver_close(&driver);
}

/* The two completions come from different threads; which one is looked at first says nothing. */
static void reply_that_overtakes_the_end_of_the_write_keeps_the_connection(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    assign(&driver);
    answer(&driver, HEADERS "hello");
    expect(&driver, "write send"); /* the client does not wait for it */
    written(&driver);
    expect(&driver, "release:kept");
    sent(&driver);
    expect(&driver, "done:keep");
    driver_close(&driver);
}

/* Nothing hangs on it: the connection will be closed, or has ended, whatever becomes of the write. */
static void reply_that_overtakes_the_write_on_another_connection_closes_it(void **state)
{
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        settings.keep_conn = kept;
        assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
        assign(&driver);
        put_stdout(&driver, HEADERS "hello");
        put_end(&driver);
        on_read(&driver, driver.reply.len, !kept);
        drive(&driver);
        expect(&driver, "write close send");
        write_fails(&driver, 0);
        sent(&driver);
        expect(&driver, "release:closed done:keep");
        driver_close(&driver);
    }
}

static void connection_that_is_not_kept_is_closed_at_the_end(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.keep_conn = false;
    open_and_write(&driver, &settings);
    answer(&driver, HEADERS "hello");
    sent(&driver);
    expect(&driver, "close release:closed send done:keep"); /* the client's connection is another matter */
    driver_close(&driver);
}

/* PHP that is told to keep its last connection disconnects it by force, and what has not been read of its answer is lost. */
static void last_request_of_a_worker_tells_the_program_not_to_keep_the_connection(void **state)
{
    (void)state;
    for (int last = 0; last < 2; last++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
        for (int times = 0; times < 2; times++) { /* a second try is encoded anew for its worker */
            relay_on_assigned(&driver.relay, (struct relay_connection){.request_id = 7, .last = last != times});
            assert_int_equal(driver.relay.request.data[driver.relay.request.start + FCGI_HEADER_LEN + 2], last == times);
            driver.relay.has_worker = false;
        }
        driver_close(&driver);
    }
}

static void program_that_disconnects_after_the_end_is_no_failure(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    put_stdout(&driver, HEADERS "hello");
    put_end(&driver);
    on_read(&driver, driver.reply.len, false); /* both in one completion */
    drive(&driver);
    sent(&driver);
    expect(&driver, "release:closed send done:keep");
    expect_body(&driver, "hello");
    driver_close(&driver);
}

static void reply_cut_anywhere_is_the_same_answer(void **state)
{
    (void)state;
    for (size_t read_len = 1; read_len < 100; read_len++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        open_and_write(&driver, &settings);
        driver.read_len = read_len;
        put_stdout(&driver, "Status: 404 Gone Away\nContent-Ty");
        put_stdout(&driver, "");
        put_stdout(&driver, "pe: text/plain\n\nhe");
        answer(&driver, "llo");
        sent(&driver);
        assert_true(driver.done && driver.keep_alive);
        expect_status(&driver, "404 Gone Away");
        assert_true(has_header(&driver, "Content-Type", "text/plain"));
        assert_true(has_header(&driver, "Content-Length", "5"));
        expect_body(&driver, "hello");
        driver_close(&driver);
    }
}

/* ---- framing */

/* A reply of `len` body bytes that exceeds the limit, sent in two pieces or more; all sends succeed. */
static void stream(struct driver *driver, const char *headers, size_t len)
{
    put_stdout(driver, headers);
    put_body(driver, 0, len);
    put_end(driver);
    read_all(driver);
    while (driver->send_out) {
        sent(driver);
        read_all(driver);
    }
    assert_true(driver->done);
    assert_int_equal(driver->outcome, POOL_OUTCOME_DONE);
}

static void reply_within_the_limit_has_its_length_and_keeps_the_connection(void **state)
{
    (void)state;
    static const char *const protocols[] = {"HTTP/1.1", "HTTP/1.0", "HTTP/2.0"};
    for (size_t i = 0; i < 3; i++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        strcpy(settings.protocol, protocols[i]);
        settings.buffer_limit = 1000;
        open_and_write(&driver, &settings);
        driver.read_len = 100;
        stream(&driver, HEADERS, 999);
        assert_true(driver.keep_alive);
        assert_true(has_header(&driver, "Content-Length", "999"));
        expect_body_len(&driver, 999);
        driver_close(&driver);
    }
}

static void reply_above_the_limit_is_chunked_on_http_1_1(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    stream(&driver, HEADERS, 300000);
    assert_true(driver.keep_alive);
    assert_true(has_header(&driver, "Transfer-Encoding", "chunked"));
    expect_body_len(&driver, 300000);
    driver_close(&driver);
}

static void reply_above_the_limit_ends_with_the_connection_on_http_1_0(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    strcpy(settings.protocol, "HTTP/1.0");
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    stream(&driver, HEADERS, 300000);
    assert_false(driver.keep_alive);
    assert_true(has_header(&driver, "Connection", "close"));
    assert_null(find_header(&driver, "Transfer-Encoding"));
    expect_body_len(&driver, 300000);
    driver_close(&driver);
}

static void reply_above_the_limit_is_bare_on_http_2(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    strcpy(settings.protocol, "HTTP/2.0");
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    stream(&driver, HEADERS, 300000);
    assert_true(driver.keep_alive);
    assert_null(find_header(&driver, "Transfer-Encoding"));
    assert_null(find_header(&driver, "Connection"));
    expect_body_len(&driver, 300000);
    driver_close(&driver);
}

static void client_that_wants_no_keep_alive_is_told_so(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.wants_keep_alive = false;
    open_and_write(&driver, &settings);
    answer(&driver, HEADERS "hello");
    sent(&driver);
    expect(&driver, "release:kept send done:close");
    assert_true(has_header(&driver, "Connection", "close"));
    driver_close(&driver);
}

static void length_of_the_application_is_passed_on_and_not_chunked(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    stream(&driver, "Content-Length: 300000\n\n", 300000);
    assert_true(driver.keep_alive);
    assert_true(has_header(&driver, "Content-Length", "300000"));
    expect_body_len(&driver, 300000);
    driver_close(&driver);
}

static void row_10_wrong_length_of_a_whole_reply_is_put_right(void **state)
{
    (void)state;
    static const char *const replies[] = {"Content-Length: 3\n\nhello", "Content-Length: 7\n\nhello",
                                          "Content-Length: 3\nContent-Length: 7\n\nhello"};
    for (size_t i = 0; i < 3; i++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        open_and_write(&driver, &settings);
        answer(&driver, replies[i]);
        sent(&driver);
        expect(&driver, "release:kept send done:keep");
        assert_true(has_header(&driver, "Content-Length", "5"));
        expect_body(&driver, "hello");
        driver_close(&driver);
    }
}

static void row_10_streamed_reply_is_cut_at_the_length_that_was_announced(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    stream(&driver, "Content-Length: 200000\n\n", 300000);
    assert_true(driver.keep_alive);
    assert_true(has_header(&driver, "Content-Length", "200000"));
    expect_body_len(&driver, 200000);
    driver_close(&driver);
}

static void row_10_streamed_reply_shorter_than_announced_ends_with_the_connection(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    stream(&driver, "Content-Length: 300000\n\n", 200000);
    expect_cut(&driver);
    driver_close(&driver);
}

static void row_10_more_at_once_than_announced_is_as_if_nothing_was_announced(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    stream(&driver, "Content-Length: 10\n\n", 300000);
    assert_true(has_header(&driver, "Transfer-Encoding", "chunked"));
    assert_true(driver.keep_alive);
    expect_body_len(&driver, 300000);
    driver_close(&driver);
}

static void row_10_head_204_and_304_have_no_body(void **state)
{
    (void)state;
    static const struct {
        bool head;
        const char *headers;
        size_t len;
        const char *status;
        const char *length; /* that is sent */
    } cases[] = {
        {true, HEADERS, 300000, "200 OK", "300000"},
        {true, "Content-Length: 77\n\n", 0, "200 OK", "77"},
        {true, HEADERS, 0, "200 OK", NULL},
        {false, "Status: 204\n\n", 0, "204 No Content", NULL},
        {false, "Status: 204\n\n", 300000, "204 No Content", NULL},
        {false, "Status: 304\nETag: x\n\n", 5, "304 Not Modified", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        settings.head = cases[i].head;
        settings.buffer_limit = i % 2 ? 0 : 1000;
        open_and_write(&driver, &settings);
        stream(&driver, cases[i].headers, cases[i].len);
        assert_true(driver.keep_alive);
        expect_status(&driver, cases[i].status);
        const char *length = cases[i].length;
        assert_true(length ? has_header(&driver, "Content-Length", length) : !find_header(&driver, "Content-Length"));
        expect_body(&driver, "");
        driver_close(&driver);
    }
}

static void headers_without_a_blank_line_are_an_answer_without_a_body(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    answer(&driver, "Location: /elsewhere\n");
    sent(&driver);
    expect(&driver, "release:kept send done:keep");
    expect_status(&driver, "302 Found");
    assert_true(has_header(&driver, "Location", "/elsewhere"));
    expect_body(&driver, "");
    driver_close(&driver);
}

static void header_block_of_any_allowed_size_is_passed_on(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    struct buffer block;
    buffer_init(&block, CGI_RESPONSE_MAX_HEADER_LEN);
    size_t count = CGI_RESPONSE_MAX_HEADER_LEN / 3 - 1;
    for (size_t i = 0; i < count; i++) /* each line grows from 3 to 5 bytes */
        assert_true(buffer_append_str(&block, "a:\n"));
    assert_true(buffer_append_str(&block, "\n"));
    put_record(&driver, FCGI_STDOUT, buffer_peek(&block));
    put_end(&driver);
    read_all(&driver);
    sent(&driver);
    assert_true(driver.done && driver.keep_alive);
    expect_status(&driver, "200 OK");
    assert_true(driver.headers.len > count * 5);
    buffer_deinit(&block);
    driver_close(&driver);
}

/* ---- no buffering */

static void limit_of_0_passes_on_each_write_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 0;
    open_and_write(&driver, &settings);
    put_stdout(&driver, "Content-Type: text/event-stream\n\n");
    read_all(&driver);
    expect(&driver, "read send"); /* the client learns that it is connected */
    sent(&driver);
    expect(&driver, "");
    for (int i = 0; i < 3; i++) {
        put_stdout(&driver, "data: x\n\n");
        read_all(&driver);
        expect(&driver, "send read"); /* at most one read ahead of the client */
        sent(&driver);
        expect(&driver, "");
    }
    put_end(&driver);
    read_all(&driver);
    expect(&driver, "release:kept send");
    sent(&driver);
    expect(&driver, "done:keep");
    expect_body(&driver, "data: x\n\ndata: x\n\ndata: x\n\n");
    driver_close(&driver);
}

static void limit_of_0_does_not_hurt_a_reply_that_comes_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 0;
    open_and_write(&driver, &settings);
    answer(&driver, HEADERS "hello");
    sent(&driver);
    expect(&driver, "release:kept send done:keep");
    assert_true(has_header(&driver, "Content-Length", "5"));
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_get_is_one_write_and_its_reply_one_read),
        cmocka_unit_test(worker_without_a_pending_read_is_read_at_once),
        cmocka_unit_test(small_post_is_one_write),
        cmocka_unit_test(write_in_parts_goes_on_where_it_was),
        cmocka_unit_test(reply_that_overtakes_the_end_of_the_write_keeps_the_connection),
        cmocka_unit_test(reply_that_overtakes_the_write_on_another_connection_closes_it),
        cmocka_unit_test(connection_that_is_not_kept_is_closed_at_the_end),
        cmocka_unit_test(last_request_of_a_worker_tells_the_program_not_to_keep_the_connection),
        cmocka_unit_test(program_that_disconnects_after_the_end_is_no_failure),
        cmocka_unit_test(reply_cut_anywhere_is_the_same_answer),
        cmocka_unit_test(reply_within_the_limit_has_its_length_and_keeps_the_connection),
        cmocka_unit_test(reply_above_the_limit_is_chunked_on_http_1_1),
        cmocka_unit_test(reply_above_the_limit_ends_with_the_connection_on_http_1_0),
        cmocka_unit_test(reply_above_the_limit_is_bare_on_http_2),
        cmocka_unit_test(client_that_wants_no_keep_alive_is_told_so),
        cmocka_unit_test(length_of_the_application_is_passed_on_and_not_chunked),
        cmocka_unit_test(row_10_wrong_length_of_a_whole_reply_is_put_right),
        cmocka_unit_test(row_10_streamed_reply_is_cut_at_the_length_that_was_announced),
        cmocka_unit_test(row_10_streamed_reply_shorter_than_announced_ends_with_the_connection),
        cmocka_unit_test(row_10_more_at_once_than_announced_is_as_if_nothing_was_announced),
        cmocka_unit_test(row_10_head_204_and_304_have_no_body),
        cmocka_unit_test(headers_without_a_blank_line_are_an_answer_without_a_body),
        cmocka_unit_test(header_block_of_any_allowed_size_is_passed_on),
        cmocka_unit_test(limit_of_0_passes_on_each_write_at_once),
        cmocka_unit_test(limit_of_0_does_not_hurt_a_reply_that_comes_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
