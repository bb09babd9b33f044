/* exits: see exits.h. */
#include "fcgiext/core/exits.h"

#include <string.h>

#include "fcgiext/core/text.h"

void exits_init(struct exits *exits)
{
    memset(exits, 0, sizeof *exits);
}

void exits_note(struct exits *exits, const struct exits_entry *entry, struct bytes pool, struct bytes url_path)
{
    struct exits_entry *place = &exits->entries[exits->total++ % EXITS_COUNT];
    *place = *entry;
    text_copy_cut(place->pool, sizeof place->pool, pool);
    text_copy_cut(place->url_path, sizeof place->url_path, url_path);
}

const struct exits_entry *exits_at(const struct exits *exits, unsigned age)
{
    if (age >= EXITS_COUNT || age >= exits->total)
        return NULL;
    return &exits->entries[(exits->total - 1 - age) % EXITS_COUNT];
}
