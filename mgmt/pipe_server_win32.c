/* pipe_server: see pipe_server.h. One thread and one completion port. Each client has at most one read and one write under way; a read
 * nearly always, so that a client that leaves is noticed at once. What belongs to an operation is used again only when its completion
 * has been taken from the port: `CLOSING` waits for that, and so does the end. As one thread begins all operations, CancelIo
 * ends them all, on XP, too. Nothing else blocks: DisconnectNamedPipe does not, FlushFileBuffers would and is not used; so that a
 * last reply is not lost, LEAVING gives the client time to take it and to go. */
#include "mgmt/pipe_server.h"

#include <stdlib.h>
#include <string.h>

#include "mgmt/account_win32.h"
#include "mgmt/pipe_instances_win32.h"

enum {
    READ_LEN = 16 * 1024,
    REPLY_LIMIT = MGMT_MAX_REPLY_LEN + 4096,
    KEPT_REPLY_LEN = 64 * 1024,   /* memory for a longer one is given back */
    POLL_MS = 100,                /* for a handler that waits */
    REST_MS = 100,                /* of an instance that the system would not let listen */
    DRAIN_LEN = 16 * 1024 * 1024, /* of what is sent after a line that is too long */
    MAX_PAUSE_MS = 60000,
};

enum client_state {
    RESTING,   /* listens from rest_until_ms on */
    LISTENING, /* the read is a ConnectNamedPipe */
    OPEN,
    LEAVING, /* has its last reply, or is getting it; what it sends is dropped */
    CLOSING, /* until nothing is under way */
};

enum key { KEY_CLIENT, KEY_WAKE, KEY_STOP };

struct client {
    HANDLE pipe;
    OVERLAPPED read, write;
    bool reading, writing; /* under way */
    enum client_state state;
    bool identified; /* `peer` is known */
    bool waiting;    /* for the handler's poll */
    uint64_t rest_until_ms;
    uint64_t since_ms;      /* OPEN: of the last sign of life; LEAVING */
    uint64_t line_since_ms; /* of the line that is not whole */
    uint64_t write_since_ms;
    uint64_t poll_ms;
    size_t drained;
    struct mgmt_peer peer;
    struct buffer out;
    void *wait;
    size_t len; /* in `line` */
    char line[MGMT_MAX_LINE_LEN + 2 + READ_LEN];
    char in[READ_LEN]; /* the read's: `line` moves while it is under way */
};

struct mgmt_pipe_server {
    struct mgmt_pipe_config config;
    struct rights rights;
    struct account_cache accounts;
    HANDLE port, thread, started;
    DWORD error; /* of the start */
    volatile LONG waking;
    bool broken; /* the thread cannot go on */
    DWORD last_tick;
    uint64_t now_ms;
    struct client clients[MGMT_MAX_CLIENTS];
};

static void alarm_of(struct mgmt_pipe_server *server, const char *what, DWORD error)
{
    if (server->config.alarm)
        server->config.alarm(server->config.context, what, error);
}

static void update_now(struct mgmt_pipe_server *server)
{
    DWORD tick = GetTickCount(); /* wraps after 49 days */
    server->now_ms += (DWORD)(tick - server->last_tick);
    server->last_tick = tick;
}

/* ---- begin and end of a client ---- */

/* What was under way has ended: the instance is free again. */
static void settle(struct mgmt_pipe_server *server, struct client *client)
{
    if (client->reading || client->writing)
        return;
    buffer_release(&client->out);
    client->state = RESTING;
    client->rest_until_ms = server->now_ms;
}

static void close_client(struct mgmt_pipe_server *server, struct client *client)
{
    client->state = CLOSING;
    client->waiting = false;
    CancelIo(client->pipe);
    DisconnectNamedPipe(client->pipe);
    settle(server, client);
}

/* A read may bring as much as fits into `in`. */
static bool has_room(const struct client *client)
{
    return sizeof client->line - client->len >= sizeof client->in;
}

static void begin_read(struct mgmt_pipe_server *server, struct client *client)
{
    if (client->reading || !has_room(client))
        return;
    ZeroMemory(&client->read, sizeof client->read);
    if (ReadFile(client->pipe, client->in, sizeof client->in, NULL, &client->read) || GetLastError() == ERROR_IO_PENDING)
        client->reading = true;
    else
        close_client(server, client);
}

static void open_client(struct mgmt_pipe_server *server, struct client *client)
{
    client->state = OPEN;
    client->identified = client->waiting = false;
    client->len = 0;
    client->since_ms = server->now_ms;
    ZeroMemory(&client->peer, sizeof client->peer);
    begin_read(server, client);
}

static void begin_listening(struct mgmt_pipe_server *server, struct client *client)
{
    ZeroMemory(&client->read, sizeof client->read);
    client->state = LISTENING;
    if (ConnectNamedPipe(client->pipe, &client->read) || GetLastError() == ERROR_IO_PENDING) {
        client->reading = true;
        return;
    }
    DWORD error = GetLastError();
    if (error == ERROR_PIPE_CONNECTED) { /* came before we asked */
        open_client(server, client);
        return;
    }
    DisconnectNamedPipe(client->pipe); /* ERROR_NO_DATA: it came, and has gone */
    client->state = RESTING;
    client->rest_until_ms = server->now_ms + (error == ERROR_NO_DATA ? 0 : REST_MS);
}

/* ---- who it is ---- */

/* After its first line: before that the system would not tell. false: this thread is no longer to be trusted. */
static bool identify(struct mgmt_pipe_server *server, struct client *client)
{
    const struct mgmt_caller_source *source = server->config.caller_source;
    HANDLE token = NULL;
    client->identified = true;
    DWORD error = source->token(source->context, client->pipe, &token);
    if (rights_impersonating()) {
        if (!error)
            CloseHandle(token);
        server->broken = true;
        alarm_of(server, "the thread of the management pipe cannot give back a client's identity; the pipe ends", error);
        return false;
    }
    if (error)
        return true;
    rights_check(&server->rights, token, &client->peer.may_query, &client->peer.may_operate);
    if (client->peer.may_query)
        account_name(&server->accounts, token, server->now_ms, client->peer.account);
    CloseHandle(token);
    return true;
}

/* ---- replies ---- */

static void begin_write(struct mgmt_pipe_server *server, struct client *client, struct bytes reply)
{
    ZeroMemory(&client->write, sizeof client->write);
    client->write_since_ms = server->now_ms;
    if (WriteFile(client->pipe, reply.ptr, (DWORD)reply.len, NULL, &client->write) || GetLastError() == ERROR_IO_PENDING)
        client->writing = true;
    else
        close_client(server, client);
}

static void begin_leaving(struct mgmt_pipe_server *server, struct client *client)
{
    client->state = LEAVING;
    client->since_ms = server->now_ms;
    client->len = client->drained = 0;
}

static void refuse(struct mgmt_pipe_server *server, struct client *client, enum mgmt_error code)
{
    struct bytes reply = server->config.refuse(server->config.context, code, &client->out);
    if (reply.len == 0) {
        close_client(server, client);
        return;
    }
    begin_leaving(server, client);
    begin_write(server, client, reply);
}

static void reply_to(struct mgmt_pipe_server *server, struct client *client, struct bytes reply)
{
    client->waiting = reply.len == 0;
    client->poll_ms = server->now_ms + POLL_MS;
    if (client->waiting)
        return;
    if (!client->peer.may_query)
        begin_leaving(server, client);
    begin_write(server, client, reply);
}

static void ask_again(struct mgmt_pipe_server *server, struct client *client)
{
    reply_to(server, client, server->config.poll(server->config.context, server->now_ms, &client->out, client->wait));
}

/* ---- lines ---- */

/* `len`: without its LF, which is there. */
static void take_line(struct mgmt_pipe_server *server, struct client *client, size_t len)
{
    size_t rest = client->len - (len + 1);
    struct bytes line = bytes_of(client->line, len);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len > MGMT_MAX_LINE_LEN) {
        refuse(server, client, MGMT_ERROR_LINE_TOO_LONG);
        return;
    }
    if (!client->identified && !identify(server, client))
        return;
    memset(client->wait, 0, server->config.wait_len);
    struct bytes reply =
        server->config.handle(server->config.context, &client->peer, line, server->now_ms, &client->out, client->wait);
    memmove(client->line, client->line + len + 1, rest);
    client->len = rest;
    client->line_since_ms = server->now_ms;
    reply_to(server, client, reply);
}

/* The next thing that can be done for an open client. */
static void advance(struct mgmt_pipe_server *server, struct client *client)
{
    if (!client->writing && !client->waiting) {
        const char *end = memchr(client->line, '\n', client->len);
        bool whole_but_lf = client->len == MGMT_MAX_LINE_LEN + 1 && client->line[MGMT_MAX_LINE_LEN] == '\r';
        if (end)
            take_line(server, client, (size_t)(end - client->line));
        else if (client->len > MGMT_MAX_LINE_LEN && !whole_but_lf)
            refuse(server, client, MGMT_ERROR_LINE_TOO_LONG);
    }
    /* one that sends that much while it waits could leave unnoticed */
    if (client->state == OPEN && client->waiting && !has_room(client))
        close_client(server, client);
    if (client->state == OPEN || client->state == LEAVING)
        begin_read(server, client);
}

static void on_read(struct mgmt_pipe_server *server, struct client *client, DWORD len, DWORD error)
{
    client->reading = false;
    switch (client->state) {
    case RESTING: break;
    case LISTENING:
        if (error) {
            DisconnectNamedPipe(client->pipe);
            client->state = RESTING;
            client->rest_until_ms = server->now_ms + REST_MS;
        } else
            open_client(server, client);
        break;
    case OPEN:
        if (error) {
            close_client(server, client);
            break;
        }
        if (client->len == 0)
            client->line_since_ms = server->now_ms;
        memcpy(client->line + client->len, client->in, len);
        client->len += len;
        client->since_ms = server->now_ms;
        advance(server, client);
        break;
    case LEAVING:
        client->drained += len;
        if (error || client->drained > DRAIN_LEN)
            close_client(server, client);
        else
            begin_read(server, client);
        break;
    case CLOSING: settle(server, client); break;
    }
}

static void on_written(struct mgmt_pipe_server *server, struct client *client, DWORD error)
{
    client->writing = false;
    if (client->state == CLOSING) {
        settle(server, client);
        return;
    }
    if (error) {
        close_client(server, client);
        return;
    }
    client->since_ms = client->line_since_ms = server->now_ms;
    if (client->out.capacity > KEPT_REPLY_LEN)
        buffer_release(&client->out);
    else
        buffer_clear(&client->out);
    if (client->state == OPEN)
        advance(server, client);
}

/* ---- time ---- */

static bool is_idle(const struct client *client)
{
    return client->state == OPEN && !client->writing && !client->waiting && client->len == 0;
}

/* All instances are taken: the one that is the first to make room. NULL: there are others, or nobody is idle. */
static const struct client *first_to_go(const struct mgmt_pipe_server *server)
{
    const struct client *longest = NULL;
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        const struct client *client = &server->clients[i];
        if (client->state != OPEN && client->state != LEAVING)
            return NULL;
        if (is_idle(client) && (!longest || client->since_ms < longest->since_ms))
            longest = client;
    }
    return longest;
}

static uint64_t deadline(const struct mgmt_pipe_server *server, const struct client *client, bool must_go)
{
    uint64_t line_ms = server->config.line_ms;
    if (client->state == RESTING)
        return client->rest_until_ms;
    if (client->state == LEAVING)
        return client->since_ms + line_ms;
    if (client->state != OPEN)
        return UINT64_MAX;
    if (client->writing)
        return client->write_since_ms + line_ms;
    if (client->waiting)
        return client->poll_ms;
    if (client->len > 0)
        return client->line_since_ms + line_ms;
    return client->since_ms + (must_go ? line_ms : server->config.idle_ms);
}

static void on_deadline(struct mgmt_pipe_server *server, struct client *client)
{
    if (client->state == RESTING)
        begin_listening(server, client);
    else if (client->state == OPEN && client->waiting)
        ask_again(server, client);
    else if (client->state == OPEN && client->len > 0 && !client->writing)
        refuse(server, client, MGMT_ERROR_TIMEOUT);
    else
        close_client(server, client);
}

/* Does what is due. -> how long there is nothing else to do. */
static DWORD tend(struct mgmt_pipe_server *server)
{
    uint64_t next = server->now_ms + MAX_PAUSE_MS;
    bool acted = false;
    const struct client *going = first_to_go(server);
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        struct client *client = &server->clients[i];
        if (server->now_ms >= deadline(server, client, client == going)) {
            on_deadline(server, client);
            acted = true;
        }
        uint64_t due = deadline(server, client, client == going);
        if (due < next)
            next = due;
    }
    return acted ? 0 : (DWORD)(next - server->now_ms); /* what has been done may have changed who must go */
}

/* ---- the thread ---- */

static void on_completion(struct mgmt_pipe_server *server, OVERLAPPED *overlapped, DWORD len, DWORD error)
{
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        struct client *client = &server->clients[i];
        if (overlapped == &client->read)
            on_read(server, client, len, error);
        else if (overlapped == &client->write)
            on_written(server, client, error);
    }
}

static void poll_all(struct mgmt_pipe_server *server)
{
    InterlockedExchange(&server->waking, 0);
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++)
        if (server->clients[i].state == OPEN && server->clients[i].waiting)
            ask_again(server, &server->clients[i]);
}

static void serve(struct mgmt_pipe_server *server)
{
    while (!server->broken) {
        DWORD len = 0;
        ULONG_PTR key = KEY_CLIENT;
        OVERLAPPED *overlapped = NULL;
        BOOL ok = GetQueuedCompletionStatus(server->port, &len, &key, &overlapped, tend(server));
        DWORD error = ok ? 0 : GetLastError();
        update_now(server);
        if (overlapped)
            on_completion(server, overlapped, len, error);
        else if (ok && key == KEY_WAKE)
            poll_all(server);
        else if (ok && key == KEY_STOP)
            return;
        else if (error != WAIT_TIMEOUT) {
            alarm_of(server, "the management pipe cannot go on", error);
            return;
        }
    }
}

/* Disconnected as well as closed: a client that stays would keep the pipe alive, and its name taken. */
static void close_instances(struct mgmt_pipe_server *server)
{
    unsigned pending = 0;
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        CancelIo(server->clients[i].pipe);
        pending += server->clients[i].reading;
        pending += server->clients[i].writing;
    }
    while (pending > 0) {
        DWORD len;
        ULONG_PTR key;
        OVERLAPPED *overlapped = NULL;
        if (!GetQueuedCompletionStatus(server->port, &len, &key, &overlapped, INFINITE) && !overlapped)
            break;
        pending -= overlapped != NULL;
    }
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        DisconnectNamedPipe(server->clients[i].pipe);
        CloseHandle(server->clients[i].pipe);
    }
}

static DWORD open_instances(struct mgmt_pipe_server *server, const char **what)
{
    HANDLE pipes[MGMT_MAX_CLIENTS];
    DWORD error = pipe_instances_open(pipes, &server->rights, what);
    if (error)
        return error;
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++)
        if (!error && !CreateIoCompletionPort(pipes[i], server->port, KEY_CLIENT, 0))
            error = GetLastError();
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        server->clients[i].pipe = pipes[i];
        if (error)
            CloseHandle(pipes[i]);
    }
    return error;
}

/* The instances are made here, too: whom the caller of mgmt_pipe_start impersonates does not matter. */
static DWORD WINAPI run(void *context)
{
    struct mgmt_pipe_server *server = context;
    const char *what = "";
    server->last_tick = GetTickCount();
    server->error = open_instances(server, &what);
    if (server->error)
        alarm_of(server, what, server->error);
    bool serves = server->error == 0;
    SetEvent(server->started);
    if (!serves)
        return 0;
    serve(server);
    close_instances(server);
    return 0;
}

/* ---- start and stop ---- */

static void destroy(struct mgmt_pipe_server *server)
{
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        buffer_deinit(&server->clients[i].out);
        free(server->clients[i].wait);
    }
    if (server->thread)
        CloseHandle(server->thread);
    if (server->started)
        CloseHandle(server->started);
    if (server->port)
        CloseHandle(server->port);
    rights_close(&server->rights);
    free(server);
}

static struct mgmt_pipe_server *create(const struct mgmt_pipe_config *config)
{
    struct mgmt_pipe_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    bool complete = true;
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        buffer_init(&server->clients[i].out, REPLY_LIMIT);
        server->clients[i].wait = calloc(1, config->wait_len + 1);
        complete = complete && server->clients[i].wait;
    }
    if (!complete) {
        destroy(server);
        return NULL;
    }
    server->config = *config;
    server->config.query_sddl = server->config.operate_sddl = NULL;
    if (!server->config.caller_source)
        server->config.caller_source = &rights_client_of_pipe;
    if (!server->config.line_ms)
        server->config.line_ms = MGMT_LINE_MS;
    if (!server->config.idle_ms)
        server->config.idle_ms = MGMT_IDLE_MS;
    return server;
}

bool mgmt_pipe_start(const struct mgmt_pipe_config *config, struct mgmt_pipe_server **result, uint32_t *win32_error)
{
    struct mgmt_pipe_server *server = create(config);
    const char *what = "the access lists of the management pipe cannot be used";
    DWORD error = server ? rights_open(&server->rights, config->query_sddl, config->operate_sddl) : ERROR_OUTOFMEMORY;
    if (error)
        goto fail;
    what = "the management pipe cannot be served";
    server->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    server->started = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (server->port && server->started)
        server->thread = CreateThread(NULL, 0, run, server, 0, NULL);
    if (!server->thread) {
        error = GetLastError();
        goto fail;
    }
    WaitForSingleObject(server->started, INFINITE);
    if (!server->error) {
        *result = server;
        return true;
    }
    WaitForSingleObject(server->thread, INFINITE);
    *win32_error = server->error;
    destroy(server);
    return false;
fail:
    if (config->alarm)
        config->alarm(config->context, what, error);
    if (server)
        destroy(server);
    *win32_error = error;
    return false;
}

bool mgmt_pipe_serves(const struct mgmt_pipe_server *server)
{
    return WaitForSingleObject(server->thread, 0) == WAIT_TIMEOUT;
}

bool mgmt_pipe_may_have(const char *query_sddl, const char *operate_sddl, uint32_t *win32_error)
{
    struct rights rights = {0};
    DWORD error = rights_open(&rights, query_sddl, operate_sddl);
    rights_close(&rights);
    *win32_error = error;
    return error == 0;
}

void mgmt_pipe_stop(struct mgmt_pipe_server *server)
{
    if (!server)
        return;
    while (!PostQueuedCompletionStatus(server->port, 0, KEY_STOP, NULL))
        Sleep(1); /* no memory: the thread could not be told */
    WaitForSingleObject(server->thread, INFINITE);
    destroy(server);
}

void mgmt_pipe_wake(struct mgmt_pipe_server *server)
{
    if (InterlockedExchange(&server->waking, 1) == 0 && !PostQueuedCompletionStatus(server->port, 0, KEY_WAKE, NULL))
        InterlockedExchange(&server->waking, 0); /* POLL_MS does it */
}
