/* foreign: a process of nobody's that takes the name of a worker's pipe as soon as that is free, and what comes to it. */
#ifndef TESTS_ECB_DRIVER_FOREIGN_H
#define TESTS_ECB_DRIVER_FOREIGN_H

#include "tests/helpers/ecb_driver/host.h"

/* Three requests; the worker of the second one ends before another connection to it is made. */
void foreign(struct host *host, const WCHAR *dll, enum completions completions);

/* Comes back when such a process serves the pipe, which may be that of another one that is just ending. */
void foreign_begin(const WCHAR *pipe_name);
/* That process: one client. Does not return. */
void foreign_serve(const char *pipe_name, const char *ready_name) __attribute__((noreturn));

#endif
