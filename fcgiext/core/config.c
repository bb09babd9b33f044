/* config: puts fcgiext.ini together. Sections come in the order of the file; each setting goes at once into its pool, and when
 * the section ends what depends on several settings is checked.
 *
 * Invariant: every pool has all fields set from the moment it exists (defaults first), so whatever stops the parser leaves a
 * configuration that can be freed and shown. One section's errors touch only its own pool. */
#include "fcgiext/core/config.h"

#include <stdlib.h>

#include "fcgiext/core/config_parser.h"

/* ---- memory */

char *config_copy(struct config_parser *parser, struct bytes text)
{
    char *copy = malloc(text.len + 1);
    if (!copy) {
        parser->out_of_memory = true;
        return NULL;
    }
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

void config_assign(struct config_parser *parser, char **field, struct bytes text)
{
    char *copy = config_copy(parser, text);
    if (!copy)
        return;
    free(*field);
    *field = copy;
}

void *config_reserve(struct config_parser *parser, void *array, size_t element_size, size_t count, size_t *capacity)
{
    if (count < *capacity)
        return array;
    size_t larger = *capacity ? *capacity * 2 : 16;
    uint8_t *moved = larger > SIZE_MAX / element_size ? NULL : realloc(array, larger * element_size);
    if (!moved) {
        parser->out_of_memory = true;
        return NULL;
    }
    memset(moved + count * element_size, 0, (larger - count) * element_size);
    *capacity = larger;
    return moved;
}

void config_destroy(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->pool_count; i++) {
        free(config->pools[i].name);
        config_settings_free(config_settings, config_setting_count, &config->pools[i]);
    }
    for (size_t i = 0; i < config->route_count; i++) {
        free(config->routes[i].extension);
        free(config->routes[i].site);
        free(config->routes[i].app_path);
    }
    for (size_t i = 0; i < config->diagnostic_count; i++) {
        free(config->diagnostics[i].section);
        free(config->diagnostics[i].property);
        free(config->diagnostics[i].message);
    }
    config_settings_free(config_management_settings, config_management_setting_count, &config->management);
    free(config->pools);
    free(config->routes);
    free(config->diagnostics);
    free(config);
}

size_t config_pool_add(struct config_parser *parser, struct bytes name, const struct config_place *place)
{
    struct config *config = parser->config;
    struct config_decimal decimal;
    if (config->pool_count == CONFIG_MAX_POOLS) {
        if (!parser->too_many_pools)
            config_error(parser, place, "this pool and those behind it are left out; allowed are ",
                         config_decimal(&decimal, CONFIG_MAX_POOLS));
        parser->too_many_pools = true;
        return SIZE_MAX;
    }
    struct config_pool *pools =
        config_reserve(parser, config->pools, sizeof *pools, config->pool_count, &parser->pool_capacity);
    if (!pools)
        return SIZE_MAX;
    config->pools = pools;
    size_t i = config->pool_count++;
    struct config_pool *pool = &pools[i];
    pool->line = place->line;
    pool->valid = true;
    pool->name = config_copy(parser, name);
    if (!config_settings_apply_defaults(config_settings, config_setting_count, pool) || !pool->name ||
        !name_index_put(&parser->pool_names, name_key_of(bytes_of_str(pool->name)), i)) {
        parser->out_of_memory = true;
        return SIZE_MAX;
    }
    return i;
}

/* ---- a section's end: what depends on several settings */

static unsigned seen_line(const struct config_parser *parser, const char *name)
{
    return parser->seen[config_setting_index(config_settings, config_setting_count, name)];
}

static struct config_place seen_place(const struct config_parser *parser, const char *name)
{
    unsigned line = seen_line(parser, name);
    return config_place_here(parser, line ? line : parser->section_line, name);
}

static void check_program(struct config_parser *parser, struct config_pool *pool)
{
    struct config_place place = seen_place(parser, "ExePath");
    struct config_quoted quoted;
    struct bytes name = bytes_of_str(pool->name);
    if (pool->exe_path[0] == '\0' && config_is_path(name))
        config_assign(parser, &pool->exe_path, name);
    struct bytes path = bytes_of_str(pool->exe_path);
    if (path.len == 0)
        config_error(
            parser, &place,
            "is missing, and the section's name is not a path; allowed is an absolute path such as C:\\php\\php-cgi.exe");
    else if (!config_is_absolute(path))
        config_error(parser, &place, config_quote(&quoted, path),
                     " is not an absolute path; allowed is one such as C:\\php\\php-cgi.exe");
}

static void check_external(struct config_parser *parser)
{
    if (seen_line(parser, "ExePath")) {
        struct config_place place = seen_place(parser, "Address");
        config_error(parser, &place,
                     "stands beside ExePath; allowed is one of the two: external servers, or a program that is started here");
    }
    for (size_t i = 0; i < config_setting_count; i++) {
        struct config_place place = config_place_here(parser, parser->seen[i], config_settings[i].name);
        if (parser->seen[i] && config_settings[i].own_processes && strcmp(place.property, "ExePath") != 0)
            config_warning(parser, &place, "has no effect beside Address: no processes are started here");
    }
}

uint32_t config_own_request_limit(const struct config_pool *pool)
{
    uint64_t limit = 0;
    for (size_t i = 0; i < pool->env_count; i++)
        if (bytes_equal_nocase(bytes_of_str(pool->env[i].name), bytes_of_str(CONFIG_PHP_LIMIT)) &&
            config_number_parse(text_trim(bytes_of_str(pool->env[i].value)), INT32_MAX, &limit) != CONFIG_NUMBER_OK)
            limit = 0;
    return (uint32_t)limit;
}

/* When PHP reaches its own limit first, it ends sooner than the section says. */
static void check_php_limit(struct config_parser *parser, const struct config_pool *pool)
{
    struct config_place place = seen_place(parser, "EnvironmentVars");
    struct config_decimal limit, ours;
    uint32_t number = config_own_request_limit(pool);
    if (number == 0 || number >= pool->instance_max_requests)
        return;
    config_warning(parser, &place, CONFIG_PHP_LIMIT " is ", config_decimal(&limit, number), ", below InstanceMaxRequests (",
                   config_decimal(&ours, pool->instance_max_requests),
                   "): PHP would end by itself first; set both to the same number, or leave PHP_FCGI_MAX_REQUESTS out");
}

static void check_numbers(struct config_parser *parser, const struct config_pool *pool)
{
    struct config_decimal a;
    struct config_place place = seen_place(parser, "ActivityTimeout");
    if (seen_line(parser, "ActivityTimeout") && pool->request_timeout_s < pool->activity_timeout_s)
        config_warning(parser, &place, "has no effect: RequestTimeout (", config_decimal(&a, pool->request_timeout_s),
                       ") is shorter");
    place = seen_place(parser, "MinInstances");
    if (pool->max_instances > 0 && pool->min_instances > pool->max_instances)
        config_warning(parser, &place, "is above MaxInstances (", config_decimal(&a, pool->max_instances), "), which counts");
    place = seen_place(parser, "KeepConnections");
    if (pool->flush_named_pipe && pool->keep_connections == CONFIG_KEEP_ALWAYS)
        config_warning(parser, &place, "has no effect: FlushNamedPipe=1 keeps no connection");
}

static void end_section(struct config_parser *parser)
{
    if (parser->state != CONFIG_STATE_POOL || parser->repeated || parser->out_of_memory)
        return;
    struct config_pool *pool = &parser->config->pools[parser->pool];
    if (seen_line(parser, "Address"))
        check_external(parser);
    else
        check_program(parser, pool);
    check_php_limit(parser, pool);
    check_numbers(parser, pool);
    struct config_place place = seen_place(parser, "Utf8ServerVariables");
    config_utf8_check(parser, &place, pool);
}

/* ---- sections and entries as they come */

struct config_place config_place_here(const struct config_parser *parser, unsigned line, const char *property)
{
    struct config_place place = {line, parser->section, property, parser->pool};
    return place;
}

static void report_repeated(struct config_parser *parser, unsigned line, unsigned first)
{
    struct config_place place = config_place_here(parser, line, "");
    struct config_decimal decimal;
    parser->repeated = true;
    config_error(parser, &place, "the section stands in line ", config_decimal(&decimal, first),
                 " already; allowed is one section of a name");
}

/* [Types] or [Management]. */
static void enter_special(struct config_parser *parser, unsigned line, enum config_state state, unsigned *first)
{
    parser->state = state;
    if (*first)
        report_repeated(parser, line, *first);
    else
        *first = line;
}

void config_on_section(struct config_parser *parser, unsigned line, struct bytes name)
{
    end_section(parser);
    parser->state = CONFIG_STATE_SKIPPED;
    parser->pool = SIZE_MAX;
    parser->repeated = false;
    parser->section_line = line;
    memset(parser->seen, 0, sizeof parser->seen);
    config_assign(parser, &parser->section, name);
    if (parser->out_of_memory)
        return;
    struct config_place place = config_place_here(parser, line, "");
    if (name.len == 0) {
        config_error(parser, &place, "the section has no name; allowed is [name]");
    } else if (bytes_equal_nocase(name, bytes_of_str("Types"))) {
        enter_special(parser, line, CONFIG_STATE_TYPES, &parser->types_line);
    } else if (bytes_equal_nocase(name, bytes_of_str("Management"))) {
        enter_special(parser, line, CONFIG_STATE_MANAGEMENT, &parser->management_line);
    } else {
        size_t known = name_index_find(&parser->pool_names, name_key_of(name));
        parser->pool = known == SIZE_MAX ? config_pool_add(parser, name, &place) : known;
        if (parser->pool == SIZE_MAX)
            return;
        parser->state = CONFIG_STATE_POOL;
        if (known != SIZE_MAX)
            report_repeated(parser, line, parser->config->pools[known].line);
    }
}

static const char *setting_name(const void *context, size_t i)
{
    return ((const struct config_setting *)context)[i].name;
}

static void read_setting(struct config_parser *parser, const struct config_setting *settings, size_t count, void *base,
                         const struct config_place *place, const char *value)
{
    size_t i = config_setting_index(settings, count, place->property);
    struct config_decimal decimal;
    if (i == SIZE_MAX) {
        struct config_guess guess = {""};
        if (config_report_wants(parser, CONFIG_ERROR, place->line))
            config_guess(&guess, place->property, setting_name, settings, count);
        config_error(parser, place, "there is no such property", guess.text);
        return;
    }
    if (parser->seen[i])
        config_warning(parser, place, "stands in line ", config_decimal(&decimal, parser->seen[i]),
                       " already; this one counts");
    parser->seen[i] = place->line;
    config_value_set(parser, place, &settings[i], base, value);
}

void config_on_entry(struct config_parser *parser, unsigned line, const char *name, const char *value)
{
    struct config_place place = config_place_here(parser, line, name);
    if (parser->out_of_memory)
        return;
    switch (parser->state) {
    case CONFIG_STATE_NO_SECTION: config_error(parser, &place, "stands before the first [section]"); break;
    case CONFIG_STATE_SKIPPED: break;
    case CONFIG_STATE_TYPES: config_types_entry(parser, line, name, value); break;
    case CONFIG_STATE_MANAGEMENT:
        read_setting(parser, config_management_settings, config_management_setting_count, &parser->config->management, &place,
                     value);
        break;
    case CONFIG_STATE_POOL:
        read_setting(parser, config_settings, config_setting_count, &parser->config->pools[parser->pool], &place, value);
        break;
    }
}

/* ---- the whole file */

static void parse(struct config_parser *parser, struct bytes text)
{
    struct config_place place = {0, "", "", SIZE_MAX};
    struct config_decimal len, max;
    if (text.len > CONFIG_MAX_FILE_LEN) {
        config_error(parser, &place, "the file is ", config_decimal(&len, text.len), " bytes long; allowed are ",
                     config_decimal(&max, CONFIG_MAX_FILE_LEN));
        return;
    }
    config_text_read(parser, text);
    end_section(parser);
    if (!parser->out_of_memory)
        config_types_resolve(parser);
}

struct config *config_parse(struct bytes text, const struct config_options *options)
{
    struct config_parser *parser = calloc(1, sizeof *parser);
    struct config *config = calloc(1, sizeof *config);
    if (!parser || !config) {
        free(parser);
        free(config);
        return NULL;
    }
    parser->config = config;
    parser->options = options;
    parser->pool = SIZE_MAX;
    name_index_init(&parser->pool_names);
    name_index_init(&parser->route_keys);
    parser->section = config_copy(parser, bytes_of_str(""));
    if (!config_settings_apply_defaults(config_management_settings, config_management_setting_count, &config->management))
        parser->out_of_memory = true;
    if (!parser->out_of_memory)
        parse(parser, text);
    if (!parser->out_of_memory)
        config_report_finish(parser);

    bool out_of_memory = parser->out_of_memory;
    config_types_deinit(parser);
    config_report_deinit(&parser->report);
    name_index_deinit(&parser->pool_names);
    free(parser->section);
    free(parser);
    if (!out_of_memory)
        return config;
    config_destroy(config);
    return NULL;
}
