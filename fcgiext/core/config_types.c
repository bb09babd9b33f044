/* config_types: [Types], from "ext[:where]=section or path" to routes.
 *
 * An entry's name is checked when it is read, its value when all sections are known, for sections may follow [Types].
 * Invariant: config->routes and parser->targets have the same length; no two routes have the same extension and place (the last
 * entry of the file takes over the first one's route); after config_types_resolve each route has a pool of the configuration,
 * or SIZE_MAX and an error at its line. */
#include "fcgiext/core/config_parser.h"

#include <stdlib.h>

static const char allowed_name[] =
    "; allowed is ext, ext:site or ext:/LM/W3SVC/site/ROOT/app, with * for any extension, such as php=PHP or *:1=PHP";

struct config_target {
    char *text; /* a section's name or a path */
    char *name; /* of the entry, as written, for messages */
};

void config_types_deinit(struct config_parser *parser)
{
    for (size_t i = 0; parser->targets && i < parser->config->route_count; i++) {
        free(parser->targets[i].text);
        free(parser->targets[i].name);
    }
    free(parser->targets);
    name_index_deinit(&parser->route_keys);
}

struct bytes config_app_path(struct bytes path)
{
    struct bytes lm = bytes_of_str("/lm/");
    if (bytes_start_with_nocase(path, lm))
        bytes_advance(&path, lm.len - 1);
    while (path.len > 0 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

static bool is_site(struct bytes text)
{
    uint64_t id = 0;
    return config_number_parse(text, UINT32_MAX, &id) == CONFIG_NUMBER_OK && text.ptr[0] != '0';
}

/* "/w3svc/1/root", and below it segments that are not empty. */
static bool is_app_path(struct bytes path)
{
    static const char *const fixed[] = {"w3svc", NULL, "root"}; /* NULL: the site */
    if (path.len > CONFIG_MAX_APP_PATH_LEN)
        return false;
    for (size_t i = 0; path.len > 0 || i < 3; i++) {
        if (path.len < 2 || path.ptr[0] != '/')
            return false;
        bytes_advance(&path, 1);
        const uint8_t *slash = memchr(path.ptr, '/', path.len);
        struct bytes segment = bytes_of(path.ptr, slash ? (size_t)(slash - path.ptr) : path.len);
        bytes_advance(&path, segment.len);
        if (segment.len == 0)
            return false;
        if (i < 3 && fixed[i] ? !bytes_equal_nocase(segment, bytes_of_str(fixed[i])) : i == 1 && !is_site(segment))
            return false;
        for (size_t j = 0; j < segment.len; j++)
            if (strchr("\\*?\"<>|\t", segment.ptr[j]))
                return false;
    }
    return true;
}

static bool is_extension(struct bytes text)
{
    if (text.len == 1 && text.ptr[0] == '*')
        return true;
    for (size_t i = 0; i < text.len; i++)
        if (strchr("\\/:*?\"<>|,;. \t", text.ptr[i]))
            return false;
    return text.len > 0 && text.len <= CONFIG_MAX_EXTENSION_LEN;
}

/* What an entry's name says; slices of it. */
struct types_name {
    struct bytes extension;
    struct bytes site;
    struct bytes app_path;
};

/* false: reported. */
static bool parse_name(struct config_parser *parser, const struct config_place *place, struct bytes name,
                       struct types_name *out)
{
    struct config_quoted quoted;
    const uint8_t *colon = memchr(name.ptr, ':', name.len);
    struct bytes extension = text_trim(bytes_of(name.ptr, colon ? (size_t)(colon - name.ptr) : name.len));
    struct bytes none = bytes_of(NULL, 0), where = none;
    if (extension.len > 1 && extension.ptr[0] == '.') {
        bytes_advance(&extension, 1);
        config_warning(parser, place, "an extension is written without its dot; ", config_quote(&quoted, extension), " counts");
    }
    if (!is_extension(extension)) {
        config_error(parser, place, config_quote(&quoted, extension), " is not an extension", allowed_name);
        return false;
    }
    *out = (struct types_name){extension, none, none};
    if (!colon)
        return true;
    where = text_trim(bytes_of(colon + 1, (size_t)(name.ptr + name.len - colon - 1)));
    if (is_site(where)) {
        out->site = where;
        return true;
    }
    out->app_path = config_app_path(where);
    if (is_app_path(out->app_path))
        return true;
    bool path = where.len > 0 && where.ptr[0] == '/';
    config_error(parser, place, config_quote(&quoted, where),
                 path ? " is not an application's metabase path" : " is not a site's id", allowed_name);
    return false;
}

/* A value's own text: without a comment behind it, without quotes around it. */
static struct bytes parse_value(struct config_parser *parser, const struct config_place *place, struct bytes value)
{
    struct config_quoted quoted;
    for (size_t i = 1; i < value.len; i++) {
        if (value.ptr[i] != ';' || (value.ptr[i - 1] != ' ' && value.ptr[i - 1] != '\t'))
            continue;
        struct bytes comment = bytes_of(value.ptr + i, value.len - i);
        config_warning(parser, place, config_quote(&quoted, comment),
                       " is taken as a comment; better put it on a line of its own");
        value = text_trim(bytes_of(value.ptr, i));
        break;
    }
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = text_trim(bytes_of(value.ptr + 1, value.len - 2));
    return value;
}

static char *copy_lower(struct config_parser *parser, struct bytes text)
{
    char *copy = config_copy(parser, text);
    for (char *p = copy; p && *p; p++)
        *p = (char)ascii_lower((uint8_t)*p);
    return copy;
}

static struct name_key route_key(const struct config_route *route)
{
    struct name_key key = {bytes_of_str(route->extension), bytes_of_str(route->app_path[0] ? route->app_path : route->site)};
    return key;
}

static void add_route(struct config_parser *parser, const struct config_place *place, const struct types_name *name,
                      struct bytes target)
{
    struct config *config = parser->config;
    struct config_decimal decimal;
    if (config->route_count == CONFIG_MAX_ROUTES) {
        if (!parser->too_many_routes)
            config_error(parser, place, "this entry and those behind it are left out; allowed are ",
                         config_decimal(&decimal, CONFIG_MAX_ROUTES));
        parser->too_many_routes = true;
        return;
    }
    size_t target_capacity = parser->route_capacity;
    struct config_target *targets =
        config_reserve(parser, parser->targets, sizeof *targets, config->route_count, &target_capacity);
    if (!targets)
        return;
    parser->targets = targets;
    struct config_route *routes =
        config_reserve(parser, config->routes, sizeof *routes, config->route_count, &parser->route_capacity);
    if (!routes)
        return;
    config->routes = routes;
    size_t i = config->route_count++;
    struct config_route *route = &routes[i];
    *route = (struct config_route){copy_lower(parser, name->extension), config_copy(parser, name->site),
                                   copy_lower(parser, name->app_path), SIZE_MAX, place->line};
    targets[i].text = config_copy(parser, target);
    targets[i].name = config_copy(parser, bytes_of_str(place->property));
    if (!parser->out_of_memory && !name_index_put(&parser->route_keys, route_key(route), i))
        parser->out_of_memory = true;
}

void config_types_entry(struct config_parser *parser, unsigned line, const char *name, const char *value)
{
    struct config_place place = {line, parser->section, name, SIZE_MAX};
    struct types_name parts;
    struct config_decimal decimal;
    if (config_setting_find(name))
        config_warning(parser, &place,
                       "is taken as an extension, but it is the name of a pool's setting; is a [section] missing?");
    struct bytes target = parse_value(parser, &place, bytes_of_str(value));
    bool name_ok = parse_name(parser, &place, bytes_of_str(name), &parts);
    if (target.len == 0)
        config_error(parser, &place, "there is no value; allowed is a section's name or a program's path");
    if (!name_ok || target.len == 0)
        return;
    struct name_key key = {parts.extension, parts.app_path.len > 0 ? parts.app_path : parts.site};
    size_t i = name_index_find(&parser->route_keys, key);
    if (i == SIZE_MAX) {
        add_route(parser, &place, &parts, target);
        return;
    }
    struct config_route *first = &parser->config->routes[i];
    config_warning(parser, &place, "the same mapping stands in line ", config_decimal(&decimal, first->line),
                   "; this one counts");
    first->line = line;
    config_assign(parser, &parser->targets[i].text, target);
    config_assign(parser, &parser->targets[i].name, bytes_of_str(name));
}

/* ---- when all sections are known */

static const char *pool_name(const void *context, size_t i)
{
    return ((const struct config *)context)->pools[i].name;
}

static void report_missing(struct config_parser *parser, const struct config_place *place, const char *target)
{
    const struct config *config = parser->config;
    struct config_quoted quoted;
    struct config_guess guess = {""};
    struct config_decimal decimal;
    config_quote_str(&quoted, target);
    if (bytes_equal_nocase(bytes_of_str(target), bytes_of_str("Types")) ||
        bytes_equal_nocase(bytes_of_str(target), bytes_of_str("Management")))
        config_error(parser, place, quoted.text, " is no section of a pool");
    else if (parser->too_many_pools)
        config_error(parser, place, "there is no section ", quoted.text, " among the first ",
                     config_decimal(&decimal, CONFIG_MAX_POOLS));
    else {
        if (config_report_wants(parser, CONFIG_ERROR, place->line))
            config_guess(&guess, target, pool_name, config, config->pool_count);
        config_error(parser, place, "there is no section ", quoted.text, ", and it is not the path of a program", guess.text);
    }
}

/* A pool for a program's path that is no section's name, with all defaults. */
static size_t add_implicit_pool(struct config_parser *parser, struct config_place *place, struct bytes path)
{
    struct config_quoted quoted;
    size_t i = config_pool_add(parser, path, place);
    if (i == SIZE_MAX)
        return i;
    config_assign(parser, &parser->config->pools[i].exe_path, path);
    place->pool = i;
    if (!config_is_absolute(path))
        config_error(parser, place, config_quote(&quoted, path),
                     " is not an absolute path; allowed is one such as C:\\php\\php-cgi.exe");
    return i;
}

static void resolve_route(struct config_parser *parser, size_t i)
{
    struct config_route *route = &parser->config->routes[i];
    const struct config_target *target = &parser->targets[i];
    struct config_place place = {route->line, "Types", target->name, SIZE_MAX};
    struct bytes text = bytes_of_str(target->text);
    route->pool = name_index_find(&parser->pool_names, name_key_of(text));
    if (route->pool == SIZE_MAX && config_is_path(text))
        route->pool = add_implicit_pool(parser, &place, text);
    else if (route->pool == SIZE_MAX)
        report_missing(parser, &place, target->text);
    if (route->pool != SIZE_MAX)
        parser->config->pools[route->pool].mapped = true;
}

/* Settings that need a wildcard, in pools that have none; and sections that nothing leads to. */
static void check_pools(struct config_parser *parser)
{
    const struct config *config = parser->config;
    bool wildcard[CONFIG_MAX_POOLS] = {false};
    for (size_t i = 0; i < config->route_count; i++)
        if (config->routes[i].pool != SIZE_MAX && strcmp(config->routes[i].extension, "*") == 0)
            wildcard[config->routes[i].pool] = true;
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct config_pool *pool = &config->pools[i];
        struct config_place place = {pool->line, pool->name, "", i};
        if (!pool->mapped)
            config_warning(parser, &place, "no entry of [Types] names this section: it serves no request");
        else if (!wildcard[i] && (pool->ignore_existing_files || pool->ignore_directories))
            config_warning(parser, &place,
                           "IgnoreExistingFiles and IgnoreDirectories count for * mappings only, and this section has none");
    }
}

void config_types_resolve(struct config_parser *parser)
{
    struct config *config = parser->config;
    struct config_place place = {0, "", "", SIZE_MAX};
    if (parser->types_line == 0) {
        config_error(parser, &place, "there is no section [Types], which maps extensions to programs");
        return;
    }
    config->usable = true;
    for (size_t i = 0; i < config->route_count && !parser->out_of_memory; i++)
        resolve_route(parser, i);
    if (config->route_count == 0) {
        place.line = parser->types_line;
        place.section = "Types";
        config_warning(parser, &place, "the section maps nothing: no request will be served");
    }
    if (!parser->out_of_memory)
        check_pools(parser);
}
