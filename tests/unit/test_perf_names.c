/* Names of instances: what is replaced, how they are cut, and when two are the same. */
#include "perf_testing.h"

static struct perf_name cleaned(const char *utf8)
{
    struct perf_name name;
    perf_name_clean(&name, bytes_of_str(utf8));
    assert_true(name.len > 0 && name.len <= PERF_NAME_LEN);
    return name;
}

static void assert_cleaned(const char *utf8, const char *wanted)
{
    struct perf_name name = cleaned(utf8);
    if (!perf_test_is(&name, wanted))
        fail_msg("'%s' does not become '%s'", utf8, wanted);
}

static void marks_of_a_path_and_control_characters_are_replaced(void **state)
{
    (void)state;
    assert_cleaned("php 8.3", "php 8.3");
    assert_cleaned("a/b\\c(d)e#f*g", "a_b_c[d]e_f_g");
    assert_cleaned("a\tb\x7f\xc2\x85", "a_b__");
    assert_cleaned("", "_");
}

static void no_pool_is_taken_for_the_sum(void **state)
{
    (void)state;
    assert_cleaned("_Total", "_Total_");
    assert_cleaned("php_TOTAL", "php_TOTAL_");
    assert_cleaned("total", "total");
    struct perf_name name = cleaned("0123456789012345678901234567890123456789012345678901234567_Total");
    assert_true(perf_test_is(&name, "0123456789012345678901234567890123456789012345678901234567_Tota_"));
    /* cutting makes it end so */
    name = cleaned("0123456789012345678901234567890123456789012345678901234567_Totals");
    assert_true(perf_test_is(&name, "0123456789012345678901234567890123456789012345678901234567_Tota_"));
}

static void names_are_cut_between_characters(void **state)
{
    (void)state;
    char text[400] = "";
    for (int i = 0; i < 63; i++)
        strcat(text, "\xc3\xa9");     /* e acute */
    strcat(text, "\xf0\x9f\x90\x98"); /* an elephant, which takes two units */
    struct perf_name name = cleaned(text);
    assert_int_equal(name.len, 63);
    assert_int_equal(name.units[62], 0xe9);
    name = cleaned("\xf0\x9f\x90\x98"
                   "a");
    assert_int_equal(name.len, 3);
    assert_int_equal(name.units[0], 0xd83d);
    assert_int_equal(name.units[1], 0xdc18);
    name = cleaned("\xe2\x82\xac\xff rest"); /* what is no UTF-8 ends it */
    assert_int_equal(name.len, 1);
    assert_int_equal(name.units[0], 0x20ac);
}

static void numbers_find_room(void **state)
{
    (void)state;
    struct perf_name name = cleaned("php");
    perf_name_add_number(&name, '_', 4711);
    assert_true(perf_test_is(&name, "php_4711"));
    name = cleaned("0123456789012345678901234567890123456789012345678901234567890123456789");
    assert_int_equal(name.len, PERF_NAME_LEN);
    perf_name_add_number(&name, '_', UINT32_MAX);
    assert_true(perf_test_is(&name, "01234567890123456789012345678901234567890123456789012_4294967295"));
    name = cleaned("0123456789012345678901234567890123456789012345678901\xf0\x9f\x90\x98"); /* no half of a pair is left */
    perf_name_add_number(&name, '_', UINT32_MAX);
    assert_true(perf_test_is(&name, "0123456789012345678901234567890123456789012345678901_4294967295"));
}

static void names_are_equal_whatever_the_case(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"php", "PHP", true},
        {"php", "phq", false},
        {"php", "phpx", false},
        {"\xc3\xa9", "\xc3\x89", true},  /* e acute */
        {"\xc3\x97", "\xc3\xb7", false}, /* times, divided by */
        {"\xce\xb1", "\xce\x91", true},  /* alpha */
        {"\xd0\xb6", "\xd0\x96", true},  /* zhe */
        {"\xd1\x91", "\xd0\x81", true},  /* yo */
        {"\xc5\xbe", "\xc5\xbd", true},  /* z caron */
        {"\xc4\x8d", "\xc4\x8c", true},  /* c caron */
        {"\xc5\xbe", "\xc5\xbc", false},
        {"@", "`", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct perf_name a = cleaned(rows[i].a), b = cleaned(rows[i].b);
        if (perf_name_equal(&a, &b) != rows[i].equal)
            fail_msg("row %d", (int)i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_of_a_path_and_control_characters_are_replaced),
        cmocka_unit_test(no_pool_is_taken_for_the_sum),
        cmocka_unit_test(names_are_cut_between_characters),
        cmocka_unit_test(numbers_find_room),
        cmocka_unit_test(names_are_equal_whatever_the_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
