/* name_index: open addressing with linear probing.
 *
 * Invariant: at least half of the slots are free, so every probe sequence is short and ends; nothing is ever removed. The hash
 * is FNV-1a over the lower-case bytes with a zero between the two parts, and is mixed once more because the slot is taken
 * from its low bits. The keys come from the administrator's own file, so no secret seed is needed. */
#include "fcgiext/core/name_index.h"

#include <stdlib.h>

struct name_slot {
    struct name_key key;
    uint32_t hash;
    size_t value; /* SIZE_MAX: free */
};

enum { FIRST_CAPACITY = 16 };

void name_index_init(struct name_index *index)
{
    *index = (struct name_index){NULL, 0, 0};
}

void name_index_deinit(struct name_index *index)
{
    free(index->slots);
    name_index_init(index);
}

static uint32_t hash_bytes(uint32_t hash, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ ascii_lower(bytes.ptr[i])) * 16777619u;
    return hash;
}

uint32_t name_key_hash(struct name_key key)
{
    uint32_t hash = hash_bytes(2166136261u, key.first) * 16777619u; /* the factor alone: a byte 0 */
    hash = hash_bytes(hash, key.second);
    hash ^= hash >> 16;
    hash *= 0x7feb352du;
    return hash ^ hash >> 15;
}

static bool same_key(struct name_key a, struct name_key b)
{
    return bytes_equal_nocase(a.first, b.first) && bytes_equal_nocase(a.second, b.second);
}

/* The key's slot, or the free one where it would go; capacity is not 0. */
static struct name_slot *slot_of(const struct name_index *index, struct name_key key, uint32_t hash, size_t *probes)
{
    size_t mask = index->capacity - 1;
    size_t i = hash & mask;
    *probes = 1;
    while (index->slots[i].value != SIZE_MAX && (index->slots[i].hash != hash || !same_key(index->slots[i].key, key))) {
        i = (i + 1) & mask;
        ++*probes;
    }
    return &index->slots[i];
}

static bool grow(struct name_index *index)
{
    struct name_index larger = {NULL, index->capacity ? index->capacity * 2 : FIRST_CAPACITY, index->count};
    if (larger.capacity > SIZE_MAX / sizeof *larger.slots)
        return false;
    larger.slots = malloc(larger.capacity * sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < larger.capacity; i++)
        larger.slots[i].value = SIZE_MAX;
    for (size_t i = 0; i < index->capacity; i++) {
        const struct name_slot *slot = &index->slots[i];
        size_t probes;
        if (slot->value != SIZE_MAX)
            *slot_of(&larger, slot->key, slot->hash, &probes) = *slot;
    }
    free(index->slots);
    *index = larger;
    return true;
}

bool name_index_put(struct name_index *index, struct name_key key, size_t value)
{
    if (index->count >= index->capacity / 2 && !grow(index))
        return false;
    uint32_t hash = name_key_hash(key);
    size_t probes;
    struct name_slot *slot = slot_of(index, key, hash, &probes);
    if (slot->value == SIZE_MAX) {
        slot->key = key;
        slot->hash = hash;
        index->count++;
    }
    slot->value = value;
    return true;
}

size_t name_index_find(const struct name_index *index, struct name_key key)
{
    if (index->capacity == 0)
        return SIZE_MAX;
    size_t probes;
    return slot_of(index, key, name_key_hash(key), &probes)->value;
}

size_t name_index_probes(const struct name_index *index, struct name_key key)
{
    if (index->capacity == 0)
        return 0;
    size_t probes;
    slot_of(index, key, name_key_hash(key), &probes);
    return probes;
}
