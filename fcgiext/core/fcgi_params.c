/* fcgi_params: name-value pairs and their framing as PARAMS records.
 *
 * Invariant of the writer: while a record is open, its header stands at record_offset with zeros in it, and all behind
 * that header is its content, at most FCGI_MAX_CONTENT_LEN bytes. The header is filled in when the record is closed,
 * because only then its length is known: pairs are written straight to where they go out from, and nothing is copied
 * twice. Lengths of names and values come from clients: every sum is checked before it is made, for a 32-bit size_t. */
#include "fcgiext/core/fcgi_params.h"

enum { SHORT_LEN_MAX = 127, LONG_LEN_FLAG = 0x80 };

#define NO_RECORD SIZE_MAX

static size_t len_size(size_t len)
{
    return len <= SHORT_LEN_MAX ? 1 : 4;
}

static uint8_t *put_len(uint8_t *p, size_t len)
{
    if (len <= SHORT_LEN_MAX) {
        *p++ = (uint8_t)len;
        return p;
    }
    *p++ = (uint8_t)(LONG_LEN_FLAG | len >> 24);
    *p++ = (uint8_t)(len >> 16);
    *p++ = (uint8_t)(len >> 8);
    *p++ = (uint8_t)len;
    return p;
}

static uint8_t *put_bytes(uint8_t *p, struct bytes bytes)
{
    if (bytes.len > 0)
        memcpy(p, bytes.ptr, bytes.len);
    return p + bytes.len;
}

/* The length of the encoded pair; 0: it has none. */
static size_t pair_len(struct bytes name, struct bytes value)
{
    if (name.len > FCGI_PARAM_MAX_LEN || value.len > FCGI_PARAM_MAX_LEN)
        return 0;
    size_t prefix = len_size(name.len) + len_size(value.len);
    if (value.len > SIZE_MAX - prefix - name.len)
        return 0;
    return prefix + name.len + value.len;
}

bool fcgi_param_encode(struct buffer *out, struct bytes name, struct bytes value)
{
    size_t len = pair_len(name, value);
    if (len == 0)
        return false;
    uint8_t *p = buffer_reserve(out, len);
    if (!p)
        return false;
    p = put_len(p, name.len);
    p = put_len(p, value.len);
    p = put_bytes(p, name);
    put_bytes(p, value);
    buffer_commit(out, len);
    return true;
}

static size_t open_content_len(const struct fcgi_params_writer *writer)
{
    return writer->out->len - writer->record_offset - FCGI_HEADER_LEN;
}

static bool open_record(struct fcgi_params_writer *writer)
{
    uint8_t *header = buffer_reserve(writer->out, FCGI_HEADER_LEN);
    if (!header)
        return false;
    memset(header, 0, FCGI_HEADER_LEN);
    writer->record_offset = writer->out->len;
    buffer_commit(writer->out, FCGI_HEADER_LEN);
    return true;
}

/* Pads the open record, if there is one, and fills its header in. */
static bool close_record(struct fcgi_params_writer *writer)
{
    static const uint8_t zeros[8];
    if (writer->record_offset == NO_RECORD)
        return true;
    size_t content_len = open_content_len(writer);
    const struct fcgi_header header = {
        .type = FCGI_PARAMS,
        .request_id = writer->request_id,
        .content_len = (uint16_t)content_len,
        .padding_len = fcgi_padding(content_len),
    };
    if (!buffer_append(writer->out, bytes_of(zeros, header.padding_len)))
        return false;
    fcgi_header_encode(writer->out->data + writer->out->start + writer->record_offset, &header);
    writer->record_offset = NO_RECORD;
    return true;
}

/* An open record with room for `len` (at most FCGI_MAX_CONTENT_LEN) bytes more. */
static bool make_room(struct fcgi_params_writer *writer, size_t len)
{
    if (writer->record_offset != NO_RECORD && len > FCGI_MAX_CONTENT_LEN - open_content_len(writer) && !close_record(writer))
        return false;
    return writer->record_offset != NO_RECORD || open_record(writer);
}

/* Appends bytes of a pair that is larger than a record, to as many records as it takes. */
static bool append_spanning(struct fcgi_params_writer *writer, struct bytes part)
{
    while (part.len > 0) {
        if (!make_room(writer, 1))
            return false;
        size_t room = FCGI_MAX_CONTENT_LEN - open_content_len(writer);
        size_t len = part.len < room ? part.len : room;
        if (!buffer_append(writer->out, bytes_of(part.ptr, len)))
            return false;
        bytes_advance(&part, len);
    }
    return true;
}

/* The records of a pair that spans them hold nothing else: the pairs before and behind stay readable. */
static bool add_spanning(struct fcgi_params_writer *writer, struct bytes name, struct bytes value)
{
    uint8_t prefix[8];
    uint8_t *end = put_len(put_len(prefix, name.len), value.len);
    return close_record(writer) && append_spanning(writer, bytes_of(prefix, (size_t)(end - prefix))) &&
           append_spanning(writer, name) && append_spanning(writer, value) && close_record(writer);
}

void fcgi_params_begin(struct fcgi_params_writer *writer, struct buffer *out, uint16_t request_id)
{
    *writer = (struct fcgi_params_writer){.out = out, .request_id = request_id, .record_offset = NO_RECORD};
}

void fcgi_params_add(struct fcgi_params_writer *writer, struct bytes name, struct bytes value)
{
    if (writer->failed)
        return;
    size_t len = pair_len(name, value);
    if (len == 0 || len > buffer_room(writer->out)) /* before half of a large pair has been copied */
        writer->failed = true;
    else if (len <= FCGI_MAX_CONTENT_LEN)
        writer->failed = !make_room(writer, len) || !fcgi_param_encode(writer->out, name, value);
    else
        writer->failed = !add_spanning(writer, name, value);
}

void fcgi_params_add_encoded(struct fcgi_params_writer *writer, struct bytes pairs)
{
    if (writer->failed || pairs.len == 0)
        return;
    writer->failed = pairs.len > FCGI_MAX_CONTENT_LEN || !make_room(writer, pairs.len) || !buffer_append(writer->out, pairs);
}

bool fcgi_params_end(struct fcgi_params_writer *writer)
{
    if (writer->failed)
        return false;
    const struct fcgi_header end = {.type = FCGI_PARAMS, .request_id = writer->request_id};
    uint8_t record[FCGI_HEADER_LEN];
    fcgi_header_encode(record, &end);
    writer->failed = !close_record(writer) || !buffer_append(writer->out, bytes_of(record, sizeof record));
    return !writer->failed;
}

static bool take_len(struct bytes *in, size_t *len)
{
    if (in->len == 0)
        return false;
    const uint8_t *p = in->ptr;
    size_t size = p[0] & LONG_LEN_FLAG ? 4 : 1;
    if (in->len < size)
        return false;
    *len = p[0];
    if (size == 4)
        *len = (size_t)(p[0] & ~LONG_LEN_FLAG) << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    bytes_advance(in, size);
    return true;
}

enum fcgi_result fcgi_param_decode(struct bytes *in, struct bytes *name, struct bytes *value)
{
    struct bytes rest = *in;
    size_t name_len, value_len;
    if (!take_len(&rest, &name_len) || !take_len(&rest, &value_len))
        return FCGI_MORE;
    if (name_len > rest.len || value_len > rest.len - name_len)
        return FCGI_MORE;
    *name = bytes_of(rest.ptr, name_len);
    *value = bytes_of(rest.ptr + name_len, value_len);
    bytes_advance(&rest, name_len + value_len);
    *in = rest;
    return FCGI_OK;
}
