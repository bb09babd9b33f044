/* perf_blob: the answer of a performance DLL (version 1, extensible counters): from rows to the bytes that perfmon reads.
 *
 * The layout is that of winperf.h, which is no portable header: so it stands here once more, in types of fixed width, and a program of the
 * tests (tests/helpers/perf_probe) holds it against the original, for 32 and 64 bits. Source: "Using the Performance Counters API to
 * provide counter data" and winperf.h. Every part begins at a multiple of 8. */
#ifndef PERFCOUNTERS_PERF_BLOB_H
#define PERFCOUNTERS_PERF_BLOB_H

#include "perfcounters/perf_hosts.h"

/* An object's header; counter definitions follow, then instances, each with its block of values. */
struct perf_object_type {
    uint32_t total_len;       /* up to the next object */
    uint32_t definitions_len; /* up to the first instance */
    uint32_t header_len;
    uint32_t name_index;
    uint32_t name_unused;
    uint32_t help_index;
    uint32_t help_unused;
    uint32_t detail_level;
    uint32_t counter_count;
    int32_t default_counter;
    int32_t instance_count;
    uint32_t code_page; /* 0: names are UTF-16 */
    int64_t ticks;      /* the object's time: the performance counter */
    int64_t ticks_per_second;
};

struct perf_counter_definition {
    uint32_t len;
    uint32_t name_index;
    uint32_t name_unused;
    uint32_t help_index;
    uint32_t help_unused;
    int32_t default_scale;
    uint32_t detail_level;
    uint32_t type;
    uint32_t value_len;
    uint32_t value_offset; /* in a block of values */
};

/* The name follows, with a NUL; then the block of values. */
struct perf_instance_definition {
    uint32_t len; /* with the name and what fills up to a multiple of 8 */
    uint32_t parent_object;
    uint32_t parent_instance;
    int32_t unique_id;
    uint32_t name_offset;
    uint32_t name_len; /* bytes, with the NUL */
};

struct perf_value_block {
    uint32_t len; /* with this */
    uint32_t reserved;
};

enum { PERFMON_DETAIL_NOVICE = 100, PERFMON_NO_UNIQUE_ID = -1, PERFMON_NO_INSTANCES = -1 };

_Static_assert(sizeof(struct perf_object_type) == 64 && sizeof(struct perf_counter_definition) == 40 &&
                   sizeof(struct perf_instance_definition) == 24 && sizeof(struct perf_value_block) == 8,
               "winperf.h");

/* What is asked for: "Global" (or nothing), "Costly", "Foreign COMPUTER", or a list of indexes of objects in decimal. `query` is
 * UTF-16 with a NUL, or NULL. Sets wanted[] for objects whose name has the index `first_counter` + perf_object_offset(). */
void perf_query_parse(const uint16_t *query, uint32_t first_counter, bool wanted[PERF_OBJECTS]);

struct perf_blob {
    bool wanted[PERF_OBJECTS];
    const struct perf_pool_row *pools;
    size_t pool_count;
    const struct perf_worker_row *workers;
    size_t worker_count;
    struct perf_clock clock;
    uint32_t first_counter, first_help; /* what the system has given us */
};

/* How many bytes perf_blob_put() writes. */
size_t perf_blob_len(const struct perf_blob *blob);

/* As a performance DLL has to: writes to **at, which has room for *len bytes, and moves *at behind what was written; *len and *count get
 * how many bytes and objects that were. false: there is less room than is needed; nothing has been written, *at is as it was, *len and
 * *count are 0. */
bool perf_blob_put(const struct perf_blob *blob, uint8_t **at, uint32_t *len, uint32_t *count);

#endif
