/* relay: see relay.h. The state is a set of facts (what is outstanding, what has been seen) and relay_next() derives the
 * next step from them, so that completions may come in any order, even inside the call that started the operation.
 *
 * Invariants: the headers go out once; the client has one operation outstanding at a time, and sending comes before reading; once
 * the answer is known to its end no body is read; a worker is released exactly once for each assignment; DONE is the last
 * action and comes when no client operation is outstanding. */
#include "fcgiext/core/relay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/fcgi_params.h"
#include "fcgiext/core/relay_steps.h"

/* Most that waits for the client: see next_read() in relay_next.c. */
static size_t reply_limit(const struct relay_settings *settings)
{
    const size_t more = RELAY_HEADROOM + RELAY_READ_LEN + RELAY_TAILROOM;
    const size_t most = SIZE_MAX / 4;
    return settings->buffer_limit < most - more ? settings->buffer_limit + more : most;
}

void relay_init(struct relay *relay, const struct relay_settings *settings)
{
    memset(relay, 0, sizeof *relay);
    relay->settings = *settings;
    relay->body_left = settings->body_len;
    relay->awaits_pool = true;
    exchange_init(&relay->exchange, settings->keep_conn);
    relay->encoded_id = EXCHANGE_FIRST_ID;
    cgi_response_init(&relay->response);
    buffer_init(&relay->request, RELAY_MAX_PARAMS_LEN);
    buffer_init(&relay->out, reply_limit(settings));
    buffer_init(&relay->sending, reply_limit(settings));
    buffer_init(&relay->headers, 2 * CGI_RESPONSE_MAX_HEADER_LEN + 1024); /* "a:" LF becomes "a: " CR LF */
    buffer_init(&relay->stderr_text, RELAY_MAX_STDERR_LEN);
    stderr_lines_init(&relay->stderr_lines);
}

void relay_deinit(struct relay *relay)
{
    cgi_response_deinit(&relay->response);
    buffer_deinit(&relay->request);
    buffer_deinit(&relay->out);
    buffer_deinit(&relay->sending);
    buffer_deinit(&relay->headers);
    buffer_deinit(&relay->stderr_text);
    stderr_lines_deinit(&relay->stderr_lines);
    free(relay->chunk);
    relay->chunk = NULL;
}

struct params_target {
    struct fcgi_params_writer writer;
    bool spooled;
};

static void put_param(void *context, struct bytes name, struct bytes value)
{
    struct params_target *target = context;
    if (target->spooled && bytes_equal(name, bytes_of_str("HTTP_TRANSFER_ENCODING")))
        return; /* what the program reads has a length, and no chunks */
    fcgi_params_add(&target->writer, name, value);
}

static void put_encoded_params(void *context, struct bytes pairs)
{
    fcgi_params_add_encoded(&((struct params_target *)context)->writer, pairs);
}

enum cgi_vars_result relay_encode(struct relay *relay, struct cgi_vars_request *vars, struct bytes body)
{
    struct params_target target = {.spooled = relay->settings.spooled};
    if (!exchange_append_begin(&relay->exchange, &relay->request))
        return CGI_VARS_NO_MEMORY;
    fcgi_params_begin(&target.writer, &relay->request, EXCHANGE_FIRST_ID);
    vars->put = put_param;
    vars->put_encoded = put_encoded_params;
    vars->put_context = &target;
    enum cgi_vars_result result = cgi_vars_emit(vars);
    if (result != CGI_VARS_OK)
        return result;
    if (!fcgi_params_end(&target.writer))
        return CGI_VARS_NO_MEMORY;
    if (body.len > relay->body_left)
        body.len = (size_t)relay->body_left;
    relay->body_left -= body.len;
    relay->request.limit += body.len + (body.len / FCGI_MAX_CONTENT_LEN + 2) * 2 * FCGI_HEADER_LEN; /* the host has it anyway */
    if (!exchange_append_stdin(&relay->request, body))
        return CGI_VARS_NO_MEMORY;
    if (relay->body_left == 0 && !exchange_append_stdin_end(&relay->request))
        return CGI_VARS_NO_MEMORY;
    return CGI_VARS_OK;
}

/* ---- failing ---- */

void relay_fail_with(struct relay *relay, enum error_cause cause, const char *detail)
{
    if (relay->failed)
        return;
    relay->failed = true;
    relay->failure.cause = cause;
    relay->failure.detail = bytes_of_str(detail);
}

/* The worker's connection is of no further use, through the worker's fault. */
static void fail_worker(struct relay *relay, enum error_cause cause, const char *detail)
{
    relay->unusable = true;
    relay_fail_with(relay, cause, detail);
}

/* What was found first is closer to the cause. */
static void fail_by(struct relay *relay, const struct error_facts *facts)
{
    if (relay->failed)
        return;
    relay->failed = true;
    relay->failure = *facts;
}

void relay_fail(struct relay *relay, const struct error_facts *facts)
{
    relay->has_worker = false;
    relay->awaits_pool = false;
    if (!relay->answered) /* an answer that is complete stands */
        fail_by(relay, facts);
}

/* An error page takes the place of the reply; when the headers have gone out, only a cut connection tells. */
void relay_explain(struct relay *relay, const struct error_facts *facts)
{
    const char *status_line = "500 Internal Server Error";
    relay->explained = true;
    buffer_clear(&relay->headers);
    buffer_clear(&relay->out);
    if (!error_page_render(facts, &status_line, &relay->headers, &relay->out)) {
        buffer_clear(&relay->headers);
        buffer_clear(&relay->out);
        relay->client_gone = true; /* no memory even for the page: close the connection */
        return;
    }
    size_t len = strlen(status_line);
    if (len >= sizeof relay->error_status)
        len = sizeof relay->error_status - 1;
    memcpy(relay->error_status, status_line, len);
    relay->error_status[len] = '\0';
}

/* ---- from the worker ---- */

bool relay_has_body(const struct relay *relay)
{
    unsigned status = relay->response.status;
    return !relay->settings.head && status >= 200 && status != 204 && status != 304;
}

/* StderrMode makes a 500 of this reply: its body is not for the client. */
static bool stderr_replaces(const struct relay *relay)
{
    enum config_stderr_mode mode = relay->settings.stderr_mode;
    return relay->stderr_lines.has_error && !relay->headers_sent &&
           (mode == CONFIG_STDERR_RETURN_500 || mode == CONFIG_STDERR_GENERIC_500);
}

bool relay_is_usable(const struct relay *relay)
{
    return relay->response.done && relay->response.header_count > 0 && !stderr_replaces(relay);
}

static void take_body(struct relay *relay, struct bytes body)
{
    if (relay->client_gone || relay->failed || !relay_is_usable(relay) || body.len == 0)
        return;
    if (!relay_has_body(relay)) {
        relay->head_len += body.len;
        return;
    }
    if (relay->headers_sent && relay->framing == CGI_FRAMING_LENGTH) {
        if (body.len > relay->length_left)
            body.len = (size_t)relay->length_left;
        relay->length_left -= body.len;
    }
    size_t headroom = relay->out.len == 0 ? RELAY_HEADROOM : 0;
    uint8_t *end = buffer_reserve(&relay->out, headroom + body.len + RELAY_TAILROOM);
    if (!end) {
        relay_fail_with(relay, ERROR_CAUSE_NO_MEMORY, NULL);
        return;
    }
    memset(end, 0, headroom);
    memcpy(end + headroom, body.ptr, body.len);
    buffer_commit(&relay->out, headroom + body.len);
}

static void take_stdout(struct relay *relay, struct bytes data)
{
    if (relay->failed)
        return;
    if (!relay->response.done) {
        enum cgi_response_result result = cgi_response_feed(&relay->response, &data);
        if (result == CGI_RESPONSE_TOO_LONG && relay->exchange.reply_len <= CGI_RESPONSE_MAX_HEADER_LEN)
            relay_fail_with(relay, ERROR_CAUSE_NO_MEMORY, NULL); /* so much has not even come */
        else if (result == CGI_RESPONSE_TOO_LONG)
            fail_worker(relay, ERROR_CAUSE_BAD_RESPONSE, "the reply's header block is too long");
        if (result != CGI_RESPONSE_DONE)
            return;
    }
    take_body(relay, data);
}

/* Trace text is none of StderrMode's business. */
static void judge_stderr(struct relay *relay)
{
    if (!relay->stderr_lines.has_error)
        return;
    if (relay->settings.stderr_mode == CONFIG_STDERR_TERMINATE)
        fail_worker(relay, ERROR_CAUSE_STDERR, "the program wrote to its error output, and StderrMode ends it for that");
    if (stderr_replaces(relay))
        buffer_clear(&relay->out);
}

static void take_stderr(struct relay *relay, const struct exchange_event *event)
{
    stderr_lines_take(&relay->stderr_lines, event->data, event->record_end, &relay->stderr_text);
    judge_stderr(relay);
}

/* The reply is complete. */
static void take_end(struct relay *relay, const struct fcgi_end_request *end)
{
    relay->answered = true;
    stderr_lines_end(&relay->stderr_lines, &relay->stderr_text);
    judge_stderr(relay);
    if (end->protocol_status == FCGI_OVERLOADED)
        relay_fail_with(relay, ERROR_CAUSE_OVERLOADED, NULL);
    else if (end->protocol_status != FCGI_REQUEST_COMPLETE)
        fail_worker(relay, ERROR_CAUSE_PROTOCOL, "the program refused the request (multiplexing or role)");
    struct cgi_response *response = &relay->response;
    bool silent = !response->done && response->raw.len == 0;
    bool usable = cgi_response_end(response) && response->header_count > 0;
    bool empty_200 = silent && relay->stderr_lines.has_error && relay->settings.stderr_mode == CONFIG_STDERR_IGNORE;
    if (stderr_replaces(relay))
        relay_fail_with(relay, ERROR_CAUSE_STDERR, NULL);
    else if (!usable && !empty_200)
        relay_fail_with(relay, ERROR_CAUSE_BAD_RESPONSE,
                        silent ? "the program ended the request without any output"
                               : "the program's output has no valid header line");
}

static void take_reply(struct relay *relay, struct bytes in)
{
    struct exchange_event event;
    for (;;) {
        exchange_reply(&relay->exchange, &in, &event);
        switch (event.kind) {
        case EXCHANGE_MORE: return;
        case EXCHANGE_STDOUT: take_stdout(relay, event.data); break;
        case EXCHANGE_STDERR: take_stderr(relay, &event); break;
        case EXCHANGE_END:
            take_end(relay, &event.end);
            if (in.len == 0)
                return;
            break;
        case EXCHANGE_BAD:
            if (relay->answered)
                relay->unusable = true; /* the answer stands; the connection does not */
            else
                fail_worker(relay, ERROR_CAUSE_PROTOCOL, exchange_problem_text(event.problem));
            return;
        }
    }
}

void relay_on_assigned(struct relay *relay, struct relay_connection connection)
{
    assert(!relay->has_worker);
    exchange_init(&relay->exchange, relay->settings.keep_conn && !connection.last);
    relay->exchange.request_id = connection.request_id;
    if (relay->encoded_id != connection.request_id)
        exchange_number(relay->request.data + relay->request.start, relay->request.len, connection.request_id);
    relay->encoded_id = connection.request_id;
    fcgi_begin_request_encode(relay->request.data + relay->request.start, connection.request_id, relay->exchange.keep_conn);
    cgi_response_deinit(&relay->response);
    cgi_response_init(&relay->response);
    buffer_clear(&relay->out);
    buffer_clear(&relay->stderr_text);
    stderr_lines_clear(&relay->stderr_lines);
    relay->has_worker = true;
    relay->awaits_pool = false;
    relay->reused = connection.reused;
    relay->read_pending = connection.read_pending;
    relay->written = 0;
    relay->chunk_len = 0;
    relay->any_written = false;
    relay->closed = relay->close_asked = false;
}

void relay_on_written(struct relay *relay, size_t len, bool ok)
{
    relay->write_pending = false;
    relay->any_written |= len > 0;
    relay->written += len;
    if (!ok)
        relay->written = SIZE_MAX; /* nothing more is written; the read tells when all that came has been read */
}

void relay_on_write_refused(struct relay *relay, const struct error_facts *facts)
{
    relay->write_pending = false;
    fail_by(relay, facts);
}

void relay_on_read(struct relay *relay, struct bytes bytes, bool ok)
{
    relay->read_pending = false;
    if (!relay->has_worker)
        return;
    bool unsolicited = bytes.len && !relay->any_written && !relay->write_pending;
    if (bytes.len && !unsolicited)
        take_reply(relay, bytes);
    if (!ok || unsolicited) /* what came before the request is no answer to it: this connection is none for us */
        relay->closed = true;
}

/* ---- from the client ---- */

void relay_on_client_read(struct relay *relay, size_t len, bool ok)
{
    relay->client_read_pending = false;
    if (!ok || len == 0 || len > relay->body_left) {
        if (relay->settings.spooled)
            relay_fail_with(relay, ERROR_CAUSE_SPOOL, "the stored body could not be read");
        else if (!relay->cancel_asked) /* else its end is ours; whether the client is there, sending will show */
            relay->client_gone = true;
        return;
    }
    relay->body_left -= len;
    relay->chunk_len = exchange_frame_stdin(relay->chunk, len);
    relay->written = 0;
    if (relay->body_left == 0) {
        struct fcgi_header end = {FCGI_STDIN, EXCHANGE_FIRST_ID, 0, 0};
        fcgi_header_encode(relay->chunk + relay->chunk_len, &end);
        relay->chunk_len += FCGI_HEADER_LEN;
    }
    exchange_number(relay->chunk, relay->chunk_len, relay->exchange.request_id);
}

void relay_on_sent(struct relay *relay, bool ok)
{
    relay->send_pending = false;
    buffer_clear(&relay->sending);
    if (relay->sending.capacity > 4 * RELAY_STREAM_LEN)
        buffer_release(&relay->sending); /* the first flush of a long reply; the rest goes in small pieces */
    if (relay->send_final_asked)
        relay->final_sent = true;
    if (!ok) {
        relay->client_gone = true;
        buffer_clear(&relay->out);
    }
}

bool relay_is_replayable(const struct relay *relay)
{
    return relay->settings.safe && relay->body_left == 0;
}
