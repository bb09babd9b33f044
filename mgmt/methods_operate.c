/* methods_operate: commands, and waiting for their end. What is in order already is an operation that is done: all are idempotent. */
#include "mgmt/method_call.h"

#include "mgmt/config_json.h"
#include "mgmt/status_json.h"

#include <stdio.h>

/* ---- a command that was not taken */

static void no_such_pool(struct method_call *call, const char *name)
{
    struct mgmt_snapshot *snapshot = method_snapshot(call, MGMT_WANT_POOLS);
    if (!snapshot)
        return;
    method_no_such_pool(call, snapshot, name);
    method_free_snapshot(call, snapshot);
}

static void no_such_worker(struct method_call *call, const struct mgmt_command *command)
{
    struct reply_quoted quoted;
    char worker[40];
    if (command->pid > 0)
        snprintf(worker, sizeof worker, "pid %u", (unsigned)command->pid);
    else
        snprintf(worker, sizeof worker, "id %llu", (unsigned long long)command->worker);
    reply_begin_error(call->reply, MGMT_ERROR_NO_SUCH_WORKER, NULL, "pool %s has no worker with %s",
                      reply_quote(&quoted, command->pool), worker);
    json_cut_string(&call->reply->json, "pool", command->pool);
}

static void refused(struct method_call *call, const struct mgmt_command *command, const char *reason)
{
    struct mgmt_snapshot *snapshot = method_snapshot(call, MGMT_WANT_POOLS);
    if (!snapshot)
        return;
    const char *state = "";
    for (size_t i = 0; i < snapshot->pool_count; i++)
        if (method_same_name(snapshot->pools[i].name, command->pool))
            state = mgmt_pool_state_name(&snapshot->pools[i]);
    reply_begin_error(call->reply, MGMT_ERROR_REFUSED, NULL, "%s", *reason ? reason : "the pool's state does not allow it");
    json_cut_string(&call->reply->json, "pool", command->pool);
    json_string(&call->reply->json, "state", state);
    method_free_snapshot(call, snapshot);
}

static void config_invalid(struct method_call *call, const char *reason)
{
    struct config *config = call->ops->config_check(call->ops->context);
    if (!config) {
        method_out_of_memory(call);
        return;
    }
    reply_begin_error(call->reply, MGMT_ERROR_CONFIG_INVALID, NULL, "%s", *reason ? reason : "fcgiext.ini has errors");
    config_json_diagnostics(&call->reply->json, config, true);
    config_destroy(config);
}

static void failed(struct method_call *call, const struct mgmt_command *command, enum mgmt_error error, const char *reason)
{
    switch (error) {
    case MGMT_ERROR_NO_SUCH_POOL: no_such_pool(call, command->pool); break;
    case MGMT_ERROR_NO_SUCH_WORKER: no_such_worker(call, command); break;
    case MGMT_ERROR_REFUSED: refused(call, command, reason); break;
    case MGMT_ERROR_CONFIG_INVALID: config_invalid(call, reason); break;
    case MGMT_ERROR_TOO_MANY:
        reply_begin_error(call->reply, error, NULL, "%s", *reason ? reason : "too many operations run already");
        break;
    default: reply_begin_error(call->reply, MGMT_ERROR_INTERNAL, NULL, "%s", *reason ? reason : "the command failed"); break;
    }
}

static void run(struct method_call *call, struct mgmt_command *command)
{
    struct mgmt_operation operation = {0};
    command->caller = call->caller->account;
    enum mgmt_error error = call->ops->command(call->ops->context, command, &operation);
    if (error == MGMT_ERROR_NONE)
        status_json_operation(method_result(call), "operation", &operation);
    else
        failed(call, command, error, operation.reason);
}

/* ---- commands */

void method_pool_recycle(struct method_call *call)
{
    struct mgmt_command command = {.kind = MGMT_COMMAND_RECYCLE, .pool = call->args[0].text, .now = call->args[1].flag};
    run(call, &command);
}

void method_pool_drain(struct method_call *call)
{
    struct mgmt_command command = {
        .kind = MGMT_COMMAND_DRAIN, .pool = call->args[0].text, .ttl_ms = call->args[1].number, .persist = call->args[2].flag};
    run(call, &command);
}

void method_pool_resume(struct method_call *call)
{
    struct mgmt_command command = {.kind = MGMT_COMMAND_RESUME, .pool = call->args[0].text};
    run(call, &command);
}

static void run_on_worker(struct method_call *call, enum mgmt_command_kind kind)
{
    const struct method_arg *pid = &call->args[1], *id = &call->args[2];
    if (pid->given == id->given) {
        reply_begin_error(call->reply, MGMT_ERROR_INVALID_PARAMS, NULL, "one of the parameters 'pid' and 'id' is needed");
        json_string(&call->reply->json, "param", "pid");
        return;
    }
    struct mgmt_command command = {
        .kind = kind, .pool = call->args[0].text, .pid = (uint32_t)pid->number, .worker = id->number};
    run(call, &command);
}

void method_worker_recycle(struct method_call *call)
{
    run_on_worker(call, MGMT_COMMAND_WORKER_RECYCLE);
}

void method_worker_kill(struct method_call *call)
{
    run_on_worker(call, MGMT_COMMAND_WORKER_KILL);
}

void method_config_reload(struct method_call *call)
{
    struct mgmt_command command = {.kind = MGMT_COMMAND_RELOAD, .pool = ""};
    run(call, &command);
}

/* ---- waiting */

void methods_poll(const struct mgmt_ops *ops, uint64_t now_ms, struct reply *reply, struct method_wait *wait)
{
    struct mgmt_operation operation = {0};
    enum mgmt_error error = ops->operation(ops->context, wait->operation, &operation);
    bool runs = error == MGMT_ERROR_NONE && operation.state == MGMT_OPERATION_RUNNING;
    wait->waits = runs && now_ms < wait->deadline_ms;
    if (wait->waits)
        return;
    if (error == MGMT_ERROR_NONE) {
        reply_begin_result(reply);
        status_json_operation(&reply->json, "operation", &operation);
        json_bool(&reply->json, "timed_out", runs);
        return;
    }
    reply_begin_error(reply, error, NULL, "there is no operation %llu", (unsigned long long)wait->operation);
    json_id(&reply->json, "operation", wait->operation);
}

void method_operation_wait(struct method_call *call)
{
    *call->wait = (struct method_wait){.operation = call->args[0].number, .deadline_ms = call->now_ms + call->args[1].number};
    methods_poll(call->ops, call->now_ms, call->reply, call->wait);
}
