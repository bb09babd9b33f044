/* show: a page about each pool that is meant. */
#ifndef FCGICTL_SHOW_H
#define FCGICTL_SHOW_H

#include "tools/fcgictl/run.h"

int show_run(struct run *run);

#endif
