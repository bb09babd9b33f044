/* fuzz_stderr: error output of a program, cut at will, against a plain reader that sees all of it at once.
 *
 * Input: how it is cut (fuzz_piece) up to the first LF, then the bytes; a NUL among them ends a record. */
#include "fcgiext/core/stderr_lines.h"

#include "tests/fuzz/fuzz.h"

static const char end_mark[] = ":IIS_TRACE_END";
static const char *const begin_marks[] = {"IIS_TRACE_INFO:", "IIS_TRACE_WARNING:", "IIS_TRACE_ERROR:"};

struct plain {
    struct buffer text; /* error text, without NULs */
    int trace;          /* the heaviest: 1 to 3; 0: none */
};

static bool starts_with(struct bytes text, const char *mark)
{
    return text.len >= strlen(mark) && memcmp(text.ptr, mark, strlen(mark)) == 0;
}

static void read_plainly(struct bytes in, struct plain *plain)
{
    bool in_trace = false;
    while (in.len > 0) {
        size_t taken = 0;
        for (int i = 0; !in_trace && i < 3; i++) {
            if (!starts_with(in, begin_marks[i]))
                continue;
            taken = strlen(begin_marks[i]);
            plain->trace = i + 1 > plain->trace ? i + 1 : plain->trace;
        }
        if (in_trace && starts_with(in, end_mark))
            taken = sizeof end_mark - 1;
        if (taken)
            in_trace = !in_trace;
        else if (!in_trace)
            CHECK(buffer_append(&plain->text, bytes_of(in.ptr, 1)));
        bytes_advance(&in, taken ? taken : 1);
    }
}

static void check_list(const struct stderr_list *list)
{
    struct bytes lines = buffer_peek(&list->lines);
    uint32_t count = 0;
    size_t len = 0;
    for (size_t i = 0; i < lines.len; i++, len++) {
        CHECK(lines.ptr[i] >= ' ' || lines.ptr[i] == '\n');
        if (lines.ptr[i] != '\n')
            continue;
        CHECK(len > 0 && len <= STDERR_MAX_LINE_LEN + strlen("warning: "));
        count++;
        len = SIZE_MAX;
    }
    CHECK(len == 0 && count == list->count && count <= STDERR_MAX_LINES);
    CHECK(list->dropped == 0 || count == STDERR_MAX_LINES);
}

/* The records, without the NULs behind them, each in pieces. */
static void feed(struct stderr_lines *lines, struct bytes in, struct bytes cuts, struct buffer *text)
{
    for (size_t i = 0; in.len > 0;) {
        const uint8_t *end = memchr(in.ptr, '\0', in.len);
        struct bytes record = bytes_of(in.ptr, end ? (size_t)(end - in.ptr) : in.len);
        bytes_advance(&in, record.len + (end != NULL));
        while (record.len > 0) {
            struct bytes copy = fuzz_copy(fuzz_piece(&record, cuts, i++));
            stderr_lines_take(lines, copy, record.len == 0, text);
            fuzz_free(copy);
        }
    }
    stderr_lines_end(lines, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct bytes cuts = fuzz_first_line(&in);
    struct plain plain = {.trace = 0};
    struct buffer whole, text;
    struct stderr_lines lines;
    buffer_init(&plain.text, SIZE_MAX / 8);
    buffer_init(&whole, SIZE_MAX / 8);
    buffer_init(&text, SIZE_MAX / 8);
    for (size_t i = 0; i < in.len; i++)
        CHECK(in.ptr[i] == '\0' || buffer_append(&whole, bytes_of(in.ptr + i, 1)));
    read_plainly(buffer_peek(&whole), &plain);
    stderr_lines_init(&lines);
    feed(&lines, in, cuts, &text);
    CHECK(bytes_equal(buffer_peek(&text), buffer_peek(&plain.text)));
    CHECK(lines.error_len == text.len && (int)lines.trace == plain.trace);
    bool blank = true;
    for (size_t i = 0; i < text.len; i++)
        blank = blank && memchr(" \t\n\v\f\r", buffer_peek(&text).ptr[i], 6) != NULL;
    CHECK(lines.has_error == !blank);
    check_list(&lines.errors);
    check_list(&lines.traces);
    stderr_lines_deinit(&lines);
    buffer_deinit(&text);
    buffer_deinit(&whole);
    buffer_deinit(&plain.text);
    return 0;
}
