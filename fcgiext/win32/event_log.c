/* event_log: see event_log.h. The lock is not held over ReportEvent. */
#include "fcgiext/win32/event_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/wide.h"

enum { MAX_TEXT_LEN = 2048 };

void event_log_open(struct event_log *log)
{
    ZeroMemory(log, sizeof *log);
    InitializeCriticalSection(&log->lock);
    log->source = RegisterEventSourceW(NULL, L"fcgiext");
}

void event_log_close(struct event_log *log)
{
    if (log->source)
        DeregisterEventSource(log->source);
    DeleteCriticalSection(&log->lock);
}

static WORD type_of(enum event_log_id id)
{
    switch (id) {
    case EVENT_LOG_OPERATED: return EVENTLOG_INFORMATION_TYPE;
    case EVENT_LOG_DENIED: return EVENTLOG_WARNING_TYPE;
    case EVENT_LOG_NOT_SERVED:
    case EVENT_LOG_ID_COUNT: break;
    }
    return EVENTLOG_ERROR_TYPE;
}

void event_log_write(struct event_log *log, enum event_log_id id, const char *text)
{
    uint64_t held = 0;
    EnterCriticalSection(&log->lock);
    bool passes = event_gate_pass(&log->gates[id], engine_now_ms(), &held);
    LeaveCriticalSection(&log->lock);
    if (!passes || !log->source)
        return;
    char line[MAX_TEXT_LEN + 100];
    snprintf(line, sizeof line, "%.*s [host %lu]", MAX_TEXT_LEN, text, GetCurrentProcessId());
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = '?';
    if (held)
        snprintf(line + strlen(line), sizeof line - strlen(line), " [%llu events before this one were not written]",
                 (unsigned long long)held);
    WCHAR *wide = wide_of_utf8(line);
    const WCHAR *strings[] = {wide};
    if (wide)
        ReportEventW(log->source, type_of(id), 0, id, NULL, 1, 0, strings, NULL);
    free(wide);
}
