/* event_log: see event_log.h. The lock is not held over ReportEvent. */
#include "fcgiext/win32/event_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "fcgiext/core/log_text.h"
#include "fcgiext/core/text.h"
#include "fcgiext/messages.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/wide.h"

enum { MAX_TEXT_LEN = 2048, MAX_NUMBERS_LEN = 200, MAX_STRINGS = 16 /* of messages.mc */ };

static const DWORD ids[EVENT_LOG_ID_COUNT] = {
    [EVENT_LOG_OPERATED] = FCGIEXT_EVENT_OPERATED,
    [EVENT_LOG_NOT_SERVED] = FCGIEXT_EVENT_NOT_SERVED,
    [EVENT_LOG_DENIED] = FCGIEXT_EVENT_DENIED,
    [EVENT_LOG_CONFIG_ERRORS] = FCGIEXT_EVENT_CONFIG_ERRORS,
    [EVENT_LOG_CONFIG_REJECTED] = FCGIEXT_EVENT_CONFIG_REJECTED,
    [EVENT_LOG_CONFIG_WARNINGS] = FCGIEXT_EVENT_CONFIG_WARNINGS,
    [EVENT_LOG_CONFIG_TAKEN] = FCGIEXT_EVENT_CONFIG_TAKEN,
    [EVENT_LOG_NOT_SHARED] = FCGIEXT_EVENT_NOT_SHARED,
};

/* By enum event_kind; 0: as FCGIEXT_EVENT_NONE. */
static const DWORD kind_ids[EVENT_KIND_COUNT] = {
    [ERROR_CAUSE_NONE] = FCGIEXT_EVENT_NONE,
    [ERROR_CAUSE_NO_MAPPING] = FCGIEXT_EVENT_NO_MAPPING,
    [ERROR_CAUSE_CONFIG_INVALID] = FCGIEXT_EVENT_CONFIG_INVALID,
    [ERROR_CAUSE_START_FAILED] = FCGIEXT_EVENT_START_FAILED,
    [ERROR_CAUSE_LOAD_FAILED] = FCGIEXT_EVENT_LOAD_FAILED,
    [ERROR_CAUSE_WORKER_EXITED] = FCGIEXT_EVENT_WORKER_EXITED,
    [ERROR_CAUSE_WORKER_CRASHED] = FCGIEXT_EVENT_WORKER_CRASHED,
    [ERROR_CAUSE_CONNECTION_CLOSED] = FCGIEXT_EVENT_CONNECTION_CLOSED,
    [ERROR_CAUSE_CONNECT_FAILED] = FCGIEXT_EVENT_CONNECT_FAILED,
    [ERROR_CAUSE_ACTIVITY_TIMEOUT] = FCGIEXT_EVENT_ACTIVITY_TIMEOUT,
    [ERROR_CAUSE_REQUEST_TIMEOUT] = FCGIEXT_EVENT_REQUEST_TIMEOUT,
    [ERROR_CAUSE_STARTUP_TIMEOUT] = FCGIEXT_EVENT_STARTUP_TIMEOUT,
    [ERROR_CAUSE_QUEUE_FULL] = FCGIEXT_EVENT_QUEUE_FULL,
    [ERROR_CAUSE_QUEUE_TIMEOUT] = FCGIEXT_EVENT_QUEUE_TIMEOUT,
    [ERROR_CAUSE_DRAINING] = FCGIEXT_EVENT_DRAINING,
    [ERROR_CAUSE_RAPID_FAIL] = FCGIEXT_EVENT_RAPID_FAIL,
    [ERROR_CAUSE_SHUTTING_DOWN] = FCGIEXT_EVENT_SHUTTING_DOWN,
    [ERROR_CAUSE_RECYCLED] = FCGIEXT_EVENT_RECYCLED,
    [ERROR_CAUSE_PROTOCOL] = FCGIEXT_EVENT_PROTOCOL,
    [ERROR_CAUSE_OVERLOADED] = FCGIEXT_EVENT_OVERLOADED,
    [ERROR_CAUSE_BAD_RESPONSE] = FCGIEXT_EVENT_BAD_RESPONSE,
    [ERROR_CAUSE_STDERR] = FCGIEXT_EVENT_STDERR,
    [ERROR_CAUSE_BODY_TOO_LARGE] = FCGIEXT_EVENT_BODY_TOO_LARGE,
    [ERROR_CAUSE_SPOOL] = FCGIEXT_EVENT_SPOOL,
    [ERROR_CAUSE_BAD_REQUEST] = FCGIEXT_EVENT_BAD_REQUEST,
    [ERROR_CAUSE_HOST] = FCGIEXT_EVENT_HOST,
    [ERROR_CAUSE_IMPERSONATION] = FCGIEXT_EVENT_IMPERSONATION,
    [ERROR_CAUSE_HAND_BACK] = FCGIEXT_EVENT_HAND_BACK,
    [ERROR_CAUSE_NO_MEMORY] = FCGIEXT_EVENT_NO_MEMORY,
    [EVENT_SLOW_REQUEST] = FCGIEXT_EVENT_SLOW_REQUEST,
    [EVENT_TRACE_INFO] = FCGIEXT_EVENT_TRACE_INFO,
    [EVENT_TRACE_WARNING] = FCGIEXT_EVENT_TRACE_WARNING,
    [EVENT_TRACE_ERROR] = FCGIEXT_EVENT_TRACE_ERROR,
    [EVENT_RAPID_FAIL_OVER] = FCGIEXT_EVENT_RAPID_FAIL_OVER,
};

void event_log_open(struct event_log *log)
{
    ZeroMemory(log, sizeof *log);
    InitializeCriticalSection(&log->lock);
    event_references_init(&log->references, GetCurrentProcessId(), engine_unix_ms());
    log->source = RegisterEventSourceW(NULL, L"fcgiext");
}

void event_log_close(struct event_log *log)
{
    if (log->source)
        DeregisterEventSource(log->source);
    DeleteCriticalSection(&log->lock);
}

static WORD type_of(DWORD id)
{
    switch (id >> 30) {
    case FCGIEXT_SEVERITY_ERROR: return EVENTLOG_ERROR_TYPE;
    case FCGIEXT_SEVERITY_WARNING: return EVENTLOG_WARNING_TYPE;
    default: return EVENTLOG_INFORMATION_TYPE;
    }
}

/* Each line becomes a string of its own, with its end; the last string holds what is left. Unused ones are empty. NULL: no memory;
 * else it owns all of them. */
static WCHAR *split(const char *text, const WCHAR *strings[MAX_STRINGS])
{
    WCHAR *wide = wide_of_utf8(text);
    WCHAR *all = wide ? malloc((wcslen(wide) + MAX_STRINGS) * sizeof *all) : NULL;
    WCHAR *end = all;
    unsigned count = 0;
    for (const WCHAR *from = wide; all && *from; from++) {
        if (from == wide)
            strings[count++] = end;
        *end++ = *from;
        if (*from == L'\n' && from[1] && count < MAX_STRINGS) {
            *end++ = L'\0';
            strings[count++] = end;
        }
    }
    if (all)
        *end = L'\0';
    while (count < MAX_STRINGS)
        strings[count++] = L"";
    free(wide);
    return all;
}

/* Takes a NUL to the end of `text`. false: it is not in the log, which may be full. */
static bool report(struct event_log *log, DWORD id, struct buffer *text)
{
    const WCHAR *strings[MAX_STRINGS] = {NULL};
    WCHAR *all = buffer_append(text, bytes_of("", 1)) ? split((const char *)buffer_peek(text).ptr, strings) : NULL;
    bool written = all && log->source && ReportEventW(log->source, type_of(id), 0, id, NULL, MAX_STRINGS, 0, strings, NULL);
    free(all);
    return written;
}

static bool passes(struct event_log *log, enum event_log_id id, uint64_t *held)
{
    EnterCriticalSection(&log->lock);
    bool passed = event_gate_pass(&log->gates[id], engine_now_ms(), held);
    LeaveCriticalSection(&log->lock);
    return passed;
}

static bool put_number(struct buffer *text, const char *before, uint64_t number, const char *after)
{
    return buffer_append_str(text, before) && text_append_decimal(text, number) && buffer_append_str(text, after);
}

void event_log_write(struct event_log *log, enum event_log_id id, const char *text)
{
    struct buffer line;
    uint64_t held = 0;
    if (!passes(log, id, &held))
        return;
    buffer_init(&line, MAX_TEXT_LEN + MAX_NUMBERS_LEN);
    if (log_text_append(&line, bytes_of_str(text), MAX_TEXT_LEN) && put_number(&line, " [host ", GetCurrentProcessId(), "]") &&
        (!held || put_number(&line, " [", held, " events before this one were not written]")))
        report(log, ids[id], &line);
    buffer_deinit(&line);
}

void event_log_write_error(struct event_log *log, enum event_log_id id, const char *what, DWORD error)
{
    char text[512];
    struct buffer reason;
    buffer_init(&reason, 512);
    if (!system_text(error, &reason))
        buffer_clear(&reason);
    struct bytes words = buffer_peek(&reason);
    snprintf(text, sizeof text, "%s (error %lu: %.*s)", what, error, (int)words.len, (const char *)words.ptr);
    buffer_deinit(&reason);
    event_log_write(log, id, text);
}

void event_log_write_lines(struct event_log *log, enum event_log_id id, struct bytes lines)
{
    struct buffer text;
    uint64_t held = 0;
    if (!passes(log, id, &held))
        return;
    buffer_init(&text, lines.len + MAX_NUMBERS_LEN);
    if (buffer_append(&text, lines) && put_number(&text, "Host process: ", GetCurrentProcessId(), "\r\n") &&
        (!held || put_number(&text, "Not written before this event: ", held, "\r\n")))
        report(log, ids[id], &text);
    buffer_deinit(&text);
}

void event_log_report(struct event_log *log, struct event_gates *gates, struct event_facts *facts,
                      char reference[EVENT_REFERENCE_LEN + 1])
{
    struct buffer text;
    EnterCriticalSection(&log->lock);
    struct event_gates *asked = gates ? gates : &log->no_pool;
    struct event_verdict verdict = event_gates_ask(asked, facts->kind, &log->references, engine_now_ms());
    LeaveCriticalSection(&log->lock);
    event_reference_put(reference, verdict.reference);
    if (!verdict.write)
        return;
    facts->host_pid = GetCurrentProcessId();
    facts->held = verdict.held;
    facts->failure.reference = bytes_of_str(reference);
    buffer_init(&text, EVENT_TEXT_MAX_LEN);
    DWORD id = facts->kind < EVENT_KIND_COUNT && kind_ids[facts->kind] ? kind_ids[facts->kind] : FCGIEXT_EVENT_NONE;
    bool written = event_text_append(facts, &text) && report(log, id, &text);
    buffer_deinit(&text);
    if (written)
        return;
    EnterCriticalSection(&log->lock);
    event_gates_fail(asked, facts->kind, &verdict);
    LeaveCriticalSection(&log->lock);
    reference[0] = '\0'; /* nobody would find it */
}
