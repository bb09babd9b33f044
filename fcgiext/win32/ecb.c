/* ecb: see ecb.h. Hosts differ: IIS 5.1 and mod_isapi have no VECTOR_SEND; some calls are refused with FALSE. What is
 * refused falls back to SEND_RESPONSE_HEADER_EX and WriteClient, and is remembered for the request. */
#include "fcgiext/win32/ecb.h"

#include <stdlib.h>
#include <string.h>

#include "fcgiext/win32/wide.h"

enum { FIRST_VARIABLE_LEN = 1024, MAX_VARIABLE_LEN = 1024 * 1024 };

static void WINAPI on_completion(EXTENSION_CONTROL_BLOCK *block, void *context, DWORD len, DWORD error)
{
    struct ecb *ecb = context;
    (void)block;
    if (ecb->calling == GetCurrentThreadId())
        ecb->completes_inside = true;
    ecb->done(ecb->context, len, error);
}

static BOOL call(struct ecb *ecb, DWORD request, void *buffer, DWORD *size, DWORD *type)
{
    return ecb->block->ServerSupportFunction(ecb->block->ConnID, request, buffer, size, type);
}

/* Why the host has refused; `otherwise`: it does not say, and 0 would mean that it has not. */
static DWORD refusal(DWORD otherwise)
{
    DWORD error = GetLastError();
    return error ? error : otherwise;
}

DWORD ecb_init(struct ecb *ecb, EXTENSION_CONTROL_BLOCK *block, ecb_done *done, void *context)
{
    ZeroMemory(ecb, sizeof *ecb);
    ecb->block = block;
    ecb->done = done;
    ecb->context = context;
    ecb->can_vector_send = HIWORD(block->dwVersion) >= 6;
    buffer_init(&ecb->utf8, MAX_VARIABLE_LEN);
    ecb->variable = malloc(FIRST_VARIABLE_LEN);
    if (!ecb->variable)
        return ERROR_OUTOFMEMORY;
    ecb->variable_capacity = FIRST_VARIABLE_LEN;
    return call(ecb, HSE_REQ_IO_COMPLETION, (void *)(ULONG_PTR)on_completion, NULL, (DWORD *)ecb)
               ? 0
               : refusal(ERROR_NOT_SUPPORTED);
}

void ecb_deinit(struct ecb *ecb)
{
    free(ecb->variable);
    ecb->variable = NULL;
    buffer_deinit(&ecb->utf8);
}

/* Into ecb->variable, which has room for one byte more than *len. */
static bool ask_variable(struct ecb *ecb, const char *name, DWORD *len)
{
    if (!ecb->variable)
        return false; /* out of memory */
    for (;;) {
        *len = ecb->variable_capacity - 1; /* room for a NUL of ours */
        if (ecb->block->GetServerVariable(ecb->block->ConnID, (char *)(ULONG_PTR)name, ecb->variable, len))
            return true;
        if (GetLastError() != ERROR_INSUFFICIENT_BUFFER)
            return false;
        DWORD capacity = *len > ecb->variable_capacity ? *len + 1 : ecb->variable_capacity * 2;
        char *larger = *len >= MAX_VARIABLE_LEN || capacity > MAX_VARIABLE_LEN ? NULL : realloc(ecb->variable, capacity);
        if (!larger) {
            ecb->variable_lost = true;
            return false;
        }
        ecb->variable = larger;
        ecb->variable_capacity = capacity;
    }
}

bool ecb_get_variable(struct ecb *ecb, const char *name, struct bytes *value)
{
    DWORD len;
    if (!ask_variable(ecb, name, &len))
        return false;
    if (len && ecb->variable[len - 1] == '\0')
        len--; /* the host counts the string's NUL */
    ecb->variable[len] = '\0';
    *value = bytes_of(ecb->variable, len);
    return true;
}

bool ecb_get_variable_utf8(struct ecb *ecb, const char *name, struct bytes *value)
{
    char unicode_name[64] = "UNICODE_";
    DWORD len = 0;
    bool appended;
    buffer_clear(&ecb->utf8);
    bool fits = strlen(name) < sizeof unicode_name - strlen(unicode_name);
    if (fits && HIWORD(ecb->block->dwVersion) >= 6 && ask_variable(ecb, strcat(unicode_name, name), &len)) {
        const WCHAR *wide = (const WCHAR *)(const void *)ecb->variable;
        size_t count = len / sizeof *wide;
        if (count && wide[count - 1] == L'\0')
            count--;
        appended = utf8_append_wide(wide, count, &ecb->utf8);
    } else {
        struct bytes ansi;
        if (!ecb_get_variable(ecb, name, &ansi))
            return false;
        appended = utf8_of_ansi(NULL, ansi, &ecb->utf8);
    }
    ecb->variable_lost |= !appended;
    *value = buffer_peek(&ecb->utf8);
    return appended;
}

DWORD ecb_read(struct ecb *ecb, void *buffer, DWORD len)
{
    DWORD flags = HSE_IO_ASYNC;
    if (!ecb->no_async_read && call(ecb, HSE_REQ_ASYNC_READ_CLIENT, buffer, &len, &flags))
        return 0;
    ecb->no_async_read = true; /* or the client has gone, which the next read tells as well */
    return ERROR_NOT_SUPPORTED;
}

DWORD ecb_read_now(struct ecb *ecb, void *buffer, DWORD *len)
{
    if (ecb->block->ReadClient(ecb->block->ConnID, buffer, len))
        return 0;
    return refusal(ERROR_READ_FAULT);
}

void ecb_cancel_read(struct ecb *ecb)
{
    if (!ecb->no_async_read)
        call(ecb, HSE_REQ_CANCEL_IO, NULL, NULL, NULL);
}

static DWORD vector_send(struct ecb *ecb, const struct ecb_response *response)
{
    HSE_RESPONSE_VECTOR *vector = &ecb->vector;
    ZeroMemory(vector, sizeof *vector);
    vector->dwFlags = HSE_IO_ASYNC;
    if (response->final)
        vector->dwFlags |= HSE_IO_FINAL_SEND;
    if (!response->keep_alive && response->final)
        vector->dwFlags |= HSE_IO_DISCONNECT_AFTER_SEND;
    if (response->status_line) {
        vector->dwFlags |= HSE_IO_SEND_HEADERS | HSE_IO_TRY_SKIP_CUSTOM_ERRORS;
        vector->pszStatus = (char *)(ULONG_PTR)response->status_line;
        vector->pszHeaders = (char *)(ULONG_PTR)response->headers;
    }
    if (response->body.len) {
        ZeroMemory(&ecb->element, sizeof ecb->element);
        ecb->element.ElementType = HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER;
        ecb->element.pvContext = (void *)(ULONG_PTR)response->body.ptr;
        ecb->element.cbSize = response->body.len;
        vector->nElementCount = 1;
        vector->lpElementArray = &ecb->element;
    }
    return call(ecb, HSE_REQ_VECTOR_SEND, vector, NULL, NULL) ? 0 : refusal(ERROR_NOT_SUPPORTED);
}

static DWORD send_headers(struct ecb *ecb, const struct ecb_response *response)
{
    HSE_SEND_HEADER_EX_INFO info;
    ZeroMemory(&info, sizeof info);
    info.pszStatus = response->status_line;
    info.cchStatus = (DWORD)strlen(response->status_line);
    info.pszHeader = response->headers;
    info.cchHeader = (DWORD)strlen(response->headers);
    info.fKeepConn = response->keep_alive;
    return call(ecb, HSE_REQ_SEND_RESPONSE_HEADER_EX, &info, NULL, NULL) ? 0 : refusal(ERROR_WRITE_FAULT);
}

DWORD ecb_send(struct ecb *ecb, const struct ecb_response *response)
{
    if (response->status_line)
        ecb->block->dwHttpStatusCode = response->status; /* for the host's log */
    if (!response->status_line && !response->body.len) {
        ecb->done(ecb->context, 0, 0); /* nothing to send */
        return 0;
    }
    if (ecb->can_vector_send) {
        DWORD error = vector_send(ecb, response);
        if (error != ERROR_INVALID_PARAMETER && error != ERROR_CALL_NOT_IMPLEMENTED && error != ERROR_NOT_SUPPORTED)
            return error;
        ecb->can_vector_send = false;
    }
    DWORD error = response->status_line ? send_headers(ecb, response) : 0;
    if (error)
        return error;
    if (!response->body.len) {
        ecb->done(ecb->context, 0, 0);
        return 0;
    }
    DWORD len = (DWORD)response->body.len;
    return ecb->block->WriteClient(ecb->block->ConnID, (void *)(ULONG_PTR)response->body.ptr, &len, HSE_IO_ASYNC)
               ? 0
               : refusal(ERROR_WRITE_FAULT);
}

bool ecb_is_connected(struct ecb *ecb)
{
    BOOL connected = TRUE;
    return !call(ecb, HSE_REQ_IS_CONNECTED, &connected, NULL, NULL) || connected;
}

void ecb_report_unhealthy(struct ecb *ecb, const char *reason)
{
    call(ecb, HSE_REQ_REPORT_UNHEALTHY, (void *)(ULONG_PTR)reason, NULL, NULL);
}

void ecb_close_connection(struct ecb *ecb)
{
    call(ecb, HSE_REQ_CLOSE_CONNECTION, NULL, NULL, NULL);
}

void ecb_finish(struct ecb *ecb, DWORD status)
{
    call(ecb, HSE_REQ_DONE_WITH_SESSION, &status, NULL, NULL);
    ecb->block = NULL;
}

DWORD ecb_get_token(struct ecb *ecb, HANDLE *token)
{
    *token = NULL;
    if (!call(ecb, HSE_REQ_GET_IMPERSONATION_TOKEN, token, NULL, NULL))
        return refusal(ERROR_NOT_SUPPORTED);
    return *token ? 0 : ERROR_NO_TOKEN;
}

DWORD ecb_hand_back(struct ecb *ecb)
{
    ZeroMemory(&ecb->hand_back, sizeof ecb->hand_back); /* all as it came: URL, method, headers, user, body */
    ecb->hand_back.dwExecUrlFlags = HSE_EXEC_URL_IGNORE_CURRENT_INTERCEPTOR;
    if (call(ecb, HSE_REQ_EXEC_URL, &ecb->hand_back, NULL, NULL))
        return 0;
    return refusal(ERROR_NOT_SUPPORTED);
}

bool ecb_is_answered(struct ecb *ecb)
{
    HSE_EXEC_URL_STATUS status;
    ZeroMemory(&status, sizeof status);
    return !call(ecb, HSE_REQ_GET_EXEC_URL_STATUS, &status, NULL, NULL) || status.uHttpStatusCode != 0;
}
