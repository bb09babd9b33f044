/* exporter_http: what a request to the exporter gets, decided before any host is asked, and the head of the answer. */
#ifndef FCGICTL_EXPORTER_HTTP_H
#define FCGICTL_EXPORTER_HTTP_H

#include "tools/fcgictl/exporter_address.h"
#include "tools/fcgictl/text.h"

enum exporter_page {
    EXPORTER_PAGE_DASHBOARD, /* / */
    EXPORTER_PAGE_METRICS,   /* /metrics */
    EXPORTER_PAGE_STATUS,    /* /status.json */
    EXPORTER_PAGE_HEALTH,    /* /healthz */
    EXPORTER_PAGE_ERROR,
};

struct exporter_request {
    const char *method;
    const char *path; /* as it was sent, without a query */
    const char *host; /* the header; NULL: there is none */
    unsigned host_count;
    const char *accept; /* the header; may be NULL */
    bool has_body;
    struct exporter_ip local; /* where it has come in */
    unsigned port;
};

struct exporter_route {
    enum exporter_page page;
    int status;      /* of ERROR; the others' follows from what hosts say */
    bool head_only;  /* the body is not sent */
    bool strict;     /* METRICS: as OpenMetrics has it, not in Prometheus' older text format */
    const char *why; /* ERROR: a line for people, with its LF */
};

struct exporter_route exporter_http_route(const struct exporter_settings *settings, const struct exporter_request *request);

/* The head of an answer with a body of so many bytes; `status`: of ERROR, and of what hosts decide. Each answer is the last of its
 * connection. */
void exporter_http_head(struct text *out, const struct exporter_route *route, int status, size_t body_len);

/* The page's bytes, made by cmake/embed_page.cmake, and the policy that names their hashes. */
extern const unsigned char exporter_dashboard[];
extern const size_t exporter_dashboard_len;
extern const char exporter_dashboard_policy[];

#endif
