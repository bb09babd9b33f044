/* isapihost: where a body ends, and which of its bytes are content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/isapihost/body_decoder.h"

/* Feeds raw in portions of step bytes into an output of out_size bytes at a time; collects the content. Returns the last result; *taken
 * says how many bytes belonged to the body. */
static enum body_result decode(struct body_decoder *decoder, const char *raw, size_t len, size_t step, size_t out_size,
                               char *content, size_t *content_len, size_t *taken)
{
    enum body_result result = BODY_MORE;
    *content_len = 0;
    *taken = 0;
    while (*taken < len && result == BODY_MORE) {
        size_t portion = len - *taken < step ? len - *taken : step;
        size_t used = 0;
        size_t got = 0;
        char *in = malloc(portion);
        char *out = malloc(out_size);
        memcpy(in, raw + *taken, portion);
        result = body_decode(decoder, in, portion, &used, out, out_size, &got);
        assert_true(used <= portion && got <= out_size);
        assert_true(used > 0 || result != BODY_MORE);
        memcpy(content + *content_len, out, got);
        *content_len += got;
        *taken += used;
        free(in);
        free(out);
    }
    return result;
}

static void chunks_give(const char *raw, size_t body_len, const char *expected)
{
    size_t len = strlen(raw);
    for (size_t step = 1; step <= len; ++step)
        for (size_t out_size = 1; out_size <= 8; ++out_size) {
            struct body_decoder decoder;
            char content[256];
            size_t content_len;
            size_t taken;
            body_init_chunked(&decoder);
            assert_int_equal(decode(&decoder, raw, len, step, out_size, content, &content_len, &taken), BODY_END);
            assert_int_equal(taken, body_len);
            assert_int_equal(content_len, strlen(expected));
            assert_memory_equal(content, expected, content_len);
            assert_true(body_is_at_end(&decoder));
        }
}

static void chunks_are_bad(const char *raw)
{
    for (size_t step = 1; step <= strlen(raw); ++step) {
        struct body_decoder decoder;
        char content[256];
        size_t content_len;
        size_t taken;
        body_init_chunked(&decoder);
        if (decode(&decoder, raw, strlen(raw), step, 64, content, &content_len, &taken) != BODY_BAD)
            fail_msg("'%s' passes", raw);
        assert_false(body_is_at_end(&decoder));
    }
}

static void chunked_bodies_are_decoded_in_any_portions(void **state)
{
    (void)state;
    chunks_give("0\r\n\r\n", 5, "");
    chunks_give("5\r\nhello\r\n0\r\n\r\n", 15, "hello");
    chunks_give("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 26, "hello world");
    chunks_give("A\r\n0123456789\r\n00a\r\nabcdefghij\r\n000\r\n\r\n", 39, "0123456789abcdefghij");
    chunks_give("3;name=value\r\nabc\r\n0 ;x\r\n\r\n", 27, "abc");
    chunks_give("1\r\na\r\n0\r\nTrailer: x\r\nAnother: y\r\n\r\n", 35, "a");
}

static void what_follows_the_last_chunk_is_not_taken(void **state)
{
    (void)state;
    chunks_give("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 11, "a");
}

static void what_two_readers_could_read_differently_is_bad(void **state)
{
    (void)state;
    chunks_are_bad("\r\n");
    chunks_are_bad("5\nhello\r\n");
    chunks_are_bad("5\r\nhelloX\r\n");
    chunks_are_bad("5\r\nhello\n0\r\n\r\n");
    chunks_are_bad("-1\r\n");
    chunks_are_bad("0x5\r\nhello\r\n");
    chunks_are_bad("g\r\n");
    chunks_are_bad(";x\r\n");
    chunks_are_bad("1000000000000000\r\n");
    chunks_are_bad("5\rhello");
    chunks_are_bad("5;a\nb\r\n");
    chunks_are_bad("0\r\nX: y\n\r\n");
    chunks_are_bad("0\r\n\rX");
}

static void endless_lines_are_bad(void **state)
{
    (void)state;
    struct body_decoder decoder;
    size_t len = 20000;
    char *raw = malloc(len);
    size_t used;
    size_t content;
    memset(raw, 'x', len);
    memcpy(raw, "1;", 2);
    body_init_chunked(&decoder);
    assert_int_equal(body_decode(&decoder, raw, len, &used, NULL, 0, &content), BODY_BAD);
    memcpy(raw, "0\r\n", 3);
    body_init_chunked(&decoder);
    assert_int_equal(body_decode(&decoder, raw, len, &used, NULL, 0, &content), BODY_BAD);
    free(raw);
}

static void a_length_ends_the_body_exactly(void **state)
{
    (void)state;
    struct body_decoder decoder;
    char content[64];
    size_t content_len;
    size_t taken;
    body_init_length(&decoder, 0);
    assert_true(body_is_at_end(&decoder));
    for (size_t step = 1; step < 8; ++step) {
        body_init_length(&decoder, 5);
        assert_false(body_is_at_end(&decoder));
        assert_int_equal(decode(&decoder, "helloGET /", 10, step, 3, content, &content_len, &taken), BODY_END);
        assert_int_equal(taken, 5);
        assert_memory_equal(content, "hello", 5);
    }
    body_init_length(&decoder, 5000000000u);
    assert_int_equal(decode(&decoder, "hello", 5, 5, 5, content, &content_len, &taken), BODY_MORE);
    assert_true(decoder.left == 4999999995u);
}

static void content_can_be_counted_without_an_output(void **state)
{
    (void)state;
    struct body_decoder decoder;
    size_t used;
    size_t content;
    body_init_chunked(&decoder);
    assert_int_equal(body_decode(&decoder, "5\r\nhello\r\n", 10, &used, NULL, 0, &content), BODY_MORE);
    assert_int_equal(used, 10);
    assert_int_equal(content, 5);
    assert_int_equal(body_decode(&decoder, "0\r\n\r\n", 5, &used, NULL, 0, &content), BODY_END);
}

static void decoding_in_place_works(void **state)
{
    (void)state;
    struct body_decoder decoder;
    char text[] = "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    size_t used;
    size_t content;
    body_init_chunked(&decoder);
    assert_int_equal(body_decode(&decoder, text, strlen(text), &used, text, sizeof text, &content), BODY_END);
    assert_int_equal(content, 7);
    assert_memory_equal(text, "abcdefg", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunked_bodies_are_decoded_in_any_portions),
        cmocka_unit_test(what_follows_the_last_chunk_is_not_taken),
        cmocka_unit_test(what_two_readers_could_read_differently_is_bad),
        cmocka_unit_test(endless_lines_are_bad),
        cmocka_unit_test(a_length_ends_the_body_exactly),
        cmocka_unit_test(content_can_be_counted_without_an_output),
        cmocka_unit_test(decoding_in_place_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
