/* stderr of a program: what is an error, what is trace text, and the lines of the log. */
#include "fcgiext/core/stderr_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/rng.h"

struct subject {
    struct stderr_lines lines;
    struct buffer text; /* error text */
};

static void open_with_room(struct subject *subject, size_t room)
{
    stderr_lines_init(&subject->lines);
    buffer_init(&subject->text, room);
}

static void open_subject(struct subject *subject)
{
    open_with_room(subject, 64 * 1024);
}

static void close_subject(struct subject *subject)
{
    stderr_lines_deinit(&subject->lines);
    buffer_deinit(&subject->text);
}

static void take(struct subject *subject, struct bytes data, bool record_end)
{
    stderr_lines_take(&subject->lines, data, record_end, &subject->text);
}

static void take_record(struct subject *subject, const char *text)
{
    take(subject, bytes_of_str(text), true);
}

static void end(struct subject *subject)
{
    stderr_lines_end(&subject->lines, &subject->text);
}

static void expect_bytes(const struct buffer *buffer, const char *expected)
{
    if (!bytes_equal(buffer_peek(buffer), bytes_of_str(expected)))
        fail_msg("'%.*s' should be '%s'", (int)buffer->len, (const char *)buffer_peek(buffer).ptr, expected);
}

static void expect(const struct subject *subject, const char *text, const char *errors, const char *traces)
{
    expect_bytes(&subject->text, text);
    expect_bytes(&subject->lines.errors.lines, errors);
    expect_bytes(&subject->lines.traces.lines, traces);
    assert_int_equal(subject->lines.error_len, strlen(text));
}

/* ---- what is an error */

static const struct example {
    const char *data, *text, *errors, *traces;
    bool has_error;
    enum stderr_kind trace;
} examples[] = {
    {"oops\n", "oops\n", "oops\n", "", true, STDERR_NONE},
    {"\r\n", "\r\n", "", "", false, STDERR_NONE},
    {"IIS_TRACE_INFO:hello:IIS_TRACE_END", "", "", "info: hello\n", false, STDERR_TRACE_INFO},
    {"IIS_TRACE_WARNING:hm:IIS_TRACE_END\n", "\n", "", "warning: hm\n", false, STDERR_TRACE_WARNING},
    {"IIS_TRACE_ERROR:no:IIS_TRACE_END\r\n", "\r\n", "", "error: no\n", false, STDERR_TRACE_ERROR},
    {"IIS_TRACE_INFO:a:IIS_TRACE_ENDIIS_TRACE_ERROR:b:IIS_TRACE_END", "", "", "info: a\nerror: b\n", false, STDERR_TRACE_ERROR},
    {"IIS_TRACE_ERROR:b:IIS_TRACE_END\nIIS_TRACE_INFO:a:IIS_TRACE_END\n", "\n\n", "", "error: b\ninfo: a\n", false,
     STDERR_TRACE_ERROR},
    {"x IIS_TRACE_INFO:a:IIS_TRACE_END y", "x  y", "x\ny\n", "info: a\n", true, STDERR_TRACE_INFO},
    {"IIS_TRACE_INFO:a\nb:c::IIS_TRACE_END", "", "", "info: a | b:c:\n", false, STDERR_TRACE_INFO},
    {"IIS_TRACE_INFO::IIS_TRACE_END", "", "", "", false, STDERR_TRACE_INFO},
    {"IIS_TRACE_INFO:never ends", "", "", "info: never ends\n", false, STDERR_TRACE_INFO},
    {"IIS_TRACE_INFO:a:IIS_TRACE_EN", "", "", "info: a:IIS_TRACE_EN\n", false, STDERR_TRACE_INFO},
    {"IIS_TRACE_INFO:a IIS_TRACE_ERROR:b:IIS_TRACE_END", "", "", "info: a IIS_TRACE_ERROR:b\n", false, STDERR_TRACE_INFO},
    {"IIS_TRACE_", "IIS_TRACE_", "IIS_TRACE_\n", "", true, STDERR_NONE},
    {"IIS_TRACE_DEBUG:x:IIS_TRACE_END", "IIS_TRACE_DEBUG:x:IIS_TRACE_END", "IIS_TRACE_DEBUG:x:IIS_TRACE_END\n", "", true,
     STDERR_NONE},
    {"iis_trace_info:x", "iis_trace_info:x", "iis_trace_info:x\n", "", true, STDERR_NONE},
    {"IIIS_TRACE_INFO:a:IIS_TRACE_END", "I", "I\n", "info: a\n", true, STDERR_TRACE_INFO},
    {"IIS_TRACE_IIIS_TRACE_WARNING:a::IIS_TRACE_END", "IIS_TRACE_I", "IIS_TRACE_I\n", "warning: a:\n", true,
     STDERR_TRACE_WARNING},
    {":IIS_TRACE_END", ":IIS_TRACE_END", ":IIS_TRACE_END\n", "", true, STDERR_NONE},
};

static void check(const struct example *example, const struct subject *subject)
{
    expect(subject, example->text, example->errors, example->traces);
    assert_int_equal(subject->lines.has_error, example->has_error);
    assert_int_equal(subject->lines.trace, example->trace);
}

static void trace_text_is_told_apart_from_error_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct subject subject;
        open_subject(&subject);
        take_record(&subject, examples[i].data);
        end(&subject);
        check(&examples[i], &subject);
        close_subject(&subject);
    }
}

/* In all places, and then byte by byte; the record ends with the last one. */
static void it_makes_no_difference_where_a_record_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct bytes data = bytes_of_str(examples[i].data);
        for (size_t cut = 0; cut <= data.len; cut++) {
            struct subject subject;
            open_subject(&subject);
            if (cut < data.len) {
                take(&subject, bytes_of(data.ptr, cut), false);
                take(&subject, bytes_of(data.ptr + cut, data.len - cut), true);
            }
            for (size_t j = 0; cut == data.len && j < data.len; j++)
                take(&subject, bytes_of(data.ptr + j, 1), j + 1 == data.len);
            end(&subject);
            check(&examples[i], &subject);
            close_subject(&subject);
        }
    }
}

static void trace_text_that_is_cut_between_records_is_trace_text(void **state)
{
    (void)state;
    struct bytes data = bytes_of_str("IIS_TRACE_WARNING:one\ntwo:IIS_TRACE_END");
    for (size_t len = 1; len < data.len; len++) {
        struct subject subject;
        open_subject(&subject);
        for (size_t at = 0; at < data.len; at += len)
            take(&subject, bytes_of(data.ptr + at, len < data.len - at ? len : data.len - at), true);
        end(&subject);
        expect(&subject, "", "", "warning: one | two\n");
        assert_false(subject.lines.has_error);
        close_subject(&subject);
    }
}

static void what_may_become_trace_text_is_no_error_yet(void **state)
{
    (void)state;
    struct subject subject;
    open_subject(&subject);
    take_record(&subject, "IIS_TRACE_WARN");
    assert_false(subject.lines.has_error);
    take_record(&subject, "!");
    assert_true(subject.lines.has_error);
    expect_bytes(&subject.text, "IIS_TRACE_WARN!");
    close_subject(&subject);
}

/* ---- lines */

static void row_11_one_record_is_one_line(void **state)
{
    (void)state;
    struct subject subject;
    open_subject(&subject);
    take_record(&subject, "PHP Warning:  a\r\nFake line\n  in x.php\n");
    take_record(&subject, "\x1b[2Jsecond\0x");
    take(&subject, bytes_of_str("thi"), false);
    take(&subject, bytes_of_str("rd\xff"), true);
    end(&subject);
    expect_bytes(&subject.lines.errors.lines, "PHP Warning:  a | Fake line |   in x.php\n?[2Jsecond\nthird?\n");
    assert_int_equal(subject.lines.errors.count, 3);
    close_subject(&subject);
}

static void row_11_a_mebibyte_is_some_lines(void **state)
{
    (void)state;
    static uint8_t noise[1024 * 1024];
    struct rng rng = {11};
    struct subject subject;
    for (size_t record = 100; record <= sizeof noise; record *= 8) {
        rng_fill(&rng, noise, sizeof noise);
        open_with_room(&subject, 1000);
        for (size_t at = 0; at < sizeof noise; at += record)
            take(&subject, bytes_of(noise + at, record < sizeof noise - at ? record : sizeof noise - at), true);
        end(&subject);
        const struct stderr_list *list = &subject.lines.errors;
        assert_int_equal(subject.lines.error_len, sizeof noise);
        assert_int_equal(subject.text.len, 1000);
        assert_true(list->count + list->dropped <= sizeof noise / record + 1);
        assert_true(list->count > 0 && list->count <= STDERR_MAX_LINES);
        assert_true(list->lines.len <= STDERR_MAX_LINES * (STDERR_MAX_LINE_LEN + 1));
        assert_true(subject.lines.line.capacity <= 2 * STDERR_MAX_LINE_LEN);
        close_subject(&subject);
    }
}

static void what_is_too_long_or_too_much_is_cut_and_counted(void **state)
{
    (void)state;
    char text[STDERR_MAX_LINE_LEN + 2];
    struct subject subject;
    open_subject(&subject);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < STDERR_MAX_LINES + 5; i++)
        take_record(&subject, text);
    const struct stderr_list *list = &subject.lines.errors;
    assert_int_equal(list->count, STDERR_MAX_LINES);
    assert_int_equal(list->dropped, 5);
    assert_int_equal(list->lines.len, STDERR_MAX_LINES * (STDERR_MAX_LINE_LEN + 1));
    assert_memory_equal(buffer_peek(&list->lines).ptr + STDERR_MAX_LINE_LEN - 3, "...\n", 4);
    take_record(&subject, "IIS_TRACE_INFO:other:IIS_TRACE_END"); /* has a list of its own */
    expect_bytes(&subject.lines.traces.lines, "info: other\n");
    close_subject(&subject);
}

static void another_try_begins_anew(void **state)
{
    (void)state;
    struct subject subject;
    open_subject(&subject);
    take_record(&subject, "oops IIS_TRACE_ERROR:in the middle");
    stderr_lines_clear(&subject.lines);
    buffer_clear(&subject.text);
    assert_false(subject.lines.has_error);
    assert_int_equal(subject.lines.trace, STDERR_NONE);
    take_record(&subject, "text");
    expect(&subject, "text", "text\n", "");
    close_subject(&subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace_text_is_told_apart_from_error_text),
        cmocka_unit_test(it_makes_no_difference_where_a_record_is_cut),
        cmocka_unit_test(trace_text_that_is_cut_between_records_is_trace_text),
        cmocka_unit_test(what_may_become_trace_text_is_no_error_yet),
        cmocka_unit_test(row_11_one_record_is_one_line),
        cmocka_unit_test(row_11_a_mebibyte_is_some_lines),
        cmocka_unit_test(what_is_too_long_or_too_much_is_cut_and_counted),
        cmocka_unit_test(another_try_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
