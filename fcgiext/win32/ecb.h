/* ecb: the host's side of a request: server variables, reading and sending, the end. One asynchronous operation at a
 * time; its completion may come inside the call that began it, or before HttpExtensionProc has returned. */
#ifndef FCGIEXT_WIN32_ECB_H
#define FCGIEXT_WIN32_ECB_H

#include <winsock2.h>

#include <windows.h>

#include <httpext.h>

#include "fcgiext/core/buffer.h"

/* Called on a thread of the host's, or inside the call that began the operation. */
typedef void ecb_done(void *context, DWORD len, DWORD error);

struct ecb {
    EXTENSION_CONTROL_BLOCK *block;
    ecb_done *done;
    void *context;
    bool can_vector_send;
    bool no_async_read; /* the host has refused one */
    char *variable;     /* the last variable's value; owned */
    DWORD variable_capacity;
    struct buffer utf8;    /* the last one that was asked for as UTF-8 */
    bool variable_lost;    /* one is there, but it is too long, or there was no memory for it: what was told of it is wrong */
    DWORD calling;         /* the thread that is inside a call that begins an operation; 0: none; its caller sets it */
    bool completes_inside; /* such a call has seen its completion: the host waited for its client in it */
    HSE_VECTOR_ELEMENT element;
    HSE_RESPONSE_VECTOR vector;
    HSE_EXEC_URL_INFO hand_back;
};

/* Registers the completion callback. 0 or a Win32 error. */
DWORD ecb_init(struct ecb *ecb, EXTENSION_CONTROL_BLOCK *block, ecb_done *done, void *context);
void ecb_deinit(struct ecb *ecb);

/* false: the host does not have it. The value is NUL-terminated behind its end and holds until the next call. */
bool ecb_get_variable(struct ecb *ecb, const char *name, struct bytes *value);

/* The same as UTF-8: from the host's UNICODE_ variable, which IIS 6 and later have, else from the ANSI one, in which characters
 * that the code page lacks have already been lost. */
bool ecb_get_variable_utf8(struct ecb *ecb, const char *name, struct bytes *value);

/* Begin: 0 means that `done` is called, with what came of it; else it is not. */
DWORD ecb_read(struct ecb *ecb, void *buffer, DWORD len); /* ERROR_NOT_SUPPORTED: the host wants ecb_read_now */

/* Reads at most *len bytes, for as long as the client takes: for threads that may wait. 0 or a Win32 error. */
DWORD ecb_read_now(struct ecb *ecb, void *buffer, DWORD *len);

/* Has a pending read end soon, where the host can (IIS 7 and later). Bytes may be lost. */
void ecb_cancel_read(struct ecb *ecb);

struct ecb_response {
    const char *status_line; /* NULL: the headers have been sent */
    const char *headers;     /* lines, blank line, NUL */
    unsigned status;
    struct bytes body; /* stays until `done` */
    bool final;
    bool keep_alive;
};
DWORD ecb_send(struct ecb *ecb, const struct ecb_response *response);

/* true also when the host cannot tell. */
bool ecb_is_connected(struct ecb *ecb);

/* Tells the host that this process should be replaced, for the reason given; IIS 5.1 and others take no notice. */
void ecb_report_unhealthy(struct ecb *ecb, const char *reason);

/* Closes the client's connection, so that a pending operation completes. */
void ecb_close_connection(struct ecb *ecb);

/* The token of the request's user. It stays the host's and holds as long as the session. 0 or a Win32 error. */
DWORD ecb_get_token(struct ecb *ecb, HANDLE *token);

/* Begins: the host answers the request itself, as if the * map were not there, and then calls `done`. An error: it does not. */
DWORD ecb_hand_back(struct ecb *ecb);
/* After `done` with an error: has the client been answered all the same? */
bool ecb_is_answered(struct ecb *ecb);

/* The end of the session with one of HSE_STATUS_SUCCESS, _SUCCESS_AND_KEEP_CONN, _ERROR; the ECB must not be touched afterwards. */
void ecb_finish(struct ecb *ecb, DWORD status);

#endif
