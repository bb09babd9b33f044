/* progress: waiting for the end of an operation of a host, showing how far it is: one line that changes on a terminal, a line for each
 * change elsewhere, nothing where JSON is wanted. */
#ifndef FCGICTL_PROGRESS_H
#define FCGICTL_PROGRESS_H

#include "tools/fcgictl/run.h"

/* What is said of an operation, by its kind. Never NULL. */
struct verb {
    const char *kind;   /* of the management interface */
    const char *doing;  /* "recycling" */
    const char *done;   /* "recycled" */
    const char *counts; /* what its numbers count: "workers replaced" */
};
const struct verb *progress_verb(const cJSON *operation);

/* "running", "done", ... of an OPERATION. */
bool progress_is_state(const cJSON *operation, const char *state);

/* Waits until *operation, which is replaced by newer ones (owned by the caller), runs no longer, and says the end; counts success or
 * failure. `name`: cleaned, of what is operated on. */
void progress_wait(struct run *run, const struct fcgictl_host *host, const char *name, cJSON **operation);

/* Says how an operation has ended, and counts it. `waited_s` < 0: not told. -> has it failed? */
void progress_report(struct run *run, const struct fcgictl_host *host, const char *name, const cJSON *operation,
                     double waited_s);

#endif
