/* pool_spare: MinInstances. So many workers are there from the pool's first event on, whether anybody has asked for one or not: the idle
 * timeout keeps them, one that ends is replaced at once. A program that cannot run is not started again and again for that: a failed
 * start brings its pause, a pool in rapid-fail starts nothing, and a worker that closed its connection without ever having
 * answered keeps its place until its end has been judged. And only a few are started at a time: processes of all pools are
 * started one after another, and somebody's first request may wait behind them. */
#include "fcgiext/core/pool_steps.h"

uint32_t pool_min_serving(const struct pool *pool)
{
    uint32_t min = pool->limits.min_instances, max = pool->limits.max_instances;
    return min < max ? min : max;
}

bool pool_lacks_spares(const struct pool *pool)
{
    return pool->state == POOL_STATE_RUNNING && !pool->draining && pool->by_state[WORKER_STARTING] < POOL_SPARE_STARTS &&
           pool_serving(pool) + pool->doubtful < pool_min_serving(pool) && pool_startable(pool) > 0;
}

void pool_start_spares(struct pool *pool)
{
    pool->begun = true;
    pool_start_while(pool, pool_lacks_spares);
}
