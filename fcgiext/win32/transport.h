/* transport: our end of the connection to a worker: a named pipe or a TCP connection, always overlapped, with its
 * completions on an iocp. One read and one write may be outstanding; not safe for several threads (each worker's strand
 * uses its own). */
#ifndef FCGIEXT_WIN32_TRANSPORT_H
#define FCGIEXT_WIN32_TRANSPORT_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/win32/iocp.h"

struct transport {
    HANDLE pipe;   /* INVALID_HANDLE_VALUE: none */
    SOCKET socket; /* INVALID_SOCKET: none */
    BOOL skips;    /* an operation that succeeds at once does not complete through the port */
    BOOL tracks;   /* a pipe whose other end may act as the writer of the last message */
};

void transport_init(struct transport *transport);
static inline BOOL transport_is_open(const struct transport *transport)
{
    return transport->pipe != INVALID_HANDLE_VALUE || transport->socket != INVALID_SOCKET;
}

/* Opens the client's end of a pipe, as the host itself, whoever the thread acts for. With `tracks` the other end may act as the writer
 * of the last message, else as the host. ERROR_PIPE_BUSY: nobody listens right now. */
DWORD transport_open_pipe(struct transport *transport, struct iocp *iocp, const WCHAR *name, BOOL tracks);

/* Begins a TCP connection; `op` completes when it stands or has failed. Then transport_tcp_connected. */
DWORD transport_open_tcp(struct transport *transport, struct iocp *iocp, const struct sockaddr *address, int address_len,
                         struct iocp_op *op);
DWORD transport_tcp_connected(struct transport *transport);

/* ERROR_IO_PENDING: `op` will complete. 0: it is over, with *done bytes, and `op` will not. Else nothing was begun. */
DWORD transport_read(struct transport *transport, void *buffer, DWORD len, struct iocp_op *op, DWORD *done);
/* token: whose bytes they are, for a pipe that tracks; NULL: the host's own. *refused: not 0 when nothing was begun because the thread could not
 * act by it: that is the same everywhere, and says nothing about the connection. */
DWORD transport_write(struct transport *transport, HANDLE token, const void *bytes, DWORD len, struct iocp_op *op, DWORD *done,
                      DWORD *refused);

/* Outstanding operations complete with an error. */
void transport_close(struct transport *transport);

#endif
