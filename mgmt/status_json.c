/* status_json: one function an object; the order of members is that of the documentation. */
#include "mgmt/status_json.h"

#include "fcgiext/version.h"
#include "mgmt/exit_code.h"

#include <stdio.h>

const char *mgmt_pool_state_name(const struct mgmt_pool *pool)
{
    return pool->broken ? "broken" : pool_state_name(pool->state);
}

const char *mgmt_request_state_name(enum mgmt_request_state state)
{
    switch (state) {
    case MGMT_REQUEST_TAKING_IN: return "taking_in";
    case MGMT_REQUEST_QUEUED: return "queued";
    case MGMT_REQUEST_RUNNING: return "running";
    case MGMT_REQUEST_LINGERING: break;
    }
    return "lingering";
}

const char *mgmt_command_kind_name(enum mgmt_command_kind kind)
{
    switch (kind) {
    case MGMT_COMMAND_RECYCLE: return "recycle";
    case MGMT_COMMAND_DRAIN: return "drain";
    case MGMT_COMMAND_RESUME: return "resume";
    case MGMT_COMMAND_WORKER_RECYCLE: return "worker_recycle";
    case MGMT_COMMAND_WORKER_KILL: return "worker_kill";
    case MGMT_COMMAND_RELOAD: break;
    }
    return "reload";
}

const char *mgmt_operation_state_name(enum mgmt_operation_state state)
{
    switch (state) {
    case MGMT_OPERATION_RUNNING: return "running";
    case MGMT_OPERATION_DONE: return "done";
    case MGMT_OPERATION_FAILED: return "failed";
    case MGMT_OPERATION_SUPERSEDED: break;
    }
    return "superseded";
}

static uint64_t since(uint64_t now_ms, uint64_t then_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0; /* the system's clock may have been set back */
}

static void number_or_null(struct json *json, const char *name, uint64_t number)
{
    if (number > 0)
        json_number(json, name, number);
    else
        json_null(json, name);
}

void status_json_server(struct json *json, const struct mgmt_server *server)
{
    json_string(json, "version", FCGIEXT_VERSION);
    json_number(json, "pid", server->pid);
    json_string(json, "host_program", server->host_program);
    json_time(json, "started", true, server->start_unix_ms);
    json_time(json, "loaded", true, server->load_unix_ms);
    json_time(json, "now", true, server->now_unix_ms);
    json_seconds(json, "uptime_seconds", since(server->now_unix_ms, server->load_unix_ms));
    json_begin_object(json, "config");
    json_string(json, "path", server->config_path);
    json_string(json, "state", server->config_rejected ? "rejected" : "ok");
    json_time(json, "read", true, server->config_read_unix_ms);
    json_time(json, "rejected", server->config_rejected, server->config_rejected_unix_ms);
    json_number(json, "errors", server->config_errors);
    json_number(json, "warnings", server->config_warnings);
    json_end_object(json);
}

/* ---- pools */

static void write_workers(struct json *json, const struct mgmt_pool *pool)
{
    json_begin_object(json, "workers");
    json_number(json, "current", pool->counts.workers);
    json_number(json, "maximum", pool->limits.max_instances);
    for (int state = 0; state < WORKER_GONE; state++)
        json_number(json, worker_state_name((enum worker_state)state), pool->counts.by_state[state]);
    json_end_object(json);
}

static void write_requests(struct json *json, const struct mgmt_pool *pool)
{
    json_begin_object(json, "requests");
    json_number(json, "running", pool->running);
    json_number(json, "queued", pool->counts.waiting);
    json_number(json, "queue_length", pool->limits.queue_length);
    json_seconds(json, "oldest_wait_seconds", pool->oldest_wait_ms);
    json_seconds(json, "oldest_run_seconds", pool->oldest_run_ms);
    json_end_object(json);
}

/* What an operator or a fault has made of it: recycle, drain, rapid_fail. */
static void write_conditions(struct json *json, const struct mgmt_pool *pool)
{
    bool drains = pool->state == POOL_STATE_DRAINING || pool->state == POOL_STATE_DRAINED;
    json_begin_object(json, "recycle");
    json_string(json, "state", pool_recycle_state_name(pool->counts.recycle));
    json_number(json, "old_workers", pool->counts.old_workers);
    json_end_object(json);
    if (drains && !pool->broken) {
        json_begin_object(json, "drain");
        if (pool->drain_expires)
            json_seconds(json, "left_seconds", pool->drain_left_ms);
        else
            json_null(json, "left_seconds");
        json_bool(json, "persist", pool->drain_persists);
        json_end_object(json);
    } else {
        json_null(json, "drain");
    }
    if (pool->state == POOL_STATE_RAPID_FAIL && !pool->broken) {
        json_begin_object(json, "rapid_fail");
        json_seconds(json, "left_seconds", pool->rapid_fail_left_ms);
        json_string(json, "first_cause", error_cause_name(pool->first_cause));
        json_end_object(json);
    } else {
        json_null(json, "rapid_fail");
    }
}

static void write_limits(struct json *json, const struct pool_limits *limits)
{
    json_begin_object(json, "limits");
    json_number(json, "max_instances", limits->max_instances);
    json_number(json, "queue_length", limits->queue_length);
    json_number(json, "instance_max_requests", limits->instance_max_requests);
    json_seconds(json, "idle_timeout_seconds", limits->idle_timeout_ms);
    json_seconds(json, "activity_timeout_seconds", limits->activity_timeout_ms);
    json_seconds(json, "request_timeout_seconds", limits->request_timeout_ms);
    json_number(json, "rapid_fails_per_minute", limits->rapid_fails_per_minute);
    json_end_object(json);
}

/* Why the limit of a pool with MaxInstances=0 is what it is. */
static void write_tuning(struct json *json, const struct mgmt_pool *pool)
{
    const struct mgmt_tuning *tuning = &pool->tuning;
    bool moved = tuning->move_reason != AUTOTUNE_STEADY;
    if (!pool->tuned) {
        json_null(json, "tuning");
        return;
    }
    json_begin_object(json, "tuning");
    json_string(json, "reason", autotune_reason_name(tuning->reason));
    if (moved) {
        json_string(json, "move_reason", autotune_reason_name(tuning->move_reason));
        json_seconds(json, "move_age_seconds", tuning->move_age_ms);
    } else {
        json_null(json, "move_reason");
        json_null(json, "move_age_seconds");
    }
    json_begin_object(json, "moves_by_reason");
    for (int reason = 0; reason < AUTOTUNE_REASON_COUNT; reason++)
        if (tuning->moves[reason] > 0)
            json_number(json, autotune_reason_name((enum autotune_reason)reason), tuning->moves[reason]);
    json_end_object(json);
    json_end_object(json);
}

/* As all other readers of the counters are told. The scheduler's own sums lack what never came to it, and call answered what a client did
 * not wait for, or what was no good answer. */
static void write_totals(struct json *json, const uint64_t counters[COUNTER_POOL_PLACES])
{
    const uint64_t *results = counters + COUNTER_RESULTS, *retries = counters + COUNTER_RETRIES;
    uint64_t start_failures = counters[COUNTER_START_FAILURES];
    uint64_t unexpected = counter_class_sum(counters, COUNTER_CLASS_CRASHED) - start_failures;
    json_begin_object(json, "totals");
    json_number(json, "requests", counters[COUNTER_REQUESTS]);
    json_number(json, "answered", results[ERROR_CAUSE_NONE]);
    json_number(json, "failed",
                counter_class_sum(counters, COUNTER_CLASS_FAILED) + counter_class_sum(counters, COUNTER_CLASS_ABORTED));
    json_begin_object(json, "failed_by_cause");
    for (int cause = ERROR_CAUSE_NONE + 1; cause < ERROR_CAUSE_COUNT; cause++)
        if (results[cause] > 0)
            json_number(json, error_cause_name((enum error_cause)cause), results[cause]);
    json_end_object(json);
    json_number(json, "rejected", counter_class_sum(counters, COUNTER_CLASS_REJECTED));
    json_number(json, "retried", retries[POOL_RETRY_UNWRITTEN] + retries[POOL_RETRY_UNANSWERED]);
    json_number(json, "starts", counters[COUNTER_STARTS]);
    json_number(json, "start_failures", start_failures);
    json_number(json, "exits", counter_class_sum(counters, COUNTER_CLASS_RECYCLED) + unexpected);
    json_number(json, "unexpected_exits", unexpected);
    json_end_object(json);
}

void status_json_open_pool(struct json *json, const char *name, const struct mgmt_pool *pool)
{
    json_begin_object(json, name);
    json_string(json, "name", pool->name);
    json_string(json, "program", pool->program);
    json_bool(json, "external", pool->external);
    json_bool(json, "broken", pool->broken);
    json_string(json, "state", mgmt_pool_state_name(pool));
    write_workers(json, pool);
    write_requests(json, pool);
    write_conditions(json, pool);
    number_or_null(json, "learned_requests", pool->counts.learned_requests);
    write_limits(json, &pool->limits);
    write_tuning(json, pool);
    write_totals(json, pool->counters);
    json_time(json, "started", !pool->broken, pool->start_unix_ms);
}

void status_json_pool(struct json *json, const char *name, const struct mgmt_pool *pool)
{
    status_json_open_pool(json, name, pool);
    json_end_object(json);
}

/* ---- workers, requests, exits, operations */

void status_json_worker(struct json *json, const struct mgmt_worker *worker)
{
    json_begin_object(json, NULL);
    json_string(json, "pool", worker->pool);
    json_id(json, "id", worker->id);
    number_or_null(json, "pid", worker->pid);
    json_string(json, "state", worker_state_name(worker->state));
    json_bool(json, "retiring", worker->retiring_soon || worker->state == WORKER_RETIRING);
    if (worker->request > 0)
        json_id(json, "request", worker->request);
    else
        json_null(json, "request");
    json_number(json, "served", worker->served);
    json_number(json, "answered", worker->answered);
    json_number(json, "requests_left", worker->requests_left);
    json_seconds(json, "age_seconds", worker->age_ms);
    json_seconds(json, "state_seconds", worker->state_ms);
    number_or_null(json, "private_bytes", worker->private_bytes);
    number_or_null(json, "handles", worker->handle_count);
    json_cut_string(json, "url_path", worker->url_path);
    json_end_object(json);
}

void status_json_request(struct json *json, const struct mgmt_request *request, bool all)
{
    json_begin_object(json, NULL);
    json_string(json, "pool", request->pool);
    json_id(json, "id", request->id);
    number_or_null(json, "worker_pid", request->worker_pid);
    json_string(json, "state", mgmt_request_state_name(request->state));
    json_cut_string(json, "method", request->method);
    json_cut_string(json, "url_path", request->url_path);
    json_seconds(json, "age_seconds", request->age_ms);
    json_seconds(json, "state_seconds", request->state_ms);
    json_number(json, "body_bytes", request->body_bytes);
    json_number(json, "sent_bytes", request->sent_bytes);
    json_bool(json, "waits_for_client", request->waits_for_client);
    if (all) {
        json_cut_string(json, "query", request->query);
        json_cut_string(json, "client", request->client);
    }
    json_end_object(json);
}

void status_json_exit(struct json *json, const struct mgmt_exit *exit, uint64_t now_unix_ms)
{
    char hex[16];
    snprintf(hex, sizeof hex, "0x%08x", (unsigned)exit->code);
    json_begin_object(json, NULL);
    json_string(json, "pool", exit->pool);
    number_or_null(json, "pid", exit->pid);
    json_number(json, "code", exit->code);
    json_string(json, "code_hex", hex);
    json_string(json, "code_text", exit_code_text(exit->code));
    json_bool(json, "expected", exit->expected);
    if (exit->expected || exit->cause == ERROR_CAUSE_NONE)
        json_null(json, "cause");
    else
        json_string(json, "cause", error_cause_name(exit->cause));
    json_time(json, "at", true, exit->at_unix_ms);
    json_seconds(json, "age_seconds", since(now_unix_ms, exit->at_unix_ms));
    json_seconds(json, "lived_seconds", exit->lived_ms);
    json_number(json, "answered", exit->answered);
    json_cut_string(json, "url_path", exit->url_path);
    json_end_object(json);
}

void status_json_operation(struct json *json, const char *name, const struct mgmt_operation *operation)
{
    json_begin_object(json, name);
    json_id(json, "id", operation->id);
    json_string(json, "kind", mgmt_command_kind_name(operation->kind));
    json_string(json, "pool", operation->pool);
    json_string(json, "state", mgmt_operation_state_name(operation->state));
    json_number(json, "done", operation->done);
    json_number(json, "total", operation->total);
    json_string(json, "reason", operation->reason);
    json_seconds(json, "age_seconds", operation->age_ms);
    json_end_object(json);
}
