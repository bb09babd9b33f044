/* handler_log: what of a request goes to the event log; see handler_state.h. core/request_news decides; here it gets what only the shell
 * knows. */
#include "fcgiext/core/request_news.h"
#include "fcgiext/win32/event_log.h"
#include "fcgiext/win32/handler_state.h"
#include "fcgiext/win32/pool_plan.h"

/* NULL: those of all that have found no section. */
static struct event_gates *gates_of(struct handler *handler)
{
    const struct settings *settings = handler->settings;
    if (handler->pool)
        return &handler->pool->events;
    return handler->config && settings->gates ? &settings->gates[handler->config - settings->config->pools] : NULL;
}

static void report(struct handler *handler, struct event_facts *facts, char reference[EVENT_REFERENCE_LEN + 1])
{
    facts->worker_pid = handler->worker_pid;
    event_log_report(&handler->engine->log, gates_of(handler), facts, reference);
}

/* For what is not told on an error page; `program` is given back by the caller. */
static void report_here(struct handler *handler, struct event_facts *facts)
{
    struct buffer program;
    char reference[EVENT_REFERENCE_LEN + 1];
    buffer_init(&program, 1024);
    facts->failure.pool = bytes_of_str(handler->config ? handler->config->name : NULL);
    if (handler->config)
        facts->failure.program = pool_program_of(handler->config, &program);
    if (handler->label)
        facts->failure.url = bytes_of_str(handler->label->url_path);
    report(handler, facts, reference);
    buffer_deinit(&program);
}

/* ---- slow requests ---- */

void handler_log_assigned(struct handler *handler)
{
    handler->worker_pid = (uint32_t)handler->worker->pid;
    if (handler->config->slow_request_s)
        handler->assigned_ms = engine_now_ms();
}

void handler_log_released(struct handler *handler)
{
    struct event_facts facts = {.kind = EVENT_SLOW_REQUEST};
    if (!handler->config->slow_request_s)
        return;
    facts.ran_ms = engine_now_ms() - handler->assigned_ms;
    if (event_is_slow(handler->config->slow_request_s, facts.ran_ms))
        report_here(handler, &facts);
}

/* ---- failures, and what programs report ---- */

/* What has come of it until now is all. */
static void end_lines(struct handler *handler)
{
    stderr_lines_end(&handler->relay.stderr_lines, &handler->relay.stderr_text);
}

void handler_log_failure(struct handler *handler, struct error_facts *facts, char reference[EVENT_REFERENCE_LEN + 1])
{
    if (!request_news_tell_failure(facts->cause))
        return;
    end_lines(handler);
    struct event_facts event = {.kind = facts->cause, .failure = *facts, .lines = &handler->relay.stderr_lines.errors};
    report(handler, &event, reference);
    facts->reference = bytes_of_str(reference);
}

void handler_log_end(struct handler *handler)
{
    struct event_facts facts;
    end_lines(handler);
    if (request_news_outcome(&handler->relay, &facts))
        report_here(handler, &facts);
    if (request_news_trace(&handler->relay, &facts))
        report_here(handler, &facts);
}
