/* iocp: the completion port and its threads. Every completion is a struct iocp_op whose `done` is called on one of them.
 * Threads never block in `done`: what may take long (starting a process) goes to the launcher, a second port with one
 * thread. */
#ifndef FCGIEXT_WIN32_IOCP_H
#define FCGIEXT_WIN32_IOCP_H

#include <winsock2.h>

#include <windows.h>

struct iocp_op {
    OVERLAPPED overlapped; /* first */
    void (*done)(struct iocp_op *op, DWORD len, DWORD error);
};

struct iocp {
    HANDLE port;
    HANDLE threads[64];
    unsigned thread_count;
};

/* 0 or a Win32 error. */
DWORD iocp_open(struct iocp *iocp, unsigned thread_count);
/* One more; one caller at a time. 0 or a Win32 error. */
DWORD iocp_add_thread(struct iocp *iocp);
/* Ends the threads after all that is queued has been handled. Not on one of them. */
void iocp_close(struct iocp *iocp);

DWORD iocp_attach(struct iocp *iocp, HANDLE file);
/* Has op->done called on a thread of the port, with this length and error 0. */
DWORD iocp_post(struct iocp *iocp, struct iocp_op *op, DWORD len);

#endif
