/* config_lists: the values that are lists, EnvironmentVars, Address and Utf8ServerVariables.
 *
 * A list is built aside and replaces the old one only when all of it is good, but all that is wrong with it is reported.
 *
 * EnvironmentVars, where 1.5 leaves room and what is chosen here: `/,` and `//` mean the same inside quotes and outside; quotes stand
 * around a whole value, and there a plain comma is part of it; a quote anywhere else in a value is a character as any other. */
#include "fcgiext/core/cgi_vars.h"
#include "fcgiext/core/config_parser.h"

#include <stdlib.h>

/* ---- EnvironmentVars */

void config_env_free(struct config_env *env, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(env[i].name);
        free(env[i].value);
    }
    free(env);
}

struct env_list {
    struct config_parser *parser;
    const struct config_place *place;
    struct bytes rest;  /* of the value, not read yet */
    char *name, *value; /* scratch, each as long as the whole */
    size_t name_len, value_len;
    bool lone_slash; /* a `/` that escapes nothing */
    bool bad;
    struct config_env *items;
    size_t count, capacity;
};

static bool at(const struct env_list *list, char c)
{
    return list->rest.len > 0 && list->rest.ptr[0] == (uint8_t)c;
}

static void skip_blanks(struct env_list *list)
{
    while (at(list, ' ') || at(list, '\t'))
        bytes_advance(&list->rest, 1);
}

/* The next character with its escape resolved; there is one. */
static char take_char(struct env_list *list)
{
    char c = (char)list->rest.ptr[0];
    bytes_advance(&list->rest, 1);
    if (c != '/')
        return c;
    if (!at(list, ',') && !at(list, '/')) {
        list->lone_slash = true;
        return c;
    }
    c = (char)list->rest.ptr[0];
    bytes_advance(&list->rest, 1);
    return c;
}

static void env_error(struct env_list *list, struct bytes entry, const char *what)
{
    struct config_quoted quoted;
    list->bad = true;
    config_error(list->parser, list->place, config_quote(&quoted, entry), what,
                 "; allowed is Name:Value,Name:Value with quotes around a value as need be");
}

/* Behind the opening quote. false: what stands there is no end of a value. */
static bool take_quoted_value(struct env_list *list)
{
    while (list->rest.len > 0 && !at(list, '"'))
        list->value[list->value_len++] = take_char(list);
    if (list->rest.len == 0)
        return false;
    bytes_advance(&list->rest, 1);
    skip_blanks(list);
    return list->rest.len == 0 || at(list, ',');
}

static void take_plain_value(struct env_list *list)
{
    while (list->rest.len > 0 && !at(list, ','))
        list->value[list->value_len++] = take_char(list);
    list->value_len = text_trim(bytes_of(list->value, list->value_len)).len; /* nothing to trim in front */
}

static void env_add(struct env_list *list, struct bytes entry)
{
    struct config_parser *parser = list->parser;
    struct bytes name = bytes_of(list->name, list->name_len), value = bytes_of(list->value, list->value_len);
    struct config_quoted quoted;
    for (size_t i = 0; i < list->count; i++) {
        if (!bytes_equal_nocase(bytes_of_str(list->items[i].name), name))
            continue;
        config_warning(parser, list->place, config_quote(&quoted, name), " is given more than once; the last one counts");
        config_assign(parser, &list->items[i].value, value);
        return;
    }
    if (list->count == CONFIG_MAX_ENV) {
        env_error(list, entry, " is one variable too many (more than 1024)");
        list->rest.len = 0;
        return;
    }
    struct config_env *items = config_reserve(parser, list->items, sizeof *items, list->count, &list->capacity);
    if (!items)
        return;
    list->items = items;
    struct config_env *item = &items[list->count++];
    item->name = config_copy(parser, name);
    item->value = config_copy(parser, value);
}

/* What is wrong with a name; NULL: nothing. */
static const char *name_problem(struct bytes name)
{
    static const char *const own[] = {"_FCGI_X_PIPE_", "_FCGI_SHUTDOWN_EVENT_"};
    if (name.len == 0)
        return " has no name";
    if (memchr(name.ptr, '\t', name.len) || memchr(name.ptr, '"', name.len))
        return " has a tab or a quote in its name";
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (bytes_equal_nocase(bytes_of_str(own[i]), name))
            return " sets a variable that belongs to fcgiext itself";
    return NULL;
}

/* One entry, up to its comma or the end. */
static void env_entry(struct env_list *list)
{
    struct bytes entry = list->rest; /* its length is known at the end */
    bool value_ok = true;
    list->name_len = list->value_len = 0;
    while (list->rest.len > 0 && !at(list, ':') && !at(list, '=') && !at(list, ','))
        list->name[list->name_len++] = take_char(list);
    list->name_len = text_trim(bytes_of(list->name, list->name_len)).len;
    bool separated = at(list, ':') || at(list, '=');
    if (separated) {
        bytes_advance(&list->rest, 1);
        skip_blanks(list);
        if (at(list, '"')) {
            bytes_advance(&list->rest, 1);
            value_ok = take_quoted_value(list);
        } else {
            take_plain_value(list);
        }
    }
    entry.len -= list->rest.len;
    entry = text_trim(entry);
    const char *problem = name_problem(bytes_of(list->name, list->name_len));
    if (!separated && entry.len == 0)
        config_warning(list->parser, list->place, "there is a comma too many; nothing stands before or behind it");
    else if (!separated)
        env_error(list, entry, " has no ':' between name and value");
    else if (!value_ok)
        env_error(list, entry, list->rest.len == 0 ? " has a quote that does not end" : " has text behind the value's quotes");
    else if (problem)
        env_error(list, entry, problem);
    else
        env_add(list, entry);
    if (!value_ok) /* where the next one begins can only be guessed */
        while (list->rest.len > 0 && !at(list, ','))
            bytes_advance(&list->rest, 1);
}

void config_env_set(struct config_parser *parser, const struct config_place *place, struct config_pool *pool,
                    struct bytes value)
{
    struct env_list list = {.parser = parser, .place = place, .rest = value};
    list.name = malloc(2 * value.len + 2);
    if (!list.name) {
        parser->out_of_memory = true;
        return;
    }
    list.value = list.name + value.len + 1;
    bool more = value.len > 0;
    while (more && !parser->out_of_memory) {
        skip_blanks(&list);
        env_entry(&list);
        more = at(&list, ',');
        if (more)
            bytes_advance(&list.rest, 1);
    }
    free(list.name);
    if (list.lone_slash)
        config_warning(parser, place, "a single '/' stays as it is; '//' is sure to mean a slash, and '/,' a comma");
    if (list.bad || parser->out_of_memory) {
        config_env_free(list.items, list.count);
        return;
    }
    config_env_free(pool->env, pool->env_count);
    pool->env = list.items;
    pool->env_count = list.count;
}

/* ---- Address */

void config_addresses_free(struct config_address *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(addresses[i].host);
    free(addresses);
}

static bool is_host(struct bytes host, const char *others)
{
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.ptr[i], lower = ascii_lower(c);
        bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (c == 0 || !strchr(others, c)))
            return false;
    }
    return host.len > 0;
}

/* "host:port" or "[v6]:port". Returns what is wrong with it; NULL: nothing. */
static const char *address_parse(struct bytes text, struct bytes *host, uint64_t *port)
{
    if (text.len == 0)
        return " is empty";
    bool bracket = text.ptr[0] == '[';
    size_t end = text.len; /* of the host: the last colon, or the bracket */
    while (end > 0 && text.ptr[end - 1] != (bracket ? ']' : ':'))
        end--;
    if (end == 0)
        return bracket ? " has no ']'" : " has no port";
    *host = bracket ? bytes_of(text.ptr + 1, end - 2) : bytes_of(text.ptr, end - 1);
    struct bytes digits = bytes_of(text.ptr + end, text.len - end);
    if (bracket) {
        if (digits.len == 0 || digits.ptr[0] != ':')
            return " has no port";
        bytes_advance(&digits, 1);
    }
    if (!bracket && host->len > 0 && memchr(host->ptr, ':', host->len))
        return " has an IPv6 address without brackets";
    if (!is_host(*host, bracket ? ":.%" : "-._"))
        return " has a host that is neither a name nor an address";
    if (config_number_parse(digits, 65535, port) != CONFIG_NUMBER_OK || *port == 0)
        return " has a port that is not a number from 1 to 65535";
    return NULL;
}

struct address_list {
    struct config_address *items;
    size_t count, capacity;
    bool bad;
};

static void address_add(struct config_parser *parser, const struct config_place *place, struct address_list *list,
                        struct bytes text)
{
    struct bytes host;
    uint64_t port = 0;
    struct config_quoted quoted;
    const char *problem = address_parse(text, &host, &port);
    if (!problem && list->count == CONFIG_MAX_ADDRESSES)
        problem = " is one server too many (more than 256)";
    if (problem) {
        list->bad = true;
        config_error(parser, place, config_quote(&quoted, text), problem, "; allowed is host:port,host:port or [IPv6]:port");
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].port == port && bytes_equal_nocase(bytes_of_str(list->items[i].host), host)) {
            config_warning(parser, place, config_quote(&quoted, text), " is given more than once; it counts once");
            return;
        }
    }
    struct config_address *items = config_reserve(parser, list->items, sizeof *items, list->count, &list->capacity);
    if (!items)
        return;
    list->items = items;
    items[list->count].host = config_copy(parser, host);
    items[list->count++].port = (uint16_t)port;
}

void config_addresses_set(struct config_parser *parser, const struct config_place *place, struct config_pool *pool,
                          struct bytes value)
{
    struct address_list list = {NULL, 0, 0, false};
    bool more = true;
    while (more && !parser->out_of_memory) {
        const uint8_t *comma = value.len > 0 ? memchr(value.ptr, ',', value.len) : NULL;
        size_t len = comma ? (size_t)(comma - value.ptr) : value.len;
        address_add(parser, place, &list, text_trim(bytes_of(value.ptr, len)));
        more = comma != NULL;
        if (more)
            bytes_advance(&value, len + 1);
    }
    if (list.bad || parser->out_of_memory) {
        config_addresses_free(list.items, list.count);
        return;
    }
    config_addresses_free(pool->addresses, pool->address_count);
    pool->addresses = list.items;
    pool->address_count = list.count;
}

/* ---- Utf8ServerVariables */

void config_utf8_check(struct config_parser *parser, const struct config_place *place, const struct config_pool *pool)
{
    struct bytes list = bytes_of_str(pool->utf8_server_variables), name;
    struct config_quoted quoted;
    while (utf8_vars_next(&list, &name)) {
        if (!text_is_token(name))
            config_error(parser, place, config_quote(&quoted, name),
                         " is not the name of a variable; allowed is Name,Name such as PATH_INFO,PATH_TRANSLATED");
        else if (!cgi_vars_is_sent(name))
            config_warning(parser, place, config_quote(&quoted, name), " is not among the variables that programs get");
    }
}
