/* table: see table.h. Cells lie one behind the other in one text; two passes over them: widths, then lines. */
#include "tools/fcgictl/table.h"

#include <string.h>

enum { GAP = 2, LEAST_LAST = 12 };

void table_deinit(struct table *table)
{
    text_deinit(&table->cells);
    *table = (struct table){0};
}

void table_add_column(struct table *table, const char *title, bool right, bool optional)
{
    if (table->column_count < TABLE_MAX_COLUMNS)
        table->columns[table->column_count++] = (struct table_column){title, right, optional};
}

void table_add_cell(struct table *table, const char *text)
{
    text_add_len(&table->cells, text, strlen(text) + 1);
    table->cell_count++;
}

/* 0: the column is left out. */
static void find_widths(const struct table *table, size_t *widths)
{
    memset(widths, 0, TABLE_MAX_COLUMNS * sizeof *widths);
    const char *cell = text_str(&table->cells);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t columns = text_columns(cell), *width = &widths[i % table->column_count];
        *width = columns > *width ? columns : *width;
        cell += strlen(cell) + 1;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        size_t title = strlen(table->columns[i].title);
        if (widths[i] < title && (widths[i] > 0 || !table->columns[i].optional))
            widths[i] = title;
    }
}

/* The last visible column gets what the others leave. */
static size_t fit_last(const struct table *table, size_t *widths, size_t width)
{
    size_t last = 0, before = 0;
    for (size_t i = 0; i < table->column_count; i++)
        if (widths[i] > 0)
            last = i;
    for (size_t i = 0; i < last; i++)
        before += widths[i] > 0 ? widths[i] + GAP : 0;
    if (width > 0 && before + widths[last] >= width) { /* a full line would make the console begin another */
        size_t left = width > before + 1 ? width - before - 1 : 0;
        size_t least = widths[last] < LEAST_LAST ? widths[last] : LEAST_LAST;
        widths[last] = left > least ? left : least;
    }
    return last;
}

static void add_cut(struct text *out, const char *cell, size_t width)
{
    if (text_columns(cell) <= width || width < 4) {
        text_add(out, cell);
        return;
    }
    text_add_len(out, cell, text_fitting(cell, width - 3));
    text_add(out, "...");
    text_add_style(out, STYLE_NONE);
}

/* Spaces are put out before the next text only: no line ends with them. */
static void add_line(const struct table *table, struct text *out, const char *const *cells, const size_t *widths, size_t last)
{
    size_t pending = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        size_t columns = text_columns(cells[i]);
        size_t padding = widths[i] > columns ? widths[i] - columns : 0;
        if (widths[i] == 0)
            continue;
        if (table->columns[i].right)
            pending += padding;
        if (columns > 0) {
            text_add_spaces(out, pending);
            pending = 0;
            if (i == last)
                add_cut(out, cells[i], widths[i]);
            else
                text_add(out, cells[i]);
        }
        pending += GAP + (table->columns[i].right ? 0 : padding);
    }
    text_add(out, "\n");
}

void table_print(const struct table *table, struct text *out, size_t width)
{
    size_t widths[TABLE_MAX_COLUMNS];
    const char *line[TABLE_MAX_COLUMNS];
    if (table->cells.failed || table->column_count == 0) {
        out->failed = out->failed || table->cells.failed;
        return;
    }
    find_widths(table, widths);
    size_t last = fit_last(table, widths, width);
    for (size_t i = 0; i < table->column_count; i++)
        line[i] = table->columns[i].title;
    text_add_style(out, STYLE_STRONG);
    add_line(table, out, line, widths, last);
    text_add_style(out, STYLE_NONE);
    const char *cell = text_str(&table->cells);
    for (size_t i = 0; i < table->cell_count; i++) {
        line[i % table->column_count] = cell;
        cell += strlen(cell) + 1;
        if ((i + 1) % table->column_count == 0)
            add_line(table, out, line, widths, last);
    }
}
