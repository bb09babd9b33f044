/* isapihost: heads of responses, whether the body fits them, content types and ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/isapihost/mime.h"
#include "tools/isapihost/response_head.h"

static const struct response_request http11 = {.is_http11 = true, .client_keeps = true};
static const struct response_request http10 = {.client_keeps = false};
static const struct response_request http10_keep = {.client_keeps = true};
static const struct response_request head_request = {.is_head = true, .is_http11 = true, .client_keeps = true};

static struct response_plan plan;
static char text[1024];
static const char *fault;
static size_t used;

/* Builds into exactly the room that the contract asks for. */
static void build(const struct response_request *request, const char *status, const char *headers, bool keep)
{
    struct response_head head = {.status = status, .headers = headers, .headers_len = headers != NULL ? strlen(headers) : 0};
    head.keep = keep;
    head.server = "s/1";
    head.date = "today";
    size_t size = head.headers_len * 2 + (status != NULL ? strlen(status) : 0) + RESPONSE_HEAD_EXTRA;
    char *out = malloc(size);
    size_t len = response_head_build(&plan, request, &head, out, size, &used, &fault);
    assert_true(len > 0 && len < sizeof text);
    memcpy(text, out, len);
    text[len] = '\0';
    free(out);
}

static void a_complete_head_is_sent_as_it_is_with_server_and_date(void **state)
{
    (void)state;
    build(&http11, "200 OK", "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n", true);
    assert_string_equal(
        text, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nServer: s/1\r\nDate: today\r\n\r\n");
    assert_null(fault);
    assert_true(plan.keep);
    assert_int_equal(plan.status, 200);
    assert_int_equal(plan.framing, FRAMING_LENGTH);
}

static void missing_parts_have_defaults(void **state)
{
    (void)state;
    build(&http11, NULL, NULL, false);
    assert_string_equal(text, "HTTP/1.1 200 OK\r\nServer: s/1\r\nDate: today\r\nConnection: close\r\n\r\n");
    build(&http11, "404 Not Found", "Server: x\r\nDate: y\r\nContent-Length: 0", true);
    assert_string_equal(text, "HTTP/1.1 404 Not Found\r\nServer: x\r\nDate: y\r\nContent-Length: 0\r\n\r\n");
}

static void line_feeds_alone_become_line_ends(void **state)
{
    (void)state;
    build(&http11, "200 OK", "A: b\nContent-Length: 0\n\n", true);
    assert_string_equal(text, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\nServer: s/1\r\nDate: today\r\n\r\n");
}

static void what_follows_the_empty_line_is_left_for_the_body(void **state)
{
    (void)state;
    const char *headers = "Content-Length: 4\r\n\r\nbody";
    build(&http11, "200 OK", headers, true);
    assert_string_equal(headers + used, "body");
    assert_null(strstr(text, "body"));
}

static void a_status_line_cannot_smuggle_headers(void **state)
{
    (void)state;
    build(&http11, "200 OK\r\nEvil: 1", "Content-Length: 0\r\n\r\n", true);
    assert_null(strstr(text, "Evil"));
}

static void connections_are_kept_only_if_the_end_can_be_found(void **state)
{
    (void)state;
    build(&http11, "200 OK", "Content-Length: 0\r\n\r\n", true);
    assert_true(plan.keep);
    build(&http11, "200 OK", "Transfer-Encoding: chunked\r\n\r\n", true);
    assert_true(plan.keep);
    build(&head_request, "200 OK", "Content-Type: x\r\n\r\n", true);
    assert_true(plan.keep);
    build(&http11, "304 Not Modified", "", true);
    assert_true(plan.keep);
    build(&http11, "200 OK", "Content-Length: 0\r\n\r\n", false);
    assert_false(plan.keep);
    build(&http11, "200 OK", "Connection: close\r\nContent-Length: 0\r\n\r\n", true);
    assert_false(plan.keep);
    assert_non_null(strstr(text, "Connection: close\r\n"));
    assert_null(strstr(strstr(text, "Connection: close") + 1, "Connection: close"));
    build(&http10, "200 OK", "Content-Length: 0\r\n\r\n", true);
    assert_false(plan.keep);
    build(&http10_keep, "200 OK", "Connection: keep-alive\r\nContent-Length: 0\r\n\r\n", true);
    assert_true(plan.keep);
    assert_non_null(strstr(text, "Connection: keep-alive\r\n"));
}

static void has_fault(const struct response_request *request, const char *status, const char *headers, bool keep,
                      const char *expected)
{
    build(request, status, headers, keep);
    assert_non_null(fault);
    if (strstr(fault, expected) == NULL)
        fail_msg("'%s', not '%s'", fault, expected);
    assert_false(plan.keep);
}

static void faults_of_a_head_are_named(void **state)
{
    (void)state;
    has_fault(&http11, "OK", "Content-Length: 0\r\n\r\n", true, "status code");
    has_fault(&http11, "20", "Content-Length: 0\r\n\r\n", true, "status code");
    has_fault(&http11, "099 X", "Content-Length: 0\r\n\r\n", true, "status code");
    has_fault(&http11, "200 OK", "Content-Type: x\r\n\r\n", true, "cannot be found");
    has_fault(&http11, "200 OK", "Content-Length: 5x\r\n\r\n", true, "no number");
    has_fault(&http11, "200 OK", "Content-Length:\r\n\r\n", true, "no number");
    has_fault(&http11, "200 OK", "Content-Length: 99999999999999999999\r\n\r\n", true, "no number");
    has_fault(&http11, "200 OK", "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", true, "twice");
    has_fault(&http11, "200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true, "together");
    has_fault(&http11, "200 OK", "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", true, "not 'chunked'");
    has_fault(&http10_keep, "200 OK", "Transfer-Encoding: chunked\r\n\r\n", true, "HTTP/1.0");
    has_fault(&http11, "200 OK", "nonsense\r\nContent-Length: 0\r\n\r\n", true, "colon");
}

static void bodies_are_held_against_their_length(void **state)
{
    (void)state;
    build(&http11, "200 OK", "Content-Length: 5\r\n\r\n", true);
    assert_null(response_body(&plan, "123", 3));
    assert_null(response_body(&plan, "45", 2));
    assert_null(response_end(&plan));
    assert_true(plan.keep);
    assert_non_null(response_body(&plan, "6", 1));
    assert_null(response_end(&plan));
    assert_false(plan.keep);

    build(&http11, "200 OK", "Content-Length: 5\r\n\r\n", true);
    response_body(&plan, "1234", 4);
    assert_non_null(response_end(&plan));
    assert_false(plan.keep);
}

static void bodies_are_held_against_their_chunks(void **state)
{
    (void)state;
    build(&http11, "200 OK", "Transfer-Encoding: chunked\r\n\r\n", true);
    assert_null(response_body(&plan, "5\r\nhel", 6));
    assert_null(response_body(&plan, "lo\r\n0\r\n", 7));
    assert_non_null(response_end(&plan));
    build(&http11, "200 OK", "Transfer-Encoding: chunked\r\n\r\n", true);
    assert_null(response_body(&plan, "0\r\n\r\n", 5));
    assert_null(response_end(&plan));
    assert_true(plan.keep);
    assert_non_null(response_body(&plan, "x", 1));
    build(&http11, "200 OK", "Transfer-Encoding: chunked\r\n\r\n", true);
    assert_non_null(response_body(&plan, "xyz", 3));
    assert_null(response_end(&plan));
    assert_false(plan.keep);
}

static void no_body_means_no_byte(void **state)
{
    (void)state;
    build(&head_request, "200 OK", "Content-Length: 5\r\n\r\n", true);
    assert_null(response_end(&plan));
    assert_true(plan.keep);
    assert_non_null(response_body(&plan, "1", 1));
    build(&http11, "204 No Content", "", true);
    assert_non_null(response_body(&plan, "1", 1));
    build(&http11, "304 Not Modified", "", true);
    assert_null(response_body(&plan, "", 0));
}

static void too_little_room_is_seen(void **state)
{
    (void)state;
    struct response_head head = {.status = "200 OK", .headers = "A: b\r\n\r\n", .headers_len = 8};
    char *out = malloc(40);
    assert_int_equal(response_head_build(&plan, &http11, &head, out, 20, &used, &fault), 0);
    assert_int_equal(response_head_build(&plan, &http11, &head, out, 40, &used, &fault), 0);
    free(out);
}

static void dates_have_the_form_of_http(void **state)
{
    (void)state;
    char date[RESPONSE_DATE_SIZE];
    response_date(date, 2026, 11, 22, 0, 1, 2, 3);
    assert_string_equal(date, "Sun, 22 Nov 2026 01:02:03 GMT");
    response_date(date, 2000, 1, 1, 6, 23, 59, 59);
    assert_string_equal(date, "Sat, 01 Jan 2000 23:59:59 GMT");
}

static void types_follow_the_extension(void **state)
{
    (void)state;
    assert_string_equal(mime_type("/a.HTML"), "text/html");
    assert_string_equal(mime_type("/a.b/c"), "application/octet-stream");
    assert_string_equal(mime_type("/a.unknown"), "application/octet-stream");
    assert_string_equal(mime_type("/x.y.png"), "image/png");
}

static void check_range(const char *value, uint64_t size, enum range_result expected, uint64_t first, uint64_t last)
{
    uint64_t got_first = 0;
    uint64_t got_last = 0;
    assert_int_equal(range_parse(value, size, &got_first, &got_last), expected);
    if (expected == RANGE_PART) {
        assert_true(got_first == first);
        assert_true(got_last == last);
    }
}

static void one_range_is_understood(void **state)
{
    (void)state;
    check_range(NULL, 10, RANGE_NONE, 0, 0);
    check_range("bytes=0-4", 10, RANGE_PART, 0, 4);
    check_range("Bytes=5-", 10, RANGE_PART, 5, 9);
    check_range("bytes=-3", 10, RANGE_PART, 7, 9);
    check_range("bytes=-30", 10, RANGE_PART, 0, 9);
    check_range("bytes=8-100", 10, RANGE_PART, 8, 9);
    check_range("bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0);
    check_range("bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0);
    check_range("bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0);
    check_range("bytes=5-4", 10, RANGE_NONE, 0, 0);
    check_range("bytes=0-1,3-4", 10, RANGE_NONE, 0, 0);
    check_range("bytes=-", 10, RANGE_NONE, 0, 0);
    check_range("items=0-1", 10, RANGE_NONE, 0, 0);
    check_range("bytes=99999999999999999999-", 10, RANGE_NONE, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_head_is_sent_as_it_is_with_server_and_date),
        cmocka_unit_test(missing_parts_have_defaults),
        cmocka_unit_test(line_feeds_alone_become_line_ends),
        cmocka_unit_test(what_follows_the_empty_line_is_left_for_the_body),
        cmocka_unit_test(a_status_line_cannot_smuggle_headers),
        cmocka_unit_test(connections_are_kept_only_if_the_end_can_be_found),
        cmocka_unit_test(faults_of_a_head_are_named),
        cmocka_unit_test(bodies_are_held_against_their_length),
        cmocka_unit_test(bodies_are_held_against_their_chunks),
        cmocka_unit_test(no_body_means_no_byte),
        cmocka_unit_test(too_little_room_is_seen),
        cmocka_unit_test(dates_have_the_form_of_http),
        cmocka_unit_test(types_follow_the_extension),
        cmocka_unit_test(one_range_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
