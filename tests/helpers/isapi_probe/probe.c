/* The exports, the choice of the command, and what the commands share. */
#include "tests/helpers/isapi_probe/probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { END_WAIT_MS = 60000 };

volatile LONG jobs;
static HANDLE idle_event; /* set when the last job ends */
HANDLE release_event;
EXTENSION_CONTROL_BLOCK *ended;
HCONN ended_connection;

void job_begins(void)
{
    InterlockedIncrement(&jobs);
}

void job_ends(void)
{
    if (InterlockedDecrement(&jobs) == 0)
        SetEvent(idle_event);
}

BOOL support(EXTENSION_CONTROL_BLOCK *ecb, DWORD number, void *buffer, DWORD *size, DWORD *type)
{
    return ecb->ServerSupportFunction(ecb->ConnID, number, buffer, size, type);
}

BOOL send_head(EXTENSION_CONTROL_BLOCK *ecb, const char *status, const char *headers, BOOL keep)
{
    HSE_SEND_HEADER_EX_INFO info = {status, headers, (DWORD)strlen(status), (DWORD)strlen(headers), keep};
    return support(ecb, HSE_REQ_SEND_RESPONSE_HEADER_EX, &info, NULL, NULL);
}

BOOL write_sync(EXTENSION_CONTROL_BLOCK *ecb, const void *data, size_t len)
{
    DWORD size = (DWORD)len;
    return ecb->WriteClient(ecb->ConnID, (void *)(uintptr_t)data, &size, HSE_IO_SYNC) && size == len;
}

/* A whole response of text, synchronously. */
DWORD answer(EXTENSION_CONTROL_BLOCK *ecb, const char *text, size_t len)
{
    char headers[128];
    snprintf(headers, sizeof headers, "Content-Type: text/plain\r\nContent-Length: %lu\r\n\r\n", (unsigned long)len);
    BOOL head = strcmp(ecb->lpszMethod, "HEAD") == 0;
    return send_head(ecb, "200 OK", headers, TRUE) && (head || write_sync(ecb, text, len)) ? HSE_STATUS_SUCCESS_AND_KEEP_CONN
                                                                                           : HSE_STATUS_ERROR;
}

DWORD answer_format(EXTENSION_CONTROL_BLOCK *ecb, const char *format, ...)
{
    char text[8192];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return answer(ecb, text, len < 0 ? 0 : (size_t)len);
}

void done(EXTENSION_CONTROL_BLOCK *ecb, DWORD status)
{
    support(ecb, HSE_REQ_DONE_WITH_SESSION, &status, NULL, NULL);
}

/* ---- exports */

BOOL WINAPI GetExtensionVersion(HSE_VERSION_INFO *version)
{
    version->dwExtensionVersion = HSE_VERSION;
    strcpy(version->lpszExtensionDesc, "probe of isapihost");
    return TRUE;
}

static const struct command *find(const struct command *row, const char *name, size_t len)
{
    for (; row->name != NULL; ++row)
        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            return row;
    return NULL;
}

DWORD WINAPI HttpExtensionProc(EXTENSION_CONTROL_BLOCK *ecb)
{
    static const struct command *const tables[] = {answer_commands, async_commands, breach_commands};
    const char *query = ecb->lpszQueryString;
    size_t len = strcspn(query, ":");
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; ++i) {
        const struct command *row = find(tables[i], query, len);
        if (row != NULL)
            return row->function(ecb, query[len] == ':' ? query + len + 1 : "");
    }
    return answer_format(ecb, "hello");
}

/* Every thread of ours has ended when this returns: as an extension has to do it. */
BOOL WINAPI TerminateExtension(DWORD flags)
{
    (void)flags;
    SetEvent(release_event);
    while (jobs > 0)
        if (WaitForSingleObject(idle_event, END_WAIT_MS) != WAIT_OBJECT_0)
            return FALSE;
    return TRUE;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved);

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH) {
        DisableThreadLibraryCalls(instance);
        release_event = CreateEventW(NULL, TRUE, FALSE, NULL);
        idle_event = CreateEventW(NULL, FALSE, FALSE, NULL);
    }
    return TRUE;
}
