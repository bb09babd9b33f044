/* slab: numbered slots of one size that keep their address, with ids that carry a generation.
 *
 * An id names a slot and the use it was given out for: after slab_free the same id finds nothing, even when the slot is
 * used again. So an event that comes late can be told from one that is meant. Slots are allocated in chunks of 64 and
 * kept until slab_deinit; each operation is O(1). */
#ifndef FCGIEXT_CORE_SLAB_H
#define FCGIEXT_CORE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLAB_CHUNK_COUNT = 64 };

/* The first member of each element. */
struct slab_slot {
    uint32_t index;
    uint32_t generation; /* odd while in use */
    uint32_t next_free;
};

struct slab {
    size_t element_len;
    void **chunks;
    uint32_t chunk_count;
    uint32_t chunk_capacity;
    uint32_t free_head; /* UINT32_MAX: none */
    uint32_t used_count;
    uint32_t max_count;
};

void slab_init(struct slab *slab, size_t element_len, uint32_t max_count);
void slab_deinit(struct slab *slab);

/* A zeroed element; NULL when max_count are in use or memory is out. */
void *slab_alloc(struct slab *slab);
void slab_free(struct slab *slab, void *element);

/* NULL: the id is 0 or of an element that has been freed. */
void *slab_find(const struct slab *slab, uint64_t id);

/* By position, for walks: NULL where the slot is free; indexes run below slab_index_end(). */
void *slab_at(const struct slab *slab, uint32_t index);
static inline uint32_t slab_index_end(const struct slab *slab)
{
    return slab->chunk_count * SLAB_CHUNK_COUNT;
}

static inline uint64_t slab_id(const void *element)
{
    const struct slab_slot *slot = (const struct slab_slot *)element;
    return (uint64_t)slot->generation << 32 | slot->index;
}

#endif
