/* The header block of a reply: where it ends, whole and in pieces; what of it may reach the host; how the body is framed. The
 * lines for the host, read as a block again, must say the same.
 *
 * Input: a line: protocol ('0' to '4'), method ('h': HEAD), 'w': the body is whole, its length (digit: about 10 to that),
 * '!': a header that nearly fills the longest block goes before; then cuts (fuzz.h). Then the bytes of the reply. */
#include "tests/fuzz/fuzz.h"

#include "fcgiext/core/cgi_response.h"
#include "fcgiext/core/text.h"

enum { BIG_LINE_LEN = CGI_RESPONSE_MAX_HEADER_LEN - 200 };

/* ---- where the block ends: behind the first line that has nothing but CRs; 0: nowhere */

static size_t end_of_block(struct bytes reply)
{
    bool blank = true;
    for (size_t i = 0; i < reply.len; i++) {
        if (reply.ptr[i] == '\n' && blank)
            return i + 1;
        blank = reply.ptr[i] == '\n' || (blank && reply.ptr[i] == '\r');
    }
    return 0;
}

/* Feeds in pieces (`cuts` NULL: in one). Returns the last result; *left: how many bytes are body. */
static enum cgi_response_result feed(struct cgi_response *response, struct bytes reply, const struct bytes *cuts, size_t *left)
{
    enum cgi_response_result result = CGI_RESPONSE_MORE;
    *left = 0;
    for (size_t i = 0; reply.len > 0; i++) {
        struct bytes piece = cuts ? fuzz_piece(&reply, *cuts, i) : reply;
        if (!cuts)
            bytes_advance(&reply, reply.len);
        struct bytes copy = fuzz_copy(piece), in = copy;
        enum cgi_response_result before = result;
        result = cgi_response_feed(response, &in);
        CHECK(before == CGI_RESPONSE_MORE || result == before);
        CHECK(in.len <= copy.len && in.ptr + in.len == copy.ptr + copy.len);
        CHECK(in.len == 0 || result == CGI_RESPONSE_DONE);
        CHECK(response->done == (result == CGI_RESPONSE_DONE) && response->raw.len <= CGI_RESPONSE_MAX_HEADER_LEN);
        *left += in.len;
        fuzz_free(copy);
    }
    return result;
}

static void check_same(const struct cgi_response *a, const struct cgi_response *b)
{
    CHECK(a->done == b->done && a->status == b->status);
    CHECK(bytes_equal(buffer_peek(&a->raw), buffer_peek(&b->raw)));
    CHECK(bytes_equal(buffer_peek(&a->status_line), buffer_peek(&b->status_line)));
    CHECK(bytes_equal(buffer_peek(&a->headers), buffer_peek(&b->headers)));
    CHECK(a->header_count == b->header_count && a->dropped_lines == b->dropped_lines);
    CHECK(a->has_content_length == b->has_content_length && a->content_length == b->content_length);
    CHECK(bytes_equal(a->local_redirect, b->local_redirect));
}

/* ---- what may reach the host */

static bool is_name(struct bytes name, const char *expected)
{
    return bytes_equal_nocase(name, bytes_of_str(expected));
}

/* "Name: value\r\n", and the line is whole: no byte in it could end it, or begin another. */
static struct bytes take_name(struct bytes *lines)
{
    const uint8_t *colon = memchr(lines->ptr, ':', lines->len);
    CHECK(colon);
    struct bytes name = bytes_of(lines->ptr, (size_t)(colon - lines->ptr));
    CHECK(text_is_token(name));
    bytes_advance(lines, name.len + 1);
    CHECK(lines->len >= 3 && lines->ptr[0] == ' ');
    bytes_advance(lines, 1);
    const uint8_t *end = memchr(lines->ptr, '\n', lines->len);
    CHECK(end && end > lines->ptr && end[-1] == '\r');
    struct bytes value = bytes_of(lines->ptr, (size_t)(end - 1 - lines->ptr));
    for (size_t i = 0; i < value.len; i++)
        CHECK(!text_is_control(value.ptr[i]) || value.ptr[i] == '\t');
    CHECK(text_trim(value).len == value.len);
    bytes_advance(lines, value.len + 2);
    return name;
}

static void check_headers(struct bytes lines)
{
    static const char *const not_the_programs[] = {"status",     "content-length",   "connection",
                                                   "keep-alive", "proxy-connection", "te",
                                                   "trailer",    "upgrade",          "transfer-encoding"};
    while (lines.len > 0) {
        struct bytes name = take_name(&lines);
        for (size_t i = 0; i < COUNT(not_the_programs); i++)
            CHECK(!is_name(name, not_the_programs[i]));
    }
}

static void check_status_line(const struct cgi_response *response)
{
    struct bytes line = buffer_peek(&response->status_line);
    CHECK(line.len >= 6 && line.len <= 256 && line.ptr[line.len - 1] == '\0' && line.ptr[3] == ' ');
    for (size_t i = 0; i + 1 < line.len; i++)
        CHECK(!text_is_control(line.ptr[i]) || line.ptr[i] == '\t');
    CHECK(response->status >= 200 && response->status <= 999);
    CHECK((unsigned)strtoul((const char *)line.ptr, NULL, 10) == response->status);
}

static void check_redirect(const struct cgi_response *response)
{
    struct bytes path = response->local_redirect, raw = buffer_peek(&response->raw);
    if (path.len == 0)
        return;
    CHECK(path.ptr >= raw.ptr && path.ptr + path.len <= raw.ptr + raw.len);
    CHECK(path.ptr[0] == '/' && (path.len == 1 || (path.ptr[1] != '/' && path.ptr[1] != '\\')));
    for (size_t i = 0; i < path.len; i++)
        CHECK(path.ptr[i] > ' ' && path.ptr[i] < 0x7f && path.ptr[i] != '#');
    CHECK(response->status == 302 && response->header_count == 1);
}

/* ---- framing */

static void check_choice(const struct cgi_response *response, const struct cgi_framing_facts *facts,
                         const struct cgi_framing_choice *choice)
{
    bool modern = bytes_start_with_nocase(facts->protocol, bytes_of_str("HTTP/2"));
    bool bodiless = response->status == 204 || response->status == 304;
    CHECK((choice->framing == CGI_FRAMING_NONE) == (bodiless || facts->head));
    CHECK(!bodiless || !choice->has_length);
    CHECK(choice->keep_alive == (choice->framing != CGI_FRAMING_CLOSE));
    switch (choice->framing) {
    case CGI_FRAMING_NONE:
        CHECK(!choice->has_length || !response->has_content_length || choice->length == response->content_length);
        CHECK(!choice->has_length || response->has_content_length || (facts->whole && choice->length == facts->body_len));
        break;
    case CGI_FRAMING_LENGTH:
        CHECK(choice->has_length && choice->length >= facts->body_len);
        CHECK(!facts->whole || choice->length == facts->body_len);
        CHECK(facts->whole || (response->has_content_length && choice->length == response->content_length));
        break;
    case CGI_FRAMING_CHUNKED: CHECK(!choice->has_length && is_name(facts->protocol, "HTTP/1.1")); break;
    case CGI_FRAMING_CLOSE: CHECK(!choice->has_length && !is_name(facts->protocol, "HTTP/1.1") && !modern); break;
    case CGI_FRAMING_BARE: CHECK(!choice->has_length && modern); break;
    }
}

/* What goes out, read again by cgi_response, is the same block. */
static void check_read_again(const struct cgi_response *response, const struct cgi_framing_choice *choice, struct bytes text)
{
    struct cgi_response again;
    size_t left;
    cgi_response_init(&again);
    CHECK(feed(&again, text, NULL, &left) == CGI_RESPONSE_DONE && left == 0);
    CHECK(bytes_equal(buffer_peek(&again.headers), buffer_peek(&response->headers)) && again.dropped_lines == 0);
    CHECK(again.has_content_length == choice->has_length);
    CHECK(!choice->has_length || again.content_length == choice->length);
    cgi_response_deinit(&again);
}

static void check_output(const struct cgi_response *response, const struct cgi_framing_choice *choice)
{
    struct buffer out;
    buffer_init(&out, CGI_RESPONSE_MAX_HEADER_LEN * 2 + 300);
    CHECK(cgi_response_append_headers(response, choice, &out));
    struct bytes text = buffer_peek(&out), lines = text;
    CHECK(text.len >= 3 && memchr(text.ptr, '\0', text.len) == text.ptr + text.len - 1);
    text.len--;
    lines.len = text.len;
    size_t lengths = 0, encodings = 0, connections = 0;
    while (lines.len > 2) {
        struct bytes name = take_name(&lines);
        lengths += is_name(name, "Content-Length");
        encodings += is_name(name, "Transfer-Encoding");
        connections += is_name(name, "Connection");
    }
    CHECK(memcmp(lines.ptr, "\r\n", 2) == 0);
    CHECK(lengths == choice->has_length && encodings == (choice->framing == CGI_FRAMING_CHUNKED));
    CHECK(connections == !choice->keep_alive);
    if (text.len < CGI_RESPONSE_MAX_HEADER_LEN)
        check_read_again(response, choice, text);
    size_t len = out.len;
    buffer_deinit(&out);
    buffer_init(&out, len - 1);
    CHECK(!cgi_response_append_headers(response, choice, &out)); /* not a part of it, unnoticed */
    buffer_deinit(&out);
}

/* ---- one input */

static struct cgi_framing_facts facts_of(struct bytes line)
{
    static const char *const protocols[] = {"HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.10", ""};
    struct cgi_framing_facts facts = {
        .protocol = bytes_of_str(protocols[fuzz_at(line, 0) % COUNT(protocols)]),
        .head = fuzz_at(line, 1) == 'h',
        .whole = fuzz_at(line, 2) == 'w',
    };
    for (int digits = fuzz_at(line, 3) & 15; digits > 0; digits--)
        facts.body_len = facts.body_len * 10 + 1;
    return facts;
}

static void check_response(struct cgi_response *response, const struct cgi_framing_facts *facts)
{
    check_status_line(response);
    check_headers(buffer_peek(&response->headers));
    check_redirect(response);
    CHECK(!response->lengths_differ || !response->has_content_length);
    struct cgi_framing_choice choice = cgi_response_choose_framing(response, facts);
    check_choice(response, facts, &choice);
    check_output(response, &choice);
}

static void run(struct bytes reply, struct bytes cuts, const struct cgi_framing_facts *facts)
{
    struct cgi_response whole, pieces;
    size_t left, left_of_pieces, end = end_of_block(reply);
    bool too_long = end ? end > CGI_RESPONSE_MAX_HEADER_LEN : reply.len > CGI_RESPONSE_MAX_HEADER_LEN;
    cgi_response_init(&whole);
    cgi_response_init(&pieces);
    enum cgi_response_result result = feed(&whole, reply, NULL, &left);
    CHECK(feed(&pieces, reply, &cuts, &left_of_pieces) == result && left == left_of_pieces);
    CHECK(result == (too_long ? CGI_RESPONSE_TOO_LONG : end ? CGI_RESPONSE_DONE : CGI_RESPONSE_MORE));
    CHECK(left == (result == CGI_RESPONSE_DONE ? reply.len - end : 0));
    bool usable = cgi_response_end(&whole);
    CHECK(cgi_response_end(&pieces) == usable && usable == whole.done);
    CHECK(result == CGI_RESPONSE_DONE       ? usable
          : result == CGI_RESPONSE_TOO_LONG ? !usable
                                            : usable == (whole.header_count > 0));
    CHECK(usable || (whole.headers.len == 0 && whole.local_redirect.len == 0));
    check_same(&whole, &pieces);
    if (usable)
        check_response(&whole, facts);
    cgi_response_deinit(&whole);
    cgi_response_deinit(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes reply = bytes_of(data, size);
    struct bytes line = fuzz_first_line(&reply);
    struct cgi_framing_facts facts = facts_of(line);
    bool big = fuzz_at(line, 4) == '!';
    bytes_advance(&line, line.len < 5 ? line.len : 5);
    if (!big) {
        run(reply, line, &facts);
        return 0;
    }
    struct buffer longer;
    buffer_init(&longer, BIG_LINE_LEN + reply.len);
    uint8_t *room = buffer_reserve(&longer, BIG_LINE_LEN);
    CHECK(room);
    memset(room, 'x', BIG_LINE_LEN);
    memcpy(room, "Big:", 4);
    room[BIG_LINE_LEN - 1] = '\n';
    buffer_commit(&longer, BIG_LINE_LEN);
    CHECK(buffer_append(&longer, reply));
    const struct bytes large = bytes_of_str("\xff"); /* few pieces */
    run(buffer_peek(&longer), large, &facts);
    buffer_deinit(&longer);
    return 0;
}
