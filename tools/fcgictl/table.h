/* table: aligned columns for people. A column without content is left out if it may be; the last one is cut where the terminal ends. */
#ifndef FCGICTL_TABLE_H
#define FCGICTL_TABLE_H

#include "tools/fcgictl/text.h"

enum { TABLE_MAX_COLUMNS = 32 };

struct table_column {
    const char *title;
    bool right;    /* numbers */
    bool optional; /* left out when all its cells are empty */
};

struct table {
    struct table_column columns[TABLE_MAX_COLUMNS];
    size_t column_count;
    struct text cells; /* cleaned texts, each with its NUL */
    size_t cell_count;
};

void table_deinit(struct table *table);
void table_add_column(struct table *table, const char *title, bool right, bool optional);
/* Row by row, from left to right; `text` is cleaned, and may hold marks for colours if the last one is STYLE_NONE. */
void table_add_cell(struct table *table, const char *text);
/* `width`: columns of the terminal; 0: no limit. */
void table_print(const struct table *table, struct text *out, size_t width);

#endif
