/* engine: see engine.h. The pool's core is only called by engine_pool_event, under the pool's lock; what it wants done is
 * put into the workers' mailboxes before the lock is left, so that each worker gets the actions in the pool's order,
 * whichever thread carries them out. */
#include "fcgiext/win32/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/identity.h"
#include "fcgiext/win32/compat.h"
#include "fcgiext/win32/config_file.h"
#include "fcgiext/win32/handler.h"
#include "fcgiext/win32/mgmt_ops.h"
#include "fcgiext/win32/mgmt_serve.h"
#include "fcgiext/win32/pool_log.h"
#include "fcgiext/win32/reload.h"
#include "fcgiext/win32/request_label.h"
#include "fcgiext/win32/wide.h"
#include "fcgiext/win32/worker_counters.h"
#include "fcgiext/win32/worker_io.h"
#include "perfcounters/counter_publish.h"

enum {
    RECONNECT_WAIT_MS = 2, /* between two looks at programs that do not listen yet */
    LOCK_SPINS = 1000,
    SPOOLER_THREADS = 2, /* a disk that stalls one body does not stall all */
    FAREWELL_MS = 5000,  /* for clients, when the DLL unloads; then they are looked for again and again */
    FAREWELL_AGAIN_MS = 1000,
    MIN_PORTS = 4, /* a host's call may block one thread for a moment */
};

uint64_t engine_now_ms(void)
{
    return counter_now_us() / 1000; /* of the same clock: what is published is in its time */
}

uint64_t engine_unix_of_filetime(FILETIME time)
{
    uint64_t ticks = (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime; /* of 100 ns, since 1601 */
    return ticks / 10000 - 11644473600000u;
}

uint64_t engine_unix_ms(void)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return engine_unix_of_filetime(now);
}

/* An id's lower half is the index: the first are used most, so pools begin at different ports. */
struct iocp *engine_port(const struct engine_pool *pool, uint64_t worker)
{
    struct engine *engine = pool->engine;
    return &engine->ports[((uint32_t)worker + pool->number) % engine->port_count];
}

void engine_object_born(struct engine *engine)
{
    InterlockedIncrement(&engine->objects);
}

void engine_object_gone(struct engine *engine)
{
    if (InterlockedDecrement(&engine->objects) == 0)
        SetEvent(engine->idle);
}

/* ---- events and actions ---- */

struct delivery {
    struct worker_io *workers[POOL_MAX_ACTIONS]; /* references; to be kicked */
    bool slow[POOL_MAX_ACTIONS];
    struct request_label *labels[POOL_MAX_ACTIONS]; /* of requests that the workers had before; references */
    unsigned count;
    uint64_t not_started[POOL_MAX_ACTIONS]; /* START for which there was no memory */
    unsigned not_started_count;
};

/* Under the pool's lock. */
static void put_into_mailbox(struct engine_pool *pool, const struct pool_action *action, struct delivery *delivery)
{
    struct worker_io **place = &pool->workers[(uint32_t)action->worker];
    if (action->kind == POOL_ACTION_START)
        *place = worker_io_create(pool, action->worker);
    struct worker_io *worker = *place;
    if (!worker) {
        if (action->kind == POOL_ACTION_START)
            delivery->not_started[delivery->not_started_count++] = action->worker;
        return;
    }
    worker_io_put(worker, action);
    worker_io_ref(worker);
    delivery->labels[delivery->count] = NULL;
    if (action->kind == POOL_ACTION_ASSIGN) {
        worker_counters_assigned(worker, pool->core);
        delivery->labels[delivery->count] = worker->label;
        worker->label = handler_label((struct handler *)(ULONG_PTR)action->tag);
        request_label_ref(worker->label);
    }
    delivery->workers[delivery->count] = worker;
    delivery->slow[delivery->count++] = action->kind == POOL_ACTION_START;
    if (action->kind == POOL_ACTION_RELEASE)
        *place = NULL;
}

static void deliver(struct engine_pool *pool, const struct pool_actions *actions, struct delivery *delivery)
{
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct pool_action *action = &actions->items[i];
        struct handler *handler = (struct handler *)(ULONG_PTR)action->tag;
        if (action->kind == POOL_ACTION_REJECT)
            handler_fail(handler, action);
        if (action->kind == POOL_ACTION_PROBE)
            handler_probe(handler, action->request);
        if (!action->worker)
            handler_unref(handler); /* the pool's; a probe's own */
    }
    for (unsigned i = 0; i < delivery->count; i++) {
        request_label_unref(delivery->labels[i]);
        worker_io_kick(delivery->workers[i], delivery->slow[i]);
        worker_io_unref(delivery->workers[i]);
    }
    for (unsigned i = 0; i < delivery->not_started_count; i++) {
        struct pool_event event = {.kind = POOL_EVENT_START_FAILED, .worker = delivery->not_started[i]};
        event.code = ERROR_OUTOFMEMORY;
        engine_pool_event(pool, &event);
    }
}

/* Under the pool's lock; *old_version and *old_workers are for the caller to give back after it. */
static void install_prepared(struct engine_pool *pool, struct pool_version **old_version, struct worker_io ***old_workers)
{
    for (uint32_t i = 0; pool->workers && i < pool_worker_slots(pool->core); i++)
        pool->next_workers[i] = pool->workers[i];
    *old_workers = pool->workers;
    *old_version = pool->version;
    pool->workers = pool->next_workers;
    pool->version = pool->next_version;
    pool->next_workers = NULL;
    pool->next_version = NULL;
    tuning_follow(pool);
}

void engine_pool_event(struct engine_pool *pool, const struct pool_event *event)
{
    struct pool_actions actions;
    struct delivery delivery;
    struct pool_log log;
    struct pool_version *old_version = NULL;
    struct worker_io **old_workers = NULL;
    delivery.count = delivery.not_started_count = 0;
    EnterCriticalSection(&pool->lock);
    uint64_t now_ms = engine_now_ms(); /* inside: what is published later is of a later time, or times would shrink */
    if (event->kind == POOL_EVENT_RECONFIGURED)
        install_prepared(pool, &old_version, &old_workers);
    pool_news_begin(&log.news, pool->core);
    pool_handle(pool->core, event, now_ms, &actions);
    pool_news_end(&log.news, pool->core, &actions);
    pool_log_collect(&log, pool);
    for (uint32_t i = 0; i < actions.count; i++) {
        if (actions.items[i].worker)
            put_into_mailbox(pool, &actions.items[i], &delivery);
        else if (actions.items[i].kind == POOL_ACTION_PROBE)
            handler_ref((struct handler *)(ULONG_PTR)actions.items[i].tag); /* it may end before deliver() comes to it */
    }
    counter_publish(pool->counters, pool->core, pool->tuning.tune.moves);
    uint64_t deadline_ms = pool_next_deadline_ms(pool->core);
    bool wake = deadline_ms < pool->armed_ms;
    if (wake)
        pool->armed_ms = deadline_ms;
    if (event->kind == POOL_EVENT_ARRIVED && tuning_note_work(pool))
        wake = true;
    LeaveCriticalSection(&pool->lock);
    free(old_workers);
    if (old_version)
        pool_version_unref(old_version);
    if (wake)
        SetEvent(pool->engine->timer_wake);
    pool_log_write(&log, pool); /* before the last references to workers and requests may go */
    deliver(pool, &actions, &delivery);
}

/* ---- timer ---- */

void engine_retry_connect(struct engine *engine, struct worker_io *worker)
{
    worker_io_ref(worker);
    EnterCriticalSection(&engine->connect_lock);
    bool first = !engine->connecting;
    worker->next_connecting = engine->connecting;
    engine->connecting = worker;
    LeaveCriticalSection(&engine->connect_lock);
    if (first)
        SetEvent(engine->timer_wake);
}

/* Lets each worker of the list try once; one that still finds nobody listening puts itself back. */
static void retry_connections(struct engine *engine)
{
    EnterCriticalSection(&engine->connect_lock);
    struct worker_io *worker = engine->connecting;
    engine->connecting = NULL;
    LeaveCriticalSection(&engine->connect_lock);
    if (worker) /* returns as soon as its program listens; bounded, as the others wait for it */
        WaitNamedPipeW(worker->process.pipe_name, RECONNECT_WAIT_MS);
    while (worker) {
        struct worker_io *next = worker->next_connecting;
        worker_io_try_connect(worker);
        worker_io_unref(worker);
        worker = next;
    }
}

void engine_bound_try(struct engine *engine, struct worker_io *worker, uint32_t try_ms)
{
    uint64_t deadline_ms = engine_now_ms() + try_ms;
    worker_io_ref(worker);
    EnterCriticalSection(&engine->connect_lock);
    timers_set(&engine->tries, &worker->try_timer, deadline_ms);
    uint64_t next_ms = timers_next_ms(&engine->tries);
    bool wake = next_ms < engine->tries_armed_ms;
    if (wake)
        engine->tries_armed_ms = next_ms;
    LeaveCriticalSection(&engine->connect_lock);
    if (wake)
        SetEvent(engine->timer_wake);
}

void engine_unbound_try(struct engine *engine, struct worker_io *worker)
{
    EnterCriticalSection(&engine->connect_lock);
    bool was_set = timer_is_set(&worker->try_timer);
    timers_cancel(&engine->tries, &worker->try_timer);
    LeaveCriticalSection(&engine->connect_lock);
    if (was_set)
        worker_io_unref(worker);
}

/* The time when it should be called next. */
static uint64_t end_tries(struct engine *engine)
{
    for (;;) {
        uint64_t now_ms = engine_now_ms();
        EnterCriticalSection(&engine->connect_lock);
        struct timer_entry *entry = timers_expire(&engine->tries, now_ms);
        uint64_t next_ms = engine->tries_armed_ms = timers_next_ms(&engine->tries);
        LeaveCriticalSection(&engine->connect_lock);
        if (!entry)
            return next_ms;
        struct worker_io *worker = CONTAINING_RECORD(entry, struct worker_io, try_timer);
        worker_io_try_over(worker);
        worker_io_unref(worker);
    }
}

/* The time of the next deadline of all pools. */
static uint64_t fire_deadlines(struct engine *engine)
{
    uint64_t next_ms = UINT64_MAX;
    for (struct engine_pool *pool = engine->pools; pool; pool = pool->next) {
        for (;;) {
            EnterCriticalSection(&pool->lock);
            uint64_t deadline_ms = pool_next_deadline_ms(pool->core);
            uint64_t drain_end_ms = pool->drain_end_ms ? pool->drain_end_ms : UINT64_MAX;
            pool->armed_ms = deadline_ms;
            LeaveCriticalSection(&pool->lock);
            if (drain_end_ms <= engine_now_ms()) {
                mgmt_ops_drain_over(pool);
                continue;
            }
            if (drain_end_ms < next_ms)
                next_ms = drain_end_ms;
            if (deadline_ms > engine_now_ms()) {
                if (deadline_ms < next_ms)
                    next_ms = deadline_ms;
                break;
            }
            struct pool_event event = {.kind = POOL_EVENT_DEADLINE};
            engine_pool_event(pool, &event);
        }
    }
    return next_ms;
}

static DWORD WINAPI run_timer(void *context)
{
    struct engine *engine = context;
    while (!engine->stopping || engine->objects) {
        retry_connections(engine);
        uint64_t tries_ms = end_tries(engine);
        uint64_t next_ms = fire_deadlines(engine);
        uint64_t tuning_ms = tuning_step(engine);
        next_ms = tries_ms < next_ms ? tries_ms : next_ms;
        next_ms = tuning_ms < next_ms ? tuning_ms : next_ms;
        uint64_t now_ms = engine_now_ms();
        DWORD wait_ms = INFINITE;
        if (engine->connecting)
            wait_ms = 0;
        else if (next_ms != UINT64_MAX)
            wait_ms = next_ms <= now_ms ? 0 : next_ms - now_ms > 60000 ? 60000 : (DWORD)(next_ms - now_ms);
        WaitForSingleObject(engine->timer_wake, wait_ms);
    }
    return 0;
}

/* ---- start ---- */

/* Processes of our own and connections to a server are never the same pool: the events of their workers differ. Nor are processes that act
 * as the user of a request and such that do not: no request must come to one of the other kind, whatever is replaced meanwhile. */
static struct engine_pool *find_pool(struct engine *engine, const struct config_pool *config)
{
    for (struct engine_pool *pool = engine->pools; pool; pool = pool->next)
        if (pool->external == (config->address_count > 0) && pool->is_users == identity_is_users(config) &&
            bytes_equal_nocase(bytes_of_str(pool->name), bytes_of_str(config->name)))
            return pool;
    return NULL;
}

static void tell_left_out(struct engine *engine, const char *name)
{
    char text[512];
    snprintf(text, sizeof text, "there are more pools than the %d that can be published; the first one left out: %s",
             COUNTER_BLOCK_POOLS, name);
    event_log_write(&engine->log, EVENT_LOG_NOT_SHARED, text);
}

static bool give_counters(struct engine *engine, struct engine_pool *pool, const char *name)
{
    pool->start_unix_ms = engine_unix_ms();
    pool->counters = counter_block_add_pool(engine->counters.block, bytes_of_str(name), counter_now_us(), pool->start_unix_ms);
    if (pool->counters)
        return true;
    if (!engine->pools || !engine->pools->own_counters) /* the first one: those that come later are left out, too */
        tell_left_out(engine, name);
    pool->counters = pool->own_counters = calloc(1, sizeof *pool->own_counters);
    return pool->counters != NULL;
}

static struct engine_pool *create_pool(struct engine *engine, const struct config_pool *config,
                                       const struct pool_limits *limits)
{
    struct engine_pool *pool = calloc(1, sizeof *pool);
    char *name = _strdup(config->name);
    struct pool *core = pool_create(limits, engine_now_ms());
    if (!pool || !name || !core || !give_counters(engine, pool, name)) {
        pool_destroy(core);
        free(name);
        free(pool);
        return NULL;
    }
    pool->engine = engine;
    pool->name = name;
    pool->core = core;
    pool->external = config->address_count > 0;
    pool->is_users = identity_is_users(config);
    pool->armed_ms = UINT64_MAX;
    /* held for a microsecond at most: who finds it taken looks again before the system is asked to wait */
    InitializeCriticalSectionAndSpinCount(&pool->lock, LOCK_SPINS);
    pool->number = engine->pools ? engine->pools->number + 1 : 0;
    pool->next = engine->pools;
    InterlockedExchangePointer((void *volatile *)&engine->pools, pool);
    return pool;
}

static void forget_prepared(struct engine_pool *pool)
{
    free(pool->next_workers);
    if (pool->next_version)
        pool_version_unref(pool->next_version);
    pool->next_workers = NULL;
    pool->next_version = NULL;
}

struct engine_pool *engine_pool_prepare(struct engine *engine, struct settings *settings, const struct config_pool *config)
{
    struct pool_version *version = pool_version_create(settings, config);
    if (!version)
        return NULL;
    struct engine_pool *pool = find_pool(engine, config);
    if (!pool)
        pool = create_pool(engine, config, &version->limits);
    uint32_t slots = pool ? pool_worker_slots_with(pool->core, &version->limits) : 0;
    struct worker_io **workers = calloc(slots + 1, sizeof *workers);
    if (!pool || !workers) {
        free(workers);
        pool_version_unref(version);
        return NULL;
    }
    forget_prepared(pool);
    pool_version_follow(version, pool->version); /* only this thread changes that */
    pool->next_version = version;
    pool->next_workers = workers;
    return pool;
}

static DWORD start_threads(struct engine *engine)
{
    engine->processors = system_load_processors();
    unsigned count = 2 * engine->processors;
    count = count < MIN_PORTS ? MIN_PORTS : count > ENGINE_MAX_PORTS ? ENGINE_MAX_PORTS : count;
    engine->idle = CreateEventW(NULL, TRUE, FALSE, NULL);
    engine->timer_wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (!engine->idle || !engine->timer_wake)
        return GetLastError();
    DWORD error = iocp_open(&engine->launcher, 1);
    while (!error && engine->port_count < count) {
        error = iocp_open(&engine->ports[engine->port_count], 1);
        engine->port_count += !error;
    }
    if (!error)
        error = iocp_open(&engine->resolver, 1);
    if (!error)
        error = iocp_open(&engine->spooler, SPOOLER_THREADS);
    if (!error)
        error = sync_readers_open(&engine->readers);
    if (error)
        return error;
    engine->timer_thread = CreateThread(NULL, 0, run_timer, engine, 0, NULL);
    return engine->timer_thread ? 0 : GetLastError();
}

struct engine *engine_create(DWORD *error)
{
    WSADATA wsa;
    DWORD not_shared = 0;
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        *error = ERROR_OUTOFMEMORY;
        return NULL;
    }
    compat_init();
    event_log_open(&engine->log);
    bool counts = counter_section_create(&engine->counters, &not_shared);
    if (not_shared)
        event_log_write_error(&engine->log, EVENT_LOG_NOT_SHARED, "the counters of this process are not published", not_shared);
    InitializeCriticalSection(&engine->connect_lock);
    InitializeCriticalSection(&engine->exits_lock);
    InitializeCriticalSectionAndSpinCount(&engine->settings_lock, LOCK_SPINS);
    handler_list_init(&engine->handlers);
    timers_init(&engine->tries, engine_now_ms());
    engine->tries_armed_ms = UINT64_MAX;
    engine->objects = 1; /* ours, until engine_destroy */
    engine->load_unix_ms = engine_unix_ms();
    *error = (DWORD)WSAStartup(MAKEWORD(2, 2), &wsa);
    engine->wsa_started = *error == 0;
    if (!*error && !counts)
        *error = ERROR_OUTOFMEMORY;
    engine->config_path = config_file_path();
    engine->config_path_utf8 = engine->config_path ? utf8_of_wide(engine->config_path) : NULL;
    if (!*error && !engine->config_path_utf8)
        *error = ERROR_OUTOFMEMORY;
    if (!*error)
        *error = start_threads(engine);
    if (!*error)
        *error = mgmt_ops_create(engine);
    if (!*error)
        *error = reload_start(engine);
    if (!*error)
        *error = mgmt_serve_start(engine);
    if (!*error)
        *error = watch_start(&engine->watch); /* last: from now on another thread reloads */
    if (!*error)
        return engine;
    engine_destroy(engine);
    return NULL;
}

/* ---- end ---- */

static void stop_pools(struct engine *engine)
{
    struct pool_event event = {.kind = POOL_EVENT_SHUT_DOWN};
    for (struct engine_pool *pool = engine->pools; pool; pool = pool->next)
        engine_pool_event(pool, &event);
}

static void free_pools(struct engine *engine)
{
    while (engine->pools) {
        struct engine_pool *pool = engine->pools;
        engine->pools = pool->next;
        forget_prepared(pool);
        if (pool->version)
            pool_version_unref(pool->version);
        pool_destroy(pool->core);
        free(pool->workers);
        free(pool->own_counters);
        free(pool->name);
        DeleteCriticalSection(&pool->lock);
        free(pool);
    }
}

static void free_settings(struct engine *engine)
{
    if (engine->settings)
        settings_leave(engine->settings);
    reload_reap(engine, false);
    watch_free(&engine->watch);
}

/* Each worker ends or is given up in bounded time; a client that neither reads nor sends is left after a while. */
static void wait_for_objects(struct engine *engine)
{
    for (DWORD wait_ms = FAREWELL_MS; WaitForSingleObject(engine->idle, wait_ms) == WAIT_TIMEOUT; wait_ms = FAREWELL_AGAIN_MS)
        handler_list_each(&engine->handlers, handler_stop_now);
}

void engine_destroy(struct engine *engine)
{
    watch_stop(&engine->watch); /* no reload from now on */
    mgmt_serve_stop(engine);
    if (engine->timer_thread) { /* it ran: there may be requests and workers */
        stop_pools(engine);
        handler_list_each(&engine->handlers, handler_stop);
        sync_readers_stop(&engine->readers);
        InterlockedExchange(&engine->stopping, 1);
        engine_object_gone(engine);
        wait_for_objects(engine);
        SetEvent(engine->timer_wake);
        WaitForSingleObject(engine->timer_thread, INFINITE);
        CloseHandle(engine->timer_thread);
    }
    iocp_close(&engine->launcher);
    iocp_close(&engine->resolver);
    iocp_close(&engine->spooler);
    sync_readers_close(&engine->readers);
    for (unsigned i = 0; i < engine->port_count; i++)
        iocp_close(&engine->ports[i]);
    free_settings(engine);
    free_pools(engine);
    mgmt_ops_destroy(engine);
    free(engine->config_path);
    free(engine->config_path_utf8);
    if (engine->idle)
        CloseHandle(engine->idle);
    if (engine->timer_wake)
        CloseHandle(engine->timer_wake);
    if (engine->wsa_started)
        WSACleanup();
    counter_section_destroy(&engine->counters);
    event_log_close(&engine->log);
    DeleteCriticalSection(&engine->connect_lock);
    DeleteCriticalSection(&engine->exits_lock);
    DeleteCriticalSection(&engine->settings_lock);
    handler_list_deinit(&engine->handlers);
    compat_deinit();
    free(engine);
}
