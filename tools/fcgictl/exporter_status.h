/* exporter_status: /status.json: what the management methods of all hosts give, as one document. docs/exporter.md describes it.
 *
 * Only members that the query right shows are passed on, by name: the exporter itself may have more rights than its clients. */
#ifndef FCGICTL_EXPORTER_STATUS_H
#define FCGICTL_EXPORTER_STATUS_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "tools/fcgictl/fcgictl.h"
#include "tools/fcgictl/text.h"

/* The methods that are asked of each host, in this order: all are of the query right. */
enum exporter_method {
    EXPORTER_STATUS,
    EXPORTER_REQUESTS,
    EXPORTER_EXITS,
    EXPORTER_METRICS,
    EXPORTER_METHODS,
};
extern const char *const exporter_methods[EXPORTER_METHODS];
enum { EXPORTER_MAX_REQUESTS = 200 }; /* of a host */

/* Has the host more to say to this method, and with which parameters (for the call, which takes them)? `result`: of the pages so far; NULL:
 * none yet. All pages of metrics are asked for, of the others the first. */
bool exporter_next_page(const cJSON *result, enum exporter_method method, cJSON **params);
/* Takes `page`. */
void exporter_add_page(cJSON **result, enum exporter_method method, cJSON *page);

/* What one host has said: JSON that is ready to be put together. */
struct exporter_digest {
    struct text server;                 /* an object, or "null" */
    struct text pools, requests, exits; /* items with commas between them */
    double request_total;               /* of which `requests` has the first */
    cJSON *metrics;                     /* the method's result */
    bool failed;                        /* out of memory */
};

/* Takes the results apart; `results` lose what the digest gets. `pid`: becomes the member `host` of each item. */
void exporter_digest_make(struct exporter_digest *digest, uint32_t pid, cJSON *results[EXPORTER_METHODS]);
void exporter_digest_deinit(struct exporter_digest *digest);

struct exporter_status_host {
    const struct fcgictl_host *host;
    const struct exporter_digest *digest; /* NULL: it has never answered */
    bool answers;
    double age_s;        /* of the digest, when the round ended */
    const char *reason;  /* does not answer: for programs, */
    const char *message; /* and for people */
};

/* All but the beginning, which is made for each client: */
void exporter_status_body(const struct exporter_status_host *hosts, size_t count, struct text *out);
/* `age_s`: since the round ended. */
void exporter_status_head(uint64_t now_unix_ms, double age_s, struct text *out);

#endif
