/* Asynchronous reads and writes, EXEC_URL, pending requests. An operation may complete before the call that starts it returns: nothing of
 * the job is touched after a call that starts one. */
#include "tests/helpers/isapi_probe/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    EXTENSION_CONTROL_BLOCK *ecb;
    DWORD thread;  /* that called HttpExtensionProc */
    DWORD portion; /* of a read */
    char *body;
    size_t len;
    size_t size;
    unsigned reads;
    int writing;
    volatile LONG turns;    /* the starter and the completion of one operation: whoever comes second goes on */
    volatile LONG in_start; /* for "where" */
    DWORD bytes;
    DWORD error;
    char headers[160];
    HSE_VECTOR_ELEMENT elements[3];
    HSE_RESPONSE_VECTOR vector;
    HANDLE file;
};

static struct job *new_job(EXTENSION_CONTROL_BLOCK *ecb)
{
    struct job *job = calloc(1, sizeof *job);
    job->ecb = ecb;
    job->thread = GetCurrentThreadId();
    job_begins();
    return job;
}

static void end_job(struct job *job, DWORD result)
{
    EXTENSION_CONTROL_BLOCK *ecb = job->ecb;
    if (job->file != NULL)
        CloseHandle(job->file);
    free(job->body);
    free(job);
    job_ends();
    done(ecb, result);
}

static BOOL start_read(struct job *job)
{
    if (job->size - job->len < job->portion)
        job->body = realloc(job->body, job->size = job->size * 2 + job->portion);
    DWORD size = job->portion;
    DWORD flags = HSE_IO_ASYNC;
    ++job->reads;
    return support(job->ecb, HSE_REQ_ASYNC_READ_CLIENT, job->body + job->len, &size, &flags);
}

static BOOL start_answer(struct job *job)
{
    snprintf(job->headers, sizeof job->headers,
             "Content-Type: text/plain\r\nContent-Length: %lu\r\nX-Reads: %u\r\nX-Error: %lu\r\n\r\n", (unsigned long)job->len,
             job->reads, job->error);
    job->elements[0] = (HSE_VECTOR_ELEMENT){HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER, job->body, 0, job->len};
    job->vector = (HSE_RESPONSE_VECTOR){HSE_IO_ASYNC | HSE_IO_SEND_HEADERS | HSE_IO_FINAL_SEND, (char *)(uintptr_t) "200 OK",
                                        job->headers, job->len > 0 ? 1 : 0, job->elements};
    return support(job->ecb, HSE_REQ_VECTOR_SEND, &job->vector, NULL, NULL);
}

/* An operation has completed. FALSE: the job has ended. */
static BOOL advance(struct job *job)
{
    if (job->writing) {
        end_job(job, job->error == 0 ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_ERROR);
        return FALSE;
    }
    job->len += job->bytes;
    job->writing = job->error != 0 || job->bytes == 0;
    return TRUE;
}

static void run(struct job *job)
{
    do {
        job->turns = 0;
        if (!(job->writing ? start_answer(job) : start_read(job))) {
            end_job(job, HSE_STATUS_ERROR);
            return;
        }
    } while (InterlockedIncrement(&job->turns) == 2 && advance(job));
}

static void WINAPI on_echo(EXTENSION_CONTROL_BLOCK *ecb, void *context, DWORD bytes, DWORD error)
{
    struct job *job = context;
    (void)ecb;
    job->bytes = bytes;
    job->error = error;
    if (InterlockedIncrement(&job->turns) == 2 && advance(job))
        run(job);
}

/* echo-async:PORTION */
static DWORD echo_async(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    struct job *job = new_job(ecb);
    job->portion = atol(argument) > 0 ? (DWORD)atol(argument) : 4096;
    job->size = ecb->cbAvailable + job->portion;
    job->body = malloc(job->size);
    memcpy(job->body, ecb->lpbData, ecb->cbAvailable);
    job->len = ecb->cbAvailable;
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_echo, NULL, (DWORD *)job);
    run(job);
    return HSE_STATUS_PENDING;
}

/* ---- commands: asynchronous sending */

static void WINAPI on_sent(EXTENSION_CONTROL_BLOCK *ecb, void *context, DWORD bytes, DWORD error)
{
    struct job *job = context;
    (void)ecb;
    (void)bytes;
    end_job(job, error == 0 ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_ERROR);
}

static HANDLE open_file(const char *argument)
{
    return CreateFileA(argument, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                       FILE_FLAG_OVERLAPPED | FILE_FLAG_SEQUENTIAL_SCAN, NULL);
}

/* vector-file:PATH -> memory, 5 bytes of the file from byte 2, memory. */
static DWORD vector_file(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    struct job *job = new_job(ecb);
    job->file = open_file(argument);
    job->elements[0] = (HSE_VECTOR_ELEMENT){HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER, (void *)(uintptr_t) "xx<<", 2, 2};
    job->elements[1] = (HSE_VECTOR_ELEMENT){HSE_VECTOR_ELEMENT_TYPE_FILE_HANDLE, job->file, 2, 5};
    job->elements[2] = (HSE_VECTOR_ELEMENT){HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER, (void *)(uintptr_t) ">>", 0, 2};
    strcpy(job->headers, "Content-Length: 9\r\n\r\n");
    job->vector =
        (HSE_RESPONSE_VECTOR){HSE_IO_ASYNC | HSE_IO_SEND_HEADERS, (char *)(uintptr_t) "200 OK", job->headers, 3, job->elements};
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_sent, NULL, (DWORD *)job);
    if (!support(ecb, HSE_REQ_VECTOR_SEND, &job->vector, NULL, NULL))
        end_job(job, HSE_STATUS_ERROR);
    return HSE_STATUS_PENDING;
}

/* vector-sync:TEXT, then disconnect. */
static DWORD vector_sync(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    HSE_VECTOR_ELEMENT element = {HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER, (void *)(uintptr_t)argument, 0, strlen(argument)};
    HSE_RESPONSE_VECTOR vector = {HSE_IO_SYNC | HSE_IO_SEND_HEADERS | HSE_IO_DISCONNECT_AFTER_SEND,
                                  (char *)(uintptr_t) "200 OK", (char *)(uintptr_t) "Content-Type: text/plain\r\n\r\n", 1,
                                  &element};
    return support(ecb, HSE_REQ_VECTOR_SEND, &vector, NULL, NULL) ? HSE_STATUS_SUCCESS : HSE_STATUS_ERROR;
}

/* transmit:PATH */
static DWORD transmit(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    struct job *job = new_job(ecb);
    HSE_TF_INFO info = {
        on_sent, job, NULL, "200 OK", 0, 0, job->headers, 0, (void *)(uintptr_t) "tail", 4, HSE_IO_ASYNC | HSE_IO_SEND_HEADERS};
    job->file = open_file(argument);
    info.hFile = job->file;
    snprintf(job->headers, sizeof job->headers, "Content-Length: %lu\r\n\r\n", GetFileSize(job->file, NULL) + 4);
    info.HeadLength = (DWORD)strlen(job->headers);
    if (!support(ecb, HSE_REQ_TRANSMIT_FILE, &info, NULL, NULL))
        end_job(job, HSE_STATUS_ERROR);
    return HSE_STATUS_PENDING;
}

/* write-async: head synchronously, body by WriteClient with HSE_IO_ASYNC. */
static DWORD write_async(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    struct job *job = new_job(ecb);
    DWORD size = 5;
    (void)argument;
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_sent, NULL, (DWORD *)job);
    send_head(ecb, "200 OK", "Content-Length: 5\r\n\r\n", TRUE);
    if (!ecb->WriteClient(ecb->ConnID, (void *)(uintptr_t) "async", &size, HSE_IO_ASYNC))
        end_job(job, HSE_STATUS_ERROR);
    return HSE_STATUS_PENDING;
}

static unsigned char small_buffer[16];
static volatile LONG where_returned; /* HttpExtensionProc of "where" is about to return */

/* where: does the completion run inside our call, on its thread, before HttpExtensionProc returns? */
static void WINAPI on_where(EXTENSION_CONTROL_BLOCK *ecb, void *context, DWORD bytes, DWORD error)
{
    struct job *job = context;
    (void)bytes;
    (void)error;
    BOOL same = GetCurrentThreadId() == job->thread;
    end_job(job, answer_format(ecb, "inside=%d returned=%ld", same && job->in_start, where_returned));
}

static DWORD where(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    struct job *job = new_job(ecb);
    DWORD size = sizeof small_buffer;
    DWORD flags = HSE_IO_ASYNC;
    (void)argument;
    where_returned = 0;
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_where, NULL, (DWORD *)job);
    job->in_start = 1;
    support(ecb, HSE_REQ_ASYNC_READ_CLIENT, small_buffer, &size, &flags); /* job may have gone now */
    where_returned = 1;
    return HSE_STATUS_PENDING;
}

/* ---- commands: EXEC_URL */

static void WINAPI on_executed(EXTENSION_CONTROL_BLOCK *ecb, void *context, DWORD bytes, DWORD error)
{
    HSE_EXEC_URL_STATUS status = {0};
    (void)context;
    (void)bytes;
    support(ecb, HSE_REQ_GET_EXEC_URL_STATUS, &status, NULL, NULL);
    job_ends();
    if (error != 0)
        answer_format(ecb, "exec-url error %lu", error);
    done(ecb, error == 0 ? HSE_STATUS_SUCCESS : HSE_STATUS_SUCCESS_AND_KEEP_CONN);
}

/* exec or exec:URL */
static DWORD exec_url(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    HSE_EXEC_URL_INFO info = {0};
    info.dwExecUrlFlags = HSE_EXEC_URL_IGNORE_CURRENT_INTERCEPTOR;
    if (argument[0] != '\0')
        info.pszUrl = (char *)(uintptr_t)argument;
    job_begins();
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_executed, NULL, NULL);
    if (support(ecb, HSE_REQ_EXEC_URL, &info, NULL, NULL))
        return HSE_STATUS_PENDING;
    job_ends();
    return answer_format(ecb, "exec-url refused %lu", GetLastError());
}

/* ---- commands: clients that go, and pending requests */

/* Pending until the client has gone, by IS_CONNECTED. */
static DWORD WINAPI watch_client(void *context)
{
    struct job *job = context;
    BOOL connected = TRUE;
    while (connected && support(job->ecb, HSE_REQ_IS_CONNECTED, &connected, NULL, NULL))
        WaitForSingleObject(release_event, connected ? 5 : 0);
    end_job(job, HSE_STATUS_ERROR);
    return 0;
}

static DWORD until_gone(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    ResetEvent(release_event);
    CloseHandle(CreateThread(NULL, 0, watch_client, new_job(ecb), 0, NULL));
    return HSE_STATUS_PENDING;
}

static DWORD WINAPI wait_release(void *context)
{
    struct job *job = context;
    WaitForSingleObject(release_event, 30000);
    DWORD result = answer_format(job->ecb, "held");
    end_job(job, result);
    return 0;
}

/* hold: pending until "release" or TerminateExtension. */
static DWORD hold(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    CloseHandle(CreateThread(NULL, 0, wait_release, new_job(ecb), 0, NULL));
    return HSE_STATUS_PENDING;
}

static DWORD count(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    return answer_format(ecb, "%ld", jobs);
}

static DWORD unrelease(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    (void)argument;
    ResetEvent(release_event);
    return answer_format(ecb, "reset");
}

static DWORD hang_up(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    send_head(ecb, "200 OK", "Content-Length: 100\r\n\r\n", TRUE);
    write_sync(ecb, "part", 4);
    support(ecb, strcmp(argument, "abort") == 0 ? HSE_REQ_ABORTIVE_CLOSE : HSE_REQ_CLOSE_CONNECTION, NULL, NULL, NULL);
    return HSE_STATUS_SUCCESS;
}

static DWORD WINAPI close_later(void *context)
{
    HCONN connection = context;
    EXTENSION_CONTROL_BLOCK *ecb = ended;
    WaitForSingleObject(release_event, 30000);
    ecb->ServerSupportFunction(connection, HSE_REQ_CLOSE_CONNECTION, NULL, NULL, NULL);
    return 0;
}

/* hang-up-sending: more than any socket takes, and on "release" CLOSE_CONNECTION from another thread. */
static DWORD hang_up_sending(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    struct job *job = new_job(ecb);
    (void)argument;
    ResetEvent(release_event);
    job->len = 64 << 20;
    job->body = calloc(1, job->len);
    ended = ecb;
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_sent, NULL, (DWORD *)job);
    CloseHandle(CreateThread(NULL, 0, close_later, ecb->ConnID, 0, NULL));
    start_answer(job);
    return HSE_STATUS_PENDING;
}

static void WINAPI on_cancelled(EXTENSION_CONTROL_BLOCK *ecb, void *context, DWORD bytes, DWORD error)
{
    struct job *job = context;
    (void)bytes;
    DWORD result = answer_format(ecb, "cancelled %lu", error);
    end_job(job, result);
}

static DWORD WINAPI cancel_later(void *context)
{
    HCONN connection = context;
    EXTENSION_CONTROL_BLOCK *ecb = ended;
    ecb->ServerSupportFunction(connection, HSE_REQ_CANCEL_IO, NULL, NULL, NULL);
    return 0;
}

/* cancel: a read for which nothing comes, ended by CANCEL_IO from another thread. */
static DWORD cancel(EXTENSION_CONTROL_BLOCK *ecb, const char *argument)
{
    struct job *job = new_job(ecb);
    DWORD size = sizeof small_buffer;
    DWORD flags = HSE_IO_ASYNC;
    (void)argument;
    support(ecb, HSE_REQ_IO_COMPLETION, (void *)on_cancelled, NULL, (DWORD *)job);
    ended = ecb;
    support(ecb, HSE_REQ_ASYNC_READ_CLIENT, small_buffer, &size, &flags);
    CloseHandle(CreateThread(NULL, 0, cancel_later, ecb->ConnID, 0, NULL));
    return HSE_STATUS_PENDING;
}

const struct command async_commands[] = {
    {"unrelease", unrelease},
    {"echo-async", echo_async},
    {"vector-file", vector_file},
    {"vector-sync", vector_sync},
    {"transmit", transmit},
    {"write-async", write_async},
    {"where", where},
    {"exec", exec_url},
    {"until-gone", until_gone},
    {"hold", hold},
    {"count", count},
    {"hang-up", hang_up},
    {"hang-up-sending", hang_up_sending},
    {"cancel", cancel},
    {NULL, NULL},
};
