/* mgmt_snapshot: what is seen of the engine. Under a pool's lock plain facts are copied into rows that have been made before, and
 * references are taken; strings, the system's answers and memory come after it. A row array that turns out too small is made anew. */
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/text.h"
#include "fcgiext/win32/compat.h"
#include "fcgiext/win32/handler.h"
#include "fcgiext/win32/mgmt_ops.h"
#include "fcgiext/win32/pool_plan.h"
#include "fcgiext/win32/request_label.h"
#include "fcgiext/win32/wide.h"
#include "fcgiext/win32/worker_io.h"

enum { SLACK = 16, MAX_TEXT_LEN = 16 * 1024, MAX_HOST_PATH_LEN = 1024 };

struct block {
    struct block *next;
    char text[];
};

struct snapshot {
    struct mgmt_snapshot shown; /* first */
    struct block *texts;
    size_t worker_capacity, request_capacity;
    bool failed; /* no memory */
};

static char nothing[1];

/* A copy that the snapshot owns. */
static char *keep(struct snapshot *snapshot, struct bytes text)
{
    size_t capacity = (text.len < MAX_TEXT_LEN ? text.len : MAX_TEXT_LEN) + 1;
    if (!text.len)
        return nothing;
    struct block *block = malloc(sizeof *block + capacity);
    if (!block) {
        snapshot->failed = true;
        return nothing;
    }
    text_copy_cut(block->text, capacity, text);
    block->next = snapshot->texts;
    snapshot->texts = block;
    return block->text;
}

static char *keep_str(struct snapshot *snapshot, const char *text)
{
    return keep(snapshot, bytes_of_str(text));
}

/* Room for `more` elements; NULL: no memory. */
static void *grow(struct snapshot *snapshot, void *array, size_t count, size_t more, size_t *capacity, size_t element_len)
{
    if (count + more <= *capacity)
        return array;
    size_t wanted = 2 * (count + more);
    void *larger = realloc(array, wanted * element_len);
    if (larger)
        *capacity = wanted;
    else
        snapshot->failed = true;
    return larger;
}

/* ---- server ---- */

static void fill_server(struct snapshot *snapshot, struct engine *engine, const struct settings *settings)
{
    struct mgmt_server *server = &snapshot->shown.server;
    WCHAR path[MAX_HOST_PATH_LEN];
    FILETIME created, exited, kernel, user;
    DWORD len = GetModuleFileNameW(NULL, path, MAX_HOST_PATH_LEN);
    path[len < MAX_HOST_PATH_LEN ? len : MAX_HOST_PATH_LEN - 1] = L'\0';
    const WCHAR *name = wcsrchr(path, L'\\');
    char *program = utf8_of_wide(name ? name + 1 : path);
    server->host_program = keep_str(snapshot, program);
    free(program);
    server->config_path = keep_str(snapshot, engine->config_path_utf8);
    server->pid = GetCurrentProcessId();
    server->load_unix_ms = engine->load_unix_ms;
    server->now_unix_ms = engine_unix_ms();
    server->start_unix_ms = engine->load_unix_ms;
    if (GetProcessTimes(GetCurrentProcess(), &created, &exited, &kernel, &user))
        server->start_unix_ms = engine_unix_of_filetime(created);
    server->config_read_unix_ms = settings->read_unix_ms;
    EnterCriticalSection(&engine->settings_lock);
    server->config_rejected_unix_ms = engine->rejected_unix_ms;
    LeaveCriticalSection(&engine->settings_lock);
    server->config_rejected = server->config_rejected_unix_ms != 0;
    server->config_errors = settings_error_count(settings);
    for (size_t i = 0; i < settings->config->diagnostic_count; i++)
        server->config_warnings += settings->config->diagnostics[i].severity == CONFIG_WARNING;
    counter_block_read_host(engine->counters.block, server->counters);
}

/* ---- pools ---- */

static void show_tuning(struct mgmt_tuning *shown, const struct autotune *tune, uint64_t now_ms)
{
    shown->reason = tune->reason;
    shown->move_reason = tune->move_reason;
    shown->move_age_ms = now_ms > tune->moved_ms ? now_ms - tune->moved_ms : 0;
}

static void fill_pool(struct snapshot *snapshot, struct mgmt_pool *shown, const struct config_pool *config,
                      struct engine_pool *pool)
{
    struct pool_times times;
    struct counter_pool_view view;
    struct buffer text;
    memset(shown, 0, sizeof *shown);
    buffer_init(&text, MAX_TEXT_LEN);
    shown->name = keep_str(snapshot, config->name);
    shown->program = keep(snapshot, pool_program_of(config, &text));
    buffer_deinit(&text);
    shown->external = config->address_count > 0;
    shown->broken = pool == NULL;
    if (!pool)
        return;
    uint64_t now_ms = engine_now_ms();
    EnterCriticalSection(&pool->lock);
    pool_get_counts(pool->core, &shown->counts);
    pool_get_times(pool->core, now_ms, &times);
    shown->limits = pool->version->limits;
    shown->limits.max_instances = shown->counts.max_instances;
    shown->tuned = pool->tuning.on;
    if (shown->tuned)
        show_tuning(&shown->tuning, &pool->tuning.tune, now_ms);
    memcpy(shown->tuning.moves, pool->tuning.tune.moves, sizeof shown->tuning.moves); /* a counter: it stays */
    shown->drain_expires = pool->drain_end_ms != 0;
    shown->drain_left_ms = pool->drain_end_ms > now_ms ? pool->drain_end_ms - now_ms : 0;
    shown->drain_persists = pool->drain_persists;
    if (counter_pool_read(pool->counters, counter_now_us(), &view))
        memcpy(shown->counters, view.values, sizeof shown->counters);
    LeaveCriticalSection(&pool->lock);
    shown->state = shown->counts.state;
    shown->running = times.running;
    shown->oldest_wait_ms = times.oldest_wait_ms;
    shown->oldest_run_ms = times.oldest_run_ms;
    shown->rapid_fail_left_ms = times.rapid_fail_left_ms;
    shown->first_cause = times.first_cause;
    shown->start_unix_ms = pool->start_unix_ms;
}

/* ---- workers and requests: rows ---- */

struct row {
    union {
        struct pool_worker_info worker;
        struct pool_request_info request;
    } info;
    struct request_label *label; /* a reference */
    uint32_t pid;
};

struct rows {
    struct engine_pool *pool;
    struct row *items;
    size_t count, capacity;
    bool too_few;
};

static struct row *next_row(struct rows *rows)
{
    rows->too_few |= rows->count == rows->capacity;
    return rows->too_few ? NULL : &rows->items[rows->count++];
}

static uint32_t pid_of(const struct engine_pool *pool, uint64_t worker)
{
    const struct worker_io *io = worker ? pool->workers[(uint32_t)worker] : NULL;
    return io && io->id == worker ? (uint32_t)io->pid : 0;
}

static void add_worker(void *context, const struct pool_worker_info *info)
{
    struct rows *rows = context;
    struct row *row = next_row(rows);
    if (!row)
        return;
    const struct worker_io *io = rows->pool->workers[(uint32_t)info->id];
    row->info.worker = *info;
    row->pid = pid_of(rows->pool, info->id);
    row->label = io ? io->label : NULL;
    request_label_ref(row->label);
}

static void add_request(void *context, const struct pool_request_info *info)
{
    struct rows *rows = context;
    struct row *row = next_row(rows);
    if (!row)
        return;
    row->info.request = *info;
    row->pid = pid_of(rows->pool, info->worker);
    row->label = handler_label((struct handler *)(ULONG_PTR)info->tag); /* it lives: the pool has not given it back */
    request_label_ref(row->label);
}

static void free_rows(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        request_label_unref(rows->items[i].label);
    free(rows->items);
    rows->items = NULL;
    rows->count = 0;
}

/* false: no memory. */
static bool collect(struct rows *rows, struct engine_pool *pool, bool workers)
{
    struct pool_counts counts;
    EnterCriticalSection(&pool->lock);
    pool_get_counts(pool->core, &counts);
    LeaveCriticalSection(&pool->lock);
    size_t wanted = workers ? counts.workers : (size_t)counts.waiting + counts.workers;
    for (;; wanted *= 2) {
        *rows = (struct rows){.pool = pool, .capacity = wanted + SLACK};
        rows->items = calloc(rows->capacity, sizeof *rows->items);
        if (!rows->items)
            return false;
        EnterCriticalSection(&pool->lock);
        if (workers)
            pool_each_worker(pool->core, engine_now_ms(), add_worker, rows);
        else
            pool_each_request(pool->core, engine_now_ms(), add_request, rows);
        LeaveCriticalSection(&pool->lock);
        if (!rows->too_few)
            return true;
        wanted += SLACK;
        free_rows(rows);
    }
}

/* ---- workers ---- */

static void fill_worker(struct snapshot *snapshot, struct mgmt_worker *shown, const struct row *row, char *pool)
{
    const struct pool_worker_info *info = &row->info.worker;
    *shown = (struct mgmt_worker){
        .pool = pool,
        .id = info->id,
        .pid = row->pid,
        .state = info->state,
        .retiring_soon = info->to_go,
        .request = info->request,
        .served = info->served,
        .answered = info->answered,
        .requests_left = info->requests_left,
        .age_ms = info->age_ms,
        .state_ms = info->state_ms,
        .url_path = row->label ? keep_str(snapshot, row->label->url_path) : nothing,
    };
    if (shown->pid)
        compat_process_use(shown->pid, &shown->private_bytes, &shown->handle_count);
}

static void add_workers(struct snapshot *snapshot, struct engine_pool *pool, char *name)
{
    struct mgmt_snapshot *shown = &snapshot->shown;
    struct rows rows;
    if (!collect(&rows, pool, true)) {
        snapshot->failed = true;
        return;
    }
    struct mgmt_worker *all =
        grow(snapshot, shown->workers, shown->worker_count, rows.count, &snapshot->worker_capacity, sizeof *all);
    if (all || !rows.count)
        shown->workers = all;
    for (size_t i = 0; all && i < rows.count; i++)
        fill_worker(snapshot, &shown->workers[shown->worker_count++], &rows.items[i], name);
    free_rows(&rows);
}

/* ---- requests ---- */

static void fill_request(struct snapshot *snapshot, struct mgmt_request *shown, struct request_label *label)
{
    shown->method = label ? keep_str(snapshot, label->method) : nothing;
    shown->url_path = label ? keep_str(snapshot, label->url_path) : nothing;
    shown->query = label ? keep_str(snapshot, label->query) : nothing;
    shown->client = label ? keep_str(snapshot, label->client) : nothing;
    shown->body_bytes = label ? request_label_read(&label->body_bytes) : 0;
    shown->sent_bytes = label ? request_label_read(&label->sent_bytes) : 0;
}

/* Those on workers first, oldest first; those that wait are in their order already, but a second try stands before all. */
static int compare_rows(const void *a, const void *b)
{
    const struct pool_request_info *left = &((const struct row *)a)->info.request;
    const struct pool_request_info *right = &((const struct row *)b)->info.request;
    if (!left->worker != !right->worker)
        return left->worker ? -1 : 1;
    if (left->age_ms != right->age_ms)
        return left->age_ms > right->age_ms ? -1 : 1;
    return 0;
}

static struct mgmt_request *room_for_requests(struct snapshot *snapshot, size_t count)
{
    struct mgmt_snapshot *shown = &snapshot->shown;
    struct mgmt_request *all =
        grow(snapshot, shown->requests, shown->request_count, count, &snapshot->request_capacity, sizeof *all);
    if (all)
        shown->requests = all;
    return all;
}

static void add_requests(struct snapshot *snapshot, struct engine_pool *pool, char *name)
{
    static const enum mgmt_request_state states[] = {
        [POOL_REQUEST_WAITING] = MGMT_REQUEST_QUEUED,
        [POOL_REQUEST_RUNNING] = MGMT_REQUEST_RUNNING,
        [POOL_REQUEST_LINGERING] = MGMT_REQUEST_LINGERING,
    };
    struct rows rows;
    if (!collect(&rows, pool, false)) {
        snapshot->failed = true;
        return;
    }
    size_t running = 0;
    while (running < rows.count && rows.items[running].info.request.worker)
        running++;
    qsort(rows.items, running, sizeof *rows.items, compare_rows);
    bool room = rows.count && room_for_requests(snapshot, rows.count);
    for (size_t i = 0; room && i < rows.count; i++) {
        const struct pool_request_info *info = &rows.items[i].info.request;
        struct mgmt_request *shown = &snapshot->shown.requests[snapshot->shown.request_count++];
        *shown = (struct mgmt_request){.pool = name, .id = info->id, .worker_pid = rows.items[i].pid};
        shown->state = states[info->state];
        shown->age_ms = info->age_ms;
        shown->state_ms = info->state_ms;
        shown->waits_for_client = info->waits_for_client;
        fill_request(snapshot, shown, rows.items[i].label);
    }
    free_rows(&rows);
}

static void add_intake(struct snapshot *snapshot, const struct engine_pool *pool, struct request_label *label)
{
    uint64_t now_ms = engine_now_ms();
    if (!room_for_requests(snapshot, 1))
        return;
    struct mgmt_request *shown = &snapshot->shown.requests[snapshot->shown.request_count++];
    *shown = (struct mgmt_request){.pool = keep_str(snapshot, pool->name), .waits_for_client = true};
    shown->state = MGMT_REQUEST_TAKING_IN;
    shown->age_ms = shown->state_ms = label ? now_ms - label->began_ms : 0;
    fill_request(snapshot, shown, label);
}

/* Those whose bodies are being taken in: no pool knows them yet. */
static void add_intakes(struct snapshot *snapshot, struct engine *engine)
{
    size_t count;
    struct handler **handlers = handler_list_take(&engine->handlers, &count);
    snapshot->failed |= !handlers;
    for (size_t i = 0; i < count; i++) {
        const struct engine_pool *pool = handler_intake_pool(handlers[i]);
        if (pool)
            add_intake(snapshot, pool, handler_label(handlers[i]));
    }
    handler_list_give_back(handlers, count);
}

/* ---- exits ---- */

static void add_exits(struct snapshot *snapshot, struct engine *engine)
{
    struct exits *exits = malloc(sizeof *exits);
    struct mgmt_exit *shown = calloc(EXITS_COUNT, sizeof *shown);
    snapshot->shown.exits = shown;
    snapshot->failed |= !exits || !shown;
    if (exits) {
        EnterCriticalSection(&engine->exits_lock);
        *exits = engine->exits;
        LeaveCriticalSection(&engine->exits_lock);
    }
    const struct exits_entry *entry;
    for (unsigned age = 0; exits && shown && (entry = exits_at(exits, age)) != NULL; age++) {
        shown[snapshot->shown.exit_count++] = (struct mgmt_exit){
            .pool = keep_str(snapshot, entry->pool),
            .pid = entry->pid,
            .code = entry->code,
            .expected = entry->cause == ERROR_CAUSE_NONE,
            .cause = entry->cause,
            .at_unix_ms = entry->at_unix_ms,
            .lived_ms = entry->lived_ms,
            .answered = entry->answered,
            .url_path = keep_str(snapshot, entry->url_path),
        };
    }
    free(exits);
}

/* ---- the whole ---- */

static void fill(struct snapshot *snapshot, struct engine *engine, const struct settings *settings, unsigned want)
{
    const struct config *config = settings->config;
    fill_server(snapshot, engine, settings);
    if (want & MGMT_WANT_POOLS) {
        snapshot->shown.pools = calloc(config->pool_count + 1, sizeof *snapshot->shown.pools);
        snapshot->failed |= !snapshot->shown.pools;
    }
    for (size_t i = 0; i < config->pool_count && !snapshot->failed; i++) {
        struct engine_pool *pool = settings->pools[i];
        char *name = keep_str(snapshot, config->pools[i].name);
        if (want & MGMT_WANT_POOLS)
            fill_pool(snapshot, &snapshot->shown.pools[snapshot->shown.pool_count++], &config->pools[i], pool);
        if (pool && (want & MGMT_WANT_WORKERS))
            add_workers(snapshot, pool, name);
        if (pool && (want & MGMT_WANT_REQUESTS))
            add_requests(snapshot, pool, name);
    }
    if (want & MGMT_WANT_REQUESTS)
        add_intakes(snapshot, engine);
    if (want & MGMT_WANT_EXITS)
        add_exits(snapshot, engine);
}

struct mgmt_snapshot *mgmt_snapshot_make(void *context, unsigned want)
{
    struct engine *engine = context;
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return NULL;
    struct settings *settings = settings_enter(engine);
    fill(snapshot, engine, settings, want);
    settings_leave(settings);
    if (!snapshot->failed)
        return &snapshot->shown;
    mgmt_snapshot_free(context, &snapshot->shown);
    return NULL;
}

void mgmt_snapshot_free(void *context, struct mgmt_snapshot *shown)
{
    struct snapshot *snapshot = (struct snapshot *)(void *)shown; /* its first member */
    (void)context;
    while (snapshot && snapshot->texts) {
        struct block *next = snapshot->texts->next;
        free(snapshot->texts);
        snapshot->texts = next;
    }
    if (!snapshot)
        return;
    free(shown->pools);
    free(shown->workers);
    free(shown->requests);
    free(shown->exits);
    free(snapshot);
}
