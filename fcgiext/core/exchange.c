/* exchange: one request on one FastCGI connection.
 *
 * Invariant: how the bytes were cut into reads never shows. The events, taken together, are the same for one read of
 * all and for reads of one byte; END comes when the last byte of END_REQUEST, its padding included, has been taken, so
 * that the next byte belongs to nobody. Bodies are handed out where they lie; only a header that a read has cut in
 * two, and the 8 bytes of END_REQUEST, are held here. A record is judged by its header alone: lengths of records that
 * we refuse are never acted upon. The first problem stays: a stream that has lost its framing cannot be found again. */
#include "fcgiext/core/exchange.h"

#include <stdlib.h>

enum { MAX_RECORD_LEN = FCGI_HEADER_LEN + FCGI_MAX_CONTENT_LEN };

void exchange_init(struct exchange *exchange, bool keep_conn)
{
    *exchange = (struct exchange){.keep_conn = keep_conn, .request_id = EXCHANGE_FIRST_ID};
}

bool exchange_append_begin(const struct exchange *exchange, struct buffer *out)
{
    uint8_t *record = buffer_reserve(out, FCGI_HEADER_LEN + FCGI_BEGIN_REQUEST_LEN);
    if (!record)
        return false;
    fcgi_begin_request_encode(record, EXCHANGE_FIRST_ID, exchange->keep_conn);
    buffer_commit(out, FCGI_HEADER_LEN + FCGI_BEGIN_REQUEST_LEN);
    return true;
}

size_t exchange_frame_stdin(uint8_t *record, size_t len)
{
    /* A length that the header cannot say would be cut to 16 bits, and the rest of the body be read as records. */
    if (len == 0 || len > FCGI_MAX_CONTENT_LEN)
        abort();
    const struct fcgi_header header = {
        .type = FCGI_STDIN,
        .request_id = EXCHANGE_FIRST_ID,
        .content_len = (uint16_t)len,
        .padding_len = fcgi_padding(len),
    };
    fcgi_header_encode(record, &header);
    memset(record + FCGI_HEADER_LEN + len, 0, header.padding_len);
    return FCGI_HEADER_LEN + len + header.padding_len;
}

bool exchange_append_stdin(struct buffer *out, struct bytes body)
{
    if (body.len == 0)
        return true;
    size_t full = body.len / FCGI_MAX_CONTENT_LEN;
    size_t rest = body.len % FCGI_MAX_CONTENT_LEN;
    size_t last = rest > 0 ? FCGI_HEADER_LEN + rest + fcgi_padding(rest) : 0;
    if (full > (SIZE_MAX - last) / MAX_RECORD_LEN)
        return false;
    uint8_t *record = buffer_reserve(out, full * MAX_RECORD_LEN + last);
    if (!record)
        return false;
    while (body.len > 0) {
        size_t len = body.len < FCGI_MAX_CONTENT_LEN ? body.len : FCGI_MAX_CONTENT_LEN;
        memcpy(record + FCGI_HEADER_LEN, body.ptr, len);
        record += exchange_frame_stdin(record, len);
        bytes_advance(&body, len);
    }
    buffer_commit(out, full * MAX_RECORD_LEN + last);
    return true;
}

bool exchange_append_stdin_end(struct buffer *out)
{
    const struct fcgi_header end = {.type = FCGI_STDIN, .request_id = EXCHANGE_FIRST_ID};
    uint8_t record[FCGI_HEADER_LEN];
    fcgi_header_encode(record, &end);
    return buffer_append(out, bytes_of(record, sizeof record));
}

void exchange_number(uint8_t *records, size_t len, uint16_t request_id)
{
    struct fcgi_header header;
    struct bytes rest = bytes_of(records, len);
    while (rest.len >= FCGI_HEADER_LEN) {
        uint8_t *record = records + (len - rest.len);
        if (fcgi_header_decode(&rest, &header) != FCGI_OK || rest.len < (size_t)header.content_len + header.padding_len)
            abort(); /* not ours */
        header.request_id = request_id;
        fcgi_header_encode(record, &header);
        bytes_advance(&rest, (size_t)header.content_len + header.padding_len);
    }
}

/* ---- reply */

/* Moves bytes from `in` to `held`; true when it is full. */
static bool hold(struct exchange *exchange, struct bytes *in)
{
    size_t room = sizeof exchange->held - exchange->held_len;
    size_t len = in->len < room ? in->len : room;
    memcpy(exchange->held + exchange->held_len, in->ptr, len);
    exchange->held_len = (uint8_t)(exchange->held_len + len);
    bytes_advance(in, len);
    return exchange->held_len == sizeof exchange->held;
}

/* Takes a header or a part of one. FCGI_BAD comes with the first byte of another version: what is no FastCGI at all
 * need not go on for 8 bytes. */
static enum fcgi_result take_header(struct exchange *exchange, struct bytes *in)
{
    if (exchange->held_len == 0) {
        enum fcgi_result result = fcgi_header_decode(in, &exchange->record);
        if (result != FCGI_MORE)
            return result;
    }
    bool full = hold(exchange, in);
    if (exchange->held[0] != FCGI_VERSION_1)
        return FCGI_BAD;
    if (!full)
        return FCGI_MORE;
    struct bytes held = bytes_of(exchange->held, sizeof exchange->held);
    exchange->held_len = 0;
    return fcgi_header_decode(&held, &exchange->record);
}

/* The type is looked at before the id: a management record (id 0) is refused for its type. We never ask for one. */
static enum exchange_problem judge(const struct fcgi_header *record, uint16_t request_id)
{
    if (record->type != FCGI_STDOUT && record->type != FCGI_STDERR && record->type != FCGI_END_REQUEST)
        return EXCHANGE_PROBLEM_TYPE;
    if (record->request_id != request_id)
        return EXCHANGE_PROBLEM_REQUEST_ID;
    if (record->type == FCGI_END_REQUEST && record->content_len != FCGI_END_REQUEST_LEN)
        return EXCHANGE_PROBLEM_END_LEN;
    return EXCHANGE_PROBLEM_NONE;
}

/* At least one byte of a record's header. */
static void take_record_start(struct exchange *exchange, struct bytes *in)
{
    if (exchange->ended) {
        exchange->problem = EXCHANGE_PROBLEM_AFTER_END;
        return;
    }
    enum fcgi_result result = take_header(exchange, in);
    if (result == FCGI_BAD) {
        exchange->problem = EXCHANGE_PROBLEM_VERSION;
    } else if (result == FCGI_OK) {
        exchange->problem = judge(&exchange->record, exchange->request_id);
        exchange->content_left = exchange->record.content_len;
        exchange->padding_left = exchange->record.padding_len;
    }
}

static void take_data(struct exchange *exchange, struct bytes *in, struct exchange_event *event)
{
    size_t len = in->len < exchange->content_left ? in->len : exchange->content_left;
    event->kind = exchange->record.type == FCGI_STDOUT ? EXCHANGE_STDOUT : EXCHANGE_STDERR;
    event->data = bytes_of(in->ptr, len);
    bytes_advance(in, len);
    exchange->content_left -= (uint32_t)len;
    event->record_end = exchange->content_left == 0;
}

static void take_padding(struct exchange *exchange, struct bytes *in)
{
    size_t len = in->len < exchange->padding_left ? in->len : exchange->padding_left;
    bytes_advance(in, len);
    exchange->padding_left -= (uint32_t)len;
}

static void take_end_body(struct exchange *exchange, struct bytes *in)
{
    hold(exchange, in);
    exchange->content_left = (uint32_t)(sizeof exchange->held - exchange->held_len);
}

/* The whole END_REQUEST is there: its body in `held`, its padding gone. */
static bool end_is_complete(const struct exchange *exchange)
{
    return exchange->held_len == sizeof exchange->held && exchange->padding_left == 0;
}

static void take_end(struct exchange *exchange, struct exchange_event *event)
{
    struct bytes body = bytes_of(exchange->held, sizeof exchange->held);
    event->kind = EXCHANGE_END;
    fcgi_end_request_decode(&body, &event->end);
    exchange->held_len = 0;
    exchange->ended = true;
}

/* Until there is an event, a problem or nothing left in `in`. */
static void take(struct exchange *exchange, struct bytes *in, struct exchange_event *event)
{
    while (in->len > 0 && exchange->problem == EXCHANGE_PROBLEM_NONE) {
        if (exchange->content_left > 0) {
            if (exchange->record.type != FCGI_END_REQUEST) {
                take_data(exchange, in, event);
                return;
            }
            take_end_body(exchange, in);
        } else if (exchange->padding_left > 0) {
            take_padding(exchange, in);
        } else {
            take_record_start(exchange, in);
        }
        if (end_is_complete(exchange)) {
            take_end(exchange, event);
            return;
        }
    }
}

void exchange_reply(struct exchange *exchange, struct bytes *in, struct exchange_event *event)
{
    size_t len = in->len;
    *event = (struct exchange_event){.kind = EXCHANGE_MORE};
    take(exchange, in, event);
    if (exchange->problem != EXCHANGE_PROBLEM_NONE) {
        event->kind = EXCHANGE_BAD;
        event->problem = exchange->problem;
        if (in->len > 0)
            bytes_advance(in, in->len);
    }
    exchange->reply_len += len - in->len;
}

bool exchange_at_boundary(const struct exchange *exchange)
{
    return exchange->content_left == 0 && exchange->padding_left == 0 && exchange->held_len == 0 &&
           exchange->problem == EXCHANGE_PROBLEM_NONE;
}

const char *exchange_problem_text(enum exchange_problem problem)
{
    switch (problem) {
    case EXCHANGE_PROBLEM_NONE: return "no problem";
    case EXCHANGE_PROBLEM_VERSION: return "a record with a protocol version other than 1";
    case EXCHANGE_PROBLEM_REQUEST_ID: return "a record for a request that was not sent";
    case EXCHANGE_PROBLEM_TYPE: return "a record of a type that an application may not send";
    case EXCHANGE_PROBLEM_END_LEN: return "an END_REQUEST record of a wrong length";
    case EXCHANGE_PROBLEM_AFTER_END: return "bytes after the END_REQUEST record";
    case EXCHANGE_PROBLEM_UNSOLICITED: return "bytes before a request was sent";
    }
    return "an unknown problem";
}
