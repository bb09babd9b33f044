/* text: see text.h. Out of memory is remembered and not told at every step: the one who prints asks. */
#include "tools/fcgictl/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD";

void text_deinit(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

void text_clear(struct text *text)
{
    text->len = 0;
    if (text->data)
        text->data[0] = '\0';
}

const char *text_str(const struct text *text)
{
    return text->data ? text->data : "";
}

static char *reserve(struct text *text, size_t len)
{
    if (text->failed)
        return NULL;
    if (text->capacity - text->len <= len) {
        size_t capacity = (text->capacity + len + 1) * 2;
        char *data = realloc(text->data, capacity);
        if (!data) {
            text->failed = true;
            return NULL;
        }
        text->data = data;
        text->capacity = capacity;
    }
    return text->data + text->len;
}

void text_add_len(struct text *text, const char *str, size_t len)
{
    char *end = reserve(text, len);
    if (!end)
        return;
    memcpy(end, str, len);
    end[len] = '\0';
    text->len += len;
}

void text_add(struct text *text, const char *str)
{
    text_add_len(text, str, strlen(str));
}

void text_add_style(struct text *text, enum style style)
{
    char mark = (char)style;
    text_add_len(text, &mark, 1);
}

void text_add_spaces(struct text *text, size_t count)
{
    while (count-- > 0)
        text_add_len(text, " ", 1);
}

/* Continuation bytes are asked for one after another: the NUL at the end is none. */
size_t text_utf8_sequence(const char *str)
{
    const unsigned char *s = (const unsigned char *)str;
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return len;
}

bool text_is_unsafe(const char *str, size_t len)
{
    const unsigned char *s = (const unsigned char *)str;
    if (len == 1)
        return s[0] < 0x20 || s[0] == 0x7f;
    if (len == 2) /* C1, which some terminals take for escape sequences; U+061C */
        return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xd8 && s[1] == 0x9c);
    if (len != 3)
        return false;
    uint32_t code = (uint32_t)(s[0] & 0xf) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
    return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff;
}

void text_add_data(struct text *text, const char *data)
{
    const char *start = data; /* of what has not been copied yet */
    while (*data) {
        size_t len = text_utf8_sequence(data);
        if (len > 0 && !text_is_unsafe(data, len)) {
            data += len;
            continue;
        }
        text_add_len(text, start, (size_t)(data - start));
        text_add(text, replacement);
        data += len > 0 ? len : 1;
        start = data;
    }
    text_add_len(text, start, (size_t)(data - start));
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    char *line = len < 0 ? NULL : malloc((size_t)len + 1);
    if (line) {
        vsnprintf(line, (size_t)len + 1, format, again);
        text_add_data(text, line);
    } else
        text->failed = true;
    free(line);
    va_end(again);
    va_end(arguments);
}

void text_add_csv(struct text *text, const char *data)
{
    if (!strpbrk(data, "\",")) {
        text_add_data(text, data);
        return;
    }
    struct text clean = {0};
    text_add_data(&clean, data);
    text_add(text, "\"");
    for (const char *c = text_str(&clean); *c; c++)
        text_add_len(text, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    text_add(text, "\"");
    text->failed = text->failed || clean.failed;
    text_deinit(&clean);
}

static bool takes_column(char c)
{
    return (unsigned char)c >= 0x20 && ((unsigned char)c & 0xc0) != 0x80;
}

size_t text_columns(const char *str)
{
    size_t columns = 0;
    for (; *str; str++)
        columns += takes_column(*str);
    return columns;
}

size_t text_fitting(const char *str, size_t columns)
{
    size_t len = 0;
    for (; str[len]; len++)
        if (takes_column(str[len]) && columns-- == 0)
            break;
    return len;
}
