/* A line of a log stays one line, whatever it is made of. */
#include "fcgiext/core/log_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(struct bytes text, size_t most, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 4096);
    assert_true(log_text_append(&out, text, most));
    assert_true(buffer_append(&out, bytes_of("", 1)));
    assert_string_equal((const char *)buffer_peek(&out).ptr, expected);
    buffer_deinit(&out);
}

static void expect_all(const char *text, const char *expected)
{
    expect(bytes_of_str(text), 1000, expected);
}

static void a_line_stays_one_line(void **state)
{
    (void)state;
    expect_all("one", "one");
    expect_all("one\r\ntwo\nthree\r\r\nfour", "one | two | three | four");
    expect_all("\n one \t\r\n", "one");
    expect_all("", "");
    expect_all(" \r\n", "");
}

static void control_characters_and_what_is_no_utf8_become_question_marks(void **state)
{
    (void)state;
    expect_all("a\x1b[2Jb\a\x7f"
               "c\td",
               "a?[2Jb??c?d");
    expect(bytes_of("a\0b", 3), 1000, "a?b");
    expect_all("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    expect_all("\xff\xc3(\xe2\x82x\xc0\xaf", "?"
                                             "?(?"
                                             "?x?"
                                             "?");
    expect_all("\xc2\x9b"
               "2J\xc2\x85x\xc2\xa0y",
               "?2J?x\xc2\xa0y"); /* CSI and NEL of ISO 6429 */
}

static void the_viewer_of_events_finds_nothing_to_replace(void **state)
{
    (void)state;
    expect_all("%1 %%2 100% a%b %", "% 1 % % 2 100% a%b %");
}

static void what_is_too_long_is_cut_between_two_characters_and_says_so(void **state)
{
    (void)state;
    expect(bytes_of_str("abcdefgh"), 8, "abcde...");
    expect(bytes_of_str("abcde"), 8, "abcde");
    expect(bytes_of_str("abcd\xe2\x82\xac"), 8, "abcd...");
    expect(bytes_of_str("abcd\n\n\nefgh"), 10, "abcd | ...");
    struct buffer out;
    buffer_init(&out, 100);
    assert_true(log_text_append_start(&out, bytes_of_str("abc"), 8));
    assert_true(bytes_equal(buffer_peek(&out), bytes_of_str("abc...")));
    buffer_deinit(&out);
}

static void a_full_buffer_is_said(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 4);
    assert_false(log_text_append(&out, bytes_of_str("abcde"), 100));
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_stays_one_line),
        cmocka_unit_test(control_characters_and_what_is_no_utf8_become_question_marks),
        cmocka_unit_test(the_viewer_of_events_finds_nothing_to_replace),
        cmocka_unit_test(what_is_too_long_is_cut_between_two_characters_and_says_so),
        cmocka_unit_test(a_full_buffer_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
