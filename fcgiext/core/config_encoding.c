/* config_encoding: which encoding a file has, and its text as UTF-8.
 *
 * A byte order mark decides; without one, text that is UTF-8 throughout is UTF-8 (text in an ANSI code page practically never
 * is by chance), and all else is ANSI. Decoding never fails on bad input and never hides it: what has no meaning becomes
 * bytes that no UTF-8 text holds, and the reader of lines, which checks each line, can name the line. */
#include "fcgiext/core/config_encoding.h"

#include "fcgiext/core/text.h"

/* Unicode of the bytes 0x80 to 0x9f in Windows-1252; the five free ones are control characters, as Windows has them. */
static const uint16_t windows_1252[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

/* `rune` is at most 0x10ffff. A surrogate is written as any other: the three bytes are not UTF-8. */
static size_t put_rune(uint8_t *out, uint32_t rune)
{
    if (rune < 0x80) {
        out[0] = (uint8_t)rune;
        return 1;
    }
    size_t tail = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
    static const uint8_t marks[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (uint8_t)(marks[tail] | rune >> 6 * tail);
    for (size_t i = 1; i <= tail; i++)
        out[i] = (uint8_t)(0x80 | (rune >> 6 * (tail - i) & 0x3f));
    return tail + 1;
}

static uint32_t utf16_unit(const uint8_t *at, bool big_endian)
{
    return big_endian ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

static bool decode_utf16(struct bytes text, bool big_endian, struct buffer *utf8)
{
    uint8_t *start = buffer_reserve(utf8, text.len / 2 * 3 + 1);
    if (!start)
        return false;
    uint8_t *out = start;
    while (text.len >= 2) {
        uint32_t rune = utf16_unit(text.ptr, big_endian);
        bytes_advance(&text, 2);
        if (rune >= 0xd800 && rune < 0xdc00 && text.len >= 2) {
            uint32_t low = utf16_unit(text.ptr, big_endian);
            if (low >= 0xdc00 && low < 0xe000) {
                rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
                bytes_advance(&text, 2);
            }
        }
        out += put_rune(out, rune);
    }
    if (text.len > 0)
        *out++ = 0xff; /* half a unit */
    buffer_commit(utf8, (size_t)(out - start));
    return true;
}

static bool decode_windows_1252(struct bytes text, struct buffer *utf8)
{
    uint8_t *start = buffer_reserve(utf8, text.len * 3);
    if (!start)
        return text.len == 0;
    uint8_t *out = start;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        out += put_rune(out, c >= 0x80 && c < 0xa0 ? windows_1252[c - 0x80] : c);
    }
    buffer_commit(utf8, (size_t)(out - start));
    return true;
}

bool config_decode(struct bytes text, const struct config_options *options, struct buffer *utf8, enum config_encoding *encoding)
{
    const uint8_t *p = text.ptr;
    bool little = text.len >= 2 && p[0] == 0xff && p[1] == 0xfe;
    bool big = text.len >= 2 && p[0] == 0xfe && p[1] == 0xff;
    if (little || big) {
        *encoding = CONFIG_ENCODING_UTF16;
        bytes_advance(&text, 2);
        return decode_utf16(text, big, utf8);
    }
    bool marked = text.len >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf;
    if (marked)
        bytes_advance(&text, 3);
    if (marked || text_is_utf8(text)) {
        *encoding = CONFIG_ENCODING_UTF8;
        return buffer_append(utf8, text);
    }
    *encoding = CONFIG_ENCODING_ANSI;
    if (options && options->decode_ansi)
        return options->decode_ansi(options->context, text, utf8);
    return decode_windows_1252(text, utf8);
}
