/* perf_parse: reading what performance DLLs have written, as perfmon does, but strict: a length, an offset or an alignment that is not as
 * it has to be is an error, and no byte outside is read.
 *
 * Values are formatted as winperf.h says of each type, from one sample or two. */
#ifndef PERFCOUNTERS_PERF_PARSE_H
#define PERFCOUNTERS_PERF_PARSE_H

#include "perfcounters/perf_blob.h"

/* The header before all objects: PERF_DATA_BLOCK. */
struct perf_data {
    uint64_t ticks, ticks_per_second, time_100ns;
    uint32_t object_count;
    struct bytes objects; /* the first one, and what follows it */
};

struct perf_object_view {
    struct perf_object_type type;
    struct bytes bytes; /* all of it */
};

struct perf_instance_view {
    struct bytes name; /* UTF-16, little-endian, without the NUL; empty for an object without instances */
    struct bytes values;
};

/* What RegQueryValueEx gives for HKEY_PERFORMANCE_DATA. `in` may be longer: on Wine so much more is to be looked at. */
enum { PERF_DATA_HEADER_LEN = 88 };
bool perf_parse_data(struct bytes in, struct perf_data *data);
/* Takes the object at the front of *objects off. */
bool perf_parse_object(struct bytes *objects, struct perf_object_view *object);
/* Of an object that has been parsed; `index` < type.counter_count. */
void perf_parse_counter(const struct perf_object_view *object, uint32_t index, struct perf_counter_definition *counter);

/* Walks over the instances; `at` begins as 0. false: there is no more (checked when the object was parsed). */
bool perf_parse_instance(const struct perf_object_view *object, size_t *at, struct perf_instance_view *instance);
bool perf_parse_find(const struct perf_object_view *object, struct bytes name, struct perf_instance_view *instance);
uint64_t perf_parse_value(const struct perf_counter_definition *counter, const struct perf_instance_view *instance);

/* What formatting a value needs of a sample. */
struct perf_sample {
    uint64_t value, base;
    uint64_t ticks, ticks_per_second, time_100ns;
    uint64_t object_ticks, object_ticks_per_second;
};

/* false: it wants a sample before, and there is none (`before` NULL), or no time has passed, or the type is not to be shown. */
bool perf_format(uint32_t type, const struct perf_sample *before, const struct perf_sample *now, double *result);
/* "/s", "%", "s" or "". */
const char *perf_format_unit(uint32_t type);

#endif
