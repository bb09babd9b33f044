/* perf_counters: see perf_counters.h.
 *
 * Names stay where they are: programs on this and on other machines keep the numbers of counters, and an update of the DLL must fit
 * the names that an older fcgictl has registered. So the numbers follow the order in which rows have come (`spans`), not their objects. */
#include "perfcounters/perf_counters.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- the tables */

#define ARGUMENT_VALUE(argument)        COUNTER_##argument
#define ARGUMENT_MEMBER(argument)       COUNTER_##argument
#define ARGUMENT_FAMILY(argument)       COUNTER_##argument
#define ARGUMENT_CLASS(argument)        COUNTER_CLASS_##argument
#define ARGUMENT_STATE(argument)        COUNTER_##argument
#define ARGUMENT_MILLISECONDS(argument) COUNTER_##argument
#define ARGUMENT_TICKS(argument)        COUNTER_##argument
#define ARGUMENT_HISTOGRAM(argument)    COUNTER_##argument
#define ARGUMENT_START(argument)        0

#define ROW(name, type, source, argument, help) \
    {name, help, PERFMON_##type, COUNTER_PERF_SOURCE_##source, (unsigned)(argument)},
#define ROW_COUNTER_BULK_COUNT(name, ...)     ROW(name, COUNTER_BULK_COUNT, __VA_ARGS__)
#define ROW_COUNTER_LARGE_RAWCOUNT(name, ...) ROW(name, COUNTER_LARGE_RAWCOUNT, __VA_ARGS__)
#define ROW_AVERAGE_TIMER(name, ...)          ROW(name, AVERAGE_TIMER, __VA_ARGS__) ROW(name " Base", AVERAGE_BASE, __VA_ARGS__)
#define ROW_100NSEC_TIMER(name, ...)          ROW(name, 100NSEC_TIMER, __VA_ARGS__)
#define ROW_ELAPSED_TIME(name, ...)           ROW(name, ELAPSED_TIME, __VA_ARGS__)

static const struct perf_counter pool_counters[] = {
#define COUNTER_PERF_POOL(name, type, source, argument, help) ROW_##type(name, source, ARGUMENT_##source(argument), help)
#include "fcgiext/core/counters.inc"
#undef COUNTER_PERF_POOL
};

static const struct perf_counter worker_counters[] = {
#define COUNTER_PERF_WORKER(name, type, source, argument, help) ROW_##type(name, source, 0, help)
#include "fcgiext/core/counters.inc"
#undef COUNTER_PERF_WORKER
};

/* In the order in which they were published; a row that comes to counters.inc gets a span behind these, and no span ever changes. */
static const struct span {
    enum perf_object object;
    unsigned first, count;
} spans[] = {
    {PERF_POOLS, 0, 32},
    {PERF_WORKERS, 0, 8},
};
_Static_assert(COUNT(pool_counters) == 32 && COUNT(worker_counters) == 8, "a new row has a span");

static const struct {
    const char *name, *help;
    const struct perf_counter *counters;
    size_t count;
} objects[PERF_OBJECTS] = {
    [PERF_POOLS] =
        {"FastCGI Pools",
         "Pools of fcgiext.dll, each over all of the web server's processes. Totals go on when such a process has ended.",
         pool_counters, COUNT(pool_counters)},
    [PERF_WORKERS] = {"FastCGI Workers", "FastCGI processes of fcgiext.dll that live now, named by pool and process id.",
                      worker_counters, COUNT(worker_counters)},
};

const struct perf_counter *perf_counters(enum perf_object object, size_t *count)
{
    *count = objects[object].count;
    return objects[object].counters;
}

const char *perf_object_name(enum perf_object object)
{
    return objects[object].name;
}

const char *perf_object_help(enum perf_object object)
{
    return objects[object].help;
}

/* ---- numbers of names */

/* The position of a counter, or of its object (`index` SIZE_MAX), which stands before its first span; else of what is behind all. */
static unsigned position_of(enum perf_object object, size_t index)
{
    unsigned position = 0;
    for (size_t i = 0; i < COUNT(spans); i++) {
        if (spans[i].first == 0) {
            if (spans[i].object == object && index == SIZE_MAX)
                return position;
            position++;
        }
        if (spans[i].object == object && index >= spans[i].first && index - spans[i].first < spans[i].count)
            return position + (unsigned)(index - spans[i].first);
        position += spans[i].count;
    }
    return position;
}

unsigned perf_object_offset(enum perf_object object)
{
    return 2 * position_of(object, SIZE_MAX);
}

unsigned perf_counter_offset(enum perf_object object, size_t index)
{
    return 2 * position_of(object, index);
}

unsigned perf_offset_end(void)
{
    return 2 * position_of(PERF_OBJECTS, 0);
}

/* ---- values */

unsigned perf_type_len(enum perf_type type)
{
    return type == PERFMON_AVERAGE_TIMER || type == PERFMON_AVERAGE_BASE ? 4 : 8;
}

enum { US_PER_SECOND = 1000000 };

uint64_t perf_clock_us(const struct perf_clock *clock)
{
    uint64_t rest = clock->ticks % clock->ticks_per_second;
    return clock->ticks / clock->ticks_per_second * US_PER_SECOND + rest * US_PER_SECOND / clock->ticks_per_second;
}

uint64_t perf_clock_ticks_of(const struct perf_clock *clock, uint64_t us)
{
    return us / US_PER_SECOND * clock->ticks_per_second + us % US_PER_SECOND * clock->ticks_per_second / US_PER_SECOND;
}

static uint64_t start_ticks(const struct perf_clock *clock, uint64_t start_us)
{
    uint64_t ticks = perf_clock_ticks_of(clock, start_us);
    return start_us && ticks < clock->ticks ? ticks : clock->ticks;
}

static const struct counter_family *family_at(unsigned place)
{
    for (size_t i = 0; i < counter_pool_family_count; i++)
        if (counter_pool_families[i].first == place)
            return &counter_pool_families[i];
    return &counter_pool_families[0]; /* no row of counters.inc gets here: test_perf_counters */
}

static uint64_t state_of(const uint64_t *values, unsigned place)
{
    uint64_t state = 0;
    for (unsigned i = 0; i < COUNTER_MEMBERS_POOL_STATE; i++)
        if (values[place + i])
            state = i;
    return state;
}

static uint64_t histogram_of(const struct perf_counter *counter, const uint64_t *values, const struct perf_clock *clock)
{
    const uint64_t *buckets = values + counter->argument;
    uint64_t count = 0;
    if (counter->type == PERFMON_AVERAGE_TIMER)
        return perf_clock_ticks_of(clock, buckets[COUNTER_BUCKET_COUNT]);
    for (unsigned i = 0; i < COUNTER_BUCKET_COUNT; i++)
        count += buckets[i];
    return count;
}

uint64_t perf_pool_value(const struct perf_counter *counter, const uint64_t values[COUNTER_POOL_PLACES], uint64_t start_us,
                         const struct perf_clock *clock)
{
    switch (counter->source) {
    case COUNTER_PERF_SOURCE_VALUE:
    case COUNTER_PERF_SOURCE_MEMBER: return values[counter->argument];
    case COUNTER_PERF_SOURCE_FAMILY: return counter_family_sum(values, family_at(counter->argument));
    case COUNTER_PERF_SOURCE_CLASS: return counter_class_sum(values, (enum counter_class)counter->argument);
    case COUNTER_PERF_SOURCE_STATE: return state_of(values, counter->argument);
    case COUNTER_PERF_SOURCE_MILLISECONDS: return values[counter->argument] / 1000;
    case COUNTER_PERF_SOURCE_TICKS: return values[counter->argument] * 10;
    case COUNTER_PERF_SOURCE_HISTOGRAM: return histogram_of(counter, values, clock);
    case COUNTER_PERF_SOURCE_START: return start_ticks(clock, start_us);
    default: return 0;
    }
}

uint64_t perf_worker_value(const struct perf_counter *counter, const struct counter_worker_view *worker,
                           const struct perf_clock *clock)
{
    switch (counter->source) {
    case COUNTER_PERF_SOURCE_WORKER_SERVED: return worker->served;
    case COUNTER_PERF_SOURCE_WORKER_BUSY: return worker->state == WORKER_BUSY || worker->state == WORKER_RETIRING;
    case COUNTER_PERF_SOURCE_WORKER_REQUEST_AGE: return worker->request_age_us / 1000;
    case COUNTER_PERF_SOURCE_WORKER_PRIVATE_BYTES: return worker->private_bytes;
    case COUNTER_PERF_SOURCE_WORKER_HANDLES: return worker->handle_count;
    case COUNTER_PERF_SOURCE_WORKER_START: return start_ticks(clock, worker->start_us);
    case COUNTER_PERF_SOURCE_WORKER_REQUESTS_LEFT: return worker->requests_left;
    default: return 0;
    }
}
