/* text: numbers and UTF-8 for the core, which has no printf: small, without locale, without allocation.
 *
 * put: writes to `out` and returns how many bytes (no NUL); append: the same into a buffer, false when it is full. */
#ifndef FCGIEXT_CORE_TEXT_H
#define FCGIEXT_CORE_TEXT_H

#include "fcgiext/core/buffer.h"

enum { TEXT_MAX_DECIMAL_LEN = 20, TEXT_MAX_HEX_LEN = 16 };

/* At most TEXT_MAX_DECIMAL_LEN bytes. */
static inline size_t text_put_decimal(uint8_t *out, uint64_t number)
{
    size_t len = 1;
    for (uint64_t rest = number / 10; rest > 0; rest /= 10)
        len++;
    for (size_t i = len; i > 0; i--) {
        out[i - 1] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
    return len;
}

/* Without 0x; at least `min_digits` (at most 16) digits, padded with zeros. At most TEXT_MAX_HEX_LEN bytes. */
static inline size_t text_put_hex(uint8_t *out, uint64_t number, size_t min_digits, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t len = 1;
    for (uint64_t rest = number / 16; rest > 0; rest /= 16)
        len++;
    if (len < min_digits)
        len = min_digits;
    for (size_t i = len; i > 0; i--) {
        out[i - 1] = (uint8_t)digits[number % 16];
        number /= 16;
    }
    return len;
}

static inline bool text_append_decimal(struct buffer *buffer, uint64_t number)
{
    uint8_t digits[TEXT_MAX_DECIMAL_LEN];
    return buffer_append(buffer, bytes_of(digits, text_put_decimal(digits, number)));
}

static inline bool text_append_hex(struct buffer *buffer, uint64_t number, size_t min_digits, bool upper)
{
    uint8_t digits[TEXT_MAX_HEX_LEN];
    return buffer_append(buffer, bytes_of(digits, text_put_hex(digits, number, min_digits, upper)));
}

/* Digits only, at least one, the whole of `text`. false: anything else, or more than 64 bits; *number unchanged then. */
static inline bool text_parse_decimal(struct bytes text, uint64_t *number)
{
    uint64_t sum = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.ptr[i] - '0');
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return true;
}

/* The length (1 to 4) of the well-formed UTF-8 sequence at the front of `text`; 0 when there is none: an empty slice, a
 * stray or missing continuation byte, an overlong form, a surrogate, or above U+10FFFF. */
static inline size_t text_utf8_len(struct bytes text)
{
    if (text.len == 0)
        return 0;
    uint8_t first = text.ptr[0];
    if (first < 0x80)
        return 1;
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.len < len)
        return 0;
    /* What the second byte may be depends on the first: Unicode, table 3-7. */
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text.ptr[1] < low || text.ptr[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (text.ptr[i] < 0x80 || text.ptr[i] > 0xbf)
            return 0;
    return len;
}

static inline bool text_is_utf8(struct bytes text)
{
    while (text.len > 0) {
        size_t len = text_utf8_len(text);
        if (len == 0)
            return false;
        bytes_advance(&text, len);
    }
    return true;
}

static inline bool text_is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

static inline bool text_has_control(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text_is_control(text.ptr[i]))
            return true;
    return false;
}

/* A character of a token as RFC 9110, 5.6.2 has it: what header names are made of. */
static inline bool text_is_token_char(uint8_t c)
{
    uint8_t lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || (c > 0 && c < 0x80 && strchr("!#$%&'*+-.^_`|~", c));
}

static inline bool text_is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!text_is_token_char(text.ptr[i]))
            return false;
    return text.len > 0;
}

/* Into an array of `capacity` > 0 bytes, with a NUL: what is not well-formed UTF-8, or is a NUL, as '?'; cut between two characters. */
static inline void text_copy_cut(char *out, size_t capacity, struct bytes text)
{
    size_t used = 0;
    while (text.len > 0) {
        size_t len = text_utf8_len(text);
        size_t take = len ? len : 1;
        if (used + take >= capacity)
            break;
        if (len && text.ptr[0])
            memcpy(out + used, text.ptr, len);
        else
            out[used] = '?';
        used += take;
        bytes_advance(&text, take);
    }
    out[used] = '\0';
}

/* Without the spaces and tabs at both ends. */
static inline struct bytes text_trim(struct bytes text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        bytes_advance(&text, 1);
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

#endif
