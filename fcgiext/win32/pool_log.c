/* pool_log: see pool_log.h. */
#include "fcgiext/win32/pool_log.h"

#include "fcgiext/win32/event_log.h"
#include "fcgiext/win32/request_label.h"
#include "fcgiext/win32/wide.h"
#include "fcgiext/win32/worker_io.h"

void pool_log_collect(struct pool_log *log, const struct engine_pool *pool)
{
    for (uint32_t i = 0; i < log->news.count; i++) {
        uint64_t id = log->news.items[i].worker;
        const struct worker_io *worker = id ? pool->workers[(uint32_t)id] : NULL;
        log->workers[i].pid = worker ? (uint32_t)worker->pid : 0;
        log->workers[i].label = worker ? worker->label : NULL;
        request_label_ref(log->workers[i].label);
    }
}

static void write_item(struct engine_pool *pool, const struct pool_news_item *item, uint32_t pid,
                       const struct request_label *label)
{
    struct buffer text;
    char reference[EVENT_REFERENCE_LEN + 1];
    struct event_facts facts = {.kind = item->kind, .worker_pid = pid};
    struct error_facts *failure = &facts.failure;
    failure->cause = item->kind < ERROR_CAUSE_COUNT ? (enum error_cause)item->kind : ERROR_CAUSE_NONE;
    failure->first_cause = item->first_cause;
    failure->has_code = item->has_code;
    failure->code = item->code;
    failure->pool = bytes_of_str(pool->name);
    if (label)
        failure->url = bytes_of_str(label->url_path);
    buffer_init(&text, 1024);
    if (item->has_code && !error_has_own_code(failure) && system_text(item->code, &text))
        failure->system_text = buffer_peek(&text);
    event_log_report(&pool->engine->log, &pool->events, &facts, reference);
    buffer_deinit(&text);
}

void pool_log_write(struct pool_log *log, struct engine_pool *pool)
{
    for (uint32_t i = 0; i < log->news.count; i++) {
        write_item(pool, &log->news.items[i], log->workers[i].pid, log->workers[i].label);
        request_label_unref(log->workers[i].label);
    }
}
