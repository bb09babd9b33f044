/* The block that this process publishes: a good one, or one that is wrong in some way. */
#include "tests/helpers/perf_probe/perf_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_LEN = 4096 };

static HANDLE section, file = INVALID_HANDLE_VALUE;
static struct counter_block *block;

static uint64_t now_us(void)
{
    LARGE_INTEGER ticks, frequency;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&frequency);
    struct perf_clock clock = {(uint64_t)ticks.QuadPart, (uint64_t)frequency.QuadPart};
    return perf_clock_us(&clock);
}

static void fill_with_garbage(unsigned seed)
{
    uint64_t random = seed * UINT64_C(2862933555777941757) + 1;
    for (size_t i = sizeof block->magic + sizeof block->version + sizeof block->len + sizeof block->pid; i < sizeof *block;
         i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        ((uint8_t *)block)[i] = seed == 0 ? 0xff : (uint8_t)random;
    }
    block->ended = 0;
    /* What is locked is not looked at: half of it is not. */
    for (unsigned i = 0; i < COUNTER_BLOCK_POOLS; i += 2)
        block->pools[i].sequence &= ~1u;
    for (unsigned i = 0; i < COUNTER_BLOCK_WORKERS; i += 2) {
        block->workers[i].sequence &= ~1u;
        block->workers[i].pool %= 2 * COUNTER_BLOCK_POOLS;
        block->workers[i].state %= 2 * WORKER_GONE;
    }
}

void block_publish(const char *kind)
{
    char name[64];
    bool local = strcmp(kind, "local") == 0, reserved = strcmp(kind, "reserved") == 0;
    DWORD len = strcmp(kind, "short") == 0 ? SHORT_LEN : sizeof *block;
    int folder_len = snprintf(name, sizeof name, "%s\\", local ? "Local" : "Global");
    snprintf(name + folder_len, sizeof name - (size_t)folder_len, COUNTER_BLOCK_NAME, GetCurrentProcessId());
    if (strcmp(kind, "file") == 0) {
        WCHAR path[MAX_PATH];
        GetTempPathW(MAX_PATH - 20, path);
        wcscat(path, L"perf_probe.bin");
        file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
        if (file == INVALID_HANDLE_VALUE)
            die("CreateFile");
    }
    section = CreateFileMappingA(file, NULL, PAGE_READWRITE | (reserved ? SEC_RESERVE : 0), 0, len, name);
    if (!section)
        die("CreateFileMapping");
    block = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    if (!block)
        die("MapViewOfFile");
    if (reserved && !VirtualAlloc(block, SHORT_LEN, MEM_COMMIT, PAGE_READWRITE))
        die("VirtualAlloc");
    counter_block_init(block, GetCurrentProcessId(), 7, now_us() - 10000000, 0);
    say("ok");
}

void block_pool(const char *name, const char *requests, const char *times)
{
    struct counter_block_pool *pool = counter_block_add_pool(block, bytes_of_str(name), now_us() - 5000000, 0);
    if (!pool)
        die("no room for a pool");
    counter_sequence_begin(&pool->sequence);
    pool->values[COUNTER_REQUESTS] = strtoull(requests, NULL, 10);
    pool->values[COUNTER_EXECUTION] = pool->values[COUNTER_REQUESTS];
    pool->values[COUNTER_EXECUTION + COUNTER_BUCKET_COUNT] = pool->values[COUNTER_BUSY] = strtoull(times, NULL, 10);
    pool->values[COUNTER_STATE + POOL_STATE_DRAINED] = 1;
    counter_sequence_end(&pool->sequence);
    say("ok");
}

void block_workers(const char *count, const char *first_pid, const char *pool)
{
    for (unsigned i = 0; i < strtoul(count, NULL, 10); i++)
        block->workers[i] = (struct counter_block_worker){.pid = (uint32_t)strtoul(first_pid, NULL, 10) + i,
                                                          .pool = (uint32_t)strtoul(pool, NULL, 10),
                                                          .state = WORKER_IDLE,
                                                          .start_us = now_us() - 1000000,
                                                          .served = i + 1,
                                                          .private_bytes = 4096 * (i + 1)};
    say("ok");
}

void block_change(const char *what, const char *value)
{
    struct counter_block_pool *pool = &block->pools[strtoul(value, NULL, 10) % COUNTER_BLOCK_POOLS];
    if (strcmp(what, "half") == 0)
        counter_sequence_begin(&pool->sequence);
    else if (strcmp(what, "more") == 0)
        pool->values[COUNTER_REQUESTS]++;
    else if (strcmp(what, "ended") == 0)
        block->ended = 1;
    else if (strcmp(what, "pid") == 0)
        block->pid++;
    else if (strcmp(what, "version") == 0)
        block->version++;
    else if (strcmp(what, "garbage") == 0)
        fill_with_garbage((unsigned)strtoul(value, NULL, 10));
    else if (strcmp(what, "gone") == 0) {
        UnmapViewOfFile(block);
        CloseHandle(section);
        if (file != INVALID_HANDLE_VALUE)
            CloseHandle(file);
        file = INVALID_HANDLE_VALUE;
    } else
        die(what);
    say("ok");
}
