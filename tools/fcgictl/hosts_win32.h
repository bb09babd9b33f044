/* hosts_win32: struct fcgictl_hosts over the management pipes of this computer. */
#ifndef FCGICTL_HOSTS_WIN32_H
#define FCGICTL_HOSTS_WIN32_H

#include "tools/fcgictl/fcgictl.h"

/* There is one set of connections in the process. */
void hosts_win32_init(struct fcgictl_hosts *hosts);
void hosts_win32_deinit(void);

#endif
