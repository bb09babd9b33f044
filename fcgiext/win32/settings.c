/* settings: see settings.h. */
#include "fcgiext/win32/settings.h"

#include <stdlib.h>

#include "fcgiext/win32/config_file.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/pool_plan.h"
#include "fcgiext/win32/utf8_registry.h"
#include "fcgiext/win32/wide.h"

enum { REPORT_LEN = 64 * 1024 };

static void report_errors(struct settings *settings)
{
    struct buffer *out = &settings->report;
    const char *path = settings->engine->config_path_utf8;
    if (settings->load_error) {
        buffer_append_str(out, path);
        buffer_append_str(out, ": error: cannot read the file: ");
        system_text(settings->load_error, out);
        buffer_append_str(out, "\n");
        return;
    }
    for (size_t i = 0; i < settings->config->diagnostic_count; i++)
        if (settings->config->diagnostics[i].severity == CONFIG_ERROR)
            config_diagnostic_format(&settings->config->diagnostics[i], path, out);
}

static bool find_utf8_vars(struct settings *settings)
{
    const struct config *config = settings->config;
    struct buffer machine;
    settings->utf8_vars = calloc(config->pool_count + 1, sizeof *settings->utf8_vars);
    if (!settings->utf8_vars)
        return false;
    buffer_init(&machine, 2 * UTF8_REGISTRY_MAX_LEN); /* a unit of UTF-16 is at most 3 bytes */
    bool made = utf8_registry_read(&machine);
    for (size_t i = 0; i < config->pool_count && made; i++)
        made = utf8_vars_init(&settings->utf8_vars[i], buffer_peek(&machine),
                              bytes_of_str(config->pools[i].utf8_server_variables));
    buffer_deinit(&machine);
    return made;
}

static void free_utf8_vars(struct settings *settings)
{
    for (size_t i = 0; settings->utf8_vars && i < settings->config->pool_count; i++)
        utf8_vars_deinit(&settings->utf8_vars[i]);
    free(settings->utf8_vars);
}

struct settings *settings_load(struct engine *engine)
{
    struct settings *settings = calloc(1, sizeof *settings);
    if (!settings)
        return NULL;
    settings->engine = engine;
    settings->read_unix_ms = engine_unix_ms();
    settings->users = settings->refs = 1;
    buffer_init(&settings->report, REPORT_LEN);
    settings->config = config_file_load(engine->config_path, &settings->load_error);
    if (settings->config) {
        settings->routes = routes_create(settings->config);
        settings->pools = calloc(settings->config->pool_count + 1, sizeof(struct engine_pool *));
        if (settings->config->error_count) /* without memory they share those of no pool */
            settings->gates = calloc(settings->config->pool_count + 1, sizeof *settings->gates);
    }
    if (!settings->routes || !settings->pools || !find_utf8_vars(settings)) {
        settings_unref(settings);
        return NULL;
    }
    report_errors(settings);
    return settings;
}

uint32_t settings_error_count(const struct settings *settings)
{
    return (uint32_t)settings->config->error_count + (settings->load_error != 0);
}

struct settings *settings_enter(struct engine *engine)
{
    EnterCriticalSection(&engine->settings_lock);
    struct settings *settings = engine->settings;
    InterlockedIncrement(&settings->users);
    LeaveCriticalSection(&engine->settings_lock);
    return settings;
}

void settings_leave(struct settings *settings)
{
    struct engine *engine = settings->engine;
    if (InterlockedDecrement(&settings->users))
        return;
    EnterCriticalSection(&engine->settings_lock);
    settings->next_unused = engine->unused;
    engine->unused = settings;
    LeaveCriticalSection(&engine->settings_lock);
    watch_wake(&engine->watch);
}

void settings_publish(struct engine *engine, struct settings *settings)
{
    EnterCriticalSection(&engine->settings_lock);
    struct settings *old = engine->settings;
    engine->settings = settings;
    LeaveCriticalSection(&engine->settings_lock);
    if (old)
        settings_leave(old);
}

static void free_constants(struct cgi_constants *constants)
{
    if (constants)
        cgi_constants_deinit(constants);
    free(constants);
}

const struct cgi_constants *settings_constants(struct settings *settings, cgi_vars_get *get, void *get_context)
{
    if (settings->constants)
        return settings->constants;
    struct cgi_constants *constants = calloc(1, sizeof *constants);
    if (!constants || !cgi_constants_init(constants, get, get_context)) {
        free(constants);
        return NULL;
    }
    struct cgi_constants *first = InterlockedCompareExchangePointer((void *volatile *)&settings->constants, constants, NULL);
    if (!first)
        return constants;
    free_constants(constants);
    return first;
}

void settings_ref(struct settings *settings)
{
    InterlockedIncrement(&settings->refs);
}

void settings_unref(struct settings *settings)
{
    if (InterlockedDecrement(&settings->refs))
        return;
    routes_destroy(settings->routes);
    free_utf8_vars(settings);
    free(settings->gates);
    config_destroy(settings->config);
    buffer_deinit(&settings->report);
    free(settings->pools);
    free_constants(settings->constants);
    free(settings);
}

/* ---- versions of a pool ---- */

struct pool_version *pool_version_create(struct settings *settings, const struct config_pool *config)
{
    struct pool_version *version = calloc(1, sizeof *version);
    if (!version)
        return NULL;
    version->refs = 1;
    version->settings = settings;
    version->config = config;
    version->limits = pool_limits_of(config);
    settings_ref(settings);
    bool made = pool_plan_make(&version->plan, config) == 0;
    if (config->address_count)
        version->servers = server_list_create((uint32_t)config->address_count);
    if (made && (version->servers || !config->address_count))
        return version;
    pool_version_unref(version);
    return NULL;
}

void pool_version_follow(struct pool_version *version, const struct pool_version *old)
{
    if (!old || !old->servers || !version->servers || !config_pool_same_addresses(old->config, version->config))
        return;
    server_list_unref(version->servers);
    version->servers = old->servers;
    server_list_ref(version->servers);
}

void pool_version_ref(struct pool_version *version)
{
    InterlockedIncrement(&version->refs);
}

void pool_version_unref(struct pool_version *version)
{
    if (InterlockedDecrement(&version->refs))
        return;
    pool_plan_free(&version->plan);
    if (version->servers)
        server_list_unref(version->servers);
    settings_unref(version->settings);
    free(version);
}
