/* fcgiperf.dll: the counters in perfmon and whatever else reads HKEY_PERFORMANCE_DATA: a performance DLL of version 1.
 *
 * It runs in processes of others (perfmon, WmiPrvSE, agents), which must not suffer from it: no thread, nothing that waits, nothing in the
 * event log, and no error. Windows would switch a DLL off whose Open fails, so Open succeeds also when there is nothing to be read; Collect
 * knows one failure, "the buffer is too small". Hosts are found by asking for each process whether it has a block. */
#include <windows.h>

#include <psapi.h>

#include "perfcounters/counter_open_win32.h"
#include "perfcounters/perf_blob.h"

enum { MAX_PROCESSES = 16384 };

static CRITICAL_SECTION lock; /* over what follows; perflib does not call us twice at a time, others might */
static struct perf_hosts *hosts;
static unsigned open_count;
static DWORD first_counter, first_help; /* 0: not registered, and nothing can be said */
static DWORD processes[MAX_PROCESSES];

static DWORD read_index(HKEY key, const WCHAR *name)
{
    DWORD value = 0, type = 0, len = sizeof value;
    if (RegQueryValueExW(key, name, NULL, &type, (BYTE *)&value, &len) || type != REG_DWORD || len != sizeof value)
        return 0;
    return value;
}

static void read_indexes(void)
{
    HKEY key;
    first_counter = first_help = 0;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Services\\fcgiext\\Performance", 0, KEY_QUERY_VALUE,
                      &key))
        return;
    first_counter = read_index(key, L"First Counter");
    first_help = read_index(key, L"First Help");
    RegCloseKey(key);
}

static void read_hosts(uint64_t now_us)
{
    DWORD len = 0;
    perf_hosts_begin(hosts, now_us);
    if (!EnumProcesses(processes, sizeof processes, &len))
        len = 0;
    for (DWORD i = 0; i < len / sizeof *processes; i++) {
        struct counter_view section;
        if (!counter_view_open(&section, processes[i]))
            continue;
        perf_hosts_take(hosts, processes[i], section.block, section.len);
        counter_view_close(&section);
    }
    perf_hosts_end(hosts);
}

static struct perf_clock read_clock(void)
{
    LARGE_INTEGER ticks, frequency;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&frequency);
    return (struct perf_clock){(uint64_t)ticks.QuadPart, (uint64_t)frequency.QuadPart};
}

static DWORD collect(const uint16_t *query, void **data, DWORD *len, DWORD *object_types)
{
    struct perf_blob blob = {.first_counter = first_counter, .first_help = first_help};
    uint8_t *at = *data;
    uint32_t room = *len, count = 0;
    *len = *object_types = 0;
    if (!hosts || !first_counter || !first_help)
        return ERROR_SUCCESS;
    perf_query_parse(query, first_counter, blob.wanted);
    if (!perf_blob_len(&blob))
        return ERROR_SUCCESS;
    blob.clock = read_clock();
    read_hosts(perf_clock_us(&blob.clock));
    blob.pools = perf_hosts_pools(hosts, &blob.pool_count);
    blob.workers = perf_hosts_workers(hosts, &blob.worker_count);
    if (!perf_blob_put(&blob, &at, &room, &count))
        return ERROR_MORE_DATA;
    *data = at;
    *len = room;
    *object_types = count;
    return ERROR_SUCCESS;
}

/* ---- the exports, as winperf.h has their types */

DWORD APIENTRY OpenFcgiPerf(WCHAR *devices);
DWORD APIENTRY CollectFcgiPerf(WCHAR *query, void **data, DWORD *len, DWORD *object_types);
DWORD APIENTRY CloseFcgiPerf(void);

DWORD APIENTRY OpenFcgiPerf(WCHAR *devices)
{
    (void)devices;
    EnterCriticalSection(&lock);
    open_count++;
    if (!hosts)
        hosts = perf_hosts_create();
    read_indexes();
    LeaveCriticalSection(&lock);
    return ERROR_SUCCESS;
}

DWORD APIENTRY CollectFcgiPerf(WCHAR *query, void **data, DWORD *len, DWORD *object_types)
{
    if (!TryEnterCriticalSection(&lock)) {
        *len = *object_types = 0;
        return ERROR_SUCCESS;
    }
    DWORD result = collect((const uint16_t *)query, data, len, object_types);
    LeaveCriticalSection(&lock);
    return result;
}

/* The totals that are carried on go with the last of those who have opened us. */
DWORD APIENTRY CloseFcgiPerf(void)
{
    EnterCriticalSection(&lock);
    if (open_count > 0 && --open_count == 0) {
        perf_hosts_destroy(hosts);
        hosts = NULL;
    }
    LeaveCriticalSection(&lock);
    return ERROR_SUCCESS;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved);

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)
{
    if (reason == DLL_PROCESS_ATTACH) {
        DisableThreadLibraryCalls(module);
        InitializeCriticalSection(&lock);
    } else if (reason == DLL_PROCESS_DETACH && !reserved) {
        perf_hosts_destroy(hosts);
        DeleteCriticalSection(&lock);
    }
    return TRUE;
}
