/* slab: see slab.h. The free slots form a list through their own headers; a slot's generation is odd while it is in use
 * and grows by one at each change, so that an id of a former use never matches. A generation that wraps after 2^31 uses
 * of one slot skips nothing: an id that old is not around any more. */
#include "fcgiext/core/slab.h"

#include <stdlib.h>
#include <string.h>

static struct slab_slot *slot_at(const struct slab *slab, uint32_t index)
{
    char *chunk = slab->chunks[index / SLAB_CHUNK_COUNT];
    return (struct slab_slot *)(void *)(chunk + (size_t)(index % SLAB_CHUNK_COUNT) * slab->element_len);
}

void slab_init(struct slab *slab, size_t element_len, uint32_t max_count)
{
    memset(slab, 0, sizeof *slab);
    slab->element_len = element_len;
    slab->max_count = max_count;
    slab->free_head = UINT32_MAX;
}

void slab_deinit(struct slab *slab)
{
    for (uint32_t i = 0; i < slab->chunk_count; i++)
        free(slab->chunks[i]);
    free(slab->chunks);
    memset(slab, 0, sizeof *slab);
    slab->free_head = UINT32_MAX;
}

static bool add_chunk(struct slab *slab)
{
    if (slab->chunk_count == slab->chunk_capacity) {
        uint32_t capacity = slab->chunk_capacity ? slab->chunk_capacity * 2 : 8;
        void **chunks = realloc(slab->chunks, capacity * sizeof *chunks);
        if (!chunks)
            return false;
        slab->chunks = chunks;
        slab->chunk_capacity = capacity;
    }
    void *chunk = calloc(SLAB_CHUNK_COUNT, slab->element_len);
    if (!chunk)
        return false;
    uint32_t first = slab->chunk_count * SLAB_CHUNK_COUNT;
    slab->chunks[slab->chunk_count++] = chunk;
    for (uint32_t i = SLAB_CHUNK_COUNT; i-- > 0;) { /* the lowest index ends up first in the list */
        struct slab_slot *slot = slot_at(slab, first + i);
        slot->index = first + i;
        slot->next_free = slab->free_head;
        slab->free_head = slot->index;
    }
    return true;
}

void *slab_alloc(struct slab *slab)
{
    if (slab->used_count >= slab->max_count)
        return NULL;
    if (slab->free_head == UINT32_MAX && !add_chunk(slab))
        return NULL;
    struct slab_slot *slot = slot_at(slab, slab->free_head);
    slab->free_head = slot->next_free;
    slab->used_count++;
    struct slab_slot header = {slot->index, slot->generation + 1, UINT32_MAX};
    memset(slot, 0, slab->element_len);
    *slot = header;
    return slot;
}

void slab_free(struct slab *slab, void *element)
{
    struct slab_slot *slot = element;
    if (!(slot->generation & 1)) /* freed twice: memory safety, so not only in debug builds */
        abort();
    slot->generation++;
    slot->next_free = slab->free_head;
    slab->free_head = slot->index;
    slab->used_count--;
}

void *slab_find(const struct slab *slab, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    uint32_t generation = (uint32_t)(id >> 32);
    if (!(generation & 1) || index >= slab_index_end(slab))
        return NULL;
    struct slab_slot *slot = slot_at(slab, index);
    return slot->generation == generation ? slot : NULL;
}

void *slab_at(const struct slab *slab, uint32_t index)
{
    struct slab_slot *slot = slot_at(slab, index);
    return slot->generation & 1 ? slot : NULL;
}
