/* metrics_json: counters and gauges of a snapshot, by name, with labels: the shape of OpenMetrics in JSON. */
#ifndef MGMT_METRICS_JSON_H
#define MGMT_METRICS_JSON_H

#include "mgmt/json_writer.h"
#include "mgmt/ops.h"

/* Members "pid" and "metrics". */
void metrics_json(struct json *json, const struct mgmt_snapshot *snapshot);

/* For the documentation. */
struct metric {
    const char *name;
    bool counter; /* else a gauge */
    const char *unit;
    const char *help;
    const char *label; /* beside "pool"; NULL: none */
    /* The value's place: a function of the pool and, with a label, of its index. */
    uint64_t (*value)(const struct mgmt_pool *pool, int index);
    const char *(*label_value)(int index);
    int label_count;
    bool milliseconds; /* the value is a duration, shown in seconds */
    bool non_zero;     /* samples of 0 are left out */
};
extern const struct metric metrics[];
extern const size_t metric_count;

#endif
