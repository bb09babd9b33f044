/* Where a message body ends and which of its bytes are content: by Content-Length or in chunks. Pure; fed with raw bytes of any
 * portion. Also used to check what an extension sends. */
#ifndef ISAPIHOST_BODY_DECODER_H
#define ISAPIHOST_BODY_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum body_kind { BODY_LENGTH, BODY_CHUNKED };

struct body_decoder {
    enum body_kind kind;
    int state;
    uint64_t left;     /* of the body, or of the present chunk */
    unsigned line_len; /* of the present chunk-size or trailer line */
    unsigned size_digits;
};

enum body_result {
    BODY_MORE, /* all input used, more is to come */
    BODY_END,  /* the body is complete; what was not used belongs to the next message */
    BODY_BAD,  /* no chunked body, or lines too long */
};

void body_init_length(struct body_decoder *decoder, uint64_t length);
void body_init_chunked(struct body_decoder *decoder);

/* Takes up to in_len bytes, *used says how many; *content of them, moved to the front of out (which may be in; out_size bounds them),
 * are content. Stops early when out is full: then BODY_MORE with *used < in_len. out may be NULL: content is only counted. */
enum body_result body_decode(struct body_decoder *decoder, const char *in, size_t in_len, size_t *used, char *out,
                             size_t out_size, size_t *content);

bool body_is_at_end(const struct body_decoder *decoder);

#endif
