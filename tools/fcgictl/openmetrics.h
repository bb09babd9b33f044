/* openmetrics: the metrics of all hosts as text for time series databases.
 *
 * Two dialects with the same series, which differ in how they describe them. Prometheus' older text format is what promtool, the text
 * file collectors and most agents read: there a counter is described by the name of its series (`# TYPE fcgi_requests_total counter`),
 * `_created` is a gauge of its own, and only its types are known: a stateset, and what is for information, are gauges. UNIT and EOF are
 * comments there. OPENMETRICS_STRICT is OpenMetrics 1.0 to the letter, for those who ask for its content type. */
#ifndef FCGICTL_OPENMETRICS_H
#define FCGICTL_OPENMETRICS_H

#include <cjson/cJSON.h>

#include "tools/fcgictl/text.h"

enum openmetrics_dialect { OPENMETRICS_FOR_ALL, OPENMETRICS_STRICT };

/* "text/plain; version=0.0.4; charset=utf-8" */
const char *openmetrics_content_type(enum openmetrics_dialect dialect);

/* `document`: what listing_collect() gives of metrics_listing. Each series bears the label `host`, the host's process id. What of a host
 * is no metric is left out, and a family that hosts describe in different ways is described as the first of them does. */
void openmetrics_add(struct text *out, const cJSON *document, enum openmetrics_dialect dialect);

#endif
