/* reload: a changed fcgiext.ini takes effect while requests run; a changed file of MonitorChangesTo replaces the pool's workers. */
#ifndef FCGIEXT_WIN32_RELOAD_H
#define FCGIEXT_WIN32_RELOAD_H

#include "fcgiext/win32/engine.h"

/* Reads the file for the first time and publishes it; watch_start makes it followed. 0 or a Win32 error; a broken configuration
 * is none. */
DWORD reload_start(struct engine *engine);
/* From any thread: has the file read again soon, as if it had changed; mgmt_ops_reloaded tells how that ended. */
void reload_ask(struct engine *engine);
/* Frees the settings that nobody uses any more. Without `draining` only their memory: at the engine's end. */
void reload_reap(struct engine *engine, bool draining);

#endif
