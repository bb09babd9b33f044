/* buffer: a bounded byte queue in one piece of memory.
 *
 * Invariant: start + len <= capacity, len <= limit, and start is 0 when nothing waits.
 *
 * Waiting bytes are moved only when at least a quarter as many have been consumed since the last move, so each byte
 * that passes pays for a few copies, however small the steps. That needs a little slack: with a capacity of
 * limit * 5/4 there is always either room at the end or a move that is worth it. No ring, because what waits goes out
 * by one write. A caller that commits or consumes more than there is would make the next read or write leave the
 * memory: abort(), in release builds too. */
#include "fcgiext/core/buffer.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 1024, WORTH_MOVING = 4 };

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.limit = limit};
}

void buffer_deinit(struct buffer *buffer)
{
    buffer_release(buffer);
}

static void move_to_front(struct buffer *buffer)
{
    memmove(buffer->data, buffer->data + buffer->start, buffer->len);
    buffer->start = 0;
}

/* New memory for `needed` (at most limit) bytes: at least twice as much as before, for amortised growth. */
static bool grow(struct buffer *buffer, size_t needed)
{
    size_t slack = buffer->limit / WORTH_MOVING;
    size_t most = slack > SIZE_MAX - buffer->limit ? SIZE_MAX : buffer->limit + slack;
    size_t capacity = buffer->capacity > most / 2 ? most : buffer->capacity * 2;
    if (capacity < FIRST_CAPACITY)
        capacity = most < FIRST_CAPACITY ? most : FIRST_CAPACITY;
    if (capacity < needed)
        capacity = needed;

    uint8_t *data = malloc(capacity ? capacity : 1);
    if (!data)
        return false;
    if (buffer->len > 0)
        memcpy(data, buffer->data + buffer->start, buffer->len);
    free(buffer->data);
    buffer->data = data;
    buffer->start = 0;
    buffer->capacity = capacity;
    return true;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t len)
{
    if (len > buffer_room(buffer))
        return NULL;
    size_t needed = buffer->len + len; /* at most limit: cannot wrap */
    if (!buffer->data || len > buffer->capacity - buffer->start - buffer->len) {
        bool movable = buffer->data && needed <= buffer->capacity;
        if (movable && buffer->start >= buffer->len / WORTH_MOVING)
            move_to_front(buffer);
        else if (!grow(buffer, needed)) {
            if (!movable)
                return NULL;
            move_to_front(buffer); /* memory is out: a dear move is better than none */
        }
    }
    return buffer->data + buffer->start + buffer->len;
}

void buffer_commit(struct buffer *buffer, size_t len)
{
    if (len > buffer->capacity - buffer->start - buffer->len || len > buffer_room(buffer))
        abort();
    buffer->len += len;
}

bool buffer_append(struct buffer *buffer, struct bytes bytes)
{
    if (bytes.len == 0)
        return true;
    uint8_t *end = buffer_reserve(buffer, bytes.len);
    if (!end)
        return false;
    memcpy(end, bytes.ptr, bytes.len);
    buffer->len += bytes.len;
    return true;
}

bool buffer_append_str(struct buffer *buffer, const char *str)
{
    return buffer_append(buffer, bytes_of_str(str));
}

void buffer_consume(struct buffer *buffer, size_t len)
{
    if (len > buffer->len)
        abort();
    buffer->len -= len;
    buffer->start = buffer->len > 0 ? buffer->start + len : 0;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->start = 0;
    buffer->len = 0;
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){.limit = buffer->limit};
}
