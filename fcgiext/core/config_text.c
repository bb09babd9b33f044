/* config_text: the file's bytes -> sections and entries, in the order of lines.
 *
 * inih takes the lines apart, and this file stands before it and behind it, because inih alone gets an fcgiext.ini wrong:
 * - it splits a line at the first `=` or `:`, so `php:1=PHP` would be an entry `php`. Its reader is ours: it hands on each line
 *   with every `:` before the first `=` replaced by a byte that no line holds (KEY_COLON), and the handler puts it back;
 * - it cuts section names to 49 bytes, and builds differ in whether they report a section at all: we read the headers;
 * - it keeps only the first bad line: each line is checked here, and a bad one is reported and handed on empty.
 *
 * Invariant: inih gets exactly one line for each line of the file, so its line numbers are the file's; no line has a control
 * character but tab, or is longer than CONFIG_MAX_LINE_LEN or than inih's buffer. CRLF, LF and a CR alone end a line. */
#include "fcgiext/core/config_encoding.h"
#include "fcgiext/core/config_parser.h"

#include <ini.h>
#include <stdlib.h>

#if !INI_HANDLER_LINENO
#error inih has to be compiled with the macros of cmake/inih-options.txt
#endif
_Static_assert(INI_MAX_LINE >= CONFIG_MAX_LINE_LEN + 2 && !INI_USE_STACK && INI_ALLOW_REALLOC, "inih holds our longest line");
_Static_assert(!INI_ALLOW_MULTILINE && !INI_ALLOW_INLINE_COMMENTS,
               "what looks like a continuation or a comment is part of a value");

enum { KEY_COLON = 0x01 };

struct line_reader {
    struct config_parser *parser;
    enum config_encoding encoding;
    uint8_t *next; /* the text behind the line; ours, and changed in place */
    uint8_t *end;
    unsigned line;
    struct bytes rest;                  /* of the line that inih is reading, without its end */
    bool newline_due;                   /* ... and then the end of the line */
    char name[CONFIG_MAX_LINE_LEN + 1]; /* scratch of the handler */
};

/* Cuts the next line off the text. false: there is none. */
static bool take_line(struct line_reader *reader, uint8_t **line, size_t *len)
{
    if (reader->next == reader->end)
        return false;
    uint8_t *p = reader->next;
    while (p < reader->end && *p != '\n' && *p != '\r')
        p++;
    *line = reader->next;
    *len = (size_t)(p - reader->next);
    if (p < reader->end)
        p += *p == '\r' && p + 1 < reader->end && p[1] == '\n' ? 2 : 1;
    reader->next = p;
    reader->line++;
    return true;
}

static const char *encoding_name(enum config_encoding encoding)
{
    return encoding == CONFIG_ENCODING_UTF16 ? "UTF-16" : encoding == CONFIG_ENCODING_UTF8 ? "UTF-8" : "of the ANSI code page";
}

/* Reports a line that must not be looked at any closer. */
static bool check_bytes(struct line_reader *reader, struct bytes line)
{
    struct config_parser *parser = reader->parser;
    struct config_place place = config_place_here(parser, reader->line, "");
    struct config_quoted quoted;
    struct config_decimal len, max;
    if (line.len > CONFIG_MAX_LINE_LEN) {
        config_error(parser, &place, "the line is ", config_decimal(&len, line.len),
                     " bytes long: ", config_quote(&quoted, line), "; allowed are ", config_decimal(&max, CONFIG_MAX_LINE_LEN));
        return false;
    }
    for (struct bytes left = line; left.len > 0;) {
        uint8_t c = left.ptr[0];
        if (text_is_control(c) && c != '\t') {
            config_error(parser, &place, c == 0 ? "the line has a NUL byte: " : "the line has a control character: ",
                         config_quote(&quoted, line), "; allowed are text and tabs");
            return false;
        }
        size_t sequence = text_utf8_len(left);
        if (sequence == 0) {
            config_error(parser, &place, "the line has text that is not ", encoding_name(reader->encoding), ": ",
                         config_quote(&quoted, line), "; save the file as UTF-8 or as UTF-16 with a byte order mark");
            return false;
        }
        bytes_advance(&left, sequence);
    }
    return true;
}

/* A line that begins with `[`. */
static void read_section(struct line_reader *reader, struct bytes line)
{
    struct config_parser *parser = reader->parser;
    struct config_quoted quoted;
    bytes_advance(&line, 1);
    const uint8_t *close = memchr(line.ptr, ']', line.len);
    struct bytes name = text_trim(bytes_of(line.ptr, close ? (size_t)(close - line.ptr) : line.len));
    config_on_section(parser, reader->line, name);
    struct config_place place = config_place_here(parser, reader->line, "");
    if (!close) {
        if (name.len > 0)
            config_error(parser, &place, "the section's line has no ']': ", config_quote(&quoted, line), "; allowed is [name]");
        return;
    }
    struct bytes behind = text_trim(bytes_of(close + 1, (size_t)(line.ptr + line.len - close - 1)));
    if (behind.len > 0 && behind.ptr[0] != ';')
        config_warning(parser, &place, "the text behind the section's ']' does not count: ", config_quote(&quoted, behind));
}

/* The line as inih gets it. false: nothing in it for inih. */
static bool prepare_line(struct line_reader *reader, uint8_t *text, size_t len)
{
    struct config_parser *parser = reader->parser;
    struct bytes line = bytes_of(text, len);
    if (!check_bytes(reader, line))
        return false;
    line = text_trim(line);
    if (line.len == 0 || line.ptr[0] == ';')
        return false;
    if (line.ptr[0] == '[') {
        read_section(reader, line);
        return false;
    }
    struct config_place place = config_place_here(parser, reader->line, "");
    struct config_quoted quoted;
    uint8_t *equals = memchr(text, '=', len);
    if (!equals) {
        const char *what = line.ptr[0] == '#' ? "a comment begins with ';', not with '#': " : "the line has no '=': ";
        config_error(parser, &place, what, config_quote(&quoted, line), "; allowed are [section], name=value and ; comment");
        return false;
    }
    if (equals == line.ptr) {
        config_error(parser, &place, "there is no name before the '=': ", config_quote(&quoted, line),
                     "; allowed is name=value");
        return false;
    }
    for (uint8_t *p = text; p < equals; p++)
        if (*p == ':')
            *p = KEY_COLON;
    return true;
}

/* inih's source of lines, with the manners of fgets: at most size - 1 bytes, and a NUL. */
static char *read_piece(char *out, int size, void *stream)
{
    struct line_reader *reader = stream;
    if (size < 2 || reader->parser->out_of_memory)
        return NULL;
    if (!reader->newline_due) {
        uint8_t *line;
        size_t len;
        if (!take_line(reader, &line, &len))
            return NULL;
        reader->rest = prepare_line(reader, line, len) ? bytes_of(line, len) : bytes_of(line, 0);
        reader->newline_due = true;
    }
    size_t room = (size_t)size - 1;
    size_t len = reader->rest.len < room ? reader->rest.len : room;
    if (len > 0)
        memcpy(out, reader->rest.ptr, len);
    bytes_advance(&reader->rest, len);
    if (len < room) {
        out[len++] = '\n';
        reader->newline_due = false;
    }
    out[len] = '\0';
    return out;
}

static int handle_entry(void *user, const char *section, const char *name, const char *value, int line)
{
    struct line_reader *reader = user;
    (void)section; /* cut to 49 bytes; ours is not */
    if (!name || !value)
        return 1; /* builds that report sections */
    size_t len = strlen(name);
    if (len > CONFIG_MAX_LINE_LEN)
        return 0;
    for (size_t i = 0; i <= len; i++)
        reader->name[i] = name[i];
    for (char *p = reader->name; (p = strchr(p, KEY_COLON)) != NULL;)
        *p = ':';
    config_on_entry(reader->parser, (unsigned)line, reader->name, value);
    return 1;
}

/* Every line has been checked, so inih has nothing to complain about; if it does all the same, nobody must miss it. */
static void read_lines(struct line_reader *reader)
{
    int result = ini_parse_stream(read_piece, reader, handle_entry, reader);
    if (result < 0)
        reader->parser->out_of_memory = true;
    if (result > 0) {
        struct config_place place = {(unsigned)result, "", "", SIZE_MAX};
        config_error(reader->parser, &place, "the line cannot be read; allowed are [section], name=value and ; comment");
    }
}

void config_text_read(struct config_parser *parser, struct bytes text)
{
    if (text.len >= 2 && (text.ptr[0] == 0 || text.ptr[1] == 0)) {
        struct config_place place = {1, "", "", SIZE_MAX};
        config_error(
            parser, &place,
            "the file looks like UTF-16 without a byte order mark; save it as UTF-8 or as UTF-16 with a byte order mark");
        return;
    }
    struct buffer utf8;
    buffer_init(&utf8, 3 * (size_t)CONFIG_MAX_FILE_LEN);
    struct line_reader *reader = calloc(1, sizeof *reader);
    if (reader && config_decode(text, parser->options, &utf8, &reader->encoding)) {
        reader->parser = parser;
        reader->next = utf8.data ? utf8.data + utf8.start : NULL;
        reader->end = utf8.data ? reader->next + utf8.len : NULL;
        read_lines(reader);
    } else {
        parser->out_of_memory = true;
    }
    free(reader);
    buffer_deinit(&utf8);
}
