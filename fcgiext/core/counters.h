/* counters: what is counted of a pool, and of a host, and how it is shown. counters.inc has the rows.
 *
 * The values of all families stand in one array of uint64_t, a place for each member of a label, so that they can lie in shared memory and
 * be stepped there one by one. They never become less, but for gauges. Pure: where the array lies, and what the time is, the caller says. */
#ifndef FCGIEXT_CORE_COUNTERS_H
#define FCGIEXT_CORE_COUNTERS_H

#include "fcgiext/core/autotune.h"
#include "fcgiext/core/error_page.h"
#include "fcgiext/core/pool.h"
#include "fcgiext/core/worker.h"

enum counter_kind { COUNTER_KIND_COUNTER, COUNTER_KIND_GAUGE, COUNTER_KIND_STATESET, COUNTER_KIND_HISTOGRAM };

enum counter_unit {
    COUNTER_UNIT_NONE,
    COUNTER_UNIT_REQUESTS,
    COUNTER_UNIT_WORKERS,
    COUNTER_UNIT_BYTES,
    COUNTER_UNIT_SECONDS, /* the values are microseconds */
};

enum counter_label {
    COUNTER_LABEL_NONE,
    COUNTER_LABEL_RESULT,       /* enum error_cause; NONE: answered */
    COUNTER_LABEL_RETRY,        /* enum pool_retry_cause */
    COUNTER_LABEL_EXIT,         /* enum worker_exit */
    COUNTER_LABEL_LIMIT,        /* enum autotune_reason */
    COUNTER_LABEL_WORKER_STATE, /* enum worker_state */
    COUNTER_LABEL_POOL_STATE,   /* enum pool_state */
    COUNTER_LABEL_BUCKET,       /* of a histogram; behind the buckets stands the sum, in microseconds */
    COUNTER_LABEL_MANAGEMENT,   /* enum counter_management */
    COUNTER_LABEL_RELOAD,       /* enum counter_reload */
    COUNTER_LABEL_COUNT,
};

enum counter_management {
    COUNTER_MANAGEMENT_OK,
    COUNTER_MANAGEMENT_ERROR,
    COUNTER_MANAGEMENT_DENIED,
    COUNTER_MANAGEMENT_COUNT
};
enum counter_reload { COUNTER_RELOAD_TAKEN, COUNTER_RELOAD_REJECTED, COUNTER_RELOAD_COUNT };

/* A bucket counts what took at most its limit and more than the one before it; the last one has no limit (UINT64_MAX). */
enum { COUNTER_BUCKET_COUNT = 18 };
uint64_t counter_bucket_limit_us(unsigned bucket);
unsigned counter_bucket_of(uint64_t us);

enum {
    COUNTER_MEMBERS_NONE = 1,
    COUNTER_MEMBERS_RESULT = ERROR_CAUSE_COUNT,
    COUNTER_MEMBERS_RETRY = POOL_RETRY_COUNT,
    COUNTER_MEMBERS_EXIT = WORKER_EXIT_COUNT,
    COUNTER_MEMBERS_LIMIT = AUTOTUNE_REASON_COUNT,
    COUNTER_MEMBERS_WORKER_STATE = WORKER_GONE,
    COUNTER_MEMBERS_POOL_STATE = POOL_STATE_CLOSED + 1,
    COUNTER_MEMBERS_BUCKET = COUNTER_BUCKET_COUNT + 1,
    COUNTER_MEMBERS_MANAGEMENT = COUNTER_MANAGEMENT_COUNT,
    COUNTER_MEMBERS_RELOAD = COUNTER_RELOAD_COUNT,
};

/* COUNTER_REQUESTS ...: the place of a family's first value. */
#define COUNTER_PLACES(id, kind, label, unit, name, help, advice) \
    COUNTER_##id, COUNTER_##id##_LAST = COUNTER_##id + COUNTER_MEMBERS_##label - 1,
enum counter_pool_place {
#define COUNTER_POOL COUNTER_PLACES
#include "fcgiext/core/counters.inc"
#undef COUNTER_POOL
    COUNTER_POOL_PLACES
};
enum counter_host_place {
#define COUNTER_HOST COUNTER_PLACES
#include "fcgiext/core/counters.inc"
#undef COUNTER_HOST
    COUNTER_HOST_PLACES
};
#undef COUNTER_PLACES

struct counter_family {
    const char *name; /* "fcgi_requests" */
    enum counter_kind kind;
    enum counter_label label;
    enum counter_unit unit;
    unsigned first, count; /* places */
    const char *help, *advice;
};

extern const struct counter_family counter_pool_families[], counter_host_families[];
extern const size_t counter_pool_family_count, counter_host_family_count;

const char *counter_kind_name(enum counter_kind kind);    /* as OpenMetrics has it: "counter" */
const char *counter_unit_name(enum counter_unit unit);    /* likewise: "seconds", "" */
const char *counter_label_name(enum counter_label label); /* "result"; "" for NONE and BUCKET */
/* "answered", "queue_full"; of no BUCKET. */
const char *counter_label_value(enum counter_label label, unsigned member);

/* What of a pool grows as time goes by, as of the moment when it changed last; all in microseconds of one clock. */
struct counter_times {
    uint64_t executing, run_since_sum; /* requests on workers, and the sum of the times since when they run */
    uint64_t queued, wait_since_sum;   /* those that wait, likewise; WAITED has the time of those that wait no more */
    uint64_t oldest_run_since, oldest_wait_since; /* 0: none */
};

/* What follows from the other values and the time: BUSY, WAITED, IN_FLIGHT, OLDEST_RUN, OLDEST_WAIT. Values that do not fit each other
 * (they are stepped one by one) give 0 rather than nonsense. */
void counters_complete(uint64_t values[COUNTER_POOL_PLACES], const struct counter_times *times, uint64_t now_us);

/* An age becomes the greater one of both; all else is added up, states, too: of several that are not 0 the last one tells. */
void counters_add(uint64_t sum[COUNTER_POOL_PLACES], const uint64_t values[COUNTER_POOL_PLACES]);

/* Of some values a sum is shown. */
enum counter_class {
    COUNTER_CLASS_FAILED,    /* neither answered nor ABORTED */
    COUNTER_CLASS_REJECTED,  /* of the failed ones, those that no worker ever had because of the pool's state or load */
    COUNTER_CLASS_TIMED_OUT, /* of the failed ones */
    COUNTER_CLASS_ABORTED,   /* the client left */
    COUNTER_CLASS_RECYCLED,  /* workers that ended as they were to */
    COUNTER_CLASS_CRASHED,   /* workers that did not, and starts that failed */
};
uint64_t counter_class_sum(const uint64_t values[COUNTER_POOL_PLACES], enum counter_class which);
uint64_t counter_family_sum(const uint64_t values[], const struct counter_family *family);

#endif
