/* exporter_poll_win32: the threads that ask the hosts. Decisions are exporter_board's. */
#ifndef FCGICTL_EXPORTER_POLL_WIN32_H
#define FCGICTL_EXPORTER_POLL_WIN32_H

#include <stdint.h>

#include "tools/fcgictl/exporter_http.h"

/* -> 0 or an error of the system. One in a process, which can be started once. */
uint32_t exporter_poll_start(void);
/* Answers at once from then on. Threads that wait for a host are left to the end of the process. */
void exporter_poll_stop(void);

/* The body of one of the pages that need hosts, of a round that is new enough; waits for it. -> the status; out->failed: no memory. Any
 * thread. */
int exporter_poll_answer(const struct exporter_route *route, struct text *out);

#endif
