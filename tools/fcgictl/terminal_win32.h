/* terminal_win32: struct fcgictl_terminal over the console, or over the files and pipes that stand in its place. */
#ifndef FCGICTL_TERMINAL_WIN32_H
#define FCGICTL_TERMINAL_WIN32_H

#include "tools/fcgictl/fcgictl.h"

/* There is one in the process. */
void terminal_win32_init(struct fcgictl_terminal *terminal);

#endif
