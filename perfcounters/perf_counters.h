/* perf_counters: the two objects of perfmon and their counters, as a table made of counters.inc: names, types, places in the registry's list
 * of names, and what each shows. Pure; the numbers are those of winperf.h (tests/helpers/perf_probe holds them against it). */
#ifndef PERFCOUNTERS_PERF_COUNTERS_H
#define PERFCOUNTERS_PERF_COUNTERS_H

#include "perfcounters/counter_block.h"

enum perf_object { PERF_POOLS, PERF_WORKERS, PERF_OBJECTS };

/* What a reader does with two samples; `n`, `b`: the values, base values; x': of the later sample. */
enum perf_type {
    PERFMON_COUNTER_BULK_COUNT = 0x10410500,     /* (n' - n) / seconds of the performance counter */
    PERFMON_COUNTER_LARGE_RAWCOUNT = 0x00010100, /* n' */
    PERFMON_AVERAGE_TIMER = 0x30020400,          /* ((n' - n) / ticks per second) / (b' - b); both of 32 bits, which wrap */
    PERFMON_AVERAGE_BASE = 0x40030402,           /* stands behind its _TIMER, and is not shown */
    PERFMON_100NSEC_TIMER = 0x20510500,          /* 100 * (n' - n) / time passed in 100 ns */
    PERFMON_ELAPSED_TIME = 0x30240500,           /* (object's time - n) / object's ticks per second */
};

/* Where a value comes from; `argument` says which. */
enum counter_perf_source {
    COUNTER_PERF_SOURCE_VALUE,        /* the value at a place */
    COUNTER_PERF_SOURCE_MEMBER,       /* the same, of one member of a label */
    COUNTER_PERF_SOURCE_FAMILY,       /* the sum of the family that begins at a place */
    COUNTER_PERF_SOURCE_CLASS,        /* counter_class_sum() */
    COUNTER_PERF_SOURCE_STATE,        /* the last member of a STATESET that is not 0 */
    COUNTER_PERF_SOURCE_MILLISECONDS, /* the value, which is microseconds, in milliseconds */
    COUNTER_PERF_SOURCE_TICKS,        /* the same in units of 100 ns */
    COUNTER_PERF_SOURCE_HISTOGRAM,    /* its sum in ticks of the performance counter; the base: how many it has counted */
    COUNTER_PERF_SOURCE_START,        /* since when, in ticks of the performance counter */
    COUNTER_PERF_SOURCE_WORKER_SERVED,
    COUNTER_PERF_SOURCE_WORKER_BUSY,
    COUNTER_PERF_SOURCE_WORKER_REQUEST_AGE,
    COUNTER_PERF_SOURCE_WORKER_PRIVATE_BYTES,
    COUNTER_PERF_SOURCE_WORKER_HANDLES,
    COUNTER_PERF_SOURCE_WORKER_START,
    COUNTER_PERF_SOURCE_WORKER_REQUESTS_LEFT,
};

struct perf_counter {
    const char *name, *help;
    enum perf_type type;
    enum counter_perf_source source;
    unsigned argument;
};

/* With the bases. */
const struct perf_counter *perf_counters(enum perf_object object, size_t *count);
const char *perf_object_name(enum perf_object object);
const char *perf_object_help(enum perf_object object);

/* A name has two numbers in the registry, its own and, one behind, its explanation's; they count from what the system has given us. Even,
 * without gaps, and never another one for the same counter: see the .c. */
unsigned perf_object_offset(enum perf_object object);
unsigned perf_counter_offset(enum perf_object object, size_t index);
unsigned perf_offset_end(void); /* behind the last one */

/* 4 or 8 bytes. */
unsigned perf_type_len(enum perf_type type);

/* The performance counter. */
struct perf_clock {
    uint64_t ticks;
    uint64_t ticks_per_second; /* not 0 */
};
uint64_t perf_clock_us(const struct perf_clock *clock);
uint64_t perf_clock_ticks_of(const struct perf_clock *clock, uint64_t us);

/* `start_us` 0, or later than the clock: now. */
uint64_t perf_pool_value(const struct perf_counter *counter, const uint64_t values[COUNTER_POOL_PLACES], uint64_t start_us,
                         const struct perf_clock *clock);
uint64_t perf_worker_value(const struct perf_counter *counter, const struct counter_worker_view *worker,
                           const struct perf_clock *clock);

#endif
