/* stderr_lines: see stderr_lines.h. Bytes that may begin a mark are held until it is complete or they cannot become one any more;
 * then the first of them is passed on as what it is and the rest is looked at again. So it makes no difference where the
 * bytes are cut. */
#include "fcgiext/core/stderr_lines.h"

#include "fcgiext/core/log_text.h"

static const struct mark {
    const char *text;
    enum stderr_kind kind; /* of what follows it */
} marks[] = {
    {":IIS_TRACE_END", STDERR_TEXT}, /* of trace text; the others of error text */
    {"IIS_TRACE_INFO:", STDERR_TRACE_INFO},
    {"IIS_TRACE_WARNING:", STDERR_TRACE_WARNING},
    {"IIS_TRACE_ERROR:", STDERR_TRACE_ERROR},
};

static const char *const levels[] = {
    [STDERR_NONE] = "", [STDERR_TRACE_INFO] = "info: ", [STDERR_TRACE_WARNING] = "warning: ", [STDERR_TRACE_ERROR] = "error: ",
    [STDERR_TEXT] = "",
};

static void init_list(struct stderr_list *list)
{
    *list = (struct stderr_list){.count = 0};
    buffer_init(&list->lines, STDERR_MAX_LINES * (STDERR_MAX_LINE_LEN + 10)); /* the level and the LF */
}

void stderr_lines_init(struct stderr_lines *lines)
{
    memset(lines, 0, sizeof *lines);
    init_list(&lines->errors);
    init_list(&lines->traces);
    buffer_init(&lines->line, STDERR_MAX_LINE_LEN);
    lines->kind = STDERR_TEXT;
}

void stderr_lines_deinit(struct stderr_lines *lines)
{
    buffer_deinit(&lines->errors.lines);
    buffer_deinit(&lines->traces.lines);
    buffer_deinit(&lines->line);
}

void stderr_lines_clear(struct stderr_lines *lines)
{
    stderr_lines_deinit(lines);
    stderr_lines_init(lines);
}

/* ---- lines ---- */

/* false: it is one too many, or memory is out. */
static bool append_line(struct stderr_lines *lines, struct stderr_list *list, struct bytes text)
{
    struct buffer *out = &list->lines;
    if (list->count == STDERR_MAX_LINES || !buffer_append_str(out, levels[lines->kind]))
        return false;
    bool fits = lines->line_cut ? log_text_append_start(out, text, STDERR_MAX_LINE_LEN)
                                : log_text_append(out, text, STDERR_MAX_LINE_LEN);
    return fits && buffer_append_str(out, "\n");
}

static void end_line(struct stderr_lines *lines)
{
    struct stderr_list *list = lines->kind == STDERR_TEXT ? &lines->errors : &lines->traces;
    struct bytes text = buffer_peek(&lines->line);
    size_t before = list->lines.len;
    if (!lines->line_cut && log_text_is_blank(text)) {
        /* not worth a line */
    } else if (append_line(lines, list, text)) {
        list->count++;
    } else {
        list->lines.len = before; /* no part of a line */
        list->dropped++;
    }
    buffer_clear(&lines->line);
    lines->line_cut = false;
}

static void put(struct stderr_lines *lines, struct bytes bytes, struct buffer *text)
{
    size_t room = buffer_room(&lines->line);
    lines->line_cut |= bytes.len > room;
    if (!buffer_append(&lines->line, bytes_of(bytes.ptr, bytes.len < room ? bytes.len : room)))
        lines->line_cut = true;
    if (lines->kind != STDERR_TEXT)
        return;
    lines->error_len += bytes.len;
    lines->has_error = lines->has_error || !log_text_is_blank(bytes);
    room = buffer_room(text);
    buffer_append(text, bytes_of(bytes.ptr, bytes.len < room ? bytes.len : room));
}

/* ---- marks ---- */

enum match { MATCH_NONE, MATCH_PART, MATCH_WHOLE };

/* Of the held bytes with a mark that may come now. */
static enum match match_held(const struct stderr_lines *lines, enum stderr_kind *next)
{
    bool in_text = lines->kind == STDERR_TEXT;
    enum match best = MATCH_NONE;
    for (size_t i = in_text ? 1 : 0; i < (in_text ? sizeof marks / sizeof *marks : 1); i++) {
        struct bytes mark = bytes_of_str(marks[i].text);
        if (mark.len < lines->held_len || memcmp(mark.ptr, lines->held, lines->held_len) != 0)
            continue;
        best = mark.len == lines->held_len ? MATCH_WHOLE : MATCH_PART;
        *next = marks[i].kind;
    }
    return best;
}

static void enter(struct stderr_lines *lines, enum stderr_kind kind)
{
    end_line(lines);
    lines->kind = kind;
    lines->held_len = 0;
    if (kind != STDERR_TEXT && kind > lines->trace)
        lines->trace = kind;
}

/* The held bytes as far as they cannot be a mark's beginning; `all`: none is waited for. */
static void settle(struct stderr_lines *lines, bool all, struct buffer *text)
{
    enum stderr_kind next = STDERR_TEXT;
    while (lines->held_len > 0) {
        enum match match = match_held(lines, &next);
        if (match == MATCH_WHOLE)
            enter(lines, next);
        if (match == MATCH_WHOLE || (match == MATCH_PART && !all))
            return;
        put(lines, bytes_of(lines->held, 1), text);
        memmove(lines->held, lines->held + 1, --lines->held_len);
    }
}

void stderr_lines_take(struct stderr_lines *lines, struct bytes data, bool record_end, struct buffer *text)
{
    while (data.len > 0) {
        uint8_t first = lines->kind == STDERR_TEXT ? 'I' : ':';
        const uint8_t *mark = lines->held_len ? data.ptr : memchr(data.ptr, first, data.len);
        size_t plain = mark ? (size_t)(mark - data.ptr) : data.len;
        if (plain > 0)
            put(lines, bytes_of(data.ptr, plain), text);
        bytes_advance(&data, plain);
        if (data.len == 0)
            break;
        lines->held[lines->held_len++] = data.ptr[0];
        bytes_advance(&data, 1);
        settle(lines, false, text);
    }
    if (record_end && lines->kind == STDERR_TEXT)
        end_line(lines);
}

void stderr_lines_end(struct stderr_lines *lines, struct buffer *text)
{
    settle(lines, true, text);
    end_line(lines);
}
