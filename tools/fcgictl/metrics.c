/* metrics: see metrics.h. A metric has samples: each of them is a row, with what is common to all. */
#include "tools/fcgictl/metrics.h"

#include <stdio.h>
#include <string.h>

#include "tools/fcgictl/openmetrics.h"
#include "tools/fcgictl/value.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char file_name[] = "fcgiext.prom";

bool metrics_quantile(const cJSON *sample, double quantile, double *seconds)
{
    const cJSON *bucket;
    double wanted = quantile * value_number(sample, "count", 0), below = 0, from = 0;
    if (wanted <= 0)
        return false;
    cJSON_ArrayForEach(bucket, value_at(sample, "buckets"))
    {
        double count = value_number(bucket, "count", 0), to = value_number(bucket, "le", from);
        *seconds = count > below ? from + (to - from) * (wanted - below) / (count - below) : to;
        if (count >= wanted)
            return true;
        below = count;
        from = to;
    }
    return false;
}

/* ---- the table */

static void add_labels(const cJSON *sample, struct text *out)
{
    const cJSON *label;
    size_t start = out->len;
    cJSON_ArrayForEach(label, value_at(sample, "labels"))
    {
        text_addf(out, "%s%s=", out->len > start ? " " : "", label->string ? label->string : "");
        text_add_data(out, cJSON_IsString(label) ? label->valuestring : "");
    }
}

static void add_value(const cJSON *sample, struct text *out)
{
    if (value_at(sample, "value"))
        text_addf(out, "%.15g", value_number(sample, "value", 0));
    else
        text_add(out, "-");
}

static void add_rounded(const cJSON *sample, const char *path, struct text *out)
{
    if (value_at(sample, path))
        text_addf(out, "%.3g", value_number(sample, path, 0));
}

static void add_mean(const cJSON *sample, struct text *out)
{
    add_rounded(sample, "mean", out);
}

static void add_p50(const cJSON *sample, struct text *out)
{
    add_rounded(sample, "p50", out);
}

static void add_p95(const cJSON *sample, struct text *out)
{
    add_rounded(sample, "p95", out);
}

static const struct column columns[] = {
    {"METRIC", "metric", COLUMN_TEXT, 0, NULL},
    {"KIND", "kind", COLUMN_TEXT, COLUMN_WIDE, NULL},
    {"", "labels.pool", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"", "labels.result", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"", "labels.cause", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"", "labels.reason", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"", "labels.state", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"", "labels.outcome", COLUMN_TEXT, COLUMN_ONLY_CSV, NULL},
    {"LABELS", NULL, COLUMN_TEXT, COLUMN_OPTIONAL, add_labels},
    {"VALUE", "value", COLUMN_NUMBER, 0, add_value},
    {"COUNT", "count", COLUMN_NUMBER, COLUMN_OPTIONAL, NULL},
    {"", "sum", COLUMN_NUMBER, COLUMN_ONLY_CSV, NULL},
    {"MEAN", "mean", COLUMN_NUMBER, COLUMN_OPTIONAL, add_mean},
    {"P50", "p50", COLUMN_NUMBER, COLUMN_OPTIONAL, add_p50},
    {"P95", "p95", COLUMN_NUMBER, COLUMN_OPTIONAL, add_p95},
    {"UNIT", "unit", COLUMN_TEXT, COLUMN_OPTIONAL, NULL},
    {"HELP", "help", COLUMN_TEXT, COLUMN_WIDE, NULL},
};

static void add_quantile(cJSON *sample, const char *name, double quantile)
{
    double seconds = 0;
    if (metrics_quantile(sample, quantile, &seconds))
        cJSON_AddNumberToObject(sample, name, seconds);
}

/* What is 0 of a metric that is split, in the table that people read first: there are many of them. */
static bool is_left_out(const cJSON *metric, const cJSON *sample)
{
    int own = value_at(sample, "labels.pool") ? 1 : 0;
    bool split = cJSON_GetArraySize(value_at(sample, "labels")) > own, of_time = value_at(sample, "buckets");
    return split && !of_time && strcmp(value_string(metric, "name"), "fcgi_workers") != 0 &&
           value_number(sample, "value", 1) == 0;
}

static void flatten(cJSON *metric, bool narrow)
{
    static const char *const members[] = {"kind", "unit", "help"};
    cJSON *samples = cJSON_GetObjectItemCaseSensitive(metric, "samples"), *sample = samples ? samples->child : NULL;
    while (sample) {
        cJSON *next = sample->next;
        if (narrow && is_left_out(metric, sample)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(samples, sample));
            sample = next;
            continue;
        }
        double count = value_number(sample, "count", 0);
        cJSON_AddStringToObject(sample, "metric", value_string(metric, "name"));
        for (size_t i = 0; i < COUNT(members); i++)
            cJSON_AddStringToObject(sample, members[i], value_string(metric, members[i]));
        cJSON_AddNumberToObject(sample, "host", value_number(metric, "host", 0));
        if (count > 0)
            cJSON_AddNumberToObject(sample, "mean", value_number(sample, "sum", 0) / count);
        add_quantile(sample, "p50", 0.5);
        add_quantile(sample, "p95", 0.95);
        sample = next;
    }
}

const struct listing metrics_listing = {
    .method = "metrics",
    .member = "metrics",
    .pages = true,
    .columns = columns,
    .column_count = COUNT(columns),
    .empty = "no metrics",
    .flatten = flatten,
    .rows = "samples",
};

/* ---- text for time series databases */

static void write_file(struct run *run, const char *folder)
{
    const struct fcgictl_environment *environment = run->environment;
    char why[256] = "";
    if (run->out.failed) { /* half a file is worse than an old one */
        text_clear(&run->out);
        return;
    }
    if (environment->replace_file(environment->context, folder, file_name, text_str(&run->out), run->out.len, why,
                                  sizeof why)) {
        text_clear(&run->out);
        return;
    }
    text_clear(&run->out);
    run_message(run, "cannot write '%s' in '%s': %s", file_name, folder, why);
    run_hint(run, "the folder must exist, and this account must be allowed to write and delete files in it");
    run->done = 0;
    run_count_failure(run, FCGICTL_FAILED);
}

/* Without a host there is a document, too: what was there before is no longer true. */
static int write_text(struct run *run)
{
    bool strict = run->options.format == FORMAT_OPENMETRICS_STRICT;
    run_find_hosts(run);
    cJSON *document = listing_collect(run, &metrics_listing);
    if (document)
        openmetrics_add(&run->out, document, strict ? OPENMETRICS_STRICT : OPENMETRICS_FOR_ALL);
    else
        run->out.failed = true;
    cJSON_Delete(document);
    if (run->options.textfile)
        write_file(run, run->options.textfile);
    return run_exit_code(run);
}

int metrics_run(struct run *run)
{
    bool is_text = run->options.format == FORMAT_OPENMETRICS || run->options.format == FORMAT_OPENMETRICS_STRICT;
    if (run->options.textfile && run->options.given & OPTION_OUTPUT && !is_text) {
        run_message(run, "--textfile writes -o openmetrics and nothing else");
        run_hint(run, "fcgictl help metrics");
        return FCGICTL_USAGE;
    }
    if (!is_text && !run->options.textfile)
        return listing_run(run, &metrics_listing);
    if (run->options.given & OPTION_WATCH) {
        run_message(run, "--watch shows tables and JSON: OpenMetrics is one document");
        run_hint(run, "let the task scheduler repeat it");
        return FCGICTL_USAGE;
    }
    return write_text(run);
}
