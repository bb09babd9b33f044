/* Records and params: what is decoded is within the bytes and encodes to the same again; what is encoded as PARAMS records
 * comes out again pair by pair, and no pair spans two records that need not.
 *
 * Input: "w", two bytes for the limit of the output (0: none), then three bytes an operation of the writer; anything else:
 * bytes off the wire, read as a header, as a body of END_REQUEST and as pairs. */
#include "tests/fuzz/fuzz.h"

#include "fcgiext/core/fcgi_params.h"

enum {
    MAX_PAIRS = 64,
    MAX_TOTAL = 300 * 1024, /* bytes of pairs an input: more would only be slow */
    FILLER_LEN = 160 * 1024,
    REQUEST_ID = 0x1234,
};

static uint8_t filler[FILLER_LEN];

static void fill(void)
{
    static bool filled;
    for (size_t i = 0; !filled && i < FILLER_LEN; i++)
        filler[i] = (uint8_t)(i * 31 + i / 256);
    filled = true;
}

static size_t encoded_len(size_t name_len, size_t value_len)
{
    return (name_len > 127 ? 4 : 1) + (value_len > 127 ? 4u : 1u) + name_len + value_len;
}

/* ---- off the wire */

static void read_header(struct bytes in)
{
    const struct bytes before = in;
    struct fcgi_header header;
    memset(&header, 0xee, sizeof header);
    const struct fcgi_header untouched = header;
    enum fcgi_result result = fcgi_header_decode(&in, &header);
    CHECK(result == (before.len < FCGI_HEADER_LEN ? FCGI_MORE : before.ptr[0] != 1 ? FCGI_BAD : FCGI_OK));
    if (result != FCGI_OK) {
        CHECK(in.ptr == before.ptr && in.len == before.len && memcmp(&header, &untouched, sizeof header) == 0);
        return;
    }
    uint8_t again[FCGI_HEADER_LEN];
    fcgi_header_encode(again, &header);
    CHECK(in.ptr == before.ptr + FCGI_HEADER_LEN && in.len == before.len - FCGI_HEADER_LEN);
    CHECK(memcmp(again, before.ptr, FCGI_HEADER_LEN - 1) == 0 && again[FCGI_HEADER_LEN - 1] == 0);
    CHECK(fcgi_padding(header.content_len) < 8 && (header.content_len + fcgi_padding(header.content_len)) % 8 == 0);
}

static void read_end_request(struct bytes in)
{
    const struct bytes before = in;
    struct fcgi_end_request end = {0, 0};
    enum fcgi_result result = fcgi_end_request_decode(&in, &end);
    CHECK(result == (before.len < FCGI_END_REQUEST_LEN ? FCGI_MORE : FCGI_OK));
    CHECK(before.len - in.len == (result == FCGI_OK ? FCGI_END_REQUEST_LEN : 0u));
    for (int i = 0; i < 4 && result == FCGI_OK; i++)
        CHECK(before.ptr[i] == (uint8_t)(end.app_status >> (24 - 8 * i)));
    CHECK(result != FCGI_OK || before.ptr[4] == end.protocol_status);
}

/* One byte less, and it is no pair yet. */
static void check_cut_off(struct bytes pair)
{
    struct bytes name = {NULL, 7}, value = {NULL, 7};
    struct bytes copy = fuzz_copy(bytes_of(pair.ptr, pair.len - 1)), in = copy;
    CHECK(fcgi_param_decode(&in, &name, &value) == FCGI_MORE);
    CHECK(in.ptr == copy.ptr && in.len == copy.len && name.len == 7 && value.len == 7);
    fuzz_free(copy);
}

static void read_pairs(struct bytes in)
{
    struct buffer again;
    buffer_init(&again, in.len);
    while (in.len > 0) {
        const struct bytes before = in;
        struct bytes name = {NULL, 0}, value = {NULL, 0};
        enum fcgi_result result = fcgi_param_decode(&in, &name, &value);
        CHECK(result == FCGI_OK || result == FCGI_MORE);
        if (result == FCGI_MORE) {
            CHECK(in.ptr == before.ptr && in.len == before.len);
            break;
        }
        size_t taken = before.len - in.len, prefix = taken - name.len - value.len;
        CHECK(in.len < before.len && in.ptr == before.ptr + taken);
        CHECK(prefix >= 2 && prefix <= 8 && name.ptr == before.ptr + prefix && value.ptr == name.ptr + name.len);
        check_cut_off(bytes_of(before.ptr, taken));

        size_t len = encoded_len(name.len, value.len); /* a short length may stand in four bytes on the wire */
        buffer_clear(&again);
        CHECK(len <= taken && fcgi_param_encode(&again, name, value) && again.len == len);
        struct bytes copy = fuzz_copy(buffer_peek(&again)), wire = copy, name_again, value_again;
        CHECK(fcgi_param_decode(&wire, &name_again, &value_again) == FCGI_OK && wire.len == 0);
        CHECK(bytes_equal(name, name_again) && bytes_equal(value, value_again));
        CHECK(len < taken || memcmp(copy.ptr, before.ptr, taken) == 0);
        fuzz_free(copy);
    }
    buffer_deinit(&again);
}

/* ---- the writer */

struct pair {
    struct bytes name, value;
    bool together; /* with the next one in one record */
};

struct pairs {
    struct pair items[MAX_PAIRS];
    size_t count;
    size_t total; /* bytes, encoded */
};

static bool take_pair(struct pairs *pairs, size_t name_len, size_t value_len, bool together)
{
    size_t len = encoded_len(name_len, value_len);
    if (pairs->count == MAX_PAIRS || len > MAX_TOTAL - pairs->total)
        return false;
    struct pair *pair = &pairs->items[pairs->count];
    *pair =
        (struct pair){bytes_of(filler + pairs->count, name_len), bytes_of(filler + 2 * pairs->count + 1, value_len), together};
    pairs->count++;
    pairs->total += len;
    return true;
}

static void add_pair(struct pairs *pairs, struct fcgi_params_writer *writer, size_t name_len, size_t value_len)
{
    if (take_pair(pairs, name_len, value_len, false))
        fcgi_params_add(writer, pairs->items[pairs->count - 1].name, pairs->items[pairs->count - 1].value);
}

/* Two pairs that were encoded before. */
static void add_encoded(struct pairs *pairs, struct fcgi_params_writer *writer, size_t len, size_t next_len)
{
    struct buffer encoded;
    if (pairs->count + 2 > MAX_PAIRS || encoded_len(len, next_len) * 2 > MAX_TOTAL - pairs->total)
        return;
    CHECK(take_pair(pairs, len, next_len, true) && take_pair(pairs, next_len, len, false));
    buffer_init(&encoded, FCGI_MAX_CONTENT_LEN);
    for (size_t i = pairs->count - 2; i < pairs->count; i++)
        CHECK(fcgi_param_encode(&encoded, pairs->items[i].name, pairs->items[i].value));
    fcgi_params_add_encoded(writer, buffer_peek(&encoded));
    buffer_deinit(&encoded);
}

/* A pair that fills the open record but for a few bytes, or is a few bytes too long for it. */
static void add_at_boundary(struct pairs *pairs, struct fcgi_params_writer *writer, uint8_t name_len, uint8_t off)
{
    size_t used = writer->record_offset == SIZE_MAX ? 0 : writer->out->len - writer->record_offset - FCGI_HEADER_LEN;
    size_t prefix = encoded_len(name_len, 128) - 128;
    if (used + prefix + 300 < FCGI_MAX_CONTENT_LEN)
        add_pair(pairs, writer, name_len, FCGI_MAX_CONTENT_LEN - used - prefix - 128 + off);
}

static void run_operation(struct pairs *pairs, struct fcgi_params_writer *writer, const uint8_t *op)
{
    switch (op[0] % 4) {
    case 0: add_pair(pairs, writer, op[1], op[2]); break;
    case 1: add_pair(pairs, writer, op[1] * 5u, op[2] * 600u); break;
    case 2: add_encoded(pairs, writer, op[1], op[2] * 64u); break;
    default: add_at_boundary(pairs, writer, op[1], op[2]);
    }
}

/* Takes a record off; gives its content. */
static struct bytes take_record(struct bytes *in)
{
    struct fcgi_header header;
    CHECK(fcgi_header_decode(in, &header) == FCGI_OK);
    CHECK(header.type == FCGI_PARAMS && header.request_id == REQUEST_ID && header.content_len <= FCGI_MAX_CONTENT_LEN);
    CHECK(header.padding_len == fcgi_padding(header.content_len) && in->len >= (size_t)header.content_len + header.padding_len);
    struct bytes content = bytes_of(in->ptr, header.content_len);
    for (size_t i = 0; i < header.padding_len; i++)
        CHECK(content.ptr[content.len + i] == 0);
    bytes_advance(in, content.len + header.padding_len);
    return content;
}

static void check_pair(struct bytes *content, const struct pair *pair)
{
    struct bytes name, value;
    CHECK(fcgi_param_decode(content, &name, &value) == FCGI_OK);
    CHECK(bytes_equal(name, pair->name) && bytes_equal(value, pair->value));
    CHECK(!pair->together || content->len > 0);
}

/* The pair is longer than a record: it has records of its own, all full but the last. */
static void check_spanning(struct bytes *in, const struct pair *pair, size_t len)
{
    struct buffer joined;
    buffer_init(&joined, len);
    while (joined.len < len) {
        struct bytes content = take_record(in);
        CHECK(content.len == (len - joined.len < FCGI_MAX_CONTENT_LEN ? len - joined.len : FCGI_MAX_CONTENT_LEN));
        CHECK(buffer_append(&joined, content));
    }
    struct bytes whole = buffer_peek(&joined);
    check_pair(&whole, pair);
    CHECK(whole.len == 0);
    buffer_deinit(&joined);
}

static void check_stream(struct bytes in, const struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count;) {
        size_t len = encoded_len(pairs->items[i].name.len, pairs->items[i].value.len);
        if (len > FCGI_MAX_CONTENT_LEN) {
            check_spanning(&in, &pairs->items[i++], len);
            continue;
        }
        struct bytes content = take_record(&in);
        CHECK(content.len > 0);
        for (; content.len > 0; i++) {
            CHECK(i < pairs->count);
            check_pair(&content, &pairs->items[i]);
        }
    }
    CHECK(take_record(&in).len == 0 && in.len == 0);
}

static void run_writer(struct bytes in)
{
    struct pairs pairs = {.count = 0};
    struct fcgi_params_writer writer;
    struct buffer out;
    size_t limit = fuzz_at(in, 0) * 256u * 5 + fuzz_at(in, 1);
    buffer_init(&out, limit ? limit : 4 * MAX_TOTAL);
    fcgi_params_begin(&writer, &out, REQUEST_ID);
    for (bytes_advance(&in, in.len < 2 ? in.len : 2); in.len >= 3; bytes_advance(&in, 3)) {
        bool failed = writer.failed;
        size_t len = out.len;
        run_operation(&pairs, &writer, in.ptr);
        CHECK(out.len <= out.limit && (!failed || (writer.failed && out.len == len)));
    }
    bool done = fcgi_params_end(&writer);
    CHECK(done != writer.failed && (done || limit));
    if (done) {
        struct bytes copy = fuzz_copy(buffer_peek(&out));
        check_stream(copy, &pairs);
        fuzz_free(copy);
    }
    buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fill();
    if (size > 0 && data[0] == 'w') {
        run_writer(bytes_of(data + 1, size - 1));
        return 0;
    }
    struct bytes copy = fuzz_copy(bytes_of(data, size));
    read_header(copy);
    read_end_request(copy);
    read_pairs(copy);
    fuzz_free(copy);
    return 0;
}
