/* The life of a session and its sending half; what reads is in session_read_win32.c.
 *
 * The socket never blocks: a wait is one of at most SESSION_SLICE_MS, between which the flags are looked at that end it. */
#include "tools/isapihost/session_win32.h"

#include "fcgiext/version.h"
#include "tools/isapihost/options.h"
#include "tools/isapihost/session_wait_win32.h"
#include "tools/isapihost/socket_wait_win32.h"
#include "tools/isapihost/url_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <process.h>
#include <windows.h>

const struct host_options *session_options;

static volatile LONG abandoned;
static volatile LONG last_number;

/* Sessions whose head may be held; see flush_held. */
static CRITICAL_SECTION list_lock;
static struct host_session **list;
static unsigned list_count;
static volatile LONG held_count;
static volatile LONG flusher_awake;
static HANDLE flusher_wake;
static HANDLE flusher_thread;
static volatile LONG flusher_stop;

void session_abandon_all(void)
{
    InterlockedExchange(&abandoned, 1);
}

bool session_wait_is_over(const struct host_session *session, const volatile LONG *cancel)
{
    return abandoned || session->gone || (cancel != NULL && *cancel);
}

struct host_session *session_create(void)
{
    struct host_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    InitializeCriticalSection(&session->send_lock);
    EnterCriticalSection(&list_lock);
    struct host_session **grown = realloc(list, (list_count + 1) * sizeof *list);
    if (grown != NULL) {
        list = grown;
        list[list_count++] = session;
    }
    LeaveCriticalSection(&list_lock);
    return session;
}

void session_destroy(struct host_session *session)
{
    if (session == NULL)
        return;
    EnterCriticalSection(&list_lock);
    for (unsigned i = 0; i < list_count; ++i)
        if (list[i] == session) {
            list[i] = list[--list_count];
            break;
        }
    LeaveCriticalSection(&list_lock);
    DeleteCriticalSection(&session->send_lock);
    free(session->head);
    free(session);
}

/* ---- begin and end */

/* A path whose escapes are no UTF-8 is meant in the ANSI code page. */
static unsigned normalize_url(struct host_session *session)
{
    char *url = session->url;
    size_t len = 0;
    switch (url_normalize(session->facts.raw_url, strlen(session->facts.raw_url), url, sizeof session->url, &len)) {
    case URL_BAD: return 400;
    case URL_TOO_LONG: return 414;
    case URL_OK: break;
    }
    if (url_is_utf8(url, len))
        return 0;
    WCHAR wide[SESSION_URL_SIZE];
    int count = MultiByteToWideChar(CP_ACP, 0, url, (int)len + 1, wide, SESSION_URL_SIZE);
    if (count == 0 || WideCharToMultiByte(CP_UTF8, 0, wide, count, url, sizeof session->url, NULL, NULL) == 0)
        return 400;
    return 0;
}

static void begin_body(struct host_session *session)
{
    if (session->facts.content_length == CONTENT_LENGTH_CHUNKED)
        body_init_chunked(&session->body);
    else
        body_init_length(&session->body, session->facts.content_length > 0 ? (uint64_t)session->facts.content_length : 0);
    session->read_ahead = civet_read_ahead(session->connection, &session->read_ahead_len);
    session->read_ahead_used = 0;
    session->expects_continue = session->response_request.is_http11 && !body_is_at_end(&session->body) &&
                                request_header_has(&session->facts, "Expect", "100-continue");
}

unsigned session_begin(struct host_session *session, struct mg_connection *connection, const struct host_site *site)
{
    session->connection = connection;
    session->socket = civet_socket(connection);
    session->number = (unsigned)InterlockedIncrement(&last_number);
    session->options = session_options;
    session->site = site;
    session->started_ms = GetTickCount();
    session->head_built = session->raw_sent = session->close = session->reset = session->read_closed = session->swallow = false;
    session->head_len = 0;
    session->head_held = 0;
    session->bytes_sent = 0;
    session->gone = 0;
    session->log_status = 0;
    session->log_text[0] = '\0';
    session->url[0] = '\0';
    memset(&session->plan, 0, sizeof session->plan);
    bool sound = civet_facts(connection, &session->facts, session->headers, session->local_addr, sizeof session->local_addr);
    const struct request_facts *facts = &session->facts;
    bool is_http11 = strcmp(facts->http_version, "1.1") == 0;
    session->response_request = (struct response_request){
        .is_head = strcmp(facts->method, "HEAD") == 0,
        .is_http11 = is_http11,
        .client_keeps = is_http11 ? !request_header_has(facts, "Connection", "close")
                                  : request_header_has(facts, "Connection", "keep-alive"),
    };
    begin_body(session);
    if (!sound) {
        session->close = true;
        return 400;
    }
    return normalize_url(session);
}

void session_end(struct host_session *session, bool keep)
{
    session_flush(session);
    if (session->plan.keep)
        response_end(&session->plan);
    keep = keep && session->plan.keep && !session->close && !session->gone && !abandoned && body_is_at_end(&session->body);
    civet_finish(session->connection, session->read_ahead_used, keep, session->reset);
}

/* ---- sending */

/* Waits until the socket takes bytes again. */
static DWORD wait_writable(struct host_session *session)
{
    DWORD start = GetTickCount();
    while (!session_wait_is_over(session, NULL)) {
        int ready = socket_wait(session->socket, FD_WRITE, SESSION_SLICE_MS);
        if (ready > 0)
            return 0;
        if (ready < 0)
            return ERROR_NETNAME_DELETED;
        if (GetTickCount() - start >= session->options->timeout_s * 1000)
            return ERROR_SEM_TIMEOUT;
    }
    return ERROR_OPERATION_ABORTED;
}

/* Sends all of the buffers, which are changed. Called with send_lock held. */
static DWORD send_all(struct host_session *session, WSABUF *buffers, unsigned count)
{
    while (count > 0) {
        DWORD sent = 0;
        if (buffers[0].len == 0) {
            ++buffers;
            --count;
            continue;
        }
        if (session_wait_is_over(session, NULL))
            return session->gone ? ERROR_NETNAME_DELETED : ERROR_OPERATION_ABORTED;
        if (WSASend(session->socket, buffers, count, &sent, 0, NULL, NULL) != 0) {
            DWORD error = WSAGetLastError() == WSAEWOULDBLOCK ? wait_writable(session) : ERROR_NETNAME_DELETED;
            if (error != 0) {
                InterlockedExchange(&session->gone, 1);
                return error;
            }
            continue;
        }
        session->bytes_sent += sent;
        while (sent > 0) {
            DWORD step = sent < buffers[0].len ? sent : buffers[0].len;
            buffers[0].buf += step;
            buffers[0].len -= step;
            sent -= step;
            if (buffers[0].len == 0) {
                ++buffers;
                --count;
            }
        }
    }
    return 0;
}

static void release_head(struct host_session *session)
{
    session->head_held = 0;
    session->head_len = 0;
    InterlockedDecrement(&held_count);
}

static void hold_head(struct host_session *session)
{
    session->held_since_ms = GetTickCount();
    session->head_held = 1;
    InterlockedIncrement(&held_count);
    if (!flusher_awake)
        SetEvent(flusher_wake);
}

static const char *http_date(char *date)
{
    SYSTEMTIME now;
    GetSystemTime(&now);
    response_date(date, now.wYear, now.wMonth, now.wDay, now.wDayOfWeek, now.wHour, now.wMinute, now.wSecond);
    return date;
}

DWORD session_head(struct host_session *session, const char *status, const char *headers, size_t headers_len, bool keep,
                   const char **fault)
{
    char date[RESPONSE_DATE_SIZE];
    struct response_head head = {.status = status, .headers = headers, .headers_len = headers_len};
    size_t used = 0;
    DWORD result = 0;
    /* What is left of the request's body would be taken for the next request. */
    head.keep = keep && !session->close && body_is_at_end(&session->body);
    head.server = "isapihost/" FCGIEXT_VERSION;
    head.date = http_date(date);
    *fault = NULL;
    EnterCriticalSection(&session->send_lock);
    size_t size = headers_len * 2 + (status != NULL ? strlen(status) : 0) + RESPONSE_HEAD_EXTRA;
    if (session->head_built || session->raw_sent) {
        result = ERROR_INVALID_STATE;
    } else if (size > session->head_size) {
        char *grown = realloc(session->head, size);
        if (grown == NULL)
            result = ERROR_NOT_ENOUGH_MEMORY;
        else {
            session->head = grown;
            session->head_size = size;
        }
    }
    if (result == 0) {
        session->head_len = response_head_build(&session->plan, &session->response_request, &head, session->head,
                                                session->head_size, &used, fault);
        session->head_built = true;
        size_t rest = headers_len - used;
        if (rest > 0) { /* the body's beginning stood behind the headers */
            const char *body_fault = response_body(&session->plan, headers + used, rest);
            memcpy(session->head + session->head_len, headers + used, rest);
            session->head_len += rest;
            *fault = *fault != NULL ? *fault : body_fault;
        }
        hold_head(session);
    }
    LeaveCriticalSection(&session->send_lock);
    return result;
}

DWORD session_send(struct host_session *session, const WSABUF *buffers, unsigned count, const char **fault)
{
    WSABUF all[SESSION_MAX_BUFFERS + 1];
    unsigned used = 0;
    *fault = NULL;
    EnterCriticalSection(&session->send_lock);
    if (!session->head_built)
        session->raw_sent = true;
    bool held = session->head_held != 0;
    if (held)
        all[used++] = (WSABUF){.buf = session->head, .len = (ULONG)session->head_len};
    for (unsigned i = 0; i < count && !session->swallow; ++i) {
        const char *body_fault = session->head_built ? response_body(&session->plan, buffers[i].buf, buffers[i].len) : NULL;
        *fault = *fault != NULL ? *fault : body_fault;
        all[used++] = buffers[i];
    }
    DWORD result = send_all(session, all, used);
    if (held)
        release_head(session);
    LeaveCriticalSection(&session->send_lock);
    return result;
}

DWORD session_flush(struct host_session *session)
{
    const char *fault;
    return session->head_held ? session_send(session, NULL, 0, &fault) : 0;
}

void session_error_page(struct host_session *session, unsigned status, const char *extra_headers, const char *text)
{
    char line[64];
    char headers[1024];
    char body[1024];
    const char *fault;
    WSABUF buffer = {.buf = body};
    snprintf(line, sizeof line, "%u %s", status, response_reason(status));
    buffer.len =
        (ULONG)snprintf(body, sizeof body,
                        "<!DOCTYPE html>\n<title>%s</title>\n<h1>%s</h1>\n<p>%s</p>\n<hr>\n<p>isapihost, for development and "
                        "tests</p>\n",
                        line, line, text);
    if (buffer.len >= sizeof body)
        buffer.len = sizeof body - 1;
    int len = snprintf(headers, sizeof headers, "%sContent-Type: text/html\r\nContent-Length: %lu\r\n\r\n",
                       extra_headers != NULL ? extra_headers : "", buffer.len);
    if (len < 0 || (size_t)len >= sizeof headers)
        len = snprintf(headers, sizeof headers, "Content-Type: text/html\r\nContent-Length: %lu\r\n\r\n", buffer.len);
    if (session_head(session, line, headers, (size_t)len, true, &fault) == 0 && !session->response_request.is_head)
        session_send(session, &buffer, 1, &fault);
}

void session_append_log(struct host_session *session, const char *text, size_t len)
{
    size_t used = strlen(session->log_text);
    size_t room = sizeof session->log_text - used;
    snprintf(session->log_text + used, room, "%s%.*s", used > 0 && len > 0 && text[0] != '\0' ? " " : "",
             len < room ? (int)len : (int)room, text);
}

/* One attempt, which waits for nobody: a sender at work has the head with it, and what the socket does not take stays held. */
static void send_held_at_once(struct host_session *session)
{
    WSABUF buffer;
    DWORD sent = 0;
    if (!session->head_held || !TryEnterCriticalSection(&session->send_lock))
        return;
    buffer.buf = session->head;
    buffer.len = (ULONG)session->head_len;
    if (session->head_held && !session->gone && WSASend(session->socket, &buffer, 1, &sent, 0, NULL, NULL) == 0) {
        session->bytes_sent += sent;
        session->head_len -= sent;
        memmove(session->head, session->head + sent, session->head_len);
        if (session->head_len == 0)
            release_head(session);
    }
    LeaveCriticalSection(&session->send_lock);
}

void session_hang_up(struct host_session *session, bool reset)
{
    send_held_at_once(session);
    session->close = true;
    session->reset = session->reset || reset;
    if (InterlockedExchange(&session->gone, 1) == 0)
        shutdown(session->socket, SD_BOTH);
}

/* ---- heads that wait for a body that does not come */

static void flush_held(void)
{
    EnterCriticalSection(&list_lock);
    for (unsigned i = 0; i < list_count; ++i)
        if (GetTickCount() - list[i]->held_since_ms >= SESSION_HOLD_MS)
            send_held_at_once(list[i]);
    LeaveCriticalSection(&list_lock);
}

static unsigned __stdcall flusher(void *unused)
{
    (void)unused;
    while (!flusher_stop) {
        WaitForSingleObject(flusher_wake, INFINITE);
        InterlockedExchange(&flusher_awake, 1);
        for (int idle = 0; idle < 100 && !flusher_stop; ++idle) {
            Sleep(SESSION_HOLD_MS / 2);
            if (held_count > 0) {
                idle = 0;
                flush_held();
            }
        }
        InterlockedExchange(&flusher_awake, 0);
        if (held_count > 0) /* held between the last look and the flag */
            SetEvent(flusher_wake);
    }
    return 0;
}

bool session_start_flusher(void)
{
    InitializeCriticalSection(&list_lock);
    flusher_wake = CreateEventW(NULL, FALSE, FALSE, NULL);
    flusher_thread = flusher_wake != NULL ? (HANDLE)_beginthreadex(NULL, 0, flusher, NULL, 0, NULL) : NULL;
    return flusher_thread != NULL;
}

void session_stop_flusher(void)
{
    InterlockedExchange(&flusher_stop, 1);
    SetEvent(flusher_wake);
    WaitForSingleObject(flusher_thread, INFINITE);
    CloseHandle(flusher_thread);
    CloseHandle(flusher_wake);
    DeleteCriticalSection(&list_lock);
    free(list);
    list = NULL;
}
