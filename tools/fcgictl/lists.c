/* lists: see lists.h. Tables of columns; the few cells that are made of several members have a function. */
#include "tools/fcgictl/lists.h"

#include <string.h>

#include "tools/fcgictl/pool_words.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- pools */

static void add_styled(enum style style, const char *text, struct text *out)
{
    if (style != STYLE_NONE)
        text_add_style(out, style);
    text_add(out, text);
    if (style != STYLE_NONE)
        text_add_style(out, STYLE_NONE);
}

static void add_mark(const cJSON *pool, struct text *out)
{
    enum trouble trouble = pool_trouble(pool);
    if (trouble >= TROUBLE_WARNING)
        add_styled(pool_style(trouble), trouble == TROUBLE_BAD ? "!!" : "!", out);
}

static void add_state(const cJSON *pool, struct text *out)
{
    struct text state = {0};
    enum trouble trouble = pool_trouble(pool);
    bool running = strcmp(value_string(pool, "state"), "running") == 0;
    words_add_enum(&state, value_string(pool, "state"));
    add_styled(running ? STYLE_NONE : pool_style(trouble), state.len > 0 ? text_str(&state) : "-", out);
    text_deinit(&state);
}

static void add_workers(const cJSON *pool, struct text *out)
{
    text_addf(out, "%.0f/%.0f", value_number(pool, "workers.current", 0), value_number(pool, "workers.maximum", 0));
}

/* Both are lengths of time that mean nothing when nothing waits, or runs. */
static void add_age_or_nothing(const cJSON *pool, const char *path, struct text *out)
{
    double seconds = value_number(pool, path, 0);
    if (seconds > 0)
        words_add_age(out, seconds);
    else
        text_add(out, "-");
}

static void add_oldest_wait(const cJSON *pool, struct text *out)
{
    add_age_or_nothing(pool, "requests.oldest_wait_seconds", out);
}

static void add_oldest_run(const cJSON *pool, struct text *out)
{
    add_age_or_nothing(pool, "requests.oldest_run_seconds", out);
}

static void add_note(const cJSON *pool, struct text *out)
{
    struct text reason = {0};
    pool_add_reason(pool, &reason);
    if (reason.len > 0)
        add_styled(pool_style(pool_trouble(pool)), text_str(&reason), out);
    text_deinit(&reason);
}

static const struct column pool_columns[] = {
    {"", NULL, COLUMN_TEXT, COLUMN_OPTIONAL, add_mark},
    {"POOL", "name", COLUMN_TEXT, 0, NULL},
    {"STATE", "state", COLUMN_ENUM, 0, add_state},
    {"WORKERS", NULL, COLUMN_NUMBER, 0, add_workers},
    {"", "workers.current", COLUMN_NUMBER, COLUMN_ONLY_CSV, NULL},
    {"", "workers.maximum", COLUMN_NUMBER, COLUMN_ONLY_CSV, NULL},
    {"BUSY", "workers.busy", COLUMN_NUMBER, 0, NULL},
    {"IDLE", "workers.idle", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"STARTING", "workers.starting", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"QUEUE", "requests.queued", COLUMN_NUMBER, 0, NULL},
    {"", "requests.queue_length", COLUMN_NUMBER, COLUMN_ONLY_CSV, NULL},
    {"WAITS", "requests.oldest_wait_seconds", COLUMN_AGE, COLUMN_WIDE, add_oldest_wait},
    {"RUNS", "requests.oldest_run_seconds", COLUMN_AGE, COLUMN_WIDE, add_oldest_run},
    {"REQUESTS", "totals.requests", COLUMN_NUMBER, 0, NULL},
    {"ANSWERED", "totals.answered", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"FAILED", "totals.failed", COLUMN_NUMBER, 0, NULL},
    {"REJECTED", "totals.rejected", COLUMN_NUMBER, 0, NULL},
    {"RETRIED", "totals.retried", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"STARTS", "totals.starts", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"CRASHES", "totals.unexpected_exits", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"PROGRAM", "program", COLUMN_TEXT, COLUMN_WIDE, NULL},
    {"NOTE", NULL, COLUMN_TEXT, COLUMN_OPTIONAL, add_note},
};

void lists_add_host(const cJSON *entry, struct text *out)
{
    const cJSON *server = value_at(entry, "server"), *config = value_at(server, "config");
    const char *program = value_string(entry, "program");
    text_addf(out, "host %.0f%s%s", value_number(entry, "pid", 0), program[0] ? " " : "", program);
    if (value_at(entry, "error")) {
        bool denied = value_number(entry, "error.exit_code", 0) == FCGICTL_DENIED;
        text_add(out, ": ");
        add_styled(STYLE_BAD, denied ? "access denied" : "does not answer", out);
    } else if (server) {
        text_addf(out, ": fcgiext %s, up ", value_string(server, "version"));
        words_add_age(out, value_number(server, "uptime_seconds", 0));
    }
    if (strcmp(value_string(config, "state"), "rejected") == 0)
        add_styled(STYLE_BAD, "; its changed fcgiext.ini has errors and was not taken: fcgictl config check", out);
    else if (value_number(config, "errors", 0) > 0)
        add_styled(STYLE_BAD, "; its fcgiext.ini has errors: fcgictl config check", out);
    text_add(out, "\n");
}

static void add_status_head(const cJSON *document, struct text *out)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, value_at(document, "hosts")) lists_add_host(entry, out);
}

/* A queue that was there before, too, and has become longer. */
static void compare_queues(cJSON *pool, const cJSON *before)
{
    double queued = value_number(before, "requests.queued", 0);
    if (queued > 0 && value_number(pool, "requests.queued", 0) > queued)
        cJSON_AddNumberToObject(pool, "queued_before", queued);
}

static const struct listing status = {
    .method = "status",
    .member = "pools",
    .pool = "name",
    .columns = pool_columns,
    .column_count = COUNT(pool_columns),
    .empty = "no pools",
    .add_head = add_status_head,
    .compare = compare_queues,
};

int lists_status(struct run *run)
{
    return listing_run(run, &status);
}

static void add_program(const cJSON *pool, struct text *out)
{
    text_add_data(out, value_string(pool, "program"));
    if (value_bool(pool, "external"))
        text_add(out, " (external)");
}

static const struct column list_columns[] = {
    {"POOL", "name", COLUMN_TEXT, 0, NULL},
    {"STATE", "state", COLUMN_ENUM, 0, add_state},
    {"WORKERS", NULL, COLUMN_NUMBER, 0, add_workers},
    {"QUEUE LIMIT", "limits.queue_length", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"MAX REQUESTS", "limits.instance_max_requests", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"IDLE TIMEOUT", "limits.idle_timeout_seconds", COLUMN_AGE, COLUMN_WIDE, NULL},
    {"ACTIVITY TIMEOUT", "limits.activity_timeout_seconds", COLUMN_AGE, COLUMN_WIDE, NULL},
    {"REQUEST TIMEOUT", "limits.request_timeout_seconds", COLUMN_AGE, COLUMN_WIDE, NULL},
    {"PROGRAM", "program", COLUMN_TEXT, 0, add_program},
    {"", "external", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
};

const struct listing lists_pools = {
    .method = "pool.list",
    .member = "pools",
    .pool = "name",
    .pages = true,
    .columns = list_columns,
    .column_count = COUNT(list_columns),
    .empty = "no pools",
};

int lists_list(struct run *run)
{
    return listing_run(run, &lists_pools);
}

/* ---- workers */

/* Without a process of ours: by its id, as `fcgictl kill POOL/#ID` takes it. */
static void add_worker(const cJSON *worker, struct text *out)
{
    if (value_at(worker, "pid"))
        text_addf(out, "%.0f", value_number(worker, "pid", 0));
    else
        text_addf(out, "#%s", value_string(worker, "id"));
}

static void add_worker_state(const cJSON *worker, struct text *out)
{
    words_add_enum(out, value_string(worker, "state"));
    if (value_bool(worker, "retiring") && strcmp(value_string(worker, "state"), "retiring") != 0)
        text_add(out, ", retiring");
}

static const struct column worker_columns[] = {
    {"POOL", "pool", COLUMN_TEXT, 0, NULL},
    {"WORKER", "pid", COLUMN_NUMBER, 0, add_worker},
    {"", "id", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"STATE", "state", COLUMN_ENUM, 0, add_worker_state},
    {"FOR", "state_seconds", COLUMN_AGE, 0, NULL},
    {"AGE", "age_seconds", COLUMN_AGE, 0, NULL},
    {"SERVED", "served", COLUMN_NUMBER, 0, NULL},
    {"LEFT", "requests_left", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"MEMORY", "private_bytes", COLUMN_BYTES, 0, NULL},
    {"HANDLES", "handles", COLUMN_NUMBER, COLUMN_WIDE, NULL},
    {"REQUEST", "request", COLUMN_TEXT, COLUMN_WIDE, NULL},
    {"URL", "url_path", COLUMN_TEXT, 0, NULL},
};

const struct listing lists_workers = {
    .method = "worker.list",
    .member = "workers",
    .pool = "pool",
    .pages = true,
    .columns = worker_columns,
    .column_count = COUNT(worker_columns),
    .empty = "no workers",
};

int lists_ps(struct run *run)
{
    return listing_run(run, &lists_workers);
}

/* ---- requests */

static void add_request_state(const cJSON *request, struct text *out)
{
    words_add_enum(out, value_string(request, "state"));
    if (value_bool(request, "waits_for_client"))
        text_add(out, ", client is slow");
}

static const struct column request_columns[] = {
    {"POOL", "pool", COLUMN_TEXT, 0, NULL},
    {"AGE", "age_seconds", COLUMN_AGE, 0, NULL},
    {"STATE", "state", COLUMN_ENUM, 0, add_request_state},
    {"FOR", "state_seconds", COLUMN_AGE, COLUMN_WIDE, NULL},
    {"WORKER", "worker_pid", COLUMN_NUMBER, 0, NULL},
    {"BODY", "body_bytes", COLUMN_BYTES, COLUMN_WIDE, NULL},
    {"SENT", "sent_bytes", COLUMN_BYTES, 0, NULL},
    {"ID", "id", COLUMN_TEXT, COLUMN_WIDE, NULL},
    {"CLIENT", "client", COLUMN_TEXT, COLUMN_WIDE | COLUMN_OPTIONAL, NULL},
    {"METHOD", "method", COLUMN_TEXT, 0, NULL},
    {"URL", "url_path", COLUMN_TEXT, 0, NULL},
    {"QUERY", "query", COLUMN_TEXT, COLUMN_WIDE | COLUMN_OPTIONAL, NULL},
};

static const struct listing requests = {
    .method = "request.list",
    .member = "requests",
    .pool = "pool",
    .pages = true,
    .columns = request_columns,
    .column_count = COUNT(request_columns),
    .empty = "no requests in flight",
};

int lists_requests(struct run *run)
{
    return listing_run(run, &requests);
}

/* ---- exits */

/* "expected", or the cause and what the code means. */
static void add_exit_cause(const cJSON *item, struct text *out)
{
    const char *text = value_string(item, "code_text");
    if (value_bool(item, "expected")) {
        text_add(out, "expected");
        return;
    }
    text_add_style(out, STYLE_BAD);
    if (value_at(item, "cause"))
        words_add_enum(out, value_string(item, "cause"));
    else
        text_add(out, "unexpected");
    if (text[0]) {
        text_add(out, ": ");
        text_add_data(out, text);
    }
    text_add_style(out, STYLE_NONE);
}

/* Small codes are what a program has returned; the large ones are known by their hexadecimal form. */
static void add_exit_code(const cJSON *item, struct text *out)
{
    double code = value_number(item, "code", 0);
    if (code >= 0 && code < 256)
        text_addf(out, "%.0f", code);
    else
        text_add_data(out, value_string(item, "code_hex"));
}

static const struct column exit_columns[] = {
    {"AGO", "age_seconds", COLUMN_AGE, 0, NULL},
    {"TIME", "at_time", COLUMN_TEXT, COLUMN_WIDE, NULL},
    {"POOL", "pool", COLUMN_TEXT, 0, NULL},
    {"WORKER", "pid", COLUMN_NUMBER, 0, NULL},
    {"CODE", "code", COLUMN_NUMBER, 0, add_exit_code},
    {"", "code_hex", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"", "code_text", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"", "expected", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"CAUSE", "cause", COLUMN_ENUM, 0, add_exit_cause},
    {"LIVED", "lived_seconds", COLUMN_AGE, 0, NULL},
    {"SERVED", "answered", COLUMN_NUMBER, 0, NULL},
    {"LAST URL", "url_path", COLUMN_TEXT, 0, NULL},
};

const struct listing lists_exits = {
    .method = "exit.list",
    .member = "exits",
    .pool = "pool",
    .columns = exit_columns,
    .column_count = COUNT(exit_columns),
    .empty = "no worker has ended yet",
};

int lists_exits_run(struct run *run)
{
    return listing_run(run, &lists_exits);
}
