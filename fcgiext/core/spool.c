/* spool: see spool.h. Invariant: `held` bytes at the front of the block, and `stored` ones before them, are the body so far. A
 * block is stored when it is full, so that memory stays bounded and the file is written in few large pieces. */
#include "fcgiext/core/spool.h"

#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/text.h"

bool spool_length_is_known(uint32_t counted, struct bytes announced, uint64_t *len)
{
    *len = counted;
    return counted != UINT32_MAX || (text_parse_decimal(announced, len) && *len > UINT32_MAX);
}

bool spool_init(struct spool *spool, uint64_t limit, struct bytes first)
{
    memset(spool, 0, sizeof *spool);
    spool->limit = limit;
    if (first.len > SIZE_MAX - SPOOL_BLOCK_LEN)
        return false;
    spool->capacity = SPOOL_BLOCK_LEN + first.len; /* the host has those anyway */
    spool->block = malloc(spool->capacity);
    if (!spool->block)
        return false;
    if (first.len > 0)
        memcpy(spool->block, first.ptr, first.len);
    spool->len = spool->held = first.len;
    return true;
}

void spool_deinit(struct spool *spool)
{
    free(spool->block);
    spool->block = NULL;
}

void spool_on_read(struct spool *spool, size_t len, bool ok)
{
    spool->pending = false;
    if (!ok || len > spool->capacity - spool->held) {
        spool->failure = ERROR_CAUSE_CLIENT_GONE;
        return;
    }
    spool->ended = len == 0;
    spool->held += len;
    spool->len += len;
}

void spool_on_stored(struct spool *spool, bool ok)
{
    spool->pending = false;
    spool->stored += spool->held;
    spool->held = 0;
    if (!ok)
        spool->failure = ERROR_CAUSE_SPOOL;
}

struct spool_action spool_next(struct spool *spool)
{
    struct spool_action action = {.kind = SPOOL_ACTION_NONE};
    if (spool->pending)
        return action;
    if (!spool->failure && spool->len > spool->limit)
        spool->failure = ERROR_CAUSE_BODY_TOO_LARGE;
    if (spool->failure) {
        action.kind = SPOOL_ACTION_FAIL;
        action.cause = spool->failure;
        return action;
    }
    bool full = spool->held == spool->capacity;
    action.bytes = bytes_of(spool->block, spool->held);
    action.in_file = spool->stored > 0;
    if (spool->ended && (!action.in_file || spool->held == 0)) {
        action.kind = SPOOL_ACTION_COMPLETE;
    } else if (spool->ended || full) {
        action.kind = SPOOL_ACTION_STORE;
        spool->pending = true;
    } else {
        action.kind = SPOOL_ACTION_READ;
        action.target = spool->block + spool->held;
        action.len = spool->capacity - spool->held;
        spool->pending = true;
    }
    return action;
}
