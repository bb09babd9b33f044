/* pool_news: see pool_news.h. */
#include "fcgiext/core/pool_news.h"

#include "fcgiext/core/pool_types.h"

void pool_news_begin(struct pool_news *news, const struct pool *pool)
{
    news->count = 0;
    news->was_failing = pool->state == POOL_STATE_RAPID_FAIL;
    news->failed_starts = pool->all_failed_starts;
}

/* A request fails by it: that tells its cause. */
static bool is_failure(const struct pool_action *action)
{
    return action->kind == POOL_ACTION_REJECT || action->kind == POOL_ACTION_ABORT;
}

/* An unexpected end of a worker: its cause is told with its process. */
static bool is_loss(const struct pool_action *action)
{
    return action->kind == POOL_ACTION_RELEASE && action->cause != ERROR_CAUSE_NONE;
}

static bool is_told(const struct pool_actions *actions, enum error_cause cause, bool (*tells)(const struct pool_action *action))
{
    for (uint32_t i = 0; i < actions->count; i++)
        if (tells(&actions->items[i]) && actions->items[i].cause == cause)
            return true;
    return false;
}

static void add(struct pool_news *news, struct pool_news_item item)
{
    if (news->count < POOL_NEWS_MAX)
        news->items[news->count++] = item;
}

void pool_news_end(struct pool_news *news, const struct pool *pool, const struct pool_actions *actions)
{
    const struct pool_failure *failed = &pool->last_failed_start;
    if (pool->all_failed_starts > news->failed_starts && !is_told(actions, failed->cause, is_failure) &&
        !is_told(actions, failed->cause, is_loss))
        add(news, (struct pool_news_item){.kind = failed->cause, .has_code = failed->has_code, .code = failed->code});
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct pool_action *action = &actions->items[i];
        if (is_loss(action) && !is_told(actions, action->cause, is_failure))
            add(news, (struct pool_news_item){action->cause, ERROR_CAUSE_NONE, action->has_code, action->code, action->worker});
    }
    bool failing = pool->state == POOL_STATE_RAPID_FAIL;
    if (failing && !news->was_failing)
        add(news, (struct pool_news_item){ERROR_CAUSE_RAPID_FAIL, pool->first_failure.cause, pool->first_failure.has_code,
                                          pool->first_failure.code, 0});
    if (!failing && news->was_failing && pool->state == POOL_STATE_RUNNING)
        add(news, (struct pool_news_item){.kind = EVENT_RAPID_FAIL_OVER});
}
