/* fcgictl metrics: the table, CSV, JSON, text for time series databases, and the file for collectors. */
#include "tests/unit/fcgictl_fake.h"

#include "tests/unit/metrics_testing.h"
#include "tools/fcgictl/metrics.h"

#define REPLY(metrics) "{'api_version':1,'pid':1234," SERVER ",'metrics':[" metrics "],'total':1,'next_page':null}"

static void a_row_is_a_sample(void **state)
{
    (void)state;
    fake_reply(1234, "metrics", REPLY(REQUESTS("12034") "," BUSY "," ERRORS));
    assert_int_equal(fake_run("metrics"), 0);
    assert_string_equal(fake_out(), "METRIC                    LABELS    VALUE  UNIT\n"
                                    "fcgi_requests             pool=php  12034  requests\n"
                                    "fcgi_worker_busy_seconds  pool=php  1e-06  seconds\n"
                                    "fcgi_config_errors                      4\n");
    assert_int_equal(fake_run("metrics -o ndjson"), 0);
    fake_out_has("\"samples\":[{");
}

static void the_narrow_table_leaves_out_zeros_of_what_is_split(void **state)
{
    (void)state;
    fake_reply(1234, "metrics", REPLY(RESULTS "," STATE "," QUEUED));
    assert_int_equal(fake_run("metrics"), 0);
    assert_string_equal(fake_out(), "METRIC                   LABELS                    VALUE  UNIT\n"
                                    "fcgi_requests_completed  pool=php result=answered     90  requests\n"
                                    "fcgi_pool_state          pool=php state=running        1\n"
                                    "fcgi_requests_queued     pool=php                      0  requests\n");
    assert_int_equal(fake_run("metrics -o wide"), 0);
    fake_out_has("pool=php result=queue_full");
    fake_out_has("pool=php state=draining");
}

static void a_histogram_is_a_row_with_mean_and_quantiles(void **state)
{
    (void)state;
    fake_reply(1234, "metrics", REPLY(QUEUED "," EXECUTION));
    assert_int_equal(fake_run("metrics"), 0);
    assert_string_equal(fake_out(), "METRIC                          LABELS    VALUE  COUNT  MEAN       P50    P95  UNIT\n"
                                    "fcgi_requests_queued            pool=php      0                                requests\n"
                                    "fcgi_request_execution_seconds  pool=php      -    103   0.2  0.000215  0.901  seconds\n");
}

static void csv_has_a_column_for_each_label_and_for_what_histograms_have(void **state)
{
    (void)state;
    fake_reply(1234, "metrics", REPLY(RESULTS "," EXECUTION));
    assert_int_equal(fake_run("metrics -o csv"), 0);
    assert_string_equal(
        fake_out(),
        "host,metric,kind,labels_pool,labels_result,labels_cause,labels_reason,labels_state,labels_outcome,value,count,sum,"
        "mean,p50,p95,"
        "unit,help\n"
        "1234,fcgi_requests_completed,counter,php,answered,,,,,90,,,,,,requests,Help of fcgi_requests_completed.\n"
        "1234,fcgi_requests_completed,counter,php,queue_full,,,,,0,,,,,,requests,Help of fcgi_requests_completed.\n"
        "1234,fcgi_request_execution_seconds,histogram,php,,,,,,,103,20.6,0.2,0.000214583333333333,0.901215178571428,seconds,"
        "Help of fcgi_request_execution_seconds.\n");
}

static void all_pages_are_asked_for(void **state)
{
    (void)state;
    fake_reply(1234, "metrics", "{'api_version':1,'metrics':[" REQUESTS("1") "],'next_page':2}");
    fake_reply(1234, "metrics", "{'api_version':1,'metrics':[" QUEUED "],'next_page':null}");
    assert_int_equal(fake_run("metrics"), 0);
    fake_out_has("fcgi_requests ");
    fake_out_has("fcgi_requests_queued ");
    assert_string_equal(text_str(&fake.calls), "1234 metrics\n1234 metrics {\"page\":2}\n");
}

static void quantiles_lie_within_their_bucket(void **state)
{
    (void)state;
    static const struct {
        const char *counts; /* of 1 s, 2 s, 4 s, and without a limit */
        double quantile, seconds;
    } rows[] = {
        {"[4,4,4,4]", 0.5, 0.5}, {"[4,4,4,4]", 1, 1},     {"[0,4,4,4]", 0.5, 1.5}, {"[0,0,10,10]", 0.95, 3.9},
        {"[0,0,0,10]", 0.5, 4},  {"[5,5,5,10]", 0.95, 4}, {"[2,2,4,4]", 0.5, 1},   {"[2,2,4,4]", 0.75, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cJSON *counts = cJSON_Parse(rows[i].counts), *sample = cJSON_CreateObject(),
              *buckets = cJSON_AddArrayToObject(sample, "buckets");
        for (int bucket = 0; bucket < 4; bucket++) {
            cJSON *one = cJSON_CreateObject();
            if (bucket < 3)
                cJSON_AddNumberToObject(one, "le", 1 << bucket);
            cJSON_AddNumberToObject(one, "count", cJSON_GetArrayItem(counts, bucket)->valuedouble);
            cJSON_AddItemToArray(buckets, one);
        }
        cJSON_AddNumberToObject(sample, "count", cJSON_GetArrayItem(counts, 3)->valuedouble);
        double seconds = -1;
        assert_true(metrics_quantile(sample, rows[i].quantile, &seconds));
        if (seconds < rows[i].seconds - 1e-9 || seconds > rows[i].seconds + 1e-9)
            fail_msg("%s at %g: %g", rows[i].counts, rows[i].quantile, seconds);
        cJSON_Delete(sample);
        cJSON_Delete(counts);
    }
    double seconds;
    cJSON *nothing = cJSON_Parse("{\"buckets\":[{\"le\":1,\"count\":0},{\"le\":null,\"count\":0}],\"count\":0}");
    assert_false(metrics_quantile(nothing, 0.5, &seconds));
    cJSON_Delete(nothing);
}

static void openmetrics_is_one_document_of_all_hosts(void **state)
{
    (void)state;
    fake_host(5678);
    fake_reply(1234, "metrics", REPLY(REQUESTS("12")));
    fake_fails(5678, "metrics", FCGICTL_CALL_TIMED_OUT, "");
    assert_int_equal(fake_run("metrics -o openmetrics"), 8);
    fake_out_has("\nfcgi_up{host=\"1234\"} 1\nfcgi_up{host=\"5678\"} 0\n");
    fake_out_has("\n# TYPE fcgi_requests_total counter\n");
    fake_out_has("\nfcgi_requests_total{host=\"1234\",pool=\"php\"} 12\n");
    assert_string_equal(fake_out() + strlen(fake_out()) - 7, "\n# EOF\n");
    fake_err_has("host 5678 has not answered");
    assert_int_equal(fake_run("metrics -o openmetrics-strict --host 1234"), 0);
    fake_out_has("\n# TYPE fcgi_requests counter\n");
    assert_null(strstr(fake_out(), "5678"));
}

static void without_a_host_the_document_says_so(void **state)
{
    (void)state;
    fake.host_count = 0;
    assert_int_equal(fake_run("metrics -o openmetrics"), 3);
    fake_out_has("\nfcgi_hosts 0\n# EOF\n");
    fake_err_has("no host was found");
}

static void a_text_file_is_written_and_nothing_is_said(void **state)
{
    (void)state;
    fake_reply(1234, "metrics", REPLY(REQUESTS("12")));
    assert_int_equal(fake_run("metrics -o openmetrics"), 0);
    struct text printed = {0};
    text_add(&printed, fake_out());
    assert_int_equal(fake_run("metrics --textfile c:\\prom"), 0);
    assert_string_equal(fake_out(), "");
    assert_string_equal(fake_err(), "");
    assert_string_equal(fake.written_to, "c:\\prom|fcgiext.prom");
    assert_string_equal(text_str(&fake.written_file), text_str(&printed));
    text_deinit(&printed);
    fake.host_count = 0;
    assert_int_equal(fake_run("metrics --textfile c:\\prom"), 3);
    assert_non_null(strstr(text_str(&fake.written_file), "\nfcgi_hosts 0\n"));
}

static void a_text_file_that_cannot_be_written(void **state)
{
    (void)state;
    fake.refuses_to_write = true;
    fake_reply(1234, "metrics", REPLY(REQUESTS("12")));
    assert_int_equal(fake_run("metrics --textfile c:\\prom"), 1);
    assert_string_equal(fake_out(), "");
    assert_string_equal(fake_err(),
                        "fcgictl: cannot write 'fcgiext.prom' in 'c:\\prom': access is denied (5)\n"
                        "hint: the folder must exist, and this account must be allowed to write and delete files in it\n");
}

static void wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(fake_run("status -o openmetrics"), 2);
    fake_err_has("status does not take -o openmetrics: `fcgictl metrics` does");
    assert_int_equal(fake_run("status --textfile x"), 2);
    fake_err_has("status does not take --textfile");
    assert_int_equal(fake_run("metrics --textfile"), 2);
    assert_int_equal(fake_run("metrics --textfile="), 2);
    assert_int_equal(fake_run("metrics --textfile x --json"), 2);
    fake_err_has("--textfile writes -o openmetrics and nothing else");
    assert_int_equal(fake_run("metrics -o openmetrics --watch"), 2);
    fake_err_has("OpenMetrics is one document");
    assert_string_equal(fake_out(), "");
    assert_string_equal(fake.written_to, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(a_row_is_a_sample),
        FAKE_TEST(the_narrow_table_leaves_out_zeros_of_what_is_split),
        FAKE_TEST(a_histogram_is_a_row_with_mean_and_quantiles),
        FAKE_TEST(csv_has_a_column_for_each_label_and_for_what_histograms_have),
        FAKE_TEST(all_pages_are_asked_for),
        FAKE_TEST(quantiles_lie_within_their_bucket),
        FAKE_TEST(openmetrics_is_one_document_of_all_hosts),
        FAKE_TEST(without_a_host_the_document_says_so),
        FAKE_TEST(a_text_file_is_written_and_nothing_is_said),
        FAKE_TEST(a_text_file_that_cannot_be_written),
        FAKE_TEST(wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
