/* The callbacks of the extension control block: each finds its request by ConnID, has the conduct checked, and does its work in
 * ecb_io_win32.c (bytes) or here (all else). ServerSupportFunction is a table: number, first version of IIS that knows it, function. */
#include "tools/isapihost/ecb_io_win32.h"
#include "tools/isapihost/extension_win32.h"
#include "tools/isapihost/request_win32.h"
#include "tools/isapihost/text_win32.h"
#include "tools/isapihost/token_win32.h"
#include "tools/isapihost/url_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static BOOL fail(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

/* ---- GetServerVariable */

enum { VARIABLE_SIZE = 2048 };

/* Writes len bytes of UTF-8 (or plain) text as the caller wants it and sets *size. */
static BOOL deliver(const char *text, size_t len, bool wide, bool path, void *out, DWORD *size)
{
    bool convert = wide || (path && !text_is_ascii(text, len));
    size_t unit = wide ? sizeof(WCHAR) : 1;
    size_t room = *size;
    void *converted = NULL;
    if (convert) {
        size_t most = len * 3 + 1;
        converted = malloc(most * unit);
        if (converted == NULL)
            return fail(ERROR_NOT_ENOUGH_MEMORY);
        len = wide ? text_to_wide(text, len, converted, most) : text_to_ansi(text, len, converted, most);
        text = converted;
    }
    *size = (DWORD)((len + 1) * unit);
    bool fits = out != NULL && room >= *size;
    if (fits) {
        memcpy(out, text, len * unit);
        memset((char *)out + len * unit, 0, unit);
    }
    free(converted);
    return fits ? TRUE : fail(ERROR_INSUFFICIENT_BUFFER);
}

static BOOL get_variable(struct host_request *request, const char *name, void *out, DWORD *size)
{
    char small[VARIABLE_SIZE];
    char *text = small;
    size_t len = 0;
    bool wide = false;
    if (session_options->iis != IIS_5_1 && strncmp(name, "UNICODE_", 8) == 0) {
        wide = true;
        name += 8;
    }
    enum var_result result = server_var(&request->vars, name, text, sizeof small, &len);
    if (result == VAR_ABSENT)
        return fail(ERROR_INVALID_INDEX);
    if (len > sizeof small) {
        text = malloc(len);
        if (text == NULL)
            return fail(ERROR_NOT_ENOUGH_MEMORY);
        result = server_var(&request->vars, name, text, len, &len);
    }
    BOOL done = deliver(text, len, wide, result == VAR_OK_PATH, out, size);
    DWORD error = GetLastError();
    if (text != small)
        free(text);
    return done ? TRUE : fail(error);
}

static BOOL WINAPI GetServerVariable(HCONN connection, LPSTR name, LPVOID out, LPDWORD size)
{
    struct host_request *request = request_enter(connection, "GetServerVariable after the end");
    if (request == NULL)
        return FALSE;
    BOOL done = FALSE;
    DWORD error = ERROR_INVALID_PARAMETER;
    if (name == NULL || size == NULL)
        request_breach(request, "GetServerVariable with a null pointer");
    else if (request_note(request, CONDUCT_CALL)) {
        done = get_variable(request, name, out, size);
        error = GetLastError();
    }
    request_leave(request);
    return done ? TRUE : fail(error);
}

/* ---- ReadClient, WriteClient */

static BOOL WINAPI ReadClient(HCONN connection, LPVOID out, LPDWORD size)
{
    struct host_request *request = request_enter(connection, "ReadClient after the end");
    if (request == NULL)
        return FALSE;
    DWORD error = ERROR_INVALID_PARAMETER;
    if (out == NULL || size == NULL) {
        request_breach(request, "ReadClient with a null pointer");
    } else if (request_note(request, CONDUCT_SYNC_IO)) {
        struct io_op op = {.kind = IO_READ, .buffer = out, .len = *size};
        error = io_perform(request, &op, size);
        request_note(request, CONDUCT_SYNC_END);
    }
    request_leave(request);
    return error == 0 ? TRUE : fail(error);
}

static BOOL WINAPI WriteClient(HCONN connection, LPVOID data, LPDWORD size, DWORD flags)
{
    struct host_request *request = request_enter(connection, "WriteClient after the end");
    if (request == NULL)
        return FALSE;
    DWORD error = ERROR_INVALID_PARAMETER;
    BOOL done = FALSE;
    if (size == NULL || (data == NULL && *size > 0)) {
        request_breach(request, "WriteClient with a null pointer");
    } else {
        struct io_op op = {.kind = IO_WRITE, .buffer = data, .len = *size, .flags = flags};
        if ((flags & HSE_IO_ASYNC) != 0) {
            if (request_note(request, CONDUCT_BODY)) {
                done = request_submit(request, &op);
                error = GetLastError();
            }
        } else if (request_note(request, CONDUCT_BODY) && request_note(request, CONDUCT_SYNC_IO)) {
            error = io_perform(request, &op, size);
            request_note(request, CONDUCT_SYNC_END);
            done = error == 0;
        }
    }
    request_leave(request);
    return done ? TRUE : fail(error);
}

/* ---- ServerSupportFunction: each function returns TRUE, or FALSE with the last error set */

typedef BOOL support_function(struct host_request *request, void *buffer, DWORD *size, DWORD *type);

static BOOL io_completion(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)size;
    if (buffer == NULL || !request_note(request, CONDUCT_SET_COMPLETION))
        return fail(ERROR_INVALID_PARAMETER);
    EnterCriticalSection(&request->lock);
    request->completion = (PFN_HSE_IO_COMPLETION)buffer;
    request->completion_context = type;
    LeaveCriticalSection(&request->lock);
    return TRUE;
}

static BOOL done_with_session(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)size;
    (void)type;
    return request_done(request, buffer != NULL ? *(DWORD *)buffer : HSE_STATUS_SUCCESS);
}

static BOOL is_connected(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)size;
    (void)type;
    if (buffer == NULL)
        return fail(ERROR_INVALID_PARAMETER);
    *(BOOL *)buffer = session_is_connected(request->session);
    return TRUE;
}

static BOOL is_keep_conn(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)size;
    (void)type;
    if (buffer == NULL)
        return fail(ERROR_INVALID_PARAMETER);
    *(BOOL *)buffer = request->session->response_request.client_keeps;
    return TRUE;
}

static BOOL is_in_process(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)request;
    (void)size;
    (void)type;
    if (buffer == NULL)
        return fail(ERROR_INVALID_PARAMETER);
    *(DWORD *)buffer = HSE_APP_FLAG_IN_PROCESS;
    return TRUE;
}

static BOOL append_log(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)type;
    if (buffer == NULL)
        return fail(ERROR_INVALID_PARAMETER);
    session_append_log(request->session, buffer, size != NULL && *size > 0 ? *size : strlen(buffer));
    return TRUE;
}

static BOOL close_connection(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)buffer;
    (void)size;
    (void)type;
    request->hung_up = true;
    session_hang_up(request->session, false);
    return TRUE;
}

static BOOL abortive_close(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)buffer;
    (void)size;
    (void)type;
    request->hung_up = true;
    request->session->close = true;
    request->session->reset = true; /* takes effect at the end, as under IIS */
    return TRUE;
}

static BOOL report_unhealthy(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)size;
    (void)type;
    InterlockedIncrement(&request_unhealthy_reports);
    fprintf(stderr, "isapihost: %s: the extension reports that it is unhealthy: %s\n", request->label,
            buffer != NULL ? (const char *)buffer : "no reason given");
    fflush(stderr);
    return TRUE;
}

static BOOL impersonation_token(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)size;
    (void)type;
    HANDLE token = token_of_host();
    if (buffer == NULL || token == NULL)
        return fail(buffer == NULL ? ERROR_INVALID_PARAMETER : ERROR_NO_TOKEN);
    request->token_given = true;
    *(HANDLE *)buffer = token;
    return TRUE;
}

static BOOL cancel_io(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)buffer;
    (void)size;
    (void)type;
    EnterCriticalSection(&request->lock);
    bool outstanding = request->op_state != OP_NONE;
    request->cancel_read = outstanding;
    LeaveCriticalSection(&request->lock);
    return outstanding ? TRUE : fail(ERROR_NOT_FOUND);
}

static BOOL exec_url_status(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    (void)size;
    (void)type;
    if (buffer == NULL)
        return fail(ERROR_INVALID_PARAMETER);
    *(HSE_EXEC_URL_STATUS *)buffer = request->exec_status;
    return TRUE;
}

struct support_row {
    DWORD number;
    enum iis_version since;
    enum conduct_event event;
    support_function *function;
};

static const struct support_row support_table[] = {
    {HSE_REQ_SEND_URL_REDIRECT_RESP, IIS_5_1, CONDUCT_HEAD, ecb_send_redirect},
    {HSE_REQ_SEND_RESPONSE_HEADER, IIS_5_1, CONDUCT_HEAD, ecb_send_header},
    {HSE_REQ_DONE_WITH_SESSION, IIS_5_1, CONDUCT_CALL, done_with_session},
    {HSE_REQ_MAP_URL_TO_PATH, IIS_5_1, CONDUCT_CALL, ecb_map_url},
    {HSE_APPEND_LOG_PARAMETER, IIS_5_1, CONDUCT_CALL, append_log},
    {HSE_REQ_IO_COMPLETION, IIS_5_1, CONDUCT_CALL, io_completion},
    {HSE_REQ_TRANSMIT_FILE, IIS_5_1, CONDUCT_CALL, ecb_transmit_file},
    {HSE_REQ_IS_KEEP_CONN, IIS_5_1, CONDUCT_CALL, is_keep_conn},
    {HSE_REQ_ASYNC_READ_CLIENT, IIS_5_1, CONDUCT_CALL, ecb_async_read},
    {HSE_REQ_GET_IMPERSONATION_TOKEN, IIS_5_1, CONDUCT_CALL, impersonation_token},
    {HSE_REQ_MAP_URL_TO_PATH_EX, IIS_5_1, CONDUCT_CALL, ecb_map_url_ex},
    {HSE_REQ_ABORTIVE_CLOSE, IIS_5_1, CONDUCT_CALL, abortive_close},
    {HSE_REQ_SEND_RESPONSE_HEADER_EX, IIS_5_1, CONDUCT_HEAD, ecb_send_header_ex},
    {HSE_REQ_CLOSE_CONNECTION, IIS_5_1, CONDUCT_CALL, close_connection},
    {HSE_REQ_IS_CONNECTED, IIS_5_1, CONDUCT_CALL, is_connected},
    {HSE_REQ_MAP_UNICODE_URL_TO_PATH, IIS_6, CONDUCT_CALL, ecb_map_url_unicode},
    {HSE_REQ_MAP_UNICODE_URL_TO_PATH_EX, IIS_6, CONDUCT_CALL, ecb_map_url_unicode_ex},
    {HSE_REQ_EXEC_UNICODE_URL, IIS_6, CONDUCT_CALL, ecb_exec_url_unicode},
    {HSE_REQ_EXEC_URL, IIS_6, CONDUCT_CALL, ecb_exec_url},
    {HSE_REQ_GET_EXEC_URL_STATUS, IIS_6, CONDUCT_CALL, exec_url_status},
    {HSE_REQ_SEND_CUSTOM_ERROR, IIS_6, CONDUCT_HEAD, ecb_send_custom_error},
    {HSE_REQ_IS_IN_PROCESS, IIS_6, CONDUCT_CALL, is_in_process},
    {HSE_REQ_REPORT_UNHEALTHY, IIS_6, CONDUCT_CALL, report_unhealthy},
    {HSE_REQ_VECTOR_SEND, IIS_6, CONDUCT_CALL, ecb_vector_send},
    {HSE_REQ_CANCEL_IO, IIS_7, CONDUCT_CALL, cancel_io},
};

static BOOL WINAPI ServerSupportFunction(HCONN connection, DWORD number, LPVOID buffer, LPDWORD size, LPDWORD type)
{
    struct host_request *request = request_enter(
        connection, number == HSE_REQ_DONE_WITH_SESSION ? "second DONE_WITH_SESSION" : "ServerSupportFunction after the end");
    if (request == NULL)
        return FALSE;
    const struct support_row *row = NULL;
    for (size_t i = 0; i < sizeof support_table / sizeof support_table[0] && row == NULL; ++i)
        if (support_table[i].number == number && support_table[i].since <= session_options->iis)
            row = &support_table[i];
    BOOL done = FALSE;
    DWORD error = ERROR_INVALID_PARAMETER;
    if (row != NULL && (number == HSE_REQ_DONE_WITH_SESSION || request_note(request, row->event))) {
        done = row->function(request, buffer, size, type);
        error = GetLastError();
    }
    request_leave(request);
    return done ? TRUE : fail(error);
}

void ecb_init(struct host_request *request, EXTENSION_CONTROL_BLOCK *ecb)
{
    ecb->cbSize = sizeof *ecb;
    ecb->dwVersion = session_options->iis == IIS_5_1 ? MAKELONG(1, 5)
                     : session_options->iis == IIS_6 ? MAKELONG(0, 6)
                                                     : MAKELONG(0, 7);
    ecb->ConnID = (HCONN)request->cookie;
    ecb->dwHttpStatusCode = 200;
    ecb->GetServerVariable = GetServerVariable;
    ecb->ReadClient = ReadClient;
    ecb->WriteClient = WriteClient;
    ecb->ServerSupportFunction = ServerSupportFunction;
}
