/* The head of a response, and whether the body that follows fits what the head has announced. Pure.
 *
 * The extension frames its own body (Content-Length or chunks), as under IIS: the host passes bytes through, adds Server, Date and
 * Connection, and decides whether the connection can be kept. */
#ifndef ISAPIHOST_RESPONSE_HEAD_H
#define ISAPIHOST_RESPONSE_HEAD_H

#include "tools/isapihost/body_decoder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The request's side of the decision. */
struct response_request {
    bool is_head;
    bool is_http11;
    bool client_keeps; /* HTTP/1.1 without "close", HTTP/1.0 with "keep-alive" */
};

enum response_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_NO_BODY };

struct response_plan {
    unsigned status;
    enum response_framing framing;
    bool keep;
    uint64_t body_len; /* so far */
    uint64_t announced;
    struct body_decoder check; /* FRAMING_CHUNKED */
    bool check_failed;
};

struct response_head {
    const char *status;  /* "200 OK"; NULL: that */
    const char *headers; /* lines; after an empty line the body may begin; NULL: none */
    size_t headers_len;
    bool keep; /* the extension wants the connection kept */
    const char *server;
    const char *date; /* RFC 1123 */
};

/* Writes the head (without what followed the empty line; *used says how many bytes of headers were taken) to out. Returns its length,
 * or 0 if out_size is too small: headers_len + RESPONSE_HEAD_EXTRA + strlen(status) is always enough for header lines that end in CRLF, twice
 * that for others. *fault is NULL, or a sentence on what is wrong with the extension's head; it is sent nevertheless. */
enum { RESPONSE_HEAD_EXTRA = 256 };
size_t response_head_build(struct response_plan *plan, const struct response_request *request, const struct response_head *head,
                           char *out, size_t out_size, size_t *used, const char **fault);

/* len bytes of the body are about to be sent. Returns NULL or what is wrong with them. */
const char *response_body(struct response_plan *plan, const char *data, size_t len);

/* The extension has ended the response and says that it is complete. Returns NULL or what is missing. Clears keep if it is not
 * complete. */
const char *response_end(struct response_plan *plan);

/* "Sun, 22 Nov 2026 01:02:03 GMT" from calendar numbers (weekday 0 = Sunday, month 1 to 12). */
enum { RESPONSE_DATE_SIZE = 32 };
void response_date(char *out, unsigned year, unsigned month, unsigned day, unsigned weekday, unsigned hour, unsigned minute,
                   unsigned second);

/* The standard text of a status code: "Not Found". */
const char *response_reason(unsigned status);

#endif
