/* json_writer: appends to a bounded buffer; the first failure stays. Runs of harmless characters, nearly all there is, are copied at
 * once. */
#include "mgmt/json_writer.h"

#include "fcgiext/core/text.h"

#include <stdio.h>

static void put(struct json *json, struct bytes bytes)
{
    if (json->failed)
        return;
    json->too_long = bytes.len > buffer_room(json->out);
    json->failed = json->too_long || !buffer_append(json->out, bytes);
}

static void put_str(struct json *json, const char *str)
{
    put(json, bytes_of_str(str));
}

void json_init(struct json *json, struct buffer *out)
{
    buffer_clear(out);
    *json = (struct json){.out = out};
}

/* What stands before each value. */
static void lead(struct json *json, const char *name)
{
    if (json->comma)
        put_str(json, ",");
    json->comma = true;
    if (!name)
        return;
    put_str(json, "\"");
    put_str(json, name);
    put_str(json, "\":");
}

void json_begin_object(struct json *json, const char *name)
{
    lead(json, name);
    put_str(json, "{");
    json->comma = false;
}

void json_end_object(struct json *json)
{
    put_str(json, "}");
    json->comma = true;
}

void json_begin_array(struct json *json, const char *name)
{
    lead(json, name);
    put_str(json, "[");
    json->comma = false;
}

void json_end_array(struct json *json)
{
    put_str(json, "]");
    json->comma = true;
}

void json_raw(struct json *json, const char *name, const char *value)
{
    lead(json, name);
    put_str(json, value);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
    uint8_t digits[TEXT_MAX_DECIMAL_LEN];
    lead(json, name);
    put(json, bytes_of(digits, text_put_decimal(digits, value)));
}

void json_bool(struct json *json, const char *name, bool value)
{
    json_raw(json, name, value ? "true" : "false");
}

void json_null(struct json *json, const char *name)
{
    json_raw(json, name, "null");
}

/* ---- strings */

static void put_escape(struct json *json, unsigned code)
{
    char text[8] = {'\\', 0};
    switch (code) {
    case '"':
    case '\\': text[1] = (char)code; break;
    case '\n': text[1] = 'n'; break;
    case '\r': text[1] = 'r'; break;
    case '\t': text[1] = 't'; break;
    default: snprintf(text, sizeof text, "\\u%04x", code); break;
    }
    put_str(json, text);
}

/* The character of `len` bytes at `ptr` if it must be escaped, else 0. */
static unsigned must_escape(const uint8_t *ptr, size_t len)
{
    if (len == 1)
        return ptr[0] == '"' || ptr[0] == '\\' || text_is_control(ptr[0]) ? ptr[0] : 0;
    if (len == 2 && ptr[0] == 0xc2 && ptr[1] < 0xa0)
        return ptr[1]; /* C1 */
    if (len == 3 && ptr[0] == 0xe2 && ptr[1] == 0x80 && (ptr[2] == 0xa8 || ptr[2] == 0xa9))
        return 0x2000u + (ptr[2] & 0x3fu);
    return 0;
}

void json_begin_string(struct json *json, const char *name)
{
    lead(json, name);
    put_str(json, "\"");
}

void json_end_string(struct json *json)
{
    put_str(json, "\"");
}

void json_add_text(struct json *json, struct bytes text)
{
    struct bytes run = {text.ptr, 0};
    while (text.len > 0 && !json->failed) {
        size_t len = text_utf8_len(text);
        if (len > 0 && text.ptr[0] == 0) {
            put(json, run);
            put_str(json, "\\u0000");
        } else if (len > 0 && !must_escape(text.ptr, len)) {
            run.len += len;
            bytes_advance(&text, len);
            continue;
        } else {
            put(json, run);
            if (len > 0)
                put_escape(json, must_escape(text.ptr, len));
            else
                put_str(json, "\xef\xbf\xbd");
        }
        bytes_advance(&text, len > 0 ? len : 1);
        run = (struct bytes){text.ptr, 0};
    }
    put(json, run);
}

void json_string(struct json *json, const char *name, const char *value)
{
    json_begin_string(json, name);
    json_add_text(json, bytes_of_str(value));
    json_end_string(json);
}

void json_cut_string(struct json *json, const char *name, const char *value)
{
    struct bytes text = bytes_of_str(value);
    bool cut = text.len > JSON_MAX_CUT_LEN;
    if (cut) {
        text.len = JSON_MAX_CUT_LEN;
        for (int steps = 3; steps > 0 && (text.ptr[text.len] & 0xc0) == 0x80; steps--)
            text.len--;
    }
    json_begin_string(json, name);
    json_add_text(json, text);
    if (cut)
        put_str(json, "\xe2\x80\xa6");
    json_end_string(json);
}

void json_id(struct json *json, const char *name, uint64_t id)
{
    uint8_t digits[TEXT_MAX_DECIMAL_LEN];
    json_begin_string(json, name);
    put(json, bytes_of(digits, text_put_decimal(digits, id)));
    json_end_string(json);
}

/* ---- times */

/* `value` in units of which a second has `per_second`, a power of ten. */
static void put_seconds(struct json *json, const char *name, uint64_t value, unsigned per_second)
{
    uint8_t text[TEXT_MAX_DECIMAL_LEN + 8];
    size_t len = text_put_decimal(text, value / per_second);
    unsigned rest = (unsigned)(value % per_second);
    if (rest > 0)
        text[len++] = '.';
    for (unsigned unit = per_second / 10; rest > 0; unit /= 10) {
        text[len++] = (uint8_t)('0' + rest / unit);
        rest %= unit;
    }
    lead(json, name);
    put(json, bytes_of(text, len));
}

void json_seconds(struct json *json, const char *name, uint64_t ms)
{
    put_seconds(json, name, ms, 1000);
}

void json_microseconds(struct json *json, const char *name, uint64_t us)
{
    put_seconds(json, name, us, 1000000);
}

enum { DAY_S = 86400, DAYS_TO_1970 = 719468 /* from 0000-03-01 */ };
#define LAST_TIME_MS UINT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* No gmtime(): it is not safe for several threads. The years are counted from March, so that a leap day is the last of its year;
 * 146097 days are 400 years. */
static void format_time(char *out, size_t size, uint64_t unix_ms)
{
    uint64_t seconds = unix_ms / 1000;
    unsigned second = (unsigned)(seconds % DAY_S), day = (unsigned)(seconds / DAY_S) + DAYS_TO_1970;
    unsigned era = day / 146097, of_era = day % 146097;
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * of_year + 2) / 153;
    unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
    unsigned year = era * 400 + year_of_era + (month <= 2);
    snprintf(out, size, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, of_year - (153 * march_month + 2) / 5 + 1,
             second / 3600, second / 60 % 60, second % 60, (unsigned)(unix_ms % 1000));
}

void json_time(struct json *json, const char *name, bool known, uint64_t unix_ms)
{
    char member[64], text[64];
    if (unix_ms > LAST_TIME_MS)
        unix_ms = LAST_TIME_MS;
    format_time(text, sizeof text, unix_ms);
    snprintf(member, sizeof member, "%s_time", name);
    if (known)
        json_string(json, member, text);
    else
        json_null(json, member);
    snprintf(member, sizeof member, "%s_unix", name);
    if (known)
        json_seconds(json, member, unix_ms);
    else
        json_null(json, member);
}
