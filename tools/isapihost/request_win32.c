/* Slots, the course of a request, and who executes its operations when:
 *   inline  the caller of the asynchronous function, inside that call;
 *   thread  the connection's thread once HttpExtensionProc has returned, before that a thread of the system's pool, so that a
 *           completion can overtake the return as it can under IIS;
 *   late    a thread of the pool, some milliseconds after HttpExtensionProc has returned. */
#include "tools/isapihost/request_win32.h"

#include "tools/isapihost/extension_win32.h"
#include "tools/isapihost/text_win32.h"
#include "tools/isapihost/token_win32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SLOTS = 4095, INDEX_BITS = 12, PAST_COUNT = 1024 };

static CRITICAL_SECTION slot_lock;
static struct host_request *slots[MAX_SLOTS];
static unsigned slot_count;
static struct host_request *free_slots;
static uintptr_t generation;
static volatile LONG in_flight;

volatile LONG request_unhealthy_reports;

/* With --strict: what the latest requests were, for calls that come after their end. Under slot_lock. */
static struct {
    uintptr_t cookie;
    char label[REQUEST_LABEL_SIZE];
} past[PAST_COUNT];

void request_init(void)
{
    InitializeCriticalSection(&slot_lock);
}

static struct host_request *new_slot(void)
{
    struct host_request *request = slot_count < MAX_SLOTS ? calloc(1, sizeof *request) : NULL;
    if (request == NULL)
        return NULL;
    request->wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    if (request->wake == NULL) {
        free(request);
        return NULL;
    }
    InitializeCriticalSection(&request->lock);
    request->index = slot_count;
    slots[slot_count++] = request;
    return request;
}

static struct host_request *open_slot(void)
{
    EnterCriticalSection(&slot_lock);
    struct host_request *request = free_slots;
    if (request != NULL)
        free_slots = request->next_free;
    else
        request = new_slot();
    uintptr_t cookie = request != NULL ? ++generation << INDEX_BITS | (request->index + 1) : 0;
    LeaveCriticalSection(&slot_lock);
    if (request == NULL)
        return NULL;
    InterlockedIncrement(&in_flight);
    EnterCriticalSection(&request->lock);
    request->cookie = cookie;
    request->conduct = (struct conduct){0};
    request->inside = 0;
    request->returned = request->done = request->hung_up = false;
    request->done_status = HSE_STATUS_SUCCESS;
    request->op_state = OP_NONE;
    request->completion = NULL;
    request->cancel_read = 0;
    request->bytes_read = 0;
    request->exec_status = (HSE_EXEC_URL_STATUS){0};
    request->exec_done = request->exec_keep = request->token_given = false;
    request->owner_thread = GetCurrentThreadId();
    LeaveCriticalSection(&request->lock);
    return request;
}

static void close_slot(struct host_request *request)
{
    EnterCriticalSection(&request->lock);
    request->cookie = 0;
    request->session = NULL;
    LeaveCriticalSection(&request->lock);
    InterlockedDecrement(&in_flight);
    EnterCriticalSection(&slot_lock);
    request->next_free = free_slots;
    free_slots = request;
    LeaveCriticalSection(&slot_lock);
}

unsigned request_count_in_flight(void)
{
    return (unsigned)in_flight;
}

static void die(const char *label, const char *what)
{
    fprintf(stderr, "isapihost: strict: %s: %s\n", label, what);
    fflush(stderr);
    TerminateProcess(GetCurrentProcess(), 3);
}

struct host_request *request_enter(HCONN cookie, const char *call)
{
    uintptr_t value = (uintptr_t)cookie;
    unsigned index = (unsigned)(value & ((1u << INDEX_BITS) - 1)) - 1;
    struct host_request *request = index < MAX_SLOTS ? slots[index] : NULL;
    bool valid = false;
    if (request != NULL) {
        EnterCriticalSection(&request->lock);
        valid = request->cookie == value && !(request->done && request->inside == 0);
        if (valid)
            ++request->inside;
        LeaveCriticalSection(&request->lock);
    }
    if (valid)
        return request;
    if (session_options->strict) {
        unsigned i = (unsigned)((value >> INDEX_BITS) % PAST_COUNT);
        EnterCriticalSection(&slot_lock);
        die(past[i].cookie == value ? past[i].label : "a ConnID that no request has", call);
        LeaveCriticalSection(&slot_lock);
    }
    SetLastError(ERROR_INVALID_PARAMETER);
    return NULL;
}

/* The owner itself looks again before it waits. */
static void wake_owner(struct host_request *request)
{
    if (GetCurrentThreadId() != request->owner_thread)
        SetEvent(request->wake);
}

void request_leave(struct host_request *request)
{
    EnterCriticalSection(&request->lock);
    if (--request->inside == 0 && request->done)
        wake_owner(request);
    LeaveCriticalSection(&request->lock);
}

void request_breach(struct host_request *request, const char *what)
{
    if (session_options->strict)
        die(request->label, what);
}

void request_fault(struct host_request *request, const char *fault)
{
    if (fault != NULL)
        request_breach(request, fault);
}

bool request_note(struct host_request *request, enum conduct_event event)
{
    EnterCriticalSection(&request->lock);
    const char *breach = conduct_note(&request->conduct, event);
    LeaveCriticalSection(&request->lock);
    if (breach != NULL) {
        request_breach(request, breach);
        SetLastError(ERROR_INVALID_PARAMETER);
    }
    return breach == NULL;
}

/* ---- operations */

/* Performs the operation of the request and calls the extension back. Counts itself out of the request. */
static void run_operation(struct host_request *request)
{
    DWORD bytes = 0;
    struct io_op op = request->op;
    EXTENSION_CONTROL_BLOCK *ecb = request->ecb;
    DWORD error = io_perform(request, &op, &bytes);
    EnterCriticalSection(&request->lock);
    conduct_note(&request->conduct, CONDUCT_ASYNC_END);
    request->op_state = OP_NONE;
    request->cancel_read = 0;
    LeaveCriticalSection(&request->lock);
    io_free(&op);
    op.completion(ecb, op.context, bytes, error);
    request_leave(request);
}

static DWORD WINAPI pool_work(void *context)
{
    run_operation(context);
    return 0;
}

/* To a thread of the pool; if there is none, here. */
static void run_on_pool(struct host_request *request)
{
    if (!QueueUserWorkItem(pool_work, request, WT_EXECUTELONGFUNCTION))
        run_operation(request);
}

BOOL request_submit(struct host_request *request, const struct io_op *op)
{
    enum completions when = session_options->completions;
    bool queued = false;
    EnterCriticalSection(&request->lock);
    const char *breach = conduct_note(&request->conduct, CONDUCT_ASYNC_BEGIN);
    if (breach == NULL) {
        request->op = *op;
        if (op->completion == NULL) {
            request->op.completion = request->completion;
            request->op.context = request->completion_context;
        }
        request->op_queued_ms = GetTickCount();
        queued = when == COMPLETIONS_LATE || (when == COMPLETIONS_THREAD && request->returned);
        request->op_state = queued ? OP_QUEUED : OP_RUNNING;
        ++request->inside;
        if (queued && request->returned)
            wake_owner(request);
    }
    LeaveCriticalSection(&request->lock);
    if (breach != NULL) {
        struct io_op refused = *op;
        io_free(&refused);
        request_breach(request, breach);
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    if (!queued && when == COMPLETIONS_INLINE)
        run_operation(request);
    else if (!queued)
        run_on_pool(request);
    return TRUE;
}

/* The connection's thread: executes operations until the request has ended and nobody is inside. */
static void serve_until_done(struct host_request *request)
{
    bool late = session_options->completions == COMPLETIONS_LATE;
    while (true) {
        DWORD wait_ms = INFINITE;
        bool run = false;
        EnterCriticalSection(&request->lock);
        if (request->op_state == OP_QUEUED) {
            DWORD age = GetTickCount() - request->op_queued_ms;
            run = !late || age >= session_options->late_ms;
            if (run)
                request->op_state = OP_RUNNING;
            else
                wait_ms = session_options->late_ms - age;
        }
        bool ended = request->done && request->inside == 0;
        LeaveCriticalSection(&request->lock);
        if (ended)
            return;
        if (run && late)
            run_on_pool(request);
        else if (run)
            run_operation(request);
        else
            WaitForSingleObject(request->wake, wait_ms);
    }
}

BOOL request_done(struct host_request *request, DWORD status)
{
    if (!request_note(request, CONDUCT_DONE))
        return FALSE;
    EnterCriticalSection(&request->lock);
    request->done_status = status;
    request->done = true; /* the thread is woken by request_leave */
    LeaveCriticalSection(&request->lock);
    return TRUE;
}

/* ---- the course of a request */

static bool fill_target(struct host_request *request)
{
    struct host_session *session = request->session;
    const struct host_options *options = session_options;
    const struct host_site *site = session->site;
    const struct route *route = &request->route;
    const char *url = session->url;
    request->path_info = options->allow_path_info ? url + route->script_len : url;
    size_t info_len = strlen(request->path_info);
    if (!route_map(options, site, url, route->script_len, request->script_translated, sizeof request->script_translated) ||
        !route_app_folder(options, site, route->app, request->app_folder, sizeof request->app_folder) ||
        !route_metabase_path(site, route->app, request->metabase_path, sizeof request->metabase_path))
        return false;
    request->path_translated[0] = '\0';
    /* Without path info PATH_TRANSLATED is the root, as IIS has it. */
    if (!route_map(options, site, info_len > 0 ? request->path_info : "/", info_len > 0 ? info_len : 1,
                   request->path_translated, sizeof request->path_translated))
        return false;
    request->target = (struct request_target){
        .url = url,
        .script_len = route->script_len,
        .path_info = request->path_info,
        .path_translated = request->path_translated,
        .script_translated = request->script_translated,
        .metabase_path = request->metabase_path,
        .app_folder = request->app_folder,
        .site_id = site->id,
    };
    request->vars = (struct var_source){.facts = &session->facts, .target = &request->target, .iis = options->iis};
    return true;
}

/* Copies text to *at and moves *at behind it. */
static char *place(char **at, const char *end, const char *text, bool to_ansi)
{
    char *start = *at;
    size_t len = strlen(text);
    size_t room = (size_t)(end - start) - 1;
    if (to_ansi && !text_is_ascii(text, len))
        len = text_to_ansi(text, len, start, room);
    else
        memcpy(start, text, len);
    start[len] = '\0';
    *at = start + len + 1;
    return start;
}

/* The ECB, its strings and the first bytes of the body, in one piece of memory. */
static bool make_ecb(struct host_request *request)
{
    struct host_session *session = request->session;
    const struct request_facts *facts = &session->facts;
    const char *type = request_header(facts, "Content-Type");
    size_t preload = session_options->preload_bytes;
    if (facts->content_length < (int64_t)preload && facts->content_length != CONTENT_LENGTH_CHUNKED)
        preload = facts->content_length > 0 ? (size_t)facts->content_length : 0;
    if (body_is_at_end(&session->body))
        preload = 0;
    size_t text_size = strlen(facts->method) + strlen(facts->query) + strlen(request->path_info) +
                       strlen(request->path_translated) + (type != NULL ? strlen(type) : 0) + 8;
    request->arena_size = sizeof(EXTENSION_CONTROL_BLOCK) + text_size + preload;
    request->arena = arena_open(request->arena_size);
    if (request->arena == NULL)
        return false;
    EXTENSION_CONTROL_BLOCK *ecb = request->ecb = request->arena;
    memset(ecb, 0, sizeof *ecb);
    char *at = (char *)(ecb + 1);
    const char *end = at + text_size;
    ecb->lpszMethod = place(&at, end, facts->method, false);
    ecb->lpszQueryString = place(&at, end, facts->query, false);
    ecb->lpszPathInfo = place(&at, end, request->path_info, true);
    ecb->lpszPathTranslated = place(&at, end, request->path_translated, true);
    ecb->lpszContentType = place(&at, end, type != NULL ? type : "", false);
    ecb->lpbData = (LPBYTE)at;
    while (ecb->cbAvailable < preload) {
        size_t len = 0;
        if (session_read(session, at + ecb->cbAvailable, preload - ecb->cbAvailable, SESSION_NOWAIT, NULL, &len) != 0 ||
            len == 0)
            break;
        ecb->cbAvailable += (DWORD)len;
    }
    request->bytes_read = ecb->cbAvailable;
    ecb_init(request, ecb);
    return true;
}

static DWORD total_bytes(const struct host_session *session)
{
    int64_t length = session->facts.content_length;
    if (length == CONTENT_LENGTH_CHUNKED || length >= 0xFFFFFFFF)
        return 0xFFFFFFFF;
    return length > 0 ? (DWORD)length : 0;
}

/* HttpExtensionProc and, if it says so, the time until DONE_WITH_SESSION. Returns the final status. */
static DWORD call_extension(struct host_request *request, PFN_HTTPEXTENSIONPROC proc)
{
    DWORD status = proc(request->ecb);
    if (status != HSE_STATUS_PENDING && request_note(request, CONDUCT_RETURN)) {
        EnterCriticalSection(&request->lock);
        request->done_status = status;
        request->done = true;
        LeaveCriticalSection(&request->lock);
    }
    EnterCriticalSection(&request->lock);
    request->returned = true;
    LeaveCriticalSection(&request->lock);
    serve_until_done(request);
    return request->done_status;
}

/* What the session owes the client when the extension has ended. Returns whether the connection may be kept. */
static bool conclude(struct host_request *request, DWORD status)
{
    struct host_session *session = request->session;
    bool started = session->head_built || session->raw_sent;
    if (session_options->strict && request->token_given && !token_is_valid())
        request_breach(request, "the impersonation token, which is the host's, has been closed");
    if (!started && !request->hung_up && !session->gone) {
        if (status != HSE_STATUS_ERROR)
            request_breach(request, "the request ended without a response");
        session->close = true;
        session_error_page(session, 500, NULL, "The extension has not answered this request.");
        return false;
    }
    if (status == HSE_STATUS_ERROR || request->hung_up || session->gone || !session->head_built)
        return false;
    request_fault(request, response_end(&session->plan));
    return request->exec_done ? request->exec_keep : status == HSE_STATUS_SUCCESS_AND_KEEP_CONN;
}

static void remember(const struct host_request *request)
{
    if (!session_options->strict)
        return;
    unsigned i = (unsigned)((request->cookie >> INDEX_BITS) % PAST_COUNT);
    EnterCriticalSection(&slot_lock);
    past[i].cookie = request->cookie;
    memcpy(past[i].label, request->label, sizeof past[i].label);
    LeaveCriticalSection(&slot_lock);
}

bool request_run(struct host_session *session, const struct route *route, struct host_request *parent)
{
    bool keep = false;
    struct host_request *request = open_slot();
    PFN_HTTPEXTENSIONPROC proc = request != NULL ? extension_enter(parent != NULL) : NULL;
    if (request != NULL) {
        request->session = session;
        request->route = *route;
        request->parent = parent;
        request->depth = parent != NULL ? parent->depth + 1 : 0;
        snprintf(request->label, sizeof request->label, "request %u (%s %.100s)", session->number, session->facts.method,
                 session->facts.raw_url);
        remember(request);
    }
    if (proc == NULL) {
        session_error_page(session, 503, NULL, "The extension cannot be loaded, or too many requests are in flight.");
    } else if (!fill_target(request) || !make_ecb(request)) {
        session_error_page(session, 414, NULL, "The path is too long.");
    } else {
        request->ecb->cbTotalBytes = total_bytes(session);
        keep = conclude(request, call_extension(request, proc));
        session->log_status = request->ecb->dwHttpStatusCode;
        session_append_log(session, request->ecb->lpszLogData, HSE_LOG_BUFFER_LEN);
        arena_close(request->arena, request->arena_size, request->label);
    }
    if (request != NULL)
        close_slot(request);
    if (proc != NULL)
        extension_leave();
    return keep;
}
