/* fcgi_record: FastCGI record headers and fixed bodies, encoded and decoded byte by byte (FastCGI specification
 * 1.0, sections 3.3, 5.1 and 5.5). Nothing is allocated; nothing is laid over the wire, so alignment and byte order
 * of the machine do not matter. */
#ifndef FCGIEXT_CORE_FCGI_RECORD_H
#define FCGIEXT_CORE_FCGI_RECORD_H

#include "fcgiext/core/bytes.h"

enum {
    FCGI_VERSION_1 = 1,
    FCGI_HEADER_LEN = 8,
    FCGI_BEGIN_REQUEST_LEN = 8, /* body */
    FCGI_END_REQUEST_LEN = 8,   /* body */
    /* What we send. A multiple of 8, so that a full record needs no padding: PHP refuses content + padding > 65535. */
    FCGI_MAX_CONTENT_LEN = 65528,
};

enum fcgi_type {
    FCGI_BEGIN_REQUEST = 1,
    FCGI_ABORT_REQUEST = 2,
    FCGI_END_REQUEST = 3,
    FCGI_PARAMS = 4,
    FCGI_STDIN = 5,
    FCGI_STDOUT = 6,
    FCGI_STDERR = 7,
    FCGI_DATA = 8,
};

enum { FCGI_RESPONDER = 1, FCGI_KEEP_CONN = 1 };

enum fcgi_protocol_status {
    FCGI_REQUEST_COMPLETE = 0,
    FCGI_CANT_MPX_CONN = 1,
    FCGI_OVERLOADED = 2,
    FCGI_UNKNOWN_ROLE = 3,
};

enum fcgi_result { FCGI_OK, FCGI_MORE, FCGI_BAD }; /* on OK the slice has advanced; else nothing changed */

struct fcgi_header {
    uint8_t type; /* any value: an unknown type is for the caller to judge */
    uint16_t request_id;
    uint16_t content_len;
    uint8_t padding_len;
};

struct fcgi_end_request {
    uint32_t app_status; /* all 32 bits: 0xC0000005 must survive */
    uint8_t protocol_status;
};

/* FCGI_MORE: fewer than 8 bytes. FCGI_BAD: the version is not 1. */
enum fcgi_result fcgi_header_decode(struct bytes *in, struct fcgi_header *out);

/* FCGI_MORE: fewer than 8 bytes. */
enum fcgi_result fcgi_end_request_decode(struct bytes *in, struct fcgi_end_request *out);

/* Bytes of padding that bring `content_len` to a multiple of 8. */
static inline uint8_t fcgi_padding(size_t content_len)
{
    return (uint8_t)((8 - content_len % 8) % 8);
}

/* Writes FCGI_HEADER_LEN bytes. */
void fcgi_header_encode(uint8_t *out, const struct fcgi_header *header);

/* Writes FCGI_HEADER_LEN + FCGI_BEGIN_REQUEST_LEN bytes: role responder. */
void fcgi_begin_request_encode(uint8_t *out, uint16_t request_id, bool keep_conn);

#endif
