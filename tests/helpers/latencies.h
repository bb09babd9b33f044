/* How long each of many requests took, from any thread, and percentiles of that. What does not fit is left out. */
#ifndef TESTS_LATENCIES_H
#define TESTS_LATENCIES_H

#include <windows.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/helpers/now_ns.h"

enum { LATENCIES_LEN = 1 << 21, LATENCIES_WAIT_MS = 120000 };

struct latencies {
    volatile LONG measuring;
    HANDLE over; /* the first answer after end_ns */
    double begun_ns, end_ns, spent_ns;
    volatile LONG count;
    uint32_t ns[LATENCIES_LEN];
};

static inline void latencies_add(struct latencies *latencies, double ns)
{
    LONG index = InterlockedIncrement(&latencies->count) - 1;
    if (index < LATENCIES_LEN)
        latencies->ns[index] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

/* From any thread: what was begun then has been answered. Counts while latencies_measure waits. */
static inline void latencies_answered(struct latencies *latencies, double begun_ns)
{
    double now = now_ns();
    if (!latencies->measuring)
        return;
    latencies_add(latencies, now - begun_ns);
    if (now >= latencies->end_ns)
        SetEvent(latencies->over);
}

/* Until the first answer after so many seconds; spent_ns says how long it was. false: there was none. */
static inline bool latencies_measure(struct latencies *latencies, double seconds)
{
    latencies->over = CreateEventW(NULL, TRUE, FALSE, NULL);
    latencies->count = 0;
    latencies->begun_ns = now_ns();
    latencies->end_ns = latencies->begun_ns + seconds * 1e9;
    InterlockedExchange(&latencies->measuring, 1);
    DWORD waited = WaitForSingleObject(latencies->over, (DWORD)(seconds * 1000) + LATENCIES_WAIT_MS);
    InterlockedExchange(&latencies->measuring, 0);
    latencies->spent_ns = now_ns() - latencies->begun_ns;
    return waited == WAIT_OBJECT_0;
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

/* The line that tests/bench reads: `requests` in `spent_ns`, with `count` connections. */
static inline void latencies_report(struct latencies *latencies, unsigned count, unsigned long long requests, double spent_ns,
                                    unsigned workers)
{
    latencies_sort(latencies);
    printf("rate %u: %llu requests in %.6f s, %.0f a second, p50 %u ns, p99 %u ns, %u workers\n", count, requests,
           spent_ns / 1e9, (double)requests * 1e9 / spent_ns, latencies_percentile(latencies, 50),
           latencies_percentile(latencies, 99), workers);
}

#endif
