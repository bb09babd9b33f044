/* mgmt_ops: see mgmt_ops.h. The table of operations has a lock of its own, which is never held over anything else; an entry that
 * is held (operations_begin) keeps its place meanwhile. */
#include "fcgiext/win32/mgmt_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/text.h"
#include "fcgiext/win32/config_file.h"
#include "fcgiext/win32/drain_store.h"
#include "fcgiext/win32/event_log.h"
#include "fcgiext/win32/reload.h"
#include "fcgiext/win32/wide.h"
#include "fcgiext/win32/worker_io.h"
#include "mgmt/operations.h"
#include "mgmt/reply.h"
#include "mgmt/status_json.h"
#include "perfcounters/atomic.h"

struct mgmt_engine {
    CRITICAL_SECTION lock;
    struct operations operations;
};

/* ---- pools ---- */

/* Of the published settings, which the caller holds. */
static enum mgmt_error find_pool(const struct settings *settings, const char *name, struct engine_pool **pool,
                                 struct mgmt_operation *out)
{
    const struct config *config = settings->config;
    for (size_t i = 0; name && i < config->pool_count; i++) {
        if (!bytes_equal_nocase(bytes_of_str(config->pools[i].name), bytes_of_str(name)))
            continue;
        *pool = settings->pools[i];
        if (*pool)
            return MGMT_ERROR_NONE;
        snprintf(out->reason, sizeof out->reason, "its section of fcgiext.ini has errors");
        return MGMT_ERROR_REFUSED;
    }
    snprintf(out->reason, sizeof out->reason, "there is no pool of this name");
    return MGMT_ERROR_NO_SUCH_POOL;
}

static void look_at_pool(struct engine_pool *pool, uint64_t worker, struct operations_facts *facts)
{
    struct pool_worker_info info;
    struct pool_times times;
    uint64_t now_ms = engine_now_ms();
    EnterCriticalSection(&pool->lock);
    pool_get_counts(pool->core, &facts->counts);
    pool_get_times(pool->core, now_ms, &times);
    facts->has_worker = pool_find_worker(pool->core, worker, now_ms, &info);
    LeaveCriticalSection(&pool->lock);
    facts->running = times.running;
}

/* By its process, or its id; 0: there is none. */
static uint64_t find_worker(struct engine_pool *pool, const struct mgmt_command *command)
{
    struct pool_worker_info info;
    uint64_t id = 0;
    EnterCriticalSection(&pool->lock);
    for (uint32_t i = 0; command->pid && i < pool_worker_slots(pool->core); i++)
        if (pool->workers[i] && (uint32_t)pool->workers[i]->pid == command->pid)
            id = pool->workers[i]->id;
    if (!command->pid)
        id = command->worker;
    if (!pool_find_worker(pool->core, id, engine_now_ms(), &info))
        id = 0;
    LeaveCriticalSection(&pool->lock);
    return id;
}

static void note_drain(struct engine_pool *pool, bool drained, uint64_t ttl_ms, bool persists)
{
    uint64_t end_ms = drained && ttl_ms ? engine_now_ms() + ttl_ms : 0;
    EnterCriticalSection(&pool->lock);
    pool->drained = drained;
    pool->drain_end_ms = end_ms;
    pool->drain_persists = drained && persists;
    LeaveCriticalSection(&pool->lock);
    if (end_ms)
        SetEvent(pool->engine->timer_wake);
}

static void tell_pool(struct engine_pool *pool, struct pool_event event)
{
    engine_pool_event(pool, &event);
}

static void drain(struct engine_pool *pool, uint64_t ttl_ms, bool persists)
{
    note_drain(pool, true, ttl_ms, persists);
    tell_pool(pool, (struct pool_event){.kind = POOL_EVENT_DRAIN});
}

static void resume(struct engine_pool *pool)
{
    EnterCriticalSection(&pool->lock);
    bool persists = pool->drain_persists;
    LeaveCriticalSection(&pool->lock);
    note_drain(pool, false, 0, false);
    if (persists)
        drain_store_remove(pool->engine->config_path, pool->name);
    tell_pool(pool, (struct pool_event){.kind = POOL_EVENT_RESUME});
}

void mgmt_ops_drain_over(struct engine_pool *pool)
{
    EnterCriticalSection(&pool->lock);
    bool over = pool->drain_end_ms && pool->drain_end_ms <= engine_now_ms(); /* not given a new time meanwhile */
    LeaveCriticalSection(&pool->lock);
    if (over)
        resume(pool);
}

void mgmt_ops_restore_drains(struct engine *engine)
{
    for (struct engine_pool *pool = engine->pools; pool; pool = pool->next) {
        uint64_t end_unix_ms, now_unix_ms = engine_unix_ms();
        if (!drain_store_get(engine->config_path, pool->name, &end_unix_ms))
            continue;
        if (end_unix_ms && end_unix_ms <= now_unix_ms)
            drain_store_remove(engine->config_path, pool->name);
        else
            drain(pool, end_unix_ms ? end_unix_ms - now_unix_ms : 0, true);
    }
}

/* ---- operations ---- */

static void copy_out(const struct operations_entry *entry, struct mgmt_operation *out)
{
    *out = entry->shown;
    out->age_ms = engine_now_ms() - entry->began_ms;
}

/* Has the operation of this id look at its pool. */
static enum mgmt_error show_operation(struct engine *engine, uint64_t id, struct mgmt_operation *out)
{
    struct mgmt_engine *mgmt = engine->mgmt;
    struct engine_pool *pool = NULL; /* lives as long as the engine */
    struct operations_facts facts;
    uint64_t worker = 0;
    EnterCriticalSection(&mgmt->lock);
    struct operations_entry *entry = operations_find(&mgmt->operations, id);
    if (entry) {
        copy_out(entry, out);
        pool = entry->subject;
        worker = entry->worker;
    }
    LeaveCriticalSection(&mgmt->lock);
    if (!entry)
        return MGMT_ERROR_NO_SUCH_OPERATION;
    if (!pool || out->state != MGMT_OPERATION_RUNNING)
        return MGMT_ERROR_NONE;
    look_at_pool(pool, worker, &facts);
    EnterCriticalSection(&mgmt->lock);
    entry = operations_find(&mgmt->operations, id);
    if (entry) {
        operations_look(entry, &facts);
        copy_out(entry, out);
    }
    LeaveCriticalSection(&mgmt->lock);
    return entry ? MGMT_ERROR_NONE : MGMT_ERROR_NO_SUCH_OPERATION;
}

/* ---- commands ---- */

/* A drain that is to persist and cannot be kept is refused as a whole. */
static enum mgmt_error keep_drain(struct engine_pool *pool, const struct mgmt_command *command, struct mgmt_operation *out)
{
    uint64_t end_unix_ms = command->ttl_ms ? engine_unix_ms() + command->ttl_ms : 0;
    DWORD error = drain_store_put(pool->engine->config_path, pool->name, end_unix_ms);
    if (!error)
        return MGMT_ERROR_NONE;
    snprintf(out->reason, sizeof out->reason,
             "the drain cannot be kept across a restart: the host may not write to the registry (error %lu)", error);
    return MGMT_ERROR_REFUSED;
}

static enum mgmt_error check(struct engine_pool *pool, const struct mgmt_command *command, uint64_t *worker,
                             struct mgmt_operation *out)
{
    struct operations_facts facts;
    bool of_worker = command->kind == MGMT_COMMAND_WORKER_RECYCLE || command->kind == MGMT_COMMAND_WORKER_KILL;
    *worker = of_worker ? find_worker(pool, command) : 0;
    if (of_worker && !*worker) {
        snprintf(out->reason, sizeof out->reason, "the pool has no such worker");
        return MGMT_ERROR_NO_SUCH_WORKER;
    }
    look_at_pool(pool, 0, &facts);
    if (facts.counts.state == POOL_STATE_CLOSED) {
        snprintf(out->reason, sizeof out->reason, "the host is shutting down");
        return MGMT_ERROR_REFUSED;
    }
    return command->kind == MGMT_COMMAND_DRAIN && command->persist ? keep_drain(pool, command, out) : MGMT_ERROR_NONE;
}

static void carry_out(struct engine *engine, struct engine_pool *pool, const struct mgmt_command *command, uint64_t worker)
{
    switch (command->kind) {
    case MGMT_COMMAND_RECYCLE: tell_pool(pool, (struct pool_event){.kind = POOL_EVENT_RECYCLE, .now = command->now}); break;
    case MGMT_COMMAND_DRAIN:
        if (!command->persist)
            drain_store_remove(engine->config_path, pool->name); /* an earlier one may */
        drain(pool, command->ttl_ms, command->persist);
        break;
    case MGMT_COMMAND_RESUME: resume(pool); break;
    case MGMT_COMMAND_WORKER_RECYCLE: tell_pool(pool, (struct pool_event){.kind = POOL_EVENT_DISMISS, .worker = worker}); break;
    case MGMT_COMMAND_WORKER_KILL: tell_pool(pool, (struct pool_event){.kind = POOL_EVENT_KILL, .worker = worker}); break;
    case MGMT_COMMAND_RELOAD: reload_ask(engine); break;
    }
}

/* Begins an operation, and lets it run: `pool` NULL for a reload. */
static enum mgmt_error operate(struct engine *engine, struct engine_pool *pool, const struct mgmt_command *command,
                               struct mgmt_operation *out)
{
    struct mgmt_engine *mgmt = engine->mgmt;
    uint64_t worker = 0, id = 0;
    enum mgmt_error error = pool ? check(pool, command, &worker, out) : MGMT_ERROR_NONE;
    if (error)
        return error;
    EnterCriticalSection(&mgmt->lock);
    struct operations_entry *entry =
        operations_begin(&mgmt->operations, command->kind, pool ? pool->name : "", worker, engine_now_ms());
    if (entry) {
        entry->subject = pool;
        id = entry->shown.id;
    }
    LeaveCriticalSection(&mgmt->lock);
    if (!entry) {
        snprintf(out->reason, sizeof out->reason, "%d operations are running", OPERATIONS_COUNT);
        return MGMT_ERROR_TOO_MANY;
    }
    carry_out(engine, pool, command, worker);
    EnterCriticalSection(&mgmt->lock);
    entry = operations_find(&mgmt->operations, id);
    if (entry)
        operations_release(entry);
    LeaveCriticalSection(&mgmt->lock);
    return show_operation(engine, id, out) == MGMT_ERROR_NONE ? MGMT_ERROR_NONE : MGMT_ERROR_INTERNAL;
}

static void log_call(struct engine *engine, const struct mgmt_command *command, enum mgmt_error error,
                     const struct mgmt_operation *operation)
{
    char text[1024];
    const char *refused = error == MGMT_ERROR_NONE ? "" : operation->reason[0] ? operation->reason : mgmt_error_reason(error);
    char worker[32] = "", ttl[32] = "";
    if (command->pid)
        snprintf(worker, sizeof worker, "/%lu", (unsigned long)command->pid);
    else if (command->worker)
        snprintf(worker, sizeof worker, "/#%llu", (unsigned long long)command->worker);
    if (command->ttl_ms)
        snprintf(ttl, sizeof ttl, " for %llu s", (unsigned long long)command->ttl_ms / 1000);
    snprintf(text, sizeof text, "%.300s: %s%s%.200s%s%s%s%s: %s%.300s", command->caller, mgmt_command_kind_name(command->kind),
             *command->pool ? " " : "", command->pool, worker, command->now ? " now" : "", ttl,
             command->persist ? " persistently" : "", error ? "refused: " : "begun", refused);
    event_log_write(&engine->log, EVENT_LOG_OPERATED, text);
}

static void log_denied(void *context, const char *caller, const char *method)
{
    struct engine *engine = context;
    char text[512];
    snprintf(text, sizeof text, "%.300s: %.100s: refused: the right to operate is needed", caller, method);
    event_log_write(&engine->log, EVENT_LOG_DENIED, text);
}

static void count_answered(void *context, enum counter_management outcome)
{
    struct engine *engine = context;
    atomic64_add(&engine->counters.block->values[COUNTER_MANAGEMENT + outcome], 1);
}

static enum mgmt_error do_command(void *context, const struct mgmt_command *command, struct mgmt_operation *out)
{
    struct engine *engine = context;
    struct engine_pool *pool = NULL;
    enum mgmt_error error = MGMT_ERROR_NONE;
    ZeroMemory(out, sizeof *out);
    out->kind = command->kind;
    struct settings *settings = settings_enter(engine);
    if (command->kind != MGMT_COMMAND_RELOAD)
        error = find_pool(settings, command->pool, &pool, out);
    if (!error)
        error = operate(engine, pool, command, out);
    settings_leave(settings);
    log_call(engine, command, error, out);
    return error;
}

static enum mgmt_error do_operation(void *context, uint64_t id, struct mgmt_operation *out)
{
    ZeroMemory(out, sizeof *out);
    return show_operation(context, id, out);
}

uint64_t mgmt_ops_last(struct engine *engine)
{
    EnterCriticalSection(&engine->mgmt->lock);
    uint64_t last = engine->mgmt->operations.last_id;
    LeaveCriticalSection(&engine->mgmt->lock);
    return last;
}

void mgmt_ops_reloaded(struct engine *engine, uint64_t last, bool taken)
{
    EnterCriticalSection(&engine->mgmt->lock);
    operations_end_all(&engine->mgmt->operations, MGMT_COMMAND_RELOAD, last,
                       taken ? MGMT_OPERATION_DONE : MGMT_OPERATION_FAILED,
                       taken ? NULL : "fcgiext.ini has errors: what was in force stays so");
    LeaveCriticalSection(&engine->mgmt->lock);
}

/* ---- configuration ---- */

static const struct config *config_in_force(void *context, void **reference)
{
    struct settings *settings = settings_enter(context);
    *reference = settings;
    return settings->config;
}

static void config_release(void *context, void *reference)
{
    (void)context;
    settings_leave(reference);
}

static struct config *config_check(void *context)
{
    const struct engine *engine = context;
    DWORD error;
    return config_file_load(engine->config_path, &error);
}

/* ---- interface ---- */

void mgmt_ops_of(struct engine *engine, struct mgmt_ops *ops)
{
    *ops = (struct mgmt_ops){
        .context = engine,
        .snapshot = mgmt_snapshot_make,
        .free_snapshot = mgmt_snapshot_free,
        .command = do_command,
        .denied = log_denied,
        .answered = count_answered,
        .operation = do_operation,
        .config_in_force = config_in_force,
        .config_release = config_release,
        .config_check = config_check,
    };
}

DWORD mgmt_ops_create(struct engine *engine)
{
    engine->mgmt = calloc(1, sizeof *engine->mgmt);
    if (!engine->mgmt)
        return ERROR_OUTOFMEMORY;
    InitializeCriticalSection(&engine->mgmt->lock);
    operations_init(&engine->mgmt->operations);
    return 0;
}

void mgmt_ops_destroy(struct engine *engine)
{
    if (!engine->mgmt)
        return;
    DeleteCriticalSection(&engine->mgmt->lock);
    free(engine->mgmt);
    engine->mgmt = NULL;
}
