/* What the host says, and whole responses sent synchronously. */
#include "tests/helpers/isapi_probe/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- commands: what the host says */

static DWORD hello(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    return answer_format(ecb, "hello");
}

static DWORD fields(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    return answer_format(ecb,
                         "cbSize=%lu\nsize=%u\nversion=%lx\nstatus=%lu\nmethod=%s\nquery=%s\npath_info=%s\npath_translated=%s\n"
                         "total=%lu\navailable=%lu\ndata=%.*s\ncontent_type=%s\n",
                         ecb->cbSize, (unsigned)sizeof *ecb, ecb->dwVersion, ecb->dwHttpStatusCode, ecb->lpszMethod,
                         ecb->lpszQueryString, ecb->lpszPathInfo, ecb->lpszPathTranslated, ecb->cbTotalBytes, ecb->cbAvailable,
                         (int)(ecb->cbAvailable < 1000 ? ecb->cbAvailable : 1000), (const char *)ecb->lpbData,
                         ecb->lpszContentType);
}

/* var:NAME -> "ok SIZE VALUE" or "error N". Asks for the size first. */
static DWORD variable(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    DWORD size = 0;
    char name[256];
    snprintf(name, sizeof name, "%s", argument);
    if (ecb->GetServerVariable(ecb->ConnID, name, NULL, &size))
        return answer_format(ecb, "error: success without a buffer");
    if (GetLastError() != ERROR_INSUFFICIENT_BUFFER)
        return answer_format(ecb, "error %lu", GetLastError());
    DWORD needed = size;
    char *value = malloc(needed + 16);
    memset(value, 'x', needed + 16);
    size = needed - 1;
    if (ecb->GetServerVariable(ecb->ConnID, name, value, &size) || GetLastError() != ERROR_INSUFFICIENT_BUFFER ||
        size != needed)
        return answer_format(ecb, "error: one byte too few was enough");
    size = needed + 16;
    if (!ecb->GetServerVariable(ecb->ConnID, name, value, &size) || size != needed)
        return answer_format(ecb, "error: failed with room, size %lu of %lu", size, needed);
    char head[32];
    int len = snprintf(head, sizeof head, "ok %lu ", needed);
    char *text = malloc((size_t)len + needed);
    memcpy(text, head, (size_t)len);
    memcpy(text + len, value, needed);
    BOOL wide = strncmp(name, "UNICODE_", 8) == 0;
    DWORD status = answer(ecb, text, (size_t)len + needed - (wide ? 2 : 1));
    free(text);
    free(value);
    return status;
}

/* map:URL -> all four forms. */
static DWORD map(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    char path[1024];
    DWORD size = sizeof path;
    HSE_URL_MAPEX_INFO info;
    WCHAR wide[1024];
    DWORD wide_size = sizeof wide;
    HSE_UNICODE_URL_MAPEX_INFO wide_info;
    snprintf(path, sizeof path, "%s", argument);
    BOOL plain = support(ecb, HSE_REQ_MAP_URL_TO_PATH, path, &size, NULL);
    DWORD url_size = (DWORD)strlen(argument);
    BOOL ex = support(ecb, HSE_REQ_MAP_URL_TO_PATH_EX, (void *)(uintptr_t)argument, &url_size, (DWORD *)&info);
    MultiByteToWideChar(CP_UTF8, 0, argument, -1, wide, 1024);
    BOOL unicode_ex = support(ecb, HSE_REQ_MAP_UNICODE_URL_TO_PATH_EX, wide, NULL, (DWORD *)&wide_info);
    BOOL unicode = support(ecb, HSE_REQ_MAP_UNICODE_URL_TO_PATH, wide, &wide_size, NULL);
    return answer_format(ecb, "%d %s %lu\n%d %s %lu %lu\n%d %d\n", plain, plain ? path : "", size, ex, ex ? info.lpszPath : "",
                         ex ? info.cchMatchingPath : 0, ex ? info.cchMatchingURL : 0,
                         unicode && wcslen(wide) * 2 + 2 == wide_size, unicode_ex && wcscmp(wide_info.lpszPath, wide) == 0);
}

static DWORD questions(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    BOOL connected = 7;
    BOOL keeps = 7;
    DWORD process = 7;
    HANDLE token = NULL;
    HANDLE copy = NULL;
    DWORD level = 0;
    DWORD len = 0;
    DWORD size = 5;
    char reason[] = "the probe says so";
    char log[] = "probe-was-here";
    (void)argument;
    support(ecb, HSE_REQ_IS_CONNECTED, &connected, NULL, NULL);
    support(ecb, HSE_REQ_IS_KEEP_CONN, &keeps, NULL, NULL);
    BOOL in_process = support(ecb, HSE_REQ_IS_IN_PROCESS, &process, NULL, NULL);
    BOOL got_token = support(ecb, HSE_REQ_GET_IMPERSONATION_TOKEN, &token, NULL, NULL);
    BOOL duplicated =
        got_token && DuplicateTokenEx(token, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation, TokenImpersonation, &copy);
    BOOL is_impersonation = got_token && GetTokenInformation(token, TokenImpersonationLevel, &level, sizeof level, &len);
    CloseHandle(copy);
    BOOL unhealthy = support(ecb, HSE_REQ_REPORT_UNHEALTHY, reason, NULL, NULL);
    size = (DWORD)strlen(log);
    BOOL logged = support(ecb, HSE_APPEND_LOG_PARAMETER, log, &size, NULL);
    SetLastError(0);
    BOOL unknown = support(ecb, 999, NULL, NULL, NULL);
    return answer_format(ecb,
                         "connected=%d keeps=%d in_process=%d:%lu token=%d duplicated=%d level=%d:%lu unhealthy=%d logged=%d "
                         "unknown=%d:%lu",
                         connected, keeps, in_process, process, got_token, duplicated, is_impersonation, level, unhealthy,
                         logged, unknown, GetLastError());
}

/* ---- commands: heads and bodies */

/* status:404 -> dwHttpStatusCode and the status line. */
static DWORD status(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    char line[64];
    snprintf(line, sizeof line, "%s Chosen", argument);
    ecb->dwHttpStatusCode = (DWORD)atoi(argument);
    strcpy(ecb->lpszLogData, "log-data");
    return send_head(ecb, line, "Content-Length: 0\r\n\r\n", TRUE) ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_ERROR;
}

static DWORD chunked(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    send_head(ecb, "200 OK", "Transfer-Encoding: chunked\r\n\r\n", TRUE);
    write_sync(ecb, "5\r\nhello\r\n", 10);
    write_sync(ecb, "6\r\n world\r\n0\r\n\r\n", 16);
    return HSE_STATUS_SUCCESS_AND_KEEP_CONN;
}

/* No framing: the end of the connection is the end of the body. */
static DWORD until_close(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    send_head(ecb, "200 OK", "Content-Type: text/plain\r\n\r\n", FALSE);
    write_sync(ecb, "until close", 11);
    return HSE_STATUS_SUCCESS;
}

/* SEND_RESPONSE_HEADER, with the body's beginning behind the headers. */
static DWORD old_header(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    char headers[] = "Content-Type: text/plain\r\nContent-Length: 9\r\n\r\nold";
    char line[] = "201 Old";
    DWORD size = sizeof line;
    (void)argument;
    support(ecb, HSE_REQ_SEND_RESPONSE_HEADER, line, &size, (DWORD *)headers);
    write_sync(ecb, " style", 6);
    return HSE_STATUS_SUCCESS;
}

static DWORD redirect(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    return support(ecb, HSE_REQ_SEND_URL_REDIRECT_RESP, (void *)(uintptr_t)argument, NULL, NULL)
               ? HSE_STATUS_SUCCESS_AND_KEEP_CONN
               : HSE_STATUS_ERROR;
}

static DWORD custom_error(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    char line[64];
    HSE_CUSTOM_ERROR_INFO info = {line, 0, FALSE};
    snprintf(line, sizeof line, "%s Custom", argument);
    return support(ecb, HSE_REQ_SEND_CUSTOM_ERROR, &info, NULL, NULL) ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_ERROR;
}

static DWORD failing(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)ecb;
    (void)argument;
    return HSE_STATUS_ERROR;
}

/* Head, then nothing until "release" is requested: the client has to see the head before. */
static DWORD slow_body(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    send_head(ecb, "200 OK", "Content-Length: 4\r\n\r\n", TRUE);
    WaitForSingleObject(release_event, 30000);
    write_sync(ecb, "late", 4);
    return HSE_STATUS_SUCCESS_AND_KEEP_CONN;
}

static DWORD release(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    SetEvent(release_event);
    return answer_format(ecb, "released");
}

/* Sends argument bytes in one piece. */
static DWORD large(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    size_t len = (size_t)atol(argument);
    char *data = malloc(len + 1);
    for (size_t i = 0; i < len; ++i)
        data[i] = (char)('a' + i % 23);
    DWORD result = answer(ecb, data, len);
    free(data);
    return result;
}

/* ---- commands: reading */

/* The whole body, with ReadClient. */
static DWORD echo_sync(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    size_t len = ecb->cbAvailable;
    size_t size = len + 65536;
    char *body = malloc(size);
    (void)argument;
    memcpy(body, ecb->lpbData, len);
    while (TRUE) {
        if (size - len < 65536)
            body = realloc(body, size *= 2);
        DWORD part = 65536;
        if (!ecb->ReadClient(ecb->ConnID, body + len, &part)) {
            free(body);
            return HSE_STATUS_ERROR;
        }
        if (part == 0)
            break;
        len += part;
    }
    DWORD result = answer(ecb, body, len);
    free(body);
    return result;
}

/* error-page:skip or error-page: a 404 with a page of our own, by VECTOR_SEND. */
static DWORD error_page(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    HSE_VECTOR_ELEMENT element = {HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER, (void *)(uintptr_t) "our page", 0, 8};
    HSE_RESPONSE_VECTOR vector = {HSE_IO_SYNC | HSE_IO_SEND_HEADERS, (char *)(uintptr_t) "404 Not Found",
                                  (char *)(uintptr_t) "Content-Length: 8\r\n\r\n", 1, &element};
    if (strcmp(argument, "skip") == 0)
        vector.dwFlags |= HSE_IO_TRY_SKIP_CUSTOM_ERRORS;
    return support(ecb, HSE_REQ_VECTOR_SEND, &vector, NULL, NULL) ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_ERROR;
}

const struct command answer_commands[] = {
    {"error-page", error_page},
    {"hello", hello},
    {"fields", fields},
    {"var", variable},
    {"map", map},
    {"questions", questions},
    {"status", status},
    {"chunked", chunked},
    {"until-close", until_close},
    {"old-header", old_header},
    {"redirect", redirect},
    {"custom-error", custom_error},
    {"failing", failing},
    {"slow-body", slow_body},
    {"release", release},
    {"large", large},
    {"echo-sync", echo_sync},
    {NULL, NULL},
};
