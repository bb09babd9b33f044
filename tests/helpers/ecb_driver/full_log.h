/* full_log: what requests that fail are told, and what is tried, while the event log takes nothing and when it does again. */
#ifndef TESTS_ECB_DRIVER_FULL_LOG_H
#define TESTS_ECB_DRIVER_FULL_LOG_H

#include "tests/helpers/ecb_driver/host.h"

/* So many requests that fail, each with a good one behind it; and so many when the log takes events. */
void full_log(struct host *host, const WCHAR *dll, enum completions completions, unsigned count);

#endif
