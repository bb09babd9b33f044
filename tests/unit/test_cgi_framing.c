/* cgi_response: how the body of a reply is framed for the client, and the header lines that say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgiext/core/cgi_response.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* One reply, one client; what must be chosen. */
struct framing_case {
    const char *block; /* of the reply */
    const char *protocol;
    bool head;
    bool whole;
    uint64_t body_len;
    enum cgi_framing framing;
    const char *added; /* the lines that are added to the application's, without the blank one */
    bool keep_alive;
};

static void check(const struct framing_case *expected)
{
    struct cgi_response response;
    cgi_response_init(&response);
    struct bytes in = bytes_of_str(expected->block);
    assert_int_equal(cgi_response_feed(&response, &in), CGI_RESPONSE_DONE);
    struct cgi_framing_facts facts = {
        .head = expected->head,
        .protocol = bytes_of_str(expected->protocol),
        .whole = expected->whole,
        .body_len = expected->body_len,
    };
    struct cgi_framing_choice choice = cgi_response_choose_framing(&response, &facts);
    struct buffer out;
    buffer_init(&out, 4096);
    assert_true(cgi_response_append_headers(&response, &choice, &out));
    struct bytes text = buffer_peek(&out);
    assert_int_equal(text.ptr[text.len - 1], '\0');
    assert_int_equal(strlen((const char *)text.ptr), text.len - 1);

    struct buffer lines;
    buffer_init(&lines, 4096);
    assert_true(buffer_append(&lines, buffer_peek(&response.headers)) && buffer_append_str(&lines, expected->added) &&
                buffer_append(&lines, bytes_of("\r\n", 3)));
    assert_string_equal((const char *)text.ptr, (const char *)buffer_peek(&lines).ptr);
    assert_int_equal(choice.framing, expected->framing);
    assert_int_equal(choice.keep_alive, expected->keep_alive);
    buffer_deinit(&lines);
    buffer_deinit(&out);
    cgi_response_deinit(&response);
}

static void check_all(const struct framing_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&cases[i]);
}

#define PLAIN   "A: 1\n\n"
#define LEN_10  "A: 1\nContent-Length: 10\n\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static void a_whole_body_gets_its_length_on_every_protocol(void **state)
{
    (void)state;
    static const char *const protocols[] = {"HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/3", "HTTP/0.9", ""};
    for (size_t i = 0; i < COUNT(protocols); i++) {
        struct framing_case expected = {PLAIN, protocols[i], false, true, 5, CGI_FRAMING_LENGTH, "Content-Length: 5\r\n", true};
        check(&expected);
        expected.body_len = 0;
        expected.added = "Content-Length: 0\r\n";
        check(&expected);
    }
}

static void a_streamed_body_is_framed_as_the_protocol_can(void **state)
{
    (void)state;
    static const struct framing_case cases[] = {
        {PLAIN, "HTTP/1.1", false, false, 100, CGI_FRAMING_CHUNKED, CHUNKED, true},
        {PLAIN, "HTTP/1.0", false, false, 100, CGI_FRAMING_CLOSE, "Connection: close\r\n", false},
        {PLAIN, "HTTP/2.0", false, false, 100, CGI_FRAMING_BARE, "", true},
        {PLAIN, "HTTP/2", false, false, 100, CGI_FRAMING_BARE, "", true},
        {PLAIN, "HTTP/3.0", false, false, 100, CGI_FRAMING_BARE, "", true},
        {PLAIN, "HTTP/1.10", false, false, 100, CGI_FRAMING_CLOSE, "Connection: close\r\n", false},
        {PLAIN, "http/1.1", false, false, 100, CGI_FRAMING_CLOSE, "Connection: close\r\n", false},
        {PLAIN, "HTTP/0.9", false, false, 100, CGI_FRAMING_CLOSE, "Connection: close\r\n", false},
        {PLAIN, "", false, false, 100, CGI_FRAMING_CLOSE, "Connection: close\r\n", false},
    };
    check_all(cases, COUNT(cases));
}

static void an_announced_length_is_passed_on_and_not_chunked(void **state)
{
    (void)state;
    static const struct framing_case cases[] = {
        {LEN_10, "HTTP/1.1", false, false, 0, CGI_FRAMING_LENGTH, "Content-Length: 10\r\n", true},
        {LEN_10, "HTTP/1.1", false, false, 10, CGI_FRAMING_LENGTH, "Content-Length: 10\r\n", true},
        {LEN_10, "HTTP/1.0", false, false, 4, CGI_FRAMING_LENGTH, "Content-Length: 10\r\n", true},
        {LEN_10, "HTTP/2.0", false, false, 4, CGI_FRAMING_LENGTH, "Content-Length: 10\r\n", true},
        {"A: 1\nContent-Length: 18446744073709551615\n\n", "HTTP/1.1", false, false, 0, CGI_FRAMING_LENGTH,
         "Content-Length: 18446744073709551615\r\n", true},
        {"A: 1\nContent-Length: 10\nContent-Length: 11\n\n", "HTTP/1.1", false, false, 0, CGI_FRAMING_CHUNKED, CHUNKED, true},
        {"A: 1\nContent-Length: ten\n\n", "HTTP/1.1", false, false, 0, CGI_FRAMING_CHUNKED, CHUNKED, true},
        {"A: 1\nTransfer-Encoding: chunked\nConnection: close\n\n", "HTTP/2.0", false, false, 0, CGI_FRAMING_BARE, "", true},
    };
    check_all(cases, COUNT(cases));
}

static void row_10_a_wrong_length_never_reaches_the_client(void **state)
{
    (void)state;
    static const struct framing_case cases[] = {
        {LEN_10, "HTTP/1.1", false, true, 9, CGI_FRAMING_LENGTH, "Content-Length: 9\r\n", true},
        {LEN_10, "HTTP/1.1", false, true, 11, CGI_FRAMING_LENGTH, "Content-Length: 11\r\n", true},
        {LEN_10, "HTTP/1.1", false, true, 0, CGI_FRAMING_LENGTH, "Content-Length: 0\r\n", true},
        {LEN_10, "HTTP/1.1", false, false, 11, CGI_FRAMING_CHUNKED, CHUNKED, true},
        {LEN_10, "HTTP/1.0", false, false, 11, CGI_FRAMING_CLOSE, "Connection: close\r\n", false},
        {LEN_10, "HTTP/2.0", false, false, 11, CGI_FRAMING_BARE, "", true},
    };
    check_all(cases, COUNT(cases));
}

static void row_10_head_204_and_304_have_no_body_whatever_is_sent(void **state)
{
    (void)state;
    static const struct framing_case cases[] = {
        {LEN_10, "HTTP/1.1", true, true, 0, CGI_FRAMING_NONE, "Content-Length: 10\r\n", true},
        {LEN_10, "HTTP/1.0", true, false, 70000, CGI_FRAMING_NONE, "Content-Length: 10\r\n", true},
        {PLAIN, "HTTP/1.1", true, true, 0, CGI_FRAMING_NONE, "", true},
        {PLAIN, "HTTP/1.1", true, true, 12, CGI_FRAMING_NONE, "Content-Length: 12\r\n", true},
        {PLAIN, "HTTP/1.1", true, false, 70000, CGI_FRAMING_NONE, "", true},
        {"Status: 204\nContent-Length: 10\n\n", "HTTP/1.1", false, true, 10, CGI_FRAMING_NONE, "", true},
        {"Status: 204\n\n", "HTTP/1.0", false, false, 10, CGI_FRAMING_NONE, "", true},
        {"Status: 304\nContent-Length: 10\n\n", "HTTP/1.1", false, true, 10, CGI_FRAMING_NONE, "", true},
        {"Status: 304\nETag: x\n\n", "HTTP/2.0", true, false, 10, CGI_FRAMING_NONE, "", true},
        {"Status: 404\nA: 1\n\n", "HTTP/1.1", false, true, 10, CGI_FRAMING_LENGTH, "Content-Length: 10\r\n", true},
    };
    check_all(cases, COUNT(cases));
}

static void the_caller_can_take_keep_alive_back(void **state)
{
    (void)state;
    struct cgi_response response;
    cgi_response_init(&response);
    struct buffer out;
    buffer_init(&out, 200);
    struct cgi_framing_choice choice = {.framing = CGI_FRAMING_LENGTH, .has_length = true, .length = 3, .keep_alive = false};
    assert_true(cgi_response_append_headers(&response, &choice, &out));
    assert_string_equal((const char *)buffer_peek(&out).ptr, "Content-Length: 3\r\nConnection: close\r\n\r\n");
    buffer_clear(&out);
    choice = (struct cgi_framing_choice){.framing = CGI_FRAMING_BARE, .keep_alive = false};
    assert_true(cgi_response_append_headers(&response, &choice, &out));
    assert_string_equal((const char *)buffer_peek(&out).ptr, "\r\n"); /* HTTP/2 has no such header */
    buffer_deinit(&out);
    cgi_response_deinit(&response);
}

static void a_full_buffer_is_said(void **state)
{
    (void)state;
    struct cgi_response response;
    cgi_response_init(&response);
    struct bytes in = bytes_of_str("A: 1\n\n");
    assert_int_equal(cgi_response_feed(&response, &in), CGI_RESPONSE_DONE);
    struct cgi_framing_choice choice = {.framing = CGI_FRAMING_CHUNKED, .has_length = true, .length = 3, .keep_alive = false};
    const size_t needed = sizeof "A: 1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    for (size_t limit = 0; limit < needed + 5; limit++) {
        struct buffer out;
        buffer_init(&out, limit);
        assert_int_equal(cgi_response_append_headers(&response, &choice, &out), limit >= needed);
        buffer_deinit(&out);
    }
    cgi_response_deinit(&response);
}

static void chunks_begin_with_their_length_in_hex(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *prefix;
    } cases[] = {{1, "1\r\n"}, {0x1a2b, "1a2b\r\n"}, {65536, "10000\r\n"}, {0xffffffffu, "ffffffff\r\n"}, {0, "0\r\n\r\n"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t out[20];
        assert_int_equal(cgi_chunk_prefix(out, cases[i].len), strlen(cases[i].prefix));
        assert_memory_equal(out, cases[i].prefix, strlen(cases[i].prefix));
    }
    uint8_t *room = test_malloc(20); /* cmocka guards its ends */
    assert_int_equal(cgi_chunk_prefix(room, SIZE_MAX), sizeof(size_t) * 2 + 2);
    test_free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_body_gets_its_length_on_every_protocol),
        cmocka_unit_test(a_streamed_body_is_framed_as_the_protocol_can),
        cmocka_unit_test(an_announced_length_is_passed_on_and_not_chunked),
        cmocka_unit_test(row_10_a_wrong_length_never_reaches_the_client),
        cmocka_unit_test(row_10_head_204_and_304_have_no_body_whatever_is_sent),
        cmocka_unit_test(the_caller_can_take_keep_alive_back),
        cmocka_unit_test(a_full_buffer_is_said),
        cmocka_unit_test(chunks_begin_with_their_length_in_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
