/* relay_next: what a relay does next, derived from the facts that relay.c has gathered: see there. */
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/relay_steps.h"

enum { CHUNK_LEN = FCGI_HEADER_LEN + FCGI_MAX_CONTENT_LEN + 8 + FCGI_HEADER_LEN };

static const char chunk_end[] = "\r\n";
static const char last_chunk[] = "0\r\n\r\n";

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
    if (!relay->has_worker || relay->closed || relay->read_pending || relay->answered)
        return false;
    if (is_given_up(relay) || body_len(relay) >= flush_len(relay))
        return false; /* of no use; or the client is slower than the worker: let the pipe fill */
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
        return relay->closed ? POOL_OUTCOME_DONE_CLOSED : POOL_OUTCOME_DONE;
    bool untouched = !relay->any_written && relay->exchange.reply_len == 0;
    if (relay->failed || relay->client_gone) /* we have given the request up, not the worker */
        return untouched ? POOL_OUTCOME_GIVEN_UP : POOL_OUTCOME_DONE_CLOSED;
    if (untouched)
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
    bool keep = relay->answered && relay->exchange.keep_conn && !relay->closed && !relay->unusable && relay->body_left == 0;
    if (keep && relay->write_pending)
        return false; /* the reply has overtaken the completion of the write, which says whether the connection is clean */
    keep = keep && all_written(relay);
    bool open = !relay->closed || relay->write_pending; /* reading may have ended, and a write still hang */
    if (open && !keep && !relay->close_asked) {
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
        relay->client_gone || relay->client_read_pending || (relay->send_pending && !relay->settings.spooled) ||
        !all_written(relay))
        return false;
    if (!relay->chunk && !(relay->chunk = malloc(CHUNK_LEN))) {
        relay_fail_with(relay, ERROR_CAUSE_NO_MEMORY, NULL);
        return next_release(relay, action);
    }
    action->kind = RELAY_ACTION_CLIENT_READ;
    action->target = relay->chunk + FCGI_HEADER_LEN;
    action->len = relay->body_left < FCGI_MAX_CONTENT_LEN ? (size_t)relay->body_left : FCGI_MAX_CONTENT_LEN;
    relay->client_read_pending = true;
    return true;
}

/* The client may take its time, and what it has yet to send is of no use any more: it must not hold up the end. Not for an
 * answer that goes on, as bytes may be lost with a read that is cut short. */
static bool next_cancel(struct relay *relay, struct relay_action *action)
{
    if (!relay->client_read_pending || relay->settings.spooled || relay->cancel_asked || !(relay->answered || relay->failed))
        return false;
    relay->cancel_asked = true;
    action->kind = RELAY_ACTION_CANCEL_READ;
    return true;
}

/* Nothing of the request is left on the client's connection. */
static bool body_is_taken(const struct relay *relay)
{
    return relay->body_left == 0 || relay->settings.spooled;
}

/* One operation on the client at a time. */
static bool client_is_busy(const struct relay *relay)
{
    return relay->send_pending || (relay->client_read_pending && !relay->settings.spooled);
}

static void choose_framing(struct relay *relay)
{
    struct cgi_framing_facts facts = {0};
    facts.head = relay->settings.head;
    facts.protocol = bytes_of_str(relay->settings.protocol);
    facts.whole = relay->answered;
    facts.body_len = relay_has_body(relay) ? body_len(relay) : relay->head_len;
    struct cgi_framing_choice choice = cgi_response_choose_framing(&relay->response, &facts);
    relay->framing = choice.framing;
    relay->keep_alive = choice.keep_alive && relay->settings.wants_keep_alive && body_is_taken(relay);
    choice.keep_alive = relay->keep_alive;
    buffer_clear(&relay->headers);
    if (!cgi_response_append_headers(&relay->response, &choice, &relay->headers)) {
        relay_fail_with(relay, ERROR_CAUSE_NO_MEMORY, NULL);
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
    relay->keep_alive = relay->settings.wants_keep_alive && body_is_taken(relay);
    action->keep_alive = relay->keep_alive;
    relay->headers_sent = relay->send_pending = relay->send_final_asked = true;
    return true;
}

/* Enough for a piece. Without buffering the headers alone are: a client waits for them to know that it is connected. */
static bool is_due(const struct relay *relay)
{
    bool at_once = relay->settings.buffer_limit == 0 && !relay->headers_sent && relay_has_body(relay) && body_is_taken(relay);
    return relay_is_usable(relay) && (at_once || body_len(relay) >= flush_len(relay));
}

static bool next_send(struct relay *relay, struct relay_action *action)
{
    if (relay->client_gone || client_is_busy(relay) || relay->send_final_asked || relay->awaits_pool)
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
           next_client_read(relay, action) || next_cancel(relay, action) || next_done(relay, action);
}

bool relay_waits_for_client(const struct relay *relay)
{
    if (!relay->has_worker)
        return false;
    bool reads = relay->client_read_pending && !relay->settings.spooled;
    return (reads && all_written(relay)) || (relay->send_pending && !relay->read_pending);
}
