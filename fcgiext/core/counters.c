/* counters: see counters.h. The tables come from counters.inc, so a row there is all that a new counter needs here.
 *
 * Invariant: what is shown as a counter never becomes less between two snapshots of one pool. So nothing that grows with time is
 * estimated: what runs and waits now is counted with the time that it has taken until now. */
#include "fcgiext/core/counters.h"

#include <string.h>

#define FAMILY(id, kind_, label_, unit_, name_, help_, advice_) \
    {.name = name_,                                             \
     .kind = COUNTER_KIND_##kind_,                              \
     .label = COUNTER_LABEL_##label_,                           \
     .unit = COUNTER_UNIT_##unit_,                              \
     .first = COUNTER_##id,                                     \
     .count = COUNTER_MEMBERS_##label_,                         \
     .help = help_,                                             \
     .advice = advice_},

const struct counter_family counter_pool_families[] = {
#define COUNTER_POOL FAMILY
#include "fcgiext/core/counters.inc"
#undef COUNTER_POOL
};
const size_t counter_pool_family_count = sizeof counter_pool_families / sizeof *counter_pool_families;

const struct counter_family counter_host_families[] = {
#define COUNTER_HOST FAMILY
#include "fcgiext/core/counters.inc"
#undef COUNTER_HOST
};
const size_t counter_host_family_count = sizeof counter_host_families / sizeof *counter_host_families;

/* ---- names */

const char *counter_kind_name(enum counter_kind kind)
{
    switch (kind) {
    case COUNTER_KIND_COUNTER: return "counter";
    case COUNTER_KIND_GAUGE: return "gauge";
    case COUNTER_KIND_STATESET: return "stateset";
    case COUNTER_KIND_HISTOGRAM: break;
    }
    return "histogram";
}

const char *counter_unit_name(enum counter_unit unit)
{
    switch (unit) {
    case COUNTER_UNIT_NONE: return "";
    case COUNTER_UNIT_REQUESTS: return "requests";
    case COUNTER_UNIT_WORKERS: return "workers";
    case COUNTER_UNIT_BYTES: return "bytes";
    case COUNTER_UNIT_SECONDS: break;
    }
    return "seconds";
}

const char *counter_label_name(enum counter_label label)
{
    switch (label) {
    case COUNTER_LABEL_RESULT: return "result";
    case COUNTER_LABEL_RETRY: return "cause";
    case COUNTER_LABEL_EXIT: return "reason";
    case COUNTER_LABEL_LIMIT: return "reason";
    case COUNTER_LABEL_WORKER_STATE: return "state";
    case COUNTER_LABEL_POOL_STATE: return "state";
    case COUNTER_LABEL_MANAGEMENT: return "outcome";
    case COUNTER_LABEL_RELOAD: return "outcome";
    case COUNTER_LABEL_NONE:
    case COUNTER_LABEL_BUCKET:
    case COUNTER_LABEL_COUNT: break;
    }
    return "";
}

const char *counter_label_value(enum counter_label label, unsigned member)
{
    static const char *const outcomes[] = {"ok", "error", "denied"};
    static const char *const reloads[] = {"taken", "rejected"};
    switch (label) {
    case COUNTER_LABEL_RESULT: return member ? error_cause_name((enum error_cause)member) : "answered";
    case COUNTER_LABEL_RETRY: return pool_retry_cause_name((enum pool_retry_cause)member);
    case COUNTER_LABEL_EXIT: return worker_exit_name((enum worker_exit)member);
    case COUNTER_LABEL_LIMIT: return autotune_reason_name((enum autotune_reason)member);
    case COUNTER_LABEL_WORKER_STATE: return worker_state_name((enum worker_state)member);
    case COUNTER_LABEL_POOL_STATE: return pool_state_name((enum pool_state)member);
    case COUNTER_LABEL_MANAGEMENT: return outcomes[member];
    case COUNTER_LABEL_RELOAD: return reloads[member];
    case COUNTER_LABEL_NONE:
    case COUNTER_LABEL_BUCKET:
    case COUNTER_LABEL_COUNT: break;
    }
    return "";
}

/* ---- histograms */

static const uint32_t bucket_limits_us[COUNTER_BUCKET_COUNT - 1] = {
    250,    500,    1000,    2500,    5000,    10000,    25000,    50000,     100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 120000000,
};

uint64_t counter_bucket_limit_us(unsigned bucket)
{
    return bucket < COUNTER_BUCKET_COUNT - 1 ? bucket_limits_us[bucket] : UINT64_MAX;
}

unsigned counter_bucket_of(uint64_t us)
{
    unsigned bucket = 0;
    while (bucket < COUNTER_BUCKET_COUNT - 1 && us > bucket_limits_us[bucket])
        bucket++;
    return bucket;
}

/* ---- what follows from other values */

static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0;
}

/* The time that `count` have taken since times whose sum is `since_sum`. */
static uint64_t taken_by(uint64_t count, uint64_t since_sum, uint64_t now_us)
{
    bool fits = count == 0 || now_us <= UINT64_MAX / count;
    return fits ? less(count * now_us, since_sum) : 0;
}

static uint64_t age(uint64_t since, uint64_t now_us)
{
    return since ? less(now_us, since) : 0;
}

static uint64_t sum_of(const uint64_t *values, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += values[i];
    return sum;
}

void counters_complete(uint64_t values[COUNTER_POOL_PLACES], const struct counter_times *times, uint64_t now_us)
{
    values[COUNTER_BUSY] += taken_by(times->executing, times->run_since_sum, now_us);
    values[COUNTER_WAITED] += taken_by(times->queued, times->wait_since_sum, now_us);
    values[COUNTER_EXECUTING] = times->executing;
    values[COUNTER_QUEUED] = times->queued;
    values[COUNTER_OLDEST_RUN] = age(times->oldest_run_since, now_us);
    values[COUNTER_OLDEST_WAIT] = age(times->oldest_wait_since, now_us);
    values[COUNTER_IN_FLIGHT] = less(values[COUNTER_REQUESTS], sum_of(values + COUNTER_RESULTS, ERROR_CAUSE_COUNT));
}

void counters_add(uint64_t sum[COUNTER_POOL_PLACES], const uint64_t values[COUNTER_POOL_PLACES])
{
    for (unsigned place = 0; place < COUNTER_POOL_PLACES; place++) {
        if (place != COUNTER_OLDEST_WAIT && place != COUNTER_OLDEST_RUN)
            sum[place] += values[place];
        else if (sum[place] < values[place])
            sum[place] = values[place];
    }
}

/* ---- classes */

/* Of a request that was not answered. */
static enum counter_class class_of(enum error_cause cause)
{
    switch (cause) {
    case ERROR_CAUSE_CLIENT_GONE: return COUNTER_CLASS_ABORTED;
    case ERROR_CAUSE_QUEUE_FULL:
    case ERROR_CAUSE_QUEUE_TIMEOUT:
    case ERROR_CAUSE_DRAINING:
    case ERROR_CAUSE_RAPID_FAIL:
    case ERROR_CAUSE_SHUTTING_DOWN: return COUNTER_CLASS_REJECTED;
    case ERROR_CAUSE_ACTIVITY_TIMEOUT:
    case ERROR_CAUSE_REQUEST_TIMEOUT:
    case ERROR_CAUSE_STARTUP_TIMEOUT: return COUNTER_CLASS_TIMED_OUT;
    default: return COUNTER_CLASS_FAILED;
    }
}

static uint64_t results_sum(const uint64_t *by_cause, enum counter_class which)
{
    uint64_t sum = 0;
    for (unsigned cause = ERROR_CAUSE_NONE + 1; cause < ERROR_CAUSE_COUNT; cause++) {
        enum counter_class found = class_of((enum error_cause)cause);
        if (found == which || (which == COUNTER_CLASS_FAILED && found != COUNTER_CLASS_ABORTED))
            sum += by_cause[cause];
    }
    return sum;
}

uint64_t counter_class_sum(const uint64_t values[COUNTER_POOL_PLACES], enum counter_class which)
{
    uint64_t unexpected = values[COUNTER_EXITS + WORKER_EXIT_EXITED] + values[COUNTER_EXITS + WORKER_EXIT_CRASHED];
    if (which == COUNTER_CLASS_CRASHED)
        return unexpected + values[COUNTER_START_FAILURES];
    if (which == COUNTER_CLASS_RECYCLED)
        return sum_of(values + COUNTER_EXITS, WORKER_EXIT_COUNT) - unexpected;
    return results_sum(values + COUNTER_RESULTS, which);
}

uint64_t counter_family_sum(const uint64_t values[], const struct counter_family *family)
{
    return sum_of(values + family->first, family->count);
}
