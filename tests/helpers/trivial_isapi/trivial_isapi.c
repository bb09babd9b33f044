/* trivial_isapi: the extension of tests/bench that does nothing but answer: one VECTOR_SEND of a small body. What it takes
 * is what the host takes. With the query `async` it answers as fcgiext has to: pending, an asynchronous send, its
 * completion, the end. */
#include <windows.h>

#include <httpext.h>

#include <string.h>

static char headers[] = "Content-Type: text/plain\r\nContent-Length: 68\r\n\r\n";
static char body[] = "A small page that does not change, so that each answer is the same.\n";
_Static_assert(sizeof body - 1 == 68, "the length in headers");

static HSE_VECTOR_ELEMENT element = {HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER, body, 0, sizeof body - 1};

static BOOL send_all(EXTENSION_CONTROL_BLOCK *ecb, DWORD flags)
{
    HSE_RESPONSE_VECTOR vector = {flags | HSE_IO_SEND_HEADERS | HSE_IO_FINAL_SEND, (char *)"200 OK", headers, 1, &element};
    return ecb->ServerSupportFunction(ecb->ConnID, HSE_REQ_VECTOR_SEND, &vector, NULL, NULL);
}

static void WINAPI on_sent(EXTENSION_CONTROL_BLOCK *ecb, void *context, DWORD len, DWORD error)
{
    DWORD status = error ? HSE_STATUS_ERROR : HSE_STATUS_SUCCESS_AND_KEEP_CONN;
    (void)context;
    (void)len;
    ecb->ServerSupportFunction(ecb->ConnID, HSE_REQ_DONE_WITH_SESSION, &status, NULL, NULL);
}

BOOL WINAPI GetExtensionVersion(HSE_VERSION_INFO *version)
{
    version->dwExtensionVersion = HSE_VERSION;
    strcpy(version->lpszExtensionDesc, "the least an extension can do");
    return TRUE;
}

DWORD WINAPI HttpExtensionProc(EXTENSION_CONTROL_BLOCK *ecb)
{
    if (strcmp(ecb->lpszQueryString, "async") != 0)
        return send_all(ecb, HSE_IO_SYNC) ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_ERROR;
    if (!ecb->ServerSupportFunction(ecb->ConnID, HSE_REQ_IO_COMPLETION, (void *)(ULONG_PTR)on_sent, NULL, NULL))
        return HSE_STATUS_ERROR;
    return send_all(ecb, HSE_IO_ASYNC) ? HSE_STATUS_PENDING : HSE_STATUS_ERROR;
}

BOOL WINAPI TerminateExtension(DWORD flags)
{
    (void)flags;
    return TRUE;
}
