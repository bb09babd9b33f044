/* A machine that does not exist: processors, memory, databases, and pools of workers on it. The pools are the core's, their limits are
 * fixed or tuned by autotune. From one seed everything follows. */
#ifndef TESTS_SIM_AUTOTUNE_WORLD_H
#define TESTS_SIM_AUTOTUNE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgiext/core/autotune.h"

enum { WORLD_POOLS = 2, WORLD_SECONDS = 900, WORLD_PHASES = 4 };

/* What requests of one kind do. */
struct world_work {
    double cpu_ms, sleep_ms; /* on average */
    double heavy;            /* this share of them: */
    double heavy_cpu_ms, heavy_sleep_ms;
    double database;   /* this many at a time get its full speed; 0: any number */
    double worker_mib; /* a new worker */
    double leak_mib;   /* with each request */
    uint32_t life;     /* InstanceMaxRequests */
};

struct world_phase {
    double seconds;
    const struct world_work *work[WORLD_POOLS];
    double per_second[WORLD_POOLS]; /* requests that come */
};

struct world_plan {
    uint32_t processors;
    double memory_mib;
    unsigned pools, phases;
    struct world_phase phase[WORLD_PHASES];
    uint64_t seed;
    uint32_t fixed[WORLD_POOLS]; /* a limit; 0: tuned */
};

/* Of each second. */
struct world_second {
    uint32_t limit, workers, busy, waiting, arrived, answered, cpu_permille, free_mib;
    enum autotune_reason reason;
};

struct world_course {
    unsigned seconds;
    struct world_second at[WORLD_POOLS][WORLD_SECONDS];
};

void world_run(const struct world_plan *plan, struct world_course *course);

#endif
