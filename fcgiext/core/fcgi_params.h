/* fcgi_params: name-value pairs (FastCGI specification 3.4) and their framing as PARAMS records.
 *
 * A pair never spans two records unless it alone is larger than one: PHP and wfastcgi parse each record by itself. */
#ifndef FCGIEXT_CORE_FCGI_PARAMS_H
#define FCGIEXT_CORE_FCGI_PARAMS_H

#include "fcgiext/core/buffer.h"
#include "fcgiext/core/fcgi_record.h"

enum { FCGI_PARAM_MAX_LEN = 0x7fffffff }; /* longest name or value that the 4-byte length can say */

/* Appends PARAMS records to a buffer of the caller's. Between begin and end nobody else may change it. Once something
 * did not fit, what has been appended is no whole stream: the caller drops it. */
struct fcgi_params_writer {
    struct buffer *out;
    uint16_t request_id;
    size_t record_offset; /* of the open record's header behind out's front; SIZE_MAX: none is open */
    bool failed;          /* limit or memory reached, or a length not allowed; nothing more is written */
};

void fcgi_params_begin(struct fcgi_params_writer *writer, struct buffer *out, uint16_t request_id);
/* A pair larger than one record gets records of its own. */
void fcgi_params_add(struct fcgi_params_writer *writer, struct bytes name, struct bytes value);
/* Pairs that were encoded before (a pool's constant ones): whole pairs, at most FCGI_MAX_CONTENT_LEN bytes (more:
 * failed). They stay together in one record. */
void fcgi_params_add_encoded(struct fcgi_params_writer *writer, struct bytes pairs);
/* Closes the open record and appends the empty one that ends the stream. false: something did not fit. */
bool fcgi_params_end(struct fcgi_params_writer *writer);

/* The encoding of one pair, without a record header. false: limit or memory, or a length above FCGI_PARAM_MAX_LEN. */
bool fcgi_param_encode(struct buffer *out, struct bytes name, struct bytes value);

/* Takes the next pair out of `in`. FCGI_MORE: the pair is not complete (at the end of a stream: it is cut off). Never
 * FCGI_BAD: any bytes are the start of some pair. */
enum fcgi_result fcgi_param_decode(struct bytes *in, struct bytes *name, struct bytes *value);

#endif
