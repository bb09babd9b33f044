/* handler_counters: what of a request is counted; see handler_state.h. Each step is one interlocked addition to the pool's own memory. */
#include "fcgiext/win32/handler_state.h"
#include "perfcounters/atomic.h"
#include "perfcounters/counter_publish.h"

static void step(struct handler *handler, unsigned place, uint64_t more)
{
    if (handler->pool)
        atomic64_add(&handler->pool->counters->values[place], more);
}

void handler_count_arrival(struct handler *handler)
{
    handler->arrived_us = counter_now_us();
    step(handler, COUNTER_REQUESTS, 1);
}

void handler_count_received(struct handler *handler, uint64_t bytes)
{
    step(handler, COUNTER_RECEIVED_BYTES, bytes);
}

void handler_count_sent(struct handler *handler, uint64_t bytes)
{
    step(handler, COUNTER_SENT_BYTES, bytes);
}

void handler_count_assigned(struct handler *handler)
{
    handler->assigned_us = counter_now_us();
    if (!handler->was_assigned)
        counter_observe(handler->pool->counters, COUNTER_QUEUE_WAIT, handler->assigned_us - handler->arrived_us);
    handler->was_assigned = true;
}

void handler_count_first_byte(struct handler *handler)
{
    if (!handler->has_first_byte)
        counter_observe(handler->pool->counters, COUNTER_FIRST_BYTE, counter_now_us() - handler->assigned_us);
    handler->has_first_byte = true;
}

void handler_count_released(struct handler *handler)
{
    handler->ran_us += counter_now_us() - handler->assigned_us;
}

void handler_count_end(struct handler *handler)
{
    const struct relay *relay = &handler->relay;
    enum error_cause result = relay->failed ? relay->failure.cause : ERROR_CAUSE_NONE;
    if (!relay->failed && relay->client_gone)
        result = ERROR_CAUSE_CLIENT_GONE;
    if (!handler->pool) {
        atomic64_add(&handler->engine->counters.block->values[COUNTER_UNROUTED + result], 1);
        return;
    }
    if (handler->was_assigned)
        counter_observe(handler->pool->counters, COUNTER_EXECUTION, handler->ran_us);
    step(handler, COUNTER_RESULTS + result, 1);
}
