/* counter_block_win32: see counter_block_win32.h.
 *
 * A section that exists already is not used: who made it before us, under our process id, wants to be believed in our stead. */
#include "perfcounters/counter_block_win32.h"

#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>

#include "perfcounters/atomic.h"

uint64_t counter_now_us(void)
{
    static LARGE_INTEGER frequency; /* constant since boot: a race writes the same value */
    LARGE_INTEGER now;
    if (!frequency.QuadPart)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    uint64_t seconds = (uint64_t)(now.QuadPart / frequency.QuadPart);
    uint64_t rest = (uint64_t)(now.QuadPart % frequency.QuadPart);
    return seconds * 1000000 + rest * 1000000 / (uint64_t)frequency.QuadPart;
}

static DWORD map(struct counter_section *section, const char *where, SECURITY_ATTRIBUTES *security)
{
    char name[64];
    snprintf(name, sizeof name, "%s\\" COUNTER_BLOCK_NAME, where, GetCurrentProcessId());
    section->mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, security, PAGE_READWRITE, 0, sizeof *section->block, name);
    DWORD error = GetLastError();
    if (section->mapping && error != ERROR_ALREADY_EXISTS) {
        section->block = MapViewOfFile(section->mapping, FILE_MAP_WRITE, 0, 0, 0);
        error = section->block ? 0 : GetLastError();
    }
    if (section->mapping && error)
        CloseHandle(section->mapping);
    if (error)
        section->mapping = NULL;
    return error;
}

static DWORD share(struct counter_section *section)
{
    SECURITY_ATTRIBUTES security = {.nLength = sizeof security};
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(COUNTER_SECTION_SDDL, SDDL_REVISION_1,
                                                              &security.lpSecurityDescriptor, NULL))
        return GetLastError();
    DWORD error = map(section, "Global", &security);
    if (error)
        error = map(section, "Local", &security);
    LocalFree(security.lpSecurityDescriptor);
    return error;
}

bool counter_section_create(struct counter_section *section, DWORD *error)
{
    FILETIME started, others;
    FILETIME now;
    *error = share(section);
    if (*error)
        section->block = calloc(1, sizeof *section->block);
    if (!section->block)
        return false;
    GetProcessTimes(GetCurrentProcess(), &started, &others, &others, &others);
    GetSystemTimeAsFileTime(&now);
    uint64_t unix_ms = ((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) / 10000 - 11644473600000u;
    counter_block_init(section->block, GetCurrentProcessId(), (uint64_t)started.dwHighDateTime << 32 | started.dwLowDateTime,
                       counter_now_us(), unix_ms);
    return true;
}

void counter_section_destroy(struct counter_section *section)
{
    if (!section->block)
        return;
    atomic32_store(&section->block->ended, 1);
    if (section->mapping) {
        UnmapViewOfFile(section->block);
        CloseHandle(section->mapping);
    } else {
        free(section->block);
    }
    section->block = NULL;
    section->mapping = NULL;
}

struct counter_block_worker *counter_section_take_worker(struct counter_section *section)
{
    for (unsigned i = 0; i < COUNTER_BLOCK_WORKERS; i++)
        if (!section->taken[i] && !InterlockedExchange(&section->taken[i], 1))
            return &section->block->workers[i];
    InterlockedIncrement((volatile LONG *)&section->block->left_out);
    return NULL;
}

void counter_section_give_worker(struct counter_section *section, struct counter_block_worker *worker)
{
    counter_sequence_begin(&worker->sequence);
    worker->pid = 0;
    counter_sequence_end(&worker->sequence);
    InterlockedExchange(&section->taken[worker - section->block->workers], 0);
}
