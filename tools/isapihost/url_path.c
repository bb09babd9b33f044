/* Everything is decided on the decoded bytes, and they are decoded exactly once, so that no escape can smuggle a character past a
 * check. The names refused here are refused before a file system sees them. */
#include "tools/isapihost/url_path.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A segment (without its slashes) has been appended at start: resolves it. Returns the new length, or SIZE_MAX above the root. */
static size_t end_segment(const char *out, size_t start, size_t len)
{
    size_t segment = len - start;
    if (segment == 1 && out[start] == '.')
        return start;
    if (segment != 2 || out[start] != '.' || out[start + 1] != '.')
        return len;
    if (start <= 1)
        return (size_t)-1;
    size_t parent = start - 1; /* of the slash before the dots */
    while (out[parent - 1] != '/')
        --parent;
    return parent;
}

enum url_result url_normalize(const char *raw, size_t len, char *out, size_t out_size, size_t *out_len)
{
    size_t used = 0;
    size_t segment = 0;
    if (len == 0 || raw[0] != '/')
        return URL_BAD;
    for (size_t i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)raw[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_digit(raw[i + 1]) : -1;
            int low = i + 2 < len ? hex_digit(raw[i + 2]) : -1;
            if (high < 0 || low < 0)
                return URL_BAD;
            c = (unsigned char)(high << 4 | low);
            i += 2;
        }
        if (c < 0x20 || c == 0x7F || c == '\\')
            return URL_BAD;
        if (c == '/') {
            used = end_segment(out, segment, used);
            if (used == (size_t)-1)
                return URL_BAD;
            if (used > 0 && out[used - 1] == '/') {
                segment = used;
                continue;
            }
            segment = used + 1;
        }
        if (used + 1 >= out_size)
            return URL_TOO_LONG;
        out[used++] = (char)c;
    }
    used = end_segment(out, segment, used);
    if (used == (size_t)-1)
        return URL_BAD;
    out[used] = '\0';
    *out_len = used;
    return URL_OK;
}

/* name[0..len) is "base" or "base.anything" in any case. */
static bool base_is(const char *name, size_t len, const char *base)
{
    size_t base_len = strlen(base);
    if (len < base_len || !url_equal_ignoring_case(name, base, base_len))
        return false;
    while (base_len < len && name[base_len] == ' ')
        ++base_len;
    return base_len == len || name[base_len] == '.';
}

static bool is_device(const char *name, size_t len)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"};
    static const char *const numbered[] = {"com", "lpt"};
    static const char *const digits[] = {"0", "1", "2",        "3",        "4",        "5",    "6",    "7",
                                         "8", "9", "\xC2\xB9", "\xC2\xB2", "\xC2\xB3", "\xB9", "\xB2", "\xB3"};
    char text[8];
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; ++i)
        if (base_is(name, len, devices[i]))
            return true;
    for (size_t i = 0; i < sizeof numbered / sizeof numbered[0]; ++i)
        for (size_t j = 0; j < sizeof digits / sizeof digits[0]; ++j) {
            strcpy(text, numbered[i]);
            strcat(text, digits[j]);
            if (base_is(name, len, text))
                return true;
        }
    return false;
}

/* PROGRA~1, INDEX~1.PHP, AB12CD~1: at most 8 characters that end in ~digits, at most 3 after a dot. */
static bool is_short_name(const char *name, size_t len)
{
    const char *dot = memchr(name, '.', len);
    size_t base = dot != NULL ? (size_t)(dot - name) : len;
    if (base > 8 || len - base > 4)
        return false;
    size_t digits = base;
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9')
        --digits;
    return digits < base && digits > 0 && name[digits - 1] == '~';
}

bool url_name_is_safe(const char *name, size_t len)
{
    if (len == 0 || name[len - 1] == '.' || name[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len; ++i)
        if ((unsigned char)name[i] < 0x20 || strchr(":*?\"<>|\\/", name[i]) != NULL)
            return false;
    return !is_device(name, len) && !is_short_name(name, len);
}

bool url_escape(const char *text, char *out, size_t out_size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t used = 0;
    if (out_size == 0)
        return false;
    for (; *text != '\0'; ++text) {
        unsigned char c = (unsigned char)*text;
        bool plain = c > 0x20 && c < 0x7F && strchr("\"#%<>?[\\]^`{|}", c) == NULL;
        if (used + (plain ? 1 : 3) >= out_size) {
            out[used] = '\0';
            return false;
        }
        if (plain) {
            out[used++] = (char)c;
        } else {
            out[used++] = '%';
            out[used++] = hex[c >> 4];
            out[used++] = hex[c & 15];
        }
    }
    out[used] = '\0';
    return true;
}

bool url_equal_ignoring_case(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; ++i)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

/* The length of the UTF-8 sequence at text, 0 if there is none. */
static size_t sequence_len(const unsigned char *text, size_t len)
{
    unsigned char c = text[0];
    if (c < 0x80)
        return 1;
    size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || need > len)
        return 0;
    for (size_t i = 1; i < need; ++i)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && text[1] < 0xA0) || (c == 0xED && text[1] > 0x9F) || (c == 0xF0 && text[1] < 0x90) ||
        (c == 0xF4 && text[1] > 0x8F))
        return 0;
    return need;
}

bool url_is_utf8(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t step = sequence_len((const unsigned char *)text + i, len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}
