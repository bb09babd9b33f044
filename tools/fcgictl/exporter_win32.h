/* exporter_win32: struct fcgictl_exporter: the server of `fcgictl exporter`, as a program on a console and as a Windows service. */
#ifndef FCGICTL_EXPORTER_WIN32_H
#define FCGICTL_EXPORTER_WIN32_H

#include "tools/fcgictl/fcgictl.h"

void exporter_win32_init(struct fcgictl_exporter *exporter);

#endif
