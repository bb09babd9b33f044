/* relay_driver: a relay under test. The test plays host, worker and pool: it says what completes and when; the driver takes the
 * relay's actions, holds each against the contract of relay.h, and keeps what worker and client get.
 *
 * Held against after each action: at most one operation on each side of the worker and one of the client; what is being
 * written or sent does not change until it has completed; headers once and first; nothing is read from the client once the
 * end of the answer is known; one RELEASE for each assignment, none while a write is outstanding; DONE once, last, with nothing outstanding; what
 * waits in memory is within the limit; and the relay never falls asleep with nobody to wake it. */
#ifndef FCGIEXT_TESTS_RELAY_DRIVER_H
#define FCGIEXT_TESTS_RELAY_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fcgiext/core/fcgi_params.h"
#include "fcgiext/core/relay.h"

enum { MOST_READ_LEN = 64 * 1024, WHOLE = 0x7fffffff };

struct driver {
    struct relay relay;
    struct relay_settings settings;
    char trace[1000]; /* actions since the last expect() */

    /* worker and pool */
    unsigned assigned, released;
    bool bound, waits_pool;
    bool closed; /* our end of the connection */
    enum pool_outcome outcome;
    bool write_out, read_out;
    struct bytes write;
    uint64_t write_hash;
    struct buffer received; /* of this assignment, by the worker */
    struct buffer reply;    /* written by the worker, not yet read */
    size_t read_len;        /* most bytes one read brings */
    bool end_read;          /* END_REQUEST has been read */

    /* client */
    bool client_read_out, cancelled, send_out;
    uint8_t *target;
    size_t target_len;
    uint64_t body_given; /* of the request's body */
    struct bytes piece;
    uint64_t piece_hash;
    bool headers_sent, final, cut, client_gone;
    char status_line[256];
    struct buffer headers; /* with a NUL */
    struct buffer body;    /* as sent: with the framing */

    /* end */
    bool failed_from_outside, explained, done, keep_alive;
    struct error_facts facts;
    struct buffer stderr_text;

    /* May complete an operation inside its action, by the on_... functions. */
    void (*inline_hook)(struct driver *driver, enum relay_action_kind kind);
    void *hook_context;
};

/* ---- beginning and end */

static inline struct relay_settings default_settings(void)
{
    return (struct relay_settings){
        .safe = true,
        .protocol = "HTTP/1.1",
        .wants_keep_alive = true,
        .keep_conn = true,
        .buffer_limit = 4 * 1024 * 1024,
    };
}

/* A byte of every request's body. */
static inline uint8_t body_byte(uint64_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 8) * 13 + (offset >> 16) * 29);
}

static inline void fill_body(uint8_t *out, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = body_byte(offset + i);
}

static inline bool get_variable(void *context, const char *name, struct bytes *value)
{
    (void)context;
    if (strcmp(name, "SCRIPT_NAME") == 0 || strcmp(name, "URL") == 0)
        *value = bytes_of_str("/app.fcgi");
    else if (strcmp(name, "REQUEST_METHOD") == 0)
        *value = bytes_of_str("POST");
    else
        return false;
    return true;
}

/* `first_len` bytes of the request's body are there from the beginning. */
static inline enum cgi_vars_result driver_open(struct driver *driver, const struct relay_settings *settings, size_t first_len)
{
    memset(driver, 0, sizeof *driver);
    driver->settings = *settings;
    driver->read_len = MOST_READ_LEN;
    driver->body_given = first_len;
    struct buffer *buffers[] = {&driver->received, &driver->reply, &driver->headers, &driver->body, &driver->stderr_text};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_init(buffers[i], SIZE_MAX / 4);
    relay_init(&driver->relay, settings);
    struct buffer scratch;
    buffer_init(&scratch, 64 * 1024);
    struct cgi_vars_request vars = {.get = get_variable, .scratch = &scratch, .content_length = settings->body_len};
    uint8_t *first = malloc(first_len ? first_len : 1);
    assert_non_null(first);
    fill_body(first, 0, first_len);
    enum cgi_vars_result result = relay_encode(&driver->relay, &vars, bytes_of(first, first_len));
    free(first); /* the relay has its own copy */
    buffer_deinit(&scratch);
    return result;
}

static inline void driver_close(struct driver *driver)
{
    relay_deinit(&driver->relay);
    buffer_deinit(&driver->received);
    buffer_deinit(&driver->reply);
    buffer_deinit(&driver->headers);
    buffer_deinit(&driver->body);
    buffer_deinit(&driver->stderr_text);
}

/* ---- actions */

static inline uint64_t hash_of(struct bytes bytes)
{
    uint64_t hash = bytes.len; /* of 8 bytes at a time, for speed; any change of a byte shows */
    for (; bytes.len >= 8; bytes_advance(&bytes, 8)) {
        uint64_t word;
        memcpy(&word, bytes.ptr, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    }
    for (; bytes.len > 0; bytes_advance(&bytes, 1))
        hash = (hash ^ *bytes.ptr) * 0x9e3779b97f4a7c15u;
    return hash;
}

static inline void note(struct driver *driver, const char *word)
{
    size_t len = strlen(driver->trace);
    if (len + strlen(word) + 2 < sizeof driver->trace)
        snprintf(driver->trace + len, sizeof driver->trace - len, "%s%s", len ? " " : "", word);
}

static inline void do_write(struct driver *driver, const struct relay_action *action)
{
    assert_true(driver->bound && !driver->closed && !driver->write_out);
    assert_true(action->bytes.len > 0);
    driver->write_out = true;
    driver->write = action->bytes;
    driver->write_hash = hash_of(action->bytes);
    note(driver, "write");
}

static inline void do_read(struct driver *driver)
{
    assert_true(driver->bound && !driver->closed && !driver->read_out);
    driver->read_out = true;
    note(driver, "read");
}

static inline void do_release(struct driver *driver, enum pool_outcome outcome)
{
    static const char *const words[] = {
        [POOL_OUTCOME_DONE] = "release:kept",
        [POOL_OUTCOME_DONE_CLOSED] = "release:closed",
        [POOL_OUTCOME_DONE_UNUSABLE] = "release:unusable",
        [POOL_OUTCOME_GIVEN_UP] = "release:given up",
        [POOL_OUTCOME_UNWRITTEN] = "release:unwritten",
        [POOL_OUTCOME_UNANSWERED] = "release:unanswered",
        [POOL_OUTCOME_BROKEN] = "release:broken",
    };
    assert_true(driver->bound);
    assert_false(driver->write_out); /* or its bytes would be freed under it */
    driver->bound = false;
    assert_int_equal(++driver->released, driver->assigned);
    driver->outcome = outcome;
    driver->waits_pool = outcome >= POOL_OUTCOME_UNWRITTEN;
    if (outcome == POOL_OUTCOME_DONE) /* clean: the next read on it is not this request's */
        assert_true(driver->end_read && !driver->closed && !driver->read_out && driver->settings.keep_conn);
    driver->read_out = false;
    note(driver, words[outcome]);
}

static inline void do_client_read(struct driver *driver, const struct relay_action *action)
{
    assert_true(driver->bound && !driver->closed);
    assert_true(!driver->client_read_out && !driver->client_gone && !driver->relay.answered && !driver->relay.failed);
    assert_true(!driver->send_out || driver->settings.spooled);
    assert_true(action->len > 0 && action->len <= FCGI_MAX_CONTENT_LEN);
    assert_true(action->len <= driver->settings.body_len - driver->body_given);
    driver->client_read_out = true;
    driver->target = action->target;
    driver->target_len = action->len;
    note(driver, "client-read");
}

static inline void do_cancel(struct driver *driver)
{
    assert_true(driver->client_read_out && !driver->cancelled && !driver->settings.spooled);
    driver->cancelled = true;
    note(driver, "cancel");
}

static inline void take_headers(struct driver *driver, const struct relay_action *action)
{
    size_t len = strlen(action->headers);
    assert_true(len >= 2 && memcmp(action->headers + len - 2, "\r\n", 2) == 0);
    assert_true(len == 2 || (len >= 4 && memcmp(action->headers + len - 4, "\r\n\r\n", 4) == 0));
    assert_true(strlen(action->status_line) < sizeof driver->status_line);
    strcpy(driver->status_line, action->status_line);
    assert_int_equal((unsigned)atoi(action->status_line), action->status);
    assert_true(buffer_append(&driver->headers, bytes_of(action->headers, len + 1)));
}

static inline void do_send(struct driver *driver, const struct relay_action *action)
{
    assert_true(!driver->send_out && !driver->client_gone && !driver->waits_pool);
    assert_true(!driver->client_read_out || driver->settings.spooled);
    assert_false(driver->final);
    assert_int_equal(action->status_line != NULL, !driver->headers_sent);
    if (action->status_line)
        take_headers(driver, action);
    assert_true(action->status_line || action->bytes.len > 0 || action->final); /* or it is for nothing */
    driver->headers_sent = driver->send_out = true;
    driver->final = action->final;
    driver->piece = action->bytes;
    driver->piece_hash = hash_of(action->bytes);
    note(driver, "send");
}

static inline void do_explain(struct driver *driver, const struct error_facts *facts)
{
    assert_false(driver->explained);
    driver->explained = true;
    driver->facts = *facts;
    assert_int_equal(facts->head, driver->settings.head);
    assert_true(buffer_append(&driver->stderr_text, facts->stderr_text));
    note(driver, "explain");
    relay_explain(&driver->relay, facts);
}

static inline void do_done(struct driver *driver, bool keep_alive)
{
    assert_false(driver->done);
    assert_true(!driver->bound && !driver->waits_pool && !driver->client_read_out && !driver->send_out);
    assert_int_equal(driver->released + driver->failed_from_outside >= driver->assigned, true);
    driver->done = true;
    driver->keep_alive = keep_alive;
    if (keep_alive) {
        assert_true(driver->final && !driver->client_gone && driver->settings.wants_keep_alive);
        /* what is left would be the next request */
        assert_true(driver->body_given == driver->settings.body_len || driver->settings.spooled);
    }
    note(driver, keep_alive ? "done:keep" : "done:close");
}

static inline void carry_out(struct driver *driver, const struct relay_action *action)
{
    switch (action->kind) {
    case RELAY_ACTION_WRITE: do_write(driver, action); break;
    case RELAY_ACTION_READ: do_read(driver); break;
    case RELAY_ACTION_CLOSE:
        assert_true(driver->bound && !driver->closed);
        driver->closed = true; /* a read that is outstanding may complete, or be lost */
        note(driver, "close");
        break;
    case RELAY_ACTION_RELEASE: do_release(driver, action->outcome); break;
    case RELAY_ACTION_CLIENT_READ: do_client_read(driver, action); break;
    case RELAY_ACTION_CANCEL_READ: do_cancel(driver); break;
    case RELAY_ACTION_SEND: do_send(driver, action); break;
    case RELAY_ACTION_EXPLAIN: do_explain(driver, &action->facts); break;
    case RELAY_ACTION_DONE: do_done(driver, action->keep_alive); break;
    }
}

/* What waits in memory, in bytes: see the head of relay.h. */
static inline void check_memory(const struct driver *driver)
{
    const struct relay *relay = &driver->relay;
    enum { FRAMING_LEN = 64 };
    size_t limit = driver->settings.buffer_limit;
    assert_true(relay->sending.len <= limit + MOST_READ_LEN + FRAMING_LEN);
    if (relay->headers_sent && limit > RELAY_STREAM_LEN)
        limit = RELAY_STREAM_LEN;
    assert_true(relay->out.len <= limit + MOST_READ_LEN + FRAMING_LEN);
    assert_true(relay->stderr_text.len <= RELAY_MAX_STDERR_LEN);
}

/* The actions until there is none. */
static inline void drive(struct driver *driver)
{
    struct relay_action action;
    unsigned count = 0;
    while (relay_next(&driver->relay, &action)) {
        assert_false(driver->done);
        carry_out(driver, &action);
        check_memory(driver);
        if (driver->inline_hook)
            driver->inline_hook(driver, action.kind);
        assert_true(++count < 10000);
    }
    assert_false(relay_next(&driver->relay, &action)); /* nothing has happened meanwhile */
    bool busy = driver->write_out || driver->read_out || driver->client_read_out || driver->send_out;
    bool with_pool = driver->waits_pool || (!driver->assigned && !driver->failed_from_outside);
    if (!driver->done && !busy && !with_pool)
        fail_msg("stalled: nothing is outstanding, and nothing is asked for");
    if (driver->bound && driver->closed && !driver->write_out)
        fail_msg("stalled: the connection is closed, and the worker is not released");
}

/* ---- completions without their consequences: for the inline hook */

static inline void on_written(struct driver *driver, size_t len, bool ok)
{
    assert_true(driver->write_out);
    assert_true(hash_of(driver->write) == driver->write_hash);
    if (len > driver->write.len)
        len = driver->write.len;
    assert_true(buffer_append(&driver->received, bytes_of(driver->write.ptr, len)));
    driver->write_out = false;
    relay_on_written(&driver->relay, len, ok);
}

/* A read brings `len` bytes of the reply. Not ok: and the end of the connection. */
static inline void on_read(struct driver *driver, size_t len, bool ok)
{
    assert_true(driver->read_out);
    uint8_t *copy = malloc(len ? len : 1); /* goes when the relay has looked at it, as a shell's read buffer does */
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, buffer_peek(&driver->reply).ptr, len);
    buffer_consume(&driver->reply, len);
    driver->read_out = false;
    relay_on_read(&driver->relay, bytes_of(copy, len), ok);
    driver->end_read = driver->relay.exchange.ended;
    free(copy);
}

static inline void on_client_read(struct driver *driver, size_t len, bool ok)
{
    assert_true(driver->client_read_out);
    if (len > driver->target_len)
        len = driver->target_len;
    fill_body(driver->target, driver->body_given, len);
    driver->client_read_out = false;
    driver->client_gone |= (!ok || len == 0) && !driver->cancelled && !driver->settings.spooled;
    if (ok)
        driver->body_given += len;
    relay_on_client_read(&driver->relay, len, ok);
}

static inline void on_sent(struct driver *driver, bool ok)
{
    assert_true(driver->send_out);
    assert_true(hash_of(driver->piece) == driver->piece_hash);
    if (ok)
        assert_true(buffer_append(&driver->body, driver->piece));
    driver->send_out = false;
    driver->client_gone |= !ok;
    relay_on_sent(&driver->relay, ok);
}

/* ---- what happens: a completion, and all that follows from it */

/* The shell may hear of it together with other things: no consequences yet. */
static inline void on_assigned(struct driver *driver, bool reused, bool read_pending)
{
    assert_true(!driver->bound && !driver->done);
    driver->assigned++;
    driver->bound = true;
    driver->waits_pool = driver->closed = driver->end_read = false;
    driver->read_out = read_pending;
    buffer_clear(&driver->received);
    buffer_clear(&driver->reply);
    struct relay_connection connection = {
        .request_id = (uint16_t)(reused ? 2 + driver->assigned : EXCHANGE_FIRST_ID),
        .reused = reused,
        .read_pending = read_pending,
    };
    relay_on_assigned(&driver->relay, connection);
}

static inline void assign_to(struct driver *driver, bool reused, bool read_pending)
{
    on_assigned(driver, reused, read_pending);
    drive(driver);
}

/* To a new worker, which was watched: a read is outstanding on its connection. */
static inline void assign(struct driver *driver)
{
    assign_to(driver, false, true);
}

static inline void written(struct driver *driver)
{
    on_written(driver, WHOLE, true);
    drive(driver);
}

static inline void write_fails(struct driver *driver, size_t len)
{
    on_written(driver, len, false);
    drive(driver);
}

/* Reads until all that the worker has written is read, or nobody reads any more. */
static inline void read_all(struct driver *driver)
{
    while (driver->bound && driver->read_out && driver->reply.len > 0) {
        size_t len = driver->reply.len < driver->read_len ? driver->reply.len : driver->read_len;
        on_read(driver, len, true);
        drive(driver);
    }
}

static inline void connection_ends(struct driver *driver)
{
    on_read(driver, 0, false);
    drive(driver);
}

static inline void client_sends(struct driver *driver, size_t len)
{
    on_client_read(driver, len, true);
    drive(driver);
}

static inline void client_goes_while_read(struct driver *driver)
{
    on_client_read(driver, 0, true); /* IIS says so: success, and no byte */
    drive(driver);
}

static inline void sent(struct driver *driver)
{
    on_sent(driver, true);
    drive(driver);
}

static inline void send_fails(struct driver *driver)
{
    on_sent(driver, false);
    drive(driver);
}

/* The pool takes the request off its worker, or has none for it. */
static inline void pool_fails(struct driver *driver, enum error_cause cause)
{
    struct error_facts facts = {.cause = cause};
    driver->failed_from_outside = true;
    driver->bound = driver->waits_pool = driver->write_out = driver->read_out = false;
    relay_fail(&driver->relay, &facts);
    drive(driver);
}

/* ---- what the worker writes; read_all() then has it read */

static inline void put_record(struct driver *driver, uint8_t type, struct bytes data)
{
    do {
        size_t len = data.len < 65535 ? data.len : 65535;
        struct fcgi_header header = {type, driver->relay.exchange.request_id, (uint16_t)len, fcgi_padding(len)};
        uint8_t bytes[FCGI_HEADER_LEN] = {0};
        fcgi_header_encode(bytes, &header);
        assert_true(buffer_append(&driver->reply, bytes_of(bytes, sizeof bytes)));
        assert_true(buffer_append(&driver->reply, bytes_of(data.ptr, len)));
        assert_true(buffer_append(&driver->reply, bytes_of("\0\0\0\0\0\0\0", header.padding_len)));
        bytes_advance(&data, len);
    } while (data.len > 0);
}

static inline void put_stdout(struct driver *driver, const char *text)
{
    put_record(driver, FCGI_STDOUT, bytes_of_str(text));
}

static inline void put_stderr(struct driver *driver, const char *text)
{
    put_record(driver, FCGI_STDERR, bytes_of_str(text));
}

/* `len` bytes of body. */
static inline void put_body(struct driver *driver, uint64_t offset, size_t len)
{
    uint8_t *bytes = malloc(len ? len : 1);
    assert_non_null(bytes);
    fill_body(bytes, offset, len);
    put_record(driver, FCGI_STDOUT, bytes_of(bytes, len));
    free(bytes);
}

static inline void put_end_with(struct driver *driver, uint8_t protocol_status)
{
    uint8_t body[FCGI_END_REQUEST_LEN] = {0, 0, 0, 0, protocol_status};
    put_record(driver, FCGI_END_REQUEST, bytes_of(body, sizeof body));
}

static inline void put_end(struct driver *driver)
{
    put_end_with(driver, FCGI_REQUEST_COMPLETE);
}

/* ---- what must have come of it */

/* Exactly these actions since the last expect(). */
#define expect(driver, words)                          \
    do {                                               \
        assert_string_equal((driver)->trace, (words)); \
        (driver)->trace[0] = '\0';                     \
    } while (0)

static inline void forget_actions(struct driver *driver)
{
    driver->trace[0] = '\0';
}

#endif
