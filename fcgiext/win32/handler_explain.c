/* handler_explain: what a failed request is told; see handler_state.h. */
#include <stdio.h>
#include <string.h>

#include "fcgiext/core/text.h"
#include "fcgiext/win32/handler_state.h"
#include "fcgiext/win32/pool_plan.h"
#include "fcgiext/win32/wide.h"

static bool client_is_local(struct handler *handler)
{
    char local[64] = "";
    struct bytes address = handler_variable(handler, "LOCAL_ADDR");
    if (address.len && address.len < sizeof local)
        memcpy(local, address.ptr, address.len);
    address = handler_variable(handler, "REMOTE_ADDR");
    return address.len && (bytes_equal(address, bytes_of_str(local)) || bytes_equal(address, bytes_of_str("::1")) ||
                           bytes_start_with_nocase(address, bytes_of_str("127.")));
}

/* UnhealthyOnQueueFull. */
static void report_unhealthy(struct handler *handler)
{
    char reason[256];
    snprintf(reason, sizeof reason,
             "fcgiext: the queue of the pool [%.100s] is full: %lu requests wait, as many as QueueLength allows",
             handler->config->name, (unsigned long)handler->config->queue_length);
    ecb_report_unhealthy(&handler->ecb, reason);
}

void handler_explain(struct handler *handler, const struct error_facts *found)
{
    struct error_facts facts = *found;
    struct buffer text, program;
    char reference[EVENT_REFERENCE_LEN + 1] = "";
    if (facts.cause == ERROR_CAUSE_QUEUE_FULL && handler->config->unhealthy_on_queue_full)
        report_unhealthy(handler);
    buffer_init(&text, 1024);
    buffer_init(&program, 1024);
    if (handler->config) {
        facts.pool = bytes_of_str(handler->config->name);
        facts.program = pool_program_of(handler->config, &program);
    }
    if (facts.cause == ERROR_CAUSE_CONFIG_INVALID || facts.cause == ERROR_CAUSE_NO_MAPPING)
        facts.diagnostics = buffer_peek(&handler->settings->report);
    if (facts.has_code && !error_has_own_code(&facts) && system_text(facts.code, &text))
        facts.system_text = buffer_peek(&text);
    facts.show_details = handler->settings->config->management.error_details_to_all || client_is_local(handler);
    facts.head = handler->relay.settings.head;
    facts.url = handler_variable(handler, "URL");
    handler_log_failure(handler, &facts, reference);
    relay_explain(&handler->relay, &facts);
    buffer_deinit(&text);
    buffer_deinit(&program);
}
