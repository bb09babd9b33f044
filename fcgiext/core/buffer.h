/* buffer: a bounded byte queue, contiguous, grown on demand up to a limit given at init.
 *
 * Bytes go in at the end and out at the front. The space of consumed bytes is reused: when it is empty the queue starts
 * again at the front of its memory, and when there is no room at the end what is left is moved to the front (amortised
 * O(1) a byte; for that the memory may be a quarter larger than the limit). Not safe for several threads. */
#ifndef FCGIEXT_CORE_BUFFER_H
#define FCGIEXT_CORE_BUFFER_H

#include "fcgiext/core/bytes.h"

struct buffer {
    uint8_t *data; /* owned; NULL until the first byte */
    size_t start;  /* offset of the first byte not yet consumed */
    size_t len;    /* bytes waiting */
    size_t capacity;
    size_t limit; /* most bytes that may wait */
};

void buffer_init(struct buffer *buffer, size_t limit);
void buffer_deinit(struct buffer *buffer);

/* Room for `len` bytes behind the waiting ones; NULL when that would exceed the limit or memory is out (no waiting byte
 * is lost then). The pointer holds until the next call; buffer_commit says how many bytes (at most `len`) have been
 * written there. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t len);
void buffer_commit(struct buffer *buffer, size_t len);

/* false: over the limit or out of memory, nothing changed. `bytes` lies outside the buffer. */
bool buffer_append(struct buffer *buffer, struct bytes bytes);
bool buffer_append_str(struct buffer *buffer, const char *str);

/* The waiting bytes; the slice holds until the next call that changes the buffer. */
static inline struct bytes buffer_peek(const struct buffer *buffer)
{
    return bytes_of(buffer->data ? buffer->data + buffer->start : NULL, buffer->len);
}

/* Drops `len` (at most buffer->len; more is a defect of the caller: abort) bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t len);

/* Drops everything and keeps the memory / gives the memory back. */
void buffer_clear(struct buffer *buffer);
void buffer_release(struct buffer *buffer);

static inline size_t buffer_room(const struct buffer *buffer)
{
    return buffer->limit - buffer->len;
}

#endif
