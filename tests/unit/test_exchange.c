/* The request side of an exchange: BEGIN_REQUEST and the body. Bodies of the lengths at which other servers
 * truncated are read back record by record, by a parser of the test's own, which also refuses wrong padding and
 * records that nobody meant to send. The reply side: test_exchange_reply.c. */
#include "tests/unit/guard.h"

#include "fcgiext/core/exchange.h"
#include "fcgiext/core/fcgi_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/aborts.h"
#include "tests/unit/no_memory.h"
#include "tests/unit/rng.h"

enum { BIG = 8 << 20, LONGEST = 131072 + 1000 };

static uint8_t filler[LONGEST];
static struct guard guard;

static int set_up(void **state)
{
    (void)state;
    struct rng rng = {7};
    rng_fill(&rng, filler, sizeof filler);
    guard_open(&guard, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guard_close(&guard);
    return 0;
}

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

/* The body in a stream of STDIN records, joined; fails on any other record, wrong id, wrong padding or a long record. */
static void join_stdin(struct bytes stream, struct buffer *joined)
{
    while (stream.len > 0) {
        const uint8_t *p = stream.ptr;
        assert_true(stream.len >= 8);
        size_t len = (size_t)p[4] << 8 | p[5];
        assert_memory_equal(p, "\x01\x05\x00\x01", 4);
        assert_true(len > 0 && len <= 65528);
        assert_int_equal((len + p[6]) % 8, 0);
        assert_true(p[6] <= 7 && p[7] == 0 && stream.len >= 8 + len + p[6]);
        for (size_t i = 0; i < p[6]; i++)
            assert_int_equal(p[8 + len + i], 0);
        assert_true(buffer_append(joined, bytes_of(p + 8, len)));
        bytes_advance(&stream, 8 + len + p[6]);
    }
}

static void check_body(size_t len, struct bytes pattern)
{
    struct buffer out, joined;
    buffer_init(&out, BIG);
    buffer_init(&joined, BIG);
    uint8_t *body = guard_room(&guard, len);
    for (size_t i = 0; i < len; i++)
        body[i] = pattern.ptr[i % pattern.len];
    assert_true(exchange_append_stdin(&out, bytes_of(body, len)));
    join_stdin(buffer_peek(&out), &joined);
    assert_true(bytes_equal(buffer_peek(&joined), bytes_of(body, len)));
    buffer_deinit(&joined);
    buffer_deinit(&out);
}

/* Random bytes, and a body of records that would start another request if a length were cut to 16 bits. */
static void check_body_len(size_t len)
{
    static const uint8_t injected[16] = {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    check_body(len, bytes_of(filler, sizeof filler));
    check_body(len, bytes_of(injected, sizeof injected));
}

static void row_01_body_of_65527_bytes_is_not_truncated(void **state)
{
    (void)state;
    check_body_len(65527);
}

static void row_01_body_of_65528_bytes_is_not_truncated(void **state)
{
    (void)state;
    check_body_len(65528);
}

static void row_01_body_of_65529_bytes_is_not_truncated(void **state)
{
    (void)state;
    check_body_len(65529);
}

static void row_01_body_of_65535_bytes_is_not_truncated(void **state)
{
    (void)state;
    check_body_len(65535);
}

static void row_01_body_of_65536_bytes_is_not_truncated(void **state)
{
    (void)state;
    check_body_len(65536);
}

static void row_01_body_of_99000_bytes_is_not_truncated(void **state)
{
    (void)state;
    check_body_len(99000);
}

static void row_01_body_of_131072_bytes_is_not_truncated(void **state)
{
    (void)state;
    check_body_len(131072);
}

static void body_of_any_small_length_is_padded_to_8(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 40; len++)
        check_body_len(len);
    check_body_len(131055);
    check_body_len(131056);
    check_body_len(131057);
}

static void empty_body_appends_nothing_and_the_end_is_an_empty_record(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 8);
    assert_true(exchange_append_stdin(&out, bytes_of(NULL, 0)));
    assert_int_equal(out.len, 0);
    assert_true(exchange_append_stdin_end(&out));
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, "\x01\x05\x00\x01\x00\x00\x00\x00", 8);
    assert_false(exchange_append_stdin_end(&out));
    assert_int_equal(out.len, 8);
    buffer_deinit(&out);
}

static void body_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 8, 13, 65528, 65529, 131072};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct bytes body = bytes_of(filler, lens[i]);
        struct buffer whole;
        buffer_init(&whole, BIG);
        assert_true(exchange_append_stdin(&whole, body));
        size_t step = whole.len < 100 ? 1 : 4999;
        for (size_t limit = (whole.len - 1) % step; limit < whole.len; limit += step) {
            struct buffer out;
            buffer_init(&out, limit);
            assert_false(exchange_append_stdin(&out, body));
            assert_int_equal(out.len, 0);
            buffer_deinit(&out);
        }
        struct buffer exact;
        buffer_init(&exact, whole.len);
        assert_true(exchange_append_stdin(&exact, body));
        assert_true(bytes_equal(buffer_peek(&exact), buffer_peek(&whole)));
        buffer_deinit(&exact);
        buffer_deinit(&whole);
    }
}

static void row_05_body_whose_records_wrap_size_t_is_refused(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    for (size_t below = 0; below < 1 << 20; below += 999) {
        assert_false(exchange_append_stdin(&out, bytes_of(filler, SIZE_MAX - below)));
        assert_int_equal(out.len, 0);
    }
    buffer_deinit(&out);
}

static void begin_says_responder_request_1_and_keep_conn(void **state)
{
    (void)state;
    for (int keep = 0; keep <= 1; keep++) {
        struct exchange exchange;
        struct buffer out;
        exchange_init(&exchange, keep == 1);
        buffer_init(&out, 16 + 15);
        assert_true(exchange_append_begin(&exchange, &out));
        assert_int_equal(out.len, 16);
        uint8_t expected[16] = {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, (uint8_t)keep, 0, 0, 0, 0, 0};
        assert_memory_equal(out.data, expected, 16);
        assert_false(exchange_append_begin(&exchange, &out));
        assert_int_equal(out.len, 16);
        buffer_deinit(&out);
    }
}

static void whole_request_is_one_run_of_bytes(void **state)
{
    (void)state;
    static const char expected[] = "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                   "\x01\x04\x00\x01\x00\x04\x04\x00\x01\x01Nv\x00\x00\x00\x00"
                                   "\x01\x04\x00\x01\x00\x00\x00\x00"
                                   "\x01\x05\x00\x01\x00\x03\x05\x00"
                                   "a=b\x00\x00\x00\x00\x00"
                                   "\x01\x05\x00\x01\x00\x00\x00\x00";
    struct exchange exchange;
    struct buffer out;
    struct fcgi_params_writer params;
    exchange_init(&exchange, false);
    buffer_init(&out, BIG);
    assert_true(exchange_append_begin(&exchange, &out));
    fcgi_params_begin(&params, &out, EXCHANGE_FIRST_ID);
    fcgi_params_add(&params, text("N"), text("v"));
    assert_true(fcgi_params_end(&params));
    assert_true(exchange_append_stdin(&out, text("a=b")));
    assert_true(exchange_append_stdin_end(&out));
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.len);
    exchange_number(out.data, out.len, 0x1234);
    for (size_t i = 0; i < out.len; i++) {
        bool high = i == 2 || i == 18 || i == 34 || i == 42 || i == 58; /* of each record's id */
        bool low = i == 3 || i == 19 || i == 35 || i == 43 || i == 59;
        assert_int_equal(out.data[i], high ? 0x12 : low ? 0x34 : (uint8_t)expected[i]);
    }
    buffer_deinit(&out);
}

static void chunk_framed_in_place_equals_an_appended_one(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 7, 8, 9, 15, 16, 4096, 65521, 65527, 65528};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct buffer out;
        buffer_init(&out, BIG);
        assert_true(exchange_append_stdin(&out, bytes_of(filler, lens[i])));
        uint8_t *record = guard_room(&guard, FCGI_HEADER_LEN + lens[i] + 7);
        memset(record, 0xee, FCGI_HEADER_LEN + lens[i] + 7);
        memcpy(record + FCGI_HEADER_LEN, filler, lens[i]);
        size_t len = exchange_frame_stdin(record, lens[i]);
        assert_true(bytes_equal(bytes_of(record, len), buffer_peek(&out)));
        buffer_deinit(&out);
    }
}

static void frame_of_len(void *len)
{
    static uint8_t record[FCGI_HEADER_LEN + 65536 + 8];
    exchange_frame_stdin(record, *(size_t *)len);
}

static void chunk_of_a_length_that_no_record_has_aborts(void **state)
{
    (void)state;
    size_t lens[] = {0, 65529, 65536, SIZE_MAX};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
        assert_true(aborts(frame_of_len, &lens[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_01_body_of_65527_bytes_is_not_truncated),
        cmocka_unit_test(row_01_body_of_65528_bytes_is_not_truncated),
        cmocka_unit_test(row_01_body_of_65529_bytes_is_not_truncated),
        cmocka_unit_test(row_01_body_of_65535_bytes_is_not_truncated),
        cmocka_unit_test(row_01_body_of_65536_bytes_is_not_truncated),
        cmocka_unit_test(row_01_body_of_99000_bytes_is_not_truncated),
        cmocka_unit_test(row_01_body_of_131072_bytes_is_not_truncated),
        cmocka_unit_test(body_of_any_small_length_is_padded_to_8),
        cmocka_unit_test(empty_body_appends_nothing_and_the_end_is_an_empty_record),
        cmocka_unit_test(body_that_does_not_fit_changes_nothing),
        cmocka_unit_test(row_05_body_whose_records_wrap_size_t_is_refused),
        cmocka_unit_test(begin_says_responder_request_1_and_keep_conn),
        cmocka_unit_test(whole_request_is_one_run_of_bytes),
        cmocka_unit_test(chunk_framed_in_place_equals_an_appended_one),
        cmocka_unit_test(chunk_of_a_length_that_no_record_has_aborts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
