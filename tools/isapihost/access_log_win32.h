/* The access log: one line a request, in the common log format, then site, milliseconds, dwHttpStatusCode and what the extension wrote to
 * lpszLogData or by APPEND_LOG. */
#ifndef ISAPIHOST_ACCESS_LOG_WIN32_H
#define ISAPIHOST_ACCESS_LOG_WIN32_H

#include "tools/isapihost/session_win32.h"

#include <stdbool.h>

/* path: UTF-8. False: it cannot be opened; the last error says why. */
bool access_log_open(const char *path);
void access_log_close(void);

/* Nothing if no log is open. */
void access_log_write(const struct host_session *session);

#endif
