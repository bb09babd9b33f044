/* text: numbers, UTF-8 and the character classes of the core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgiext/core/text.h"

static void check_decimal(uint64_t number, const char *expected)
{
    uint8_t out[TEXT_MAX_DECIMAL_LEN + 1];
    memset(out, '#', sizeof out);
    size_t len = text_put_decimal(out, number);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
    assert_int_equal(out[len], '#');
    uint64_t back = ~number;
    assert_true(text_parse_decimal(bytes_of(out, len), &back));
    assert_true(back == number);
}

static void decimal_numbers_are_written_and_read_back(void **state)
{
    (void)state;
    check_decimal(0, "0");
    check_decimal(9, "9");
    check_decimal(10, "10");
    check_decimal(4294967296u, "4294967296");
    check_decimal(UINT64_MAX, "18446744073709551615");
}

static void what_is_no_decimal_number_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", " 1", "1 ", "+1", "-1", "0x1", "1,1", "18446744073709551616", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t number = 7;
        assert_false(text_parse_decimal(bytes_of_str(bad[i]), &number));
        assert_true(number == 7);
    }
    uint64_t number = 7;
    assert_true(text_parse_decimal(bytes_of_str("0000000000000000000000000000001"), &number));
    assert_true(number == 1);
}

static void check_hex(uint64_t number, size_t digits, bool upper, const char *expected)
{
    struct buffer buffer;
    buffer_init(&buffer, 64);
    assert_true(text_append_hex(&buffer, number, digits, upper));
    assert_int_equal(buffer.len, strlen(expected));
    assert_memory_equal(buffer_peek(&buffer).ptr, expected, buffer.len);
    buffer_deinit(&buffer);
}

static void hex_numbers_have_the_digits_and_the_case_asked_for(void **state)
{
    (void)state;
    check_hex(0, 1, false, "0");
    check_hex(0, 8, true, "00000000");
    check_hex(0xc1, 8, true, "000000C1");
    check_hex(0xc0000005u, 8, true, "C0000005");
    check_hex(0x1a2b, 1, false, "1a2b");
    check_hex(UINT64_MAX, 1, true, "FFFFFFFFFFFFFFFF");
}

static void appending_to_a_full_buffer_changes_nothing(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 4);
    assert_true(text_append_decimal(&buffer, 123));
    assert_false(text_append_decimal(&buffer, 45));
    assert_false(text_append_hex(&buffer, 0xff, 1, true));
    assert_int_equal(buffer.len, 3);
    buffer_deinit(&buffer);
}

/* What Unicode calls well-formed, by decoding, which text_utf8_len does not do. */
static size_t utf8_len_by_decoding(const uint8_t *ptr, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (len == 0)
        return 0;
    size_t need = ptr[0] < 0x80             ? 1
                  : (ptr[0] & 0xe0) == 0xc0 ? 2
                  : (ptr[0] & 0xf0) == 0xe0 ? 3
                  : (ptr[0] & 0xf8) == 0xf0 ? 4
                                            : 0;
    if (need == 0 || need > len)
        return 0;
    uint32_t code = need == 1 ? ptr[0] : ptr[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((ptr[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (ptr[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[need] || code > 0x10ffff || surrogate ? 0 : need;
}

static void utf8_sequences_are_the_well_formed_ones(void **state)
{
    (void)state;
    static const uint8_t tails[] = {0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t third = 0; third < sizeof tails; third++)
                for (size_t fourth = 0; fourth < sizeof tails; fourth++)
                    for (size_t len = 0; len <= 4; len++) {
                        uint8_t text[] = {(uint8_t)first, (uint8_t)second, tails[third], tails[fourth]};
                        assert_int_equal(text_utf8_len(bytes_of(text, len)), utf8_len_by_decoding(text, len));
                    }
}

static void a_token_is_what_rfc_9110_says(void **state)
{
    (void)state;
    const char *all = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned count = 0;
    for (unsigned c = 0; c < 256; c++)
        count += text_is_token_char((uint8_t)c);
    assert_int_equal(count, strlen(all));
    assert_true(text_is_token(bytes_of_str(all)));
    assert_false(text_is_token(bytes_of_str("")));
    assert_false(text_is_token(bytes_of_str("a b")));
    assert_false(text_is_token(bytes_of("a\0", 2)));
}

static void trimming_takes_spaces_and_tabs_only(void **state)
{
    (void)state;
    assert_true(bytes_equal(text_trim(bytes_of_str(" \t a b\t ")), bytes_of_str("a b")));
    assert_true(bytes_equal(text_trim(bytes_of_str("\ra\n")), bytes_of_str("\ra\n")));
    assert_int_equal(text_trim(bytes_of_str(" \t ")).len, 0);
    assert_int_equal(text_trim(bytes_of(NULL, 0)).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_numbers_are_written_and_read_back),
        cmocka_unit_test(what_is_no_decimal_number_is_refused_and_changes_nothing),
        cmocka_unit_test(hex_numbers_have_the_digits_and_the_case_asked_for),
        cmocka_unit_test(appending_to_a_full_buffer_changes_nothing),
        cmocka_unit_test(utf8_sequences_are_the_well_formed_ones),
        cmocka_unit_test(a_token_is_what_rfc_9110_says),
        cmocka_unit_test(trimming_takes_spaces_and_tabs_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
