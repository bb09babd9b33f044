/* A gate and a counter: while an unload runs nobody enters, and it waits for those inside to leave. The events are touched only while an
 * unload runs: a request costs two passes through the lock. */
#include "tools/isapihost/extension_win32.h"

#include "tools/isapihost/text_win32.h"

#include <stdio.h>

static CRITICAL_SECTION lock;
static HANDLE gate;    /* manual reset: set when an unload has ended */
static HANDLE unused;  /* manual reset: set when the last use ends, if unloading */
static bool unloading; /* under lock, as all below */
static unsigned uses;
static const char *dll_path;

static HMODULE module;
static PFN_HTTPEXTENSIONPROC proc;
static PFN_TERMINATEEXTENSION terminate;

bool extension_init(const char *path, char *message, size_t message_size)
{
    InitializeCriticalSection(&lock);
    gate = CreateEventW(NULL, TRUE, TRUE, NULL);
    unused = CreateEventW(NULL, TRUE, TRUE, NULL);
    dll_path = path;
    if (gate != NULL && unused != NULL)
        return extension_load(message, message_size);
    snprintf(message, message_size, "cannot create events: error %lu", GetLastError());
    return false;
}

/* Called with the lock held. */
static bool load_now(char *message, size_t message_size)
{
    HSE_VERSION_INFO version = {0};
    WCHAR *path = text_wide(dll_path);
    module = path != NULL ? LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH) : NULL;
    text_free(path);
    if (module == NULL) {
        snprintf(message, message_size, "cannot load '%s': error %lu", dll_path, GetLastError());
        return false;
    }
    PFN_GETEXTENSIONVERSION get_version = (PFN_GETEXTENSIONVERSION)(void *)GetProcAddress(module, "GetExtensionVersion");
    proc = (PFN_HTTPEXTENSIONPROC)(void *)GetProcAddress(module, "HttpExtensionProc");
    terminate = (PFN_TERMINATEEXTENSION)(void *)GetProcAddress(module, "TerminateExtension");
    if (get_version == NULL || proc == NULL)
        snprintf(message, message_size,
                 "'%s' is no ISAPI extension: it does not export GetExtensionVersion and HttpExtensionProc", dll_path);
    else if (!get_version(&version))
        snprintf(message, message_size, "GetExtensionVersion of '%s' failed: error %lu", dll_path, GetLastError());
    else
        return true;
    FreeLibrary(module);
    module = NULL;
    return false;
}

bool extension_load(char *message, size_t message_size)
{
    EnterCriticalSection(&lock);
    bool loaded = module != NULL || load_now(message, message_size);
    LeaveCriticalSection(&lock);
    return loaded;
}

PFN_HTTPEXTENSIONPROC extension_enter(bool nested)
{
    char message[512];
    PFN_HTTPEXTENSIONPROC result = NULL;
    EnterCriticalSection(&lock);
    while (unloading && !nested) {
        LeaveCriticalSection(&lock);
        WaitForSingleObject(gate, INFINITE);
        EnterCriticalSection(&lock);
    }
    if (module != NULL || load_now(message, sizeof message)) {
        ++uses;
        result = proc;
    } else {
        fprintf(stderr, "isapihost: %s\n", message);
    }
    LeaveCriticalSection(&lock);
    return result;
}

void extension_leave(void)
{
    EnterCriticalSection(&lock);
    if (--uses == 0 && unloading)
        SetEvent(unused);
    LeaveCriticalSection(&lock);
}

unsigned extension_uses(void)
{
    EnterCriticalSection(&lock);
    unsigned result = uses;
    LeaveCriticalSection(&lock);
    return result;
}

unsigned extension_unload(unsigned wait_ms)
{
    unsigned left = 0;
    EnterCriticalSection(&lock);
    unloading = true;
    ResetEvent(gate);
    bool in_use = uses > 0;
    HMODULE loaded = module;
    PFN_TERMINATEEXTENSION call = terminate;
    if (in_use)
        ResetEvent(unused);
    else
        SetEvent(unused);
    LeaveCriticalSection(&lock);

    WaitForSingleObject(unused, wait_ms);
    if (loaded != NULL) {
        /* Not under the lock: requests that end now leave the extension. */
        if (call != NULL)
            call(HSE_TERM_MUST_UNLOAD);
        /* What was answered inside TerminateExtension may still be on its way out. */
        if (WaitForSingleObject(unused, 2000) != WAIT_OBJECT_0)
            left = extension_uses();
        if (left == 0)
            FreeLibrary(loaded);
    }

    EnterCriticalSection(&lock);
    module = NULL;
    unloading = false;
    LeaveCriticalSection(&lock);
    SetEvent(gate);
    return left;
}
