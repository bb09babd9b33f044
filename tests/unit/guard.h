/* guard: memory whose last byte is followed by a page that must not be touched, so that a module that reads or
 * writes one byte too far dies at once, with and without sanitizers. On Windows, where this header keeps away from
 * <windows.h>, each piece is an exact allocation instead. Include it before any system header: it asks for more
 * than C11 declares. */
#ifndef FCGIEXT_TESTS_GUARD_H
#define FCGIEXT_TESTS_GUARD_H

#if !defined(_WIN32) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE
#endif

#include "fcgiext/core/bytes.h"

#include <stdlib.h>
#ifndef _WIN32
#include <sys/mman.h>
#include <unistd.h>
#endif

struct guard {
    uint8_t *base;
    size_t size; /* bytes before the page */
    size_t page;
};

#ifdef _WIN32
static inline void guard_open(struct guard *guard, size_t size)
{
    *guard = (struct guard){.size = size};
}

static inline void guard_close(struct guard *guard)
{
    free(guard->base);
}

/* `len` (at most size) bytes that end at the page; the ones given before are gone. */
static inline uint8_t *guard_room(struct guard *guard, size_t len)
{
    free(guard->base);
    guard->base = malloc(len ? len : 1);
    if (!guard->base || len > guard->size)
        abort();
    return guard->base;
}
#else
static inline void guard_open(struct guard *guard, size_t size)
{
    guard->page = (size_t)sysconf(_SC_PAGESIZE);
    guard->size = (size + guard->page - 1) / guard->page * guard->page;
    void *base = mmap(NULL, guard->size + guard->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        abort();
    guard->base = base;
    if (mprotect(guard->base + guard->size, guard->page, PROT_NONE) != 0)
        abort();
}

static inline void guard_close(struct guard *guard)
{
    munmap(guard->base, guard->size + guard->page);
}

static inline uint8_t *guard_room(struct guard *guard, size_t len)
{
    if (len > guard->size)
        abort();
    return guard->base + guard->size - len;
}
#endif

/* A copy that ends at the page. */
static inline struct bytes guard_put(struct guard *guard, struct bytes bytes)
{
    uint8_t *copy = guard_room(guard, bytes.len);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return bytes_of(copy, bytes.len);
}

#endif
