/* fcgi_record: the wire format of record headers and of the two bodies of fixed size.
 *
 * Invariant: no byte is read that the slice does not have, and nothing is written to the caller before all of it is
 * known to be good. Numbers are put together byte by byte (big-endian), so neither alignment nor the byte order nor the
 * padding of a struct matters, and no length is ever narrowed here: callers hand in 16-bit lengths. */
#include "fcgiext/core/fcgi_record.h"

static uint16_t get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

enum fcgi_result fcgi_header_decode(struct bytes *in, struct fcgi_header *out)
{
    if (in->len < FCGI_HEADER_LEN)
        return FCGI_MORE;
    const uint8_t *p = in->ptr;
    if (p[0] != FCGI_VERSION_1)
        return FCGI_BAD;
    out->type = p[1];
    out->request_id = get_u16(p + 2);
    out->content_len = get_u16(p + 4);
    out->padding_len = p[6];
    bytes_advance(in, FCGI_HEADER_LEN);
    return FCGI_OK;
}

enum fcgi_result fcgi_end_request_decode(struct bytes *in, struct fcgi_end_request *out)
{
    if (in->len < FCGI_END_REQUEST_LEN)
        return FCGI_MORE;
    const uint8_t *p = in->ptr;
    out->app_status = (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
    out->protocol_status = p[4];
    bytes_advance(in, FCGI_END_REQUEST_LEN);
    return FCGI_OK;
}

void fcgi_header_encode(uint8_t *out, const struct fcgi_header *header)
{
    out[0] = FCGI_VERSION_1;
    out[1] = header->type;
    put_u16(out + 2, header->request_id);
    put_u16(out + 4, header->content_len);
    out[6] = header->padding_len;
    out[7] = 0; /* reserved */
}

void fcgi_begin_request_encode(uint8_t *out, uint16_t request_id, bool keep_conn)
{
    const struct fcgi_header header = {
        .type = FCGI_BEGIN_REQUEST,
        .request_id = request_id,
        .content_len = FCGI_BEGIN_REQUEST_LEN,
    };
    fcgi_header_encode(out, &header);
    uint8_t *body = out + FCGI_HEADER_LEN;
    memset(body, 0, FCGI_BEGIN_REQUEST_LEN);
    put_u16(body, FCGI_RESPONDER);
    body[2] = keep_conn ? FCGI_KEEP_CONN : 0;
}
