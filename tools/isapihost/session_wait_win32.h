/* What the two halves of a session share. */
#ifndef ISAPIHOST_SESSION_WAIT_WIN32_H
#define ISAPIHOST_SESSION_WAIT_WIN32_H

#include "tools/isapihost/session_win32.h"

#include <stdbool.h>

enum { SESSION_SLICE_MS = 200 };

/* The client has gone, all sessions are abandoned, or *cancel is set. */
bool session_wait_is_over(const struct host_session *session, const volatile LONG *cancel);

#endif
