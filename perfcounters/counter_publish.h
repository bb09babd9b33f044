/* counter_publish: what the scheduler counts, into the memory that is published. */
#ifndef PERFCOUNTERS_COUNTER_PUBLISH_H
#define PERFCOUNTERS_COUNTER_PUBLISH_H

#include "perfcounters/counter_block.h"

/* Under the pool's lock, after each of its events: the scheduler's values, as one change. `moves`: of the limit, by reason. Some
 * fifty stores to memory that no other pool writes to. */
void counter_publish(struct counter_block_pool *out, const struct pool *pool, const uint64_t moves[AUTOTUNE_REASON_COUNT]);

/* What took so long; to any family that is a histogram. */
void counter_observe(struct counter_block_pool *out, enum counter_pool_place histogram, uint64_t us);

#endif
