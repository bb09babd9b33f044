/* exporter_metrics: the text of /metrics. */
#ifndef FCGICTL_EXPORTER_METRICS_H
#define FCGICTL_EXPORTER_METRICS_H

#include <cjson/cJSON.h>

#include "tools/fcgictl/text.h"

struct exporter_metrics_host {
    unsigned long pid;
    const char *program;
    const cJSON *metrics; /* the result of the method `metrics`; NULL: the host has not answered this time */
};

/* All families of all hosts, each sample with the host's pid. `strict`: OpenMetrics 1.0; else Prometheus' older text format. */
void exporter_metrics_text(const struct exporter_metrics_host *hosts, size_t count, bool strict, struct text *out);

#endif
