/* full_log: see full_log.h. */
#include "tests/helpers/ecb_driver/full_log.h"

#include <stdio.h>

#include "tests/helpers/ecb_driver/spy.h"
#include "tests/helpers/ecb_driver/watched.h"

static void ask(struct host *host, const char *what)
{
    struct request_plan plan = {.method = "GET", .query = "page=echo&user=1", .user = 1, .fault = FAULT_NO_TOKEN};
    const LONG good = host->totals.answered[2], bad = host->totals.answered[5], refused = spy.events_refused,
               taken = spy.events;
    plan.keep_answer = true;
    watched_ask(host, &plan);
    printf("log %s: refused %ld taken %ld", what, spy.events_refused - refused, spy.events - taken);
    watched_print_header(host, "reference", "X-Fcgiext-Reference: ");
    plan.fault = FAULT_NONE;
    watched_ask(host, &plan);
    printf(" 5xx %ld 2xx %ld\n", host->totals.answered[5] - bad, host->totals.answered[2] - good);
}

void full_log(struct host *host, const WCHAR *dll, enum completions completions, unsigned count)
{
    watched_open(host, dll, completions, true);
    spy.log_full = true;
    for (unsigned i = 0; i < count; i++)
        ask(host, "full");
    spy.log_full = false;
    for (unsigned i = 0; i < count; i++)
        ask(host, "again");
    puts(spy.event);
    host_close(host);
}
