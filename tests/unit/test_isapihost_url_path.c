/* isapihost: URL paths and the names that Windows takes for something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/isapihost/url_path.h"

/* In a buffer that just fits, so that a sanitizer sees one byte too many. */
static void becomes(const char *raw, const char *expected)
{
    size_t size = strlen(expected) + 1;
    size_t raw_len = strlen(raw);
    char *exact = malloc(raw_len + 1);
    memcpy(exact, raw, raw_len);
    char *out = malloc(size > raw_len + 1 ? size : raw_len + 1);
    size_t len = 0;
    assert_int_equal(url_normalize(exact, raw_len, out, raw_len + 1, &len), URL_OK);
    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
    free(exact);
    free(out);
}

static void is_refused(const char *raw)
{
    char out[256];
    size_t len = 0;
    assert_int_equal(url_normalize(raw, strlen(raw), out, sizeof out, &len), URL_BAD);
}

static void escapes_are_decoded_once(void **state)
{
    (void)state;
    becomes("/", "/");
    becomes("/a%20b", "/a b");
    becomes("/%41%5a%7A", "/AZz");
    becomes("/100%25", "/100%");
    becomes("/%252e%252e/x", "/%2e%2e/x");
    becomes("/caf%C3%A9", "/caf\xC3\xA9");
    becomes("/a?b", "/a?b");
}

static void broken_escapes_and_control_characters_are_refused(void **state)
{
    (void)state;
    is_refused("");
    is_refused("a");
    is_refused("/%");
    is_refused("/%4");
    is_refused("/%4g");
    is_refused("/%zz");
    is_refused("/a%00.php");
    is_refused("/a%0Ab");
    is_refused("/a\nb");
    is_refused("/a%7f");
    size_t len;
    char out[16];
    assert_int_equal(url_normalize("/a\0b", 4, out, sizeof out, &len), URL_BAD);
}

static void dot_segments_are_resolved_and_never_leave_the_root(void **state)
{
    (void)state;
    becomes("/.", "/");
    becomes("/a/.", "/a/");
    becomes("/a/..", "/");
    becomes("/a/b/../c", "/a/c");
    becomes("/a/b/../../c/", "/c/");
    becomes("/a/%2e%2E/b", "/b");
    becomes("/a/.%2e/b", "/b");
    becomes("/a%2f..%2fb", "/b");
    becomes("/...", "/...");
    becomes("/.a/..b/c..", "/.a/..b/c..");
    is_refused("/..");
    is_refused("/../a");
    is_refused("/a/../../b");
    is_refused("/%2e%2e/a");
    is_refused("/%2e%2e%2fa");
    is_refused("//..");
    is_refused("/a/b/../../../c");
}

static void repeated_slashes_are_one(void **state)
{
    (void)state;
    becomes("//", "/");
    becomes("//a///b//", "/a/b/");
    becomes("/a/.//./b", "/a/b");
}

static void backslashes_are_refused_however_written(void **state)
{
    (void)state;
    is_refused("/a\\b");
    is_refused("/..\\a");
    is_refused("/a%5cb");
    is_refused("/..%5C..%5Cwin.ini");
}

static void a_path_too_long_for_the_buffer_is_seen(void **state)
{
    (void)state;
    char out[5];
    size_t len = 0;
    assert_int_equal(url_normalize("/abc", 4, out, sizeof out, &len), URL_OK);
    assert_int_equal(url_normalize("/abcd", 5, out, sizeof out, &len), URL_TOO_LONG);
    assert_int_equal(url_normalize("/abcd/../x", 10, out, sizeof out, &len), URL_TOO_LONG);
}

static void names_that_windows_takes_for_others_are_not_safe(void **state)
{
    (void)state;
    static const char *const unsafe[] = {"",       ".",           "..",          "a.",           "a ",
                                         "a.php.", "a.php ",      "a.php. .",    "a.php::$DATA", "a.php:stream",
                                         "c:",     "PROGRA~1",    "index~1.php", "ab12cd~1.ph",  "a~12",
                                         "CON",    "con.txt",     "Con .php",    "nul",          "NUL.tar.gz",
                                         "aux.h",  "prn",         "com1",        "COM9.php",     "lpt1",
                                         "lpt0.x", "com\xC2\xB9", "lpt\xB2",     "conin$",       "CLOCK$",
                                         "a*b",    "a?b",         "a\"b",        "a<b",          "a>b",
                                         "a|b",    "a\\b",        "a\nb"};
    for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; ++i)
        if (url_name_is_safe(unsafe[i], strlen(unsafe[i])))
            fail_msg("'%s' passes", unsafe[i]);
}

static void ordinary_names_are_safe(void **state)
{
    (void)state;
    static const char *const safe[] = {"a",           "index.php", ".htaccess", "a.b.c",       "console",
                                       "contact.php", "nullable",  "com",       "com10",       "lpt",
                                       "auxin",       "~user",     "a~",        "a~b1",        "very-long-name~1.html",
                                       "a~1.html5",   "100%",      "a b.txt",   "caf\xC3\xA9", "x#y&z=1+2"};
    for (size_t i = 0; i < sizeof safe / sizeof safe[0]; ++i)
        if (!url_name_is_safe(safe[i], strlen(safe[i])))
            fail_msg("'%s' does not pass", safe[i]);
}

static void what_breaks_a_header_is_escaped(void **state)
{
    (void)state;
    char out[64];
    assert_true(url_escape("/a b/caf\xC3\xA9%\"<", out, sizeof out));
    assert_string_equal(out, "/a%20b/caf%C3%A9%25%22%3C");
    assert_true(url_escape("", out, 1));
    assert_false(url_escape("ab", out, 2));
    assert_false(url_escape(" ", out, 3));
    assert_true(url_escape(" ", out, 4));
}

static void utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\xE9",         "\xC3",         "\xC0\x80",         "\xE0\x80\x80",
                                      "\xED\xA0\x80", "\xF5\x80\x80", "\xF4\x90\x80\x80", "\xC3\xC3",
                                      "a\x80",        "\xE2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i)
        assert_true(url_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i)
        assert_false(url_is_utf8(bad[i], strlen(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_decoded_once),
        cmocka_unit_test(broken_escapes_and_control_characters_are_refused),
        cmocka_unit_test(dot_segments_are_resolved_and_never_leave_the_root),
        cmocka_unit_test(repeated_slashes_are_one),
        cmocka_unit_test(backslashes_are_refused_however_written),
        cmocka_unit_test(a_path_too_long_for_the_buffer_is_seen),
        cmocka_unit_test(names_that_windows_takes_for_others_are_not_safe),
        cmocka_unit_test(ordinary_names_are_safe),
        cmocka_unit_test(what_breaks_a_header_is_escaped),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
