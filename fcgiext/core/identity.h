/* identity: in whose name a thread acts for the time of one call, and for which pools that is the user of the request.
 *
 * A thread of the host may carry the token of whoever its request is for, and expects it back when our call returns. So every call
 * whose identity matters stands between identity_enter and identity_leave: the write of a request's bytes carries that request's
 * token; a pipe is opened, and a process started, as the host itself. What the thread had before comes back on every path, also when
 * the call in between fails. Nothing here falls through to another identity: if the thread cannot be given the one that is wanted, the
 * call is not made; if it cannot be given back the one it had, `stuck` ends the process, as nobody could say any more in whose name
 * the thread's next request would be carried out. */
#ifndef FCGIEXT_CORE_IDENTITY_H
#define FCGIEXT_CORE_IDENTITY_H

#include "fcgiext/core/config.h"

/* What the system does about the tokens of threads: replaced by tests. Each returns 0 or an error of the system's. */
struct identity_os {
    void *context;
    /* The token of the calling thread, to be given to `close`; NULL: it has none, and acts as the process. */
    uint32_t (*current)(void *context, void **token);
    /* The calling thread acts by this token from now on; NULL: as the process. An error: all is as before. */
    uint32_t (*set)(void *context, void *token);
    /* A copy that outlives `token`, which stays its owner's; to be given to `close`. */
    uint32_t (*duplicate)(void *context, void *token, void **copy);
    void (*close)(void *context, void *token);
    /* Ends the process. */
    void (*stuck)(void *context, uint32_t error);
};

struct identity_scope {
    void *before; /* a token of ours; NULL: the thread had none */
    bool changed;
};

/* token: an impersonation token, or NULL for the process itself. An error: the thread is as it was, and there is nothing to leave. */
uint32_t identity_enter(const struct identity_os *os, void *token, struct identity_scope *scope);
/* On the same thread. */
void identity_leave(const struct identity_os *os, struct identity_scope *scope);

/* Do this pool's processes get to know the user of a request? A TCP connection carries no identity. */
bool identity_is_users(const struct config_pool *pool);

#endif
