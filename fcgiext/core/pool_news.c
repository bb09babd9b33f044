/* pool_news: see pool_news.h. */
#include "fcgiext/core/pool_news.h"

#include "fcgiext/core/pool_types.h"

void pool_news_begin(struct pool_news *news, const struct pool *pool)
{
    news->count = 0;
    news->was_failing = pool->state == POOL_STATE_RAPID_FAIL;
    news->start_failures = pool->totals.start_failures;
}

/* A request fails by it in the same step. */
static bool is_told(const struct pool_actions *actions, enum error_cause cause)
{
    for (uint32_t i = 0; i < actions->count; i++) {
        enum pool_action_kind kind = actions->items[i].kind;
        if ((kind == POOL_ACTION_REJECT || kind == POOL_ACTION_ABORT) && actions->items[i].cause == cause)
            return true;
    }
    return false;
}

static void add(struct pool_news *news, struct pool_news_item item)
{
    if (news->count < POOL_NEWS_MAX)
        news->items[news->count++] = item;
}

void pool_news_end(struct pool_news *news, const struct pool *pool, const struct pool_event *event,
                   const struct pool_actions *actions)
{
    if (event->kind == POOL_EVENT_START_FAILED && pool->totals.start_failures > news->start_failures) {
        enum error_cause cause = pool->limits.external ? ERROR_CAUSE_CONNECT_FAILED : ERROR_CAUSE_START_FAILED;
        if (!is_told(actions, cause))
            add(news, (struct pool_news_item){.kind = cause, .has_code = true, .code = event->code});
    }
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct pool_action *action = &actions->items[i];
        if (action->kind == POOL_ACTION_RELEASE && action->cause != ERROR_CAUSE_NONE && !is_told(actions, action->cause))
            add(news, (struct pool_news_item){action->cause, ERROR_CAUSE_NONE, action->has_code, action->code, action->worker});
    }
    bool failing = pool->state == POOL_STATE_RAPID_FAIL;
    if (failing && !news->was_failing)
        add(news, (struct pool_news_item){ERROR_CAUSE_RAPID_FAIL, pool->first_failure.cause, pool->first_failure.has_code,
                                          pool->first_failure.code, 0});
    if (!failing && news->was_failing && pool->state == POOL_STATE_RUNNING)
        add(news, (struct pool_news_item){.kind = EVENT_RAPID_FAIL_OVER});
}
