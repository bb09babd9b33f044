/* perf: see perf.h. */
#include "tools/fcgictl/perf.h"

#include <stdio.h>
#include <string.h>

#include "tools/fcgictl/listing.h"
#include "tools/fcgictl/perf_registration.h"
#include "tools/fcgictl/perf_show.h"

static int fail(struct run *run, const char *what, uint32_t error)
{
    const struct perf_system *system = run->environment->perf;
    char why[200];
    system->describe(system->context, error, why, sizeof why);
    run_message(run, "cannot %s: %s", what, why);
    if (error != PERF_SYSTEM_DENIED)
        return FCGICTL_FAILED;
    run_hint(run, "the registry is an administrator's: start fcgictl from an elevated prompt");
    return FCGICTL_DENIED;
}

/* `library` NULL: there is no registration now; `changed`: and there was one. */
static void print_done(struct run *run, const char *library, bool changed, bool named)
{
    if (run_is_json(run)) {
        cJSON *items = cJSON_CreateArray(), *document = cJSON_CreateObject();
        cJSON_AddItemToArray(items, document);
        cJSON_AddNumberToObject(document, "api_version", 1);
        cJSON_AddBoolToObject(document, "registered", library != NULL);
        cJSON_AddBoolToObject(document, "changed", changed);
        if (library) {
            cJSON_AddStringToObject(document, "library", library);
            cJSON_AddBoolToObject(document, "named", named);
        }
        listing_print_json(run, document, items);
        cJSON_Delete(items);
        return;
    }
    if (library)
        text_addf(&run->out, "registered: %s", library);
    else
        text_add(&run->out, changed ? "no longer registered" : "was not registered");
    text_add(&run->out, "\n");
    if (!named)
        text_add(&run->out, "this system keeps no names of counters: they have numbers only\n");
    if (changed)
        text_add(&run->out, "programs that read counters see the change when they are started anew\n");
}

static int install(struct run *run, const char *argument)
{
    const struct perf_system *system = run->environment->perf;
    char library[PERF_PATH_LEN], what[PERF_PATH_LEN + 20];
    unsigned bits = 0;
    uint32_t error = system->full_path(system->context, argument, library, sizeof library);
    snprintf(what, sizeof what, "open '%s'", error ? argument ? argument : "fcgiperf.dll" : library);
    if (!error)
        error = system->library_bits(system->context, library, &bits);
    if (error)
        return fail(run, what, error);
    if (bits != system->bits) {
        run_message(run, "'%s' is no DLL of %u bits, as this system's readers of counters want it", library, system->bits);
        run_hint(run, "fcgictl perf install DLL, with the other fcgiperf.dll");
        return FCGICTL_FAILED;
    }
    error = perf_registration_install(system, library);
    if (error)
        return fail(run, "register the counters", error);
    print_done(run, library, true, perf_registration_are_named(system));
    return FCGICTL_DONE;
}

static int uninstall(struct run *run)
{
    uint32_t error = perf_registration_uninstall(run->environment->perf);
    if (error && error != PERF_SYSTEM_NOT_FOUND)
        return fail(run, "take the registration of the counters away", error);
    print_done(run, NULL, !error, true);
    return FCGICTL_DONE;
}

/* ---- status */

static void check_answer(const struct perf_system *system, struct perf_check *check)
{
    struct perf_answer answer;
    int exit_code;
    *check =
        (struct perf_check){.name = "read", .remedy = "the Application event log, sources Perflib and fcgiext, has the reason"};
    check->good = perf_show_ask(system, &answer, &exit_code, check->text, sizeof check->text);
    if (check->good) {
        int pools = answer.objects[PERF_POOLS].type.instance_count - 1; /* without the sum */
        int workers = answer.objects[PERF_WORKERS].type.instance_count;
        snprintf(check->text, sizeof check->text, "%d pool%s, %d worker%s", pools, pools == 1 ? "" : "s", workers,
                 workers == 1 ? "" : "s");
    }
    perf_show_free(&answer);
}

static void print_check(struct run *run, const struct perf_check *check)
{
    text_add_style(&run->out, check->good ? STYLE_GOOD : STYLE_BAD);
    text_add(&run->out, check->good ? "ok" : "!!");
    text_add_style(&run->out, STYLE_NONE);
    text_addf(&run->out, "  %-10s  %s", check->name, check->text);
    text_add(&run->out, "\n");
    if (!check->good) {
        text_addf(&run->out, "    remedy: %s", check->remedy);
        text_add(&run->out, "\n");
    }
}

static int status(struct run *run)
{
    struct perf_check checks[PERF_MAX_CHECKS];
    size_t count = perf_registration_check(run->environment->perf, checks), bad = 0;
    struct perf_indexes indexes;
    cJSON *document = cJSON_CreateObject(), *items = cJSON_CreateArray();
    if (perf_registration_indexes(run->environment->perf, &indexes) && count < PERF_MAX_CHECKS && checks[0].good)
        check_answer(run->environment->perf, &checks[count++]);
    cJSON_AddNumberToObject(document, "api_version", 1);
    for (size_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "check", checks[i].name);
        cJSON_AddBoolToObject(item, "ok", checks[i].good);
        cJSON_AddStringToObject(item, "text", checks[i].text);
        if (!checks[i].good)
            cJSON_AddStringToObject(item, "remedy", checks[i].remedy);
        cJSON_AddItemToArray(items, item);
        bad += !checks[i].good;
        if (!run_is_json(run))
            print_check(run, &checks[i]);
    }
    cJSON_AddBoolToObject(document, "ok", bad == 0);
    cJSON_AddItemToObject(document, "checks", items);
    if (run_is_json(run))
        listing_print_json(run, document, items);
    cJSON_Delete(document);
    return bad ? FCGICTL_FAILED : FCGICTL_DONE;
}

/* ---- which of them */

int perf_run(struct run *run)
{
    const char *verb = run->options.arguments[0];
    const char *argument = run->options.argument_count > 1 ? run->options.arguments[1] : NULL;
    bool is_show = strcmp(verb, "show") == 0;
    if (run->options.format == FORMAT_CSV && !is_show)
        return run_fail_usage(run, "there is no table to write as CSV");
    if (is_show)
        return perf_show_run(run, argument);
    if (strcmp(verb, "install") == 0)
        return install(run, argument);
    if (argument && (strcmp(verb, "uninstall") == 0 || strcmp(verb, "status") == 0))
        return run_fail_usage(run, "uninstall and status take no argument");
    if (strcmp(verb, "uninstall") == 0)
        return uninstall(run);
    return strcmp(verb, "status") == 0 ? status(run) : run_fail_usage(run, "install, uninstall, status or show is wanted");
}
