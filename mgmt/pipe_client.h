/* pipe_client: the other end of the management pipe: one request line, one reply line. One thread at a time uses a client. */
#ifndef MGMT_PIPE_CLIENT_H
#define MGMT_PIPE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "mgmt/protocol.h"

enum mgmt_connect {
    MGMT_CONNECT_OK,
    MGMT_CONNECT_NO_HOST,  /* no pipe of that process: it has ended, or has not loaded the extension, or does not serve one */
    MGMT_CONNECT_DENIED,   /* the pipe's access list does not let this user in */
    MGMT_CONNECT_NOT_OURS, /* the pipe has that name, but another process serves it: nothing has been sent to it */
    MGMT_CONNECT_BUSY,     /* all MGMT_MAX_CLIENTS instances were taken, for all of the time */
    MGMT_CONNECT_FAILED,   /* *win32_error says why */
};

struct mgmt_client;

/* Connects to the host with this process id; waits up to timeout_ms for a free instance. The server may learn who we are, and cannot
 * act in our name. On OK *client is to be closed; else *win32_error says more. */
enum mgmt_connect mgmt_client_open(uint32_t pid, unsigned timeout_ms, struct mgmt_client **client, uint32_t *win32_error);

/* Sends `line` (no LF in it) and waits for its reply: *reply_line, without its LF, to be freed; it may be anything but is not longer
 * than MGMT_MAX_REPLY_LEN and a little. false: *win32_error says why: ERROR_TIMEOUT (1460) after timeout_ms; the connection is of no
 * use any more then, and each further call fails. */
bool mgmt_client_call(struct mgmt_client *client, const char *line, unsigned timeout_ms, char **reply_line,
                      uint32_t *win32_error);

/* NULL: nothing to do. */
void mgmt_client_close(struct mgmt_client *client);

#endif
