/* The memory of one extension control block with its strings and its first body bytes.
 *
 * With --strict each is a piece of address space of its own that becomes inaccessible when the request has ended, and stays so for the
 * next QUARANTINE_COUNT requests: a touch after the end is an access violation, which the watch turns into a message. */
#include "tools/isapihost/request_win32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUARANTINE_COUNT = 512 };

struct quarantined {
    char *start;
    size_t size;
    char label[REQUEST_LABEL_SIZE];
};

static CRITICAL_SECTION lock;
static struct quarantined quarantine[QUARANTINE_COUNT];
static unsigned next_place;

/* Runs where the violation happened: reads the ring without the lock, which the offender may hold. */
static LONG CALLBACK watch(EXCEPTION_POINTERS *pointers)
{
    const EXCEPTION_RECORD *record = pointers->ExceptionRecord;
    if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION || record->NumberParameters < 2)
        return EXCEPTION_CONTINUE_SEARCH;
    const char *address = (const char *)record->ExceptionInformation[1];
    for (unsigned i = 0; i < QUARANTINE_COUNT; ++i) {
        const struct quarantined *item = &quarantine[i];
        if (item->start == NULL || address < item->start || address >= item->start + item->size)
            continue;
        fprintf(stderr, "isapihost: strict: %s: a touch of the extension control block after its end (byte %u of it)\n",
                item->label, (unsigned)(address - item->start));
        fflush(stderr);
        TerminateProcess(GetCurrentProcess(), 3);
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

bool arena_start_watch(void)
{
    InitializeCriticalSection(&lock);
    return AddVectoredExceptionHandler(1, watch) != NULL;
}

void *arena_open(size_t size)
{
    return session_options->strict ? VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) : malloc(size);
}

void arena_close(void *arena, size_t size, const char *label)
{
    DWORD old;
    if (!session_options->strict) {
        free(arena);
        return;
    }
    VirtualProtect(arena, size, PAGE_NOACCESS, &old);
    EnterCriticalSection(&lock);
    struct quarantined *item = &quarantine[next_place];
    next_place = (next_place + 1) % QUARANTINE_COUNT;
    char *evicted = item->start;
    item->start = NULL;
    strcpy(item->label, label);
    item->size = size;
    item->start = arena;
    LeaveCriticalSection(&lock);
    if (evicted != NULL)
        VirtualFree(evicted, 0, MEM_RELEASE);
}
