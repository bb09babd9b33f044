/* event_gate: see event_gate.h. */
#include "fcgiext/core/event_gate.h"

bool event_gate_pass(struct event_gate *gate, uint64_t now_ms, uint64_t *held)
{
    if (now_ms - gate->since_ms >= EVENT_GATE_MS) {
        gate->since_ms = now_ms;
        gate->passed = 0;
    }
    if (gate->passed == EVENT_GATE_COUNT) {
        gate->held++;
        return false;
    }
    gate->passed++;
    *held = gate->held;
    gate->held = 0;
    return true;
}
