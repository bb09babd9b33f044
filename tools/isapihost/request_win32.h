/* One call of the extension: the extension control block, the state behind it, its asynchronous operations.
 *
 * A request lives in a slot; slots are reused but never freed. ConnID is a cookie of slot and generation, so that a call after the end
 * is recognised and never reaches another request. The thread that owns the connection calls HttpExtensionProc and, on
 * HSE_STATUS_PENDING, stays until the request has ended; meanwhile it executes the asynchronous operations.
 *
 * Lock rule: lock guards everything marked so; no call into the extension and no wait on the client happens under it. */
#ifndef ISAPIHOST_REQUEST_WIN32_H
#define ISAPIHOST_REQUEST_WIN32_H

#include "tools/isapihost/conduct.h"
#include "tools/isapihost/options.h"
#include "tools/isapihost/route.h"
#include "tools/isapihost/server_vars.h"
#include "tools/isapihost/session_win32.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <windows.h>

#include <httpext.h>

enum { REQUEST_PATH_SIZE = SESSION_URL_SIZE + 1024, REQUEST_MAX_DEPTH = 8, REQUEST_LABEL_SIZE = 160 };

enum io_kind { IO_READ, IO_WRITE, IO_VECTOR, IO_TRANSMIT, IO_EXEC_URL, IO_ERROR_PAGE };

/* An operation, synchronous or not. What the extension gave by pointer is copied, but for the data itself. */
struct io_op {
    enum io_kind kind;
    void *buffer; /* IO_READ, IO_WRITE */
    DWORD len;
    DWORD flags;                  /* HSE_IO_... ; IO_EXEC_URL: HSE_EXEC_URL_... */
    HSE_VECTOR_ELEMENT *elements; /* heap */
    DWORD element_count;
    HSE_TF_INFO transmit;
    char *url;       /* heap; IO_EXEC_URL: path and query, or NULL for the same */
    char *method;    /* heap or NULL */
    unsigned status; /* IO_ERROR_PAGE */
    PFN_HSE_IO_COMPLETION completion;
    void *context;
};

enum op_state {
    OP_NONE,
    OP_QUEUED, /* for the connection's thread */
    OP_RUNNING,
};

struct host_request {
    unsigned index;
    struct host_request *next_free;
    CRITICAL_SECTION lock;
    HANDLE wake; /* auto reset: an operation for the connection's thread, or the end */

    struct host_session *session;
    struct host_request *parent; /* the one whose EXEC_URL this is */
    unsigned depth;
    struct route route;
    const char *path_info; /* in session->url */
    char path_translated[REQUEST_PATH_SIZE];
    char script_translated[REQUEST_PATH_SIZE];
    char app_folder[REQUEST_PATH_SIZE];
    char metabase_path[256];
    struct request_target target;
    struct var_source vars;

    EXTENSION_CONTROL_BLOCK *ecb;
    void *arena;
    size_t arena_size;
    uint64_t bytes_read; /* of the body, with the preloaded ones */

    char label[REQUEST_LABEL_SIZE]; /* "request 7 (GET /x)" */

    /* under lock */
    uintptr_t cookie; /* 0: nobody's */
    struct conduct conduct;
    unsigned inside; /* threads in a callback of this request or in an operation of it */
    bool returned;   /* HttpExtensionProc has */
    bool done;
    DWORD done_status;
    enum op_state op_state;
    struct io_op op;
    DWORD op_queued_ms;
    PFN_HSE_IO_COMPLETION completion;
    void *completion_context;
    bool hung_up; /* CLOSE_CONNECTION, or told to disconnect: an incomplete response is meant */

    volatile LONG cancel_read;
    bool token_given;   /* GET_IMPERSONATION_TOKEN */
    DWORD owner_thread; /* executes operations after HttpExtensionProc has returned */
    bool exec_done;     /* EXEC_URL has answered the request */
    bool exec_keep;
    HSE_EXEC_URL_STATUS exec_status;
};

/* To be called once, before any other function. */
void request_init(void);

/* Runs the extension for session as route says and returns when the request has ended. Returns whether the connection may be kept.
 * parent: the request whose EXEC_URL asks for it, or NULL. */
bool request_run(struct host_session *session, const struct route *route, struct host_request *parent);

/* The request of a cookie, with inside counted up, or NULL: ended or never there. call: what --strict then calls it. */
struct host_request *request_enter(HCONN cookie, const char *call);
void request_leave(struct host_request *request);

/* Starts an asynchronous operation; takes over what op points to. Sets the last error on FALSE. */
BOOL request_submit(struct host_request *request, const struct io_op *op);

/* DONE_WITH_SESSION. */
BOOL request_done(struct host_request *request, DWORD status);

/* Notes an event for --strict. False: a breach, which is the caller's ERROR_INVALID_PARAMETER when not strict. */
bool request_note(struct host_request *request, enum conduct_event event);

/* A breach: reported and fatal with --strict. */
void request_breach(struct host_request *request, const char *what);

/* A fault of the response found on the way (NULL: none). */
void request_fault(struct host_request *request, const char *fault);

/* Counters for the status command. */
unsigned request_count_in_flight(void);
extern volatile LONG request_unhealthy_reports;

/* ecb_win32.c: the callbacks. */
void ecb_init(struct host_request *request, EXTENSION_CONTROL_BLOCK *ecb);

/* ecb_send_win32.c: performs an operation; *done_bytes is what the completion reports. */
DWORD io_perform(struct host_request *request, struct io_op *op, DWORD *done_bytes);
void io_free(struct io_op *op);

/* arena_win32.c: memory of one ECB. With --strict it is made inaccessible after the end, and a touch is reported with label. */
bool arena_start_watch(void);
void *arena_open(size_t size);
void arena_close(void *arena, size_t size, const char *label);

#endif
