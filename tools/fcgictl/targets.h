/* targets: which pools, or which worker, at which hosts a command is meant for. */
#ifndef FCGICTL_TARGETS_H
#define FCGICTL_TARGETS_H

#include "tools/fcgictl/run.h"

struct target {
    const struct fcgictl_host *host;
    const cJSON *pool;   /* its POOL; NULL: the host itself is meant */
    const cJSON *worker; /* its WORKER; NULL: the whole pool */
    bool failed;         /* the operation on it has failed */
};

struct targets {
    struct target *items;
    size_t count;
    cJSON *pools; /* documents that the items point into */
    cJSON *workers;
};

enum targets_want { TARGETS_POOLS, TARGETS_WORKER, TARGETS_EITHER };

/* By the command's argument (POOL, a pattern, POOL/PID, POOL/#ID) or --all. Hosts that do not answer are reported and left out. false:
 * there is nothing to do it with; that has been said and counted. */
bool targets_find(struct run *run, enum targets_want want, struct targets *targets);
/* The hosts themselves. false: there is none; said and counted. */
bool targets_of_hosts(struct run *run, struct targets *targets);
void targets_deinit(struct targets *targets);

/* "php", "php/1234", with "host 77: " before it where there are several hosts; not cleaned. */
void targets_add_name(const struct run *run, const struct target *target, struct text *out);
const char *targets_pool_name(const struct target *target);

#endif
