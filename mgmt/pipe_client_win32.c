/* pipe_client: see pipe_client.h. Overlapped, as a call must end in time whatever the host does. What is under way is always ended and
 * waited for before a function returns. */
#include "mgmt/pipe_client.h"

#include <stdlib.h>
#include <string.h>

#include "mgmt/pipe_instances_win32.h"

enum { REPLY_LIMIT = MGMT_MAX_REPLY_LEN + 4096, READ_LEN = 16 * 1024, PAUSE_MS = 10 };

struct mgmt_client {
    HANDLE pipe;
    HANDLE done; /* an event */
    DWORD error; /* after this nothing works any more */
    struct buffer in;
};

/* What is left of `timeout_ms`, counted from `since`. */
static DWORD left_of(DWORD since, unsigned timeout_ms)
{
    DWORD gone = GetTickCount() - since;
    return gone < timeout_ms ? timeout_ms - gone : 0;
}

/* ---- open ---- */

/* Does process `pid` serve this pipe? Where the system cannot tell (before Vista) its word is taken. */
static bool is_served_by(HANDLE pipe, uint32_t pid)
{
    typedef BOOL(WINAPI * server_of)(HANDLE pipe, ULONG * pid);
    server_of query = (server_of)(void *)GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "GetNamedPipeServerProcessId");
    ULONG found = 0;
    return !query || (query(pipe, &found) && found == pid);
}

static enum mgmt_connect outcome_of(DWORD error)
{
    switch (error) {
    case 0: return MGMT_CONNECT_OK;
    case ERROR_FILE_NOT_FOUND: return MGMT_CONNECT_NO_HOST;
    case ERROR_ACCESS_DENIED: return MGMT_CONNECT_DENIED;
    case ERROR_PIPE_BUSY:
    case ERROR_SEM_TIMEOUT: return MGMT_CONNECT_BUSY;
    default: return MGMT_CONNECT_FAILED;
    }
}

static DWORD open_pipe(uint32_t pid, unsigned timeout_ms, HANDLE *pipe)
{
    WCHAR name[PIPE_NAME_LEN];
    DWORD since = GetTickCount();
    pipe_name(name, pid);
    for (;;) {
        *pipe = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
        DWORD error = *pipe == INVALID_HANDLE_VALUE ? GetLastError() : 0;
        DWORD left = left_of(since, timeout_ms);
        if (error != ERROR_PIPE_BUSY || left == 0)
            return error;
        /* Then round again, whatever it says: somebody else may have taken the free instance, and when the server ends meanwhile not
         * every system has the same word for it. (0 would mean the server's own default.) */
        if (!WaitNamedPipeW(name, left) && GetLastError() != ERROR_SEM_TIMEOUT)
            Sleep(PAUSE_MS);
    }
}

enum mgmt_connect mgmt_client_open(uint32_t pid, unsigned timeout_ms, struct mgmt_client **result, uint32_t *win32_error)
{
    struct mgmt_client *client = calloc(1, sizeof *client);
    enum mgmt_connect outcome = MGMT_CONNECT_FAILED;
    DWORD error = ERROR_OUTOFMEMORY;
    if (!client)
        goto report;
    buffer_init(&client->in, REPLY_LIMIT);
    client->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!client->done) {
        error = GetLastError();
        goto free_client;
    }
    error = open_pipe(pid, timeout_ms, &client->pipe);
    outcome = outcome_of(error);
    if (outcome != MGMT_CONNECT_OK)
        goto close_event;
    if (is_served_by(client->pipe, pid)) {
        *result = client;
        return MGMT_CONNECT_OK;
    }
    outcome = MGMT_CONNECT_NOT_OURS;
    error = ERROR_INVALID_OWNER;
    CloseHandle(client->pipe);
close_event:
    CloseHandle(client->done);
free_client:
    free(client);
report:
    *win32_error = error;
    return outcome;
}

void mgmt_client_close(struct mgmt_client *client)
{
    if (!client)
        return;
    CloseHandle(client->pipe);
    CloseHandle(client->done);
    buffer_deinit(&client->in);
    free(client);
}

/* ---- call ---- */

/* The end of what has been begun with `ok`, within the time. */
static DWORD finish(struct mgmt_client *client, OVERLAPPED *overlapped, BOOL ok, DWORD left_ms, DWORD *len)
{
    if (!ok && GetLastError() != ERROR_IO_PENDING)
        return GetLastError();
    bool late = WaitForSingleObject(client->done, left_ms) != WAIT_OBJECT_0;
    if (late)
        CancelIo(client->pipe);
    if (GetOverlappedResult(client->pipe, overlapped, len, TRUE))
        return 0; /* perhaps at the last moment */
    return late ? ERROR_TIMEOUT : GetLastError();
}

static OVERLAPPED begin(struct mgmt_client *client)
{
    OVERLAPPED overlapped;
    ZeroMemory(&overlapped, sizeof overlapped);
    overlapped.hEvent = client->done;
    return overlapped;
}

static DWORD send_line(struct mgmt_client *client, const char *line, DWORD since, unsigned timeout_ms)
{
    size_t len = strlen(line);
    char *text = len < MAXLONG && !memchr(line, '\n', len) ? malloc(len + 1) : NULL;
    if (!text)
        return memchr(line, '\n', len) ? ERROR_INVALID_PARAMETER : ERROR_OUTOFMEMORY;
    memcpy(text, line, len);
    text[len] = '\n';
    OVERLAPPED overlapped = begin(client);
    DWORD sent = 0;
    BOOL ok = WriteFile(client->pipe, text, (DWORD)len + 1, NULL, &overlapped);
    DWORD error = finish(client, &overlapped, ok, left_of(since, timeout_ms), &sent);
    if (!error && sent != len + 1)
        error = ERROR_WRITE_FAULT;
    free(text);
    return error;
}

/* Reads until `in` holds a line; *len: of it, without LF. */
static DWORD receive_line(struct mgmt_client *client, DWORD since, unsigned timeout_ms, size_t *len)
{
    for (size_t searched = 0;;) {
        struct bytes in = buffer_peek(&client->in);
        const uint8_t *end = in.len > searched ? memchr(in.ptr + searched, '\n', in.len - searched) : NULL;
        if (end) {
            *len = (size_t)(end - in.ptr);
            return 0;
        }
        searched = in.len;
        if (buffer_room(&client->in) < READ_LEN)
            return ERROR_INVALID_DATA; /* no host sends that much */
        uint8_t *room = buffer_reserve(&client->in, READ_LEN);
        if (!room)
            return ERROR_OUTOFMEMORY;
        OVERLAPPED overlapped = begin(client);
        DWORD got = 0;
        BOOL ok = ReadFile(client->pipe, room, READ_LEN, NULL, &overlapped);
        DWORD error = finish(client, &overlapped, ok, left_of(since, timeout_ms), &got);
        if (error)
            return error;
        buffer_commit(&client->in, got);
    }
}

bool mgmt_client_call(struct mgmt_client *client, const char *line, unsigned timeout_ms, char **reply_line,
                      uint32_t *win32_error)
{
    DWORD since = GetTickCount();
    size_t len = 0;
    if (!client->error)
        client->error = send_line(client, line, since, timeout_ms);
    if (!client->error)
        client->error = receive_line(client, since, timeout_ms, &len);
    char *reply = client->error ? NULL : malloc(len + 1);
    if (!client->error && !reply)
        client->error = ERROR_OUTOFMEMORY;
    if (client->error) {
        *win32_error = client->error;
        return false;
    }
    memcpy(reply, buffer_peek(&client->in).ptr, len);
    reply[len] = '\0';
    buffer_consume(&client->in, len + 1);
    *reply_line = reply;
    return true;
}
