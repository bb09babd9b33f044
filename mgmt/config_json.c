/* config_json: walks the table of settings, so a new setting needs nothing here. */
#include "mgmt/config_json.h"

#include "fcgiext/core/text.h"
#include "mgmt/protocol.h"

#include <stdlib.h>

/* ---- one value, as text of the ini */

static const char *string_of(const struct config_setting *setting, const void *base)
{
    return *(char *const *)(const void *)((const char *)base + setting->offset);
}

static uint64_t number_of(const struct config_setting *setting, const void *base)
{
    const char *field = (const char *)base + setting->offset;
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (setting->size == sizeof wide)
        memcpy(&wide, field, sizeof wide);
    else if (setting->size == sizeof narrow)
        memcpy(&narrow, field, sizeof narrow);
    else
        narrow = *(const bool *)(const void *)field;
    return setting->size == sizeof wide ? wide : narrow;
}

static void add_str(struct json *json, const char *text)
{
    json_add_text(json, bytes_of_str(text));
}

/* "/," and "//" stand for a comma and a slash. */
static void add_escaped(struct json *json, const char *text)
{
    for (size_t len = strcspn(text, "/,"); text[len]; len = strcspn(text, "/,")) {
        json_add_text(json, bytes_of(text, len));
        add_str(json, text[len] == '/' ? "//" : "/,");
        text += len + 1;
    }
    add_str(json, text);
}

static void add_environment(struct json *json, const struct config_pool *pool)
{
    for (size_t i = 0; i < pool->env_count; i++) {
        struct bytes value = bytes_of_str(pool->env[i].value);
        bool quotes = text_trim(value).len != value.len;
        add_str(json, i > 0 ? "," : "");
        add_escaped(json, pool->env[i].name);
        add_str(json, quotes ? ":\"" : ":");
        add_escaped(json, pool->env[i].value);
        add_str(json, quotes ? "\"" : "");
    }
}

static void add_number(struct json *json, uint64_t number)
{
    uint8_t digits[TEXT_MAX_DECIMAL_LEN];
    json_add_text(json, bytes_of(digits, text_put_decimal(digits, number)));
}

static void add_addresses(struct json *json, const struct config_pool *pool)
{
    for (size_t i = 0; i < pool->address_count; i++) {
        bool brackets = strchr(pool->addresses[i].host, ':') != NULL;
        add_str(json, i > 0 ? "," : "");
        add_str(json, brackets ? "[" : "");
        add_str(json, pool->addresses[i].host);
        add_str(json, brackets ? "]:" : ":");
        add_number(json, pool->addresses[i].port);
    }
}

static void add_value(struct json *json, const struct config_setting *setting, const struct config_pool *pool)
{
    switch (setting->type) {
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_PATH: add_str(json, string_of(setting, pool)); break;
    case CONFIG_TYPE_NUMBER: add_number(json, number_of(setting, pool)); break;
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_ENUM: add_str(json, setting->choices[number_of(setting, pool)]); break;
    case CONFIG_TYPE_ENVIRONMENT: add_environment(json, pool); break;
    case CONFIG_TYPE_SERVERS: add_addresses(json, pool); break;
    }
}

static bool is_default(const struct config_setting *setting, const struct config_pool *pool)
{
    switch (setting->type) {
    case CONFIG_TYPE_STRING: return strcmp(string_of(setting, pool), setting->default_text) == 0;
    case CONFIG_TYPE_PATH: /* the default of ExePath is the section's name */
        return string_of(setting, pool)[0] == '\0' ||
               (setting->default_text[0] && strcmp(string_of(setting, pool), pool->name) == 0);
    case CONFIG_TYPE_NUMBER: return number_of(setting, pool) == strtoull(setting->default_text, NULL, 10);
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_ENUM: return strcmp(setting->choices[number_of(setting, pool)], setting->default_text) == 0;
    case CONFIG_TYPE_ENVIRONMENT: return pool->env_count == 0;
    case CONFIG_TYPE_SERVERS: break;
    }
    return pool->address_count == 0;
}

static void write_variables(struct json *json, const struct config_pool *pool, bool all)
{
    json_begin_array(json, "variables");
    for (size_t i = 0; i < pool->env_count; i++) {
        json_begin_object(json, NULL);
        json_string(json, "name", pool->env[i].name);
        if (all)
            json_string(json, "value", pool->env[i].value);
        else
            json_null(json, "value");
        json_end_object(json);
    }
    json_end_array(json);
}

void config_json_settings(struct json *json, const struct config_pool *pool, bool all)
{
    json_begin_array(json, "settings");
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        json_begin_object(json, NULL);
        json_string(json, "name", setting->name);
        if (setting->type == CONFIG_TYPE_ENVIRONMENT && !all) {
            json_null(json, "value");
        } else {
            json_begin_string(json, "value");
            add_value(json, setting, pool);
            json_end_string(json);
        }
        json_string(json, "default", setting->default_text);
        json_bool(json, "is_default", is_default(setting, pool));
        json_string(json, "unit", setting->unit ? setting->unit : "");
        json_string(json, "since", setting->since);
        if (setting->type == CONFIG_TYPE_ENVIRONMENT)
            write_variables(json, pool, all);
        json_end_object(json);
    }
    json_end_array(json);
}

/* ---- diagnostics */

static bool is_known(const struct config_setting *settings, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_nocase(bytes_of_str(settings[i].name), bytes_of_str(name)))
            return settings[i].type != CONFIG_TYPE_ENVIRONMENT;
    return false;
}

/* May it hold a part of an EnvironmentVars? Quoted is what stands where it does not belong: its own value, a line without a
 * property, a property that does not exist (a list that somebody has continued on a second line). [Types] holds no secrets. */
static bool may_quote_secret(const struct config_diagnostic *diagnostic)
{
    if (bytes_equal_nocase(bytes_of_str(diagnostic->section), bytes_of_str("Types")))
        return diagnostic->property[0] == '\0';
    return !is_known(config_settings, config_setting_count, diagnostic->property) &&
           !is_known(config_management_settings, config_management_setting_count, diagnostic->property);
}

/* From the first quote to the last one there may be quotes that are part of what is quoted. */
static void write_without_quotes(struct json *json, const char *message)
{
    const char *first = strchr(message, '\''), *last = strrchr(message, '\'');
    json_begin_string(json, "message");
    if (first && last != first) {
        json_add_text(json, bytes_of(message, (size_t)(first - message)));
        add_str(json, "'...'");
        add_str(json, last + 1);
    } else {
        add_str(json, message);
    }
    json_end_string(json);
}

static void write_diagnostic(struct json *json, const struct config_diagnostic *diagnostic, bool all)
{
    bool hide = !all && may_quote_secret(diagnostic);
    bool environment = bytes_equal_nocase(bytes_of_str(diagnostic->property), bytes_of_str("EnvironmentVars"));
    json_begin_object(json, NULL);
    json_string(json, "severity", diagnostic->severity == CONFIG_ERROR ? "error" : "warning");
    json_number(json, "line", diagnostic->line);
    json_string(json, "section", diagnostic->section);
    json_string(json, "property", hide && !environment ? "" : diagnostic->property);
    if (hide)
        write_without_quotes(json, diagnostic->message);
    else
        json_string(json, "message", diagnostic->message);
    json_end_object(json);
}

static void write_diagnostics(struct json *json, const struct config *config, size_t pool, bool all)
{
    json_begin_array(json, "diagnostics");
    for (size_t i = 0; i < config->diagnostic_count; i++)
        if (pool == SIZE_MAX || config->diagnostics[i].pool == pool)
            write_diagnostic(json, &config->diagnostics[i], all);
    json_end_array(json);
}

void config_json_diagnostics(struct json *json, const struct config *config, bool all)
{
    write_diagnostics(json, config, SIZE_MAX, all);
}

/* ---- the whole */

static void write_pools(struct json *json, const struct config *config, size_t only, bool all)
{
    json_begin_array(json, "pools");
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct config_pool *pool = &config->pools[i];
        if (only != SIZE_MAX && only != i)
            continue;
        json_begin_object(json, NULL);
        json_string(json, "name", pool->name);
        json_number(json, "line", pool->line);
        json_bool(json, "valid", pool->valid);
        json_bool(json, "mapped", pool->mapped);
        config_json_settings(json, pool, all);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_types(struct json *json, const struct config *config, size_t only)
{
    json_begin_array(json, "types");
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        if (only != SIZE_MAX && only != route->pool)
            continue;
        json_begin_object(json, NULL);
        json_string(json, "extension", route->extension);
        json_string(json, "site", route->site);
        json_string(json, "app_path", route->app_path);
        if (route->pool < config->pool_count)
            json_string(json, "pool", config->pools[route->pool].name);
        else
            json_null(json, "pool");
        json_number(json, "line", route->line);
        json_end_object(json);
    }
    json_end_array(json);
}

static const char *or_default(const char *sddl, const char *fallback)
{
    return sddl[0] ? sddl : fallback;
}

void config_json(struct json *json, const struct config *config, size_t pool, bool all)
{
    const struct config_management *management = &config->management;
    write_pools(json, config, pool, all);
    write_types(json, config, pool);
    write_diagnostics(json, config, pool, all);
    json_begin_object(json, "management");
    json_bool(json, "pipe", management->enabled);
    json_string(json, "query_sddl", or_default(management->query_sddl, MGMT_QUERY_SDDL));
    json_string(json, "operate_sddl", or_default(management->operate_sddl, MGMT_OPERATE_SDDL));
    json_string(json, "error_details", management->error_details_to_all ? "all" : "local");
    json_end_object(json);
}
