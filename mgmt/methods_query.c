/* methods_query: the methods that only look. A list is a snapshot, filtered, and one page of what is left. */
#include "mgmt/method_call.h"

#include "mgmt/config_json.h"
#include "mgmt/metrics_json.h"
#include "mgmt/status_json.h"

#include <stdio.h>

enum { SHOWN_EXITS = 10, HINT_POOLS = 12 };

/* ---- shared */

void method_out_of_memory(struct method_call *call)
{
    reply_begin_error(call->reply, MGMT_ERROR_INTERNAL, "try again", "out of memory");
}

struct mgmt_snapshot *method_snapshot(struct method_call *call, unsigned want)
{
    struct mgmt_snapshot *snapshot = call->ops->snapshot(call->ops->context, want);
    if (!snapshot)
        method_out_of_memory(call);
    return snapshot;
}

void method_free_snapshot(struct method_call *call, struct mgmt_snapshot *snapshot)
{
    call->ops->free_snapshot(call->ops->context, snapshot);
}

/* "pools: echo, php"; the text is cut to what is of use. */
static void list_pools(const struct mgmt_snapshot *snapshot, char *hint, size_t size)
{
    size_t len = (size_t)snprintf(hint, size, snapshot->pool_count ? "pools: " : "there are no pools");
    for (size_t i = 0; i < snapshot->pool_count; i++) {
        const char *name = snapshot->pools[i].name, *comma = i > 0 ? ", " : "";
        if (i == HINT_POOLS || len + strlen(name) + 8 > size) {
            snprintf(hint + len, size - len, "%s...", comma);
            return;
        }
        len += (size_t)snprintf(hint + len, size - len, "%s%s", comma, name);
    }
}

void method_no_such_pool(struct method_call *call, const struct mgmt_snapshot *snapshot, const char *name)
{
    char hint[400];
    struct reply_quoted quoted;
    list_pools(snapshot, hint, sizeof hint);
    reply_begin_error(call->reply, MGMT_ERROR_NO_SUCH_POOL, hint, "there is no pool %s", reply_quote(&quoted, name));
    json_cut_string(&call->reply->json, "pool", name);
}

const struct mgmt_pool *method_find_pool(struct method_call *call, const struct mgmt_snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->pool_count; i++)
        if (method_same_name(snapshot->pools[i].name, name))
            return &snapshot->pools[i];
    method_no_such_pool(call, snapshot, name);
    return NULL;
}

/* ---- lists */

struct page {
    uint64_t first, count; /* items that are shown */
    uint64_t seen;         /* items of the list so far */
    uint64_t number;
};

static struct page page_of(const struct method_arg *number, const struct method_arg *count, uint64_t usual_count)
{
    struct page page = {.number = number->given ? number->number : 1, .count = count->given ? count->number : usual_count};
    page.first = (page.number - 1) * page.count;
    return page;
}

/* Is the next item on the page? */
static bool on_page(struct page *page)
{
    uint64_t i = page->seen++;
    return i >= page->first && i - page->first < page->count;
}

static void write_next_page(struct json *json, const struct page *page)
{
    json_number(json, "total", page->seen);
    if (page->first + page->count < page->seen)
        json_number(json, "next_page", page->number + 1);
    else
        json_null(json, "next_page");
}

static void end_page(struct json *json, const struct page *page)
{
    json_end_array(json);
    write_next_page(json, page);
}

/* A snapshot of what is wanted, and if the first argument names a pool, it exists. NULL: an error has been written. */
static struct mgmt_snapshot *filtered_snapshot(struct method_call *call, unsigned want)
{
    const struct method_arg *pool = &call->args[0];
    struct mgmt_snapshot *snapshot = method_snapshot(call, pool->given ? want | MGMT_WANT_POOLS : want);
    if (snapshot && pool->given && !method_find_pool(call, snapshot, pool->text)) {
        method_free_snapshot(call, snapshot);
        return NULL;
    }
    return snapshot;
}

static bool passes(const struct method_call *call, const char *pool)
{
    return !call->args[0].given || method_same_name(call->args[0].text, pool);
}

void method_pool_list(struct method_call *call)
{
    struct page page = page_of(&call->args[0], &call->args[1], MGMT_PAGE_COUNT);
    struct mgmt_snapshot *snapshot = method_snapshot(call, MGMT_WANT_POOLS);
    if (!snapshot)
        return;
    struct json *json = method_result(call);
    json_begin_array(json, "pools");
    for (size_t i = 0; i < snapshot->pool_count; i++)
        if (on_page(&page))
            status_json_pool(json, NULL, &snapshot->pools[i]);
    end_page(json, &page);
    method_free_snapshot(call, snapshot);
}

void method_worker_list(struct method_call *call)
{
    struct page page = page_of(&call->args[1], &call->args[2], MGMT_PAGE_COUNT);
    struct mgmt_snapshot *snapshot = filtered_snapshot(call, MGMT_WANT_WORKERS);
    if (!snapshot)
        return;
    struct json *json = method_result(call);
    json_begin_array(json, "workers");
    for (size_t i = 0; i < snapshot->worker_count; i++)
        if (passes(call, snapshot->workers[i].pool) && on_page(&page))
            status_json_worker(json, &snapshot->workers[i]);
    end_page(json, &page);
    method_free_snapshot(call, snapshot);
}

void method_request_list(struct method_call *call)
{
    struct page page = page_of(&call->args[1], &call->args[2], MGMT_PAGE_COUNT);
    struct mgmt_snapshot *snapshot = filtered_snapshot(call, MGMT_WANT_REQUESTS);
    if (!snapshot)
        return;
    struct json *json = method_result(call);
    json_begin_array(json, "requests");
    for (size_t i = 0; i < snapshot->request_count; i++)
        if (passes(call, snapshot->requests[i].pool) && on_page(&page))
            status_json_request(json, &snapshot->requests[i], call->caller->may_operate);
    end_page(json, &page);
    method_free_snapshot(call, snapshot);
}

/* -> how many there are */
static uint64_t write_exits(struct method_call *call, const struct mgmt_snapshot *snapshot, uint64_t most)
{
    struct json *json = &call->reply->json;
    uint64_t count = 0;
    json_begin_array(json, "exits");
    for (size_t i = 0; i < snapshot->exit_count; i++)
        if (passes(call, snapshot->exits[i].pool) && count++ < most)
            status_json_exit(json, &snapshot->exits[i], snapshot->server.now_unix_ms);
    json_end_array(json);
    return count;
}

void method_exit_list(struct method_call *call)
{
    struct mgmt_snapshot *snapshot = filtered_snapshot(call, MGMT_WANT_EXITS);
    if (!snapshot)
        return;
    struct json *json = method_result(call);
    json_number(json, "total", write_exits(call, snapshot, UINT64_MAX));
    method_free_snapshot(call, snapshot);
}

/* ---- single things */

void method_server_info(struct method_call *call)
{
    struct mgmt_snapshot *snapshot = method_snapshot(call, 0);
    if (!snapshot)
        return;
    status_json_server(method_result(call), &snapshot->server);
    method_free_snapshot(call, snapshot);
}

void method_status(struct method_call *call)
{
    struct mgmt_snapshot *snapshot = method_snapshot(call, MGMT_WANT_POOLS);
    if (!snapshot)
        return;
    struct json *json = method_result(call);
    json_begin_object(json, "server");
    status_json_server(json, &snapshot->server);
    json_end_object(json);
    json_begin_array(json, "pools");
    for (size_t i = 0; i < snapshot->pool_count; i++)
        status_json_pool(json, NULL, &snapshot->pools[i]);
    json_end_array(json);
    method_free_snapshot(call, snapshot);
}

static void write_settings(struct method_call *call, const char *pool)
{
    void *reference;
    const struct config *config = call->ops->config_in_force(call->ops->context, &reference);
    if (!config) {
        json_null(&call->reply->json, "settings");
        return;
    }
    const struct config_pool *found = NULL;
    for (size_t i = 0; i < config->pool_count && !found; i++)
        if (method_same_name(config->pools[i].name, pool))
            found = &config->pools[i];
    if (found)
        config_json_settings(&call->reply->json, found, call->caller->may_operate);
    else
        json_null(&call->reply->json, "settings"); /* the file has changed meanwhile */
    call->ops->config_release(call->ops->context, reference);
}

void method_pool_show(struct method_call *call)
{
    struct mgmt_snapshot *snapshot = filtered_snapshot(call, MGMT_WANT_POOLS | MGMT_WANT_WORKERS | MGMT_WANT_EXITS);
    if (!snapshot)
        return;
    const struct mgmt_pool *pool = method_find_pool(call, snapshot, call->args[0].text);
    struct json *json = method_result(call);
    status_json_open_pool(json, "pool", pool);
    write_settings(call, pool->name);
    json_end_object(json);
    uint64_t count = 0;
    json_begin_array(json, "workers");
    for (size_t i = 0; i < snapshot->worker_count; i++)
        if (passes(call, snapshot->workers[i].pool) && count++ < MGMT_PAGE_COUNT)
            status_json_worker(json, &snapshot->workers[i]);
    json_end_array(json);
    json_number(json, "worker_total", count);
    write_exits(call, snapshot, SHOWN_EXITS);
    method_free_snapshot(call, snapshot);
}

void method_metrics(struct method_call *call)
{
    struct page page = page_of(&call->args[0], &call->args[1], MGMT_METRICS_PAGE_COUNT);
    struct mgmt_snapshot *snapshot = method_snapshot(call, MGMT_WANT_POOLS);
    if (!snapshot)
        return;
    struct json *json = method_result(call);
    json_number(json, "pid", snapshot->server.pid);
    json_begin_object(json, "server");
    status_json_server(json, &snapshot->server);
    json_end_object(json);
    metrics_json(json, snapshot, &(struct metrics_range){page.first, page.count});
    page.seen = snapshot->pool_count;
    write_next_page(json, &page);
    method_free_snapshot(call, snapshot);
}

static void write_params(struct json *json, const struct method *method)
{
    json_begin_array(json, "params");
    for (size_t i = 0; i < METHOD_MAX_PARAMS && method->params[i].name; i++) {
        const struct method_param *param = &method->params[i];
        json_begin_object(json, NULL);
        json_string(json, "name", param->name);
        json_string(json, "type", method_type_name(param->type));
        json_bool(json, "required", param->required);
        if (param->type == METHOD_INTEGER || param->type == METHOD_SECONDS) {
            json_number(json, "minimum", param->min);
            json_number(json, "maximum", param->max);
        }
        json_string(json, "summary", param->summary);
        json_end_object(json);
    }
    json_end_array(json);
}

void method_discover(struct method_call *call)
{
    struct json *json = method_result(call);
    json_begin_array(json, "methods");
    for (size_t i = 0; i < method_count; i++) {
        json_begin_object(json, NULL);
        json_string(json, "name", methods[i].name);
        json_string(json, "right", mgmt_right_name(methods[i].right));
        json_string(json, "summary", methods[i].summary);
        write_params(json, &methods[i]);
        json_end_object(json);
    }
    json_end_array(json);
    json_begin_array(json, "errors");
    for (size_t i = 0; i < mgmt_error_count; i++) {
        char code[16];
        snprintf(code, sizeof code, "%d", (int)mgmt_errors[i].code);
        json_begin_object(json, NULL);
        json_raw(json, "code", code);
        json_string(json, "reason", mgmt_errors[i].reason);
        json_string(json, "summary", mgmt_errors[i].summary);
        json_end_object(json);
    }
    json_end_array(json);
}
