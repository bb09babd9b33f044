/* fcgiext.ini, whatever is in it: a configuration that hangs together, whose strings all end, and problems that are bounded, in
 * order and fit for a log. The same bytes give the same again, and the kind of line ends does not matter.
 *
 * Input: the file. */
#include "tests/fuzz/fuzz.h"

#include "fcgiext/core/routes.h"
#include "fcgiext/core/text.h"

enum { MAX_LINE_OF_LOG = 6000 }; /* of a message of at most 4096 bytes, with its place */

/* ---- a dump: every value and every string, to compare two configurations */

static void dump_number(struct buffer *out, uint64_t number)
{
    CHECK(text_append_decimal(out, number) && buffer_append_str(out, " "));
}

static void dump_str(struct buffer *out, const char *str)
{
    CHECK(str);
    dump_number(out, strlen(str)); /* AddressSanitizer sees one that does not end */
    CHECK(buffer_append_str(out, str));
}

static uint64_t number_of(const struct config_setting *setting, const uint8_t *field)
{
    uint64_t number = 0;
    uint32_t number32 = 0;
    if (setting->size == sizeof number)
        memcpy(&number, field, sizeof number);
    else if (setting->size == sizeof number32)
        memcpy(&number32, field, sizeof number32);
    else
        number = *field;
    return setting->size == sizeof number32 ? number32 : number;
}

static void dump_setting(struct buffer *out, const struct config_setting *setting, const void *base)
{
    const uint8_t *field = (const uint8_t *)base + setting->offset;
    const char *str;
    uint64_t number;
    size_t choices = 0;
    switch (setting->type) {
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_PATH:
        memcpy(&str, field, sizeof str);
        dump_str(out, str);
        break;
    case CONFIG_TYPE_NUMBER: dump_number(out, number_of(setting, field)); break;
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_ENUM:
        number = number_of(setting, field);
        while (setting->type == CONFIG_TYPE_ENUM && setting->choices[choices])
            choices++;
        CHECK(number < (choices ? choices : 2));
        dump_number(out, number);
        break;
    case CONFIG_TYPE_ENVIRONMENT:
    case CONFIG_TYPE_SERVERS: break; /* dump_pool */
    }
}

static void dump_pool(struct buffer *out, const struct config_pool *pool)
{
    dump_str(out, pool->name);
    dump_number(out, pool->line);
    dump_number(out, pool->valid * 2u + pool->mapped);
    for (size_t i = 0; i < config_setting_count; i++)
        dump_setting(out, &config_settings[i], pool);
    for (size_t i = 0; i < pool->env_count; i++) {
        dump_str(out, pool->env[i].name);
        dump_str(out, pool->env[i].value);
    }
    for (size_t i = 0; i < pool->address_count; i++) {
        dump_str(out, pool->addresses[i].host);
        dump_number(out, pool->addresses[i].port);
    }
}

static void dump(struct buffer *out, const struct config *config)
{
    for (size_t i = 0; i < config->pool_count; i++)
        dump_pool(out, &config->pools[i]);
    for (size_t i = 0; i < config->route_count; i++) {
        dump_str(out, config->routes[i].extension);
        dump_str(out, config->routes[i].site);
        dump_str(out, config->routes[i].app_path);
        dump_number(out, config->routes[i].pool);
        dump_number(out, config->routes[i].line);
    }
    for (size_t i = 0; i < config_management_setting_count; i++)
        dump_setting(out, &config_management_settings[i], &config->management);
    for (size_t i = 0; i < config->diagnostic_count; i++) {
        const struct config_diagnostic *d = &config->diagnostics[i];
        dump_number(out, d->severity);
        dump_number(out, d->line);
        dump_number(out, d->pool);
        dump_str(out, d->section);
        dump_str(out, d->property);
        dump_str(out, d->message);
    }
    dump_number(out, config->error_count * 2 + config->usable);
}

/* ---- what holds for each */

static void check_line_of_log(const struct config_diagnostic *diagnostic)
{
    struct buffer out;
    buffer_init(&out, MAX_LINE_OF_LOG);
    CHECK(config_diagnostic_format(diagnostic, "C:\\fcgiext.ini", &out) && out.len > 0);
    struct bytes text = buffer_peek(&out);
    CHECK(text.ptr[text.len - 1] == '\n');
    for (text.len--; text.len > 0;) {
        size_t len = text_utf8_len(text);
        CHECK(len > 0 && !text_is_control(text.ptr[0]));
        bytes_advance(&text, len);
    }
    size_t len = out.len;
    buffer_deinit(&out);
    buffer_init(&out, len - 1);
    CHECK(!config_diagnostic_format(diagnostic, "C:\\fcgiext.ini", &out) && out.len == 0);
    buffer_deinit(&out);
}

static void check_diagnostics(const struct config *config, unsigned last_line)
{
    size_t errors = 0, count = config->diagnostic_count;
    CHECK(count <= CONFIG_MAX_DIAGNOSTICS);
    for (size_t i = 0; i < count; i++) {
        const struct config_diagnostic *d = &config->diagnostics[i];
        CHECK(d->line <= last_line);
        CHECK(i == 0 || config->diagnostics[i - 1].line <= d->line || (d->line == 0 && i + 1 == CONFIG_MAX_DIAGNOSTICS));
        CHECK(d->pool == SIZE_MAX || d->pool < config->pool_count);
        CHECK(d->severity == CONFIG_WARNING || d->pool == SIZE_MAX || !config->pools[d->pool].valid);
        errors += d->severity == CONFIG_ERROR;
        check_line_of_log(d);
    }
    CHECK(count == CONFIG_MAX_DIAGNOSTICS ? errors <= config->error_count : errors == config->error_count);
}

static void check_pools(const struct config *config)
{
    CHECK(config->pool_count <= CONFIG_MAX_POOLS);
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct config_pool *pool = &config->pools[i];
        CHECK(pool->name[0] && (!pool->valid || pool->exe_path[0] || pool->address_count > 0));
        CHECK(pool->env_count <= CONFIG_MAX_ENV && pool->address_count <= CONFIG_MAX_ADDRESSES);
        for (size_t e = 0; e < pool->env_count; e++)
            CHECK(pool->env[e].name[0]);
        for (size_t a = 0; a < pool->address_count; a++)
            CHECK(pool->addresses[a].host[0] && pool->addresses[a].port);
        CHECK(config_pool_same_processes(pool, pool));
    }
    CHECK(!config->usable || config_may_replace(config, config));
}

/* Each entry is found by what it says. */
static void check_routes(const struct config *config)
{
    struct routes *routes = routes_create(config);
    CHECK(routes && config->route_count <= CONFIG_MAX_ROUTES);
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        CHECK(route->pool == SIZE_MAX || (route->pool < config->pool_count && config->pools[route->pool].mapped));
        struct routes_query query = {bytes_of_str(route->extension), bytes_of_str(route->site), bytes_of_str(route->app_path)};
        struct routes_match match;
        CHECK(routes_find(routes, &query, &match) && match.line == route->line && match.pool == route->pool);
    }
    routes_destroy(routes);
}

static void parse(struct bytes text, struct buffer *out)
{
    struct bytes copy = fuzz_copy(text);
    unsigned lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n' || text.ptr[i] == '\r';
    struct config *config = config_parse(copy, NULL);
    fuzz_free(copy); /* nothing of the configuration points into it */
    CHECK(config);
    check_diagnostics(config, lines);
    check_pools(config);
    check_routes(config);
    dump(out, config);
    config_destroy(config);
}

/* With CR LF for LF; false: there are other things that a CR would change. */
static bool with_cr(struct bytes text, struct buffer *out)
{
    if (text.len == 0 || memchr(text.ptr, '\r', text.len) || memchr(text.ptr, '\0', text.len) || text.ptr[0] >= 0xfe)
        return false;
    uint8_t *room = buffer_reserve(out, 2 * text.len), *end = room;
    CHECK(room);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            *end++ = '\r';
        *end++ = text.ptr[i];
    }
    buffer_commit(out, (size_t)(end - room));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes text = bytes_of(data, size);
    struct buffer first, again, dos;
    buffer_init(&first, SIZE_MAX / 8);
    buffer_init(&again, SIZE_MAX / 8);
    buffer_init(&dos, SIZE_MAX / 8);
    parse(text, &first);
    parse(with_cr(text, &dos) ? buffer_peek(&dos) : text, &again);
    CHECK(bytes_equal(buffer_peek(&first), buffer_peek(&again)));
    buffer_deinit(&first);
    buffer_deinit(&again);
    buffer_deinit(&dos);
    return 0;
}
