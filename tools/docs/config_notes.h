/* config_notes: what there is to say about a setting beyond its row in config's table. */
#ifndef TOOLS_DOCS_CONFIG_NOTES_H
#define TOOLS_DOCS_CONFIG_NOTES_H

#include <stddef.h>

struct config_note {
    const char *name;    /* of the setting */
    const char *example; /* a value */
    const char *text;    /* Markdown; "" */
};

extern const struct config_note config_notes[];
extern const size_t config_note_count;

/* NULL: there is none. */
const struct config_note *config_note_find(const char *name);

#endif
