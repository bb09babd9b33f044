/* transport: see transport.h. Closing is also how an operation is cancelled: CancelIoEx is missing on XP, and a
 * connection with an operation cut short is of no further use.
 *
 * A pipe that tracks its writer: the system notes, with each WriteFile, the token of the thread that calls it. So there is one place
 * where such a pipe is written, and it is between identity_enter and identity_leave; whether the write then completes at once or
 * later, on which thread, does not matter. With other pipes the other end sees who opened it, whoever writes. */
#include "fcgiext/win32/transport.h"

#include <mswsock.h>
#include <ws2tcpip.h>

#include "fcgiext/win32/compat.h"
#include "fcgiext/win32/identity_os.h"

void transport_init(struct transport *transport)
{
    transport->pipe = INVALID_HANDLE_VALUE;
    transport->socket = INVALID_SOCKET;
    transport->skips = transport->tracks = FALSE;
}

/* The other end never gets more than impersonation, whoever it is. Without CONTEXT_TRACKING it sees who opened the pipe. */
static DWORD open_as_host(const WCHAR *name, BOOL tracks, HANDLE *pipe)
{
    DWORD flags = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION;
    struct identity_scope scope;
    DWORD error = identity_enter(&identity_os, NULL, &scope);
    if (error)
        return error;
    *pipe = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                        tracks ? flags | SECURITY_CONTEXT_TRACKING : flags, NULL);
    error = *pipe == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    identity_leave(&identity_os, &scope);
    return error;
}

DWORD transport_open_pipe(struct transport *transport, struct iocp *iocp, const WCHAR *name, BOOL tracks)
{
    HANDLE pipe;
    DWORD error = open_as_host(name, tracks, &pipe);
    if (error)
        return error;
    error = iocp_attach(iocp, pipe);
    if (error) {
        CloseHandle(pipe);
        return error;
    }
    transport->pipe = pipe;
    transport->skips = compat_skip_completion_on_success(pipe);
    transport->tracks = tracks;
    return 0;
}

static DWORD bind_any(SOCKET socket, const struct sockaddr *address, int address_len)
{
    struct sockaddr_storage any; /* ConnectEx wants a bound socket; all zero is "any address, any port" */
    ZeroMemory(&any, sizeof any);
    any.ss_family = address->sa_family;
    return bind(socket, (const struct sockaddr *)&any, address_len) ? (DWORD)WSAGetLastError() : 0;
}

static DWORD find_connect_ex(SOCKET socket, LPFN_CONNECTEX *connect_ex)
{
    GUID id = WSAID_CONNECTEX;
    DWORD len = 0;
    if (WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, connect_ex, sizeof *connect_ex, &len, NULL, NULL))
        return (DWORD)WSAGetLastError();
    return 0;
}

DWORD transport_open_tcp(struct transport *transport, struct iocp *iocp, const struct sockaddr *address, int address_len,
                         struct iocp_op *op)
{
    SOCKET socket = WSASocketW(address->sa_family, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (socket == INVALID_SOCKET)
        return (DWORD)WSAGetLastError();
    LPFN_CONNECTEX connect_ex = NULL;
    BOOL no_delay = TRUE;
    SetHandleInformation((HANDLE)socket, HANDLE_FLAG_INHERIT, 0); /* no worker of ours may hold it open */
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (const char *)&no_delay, sizeof no_delay);
    DWORD error = bind_any(socket, address, address_len);
    if (!error)
        error = iocp_attach(iocp, (HANDLE)socket);
    if (!error)
        error = find_connect_ex(socket, &connect_ex);
    if (!error) {
        ZeroMemory(&op->overlapped, sizeof op->overlapped);
        if (!connect_ex(socket, address, address_len, NULL, 0, NULL, &op->overlapped))
            error = (DWORD)WSAGetLastError();
        if (error == ERROR_IO_PENDING)
            error = 0;
    }
    if (error) {
        closesocket(socket);
        return error;
    }
    transport->socket = socket;
    return 0;
}

DWORD transport_tcp_connected(struct transport *transport)
{
    if (setsockopt(transport->socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0))
        return (DWORD)WSAGetLastError();
    return 0;
}

/* The common end of an overlapped call. `op` must not be looked at any more: it may have completed, and have begun anew. */
static DWORD begun(const struct transport *transport, BOOL ok, DWORD error)
{
    if (!ok)
        return error;
    return transport->skips ? 0 : ERROR_IO_PENDING;
}

DWORD transport_read(struct transport *transport, void *buffer, DWORD len, struct iocp_op *op, DWORD *done)
{
    ZeroMemory(&op->overlapped, sizeof op->overlapped);
    if (transport->pipe != INVALID_HANDLE_VALUE) {
        BOOL ok = ReadFile(transport->pipe, buffer, len, done, &op->overlapped);
        return begun(transport, ok, GetLastError());
    }
    WSABUF slice = {len, buffer};
    DWORD flags = 0;
    BOOL ok = WSARecv(transport->socket, &slice, 1, done, &flags, &op->overlapped, NULL) == 0;
    return begun(transport, ok, (DWORD)WSAGetLastError());
}

static DWORD write_pipe(struct transport *transport, const void *bytes, DWORD len, struct iocp_op *op, DWORD *done)
{
    BOOL ok = WriteFile(transport->pipe, bytes, len, done, &op->overlapped);
    return begun(transport, ok, GetLastError());
}

static DWORD write_as_user(struct transport *transport, HANDLE token, const void *bytes, DWORD len, struct iocp_op *op,
                           DWORD *done, DWORD *refused)
{
    struct identity_scope scope;
    *refused = identity_enter(&identity_os, token, &scope);
    if (*refused)
        return *refused;
    DWORD error = write_pipe(transport, bytes, len, op, done);
    identity_leave(&identity_os, &scope);
    return error;
}

static DWORD write_socket(struct transport *transport, const void *bytes, DWORD len, struct iocp_op *op, DWORD *done)
{
    WSABUF slice = {len, (char *)(ULONG_PTR)bytes};
    BOOL ok = WSASend(transport->socket, &slice, 1, done, 0, &op->overlapped, NULL) == 0;
    return begun(transport, ok, (DWORD)WSAGetLastError());
}

DWORD transport_write(struct transport *transport, HANDLE token, const void *bytes, DWORD len, struct iocp_op *op, DWORD *done,
                      DWORD *refused)
{
    *refused = 0;
    ZeroMemory(&op->overlapped, sizeof op->overlapped);
    if (transport->pipe == INVALID_HANDLE_VALUE)
        return write_socket(transport, bytes, len, op, done);
    if ((token != NULL) != transport->tracks)
        return *refused = ERROR_BAD_IMPERSONATION_LEVEL; /* never under another identity than the one that is wanted */
    if (transport->tracks)
        return write_as_user(transport, token, bytes, len, op, done, refused);
    return write_pipe(transport, bytes, len, op, done);
}

void transport_close(struct transport *transport)
{
    if (transport->pipe != INVALID_HANDLE_VALUE)
        CloseHandle(transport->pipe);
    if (transport->socket != INVALID_SOCKET)
        closesocket(transport->socket);
    transport_init(transport);
}
