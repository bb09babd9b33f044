/* docs/counters.md is what counters.inc says, and has every counter by the name that each door gives it. */
#include "tests/unit/document_testing.h"

#include "fcgiext/core/counters.h"
#include "mgmt/metrics_json.h"
#include "tools/docs/counters_markdown.h"

static void the_document_is_up_to_date(void **state)
{
    (void)state;
    document_is_up_to_date(counters_markdown, "docs/counters.md", "counters");
    document_is_tidy(counters_markdown);
}

static void expect(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("not in the document: %s", part);
}

static void check_families(const char *text, const struct counter_family *families, size_t count, const char *pool)
{
    for (size_t i = 0; i < count; i++) {
        char part[400];
        const char *suffix = families[i].kind == COUNTER_KIND_COUNTER     ? "_total"
                             : families[i].kind == COUNTER_KIND_HISTOGRAM ? "_bucket"
                                                                          : "";
        snprintf(part, sizeof part, "`%s%s{host%s", families[i].name, suffix, pool);
        expect(text, part);
        expect(text, families[i].help);
        expect(text, families[i].advice);
        const struct mgmt_pool tuned = {.tuned = true};
        for (unsigned member = 0; member < families[i].count && *counter_label_name(families[i].label); member++) {
            if (!metrics_json_shows_zero(&families[i], *pool ? &tuned : NULL, member))
                continue;
            snprintf(part, sizeof part, " `%s`", counter_label_value(families[i].label, member));
            expect(text, part);
        }
    }
}

static void every_counter_is_explained(void **state)
{
    (void)state;
    struct buffer buffer;
    const char *text = document_generate(&buffer, counters_markdown);
    check_families(text, counter_pool_families, counter_pool_family_count, ",pool");
    check_families(text, counter_host_families, counter_host_family_count, "");
    buffer_deinit(&buffer);
}

static void every_counter_of_perfmon_has_its_row(void **state)
{
    (void)state;
    static const char *const rows[] = {
#define COUNTER_PERF_POOL(name, type, source, argument, help)   "| " name " | PERF_" #type " | `fcgi_",
#define COUNTER_PERF_WORKER(name, type, source, argument, help) "| " name " | PERF_" #type " | | " help " |",
#include "fcgiext/core/counters.inc"
#undef COUNTER_PERF_POOL
#undef COUNTER_PERF_WORKER
    };
    struct buffer buffer;
    const char *text = document_generate(&buffer, counters_markdown);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(text, rows[i]);
    buffer_deinit(&buffer);
}

static void some_rows_are_as_they_should_be(void **state)
{
    (void)state;
    struct buffer buffer;
    const char *text = document_generate(&buffer, counters_markdown);
    expect(text, "| Workers Idle | PERF_COUNTER_LARGE_RAWCOUNT | `fcgi_workers` | Workers that wait for a request. |\n");
    expect(text, "| Requests Failed/sec | PERF_COUNTER_BULK_COUNT | `fcgi_requests_completed_total` | ");
    expect(text, "\n* Perfmon: *Requests Retried/sec* (PERF_COUNTER_BULK_COUNT)\n");
    expect(text, "* *Requests Aborted by Client*: `client_gone`\n");
    expect(text, "* *Workers Crashed*: `exited`, `crashed`; and starts that failed\n");
    expect(text, "buckets of at most 0.25 ms, 0.5 ms, 1 ms, 2.5 ms,");
    expect(text, " 30 s, 120 s, and one for what took longer.\n");
    expect(text, "* `fcgi_pool_state{host,pool,fcgi_pool_state}`: stateset\n* `fcgi_pool_state`: `running`, `draining`,");
    expect(text, "| Pool Uptime | PERF_ELAPSED_TIME | `fcgi_requests_created` | ");
    expect(text, "* `fcgi_requests_unrouted_total{host,result}`: counter, requests\n"
                 "* `result`: `no_mapping`, `config_invalid`, `no_memory`\n");
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_is_up_to_date),
        cmocka_unit_test(every_counter_is_explained),
        cmocka_unit_test(every_counter_of_perfmon_has_its_row),
        cmocka_unit_test(some_rows_are_as_they_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
