/* event_gate: how much may go into the event log. Whoever can cause events could else fill it, and what matters would be lost in
 * it, or overwritten.
 *
 * Two measures. A plain gate lets so many a minute pass: for what operators do, and what is wrong with fcgiext.ini. What happens
 * to requests has one gate for each kind of event and each pool: the first one passes at once, then at most one a minute does. An
 * error page bears the reference of an event; if its own is held back, it bears that of the event that stands for it (the last one
 * of the same kind and pool that was written): so a reference that a user tells is always found in the log. */
#ifndef FCGIEXT_CORE_EVENT_GATE_H
#define FCGIEXT_CORE_EVENT_GATE_H

#include "fcgiext/core/error_page.h"

enum { EVENT_GATE_COUNT = 60, EVENT_GATE_MS = 60000 };

struct event_gate {
    uint64_t since_ms; /* of the caller's monotonic clock */
    uint32_t passed;   /* since then */
    uint64_t held;     /* since the last that passed */
};

/* At most EVENT_GATE_COUNT pass in EVENT_GATE_MS. *held: how many were held back before this one, for its text. */
bool event_gate_pass(struct event_gate *gate, uint64_t now_ms, uint64_t *held);

/* ---- references */

enum { EVENT_REFERENCE_LEN = 10 };

/* Each is another one, in this host; two hosts, or one after a restart, hardly ever have the same. Not secret. */
struct event_references {
    uint64_t seed, count;
};

void event_references_init(struct event_references *references, uint32_t host_pid, uint64_t unix_ms);
uint64_t event_references_next(struct event_references *references);
/* Digits and capital letters without I, L, O and U, so that it can be told over the telephone; and a NUL. */
void event_reference_put(char out[EVENT_REFERENCE_LEN + 1], uint64_t reference);

/* ---- events of a pool */

/* The first ones are requests that failed: enum error_cause. */
enum event_kind {
    EVENT_SLOW_REQUEST = ERROR_CAUSE_COUNT,
    EVENT_TRACE_INFO, /* trace text on a program's error output */
    EVENT_TRACE_WARNING,
    EVENT_TRACE_ERROR,
    EVENT_RAPID_FAIL_OVER, /* its begin is ERROR_CAUSE_RAPID_FAIL */
    EVENT_KIND_COUNT
};

/* Of one pool, or of the requests that found none. All zero at first. */
struct event_gates {
    struct event_gate_of_kind {
        uint64_t written_ms, held, reference;
        bool written;
    } kinds[EVENT_KIND_COUNT];
};

struct event_verdict {
    bool write;
    uint64_t held;      /* write: how many of this kind were held back before this one */
    uint64_t reference; /* write: a new one; else that of the event that stands for it */
};

struct event_verdict event_gates_ask(struct event_gates *gates, unsigned kind, struct event_references *references,
                                     uint64_t now_ms);

/* It could not be written: the next one of this kind takes its place. */
void event_gates_fail(struct event_gates *gates, unsigned kind, const struct event_verdict *verdict);

/* SlowRequestSeconds: is a request that had its worker for so long worth an event? */
bool event_is_slow(uint32_t slow_request_s, uint64_t ran_ms);

#endif
