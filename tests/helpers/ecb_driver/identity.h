/* identity: as whom the DLL does what it does for the requests of three users, on threads that act as one of them when they come. */
#ifndef TESTS_ECB_DRIVER_IDENTITY_H
#define TESTS_ECB_DRIVER_IDENTITY_H

#include "tests/helpers/ecb_driver/host.h"

/* Rounds of requests with and without a body, of all users at once. tracks: the pool impersonates. */
void users(struct host *host, const WCHAR *dll, enum completions completions, bool tracks, unsigned rounds);

/* One request while a call fails (spy_failure_names; or "no-token", the host's), a second one after it. */
void token(struct host *host, const WCHAR *dll, enum completions completions, const char *failure);

/* Requests that a * entry has taken, for what exists and what does not, with each fault of the host that concerns them. */
void look(struct host *host, const WCHAR *dll, enum completions completions);

#endif
