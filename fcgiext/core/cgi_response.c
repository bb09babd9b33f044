/* cgi_response: the header block of a CGI reply.
 *
 * Invariant: how the bytes were cut into records never shows, and each is looked at a fixed number of times, so that a program
 * which sends its headers byte by byte, or 16 MiB of them, costs no more than its bytes. Feeding only looks for the blank
 * line, with one bit of state; the block is taken apart once, when it is complete. A line reaches the host only when its name
 * is a token and its value has no control character: no CR or LF of a program can end a header of ours. */
#include "fcgiext/core/cgi_response.h"

#include "fcgiext/core/http_status.h"
#include "fcgiext/core/text.h"

enum {
    MAX_STATUS_LINE_LEN = 256,
    MAX_REASON_LEN = 200,
    /* A line "a:" LF becomes "a: " CR LF: no block grows by more than this factor. */
    MAX_HEADERS_LEN = CGI_RESPONSE_MAX_HEADER_LEN * 2,
};

static const struct bytes nothing = {NULL, 0};

void cgi_response_init(struct cgi_response *response)
{
    *response = (struct cgi_response){.status = 200};
    buffer_init(&response->raw, CGI_RESPONSE_MAX_HEADER_LEN);
    buffer_init(&response->status_line, MAX_STATUS_LINE_LEN);
    buffer_init(&response->headers, MAX_HEADERS_LEN);
}

void cgi_response_deinit(struct cgi_response *response)
{
    response->local_redirect = nothing;
    buffer_deinit(&response->raw);
    buffer_deinit(&response->status_line);
    buffer_deinit(&response->headers);
}

/* ---- values */

static bool set_status_line(struct cgi_response *response, unsigned status, struct bytes reason)
{
    if (reason.len == 0)
        reason = bytes_of_str(http_status_reason(status));
    if (reason.len > MAX_REASON_LEN)
        reason.len = MAX_REASON_LEN;
    response->status = status;
    buffer_clear(&response->status_line);
    return text_append_decimal(&response->status_line, status) && buffer_append_str(&response->status_line, " ") &&
           buffer_append(&response->status_line, reason) && buffer_append(&response->status_line, bytes_of("", 1));
}

/* "404", "404 Not Found". *valid: it was one. false: out of memory. */
static bool take_status(struct cgi_response *response, struct bytes value, bool *valid)
{
    uint64_t status = 0;
    bool three = value.len == 3 || (value.len > 3 && value.ptr[3] == ' ');
    *valid = three && text_parse_decimal(bytes_of(value.ptr, 3), &status) && status >= 200;
    if (!*valid)
        return true;
    bytes_advance(&value, 3);
    response->has_status = true;
    return set_status_line(response, (unsigned)status, text_trim(value));
}

static bool take_content_length(struct cgi_response *response, struct bytes value)
{
    uint64_t length;
    if (!text_parse_decimal(value, &length))
        return false;
    if (response->has_content_length && response->content_length != length)
        response->lengths_differ = true;
    response->has_content_length = true;
    response->content_length = length;
    return true;
}

/* A path on this server, to which the host could go without asking the client. */
static bool is_local_path(struct bytes value)
{
    if (value.len == 0 || value.ptr[0] != '/' || (value.len > 1 && (value.ptr[1] == '/' || value.ptr[1] == '\\')))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] <= ' ' || value.ptr[i] >= 0x7f || value.ptr[i] == '#')
            return false;
    return true;
}

static bool is_hop_by_hop(struct bytes name)
{
    static const char *const names[] = {"connection", "keep-alive", "proxy-connection", "te",
                                        "trailer",    "upgrade",    "transfer-encoding"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bytes_equal_nocase(name, bytes_of_str(names[i])))
            return true;
    return false;
}

/* ---- lines */

static bool continues(struct bytes text)
{
    return text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t');
}

/* One line off the front, without its LF and the CRs before it. */
static struct bytes take_line(struct bytes *text)
{
    const uint8_t *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
    struct bytes line = bytes_of(text->ptr, end ? (size_t)(end - text->ptr) : text->len);
    bytes_advance(text, end ? line.len + 1 : line.len);
    while (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Writes the value of a header, unfolded, and returns its length. `value` is its first line, *rest begins with the lines that may
 * continue it and is advanced behind them. At most the bytes that are read are written. */
static size_t unfold(uint8_t *out, struct bytes value, struct bytes *rest)
{
    size_t len = 0;
    for (;;) {
        value = text_trim(value);
        if (len > 0 && value.len > 0)
            out[len++] = ' '; /* stands for the line's end and the space at the front of this one */
        if (value.len > 0)
            memcpy(out + len, value.ptr, value.len);
        len += value.len;
        if (!continues(*rest))
            return len;
        value = take_line(rest);
    }
}

static void skip_continuation(struct bytes *rest)
{
    while (continues(*rest))
        take_line(rest);
}

static bool value_is_valid(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++)
        if (text_is_control(value.ptr[i]) && value.ptr[i] != '\t')
            return false;
    return true;
}

/* A valid name and value, which lies in the room of `headers` behind what is there: *pass says whether the line is to stay.
 * *valid: false for a known header with a bad value. false: out of memory. */
static bool take_known(struct cgi_response *response, struct bytes name, struct bytes value, bool *pass, bool *valid)
{
    *pass = false;
    *valid = true;
    if (bytes_equal_nocase(name, bytes_of_str("status")))
        return take_status(response, value, valid);
    if (bytes_equal_nocase(name, bytes_of_str("content-length"))) {
        *valid = take_content_length(response, value);
        return true;
    }
    if (is_hop_by_hop(name))
        return true;
    *pass = true;
    if (bytes_equal_nocase(name, bytes_of_str("location"))) {
        *pass = *valid = value.len > 0;
        response->has_location = response->has_location || *valid;
    }
    return true;
}

/* A header: `line` is its first line. false: out of memory. */
static bool take_header(struct cgi_response *response, struct bytes line, struct bytes *rest)
{
    const uint8_t *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
    struct bytes name = bytes_of(line.ptr, colon ? (size_t)(colon - line.ptr) : 0);
    if (!text_is_token(name)) {
        response->dropped_lines++;
        skip_continuation(rest);
        return true;
    }
    struct bytes first = line;
    bytes_advance(&first, name.len + 1);
    const uint8_t *start = rest->ptr;
    struct bytes behind = *rest;
    skip_continuation(&behind);
    bool folded = behind.len < rest->len;
    size_t most = line.len + (folded ? (size_t)(behind.ptr - start) : 0) + 3; /* the space behind the colon, CR, LF */
    uint8_t *out = buffer_reserve(&response->headers, most);
    if (!out)
        return false;

    memcpy(out, name.ptr, name.len);
    size_t len = name.len;
    out[len++] = ':';
    out[len++] = ' ';
    struct bytes value = bytes_of(out + len, unfold(out + len, first, rest));
    len += value.len;
    out[len++] = '\r';
    out[len++] = '\n';

    bool pass = false;
    bool valid = value_is_valid(value);
    if (valid && !take_known(response, name, value, &pass, &valid))
        return false;
    if (!valid) {
        response->dropped_lines++;
        return true;
    }
    response->header_count++;
    if (pass)
        buffer_commit(&response->headers, len);
    if (response->has_location && response->header_count == 1 && !folded && is_local_path(value))
        response->local_redirect = text_trim(first);
    else
        response->local_redirect = nothing;
    return true;
}

/* "HTTP/1.1 404 Not Found", from programs that write the whole answer. *is_one: the line is such. */
static bool take_http_line(struct cgi_response *response, struct bytes line, bool *is_one)
{
    const struct bytes http = bytes_of_str("HTTP/");
    const uint8_t *space = line.len > 0 ? memchr(line.ptr, ' ', line.len) : NULL;
    *is_one = false;
    if (!space || !bytes_start_with_nocase(line, http))
        return true;
    for (const uint8_t *c = line.ptr + http.len; c < space; c++)
        if ((*c < '0' || *c > '9') && *c != '.')
            return true;
    bytes_advance(&line, (size_t)(space - line.ptr));
    line = text_trim(line);
    if (value_is_valid(line) && !take_status(response, line, is_one))
        return false;
    response->header_count += *is_one;
    return true;
}

/* Takes the collected block apart. false: out of memory. */
static bool take_block(struct cgi_response *response)
{
    struct bytes rest = buffer_peek(&response->raw);
    bool first = true;
    while (rest.len > 0) {
        bool orphan = continues(rest); /* continues a line that there is not */
        struct bytes line = take_line(&rest);
        if (line.len == 0)
            break; /* the blank line */
        bool is_http_line = false;
        if (first && !take_http_line(response, line, &is_http_line))
            return false;
        first = false;
        if (is_http_line || orphan) {
            response->dropped_lines += orphan;
            skip_continuation(&rest);
        } else if (!take_header(response, line, &rest)) {
            return false;
        }
    }
    if (response->lengths_differ)
        response->has_content_length = false;
    return response->has_status || set_status_line(response, response->has_location ? 302 : 200, nothing);
}

/* ---- feeding */

static void fail(struct cgi_response *response)
{
    response->failed = true;
    response->local_redirect = nothing;
    buffer_release(&response->raw);
    buffer_release(&response->headers);
}

/* How many bytes of `in` belong to the header block. *complete: the last of them ends the blank line. */
static size_t find_end(struct cgi_response *response, struct bytes in, bool *complete)
{
    size_t len = 0;
    *complete = false;
    while (len < in.len) {
        if (response->in_line) {
            const uint8_t *end = memchr(in.ptr + len, '\n', in.len - len);
            if (!end)
                return in.len;
            len = (size_t)(end - in.ptr) + 1;
            response->in_line = false;
        } else {
            uint8_t c = in.ptr[len++];
            if (c == '\n') {
                *complete = true;
                return len;
            }
            response->in_line = c != '\r';
        }
    }
    return len;
}

enum cgi_response_result cgi_response_feed(struct cgi_response *response, struct bytes *in)
{
    if (response->done)
        return CGI_RESPONSE_DONE;
    if (in->len == 0)
        return response->failed ? CGI_RESPONSE_TOO_LONG : CGI_RESPONSE_MORE;
    struct bytes fresh = *in;
    if (fresh.len > buffer_room(&response->raw))
        fresh.len = buffer_room(&response->raw); /* no further than this: 16 MiB are not searched either */
    bool complete = false;
    if (!response->failed) {
        fresh.len = find_end(response, fresh, &complete);
        if ((!complete && fresh.len < in->len) || !buffer_append(&response->raw, fresh))
            fail(response);
        else if (complete && !take_block(response))
            fail(response);
    }
    if (response->failed) {
        bytes_advance(in, in->len);
        return CGI_RESPONSE_TOO_LONG;
    }
    bytes_advance(in, fresh.len);
    response->done = complete;
    return complete ? CGI_RESPONSE_DONE : CGI_RESPONSE_MORE;
}

bool cgi_response_end(struct cgi_response *response)
{
    if (response->done)
        return true;
    if (!response->failed && (!take_block(response) || response->header_count == 0))
        fail(response);
    response->done = !response->failed;
    return response->done;
}

/* ---- framing */

static bool has_no_body(const struct cgi_response *response)
{
    return response->status < 200 || response->status == 204 || response->status == 304;
}

struct cgi_framing_choice cgi_response_choose_framing(const struct cgi_response *response,
                                                      const struct cgi_framing_facts *facts)
{
    struct cgi_framing_choice choice = {.framing = CGI_FRAMING_NONE, .keep_alive = true};
    bool announced = response->has_content_length;
    if (has_no_body(response))
        return choice;
    if (facts->head) {
        choice.has_length = announced || (facts->whole && facts->body_len > 0);
        choice.length = announced ? response->content_length : choice.has_length ? facts->body_len : 0;
        return choice;
    }
    if (facts->whole || (announced && response->content_length >= facts->body_len)) {
        choice.framing = CGI_FRAMING_LENGTH;
        choice.has_length = true;
        choice.length = facts->whole ? facts->body_len : response->content_length;
    } else if (bytes_equal(facts->protocol, bytes_of_str("HTTP/1.1"))) {
        choice.framing = CGI_FRAMING_CHUNKED;
    } else if (bytes_start_with_nocase(facts->protocol, bytes_of_str("HTTP/2")) ||
               bytes_start_with_nocase(facts->protocol, bytes_of_str("HTTP/3"))) {
        choice.framing = CGI_FRAMING_BARE;
    } else {
        choice.framing = CGI_FRAMING_CLOSE;
        choice.keep_alive = false;
    }
    return choice;
}

bool cgi_response_append_headers(const struct cgi_response *response, const struct cgi_framing_choice *choice,
                                 struct buffer *out)
{
    if (!buffer_append(out, buffer_peek(&response->headers)))
        return false;
    if (choice->has_length && !(buffer_append_str(out, "Content-Length: ") && text_append_decimal(out, choice->length) &&
                                buffer_append_str(out, "\r\n")))
        return false;
    if (choice->framing == CGI_FRAMING_CHUNKED && !buffer_append_str(out, "Transfer-Encoding: chunked\r\n"))
        return false;
    if (!choice->keep_alive && choice->framing != CGI_FRAMING_BARE && !buffer_append_str(out, "Connection: close\r\n"))
        return false;
    return buffer_append(out, bytes_of("\r\n", 3)); /* with its NUL */
}

size_t cgi_chunk_prefix(uint8_t *out, size_t len)
{
    size_t end = text_put_hex(out, len, 1, false);
    memcpy(out + end, "\r\n\r\n", 4);
    return len > 0 ? end + 2 : end + 4;
}
