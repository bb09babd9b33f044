/* The reading half of a session: the body, decoded, in whatever portions it arrives; 100 Continue; whether the client is still there.
 *
 * Not a byte is read past the body's end: of a chunked body the socket is peeked at first, then what the decoder used is taken. */
#include "tools/isapihost/options.h"
#include "tools/isapihost/session_wait_win32.h"
#include "tools/isapihost/session_win32.h"
#include "tools/isapihost/socket_wait_win32.h"

#include <string.h>

#include <windows.h>

enum { PEEK_SIZE = 16384 };

static DWORD lost(struct host_session *session)
{
    InterlockedExchange(&session->gone, 1);
    return ERROR_NETNAME_DELETED;
}

/* Reads from CivetWeb's buffer. */
static DWORD read_buffered(struct host_session *session, char *out, size_t size, size_t *len)
{
    size_t used = 0;
    enum body_result result = body_decode(&session->body, session->read_ahead + session->read_ahead_used,
                                          session->read_ahead_len - session->read_ahead_used, &used, out, size, len);
    session->read_ahead_used += used;
    return result == BODY_BAD ? ERROR_INVALID_DATA : 0;
}

/* Reads what the socket has. *len = 0 and 0: only framing bytes came, or the client has closed its side, or there is nothing now, which
 * sets *empty. */
static DWORD read_socket(struct host_session *session, char *out, size_t size, size_t *len, bool *empty)
{
    char peeked[PEEK_SIZE];
    bool chunked = session->body.kind == BODY_CHUNKED;
    char *to = chunked ? peeked : out;
    size_t most = chunked ? sizeof peeked : session->body.left < size ? (size_t)session->body.left : size;
    int got = recv(session->socket, to, most > 0x40000000 ? 0x40000000 : (int)most, chunked ? MSG_PEEK : 0);
    *len = 0;
    *empty = got < 0 && WSAGetLastError() == WSAEWOULDBLOCK;
    if (got < 0)
        return *empty ? 0 : lost(session);
    if (got == 0) {
        session->read_closed = true;
        return 0;
    }
    size_t used = 0;
    enum body_result result = body_decode(&session->body, to, (size_t)got, &used, out, size, len);
    if (chunked && used > 0 && recv(session->socket, peeked, (int)used, 0) != (int)used)
        return lost(session);
    return result == BODY_BAD ? ERROR_INVALID_DATA : 0;
}

/* Waits until there is something to read. */
static DWORD wait_readable(struct host_session *session, const volatile LONG *cancel)
{
    DWORD start = GetTickCount();
    while (!session_wait_is_over(session, cancel)) {
        int ready = socket_wait(session->socket, FD_READ, SESSION_SLICE_MS);
        if (ready > 0)
            return 0;
        if (ready < 0)
            return lost(session);
        if (GetTickCount() - start >= session->options->timeout_s * 1000)
            return ERROR_SEM_TIMEOUT;
    }
    return ERROR_OPERATION_ABORTED;
}

static void send_continue(struct host_session *session)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    EnterCriticalSection(&session->send_lock);
    if (!session->head_built && !session->raw_sent)
        send(session->socket, text, (int)strlen(text), 0);
    LeaveCriticalSection(&session->send_lock);
}

DWORD session_read(struct host_session *session, char *out, size_t size, enum session_wait wait, const volatile LONG *cancel,
                   size_t *len)
{
    DWORD error = 0;
    *len = 0;
    while (error == 0 && *len == 0 && size > 0 && !session->gone && !session->read_closed && !body_is_at_end(&session->body)) {
        if (session->read_ahead_used < session->read_ahead_len) {
            error = read_buffered(session, out, size, len);
            session->expects_continue = false;
            continue;
        }
        bool empty = false;
        if (session->expects_continue && wait == SESSION_WAIT) {
            send_continue(session);
            session->expects_continue = false;
        }
        error = read_socket(session, out, size, len, &empty);
        if (empty && wait == SESSION_NOWAIT)
            break;
        if (empty)
            error = wait_readable(session, cancel);
    }
    if (error == ERROR_INVALID_DATA)
        session->close = true;
    return error;
}

bool session_is_connected(struct host_session *session)
{
    char byte;
    if (session->gone)
        return false;
    int got = recv(session->socket, &byte, 1, MSG_PEEK);
    if (got > 0 || (got < 0 && WSAGetLastError() == WSAEWOULDBLOCK))
        return true;
    if (got < 0)
        InterlockedExchange(&session->gone, 1);
    return false; /* closed on its side: that is what browsers do when they go; it may still be able to read */
}
