/* pipe_instances: the pipe itself: its name is ours alone, its instances are made, and no more can be made. */
#ifndef MGMT_PIPE_INSTANCES_WIN32_H
#define MGMT_PIPE_INSTANCES_WIN32_H

#include "mgmt/rights_win32.h"

enum { PIPE_NAME_LEN = 64 };

void pipe_name(WCHAR name[PIPE_NAME_LEN], uint32_t pid);

/* MGMT_MAX_CLIENTS overlapped instances of this process's pipe. 0 or a Win32 error; then there are none, and *what says what
 * could not be done. The calling thread must not impersonate. */
DWORD pipe_instances_open(HANDLE pipes[MGMT_MAX_CLIENTS], const struct rights *rights, const char **what);

#endif
