/* methods: the table, and the dispatcher that checks by it, so that no handler checks a right, or a parameter's type. */
#include "mgmt/methods.h"

#include "fcgiext/core/text.h"
#include "mgmt/method_call.h"

#include <stdio.h>

#define NO_PARAMS \
    {             \
        {         \
            0     \
        }         \
    }
#define POOL                                                                                                            \
    {                                                                                                                   \
        .name = "pool", .type = METHOD_STRING, .required = true, .summary = "Name of the pool, in any case of letters." \
    }
#define POOL_FILTER                                                                  \
    {                                                                                \
        .name = "pool", .type = METHOD_STRING, .summary = "Only those of this pool." \
    }
#define PAGE                                                                                                         \
    {                                                                                                                \
        .name = "page", .type = METHOD_INTEGER, .min = 1, .max = 1000000, .summary = "Which page, from 1 (default)." \
    }
#define PER_PAGE                                                                       \
    {                                                                                  \
        .name = "count", .type = METHOD_INTEGER, .min = 1, .max = MGMT_MAX_PAGE_COUNT, \
        .summary = "Items of a page; default 200."                                     \
    }
#define PID                                                                                                            \
    {                                                                                                                  \
        .name = "pid", .type = METHOD_INTEGER, .min = 1, .max = UINT32_MAX, .summary = "Which worker: its process id." \
    }
#define WORKER_ID                                                                                              \
    {                                                                                                          \
        .name = "id", .type = METHOD_ID, .summary = "Or its id, as worker.list has it. One of both is needed." \
    }
#define OPERATION_RESULT "`operation`: [operation](#operation), which may be done already."

const struct method methods[] = {
    {"server.info", MGMT_RIGHT_QUERY, "The host: versions, process, times, which configuration is in force.",
     "The members of [server](#server).", NO_PARAMS, method_server_info},
    {"status", MGMT_RIGHT_QUERY, "The host and all its pools: one call for a dashboard.",
     "`server`: [server](#server); `pools`: array of [pool](#pool).", NO_PARAMS, method_status},
    {"pool.list",
     MGMT_RIGHT_QUERY,
     "All pools, by pages.",
     "`pools`: array of [pool](#pool); `total`; `next_page`.",
     {PAGE, PER_PAGE},
     method_pool_list},
    {"pool.show",
     MGMT_RIGHT_QUERY,
     "One pool with its settings, workers and last exits.",
     "`pool`: [pool](#pool) and in it `settings`, an array of [setting](#setting); `workers`: array of [worker](#worker), the "
     "first "
     "200; `worker_total`; `exits`: array of [exit](#exit), the newest 10.",
     {POOL},
     method_pool_show},
    {"pool.recycle",
     MGMT_RIGHT_OPERATE,
     "Replaces all workers, one by one as their replacements prove good; no request is lost. It stops after 2 failed "
     "replacements.",
     OPERATION_RESULT,
     {POOL, {.name = "now", .type = METHOD_BOOL, .summary = "Kill all workers at once; what runs is cut off (503)."}},
     method_pool_recycle},
    {"pool.drain",
     MGMT_RIGHT_OPERATE,
     "Admits no new request (503 with Retry-After), lets queued and running ones end, then stops the workers; until "
     "pool.resume.",
     OPERATION_RESULT,
     {POOL,
      {.name = "ttl_seconds", .type = METHOD_SECONDS, .min = 1, .max = 31536000, .summary = "Resumes by itself after so long."},
      {.name = "persist", .type = METHOD_BOOL, .summary = "Holds across a restart of the host, too."}},
     method_pool_drain},
    {"pool.resume",
     MGMT_RIGHT_OPERATE,
     "Ends a drain, or rapid-fail: the pool serves again.",
     OPERATION_RESULT,
     {POOL},
     method_pool_resume},
    {"worker.list",
     MGMT_RIGHT_QUERY,
     "Workers, by pages.",
     "`workers`: array of [worker](#worker); `total`; `next_page`.",
     {POOL_FILTER, PAGE, PER_PAGE},
     method_worker_list},
    {"worker.recycle",
     MGMT_RIGHT_OPERATE,
     "Replaces one worker; its request ends before.",
     OPERATION_RESULT,
     {POOL, PID, WORKER_ID},
     method_worker_recycle},
    {"worker.kill",
     MGMT_RIGHT_OPERATE,
     "Terminates one worker with its children at once; its request fails.",
     OPERATION_RESULT,
     {POOL, PID, WORKER_ID},
     method_worker_kill},
    {"request.list",
     MGMT_RIGHT_QUERY,
     "Requests in flight and queued, by pages: of each pool first those that run, oldest first.",
     "`requests`: array of [request](#request); `total`; `next_page`.",
     {POOL_FILTER, PAGE, PER_PAGE},
     method_request_list},
    {"exit.list",
     MGMT_RIGHT_QUERY,
     "The last 50 workers that ended, newest first: code, cause, age, last URL.",
     "`exits`: array of [exit](#exit); `total`.",
     {POOL_FILTER},
     method_exit_list},
    {"config.show",
     MGMT_RIGHT_QUERY,
     "The configuration in force, with defaults. Values of EnvironmentVars need the operate right.",
     "`path`; `pools`: array of [pool configuration](#pool-configuration); `types`: array of [mapping](#mapping); "
     "`diagnostics`: "
     "array of [diagnostic](#diagnostic); `management`: [management](#management).",
     {POOL_FILTER},
     method_config_show},
    {"config.check", MGMT_RIGHT_QUERY, "Reads fcgiext.ini as it is now, takes nothing of it, and tells what is wrong.",
     "`path`; `errors`; `warnings`; `usable`: something of it could serve; `would_replace`: a reload would take it; "
     "`diagnostics`: "
     "array of [diagnostic](#diagnostic).",
     NO_PARAMS, method_config_check},
    {"config.reload", MGMT_RIGHT_OPERATE, "Reads fcgiext.ini again and takes it, unless it has errors.", OPERATION_RESULT,
     NO_PARAMS, method_config_reload},
    {"metrics",
     MGMT_RIGHT_QUERY,
     "All counters, gauges and histograms, ready for a time series; by pages of pools.",
     "`pid`; `server`: [server](#server); `metrics`: array of [metric](#metric), those of the host on the first page only; "
     "`total`: of pools; `next_page`.",
     {PAGE,
      {.name = "count",
       .type = METHOD_INTEGER,
       .min = 1,
       .max = MGMT_MAX_PAGE_COUNT,
       .summary = "Pools of a page; default 50."}},
     method_metrics},
    {"operation.wait",
     MGMT_RIGHT_QUERY,
     "Answers when the operation runs no longer, or the time is over. Wait in short steps to see its progress.",
     "`operation`: [operation](#operation); `timed_out`: it still runs.",
     {{.name = "operation", .type = METHOD_ID, .required = true, .summary = "Its id."},
      {.name = "timeout_seconds", .type = METHOD_SECONDS, .max = MGMT_MAX_WAIT_S, .summary = "0 (default) answers at once."}},
     method_operation_wait},
    {"rpc.discover", MGMT_RIGHT_QUERY, "This table: methods, rights, parameters, errors.",
     "`methods`: array of `name`, `right`, `summary`, `params` (array of `name`, `type`, `required`, `minimum`, `maximum`, "
     "`summary`); `errors`: array of `code`, `reason`, `summary`.",
     NO_PARAMS, method_discover},
};
const size_t method_count = sizeof methods / sizeof *methods;

const char *method_type_name(enum method_type type)
{
    switch (type) {
    case METHOD_STRING: return "string";
    case METHOD_INTEGER: return "integer";
    case METHOD_SECONDS: return "number";
    case METHOD_BOOL: return "boolean";
    case METHOD_ID: break;
    }
    return "id";
}

const char *mgmt_right_name(enum mgmt_right right)
{
    return right == MGMT_RIGHT_OPERATE ? "operate" : "query";
}

/* ---- parameters */

static void bad_param(struct method_call *call, const char *name, const char *what)
{
    struct reply_quoted quoted;
    reply_begin_error(call->reply, MGMT_ERROR_INVALID_PARAMS, NULL, "parameter %s %s", reply_quote(&quoted, name), what);
    json_cut_string(&call->reply->json, "param", name);
}

static bool number_in_range(const struct method_param *param, const cJSON *item)
{
    double number = item->valuedouble;
    return cJSON_IsNumber(item) && number >= param->min && number <= param->max;
}

/* NULL: taken; else what is wrong with it. */
static const char *take_param(const struct method_param *param, const cJSON *item, struct method_arg *arg, char *text,
                              size_t size)
{
    arg->given = true;
    switch (param->type) {
    case METHOD_STRING:
        if (!cJSON_IsString(item))
            return "must be a string";
        arg->text = item->valuestring;
        return NULL;
    case METHOD_BOOL: arg->flag = cJSON_IsTrue(item); return cJSON_IsBool(item) ? NULL : "must be true or false";
    case METHOD_ID:
        if (!cJSON_IsString(item) || !text_parse_decimal(bytes_of_str(item->valuestring), &arg->number))
            return "must be an id: a string of digits";
        return NULL;
    case METHOD_SECONDS:
        snprintf(text, size, "must be a number of seconds from %u to %u", (unsigned)param->min, (unsigned)param->max);
        if (!number_in_range(param, item))
            return text;
        arg->number = (uint64_t)(item->valuedouble * 1000);
        arg->number += item->valuedouble * 1000 - (double)arg->number > 1e-6; /* 1.1 is a little more than 1.1 */
        return NULL;
    case METHOD_INTEGER: break;
    }
    snprintf(text, size, "must be an integer from %u to %u", (unsigned)param->min, (unsigned)param->max);
    if (!number_in_range(param, item) || (double)(uint64_t)item->valuedouble != item->valuedouble)
        return text;
    arg->number = (uint64_t)item->valuedouble;
    return NULL;
}

static size_t param_index(const struct method *method, const char *name)
{
    for (size_t i = 0; i < METHOD_MAX_PARAMS && method->params[i].name; i++)
        if (strcmp(method->params[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static void unknown_param(struct method_call *call, const struct method *method, const char *name)
{
    char hint[256];
    int len = snprintf(hint, sizeof hint, "%s has no parameters", method->name);
    for (size_t i = 0; i < METHOD_MAX_PARAMS && method->params[i].name; i++)
        len = i == 0 ? snprintf(hint, sizeof hint, "parameters of %s: %s", method->name, method->params[i].name)
                     : len + snprintf(hint + len, sizeof hint - (size_t)len, ", %s", method->params[i].name);
    struct reply_quoted quoted;
    reply_begin_error(call->reply, MGMT_ERROR_INVALID_PARAMS, hint, "there is no parameter %s", reply_quote(&quoted, name));
    json_cut_string(&call->reply->json, "param", name);
}

/* false: an error has been written. */
static bool take_params(struct method_call *call, const struct method *method, const cJSON *params)
{
    char text[80];
    for (size_t i = 0; i < METHOD_MAX_PARAMS; i++)
        call->args[i] = (struct method_arg){.text = ""};
    for (const cJSON *item = params ? params->child : NULL; item; item = item->next) {
        size_t i = param_index(method, item->string);
        if (i == SIZE_MAX) {
            unknown_param(call, method, item->string);
            return false;
        }
        const char *problem =
            call->args[i].given ? "is given twice" : take_param(&method->params[i], item, &call->args[i], text, sizeof text);
        if (problem) {
            bad_param(call, item->string, problem);
            return false;
        }
    }
    for (size_t i = 0; i < METHOD_MAX_PARAMS && method->params[i].name; i++)
        if (method->params[i].required && !call->args[i].given) {
            bad_param(call, method->params[i].name, "is missing");
            return false;
        }
    return true;
}

/* ---- dispatcher */

static void access_denied(struct reply *reply, enum mgmt_right right)
{
    reply_begin_error(reply, MGMT_ERROR_ACCESS_DENIED, NULL, "access denied: the %s right is needed", mgmt_right_name(right));
    json_string(&reply->json, "right", mgmt_right_name(right));
}

static const struct method *find_method(const char *name)
{
    for (size_t i = 0; i < method_count; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

void methods_call(const struct mgmt_ops *ops, const struct mgmt_caller *caller, const char *name, const cJSON *params,
                  uint64_t now_ms, struct reply *reply, struct method_wait *wait)
{
    struct method_call call = {.ops = ops, .caller = caller, .now_ms = now_ms, .reply = reply, .wait = wait};
    struct reply_quoted quoted;
    *wait = (struct method_wait){0};
    if (!caller->may_query) {
        access_denied(reply, MGMT_RIGHT_QUERY);
        return;
    }
    const struct method *method = find_method(name);
    if (!method) {
        reply_begin_error(reply, MGMT_ERROR_METHOD_NOT_FOUND, NULL, "there is no method %s", reply_quote(&quoted, name));
        json_cut_string(&reply->json, "method", name);
    } else if (method->right == MGMT_RIGHT_OPERATE && !caller->may_operate) {
        access_denied(reply, MGMT_RIGHT_OPERATE);
        if (ops->denied)
            ops->denied(ops->context, caller->account, method->name);
    } else if (take_params(&call, method, params)) {
        method->handle(&call);
    }
}
