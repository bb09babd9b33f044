/* compat: functions that Windows XP and Server 2003 lack, looked up at run time. This file alone knows their names. */
#ifndef FCGIEXT_WIN32_COMPAT_H
#define FCGIEXT_WIN32_COMPAT_H

#include <winsock2.h>

#include <windows.h>

#include <stdint.h>

/* Calls CreateProcessW so that the child inherits exactly `handles` (which must be inheritable). Where the system cannot
 * say that (before Vista) they are inheritable only during the call, under a lock that all our starts share.
 * `startup` and the flags are completed here. 0 or a Win32 error. */
DWORD compat_create_process(WCHAR *command_line, DWORD flags, const WCHAR *environment, const WCHAR *directory,
                            const STARTUPINFOW *startup, HANDLE *handles, unsigned handle_count, PROCESS_INFORMATION *process);

/* Once, before the first use / after the last one. */
void compat_init(void);
void compat_deinit(void);

/* PIPE_REJECT_REMOTE_CLIENTS where it is known (Vista), else 0. */
DWORD compat_reject_remote_clients(void);

/* The process that serves this pipe: that which has created its other end. 0: the system does not say (before Vista). */
DWORD compat_pipe_server(HANDLE pipe);

/* What completes at once on this handle does not go through the completion port as well: saves a wake-up for each write. false: the
 * system cannot do that (before Vista). */
BOOL compat_skip_completion_on_success(HANDLE file);

/* What a process has of its own; 0 where the system does not say. NULL: 0. */
uint64_t compat_private_bytes(HANDLE process);
/* The same, and its handles; 0 where the system does not say. */
uint32_t compat_handle_count(HANDLE process);
void compat_process_use(DWORD pid, uint64_t *private_bytes, uint32_t *handle_count);

#endif
