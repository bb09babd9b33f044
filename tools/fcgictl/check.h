/* check: one line for Nagios and its like, by the rules of their plug-ins. */
#ifndef FCGICTL_CHECK_H
#define FCGICTL_CHECK_H

#include "tools/fcgictl/run.h"

enum check_result { CHECK_OK = 0, CHECK_WARNING = 1, CHECK_CRITICAL = 2, CHECK_UNKNOWN = 3 };

/* -> enum check_result, not an exit code of the other commands */
int check_run(struct run *run);

#endif
