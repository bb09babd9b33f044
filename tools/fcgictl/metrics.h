/* metrics: the command, as a table, CSV and JSON; for time series databases see openmetrics.h. */
#ifndef FCGICTL_METRICS_H
#define FCGICTL_METRICS_H

#include "tools/fcgictl/listing.h"

extern const struct listing metrics_listing;

int metrics_run(struct run *run);

/* Of a sample of a histogram: what the share `quantile` (0 to 1) took at most, estimated within its bucket as Prometheus does. What lies
 * behind the last limit is taken for that limit. false: it has counted nothing, or is no histogram. */
bool metrics_quantile(const cJSON *sample, double quantile, double *seconds);

#endif
