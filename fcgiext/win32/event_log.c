/* event_log: see event_log.h. The lock is not held over ReportEvent. */
#include "fcgiext/win32/event_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/messages.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/wide.h"

enum { MAX_TEXT_LEN = 2048, MAX_STRINGS = 16 /* of messages.mc */ };

static const DWORD ids[EVENT_LOG_ID_COUNT] = {
    [EVENT_LOG_OPERATED] = FCGIEXT_EVENT_OPERATED,
    [EVENT_LOG_NOT_SERVED] = FCGIEXT_EVENT_NOT_SERVED,
    [EVENT_LOG_DENIED] = FCGIEXT_EVENT_DENIED,
    [EVENT_LOG_CONFIG_ERRORS] = FCGIEXT_EVENT_CONFIG_ERRORS,
    [EVENT_LOG_CONFIG_REJECTED] = FCGIEXT_EVENT_CONFIG_REJECTED,
    [EVENT_LOG_CONFIG_WARNINGS] = FCGIEXT_EVENT_CONFIG_WARNINGS,
    [EVENT_LOG_CONFIG_TAKEN] = FCGIEXT_EVENT_CONFIG_TAKEN,
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

/* false: it is not in the log, which may be full. */
static bool report(struct event_log *log, DWORD id, const char *text)
{
    const WCHAR *strings[MAX_STRINGS];
    WCHAR *all = split(text, strings);
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

void event_log_write(struct event_log *log, enum event_log_id id, const char *text)
{
    uint64_t held = 0;
    if (!passes(log, id, &held))
        return;
    char line[MAX_TEXT_LEN + 100];
    snprintf(line, sizeof line, "%.*s [host %lu]", MAX_TEXT_LEN, text, GetCurrentProcessId());
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = '?';
    if (held)
        snprintf(line + strlen(line), sizeof line - strlen(line), " [%llu events before this one were not written]",
                 (unsigned long long)held);
    report(log, ids[id], line);
}

void event_log_write_lines(struct event_log *log, enum event_log_id id, struct bytes lines)
{
    uint64_t held = 0;
    if (!passes(log, id, &held))
        return;
    size_t size = lines.len + 200;
    char *text = malloc(size);
    if (!text)
        return;
    snprintf(text, size, "%.*sHost process: %lu\r\n", (int)lines.len, (const char *)lines.ptr, GetCurrentProcessId());
    if (held)
        snprintf(text + strlen(text), size - strlen(text), "Not written before this event: %llu\r\n", (unsigned long long)held);
    report(log, ids[id], text);
    free(text);
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
    bool written = event_text_append(facts, &text) && buffer_append(&text, bytes_of("", 1)) &&
                   report(log, id, (const char *)buffer_peek(&text).ptr);
    buffer_deinit(&text);
    if (written)
        return;
    EnterCriticalSection(&log->lock);
    event_gates_fail(asked, facts->kind, &verdict);
    LeaveCriticalSection(&log->lock);
    reference[0] = '\0'; /* nobody would find it */
}
