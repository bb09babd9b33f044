/* The extension DLL: load, unload while requests are about, use counting. One extension a process. */
#ifndef ISAPIHOST_EXTENSION_WIN32_H
#define ISAPIHOST_EXTENSION_WIN32_H

#include <stdbool.h>
#include <stddef.h>

#include <windows.h>

#include <httpext.h>

/* Sets the DLL's path (UTF-8, kept by the caller) and loads it. False: message says why. */
bool extension_init(const char *path, char *message, size_t message_size);

/* Loads it unless it is loaded. */
bool extension_load(char *message, size_t message_size);

/* Use of the extension for one request, from before HttpExtensionProc until the request has ended. Loads the DLL if it was unloaded, as
 * IIS does; waits while it is being unloaded, unless nested: a request inside another one (EXEC_URL). NULL: it cannot be loaded. */
PFN_HTTPEXTENSIONPROC extension_enter(bool nested);
void extension_leave(void);

unsigned extension_uses(void);

/* Waits until no request uses it, but no longer than wait_ms, calls TerminateExtension(HSE_TERM_MUST_UNLOAD) and frees the DLL. Requests
 * that arrive meanwhile wait. Returns how many requests were still in flight when TerminateExtension had returned: then the DLL stays
 * in memory, for its code may still be running. */
unsigned extension_unload(unsigned wait_ms);

#endif
