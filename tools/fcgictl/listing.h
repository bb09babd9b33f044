/* listing: the commands that show items of all hosts together: what is asked for, which columns, how it is written. The same table of
 * columns makes the table for people, the wide one and CSV. */
#ifndef FCGICTL_LISTING_H
#define FCGICTL_LISTING_H

#include "tools/fcgictl/run.h"

enum column_kind {
    COLUMN_TEXT,
    COLUMN_ENUM,
    COLUMN_NUMBER,
    COLUMN_AGE,
    COLUMN_BYTES,
};

enum {
    COLUMN_WIDE = 1,     /* not in the narrow table */
    COLUMN_ONLY_CSV = 2, /* in neither table */
    COLUMN_OPTIONAL = 4, /* left out of tables when it is empty everywhere */
};

struct column {
    const char *title; /* of tables */
    const char *path;  /* in the item; CSV names it with '_' in place of '.'; NULL: not in CSV */
    enum column_kind kind;
    unsigned flags;
    /* Tables: writes the cell; NULL: by path and kind. */
    void (*add)(const cJSON *item, struct text *out);
};

struct listing {
    const char *method;
    const char *member; /* the items' array, in the result and in what is written as JSON */
    const char *pool;   /* the pool's name in an item: "pool" or "name"; NULL: items are not of pools */
    bool pages;         /* the method gives pages */
    const struct column *columns;
    size_t column_count;
    const char *empty; /* what people are told when there is nothing */
    /* Before the table; may be NULL. */
    void (*add_head)(const cJSON *document, struct text *out);
    /* --watch: a chance to note in `item` what has changed since `before`, for tables only; may be NULL. */
    void (*compare)(cJSON *item, const cJSON *before);
    /* Tables and CSV: rows are not the items but what their arrays `rows` hold, once `flatten` has added what they lack; `narrow`: and
     * taken away what the table for people need not have. */
    void (*flatten)(cJSON *item, bool narrow);
    const char *rows;
};

/* {"api_version", "hosts": [{"pid", "program", "server"?, "error"?: {}}], MEMBER: [{..., "host": pid}]}; hosts that fail are reported.
 * NULL: out of memory. The caller deletes it. */
cJSON *listing_collect(struct run *run, const struct listing *listing);
/* Says in a host's entry that, and why, it has not answered. */
void listing_add_error(cJSON *entry, const struct reply *reply);
/* Keeps the items of pools that match; -> how many there are. */
size_t listing_keep(cJSON *document, const struct listing *listing, const char *pattern);
/* Says, with the names that there are, that no pool matches; `pools`: a document of the listing of pools. */
void listing_report_no_pool(struct run *run, const cJSON *pools, const char *pattern);

/* As the format says. */
void listing_print(struct run *run, const struct listing *listing, cJSON *document);
/* A table without CSV and JSON: for parts of a page. */
void listing_print_table(struct run *run, const struct listing *listing, const cJSON *items, bool with_host);
/* A whole document as JSON, or, for ndjson, its items line by line. */
void listing_print_json(struct run *run, const cJSON *document, const cJSON *items);

/* The whole command: [pool] and --watch. */
int listing_run(struct run *run, const struct listing *listing);

#endif
