/* tuning: the limits of pools with MaxInstances=0. core/autotune decides; here the machine and the pools are looked at, every
 * AUTOTUNE_SAMPLE_MS, by the timer's thread, and only while such a pool has requests: a host without any wakes up for nothing.
 * All pools are looked at in one go, with one reading of the machine. */
#ifndef FCGIEXT_WIN32_TUNING_H
#define FCGIEXT_WIN32_TUNING_H

#include <winsock2.h>

#include <windows.h>

#include <stdbool.h>
#include <stdint.h>

#include "fcgiext/core/autotune.h"
#include "fcgiext/core/pool.h"
#include "fcgiext/win32/system_load.h"

struct engine;
struct engine_pool;

/* Of the engine; the timer's thread only, but for `pools`. */
struct tuning {
    struct system_load load;
    uint64_t next_ms;    /* of the next look; 0: none is due */
    volatile LONG pools; /* that are to be looked at */
};

/* Of a pool, under its lock. */
struct pool_tuning {
    bool on;
    bool has_work; /* counted in tuning.pools */
    struct autotune tune;
};

/* Of a pool with MaxInstances=0, whose min_instances are known: sets tuned_max, and max_instances to the first limit. */
void tuning_set_limits(struct pool_limits *limits);

/* Under the pool's lock, before POOL_EVENT_RECONFIGURED: its version is another one. */
void tuning_follow(struct engine_pool *pool);
/* Under the pool's lock, when a request has come. true: the timer's thread is to be woken. */
bool tuning_note_work(struct engine_pool *pool);
/* The timer's thread: looks at the pools if it is time. When it wants to be called next; UINT64_MAX: when a request has come. */
uint64_t tuning_step(struct engine *engine);

#endif
