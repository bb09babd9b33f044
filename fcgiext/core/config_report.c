/* config_report: the list of what is wrong, and its wording's tools.
 *
 * Invariant: the list never holds more than 2 * CONFIG_MAX_DIAGNOSTICS problems, however bad the file is, and those that are
 * dropped never rank before one that is kept (errors before warnings, then by line): a screenful of warnings hides no error.
 * All errors are counted and break their pools, listed or not.
 * No printf: the core has no stdio, and text of the file must be cleaned anyway before it goes to a log or a page. */
#include "fcgiext/core/config_parser.h"

#include <stdarg.h>
#include <stdlib.h>

enum { LIST_MAX = 2 * CONFIG_MAX_DIAGNOSTICS, MESSAGE_MAX_LEN = 4096 };

struct config_problem {
    struct config_diagnostic diagnostic;
    size_t order; /* of the report */
};

static void free_diagnostic(struct config_diagnostic *diagnostic)
{
    free(diagnostic->section);
    free(diagnostic->property);
    free(diagnostic->message);
}

void config_report_deinit(struct config_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free_diagnostic(&report->items[i].diagnostic);
    free(report->items);
}

static int compare_sizes(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

static int by_line(const void *left, const void *right)
{
    const struct config_problem *a = left, *b = right;
    if (a->diagnostic.line != b->diagnostic.line)
        return compare_sizes(a->diagnostic.line, b->diagnostic.line);
    return compare_sizes(a->order, b->order);
}

static int by_rank(const void *left, const void *right)
{
    const struct config_problem *a = left, *b = right;
    if (a->diagnostic.severity != b->diagnostic.severity)
        return a->diagnostic.severity == CONFIG_ERROR ? -1 : 1;
    return by_line(left, right);
}

/* Keeps the `keep` problems of the highest rank. */
static void cut(struct config_report *report, size_t keep)
{
    qsort(report->items, report->count, sizeof *report->items, by_rank);
    for (size_t i = keep; i < report->count; i++)
        free_diagnostic(&report->items[i].diagnostic);
    report->count = keep;
    report->cut = true;
    report->cut_severity = report->items[keep - 1].diagnostic.severity;
    report->cut_line = report->items[keep - 1].diagnostic.line;
}

bool config_report_wants(const struct config_parser *parser, enum config_severity severity, unsigned line)
{
    const struct config_report *report = &parser->report;
    if (!report->cut)
        return true;
    if (severity != report->cut_severity)
        return severity == CONFIG_ERROR;
    return line < report->cut_line;
}

/* The file's own words in the place, cut as in messages but without quotes. */
static char *copy_place_text(struct config_parser *parser, const char *str)
{
    struct config_quoted quoted;
    config_quote_str(&quoted, str);
    return config_copy(parser, bytes_of(quoted.text + 1, strlen(quoted.text) - 2));
}

void config_report_parts(struct config_parser *parser, const struct config_place *place, enum config_severity severity,
                         const char *first, ...)
{
    struct config_report *report = &parser->report;
    report->reported++;
    if (severity == CONFIG_ERROR) {
        report->errors++;
        if (place->pool != SIZE_MAX)
            parser->config->pools[place->pool].valid = false;
    }
    if (!config_report_wants(parser, severity, place->line))
        return;
    struct config_problem *items = config_reserve(parser, report->items, sizeof *items, report->count, &report->capacity);
    if (!items)
        return;
    report->items = items;

    struct buffer message;
    buffer_init(&message, MESSAGE_MAX_LEN);
    va_list parts;
    va_start(parts, first);
    for (const char *part = first; part; part = va_arg(parts, const char *))
        buffer_append_str(&message, part); /* all parts are bounded: the limit is not reached */
    va_end(parts);
    struct config_problem *item = &items[report->count++];
    item->order = report->reported;
    item->diagnostic = (struct config_diagnostic){severity,
                                                  place->line,
                                                  copy_place_text(parser, place->section),
                                                  copy_place_text(parser, place->property),
                                                  config_copy(parser, buffer_peek(&message)),
                                                  place->pool};
    buffer_deinit(&message);
    if (report->count == LIST_MAX)
        cut(report, CONFIG_MAX_DIAGNOSTICS);
}

/* The last entry of a list that is not complete. */
static void add_summary(struct config_parser *parser, size_t listed, size_t listed_errors)
{
    struct config_report *report = &parser->report;
    size_t errors = report->errors, problems = report->reported - listed;
    struct config_place place = {0, "", "", SIZE_MAX};
    struct config_decimal count, error_count;
    report->cut = false; /* this one is wanted */
    config_warning(parser, &place, config_decimal(&count, problems), " more problems (",
                   config_decimal(&error_count, errors - listed_errors), " of them errors) are not listed");
}

void config_report_finish(struct config_parser *parser)
{
    struct config_report *report = &parser->report;
    struct config *config = parser->config;
    bool complete = !report->cut && report->count <= CONFIG_MAX_DIAGNOSTICS;
    if (!complete)
        cut(report, CONFIG_MAX_DIAGNOSTICS - 1);
    if (report->count > 0)
        qsort(report->items, report->count, sizeof *report->items, by_line);
    if (!complete) {
        size_t listed_errors = 0;
        for (size_t i = 0; i < report->count; i++)
            listed_errors += report->items[i].diagnostic.severity == CONFIG_ERROR;
        add_summary(parser, report->count, listed_errors);
    }
    config->error_count = report->errors;
    config->diagnostics = calloc(report->count + 1, sizeof *config->diagnostics);
    if (!config->diagnostics) {
        parser->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < report->count; i++)
        config->diagnostics[i] = report->items[i].diagnostic;
    config->diagnostic_count = report->count;
    report->count = 0;
}

/* ---- wording */

const char *config_quote(struct config_quoted *out, struct bytes text)
{
    char *end = out->text;
    *end++ = '\'';
    size_t chars = 0;
    for (; text.len > 0 && chars < CONFIG_QUOTE_MAX_CHARS; chars++) {
        size_t len = text_utf8_len(text);
        bool control = len == 1 ? text_is_control(text.ptr[0]) : len == 2 && text.ptr[0] == 0xc2 && text.ptr[1] < 0xa0;
        if (len == 0 || control) {
            *end++ = '?';
            len = len == 0 ? 1 : len;
        } else {
            memcpy(end, text.ptr, len);
            end += len;
        }
        bytes_advance(&text, len);
    }
    memcpy(end, text.len > 0 ? "...'" : "'", text.len > 0 ? 5 : 2);
    return out->text;
}

const char *config_quote_str(struct config_quoted *out, const char *str)
{
    return config_quote(out, bytes_of_str(str));
}

const char *config_decimal(struct config_decimal *out, uint64_t number)
{
    out->text[text_put_decimal((uint8_t *)out->text, number)] = '\0';
    return out->text;
}

enum { GUESS_MAX_LEN = 64 };

/* Edits (insert, delete, replace, swap neighbours) from one name to the other, ignoring case; `a` and `b` are at most
 * GUESS_MAX_LEN long. */
static unsigned edit_distance(struct bytes a, struct bytes b)
{
    unsigned rows[3][GUESS_MAX_LEN + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            uint8_t x = ascii_lower(a.ptr[i - 1]), y = ascii_lower(b.ptr[j - 1]);
            unsigned best = above[j - 1] + (x != y);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && x == ascii_lower(b.ptr[j - 2]) && y == ascii_lower(a.ptr[i - 2]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

const char *config_guess(struct config_guess *out, const char *name, const char *(*candidate)(const void *, size_t),
                         const void *context, size_t count)
{
    struct bytes text = bytes_of_str(name);
    size_t best = SIZE_MAX;
    unsigned best_distance = 4; /* three edits are a slip of the hand ... */
    out->text[0] = '\0';
    if (text.len > GUESS_MAX_LEN)
        return out->text;
    for (size_t i = 0; i < count; i++) {
        struct bytes other = bytes_of_str(candidate(context, i));
        if (other.len > GUESS_MAX_LEN || other.len > text.len + 3 || text.len > other.len + 3)
            continue;
        unsigned distance = edit_distance(text, other);
        if (distance < best_distance && distance * 3 <= other.len) { /* ... but not when they are most of the name */
            best_distance = distance;
            best = i;
        }
    }
    if (best == SIZE_MAX)
        return out->text;
    struct config_quoted quoted;
    config_quote_str(&quoted, candidate(context, best));
    static const char before[] = ", did you mean ";
    memcpy(out->text, before, sizeof before - 1);
    size_t len = strlen(quoted.text);
    memcpy(out->text + sizeof before - 1, quoted.text, len);
    memcpy(out->text + sizeof before - 1 + len, "?", 2);
    return out->text;
}

bool config_diagnostic_format(const struct config_diagnostic *diagnostic, const char *file, struct buffer *out)
{
    struct config_decimal line;
    const char *parts[] = {
        file,
        diagnostic->line > 0 ? ":" : "",
        diagnostic->line > 0 ? config_decimal(&line, diagnostic->line) : "",
        diagnostic->severity == CONFIG_ERROR ? ": error: " : ": warning: ",
        diagnostic->section[0] ? "[" : "",
        diagnostic->section,
        diagnostic->section[0] ? "]" : "",
        diagnostic->section[0] && diagnostic->property[0] ? " " : "",
        diagnostic->property,
        diagnostic->section[0] || diagnostic->property[0] ? ": " : "",
        diagnostic->message,
        "\n",
    };
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        len += strlen(parts[i]);
    uint8_t *end = buffer_reserve(out, len);
    if (!end)
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t part_len = strlen(parts[i]);
        memcpy(end, parts[i], part_len);
        end += part_len;
    }
    buffer_commit(out, len);
    return true;
}
