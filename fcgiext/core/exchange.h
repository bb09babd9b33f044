/* exchange: one request on one FastCGI connection. It frames the request's bytes for the worker and takes the
 * worker's reply apart into stdout, stderr and the end. No I/O, no copies: slices of what the caller has read.
 *
 * Source of the rules: FastCGI specification 1.0 and what php-cgi, libfcgi and wfastcgi do (an empty STDOUT record
 * in mid-stream is not the end; END_REQUEST may come without one). */
#ifndef FCGIEXT_CORE_EXCHANGE_H
#define FCGIEXT_CORE_EXCHANGE_H

#include "fcgiext/core/buffer.h"
#include "fcgiext/core/fcgi_record.h"

/* The id of a connection's first request; each further one has the next, so that what a program sends late is never taken for the
 * answer to another request. All is encoded with this id: see exchange_number. */
enum { EXCHANGE_FIRST_ID = 1 };

enum exchange_event_kind {
    EXCHANGE_MORE,   /* all of `in` is taken; read more */
    EXCHANGE_STDOUT, /* data: a slice of `in`, never empty; record_end: its record ends with it */
    EXCHANGE_STDERR, /* the same */
    EXCHANGE_END,    /* end; its padding is taken. From now on only MORE, and BAD for any byte */
    EXCHANGE_BAD,    /* problem; all of `in` is taken, the connection is of no use; the same each time */
};

enum exchange_problem {
    EXCHANGE_PROBLEM_NONE,
    EXCHANGE_PROBLEM_VERSION,     /* a record that is not version 1: told from its first byte */
    EXCHANGE_PROBLEM_REQUEST_ID,  /* STDOUT, STDERR or END_REQUEST with another id than ours (0 too) */
    EXCHANGE_PROBLEM_TYPE,        /* any other type and id: management replies too, as we never ask */
    EXCHANGE_PROBLEM_END_LEN,     /* END_REQUEST whose body is not 8 bytes */
    EXCHANGE_PROBLEM_AFTER_END,   /* bytes after END_REQUEST */
    EXCHANGE_PROBLEM_UNSOLICITED, /* bytes before a request; set by the reader of an idle connection */
};

struct exchange_event {
    enum exchange_event_kind kind;
    struct bytes data;
    bool record_end;
    struct fcgi_end_request end;
    enum exchange_problem problem;
};

struct exchange {
    /* request side */
    bool keep_conn;
    /* reply side */
    uint16_t request_id;           /* EXCHANGE_FIRST_ID, unless the caller has set another */
    uint8_t held[FCGI_HEADER_LEN]; /* a header that is not complete yet, or the body of END_REQUEST */
    uint8_t held_len;
    struct fcgi_header record; /* the record being read, or the last one */
    uint32_t content_left;     /* of it */
    uint32_t padding_left;
    bool ended;
    uint64_t reply_len; /* bytes taken in all, refused ones too, to tell "no byte received" */
    enum exchange_problem problem;
};

void exchange_init(struct exchange *exchange, bool keep_conn);

/* Appends BEGIN_REQUEST. Then the caller adds the params (fcgi_params.h) and the body. false: it does not fit. */
bool exchange_append_begin(const struct exchange *exchange, struct buffer *out);

/* Appends `body` as STDIN records (any length; each at most FCGI_MAX_CONTENT_LEN, padded to 8). Appends nothing for
 * an empty body. false: it does not fit, nothing changed. */
bool exchange_append_stdin(struct buffer *out, struct bytes body);
bool exchange_append_stdin_end(struct buffer *out);

/* For a body chunk that was read straight into its place: `record` is FCGI_HEADER_LEN bytes, then `len` bytes of body
 * (1 to FCGI_MAX_CONTENT_LEN; else a defect of the caller: abort), then room for 7 bytes of padding. Writes the header
 * and the padding; returns the record's whole length. */
size_t exchange_frame_stdin(uint8_t *record, size_t len);

/* Puts the id into the header of each record. `records`: whole ones, of this file and fcgi_params.h. */
void exchange_number(uint8_t *records, size_t len, uint16_t request_id);

/* Takes one event out of `in` and advances it. Call again until EXCHANGE_MORE, EXCHANGE_END or EXCHANGE_BAD. What is
 * left of `in` after EXCHANGE_END is a fault of the application (the next call says so): such a connection is not kept. */
void exchange_reply(struct exchange *exchange, struct bytes *in, struct exchange_event *event);

/* After EXCHANGE_MORE or EXCHANGE_END: between records (or before the first), so that the connection may end here
 * without a record being cut off. False after a problem. */
bool exchange_at_boundary(const struct exchange *exchange);

/* One English sentence part, for error pages and logs: "a record with a protocol version other than 1". */
const char *exchange_problem_text(enum exchange_problem problem);

#endif
