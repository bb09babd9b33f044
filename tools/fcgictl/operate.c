/* operate: see operate.h. Targets are worked off one after another. A pool whose recycling has failed at one host is left alone at the
 * hosts behind it: what does not start here will not start there. */
#include "tools/fcgictl/operate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fcgictl/commands.h"
#include "tools/fcgictl/listing.h"
#include "tools/fcgictl/progress.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

static cJSON *params_of(const struct run *run, const struct target *target)
{
    cJSON *params = cJSON_CreateObject();
    if (target->pool)
        cJSON_AddStringToObject(params, "pool", targets_pool_name(target));
    if (target->worker && value_at(target->worker, "pid"))
        cJSON_AddNumberToObject(params, "pid", value_number(target->worker, "pid", 0));
    else if (target->worker)
        cJSON_AddStringToObject(params, "id", value_string(target->worker, "id"));
    if (run->options.given & OPTION_NOW)
        cJSON_AddTrueToObject(params, "now");
    if (run->options.given & OPTION_TTL)
        cJSON_AddNumberToObject(params, "ttl_seconds", run->options.ttl_s);
    if (run->options.given & OPTION_PERSIST)
        cJSON_AddTrueToObject(params, "persist");
    return params;
}

/* ---- --dry-run */

static void add_plan_line(struct run *run, const struct target *target)
{
    struct text *out = &run->out;
    text_addf(out, "would %s ", run->command->name[0] == 'c' ? "read fcgiext.ini again at" : run->command->name);
    targets_add_name(run, target, out);
    if (target->worker) {
        text_add(out, ": ");
        words_add_enum(out, value_string(target->worker, "state"));
        if (value_at(target->worker, "request"))
            text_addf(out, ", with a request of %s", value_string(target->worker, "url_path"));
    } else if (target->pool) {
        text_add(out, ": ");
        words_add_count(out, value_number(target->pool, "workers.current", 0), "worker", "workers");
        text_addf(out, ", %.0f running, %.0f waiting", value_number(target->pool, "requests.running", 0),
                  value_number(target->pool, "requests.queued", 0));
    }
    text_add(out, "\n");
}

static void show_plan(struct run *run, const struct targets *targets, const char *method)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddNumberToObject(document, "api_version", 1);
    cJSON_AddTrueToObject(document, "dry_run");
    cJSON *plan = cJSON_AddArrayToObject(document, "plan");
    for (size_t i = 0; i < targets->count; i++) {
        const struct target *target = &targets->items[i];
        cJSON *step = cJSON_CreateObject();
        cJSON_AddNumberToObject(step, "host", target->host->pid);
        cJSON_AddStringToObject(step, "method", method);
        cJSON_AddItemToObject(step, "params", params_of(run, target));
        cJSON_AddItemToArray(plan, step);
        if (!run_is_json(run))
            add_plan_line(run, target);
        run_count_done(run);
    }
    if (run_is_json(run))
        listing_print_json(run, document, plan);
    else
        text_add(&run->out, "nothing was done\n");
    cJSON_Delete(document);
}

/* ---- doing it */

static bool has_failed_elsewhere(const struct targets *targets, const struct target *target)
{
    for (const struct target *before = targets->items; before < target; before++)
        if (before->failed && strcmp(targets_pool_name(before), targets_pool_name(target)) == 0)
            return true;
    return false;
}

/* What fcgiext.ini holds that must not be taken. */
static void report_diagnostics(struct run *run, const cJSON *error)
{
    const cJSON *diagnostic;
    cJSON_ArrayForEach(diagnostic, value_at(error, "data.diagnostics")) run_message(
        run, "line %.0f: %s: [%s] %s: %s", value_number(diagnostic, "line", 0), value_string(diagnostic, "severity"),
        value_string(diagnostic, "section"), value_string(diagnostic, "property"), value_string(diagnostic, "message"));
}

/* What the host says of one of several pools is nothing without the pool's name. */
static void report_failure(struct run *run, const struct target *target, const char *name, struct reply *reply)
{
    const cJSON *error = value_at(reply->document, "error");
    report_diagnostics(run, error);
    if (error && target->pool) {
        struct text message = {0};
        if (run->host_count == 1) /* else the name has it */
            text_addf(&message, "host %lu: ", (unsigned long)target->host->pid);
        text_addf(&message, "%s: %s", name, value_string(error, "message"));
        snprintf(reply->message, sizeof reply->message, "%s", text_str(&message));
        text_deinit(&message);
    }
    run_report(run, reply);
}

static void operate(struct run *run, struct target *target, const char *method, cJSON *operations)
{
    struct reply reply;
    struct text name = {0};
    unsigned failed = run->failed;
    cJSON *entry = cJSON_CreateObject(), *operation = NULL;
    targets_add_name(run, target, &name);
    cJSON_AddNumberToObject(entry, "host", target->host->pid);
    cJSON_AddStringToObject(entry, "pool", targets_pool_name(target));
    run_call(run, target->host, method, params_of(run, target), 0, &reply);
    if (reply.result)
        operation = cJSON_DetachItemFromObjectCaseSensitive(reply.result, "operation");
    if (operation && (run->options.given & OPTION_WAIT))
        progress_wait(run, target->host, text_str(&name), &operation);
    else if (operation)
        progress_report(run, target->host, text_str(&name), operation, -1);
    else if (!reply.result) {
        report_failure(run, target, text_str(&name), &reply);
        cJSON *error = cJSON_AddObjectToObject(entry, "error");
        cJSON_AddStringToObject(error, "reason", reply.reason);
        cJSON_AddStringToObject(error, "message", reply.message);
    } else {
        run_message(run, "host %lu has told no operation", (unsigned long)target->host->pid);
        run_count_failure(run, FCGICTL_FAILED);
    }
    target->failed = run->failed > failed && operation != NULL;
    if (operation)
        cJSON_AddItemToObject(entry, "operation", operation);
    cJSON_AddItemToArray(operations, entry);
    client_free(&reply);
    text_deinit(&name);
}

static void operate_all(struct run *run, struct targets *targets, const char *method)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddNumberToObject(document, "api_version", 1);
    cJSON *operations = cJSON_AddArrayToObject(document, "operations");
    for (size_t i = 0; i < targets->count; i++) {
        struct target *target = &targets->items[i];
        bool stopped = (run->options.given & OPTION_WAIT) && run->terminal->interrupted(run->terminal->context);
        if (stopped || (target->pool && has_failed_elsewhere(targets, target))) {
            struct text name = {0};
            targets_add_name(run, target, &name);
            run_message(run, "%s: not touched, %s", text_str(&name),
                        stopped ? "as you have stopped" : "as it has failed before");
            text_deinit(&name);
            run_count_failure(run, stopped ? FCGICTL_TIMED_OUT : FCGICTL_FAILED);
            continue;
        }
        operate(run, target, method, operations);
    }
    if (run_is_json(run))
        listing_print_json(run, document, operations);
    cJSON_Delete(document);
}

static int finish(struct run *run, struct targets *targets, const char *method)
{
    if (run->options.given & OPTION_DRY_RUN)
        show_plan(run, targets, method);
    else
        operate_all(run, targets, method);
    targets_deinit(targets);
    return run_exit_code(run);
}

static int give_up(struct run *run, struct targets *targets)
{
    targets_deinit(targets);
    return run_exit_code(run);
}

int operate_recycle(struct run *run)
{
    struct targets targets;
    if (!targets_find(run, TARGETS_EITHER, &targets))
        return give_up(run, &targets);
    bool worker = targets.items[0].worker != NULL;
    if (worker && (run->options.given & OPTION_NOW)) {
        run_message(run, "--now is for pools");
        run_hint(run, "`fcgictl kill %s` ends a worker at once", run->options.arguments[0]);
        run_count_failure(run, FCGICTL_USAGE);
        return give_up(run, &targets);
    }
    return finish(run, &targets, worker ? "worker.recycle" : "pool.recycle");
}

int operate_drain(struct run *run)
{
    struct targets targets;
    return targets_find(run, TARGETS_POOLS, &targets) ? finish(run, &targets, "pool.drain") : give_up(run, &targets);
}

int operate_resume(struct run *run)
{
    struct targets targets;
    return targets_find(run, TARGETS_POOLS, &targets) ? finish(run, &targets, "pool.resume") : give_up(run, &targets);
}

int operate_kill(struct run *run)
{
    struct targets targets;
    return targets_find(run, TARGETS_WORKER, &targets) ? finish(run, &targets, "worker.kill") : give_up(run, &targets);
}

int operate_reload(struct run *run)
{
    struct targets targets;
    return targets_of_hosts(run, &targets) ? finish(run, &targets, "config.reload") : give_up(run, &targets);
}

/* ---- wait */

/* "1234:17179869185", or the id alone where there is one host. false: said and counted. */
static bool pick_host(struct run *run, const char *argument, const char **id)
{
    const char *colon = strchr(argument, ':');
    uint64_t pid = 0, number = 0;
    char digits[16] = "";
    if (colon && (size_t)(colon - argument) < sizeof digits)
        memcpy(digits, argument, (size_t)(colon - argument));
    *id = colon ? colon + 1 : argument;
    if ((colon && !words_parse_number(digits, 1, UINT32_MAX, &pid)) || !words_parse_number(*id, 0, UINT64_MAX, &number)) {
        run_message(run, "'%s' is no operation: HOST:ID is wanted, as the commands tell it", argument);
        run_count_failure(run, FCGICTL_USAGE);
        return false;
    }
    if (colon) {
        run->options.host = (uint32_t)pid;
        run->options.given |= OPTION_HOST;
    }
    if (!run_find_hosts(run))
        return false;
    if (run->host_count > 1) {
        run_message(run, "operation %s is ambiguous: there are %u hosts", *id, (unsigned)run->host_count);
        run_hint(run, "HOST:ID, or --host PID, picks one");
        run_count_failure(run, FCGICTL_USAGE);
        return false;
    }
    return true;
}

int operate_wait(struct run *run)
{
    const char *id = NULL;
    run->options.given |= OPTION_WAIT;
    if (!pick_host(run, run->options.arguments[0], &id))
        return run_exit_code(run);
    struct reply reply;
    cJSON *params = cJSON_CreateObject(), *operation = NULL;
    cJSON_AddStringToObject(params, "operation", id);
    run_call(run, &run->hosts[0], "operation.wait", params, 0, &reply);
    if (reply.result)
        operation = cJSON_DetachItemFromObjectCaseSensitive(reply.result, "operation");
    else
        run_report(run, &reply);
    client_free(&reply);
    if (operation) {
        struct text name = {0};
        const char *pool = value_string(operation, "pool");
        if (pool[0])
            text_add_data(&name, pool);
        else
            text_addf(&name, "host %lu", (unsigned long)run->hosts[0].pid);
        progress_wait(run, &run->hosts[0], text_str(&name), &operation);
        text_deinit(&name);
        cJSON *document = cJSON_CreateObject();
        cJSON_AddNumberToObject(document, "api_version", 1);
        cJSON_AddNumberToObject(document, "host", run->hosts[0].pid);
        cJSON_AddItemToObject(document, "operation", operation);
        if (run_is_json(run)) {
            value_add(&run->out, document, run->options.format == FORMAT_JSON);
            text_add(&run->out, "\n");
        }
        cJSON_Delete(document);
    }
    return run_exit_code(run);
}
