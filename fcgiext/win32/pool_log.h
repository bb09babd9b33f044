/* pool_log: takes what is new in a pool (core/pool_news) to the event log. */
#ifndef FCGIEXT_WIN32_POOL_LOG_H
#define FCGIEXT_WIN32_POOL_LOG_H

#include "fcgiext/core/pool_news.h"
#include "fcgiext/win32/engine.h"

struct request_label;

struct pool_log {
    struct pool_news news;
    struct {
        uint32_t pid;
        struct request_label *label; /* of its last request; a reference; may be NULL */
    } workers[POOL_NEWS_MAX];
};

/* Under the pool's lock, after pool_news_end and before the workers' actions are given to them. */
void pool_log_collect(struct pool_log *log, const struct engine_pool *pool);
/* After it. */
void pool_log_write(struct pool_log *log, struct engine_pool *pool);

#endif
