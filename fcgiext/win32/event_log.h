/* event_log: the event log of Windows, log Application, source fcgiext. What is written there an administrator should see, or may
 * want to look up: one sentence, with the host's process id. */
#ifndef FCGIEXT_WIN32_EVENT_LOG_H
#define FCGIEXT_WIN32_EVENT_LOG_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/event_gate.h"

enum event_log_id {
    EVENT_LOG_OPERATED = 1,   /* information: who asked for what, and what became of it */
    EVENT_LOG_NOT_SERVED = 2, /* error: what is wrong with the management pipe */
    EVENT_LOG_DENIED = 3,     /* warning: who asked for what without the right to */
    EVENT_LOG_ID_COUNT,
};

struct event_log {
    HANDLE source; /* NULL: events are dropped */
    CRITICAL_SECTION lock;
    struct event_gate gates[EVENT_LOG_ID_COUNT]; /* of each id: calls do not hold back errors; under the lock */
};

void event_log_open(struct event_log *log);
void event_log_close(struct event_log *log);

/* `text`: UTF-8, of any length and origin: it is cut, and control characters become question marks. */
void event_log_write(struct event_log *log, enum event_log_id id, const char *text);

#endif
