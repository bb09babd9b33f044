/* perf: `perf install`, `perf uninstall`, `perf status`, `perf show`. */
#ifndef FCGICTL_PERF_H
#define FCGICTL_PERF_H

#include "tools/fcgictl/run.h"

int perf_run(struct run *run);

#endif
