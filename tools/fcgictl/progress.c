/* progress: see progress.h. The host is asked to answer when the operation ends or a second is over, so the end is seen at once and Ctrl-C
 * within that second. */
#include "tools/fcgictl/progress.h"

#include <string.h>

#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

enum { STEP_MS = 1000, TOO_SOON_MS = 50, PAUSE_MS = 200, BAR = 20 };

static const struct verb verbs[] = {
    {"recycle", "recycling", "recycled", "workers replaced"},
    {"drain", "draining", "drained: out of service", "ended"},
    {"resume", "resuming", "in service again", "done"},
    {"worker_recycle", "recycling", "recycled", "workers replaced"},
    {"worker_kill", "ending", "killed", "workers ended"},
    {"reload", "reading fcgiext.ini", "fcgiext.ini was read again", "done"},
    {"", "at work", "done", "done"},
};

const struct verb *progress_verb(const cJSON *operation)
{
    const struct verb *verb = verbs;
    while (verb->kind[0] && strcmp(verb->kind, value_string(operation, "kind")) != 0)
        verb++;
    return verb;
}

bool progress_is_state(const cJSON *operation, const char *state)
{
    return strcmp(value_string(operation, "state"), state) == 0;
}

static void add_counts(const cJSON *operation, struct text *out)
{
    double total = value_number(operation, "total", 0);
    if (total > 0)
        text_addf(out, ", %.0f of %.0f %s", value_number(operation, "done", 0), total, progress_verb(operation)->counts);
}

static void add_reason(const cJSON *operation, struct text *out)
{
    if (value_string(operation, "reason")[0])
        text_addf(out, ": %s", value_string(operation, "reason"));
}

static void add_bar(const cJSON *operation, struct text *out)
{
    double total = value_number(operation, "total", 0), done = value_number(operation, "done", 0);
    if (total <= 0)
        return;
    int full = done <= 0 ? 0 : done >= total ? BAR : (int)(done / total * BAR);
    text_add(out, " [");
    for (int i = 0; i < BAR; i++)
        text_add(out, i < full ? "#" : ".");
    text_add(out, "]");
}

/* `shown`: the line before; lines are said only when they are new. */
static void show(struct run *run, const char *name, const cJSON *operation, double waited_s, struct text *shown)
{
    struct text line = {0};
    const struct fcgictl_terminal *terminal = run->terminal;
    text_add(&line, name);
    text_addf(&line, ": %s", progress_verb(operation)->doing);
    if (terminal->out_is_terminal)
        add_bar(operation, &line);
    add_counts(operation, &line);
    if (terminal->out_is_terminal) {
        text_add(&line, ", ");
        words_add_age(&line, waited_s < 1 ? 0 : waited_s);
    }
    add_reason(operation, &line);
    if (terminal->out_is_terminal) {
        terminal->show_progress(terminal->context, text_str(&line));
    } else if (strcmp(text_str(&line), text_str(shown)) != 0) {
        text_add(&run->out, text_str(&line));
        text_add(&run->out, "\n");
        run_flush(run);
        text_clear(shown);
        text_add(shown, text_str(&line));
    }
    text_deinit(&line);
}

static bool is_told(const struct run *run)
{
    return run->options.format == FORMAT_TABLE || run->options.format == FORMAT_WIDE;
}

void progress_report(struct run *run, const struct fcgictl_host *host, const char *name, const cJSON *operation,
                     double waited_s)
{
    struct text line = {0};
    const struct verb *verb = progress_verb(operation);
    text_add(&line, name);
    if (progress_is_state(operation, "done") || progress_is_state(operation, "running")) {
        bool done = progress_is_state(operation, "done");
        text_addf(&line, ": %s", done ? verb->done : verb->doing);
        if (waited_s >= 0) {
            add_counts(operation, &line);
            text_add(&line, ", after ");
            words_add_age(&line, waited_s);
        }
        if (!done)
            text_addf(&line, " (operation %lu:%s)", (unsigned long)host->pid, value_string(operation, "id"));
        text_add(&line, "\n");
        if (is_told(run))
            text_add(&run->out, text_str(&line));
        run_count_done(run);
        if (!run_is_json(run))
            run_flush(run);
    } else {
        bool superseded = progress_is_state(operation, "superseded");
        text_addf(&line, superseded ? ": %s was given up" : ": %s has failed", verb->doing);
        add_counts(operation, &line);
        if (superseded && !value_string(operation, "reason")[0])
            text_add(&line, ": another command has taken its place");
        add_reason(operation, &line);
        run_message(run, "%s", text_str(&line));
        if (strcmp(verb->kind, "reload") == 0)
            run_hint(run, "`fcgictl config check` tells what is wrong with the file as it is now");
        run_count_failure(run, superseded ? FCGICTL_REFUSED : FCGICTL_FAILED);
    }
    text_deinit(&line);
}

/* false: the waiting is over without an end; said and counted. */
static bool may_go_on(struct run *run, const struct fcgictl_host *host, const char *name, const cJSON *operation, double left_s)
{
    const struct fcgictl_terminal *terminal = run->terminal;
    bool interrupted = terminal->interrupted(terminal->context);
    if (!interrupted && left_s > 0)
        return true;
    struct text state = {0};
    add_counts(operation, &state);
    add_reason(operation, &state);
    if (terminal->out_is_terminal)
        terminal->show_progress(terminal->context, NULL);
    run_message(run, "%s: %s, still %s%s", name, interrupted ? "the waiting was stopped" : "not at its end in time",
                progress_verb(operation)->doing, text_str(&state));
    run_hint(run, "it goes on; `fcgictl wait %lu:%s` waits again", (unsigned long)host->pid, value_string(operation, "id"));
    text_deinit(&state);
    run_count_failure(run, FCGICTL_TIMED_OUT);
    return false;
}

/* false: the host does not answer; said and counted. */
static bool ask(struct run *run, const struct fcgictl_host *host, double step_s, cJSON **operation)
{
    struct reply reply;
    cJSON *params = cJSON_CreateObject();
    cJSON_AddStringToObject(params, "operation", value_string(*operation, "id"));
    cJSON_AddNumberToObject(params, "timeout_seconds", step_s);
    run_call(run, host, "operation.wait", params, step_s, &reply);
    bool ok = reply.result != NULL;
    if (ok) {
        cJSON *newer = cJSON_DetachItemFromObjectCaseSensitive(reply.result, "operation");
        if (newer) {
            cJSON_Delete(*operation);
            *operation = newer;
        }
    } else {
        if (run->terminal->out_is_terminal)
            run->terminal->show_progress(run->terminal->context, NULL);
        run_report(run, &reply);
    }
    client_free(&reply);
    return ok;
}

void progress_wait(struct run *run, const struct fcgictl_host *host, const char *name, cJSON **operation)
{
    const struct fcgictl_terminal *terminal = run->terminal;
    struct text shown = {0};
    uint64_t start_ms = terminal->now_ms(terminal->context), waited_ms = 0;
    bool limited = run->options.given & OPTION_TIMEOUT, ok = true;
    terminal->catch_interrupt(terminal->context);
    while (ok && progress_is_state(*operation, "running")) {
        double left_s = limited ? run->options.timeout_s - (double)waited_ms / 1000 : STEP_MS;
        if (is_told(run))
            show(run, name, *operation, (double)waited_ms / 1000, &shown);
        ok = may_go_on(run, host, name, *operation, left_s);
        if (!ok)
            break;
        uint64_t asked_ms = terminal->now_ms(terminal->context);
        ok = ask(run, host, left_s < STEP_MS / 1000.0 ? left_s : STEP_MS / 1000.0, operation);
        uint64_t now_ms = terminal->now_ms(terminal->context);
        if (ok && now_ms - asked_ms < TOO_SOON_MS && progress_is_state(*operation, "running"))
            terminal->wait(terminal->context, PAUSE_MS);
        waited_ms = terminal->now_ms(terminal->context) - start_ms;
    }
    if (ok) {
        if (terminal->out_is_terminal && is_told(run))
            terminal->show_progress(terminal->context, NULL);
        progress_report(run, host, name, *operation, (double)waited_ms / 1000);
    }
    text_deinit(&shown);
}
