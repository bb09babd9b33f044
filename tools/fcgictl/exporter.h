/* exporter: the command `exporter`: HTTP for Prometheus and browsers. What is served: exporter_http, exporter_board. */
#ifndef FCGICTL_EXPORTER_H
#define FCGICTL_EXPORTER_H

#include "tools/fcgictl/run.h"

#define EXPORTER_LISTEN "127.0.0.1:9889"

int exporter_run(struct run *run);

#endif
