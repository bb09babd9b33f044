/* Breaches of the rules of ISAPI, one each, for --strict to see. */
#include "tests/helpers/isapi_probe/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- commands: breaches */

static void WINAPI on_nothing(EXTENSION_CONTROL_BLOCK *ecb, void *context, DWORD bytes, DWORD error)
{
    (void)ecb;
    (void)context;
    (void)bytes;
    (void)error;
}

static DWORD double_done(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    answer_format(ecb, "double done");
    done(ecb, HSE_STATUS_SUCCESS_AND_KEEP_CONN);
    done(ecb, HSE_STATUS_SUCCESS_AND_KEEP_CONN);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI done_again(void *context)
{
    HCONN connection = ended_connection;
    BOOL(WINAPI * function)
    (HCONN, DWORD, LPVOID, LPDWORD, LPDWORD) = (BOOL(WINAPI *)(HCONN, DWORD, LPVOID, LPDWORD, LPDWORD))context;
    function(connection, HSE_REQ_DONE_WITH_SESSION, NULL, NULL, NULL);
    return 0;
}

/* Remembers its ECB; the next request misuses it: late-done, late-touch, late-call. */
static DWORD remember(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    ended = ecb;
    ended_connection = ecb->ConnID;
    return answer_format(ecb, "remembered");
}

static DWORD late_done(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    done_again((void *)ecb->ServerSupportFunction);
    return answer_format(ecb, "survived");
}

static DWORD late_touch(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    return answer_format(ecb, "survived %lu", ended->cbSize);
}

static DWORD late_call(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    char value[64];
    DWORD size = sizeof value;
    (void)argument;
    BOOL found = ecb->GetServerVariable(ended_connection, (char *)(uintptr_t) "URL", value, &size);
    return answer_format(ecb, "survived %d %lu", found, GetLastError());
}

/* Two reads at once, for a body of which nothing has come. */
static DWORD two_operations(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    static char buffer[16];
    DWORD size = sizeof buffer;
    DWORD flags = HSE_IO_ASYNC;
    (void)argument;
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_nothing, NULL, NULL);
    support(ecb, HSE_REQ_ASYNC_READ_CLIENT, buffer, &size, &flags);
    support(ecb, HSE_REQ_ASYNC_READ_CLIENT, buffer, &size, &flags);
    return HSE_STATUS_PENDING;
}

static DWORD sync_during_async(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    static char buffer[16];
    DWORD size = sizeof buffer;
    DWORD flags = HSE_IO_ASYNC;
    (void)argument;
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_nothing, NULL, NULL);
    send_head(ecb, "200 OK", "Content-Length: 4\r\n\r\n", TRUE);
    support(ecb, HSE_REQ_ASYNC_READ_CLIENT, buffer, &size, &flags);
    write_sync(ecb, "sync", 4);
    return HSE_STATUS_PENDING;
}

static DWORD no_completion(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    static char buffer[16];
    DWORD size = sizeof buffer;
    DWORD flags = HSE_IO_ASYNC;
    (void)argument;
    BOOL started = support(ecb, HSE_REQ_ASYNC_READ_CLIENT, buffer, &size, &flags);
    return answer_format(ecb, "survived %d %lu", started, GetLastError());
}

static DWORD headers_twice(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    DWORD result = answer_format(ecb, "first");
    send_head(ecb, "200 OK", "Content-Length: 0\r\n\r\n", TRUE);
    return result;
}

static DWORD body_first(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    write_sync(ecb, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw", 41);
    return HSE_STATUS_SUCCESS;
}

/* framing:HEADERS-AND-BODY-BY-NAME */
static DWORD framing(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    const char *headers = "Content-Length: 5\r\n\r\n";
    const char *body = "12345";
    if (strcmp(argument, "short") == 0)
        body = "123";
    else if (strcmp(argument, "long") == 0)
        body = "1234567";
    else if (strcmp(argument, "none") == 0)
        headers = "Content-Type: text/plain\r\n\r\n";
    else if (strcmp(argument, "both") == 0)
        headers = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    else if (strcmp(argument, "bad-chunk") == 0)
        headers = "Transfer-Encoding: chunked\r\n\r\n", body = "xyz\r\n";
    else if (strcmp(argument, "no-last-chunk") == 0)
        headers = "Transfer-Encoding: chunked\r\n\r\n", body = "1\r\nx\r\n";
    send_head(ecb, "200 OK", headers, TRUE);
    write_sync(ecb, body, strlen(body));
    return HSE_STATUS_SUCCESS_AND_KEEP_CONN;
}

static DWORD no_answer(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)ecb;
    (void)argument;
    return HSE_STATUS_SUCCESS;
}

static DWORD final_after_done(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    answer_format(ecb, "final");
    done(ecb, HSE_STATUS_SUCCESS_AND_KEEP_CONN);
    return HSE_STATUS_SUCCESS_AND_KEEP_CONN;
}

static DWORD close_token(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    HANDLE token = NULL;
    (void)argument;
    if (support(ecb, HSE_REQ_GET_IMPERSONATION_TOKEN, &token, NULL, NULL))
        CloseHandle(token);
    return answer_format(ecb, "closed");
}

const struct command breach_commands[] = {
    {"close-token", close_token},
    {"double-done", double_done},
    {"remember", remember},
    {"late-done", late_done},
    {"late-touch", late_touch},
    {"late-call", late_call},
    {"two-operations", two_operations},
    {"sync-during-async", sync_during_async},
    {"no-completion", no_completion},
    {"headers-twice", headers_twice},
    {"body-first", body_first},
    {"framing", framing},
    {"no-answer", no_answer},
    {"final-after-done", final_after_done},
    {NULL, NULL},
};
