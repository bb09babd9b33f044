/* value: see value.h. */
#include "tools/fcgictl/value.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

const cJSON *value_at(const cJSON *item, const char *path)
{
    char name[64];
    while (item && *path) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof name)
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        item = cJSON_GetObjectItemCaseSensitive(item, name);
        path += len + (path[len] == '.');
    }
    return item && !cJSON_IsNull(item) ? item : NULL;
}

double value_number(const cJSON *item, const char *path, double otherwise)
{
    const cJSON *found = value_at(item, path);
    return cJSON_IsNumber(found) ? found->valuedouble : otherwise;
}

const char *value_string(const cJSON *item, const char *path)
{
    const cJSON *found = value_at(item, path);
    return cJSON_IsString(found) ? found->valuestring : "";
}

bool value_bool(const cJSON *item, const char *path)
{
    return cJSON_IsTrue(value_at(item, path));
}

/* cJSON escapes what is below 0x20. The other unsafe characters can stand only in strings: they are escaped here. */
static void add_escaped(struct text *text, const char *json, size_t len)
{
    const char *end = json + len, *start = json;
    while (json < end) {
        size_t sequence = text_utf8_sequence(json);
        if (*json == '\n' || *json == '\t' || (sequence > 0 && !text_is_unsafe(json, sequence))) {
            json += sequence;
            continue;
        }
        const unsigned char *s = (const unsigned char *)json;
        unsigned code = 0xfffd;
        if (sequence == 1)
            code = s[0];
        else if (sequence == 2)
            code = (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
        else if (sequence == 3)
            code = (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
        text_add_len(text, start, (size_t)(json - start));
        text_addf(text, "\\u%04x", code);
        json += sequence > 0 ? sequence : 1;
        start = json;
    }
    text_add_len(text, start, (size_t)(json - start));
}

/* cJSON indents with tabs, which are wide on a terminal. Inside of strings they are escaped. */
static void add_indented(struct text *text, const char *json)
{
    while (*json) {
        size_t line = strcspn(json, "\t");
        add_escaped(text, json, line);
        json += line;
        if (*json == '\t') {
            bool after_name = text->len > 0 && text->data[text->len - 1] == ':';
            text_add_spaces(text, after_name ? 1 : 2);
            json++;
        }
    }
}

void value_add(struct text *text, const cJSON *item, bool pretty)
{
    char *json = pretty ? cJSON_Print(item) : cJSON_PrintUnformatted(item);
    if (json)
        add_indented(text, json);
    else
        text->failed = true;
    cJSON_free(json);
}

void value_add_scalar(struct text *text, const cJSON *item)
{
    char number[48];
    if (cJSON_IsString(item))
        text_add(text, item->valuestring);
    else if (cJSON_IsBool(item))
        text_add(text, cJSON_IsTrue(item) ? "true" : "false");
    else if (cJSON_IsNumber(item)) {
        snprintf(number, sizeof number, "%.15g", item->valuedouble);
        text_add(text, number);
    }
}
