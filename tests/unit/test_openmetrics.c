/* The text for time series databases: its form, and that nothing that a host says breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fcgiext/core/counters.h"
#include "tests/unit/metrics_testing.h"
#include "tests/unit/rpc_testing.h"
#include "tools/fcgictl/openmetrics.h"

#define HOSTS             "'hosts':[{'pid':17,'program':'w3wp.exe','server':{'version':'0.1.0','loaded_unix':99.25}}]"
#define DOCUMENT(metrics) "{'api_version':1," HOSTS ",'metrics':[" metrics "]}"

static struct text out;

/* Each metric is of host 17 unless it says otherwise. */
static const char *write_text(const char *json, enum openmetrics_dialect dialect)
{
    char *copy = malloc(strlen(json) + 1);
    assert_non_null(copy);
    strcpy(copy, json);
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    cJSON *document = cJSON_Parse(copy), *metric;
    free(copy);
    assert_non_null(document);
    cJSON_ArrayForEach(metric, cJSON_GetObjectItem(document, "metrics"))
    {
        if (!cJSON_GetObjectItem(metric, "host"))
            cJSON_AddNumberToObject(metric, "host", 17);
    }
    text_clear(&out);
    openmetrics_add(&out, document, dialect);
    assert_false(out.failed);
    cJSON_Delete(document);
    return text_str(&out);
}

static void expect(const char *json, enum openmetrics_dialect dialect, const char *wanted)
{
    const char *text = strstr(write_text(json, dialect), "fcgi_host_start_time_seconds{");
    assert_non_null(text);
    assert_string_equal(strchr(text, '\n') + 1, wanted);
}

static int teardown(void **state)
{
    (void)state;
    text_deinit(&out);
    out = (struct text){0};
    return 0;
}

static void the_hosts_come_first(void **state)
{
    (void)state;
    assert_string_equal(write_text("{'hosts':[{'pid':17,'program':'w3wp.exe','server':{'version':'0.1.0','loaded_unix':99.25}},"
                                   "{'pid':18,'program':'x','error':{'reason':'lost'}}],'metrics':[]}",
                                   OPENMETRICS_STRICT),
                        "# TYPE fcgi_hosts gauge\n"
                        "# HELP fcgi_hosts Processes of the web server that have loaded fcgiext.dll.\n"
                        "fcgi_hosts 2\n"
                        "# TYPE fcgi_up gauge\n"
                        "# HELP fcgi_up 1 if the host has answered, else 0.\n"
                        "fcgi_up{host=\"17\"} 1\n"
                        "fcgi_up{host=\"18\"} 0\n"
                        "# TYPE fcgi_build info\n"
                        "# HELP fcgi_build The host's program, and the version of its fcgiext.dll.\n"
                        "fcgi_build_info{host=\"17\",program=\"w3wp.exe\",version=\"0.1.0\"} 1\n"
                        "# TYPE fcgi_host_start_time_seconds gauge\n"
                        "# UNIT fcgi_host_start_time_seconds seconds\n"
                        "# HELP fcgi_host_start_time_seconds When the host loaded fcgiext.dll, in seconds since 1970.\n"
                        "fcgi_host_start_time_seconds{host=\"17\"} 99.25\n"
                        "# EOF\n");
    assert_non_null(strstr(write_text(DOCUMENT(""), OPENMETRICS_FOR_ALL), "# TYPE fcgi_build_info gauge\n"
                                                                          "# HELP fcgi_build_info The host's program"));
}

static void without_a_host_there_is_a_document_that_says_so(void **state)
{
    (void)state;
    assert_string_equal(write_text("{'hosts':[],'metrics':[]}", OPENMETRICS_FOR_ALL),
                        "# TYPE fcgi_hosts gauge\n"
                        "# HELP fcgi_hosts Processes of the web server that have loaded fcgiext.dll.\n"
                        "fcgi_hosts 0\n"
                        "# EOF\n");
}

static void a_counter_has_total_and_created(void **state)
{
    (void)state;
    expect(DOCUMENT(REQUESTS("12")), OPENMETRICS_STRICT,
           "# TYPE fcgi_requests counter\n"
           "# UNIT fcgi_requests requests\n"
           "# HELP fcgi_requests Help of fcgi_requests.\n"
           "fcgi_requests_total{host=\"17\",pool=\"php\"} 12\n"
           "fcgi_requests_created{host=\"17\",pool=\"php\"} 100.5\n"
           "# EOF\n");
    expect(DOCUMENT(REQUESTS("12")), OPENMETRICS_FOR_ALL,
           "# TYPE fcgi_requests_total counter\n"
           "# UNIT fcgi_requests requests\n"
           "# HELP fcgi_requests_total Help of fcgi_requests.\n"
           "fcgi_requests_total{host=\"17\",pool=\"php\"} 12\n"
           "# TYPE fcgi_requests_created gauge\n"
           "# HELP fcgi_requests_created Since when fcgi_requests counts, in seconds since 1970.\n"
           "fcgi_requests_created{host=\"17\",pool=\"php\"} 100.5\n"
           "# EOF\n");
}

static void a_unit_is_told_only_where_the_name_ends_in_it(void **state)
{
    (void)state;
    expect(DOCUMENT(RESULTS), OPENMETRICS_STRICT,
           "# TYPE fcgi_requests_completed counter\n"
           "# HELP fcgi_requests_completed Help of fcgi_requests_completed.\n"
           "fcgi_requests_completed_total{host=\"17\",pool=\"php\",result=\"answered\"} 90\n"
           "fcgi_requests_completed_created{host=\"17\",pool=\"php\",result=\"answered\"} 100.5\n"
           "fcgi_requests_completed_total{host=\"17\",pool=\"php\",result=\"queue_full\"} 0\n"
           "fcgi_requests_completed_created{host=\"17\",pool=\"php\",result=\"queue_full\"} 100.5\n"
           "# EOF\n");
}

static void a_gauge_and_what_is_of_the_host_alone(void **state)
{
    (void)state;
    expect(DOCUMENT(ERRORS), OPENMETRICS_FOR_ALL,
           "# TYPE fcgi_config_errors gauge\n"
           "# HELP fcgi_config_errors Help of fcgi_config_errors.\n"
           "fcgi_config_errors{host=\"17\"} 4\n"
           "# EOF\n");
}

static void the_state_of_a_stateset_is_a_label_with_the_name_of_the_family(void **state)
{
    (void)state;
    const char *wanted = "# TYPE fcgi_pool_state stateset\n"
                         "# HELP fcgi_pool_state Help of fcgi_pool_state.\n"
                         "fcgi_pool_state{host=\"17\",pool=\"php\",fcgi_pool_state=\"running\"} 1\n"
                         "fcgi_pool_state{host=\"17\",pool=\"php\",fcgi_pool_state=\"draining\"} 0\n"
                         "# EOF\n";
    expect(DOCUMENT(STATE), OPENMETRICS_STRICT, wanted);
    const char *text = write_text(DOCUMENT(STATE), OPENMETRICS_FOR_ALL);
    assert_non_null(strstr(text, "# TYPE fcgi_pool_state gauge\n"));
    assert_non_null(strstr(text, strchr(wanted, '\n') + 1));
}

static void a_histogram_has_buckets_count_and_sum(void **state)
{
    (void)state;
    expect(DOCUMENT(EXECUTION), OPENMETRICS_STRICT,
           "# TYPE fcgi_request_execution_seconds histogram\n"
           "# UNIT fcgi_request_execution_seconds seconds\n"
           "# HELP fcgi_request_execution_seconds Help of fcgi_request_execution_seconds.\n"
           "fcgi_request_execution_seconds_bucket{host=\"17\",pool=\"php\",le=\"0.00025\"} 60\n"
           "fcgi_request_execution_seconds_bucket{host=\"17\",pool=\"php\",le=\"1.0\"} 102\n"
           "fcgi_request_execution_seconds_bucket{host=\"17\",pool=\"php\",le=\"+Inf\"} 103\n"
           "fcgi_request_execution_seconds_count{host=\"17\",pool=\"php\"} 103\n"
           "fcgi_request_execution_seconds_sum{host=\"17\",pool=\"php\"} 20.6\n"
           "fcgi_request_execution_seconds_created{host=\"17\",pool=\"php\"} 100.5\n"
           "# EOF\n");
}

static void a_family_stands_in_one_piece_with_the_samples_of_all_hosts(void **state)
{
    (void)state;
    const char *one = "{'name':'fcgi_requests','kind':'counter','unit':'requests','help':'Other words.','host':18,"
                      "'samples':[{'labels':{'pool':'php'},'value':5}]}";
    char document[4000];
    snprintf(document, sizeof document, "%s,%s,%s]}", "{" HOSTS ",'metrics':[" REQUESTS("12"), QUEUED, one);
    expect(document, OPENMETRICS_STRICT,
           "# TYPE fcgi_requests counter\n"
           "# UNIT fcgi_requests requests\n"
           "# HELP fcgi_requests Help of fcgi_requests.\n"
           "fcgi_requests_total{host=\"17\",pool=\"php\"} 12\n"
           "fcgi_requests_created{host=\"17\",pool=\"php\"} 100.5\n"
           "fcgi_requests_total{host=\"18\",pool=\"php\"} 5\n"
           "# TYPE fcgi_requests_queued gauge\n"
           "# HELP fcgi_requests_queued Help of fcgi_requests_queued.\n"
           "fcgi_requests_queued{host=\"17\",pool=\"php\"} 0\n"
           "# EOF\n");
}

static void a_pool_that_is_on_two_pages_is_there_once(void **state)
{
    (void)state;
    expect(DOCUMENT(QUEUED "," QUEUED
                           "," METRIC("fcgi_requests_queued", "gauge", "requests", "{'labels':{'pool':'x'},'value':1}")),
           OPENMETRICS_FOR_ALL,
           "# TYPE fcgi_requests_queued gauge\n"
           "# HELP fcgi_requests_queued Help of fcgi_requests_queued.\n"
           "fcgi_requests_queued{host=\"17\",pool=\"php\"} 0\n"
           "fcgi_requests_queued{host=\"17\",pool=\"x\"} 1\n"
           "# EOF\n");
}

static void label_values_and_help_are_escaped(void **state)
{
    (void)state;
    const char *document = DOCUMENT("{'name':'a','kind':'gauge','unit':'','help':'b\\\\c \\u0022d\\u0022\\ne',"
                                    "'samples':[{'labels':{'pool':'C:\\\\x \\u0022y\\u0022\\nz\\u001b\\u00e4'},'value':1}]}");
    const char *sample = "a{host=\"17\",pool=\"C:\\\\x \\\"y\\\"\\nz\xef\xbf\xbd\xc3\xa4\"} 1\n";
    assert_non_null(strstr(write_text(document, OPENMETRICS_STRICT), "# HELP a b\\\\c \\\"d\\\"\\ne\n"));
    assert_non_null(strstr(text_str(&out), sample));
    /* The older format knows no escape for a quote in a help text. */
    assert_non_null(strstr(write_text(document, OPENMETRICS_FOR_ALL), "# HELP a b\\\\c \"d\"\\ne\n"));
    assert_non_null(strstr(text_str(&out), sample));
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"0", "} 0\n"},
        {"0.000001", "} 1e-06\n"},
        {"1709210096.789", "} 1709210096.789\n"},
        {"9007199254740991", "} 9007199254740991\n"},
        {"0.1", "} 0.1\n"},
        {"123456789012.345678", "} 123456789012.34567\n"},
        {"1e300", "} 1e+300\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char document[400];
        snprintf(document, sizeof document,
                 "{" HOSTS ",'metrics':[{'name':'a','kind':'gauge','samples':[{'labels':{},'value':%s}]}]}", rows[i].json);
        if (!strstr(write_text(document, OPENMETRICS_STRICT), rows[i].text))
            fail_msg("%s is not %s: %s", rows[i].json, rows[i].text, text_str(&out));
    }
}

/* Nothing of these is written, and what stands beside it is. */
static void what_is_no_metric_is_left_out(void **state)
{
    (void)state;
    static const char *const metrics[] = {
        "{'name':'a b','kind':'gauge','samples':[{'labels':{},'value':1}]}",
        "{'name':'a\\n# EOF','kind':'gauge','samples':[{'labels':{},'value':1}]}",
        "{'name':'1a','kind':'gauge','samples':[{'labels':{},'value':1}]}",
        "{'name':'','kind':'gauge','samples':[{'labels':{},'value':1}]}",
        "{'name':'a','kind':'summary','samples':[{'labels':{},'value':1}]}",
        "{'name':'fcgi_up','kind':'gauge','samples':[{'labels':{},'value':1}]}",
        "{'kind':'gauge'}",
        "7",
        "null",
    };
    for (size_t i = 0; i < COUNT(metrics); i++) {
        char document[1000];
        snprintf(document, sizeof document, "{" HOSTS ",'metrics':[%s,%s]}", metrics[i], QUEUED);
        expect(document, OPENMETRICS_FOR_ALL,
               "# TYPE fcgi_requests_queued gauge\n"
               "# HELP fcgi_requests_queued Help of fcgi_requests_queued.\n"
               "fcgi_requests_queued{host=\"17\",pool=\"php\"} 0\n"
               "# EOF\n");
    }
}

static void what_is_no_sample_is_left_out(void **state)
{
    (void)state;
    static const char *const samples[] = {
        "{'labels':{},'value':'1'}", "{'labels':{}}", "{'labels':{},'value':1e999}", "null", "7",
    };
    for (size_t i = 0; i < COUNT(samples); i++) {
        char document[1000];
        snprintf(document, sizeof document,
                 "{" HOSTS ",'metrics':[{'name':'a','kind':'counter','unit':'','help':'H.','samples':[%s]}]}", samples[i]);
        expect(document, OPENMETRICS_STRICT, "# TYPE a counter\n# HELP a H.\n# EOF\n");
    }
    expect(DOCUMENT("{'name':'a','kind':'gauge','unit':'','help':'H.','samples':[{'labels':{'x "
                    "y':'1','host':'2','le':'3','n':4,'ok':'5'},"
                    "'value':1}]}"),
           OPENMETRICS_STRICT, "# TYPE a gauge\n# HELP a H.\na{host=\"17\",ok=\"5\"} 1\n# EOF\n");
}

static void buckets_that_are_none_are_left_out(void **state)
{
    (void)state;
    static const char *const samples[] = {
        "{'labels':{},'count':1,'sum':1}",
        "{'labels':{},'buckets':[],'count':1,'sum':1}",
        "{'labels':{},'buckets':[{'le':1,'count':1}],'count':1,'sum':1}",
        "{'labels':{},'buckets':[{'le':1,'count':2},{'le':null,'count':1}],'count':1,'sum':1}",
        "{'labels':{},'buckets':[{'le':2,'count':1},{'le':1,'count':1},{'le':null,'count':1}],'count':1,'sum':1}",
        "{'labels':{},'buckets':[{'le':null,'count':1},{'le':null,'count':1}],'count':1,'sum':1}",
        "{'labels':{},'buckets':[{'le':null,'count':1}],'count':2,'sum':1}",
        "{'labels':{},'buckets':[{'le':null,'count':1}],'count':1}",
        "{'labels':{},'buckets':[{'le':'1','count':1},{'le':null,'count':1}],'count':1,'sum':1}",
    };
    for (size_t i = 0; i < COUNT(samples); i++) {
        char document[1000];
        snprintf(document, sizeof document,
                 "{" HOSTS ",'metrics':[{'name':'a','kind':'histogram','unit':'','help':'H.','samples':[%s]}]}", samples[i]);
        expect(document, OPENMETRICS_STRICT, "# TYPE a histogram\n# HELP a H.\n# EOF\n");
    }
}

/* From the table to the text: what the method replies of a host of fake_ops. */
static void every_family_of_the_table_is_in_the_text(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "metrics", NULL);
    cJSON *document = cJSON_Duplicate(at(&client, "result"), true), *metric;
    cJSON_ArrayForEach(metric, cJSON_GetObjectItem(document, "metrics")) cJSON_AddNumberToObject(metric, "host", 4711);
    text_clear(&out);
    openmetrics_add(&out, document, OPENMETRICS_STRICT);
    for (size_t i = 0; i < counter_pool_family_count + counter_host_family_count; i++) {
        const struct counter_family *family =
            i < counter_pool_family_count ? &counter_pool_families[i] : &counter_host_families[i - counter_pool_family_count];
        char line[600];
        snprintf(line, sizeof line, "# TYPE %s %s\n", family->name, counter_kind_name(family->kind));
        assert_non_null(strstr(text_str(&out), line));
        snprintf(line, sizeof line, "# HELP %s %s\n", family->name, family->help);
        assert_non_null(strstr(text_str(&out), line));
        snprintf(line, sizeof line, "\n%s%s{host=\"4711\"", family->name,
                 family->kind == COUNTER_KIND_COUNTER     ? "_total"
                 : family->kind == COUNTER_KIND_HISTOGRAM ? "_bucket"
                                                          : "");
        assert_non_null(strstr(text_str(&out), line));
    }
    assert_non_null(strstr(text_str(&out), "\nfcgi_worker_busy_seconds_total{host=\"4711\",pool=\"PHP\"} 1.5\n"));
    assert_non_null(
        strstr(text_str(&out), "\nfcgi_request_execution_seconds_bucket{host=\"4711\",pool=\"PHP\",le=\"120.0\"} 102\n"));
    assert_non_null(strstr(text_str(&out), "\nfcgi_request_execution_seconds_sum{host=\"4711\",pool=\"PHP\"} 200.096\n"));
    cJSON_Delete(document);
    client_close(&client);
}

static void each_dialect_has_its_content_type(void **state)
{
    (void)state;
    assert_string_equal(openmetrics_content_type(OPENMETRICS_STRICT),
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_string_equal(openmetrics_content_type(OPENMETRICS_FOR_ALL), "text/plain; version=0.0.4; charset=utf-8");
}

#define TEXT_TEST(function) cmocka_unit_test_teardown(function, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEXT_TEST(the_hosts_come_first),
        TEXT_TEST(without_a_host_there_is_a_document_that_says_so),
        TEXT_TEST(a_counter_has_total_and_created),
        TEXT_TEST(a_unit_is_told_only_where_the_name_ends_in_it),
        TEXT_TEST(a_gauge_and_what_is_of_the_host_alone),
        TEXT_TEST(the_state_of_a_stateset_is_a_label_with_the_name_of_the_family),
        TEXT_TEST(a_histogram_has_buckets_count_and_sum),
        TEXT_TEST(a_family_stands_in_one_piece_with_the_samples_of_all_hosts),
        TEXT_TEST(a_pool_that_is_on_two_pages_is_there_once),
        TEXT_TEST(label_values_and_help_are_escaped),
        TEXT_TEST(numbers_are_exact),
        TEXT_TEST(what_is_no_metric_is_left_out),
        TEXT_TEST(what_is_no_sample_is_left_out),
        TEXT_TEST(buckets_that_are_none_are_left_out),
        TEXT_TEST(every_family_of_the_table_is_in_the_text),
        TEXT_TEST(each_dialect_has_its_content_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
