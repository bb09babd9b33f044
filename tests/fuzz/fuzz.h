/* fuzz: what the fuzz targets share. libFuzzer calls fuzz_one with inputs that it makes up from the seeds in corpus/NAME and
 * from what the code does with them; what must not be ends the program, and the input is kept (tests/fuzz/run.py).
 *
 * Every input is handed on in memory of its exact length, and the memory is given back at once: a byte read outside, or later,
 * is seen by AddressSanitizer. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "fcgiext/core/buffer.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* assert() that is always there and that names its place before libFuzzer writes the input away. */
#define CHECK(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* libFuzzer's interface; it has no header for C. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of the exact length, for fuzz_free. Never NULL. */
static inline struct bytes fuzz_copy(struct bytes bytes)
{
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    CHECK(copy);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return bytes_of(copy, bytes.len);
}

static inline void fuzz_free(struct bytes copy)
{
    free((void *)(uintptr_t)copy.ptr);
}

/* Seeds can be read and written by hand: how a target proceeds stands in their first line, the bytes for it behind that.
 * The line without its LF; empty when there is none. */
static inline struct bytes fuzz_first_line(struct bytes *in)
{
    const uint8_t *end = in->len > 0 ? memchr(in->ptr, '\n', in->len) : NULL;
    struct bytes line = bytes_of(in->ptr, end ? (size_t)(end - in->ptr) : 0);
    if (end)
        bytes_advance(in, line.len + 1);
    return line;
}

/* The byte of a first line, 0 behind its end. */
static inline uint8_t fuzz_at(struct bytes line, size_t i)
{
    return i < line.len ? line.ptr[i] : 0;
}

/* The next piece off `rest`: the i-th byte of `cuts`, over and over, says how long it is: 'a' 1 byte, 'b' 2 ... 'z' 26; others
 * about ten times that. */
static inline struct bytes fuzz_piece(struct bytes *rest, struct bytes cuts, size_t i)
{
    uint8_t cut = cuts.len > 0 ? cuts.ptr[i % cuts.len] : 'a';
    size_t len = cut >= 'a' && cut <= 'z' ? (size_t)(cut - 'a') + 1 : ((size_t)cut + 1) * 10;
    struct bytes piece = bytes_of(rest->ptr, len < rest->len ? len : rest->len);
    bytes_advance(rest, piece.len);
    return piece;
}

#endif
