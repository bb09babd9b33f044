/* sync_read: see sync_read.h. One thread is there from the start, so a read that was queued is served whatever memory there is for
 * more of them. */
#include "fcgiext/win32/sync_read.h"

#include "fcgiext/win32/ecb.h"

static bool wants_thread(const struct sync_readers *readers)
{
    return readers->reads > readers->threads && readers->threads < SYNC_READ_THREADS;
}

/* Who comes while another one is at it leaves it to that one, which looks again. */
static void grow(struct sync_readers *readers)
{
    while (wants_thread(readers) && InterlockedCompareExchange(&readers->growing, 1, 0) == 0) {
        bool grown = iocp_add_thread(&readers->iocp) == 0;
        if (grown)
            InterlockedIncrement(&readers->threads);
        InterlockedExchange(&readers->growing, 0);
        if (!grown)
            return;
    }
}

static void on_reader(struct iocp_op *op, DWORD ignored_len, DWORD ignored_error)
{
    struct sync_read *read = CONTAINING_RECORD(op, struct sync_read, op);
    DWORD len = read->len, error = ERROR_OPERATION_ABORTED;
    (void)ignored_len;
    (void)ignored_error;
    if (!read->readers->stopping)
        error = ecb_read_now(read->ecb, read->target, &len);
    InterlockedDecrement(&read->readers->reads);
    read->ecb->done(read->ecb->context, error ? 0 : len, error);
}

DWORD sync_read_begin(struct sync_read *read, struct sync_readers *readers, struct ecb *ecb, void *target, DWORD len)
{
    read->op.done = on_reader;
    read->readers = readers;
    read->ecb = ecb;
    read->target = target;
    read->len = len;
    InterlockedIncrement(&readers->reads);
    grow(readers);
    DWORD error = iocp_post(&readers->iocp, &read->op, 0);
    if (error)
        InterlockedDecrement(&readers->reads);
    return error;
}

DWORD sync_readers_open(struct sync_readers *readers)
{
    DWORD error = iocp_open(&readers->iocp, 1);
    readers->threads = error == 0;
    return error;
}

void sync_readers_stop(struct sync_readers *readers)
{
    InterlockedExchange(&readers->stopping, 1);
}

void sync_readers_close(struct sync_readers *readers)
{
    iocp_close(&readers->iocp);
}
