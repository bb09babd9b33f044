/* isapi: the three exports of an ISAPI extension and the engine's life between them. The host calls GetExtensionVersion
 * once before the first request and TerminateExtension once after the last; both on a thread of its own, never under the
 * loader lock, so threads may be started and waited for. */
#include <winsock2.h>

#include <windows.h>

#include <httpext.h>

#include "fcgiext/version.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/handler.h"
#include "fcgiext/win32/io_counts.h"

static struct engine *engine;

BOOL WINAPI GetExtensionVersion(HSE_VERSION_INFO *info)
{
    DWORD error = 0;
    info->dwExtensionVersion = HSE_VERSION;
    lstrcpynA(info->lpszExtensionDesc, "fcgiext " FCGIEXT_VERSION " (FastCGI)", HSE_MAX_EXT_DLL_NAME_LEN);
    if (engine)
        return TRUE;
    engine = engine_create(&error);
    SetLastError(error);
    return engine != NULL;
}

DWORD WINAPI HttpExtensionProc(EXTENSION_CONTROL_BLOCK *block)
{
    return engine ? handler_begin(engine, block) : HSE_STATUS_ERROR;
}

BOOL WINAPI FcgiextIoCounts(struct fcgiext_io_counts *counts)
{
    if (!engine || counts->size != sizeof *counts)
        return FALSE;
    counts->writes = engine->io.writes;
    counts->reads = engine->io.reads;
    counts->opens = engine->io.opens;
    return TRUE;
}

/* All our threads have ended when it returns, whatever the flags say: the host may unload us at once. */
BOOL WINAPI TerminateExtension(DWORD flags)
{
    (void)flags;
    if (engine)
        engine_destroy(engine);
    engine = NULL;
    return TRUE;
}
