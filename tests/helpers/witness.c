/* witness: a FastCGI program on libfcgi that tells what it sees of itself: handles, pipe, job, how often a connection was made.
 *
 * Each answer is text, a line NAME=VALUE for each fact. It does not read the request's body unless the query says so, which makes it
 * the program that ignores stdin, too. The query may hold, separated by &:
 *   read=1     reads the body first; body=LENGTH tells how much came
 *   name=TEXT  given back as a fact, and told to the gate
 *   gate=PORT  connects to 127.0.0.1:PORT, sends the name and a line end, and waits until that connection ends: so a test knows
 *              that the request has come here, and decides when it ends
 *   early=1    sends the first part of the answer before it goes to the gate
 * Arguments: cleanup=PORT goes to that gate, as "idle after N" or "busy after N" (requests), when libfcgi tells it to end, which is what it
 * does on the shutdown event, and then exits with 0; exit=CODE ends at once; crash=1 crashes at once; spawn=1 starts a child that never ends; stay=1 is that child. */
#include <fcgiapp.h>

#include <winsock2.h>

#include <windows.h>

#include <aclapi.h>
#include <sddl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/system_handles.h"
#include "tools/demo/programs/standard_handles.h"
#include "tools/demo/programs/untimed_select.h"

enum { TEXT_LEN = 256, LAST_INHERITED = 0x1000 };

static char facts_of_start[4096]; /* libfcgi changes the standard handles */
static unsigned long connections;
static unsigned long requests;
static volatile bool busy;
static char cleanup[16]; /* the gate's port; empty: none */

/* ---- what the process was started with */

static void add_fact(const char *name, const char *value)
{
    size_t used = strlen(facts_of_start);
    snprintf(facts_of_start + used, sizeof facts_of_start - used, "%s=%s\n", name, value);
}

static void add_number(const char *name, unsigned long value)
{
    char text[16];
    snprintf(text, sizeof text, "%lu", value);
    add_fact(name, text);
}

static const char *kind_of(HANDLE handle)
{
    if (handle == NULL || handle == INVALID_HANDLE_VALUE)
        return "none";
    return GetFileType(handle) == FILE_TYPE_PIPE ? "pipe" : "other";
}

static void look_at_pipe(HANDLE pipe)
{
    DWORD flags = 0, instances = 0;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    char *text = NULL;
    if (GetNamedPipeInfo(pipe, &flags, NULL, NULL, &instances)) {
        add_fact("pipe_end", flags & PIPE_SERVER_END ? "server" : "client");
        add_fact("pipe_type", flags & PIPE_TYPE_MESSAGE ? "message" : "byte");
        add_number("pipe_instances", instances);
    }
    if (GetSecurityInfo(pipe, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &descriptor) == 0 &&
        ConvertSecurityDescriptorToStringSecurityDescriptorA(descriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text,
                                                             NULL))
        add_fact("pipe_access", text);
    LocalFree(text);
    LocalFree(descriptor);
}

static void look_at_socket(SOCKET socket)
{
    struct sockaddr_in address;
    int len = sizeof address;
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0 || getsockname(socket, (struct sockaddr *)&address, &len) != 0)
        return;
    add_fact("socket_address", inet_ntoa(address.sin_addr));
    add_number("socket_port", ntohs(address.sin_port));
}

static void add_variable(const char *fact, const char *name)
{
    const char *value = getenv(name);
    add_fact(fact, value != NULL ? value : "none");
}

static void look_at_job(void)
{
    BOOL in_job = FALSE;
    if (IsProcessInJob(GetCurrentProcess(), NULL, &in_job))
        add_fact("in_job", in_job ? "yes" : "no");
}

/* The types of all inheritable handles: there are no others than the inherited ones before we have made any. */
static void look_at_inherited(void)
{
    char all[TEXT_LEN] = "";
    for (uintptr_t value = 4; value < LAST_INHERITED; value += 4) {
        DWORD flags = 0;
        char type[64];
        if (!GetHandleInformation((HANDLE)value, &flags) || !(flags & HANDLE_FLAG_INHERIT))
            continue;
        if (!system_handle_type((HANDLE)value, type, sizeof type))
            snprintf(type, sizeof type, "?");
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", all[0] ? " " : "", type);
    }
    add_fact("inherited", all);
}

static void look_at_shutdown_event(void)
{
    typedef LONG(WINAPI * query_event)(HANDLE, int, void *, ULONG, ULONG *);
    query_event query = (query_event)(void *)ntdll_function("NtQueryEvent");
    const char *value = getenv("_FCGI_SHUTDOWN_EVENT_");
    LONG basic[2] = {-1, -1}; /* type: 0 is manual reset; state */
    if (value == NULL) {
        add_fact("shutdown_event", "none");
        return;
    }
    LONG status = query != NULL ? query((HANDLE)(uintptr_t)strtoul(value, NULL, 10), 0, basic, sizeof basic, NULL) : -1;
    add_fact("shutdown_event", status != 0 ? "bad" : basic[0] == 0 ? "manual reset" : "auto reset");
    add_fact("shutdown_event_set", basic[1] == 0 ? "0" : "1");
}

static void look_around(void)
{
    HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
    add_number("pid", GetCurrentProcessId());
    add_variable("mark", "WITNESS_MARK");
    add_variable("pipe_name", "_FCGI_X_PIPE_");
    add_variable("peers", "FCGI_WEB_SERVER_ADDRS");
    add_fact("stdin", kind_of(input));
    add_fact("stdout", kind_of(GetStdHandle(STD_OUTPUT_HANDLE)));
    add_fact("stderr", kind_of(GetStdHandle(STD_ERROR_HANDLE)));
    look_at_inherited();
    look_at_pipe(input);
    look_at_socket((SOCKET)input);
    look_at_job();
    look_at_shutdown_event();
}

/* ---- counting connections */

static BOOL(WINAPI *connect_named_pipe)(HANDLE, OVERLAPPED *);

static BOOL WINAPI counting_connect(HANDLE pipe, OVERLAPPED *overlapped)
{
    connections++;
    return connect_named_pipe(pipe, overlapped);
}

static SOCKET(WSAAPI *wsa_accept)(SOCKET, struct sockaddr *, int *, LPCONDITIONPROC, DWORD_PTR);

static SOCKET WSAAPI counting_accept(SOCKET listener, struct sockaddr *address, int *len, LPCONDITIONPROC condition,
                                     DWORD_PTR data)
{
    SOCKET socket = wsa_accept(listener, address, len, condition, data);
    connections += socket != INVALID_SOCKET;
    return socket;
}

static bool count_connections(void)
{
    void *pipe = replace_import("kernel32.dll", "ConnectNamedPipe", (void *)counting_connect);
    void *accept = replace_import("ws2_32.dll", "WSAAccept", (void *)counting_accept);
    connect_named_pipe = (BOOL(WINAPI *)(HANDLE, OVERLAPPED *))pipe;
    wsa_accept = (SOCKET(WSAAPI *)(SOCKET, struct sockaddr *, int *, LPCONDITIONPROC, DWORD_PTR))accept;
    return pipe != NULL && accept != NULL;
}

/* ---- requests */

/* Copies the value of `name` out of "a=1&b=2"; "" if it is not there. No decoding. */
static void query_value(const char *query, const char *name, char *value, size_t size)
{
    size_t name_len = strlen(name);
    value[0] = '\0';
    while (query != NULL && *query != '\0') {
        size_t len = strcspn(query, "&");
        if (len > name_len && memcmp(query, name, name_len) == 0 && query[name_len] == '=')
            snprintf(value, size, "%.*s", (int)(len - name_len - 1), query + name_len + 1);
        query += len + (query[len] == '&');
    }
}

/* Until somebody ends the process. */
static void stay(void)
{
    WaitForSingleObject(GetCurrentProcess(), INFINITE);
}

static void wait_at_gate(const char *port, const char *name)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char line[TEXT_LEN + 1], got;
    SOCKET gate = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((u_short)atoi(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int len = snprintf(line, sizeof line, "%s\n", name);
    if (connect(gate, (struct sockaddr *)&address, sizeof address) == 0 && send(gate, line, len, 0) == len)
        recv(gate, &got, 1, 0);
    closesocket(gate);
}

static unsigned long read_body(FCGX_Request *request)
{
    static char buffer[65536];
    unsigned long all = 0;
    for (int len = sizeof buffer; len == sizeof buffer; all += (unsigned long)len)
        len = FCGX_GetStr(buffer, sizeof buffer, request->in);
    return all;
}

/* php can serve a request as the client of its pipe. */
static bool acts_as_client(void)
{
    HANDLE token;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token))
        return false;
    CloseHandle(token);
    return true;
}

static void answer(FCGX_Request *request)
{
    const char *query = FCGX_GetParam("QUERY_STRING", request->envp);
    char name[TEXT_LEN], gate[TEXT_LEN], read[TEXT_LEN], early[TEXT_LEN];
    unsigned long body = 0;
    query_value(query, "name", name, sizeof name);
    query_value(query, "gate", gate, sizeof gate);
    query_value(query, "read", read, sizeof read);
    query_value(query, "early", early, sizeof early);
    if (read[0] != '\0')
        body = read_body(request);
    if (early[0] == '\0' && gate[0] != '\0')
        wait_at_gate(gate, name);
    const char *length = FCGX_GetParam("CONTENT_LENGTH", request->envp);
    char text[TEXT_LEN + 192];
    snprintf(text, sizeof text, "name=%s\nrequests=%lu\nconnections=%lu\nkept=%d\nimpersonated=%d\nlength=%.60s\nbody=%lu\n",
             name, requests, connections, request->keepConnection ? 1 : 0, acts_as_client(), length ? length : "none", body);
    FCGX_PutS("Content-Type: text/plain; charset=utf-8\r\n\r\n", request->out);
    FCGX_PutS(facts_of_start, request->out);
    if (early[0] != '\0') {
        FCGX_FFlush(request->out);
        wait_at_gate(gate, name);
    }
    FCGX_PutS(text, request->out);
}

/* ---- start */

/* libfcgi raises SIGTERM on the thread with which it waits for the shutdown event, and FCGX_Accept_r says on the main one that it is over,
 * if that waits for a connection: whichever comes first. */
static void clean_up(int signal)
{
    static volatile LONG begun;
    char text[64];
    (void)signal;
    if (InterlockedExchange(&begun, 1))
        stay(); /* the other one ends the process */
    snprintf(text, sizeof text, "%s after %lu", busy ? "busy" : "idle", requests);
    wait_at_gate(cleanup, text);
    ExitProcess(0);
}

static void spawn(const char *program)
{
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION info;
    char line[MAX_PATH + 32];
    snprintf(line, sizeof line, "\"%s\" stay=1", program);
    if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &startup, &info))
        ExitProcess(GetLastError());
    CloseHandle(info.hThread);
    CloseHandle(info.hProcess);
}

static void obey(const char *program, const char *argument)
{
    volatile uintptr_t nowhere = 16; /* volatile: else the compiler sees the fault and emits another one */
    if (strncmp(argument, "exit=", 5) == 0)
        ExitProcess(strtoul(argument + 5, NULL, 0));
    if (strncmp(argument, "cleanup=", 8) == 0) {
        snprintf(cleanup, sizeof cleanup, "%s", argument + 8);
        signal(SIGTERM, clean_up);
    }
    if (strcmp(argument, "crash=1") == 0)
        *(volatile char *)nowhere = 1;
    if (strcmp(argument, "spawn=1") == 0)
        spawn(program);
    if (strcmp(argument, "stay=1") == 0)
        stay();
}

int main(int argc, char **argv)
{
    static FCGX_Request request;
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    look_around();
    for (int i = 1; i < argc; i++)
        obey(argv[0], argv[i]);
    mend_standard_handles();
    if (!count_connections() || !untimed_select_install() || FCGX_Init() != 0 || FCGX_IsCGI() ||
        FCGX_InitRequest(&request, 0, 0) != 0)
        return 2;
    while (FCGX_Accept_r(&request) == 0) {
        requests++;
        busy = true;
        answer(&request);
        busy = false; /* before END_REQUEST goes out: the event may follow at once */
    }
    if (cleanup[0] != '\0')
        clean_up(SIGTERM);
    return 0;
}
