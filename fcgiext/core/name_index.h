/* name_index: a hash table from names to numbers, as Windows compares names: ignoring (ASCII) case.
 *
 * A key is a pair of slices that the index borrows; its owner keeps them where they are as long as the index lives. A look-up
 * allocates nothing and costs the same whatever the number of keys. Several threads may look up at once. */
#ifndef FCGIEXT_CORE_NAME_INDEX_H
#define FCGIEXT_CORE_NAME_INDEX_H

#include "fcgiext/core/bytes.h"

struct name_key {
    struct bytes first;
    struct bytes second; /* empty for a plain name */
};

struct name_slot;

struct name_index {
    struct name_slot *slots; /* owned; NULL until the first key */
    size_t capacity;         /* a power of two, at least twice the count */
    size_t count;
};

void name_index_init(struct name_index *index);
void name_index_deinit(struct name_index *index);

/* Adds the key, or gives a key that is there a new value (the slices stay the first ones). `value` is not SIZE_MAX.
 * false: out of memory, nothing changed. */
bool name_index_put(struct name_index *index, struct name_key key, size_t value);

/* SIZE_MAX: not there. */
size_t name_index_find(const struct name_index *index, struct name_key key);

/* What a look-up costs, for tests: how many slots are looked at. And the hash, which ignores case, too. */
size_t name_index_probes(const struct name_index *index, struct name_key key);
uint32_t name_key_hash(struct name_key key);

static inline struct name_key name_key_of(struct bytes name)
{
    struct name_key key = {name, {NULL, 0}};
    return key;
}

#endif
