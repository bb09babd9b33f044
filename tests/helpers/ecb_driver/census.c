/* census: see census.h. Wine answers GetProcessHandleCount with 0; there the system's list of all handles is counted. */
#include "tests/helpers/ecb_driver/census.h"

#include <psapi.h>
#include <stdlib.h>
#include <tlhelp32.h>

#include "tests/helpers/ecb_driver/host.h"
#include "tests/helpers/system_handles.h"

enum { PROBE_HANDLES = 10 };

SIZE_T private_bytes(void)
{
    PROCESS_MEMORY_COUNTERS counters;
    counters.cb = sizeof counters;
    GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters);
    return counters.PagefileUsage;
}

unsigned thread_count(void)
{
    unsigned count = 0;
    DWORD own = GetCurrentProcessId();
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    for (BOOL ok = Thread32First(snapshot, &entry); ok; ok = Thread32Next(snapshot, &entry))
        count += entry.th32OwnerProcessID == own;
    CloseHandle(snapshot);
    return count;
}

/* One of the other threads of this process ends. false: none has, in this time. */
static bool wait_for_a_thread(DWORD wait_ms)
{
    HANDLE threads[MAXIMUM_WAIT_OBJECTS];
    DWORD count = 0, own = GetCurrentProcessId();
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    for (BOOL ok = Thread32First(snapshot, &entry); ok && count < MAXIMUM_WAIT_OBJECTS; ok = Thread32Next(snapshot, &entry))
        if (entry.th32OwnerProcessID == own && entry.th32ThreadID != GetCurrentThreadId() &&
            (threads[count] = OpenThread(SYNCHRONIZE, FALSE, entry.th32ThreadID)) != NULL)
            count++;
    CloseHandle(snapshot);
    bool ended = count && WaitForMultipleObjects(count, threads, FALSE, wait_ms) != WAIT_TIMEOUT;
    while (count)
        CloseHandle(threads[--count]);
    return ended;
}

unsigned settled_thread_count(unsigned most, DWORD wait_ms)
{
    while (thread_count() > most && wait_for_a_thread(wait_ms))
        ;
    return thread_count();
}

unsigned child_count(void)
{
    unsigned count = 0;
    DWORD own = GetCurrentProcessId();
    PROCESSENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    for (BOOL ok = Process32First(snapshot, &entry); ok; ok = Process32Next(snapshot, &entry))
        count += entry.th32ParentProcessID == own && _stricmp(entry.szExeFile, "conhost.exe") != 0;
    CloseHandle(snapshot);
    return count;
}

static unsigned count_handles(void)
{
    DWORD count = 0, own = GetCurrentProcessId();
    if (GetProcessHandleCount(GetCurrentProcess(), &count) && count)
        return count;
    struct system_handles *handles = system_handles_list();
    if (!handles)
        die("the system does not list its handles");
    for (ULONG_PTR i = 0; i < handles->count; i++)
        count += handles->items[i].process == own;
    free(handles);
    return count;
}

unsigned handle_count(void)
{
    HANDLE more[PROBE_HANDLES];
    unsigned count = count_handles();
    for (unsigned i = 0; i < PROBE_HANDLES; i++)
        more[i] = CreateEventW(NULL, FALSE, FALSE, NULL);
    unsigned with_more = count_handles();
    for (unsigned i = 0; i < PROBE_HANDLES; i++)
        CloseHandle(more[i]);
    if (with_more != count + PROBE_HANDLES)
        die("handles cannot be counted here: %u, and with %d more %u", count, PROBE_HANDLES, with_more);
    return count;
}

bool pipe_exists(const char *name)
{
    return WaitNamedPipeA(name, 1) || GetLastError() != ERROR_FILE_NOT_FOUND;
}
