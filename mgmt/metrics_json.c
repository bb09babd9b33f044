/* metrics_json: a sample a value, or a histogram. A pool whose section is broken has none.
 *
 * Each sample of a counter and each histogram tells since when it counts: those of a pool since there is the pool, the others since the
 * host has loaded the DLL. The buckets are added up, as OpenMetrics wants them: each holds those below it. */
#include "mgmt/metrics_json.h"

bool metrics_json_shows_zero(const struct counter_family *family, const struct mgmt_pool *pool, unsigned member)
{
    bool without_pool = member == ERROR_CAUSE_NO_MAPPING || member == ERROR_CAUSE_CONFIG_INVALID;
    switch (family->label) {
    case COUNTER_LABEL_RESULT: return pool ? !without_pool : without_pool || member == ERROR_CAUSE_NO_MEMORY;
    case COUNTER_LABEL_LIMIT: return pool && pool->tuned && member != AUTOTUNE_STEADY;
    default: return true;
    }
}

/* Those of a pool, or of the host. */
struct subject {
    const struct mgmt_pool *pool; /* NULL: the host */
    const uint64_t *values;
    uint64_t created_unix_ms;
};

static void begin_sample(struct json *json, const struct counter_family *family, const struct subject *subject, unsigned member)
{
    const char *label = counter_label_name(family->label);
    json_begin_object(json, NULL);
    json_begin_object(json, "labels");
    if (subject->pool)
        json_string(json, "pool", subject->pool->name);
    if (*label)
        json_string(json, label, counter_label_value(family->label, member));
    json_end_object(json);
}

static void write_value(struct json *json, const struct counter_family *family, const struct subject *subject, unsigned member)
{
    uint64_t value = subject->values[family->first + member];
    if (value == 0 && !metrics_json_shows_zero(family, subject->pool, member))
        return;
    begin_sample(json, family, subject, member);
    if (family->unit == COUNTER_UNIT_SECONDS)
        json_microseconds(json, "value", value);
    else
        json_number(json, "value", value);
    if (family->kind == COUNTER_KIND_COUNTER)
        json_seconds(json, "created", subject->created_unix_ms);
    json_end_object(json);
}

static void write_histogram(struct json *json, const struct counter_family *family, const struct subject *subject)
{
    const uint64_t *values = subject->values + family->first;
    uint64_t count = 0;
    begin_sample(json, family, subject, 0);
    json_begin_array(json, "buckets");
    for (unsigned bucket = 0; bucket < COUNTER_BUCKET_COUNT; bucket++) {
        count += values[bucket];
        json_begin_object(json, NULL);
        if (bucket < COUNTER_BUCKET_COUNT - 1)
            json_microseconds(json, "le", counter_bucket_limit_us(bucket));
        else
            json_null(json, "le");
        json_number(json, "count", count);
        json_end_object(json);
    }
    json_end_array(json);
    json_number(json, "count", count);
    json_microseconds(json, "sum", values[COUNTER_BUCKET_COUNT]);
    json_seconds(json, "created", subject->created_unix_ms);
    json_end_object(json);
}

static void write_samples(struct json *json, const struct counter_family *family, const struct subject *subject)
{
    if (family->kind == COUNTER_KIND_HISTOGRAM) {
        write_histogram(json, family, subject);
        return;
    }
    for (unsigned member = 0; member < family->count; member++)
        write_value(json, family, subject, member);
}

static void begin_family(struct json *json, const struct counter_family *family)
{
    json_begin_object(json, NULL);
    json_string(json, "name", family->name);
    json_string(json, "kind", counter_kind_name(family->kind));
    json_string(json, "unit", counter_unit_name(family->unit));
    json_string(json, "help", family->help);
    json_begin_array(json, "samples");
}

static void end_family(struct json *json)
{
    json_end_array(json);
    json_end_object(json);
}

static void write_pools(struct json *json, const struct counter_family *family, const struct mgmt_snapshot *snapshot,
                        const struct metrics_range *range)
{
    for (uint64_t i = range->first; i < snapshot->pool_count && i - range->first < range->count; i++) {
        const struct mgmt_pool *pool = &snapshot->pools[i];
        const struct subject subject = {pool, pool->counters, pool->start_unix_ms};
        if (!pool->broken)
            write_samples(json, family, &subject);
    }
}

void metrics_json(struct json *json, const struct mgmt_snapshot *snapshot, const struct metrics_range *range)
{
    const struct subject host = {NULL, snapshot->server.counters, snapshot->server.load_unix_ms};
    json_begin_array(json, "metrics");
    for (size_t i = 0; i < counter_pool_family_count; i++) {
        begin_family(json, &counter_pool_families[i]);
        write_pools(json, &counter_pool_families[i], snapshot, range);
        end_family(json);
    }
    for (size_t i = 0; range->first == 0 && i < counter_host_family_count; i++) {
        begin_family(json, &counter_host_families[i]);
        write_samples(json, &counter_host_families[i], &host);
        end_family(json);
    }
    json_end_array(json);
}
