/* exporter_status: see exporter_status.h. */
#include "tools/fcgictl/exporter_status.h"

#include <string.h>

#include "fcgiext/version.h"
#include "mgmt/protocol.h"
#include "tools/fcgictl/pool_words.h"
#include "tools/fcgictl/value.h"

enum { MAX_PAGES = 100 };

const char *const exporter_methods[EXPORTER_METHODS] = {"status", "request.list", "exit.list", "metrics"};

static const char *const server_members[] = {
    "version",     "pid",      "host_program", "started_time",   "started_unix", "loaded_time",
    "loaded_unix", "now_time", "now_unix",     "uptime_seconds", "config",       NULL,
};
static const char *const pool_members[] = {
    "name",         "program",      "external",   "broken",           "state",   "workers", "requests",
    "recycle",      "drain",        "rapid_fail", "learned_requests", "limits",  "tuning",  "totals",
    "started_time", "started_unix", "host",       "execution",        "trouble", "note",    NULL,
};
static const char *const request_members[] = {
    "pool",       "id",         "worker_pid",       "state", "method", "url_path", "age_seconds", "state_seconds",
    "body_bytes", "sent_bytes", "waits_for_client", "host",  NULL,
};
static const char *const exit_members[] = {
    "pool",    "pid",         "code",          "code_hex", "code_text", "expected", "cause", "at_time",
    "at_unix", "age_seconds", "lived_seconds", "answered", "url_path",  "host",     NULL,
};

bool exporter_next_page(const cJSON *result, enum exporter_method method, cJSON **params)
{
    double page = result ? value_number(result, "next_page", 0) : 1;
    *params = NULL;
    if (result && (method != EXPORTER_METRICS || page < 2))
        return false;
    if (result || method == EXPORTER_REQUESTS)
        *params = cJSON_CreateObject();
    if (result)
        cJSON_AddNumberToObject(*params, "page", page);
    else if (method == EXPORTER_REQUESTS)
        cJSON_AddNumberToObject(*params, "count", EXPORTER_MAX_REQUESTS);
    return true;
}

/* The next page's number stays only if it is the one after this page's: a host that counts otherwise is asked no more. */
void exporter_add_page(cJSON **result, enum exporter_method method, cJSON *page)
{
    double next = value_number(page, "next_page", 0), own = *result ? value_number(*result, "next_page", 0) : 1;
    cJSON *item, *added = page;
    if (!*result)
        *result = page, added = NULL;
    cJSON *items = cJSON_GetObjectItemCaseSensitive(*result, "metrics");
    while (added && method == EXPORTER_METRICS && cJSON_IsArray(items) &&
           (item = cJSON_DetachItemFromArray(cJSON_GetObjectItemCaseSensitive(added, "metrics"), 0)) != NULL)
        cJSON_AddItemToArray(items, item);
    cJSON_DeleteItemFromObjectCaseSensitive(*result, "next_page");
    if (next == own + 1 && next <= MAX_PAGES)
        cJSON_AddNumberToObject(*result, "next_page", next);
    cJSON_Delete(added);
}

static bool is_one_of(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static void keep(cJSON *item, const char *const *names)
{
    cJSON *member = item ? item->child : NULL;
    while (member) {
        cJSON *next = member->next;
        if (!is_one_of(names, member->string))
            cJSON_Delete(cJSON_DetachItemViaPointer(item, member));
        member = next;
    }
}

/* What `fcgictl status` says of it. */
static void add_note(cJSON *pool)
{
    static const char *const troubles[] = {
        [TROUBLE_NONE] = "none", [TROUBLE_BUSY] = "busy", [TROUBLE_WARNING] = "warning", [TROUBLE_BAD] = "bad"};
    struct text note = {0};
    pool_add_reason(pool, &note);
    cJSON_DeleteItemFromObjectCaseSensitive(pool, "trouble");
    cJSON_DeleteItemFromObjectCaseSensitive(pool, "note");
    cJSON_AddStringToObject(pool, "trouble", troubles[pool_trouble(pool)]);
    cJSON_AddStringToObject(pool, "note", text_str(&note));
    text_deinit(&note);
}

static void add_items(struct text *out, cJSON *result, const char *array, const char *const *names, uint32_t pid)
{
    cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(result, array))
    {
        if (!cJSON_IsObject(item))
            continue;
        if (names == pool_members)
            add_note(item);
        cJSON_DeleteItemFromObjectCaseSensitive(item, "host");
        cJSON_AddNumberToObject(item, "host", pid);
        keep(item, names);
        text_add(out, out->len > 0 ? "," : "");
        value_add(out, item, false);
    }
}

/* The histogram of the times of requests on workers goes from the metrics to its pool. */
static void add_execution(cJSON *pools, const cJSON *metrics)
{
    const cJSON *family, *sample;
    cJSON *pool;
    cJSON_ArrayForEach(pool, pools) cJSON_DeleteItemFromObjectCaseSensitive(pool, "execution");
    cJSON_ArrayForEach(family, value_at(metrics, "metrics"))
    {
        if (strcmp(value_string(family, "name"), "fcgi_request_execution_seconds") != 0)
            continue;
        cJSON_ArrayForEach(pool, pools)
        {
            cJSON_ArrayForEach(sample, value_at(family, "samples"))
            {
                if (strcmp(value_string(sample, "labels.pool"), value_string(pool, "name")) == 0 && cJSON_IsObject(pool) &&
                    !cJSON_GetObjectItemCaseSensitive(pool, "execution")) {
                    cJSON *copy = cJSON_Duplicate(sample, true);
                    cJSON_DeleteItemFromObjectCaseSensitive(copy, "labels");
                    cJSON_AddItemToObject(pool, "execution", copy);
                }
            }
        }
    }
}

void exporter_digest_make(struct exporter_digest *digest, uint32_t pid, cJSON *results[EXPORTER_METHODS])
{
    cJSON *server = cJSON_GetObjectItemCaseSensitive(results[EXPORTER_STATUS], "server");
    *digest = (struct exporter_digest){0};
    keep(server, server_members);
    if (cJSON_IsObject(server))
        value_add(&digest->server, server, false);
    else
        text_add(&digest->server, "null");
    add_execution(cJSON_GetObjectItemCaseSensitive(results[EXPORTER_STATUS], "pools"), results[EXPORTER_METRICS]);
    add_items(&digest->pools, results[EXPORTER_STATUS], "pools", pool_members, pid);
    add_items(&digest->requests, results[EXPORTER_REQUESTS], "requests", request_members, pid);
    add_items(&digest->exits, results[EXPORTER_EXITS], "exits", exit_members, pid);
    digest->request_total = value_number(results[EXPORTER_REQUESTS], "total", 0);
    digest->metrics = results[EXPORTER_METRICS];
    results[EXPORTER_METRICS] = NULL;
    digest->failed = digest->server.failed || digest->pools.failed || digest->requests.failed || digest->exits.failed;
}

void exporter_digest_deinit(struct exporter_digest *digest)
{
    text_deinit(&digest->server);
    text_deinit(&digest->pools);
    text_deinit(&digest->requests);
    text_deinit(&digest->exits);
    cJSON_Delete(digest->metrics);
    *digest = (struct exporter_digest){0};
}

/* NAME":"VALUE": what stands before it brings the first quote. */
static void add_string(struct text *out, const char *name, const char *value)
{
    cJSON *string = cJSON_CreateString(value);
    text_add(out, name);
    text_add(out, "\":");
    if (string)
        value_add(out, string, false);
    out->failed = out->failed || !string;
    cJSON_Delete(string);
}

static void add_host(struct text *out, const struct exporter_status_host *host)
{
    text_addf(out, "{\"pid\":%lu,\"", (unsigned long)host->host->pid);
    add_string(out, "program", host->host->program);
    text_addf(out, ",\"answers\":%s", host->answers ? "true" : "false");
    if (host->digest)
        text_addf(out, ",\"age_seconds\":%.3f,\"server\":", host->age_s);
    else
        text_add(out, ",\"age_seconds\":null,\"server\":");
    text_add(out, host->digest ? text_str(&host->digest->server) : "null");
    if (host->answers)
        text_add(out, ",\"error\":null}");
    else {
        text_add(out, ",\"error\":{\"");
        add_string(out, "reason", host->reason);
        text_add(out, ",\"");
        add_string(out, "message", host->message);
        text_add(out, "}}");
    }
}

static void add_list(struct text *out, const char *name, const struct exporter_status_host *hosts, size_t count, size_t offset)
{
    size_t start;
    text_add(out, "],\"");
    text_add(out, name);
    text_add(out, "\":[");
    start = out->len;
    for (size_t i = 0; i < count; i++) {
        if (!hosts[i].digest)
            continue;
        const struct text *items = (const struct text *)((const char *)hosts[i].digest + offset);
        text_add(out, out->len > start && items->len > 0 ? "," : "");
        text_add(out, text_str(items));
    }
}

void exporter_status_body(const struct exporter_status_host *hosts, size_t count, struct text *out)
{
    double total = 0;
    text_add(out, "\"hosts\":[");
    for (size_t i = 0; i < count; i++) {
        text_add(out, i > 0 ? "," : "");
        add_host(out, &hosts[i]);
        total += hosts[i].digest ? hosts[i].digest->request_total : 0;
    }
    add_list(out, "pools", hosts, count, offsetof(struct exporter_digest, pools));
    add_list(out, "requests", hosts, count, offsetof(struct exporter_digest, requests));
    add_list(out, "exits", hosts, count, offsetof(struct exporter_digest, exits));
    text_addf(out, "],\"request_total\":%.0f}", total);
    text_add(out, "\n");
}

void exporter_status_head(uint64_t now_unix_ms, double age_s, struct text *out)
{
    text_addf(out, "{\"api_version\":%d,\"version\":\"%s\",\"now_unix\":%.3f,\"age_seconds\":%.3f,", MGMT_API_VERSION,
              FCGIEXT_VERSION, (double)now_unix_ms / 1000, age_s);
}
