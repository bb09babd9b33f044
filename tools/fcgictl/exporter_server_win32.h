/* exporter_server_win32: HTTP for the exporter: CivetWeb, with everything bounded: threads, connections, the length of a head and the time it
 * may take. */
#ifndef FCGICTL_EXPORTER_SERVER_WIN32_H
#define FCGICTL_EXPORTER_SERVER_WIN32_H

#include <stdint.h>

#include "tools/fcgictl/exporter_http.h"

/* `settings` are copied. *port gets the one that was free. -> 0, or an error of the system, and `why` gets a sentence part. */
uint32_t exporter_server_start(const struct exporter_settings *settings, unsigned *port, char *why, size_t why_size);
/* Returns when no request is being answered any more. */
void exporter_server_stop(void);

#endif
