/* rate: how fast the DLL is without HTTP around it. The pool's program is tests/helpers/bench_responder, or any whose
 * answers to one request all have the same length.
 *
 * After each line of figures it waits for a line of its input, or its end, before the DLL is unloaded: so the processor time
 * of the processes can be read by whoever started it. */
#ifndef TESTS_ECB_DRIVER_RATE_H
#define TESTS_ECB_DRIVER_RATE_H

#include "tests/helpers/ecb_driver/host.h"

/* `count` requests run at any time, for so many seconds after the pool's processes are there. MaxInstances should be
 * `count`. A DLL of the name "-" stands for an extension inside this program that answers at once. */
void rate(struct host *host, const WCHAR *dll, double seconds, unsigned count);

/* `count` answers of so many bytes (0: the small page), one after the other, and one before that is not counted. */
void download(struct host *host, const WCHAR *dll, uint64_t len, unsigned count);

#endif
