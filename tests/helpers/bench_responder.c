/* bench_responder: the FastCGI program of tests/bench, on libfcgi: it does as little as a program can, so that what is
 * around it is measured. It answers with a small fixed body, or with so many bytes as the query `bytes=N` says.
 *
 * It is started by fcgiext (ExePath) or by bare_pipe; with the argument `tcp` it listens on a free port of 127.0.0.1 and
 * says which, for nginx. */
#include <winsock2.h>

#include <windows.h>

#include <fcgiapp.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/programs/standard_handles.h"

enum { STEP_LEN = 64 * 1024 };

static const char small[] =
    "Content-Type: text/plain\r\n\r\nA small page that does not change, so that each answer is the same.\n";

static void answer(const FCGX_Request *request)
{
    static const char head[] = "Content-Type: application/octet-stream\r\n\r\n";
    static char bytes[STEP_LEN];
    const char *query = FCGX_GetParam("QUERY_STRING", request->envp);
    if (query == NULL || strncmp(query, "bytes=", 6) != 0) {
        FCGX_PutStr(small, sizeof small - 1, request->out);
        return;
    }
    uint64_t left = strtoull(query + 6, NULL, 10);
    FCGX_PutStr(head, sizeof head - 1, request->out);
    while (left > 0) {
        int len = left < STEP_LEN ? (int)left : STEP_LEN;
        if (FCGX_PutStr(bytes, len, request->out) != len)
            return; /* the other side has gone */
        left -= (uint64_t)len;
    }
}

/* In place of the pipe that it would have been started with. */
static BOOL listen_on_tcp(void)
{
    enum { BACKLOG = 64 };
    WSADATA data;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = sizeof address;
    WSAStartup(MAKEWORD(2, 2), &data);
    SOCKET listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == INVALID_SOCKET || bind(listener, (struct sockaddr *)&address, len) || listen(listener, BACKLOG) ||
        getsockname(listener, (struct sockaddr *)&address, &len))
        return FALSE;
    printf("listening on %u\n", ntohs(address.sin_port));
    fflush(stdout);
    SetStdHandle(STD_INPUT_HANDLE, (HANDLE)listener);
    SetStdHandle(STD_OUTPUT_HANDLE, INVALID_HANDLE_VALUE);
    SetStdHandle(STD_ERROR_HANDLE, INVALID_HANDLE_VALUE);
    return TRUE;
}

int main(int argc, char **argv)
{
    FCGX_Request request;
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    if (argc > 1 && (strcmp(argv[1], "tcp") != 0 || !listen_on_tcp()))
        return 2;
    mend_standard_handles();
    if (FCGX_Init() != 0 || FCGX_IsCGI() || FCGX_InitRequest(&request, 0, 0) != 0)
        return 2;
    while (FCGX_Accept_r(&request) == 0)
        answer(&request);
    return 0;
}
