/* relay_outcome: what worker and client have got from a relay under test, taken apart as they would: the worker by FastCGI,
 * the client by HTTP. */
#ifndef FCGIEXT_TESTS_RELAY_OUTCOME_H
#define FCGIEXT_TESTS_RELAY_OUTCOME_H

#include <stdlib.h>

#include "tests/unit/relay_driver.h"

/* ---- the worker */

struct request_seen {
    bool complete; /* with the record that ends STDIN */
    uint64_t body_len;
};

/* Every record is well-formed, in order, and every byte of the body is the client's; only the last record may be cut. */
static inline struct request_seen request_seen(const struct driver *driver)
{
    struct request_seen seen = {false, 0};
    struct bytes in = buffer_peek(&driver->received);
    struct fcgi_header header;
    bool params_ended = false;
    for (unsigned records = 0; in.len >= FCGI_HEADER_LEN; records++) {
        assert_int_equal(fcgi_header_decode(&in, &header), FCGI_OK);
        assert_int_equal(header.request_id, driver->relay.exchange.request_id);
        assert_false(seen.complete);
        uint8_t type = records == 0 ? FCGI_BEGIN_REQUEST : !params_ended ? FCGI_PARAMS : FCGI_STDIN;
        assert_int_equal(header.type, type);
        if (in.len < (size_t)header.content_len + header.padding_len)
            break;
        if (type == FCGI_BEGIN_REQUEST)
            assert_int_equal(in.ptr[2], driver->settings.keep_conn ? FCGI_KEEP_CONN : 0);
        for (size_t i = 0; type == FCGI_STDIN && i < header.content_len; i++)
            if (in.ptr[i] != body_byte(seen.body_len + i))
                fail_msg("byte %u of the body is wrong", (unsigned)(seen.body_len + i));
        seen.body_len += type == FCGI_STDIN ? header.content_len : 0;
        seen.complete = type == FCGI_STDIN && header.content_len == 0;
        params_ended |= type == FCGI_PARAMS && header.content_len == 0;
        bytes_advance(&in, (size_t)header.content_len + header.padding_len);
    }
    assert_true(!seen.complete || (in.len == 0 && seen.body_len == driver->settings.body_len));
    return seen;
}

static inline void expect_whole_request(const struct driver *driver)
{
    assert_true(request_seen(driver).complete);
}

/* ---- the client */

/* The value of the answer's header, or NULL; it ends at CR LF. */
static inline const char *find_header(const struct driver *driver, const char *name)
{
    const char *line = (const char *)buffer_peek(&driver->headers).ptr;
    size_t len = strlen(name);
    for (; driver->headers_sent && *line; line = strstr(line, "\r\n") + 2)
        if (strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
            return line + len + 2;
    return NULL;
}

static inline bool has_header(const struct driver *driver, const char *name, const char *value)
{
    const char *found = find_header(driver, name);
    return found && strncmp(found, value, strlen(value)) == 0 && strncmp(found + strlen(value), "\r\n", 2) == 0;
}

struct answer {
    bool delimited;     /* its end can be told without the end of the connection */
    bool complete;      /* and has come */
    struct buffer body; /* without framing */
};

/* Takes chunks off until the last one, or until they are cut. */
static inline void take_chunks(struct answer *answer, struct bytes in)
{
    for (;;) {
        const uint8_t *end = in.len > 0 ? memchr(in.ptr, '\n', in.len) : NULL;
        if (!end)
            return;
        char line[24] = "";
        size_t line_len = (size_t)(end - in.ptr) + 1;
        assert_true(line_len > 2 && line_len < sizeof line && end[-1] == '\r');
        memcpy(line, in.ptr, line_len - 2);
        assert_int_equal(strspn(line, "0123456789abcdef"), line_len - 2);
        size_t len = (size_t)strtoull(line, NULL, 16);
        bytes_advance(&in, line_len);
        size_t data_len = len < in.len ? len : in.len;
        assert_true(buffer_append(&answer->body, bytes_of(in.ptr, data_len)));
        bytes_advance(&in, data_len);
        if (in.len < 2)
            return;
        assert_memory_equal(in.ptr, "\r\n", 2);
        bytes_advance(&in, 2);
        if (len == 0) {
            answer->complete = true;
            assert_int_equal(in.len, 0);
            return;
        }
    }
}

/* To be freed with buffer_deinit(&answer.body). */
static inline struct answer answer_of(const struct driver *driver)
{
    struct answer answer = {false, false, {0}};
    struct bytes sent_bytes = buffer_peek(&driver->body);
    const char *length = find_header(driver, "Content-Length");
    unsigned status = (unsigned)atoi(driver->status_line);
    buffer_init(&answer.body, SIZE_MAX / 4);
    if (!driver->headers_sent)
        return answer;
    bool chunked = has_header(driver, "Transfer-Encoding", "chunked");
    bool nothing = driver->settings.head || status == 204 || status == 304;
    answer.delimited = nothing || length || chunked;
    if (nothing) {
        assert_true(sent_bytes.len == 0 && !chunked);
        answer.complete = driver->final;
    } else if (chunked) {
        assert_true(!length && strcmp(driver->settings.protocol, "HTTP/1.1") == 0);
        take_chunks(&answer, sent_bytes);
    } else {
        assert_true(buffer_append(&answer.body, sent_bytes));
        uint64_t most = length ? strtoull(length, NULL, 10) : UINT64_MAX;
        assert_true(sent_bytes.len <= most); /* the next answer would begin in the middle of this one */
        answer.complete = length ? sent_bytes.len == most : driver->final;
    }
    if (driver->done && driver->keep_alive) /* what follows on the connection is the next answer */
        assert_true(answer.complete && (answer.delimited || strncmp(driver->settings.protocol, "HTTP/2", 6) == 0));
    if (has_header(driver, "Connection", "close"))
        assert_false(driver->done && driver->keep_alive);
    return answer;
}

static inline void expect_status(const struct driver *driver, const char *status_line)
{
    assert_string_equal(driver->status_line, status_line);
}

/* The answer is complete, with this body. */
static inline void expect_body(const struct driver *driver, const char *text)
{
    struct answer answer = answer_of(driver);
    assert_true(answer.complete);
    assert_int_equal(answer.body.len, strlen(text));
    if (answer.body.len > 0)
        assert_memory_equal(buffer_peek(&answer.body).ptr, text, answer.body.len);
    buffer_deinit(&answer.body);
}

/* The same for what put_body has written from offset 0. */
static inline void expect_body_len(const struct driver *driver, size_t len)
{
    struct answer answer = answer_of(driver);
    struct bytes body = buffer_peek(&answer.body);
    assert_true(answer.complete);
    assert_int_equal(body.len, len);
    for (size_t i = 0; i < len; i++)
        if (body.ptr[i] != body_byte(i))
            fail_msg("byte %u of the answer is wrong", (unsigned)i);
    buffer_deinit(&answer.body);
}

/* An error page for this cause, complete. */
static inline void expect_page(const struct driver *driver, enum error_cause cause)
{
    assert_true(driver->explained);
    assert_int_equal(driver->facts.cause, cause);
    assert_true(has_header(driver, "X-Fcgiext-Reason", error_cause_name(cause)));
    assert_int_equal((unsigned)atoi(driver->status_line), error_cause_status(cause));
    struct answer answer = answer_of(driver);
    assert_true(answer.delimited && answer.complete);
    buffer_deinit(&answer.body);
}

/* The answer began and was cut: the client can tell, because the connection ends before the answer. */
static inline void expect_cut(const struct driver *driver)
{
    assert_true(driver->done && driver->headers_sent && !driver->keep_alive && !driver->explained);
    struct answer answer = answer_of(driver);
    assert_false(answer.delimited && answer.complete);
    buffer_deinit(&answer.body);
}

/* ---- beginnings that most tests share */

/* On a worker, and the request, whose body was there at once, written by one write. */
static inline void open_and_write(struct driver *driver, const struct relay_settings *settings)
{
    assert_int_equal(driver_open(driver, settings, (size_t)settings->body_len), CGI_VARS_OK);
    assign(driver);
    written(driver);
    expect_whole_request(driver);
    forget_actions(driver);
}

/* `text` on stdout, and the end. */
static inline void answer(struct driver *driver, const char *text)
{
    put_stdout(driver, text);
    put_end(driver);
    read_all(driver);
}

#endif
