/* show: a page about each pool: facts by lines, then its workers and its last exits as tables. */
#include "tools/fcgictl/show.h"

#include "tools/fcgictl/lists.h"
#include "tools/fcgictl/pool_words.h"
#include "tools/fcgictl/targets.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

struct fact {
    const char *label;
    void (*add)(const cJSON *pool, struct text *out); /* nothing: the line is left out */
};

static void add_state(const cJSON *pool, struct text *out)
{
    struct text reason = {0};
    enum style style = pool_style(pool_trouble(pool));
    pool_add_reason(pool, &reason);
    text_add_style(out, style);
    words_add_enum(out, value_string(pool, "state"));
    if (reason.len > 0) {
        text_add(out, ": ");
        text_add(out, text_str(&reason));
    }
    text_add_style(out, STYLE_NONE);
    text_deinit(&reason);
}

static void add_program(const cJSON *pool, struct text *out)
{
    text_addf(out, value_bool(pool, "external") ? "%s (external)" : "%s", value_string(pool, "program"));
}

static double number(const cJSON *pool, const char *path)
{
    return value_number(pool, path, 0);
}

static void add_workers(const cJSON *pool, struct text *out)
{
    text_addf(out, "%.0f of at most %.0f: %.0f busy, %.0f idle, %.0f starting, %.0f retiring", number(pool, "workers.current"),
              number(pool, "workers.maximum"), number(pool, "workers.busy"), number(pool, "workers.idle"),
              number(pool, "workers.starting"), number(pool, "workers.retiring"));
}

static void add_requests(const cJSON *pool, struct text *out)
{
    double run_s = number(pool, "requests.oldest_run_seconds"), wait_s = number(pool, "requests.oldest_wait_seconds");
    text_addf(out, "%.0f running", number(pool, "requests.running"));
    if (run_s > 0) {
        text_add(out, " (the oldest for ");
        words_add_age(out, run_s);
        text_add(out, ")");
    }
    text_addf(out, ", %.0f waiting", number(pool, "requests.queued"));
    if (wait_s > 0) {
        text_add(out, " (the oldest for ");
        words_add_age(out, wait_s);
        text_add(out, ")");
    }
}

static void add_totals(const cJSON *pool, struct text *out)
{
    text_addf(out, "%.0f requests: %.0f answered, %.0f failed, %.0f rejected, %.0f retried", number(pool, "totals.requests"),
              number(pool, "totals.answered"), number(pool, "totals.failed"), number(pool, "totals.rejected"),
              number(pool, "totals.retried"));
    if (value_at(pool, "started_time"))
        text_addf(out, "; since %s", value_string(pool, "started_time"));
}

static void add_failures(const cJSON *pool, struct text *out)
{
    const cJSON *cause;
    cJSON_ArrayForEach(cause, value_at(pool, "totals.failed_by_cause"))
    {
        if (out->len > 0)
            text_add(out, ", ");
        words_add_enum(out, cause->string ? cause->string : "");
        text_addf(out, " %.0f", cJSON_IsNumber(cause) ? cause->valuedouble : 0);
    }
}

static void add_processes(const cJSON *pool, struct text *out)
{
    if (value_bool(pool, "external"))
        return;
    text_addf(out, "%.0f started, %.0f starts failed, %.0f ended, %.0f of them unexpectedly", number(pool, "totals.starts"),
              number(pool, "totals.start_failures"), number(pool, "totals.exits"), number(pool, "totals.unexpected_exits"));
}

/* Of a pool with MaxInstances=0. */
static void add_tuning(const cJSON *pool, struct text *out)
{
    if (!value_at(pool, "tuning.reason"))
        return;
    text_addf(out, "at most %.0f workers, tuned: ", number(pool, "workers.maximum"));
    words_add_enum(out, value_string(pool, "tuning.reason"));
    if (!value_at(pool, "tuning.move_reason"))
        return;
    text_add(out, "; moved ");
    words_add_age(out, number(pool, "tuning.move_age_seconds"));
    text_add(out, " ago: ");
    words_add_enum(out, value_string(pool, "tuning.move_reason"));
}

static void add_limit(const cJSON *pool, const char *path, const char *label, struct text *out)
{
    double seconds = number(pool, path);
    if (seconds > 0) {
        text_addf(out, ", %s ", label);
        words_add_age(out, seconds);
    }
}

static void add_limits(const cJSON *pool, struct text *out)
{
    text_addf(out, "queue %.0f, %.0f requests a worker", number(pool, "limits.queue_length"),
              number(pool, "limits.instance_max_requests"));
    if (value_at(pool, "learned_requests"))
        text_addf(out, " (learned: %.0f)", number(pool, "learned_requests"));
    add_limit(pool, "limits.idle_timeout_seconds", "idle", out);
    add_limit(pool, "limits.activity_timeout_seconds", "activity", out);
    add_limit(pool, "limits.request_timeout_seconds", "request", out);
}

static const struct fact facts[] = {
    {"state", add_state},         {"program", add_program}, {"workers", add_workers},
    {"requests", add_requests},   {"totals", add_totals},   {"failed of", add_failures},
    {"processes", add_processes}, {"limits", add_limits},   {"tuning", add_tuning},
};

static void add_page(struct run *run, const struct target *target, const cJSON *result)
{
    const cJSON *pool = value_at(result, "pool"), *workers = value_at(result, "workers"), *exits = value_at(result, "exits");
    struct text fact = {0}, *out = &run->out;
    text_add_style(out, STYLE_STRONG);
    targets_add_name(run, target, out);
    text_add_style(out, STYLE_NONE);
    text_add(out, "\n");
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        text_clear(&fact);
        facts[i].add(pool, &fact);
        if (fact.len == 0)
            continue;
        text_addf(out, "  %-10s ", facts[i].label);
        text_add(out, text_str(&fact));
        text_add(out, "\n");
    }
    text_deinit(&fact);
    if (workers && workers->child) {
        text_add(out, "\n");
        listing_print_table(run, &lists_workers, workers, false);
    }
    if (exits && exits->child) {
        text_add(out, "\n");
        listing_print_table(run, &lists_exits, exits, false);
    }
}

static void show(struct run *run, const struct target *target, cJSON *pages, bool first)
{
    struct reply reply;
    cJSON *params = cJSON_CreateObject();
    cJSON_AddStringToObject(params, "pool", targets_pool_name(target));
    run_call(run, target->host, "pool.show", params, 0, &reply);
    if (!reply.result) {
        run_report(run, &reply);
    } else {
        run_count_done(run);
        if (!first && !run_is_json(run))
            text_add(&run->out, "\n");
        if (!run_is_json(run))
            add_page(run, target, reply.result);
        cJSON *page = cJSON_DetachItemFromObjectCaseSensitive(reply.document, "result");
        cJSON_AddNumberToObject(page, "host", target->host->pid);
        cJSON_AddItemToArray(pages, page);
    }
    client_free(&reply);
}

int show_run(struct run *run)
{
    struct targets targets;
    if (run->options.format == FORMAT_CSV) {
        run_message(run, "show has no table to write as CSV");
        run_hint(run, "`fcgictl status -o csv` and `fcgictl ps -o csv` have; or take -o json");
        return FCGICTL_USAGE;
    }
    if (targets_find(run, TARGETS_POOLS, &targets)) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddNumberToObject(document, "api_version", 1);
        cJSON *pages = cJSON_AddArrayToObject(document, "pools");
        for (size_t i = 0; i < targets.count; i++)
            show(run, &targets.items[i], pages, i == 0);
        if (run_is_json(run))
            listing_print_json(run, document, pages);
        cJSON_Delete(document);
    }
    targets_deinit(&targets);
    return run_exit_code(run);
}
