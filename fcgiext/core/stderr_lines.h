/* stderr_lines: what a program writes to FCGI_STDERR during one request -> error text, and lines for the log.
 *
 * Trace text, "IIS_TRACE_INFO:" (or WARNING, ERROR) up to ":IIS_TRACE_END", is told apart from error text wherever the bytes are
 * cut: it goes to the log and is no error (reference.md section 8). One that never ends goes on to the end of the request. White
 * space alone, as it stands behind trace texts, is no error either.
 *
 * One record is one line, one trace text is one line; each is cleaned (log_text.h) and cut, and of many only the first are kept: a
 * program that writes a mebibyte costs no more than some lines. */
#ifndef FCGIEXT_CORE_STDERR_LINES_H
#define FCGIEXT_CORE_STDERR_LINES_H

#include "fcgiext/core/buffer.h"

enum {
    STDERR_MAX_LINES = 16, /* of each list */
    STDERR_MAX_LINE_LEN = 400,
    STDERR_MAX_MARK_LEN = 18, /* "IIS_TRACE_WARNING:" */
};

/* In the order of their weight. */
enum stderr_kind { STDERR_NONE, STDERR_TRACE_INFO, STDERR_TRACE_WARNING, STDERR_TRACE_ERROR, STDERR_TEXT };

struct stderr_list {
    struct buffer lines; /* each ends with LF; those of traces begin with their level: "warning: " */
    uint32_t count;      /* of them */
    uint32_t dropped;    /* further ones */
};

struct stderr_lines {
    bool has_error;         /* error text has come */
    uint64_t error_len;     /* bytes of it */
    enum stderr_kind trace; /* the heaviest trace text so far; STDERR_NONE: none */
    struct stderr_list errors, traces;

    /* inside */
    enum stderr_kind kind;             /* of the bytes that come now */
    uint8_t held[STDERR_MAX_MARK_LEN]; /* may be a mark, or its beginning */
    size_t held_len;
    struct buffer line; /* being gathered, as it came */
    bool line_cut;
};

void stderr_lines_init(struct stderr_lines *lines);
void stderr_lines_deinit(struct stderr_lines *lines);
/* For another try of the request. */
void stderr_lines_clear(struct stderr_lines *lines);

/* `data` in the order in which it came; record_end: its record ends with it. What is error text is appended to `text`, as far as
 * there is room. Without memory there are fewer lines. */
void stderr_lines_take(struct stderr_lines *lines, struct bytes data, bool record_end, struct buffer *text);
/* No more comes: what could have become a mark is none. */
void stderr_lines_end(struct stderr_lines *lines, struct buffer *text);

#endif
