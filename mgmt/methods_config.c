/* methods_config: the configuration in force, and the file as it is now. */
#include "mgmt/method_call.h"

#include "mgmt/config_json.h"

static size_t find_pool(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (method_same_name(config->pools[i].name, name))
            return i;
    return SIZE_MAX;
}

void method_config_show(struct method_call *call)
{
    const struct method_arg *pool = &call->args[0];
    struct mgmt_snapshot *snapshot = method_snapshot(call, pool->given ? MGMT_WANT_POOLS : 0);
    if (!snapshot)
        return;
    void *reference;
    const struct config *config = call->ops->config_in_force(call->ops->context, &reference);
    size_t only = config && pool->given ? find_pool(config, pool->text) : SIZE_MAX;
    if (!config) {
        method_out_of_memory(call);
    } else if (pool->given && only == SIZE_MAX) {
        method_no_such_pool(call, snapshot, pool->text);
    } else {
        struct json *json = method_result(call);
        json_string(json, "path", snapshot->server.config_path);
        config_json(json, config, only, call->caller->may_operate);
    }
    if (config)
        call->ops->config_release(call->ops->context, reference);
    method_free_snapshot(call, snapshot);
}

static size_t count_warnings(const struct config *config)
{
    size_t count = 0;
    for (size_t i = 0; i < config->diagnostic_count; i++)
        count += config->diagnostics[i].severity == CONFIG_WARNING;
    return count;
}

static void write_check(struct method_call *call, const char *path, const struct config *in_force, const struct config *fresh)
{
    struct json *json = method_result(call);
    json_string(json, "path", path);
    json_number(json, "errors", fresh->error_count);
    json_number(json, "warnings", count_warnings(fresh));
    json_bool(json, "usable", fresh->usable);
    json_bool(json, "would_replace", config_may_replace(in_force, fresh));
    config_json_diagnostics(json, fresh, call->caller->may_operate);
}

void method_config_check(struct method_call *call)
{
    struct mgmt_snapshot *snapshot = method_snapshot(call, 0);
    if (!snapshot)
        return;
    void *reference;
    struct config *fresh = call->ops->config_check(call->ops->context);
    const struct config *in_force = fresh ? call->ops->config_in_force(call->ops->context, &reference) : NULL;
    if (in_force)
        write_check(call, snapshot->server.config_path, in_force, fresh);
    else
        method_out_of_memory(call);
    if (in_force)
        call->ops->config_release(call->ops->context, reference);
    config_destroy(fresh);
    method_free_snapshot(call, snapshot);
}
