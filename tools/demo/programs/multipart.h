/* multipart: the parts of a multipart/form-data body (RFC 7578), one after the other, in memory. Pure; nothing is copied.
 *
 *     struct multipart form;
 *     struct multipart_part part;
 *     if (multipart_begin(&form, content_type, body, body_len))
 *         while (multipart_next(&form, &part)) ...
 *     complete = form.complete;
 *
 * Header only: each .c of this folder is a program of its own. */
#ifndef DEMO_MULTIPART_H
#define DEMO_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *at; /* NULL: there is none */
    size_t len;
};

struct multipart_part {
    struct span name;
    struct span file_name; /* NULL for a text field */
    struct span content;
};

struct multipart {
    struct span left;
    char mark[80]; /* CR LF - - boundary */
    size_t mark_len;
    bool complete; /* the closing boundary has been seen */
};

/* Cuts `in` at the first `what`: *before is what precedes it, `in` what follows. false: it is not there; `in` is unchanged. */
static inline bool span_cut(struct span *in, const char *what, size_t what_len, struct span *before)
{
    const char *at = in->at;
    const char *end = in->at + in->len;
    while ((size_t)(end - at) >= what_len) {
        at = memchr(at, what[0], (size_t)(end - at) - what_len + 1);
        if (at == NULL)
            return false;
        if (memcmp(at, what, what_len) == 0) {
            before->at = in->at;
            before->len = (size_t)(at - in->at);
            in->at = at + what_len;
            in->len = (size_t)(end - in->at);
            return true;
        }
        at++;
    }
    return false;
}

/* What stands in quotes behind `key` (` name="`). */
static inline struct span multipart_quoted(struct span headers, const char *key)
{
    struct span value = {NULL, 0};
    struct span skipped;
    if (span_cut(&headers, key, strlen(key), &skipped))
        span_cut(&headers, "\"", 1, &value);
    return value;
}

/* false: this is no multipart/form-data. */
static inline bool multipart_begin(struct multipart *form, const char *content_type, const char *body, size_t body_len)
{
    static const char key[] = "boundary=";
    const char *boundary = strstr(content_type, key);
    form->complete = false;
    if (strncmp(content_type, "multipart/form-data", 19) != 0 || boundary == NULL)
        return false;
    boundary += strlen(key);
    bool in_quotes = *boundary == '"';
    boundary += in_quotes;
    size_t boundary_len = strcspn(boundary, in_quotes ? "\"" : "; ");
    if (boundary_len == 0 || boundary_len > 70) /* RFC 2046 */
        return false;
    memcpy(form->mark, "\r\n--", 4);
    memcpy(form->mark + 4, boundary, boundary_len);
    form->mark_len = 4 + boundary_len;
    size_t first_len = form->mark_len - 2; /* the first mark has no line before it */
    if (body_len < first_len || memcmp(body, form->mark + 2, first_len) != 0)
        return false;
    form->left.at = body + first_len;
    form->left.len = body_len - first_len;
    return true;
}

/* false: there is no further part; form->complete says whether the body ended as it should. */
static inline bool multipart_next(struct multipart *form, struct multipart_part *part)
{
    struct span headers;
    if (form->left.len >= 2 && memcmp(form->left.at, "--", 2) == 0) {
        form->complete = true;
        return false;
    }
    if (!span_cut(&form->left, "\r\n\r\n", 4, &headers) || !span_cut(&form->left, form->mark, form->mark_len, &part->content))
        return false;
    part->name = multipart_quoted(headers, " name=\"");
    part->file_name = multipart_quoted(headers, " filename=\"");
    return true;
}

#endif
