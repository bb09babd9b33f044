/* request_news: see request_news.h. Invariant: one event at most says that a request has failed: the one that its error page has led to, or
 * the one that is written at its end. */
#include "fcgiext/core/request_news.h"

/* For nobody: the client that would tell the reference has gone, and it is no fault. */
bool request_news_tell_failure(enum error_cause cause)
{
    return cause != ERROR_CAUSE_CLIENT_GONE;
}

bool request_news_outcome(const struct relay *relay, struct event_facts *facts)
{
    const struct stderr_lines *lines = &relay->stderr_lines;
    *facts = (struct event_facts){.kind = ERROR_CAUSE_STDERR, .lines = &lines->errors, .answered = !relay->failed};
    if (!relay->failed)
        return lines->has_error;
    facts->kind = relay->failure.cause;
    facts->failure = relay->failure;
    facts->cut = relay->headers_sent;
    return !relay->explained && request_news_tell_failure(relay->failure.cause);
}

bool request_news_trace(const struct relay *relay, struct event_facts *facts)
{
    const struct stderr_lines *lines = &relay->stderr_lines;
    *facts = (struct event_facts){.kind = EVENT_TRACE_INFO, .lines = &lines->traces};
    if (lines->trace == STDERR_TRACE_WARNING)
        facts->kind = EVENT_TRACE_WARNING;
    else if (lines->trace != STDERR_TRACE_INFO)
        facts->kind = EVENT_TRACE_ERROR;
    return lines->trace != STDERR_NONE;
}
