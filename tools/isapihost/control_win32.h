/* The reasons to stop, and the commands on standard input by which a test drives the host. */
#ifndef ISAPIHOST_CONTROL_WIN32_H
#define ISAPIHOST_CONTROL_WIN32_H

#include "tools/isapihost/options.h"

#include <stdbool.h>

/* Watches Ctrl-C and, if the options say so, standard input. False: the last error says why. */
bool control_start(const struct host_options *options);

void control_wait_for_stop(void);

#endif
