/* reload: see reload.h. All of it runs on the watch's thread, or before there is one: no two reloads at a time.
 *
 * First everything is made that can fail, then everything is put in force. The pools come before the routes that lead to them;
 * a pool that no settings with users lead to any more is drained, so a request that has found its pool is never refused. */
#include "fcgiext/win32/reload.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "fcgiext/win32/config_log.h"
#include "fcgiext/win32/mgmt_ops.h"
#include "fcgiext/win32/mgmt_serve.h"
#include "fcgiext/win32/wide.h"
#include "perfcounters/atomic.h"

static void tell_pool(struct engine_pool *pool, enum pool_event_kind kind)
{
    struct pool_event event = {.kind = kind};
    engine_pool_event(pool, &event);
}

/* ---- what is to be watched ---- */

static bool is_absolute(const WCHAR *path)
{
    return path[0] == L'\\' || path[0] == L'/' || (path[0] && path[1] == L':');
}

/* MonitorChangesTo of the version in force, as an absolute path; NULL: there is none, or no memory. */
static WCHAR *monitored_path(const struct pool_version *version)
{
    const char *text = version->config->monitor_changes_to;
    const WCHAR *folder = version->plan.directory; /* of the program; NULL: no process of ours */
    WCHAR *file = *text ? wide_of_utf8(text) : NULL;
    if (!file || !folder || is_absolute(file))
        return file;
    size_t len = wcslen(folder) + wcslen(file) + 2;
    WCHAR *path = malloc(len * sizeof *path);
    if (path) {
        wcscpy(path, folder);
        wcscat(path, L"\\");
        wcscat(path, file);
    }
    free(file);
    return path;
}

/* Settings that are in force. */
static bool watch_settings(struct engine *engine, const struct settings *settings)
{
    size_t pool_count = settings->config->pool_count;
    struct watch_request *requests = calloc(pool_count + 1, sizeof *requests);
    if (!requests)
        return false;
    unsigned count = 0;
    requests[count].path = _wcsdup(engine->config_path);
    count += requests[count].path != NULL;
    for (size_t i = 0; i < pool_count; i++) {
        requests[count].path = settings->pools[i] ? monitored_path(settings->pools[i]->version) : NULL;
        requests[count].subject = settings->pools[i];
        count += requests[count].path != NULL;
    }
    bool watched = watch_files(&engine->watch, requests, count);
    free(requests);
    return watched;
}

/* ---- putting settings in force ---- */

static bool prepare_pools(struct engine *engine, struct settings *settings)
{
    for (size_t i = 0; i < settings->config->pool_count; i++) {
        const struct config_pool *config = &settings->config->pools[i];
        if (!config->valid)
            continue;
        settings->pools[i] = engine_pool_prepare(engine, settings, config);
        if (!settings->pools[i])
            return false;
    }
    return true;
}

static bool is_drained_by_operator(struct engine_pool *pool)
{
    EnterCriticalSection(&pool->lock);
    bool drained = pool->drained;
    LeaveCriticalSection(&pool->lock);
    return drained;
}

/* A pool that comes in the place of one of the same name and another kind is drained if that was. */
static void take_over_drain(struct engine_pool *pool)
{
    for (struct engine_pool *other = pool->engine->pools; other && !pool->settings_count; other = other->next) {
        if (other == pool || !other->settings_count || !bytes_equal_nocase(bytes_of_str(other->name), bytes_of_str(pool->name)))
            continue;
        EnterCriticalSection(&other->lock);
        bool drained = other->drained, persists = other->drain_persists;
        uint64_t end_ms = other->drain_end_ms;
        other->drained = other->drain_persists = false;
        other->drain_end_ms = 0;
        LeaveCriticalSection(&other->lock);
        EnterCriticalSection(&pool->lock);
        pool->drained = drained;
        pool->drain_persists = persists;
        pool->drain_end_ms = end_ms;
        LeaveCriticalSection(&pool->lock);
        if (drained)
            tell_pool(pool, POOL_EVENT_DRAIN);
        SetEvent(pool->engine->timer_wake);
        return;
    }
}

static void apply_to_pool(struct engine_pool *pool)
{
    struct pool_version *old = pool->version;
    take_over_drain(pool);
    struct pool_event event = {.kind = POOL_EVENT_RECONFIGURED, .limits = &pool->next_version->limits};
    bool recycle = old && !config_pool_same_processes(old->config, pool->next_version->config);
    if (old)
        pool_version_ref(old);
    engine_pool_event(pool, &event);
    if (pool->settings_count++ == 0 && !is_drained_by_operator(pool))
        tell_pool(pool, POOL_EVENT_RESUME); /* it may have been drained */
    if (recycle)
        tell_pool(pool, POOL_EVENT_RECYCLE);
    if (old)
        pool_version_unref(old);
}

static void put_in_force(struct engine *engine, struct settings *settings)
{
    for (size_t i = 0; i < settings->config->pool_count; i++)
        if (settings->pools[i])
            apply_to_pool(settings->pools[i]);
    settings_publish(engine, settings);
    atomic64_store(&engine->counters.block->values[COUNTER_CONFIG_ERRORS], settings_error_count(settings));
    mgmt_serve_follow(engine);
    watch_settings(engine, settings); /* without memory the old files go on being watched */
}

static void note_rejected(struct engine *engine, uint64_t unix_ms)
{
    EnterCriticalSection(&engine->settings_lock);
    engine->rejected_unix_ms = unix_ms;
    LeaveCriticalSection(&engine->settings_lock);
}

static void count_reload(struct engine *engine, bool taken)
{
    atomic64_add(&engine->counters.block->values[COUNTER_RELOADS + (taken ? COUNTER_RELOAD_TAKEN : COUNTER_RELOAD_REJECTED)],
                 1);
}

/* false: what is in force stays. */
static bool reload(struct engine *engine)
{
    struct settings *settings = settings_load(engine);
    if (!settings)
        return false;
    bool taken = false;
    if (config_may_replace(engine->settings->config, settings->config) && prepare_pools(engine, settings)) {
        put_in_force(engine, settings);
        taken = true;
    }
    note_rejected(engine, taken ? 0 : settings->read_unix_ms);
    count_reload(engine, taken);
    config_log_reload(settings, taken);
    if (!taken)
        settings_unref(settings); /* what was prepared is replaced by the next time */
    return taken;
}

/* ---- callbacks of the watch ---- */

static void changed(void *context, void *subject)
{
    if (subject)
        tell_pool(subject, POOL_EVENT_RECYCLE);
    else
        reload(context);
}

void reload_reap(struct engine *engine, bool draining)
{
    EnterCriticalSection(&engine->settings_lock);
    struct settings *settings = engine->unused;
    engine->unused = NULL;
    LeaveCriticalSection(&engine->settings_lock);
    while (settings) {
        struct settings *next = settings->next_unused;
        for (size_t i = 0; i < settings->config->pool_count; i++) {
            struct engine_pool *pool = settings->pools[i];
            if (pool && --pool->settings_count == 0 && draining)
                tell_pool(pool, POOL_EVENT_DRAIN);
        }
        settings_unref(settings);
        settings = next;
    }
}

void reload_ask(struct engine *engine)
{
    InterlockedExchange(&engine->reload_wanted, 1);
    watch_wake(&engine->watch);
}

static void woken(void *context)
{
    struct engine *engine = context;
    if (InterlockedExchange(&engine->reload_wanted, 0)) {
        uint64_t last = mgmt_ops_last(engine);
        mgmt_ops_reloaded(engine, last, reload(engine));
    }
    reload_reap(context, true);
}

DWORD reload_start(struct engine *engine)
{
    struct settings *settings = settings_load(engine);
    if (!settings)
        return ERROR_OUTOFMEMORY;
    if (!prepare_pools(engine, settings)) {
        settings_unref(settings);
        return ERROR_OUTOFMEMORY;
    }
    engine->watch.context = engine;
    engine->watch.changed = changed;
    engine->watch.woken = woken;
    config_log_start(settings);
    mgmt_ops_restore_drains(engine); /* before a process of theirs is started */
    put_in_force(engine, settings);
    return 0;
}
