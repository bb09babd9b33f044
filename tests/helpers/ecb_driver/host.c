/* host: see host.h. The rules that it watches: completion callback first; one asynchronous operation at a time, headers
 * among them; headers once, before anything else, nothing after the final send; no call that may block; DONE_WITH_SESSION
 * once, with no operation outstanding, and no status after it but PENDING; no call afterwards, no touch of the ECB; a thread is given
 * back with the token that it came with, and no token of ours is closed.
 *
 * Each ECB has a page of its own, out of bounds from its end on. Requests and pages are used again in turn, so late that
 * nothing of this program's gets there. */
#include "tests/helpers/ecb_driver/host.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/ecb_driver/users.h"

const char *const fault_names[FAULT_COUNT] = {
    "none",    "no-io-completion", "no-vector-send", "no-send",      "no-reason", "send-breaks", "sync-read",
    "no-read", "read-breaks",      "read-ends",      "no-variables", "no-token",  "no-exec-url", "exec-url-breaks"};

enum state { UNUSED, ALIVE, ENDED };
enum { REQUESTS = 16384, PAGE_LEN = 4096, MAX_BODY = 64 * 1024 };
_Static_assert(sizeof(EXTENSION_CONTROL_BLOCK) <= PAGE_LEN, "a page for each ECB");

struct request {
    EXTENSION_CONTROL_BLOCK *block;
    volatile LONG state;
    struct host *host;
    struct request_plan plan;
    PFN_HSE_IO_COMPLETION done;
    void *context;
    volatile LONG outstanding;
    bool headers_sent, final_sent;
    unsigned status;
    unsigned reads, sends;
    uint32_t body_read;
    uint64_t sent;
    double begun_ns;
    double left_ns; /* when IS_CONNECTED said no */
    /* of the outstanding operation */
    DWORD len, error;
};

static char body_bytes[USERS][MAX_BODY];
static struct request requests[REQUESTS];
static volatile LONG requests_used;
static char *pages; /* REQUESTS of them */

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("ecb_driver: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    fflush(NULL);
    TerminateProcess(GetCurrentProcess(), 3); /* an orderly exit would wait for what we found broken */
    abort();
}

static struct request *of(HCONN connection, const char *call)
{
    struct request *request = (struct request *)connection;
    if (request->state != ALIVE)
        die("rule: %s after the end of the session", call);
    InterlockedIncrement(&request->host->totals.calls);
    return request;
}

static void add_sample(struct samples *samples, double ns)
{
    LONG index = InterlockedIncrement(&samples->count) - 1;
    if (index < SAMPLES_LEN)
        samples->ns[index] = ns;
    else
        InterlockedDecrement(&samples->count);
}

/* ---- ECBs ---- */

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *info)
{
    const EXCEPTION_RECORD *record = info->ExceptionRecord;
    char *address = record->NumberParameters >= 2 ? (char *)record->ExceptionInformation[1] : NULL;
    if (record->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && address >= pages && address < pages + REQUESTS * PAGE_LEN)
        die("rule: the ECB is touched after the end of the session");
    return EXCEPTION_CONTINUE_SEARCH;
}

/* All is in use from the begin on: what is measured later is the DLL's own. */
static void make_pages(void)
{
    if (pages)
        return;
    pages = VirtualAlloc(NULL, REQUESTS * PAGE_LEN, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!pages || !AddVectoredExceptionHandler(1, on_exception))
        die("no room for ECBs");
    memset(pages, 0xcc, REQUESTS * PAGE_LEN);
    for (size_t i = 0; i < REQUESTS; i++)
        requests[i].status = 1;
    for (unsigned user = 0; user < USERS; user++)
        memset(body_bytes[user], user_letters[user], MAX_BODY);
    users_make();
}

static void protect(void *page, DWORD access)
{
    DWORD before;
    if (!VirtualProtect(page, PAGE_LEN, access, &before))
        die("VirtualProtect failed: error %lu", GetLastError());
}

static struct request *new_request(const struct host *host)
{
    LONG index = (InterlockedIncrement(&requests_used) - 1) & (REQUESTS - 1);
    struct request *request = &requests[index];
    if (request->state == ALIVE)
        die("more than %d requests at once", REQUESTS);
    bool again = request->state == ENDED && !host->unguarded;
    ZeroMemory(request, sizeof *request);
    request->block = (EXTENSION_CONTROL_BLOCK *)(void *)(pages + (size_t)index * PAGE_LEN);
    if (again)
        protect(request->block, PAGE_READWRITE);
    return request;
}

/* ---- the end ---- */

static void note_end(struct host *host)
{
    if (host->refills_to_post > 0) {
        double now = now_ns();
        InterlockedDecrement(&host->refills_to_post);
        if (host->last_end_ns > 0)
            add_sample(&host->hand_off, now - host->last_end_ns);
        host->last_end_ns = now;
        PostQueuedCompletionStatus(host->port, 0, (ULONG_PTR)host, NULL);
    }
    if (InterlockedIncrement(&host->totals.ended) >= host->ended_wanted)
        SetEvent(host->ended_enough);
}

static void end_request(struct request *request)
{
    struct host *host = request->host;
    if (InterlockedExchange(&request->state, ENDED) != ALIVE)
        die("rule: the session ended twice");
    if (request->outstanding)
        die("rule: the session ended with an operation outstanding");
    if (request->left_ns > 0)
        add_sample(&host->leaving, now_ns() - request->left_ns);
    if (!host->unguarded)
        protect(request->block, PAGE_NOACCESS);
    struct ended ended = {.status = request->status, .sent = request->sent, .begun_ns = request->begun_ns};
    InterlockedIncrement(&host->totals.answered[request->status / 100 % 6]);
    if (host->on_end)
        host->on_end(host, &ended);
    note_end(host); /* whoever waits for the end finds all done */
}

/* ---- completions ---- */

static void complete(struct request *request)
{
    DWORD len = request->len, error = request->error;
    PFN_HSE_IO_COMPLETION done = request->done;
    struct visit visit = {.acts = request->host->acts_as_users};
    InterlockedExchange(&request->outstanding, 0); /* the DLL may begin the next one inside */
    visit_begin(&visit, request->plan.user);
    done(request->block, request->context, len, error);
    visit_end(&visit);
}

static void refill(struct host *host)
{
    add_sample(&host->arrival, host_begin(host, &host->refill_plan));
    if (InterlockedDecrement(&host->refills_to_begin) == 0)
        SetEvent(host->refilled);
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
        if (key == (ULONG_PTR)host)
            refill(host);
        else
            complete((struct request *)key);
    }
    return 0;
}

/* It completes when host_resume says so. */
static bool pauses(struct request *request)
{
    if (request->plan.client != CLIENT_PAUSES || request->reads != 1)
        return false;
    request->host->pausing = request;
    return true;
}

static BOOL begin_operation(struct request *request, DWORD len, DWORD error)
{
    if (!request->done)
        die("rule: an asynchronous operation without a completion callback");
    if (InterlockedExchange(&request->outstanding, 1))
        die("rule: two operations outstanding");
    request->len = len;
    request->error = error;
    if (pauses(request))
        SetEvent(request->host->paused);
    else if (request->host->completions == COMPLETIONS_INLINE)
        complete(request);
    else if (request->host->completions != COMPLETIONS_HELD)
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
    for (size_t i = 0; request->plan.more && request->plan.more[i][0]; i++)
        if (strcmp(name, request->plan.more[i][0]) == 0)
            return request->plan.more[i][1];
    if (strcmp(name, "REQUEST_METHOD") == 0)
        return request->plan.method;
    if (strcmp(name, "QUERY_STRING") == 0)
        return request->plan.query;
    const struct path_plan *path = request->plan.path;
    if (path && (strcmp(name, "SCRIPT_NAME") == 0 || strcmp(name, "URL") == 0))
        return path->script;
    if (path && strcmp(name, "PATH_INFO") == 0)
        return path->info;
    if (path && strcmp(name, "PATH_TRANSLATED") == 0)
        return path->translated;
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

static void keep_answer(struct request *request, const void *bytes, size_t len)
{
    struct host *host = request->host;
    if (!request->plan.keep_answer)
        return;
    if (host->answer_len + len >= ANSWER_LEN)
        die("the answer to be kept is too long");
    memcpy(host->answer + host->answer_len, bytes, len);
    host->answer_len += len;
    host->answer[host->answer_len] = '\0';
}

static BOOL send_something(struct request *request, DWORD len)
{
    enum client client = request->plan.client;
    bool breaks = request->plan.fault == FAULT_SEND_BREAKS || client == CLIENT_LEAVES_QUEUE;
    if (client == CLIENT_LEAVES_ANSWER && request->sends++)
        breaks = true;
    request->sent += len;
    return begin_operation(request, breaks ? 0 : len, breaks ? ERROR_NETNAME_DELETED : 0);
}

static BOOL WINAPI write_client(HCONN connection, LPVOID buffer, LPDWORD len, DWORD flags)
{
    struct request *request = of(connection, "WriteClient");
    (void)buffer;
    if (!(flags & HSE_IO_ASYNC))
        die("rule: a write that may block");
    if (!request->headers_sent)
        die("rule: a body before the headers");
    return fault_stops_sends(request->plan.fault) ? refuse(fault_error(request->plan.fault)) : send_something(request, *len);
}

/* -> bytes read */
static DWORD take_body(struct request *request, void *buffer, DWORD len)
{
    uint32_t unread = request->plan.body_len - request->body_read;
    if (len > unread)
        len = unread;
    if (len > MAX_BODY)
        len = MAX_BODY;
    memcpy(buffer, body_bytes[request->plan.user], len);
    request->body_read += len;
    return len;
}

static BOOL WINAPI read_client(HCONN connection, LPVOID buffer, LPDWORD len)
{
    struct request *request = of(connection, "ReadClient");
    enum fault fault = request->plan.fault;
    if (fault != FAULT_SYNC_READ && fault != FAULT_NO_READ)
        die("rule: a read that may block");
    for (size_t i = 0; i < ARRAYSIZE(request->host->thread_ids); i++)
        if (request->host->thread_ids[i] == GetCurrentThreadId())
            die("rule: a read that may block on a thread of the host's");
    if (InterlockedExchange(&request->outstanding, 1))
        die("rule: two operations outstanding");
    if (fault == FAULT_SYNC_READ)
        *len = take_body(request, buffer, *len);
    InterlockedExchange(&request->outstanding, 0);
    return fault == FAULT_SYNC_READ ? TRUE : refuse(ERROR_INVALID_PARAMETER);
}

static void take_status(struct request *request, const char *status)
{
    if (request->headers_sent)
        die("rule: headers sent twice");
    request->headers_sent = true;
    request->status = (unsigned)atoi(status);
    if (request->block->dwHttpStatusCode != request->status)
        die("rule: dwHttpStatusCode is %lu, sent was %u", request->block->dwHttpStatusCode, request->status);
}

static BOOL vector_send(struct request *request, const HSE_RESPONSE_VECTOR *vector)
{
    DWORD len = 0;
    if (request->plan.fault == FAULT_NO_VECTOR_SEND || fault_stops_sends(request->plan.fault))
        return refuse(fault_error(request->plan.fault));
    if (!(vector->dwFlags & HSE_IO_ASYNC))
        die("rule: a send that may block");
    if (request->final_sent)
        die("rule: a send after the final one");
    request->final_sent = (vector->dwFlags & HSE_IO_FINAL_SEND) != 0;
    if (vector->dwFlags & HSE_IO_SEND_HEADERS) {
        take_status(request, vector->pszStatus);
        keep_answer(request, vector->pszHeaders, strlen(vector->pszHeaders));
    } else if (!request->headers_sent) {
        die("rule: a body before the headers");
    }
    for (DWORD i = 0; i < vector->nElementCount; len += (DWORD)vector->lpElementArray[i++].cbSize)
        keep_answer(request, vector->lpElementArray[i].pvContext, (size_t)vector->lpElementArray[i].cbSize);
    return send_something(request, len);
}

static BOOL read_async(struct request *request, void *buffer, DWORD len)
{
    enum fault fault = request->plan.fault;
    if (fault == FAULT_NO_READ || fault == FAULT_SYNC_READ)
        return refuse(ERROR_INVALID_PARAMETER);
    bool left = request->plan.client == CLIENT_LEAVES_QUEUE || (request->plan.client == CLIENT_LEAVES_BODY && request->reads);
    request->reads++;
    if (fault == FAULT_READ_BREAKS || fault == FAULT_READ_ENDS || left)
        return begin_operation(request, 0, fault == FAULT_READ_ENDS ? 0 : ERROR_NETNAME_DELETED);
    return begin_operation(request, take_body(request, buffer, len), 0);
}

static BOOL is_connected(struct request *request)
{
    InterlockedIncrement(&request->host->totals.probes);
    if (request->plan.client != CLIENT_LEAVES_QUEUE)
        return TRUE;
    request->left_ns = now_ns();
    return FALSE;
}

/* The answer of a host that serves the file itself. */
static BOOL exec_url(struct request *request, const HSE_EXEC_URL_INFO *info)
{
    static const HSE_EXEC_URL_INFO same = {.dwExecUrlFlags = HSE_EXEC_URL_IGNORE_CURRENT_INTERCEPTOR};
    if (memcmp(info, &same, sizeof same) != 0)
        die("rule: what is handed back is not the request as it came");
    if (request->plan.fault == FAULT_NO_EXEC_URL)
        return refuse(ERROR_INVALID_PARAMETER);
    if (request->plan.fault == FAULT_EXEC_URL_BREAKS)
        return begin_operation(request, 0, ERROR_INVALID_PARAMETER);
    request->headers_sent = request->final_sent = true;
    request->status = 200;
    InterlockedIncrement(&request->host->totals.handed_back);
    return begin_operation(request, 0, 0);
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
    case HSE_REQ_IS_CONNECTED: *(BOOL *)buffer = is_connected(request); return TRUE;
    case HSE_REQ_VECTOR_SEND: return vector_send(request, buffer);
    case HSE_REQ_SEND_RESPONSE_HEADER_EX:
        if (fault_stops_sends(request->plan.fault))
            return refuse(fault_error(request->plan.fault));
        if (request->outstanding)
            die("rule: headers with an operation outstanding");
        take_status(request, ((HSE_SEND_HEADER_EX_INFO *)buffer)->pszStatus);
        return TRUE;
    case HSE_REQ_ASYNC_READ_CLIENT: return read_async(request, buffer, *size);
    case HSE_REQ_CLOSE_CONNECTION: return TRUE;
    case HSE_REQ_GET_IMPERSONATION_TOKEN:
        if (request->plan.fault == FAULT_NO_TOKEN)
            return refuse(ERROR_INVALID_PARAMETER);
        *(HANDLE *)buffer = user_token(request->plan.user);
        return TRUE;
    case HSE_REQ_EXEC_URL: return exec_url(request, buffer);
    case HSE_REQ_GET_EXEC_URL_STATUS: ZeroMemory(buffer, sizeof(HSE_EXEC_URL_STATUS)); return TRUE;
    case HSE_REQ_DONE_WITH_SESSION: end_request(request); return TRUE;
    default: return refuse(ERROR_INVALID_PARAMETER);
    }
}

/* ---- interface ---- */

double host_begin(struct host *host, const struct request_plan *plan)
{
    struct request *request = new_request(host);
    request->host = host;
    request->plan = *plan;
    request->body_read = plan->available;
    EXTENSION_CONTROL_BLOCK *block = request->block;
    ZeroMemory(block, sizeof *block);
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
    block->lpbData = (BYTE *)body_bytes[plan->user];
    block->GetServerVariable = get_variable;
    block->WriteClient = write_client;
    block->ReadClient = read_client;
    block->ServerSupportFunction = server_support;
    request->state = ALIVE;
    InterlockedIncrement(&host->totals.begun);
    double before = now_ns();
    request->begun_ns = before;
    struct visit visit = {.acts = host->acts_as_users};
    visit_begin(&visit, plan->user);
    DWORD status = host->proc(block);
    double spent = now_ns() - before;
    visit_end(&visit);
    if (status == HSE_STATUS_PENDING)
        return spent; /* it may have ended already */
    if (status == HSE_STATUS_ERROR)
        InterlockedIncrement(&host->totals.refused);
    end_request(request);
    return spent;
}

bool host_wait_ended(struct host *host, LONG count, DWORD timeout_ms)
{
    DWORD begun = GetTickCount();
    InterlockedExchange(&host->ended_wanted, count);
    while (host->totals.ended < count) {
        DWORD spent = GetTickCount() - begun;
        if (spent >= timeout_ms || WaitForSingleObject(host->ended_enough, timeout_ms - spent) != WAIT_OBJECT_0)
            break;
    }
    InterlockedExchange(&host->ended_wanted, LONG_MAX);
    return host->totals.ended >= count;
}

bool host_wait_all(struct host *host, DWORD timeout_ms)
{
    return host_wait_ended(host, host->totals.begun, timeout_ms);
}

bool host_wait_paused(struct host *host, DWORD timeout_ms)
{
    return WaitForSingleObject(host->paused, timeout_ms) == WAIT_OBJECT_0;
}

void host_resume(struct host *host)
{
    struct request *request = host->pausing;
    host->pausing = NULL;
    request->plan.client = CLIENT_STAYS;
    complete(request);
}

void host_refill(struct host *host, const struct request_plan *plan, LONG count)
{
    host->refill_plan = *plan;
    host->last_end_ns = 0;
    host->arrival.count = host->hand_off.count = 0;
    InterlockedExchange(&host->refills_to_begin, count);
    InterlockedExchange(&host->refills_to_post, count);
}

bool host_wait_refilled(struct host *host, DWORD timeout_ms)
{
    return WaitForSingleObject(host->refilled, timeout_ms) == WAIT_OBJECT_0;
}

void host_open_with(struct host *host, extension_proc proc, enum completions completions)
{
    ZeroMemory(host, sizeof *host);
    make_pages();
    host->proc = proc;
    host->completions = completions;
    host->ended_wanted = LONG_MAX;
    host->ended_enough = CreateEventW(NULL, FALSE, FALSE, NULL);
    host->paused = CreateEventW(NULL, FALSE, FALSE, NULL);
    host->refilled = CreateEventW(NULL, FALSE, FALSE, NULL);
    host->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    for (size_t i = 0; i < ARRAYSIZE(host->threads); i++)
        host->threads[i] = CreateThread(NULL, 0, run_completions, host, 0, &host->thread_ids[i]);
    host->thread_ids[ARRAYSIZE(host->threads)] = GetCurrentThreadId();
}

void host_open(struct host *host, const WCHAR *dll_path, enum completions completions)
{
    HSE_VERSION_INFO info;
    host_open_with(host, NULL, completions);
    host->dll = LoadLibraryW(dll_path);
    if (!host->dll)
        die("cannot load the DLL: error %lu", GetLastError());
    host->version = (BOOL(WINAPI *)(HSE_VERSION_INFO *))(void *)GetProcAddress(host->dll, "GetExtensionVersion");
    host->proc = (extension_proc)(void *)GetProcAddress(host->dll, "HttpExtensionProc");
    host->terminate = (BOOL(WINAPI *)(DWORD))(void *)GetProcAddress(host->dll, "TerminateExtension");
    if (!host->version || !host->proc || !host->terminate)
        die("an export is missing");
    if (!host->version(&info))
        die("GetExtensionVersion failed: error %lu", GetLastError());
}

void host_close(struct host *host)
{
    if (host->dll)
        host->terminate(HSE_TERM_MUST_UNLOAD);
    if (host->totals.ended != host->totals.begun)
        die("rule: %ld requests are open after TerminateExtension", host->totals.begun - host->totals.ended);
    users_check();
    if (host->dll)
        FreeLibrary(host->dll);
    for (size_t i = 0; i < ARRAYSIZE(host->threads); i++)
        PostQueuedCompletionStatus(host->port, 0, 0, NULL);
    WaitForMultipleObjects(ARRAYSIZE(host->threads), host->threads, TRUE, INFINITE);
    for (size_t i = 0; i < ARRAYSIZE(host->threads); i++)
        CloseHandle(host->threads[i]);
    HANDLE others[] = {host->port, host->ended_enough, host->paused, host->refilled};
    for (size_t i = 0; i < ARRAYSIZE(others); i++)
        CloseHandle(others[i]);
}
