/* clock_win32: see clock_win32.h. GetTickCount64 is not on XP. */
#include "tools/fcgictl/clock_win32.h"

#include <windows.h>

uint64_t clock_win32_ms(void)
{
    static LARGE_INTEGER frequency; /* constant since boot: a race writes the same value */
    LARGE_INTEGER now;
    if (frequency.QuadPart == 0)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    return (uint64_t)(now.QuadPart / frequency.QuadPart) * 1000 +
           (uint64_t)(now.QuadPart % frequency.QuadPart) * 1000 / (uint64_t)frequency.QuadPart;
}

uint64_t clock_win32_unix_ms(void)
{
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    uint64_t ticks = (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
    return ticks / 10000 - 11644473600000u;
}
