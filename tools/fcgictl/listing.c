/* listing: see listing.h. Items are moved, not copied, from the hosts' replies into one document; what is written is made of that. */
#include "tools/fcgictl/listing.h"

#include <string.h>

#include "tools/fcgictl/lists.h"
#include "tools/fcgictl/table.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

enum { MAX_PAGES = 1000 };

/* ---- asking */

static cJSON *add_host(cJSON *document, const struct fcgictl_host *host)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddNumberToObject(entry, "pid", host->pid);
    cJSON_AddStringToObject(entry, "program", host->program);
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(document, "hosts"), entry);
    return entry;
}

void listing_add_error(cJSON *entry, const struct reply *reply)
{
    cJSON *error = cJSON_AddObjectToObject(entry, "error");
    cJSON_AddNumberToObject(error, "exit_code", reply->exit_code);
    cJSON_AddStringToObject(error, "reason", reply->reason);
    cJSON_AddStringToObject(error, "message", reply->message);
}

static void take_items(cJSON *items, cJSON *found, uint32_t pid)
{
    for (cJSON *item; (item = cJSON_DetachItemFromArray(found, 0)) != NULL; cJSON_AddItemToArray(items, item))
        if (cJSON_IsObject(item))
            cJSON_AddNumberToObject(item, "host", pid);
}

/* All pages. Stops where a host counts backwards. */
static void collect_host(struct run *run, const struct listing *listing, const struct fcgictl_host *host, cJSON *document)
{
    cJSON *entry = add_host(document, host), *items = cJSON_GetObjectItemCaseSensitive(document, listing->member);
    double page = 0;
    for (int i = 0; i < MAX_PAGES; i++) {
        struct reply reply;
        cJSON *params = page > 0 ? cJSON_CreateObject() : NULL;
        if (params)
            cJSON_AddNumberToObject(params, "page", page);
        run_call(run, host, listing->method, params, 0, &reply);
        if (!reply.result) {
            listing_add_error(entry, &reply);
            run_report(run, &reply);
            client_free(&reply);
            return;
        }
        cJSON *server = cJSON_DetachItemFromObjectCaseSensitive(reply.result, "server");
        if (server)
            cJSON_AddItemToObject(entry, "server", server);
        take_items(items, cJSON_GetObjectItemCaseSensitive(reply.result, listing->member), host->pid);
        double next = listing->pages ? value_number(reply.result, "next_page", 0) : 0;
        client_free(&reply);
        if (next <= page)
            break;
        page = next;
    }
    run_count_done(run);
}

cJSON *listing_collect(struct run *run, const struct listing *listing)
{
    cJSON *document = cJSON_CreateObject();
    if (!cJSON_AddNumberToObject(document, "api_version", 1) || !cJSON_AddArrayToObject(document, "hosts") ||
        !cJSON_AddArrayToObject(document, listing->member)) {
        cJSON_Delete(document);
        return NULL;
    }
    for (size_t i = 0; i < run->host_count; i++)
        collect_host(run, listing, &run->hosts[i], document);
    return document;
}

size_t listing_keep(cJSON *document, const struct listing *listing, const char *pattern)
{
    cJSON *items = cJSON_GetObjectItemCaseSensitive(document, listing->member), *item = items ? items->child : NULL;
    while (item) {
        cJSON *next = item->next;
        if (!words_match(pattern, value_string(item, listing->pool)))
            cJSON_Delete(cJSON_DetachItemViaPointer(items, item));
        item = next;
    }
    return (size_t)cJSON_GetArraySize(items);
}

void listing_report_no_pool(struct run *run, const cJSON *pools, const char *pattern)
{
    struct text names = {0};
    const char *similar = NULL;
    const cJSON *item;
    cJSON_ArrayForEach(item, value_at(pools, "pools"))
    {
        const char *name = value_string(item, "name");
        if (names.len < 300)
            text_addf(&names, "%s%s", names.len > 0 ? ", " : "", name);
        if (!similar && words_similar(pattern, name))
            similar = name;
    }
    const char *where = run->failed > 0 ? " at the hosts that have answered" : "";
    run_message(run, words_is_pattern(pattern) ? "no pool matches '%s'%s" : "there is no pool '%s'%s", pattern, where);
    if (similar)
        run_hint(run, "did you mean '%s'?", similar);
    else if (names.len > 0)
        run_hint(run, "pools: %s", text_str(&names));
    text_deinit(&names);
    run->done = 0;
    if (run->failed == 0) /* else that host may have it */
        run_count_failure(run, FCGICTL_NOT_FOUND);
}

/* ---- writing */

static void add_cell(const struct column *column, const cJSON *item, struct text *out)
{
    const cJSON *value = column->path ? value_at(item, column->path) : NULL;
    struct text word = {0};
    if (column->add)
        column->add(item, out);
    else if (cJSON_IsNumber(value) && column->kind == COLUMN_AGE)
        words_add_age(out, value->valuedouble);
    else if (cJSON_IsNumber(value) && column->kind == COLUMN_BYTES)
        words_add_bytes(out, value->valuedouble);
    else if (cJSON_IsString(value) && column->kind == COLUMN_ENUM)
        words_add_enum(out, value->valuestring);
    else {
        value_add_scalar(&word, value);
        text_add_data(out, word.len > 0 ? text_str(&word) : column->flags & COLUMN_OPTIONAL ? "" : "-");
    }
    text_deinit(&word);
}

static bool is_shown(const struct column *column, bool wide)
{
    return !(column->flags & COLUMN_ONLY_CSV) && (wide || !(column->flags & COLUMN_WIDE));
}

void listing_print_table(struct run *run, const struct listing *listing, const cJSON *items, bool with_host)
{
    struct table table = {0};
    struct text cell = {0};
    const cJSON *item;
    bool wide = run->options.format == FORMAT_WIDE;
    for (size_t i = 0; i < listing->column_count; i++) {
        const struct column *column = &listing->columns[i];
        bool right = column->kind == COLUMN_NUMBER || column->kind == COLUMN_AGE || column->kind == COLUMN_BYTES;
        if (is_shown(column, wide))
            table_add_column(&table, column->title, right, column->flags & COLUMN_OPTIONAL);
        if (i == 0 && with_host)
            table_add_column(&table, "HOST", true, false);
    }
    cJSON_ArrayForEach(item, items)
    {
        for (size_t i = 0; i < listing->column_count; i++) {
            text_clear(&cell);
            if (is_shown(&listing->columns[i], wide)) {
                add_cell(&listing->columns[i], item, &cell);
                table_add_cell(&table, text_str(&cell));
            }
            if (i == 0 && with_host) {
                text_clear(&cell);
                text_addf(&cell, "%.0f", value_number(item, "host", 0));
                table_add_cell(&table, text_str(&cell));
            }
        }
    }
    table_print(&table, &run->out, wide || !run->terminal->out_is_terminal ? 0 : run->terminal->width);
    run->out.failed = run->out.failed || cell.failed;
    text_deinit(&cell);
    table_deinit(&table);
}

static void print_csv(struct run *run, const struct listing *listing, const cJSON *items, bool with_titles)
{
    struct text word = {0};
    const cJSON *item;
    if (with_titles) {
        text_add(&run->out, "host");
        for (size_t i = 0; i < listing->column_count; i++)
            if (listing->columns[i].path) {
                text_add(&run->out, ",");
                for (const char *c = listing->columns[i].path; *c; c++)
                    text_add_len(&run->out, *c == '.' ? "_" : c, 1);
            }
        text_add(&run->out, "\n");
    }
    cJSON_ArrayForEach(item, items)
    {
        text_addf(&run->out, "%.0f", value_number(item, "host", 0));
        for (size_t i = 0; i < listing->column_count; i++)
            if (listing->columns[i].path) {
                text_clear(&word);
                value_add_scalar(&word, value_at(item, listing->columns[i].path));
                text_add(&run->out, ",");
                text_add_csv(&run->out, text_str(&word));
            }
        text_add(&run->out, "\n");
    }
    text_deinit(&word);
}

void listing_print_json(struct run *run, const cJSON *document, const cJSON *items)
{
    const cJSON *item;
    if (run->options.format == FORMAT_NDJSON) {
        cJSON_ArrayForEach(item, items)
        {
            value_add(&run->out, item, false);
            text_add(&run->out, "\n");
        }
    } else {
        value_add(&run->out, document, true);
        text_add(&run->out, "\n");
    }
}

/* Moves the rows of all items into one array in the items' place. */
static void flatten(const struct listing *listing, cJSON *document, bool narrow)
{
    cJSON *item, *rows = cJSON_CreateArray();
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, listing->member))
    {
        cJSON *row, *found = cJSON_GetObjectItemCaseSensitive(item, listing->rows);
        listing->flatten(item, narrow);
        while ((row = cJSON_DetachItemFromArray(found, 0)) != NULL)
            cJSON_AddItemToArray(rows, row);
    }
    cJSON_ReplaceItemInObjectCaseSensitive(document, listing->member, rows);
}

void listing_print(struct run *run, const struct listing *listing, cJSON *document)
{
    if (run_is_json(run)) {
        listing_print_json(run, document, value_at(document, listing->member));
        return;
    }
    if (listing->flatten)
        flatten(listing, document, run->options.format == FORMAT_TABLE);
    const cJSON *items = value_at(document, listing->member);
    if (run->options.format == FORMAT_CSV) {
        print_csv(run, listing, items, true);
        return;
    }
    if (run->done == 0) /* no host has answered: the messages have said so */
        return;
    if (listing->add_head)
        listing->add_head(document, &run->out);
    if (items && items->child)
        listing_print_table(run, listing, items, run->host_count > 1);
    else {
        text_add(&run->out, listing->empty);
        text_add(&run->out, "\n");
    }
}

/* ---- the command */

/* false: no pool is called so, and that has been said. */
static bool pool_exists(struct run *run, const char *pattern)
{
    cJSON *pools = listing_collect(run, &lists_pools);
    const cJSON *item;
    bool exists = false;
    cJSON_ArrayForEach(item, value_at(pools, lists_pools.member)) exists =
        exists || words_match(pattern, value_string(item, lists_pools.pool));
    if (!exists)
        listing_report_no_pool(run, pools, pattern);
    cJSON_Delete(pools);
    return exists;
}

static const cJSON *find_before(const cJSON *previous, const struct listing *listing, const cJSON *item)
{
    const cJSON *before;
    cJSON_ArrayForEach(before, value_at(previous, listing->member))
    {
        if (value_number(before, "host", 0) == value_number(item, "host", 0) &&
            strcmp(value_string(before, listing->pool), value_string(item, listing->pool)) == 0)
            return before;
    }
    return NULL;
}

/* -> the document, for the next round to compare with */
static cJSON *show_once(struct run *run, const struct listing *listing, const cJSON *previous)
{
    const char *pattern = run->options.argument_count > 0 ? run->options.arguments[0] : NULL;
    bool exists = true;
    cJSON *document = listing_collect(run, listing), *item;
    if (pattern && listing_keep(document, listing, pattern) == 0 && run->done > 0)
        exists = pool_exists(run, pattern);
    if (listing->compare && previous && !run_is_json(run))
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, listing->member))
            listing->compare(item, find_before(previous, listing, item));
    if (document && exists)
        listing_print(run, listing, document);
    else if (!document)
        run->out.failed = true;
    run_flush(run);
    return document;
}

int listing_run(struct run *run, const struct listing *listing)
{
    bool watching = run->options.given & OPTION_WATCH;
    cJSON *previous = NULL;
    if (!watching) {
        if (run_find_hosts(run))
            cJSON_Delete(show_once(run, listing, NULL));
        return run_exit_code(run);
    }
    run->terminal->catch_interrupt(run->terminal->context);
    do {
        run->done = run->failed = 0;
        if (run->terminal->out_is_terminal && !run_is_json(run)) {
            run->terminal->clear(run->terminal->context);
            text_add_style(&run->out, STYLE_FAINT);
            text_addf(&run->out, "every %.3g s; Ctrl-C ends", run->options.watch_s);
            text_add_style(&run->out, STYLE_NONE);
            text_add(&run->out, "\n");
            run_flush(run);
        }
        cJSON *document = run_find_hosts(run) ? show_once(run, listing, previous) : NULL;
        cJSON_Delete(previous);
        previous = document;
    } while (run->terminal->wait(run->terminal->context, (unsigned)(run->options.watch_s * 1000)));
    cJSON_Delete(previous);
    return FCGICTL_DONE;
}
