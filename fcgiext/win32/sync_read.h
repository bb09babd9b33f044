/* sync_read: reads of a request's body where the host refuses asynchronous ones (mod_isapi does). They run on threads of our own, as
 * many as there are reads at a time, at most SYNC_READ_THREADS; further ones wait, in their order, until one of them ends. So clients
 * that send nothing can hold up one another, but no thread of the host and none that serves workers. */
#ifndef FCGIEXT_WIN32_SYNC_READ_H
#define FCGIEXT_WIN32_SYNC_READ_H

#include <winsock2.h>

#include <windows.h>

#include <stdbool.h>

#include "fcgiext/win32/iocp.h"

struct ecb;

enum { SYNC_READ_THREADS = 32 };

/* The engine's. */
struct sync_readers {
    struct iocp iocp;
    volatile LONG threads, growing;
    volatile LONG reads; /* begun and not ended */
    volatile LONG stopping;
};

/* A request's; zeros before the first one. */
struct sync_read {
    struct iocp_op op;
    struct sync_readers *readers;
    struct ecb *ecb;
    void *target;
    DWORD len;
};

/* Starts the first thread. 0 or a Win32 error. */
DWORD sync_readers_open(struct sync_readers *readers);
/* What is begun from now on fails. */
void sync_readers_stop(struct sync_readers *readers);
/* When no request is left. */
void sync_readers_close(struct sync_readers *readers);

/* As ecb_read, whose `done` is called on one of these threads. */
DWORD sync_read_begin(struct sync_read *read, struct sync_readers *readers, struct ecb *ecb, void *target, DWORD len);

#endif
