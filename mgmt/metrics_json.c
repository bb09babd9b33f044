/* metrics_json: a row a metric. Names of counters end in _total, as OpenMetrics wants it; they are the pools' totals, which no
 * reading resets. A pool whose section is broken has none. */
#include "mgmt/metrics_json.h"

#include "mgmt/status_json.h"

#define VALUE(name, expression)                                   \
    static uint64_t name(const struct mgmt_pool *pool, int index) \
    {                                                             \
        (void)index;                                              \
        return (expression);                                      \
    }

VALUE(requests, pool->totals.arrived)
VALUE(answered, pool->totals.answered)
VALUE(failed, pool->totals.failed[index])
VALUE(rejected, mgmt_rejected_total(&pool->totals))
VALUE(retried, pool_totals_retried(&pool->totals))
VALUE(starts, pool->totals.started)
VALUE(start_failures, pool->totals.start_failures)
VALUE(exits, pool_totals_exits(&pool->totals))
VALUE(unexpected_exits, pool_totals_unexpected_exits(&pool->totals))
VALUE(workers, pool->counts.by_state[index])
VALUE(workers_maximum, pool->limits.max_instances)
VALUE(limit_moves, pool->tuning.moves[index])
VALUE(running, pool->running)
VALUE(queued, pool->counts.waiting)
VALUE(queue_length, pool->limits.queue_length)
VALUE(oldest_wait, pool->oldest_wait_ms)
VALUE(oldest_run, pool->oldest_run_ms)
VALUE(state, (int)pool->state == index)
VALUE(start_time, pool->start_unix_ms)

static const char *cause_label(int index)
{
    return error_cause_name((enum error_cause)index);
}

static const char *worker_label(int index)
{
    return worker_state_name((enum worker_state)index);
}

static const char *reason_label(int index)
{
    return autotune_reason_name((enum autotune_reason)index);
}

static const char *state_label(int index)
{
    return pool_state_name((enum pool_state)index);
}

#define COUNTER(metric_name, field, metric_help) .name = metric_name, .counter = true, .value = field, .help = metric_help
#define GAUGE(metric_name, field, metric_help)   .name = metric_name, .value = field, .help = metric_help
#define LABEL(text, function, count)             .label = text, .label_value = function, .label_count = count
#define SECONDS                                  .unit = "seconds", .milliseconds = true

const struct metric metrics[] = {
    {COUNTER("fcgiext_requests_total", requests, "Requests that have come to the pool."), .unit = "requests"},
    {COUNTER("fcgiext_requests_answered_total", answered, "Requests whose answer was passed on to its end."),
     .unit = "requests"},
    {COUNTER("fcgiext_requests_failed_total", failed,
             "Requests that ended otherwise, by cause; causes without any are left out."),
     .unit = "requests", LABEL("cause", cause_label, ERROR_CAUSE_COUNT), .non_zero = true},
    {COUNTER("fcgiext_requests_rejected_total", rejected,
             "Those of the failed ones that were refused with 503 before a worker had "
             "them."),
     .unit = "requests"},
    {COUNTER("fcgiext_requests_retried_total", retried, "Second tries after a worker had gone."), .unit = "requests"},
    {COUNTER("fcgiext_worker_starts_total", starts, "Workers that were started."), .unit = "workers"},
    {COUNTER("fcgiext_worker_start_failures_total", start_failures, "Starts that failed."), .unit = "workers"},
    {COUNTER("fcgiext_worker_exits_total", exits, "Workers that ended."), .unit = "workers"},
    {COUNTER("fcgiext_worker_unexpected_exits_total", unexpected_exits, "Workers that ended without having been told to."),
     .unit = "workers"},
    {GAUGE("fcgiext_workers", workers, "Workers by state."), .unit = "workers", LABEL("state", worker_label, WORKER_GONE)},
    {GAUGE("fcgiext_workers_maximum", workers_maximum, "The most workers at a time."), .unit = "workers"},
    {COUNTER("fcgiext_limit_moves_total", limit_moves,
             "How often the limit of a pool with MaxInstances=0 was moved, by reason; those without any are left out."),
     .unit = "moves", LABEL("reason", reason_label, AUTOTUNE_REASON_COUNT), .non_zero = true},
    {GAUGE("fcgiext_requests_running", running, "Requests on workers."), .unit = "requests"},
    {GAUGE("fcgiext_requests_queued", queued, "Requests that wait for a worker."), .unit = "requests"},
    {GAUGE("fcgiext_queue_length", queue_length, "The most requests that may wait."), .unit = "requests"},
    {GAUGE("fcgiext_oldest_wait_seconds", oldest_wait, "How long the queue's first request has waited."), SECONDS},
    {GAUGE("fcgiext_oldest_run_seconds", oldest_run, "How long the oldest running request has run."), SECONDS},
    {GAUGE("fcgiext_pool_state", state, "1 for the state that the pool is in, 0 for the others."), .unit = "",
     LABEL("state", state_label, POOL_STATE_CLOSED + 1)},
    {GAUGE("fcgiext_pool_start_time_seconds", start_time, "When the pool's counters began, in seconds since 1970."), SECONDS},
};
const size_t metric_count = sizeof metrics / sizeof *metrics;

static void write_samples(struct json *json, const struct metric *metric, const struct mgmt_pool *pool)
{
    for (int i = 0; i < (metric->label ? metric->label_count : 1); i++) {
        uint64_t value = metric->value(pool, i);
        if (metric->non_zero && value == 0)
            continue;
        json_begin_object(json, NULL);
        json_begin_object(json, "labels");
        json_string(json, "pool", pool->name);
        if (metric->label)
            json_string(json, metric->label, metric->label_value(i));
        json_end_object(json);
        if (metric->milliseconds)
            json_seconds(json, "value", value);
        else
            json_number(json, "value", value);
        json_end_object(json);
    }
}

void metrics_json(struct json *json, const struct mgmt_snapshot *snapshot)
{
    json_number(json, "pid", snapshot->server.pid);
    json_begin_array(json, "metrics");
    for (size_t m = 0; m < metric_count; m++) {
        json_begin_object(json, NULL);
        json_string(json, "name", metrics[m].name);
        json_string(json, "kind", metrics[m].counter ? "counter" : "gauge");
        json_string(json, "unit", metrics[m].unit);
        json_string(json, "help", metrics[m].help);
        json_begin_array(json, "samples");
        for (size_t i = 0; i < snapshot->pool_count; i++)
            if (!snapshot->pools[i].broken)
                write_samples(json, &metrics[m], &snapshot->pools[i]);
        json_end_array(json);
        json_end_object(json);
    }
    json_end_array(json);
}
