/* watched: a host whose DLL is spied on (spy.h), and one request after the other. */
#ifndef TESTS_ECB_DRIVER_WATCHED_H
#define TESTS_ECB_DRIVER_WATCHED_H

#include "tests/helpers/ecb_driver/host.h"

/* tracks: as in struct spy */
void watched_open(struct host *host, const WCHAR *dll, enum completions completions, bool tracks);
/* Until all requests have ended. */
void watched_wait(struct host *host);
/* Whose answer alone is in host->answer then, if the plan keeps it. */
void watched_ask(struct host *host, const struct request_plan *plan);
/* " label value" of a header "name: " of that answer; "none" without it. */
void watched_print_header(const struct host *host, const char *label, const char *name);

#endif
