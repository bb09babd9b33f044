/* relay: a worker that dies at any point, or answers with something that is no answer; a pool that gives the request up; a client
 * that goes away. What is the pool told, and what does the client get? */
#include "tests/unit/relay_outcome.h"

#define HEADERS "Content-Type: text/plain\n\n"

static struct relay_settings upload(uint64_t body_len)
{
    struct relay_settings settings = default_settings();
    settings.safe = false;
    settings.body_len = body_len;
    return settings;
}

static void open_relay(struct driver *driver, const struct relay_settings *settings, size_t first_len)
{
    assert_int_equal(driver_open(driver, settings, first_len), CGI_VARS_OK);
}

/* The pool has no second try; the client gets the page, and its connection stays. */
static void give_up(struct driver *driver, enum error_cause cause)
{
    forget_actions(driver);
    pool_fails(driver, cause);
    expect(driver, "explain send");
    sent(driver);
    expect(driver, "done:keep");
    expect_page(driver, cause);
    driver_close(driver);
}

/* ---- a worker that dies */

static void worker_that_dies_before_a_byte_was_written_has_not_got_the_request(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(100);
    open_relay(&driver, &settings, 100);
    assign(&driver);
    connection_ends(&driver);
    expect(&driver, "write close"); /* a write may hang though reading has ended */
    write_fails(&driver, 0);
    expect(&driver, "release:unwritten");
    assign_to(&driver, true, true);
    write_fails(&driver, 0);
    expect(&driver, "write"); /* what it has written before it died may still come */
    connection_ends(&driver);
    expect(&driver, "release:unwritten");
    give_up(&driver, ERROR_CAUSE_WORKER_EXITED);
}

static void worker_that_dies_before_the_write_is_asked_for_has_not_got_the_request(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(100);
    open_relay(&driver, &settings, 100);
    on_assigned(&driver, true, true);
    on_read(&driver, 0, false);
    drive(&driver);
    expect(&driver, "release:unwritten");
    give_up(&driver, ERROR_CAUSE_WORKER_EXITED);
}

/* They belong to the request before, and to another client. */
static void bytes_that_came_before_the_request_was_written_are_not_its_answer(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_relay(&driver, &settings, 0);
    on_assigned(&driver, true, true);
    put_stdout(&driver, HEADERS "secret");
    put_end(&driver);
    on_read(&driver, driver.reply.len, true);
    drive(&driver);
    expect(&driver, "release:unwritten");
    assign(&driver);
    written(&driver);
    answer(&driver, HEADERS "mine");
    sent(&driver);
    expect(&driver, "write release:kept send done:keep");
    expect_body(&driver, "mine");
    driver_close(&driver);
}

/* The request has been written, so they might be its answer; their id says that they are not. */
static void late_answer_to_the_request_before_is_refused(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_relay(&driver, &settings, 0);
    assign_to(&driver, true, false);
    written(&driver);
    uint16_t own_id = driver.relay.exchange.request_id;
    driver.relay.exchange.request_id--;
    put_stdout(&driver, HEADERS "secret");
    put_end(&driver);
    driver.relay.exchange.request_id = own_id;
    on_read(&driver, driver.reply.len, true);
    drive(&driver);
    expect(&driver, "write read close release:unusable explain send");
    assert_int_equal(driver.relay.failure.cause, ERROR_CAUSE_PROTOCOL);
    sent(&driver);
    expect(&driver, "done:keep");
    driver_close(&driver);
}

static void worker_that_dies_after_half_of_the_request_is_broken(void **state)
{
    (void)state;
    for (int in_one_write = 0; in_one_write < 2; in_one_write++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        open_relay(&driver, &settings, 0);
        assign_to(&driver, true, true);
        if (!in_one_write) {
            on_written(&driver, 100, true);
            drive(&driver);
        }
        write_fails(&driver, in_one_write ? 100 : 0);
        connection_ends(&driver);
        assert_int_equal(driver.outcome, POOL_OUTCOME_BROKEN);
        give_up(&driver, ERROR_CAUSE_WORKER_EXITED);
    }
}

/* A write that hangs has been read in part: the worker knows the request, whatever the system says of the write. */
static void worker_that_has_answered_before_the_write_failed_is_broken(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(100000);
    open_relay(&driver, &settings, 100000);
    assign_to(&driver, true, true);
    put_stdout(&driver, "Con");
    read_all(&driver);
    write_fails(&driver, 0);
    connection_ends(&driver);
    expect(&driver, "write read release:broken");
    give_up(&driver, ERROR_CAUSE_WORKER_EXITED);
}

static void kept_connection_that_ends_without_a_byte_is_unanswered(void **state)
{
    (void)state;
    for (int reused = 0; reused < 2; reused++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        settings.body_len = 100;
        open_relay(&driver, &settings, 100);
        assign_to(&driver, reused, true);
        written(&driver);
        connection_ends(&driver);
        expect(&driver, reused ? "write release:unanswered" : "write release:broken");
        give_up(&driver, ERROR_CAUSE_WORKER_EXITED);
    }
}

static void kept_connection_that_ends_after_a_byte_is_broken(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_relay(&driver, &settings, 0);
    assign_to(&driver, true, true);
    written(&driver);
    put_stdout(&driver, "");
    on_read(&driver, 1, true); /* of a record's header */
    drive(&driver);
    connection_ends(&driver);
    expect(&driver, "write read release:broken");
    give_up(&driver, ERROR_CAUSE_WORKER_EXITED);
}

static void streamed_body_cannot_be_unanswered(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(300);
    open_relay(&driver, &settings, 0);
    settings.body_len = driver.relay.request.len - 2 * FCGI_HEADER_LEN; /* as long as the head, when framed */
    driver_close(&driver);
    open_relay(&driver, &settings, 0);
    assign_to(&driver, true, true);
    written(&driver);
    client_sends(&driver, WHOLE);
    assert_int_equal(driver.write.len, driver.relay.request.len);
    written(&driver);
    connection_ends(&driver);
    expect(&driver, "write client-read write release:broken");
    give_up(&driver, ERROR_CAUSE_CONNECTION_CLOSED);
}

static void worker_that_dies_while_the_client_is_read_is_released_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(100);
    open_relay(&driver, &settings, 0);
    assign(&driver);
    written(&driver);
    connection_ends(&driver);
    expect(&driver, "write client-read release:broken");
    pool_fails(&driver, ERROR_CAUSE_WORKER_CRASHED);
    expect(&driver, "cancel"); /* one operation at a time */
    client_sends(&driver, 100);
    sent(&driver);
    expect(&driver, "explain send done:keep");
    expect_page(&driver, ERROR_CAUSE_WORKER_CRASHED);
    driver_close(&driver);
}

static void row_09_worker_that_dies_in_mid_reply_gives_an_error_page(void **state)
{
    (void)state;
    const size_t reply_len = FCGI_HEADER_LEN + 32 + FCGI_HEADER_LEN + FCGI_END_REQUEST_LEN;
    for (size_t len = 1; len < reply_len; len++) { /* also in the middle of END_REQUEST */
        struct driver driver;
        struct relay_settings settings = default_settings();
        open_and_write(&driver, &settings);
        put_stdout(&driver, HEADERS "hello");
        put_end(&driver);
        assert_int_equal(driver.reply.len, reply_len);
        on_read(&driver, len, true);
        drive(&driver);
        connection_ends(&driver);
        assert_int_equal(driver.outcome, POOL_OUTCOME_BROKEN);
        give_up(&driver, ERROR_CAUSE_WORKER_EXITED);
    }
}

static void last_bytes_of_a_dying_worker_are_not_sent_on(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 10;
    open_and_write(&driver, &settings);
    put_stdout(&driver, HEADERS "more than the limit");
    on_read(&driver, driver.reply.len, false);
    drive(&driver);
    expect(&driver, "release:broken"); /* an error page is still possible */
    give_up(&driver, ERROR_CAUSE_WORKER_CRASHED);
}

/* A reply of which the headers and the first piece are being sent. */
static void open_streaming(struct driver *driver, const char *headers)
{
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000;
    open_and_write(driver, &settings);
    put_stdout(driver, headers);
    put_body(driver, 0, 5000);
    read_all(driver);
    assert_true(driver->send_out);
    forget_actions(driver);
}

static void row_17_worker_that_dies_after_the_headers_cuts_the_answer(void **state)
{
    (void)state;
    static const char *const headers[] = {HEADERS, "Content-Length: 100000\n\n"};
    for (int i = 0; i < 4; i++) {
        struct driver driver;
        open_streaming(&driver, headers[i % 2]);
        if (i < 2)
            sent(&driver);
        connection_ends(&driver);
        assert_int_equal(driver.outcome, POOL_OUTCOME_BROKEN);
        pool_fails(&driver, ERROR_CAUSE_WORKER_CRASHED);
        if (i >= 2)
            sent(&driver);
        expect_cut(&driver);
        driver_close(&driver);
    }
}

static void answer_that_came_though_the_write_failed_stands(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(100);
    open_relay(&driver, &settings, 100);
    assign(&driver);
    write_fails(&driver, 50);
    answer(&driver, HEADERS "enough");
    sent(&driver);
    expect(&driver, "write close release:closed send done:keep");
    expect_body(&driver, "enough");
    driver_close(&driver);
}

static void second_worker_gets_exactly_the_same_bytes(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.body_len = 70000;
    open_relay(&driver, &settings, 70000);
    assign_to(&driver, true, true);
    written(&driver);
    struct buffer first = driver.received;
    buffer_init(&driver.received, SIZE_MAX / 4);
    connection_ends(&driver);
    expect(&driver, "write release:unanswered");
    for (int i = 0; i < 2; i++) {
        assign_to(&driver, true, true);
        write_fails(&driver, 0);
        connection_ends(&driver);
        expect(&driver, "write release:unwritten");
    }
    assign(&driver);
    written(&driver);
    exchange_number(first.data + first.start, first.len, EXCHANGE_FIRST_ID); /* which it is on the new connection */
    assert_true(bytes_equal(buffer_peek(&first), buffer_peek(&driver.received)));
    answer(&driver, HEADERS "hello");
    sent(&driver);
    expect(&driver, "write release:kept send done:keep");
    expect_body(&driver, "hello");
    buffer_deinit(&first);
    driver_close(&driver);
}

/* ---- the pool gives the request up */

static void request_without_a_worker_gets_a_page(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_relay(&driver, &settings, 0);
    give_up(&driver, ERROR_CAUSE_QUEUE_FULL);
    settings.head = true;
    open_relay(&driver, &settings, 0);
    give_up(&driver, ERROR_CAUSE_DRAINING);
}

static void page_for_a_request_with_unread_body_closes_the_connection(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000);
    open_relay(&driver, &settings, 10);
    pool_fails(&driver, ERROR_CAUSE_QUEUE_FULL);
    sent(&driver);
    expect(&driver, "explain send done:close");
    expect_page(&driver, ERROR_CAUSE_QUEUE_FULL);
    driver_close(&driver);
}

static void request_taken_off_its_worker_at_any_point_gets_a_page(void **state)
{
    (void)state;
    for (int point = 0; point < 4; point++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        open_relay(&driver, &settings, 0);
        assign(&driver); /* its write is outstanding */
        if (point >= 1)
            written(&driver);
        if (point >= 2)
            put_stdout(&driver, "Content-Type");
        if (point >= 3)
            put_stdout(&driver, ": a\n\nhalf");
        read_all(&driver);
        give_up(&driver, ERROR_CAUSE_ACTIVITY_TIMEOUT);
    }
}

static void request_taken_off_after_the_headers_is_cut(void **state)
{
    (void)state;
    for (int sending = 0; sending < 2; sending++) {
        struct driver driver;
        open_streaming(&driver, HEADERS);
        while (!sending && driver.send_out)
            sent(&driver);
        forget_actions(&driver);
        pool_fails(&driver, ERROR_CAUSE_REQUEST_TIMEOUT);
        expect(&driver, sending ? "" : "done:close");
        if (sending)
            sent(&driver);
        expect_cut(&driver);
        driver_close(&driver);
    }
}

static void request_taken_off_after_its_end_is_answered_all_the_same(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_relay(&driver, &settings, 0);
    assign(&driver);
    answer(&driver, HEADERS "hello"); /* the write is still outstanding, so that the worker is not yet released */
    assert_true(driver.bound);
    pool_fails(&driver, ERROR_CAUSE_REQUEST_TIMEOUT);
    sent(&driver);
    expect(&driver, "write send done:keep");
    expect_body(&driver, "hello");
    driver_close(&driver);
}

static void first_failure_is_the_one_that_is_shown(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    on_read(&driver, 0, true);
    put_stdout(&driver, "no header\n\n");
    relay_on_read(&driver.relay, bytes_of_str("\x07"), true); /* no FastCGI */
    pool_fails(&driver, ERROR_CAUSE_REQUEST_TIMEOUT);
    sent(&driver);
    expect(&driver, "explain send done:keep");
    expect_page(&driver, ERROR_CAUSE_PROTOCOL);
    driver_close(&driver);
}

/* The pool has given it up while the news of its end was on the way. */
static void request_given_up_after_its_release_is_answered_all_the_same(void **state)
{
    (void)state;
    struct driver driver;
    open_streaming(&driver, HEADERS);
    put_end(&driver);
    while (driver.reply.len > 0 || driver.bound) { /* the last piece is still to be sent */
        if (!driver.read_out)
            sent(&driver);
        read_all(&driver);
    }
    assert_true(driver.send_out && !driver.final);
    pool_fails(&driver, ERROR_CAUSE_REQUEST_TIMEOUT);
    while (driver.send_out)
        sent(&driver);
    assert_true(driver.keep_alive);
    expect_body_len(&driver, 5000);
    driver_close(&driver);
}

/* ---- the client goes away */

static void client_that_goes_while_its_body_is_read_ends_the_request(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000);
    open_relay(&driver, &settings, 10);
    assign(&driver);
    written(&driver);
    client_goes_while_read(&driver);
    expect(&driver, "write client-read close release:closed done:close");
    assert_false(driver.headers_sent);
    driver_close(&driver);
}

/* The host has written behind our memory; do not make it worse. */
static void client_that_sends_more_than_was_announced_is_given_up(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000);
    open_relay(&driver, &settings, 10);
    assign(&driver);
    written(&driver);
    driver.client_read_out = false;
    relay_on_client_read(&driver.relay, 991, true);
    drive(&driver);
    expect(&driver, "write client-read close release:closed done:close");
    driver_close(&driver);
}

static void client_that_goes_during_the_reply_leaves_the_worker_alone(void **state)
{
    (void)state;
    struct driver driver;
    open_streaming(&driver, HEADERS);
    put_body(&driver, 5000, 900);
    read_all(&driver);
    assert_true(driver.relay.out.len > 0);
    send_fails(&driver);
    assert_true(driver.relay.out.len == 0);
    assert_true(driver.read_out); /* the rest is read and thrown away */
    put_body(&driver, 5000, 3000000);
    put_end(&driver);
    read_all(&driver);
    assert_true(driver.relay.out.len == 0);
    assert_true(driver.done && !driver.keep_alive);
    assert_int_equal(driver.outcome, POOL_OUTCOME_DONE);
    driver_close(&driver);
}

static void client_that_goes_with_its_body_unread_takes_the_connection_along(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000);
    settings.buffer_limit = 10;
    open_relay(&driver, &settings, 10);
    assign(&driver);
    put_stdout(&driver, HEADERS);
    put_body(&driver, 0, 1000);
    read_all(&driver);
    put_body(&driver, 1000, 1000);
    read_all(&driver);
    expect(&driver, "write send read"); /* and what that has brought waits */
    send_fails(&driver);
    expect(&driver, "close"); /* the program would wait for a body that never comes */
    write_fails(&driver, 5);
    expect(&driver, "release:closed done:close");
    driver_close(&driver);
}

static void client_that_goes_at_the_last_send_does_no_harm(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_and_write(&driver, &settings);
    answer(&driver, HEADERS "hello");
    send_fails(&driver);
    expect(&driver, "release:kept send done:close");
    driver_close(&driver);
}

static void client_that_goes_before_its_error_page_does_no_harm(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    open_relay(&driver, &settings, 0);
    pool_fails(&driver, ERROR_CAUSE_QUEUE_FULL);
    send_fails(&driver);
    expect(&driver, "explain send done:close");
    driver_close(&driver);
}

static void worker_that_dies_when_the_client_has_gone_ends_the_request(void **state)
{
    (void)state;
    struct driver driver;
    open_streaming(&driver, HEADERS);
    send_fails(&driver);
    connection_ends(&driver);
    expect(&driver, "release:closed done:close");
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worker_that_dies_before_a_byte_was_written_has_not_got_the_request),
        cmocka_unit_test(worker_that_dies_before_the_write_is_asked_for_has_not_got_the_request),
        cmocka_unit_test(bytes_that_came_before_the_request_was_written_are_not_its_answer),
        cmocka_unit_test(late_answer_to_the_request_before_is_refused),
        cmocka_unit_test(worker_that_dies_after_half_of_the_request_is_broken),
        cmocka_unit_test(worker_that_has_answered_before_the_write_failed_is_broken),
        cmocka_unit_test(kept_connection_that_ends_without_a_byte_is_unanswered),
        cmocka_unit_test(kept_connection_that_ends_after_a_byte_is_broken),
        cmocka_unit_test(streamed_body_cannot_be_unanswered),
        cmocka_unit_test(worker_that_dies_while_the_client_is_read_is_released_at_once),
        cmocka_unit_test(row_09_worker_that_dies_in_mid_reply_gives_an_error_page),
        cmocka_unit_test(last_bytes_of_a_dying_worker_are_not_sent_on),
        cmocka_unit_test(row_17_worker_that_dies_after_the_headers_cuts_the_answer),
        cmocka_unit_test(answer_that_came_though_the_write_failed_stands),
        cmocka_unit_test(second_worker_gets_exactly_the_same_bytes),
        cmocka_unit_test(request_without_a_worker_gets_a_page),
        cmocka_unit_test(page_for_a_request_with_unread_body_closes_the_connection),
        cmocka_unit_test(request_taken_off_its_worker_at_any_point_gets_a_page),
        cmocka_unit_test(request_taken_off_after_the_headers_is_cut),
        cmocka_unit_test(request_taken_off_after_its_end_is_answered_all_the_same),
        cmocka_unit_test(request_given_up_after_its_release_is_answered_all_the_same),
        cmocka_unit_test(first_failure_is_the_one_that_is_shown),
        cmocka_unit_test(client_that_goes_while_its_body_is_read_ends_the_request),
        cmocka_unit_test(client_that_sends_more_than_was_announced_is_given_up),
        cmocka_unit_test(client_that_goes_during_the_reply_leaves_the_worker_alone),
        cmocka_unit_test(client_that_goes_with_its_body_unread_takes_the_connection_along),
        cmocka_unit_test(client_that_goes_at_the_last_send_does_no_harm),
        cmocka_unit_test(client_that_goes_before_its_error_page_does_no_harm),
        cmocka_unit_test(worker_that_dies_when_the_client_has_gone_ends_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
