/* cgi_response: the header block of a program's reply, however it is cut and whatever is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgiext/core/cgi_response.h"
#include "tests/unit/rng.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Feeds one slice, as an exact copy that is gone afterwards. Returns what is left of it. */
static size_t feed_bytes(struct cgi_response *response, struct bytes bytes, enum cgi_response_result *result)
{
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    assert_non_null(copy);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    struct bytes in = bytes_of(copy, bytes.len);
    *result = cgi_response_feed(response, &in);
    assert_ptr_equal(in.ptr + in.len, copy + bytes.len);
    free(copy);
    return in.len;
}

static enum cgi_response_result feed(struct cgi_response *response, const char *text)
{
    enum cgi_response_result result;
    feed_bytes(response, bytes_of_str(text), &result);
    return result;
}

static void assert_buffer(const struct buffer *buffer, const char *expected)
{
    struct bytes bytes = buffer_peek(buffer);
    if (!bytes_equal(bytes, bytes_of_str(expected)))
        fail_msg("'%.*s' is not '%s'", (int)bytes.len, bytes.ptr ? (const char *)bytes.ptr : "", expected);
}

static void assert_status_line(const struct cgi_response *response, const char *expected)
{
    struct bytes line = buffer_peek(&response->status_line);
    assert_true(line.len > 0 && line.ptr[line.len - 1] == '\0');
    assert_string_equal((const char *)line.ptr, expected);
    assert_int_equal(line.len, strlen(expected) + 1);
}

/* A whole block, and what must come of it. */
static void check(const char *block, const char *status_line, const char *headers, unsigned dropped)
{
    struct cgi_response response;
    cgi_response_init(&response);
    assert_int_equal(feed(&response, block), CGI_RESPONSE_DONE);
    assert_true(response.done);
    assert_status_line(&response, status_line);
    assert_int_equal(response.status, strtoul(status_line, NULL, 10));
    assert_buffer(&response.headers, headers);
    assert_int_equal(response.dropped_lines, dropped);
    cgi_response_deinit(&response);
}

/* ---- lines */

static void headers_pass_in_their_order_and_the_body_is_not_touched(void **state)
{
    (void)state;
    const char *reply = "Content-Type: text/html\r\nX-A:1\r\nX-Empty:\r\nX-Spaces: \t a  b \t\r\n\r\nbody\r\n\r\nmore";
    struct cgi_response response;
    cgi_response_init(&response);
    enum cgi_response_result result;
    size_t left = feed_bytes(&response, bytes_of_str(reply), &result);
    assert_int_equal(result, CGI_RESPONSE_DONE);
    assert_int_equal(left, strlen("body\r\n\r\nmore"));
    assert_buffer(&response.headers, "Content-Type: text/html\r\nX-A: 1\r\nX-Empty: \r\nX-Spaces: a  b\r\n");
    assert_int_equal(response.header_count, 4);
    assert_false(response.has_content_length);
    assert_int_equal(feed(&response, "Status: 500\r\n\r\n"), CGI_RESPONSE_DONE); /* body, too */
    assert_int_equal(response.status, 200);
    cgi_response_deinit(&response);
}

static void lf_alone_and_mixed_line_ends_will_do(void **state)
{
    (void)state;
    check("A: 1\nB: 2\n\n", "200 OK", "A: 1\r\nB: 2\r\n", 0);
    check("A: 1\r\nB: 2\n\r\n", "200 OK", "A: 1\r\nB: 2\r\n", 0);
    check("A: 1\nB: 2\r\n\n", "200 OK", "A: 1\r\nB: 2\r\n", 0);
    check("A: 1\r\r\nB: 2\r\r\n\r\r\n", "200 OK", "A: 1\r\nB: 2\r\n", 0); /* text mode of a C run-time */
}

static void several_headers_of_one_name_all_pass(void **state)
{
    (void)state;
    check("Set-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\nSet-Cookie: a=1\r\n\r\n", "200 OK",
          "Set-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\nSet-Cookie: a=1\r\n", 0);
}

static void folded_lines_are_joined_by_a_space(void **state)
{
    (void)state;
    check("A: 1\r\n 2\r\n\t 3 \r\nB: 4\r\n\r\n", "200 OK", "A: 1 2 3\r\nB: 4\r\n", 0);
    check("A:\n b\n  \n c\n\n", "200 OK", "A: b c\r\n", 0);
    check("Status: 404\n Not Here\n\n", "404 Not Here", "", 0);
    check("Bad Name: 1\r\n continued: 2\r\nB: 3\r\n\r\n", "200 OK", "B: 3\r\n", 1);
    check(" orphan: 1\r\n too: 2\r\nB: 3\r\n\r\n", "200 OK", "B: 3\r\n", 1);
    check("A: 1\r\n b\x01\r\nB: 3\r\n\r\n", "200 OK", "B: 3\r\n", 1);
}

static void invalid_lines_are_left_out_silently(void **state)
{
    (void)state;
    check("PHP Warning in x.php\r\nA: 1\r\n\r\n", "200 OK", "A: 1\r\n", 1);
    check(": no name\r\nA : space\r\nA B: space\r\nA(b): c\r\n\xc3\xa4: 1\r\nGood: \xc3\xa4\xff\r\n\r\n", "200 OK",
          "Good: \xc3\xa4\xff\r\n", 5);
    check("A: x\ry\r\nB: \x1b[0m\r\nC: \x7f\r\nD: a\tb\r\n\r\n", "200 OK", "D: a\tb\r\n", 3);
    struct cgi_response response;
    cgi_response_init(&response);
    enum cgi_response_result result;
    feed_bytes(&response, bytes_of("A: x\0y\r\nB\0: 1\r\nC: 2\r\n\r\n", 23), &result);
    assert_int_equal(result, CGI_RESPONSE_DONE);
    assert_buffer(&response.headers, "C: 2\r\n");
    assert_int_equal(response.dropped_lines, 2);
    cgi_response_deinit(&response);
}

static void hop_by_hop_headers_are_ours_to_write(void **state)
{
    (void)state;
    check("Connection: keep-alive\r\nKEEP-ALIVE: timeout=5\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: X\r\n"
          "Upgrade: h2c\r\nProxy-Connection: close\r\nA: 1\r\n\r\n",
          "200 OK", "A: 1\r\n", 0);
}

/* ---- Status */

static void a_status_sets_the_status_and_its_reason(void **state)
{
    (void)state;
    check("Status: 404 Nothing here\r\nA: 1\r\n\r\n", "404 Nothing here", "A: 1\r\n", 0);
    check("status:   503   Later  \n\n", "503 Later", "", 0);
    check("Status: 404\n\n", "404 Not Found", "", 0);
    check("Status: 404 \n\n", "404 Not Found", "", 0);
    check("Status: 200\n\n", "200 OK", "", 0);
    check("Status: 599\n\n", "599 Unassigned", "", 0);
    check("Status: 999 X\n\n", "999 X", "", 0);
    check("Status: 404\nStatus: 410\n\n", "410 Gone", "", 0);
}

static void a_long_reason_is_cut(void **state)
{
    (void)state;
    char block[1000] = "Status: 500 ";
    memset(block + 12, 'r', 500);
    memcpy(block + 512, "\n\n", 3);
    char expected[205] = "500 ";
    memset(expected + 4, 'r', 200);
    check(block, expected, "", 0);
}

static void row_12_a_bad_status_is_an_invalid_line(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "abc",   "",     "99",  "1000", "404Not",       "+404", "-404", "0x1f4",
        "404.3", "4 04", "099", "000",  "100 Continue", "101",  "199",  "\xd9\xa1\xd9\xa2\xd9\xa3"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char block[100];
        snprintf(block, sizeof block, "Status: %s\r\nA: 1\r\n\r\n", bad[i]);
        check(block, "200 OK", "A: 1\r\n", 1);
        snprintf(block, sizeof block, "Status: 404\r\nStatus: %s\r\n\r\n", bad[i]);
        check(block, "404 Not Found", "", 1);
    }
}

static void a_status_line_in_front_counts_as_status(void **state)
{
    (void)state;
    check("HTTP/1.1 404 Not Here\r\nA: 1\r\n\r\n", "404 Not Here", "A: 1\r\n", 0);
    check("HTTP/1.0 200 a: b\nA: 1\n\n", "200 a: b", "A: 1\r\n", 0);
    check("http/2 403\n\n", "403 Forbidden", "", 0);
    check("HTTP/1.1 404\nStatus: 410\n\n", "410 Gone", "", 0);
    check("A: 1\nHTTP/1.1 404 Not Found\n\n", "200 OK", "A: 1\r\n", 1); /* first or never */
    check("A: 404 Not Found\n\n", "200 OK", "A: 404 Not Found\r\n", 0);
    check("HTTP/1.9 404\n\n", "404 Not Found", "", 0);
    check("HTTP/1.1 abc\nA: 1\n\n", "200 OK", "A: 1\r\n", 1);
    check("HTTP/1.1 100 Continue\nA: 1\n\n", "200 OK", "A: 1\r\n", 1);
    check("HTTP/x 200 OK\nA: 1\n\n", "200 OK", "A: 1\r\n", 1);
    check("HTTP/1.1 200 \x01\nA: 1\n\n", "200 OK", "A: 1\r\n", 1);
}

/* ---- Location */

static void a_location_alone_is_a_302(void **state)
{
    (void)state;
    check("Location: http://example.org/\r\n\r\n", "302 Found", "Location: http://example.org/\r\n", 0);
    check("Content-Type: text/html\r\nlocation: /x\r\n\r\n", "302 Found", "Content-Type: text/html\r\nlocation: /x\r\n", 0);
    check("Status: 201\r\nLocation: /x\r\n\r\n", "201 Created", "Location: /x\r\n", 0);
    check("Location: /x\r\nStatus: 301 Moved\r\n\r\n", "301 Moved", "Location: /x\r\n", 0);
    check("Location:\r\nA: 1\r\n\r\n", "200 OK", "A: 1\r\n", 1);
    check("Location: /x\r\nStatus: abc\r\n\r\n", "302 Found", "Location: /x\r\n", 1);
}

static void check_local(const char *block, const char *expected)
{
    struct cgi_response response;
    cgi_response_init(&response);
    assert_int_equal(feed(&response, block), CGI_RESPONSE_DONE);
    if (!bytes_equal(response.local_redirect, bytes_of_str(expected)))
        fail_msg("'%s' redirects locally to '%.*s'", block, (int)response.local_redirect.len,
                 (const char *)response.local_redirect.ptr);
    struct bytes raw = buffer_peek(&response.raw);
    if (response.local_redirect.len > 0) {
        assert_true(response.local_redirect.ptr > raw.ptr);
        assert_true(response.local_redirect.ptr + response.local_redirect.len <= raw.ptr + raw.len);
        assert_int_equal(response.status, 302);
    }
    cgi_response_deinit(&response);
}

static void a_path_as_location_and_nothing_else_is_a_local_redirect(void **state)
{
    (void)state;
    check_local("Location: /other.php?x=1\r\n\r\n", "/other.php?x=1");
    check_local("location:/\n\n", "/");
    check_local("not a header\nLocation: /x \n\n", "/x");
    static const char *const others[] = {
        "Location: http://h/x\n\n",
        "Location: //h/x\n\n",
        "Location: /\\h\n\n",
        "Location: x\n\n",
        "Location: /x y\n\n",
        "Location: /x#y\n\n",
        "Location: /\xc3\xa4\n\n",
        "Location: /x\n y\n\n",
        "Location: /x\nA: 1\n\n",
        "A: 1\nLocation: /x\n\n",
        "Status: 302\nLocation: /x\n\n",
        "Location: /x\nStatus: 302\n\n",
        "Location: /x\nLocation: /y\n\n",
        "HTTP/1.1 302 Found\nLocation: /x\n\n",
        "Location: /x\nConnection: close\n\n",
        "A: /x\n\n",
        "Location: /x\nContent-Length: 0\n\n",
    };
    for (size_t i = 0; i < COUNT(others); i++)
        check_local(others[i], "");
}

/* ---- Content-Length */

static void check_length(const char *block, bool has, uint64_t length, unsigned dropped)
{
    struct cgi_response response;
    cgi_response_init(&response);
    assert_int_equal(feed(&response, block), CGI_RESPONSE_DONE);
    assert_int_equal(response.has_content_length, has);
    if (has)
        assert_true(response.content_length == length);
    assert_int_equal(response.dropped_lines, dropped);
    assert_buffer(&response.headers, "");
    cgi_response_deinit(&response);
}

static void a_content_length_is_a_number_or_nothing(void **state)
{
    (void)state;
    check_length("Content-Length: 0\n\n", true, 0, 0);
    check_length("content-length: 18446744073709551615\n\n", true, UINT64_MAX, 0);
    check_length("Content-Length: 5\nContent-Length: 5\n\n", true, 5, 0);
    check_length("Content-Length: 5\nContent-Length: 6\n\n", false, 0, 0);
    check_length("Content-Length: 5\nContent-Length: 6\nContent-Length: 5\n\n", false, 0, 0);
    static const char *const bad[] = {"", "-1", "+5", "5, 5", "5 5", "0x5", "5.0", "18446744073709551616", "five"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char block[100];
        snprintf(block, sizeof block, "Content-Length: %s\n\n", bad[i]);
        check_length(block, false, 0, 1);
        snprintf(block, sizeof block, "Content-Length: 7\nContent-Length: %s\n\n", bad[i]);
        check_length(block, true, 7, 1);
    }
}

/* ---- how it comes in */

static const char sample[] = "HTTP/1.1 203 Sample\r\nContent-Type: text/html\nSet-Cookie: a\r\n folded\r\n\tagain\r\nbad line\n"
                             "Content-Length: 12\r\r\nX:\r\n\r\nbody\n\nX: 1\r\n";
static const size_t sample_body_len = 12;

static void check_sample(const struct cgi_response *response)
{
    assert_status_line(response, "203 Sample");
    assert_buffer(&response->headers, "Content-Type: text/html\r\nSet-Cookie: a folded again\r\nX: \r\n");
    assert_int_equal(response->dropped_lines, 1);
    assert_int_equal(response->header_count, 5);
    assert_true(response->has_content_length && response->content_length == 12);
}

/* Feeds the pieces that end at the given places; what is left of one when the block is complete is body. */
static void check_pieces(struct bytes reply, const size_t *ends, size_t count)
{
    struct cgi_response response;
    cgi_response_init(&response);
    size_t start = 0;
    size_t body_len = 0;
    for (size_t i = 0; i < count; i++) {
        enum cgi_response_result result;
        size_t left = feed_bytes(&response, bytes_of(reply.ptr + start, ends[i] - start), &result);
        bool complete = ends[i] >= reply.len - sample_body_len;
        assert_int_equal(result, complete ? CGI_RESPONSE_DONE : CGI_RESPONSE_MORE);
        assert_int_equal(response.done, complete);
        if (!complete)
            assert_int_equal(left, 0);
        body_len += left;
        start = ends[i];
    }
    assert_int_equal(body_len, sample_body_len);
    check_sample(&response);
    cgi_response_deinit(&response);
}

static void row_8_a_block_may_be_cut_at_any_byte(void **state)
{
    (void)state;
    struct bytes reply = bytes_of_str(sample);
    for (size_t first = 0; first <= reply.len; first++)
        for (size_t second = first; second <= reply.len; second++) {
            size_t ends[] = {first, second, reply.len};
            check_pieces(reply, ends, 3);
        }
}

static void row_8_a_block_may_come_byte_by_byte_and_in_random_pieces(void **state)
{
    (void)state;
    struct bytes reply = bytes_of_str(sample);
    size_t ends[sizeof sample];
    for (size_t i = 0; i < reply.len; i++)
        ends[i] = i + 1;
    check_pieces(reply, ends, reply.len);
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct rng rng = {seed};
        size_t count = 0;
        for (size_t i = 0; i < reply.len; i++)
            if (rng_below(&rng, 8) == 0)
                ends[count++] = i;
        ends[count++] = reply.len;
        check_pieces(reply, ends, count);
    }
}

static void row_12_no_output_at_all_is_no_reply(void **state)
{
    (void)state;
    struct cgi_response response;
    cgi_response_init(&response);
    struct bytes nothing = {NULL, 0};
    assert_int_equal(cgi_response_feed(&response, &nothing), CGI_RESPONSE_MORE);
    assert_false(cgi_response_end(&response));
    assert_false(cgi_response_end(&response));
    assert_false(response.done);
    cgi_response_deinit(&response);
}

static void row_12_headers_without_a_blank_line_count_when_the_reply_ends(void **state)
{
    (void)state;
    static const char *const blocks[] = {"Status: 404\nA: 1\n", "Status: 404\nA: 1", "Status: 404\r\nA: 1\r\n\r",
                                         "Status: 404\nA: 1\r"};
    for (size_t i = 0; i < COUNT(blocks); i++) {
        struct cgi_response response;
        cgi_response_init(&response);
        assert_int_equal(feed(&response, blocks[i]), CGI_RESPONSE_MORE);
        assert_true(cgi_response_end(&response));
        assert_true(cgi_response_end(&response));
        assert_true(response.done);
        assert_status_line(&response, "404 Not Found");
        assert_buffer(&response.headers, "A: 1\r\n");
        cgi_response_deinit(&response);
    }
}

static void row_12_text_without_a_header_is_no_reply(void **state)
{
    (void)state;
    static const char *const texts[] = {"Hello world", "Hello\nworld\n", "\r", " : \n", "Status: abc\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct cgi_response response;
        cgi_response_init(&response);
        assert_int_equal(feed(&response, texts[i]), CGI_RESPONSE_MORE);
        assert_false(cgi_response_end(&response));
        assert_false(response.done);
        assert_int_equal(feed(&response, "A: 1\n\n"), CGI_RESPONSE_TOO_LONG); /* the end was the end */
        cgi_response_deinit(&response);
    }
}

static void row_12_a_blank_line_without_a_header_before_it_shows(void **state)
{
    (void)state;
    static const char *const texts[] = {"\n", "\r\n<html>", "Hello world\n\nmore", "<p>\r\n\r\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct cgi_response response;
        cgi_response_init(&response);
        assert_int_equal(feed(&response, texts[i]), CGI_RESPONSE_DONE);
        assert_int_equal(response.header_count, 0);
        assert_status_line(&response, "200 OK");
        cgi_response_deinit(&response);
    }
}

/* A block of `len` bytes, the blank line included; in pieces of `step`. */
static enum cgi_response_result feed_block(struct cgi_response *response, size_t len, size_t step)
{
    uint8_t *block = malloc(len);
    assert_non_null(block);
    for (size_t i = 0; i < len; i++)
        block[i] = (uint8_t) "X-Name: some value\n"[i % 19];
    size_t last = len / 19 * 19;
    if (len - last < 4)
        last -= 19;
    memset(block + last, 'n', len - last);
    memcpy(block + last, "N:", 2);
    memcpy(block + len - 2, "\n\n", 2);
    enum cgi_response_result result = CGI_RESPONSE_MORE;
    for (size_t at = 0; at < len; at += step) {
        struct bytes in = bytes_of(block + at, len - at < step ? len - at : step);
        result = cgi_response_feed(response, &in);
        if (result != CGI_RESPONSE_MORE)
            break;
    }
    free(block);
    return result;
}

static void headers_up_to_the_limit_pass(void **state)
{
    (void)state;
    static const size_t lens[] = {64 * 1024, CGI_RESPONSE_MAX_HEADER_LEN - 1, CGI_RESPONSE_MAX_HEADER_LEN};
    static const size_t steps[] = {1, 1000, 65528, 1024 * 1024};
    for (size_t i = 0; i < COUNT(lens); i++)
        for (size_t s = 0; s < COUNT(steps); s++) {
            struct cgi_response response;
            cgi_response_init(&response);
            assert_int_equal(feed_block(&response, lens[i], steps[s]), CGI_RESPONSE_DONE);
            assert_int_equal(response.dropped_lines, 0);
            assert_true(response.header_count > lens[i] / 19 - 2);
            cgi_response_deinit(&response);
        }
}

/* The block that grows most when it is written out: "a:" LF -> "a: " CR LF. */
static void the_shortest_headers_up_to_the_limit_pass(void **state)
{
    (void)state;
    struct cgi_response response;
    cgi_response_init(&response);
    enum { LINES = (CGI_RESPONSE_MAX_HEADER_LEN - 1) / 3 };
    for (size_t i = 0; i < LINES; i++)
        assert_int_equal(feed(&response, "a:\n"), CGI_RESPONSE_MORE);
    assert_int_equal(feed(&response, "\n"), CGI_RESPONSE_DONE);
    assert_int_equal(response.header_count, LINES);
    assert_int_equal(response.headers.len, LINES * 5);
    cgi_response_deinit(&response);
}

static void row_12_16_mib_of_headers_end_with_bounded_memory(void **state)
{
    (void)state;
    static const size_t steps[] = {1000, 65528, 16 * 1024 * 1024};
    for (size_t s = 0; s < COUNT(steps); s++)
        for (int one_line = 0; one_line < 2; one_line++) {
            struct cgi_response response;
            cgi_response_init(&response);
            enum cgi_response_result result = CGI_RESPONSE_MORE;
            size_t len = 16 * 1024 * 1024;
            uint8_t *block = malloc(len);
            assert_non_null(block);
            for (size_t i = 0; i < len; i++)
                block[i] = one_line ? 'x' : (uint8_t) "X: y\n"[i % 5];
            size_t fed = 0;
            for (size_t at = 0; at < len; at += steps[s]) {
                struct bytes in = bytes_of(block + at, len - at < steps[s] ? len - at : steps[s]);
                result = cgi_response_feed(&response, &in);
                assert_int_equal(in.len, 0);
                assert_true(response.raw.capacity <= CGI_RESPONSE_MAX_HEADER_LEN / 4 * 5);
                fed += result == CGI_RESPONSE_MORE ? steps[s] : 0;
            }
            assert_int_equal(result, CGI_RESPONSE_TOO_LONG);
            assert_true(fed <= CGI_RESPONSE_MAX_HEADER_LEN);
            assert_false(cgi_response_end(&response));
            assert_int_equal(response.raw.capacity + response.headers.capacity, 0);
            cgi_response_deinit(&response);
            free(block);
        }
}

static void one_byte_above_the_limit_is_too_long(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 65528, CGI_RESPONSE_MAX_HEADER_LEN, CGI_RESPONSE_MAX_HEADER_LEN * 2};
    for (size_t s = 0; s < COUNT(steps); s++) {
        struct cgi_response response;
        cgi_response_init(&response);
        assert_int_equal(feed_block(&response, CGI_RESPONSE_MAX_HEADER_LEN + 1, steps[s]), CGI_RESPONSE_TOO_LONG);
        cgi_response_deinit(&response);
    }
}

/* Random blocks: cut or not, the same; and whatever they hold, only whole valid lines come out. */
static void random_blocks_give_valid_lines_however_they_are_cut(void **state)
{
    (void)state;
    static const char *const pieces[] = {"Status",    "Location",   "Content-Length",
                                         "X-Y",       "Connection", ":",
                                         ": ",        "\r\n",       "\n",
                                         "\r",        " ",          "\t",
                                         "404",       "/x",         "12",
                                         "v",         "\x02",       "\xff",
                                         "HTTP/1.1 ", "\r\n ",      "n:v\n"};
    for (uint64_t seed = 1; seed <= 5000; seed++) {
        struct rng rng = {seed};
        char block[400] = "";
        size_t count = rng_below(&rng, 40);
        for (size_t i = 0; i < count; i++)
            strcat(block, pieces[rng_below(&rng, COUNT(pieces))]);
        struct cgi_response whole;
        struct cgi_response cut;
        cgi_response_init(&whole);
        cgi_response_init(&cut);
        enum cgi_response_result whole_result;
        size_t whole_left = feed_bytes(&whole, bytes_of_str(block), &whole_result);
        enum cgi_response_result cut_result = CGI_RESPONSE_MORE;
        size_t cut_left = 0;
        for (size_t at = 0; block[at];) {
            size_t step = 1 + rng_below(&rng, 5);
            size_t len = strlen(block + at) < step ? strlen(block + at) : step;
            cut_left += feed_bytes(&cut, bytes_of(block + at, len), &cut_result);
            at += len;
        }
        bool same = whole_result == cut_result && whole_left == cut_left &&
                    cgi_response_end(&whole) == cgi_response_end(&cut) && whole.status == cut.status &&
                    whole.header_count == cut.header_count && whole.dropped_lines == cut.dropped_lines &&
                    whole.has_content_length == cut.has_content_length && whole.content_length == cut.content_length &&
                    bytes_equal(buffer_peek(&whole.headers), buffer_peek(&cut.headers)) &&
                    bytes_equal(whole.local_redirect, cut.local_redirect);
        struct bytes headers = buffer_peek(&whole.headers);
        bool good = whole.status >= 200 && whole.status <= 999;
        for (size_t i = 0; i < headers.len; i++) {
            bool end = headers.ptr[i] == '\r' && i + 1 < headers.len && headers.ptr[i + 1] == '\n';
            good = good && (headers.ptr[i] >= ' ' || headers.ptr[i] == '\t' || end || (i > 0 && headers.ptr[i - 1] == '\r'));
        }
        good = good && (headers.len == 0 || (headers.ptr[headers.len - 1] == '\n' && headers.ptr[0] != '\r'));
        if (!same || !good)
            fail_msg("seed %u: %s", (unsigned)seed, same ? "an invalid line came out" : "cutting changed the outcome");
        cgi_response_deinit(&whole);
        cgi_response_deinit(&cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_pass_in_their_order_and_the_body_is_not_touched),
        cmocka_unit_test(lf_alone_and_mixed_line_ends_will_do),
        cmocka_unit_test(several_headers_of_one_name_all_pass),
        cmocka_unit_test(folded_lines_are_joined_by_a_space),
        cmocka_unit_test(invalid_lines_are_left_out_silently),
        cmocka_unit_test(hop_by_hop_headers_are_ours_to_write),
        cmocka_unit_test(a_status_sets_the_status_and_its_reason),
        cmocka_unit_test(a_long_reason_is_cut),
        cmocka_unit_test(row_12_a_bad_status_is_an_invalid_line),
        cmocka_unit_test(a_status_line_in_front_counts_as_status),
        cmocka_unit_test(a_location_alone_is_a_302),
        cmocka_unit_test(a_path_as_location_and_nothing_else_is_a_local_redirect),
        cmocka_unit_test(a_content_length_is_a_number_or_nothing),
        cmocka_unit_test(row_8_a_block_may_be_cut_at_any_byte),
        cmocka_unit_test(row_8_a_block_may_come_byte_by_byte_and_in_random_pieces),
        cmocka_unit_test(row_12_no_output_at_all_is_no_reply),
        cmocka_unit_test(row_12_headers_without_a_blank_line_count_when_the_reply_ends),
        cmocka_unit_test(row_12_text_without_a_header_is_no_reply),
        cmocka_unit_test(row_12_a_blank_line_without_a_header_before_it_shows),
        cmocka_unit_test(headers_up_to_the_limit_pass),
        cmocka_unit_test(the_shortest_headers_up_to_the_limit_pass),
        cmocka_unit_test(row_12_16_mib_of_headers_end_with_bounded_memory),
        cmocka_unit_test(one_byte_above_the_limit_is_too_long),
        cmocka_unit_test(random_blocks_give_valid_lines_however_they_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
