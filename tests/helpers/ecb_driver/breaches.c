/* breaches: see breaches.h. None of them waits for a completion: where the rule is about an outstanding operation, the host
 * holds completions back, else they would race with the breach. */
#include "tests/helpers/ecb_driver/breaches.h"

#include <string.h>

#include "tests/helpers/ecb_driver/host.h"

static char text[] = "text";

static BOOL call(EXTENSION_CONTROL_BLOCK *block, DWORD request, void *buffer)
{
    DWORD len = sizeof text, flags = HSE_IO_ASYNC;
    return block->ServerSupportFunction(block->ConnID, request, buffer, &len, &flags);
}

static void WINAPI ignore(EXTENSION_CONTROL_BLOCK *block, void *context, DWORD len, DWORD error)
{
    (void)block;
    (void)context;
    (void)len;
    (void)error;
}

static void want_completions(EXTENSION_CONTROL_BLOCK *block)
{
    call(block, HSE_REQ_IO_COMPLETION, (void *)(ULONG_PTR)ignore);
}

static void send_text(EXTENSION_CONTROL_BLOCK *block, DWORD flags)
{
    HSE_VECTOR_ELEMENT element = {.ElementType = HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER, .pvContext = text};
    element.cbSize = sizeof text;
    HSE_RESPONSE_VECTOR vector = {.dwFlags = flags, .pszStatus = (char *)"200 OK", .pszHeaders = (char *)"\r\n"};
    vector.nElementCount = 1;
    vector.lpElementArray = &element;
    call(block, HSE_REQ_VECTOR_SEND, &vector);
}

static void send_all(EXTENSION_CONTROL_BLOCK *block)
{
    send_text(block, HSE_IO_ASYNC | HSE_IO_SEND_HEADERS | HSE_IO_FINAL_SEND);
}

static void send_headers(EXTENSION_CONTROL_BLOCK *block)
{
    HSE_SEND_HEADER_EX_INFO info = {.pszStatus = "200 OK", .pszHeader = "\r\n"};
    call(block, HSE_REQ_SEND_RESPONSE_HEADER_EX, &info);
}

static DWORD done(EXTENSION_CONTROL_BLOCK *block)
{
    call(block, HSE_REQ_DONE_WITH_SESSION, NULL);
    return HSE_STATUS_PENDING;
}

/* ---- one function a rule ---- */

static DWORD WINAPI none(EXTENSION_CONTROL_BLOCK *block)
{
    want_completions(block);
    send_all(block); /* completes inside the call */
    return done(block);
}

static DWORD WINAPI call_after_end(EXTENSION_CONTROL_BLOCK *block)
{
    char value[64];
    DWORD len = sizeof value;
    EXTENSION_CONTROL_BLOCK copy = *block;
    done(block);
    copy.GetServerVariable(copy.ConnID, (char *)"URL", value, &len);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI done_twice(EXTENSION_CONTROL_BLOCK *block)
{
    EXTENSION_CONTROL_BLOCK copy = *block;
    done(block);
    return done(&copy);
}

static DWORD WINAPI status_after_done(EXTENSION_CONTROL_BLOCK *block)
{
    done(block);
    return HSE_STATUS_SUCCESS;
}

static DWORD WINAPI read_after_end(EXTENSION_CONTROL_BLOCK *block)
{
    done(block);
    return *(volatile DWORD *)&block->dwHttpStatusCode == 0 ? HSE_STATUS_ERROR : HSE_STATUS_PENDING;
}

static DWORD WINAPI write_after_end(EXTENSION_CONTROL_BLOCK *block)
{
    done(block);
    *(volatile DWORD *)&block->dwHttpStatusCode = 200;
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI done_while_sending(EXTENSION_CONTROL_BLOCK *block)
{
    want_completions(block);
    send_all(block);
    return done(block);
}

static DWORD WINAPI no_completion(EXTENSION_CONTROL_BLOCK *block)
{
    send_all(block);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI two_operations(EXTENSION_CONTROL_BLOCK *block)
{
    want_completions(block);
    call(block, HSE_REQ_ASYNC_READ_CLIENT, text);
    send_all(block);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI two_reads(EXTENSION_CONTROL_BLOCK *block)
{
    want_completions(block);
    call(block, HSE_REQ_ASYNC_READ_CLIENT, text);
    call(block, HSE_REQ_ASYNC_READ_CLIENT, text);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI headers_while_reading(EXTENSION_CONTROL_BLOCK *block)
{
    want_completions(block);
    call(block, HSE_REQ_ASYNC_READ_CLIENT, text);
    send_headers(block);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI headers_twice(EXTENSION_CONTROL_BLOCK *block)
{
    send_headers(block);
    send_headers(block);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI no_headers(EXTENSION_CONTROL_BLOCK *block)
{
    want_completions(block);
    send_text(block, HSE_IO_ASYNC);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI write_without_headers(EXTENSION_CONTROL_BLOCK *block)
{
    DWORD len = sizeof text;
    want_completions(block);
    block->WriteClient(block->ConnID, text, &len, HSE_IO_ASYNC);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI send_after_final(EXTENSION_CONTROL_BLOCK *block)
{
    want_completions(block);
    send_all(block); /* completes inside the call */
    send_text(block, HSE_IO_ASYNC);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI other_status(EXTENSION_CONTROL_BLOCK *block)
{
    block->dwHttpStatusCode = 404;
    send_headers(block);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI blocking_send(EXTENSION_CONTROL_BLOCK *block)
{
    send_text(block, HSE_IO_SYNC | HSE_IO_SEND_HEADERS);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI blocking_write(EXTENSION_CONTROL_BLOCK *block)
{
    DWORD len = sizeof text;
    block->WriteClient(block->ConnID, text, &len, HSE_IO_SYNC);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI blocking_read(EXTENSION_CONTROL_BLOCK *block)
{
    DWORD len = sizeof text;
    block->ReadClient(block->ConnID, text, &len);
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI never_ends(EXTENSION_CONTROL_BLOCK *block)
{
    (void)block;
    return HSE_STATUS_PENDING;
}

/* ---- */

static const struct {
    const char *name;
    extension_proc proc;
    enum completions completions;
} all[] = {
    {"none", none, COMPLETIONS_INLINE},
    {"call-after-end", call_after_end, COMPLETIONS_THREAD},
    {"done-twice", done_twice, COMPLETIONS_THREAD},
    {"status-after-done", status_after_done, COMPLETIONS_THREAD},
    {"read-after-end", read_after_end, COMPLETIONS_THREAD},
    {"write-after-end", write_after_end, COMPLETIONS_THREAD},
    {"done-while-sending", done_while_sending, COMPLETIONS_HELD},
    {"no-completion", no_completion, COMPLETIONS_THREAD},
    {"two-operations", two_operations, COMPLETIONS_HELD},
    {"two-reads", two_reads, COMPLETIONS_HELD},
    {"headers-while-reading", headers_while_reading, COMPLETIONS_HELD},
    {"headers-twice", headers_twice, COMPLETIONS_THREAD},
    {"no-headers", no_headers, COMPLETIONS_THREAD},
    {"write-without-headers", write_without_headers, COMPLETIONS_THREAD},
    {"send-after-final", send_after_final, COMPLETIONS_INLINE},
    {"other-status", other_status, COMPLETIONS_THREAD},
    {"blocking-send", blocking_send, COMPLETIONS_THREAD},
    {"blocking-write", blocking_write, COMPLETIONS_THREAD},
    {"blocking-read", blocking_read, COMPLETIONS_THREAD},
    {"never-ends", never_ends, COMPLETIONS_THREAD},
};

void breach(const char *name)
{
    static const struct request_plan plan = {.method = "POST", .query = "", .body_len = 1000, .available = 0};
    for (size_t i = 0; i < ARRAYSIZE(all); i++) {
        if (strcmp(name, all[i].name) != 0)
            continue;
        struct host host;
        host_open_with(&host, all[i].proc, all[i].completions);
        host_begin(&host, &plan);
        host_close(&host);
        return;
    }
    die("no such breach: %s", name);
}
