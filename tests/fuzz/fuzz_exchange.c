/* A worker's reply, taken apart in one piece, in the pieces that the input asks for, and by a second, plain reader of whole
 * replies: all three must tell the same.
 *
 * Input: a line of cuts (fuzz.h); then the bytes of the reply. */
#include "tests/fuzz/fuzz.h"

#include "fcgiext/core/exchange.h"

/* ---- transcripts: 'o' or 'e' before each byte of output, '/' where a record ends, 'E' and the end, 'B' and the problem */

static void note(struct buffer *log, uint8_t mark, uint8_t byte)
{
    const uint8_t entry[2] = {mark, byte};
    CHECK(buffer_append(log, bytes_of(entry, sizeof entry)));
}

static void note_all(struct buffer *log, uint8_t mark, struct bytes data)
{
    for (size_t i = 0; i < data.len; i++)
        note(log, mark, data.ptr[i]);
}

static void note_end(struct buffer *log, const struct fcgi_end_request *end)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        note(log, 'E', (uint8_t)(end->app_status >> shift));
    note(log, 'E', end->protocol_status);
}

/* ---- what the specification says, for a reply that is there as a whole */

struct verdict {
    bool ended;
    bool boundary;
    enum exchange_problem problem;
};

static enum exchange_problem judge_header(const uint8_t *p)
{
    bool known = p[1] == FCGI_STDOUT || p[1] == FCGI_STDERR || p[1] == FCGI_END_REQUEST;
    if (!known)
        return EXCHANGE_PROBLEM_TYPE;
    if (p[2] != 0 || p[3] != EXCHANGE_FIRST_ID)
        return EXCHANGE_PROBLEM_REQUEST_ID;
    return p[1] == FCGI_END_REQUEST && p[4] * 256 + p[5] != 8 ? EXCHANGE_PROBLEM_END_LEN : EXCHANGE_PROBLEM_NONE;
}

static struct verdict read_plainly(struct bytes in, struct buffer *log)
{
    struct verdict verdict = {.boundary = true};
    while (in.len > 0) {
        const uint8_t *p = in.ptr;
        verdict.problem = verdict.ended ? EXCHANGE_PROBLEM_AFTER_END : p[0] != 1 ? EXCHANGE_PROBLEM_VERSION : 0;
        verdict.boundary = false;
        if (verdict.problem || in.len < 8)
            break;
        verdict.problem = judge_header(p);
        if (verdict.problem)
            break;
        size_t len = (size_t)p[4] * 256 + p[5], padding = p[6];
        bytes_advance(&in, 8);
        struct bytes content = bytes_of(in.ptr, len < in.len ? len : in.len);
        bool whole = in.len >= len + padding;
        if (p[1] != FCGI_END_REQUEST) {
            note_all(log, p[1] == FCGI_STDOUT ? 'o' : 'e', content);
            if (len > 0 && content.len == len)
                note(log, '/', '/');
        } else if (whole) {
            note_all(log, 'E', bytes_of(content.ptr, 5));
            verdict.ended = true;
        }
        if (!whole)
            return verdict;
        bytes_advance(&in, len + padding);
        verdict.boundary = true;
    }
    if (verdict.problem)
        note(log, 'B', (uint8_t)verdict.problem);
    return verdict;
}

/* ---- the exchange */

static struct exchange_event next_event(struct exchange *exchange, struct bytes *in)
{
    const struct bytes before = *in;
    uint64_t reply_len = exchange->reply_len;
    struct exchange_event event;
    memset(&event, 0xee, sizeof event); /* all of it must be written */
    exchange_reply(exchange, in, &event);
    size_t taken = before.len - in->len;
    CHECK(in->len <= before.len && in->ptr == before.ptr + taken);
    CHECK(exchange->reply_len - reply_len == taken);
    CHECK((event.problem != EXCHANGE_PROBLEM_NONE) == (event.kind == EXCHANGE_BAD));
    switch (event.kind) {
    case EXCHANGE_STDOUT:
    case EXCHANGE_STDERR:
        CHECK(event.data.len > 0 && event.data.len <= taken);
        CHECK(event.data.ptr + event.data.len == in->ptr);
        break;
    case EXCHANGE_END: CHECK(exchange_at_boundary(exchange) && event.data.len == 0 && !event.record_end); break;
    case EXCHANGE_MORE:
    case EXCHANGE_BAD: CHECK(in->len == 0 && event.data.len == 0 && !event.record_end); break;
    default: CHECK(!"an event of another kind");
    }
    return event;
}

static void feed(struct exchange *exchange, struct bytes piece, struct buffer *log)
{
    struct bytes copy = fuzz_copy(piece), in = copy;
    enum exchange_problem before = exchange->problem;
    bool ended = exchange->ended;
    for (struct exchange_event event = {.kind = EXCHANGE_STDOUT}; event.kind != EXCHANGE_MORE && event.kind != EXCHANGE_BAD;) {
        event = next_event(exchange, &in);
        CHECK(before == EXCHANGE_PROBLEM_NONE || (event.kind == EXCHANGE_BAD && event.problem == before));
        CHECK(!ended || event.kind == EXCHANGE_BAD || (event.kind == EXCHANGE_MORE && piece.len == 0));
        if (event.kind == EXCHANGE_STDOUT || event.kind == EXCHANGE_STDERR) {
            note_all(log, event.kind == EXCHANGE_STDOUT ? 'o' : 'e', event.data);
            if (event.record_end)
                note(log, '/', '/');
        } else if (event.kind == EXCHANGE_END) {
            note_end(log, &event.end);
        } else if (event.kind == EXCHANGE_BAD && before == EXCHANGE_PROBLEM_NONE) {
            CHECK(exchange_problem_text(event.problem)[0]);
            note(log, 'B', (uint8_t)event.problem);
        }
    }
    fuzz_free(copy);
}

/* Behind the reply: what is bad stays bad, and behind the end everything is. */
static void check_afterwards(struct exchange *exchange, struct buffer *log)
{
    size_t noted = log->len;
    enum exchange_problem problem = exchange->problem;
    bool ended = exchange->ended;
    feed(exchange, bytes_of(NULL, 0), log);
    CHECK(log->len == noted && exchange->problem == problem);
    if (problem == EXCHANGE_PROBLEM_NONE && !ended)
        return;
    feed(exchange, bytes_of_str("\1\6\0\1"), log);
    if (problem != EXCHANGE_PROBLEM_NONE)
        CHECK(log->len == noted && exchange->problem == problem);
    else
        CHECK(log->len == noted + 2 && exchange->problem == EXCHANGE_PROBLEM_AFTER_END);
    CHECK(!exchange_at_boundary(exchange));
}

static void replay(struct bytes reply, const struct bytes *cuts, const struct verdict *verdict, struct bytes expected)
{
    struct exchange exchange;
    struct buffer log;
    size_t len = reply.len;
    exchange_init(&exchange, true);
    buffer_init(&log, SIZE_MAX / 8);
    for (size_t i = 0; reply.len > 0; i++) {
        struct bytes piece = cuts ? fuzz_piece(&reply, *cuts, i) : reply;
        if (!cuts)
            bytes_advance(&reply, reply.len);
        feed(&exchange, piece, &log);
    }
    CHECK(bytes_equal(buffer_peek(&log), expected));
    CHECK(exchange.reply_len == len);
    CHECK(exchange.problem == verdict->problem && exchange.ended == verdict->ended);
    CHECK(exchange_at_boundary(&exchange) == verdict->boundary);
    check_afterwards(&exchange, &log);
    buffer_deinit(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes reply = bytes_of(data, size);
    struct bytes cuts = fuzz_first_line(&reply);
    struct buffer expected;
    buffer_init(&expected, SIZE_MAX / 8);
    struct verdict verdict = read_plainly(reply, &expected);
    replay(reply, NULL, &verdict, buffer_peek(&expected));
    replay(reply, &cuts, &verdict, buffer_peek(&expected));
    buffer_deinit(&expected);
    return 0;
}
