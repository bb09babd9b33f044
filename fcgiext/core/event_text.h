/* event_text: what an event of the event log says. Lines "Label: value" behind a first one that says what happened; each fact is
 * cleaned and cut (log_text.h), so that nothing that a client or a program has written can look like a line of its own. */
#ifndef FCGIEXT_CORE_EVENT_TEXT_H
#define FCGIEXT_CORE_EVENT_TEXT_H

#include "fcgiext/core/config.h"
#include "fcgiext/core/event_gate.h"
#include "fcgiext/core/stderr_lines.h"

enum {
    EVENT_TEXT_MAX_LEN = 31000, /* UTF-16 has no more units than UTF-8 bytes; the event log takes 31,839 */
    EVENT_MAX_DIAGNOSTICS = 12, /* lines in one event */
};

struct event_facts {
    unsigned kind;              /* enum event_kind */
    struct error_facts failure; /* pool, url, program, detail, diagnostics, codes, system_text, first_cause, reference */
    bool answered;              /* error text, and the request did not fail */
    bool cut;                   /* it failed when its headers had gone out */
    uint32_t worker_pid;        /* 0: not known, or not of this machine */
    uint32_t host_pid;
    uint64_t ran_ms;                 /* SLOW_REQUEST */
    const struct stderr_list *lines; /* what the program has reported; NULL: nothing */
    uint64_t held;                   /* events of this kind and pool that were not written */
};

/* "slow_request": stable; of a cause error_cause_name(). */
const char *event_kind_name(unsigned kind);

/* Lines end with CR LF. false: out of memory. */
bool event_text_append(const struct event_facts *facts, struct buffer *out);

/* The next diagnostics of a configuration, from *next on, at most EVENT_MAX_DIAGNOSTICS: each event says what it is (`title`, a
 * sentence without a full stop), then lists them. false: there is none left, or no memory. */
bool event_text_diagnostics(const struct config *config, const char *title, const char *file, size_t *next, struct buffer *out);

#endif
