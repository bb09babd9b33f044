/* ecb_driver: drives fcgiext.dll without HTTP. What it prints is read by tests/system/test_ecb_driver.py and the benchmarks.
 *
 *   ecb_driver DLL waiting COUNT...      requests that all wait at once: cost of an arrival, memory a request
 *   ecb_driver DLL faults MODE COUNT     COUNT requests with each fault of the host, completions inline, thread or late
 *   ecb_driver DLL cycles COUNT          load, requests, unload; handles and threads afterwards
 *
 * The pool `echo` of the ini that FCGIEXT_INI names must run the demo's responder. Exit code 0: no rule was broken. */
#include "host.h"

#include <psapi.h>
#include <tlhelp32.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 120000, SAMPLES = 400 };

static SIZE_T private_bytes(void)
{
    PROCESS_MEMORY_COUNTERS counters;
    counters.cb = sizeof counters;
    GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters);
    return counters.PagefileUsage;
}

static DWORD thread_count(void)
{
    DWORD count = 0, own = GetCurrentProcessId();
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    for (BOOL ok = Thread32First(snapshot, &entry); ok; ok = Thread32Next(snapshot, &entry))
        count += entry.th32OwnerProcessID == own;
    CloseHandle(snapshot);
    return count;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static const struct request_plan hang = {.method = "POST", .query = "page=slow&ms=600000"};
static const struct request_plan get = {.method = "GET", .query = "page=env"};

/* The first request holds the only worker; the others wait behind it. */
static void waiting(const WCHAR *dll, unsigned count)
{
    struct host host;
    double samples[SAMPLES];
    host_open(&host, dll, COMPLETIONS_THREAD);
    host_begin(&host, &hang);
    for (unsigned i = 0; i < 8; i++) /* first uses, growing lists */
        host_begin(&host, &get);
    SIZE_T before = private_bytes();
    for (unsigned i = 0; i < count; i++)
        host_begin(&host, &get);
    SIZE_T after = private_bytes();
    for (unsigned i = 0; i < SAMPLES; i++) {
        host_begin(&host, &get);
        samples[i] = host.begin_ns;
    }
    if (host.totals.ended)
        die("a request ended that should wait");
    qsort(samples, SAMPLES, sizeof *samples, compare_doubles);
    printf("waiting %u: arrival %.0f ns, memory %.0f bytes a request\n", count, samples[SAMPLES / 2],
           (double)(after - before) / count);
    host_close(&host); /* ends them all */
    printf("waiting %u: %ld of %ld ended\n", count, host.totals.ended, host.totals.begun);
}

static enum completions mode_of(const char *name)
{
    if (strcmp(name, "inline") == 0)
        return COMPLETIONS_INLINE;
    return strcmp(name, "late") == 0 ? COMPLETIONS_LATE : COMPLETIONS_THREAD;
}

static void faults(const WCHAR *dll, const char *mode, unsigned count)
{
    for (enum fault fault = FAULT_NONE; fault < FAULT_COUNT; fault++) {
        struct host host;
        host_open(&host, dll, mode_of(mode));
        for (unsigned i = 0; i < count; i++) {
            struct request_plan plan = {.method = "POST", .query = "page=echo", .fault = fault};
            plan.body_len = i % 2 ? 150000 : 100;
            plan.available = i % 2 ? 40000 : 100;
            host_begin(&host, &plan);
        }
        if (!host_wait_all(&host, WAIT_MS))
            die("%s: %ld of %ld requests have not ended", fault_names[fault], host.totals.begun - host.totals.ended,
                host.totals.begun);
        const struct host_totals *totals = &host.totals;
        printf("fault %s: ended %ld refused %ld silent %ld 2xx %ld 4xx %ld 5xx %ld\n", fault_names[fault], totals->ended,
               totals->refused, totals->answered[0], totals->answered[2], totals->answered[4], totals->answered[5]);
        host_close(&host);
    }
}

/* Unloads while half of the requests still run. */
static void cycles(const WCHAR *dll, unsigned count)
{
    DWORD handles_before = 0, handles_after = 0;
    DWORD threads_before = 0;
    for (unsigned i = 0; i < count; i++) {
        struct host host;
        host_open(&host, dll, (enum completions)(i % 3));
        for (unsigned k = 0; k < 8; k++)
            host_begin(&host, &get);
        if (i % 2 && !host_wait_all(&host, WAIT_MS))
            die("requests have not ended");
        host_close(&host);
        if (i == 1) { /* the first rounds load what stays */
            GetProcessHandleCount(GetCurrentProcess(), &handles_before);
            threads_before = thread_count();
        }
    }
    GetProcessHandleCount(GetCurrentProcess(), &handles_after);
    printf("cycles %u: handles %lu to %lu, threads %lu to %lu\n", count, handles_before, handles_after, threads_before,
           thread_count());
}

int main(int argc, char **argv)
{
    WCHAR dll[MAX_PATH];
    if (argc < 4)
        die("usage: ecb_driver DLL waiting COUNT... | faults MODE COUNT | cycles COUNT");
    MultiByteToWideChar(CP_ACP, 0, argv[1], -1, dll, ARRAYSIZE(dll));
    if (strcmp(argv[2], "waiting") == 0)
        for (int i = 3; i < argc; i++)
            waiting(dll, (unsigned)atoi(argv[i]));
    else if (strcmp(argv[2], "faults") == 0 && argc == 5)
        faults(dll, argv[3], (unsigned)atoi(argv[4]));
    else if (strcmp(argv[2], "cycles") == 0)
        cycles(dll, (unsigned)atoi(argv[3]));
    else
        die("unknown: %s", argv[2]);
    puts("ecb_driver: no rule was broken");
    return 0;
}
