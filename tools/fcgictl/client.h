/* client: one call of a method at one host, and what its failure means to the user: an exit code, a message, a hint. */
#ifndef FCGICTL_CLIENT_H
#define FCGICTL_CLIENT_H

#include <cjson/cJSON.h>

#include "tools/fcgictl/fcgictl.h"

struct reply {
    cJSON *document;   /* owned; NULL without one */
    cJSON *result;     /* in it; NULL: it has failed, and what follows says how */
    int exit_code;     /* enum fcgictl_exit */
    char reason[64];   /* as the host names it, or "cannot_connect", "lost", "timed_out", "bad_reply" */
    char message[512]; /* cleaned, a sentence without its end */
    char hint[512];    /* the same; may be "" */
};

/* Takes `params` (NULL: none). A connection that the host has ended is made again, after a pause, unless the call may have changed
 * something. */
void client_call(const struct fcgictl_environment *environment, const struct fcgictl_host *host, const char *method,
                 cJSON *params, unsigned timeout_ms, struct reply *reply);
void client_free(struct reply *reply);

#endif
