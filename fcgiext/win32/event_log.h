/* event_log: the event log of Windows, log Application, source fcgiext: what an administrator should see, or may want to look up.
 * Ids, types and explanations are those of messages.mc; how much is written, core/event_gate decides. */
#ifndef FCGIEXT_WIN32_EVENT_LOG_H
#define FCGIEXT_WIN32_EVENT_LOG_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/event_gate.h"
#include "fcgiext/core/event_text.h"

/* Events that are no request's. */
enum event_log_id {
    EVENT_LOG_OPERATED,        /* who asked for what, and what became of it */
    EVENT_LOG_NOT_SERVED,      /* what is wrong with the management pipe */
    EVENT_LOG_DENIED,          /* who asked for what without the right to */
    EVENT_LOG_CONFIG_ERRORS,   /* of fcgiext.ini at the start */
    EVENT_LOG_CONFIG_REJECTED, /* of a changed one, which was not taken */
    EVENT_LOG_CONFIG_WARNINGS,
    EVENT_LOG_CONFIG_TAKEN,
    EVENT_LOG_NOT_SHARED, /* which counters are not published, and why */
    EVENT_LOG_ID_COUNT,
};

struct event_log {
    HANDLE source; /* NULL: events are dropped */
    CRITICAL_SECTION lock;
    struct event_gate gates[EVENT_LOG_ID_COUNT]; /* of each id: calls do not hold back errors; under the lock, as all below */
    struct event_gates no_pool;                  /* of requests that found no pool */
    struct event_references references;
};

void event_log_open(struct event_log *log);
void event_log_close(struct event_log *log);

/* `text`: of any length and origin: it becomes one line, cleaned by core/log_text and cut. */
void event_log_write(struct event_log *log, enum event_log_id id, const char *text);
/* The same with the system's error behind it. */
void event_log_write_error(struct event_log *log, enum event_log_id id, const char *what, DWORD error);
/* The same of several lines, which are written as they are: they are clean, at most EVENT_TEXT_MAX_LEN. */
void event_log_write_lines(struct event_log *log, enum event_log_id id, struct bytes lines);

/* What happened in a pool; `gates` are the pool's, NULL: there is none. Writes the event if the gate lets it pass. `reference` gets
 * the reference that an error page is to bear: see event_gate.h. facts->host_pid, held and failure.reference are filled in. */
void event_log_report(struct event_log *log, struct event_gates *gates, struct event_facts *facts,
                      char reference[EVENT_REFERENCE_LEN + 1]);

#endif
