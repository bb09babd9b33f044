/* How long each of many requests took, from any thread, and percentiles of that. What does not fit is left out. */
#ifndef TESTS_LATENCIES_H
#define TESTS_LATENCIES_H

#include <windows.h>

#include <stdint.h>
#include <stdlib.h>

enum { LATENCIES_LEN = 1 << 21 };

struct latencies {
    volatile LONG count;
    uint32_t ns[LATENCIES_LEN];
};

static inline void latencies_add(struct latencies *latencies, double ns)
{
    LONG index = InterlockedIncrement(&latencies->count) - 1;
    if (index < LATENCIES_LEN)
        latencies->ns[index] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static inline int latencies_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* To be called before latencies_percentile. */
static inline void latencies_sort(struct latencies *latencies)
{
    if (latencies->count > LATENCIES_LEN)
        latencies->count = LATENCIES_LEN;
    qsort(latencies->ns, (size_t)latencies->count, sizeof latencies->ns[0], latencies_compare);
}

/* -> nanoseconds; 0 when nothing was measured */
static inline uint32_t latencies_percentile(const struct latencies *latencies, unsigned percent)
{
    size_t count = (size_t)latencies->count;
    return count ? latencies->ns[(count - 1) * percent / 100] : 0;
}

#endif
