/* metrics_json: the families of counters.inc with the values of a snapshot, in the shape of OpenMetrics. docs/management-api.md has the
 * members. */
#ifndef MGMT_METRICS_JSON_H
#define MGMT_METRICS_JSON_H

#include "mgmt/json_writer.h"
#include "mgmt/ops.h"

/* Which pools of a snapshot. */
struct metrics_range {
    uint64_t first, count;
};

/* The array "metrics": the pools' families, and, with the first pools, the host's. */
void metrics_json(struct json *json, const struct mgmt_snapshot *snapshot, const struct metrics_range *range);

/* Is it there although it is 0? All is but what cannot happen: a reader of a series that appears with its first step never sees that
 * step. `pool` NULL: of the host. */
bool metrics_json_shows_zero(const struct counter_family *family, const struct mgmt_pool *pool, unsigned member);

#endif
