/* watched: see watched.h. */
#include "tests/helpers/ecb_driver/watched.h"

#include <stdio.h>
#include <string.h>

#include "tests/helpers/ecb_driver/spy.h"

enum { WAIT_MS = 120000 };

void watched_open(struct host *host, const WCHAR *dll, enum completions completions, bool tracks)
{
    host_open(host, dll, completions);
    host->acts_as_users = true;
    spy.tracks = tracks;
    spy_install(host->dll);
}

void watched_wait(struct host *host)
{
    if (!host_wait_all(host, WAIT_MS))
        die("%ld of %ld requests have not ended", host->totals.begun - host->totals.ended, host->totals.begun);
}

void watched_ask(struct host *host, const struct request_plan *plan)
{
    host->answer_len = 0;
    host->answer[0] = '\0';
    host_begin(host, plan);
    watched_wait(host);
}

void watched_print_header(const struct host *host, const char *label, const char *name)
{
    const char *value = strstr(host->answer, name);
    value = value ? value + strlen(name) : "none";
    printf(" %s %.*s", label, (int)strcspn(value, "\r\n"), value);
}
