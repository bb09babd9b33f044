/* pipe_server: the host's end of the management pipe: one thread serves up to MGMT_MAX_CLIENTS clients, line by line.
 *
 * What a line means is the handler's affair (mgmt/rpc has functions of these shapes). The server sees to the rest: limits of length and
 * time, who the client is, and that no client holds up another or the end: it never waits for one of them.
 *
 * The name. The first instance must be ours. All instances are made at once and used again and again; then the right to make more is
 * taken out of the access list, so nobody can ever answer in our place.
 *
 * The access list lets in whoever one of the two descriptors allows something, with just what reading and writing needs; entries that
 * deny are left out, because a list cannot express "denied one thing, allowed the other": what such a client may do is decided
 * for each client by AccessCheck. The owner (the account that the host runs under, and so its workers do) gets no right but to
 * read the list, not even to change it: a program that the host runs must not operate the host. Clients on other machines are refused.
 *
 * Time. A line must be whole MGMT_LINE_MS after its first byte, a reply taken in the same time; who asks nothing for MGMT_IDLE_MS is
 * disconnected. When all instances are taken, the client that has been idle the longest makes room, though not before MGMT_LINE_MS. A
 * client with no right at all is disconnected after its first reply. */
#ifndef MGMT_PIPE_SERVER_H
#define MGMT_PIPE_SERVER_H

#include "fcgiext/core/buffer.h"
#include "mgmt/protocol.h"

enum { MGMT_MAX_ACCOUNT_LEN = 511 };

/* Who asks. Operate implies query. */
struct mgmt_peer {
    bool may_query;
    bool may_operate;
    char account[MGMT_MAX_ACCOUNT_LEN +
                 1]; /* "DOMAIN\user", UTF-8; its SID where it has no name, or none that comes soon enough */
};

/* Whose token decides: replaced by tests. `token`: an impersonation token (a HANDLE) that the caller closes, open for TOKEN_QUERY.
 * 0, or a Win32 error: the client then has no rights. The thread must not impersonate any more when it returns. */
struct mgmt_caller_source {
    void *context;
    uint32_t (*token)(void *context, void *pipe, void **token);
};

struct mgmt_pipe_config {
    const char *query_sddl;   /* NULL or "": those of protocol.h. Entries of other types than allow and deny, */
    const char *operate_sddl; /* and such without GA, are refused: their meaning could only be guessed */

    /* Called by the server's thread, one at a time; they must not wait, as all clients would. */
    void *context;
    size_t wait_len; /* of each client's `wait`: memory of the handler's own, zeroed before `handle` */
    /* `line`: without LF, CR before it; at most MGMT_MAX_LINE_LEN. `out` is empty and may hold MGMT_MAX_REPLY_LEN and a little more. The
     * reply with its LF, in `out` or constant; empty: it comes from `poll`, and until then no other line of this client is handled.
     * A client that leaves meanwhile is forgotten with its `wait`. */
    struct bytes (*handle)(void *context, const struct mgmt_peer *peer, struct bytes line, uint64_t now_ms, struct buffer *out,
                           void *wait);
    /* A few times a second, and after mgmt_pipe_wake. Empty: not yet. */
    struct bytes (*poll)(void *context, uint64_t now_ms, struct buffer *out, void *wait);
    /* What a client is told that is disconnected: MGMT_ERROR_LINE_TOO_LONG, TIMEOUT. Empty: nothing. */
    struct bytes (*refuse)(void *context, enum mgmt_error code, struct buffer *out);
    /* Something that an administrator should see in the event log. May be NULL. Also called inside mgmt_pipe_start. */
    void (*alarm)(void *context, const char *what, uint32_t win32_error);

    const struct mgmt_caller_source *caller_source; /* NULL: the client of the pipe. Must live as long as the server */
    uint32_t line_ms, idle_ms;                      /* 0: MGMT_LINE_MS, MGMT_IDLE_MS */
};

struct mgmt_pipe_server;

/* Serves until mgmt_pipe_stop. The config is copied, what it points to is needed during the call only, but for context and source. false:
 * nothing is served, *win32_error says why, and the alarm has been called (the name taken: as any error; there is no other name). */
bool mgmt_pipe_start(const struct mgmt_pipe_config *config, struct mgmt_pipe_server **server, uint32_t *win32_error);

/* Ends everything, waits for the server's thread, and for nothing else; what a client has not read yet is lost, and the name is free
 * again, even while there are clients. NULL: nothing to do. */
void mgmt_pipe_stop(struct mgmt_pipe_server *server);

/* false: it has ended by itself, which the alarm has told. */
bool mgmt_pipe_serves(const struct mgmt_pipe_server *server);

/* Whether these can be a server's. false: *win32_error says why not. */
bool mgmt_pipe_may_have(const char *query_sddl, const char *operate_sddl, uint32_t *win32_error);

/* `poll` is called soon for each client that waits. From any thread. */
void mgmt_pipe_wake(struct mgmt_pipe_server *server);

#endif
