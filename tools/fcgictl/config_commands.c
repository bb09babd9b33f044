/* config_commands: see config_commands.h. Diagnostics look as those of a compiler do, and go to standard output: they are the result. */
#include "tools/fcgictl/config_commands.h"

#include <stdlib.h>
#include <string.h>

#include "mgmt/config_check.h"
#include "tools/fcgictl/listing.h"
#include "tools/fcgictl/operate.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

/* ---- check */

struct found {
    const char *path;
    unsigned errors;
    unsigned warnings;
};

/* "C:\x\fcgiext.ini:12: error: [php] QueueLength: ..." */
static void add_diagnostic(struct run *run, struct found *found, const cJSON *diagnostic)
{
    bool error = strcmp(value_string(diagnostic, "severity"), "error") == 0;
    struct text *out = &run->out;
    *(error ? &found->errors : &found->warnings) += 1;
    if (run_is_json(run))
        return;
    text_add_data(out, found->path);
    if (value_number(diagnostic, "line", 0) > 0)
        text_addf(out, ":%.0f", value_number(diagnostic, "line", 0));
    text_add(out, ": ");
    text_add_style(out, error ? STYLE_BAD : STYLE_WARNING);
    text_add(out, error ? "error:" : "warning:");
    text_add_style(out, STYLE_NONE);
    if (value_string(diagnostic, "section")[0])
        text_addf(out, " [%s]", value_string(diagnostic, "section"));
    if (value_string(diagnostic, "property")[0])
        text_addf(out, " %s:", value_string(diagnostic, "property"));
    text_addf(out, " %s", value_string(diagnostic, "message"));
    text_add(out, "\n");
}

static void add_summary(struct run *run, const struct found *found)
{
    if (run_is_json(run))
        return;
    text_add_data(&run->out, found->path);
    text_add(&run->out, ": ");
    if (found->errors + found->warnings == 0)
        text_add(&run->out, "no problems");
    else {
        words_add_count(&run->out, found->errors, "error", "errors");
        text_add(&run->out, ", ");
        words_add_count(&run->out, found->warnings, "warning", "warnings");
    }
    text_add(&run->out, "\n");
}

static void take_finding(void *context, const struct mgmt_config_finding *finding)
{
    cJSON *diagnostic = cJSON_CreateObject();
    cJSON_AddStringToObject(diagnostic, "severity", finding->error ? "error" : "warning");
    cJSON_AddNumberToObject(diagnostic, "line", finding->line);
    cJSON_AddStringToObject(diagnostic, "section", finding->section);
    cJSON_AddStringToObject(diagnostic, "property", finding->property);
    cJSON_AddStringToObject(diagnostic, "message", finding->message);
    cJSON_AddItemToArray(context, diagnostic);
}

static int check_file(struct run *run, const char *path)
{
    const struct fcgictl_environment *environment = run->environment;
    char *bytes = NULL, why[256] = "";
    size_t len = 0;
    if (!environment->read_file(environment->context, path, &bytes, &len, why, sizeof why)) {
        run_message(run, "cannot open '%s': %s", path, why);
        return FCGICTL_FAILED;
    }
    struct found found = {.path = path};
    cJSON *document = cJSON_CreateObject();
    cJSON_AddNumberToObject(document, "api_version", 1);
    cJSON_AddStringToObject(document, "path", path);
    cJSON *diagnostics = cJSON_AddArrayToObject(document, "diagnostics");
    if (!diagnostics || !mgmt_config_check(bytes, len, take_finding, diagnostics))
        run->out.failed = true;
    const cJSON *diagnostic;
    cJSON_ArrayForEach(diagnostic, diagnostics) add_diagnostic(run, &found, diagnostic);
    add_summary(run, &found);
    cJSON_AddNumberToObject(document, "errors", found.errors);
    cJSON_AddNumberToObject(document, "warnings", found.warnings);
    if (run_is_json(run))
        listing_print_json(run, document, diagnostics);
    cJSON_Delete(document);
    free(bytes);
    return found.errors > 0 ? FCGICTL_FAILED : FCGICTL_DONE;
}

/* Calls `method` at each host; -> {"api_version", "hosts": [{"pid", "program", MEMBER: result}]} */
static cJSON *ask_all(struct run *run, const char *method, const char *member)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddNumberToObject(document, "api_version", 1);
    cJSON *hosts = cJSON_AddArrayToObject(document, "hosts");
    for (size_t i = 0; i < run->host_count; i++) {
        struct reply reply;
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddNumberToObject(entry, "pid", run->hosts[i].pid);
        cJSON_AddStringToObject(entry, "program", run->hosts[i].program);
        run_call(run, &run->hosts[i], method, NULL, 0, &reply);
        if (reply.result) {
            cJSON_AddItemToObject(entry, member, cJSON_DetachItemFromObjectCaseSensitive(reply.document, "result"));
            run_count_done(run);
        } else {
            listing_add_error(entry, &reply);
            run_report(run, &reply);
        }
        cJSON_AddItemToArray(hosts, entry);
        client_free(&reply);
    }
    return document;
}

static int check_hosts(struct run *run)
{
    bool errors = false;
    if (!run_find_hosts(run))
        return run_exit_code(run);
    cJSON *document = ask_all(run, "config.check", "config");
    const cJSON *entry, *diagnostic;
    cJSON_ArrayForEach(entry, value_at(document, "hosts"))
    {
        const cJSON *config = value_at(entry, "config");
        struct found found = {.path = value_string(config, "path")};
        if (!config)
            continue;
        if (run->host_count > 1 && !run_is_json(run)) {
            text_addf(&run->out, "host %.0f %s:", value_number(entry, "pid", 0), value_string(entry, "program"));
            text_add(&run->out, "\n");
        }
        cJSON_ArrayForEach(diagnostic, value_at(config, "diagnostics")) add_diagnostic(run, &found, diagnostic);
        add_summary(run, &found);
        errors = errors || value_number(config, "errors", found.errors) > 0;
    }
    if (run_is_json(run))
        listing_print_json(run, document, value_at(document, "hosts"));
    cJSON_Delete(document);
    return errors && run->failed == 0 ? FCGICTL_FAILED : run_exit_code(run);
}

/* ---- show */

static void add_setting(struct run *run, const cJSON *setting)
{
    struct text *out = &run->out, value = {0};
    bool usual = value_bool(setting, "is_default");
    if (usual && run->options.format != FORMAT_WIDE)
        return;
    value_add_scalar(&value, value_at(setting, "value"));
    text_add_style(out, usual ? STYLE_FAINT : STYLE_NONE);
    text_addf(out, "  %s = %s", value_string(setting, "name"),
              value_at(setting, "value") ? text_str(&value) : "(not shown to you)");
    if (usual)
        text_add(out, "  (default)");
    text_add_style(out, STYLE_NONE);
    text_add(out, "\n");
    text_deinit(&value);
}

static void add_types(struct run *run, const cJSON *config, const char *pool)
{
    const cJSON *type;
    cJSON_ArrayForEach(type, value_at(config, "types"))
    {
        if (strcmp(value_string(type, "pool"), pool) != 0)
            continue;
        text_addf(&run->out, "  serves %s%s", strcmp(value_string(type, "extension"), "*") == 0 ? "" : ".",
                  value_string(type, "extension"));
        if (value_string(type, "site")[0])
            text_addf(&run->out, " of site %s", value_string(type, "site"));
        if (value_string(type, "app_path")[0])
            text_addf(&run->out, " of %s", value_string(type, "app_path"));
        text_add(&run->out, "\n");
    }
}

/* -> how many pools match */
static size_t add_config(struct run *run, const cJSON *entry, const char *pattern)
{
    const cJSON *config = value_at(entry, "config"), *pool, *setting;
    size_t count = 0;
    text_addf(&run->out, "host %.0f %s: %s", value_number(entry, "pid", 0), value_string(entry, "program"),
              value_string(config, "path"));
    text_add(&run->out, "\n");
    cJSON_ArrayForEach(pool, value_at(config, "pools"))
    {
        const char *name = value_string(pool, "name");
        if (!words_match(pattern, name))
            continue;
        count++;
        text_add(&run->out, "\n");
        text_add_style(&run->out, STYLE_STRONG);
        text_addf(&run->out, "[%s]", name);
        text_add_style(&run->out, STYLE_NONE);
        text_addf(&run->out, "  line %.0f", value_number(pool, "line", 0));
        text_add_style(&run->out, STYLE_BAD);
        text_add(&run->out, value_at(pool, "valid") && !value_bool(pool, "valid") ? ", has errors" : "");
        text_add_style(&run->out, STYLE_WARNING);
        text_add(&run->out, value_at(pool, "mapped") && !value_bool(pool, "mapped") ? ", no [Types] entry leads here" : "");
        text_add_style(&run->out, STYLE_NONE);
        text_add(&run->out, "\n");
        add_types(run, config, name);
        cJSON_ArrayForEach(setting, value_at(pool, "settings")) add_setting(run, setting);
    }
    return count;
}

static int show(struct run *run, const char *pattern)
{
    if (!run_find_hosts(run))
        return run_exit_code(run);
    cJSON *document = ask_all(run, "config.show", "config");
    const cJSON *entry;
    size_t count = 0;
    if (run_is_json(run))
        listing_print_json(run, document, value_at(document, "hosts"));
    else
        cJSON_ArrayForEach(entry, value_at(document, "hosts")) if (value_at(entry, "config")) count +=
            add_config(run, entry, pattern);
    cJSON_Delete(document);
    if (!run_is_json(run) && count == 0 && run->done > 0 && strcmp(pattern, "*") != 0) {
        run_message(run, "there is no pool '%s' in fcgiext.ini", pattern);
        run->done = 0;
        run_count_failure(run, FCGICTL_NOT_FOUND);
    }
    return run_exit_code(run);
}

/* ---- which of them */

int config_commands_run(struct run *run)
{
    const char *verb = run->options.arguments[0];
    const char *argument = run->options.argument_count > 1 ? run->options.arguments[1] : NULL;
    bool reload = strcmp(verb, "reload") == 0;
    if (!reload && (run->options.given & (OPTION_DRY_RUN | OPTION_WAIT)))
        return run_fail_usage(run, "--wait and --dry-run are for reload");
    if (run->options.format == FORMAT_CSV)
        return run_fail_usage(run, "there is no table to write as CSV");
    if (reload)
        return argument ? run_fail_usage(run, "reload takes no argument") : operate_reload(run);
    if (strcmp(verb, "show") == 0)
        return show(run, argument ? argument : "*");
    if (strcmp(verb, "check") == 0)
        return argument ? check_file(run, argument) : check_hosts(run);
    return run_fail_usage(run, "show, check or reload is wanted");
}
