/* engine: see engine.h. The pool's core is only called by engine_pool_event, under the pool's lock; what it wants done is
 * put into the workers' mailboxes before the lock is left, so that each worker gets the actions in the pool's order,
 * whichever thread carries them out. */
#include "fcgiext/win32/engine.h"

#include <stdlib.h>

#include "fcgiext/win32/compat.h"
#include "fcgiext/win32/config_file.h"
#include "fcgiext/win32/handler.h"
#include "fcgiext/win32/pool_plan.h"
#include "fcgiext/win32/wide.h"
#include "fcgiext/win32/worker_io.h"

enum {
    RECONNECT_WAIT_MS = 2, /* between two looks at programs that do not listen yet */
    MIN_THREADS = 4,       /* a host's call may block one of them for a moment */
};

uint64_t engine_now_ms(void)
{
    static LARGE_INTEGER frequency; /* constant since boot: a race writes the same value */
    LARGE_INTEGER now;
    if (!frequency.QuadPart)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    uint64_t seconds = (uint64_t)(now.QuadPart / frequency.QuadPart);
    uint64_t rest = (uint64_t)(now.QuadPart % frequency.QuadPart);
    return seconds * 1000 + rest * 1000 / (uint64_t)frequency.QuadPart;
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
        worker_io_kick(delivery->workers[i], delivery->slow[i]);
        worker_io_unref(delivery->workers[i]);
    }
    for (unsigned i = 0; i < delivery->not_started_count; i++) {
        struct pool_event event = {.kind = POOL_EVENT_START_FAILED, .worker = delivery->not_started[i]};
        event.code = ERROR_OUTOFMEMORY;
        engine_pool_event(pool, &event);
    }
}

void engine_pool_event(struct engine_pool *pool, const struct pool_event *event)
{
    struct pool_actions actions;
    struct delivery delivery;
    delivery.count = delivery.not_started_count = 0;
    uint64_t now_ms = engine_now_ms();
    EnterCriticalSection(&pool->lock);
    pool_handle(pool->core, event, now_ms, &actions);
    for (uint32_t i = 0; i < actions.count; i++) {
        if (actions.items[i].worker)
            put_into_mailbox(pool, &actions.items[i], &delivery);
        else if (actions.items[i].kind == POOL_ACTION_PROBE)
            handler_ref((struct handler *)(ULONG_PTR)actions.items[i].tag); /* it may end before deliver() comes to it */
    }
    uint64_t deadline_ms = pool_next_deadline_ms(pool->core);
    bool wake = deadline_ms < pool->armed_ms;
    if (wake)
        pool->armed_ms = deadline_ms;
    LeaveCriticalSection(&pool->lock);
    if (wake)
        SetEvent(pool->engine->timer_wake);
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

/* The time of the next deadline of all pools. */
static uint64_t fire_deadlines(struct engine *engine)
{
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < engine->config->pool_count; i++) {
        struct engine_pool *pool = &engine->pools[i];
        if (!pool->core)
            continue;
        for (;;) {
            EnterCriticalSection(&pool->lock);
            uint64_t deadline_ms = pool_next_deadline_ms(pool->core);
            pool->armed_ms = deadline_ms;
            LeaveCriticalSection(&pool->lock);
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
        uint64_t next_ms = fire_deadlines(engine);
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

static void report_errors(struct engine *engine, DWORD load_error)
{
    struct buffer *out = &engine->config_report;
    if (load_error) {
        buffer_append_str(out, engine->config_path_utf8);
        buffer_append_str(out, ": error: cannot read the file: ");
        system_text(load_error, out);
        buffer_append_str(out, "\n");
        return;
    }
    for (size_t i = 0; i < engine->config->diagnostic_count; i++)
        if (engine->config->diagnostics[i].severity == CONFIG_ERROR)
            config_diagnostic_format(&engine->config->diagnostics[i], engine->config_path_utf8, out);
}

static DWORD load_config(struct engine *engine)
{
    DWORD load_error = 0;
    buffer_init(&engine->config_report, 64 * 1024);
    engine->config_path = config_file_path();
    if (!engine->config_path)
        return ERROR_OUTOFMEMORY;
    engine->config_path_utf8 = utf8_of_wide(engine->config_path);
    engine->config = config_file_load(engine->config_path, &load_error);
    if (!engine->config || !engine->config_path_utf8)
        return ERROR_OUTOFMEMORY;
    report_errors(engine, load_error);
    engine->routes = routes_create(engine->config);
    return engine->routes ? 0 : ERROR_OUTOFMEMORY;
}

static DWORD create_pool(struct engine *engine, struct engine_pool *pool, const struct config_pool *config)
{
    pool->engine = engine;
    pool->config = config;
    pool->armed_ms = UINT64_MAX;
    InitializeCriticalSection(&pool->lock);
    if (!config->valid)
        return 0;
    struct pool_limits limits = pool_limits_of(config);
    DWORD error = pool_plan_make(&pool->plan, config);
    pool->core = pool_create(&limits, engine_now_ms());
    if (error || !pool->core)
        return ERROR_OUTOFMEMORY;
    pool->workers = calloc(pool_worker_slots(pool->core), sizeof(struct worker_io *));
    return pool->workers ? 0 : ERROR_OUTOFMEMORY;
}

static DWORD create_pools(struct engine *engine)
{
    size_t count = engine->config->pool_count;
    engine->pools = calloc(count + 1, sizeof *engine->pools);
    if (!engine->pools)
        return ERROR_OUTOFMEMORY;
    for (size_t i = 0; i < count; i++) {
        DWORD error = create_pool(engine, &engine->pools[i], &engine->config->pools[i]);
        if (error)
            return error;
    }
    return 0;
}

static DWORD start_threads(struct engine *engine)
{
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    unsigned count = 2 * system.dwNumberOfProcessors;
    engine->idle = CreateEventW(NULL, TRUE, FALSE, NULL);
    engine->timer_wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (!engine->idle || !engine->timer_wake)
        return GetLastError();
    DWORD error = iocp_open(&engine->iocp, count < MIN_THREADS ? MIN_THREADS : count);
    if (!error)
        error = iocp_open(&engine->launcher, 1);
    if (error)
        return error;
    engine->timer_thread = CreateThread(NULL, 0, run_timer, engine, 0, NULL);
    return engine->timer_thread ? 0 : GetLastError();
}

struct engine *engine_create(DWORD *error)
{
    WSADATA wsa;
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        *error = ERROR_OUTOFMEMORY;
        return NULL;
    }
    compat_init();
    InitializeCriticalSection(&engine->connect_lock);
    engine->objects = 1; /* ours, until engine_destroy */
    *error = (DWORD)WSAStartup(MAKEWORD(2, 2), &wsa);
    engine->wsa_started = *error == 0;
    if (!*error)
        *error = load_config(engine);
    if (!*error)
        *error = create_pools(engine);
    if (!*error)
        *error = start_threads(engine);
    if (!*error)
        return engine;
    engine_destroy(engine);
    return NULL;
}

/* ---- end ---- */

static void stop_pools(struct engine *engine)
{
    struct pool_event event = {.kind = POOL_EVENT_SHUT_DOWN};
    for (size_t i = 0; i < engine->config->pool_count; i++)
        if (engine->pools[i].core)
            engine_pool_event(&engine->pools[i], &event);
}

static void free_pools(struct engine *engine)
{
    for (size_t i = 0; engine->pools && i < engine->config->pool_count; i++) {
        struct engine_pool *pool = &engine->pools[i];
        if (!pool->engine)
            break; /* not reached by create_pools */
        pool_destroy(pool->core);
        pool_plan_free(&pool->plan);
        free(pool->workers);
        DeleteCriticalSection(&pool->lock);
    }
    free(engine->pools);
}

void engine_destroy(struct engine *engine)
{
    if (engine->timer_thread) { /* it ran: there may be requests and workers */
        stop_pools(engine);
        InterlockedExchange(&engine->stopping, 1);
        engine_object_gone(engine);
        WaitForSingleObject(engine->idle, INFINITE); /* each worker ends or is given up in bounded time */
        SetEvent(engine->timer_wake);
        WaitForSingleObject(engine->timer_thread, INFINITE);
        CloseHandle(engine->timer_thread);
    }
    iocp_close(&engine->launcher);
    iocp_close(&engine->iocp);
    free_pools(engine);
    routes_destroy(engine->routes);
    config_destroy(engine->config);
    buffer_deinit(&engine->config_report);
    free(engine->config_path);
    free(engine->config_path_utf8);
    if (engine->idle)
        CloseHandle(engine->idle);
    if (engine->timer_wake)
        CloseHandle(engine->timer_wake);
    if (engine->wsa_started)
        WSACleanup();
    DeleteCriticalSection(&engine->connect_lock);
    compat_deinit();
    free(engine);
}
