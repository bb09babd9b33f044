/* fcgictl: quantities, durations, patterns, cleaned text, aligned tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/fcgictl/table.h"
#include "tools/fcgictl/text.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

static void ages_are_in_the_largest_unit_that_says_enough(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *words;
    } rows[] = {
        {-1, "0 s"},       {0, "0 s"},    {0.0001, "1 ms"}, {0.34, "340 ms"}, {0.9994, "999 ms"},
        {0.9996, "1 s"},   {1, "1 s"},    {3.9, "3 s"},     {119.9, "119 s"}, {120, "2 min"},
        {7199, "119 min"}, {7200, "2 h"}, {172799, "47 h"}, {172800, "2 d"},  {1e9, "11574 d"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        words_add_age(&text, rows[i].seconds);
        assert_string_equal(text_str(&text), rows[i].words);
        text_deinit(&text);
    }
}

static void bytes_are_in_units_of_1024(void **state)
{
    (void)state;
    static const struct {
        double bytes;
        const char *words;
    } rows[] = {{0, "0 B"},           {1023, "1023 B"},     {1024, "1.0 KiB"}, {10240, "10 KiB"},
                {3565158, "3.4 MiB"}, {35651584, "34 MiB"}, {5e12, "4.5 TiB"}, {1e19, "8882 PiB"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        words_add_bytes(&text, rows[i].bytes);
        assert_string_equal(text_str(&text), rows[i].words);
        text_deinit(&text);
    }
}

static void durations_have_units_and_are_seconds_without(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"90", 90},     {"90s", 90},  {"10m", 600},    {"10min", 600}, {"1h30m", 5400},     {"2d", 172800},
                {"500ms", 0.5}, {"2.5", 2.5}, {"1.25s", 1.25}, {"0", 0},       {"3650d", 315360000}};
    static const char *const bad[] = {"",   "s", "-1", "1x", "1 s", "m10", "1.", "1..2", "4000d", "99999999999999999999999",
                                      "1e3"};
    double seconds = -1;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(words_parse_duration(good[i].text, &seconds));
        assert_true(seconds > good[i].seconds - 1e-6 && seconds < good[i].seconds + 1e-6);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (words_parse_duration(bad[i], &seconds))
            fail_msg("'%s' is taken as %f", bad[i], seconds);
}

static void numbers_have_borders(void **state)
{
    (void)state;
    uint64_t number = 7;
    assert_true(words_parse_number("4294967295", 1, UINT32_MAX, &number));
    assert_int_equal(number, UINT32_MAX);
    assert_false(words_parse_number("4294967296", 1, UINT32_MAX, &number));
    assert_false(words_parse_number("0", 1, UINT32_MAX, &number));
    assert_false(words_parse_number("", 0, 5, &number));
    assert_false(words_parse_number("1a", 0, 5, &number));
    assert_false(words_parse_number("99999999999999999999999999", 0, UINT64_MAX, &number));
    assert_int_equal(number, UINT32_MAX);
}

static void patterns_match_whole_names_ignoring_case(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool matches;
    } rows[] = {
        {"php", "php", true},
        {"PHP", "php", true},
        {"php", "php7", false},
        {"php*", "php", true},
        {"*", "", true},
        {"*", "anything", true},
        {"?", "", false},
        {"p?p", "php", true},
        {"p?p", "pp", false},
        {"*a*b", "xxaxxab", true},
        {"*a*b", "xxaxx", false},
        {"a*a", "a", false},
        {"**", "x", true},
        {"*.exe", "C:\\php.EXE", true},
        {"M?ller", "M\xC3\xBCller", true},
        {"", "", true},
        {"", "a", false},
        {"a?", "a", false},
        {"*ab", "aab", true},
        {"C:\\*", "c:\\php", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (words_match(rows[i].pattern, rows[i].name) != rows[i].matches)
            fail_msg("%s and %s", rows[i].pattern, rows[i].name);
}

static void similar_names_are_a_slip_of_the_finger_apart(void **state)
{
    (void)state;
    assert_true(words_similar("recylce", "recycle"));
    assert_true(words_similar("stauts", "status"));
    assert_true(words_similar("phpx", "php"));
    assert_false(words_similar("abc", "php"));
    assert_false(words_similar("x", "ps"));
    assert_false(words_similar("drain", "resume"));
}

static void data_is_cleaned(void **state)
{
    (void)state;
    static const struct {
        const char *data, *clean;
    } rows[] = {
        {"plain", "plain"},
        {"a\x1b[31mb", "a\xEF\xBF\xBD[31mb"},
        {"\n\t\r\x7f\x01", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xC2\x9B", "\xEF\xBF\xBD"},                             /* C1 */
        {"\xE2\x80\xAE", "\xEF\xBF\xBD"},                         /* right-to-left override */
        {"\xC3\xBC\xE2\x82\xAC", "\xC3\xBC\xE2\x82\xAC"},         /* kept */
        {"\xC3", "\xEF\xBF\xBD"},                                 /* cut */
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                 /* overlong */
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* surrogate */
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text text = {0};
        text_add_data(&text, rows[i].data);
        assert_string_equal(text_str(&text), rows[i].clean);
        text_deinit(&text);
    }
}

static void csv_fields_are_quoted_when_they_must_be(void **state)
{
    (void)state;
    struct text text = {0};
    text_add_csv(&text, "plain; 'x'");
    text_add(&text, "|");
    text_add_csv(&text, "a,b");
    text_add(&text, "|");
    text_add_csv(&text, "say \"x\"");
    assert_string_equal(text_str(&text), "plain; 'x'|\"a,b\"|\"say \"\"x\"\"\"");
    text_deinit(&text);
}

static void columns_align_by_characters_not_bytes(void **state)
{
    (void)state;
    struct table table = {0};
    struct text out = {0};
    table_add_column(&table, "NAME", false, false);
    table_add_column(&table, "N", true, false);
    table_add_column(&table, "GONE", false, true);
    table_add_column(&table, "X", false, false);
    static const char *const cells[] = {"M\xC3\xBCller", "1", "", "a", "\xE6\x97\xA5", "12345", "", "", "\5red\1", "", "", "z"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        table_add_cell(&table, cells[i]);
    table_print(&table, &out, 0);
    assert_string_equal(text_str(&out), "\2NAME        N  X\n\1"
                                        "M\xC3\xBCller      1  a\n"
                                        "\xE6\x97\xA5       12345\n"
                                        "\5red\1            z\n");
    text_deinit(&out);
    table_deinit(&table);
}

static void a_narrow_terminal_cuts_the_last_column_within_reason(void **state)
{
    (void)state;
    struct table table = {0};
    struct text out = {0};
    table_add_column(&table, "A", false, false);
    table_add_column(&table, "B", false, false);
    table_add_cell(&table, "first");
    table_add_cell(&table, "0123456789\xC3\xBC"
                           "0123456789");
    table_print(&table, &out, 22);
    assert_string_equal(text_str(&out), "\2A      B\n\1first  0123456789\xC3\xBC...\1\n");
    text_clear(&out);
    table_print(&table, &out, 5);
    assert_non_null(strstr(text_str(&out), "first  012345678...\1\n")); /* not below that */
    text_clear(&out);
    table_print(&table, &out, 80);
    assert_non_null(strstr(text_str(&out), "\xC3\xBC"
                                           "0123456789\n"));
    text_deinit(&out);
    table_deinit(&table);
}

static void json_is_escaped_where_a_terminal_would_obey(void **state)
{
    (void)state;
    struct text text = {0};
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "a", "\x1b\x7f\xC2\x9B\xE2\x80\xAE\xC3\xBC\t");
    value_add(&text, item, false);
    assert_string_equal(text_str(&text), "{\"a\":\"\\u001b\\u007f\\u009b\\u202e\xC3\xBC\\t\"}");
    text_clear(&text);
    value_add(&text, item, true);
    assert_string_equal(text_str(&text), "{\n  \"a\": \"\\u001b\\u007f\\u009b\\u202e\xC3\xBC\\t\"\n}");
    cJSON_Delete(item);
    text_deinit(&text);
}

static void paths_into_json_find_nothing_where_nothing_is(void **state)
{
    (void)state;
    cJSON *item = cJSON_Parse("{\"a\":{\"b\":5,\"c\":null,\"d\":\"x\"},\"e\":true}");
    assert_int_equal((int)value_number(item, "a.b", 0), 5);
    assert_int_equal((int)value_number(item, "a.d", -1), -1);
    assert_null(value_at(item, "a.c"));
    assert_null(value_at(item, "a.b.c"));
    assert_null(value_at(item, "z.b"));
    assert_null(value_at(NULL, "a"));
    assert_string_equal(value_string(item, "a.d"), "x");
    assert_string_equal(value_string(item, "a.b"), "");
    assert_true(value_bool(item, "e"));
    assert_false(value_bool(item, "a"));
    cJSON_Delete(item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages_are_in_the_largest_unit_that_says_enough),
        cmocka_unit_test(bytes_are_in_units_of_1024),
        cmocka_unit_test(durations_have_units_and_are_seconds_without),
        cmocka_unit_test(numbers_have_borders),
        cmocka_unit_test(patterns_match_whole_names_ignoring_case),
        cmocka_unit_test(similar_names_are_a_slip_of_the_finger_apart),
        cmocka_unit_test(data_is_cleaned),
        cmocka_unit_test(csv_fields_are_quoted_when_they_must_be),
        cmocka_unit_test(columns_align_by_characters_not_bytes),
        cmocka_unit_test(a_narrow_terminal_cuts_the_last_column_within_reason),
        cmocka_unit_test(json_is_escaped_where_a_terminal_would_obey),
        cmocka_unit_test(paths_into_json_find_nothing_where_nothing_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
