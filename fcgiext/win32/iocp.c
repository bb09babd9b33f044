/* iocp: see iocp.h. The quit message of a thread is a completion without an operation; as the port is first in, first
 * out, a thread ends only when everything that was queued before has been taken. */
#include "fcgiext/win32/iocp.h"

static DWORD WINAPI run(void *context)
{
    struct iocp *iocp = context;
    for (;;) {
        DWORD len = 0;
        ULONG_PTR key = 0;
        OVERLAPPED *overlapped = NULL;
        BOOL ok = GetQueuedCompletionStatus(iocp->port, &len, &key, &overlapped, INFINITE);
        DWORD error = ok ? 0 : GetLastError();
        if (!overlapped)
            return 0;
        struct iocp_op *op = CONTAINING_RECORD(overlapped, struct iocp_op, overlapped);
        op->done(op, len, error);
    }
}

DWORD iocp_add_thread(struct iocp *iocp)
{
    if (iocp->thread_count == ARRAYSIZE(iocp->threads))
        return ERROR_MAX_THRDS_REACHED;
    HANDLE thread = CreateThread(NULL, 0, run, iocp, 0, NULL);
    if (!thread)
        return GetLastError();
    iocp->threads[iocp->thread_count++] = thread;
    return 0;
}

DWORD iocp_open(struct iocp *iocp, unsigned thread_count)
{
    ZeroMemory(iocp, sizeof *iocp);
    iocp->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    if (!iocp->port)
        return GetLastError();
    if (thread_count > ARRAYSIZE(iocp->threads))
        thread_count = ARRAYSIZE(iocp->threads);
    while (iocp->thread_count < thread_count) {
        DWORD error = iocp_add_thread(iocp);
        if (error) {
            iocp_close(iocp);
            return error;
        }
    }
    return 0;
}

void iocp_close(struct iocp *iocp)
{
    for (unsigned i = 0; i < iocp->thread_count; i++)
        PostQueuedCompletionStatus(iocp->port, 0, 0, NULL);
    for (unsigned i = 0; i < iocp->thread_count; i++) {
        WaitForSingleObject(iocp->threads[i], INFINITE);
        CloseHandle(iocp->threads[i]);
    }
    iocp->thread_count = 0;
    if (iocp->port)
        CloseHandle(iocp->port);
    iocp->port = NULL;
}

DWORD iocp_attach(struct iocp *iocp, HANDLE file)
{
    return CreateIoCompletionPort(file, iocp->port, 0, 0) ? 0 : GetLastError();
}

DWORD iocp_post(struct iocp *iocp, struct iocp_op *op, DWORD len)
{
    ZeroMemory(&op->overlapped, sizeof op->overlapped);
    return PostQueuedCompletionStatus(iocp->port, len, 0, &op->overlapped) ? 0 : GetLastError();
}
