/* Performing operations: bytes from memory and files to the client, from the client to memory; and the ServerSupportFunctions that start
 * them. What the extension passes by pointer is read before the call returns, but for the data of asynchronous sends. */
#include "tools/isapihost/ecb_io_win32.h"
#include "tools/isapihost/exec_url_win32.h"
#include "tools/isapihost/request_win32.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_BLOCK = 65536, PIECE_MAX = 0x40000000 };

static BOOL fail(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

/* ---- perform */

static DWORD send_buffers(struct host_request *request, const WSABUF *buffers, unsigned count)
{
    const char *fault;
    DWORD error = session_send(request->session, buffers, count, &fault);
    if (error == 0)
        request_fault(request, fault);
    return error;
}

/* Memory that may be larger than one send takes. */
static DWORD send_memory(struct host_request *request, const void *data, uint64_t len)
{
    const char *at = data;
    DWORD error = 0;
    while (error == 0 && len > 0) {
        WSABUF buffer = {.buf = (char *)(uintptr_t)at, .len = len < PIECE_MAX ? (ULONG)len : PIECE_MAX};
        at += buffer.len;
        len -= buffer.len;
        error = send_buffers(request, &buffer, 1);
    }
    return error;
}

/* len 0: to the end. The file may have been opened for overlapped access, or tied to a completion port, which must not hear of this: hence
 * the event and its low bit. */
static DWORD send_file(struct host_request *request, HANDLE file, uint64_t offset, uint64_t len, uint64_t *sent)
{
    DWORD error = 0;
    char *block = malloc(FILE_BLOCK);
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    bool to_end = len == 0;
    if (block == NULL || event == NULL)
        error = ERROR_NOT_ENOUGH_MEMORY;
    while (error == 0 && (to_end || len > 0)) {
        OVERLAPPED overlapped = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
        DWORD wanted = to_end || len > FILE_BLOCK ? FILE_BLOCK : (DWORD)len;
        DWORD got = 0;
        overlapped.hEvent = (HANDLE)((uintptr_t)event | 1);
        if (!ReadFile(file, block, wanted, NULL, &overlapped) && GetLastError() != ERROR_IO_PENDING)
            error = GetLastError();
        else if (!GetOverlappedResult(file, &overlapped, &got, TRUE))
            error = GetLastError();
        if (error == ERROR_HANDLE_EOF || (error == 0 && got == 0)) {
            error = to_end ? 0 : ERROR_HANDLE_EOF;
            break;
        }
        if (error != 0)
            break;
        error = send_memory(request, block, got);
        if (error == 0) {
            *sent += got;
            offset += got;
            len -= to_end ? 0 : got;
        }
    }
    if (event != NULL)
        CloseHandle(event);
    free(block);
    return error;
}

static DWORD send_vector(struct host_request *request, const struct io_op *op, uint64_t *sent)
{
    WSABUF buffers[SESSION_MAX_BUFFERS];
    unsigned count = 0;
    uint64_t gathered = 0;
    DWORD error = 0;
    for (DWORD i = 0; i < op->element_count && error == 0; ++i) {
        const HSE_VECTOR_ELEMENT *element = &op->elements[i];
        bool in_memory = element->ElementType == HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER;
        bool fits = in_memory && element->cbSize <= PIECE_MAX;
        if (fits && element->cbSize > 0) {
            buffers[count++] = (WSABUF){.buf = (char *)element->pvContext + element->cbOffset, .len = (ULONG)element->cbSize};
            gathered += element->cbSize;
        }
        if (count == SESSION_MAX_BUFFERS || (!fits && count > 0)) {
            error = send_buffers(request, buffers, count);
            *sent += error == 0 ? gathered : 0;
            count = 0;
            gathered = 0;
        }
        if (error == 0 && in_memory && !fits) {
            error = send_memory(request, (const char *)element->pvContext + element->cbOffset, element->cbSize);
            *sent += error == 0 ? element->cbSize : 0;
        } else if (error == 0 && !in_memory) {
            error = send_file(request, element->pvContext, element->cbOffset, element->cbSize, sent);
        }
    }
    if (error == 0 && count > 0) {
        error = send_buffers(request, buffers, count);
        *sent += error == 0 ? gathered : 0;
    }
    return error;
}

static DWORD transmit(struct host_request *request, const HSE_TF_INFO *info, uint64_t *sent)
{
    DWORD error = 0;
    if ((info->dwFlags & HSE_IO_SEND_HEADERS) == 0 && info->HeadLength > 0) {
        error = send_memory(request, info->pHead, info->HeadLength);
        *sent += info->HeadLength;
    }
    if (error == 0 && info->hFile != NULL && info->hFile != INVALID_HANDLE_VALUE)
        error = send_file(request, info->hFile, info->Offset, info->BytesToWrite, sent);
    if (error == 0 && info->TailLength > 0) {
        error = send_memory(request, info->pTail, info->TailLength);
        *sent += info->TailLength;
    }
    return error;
}

static void error_page(struct host_request *request, unsigned status)
{
    session_error_page(request->session, status, NULL, "The extension reports this error.");
}

/* After the last bytes: HSE_IO_DISCONNECT_AFTER_SEND. */
static void disconnect(struct host_request *request)
{
    session_flush(request->session);
    request->session->close = true;
    shutdown(request->session->socket, SD_SEND);
}

DWORD io_perform(struct host_request *request, struct io_op *op, DWORD *done_bytes)
{
    DWORD error = 0;
    uint64_t bytes = 0;
    size_t len = 0;
    DWORD flags = op->flags;
    switch (op->kind) {
    case IO_READ:
        session_flush(request->session); /* a head that is held would wait for the read */
        error = session_read(request->session, op->buffer, op->len, SESSION_WAIT, &request->cancel_read, &len);
        bytes = len;
        request->bytes_read += len;
        break;
    case IO_WRITE:
        error = send_memory(request, op->buffer, op->len);
        bytes = op->len;
        break;
    case IO_VECTOR: error = send_vector(request, op, &bytes); break;
    case IO_TRANSMIT:
        flags = op->transmit.dwFlags;
        error = transmit(request, &op->transmit, &bytes);
        break;
    case IO_EXEC_URL:
        flags = 0;
        error = exec_url_run(request, op);
        break;
    case IO_ERROR_PAGE: error_page(request, op->status); break;
    }
    if ((flags & HSE_IO_DISCONNECT_AFTER_SEND) != 0)
        disconnect(request);
    *done_bytes = error != 0 ? 0 : bytes > 0xFFFFFFFF ? 0xFFFFFFFF : (DWORD)bytes;
    return error;
}

void io_free(struct io_op *op)
{
    free(op->elements);
    free(op->url);
    free(op->method);
    op->elements = NULL;
    op->url = op->method = NULL;
}

/* ---- heads */

/* IIS 7 and later put a page of their own in the place of an error, unless asked not to. Returns whether it was done. */
static bool replace_error(struct host_request *request, const char *status)
{
    unsigned code = status != NULL ? (unsigned)strtoul(status, NULL, 10) : 0;
    if (session_options->iis < IIS_7 || code < 400 || code > 599)
        return false;
    session_error_page(request->session, code, NULL, "A page of the host in the place of the extension's (IIS 7).");
    request->session->swallow = true;
    return true;
}

static BOOL head(struct host_request *request, const char *status, const char *headers, size_t headers_len, bool keep)
{
    const char *fault;
    if (replace_error(request, status))
        return TRUE;
    DWORD error = session_head(request->session, status, headers, headers_len, keep, &fault);
    if (error != 0)
        return fail(error);
    request_fault(request, fault);
    return TRUE;
}

BOOL ecb_send_redirect(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    static const char name[] = "Location: ";
    static const char rest[] = "\r\nContent-Length: 0\r\n\r\n";
    (void)size;
    (void)type;
    if (buffer == NULL || strpbrk(buffer, "\r\n") != NULL)
        return fail(ERROR_INVALID_PARAMETER);
    size_t len = strlen(buffer) + sizeof name + sizeof rest;
    char *headers = malloc(len);
    if (headers == NULL)
        return fail(ERROR_NOT_ENOUGH_MEMORY);
    strcpy(headers, name);
    strcat(headers, buffer);
    strcat(headers, rest);
    BOOL done = head(request, "302 Found", headers, strlen(headers), true);
    free(headers);
    return done;
}

/* The old form: buffer is the status, type the headers; both may be missing. The connection is closed afterwards. */
BOOL ecb_send_header(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    const char *headers = (const char *)type;
    (void)size;
    return head(request, buffer, headers, headers != NULL ? strlen(headers) : 0, false);
}

/* The lengths may or may not count the NUL: the text ends at the NUL in any case. */
BOOL ecb_send_header_ex(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    const HSE_SEND_HEADER_EX_INFO *info = buffer;
    (void)size;
    (void)type;
    if (info == NULL)
        return fail(ERROR_INVALID_PARAMETER);
    if ((info->pszStatus == NULL && info->cchStatus > 0) || (info->pszHeader == NULL && info->cchHeader > 0))
        request_breach(request, "SEND_RESPONSE_HEADER_EX with a length but no text");
    size_t len = 0;
    if (info->pszHeader != NULL)
        len = info->cchHeader > 0 ? strnlen(info->pszHeader, info->cchHeader) : strlen(info->pszHeader);
    return head(request, info->pszStatus, info->pszHeader, len, info->fKeepConn != FALSE);
}

BOOL ecb_send_custom_error(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    const HSE_CUSTOM_ERROR_INFO *info = buffer;
    (void)size;
    (void)type;
    unsigned status = info != NULL && info->pszStatus != NULL ? (unsigned)strtoul(info->pszStatus, NULL, 10) : 0;
    if (status < 400 || status > 599)
        return fail(ERROR_INVALID_PARAMETER);
    struct io_op op = {.kind = IO_ERROR_PAGE, .status = status};
    if (info->fAsync)
        return request_submit(request, &op);
    error_page(request, status);
    return TRUE;
}

/* ---- VECTOR_SEND, TRANSMIT_FILE, asynchronous read */

static bool vector_is_sound(const HSE_RESPONSE_VECTOR *vector)
{
    DWORD mode = vector->dwFlags & (HSE_IO_SYNC | HSE_IO_ASYNC);
    if (mode != HSE_IO_SYNC && mode != HSE_IO_ASYNC)
        return false;
    if (vector->nElementCount > 0 && vector->lpElementArray == NULL)
        return false;
    for (DWORD i = 0; i < vector->nElementCount; ++i) {
        const HSE_VECTOR_ELEMENT *element = &vector->lpElementArray[i];
        if (element->ElementType > HSE_VECTOR_ELEMENT_TYPE_FILE_HANDLE || (element->pvContext == NULL && element->cbSize > 0))
            return false;
    }
    return true;
}

static BOOL vector_head(struct host_request *request, const HSE_RESPONSE_VECTOR *vector)
{
    bool keep = (vector->dwFlags & HSE_IO_DISCONNECT_AFTER_SEND) == 0;
    const char *headers = vector->pszHeaders;
    const char *fault;
    if (!request_note(request, CONDUCT_HEAD))
        return FALSE;
    if ((vector->dwFlags & HSE_IO_TRY_SKIP_CUSTOM_ERRORS) == 0 && replace_error(request, vector->pszStatus))
        return TRUE;
    DWORD error =
        session_head(request->session, vector->pszStatus, headers, headers != NULL ? strlen(headers) : 0, keep, &fault);
    if (error != 0)
        return fail(error);
    /* Keeping the connection is not asked for here, only allowed: no framing is no fault. */
    if (request->session->plan.framing != FRAMING_NONE)
        request_fault(request, fault);
    return TRUE;
}

BOOL ecb_vector_send(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    const HSE_RESPONSE_VECTOR *vector = buffer;
    (void)size;
    (void)type;
    if (vector == NULL || !vector_is_sound(vector)) {
        request_breach(request, "VECTOR_SEND with wrong flags or elements");
        return fail(ERROR_INVALID_PARAMETER);
    }
    bool async = (vector->dwFlags & HSE_IO_ASYNC) != 0;
    if ((vector->dwFlags & HSE_IO_SEND_HEADERS) != 0 ? !vector_head(request, vector) : !request_note(request, CONDUCT_BODY))
        return FALSE;
    struct io_op op = {.kind = IO_VECTOR, .flags = vector->dwFlags, .element_count = vector->nElementCount};
    op.elements = calloc(vector->nElementCount + 1, sizeof *op.elements);
    if (op.elements == NULL)
        return fail(ERROR_NOT_ENOUGH_MEMORY);
    if (vector->nElementCount > 0)
        memcpy(op.elements, vector->lpElementArray, vector->nElementCount * sizeof *op.elements);
    if (async)
        return request_submit(request, &op);
    DWORD bytes;
    DWORD error = ERROR_INVALID_PARAMETER;
    if (request_note(request, CONDUCT_SYNC_IO)) {
        error = io_perform(request, &op, &bytes);
        request_note(request, CONDUCT_SYNC_END);
    }
    io_free(&op);
    return error == 0 ? TRUE : fail(error);
}

BOOL ecb_transmit_file(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    const HSE_TF_INFO *info = buffer;
    (void)size;
    (void)type;
    if (info == NULL || (info->dwFlags & HSE_IO_ASYNC) == 0) {
        request_breach(request, "TRANSMIT_FILE without HSE_IO_ASYNC");
        return fail(ERROR_INVALID_PARAMETER);
    }
    struct io_op op = {.kind = IO_TRANSMIT, .transmit = *info, .completion = info->pfnHseIO, .context = info->pContext};
    if (info->pfnHseIO != NULL && !request_note(request, CONDUCT_SET_COMPLETION))
        return FALSE;
    if ((info->dwFlags & HSE_IO_SEND_HEADERS) != 0) {
        bool keep = (info->dwFlags & HSE_IO_DISCONNECT_AFTER_SEND) == 0;
        if (!request_note(request, CONDUCT_HEAD) || !head(request, info->pszStatusCode, info->pHead, info->HeadLength, keep))
            return FALSE;
    } else if (!request_note(request, CONDUCT_BODY)) {
        return FALSE;
    }
    return request_submit(request, &op);
}

BOOL ecb_async_read(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    if (session_options->no_async_read)
        return fail(ERROR_INVALID_PARAMETER);
    if (buffer == NULL || size == NULL || *size == 0 || type == NULL || (*type & HSE_IO_ASYNC) == 0) {
        request_breach(request, "ASYNC_READ_CLIENT without a buffer or without HSE_IO_ASYNC");
        return fail(ERROR_INVALID_PARAMETER);
    }
    struct io_op op = {.kind = IO_READ, .buffer = buffer, .len = *size};
    return request_submit(request, &op);
}
