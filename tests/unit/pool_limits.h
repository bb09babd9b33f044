/* pool_limits: limits of a pool that are in no test's way. */
#ifndef FCGIEXT_TESTS_POOL_LIMITS_H
#define FCGIEXT_TESTS_POOL_LIMITS_H

#include "fcgiext/core/pool.h"

/* Each time-out is different. Idle workers end before they are watched. */
static inline struct pool_limits driver_limits(void)
{
    return (struct pool_limits){
        .max_instances = 4,
        .queue_length = 1000,
        .instance_max_requests = 1000,
        .idle_timeout_ms = 300000,
        .activity_timeout_ms = 20000,
        .request_timeout_ms = 90000,
        .watch_ms = 400000,
        .rapid_fails_per_minute = 10,
    };
}

#endif
