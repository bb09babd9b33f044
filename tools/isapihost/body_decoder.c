/* One state per place in the chunked grammar. Chunk extensions and trailers are skipped, with bounds. A bare LF ends no line: what two
 * parsers could read differently is refused. */
#include "tools/isapihost/body_decoder.h"

#include <string.h>

enum state {
    STATE_DATA,      /* left bytes of content follow */
    STATE_SIZE,      /* hexadecimal digits */
    STATE_EXTENSION, /* after ';' */
    STATE_SIZE_LF,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER, /* at the start of a trailer line or in it */
    STATE_TRAILER_LF,
    STATE_LAST_LF,
    STATE_END,
    STATE_BAD,
};

enum { LINE_MAX_LEN = 8192, SIZE_MAX_DIGITS = 15 };

void body_init_length(struct body_decoder *decoder, uint64_t length)
{
    *decoder = (struct body_decoder){.kind = BODY_LENGTH, .left = length, .state = length > 0 ? STATE_DATA : STATE_END};
}

void body_init_chunked(struct body_decoder *decoder)
{
    *decoder = (struct body_decoder){.kind = BODY_CHUNKED, .state = STATE_SIZE};
}

bool body_is_at_end(const struct body_decoder *decoder)
{
    return decoder->state == STATE_END;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum state size_step(struct body_decoder *decoder, char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        if (++decoder->size_digits > SIZE_MAX_DIGITS)
            return STATE_BAD;
        decoder->left = decoder->left << 4 | (unsigned)digit;
        return STATE_SIZE;
    }
    if (decoder->size_digits == 0)
        return STATE_BAD;
    return c == '\r' ? STATE_SIZE_LF : c == ';' || c == ' ' || c == '\t' ? STATE_EXTENSION : STATE_BAD;
}

/* One byte that is not content. */
static enum state frame_step(struct body_decoder *decoder, char c)
{
    if (++decoder->line_len > LINE_MAX_LEN)
        return STATE_BAD;
    switch (decoder->state) {
    case STATE_SIZE: return size_step(decoder, c);
    case STATE_EXTENSION: return c == '\r' ? STATE_SIZE_LF : c == '\n' ? STATE_BAD : STATE_EXTENSION;
    case STATE_SIZE_LF: decoder->line_len = 0; return c != '\n' ? STATE_BAD : decoder->left > 0 ? STATE_DATA : STATE_TRAILER;
    case STATE_DATA_CR: return c == '\r' ? STATE_DATA_LF : STATE_BAD;
    case STATE_DATA_LF:
        decoder->line_len = 0;
        decoder->size_digits = 0;
        decoder->left = 0;
        return c == '\n' ? STATE_SIZE : STATE_BAD;
    case STATE_TRAILER:
        if (c == '\r')
            return decoder->line_len == 1 ? STATE_LAST_LF : STATE_TRAILER_LF;
        return c == '\n' ? STATE_BAD : STATE_TRAILER;
    case STATE_TRAILER_LF: decoder->line_len = 0; return c == '\n' ? STATE_TRAILER : STATE_BAD;
    case STATE_LAST_LF: return c == '\n' ? STATE_END : STATE_BAD;
    default: return STATE_BAD;
    }
}

enum body_result body_decode(struct body_decoder *decoder, const char *in, size_t in_len, size_t *used, char *out,
                             size_t out_size, size_t *content)
{
    *used = 0;
    *content = 0;
    while (*used < in_len && decoder->state != STATE_END && decoder->state != STATE_BAD) {
        if (decoder->state != STATE_DATA) {
            decoder->state = frame_step(decoder, in[(*used)++]);
            continue;
        }
        size_t len = in_len - *used;
        if (len > decoder->left)
            len = (size_t)decoder->left;
        if (out != NULL && len > out_size - *content)
            len = out_size - *content;
        if (len == 0)
            return BODY_MORE;
        if (out != NULL)
            memmove(out + *content, in + *used, len);
        *content += len;
        *used += len;
        decoder->left -= len;
        if (decoder->left == 0)
            decoder->state = decoder->kind == BODY_LENGTH ? STATE_END : STATE_DATA_CR;
    }
    return decoder->state == STATE_END ? BODY_END : decoder->state == STATE_BAD ? BODY_BAD : BODY_MORE;
}
