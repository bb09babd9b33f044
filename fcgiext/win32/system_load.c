/* system_load: see system_load.h. The kernel's time contains that of the idle processes. */
#include "fcgiext/win32/system_load.h"

static uint64_t ticks(FILETIME time)
{
    return (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

uint32_t system_load_cpu(struct system_load *load)
{
    FILETIME idle, kernel, user;
    if (!GetSystemTimes(&idle, &kernel, &user))
        return 0;
    struct system_load now = {ticks(idle), ticks(kernel) + ticks(user)};
    uint64_t total = now.total - load->total, unused = now.idle - load->idle;
    *load = now;
    return total && unused <= total ? (uint32_t)((total - unused) * 1000 / total) : 0;
}

void system_load_memory(uint64_t *free_bytes, uint64_t *total_bytes)
{
    MEMORYSTATUSEX memory;
    ZeroMemory(&memory, sizeof memory);
    memory.dwLength = sizeof memory;
    GlobalMemoryStatusEx(&memory);
    *total_bytes = memory.ullTotalPhys;
    *free_bytes = memory.ullAvailPhys < memory.ullAvailPageFile ? memory.ullAvailPhys : memory.ullAvailPageFile;
}

uint32_t system_load_processors(void)
{
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    return system.dwNumberOfProcessors;
}
