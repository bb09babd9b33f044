/* config_values: one value of the file -> one field, and the words for what is wrong with it.
 *
 * Invariant: a field is written only when its value is good; after an error it has what it had before (the default, or an earlier
 * entry's value), and the pool is marked. Numbers outside the published range are used, since files in the wild exceed it: only what
 * the field cannot hold is an error. */
#include "fcgiext/core/config_parser.h"

#include <stdlib.h>

bool config_is_path(struct bytes text)
{
    bool drive = text.len >= 2 && text.ptr[1] == ':' && ascii_lower(text.ptr[0]) >= 'a' && ascii_lower(text.ptr[0]) <= 'z';
    return drive || (text.len > 0 && (memchr(text.ptr, '\\', text.len) || memchr(text.ptr, '/', text.len)));
}

static bool is_slash(uint8_t c)
{
    return c == '\\' || c == '/';
}

bool config_is_absolute(struct bytes text)
{
    if (text.len >= 3 && text.ptr[1] == ':')
        return config_is_path(bytes_of(text.ptr, 2)) && is_slash(text.ptr[2]);
    return text.len >= 3 && is_slash(text.ptr[0]) && is_slash(text.ptr[1]);
}

enum config_number config_number_parse(struct bytes text, uint64_t max, uint64_t *number)
{
    uint64_t parsed = 0;
    if (text.len == 0)
        return CONFIG_NUMBER_NONE;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return CONFIG_NUMBER_NONE;
    if (!text_parse_decimal(text, &parsed) || parsed > max)
        return CONFIG_NUMBER_TOO_LARGE;
    *number = parsed;
    return CONFIG_NUMBER_OK;
}

size_t config_choice_find(const struct config_setting *setting, struct bytes text)
{
    for (size_t i = 0; setting->choices[i]; i++)
        if (bytes_equal_nocase(bytes_of_str(setting->choices[i]), text))
            return i;
    return SIZE_MAX;
}

_Static_assert(sizeof(enum config_protocol) == sizeof(uint32_t) && sizeof(bool) == 1, "fields are told apart by size");

void config_field_store(const struct config_setting *setting, void *base, uint64_t number)
{
    uint8_t *field = (uint8_t *)base + setting->offset;
    uint32_t number32 = (uint32_t)number;
    bool flag = number != 0;
    switch (setting->size) {
    case sizeof number: memcpy(field, &number, sizeof number); break;
    case sizeof number32: memcpy(field, &number32, sizeof number32); break;
    default: memcpy(field, &flag, sizeof flag); break;
    }
}

/* Somebody who writes `QueueLength=1000 ; enough` means a comment. */
static const char *comment_hint(struct bytes value)
{
    return value.len > 0 && memchr(value.ptr, ';', value.len) ? "; a comment needs a line of its own" : "";
}

static void set_number(struct config_parser *parser, const struct config_place *place, const struct config_setting *setting,
                       void *base, struct bytes value)
{
    uint64_t most = setting->size == sizeof(uint64_t) ? UINT64_MAX : UINT32_MAX, number = 0;
    struct config_quoted quoted;
    struct config_decimal low, high;
    const char *text = config_quote(&quoted, value), *min = config_decimal(&low, setting->min),
               *max = config_decimal(&high, setting->max);
    switch (config_number_parse(value, most, &number)) {
    case CONFIG_NUMBER_NONE:
        config_error(parser, place, text, " is not a number; allowed is ", min, " to ", max, comment_hint(value));
        return;
    case CONFIG_NUMBER_TOO_LARGE: config_error(parser, place, text, " is too large; allowed is ", min, " to ", max); return;
    case CONFIG_NUMBER_OK: break;
    }
    if (number < setting->min || number > setting->max)
        config_warning(parser, place, text, " is outside of the usual range ", min, " to ", max, "; it is used all the same");
    config_field_store(setting, base, number);
}

static void set_choice(struct config_parser *parser, const struct config_place *place, const struct config_setting *setting,
                       void *base, struct bytes value)
{
    size_t choice = config_choice_find(setting, value);
    if (choice != SIZE_MAX) {
        config_field_store(setting, base, choice);
        return;
    }
    struct config_quoted quoted;
    const char *words[9] = {"", "", "", "", "", "", "", "", ""}; /* four choices at most, and what stands between them */
    for (size_t i = 0; setting->choices[i] && i < 4; i++) {
        words[2 * i] = setting->choices[i];
        words[2 * i + 1] = !setting->choices[i + 1] ? "" : setting->choices[i + 2] ? ", " : " or ";
    }
    config_error(parser, place, config_quote(&quoted, value), " is unknown; allowed is ", words[0], words[1], words[2],
                 words[3], words[4], words[5], words[6], words[7], comment_hint(value));
}

static void set_path(struct config_parser *parser, const struct config_place *place, char **field, struct bytes value)
{
    struct config_quoted quoted;
    struct bytes path = value;
    if (path.len >= 2 && path.ptr[0] == '"' && path.ptr[path.len - 1] == '"')
        path = text_trim(bytes_of(path.ptr + 1, path.len - 2));
    if (path.len > 0 && memchr(path.ptr, '"', path.len))
        config_error(parser, place, config_quote(&quoted, value),
                     " has a quote where none can be; allowed is a path, or \"a path in quotes\" (a program's arguments belong "
                     "into Arguments)");
    else
        config_assign(parser, field, path);
}

void config_value_set(struct config_parser *parser, const struct config_place *place, const struct config_setting *setting,
                      void *base, const char *value)
{
    char **string = (char **)(void *)((char *)base + setting->offset);
    struct bytes text = bytes_of_str(value);
    switch (setting->type) {
    case CONFIG_TYPE_STRING: config_assign(parser, string, text); break;
    case CONFIG_TYPE_PATH: set_path(parser, place, string, text); break;
    case CONFIG_TYPE_NUMBER: set_number(parser, place, setting, base, text); break;
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_ENUM: set_choice(parser, place, setting, base, text); break;
    case CONFIG_TYPE_ENVIRONMENT: config_env_set(parser, place, base, text); break;
    case CONFIG_TYPE_SERVERS: config_addresses_set(parser, place, base, text); break;
    }
}
