/* relay: bodies that do not come at once, in both directions: streaming, back-pressure, and early answers. */
#include "tests/unit/relay_outcome.h"

#define HEADERS "Content-Type: text/plain\n\n"

static struct relay_settings upload(uint64_t body_len)
{
    struct relay_settings settings = default_settings();
    settings.safe = false;
    settings.body_len = body_len;
    return settings;
}

/* The head and the first `first_len` bytes of the body have been written. */
static void open_upload(struct driver *driver, const struct relay_settings *settings, size_t first_len)
{
    assert_int_equal(driver_open(driver, settings, first_len), CGI_VARS_OK);
    assign(driver);
    written(driver);
    forget_actions(driver);
}

/* ---- up */

static void body_streams_in_records_as_the_client_sends_it(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(100000);
    assert_int_equal(driver_open(&driver, &settings, 1000), CGI_VARS_OK);
    assign(&driver);
    expect(&driver, "write");
    written(&driver);
    expect(&driver, "client-read"); /* and not before the worker has taken what there was */
    client_sends(&driver, 7);
    expect(&driver, "write");
    written(&driver);
    expect(&driver, "client-read");
    client_sends(&driver, WHOLE);
    on_written(&driver, 10, true);
    drive(&driver);
    expect(&driver, "write write"); /* the rest of it */
    written(&driver);
    expect(&driver, "client-read");
    assert_false(request_seen(&driver).complete);
    assert_int_equal(driver.target_len, 100000 - 1000 - 7 - FCGI_MAX_CONTENT_LEN);
    client_sends(&driver, WHOLE);
    written(&driver);
    expect(&driver, "write"); /* with the record that ends the body */
    expect_whole_request(&driver);
    answer(&driver, HEADERS "hello");
    sent(&driver);
    expect(&driver, "release:kept send done:keep");
    driver_close(&driver);
}

static void check_row_01(size_t body_len)
{
    const size_t first_lens[] = {0, 1, 48 * 1024, body_len};
    for (size_t i = 0; i < 4; i++) {
        struct driver driver;
        struct relay_settings settings = upload(body_len);
        assert_int_equal(driver_open(&driver, &settings, first_lens[i]), CGI_VARS_OK);
        assign(&driver);
        while (driver.write_out || driver.client_read_out) {
            if (driver.write_out)
                written(&driver);
            else
                client_sends(&driver, WHOLE);
        }
        expect_whole_request(&driver);
        assert_int_equal(request_seen(&driver).body_len, body_len);
        driver_close(&driver);
    }
}

static void row_01_bodies_around_the_size_of_a_record_are_not_truncated(void **state)
{
    (void)state;
    static const size_t lens[] = {65527, 65528, 65529, 65535, 65536, 99000, 131072};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
        check_row_01(lens[i]);
}

/* UploadReadAheadSize can be far above its default of 48 KiB. */
static void first_part_of_any_size_is_taken(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(3000000);
    open_and_write(&driver, &settings);
    assert_int_equal(request_seen(&driver).body_len, 3000000);
    driver_close(&driver);
}

static void more_than_was_announced_is_not_passed_on(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000);
    assert_int_equal(driver_open(&driver, &settings, 2000), CGI_VARS_OK);
    assign(&driver);
    written(&driver);
    expect(&driver, "write");
    expect_whole_request(&driver);
    driver_close(&driver);
}

static void reply_is_read_while_the_body_streams(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000000);
    open_upload(&driver, &settings, 0);
    put_stdout(&driver, HEADERS);
    while (driver.client_read_out) { /* a program that sends back what it gets */
        size_t len = driver.target_len;
        put_body(&driver, driver.body_given, len);
        client_sends(&driver, WHOLE);
        written(&driver);
        read_all(&driver);
        assert_int_equal(driver.reply.len, 0);
    }
    expect_whole_request(&driver);
    put_end(&driver);
    read_all(&driver);
    sent(&driver);
    assert_true(driver.keep_alive);
    expect_body_len(&driver, 1000000);
    driver_close(&driver);
}

/* ---- down */

static void worker_waits_until_the_client_has_taken_the_reply(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000;
    open_and_write(&driver, &settings);
    driver.read_len = 500;
    put_stdout(&driver, HEADERS);
    put_body(&driver, 0, 100000);
    read_all(&driver);
    expect(&driver, "read read send read read"); /* one limit is being sent, one is waiting */
    assert_true(driver.send_out && !driver.read_out && driver.reply.len > 90000);
    sent(&driver);
    expect(&driver, "send read");
    driver_close(&driver);
}

static void streamed_reply_takes_little_memory_whatever_the_limit(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.buffer_limit = 1000000;
    open_and_write(&driver, &settings);
    put_stdout(&driver, HEADERS);
    put_body(&driver, 0, 5000000);
    put_end(&driver);
    read_all(&driver);
    assert_true(driver.piece.len >= 1000000);
    size_t pieces = 0;
    for (; driver.send_out; pieces++) {
        sent(&driver);
        read_all(&driver);
        assert_true(driver.relay.out.capacity + driver.relay.sending.capacity < 8 * RELAY_STREAM_LEN);
    }
    assert_true(pieces > 30 && driver.keep_alive);
    expect_body_len(&driver, 5000000);
    driver_close(&driver);
}

static void time_is_the_clients_while_its_body_or_its_reading_is_missing(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000);
    settings.buffer_limit = 1000;
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    assert_false(relay_waits_for_client(&driver.relay));
    assign(&driver);
    assert_false(relay_waits_for_client(&driver.relay)); /* writing */
    written(&driver);
    assert_true(relay_waits_for_client(&driver.relay)); /* for the body */
    client_sends(&driver, 1000);
    assert_false(relay_waits_for_client(&driver.relay)); /* writing it */
    written(&driver);
    assert_false(relay_waits_for_client(&driver.relay)); /* for the reply */
    driver.read_len = 1000;
    put_stdout(&driver, HEADERS);
    put_body(&driver, 0, 3000);
    on_read(&driver, 1200, true);
    drive(&driver);
    assert_true(driver.send_out && driver.read_out);
    assert_false(relay_waits_for_client(&driver.relay)); /* it reads, and more of the reply is missing */
    read_all(&driver);
    assert_true(driver.send_out && !driver.read_out);
    assert_true(relay_waits_for_client(&driver.relay)); /* it does not read */
    sent(&driver);
    assert_false(relay_waits_for_client(&driver.relay));
    driver_close(&driver);
}

/* ---- early answers */

/* A program that sends back what it gets, more than is buffered. */
static void body_is_read_on_when_the_headers_are_out(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000000);
    settings.buffer_limit = 1000;
    open_upload(&driver, &settings, 0);
    put_stdout(&driver, HEADERS);
    while (driver.body_given < settings.body_len) {
        put_body(&driver, driver.body_given, driver.target_len);
        client_sends(&driver, WHOLE);
        written(&driver);
        read_all(&driver);
        while (driver.send_out) {
            assert_false(driver.client_read_out);
            sent(&driver);
            read_all(&driver);
        }
    }
    expect_whole_request(&driver);
    put_end(&driver);
    read_all(&driver);
    while (!driver.done)
        sent(&driver);
    assert_false(driver.keep_alive); /* as it was announced when much of the body was missing */
    expect_body_len(&driver, 1000000);
    driver_close(&driver);
}

/* Or a program that begins with its headers would never get its input. */
static void headers_alone_do_not_end_the_reading_of_the_body(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000);
    settings.buffer_limit = 0;
    assert_int_equal(driver_open(&driver, &settings, 10), CGI_VARS_OK);
    assign(&driver);
    put_stdout(&driver, HEADERS);
    read_all(&driver);
    expect(&driver, "write read");
    written(&driver);
    expect(&driver, "client-read");
    client_sends(&driver, WHOLE);
    expect(&driver, "write send"); /* there is no more of it */
    driver_close(&driver);
}

static void answer_before_the_body_closes_both_connections(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(1000000); /* KeepConnections=Always */
    open_upload(&driver, &settings, 1000);
    client_sends(&driver, 100);
    forget_actions(&driver);
    answer(&driver, "Status: 413\n\n");
    expect(&driver, "close send"); /* not kept: the program would take the rest for records */
    write_fails(&driver, 0);
    expect(&driver, "release:closed");
    sent(&driver);
    expect(&driver, "done:close");
    expect_status(&driver, "413 Content Too Large");
    assert_true(has_header(&driver, "Connection", "close"));
    expect_body(&driver, "");
    driver_close(&driver);
}

/* The host may be able to end the read at once, or not; and it may have brought bytes after all. */
static void answer_while_the_client_is_read_is_sent_after_that(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct driver driver;
        struct relay_settings settings = upload(1000000);
        open_upload(&driver, &settings, 0);
        answer(&driver, HEADERS "no");
        expect(&driver, "close release:closed cancel"); /* the worker need not wait for that */
        on_client_read(&driver, how == 0 ? 100 : 0, how < 2);
        drive(&driver);
        expect(&driver, "send");
        sent(&driver);
        expect(&driver, "done:close");
        expect_body(&driver, "no");
        driver_close(&driver);
    }
}

/* What is read from the file is no operation on the client. */
static void stored_body_is_read_and_written_while_the_reply_is_sent(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(200000);
    settings.spooled = true;
    settings.buffer_limit = 1000;
    open_upload(&driver, &settings, 0);
    put_stdout(&driver, HEADERS);
    put_body(&driver, 0, 2000);
    read_all(&driver);
    expect(&driver, "send read");
    assert_true(driver.client_read_out);
    assert_false(relay_waits_for_client(&driver.relay) && driver.read_out); /* of the file: not on the client's account */
    client_sends(&driver, WHOLE);
    written(&driver);
    expect(&driver, "write client-read"); /* the client has not taken the piece yet */
    sent(&driver);
    while (driver.client_read_out) {
        client_sends(&driver, WHOLE);
        written(&driver);
    }
    expect_whole_request(&driver);
    put_end(&driver);
    read_all(&driver);
    sent(&driver);
    assert_true(driver.done && driver.keep_alive);
    expect_body_len(&driver, 2000);
    driver_close(&driver);
}

static void early_answer_leaves_the_client_of_a_stored_body_connected(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(200000);
    settings.spooled = true;
    open_upload(&driver, &settings, 0);
    answer(&driver, HEADERS "no");
    expect(&driver, "close release:closed send"); /* nothing is to be cancelled */
    sent(&driver);
    expect(&driver, ""); /* the read of the file uses the relay's memory */
    on_client_read(&driver, 100, true);
    drive(&driver);
    expect(&driver, "done:keep"); /* the client has sent all of it */
    driver_close(&driver);
}

static void stored_body_that_cannot_be_read_is_an_error_of_ours(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(200000);
    settings.spooled = true;
    open_upload(&driver, &settings, 0);
    on_client_read(&driver, 0, false);
    drive(&driver);
    expect(&driver, "close release:closed explain send");
    sent(&driver);
    expect(&driver, "done:keep");
    assert_int_equal(driver.facts.cause, ERROR_CAUSE_SPOOL);
    driver_close(&driver);
}

static void row_25_program_that_never_reads_an_upload_answers_at_once(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = upload(100 * 1024 * 1024);
    settings.keep_conn = false; /* FlushNamedPipe=1, or Auto */
    assert_int_equal(driver_open(&driver, &settings, 48 * 1024), CGI_VARS_OK);
    assign(&driver);
    on_written(&driver, 4096, true); /* the pipe is full */
    drive(&driver);
    expect(&driver, "write write");
    answer(&driver, HEADERS "no");
    expect(&driver, "close send");
    sent(&driver);
    write_fails(&driver, 0);
    expect(&driver, "release:closed done:close");
    expect_body(&driver, "no");
    driver_close(&driver);
}

static void row_28_connection_with_an_unread_body_is_never_kept(void **state)
{
    (void)state;
    for (int streamed = 0; streamed < 2; streamed++) {
        struct driver driver;
        struct relay_settings settings = upload(1000);
        assert_int_equal(driver_open(&driver, &settings, streamed ? 999 : 1000), CGI_VARS_OK);
        assign(&driver);
        answer(&driver, HEADERS "no"); /* before the write is over */
        on_written(&driver, 100, streamed);
        drive(&driver);
        sent(&driver);
        assert_int_equal(driver.outcome, POOL_OUTCOME_DONE_CLOSED);
        assert_int_equal(driver.keep_alive, !streamed);
        driver_close(&driver);
    }
}

/* ---- what the pool asks */

static void only_a_safe_request_whose_body_is_there_can_be_replayed(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct driver driver;
        struct relay_settings settings = default_settings();
        settings.safe = i & 1;
        settings.body_len = 100;
        assert_int_equal(driver_open(&driver, &settings, i & 2 ? 100 : 50), CGI_VARS_OK);
        assert_int_equal(relay_is_replayable(&driver.relay), i == 3);
        driver_close(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_streams_in_records_as_the_client_sends_it),
        cmocka_unit_test(row_01_bodies_around_the_size_of_a_record_are_not_truncated),
        cmocka_unit_test(first_part_of_any_size_is_taken),
        cmocka_unit_test(more_than_was_announced_is_not_passed_on),
        cmocka_unit_test(reply_is_read_while_the_body_streams),
        cmocka_unit_test(worker_waits_until_the_client_has_taken_the_reply),
        cmocka_unit_test(streamed_reply_takes_little_memory_whatever_the_limit),
        cmocka_unit_test(time_is_the_clients_while_its_body_or_its_reading_is_missing),
        cmocka_unit_test(body_is_read_on_when_the_headers_are_out),
        cmocka_unit_test(headers_alone_do_not_end_the_reading_of_the_body),
        cmocka_unit_test(answer_before_the_body_closes_both_connections),
        cmocka_unit_test(answer_while_the_client_is_read_is_sent_after_that),
        cmocka_unit_test(stored_body_is_read_and_written_while_the_reply_is_sent),
        cmocka_unit_test(early_answer_leaves_the_client_of_a_stored_body_connected),
        cmocka_unit_test(stored_body_that_cannot_be_read_is_an_error_of_ours),
        cmocka_unit_test(row_25_program_that_never_reads_an_upload_answers_at_once),
        cmocka_unit_test(row_28_connection_with_an_unread_body_is_never_kept),
        cmocka_unit_test(only_a_safe_request_whose_body_is_there_can_be_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
