/* One HTTP request on one client connection, whoever answers it: the extension, a static file, or, by EXEC_URL, one after the other.
 *
 * Errors are Win32 codes, 0 = ok. One thread at a time reads and one writes; the functions that send take send_lock.
 *
 * A response's head is held back until the first bytes of the body, so that both leave in one send; a head that waits longer than
 * SESSION_HOLD_MS is sent by the flusher thread. */
#ifndef ISAPIHOST_SESSION_WIN32_H
#define ISAPIHOST_SESSION_WIN32_H

#include "tools/isapihost/body_decoder.h"
#include "tools/isapihost/civet_win32.h"
#include "tools/isapihost/response_head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SESSION_HOLD_MS = 20, SESSION_MAX_BUFFERS = 32, SESSION_URL_SIZE = 8192 };

struct host_session {
    struct mg_connection *connection;
    SOCKET socket;
    unsigned number; /* of the request, since the start */
    const struct host_options *options;
    const struct host_site *site;
    struct request_facts facts;
    struct http_header headers[CIVET_MAX_HEADERS];
    char local_addr[64];
    char url[SESSION_URL_SIZE]; /* canonical path, UTF-8 */
    DWORD started_ms;

    struct body_decoder body;
    const char *read_ahead;
    size_t read_ahead_len;
    size_t read_ahead_used;
    bool expects_continue;
    bool read_closed; /* the client sends no more */

    CRITICAL_SECTION send_lock;
    struct response_request response_request;
    struct response_plan plan;
    bool head_built; /* a response has begun */
    bool raw_sent;   /* bytes went out without a head */
    bool swallow;    /* an error page of the host's has replaced the body: the extension's bytes go nowhere */
    char *head;
    size_t head_size;
    size_t head_len;
    volatile LONG head_held;
    DWORD held_since_ms;
    uint64_t bytes_sent;
    bool close;         /* do not keep the connection */
    volatile LONG gone; /* the client has gone, or we have hung up */
    bool reset;
    unsigned log_status; /* dwHttpStatusCode at the end; 0: no extension ran */
    char log_text[256];
};

/* Set once before the first session. */
extern const struct host_options *session_options;

/* All waits of sessions end now with ERROR_OPERATION_ABORTED. */
void session_abandon_all(void);

struct host_session *session_create(void);
void session_destroy(struct host_session *session);

bool session_start_flusher(void);
void session_stop_flusher(void);

/* Fills session from the connection. Returns 0, or the status of the error that is to be answered. */
unsigned session_begin(struct host_session *session, struct mg_connection *connection, const struct host_site *site);

/* Sends what is held, decides about the connection, hands it back to the server. keep: whoever answered says that the response is
 * complete and the connection may be kept. */
void session_end(struct host_session *session, bool keep);

/* Builds the response's head and holds it. *fault: see response_head_build. ERROR_INVALID_STATE if there was one already. */
DWORD session_head(struct host_session *session, const char *status, const char *headers, size_t headers_len, bool keep,
                   const char **fault);

/* Sends the head if it is held, then count buffers (at most SESSION_MAX_BUFFERS), all of it. */
DWORD session_send(struct host_session *session, const WSABUF *buffers, unsigned count, const char **fault);

DWORD session_flush(struct host_session *session);

/* A whole small response of the host's own. */
void session_error_page(struct host_session *session, unsigned status, const char *extra_headers, const char *text);

enum session_wait { SESSION_NOWAIT, SESSION_WAIT };

/* Reads up to size bytes of the request's body, at least one unless it is at its end or the client sends no more (*len = 0).
 * SESSION_NOWAIT: *len = 0 also if there is nothing at the moment. *cancel, if given, ends the wait when it becomes non-zero. */
DWORD session_read(struct host_session *session, char *out, size_t size, enum session_wait wait, const volatile LONG *cancel,
                   size_t *len);

/* Text for the access log, at most len bytes of it; ends at a NUL. */
void session_append_log(struct host_session *session, const char *text, size_t len);

/* Looks at the socket. */
bool session_is_connected(struct host_session *session);

/* Ends the connection: further reads and writes fail. */
void session_hang_up(struct host_session *session, bool reset);

#endif
