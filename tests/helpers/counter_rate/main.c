/* counter_rate rate SECONDS: the counting that one request causes, by the DLL's own code, again and again on one thread and into a section as
 * hosts publish it: what it costs is not to be seen in the rate of real requests, of which it is too small a part.
 *
 * A request is one with a small body on a kept connection: the pool has five events of it, after each of which it publishes its
 * values, and the client has its answer in two pieces. The scheduler itself is not called: it is no part of what is measured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/win32/handler_state.h"
#include "fcgiext/win32/worker_counters.h"
#include "perfcounters/counter_publish.h"
#include "tests/helpers/latencies.h"
#include "tests/unit/pool_limits.h"

enum { EVENTS = 5, PIECE = 200, AT_ONCE = 1000 };

static struct engine engine;
static struct engine_pool pool;
static struct pool_version version;
static struct worker_io worker;
static struct handler handler;
static struct latencies latencies;
static const uint64_t moves[AUTOTUNE_REASON_COUNT];

static void die(const char *what)
{
    fprintf(stderr, "counter_rate: error: %s\n", what);
    exit(1);
}

static void make(void)
{
    DWORD error;
    struct pool_limits limits = driver_limits();
    struct pool_actions actions;
    struct pool_event arrived = {.kind = POOL_EVENT_ARRIVED, .tag = 1};
    if (!counter_section_create(&engine.counters, &error) || error)
        die("no section could be had");
    InitializeCriticalSection(&pool.lock);
    pool.engine = &engine;
    pool.counters = &engine.counters.block->pools[0];
    pool.core = pool_create(&limits, 1);
    if (!pool.core)
        die("out of memory");
    pool_handle(pool.core, &arrived, 1, &actions);
    version.limits = limits;
    worker.pool = &pool;
    worker.version = &version;
    worker.id = actions.items[0].worker;
    worker.pid = GetCurrentProcessId();
    worker_counters_begin(&worker);
    if (!worker.shown)
        die("the block has no place for a worker");
}

static void count_one(void)
{
    handler.arrived_us = handler.assigned_us = 0;
    handler.ran_us = 0;
    handler.was_assigned = handler.has_first_byte = false;
    handler.engine = &engine;
    handler.pool = &pool;
    handler_count_arrival(&handler);
    handler_count_received(&handler, PIECE);
    worker_counters_assigned(&worker, pool.core);
    handler_count_assigned(&handler);
    handler_count_first_byte(&handler);
    handler_count_sent(&handler, PIECE);
    handler_count_sent(&handler, PIECE);
    for (unsigned i = 0; i < EVENTS; i++)
        counter_publish(pool.counters, pool.core, moves);
    worker_counters_released(&worker);
    handler_count_released(&handler);
    handler_count_end(&handler);
}

/* What a dashboard would see: that what was measured did count. */
static void check(uint64_t requests)
{
    uint64_t executed = 0;
    for (unsigned i = 0; i < COUNTER_BUCKET_COUNT; i++)
        executed += pool.counters->values[COUNTER_EXECUTION + i];
    if (pool.counters->values[COUNTER_REQUESTS] != requests || executed != requests ||
        pool.counters->values[COUNTER_RESULTS + ERROR_CAUSE_NONE] != requests ||
        pool.counters->values[COUNTER_SENT_BYTES] != 2 * PIECE * requests)
        die("what was counted is not what was done");
}

int main(int argc, char **argv)
{
    double seconds = argc == 3 && strcmp(argv[1], "rate") == 0 ? strtod(argv[2], NULL) : 0;
    if (seconds <= 0) {
        fprintf(stderr, "usage: counter_rate rate SECONDS\n");
        return 2;
    }
    make();
    printf("rate: begun\n");
    fflush(stdout);
    uint64_t requests = 0, begun_us = counter_now_us(), end_us = begun_us + (uint64_t)(seconds * 1e6), now_us = begun_us;
    while (now_us < end_us) {
        uint64_t before_us = now_us;
        for (unsigned i = 0; i < AT_ONCE; i++)
            count_one();
        now_us = counter_now_us();
        requests += AT_ONCE;
        latencies_add(&latencies, (double)(now_us - before_us) * 1e3 / AT_ONCE);
    }
    check(requests);
    latencies_report(&latencies, 1, requests, (double)(now_us - begun_us) * 1e3, 0);
    fflush(stdout);
    (void)getchar(); /* until the processor time has been read */
    return 0;
}
