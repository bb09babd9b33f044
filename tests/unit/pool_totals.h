/* pool_totals: sums of what a pool has counted. */
#ifndef FCGIEXT_TESTS_POOL_TOTALS_H
#define FCGIEXT_TESTS_POOL_TOTALS_H

#include "fcgiext/core/pool.h"

static inline uint64_t pool_totals_retried(const struct pool_totals *totals)
{
    return totals->retried[POOL_RETRY_UNWRITTEN] + totals->retried[POOL_RETRY_UNANSWERED];
}

static inline uint64_t pool_totals_exits(const struct pool_totals *totals)
{
    uint64_t sum = 0;
    for (unsigned reason = 0; reason < WORKER_EXIT_COUNT; reason++)
        sum += totals->exits[reason];
    return sum;
}

/* Those that had not been told to. */
static inline uint64_t pool_totals_unexpected_exits(const struct pool_totals *totals)
{
    return totals->exits[WORKER_EXIT_EXITED] + totals->exits[WORKER_EXIT_CRASHED];
}

#endif
