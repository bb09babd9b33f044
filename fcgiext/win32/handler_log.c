/* handler_log: what of a request goes to the event log; see handler_state.h. One event at most says that it failed, with what its
 * program had reported until then. */
#include "fcgiext/win32/event_log.h"
#include "fcgiext/win32/handler_state.h"
#include "fcgiext/win32/pool_plan.h"

/* For nobody: the client that would tell the reference has gone, and it is no fault. */
static bool is_worth_an_event(enum error_cause cause)
{
    return cause != ERROR_CAUSE_CLIENT_GONE;
}

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
static const struct stderr_lines *reported(struct handler *handler)
{
    stderr_lines_end(&handler->relay.stderr_lines, &handler->relay.stderr_text);
    return &handler->relay.stderr_lines;
}

void handler_log_failure(struct handler *handler, struct error_facts *facts, char reference[EVENT_REFERENCE_LEN + 1])
{
    if (!is_worth_an_event(facts->cause))
        return;
    struct event_facts event = {.kind = facts->cause, .failure = *facts, .lines = &reported(handler)->errors};
    report(handler, &event, reference);
    facts->reference = bytes_of_str(reference);
}

/* The error page has told of a failure; what was cut off has not been told yet. */
static void log_outcome(struct handler *handler, const struct stderr_lines *lines)
{
    const struct relay *relay = &handler->relay;
    struct event_facts facts = {.kind = ERROR_CAUSE_STDERR, .lines = &lines->errors};
    if (relay->failed && (relay->explained || !is_worth_an_event(relay->failure.cause)))
        return;
    if (!relay->failed && !lines->has_error)
        return;
    facts.answered = !relay->failed;
    if (relay->failed) {
        facts.kind = relay->failure.cause;
        facts.failure = relay->failure;
        facts.cut = relay->headers_sent;
    }
    report_here(handler, &facts);
}

void handler_log_end(struct handler *handler)
{
    const struct stderr_lines *lines = reported(handler);
    log_outcome(handler, lines);
    if (lines->trace == STDERR_NONE)
        return;
    struct event_facts facts = {.kind = EVENT_TRACE_INFO, .lines = &lines->traces};
    if (lines->trace != STDERR_TRACE_INFO)
        facts.kind = lines->trace == STDERR_TRACE_WARNING ? EVENT_TRACE_WARNING : EVENT_TRACE_ERROR;
    report_here(handler, &facts);
}
