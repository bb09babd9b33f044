/* relay: see relay.h. The state is a set of facts (what is outstanding, what has been seen) and relay_next() derives the
 * next step from them, so that completions may come in any order, even inside the call that started the operation.
 *
 * Invariants: the headers go out once; after them no body is read from the client (one operation at a time, and an
 * application that answers early has no use for the rest); a worker is released exactly once for each assignment; DONE
 * is the last action and comes when no client operation is outstanding. */
#include "fcgiext/core/relay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/fcgi_params.h"

enum {
    RELAY_HEADROOM = 20, /* for a chunk's size line in front of the body bytes, so that they are sent in one piece */
    RELAY_TAILROOM = 8,  /* for what ends the chunk, and the last one: framing a piece can never fail */
    CHUNK_LEN = FCGI_HEADER_LEN + FCGI_MAX_CONTENT_LEN + 8 + FCGI_HEADER_LEN,
};

static const char chunk_end[] = "\r\n";
static const char last_chunk[] = "0\r\n\r\n";

/* Most that waits for the client: see next_read(). */
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
    cgi_response_init(&relay->response);
    buffer_init(&relay->request, RELAY_MAX_PARAMS_LEN);
    buffer_init(&relay->out, reply_limit(settings));
    buffer_init(&relay->sending, reply_limit(settings));
    buffer_init(&relay->headers, 2 * CGI_RESPONSE_MAX_HEADER_LEN + 1024); /* "a:" LF becomes "a: " CR LF */
    buffer_init(&relay->stderr_text, RELAY_MAX_STDERR_LEN);
}

void relay_deinit(struct relay *relay)
{
    cgi_response_deinit(&relay->response);
    buffer_deinit(&relay->request);
    buffer_deinit(&relay->out);
    buffer_deinit(&relay->sending);
    buffer_deinit(&relay->headers);
    buffer_deinit(&relay->stderr_text);
    free(relay->chunk);
    relay->chunk = NULL;
}

static void put_param(void *context, struct bytes name, struct bytes value)
{
    fcgi_params_add(context, name, value);
}

enum cgi_vars_result relay_encode(struct relay *relay, struct cgi_vars_request *vars, struct bytes body)
{
    struct fcgi_params_writer writer;
    if (!exchange_append_begin(&relay->exchange, &relay->request))
        return CGI_VARS_NO_MEMORY;
    fcgi_params_begin(&writer, &relay->request, EXCHANGE_REQUEST_ID);
    vars->put = put_param;
    vars->put_context = &writer;
    enum cgi_vars_result result = cgi_vars_emit(vars);
    if (result != CGI_VARS_OK)
        return result;
    if (!fcgi_params_end(&writer))
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

static void fail(struct relay *relay, enum error_cause cause, const char *detail)
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
    fail(relay, cause, detail);
}

void relay_fail(struct relay *relay, const struct error_facts *facts)
{
    relay->has_worker = false;
    relay->awaits_pool = false;
    if (relay->failed || relay->answered)
        return; /* our own finding is closer to the cause; and an answer that is complete stands */
    fail(relay, facts->cause, NULL);
    relay->failure = *facts;
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

static bool has_body(const struct relay *relay)
{
    unsigned status = relay->response.status;
    return !relay->settings.head && status >= 200 && status != 204 && status != 304;
}

/* StderrMode makes a 500 of this reply: its body is not for the client. */
static bool stderr_replaces(const struct relay *relay)
{
    enum config_stderr_mode mode = relay->settings.stderr_mode;
    return relay->stderr_len && !relay->headers_sent && (mode == CONFIG_STDERR_RETURN_500 || mode == CONFIG_STDERR_GENERIC_500);
}

/* Can become an answer, as far as we know. */
static bool is_usable(const struct relay *relay)
{
    return relay->response.done && relay->response.header_count > 0 && !stderr_replaces(relay);
}

static void take_body(struct relay *relay, struct bytes body)
{
    if (relay->client_gone || relay->failed || !is_usable(relay) || body.len == 0)
        return;
    if (!has_body(relay)) {
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
        fail(relay, ERROR_CAUSE_NO_MEMORY, NULL);
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
            fail(relay, ERROR_CAUSE_NO_MEMORY, NULL); /* so much has not even come */
        else if (result == CGI_RESPONSE_TOO_LONG)
            fail_worker(relay, ERROR_CAUSE_BAD_RESPONSE, "the reply's header block is too long");
        if (result != CGI_RESPONSE_DONE)
            return;
    }
    take_body(relay, data);
}

static void take_stderr(struct relay *relay, struct bytes data)
{
    relay->stderr_len += data.len;
    size_t room = buffer_room(&relay->stderr_text);
    buffer_append(&relay->stderr_text, bytes_of(data.ptr, data.len < room ? data.len : room));
    if (relay->settings.stderr_mode == CONFIG_STDERR_TERMINATE)
        fail_worker(relay, ERROR_CAUSE_STDERR, "the program wrote to its error output, and StderrMode ends it for that");
    if (stderr_replaces(relay))
        buffer_clear(&relay->out);
}

/* The reply is complete. */
static void take_end(struct relay *relay, const struct fcgi_end_request *end)
{
    relay->answered = true;
    if (end->protocol_status == FCGI_OVERLOADED)
        fail(relay, ERROR_CAUSE_OVERLOADED, NULL);
    else if (end->protocol_status != FCGI_REQUEST_COMPLETE)
        fail_worker(relay, ERROR_CAUSE_PROTOCOL, "the program refused the request (multiplexing or role)");
    struct cgi_response *response = &relay->response;
    bool silent = !response->done && response->raw.len == 0;
    bool usable = cgi_response_end(response) && response->header_count > 0;
    bool empty_200 = silent && relay->stderr_len && relay->settings.stderr_mode == CONFIG_STDERR_IGNORE;
    if (stderr_replaces(relay))
        fail(relay, ERROR_CAUSE_STDERR, NULL);
    else if (!usable && !empty_200)
        fail(relay, ERROR_CAUSE_BAD_RESPONSE,
             silent ? "the program ended the request without any output" : "the program's output has no valid header line");
}

static void take_reply(struct relay *relay, struct bytes in)
{
    struct exchange_event event;
    for (;;) {
        exchange_reply(&relay->exchange, &in, &event);
        switch (event.kind) {
        case EXCHANGE_MORE: return;
        case EXCHANGE_STDOUT: take_stdout(relay, event.data); break;
        case EXCHANGE_STDERR: take_stderr(relay, event.data); break;
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

void relay_on_assigned(struct relay *relay, bool reused, bool read_pending)
{
    assert(!relay->has_worker);
    exchange_init(&relay->exchange, relay->settings.keep_conn);
    cgi_response_deinit(&relay->response);
    cgi_response_init(&relay->response);
    buffer_clear(&relay->out);
    buffer_clear(&relay->stderr_text);
    relay->stderr_len = 0;
    relay->has_worker = true;
    relay->awaits_pool = false;
    relay->reused = reused;
    relay->read_pending = read_pending;
    relay->idle_read_asked = false;
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

void relay_on_read(struct relay *relay, struct bytes bytes, bool ok)
{
    relay->read_pending = false;
    if (!relay->has_worker)
        return;
    bool unsolicited = bytes.len && !relay->any_written && !relay->write_pending && relay->written == 0;
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
        relay->client_gone = true;
        return;
    }
    relay->body_left -= len;
    relay->chunk_len = exchange_frame_stdin(relay->chunk, len);
    relay->written = 0;
    if (relay->body_left == 0) {
        struct fcgi_header end = {FCGI_STDIN, EXCHANGE_REQUEST_ID, 0, 0};
        fcgi_header_encode(relay->chunk + relay->chunk_len, &end);
        relay->chunk_len += FCGI_HEADER_LEN;
    }
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

/* ---- the next step ---- */

/* The rest of this exchange is of no use. A client that has gone takes its body along: "to abort, close the pipe". */
static bool is_given_up(const struct relay *relay)
{
    return relay->failed || relay->unusable || (relay->client_gone && relay->body_left > 0);
}

static bool next_write(struct relay *relay, struct relay_action *action)
{
    if (!relay->has_worker || relay->closed || relay->write_pending || relay->answered || is_given_up(relay) ||
        relay->written == SIZE_MAX)
        return false;
    struct bytes bytes = relay->chunk_len ? bytes_of(relay->chunk, relay->chunk_len) : buffer_peek(&relay->request);
    if (relay->written >= bytes.len)
        return false;
    bytes_advance(&bytes, relay->written);
    action->kind = RELAY_ACTION_WRITE;
    action->bytes = bytes;
    relay->write_pending = true;
    return true;
}

static bool all_written(const struct relay *relay)
{
    size_t len = relay->chunk_len ? relay->chunk_len : relay->request.len;
    return relay->written == len && !relay->write_pending;
}

static size_t body_len(const struct relay *relay)
{
    return relay->out.len ? relay->out.len - RELAY_HEADROOM : 0;
}

/* So many body bytes are passed on before the reply is complete. */
static size_t flush_len(const struct relay *relay)
{
    size_t limit = relay->settings.buffer_limit;
    if (relay->headers_sent && limit > RELAY_STREAM_LEN)
        limit = RELAY_STREAM_LEN;
    return limit ? limit : 1;
}

static bool next_read(struct relay *relay, struct relay_action *action)
{
    if (!relay->has_worker || relay->closed || relay->read_pending || relay->unusable)
        return false;
    if (relay->answered) {
        /* the idle worker's read; asked for when the connection is clean, right before RELEASE */
        bool clean = relay->settings.keep_conn && all_written(relay) && relay->body_left == 0;
        if (!clean || relay->idle_read_asked)
            return false;
        relay->idle_read_asked = true;
    } else if (is_given_up(relay) || body_len(relay) >= flush_len(relay)) {
        return false; /* of no use; or the client is slower than the worker: let the pipe fill */
    }
    action->kind = RELAY_ACTION_READ;
    relay->read_pending = true;
    return true;
}

/* How the pool is to see the end of this exchange. */
static enum pool_outcome outcome(const struct relay *relay)
{
    if (relay->unusable)
        return POOL_OUTCOME_DONE_UNUSABLE;
    if (relay->answered)
        return relay->idle_read_asked && !relay->closed ? POOL_OUTCOME_DONE : POOL_OUTCOME_DONE_CLOSED;
    if (relay->failed || relay->client_gone)
        return POOL_OUTCOME_DONE_CLOSED; /* we have given the request up, not the worker */
    if (!relay->any_written && relay->exchange.reply_len == 0)
        return POOL_OUTCOME_UNWRITTEN;
    bool complete = relay->chunk_len == 0 && relay->written == relay->request.len && relay->body_left == 0;
    if (relay->reused && complete && relay->exchange.reply_len == 0)
        return POOL_OUTCOME_UNANSWERED;
    return POOL_OUTCOME_BROKEN;
}

/* The worker is not needed any more: close its connection unless it is kept, wait for the write, then let it go. */
static bool next_release(struct relay *relay, struct relay_action *action)
{
    if (!relay->has_worker)
        return false;
    if (!relay->answered && !relay->closed && !is_given_up(relay))
        return false;
    bool keep = relay->answered && relay->settings.keep_conn && !relay->closed && !relay->unusable && relay->body_left == 0;
    if (keep && relay->write_pending)
        return false; /* the reply has overtaken the completion of the write, which says whether the connection is clean */
    bool open = !relay->closed || relay->write_pending; /* reading may have ended, and a write still hang */
    if (open && !relay->idle_read_asked && !relay->close_asked) {
        relay->closed = relay->close_asked = true;
        action->kind = RELAY_ACTION_CLOSE;
        return true;
    }
    if (relay->write_pending)
        return false;
    action->outcome = outcome(relay);
    relay->awaits_pool = action->outcome >= POOL_OUTCOME_UNWRITTEN;
    action->kind = RELAY_ACTION_RELEASE;
    relay->has_worker = false;
    relay->read_pending = false;
    return true;
}

static bool next_client_read(struct relay *relay, struct relay_action *action)
{
    if (!relay->has_worker || relay->closed || relay->body_left == 0 || relay->answered || relay->failed ||
        relay->client_gone || relay->headers_sent || relay->client_read_pending || relay->send_pending || !all_written(relay))
        return false;
    if (!relay->chunk && !(relay->chunk = malloc(CHUNK_LEN))) {
        fail(relay, ERROR_CAUSE_NO_MEMORY, NULL);
        return next_release(relay, action);
    }
    action->kind = RELAY_ACTION_CLIENT_READ;
    action->target = relay->chunk + FCGI_HEADER_LEN;
    action->len = relay->body_left < FCGI_MAX_CONTENT_LEN ? (size_t)relay->body_left : FCGI_MAX_CONTENT_LEN;
    relay->client_read_pending = true;
    return true;
}

static void choose_framing(struct relay *relay)
{
    struct cgi_framing_facts facts = {0};
    facts.head = relay->settings.head;
    facts.protocol = bytes_of_str(relay->settings.protocol);
    facts.whole = relay->answered;
    facts.body_len = has_body(relay) ? body_len(relay) : relay->head_len;
    struct cgi_framing_choice choice = cgi_response_choose_framing(&relay->response, &facts);
    relay->framing = choice.framing;
    relay->keep_alive = choice.keep_alive && relay->settings.wants_keep_alive && relay->body_left == 0;
    choice.keep_alive = relay->keep_alive;
    buffer_clear(&relay->headers);
    if (!cgi_response_append_headers(&relay->response, &choice, &relay->headers)) {
        fail(relay, ERROR_CAUSE_NO_MEMORY, NULL);
        return;
    }
    if (choice.framing == CGI_FRAMING_LENGTH)
        relay->length_left = choice.length - body_len(relay); /* never announced below what is there */
}

/* Puts the waiting body bytes, framed, into `sending` and returns them. */
static struct bytes take_piece(struct relay *relay, bool last)
{
    struct buffer swap = relay->sending;
    relay->sending = relay->out;
    relay->out = swap;
    buffer_clear(&relay->out);
    struct buffer *sending = &relay->sending;
    bool chunked = relay->framing == CGI_FRAMING_CHUNKED;
    if (sending->len <= RELAY_HEADROOM)
        return chunked && last ? bytes_of_str(last_chunk) : bytes_of(NULL, 0);
    size_t start = RELAY_HEADROOM;
    if (chunked) {
        uint8_t prefix[RELAY_HEADROOM];
        size_t prefix_len = cgi_chunk_prefix(prefix, sending->len - RELAY_HEADROOM);
        start -= prefix_len;
        memcpy(sending->data + sending->start + start, prefix, prefix_len);
        buffer_append_str(sending, chunk_end); /* into the tailroom */
    }
    if (chunked && last)
        buffer_append_str(sending, last_chunk);
    struct bytes piece = buffer_peek(sending);
    bytes_advance(&piece, start);
    return piece;
}

static bool send_error(struct relay *relay, struct relay_action *action)
{
    struct buffer swap = relay->sending;
    relay->sending = relay->out;
    relay->out = swap;
    action->kind = RELAY_ACTION_SEND;
    action->status_line = relay->error_status;
    action->status = error_cause_status(relay->failure.cause);
    action->headers = (const char *)buffer_peek(&relay->headers).ptr;
    action->bytes = buffer_peek(&relay->sending);
    action->final = true;
    relay->keep_alive = relay->settings.wants_keep_alive && relay->body_left == 0;
    action->keep_alive = relay->keep_alive;
    relay->headers_sent = relay->send_pending = relay->send_final_asked = true;
    return true;
}

/* Enough for a piece. Without buffering the headers alone are: a client waits for them to know that it is connected. */
static bool is_due(const struct relay *relay)
{
    bool at_once = relay->settings.buffer_limit == 0 && !relay->headers_sent && has_body(relay) && relay->body_left == 0;
    return is_usable(relay) && (at_once || body_len(relay) >= flush_len(relay));
}

static bool next_send(struct relay *relay, struct relay_action *action)
{
    if (relay->client_gone || relay->send_pending || relay->client_read_pending || relay->send_final_asked ||
        relay->awaits_pool)
        return false;
    if (relay->failed) {
        if (relay->headers_sent)
            return false; /* DONE closes the connection: the client sees that something is missing */
        if (relay->explained)
            return send_error(relay, action);
        action->kind = RELAY_ACTION_EXPLAIN;
        action->facts = relay->failure;
        action->facts.head = relay->settings.head;
        if (relay->failure.cause == ERROR_CAUSE_STDERR && relay->settings.stderr_mode == CONFIG_STDERR_RETURN_500)
            action->facts.stderr_text = buffer_peek(&relay->stderr_text);
        return true;
    }
    bool last = relay->answered;
    if (!last && !is_due(relay))
        return false;
    bool first = !relay->headers_sent;
    if (first) {
        choose_framing(relay);
        if (relay->failed)
            return next_send(relay, action);
        action->status = relay->response.status;
        action->status_line = "200 OK";
        if (relay->response.status_line.len)
            action->status_line = (const char *)buffer_peek(&relay->response.status_line).ptr;
        action->headers = (const char *)buffer_peek(&relay->headers).ptr;
    }
    if (last && relay->framing == CGI_FRAMING_LENGTH && relay->length_left)
        relay->keep_alive = false; /* less than announced */
    action->bytes = take_piece(relay, last);
    action->kind = RELAY_ACTION_SEND;
    action->final = last;
    action->keep_alive = relay->keep_alive;
    relay->headers_sent = relay->send_pending = true;
    relay->send_final_asked = last;
    return true;
}

static bool next_done(struct relay *relay, struct relay_action *action)
{
    if (relay->has_worker || relay->awaits_pool || relay->send_pending || relay->client_read_pending || relay->done)
        return false;
    bool cut = relay->client_gone || (relay->failed && relay->headers_sent && !relay->send_final_asked);
    if (!relay->final_sent && !cut)
        return false;
    relay->done = true;
    action->kind = RELAY_ACTION_DONE;
    action->keep_alive = relay->keep_alive && relay->final_sent && !relay->client_gone;
    return true;
}

bool relay_next(struct relay *relay, struct relay_action *action)
{
    memset(action, 0, sizeof *action);
    return next_write(relay, action) || next_read(relay, action) || next_release(relay, action) || next_send(relay, action) ||
           next_client_read(relay, action) || next_done(relay, action);
}

bool relay_waits_for_client(const struct relay *relay)
{
    if (!relay->has_worker)
        return false;
    return (relay->client_read_pending && all_written(relay)) || (relay->send_pending && !relay->read_pending);
}

bool relay_is_replayable(const struct relay *relay)
{
    return relay->settings.safe && relay->body_left == 0;
}
