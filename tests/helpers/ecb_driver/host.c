/* host: see host.h. The rules that it watches: completion callback first; one asynchronous operation at a time; headers
 * once; DONE_WITH_SESSION once, with no operation outstanding; no call afterwards (an ended request is kept, marked, until
 * its successors have pushed it out). */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const fault_names[FAULT_COUNT] = {"none",    "no-io-completion", "no-vector-send", "no-send",     "send-breaks",
                                              "no-read", "read-breaks",      "read-ends",      "no-variables"};

enum { ALIVE = 0x51ab1e, ENDED = 0xdead, QUARANTINE = 4096, MAX_BODY = 64 * 1024 };

struct request {
    EXTENSION_CONTROL_BLOCK block;
    volatile LONG state; /* ALIVE, ENDED */
    struct host *host;
    struct request_plan plan;
    PFN_HSE_IO_COMPLETION done;
    void *context;
    volatile LONG outstanding;
    bool headers_sent;
    unsigned status;
    uint32_t body_read;
    /* of the outstanding operation */
    DWORD len, error;
};

static char body_bytes[MAX_BODY];
static struct request *quarantine[QUARANTINE];
static volatile LONG quarantine_next;

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("ecb_driver: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    fflush(NULL);
    ExitProcess(3);
}

static struct request *of(HCONN connection, const char *call)
{
    struct request *request = (struct request *)connection;
    if (request->state != ALIVE)
        die("rule: %s after the end of the session", call);
    InterlockedIncrement(&request->host->totals.calls);
    return request;
}

/* ---- the end ---- */

static void end_request(struct request *request)
{
    struct host *host = request->host;
    if (InterlockedExchange(&request->state, ENDED) != ALIVE)
        die("rule: the session ended twice");
    if (request->outstanding)
        die("rule: the session ended with an operation outstanding");
    InterlockedIncrement(&host->totals.answered[request->status / 100 % 6]);
    LONG place = InterlockedIncrement(&quarantine_next) & (QUARANTINE - 1);
    struct request *oldest = InterlockedExchangePointer((void *volatile *)&quarantine[place], request);
    free(oldest);
    LONG ended = InterlockedIncrement(&host->totals.ended);
    if (ended == host->totals.begun)
        SetEvent(host->all_ended);
}

/* ---- completions ---- */

static void complete(struct request *request)
{
    DWORD len = request->len, error = request->error;
    PFN_HSE_IO_COMPLETION done = request->done;
    InterlockedExchange(&request->outstanding, 0); /* the DLL may begin the next one inside */
    done(&request->block, request->context, len, error);
}

static DWORD WINAPI run_completions(void *context)
{
    struct host *host = context;
    DWORD len;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    while (GetQueuedCompletionStatus(host->port, &len, &key, &overlapped, INFINITE) && key) {
        if (host->completions == COMPLETIONS_LATE)
            SwitchToThread(); /* others first: what HttpExtensionProc's caller does, above all */
        complete((struct request *)key);
    }
    return 0;
}

static BOOL begin_operation(struct request *request, DWORD len, DWORD error)
{
    if (!request->done)
        die("rule: an asynchronous operation without a completion callback");
    if (InterlockedExchange(&request->outstanding, 1))
        die("rule: two operations outstanding");
    request->len = len;
    request->error = error;
    if (request->host->completions == COMPLETIONS_INLINE)
        complete(request);
    else
        PostQueuedCompletionStatus(request->host->port, 0, (ULONG_PTR)request, NULL);
    return TRUE;
}

static BOOL refuse(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

/* ---- the ECB's functions ---- */

static const char *variable(const struct request *request, const char *name)
{
    static const char *const known[][2] = {
        {"APPL_MD_PATH", "/LM/W3SVC/1/ROOT"},
        {"APPL_PHYSICAL_PATH", "C:\\site\\"},
        {"INSTANCE_ID", "1"},
        {"LOCAL_ADDR", "127.0.0.1"},
        {"REMOTE_ADDR", "127.0.0.1"},
        {"SCRIPT_NAME", "/app/x.fcgi"},
        {"PATH_INFO", "/app/x.fcgi"},
        {"URL", "/app/x.fcgi"},
        {"PATH_TRANSLATED", "C:\\site\\app\\x.fcgi"},
        {"SERVER_PROTOCOL", "HTTP/1.1"},
        {"SERVER_NAME", "localhost"},
        {"SERVER_PORT", "80"},
        {"SERVER_SOFTWARE", "Microsoft-IIS/6.0"},
        {"ALL_RAW", "Host: localhost\r\nUser-Agent: ecb_driver\r\nAccept: */*\r\n"},
    };
    if (strcmp(name, "REQUEST_METHOD") == 0)
        return request->plan.method;
    if (strcmp(name, "QUERY_STRING") == 0)
        return request->plan.query;
    bool few = request->plan.fault == FAULT_NO_VARIABLES;
    for (size_t i = few ? 5 : 0; i < ARRAYSIZE(known); i++)
        if (strcmp(name, known[i][0]) == 0)
            return known[i][1];
    return NULL;
}

static BOOL WINAPI get_variable(HCONN connection, LPSTR name, LPVOID buffer, LPDWORD len)
{
    struct request *request = of(connection, "GetServerVariable");
    const char *value = variable(request, name);
    if (!value)
        return refuse(ERROR_INVALID_INDEX);
    DWORD needed = (DWORD)strlen(value) + 1;
    DWORD room = *len;
    *len = needed;
    if (room < needed)
        return refuse(ERROR_INSUFFICIENT_BUFFER);
    memcpy(buffer, value, needed);
    return TRUE;
}

static BOOL send_something(struct request *request, DWORD len)
{
    bool breaks = request->plan.fault == FAULT_SEND_BREAKS;
    return begin_operation(request, breaks ? 0 : len, breaks ? ERROR_NETNAME_DELETED : 0);
}

static BOOL WINAPI write_client(HCONN connection, LPVOID buffer, LPDWORD len, DWORD flags)
{
    struct request *request = of(connection, "WriteClient");
    (void)buffer;
    if (!(flags & HSE_IO_ASYNC))
        die("rule: a write that may block");
    return request->plan.fault == FAULT_NO_SEND ? refuse(ERROR_INVALID_PARAMETER) : send_something(request, *len);
}

static BOOL WINAPI read_client(HCONN connection, LPVOID buffer, LPDWORD len)
{
    of(connection, "ReadClient");
    (void)buffer;
    (void)len;
    die("rule: a read that may block");
}

static void take_status(struct request *request, const char *status)
{
    if (request->headers_sent)
        die("rule: headers sent twice");
    request->headers_sent = true;
    request->status = (unsigned)atoi(status);
    if (request->block.dwHttpStatusCode != request->status)
        die("rule: dwHttpStatusCode is %lu, sent was %u", request->block.dwHttpStatusCode, request->status);
}

static BOOL vector_send(struct request *request, const HSE_RESPONSE_VECTOR *vector)
{
    DWORD len = 0;
    if (request->plan.fault == FAULT_NO_VECTOR_SEND || request->plan.fault == FAULT_NO_SEND)
        return refuse(ERROR_INVALID_PARAMETER);
    if (!(vector->dwFlags & HSE_IO_ASYNC))
        die("rule: a send that may block");
    if (vector->dwFlags & HSE_IO_SEND_HEADERS)
        take_status(request, vector->pszStatus);
    for (DWORD i = 0; i < vector->nElementCount; i++)
        len += (DWORD)vector->lpElementArray[i].cbSize;
    return send_something(request, len);
}

static BOOL read_async(struct request *request, void *buffer, DWORD len)
{
    uint32_t left = request->plan.body_len - request->body_read;
    enum fault fault = request->plan.fault;
    if (fault == FAULT_NO_READ)
        return refuse(ERROR_INVALID_PARAMETER);
    if (fault == FAULT_READ_BREAKS || fault == FAULT_READ_ENDS)
        return begin_operation(request, 0, fault == FAULT_READ_BREAKS ? ERROR_NETNAME_DELETED : 0);
    if (len > left)
        len = left;
    if (len > MAX_BODY)
        len = MAX_BODY;
    memcpy(buffer, body_bytes, len);
    request->body_read += len;
    return begin_operation(request, len, 0);
}

static BOOL WINAPI server_support(HCONN connection, DWORD call, LPVOID buffer, LPDWORD size, LPDWORD type)
{
    struct request *request = of(connection, "ServerSupportFunction");
    switch (call) {
    case HSE_REQ_IO_COMPLETION:
        if (request->plan.fault == FAULT_NO_IO_COMPLETION)
            return refuse(ERROR_INVALID_PARAMETER);
        request->done = (PFN_HSE_IO_COMPLETION)(ULONG_PTR)buffer;
        request->context = type;
        return TRUE;
    case HSE_REQ_IS_KEEP_CONN: *(BOOL *)buffer = TRUE; return TRUE;
    case HSE_REQ_IS_CONNECTED: *(BOOL *)buffer = TRUE; return TRUE;
    case HSE_REQ_VECTOR_SEND: return vector_send(request, buffer);
    case HSE_REQ_SEND_RESPONSE_HEADER_EX:
        if (request->plan.fault == FAULT_NO_SEND)
            return refuse(ERROR_INVALID_PARAMETER);
        take_status(request, ((HSE_SEND_HEADER_EX_INFO *)buffer)->pszStatus);
        return TRUE;
    case HSE_REQ_ASYNC_READ_CLIENT: return read_async(request, buffer, *size);
    case HSE_REQ_CLOSE_CONNECTION: return TRUE;
    case HSE_REQ_DONE_WITH_SESSION: end_request(request); return TRUE;
    default: return refuse(ERROR_INVALID_PARAMETER);
    }
}

/* ---- interface ---- */

void host_begin(struct host *host, const struct request_plan *plan)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        die("out of memory");
    request->state = ALIVE;
    request->host = host;
    request->plan = *plan;
    request->body_read = plan->available;
    EXTENSION_CONTROL_BLOCK *block = &request->block;
    block->cbSize = sizeof *block;
    block->dwVersion = MAKELONG(0, 6);
    block->ConnID = request;
    block->dwHttpStatusCode = 200;
    block->lpszMethod = (char *)(ULONG_PTR)plan->method;
    block->lpszQueryString = (char *)(ULONG_PTR)plan->query;
    block->lpszPathInfo = (char *)"/app/x.fcgi";
    block->lpszPathTranslated = (char *)"C:\\site\\app\\x.fcgi";
    block->lpszContentType = (char *)"";
    block->cbTotalBytes = plan->body_len;
    block->cbAvailable = plan->available;
    block->lpbData = (BYTE *)body_bytes;
    block->GetServerVariable = get_variable;
    block->WriteClient = write_client;
    block->ReadClient = read_client;
    block->ServerSupportFunction = server_support;
    InterlockedIncrement(&host->totals.begun);
    LARGE_INTEGER before, after, frequency;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&before);
    DWORD status = host->proc(block);
    QueryPerformanceCounter(&after);
    host->begin_ns = (double)(after.QuadPart - before.QuadPart) * 1e9 / (double)frequency.QuadPart;
    if (status == HSE_STATUS_PENDING)
        return; /* it may have ended already */
    if (status == HSE_STATUS_ERROR)
        InterlockedIncrement(&host->totals.refused);
    end_request(request);
}

bool host_wait_all(struct host *host, DWORD timeout_ms)
{
    DWORD begun = GetTickCount();
    while (host->totals.ended != host->totals.begun) {
        DWORD spent = GetTickCount() - begun;
        if (spent >= timeout_ms || WaitForSingleObject(host->all_ended, timeout_ms - spent) != WAIT_OBJECT_0)
            return host->totals.ended == host->totals.begun;
    }
    return true;
}

void host_open(struct host *host, const WCHAR *dll_path, enum completions completions)
{
    HSE_VERSION_INFO info;
    ZeroMemory(host, sizeof *host);
    memset(body_bytes, 'b', sizeof body_bytes);
    host->completions = completions;
    host->all_ended = CreateEventW(NULL, FALSE, FALSE, NULL);
    host->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    for (size_t i = 0; i < ARRAYSIZE(host->threads); i++)
        host->threads[i] = CreateThread(NULL, 0, run_completions, host, 0, NULL);
    host->dll = LoadLibraryW(dll_path);
    if (!host->dll)
        die("cannot load the DLL: error %lu", GetLastError());
    host->version = (BOOL(WINAPI *)(HSE_VERSION_INFO *))(void *)GetProcAddress(host->dll, "GetExtensionVersion");
    host->proc = (DWORD(WINAPI *)(EXTENSION_CONTROL_BLOCK *))(void *)GetProcAddress(host->dll, "HttpExtensionProc");
    host->terminate = (BOOL(WINAPI *)(DWORD))(void *)GetProcAddress(host->dll, "TerminateExtension");
    if (!host->version || !host->proc || !host->terminate)
        die("an export is missing");
    if (!host->version(&info))
        die("GetExtensionVersion failed: error %lu", GetLastError());
}

void host_close(struct host *host)
{
    host->terminate(HSE_TERM_MUST_UNLOAD);
    if (host->totals.ended != host->totals.begun)
        die("rule: %ld requests were still open when TerminateExtension returned", host->totals.begun - host->totals.ended);
    FreeLibrary(host->dll);
    for (size_t i = 0; i < ARRAYSIZE(host->threads); i++)
        PostQueuedCompletionStatus(host->port, 0, 0, NULL);
    WaitForMultipleObjects(ARRAYSIZE(host->threads), host->threads, TRUE, INFINITE);
    for (size_t i = 0; i < ARRAYSIZE(host->threads); i++)
        CloseHandle(host->threads[i]);
    CloseHandle(host->port);
    CloseHandle(host->all_ended);
}
