/* Record headers and fixed bodies: every field at its extremes, slices that end at a guard page (so that a read
 * beyond what is there ends the test), headers cut at each byte, and neither the slice nor the output changed unless
 * the outcome is OK. */
#include "tests/unit/guard.h"

#include "fcgiext/core/fcgi_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rng.h"

static struct guard guard;

static int open_guard(void **state)
{
    (void)state;
    guard_open(&guard, 4096);
    return 0;
}

static int close_guard(void **state)
{
    (void)state;
    guard_close(&guard);
    return 0;
}

static void assert_header(const struct fcgi_header *header, unsigned type, unsigned id, unsigned content, unsigned padding)
{
    assert_int_equal(header->type, type);
    assert_int_equal(header->request_id, id);
    assert_int_equal(header->content_len, content);
    assert_int_equal(header->padding_len, padding);
}

static void header_is_decoded_big_endian(void **state)
{
    (void)state;
    struct bytes in = guard_put(&guard, bytes_of("\x01\x06\x12\x34\xab\xcd\x05\x00", 8));
    struct fcgi_header header;
    assert_int_equal(fcgi_header_decode(&in, &header), FCGI_OK);
    assert_header(&header, FCGI_STDOUT, 0x1234, 0xabcd, 5);
    assert_int_equal(in.len, 0);
}

static void header_takes_8_bytes_and_leaves_the_rest(void **state)
{
    (void)state;
    struct bytes in = guard_put(&guard, bytes_of("\x01\x03\x00\x01\x00\x08\x00\x00rest", 12));
    struct fcgi_header header;
    assert_int_equal(fcgi_header_decode(&in, &header), FCGI_OK);
    assert_true(bytes_equal(in, bytes_of_str("rest")));
}

static void row_02_header_with_content_65535_and_padding_255(void **state)
{
    (void)state;
    struct bytes in = guard_put(&guard, bytes_of("\x01\x06\xff\xff\xff\xff\xff\xff", 8));
    struct fcgi_header header;
    assert_int_equal(fcgi_header_decode(&in, &header), FCGI_OK);
    assert_header(&header, FCGI_STDOUT, 65535, 65535, 255);
}

static void row_07_header_cut_at_each_of_its_8_bytes_wants_more(void **state)
{
    (void)state;
    for (size_t len = 0; len < FCGI_HEADER_LEN; len++) {
        struct bytes in = guard_put(&guard, bytes_of("\x01\x06\x00\x01\x00\x08\x00\x00", len));
        const struct bytes before = in;
        struct fcgi_header header = {.type = 77, .request_id = 77, .content_len = 77, .padding_len = 77};
        assert_int_equal(fcgi_header_decode(&in, &header), FCGI_MORE);
        assert_ptr_equal(in.ptr, before.ptr);
        assert_int_equal(in.len, before.len);
        assert_header(&header, 77, 77, 77, 77);
    }
}

static void version_other_than_1_is_bad_and_changes_nothing(void **state)
{
    (void)state;
    for (unsigned version = 0; version <= 255; version++) {
        uint8_t wire[8] = {(uint8_t)version, FCGI_STDOUT, 0, 1, 0, 8, 0, 0};
        struct bytes in = guard_put(&guard, bytes_of(wire, sizeof wire));
        struct fcgi_header header = {.type = 77};
        enum fcgi_result expected = version == 1 ? FCGI_OK : FCGI_BAD;
        assert_int_equal(fcgi_header_decode(&in, &header), expected);
        assert_int_equal(in.len, version == 1 ? 0 : 8);
        assert_int_equal(header.type, version == 1 ? FCGI_STDOUT : 77);
    }
}

static void every_type_is_decoded_as_it_is(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= 255; type++) {
        uint8_t wire[8] = {1, (uint8_t)type, 0, 0, 0, 0, 0, 0};
        struct bytes in = bytes_of(wire, sizeof wire);
        struct fcgi_header header;
        assert_int_equal(fcgi_header_decode(&in, &header), FCGI_OK);
        assert_header(&header, type, 0, 0, 0);
    }
}

static void reserved_byte_is_ignored_and_written_as_zero(void **state)
{
    (void)state;
    struct bytes in = guard_put(&guard, bytes_of("\x01\x07\x00\x02\x00\x03\x04\xee", 8));
    struct fcgi_header header;
    assert_int_equal(fcgi_header_decode(&in, &header), FCGI_OK);
    uint8_t *out = guard_room(&guard, FCGI_HEADER_LEN);
    memset(out, 0xee, FCGI_HEADER_LEN);
    fcgi_header_encode(out, &header);
    assert_memory_equal(out, "\x01\x07\x00\x02\x00\x03\x04\x00", 8);
}

static void header_survives_the_round_trip(void **state)
{
    (void)state;
    struct rng rng = {1};
    for (int i = 0; i < 10000; i++) {
        const struct fcgi_header header = {
            .type = (uint8_t)rng_next(&rng),
            .request_id = (uint16_t)rng_next(&rng),
            .content_len = (uint16_t)rng_next(&rng),
            .padding_len = (uint8_t)rng_next(&rng),
        };
        uint8_t wire[FCGI_HEADER_LEN];
        fcgi_header_encode(wire, &header);
        struct bytes in = bytes_of(wire, sizeof wire);
        struct fcgi_header back;
        assert_int_equal(fcgi_header_decode(&in, &back), FCGI_OK);
        assert_header(&back, header.type, header.request_id, header.content_len, header.padding_len);
    }
}

static void all_32_bits_of_the_application_status_survive(void **state)
{
    (void)state;
    static const uint32_t codes[] = {0, 1, 0x7fffffff, 0x80000000, 0xC0000005, 0xffffffff, 0x01020304};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        uint32_t code = codes[i];
        uint8_t wire[8] = {
            (uint8_t)(code >> 24), (uint8_t)(code >> 16), (uint8_t)(code >> 8), (uint8_t)code, 0, 0xee, 0xee, 0xee,
        };
        struct bytes in = guard_put(&guard, bytes_of(wire, sizeof wire));
        struct fcgi_end_request end;
        assert_int_equal(fcgi_end_request_decode(&in, &end), FCGI_OK);
        assert_true(end.app_status == code);
        assert_int_equal(end.protocol_status, FCGI_REQUEST_COMPLETE);
        assert_int_equal(in.len, 0);
    }
}

static void every_protocol_status_is_decoded_as_it_is(void **state)
{
    (void)state;
    for (unsigned status = 0; status <= 255; status++) {
        uint8_t wire[9] = {0, 0, 0, 0, (uint8_t)status, 0, 0, 0, 'x'};
        struct bytes in = guard_put(&guard, bytes_of(wire, sizeof wire));
        struct fcgi_end_request end;
        assert_int_equal(fcgi_end_request_decode(&in, &end), FCGI_OK);
        assert_int_equal(end.protocol_status, status);
        assert_true(bytes_equal(in, bytes_of_str("x")));
    }
}

static void row_07_end_request_cut_at_each_of_its_8_bytes_wants_more(void **state)
{
    (void)state;
    for (size_t len = 0; len < FCGI_END_REQUEST_LEN; len++) {
        struct bytes in = guard_put(&guard, bytes_of("\0\0\0\0\0\0\0\0", len));
        const struct bytes before = in;
        struct fcgi_end_request end = {.app_status = 77, .protocol_status = 77};
        assert_int_equal(fcgi_end_request_decode(&in, &end), FCGI_MORE);
        assert_ptr_equal(in.ptr, before.ptr);
        assert_int_equal(in.len, before.len);
        assert_int_equal(end.app_status, 77);
        assert_int_equal(end.protocol_status, 77);
    }
}

static void begin_request_says_responder_and_keep_conn(void **state)
{
    (void)state;
    for (int keep = 0; keep <= 1; keep++) {
        uint8_t *out = guard_room(&guard, FCGI_HEADER_LEN + FCGI_BEGIN_REQUEST_LEN);
        memset(out, 0xee, FCGI_HEADER_LEN + FCGI_BEGIN_REQUEST_LEN);
        fcgi_begin_request_encode(out, 0x0102, keep == 1);
        uint8_t expected[16] = {1, 1, 1, 2, 0, 8, 0, 0, 0, 1, (uint8_t)keep, 0, 0, 0, 0, 0};
        assert_memory_equal(out, expected, sizeof expected);
    }
}

static void padding_fills_up_to_a_multiple_of_8(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 70000; len++) {
        assert_true(fcgi_padding(len) <= 7);
        assert_int_equal((len + fcgi_padding(len)) % 8, 0);
    }
    assert_int_equal(fcgi_padding(SIZE_MAX), 1);
    assert_int_equal(fcgi_padding(FCGI_MAX_CONTENT_LEN), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_decoded_big_endian),
        cmocka_unit_test(header_takes_8_bytes_and_leaves_the_rest),
        cmocka_unit_test(row_02_header_with_content_65535_and_padding_255),
        cmocka_unit_test(row_07_header_cut_at_each_of_its_8_bytes_wants_more),
        cmocka_unit_test(version_other_than_1_is_bad_and_changes_nothing),
        cmocka_unit_test(every_type_is_decoded_as_it_is),
        cmocka_unit_test(reserved_byte_is_ignored_and_written_as_zero),
        cmocka_unit_test(header_survives_the_round_trip),
        cmocka_unit_test(all_32_bits_of_the_application_status_survive),
        cmocka_unit_test(every_protocol_status_is_decoded_as_it_is),
        cmocka_unit_test(row_07_end_request_cut_at_each_of_its_8_bytes_wants_more),
        cmocka_unit_test(begin_request_says_responder_and_keep_conn),
        cmocka_unit_test(padding_fills_up_to_a_multiple_of_8),
    };
    return cmocka_run_group_tests(tests, open_guard, close_guard);
}
