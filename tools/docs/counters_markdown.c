/* counters_markdown: see counters_markdown.h. What is about all counters is text here; each counter comes from its row, and which results
 * are of which class from counter_class_sum(). */
#include "tools/docs/counters_markdown.h"

#include <stdio.h>

#include "fcgiext/core/counters.h"
#include "mgmt/metrics_json.h"

static const char head[] =
    "# Counters\n"
    "\n"
    "This file is printed by `tools/docs` from `fcgiext/core/counters.inc`; `tests/unit/test_counters_docs` compares the two.\n"
    "\n"
    "The same values have several doors:\n"
    "\n"
    "* **Perfmon**: the objects *FastCGI Pools* and *FastCGI Workers*, below.\n"
    "* **OpenMetrics**: `fcgictl metrics -o openmetrics`, or `fcgictl metrics --textfile FOLDER` for a collector of text "
    "files.\n"
    "* **JSON**: `fcgictl metrics --json`, or `metrics` of the [management pipe](management-api.md); names without `_total`.\n"
    "* **A table**: `fcgictl metrics`.\n"
    "\n"
    "## OpenMetrics\n"
    "\n"
    "* The label `host` is the process id of the web server's process: several of them may have the same pool. `sum by (pool)` "
    "adds them up.\n"
    "  `fcgi_up{host}` is 0 for one that has not answered, `fcgi_hosts` is how many there are, `fcgi_build_info` has `program` "
    "and "
    "`version`,\n"
    "  `fcgi_host_start_time_seconds` when it loaded the extension.\n"
    "* Counters (`_total`) and histograms only grow, and end with their host: take `rate()` or `increase()` before `sum()`. "
    "`_created` says since\n"
    "  when they count: the pool's start, or the host's load of fcgiext.dll.\n"
    "* Units are seconds and bytes.\n"
    "* All values of a further label are there from the start, also with 0, as a series that appears with its first step loses "
    "that step. Left\n"
    "  out is what cannot happen: the results `no_mapping` and `config_invalid` of a pool (requests without a pool are "
    "`fcgi_requests_unrouted`),\n"
    "  and `fcgi_limit_moves` of a pool whose MaxInstances is not 0. A pool has at most 80 series, 3 histograms, and their "
    "`_created`.\n"
    "* `-o openmetrics` describes the series in the way that Prometheus' older text format has in common with it, because that "
    "is what\n"
    "  `promtool check metrics`, the collectors of text files and most agents read: `# TYPE` and `# HELP` of a counter name "
    "the "
    "series with\n"
    "  `_total`, `_created` is described as a gauge, and so is the stateset `fcgi_pool_state`. `-o openmetrics-strict` has the "
    "same series, with the\n"
    "  descriptions of OpenMetrics 1.0 to the letter.\n"
    "\n"
    "## Perfmon\n"
    "\n"
    "An instance of *FastCGI Pools* is a pool, summed over all hosts, or `_Total`; one of *FastCGI Workers* is `POOL_PID`. "
    "Agents "
    "read raw\n"
    "values:\n"
    "\n"
    "| type | perfmon shows | the raw value is |\n"
    "| --- | --- | --- |\n"
    "| PERF_COUNTER_BULK_COUNT | steps a second | a counter |\n"
    "| PERF_COUNTER_LARGE_RAWCOUNT | the value | the value |\n"
    "| PERF_AVERAGE_TIMER | seconds a request | no use to agents: take the busy time and the number of requests |\n"
    "| PERF_100NSEC_TIMER | per cent; 100 for each worker, or request, all the time | a counter of units of 100 ns |\n"
    "| PERF_ELAPSED_TIME | seconds since a moment | that moment |\n";

/* ---- perfmon's rows */

/* Which family a counter is made of, by its source. */
#define PLACE_VALUE(argument)        COUNTER_##argument
#define PLACE_FAMILY(argument)       COUNTER_##argument
#define PLACE_MEMBER(argument)       COUNTER_##argument
#define PLACE_MILLISECONDS(argument) COUNTER_##argument
#define PLACE_HISTOGRAM(argument)    COUNTER_##argument
#define PLACE_TICKS(argument)        COUNTER_##argument
#define PLACE_STATE(argument)        COUNTER_##argument
#define PLACE_START(argument)        START
#define PLACE_CLASS(argument)        CLASS_PLACE_##argument
enum {
    NOTHING = -1,
    START = -2, /* since when there are counters */
    CLASS_PLACE_FAILED = COUNTER_RESULTS,
    CLASS_PLACE_REJECTED = COUNTER_RESULTS,
    CLASS_PLACE_TIMED_OUT = COUNTER_RESULTS,
    CLASS_PLACE_ABORTED = COUNTER_RESULTS,
    CLASS_PLACE_RECYCLED = COUNTER_EXITS,
    CLASS_PLACE_CRASHED = COUNTER_EXITS,
};

struct perf_row {
    const char *name, *type, *help;
    int place;
};

static const struct perf_row pool_rows[] = {
#define COUNTER_PERF_POOL(name_, type_, source, argument, help_) {name_, "PERF_" #type_, help_, PLACE_##source(argument)},
#include "fcgiext/core/counters.inc"
#undef COUNTER_PERF_POOL
};

static const struct perf_row worker_rows[] = {
#define COUNTER_PERF_WORKER(name_, type_, source, argument, help_) {name_, "PERF_" #type_, help_, NOTHING},
#include "fcgiext/core/counters.inc"
#undef COUNTER_PERF_WORKER
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- families */

static const char *suffix_of(const struct counter_family *family)
{
    return family->kind == COUNTER_KIND_COUNTER ? "_total" : "";
}

static const struct counter_family *family_of(int place)
{
    for (size_t i = 0; i < counter_pool_family_count; i++) {
        const struct counter_family *family = &counter_pool_families[i];
        if (place >= (int)family->first && place < (int)(family->first + family->count))
            return family;
    }
    return NULL;
}

static void put_perf_of(const struct document *document, const struct counter_family *family)
{
    bool any = false;
    for (size_t i = 0; i < COUNT(pool_rows); i++) {
        if (family_of(pool_rows[i].place) != family)
            continue;
        document_format(document, "%s*%s* (%s)", any ? ", " : "* Perfmon: ", pool_rows[i].name, pool_rows[i].type);
        any = true;
    }
    if (any)
        document_put(document, "\n");
}

static const char *label_of(const struct counter_family *family)
{
    /* OpenMetrics wants that of a stateset. */
    return family->kind == COUNTER_KIND_STATESET ? family->name : counter_label_name(family->label);
}

static void put_label_values(const struct document *document, const struct counter_family *family, const struct mgmt_pool *pool)
{
    bool any = false;
    if (!*label_of(family))
        return;
    document_format(document, "* `%s`:", label_of(family));
    for (unsigned member = 0; member < family->count; member++) {
        if (!metrics_json_shows_zero(family, pool, member))
            continue;
        document_format(document, "%s `%s`", any ? "," : "", counter_label_value(family->label, member));
        any = true;
    }
    document_put(document, "\n");
}

static void put_series(const struct document *document, const struct counter_family *family, bool of_pool)
{
    const char *label = label_of(family), *pool = of_pool ? ",pool" : "", *unit = counter_unit_name(family->unit);
    if (family->kind == COUNTER_KIND_HISTOGRAM)
        document_format(document, "* `%s_bucket{host%s,le}`, `%s_sum{host%s}`, `%s_count{host%s}`", family->name, pool,
                        family->name, pool, family->name, pool);
    else
        document_format(document, "* `%s%s{host%s%s%s}`", family->name, suffix_of(family), pool, *label ? "," : "", label);
    document_format(document, ": %s%s%s\n", counter_kind_name(family->kind), *unit ? ", " : "", unit);
}

static void put_families(const struct document *document, const struct counter_family *families, size_t count, bool of_pool)
{
    const struct mgmt_pool pool = {.tuned = true};
    for (size_t i = 0; i < count; i++) {
        const struct counter_family *family = &families[i];
        const char *when = family->kind == COUNTER_KIND_STATESET ? "What to do" : "When it is high";
        document_format(document, "\n### %s%s\n\n%s\n\n", family->name, suffix_of(family), family->help);
        put_series(document, family, of_pool);
        put_label_values(document, family, of_pool ? &pool : NULL);
        if (of_pool)
            put_perf_of(document, family);
        if (*family->advice)
            document_format(document, "* %s: %s\n", when, family->advice);
    }
}

static void put_buckets(const struct document *document)
{
    document_put(document, "\nThe histograms have buckets of at most");
    for (unsigned bucket = 0; bucket < COUNTER_BUCKET_COUNT - 1; bucket++) {
        double seconds = (double)counter_bucket_limit_us(bucket) / 1e6;
        bool small = seconds < 1;
        document_format(document, "%s %g%s", bucket > 0 ? "," : "", small ? seconds * 1000 : seconds, small ? " ms" : " s");
    }
    document_put(document, ", and one for what took longer.\n");
}

/* ---- perfmon */

static void put_perf_rows(const struct document *document, const struct perf_row *rows, size_t count)
{
    document_put(document, "| counter | type | OpenMetrics |  |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        const struct counter_family *family = family_of(rows[i].place);
        char series[100] = "";
        if (rows[i].place == START)
            snprintf(series, sizeof series, "`%s_created`", counter_pool_families[0].name);
        else if (family)
            snprintf(series, sizeof series, "`%s%s`", family->name, suffix_of(family));
        document_row(document, (const char *const[]){rows[i].name, rows[i].type, series, rows[i].help, NULL});
    }
}

static const struct {
    const char *name;
    enum counter_class which;
    unsigned first, count;
} classes[] = {
    {"Requests Failed", COUNTER_CLASS_FAILED, COUNTER_RESULTS, ERROR_CAUSE_COUNT},
    {"Requests Rejected", COUNTER_CLASS_REJECTED, COUNTER_RESULTS, ERROR_CAUSE_COUNT},
    {"Requests Timed Out", COUNTER_CLASS_TIMED_OUT, COUNTER_RESULTS, ERROR_CAUSE_COUNT},
    {"Requests Aborted by Client", COUNTER_CLASS_ABORTED, COUNTER_RESULTS, ERROR_CAUSE_COUNT},
    {"Workers Recycled", COUNTER_CLASS_RECYCLED, COUNTER_EXITS, WORKER_EXIT_COUNT},
    {"Workers Crashed", COUNTER_CLASS_CRASHED, COUNTER_EXITS, WORKER_EXIT_COUNT},
};

static void put_classes(const struct document *document)
{
    document_put(document, "\nWhich results, and which reasons of ends, some of them add up:\n\n");
    for (size_t i = 0; i < COUNT(classes); i++) {
        bool any = false;
        document_format(document, "* *%s*:", classes[i].name);
        for (unsigned member = 0; member < classes[i].count; member++) {
            uint64_t values[COUNTER_POOL_PLACES] = {0};
            unsigned place = classes[i].first + member;
            values[place] = 1;
            if (counter_class_sum(values, classes[i].which) == 0)
                continue;
            document_format(document, "%s `%s`", any ? "," : "", counter_label_value(family_of((int)place)->label, member));
            any = true;
        }
        document_put(document, classes[i].which == COUNTER_CLASS_CRASHED ? "; and starts that failed\n" : "\n");
    }
}

void counters_markdown(const struct document *document)
{
    document_put(document, head);
    document_put(document, "\n## Of each pool\n");
    put_buckets(document);
    put_families(document, counter_pool_families, counter_pool_family_count, true);
    document_put(document, "\n## Of the host\n");
    put_families(document, counter_host_families, counter_host_family_count, false);
    document_put(document, "\n## FastCGI Pools in perfmon\n\n");
    put_perf_rows(document, pool_rows, COUNT(pool_rows));
    put_classes(document);
    document_put(
        document,
        "\n## FastCGI Workers in perfmon\n\nThey have no series of OpenMetrics, as their number has no bound; `fcgictl ps` "
        "shows them.\n\n");
    put_perf_rows(document, worker_rows, COUNT(worker_rows));
}
