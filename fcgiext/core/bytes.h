/* bytes: a borrowed slice of memory, and the few comparisons that all modules share.
 *
 * Whoever holds one must not outlive the memory it points into. It owns nothing and is passed by value; a NUL byte
 * in it is a byte like any other, because lengths that come from outside decide, not terminators. */
#ifndef FCGIEXT_CORE_BYTES_H
#define FCGIEXT_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *ptr; /* may be NULL only when len is 0 */
    size_t len;         /* bytes */
};

/* A literal or NUL-terminated string without its NUL. NULL gives the empty slice. */
static inline struct bytes bytes_of_str(const char *str)
{
    struct bytes b = {(const uint8_t *)str, str ? strlen(str) : 0};
    return b;
}

static inline struct bytes bytes_of(const void *ptr, size_t len)
{
    struct bytes b = {(const uint8_t *)ptr, len};
    return b;
}

/* Drops the first `len` bytes; the caller has checked that there are so many. */
static inline void bytes_advance(struct bytes *b, size_t len)
{
    if (len == 0)
        return; /* the empty slice may be NULL */
    b->ptr += len;
    b->len -= len;
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII only, as HTTP header names, ini names and methods are. */
static inline uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static inline bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

static inline bool bytes_start_with_nocase(struct bytes b, struct bytes prefix)
{
    return b.len >= prefix.len && bytes_equal_nocase(bytes_of(b.ptr, prefix.len), prefix);
}

#endif
