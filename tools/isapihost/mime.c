/* The types that a site of samples and tests needs. */
#include "tools/isapihost/mime.h"

#include "tools/isapihost/url_path.h"

#include <string.h>

const char *mime_type(const char *path)
{
    static const struct {
        const char *extension;
        const char *type;
    } table[] = {
        {"html", "text/html"},      {"htm", "text/html"},         {"css", "text/css"},      {"js", "text/javascript"},
        {"mjs", "text/javascript"}, {"json", "application/json"}, {"txt", "text/plain"},    {"md", "text/plain"},
        {"log", "text/plain"},      {"xml", "application/xml"},   {"svg", "image/svg+xml"}, {"png", "image/png"},
        {"jpg", "image/jpeg"},      {"jpeg", "image/jpeg"},       {"gif", "image/gif"},     {"webp", "image/webp"},
        {"ico", "image/x-icon"},    {"woff", "font/woff"},        {"woff2", "font/woff2"},  {"pdf", "application/pdf"},
        {"zip", "application/zip"}, {"wasm", "application/wasm"}, {"mp4", "video/mp4"},     {"mp3", "audio/mpeg"},
    };
    const char *dot = strrchr(path, '.');
    if (dot != NULL && strpbrk(dot, "/\\") == NULL) {
        size_t len = strlen(dot + 1);
        for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i)
            if (strlen(table[i].extension) == len && url_equal_ignoring_case(table[i].extension, dot + 1, len))
                return table[i].type;
    }
    return "application/octet-stream";
}

/* Digits to a number; false if there are none or too many. */
static bool number(const char **at, uint64_t *out)
{
    unsigned digits = 0;
    *out = 0;
    while (**at >= '0' && **at <= '9') {
        *out = *out * 10 + (unsigned)(**at - '0');
        ++*at;
        if (++digits > 18)
            return false;
    }
    return digits > 0;
}

enum range_result range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *last)
{
    static const char unit[] = "bytes=";
    if (value == NULL || strlen(value) < sizeof unit - 1 || !url_equal_ignoring_case(value, unit, sizeof unit - 1))
        return RANGE_NONE;
    const char *at = value + sizeof unit - 1;
    uint64_t begin = 0;
    uint64_t end = 0;
    bool has_begin = number(&at, &begin);
    if (*at++ != '-')
        return RANGE_NONE;
    bool has_end = number(&at, &end);
    if (*at != '\0' || (!has_begin && !has_end) || (has_begin && has_end && end < begin))
        return RANGE_NONE;
    if (!has_begin) { /* the last bytes */
        if (end == 0 || size == 0)
            return RANGE_UNSATISFIABLE;
        begin = end < size ? size - end : 0;
        end = size - 1;
    } else if (!has_end || end >= size) {
        end = size - 1;
    }
    if (begin >= size)
        return RANGE_UNSATISFIABLE;
    *first = begin;
    *last = end;
    return RANGE_PART;
}
