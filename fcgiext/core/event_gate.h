/* event_gate: how much may go into the event log. Whoever can cause events could else fill it, and what matters would be lost in
 * it, or overwritten. */
#ifndef FCGIEXT_CORE_EVENT_GATE_H
#define FCGIEXT_CORE_EVENT_GATE_H

#include <stdbool.h>
#include <stdint.h>

enum { EVENT_GATE_COUNT = 60, EVENT_GATE_MS = 60000 };

struct event_gate {
    uint64_t since_ms; /* of the caller's monotonic clock */
    uint32_t passed;   /* since then */
    uint64_t held;     /* since the last that passed */
};

/* At most EVENT_GATE_COUNT pass in EVENT_GATE_MS. *held: how many were held back before this one, for its text. */
bool event_gate_pass(struct event_gate *gate, uint64_t now_ms, uint64_t *held);

#endif
