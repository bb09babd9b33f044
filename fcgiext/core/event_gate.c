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

/* ---- references ---- */

#define REFERENCE_MASK ((UINT64_C(1) << (5 * EVENT_REFERENCE_LEN)) - 1)

/* Each number of REFERENCE_MASK becomes another one: factors are odd, and a shift by half of the bits can be undone. */
static uint64_t mix(uint64_t number)
{
    number = number * 0x9e3779b97f4a7c15u & REFERENCE_MASK;
    number ^= number >> 25;
    number = number * 0xbf58476d1ce4e5b9u & REFERENCE_MASK;
    return number ^ number >> 25;
}

void event_references_init(struct event_references *references, uint32_t host_pid, uint64_t unix_ms)
{
    references->seed = mix((unix_ms & REFERENCE_MASK) ^ mix(host_pid));
    references->count = 0;
}

uint64_t event_references_next(struct event_references *references)
{
    return mix((references->seed + ++references->count) & REFERENCE_MASK);
}

void event_reference_put(char out[EVENT_REFERENCE_LEN + 1], uint64_t reference)
{
    for (int i = EVENT_REFERENCE_LEN; i > 0; i--, reference >>= 5)
        out[i - 1] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[reference & 31];
    out[EVENT_REFERENCE_LEN] = '\0';
}

/* ---- events of a pool ---- */

static struct event_gate_of_kind *gate_of(struct event_gates *gates, unsigned kind)
{
    return &gates->kinds[kind < EVENT_KIND_COUNT ? kind : ERROR_CAUSE_NONE];
}

struct event_verdict event_gates_ask(struct event_gates *gates, unsigned kind, struct event_references *references,
                                     uint64_t now_ms)
{
    struct event_gate_of_kind *gate = gate_of(gates, kind);
    struct event_verdict verdict = {false, 0, gate->reference};
    if (gate->written && now_ms - gate->written_ms < EVENT_GATE_MS) {
        gate->held++;
        return verdict;
    }
    verdict = (struct event_verdict){true, gate->held, event_references_next(references)};
    *gate = (struct event_gate_of_kind){now_ms, 0, verdict.reference, true};
    return verdict;
}

void event_gates_fail(struct event_gates *gates, unsigned kind, const struct event_verdict *verdict)
{
    struct event_gate_of_kind *gate = gate_of(gates, kind);
    if (gate->reference != verdict->reference)
        return; /* another one has been written since */
    gate->written = false;
    gate->held += verdict->held + 1;
}

bool event_is_slow(uint32_t slow_request_s, uint64_t ran_ms)
{
    return slow_request_s > 0 && ran_ms > (uint64_t)slow_request_s * 1000;
}
