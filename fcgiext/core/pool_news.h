/* pool_news: what of a pool's step belongs into the event log although no request failed by it: its begin and end of rapid-fail,
 * processes that could not be started or ended unexpectedly while others served. (What fails a request the request tells itself.) */
#ifndef FCGIEXT_CORE_POOL_NEWS_H
#define FCGIEXT_CORE_POOL_NEWS_H

#include "fcgiext/core/event_gate.h"
#include "fcgiext/core/pool.h"

enum { POOL_NEWS_MAX = 4 }; /* further ones of a step are dropped: they would hardly pass the gate */

struct pool_news_item {
    unsigned kind; /* enum event_kind */
    enum error_cause first_cause;
    bool has_code;
    uint32_t code;
    uint64_t worker; /* 0: of none */
};

struct pool_news {
    uint32_t count;
    struct pool_news_item items[POOL_NEWS_MAX];
    /* as it was before the step */
    bool was_failing;
    uint64_t failed_starts;
};

/* Before pool_handle. */
void pool_news_begin(struct pool_news *news, const struct pool *pool);
/* After it, with its actions. */
void pool_news_end(struct pool_news *news, const struct pool *pool, const struct pool_actions *actions);

#endif
