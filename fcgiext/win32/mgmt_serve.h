/* mgmt_serve: the engine's management pipe: between the two ends that mgmt offers (pipe_server, rpc) and mgmt_ops, as [Management]
 * of the settings in force says. */
#ifndef FCGIEXT_WIN32_MGMT_SERVE_H
#define FCGIEXT_WIN32_MGMT_SERVE_H

#include "fcgiext/win32/engine.h"

/* When the engine has its pools. A pipe that cannot be served is an event, no error: requests are more important. */
DWORD mgmt_serve_start(struct engine *engine); /* 0 or a Win32 error */
/* Nothing is called any more when it returns. Also without mgmt_serve_start. */
void mgmt_serve_stop(struct engine *engine);

/* On the watch's thread, when settings have been put in force: with other descriptors, or switched on or off, the pipe is opened
 * anew, and its clients are disconnected: they may have lost their right. Descriptors that cannot be used leave the old ones in force.
 * A pipe that is not served, though it should be, is tried again. */
void mgmt_serve_follow(struct engine *engine);

#endif
