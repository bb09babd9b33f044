/* The performance counter in nanoseconds. */
#ifndef TESTS_NOW_NS_H
#define TESTS_NOW_NS_H

#include <windows.h>

static inline double now_ns(void)
{
    static LARGE_INTEGER frequency; /* always the same, whoever asks first */
    LARGE_INTEGER now;
    if (!frequency.QuadPart)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    return (double)now.QuadPart * 1e9 / (double)frequency.QuadPart;
}

#endif
