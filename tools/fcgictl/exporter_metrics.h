/* exporter_metrics: what hosts have said of their metrics, as one document: see openmetrics.h. */
#ifndef FCGICTL_EXPORTER_METRICS_H
#define FCGICTL_EXPORTER_METRICS_H

#include <cjson/cJSON.h>

struct exporter_metrics_host {
    unsigned long pid;
    const char *program;
    const cJSON *metrics; /* the result of the method `metrics`; NULL: the host has not answered this time */
};

/* Owned by the caller. NULL: out of memory. */
cJSON *exporter_metrics_document(const struct exporter_metrics_host *hosts, size_t count);

#endif
