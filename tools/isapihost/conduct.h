/* The rules of ISAPI that an extension has to keep for one request, as a small state machine. Pure; the caller holds the request's
 * lock. What --strict reports is decided here and in response_head. */
#ifndef ISAPIHOST_CONDUCT_H
#define ISAPIHOST_CONDUCT_H

#include <stdbool.h>

enum conduct_event {
    CONDUCT_SET_COMPLETION, /* HSE_REQ_IO_COMPLETION */
    CONDUCT_ASYNC_BEGIN,    /* an operation that will complete by the callback */
    CONDUCT_ASYNC_END,      /* its callback is about to be called */
    CONDUCT_SYNC_IO,        /* ReadClient, WriteClient and the like, synchronously: it begins */
    CONDUCT_SYNC_END,
    CONDUCT_HEAD,   /* the response's status and headers */
    CONDUCT_BODY,   /* bytes of the body */
    CONDUCT_CALL,   /* any other call */
    CONDUCT_DONE,   /* DONE_WITH_SESSION */
    CONDUCT_RETURN, /* HttpExtensionProc returned something other than PENDING */
};

struct conduct {
    bool has_completion;
    bool async_outstanding;
    bool sync_outstanding; /* on another thread */
    bool head_sent;
    bool done;
};

/* Returns NULL and notes the event, or returns the breach, as a clause without line end, and leaves the state as it was. */
const char *conduct_note(struct conduct *conduct, enum conduct_event event);

#endif
