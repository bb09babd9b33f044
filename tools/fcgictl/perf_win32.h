/* perf_win32: struct perf_system over the registry and loadperf.dll of this computer. */
#ifndef FCGICTL_PERF_WIN32_H
#define FCGICTL_PERF_WIN32_H

#include "tools/fcgictl/perf_system.h"

void perf_win32_init(struct perf_system *system);

#endif
