/* rate: see rate.h.
 *
 * Completions come inside the call that begins the operation, and the thread that ends a request, one of the DLL's, begins
 * the next one: no thread is woken for it. ISAPI does not say on which thread HttpExtensionProc is called, and the request
 * that has ended may not be touched any more. Only a request that ends inside its own HttpExtensionProc is followed by the
 * next one after that has returned, so nothing recurses: begin_next is never on a thread's stack more than once. */
#include "tests/helpers/ecb_driver/rate.h"

#include <stdio.h>

#include "tests/helpers/ecb_driver/census.h"
#include "tests/helpers/latencies.h"

enum { WAIT_MS = 120000, START_WAIT_MS = 30000, WARM_COUNT = 500 };

static const struct request_plan get = {.method = "GET", .query = ""};
static struct latencies latencies;
static volatile LONG stopping;
static uint64_t answer_len; /* of the first; all the others must be like it */
static volatile LONG64 total_len;
static DWORD slot; /* of each thread: unsigned *, how many requests it has yet to begin; NULL: it does not begin any */

/* ---- what the host is told to do ---- */

static void begin_next(struct host *host)
{
    unsigned due = 1;
    unsigned *already = TlsGetValue(slot);
    if (already) {
        ++*already;
        return;
    }
    TlsSetValue(slot, &due);
    for (; due; due--)
        host_begin(host, &get);
    TlsSetValue(slot, NULL);
}

static void check_status(const struct ended *ended)
{
    if (ended->status != 200)
        die("an answer of status %u, without any if 0", ended->status);
}

static void on_end_rated(struct host *host, const struct ended *ended)
{
    check_status(ended);
    if (!answer_len)
        answer_len = ended->sent;
    if (ended->sent != answer_len)
        die("an answer of %llu bytes, others have %llu", (unsigned long long)ended->sent, (unsigned long long)answer_len);
    latencies_answered(&latencies, ended->begun_ns);
    if (!stopping)
        begin_next(host);
}

static void on_end_download(struct host *host, const struct ended *ended)
{
    (void)host;
    check_status(ended);
    InterlockedExchangeAdd64(&total_len, (LONG64)ended->sent);
}

/* The least an extension can do that answers as fcgiext does. */
static void WINAPI answered(EXTENSION_CONTROL_BLOCK *block, void *context, DWORD len, DWORD error)
{
    (void)context;
    (void)len;
    (void)error;
    block->ServerSupportFunction(block->ConnID, HSE_REQ_DONE_WITH_SESSION, NULL, NULL, NULL);
}

static DWORD WINAPI answers_at_once(EXTENSION_CONTROL_BLOCK *block)
{
    static char text[] = "text";
    HSE_VECTOR_ELEMENT element = {HSE_VECTOR_ELEMENT_TYPE_MEMORY_BUFFER, text, 0, sizeof text};
    DWORD flags = HSE_IO_ASYNC | HSE_IO_SEND_HEADERS | HSE_IO_FINAL_SEND;
    HSE_RESPONSE_VECTOR vector = {flags, (char *)"200 OK", (char *)"\r\n", 1, &element};
    block->ServerSupportFunction(block->ConnID, HSE_REQ_IO_COMPLETION, (void *)(ULONG_PTR)answered, NULL, NULL);
    block->ServerSupportFunction(block->ConnID, HSE_REQ_VECTOR_SEND, &vector, NULL, NULL);
    return HSE_STATUS_PENDING;
}

/* ---- commands ---- */

static void open_host(struct host *host, const WCHAR *dll)
{
    if (dll[0] == L'-')
        host_open_with(host, answers_at_once, COMPLETIONS_INLINE);
    else
        host_open(host, dll, COMPLETIONS_INLINE);
    host->unguarded = true;
    total_len = 0;
    answer_len = 0;
    stopping = 0;
}

static void close_host(struct host *host)
{
    char line[16];
    fflush(stdout);
    (void)!fgets(line, sizeof line, stdin);
    host_close(host);
}

/* Until no thread is about to begin another one: a request counts as ended only when on_end has returned. */
static void wait_all(struct host *host)
{
    do {
        if (!host_wait_all(host, WAIT_MS))
            die("%ld of %ld requests have not ended", host->totals.begun - host->totals.ended, host->totals.begun);
    } while (host->totals.ended != host->totals.begun);
}

static void wait_for_answers(struct host *host, LONG count)
{
    if (!host_wait_ended(host, host->totals.ended + count, WAIT_MS))
        die("fewer than %ld requests have ended", count);
}

/* More requests run than there are processes, as long as the pool may start one: so it starts them all. Their number is looked at
 * again whenever some requests have ended. */
static void wait_for_workers(struct host *host, unsigned count)
{
    DWORD begun = GetTickCount();
    while (child_count() < count && GetTickCount() - begun < START_WAIT_MS)
        wait_for_answers(host, (LONG)count);
    wait_for_answers(host, WARM_COUNT);
}

struct beginner {
    struct host *host;
    unsigned count;
};

/* A thread of its own: with an extension that answers at once the first begin returns when all is over. */
static DWORD WINAPI begin_first(void *context)
{
    const struct beginner *beginner = context;
    for (unsigned i = 0; i < beginner->count; i++)
        begin_next(beginner->host);
    return 0;
}

void rate(struct host *host, const WCHAR *dll, double seconds, unsigned count)
{
    struct beginner beginner = {host, count};
    if (!slot)
        slot = TlsAlloc();
    open_host(host, dll);
    host->on_end = on_end_rated;
    HANDLE thread = CreateThread(NULL, 0, begin_first, &beginner, 0, NULL);
    wait_for_workers(host, host->dll ? count : 0);
    printf("rate %u: begun\n", count);
    fflush(stdout);
    if (!latencies_measure(&latencies, seconds))
        die("no request ended any more");
    stopping = 1;
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    wait_all(host);
    latencies_report(&latencies, count, (unsigned long)latencies.count, latencies.spent_ns, child_count());
    close_host(host);
}

static double run_downloads(struct host *host, const struct request_plan *plan, unsigned count)
{
    double begun = now_ns();
    for (unsigned i = 0; i < count; i++) {
        host_begin(host, plan);
        wait_all(host);
    }
    return now_ns() - begun;
}

void download(struct host *host, const WCHAR *dll, uint64_t len, unsigned count)
{
    char query[32];
    snprintf(query, sizeof query, "bytes=%llu", (unsigned long long)len);
    const struct request_plan plan = {.method = "GET", .query = len ? query : ""};
    open_host(host, dll);
    host->on_end = on_end_download;
    run_downloads(host, &plan, 1); /* starts the process, first uses */
    total_len = 0;
    puts("download: begun");
    fflush(stdout);
    double spent = run_downloads(host, &plan, count);
    printf("download: %llu bytes in %.6f s, %.1f MiB a second\n", (unsigned long long)total_len, spent / 1e9,
           (double)total_len / 1048576 * 1e9 / spent);
    close_host(host);
}
