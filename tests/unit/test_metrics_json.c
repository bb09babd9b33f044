/* The method metrics: every family of counters.inc, with the values of the pools that serve and of the host. */
#include "mgmt/metrics_json.h"

#include "tests/unit/rpc_testing.h"

static const cJSON *metric(const struct client *client, const char *name)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, at(client, "result.metrics"))
    {
        if (strcmp(cJSON_GetObjectItem(one, "name")->valuestring, name) == 0)
            return one;
    }
    return NULL;
}

/* pool NULL: of the host; label NULL: none. */
static const cJSON *sample(const struct client *client, const char *name, const char *pool, const char *label,
                           const char *value)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(metric(client, name), "samples"))
    {
        const cJSON *labels = cJSON_GetObjectItem(one, "labels"), *found = label ? cJSON_GetObjectItem(labels, label) : NULL;
        const cJSON *of_pool = cJSON_GetObjectItem(labels, "pool");
        bool same_pool = pool ? of_pool && strcmp(of_pool->valuestring, pool) == 0 : !of_pool;
        if (same_pool && (label ? found && strcmp(found->valuestring, value) == 0 : true))
            return one;
    }
    return NULL;
}

static double value(const struct client *client, const char *name, const char *pool, const char *label, const char *value)
{
    const cJSON *one = sample(client, name, pool, label, value);
    return one ? cJSON_GetObjectItem(one, "value")->valuedouble : -1;
}

static double created(const struct client *client, const char *name, const char *pool)
{
    return cJSON_GetObjectItem(sample(client, name, pool, NULL, NULL), "created")->valuedouble;
}

/* Rounded to a double: 32-bit code calculates with more digits. */
static bool is_quotient(double found, uint64_t dividend, unsigned divisor)
{
    volatile double wanted = (double)dividend / divisor;
    return found == wanted;
}

static void check_families(const struct client *client, const struct counter_family *families, size_t count, size_t *place)
{
    for (size_t i = 0; i < count; i++) {
        const cJSON *one = cJSON_GetArrayItem(at(client, "result.metrics"), (int)(*place)++);
        assert_string_equal(cJSON_GetObjectItem(one, "name")->valuestring, families[i].name);
        assert_string_equal(cJSON_GetObjectItem(one, "kind")->valuestring, counter_kind_name(families[i].kind));
        assert_string_equal(cJSON_GetObjectItem(one, "unit")->valuestring, counter_unit_name(families[i].unit));
        assert_string_equal(cJSON_GetObjectItem(one, "help")->valuestring, families[i].help);
        assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(one, "samples")) > 0);
    }
}

static void every_family_is_there_in_the_order_of_the_table(void **state)
{
    (void)state;
    struct client client;
    size_t place = 0;
    client_open(&client);
    call_ok(&client, "metrics", NULL);
    check_families(&client, counter_pool_families, counter_pool_family_count, &place);
    check_families(&client, counter_host_families, counter_host_family_count, &place);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.metrics")), place);
    client_close(&client);
}

static void values_are_those_of_each_pool_that_serves(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "metrics", NULL);
    assert_true(value(&client, "fcgi_requests", "PHP", NULL, NULL) == 110);
    assert_true(reply_has(&client, "\"value\":18446744073709551615"));
    assert_null(sample(&client, "fcgi_requests", "Broken", NULL, NULL));
    assert_true(value(&client, "fcgi_requests_completed", "PHP", "result", "answered") == 100);
    assert_true(value(&client, "fcgi_requests_completed", "PHP", "result", "activity_timeout") == 3);
    assert_true(value(&client, "fcgi_workers", "PHP", "state", "busy") == 2);
    assert_true(value(&client, "fcgi_workers", "PHP", "state", "idle") == 0);
    assert_true(value(&client, "fcgi_pool_state", "Ruby", "state", "rapid_fail") == 1);
    assert_true(value(&client, "fcgi_pool_state", "Ruby", "state", "running") == 0);
    client_close(&client);
}

static void values_of_the_host_stand_once(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "metrics", NULL);
    assert_true(value(&client, "fcgi_requests_unrouted", NULL, "result", "no_mapping") == 7);
    assert_true(value(&client, "fcgi_management_requests", NULL, "outcome", "denied") == 2);
    assert_true(value(&client, "fcgi_config_errors", NULL, NULL, NULL) == 4);
    assert_null(sample(&client, "fcgi_config_errors", "PHP", NULL, NULL));
    assert_int_equal(number_at(&client, "result.pid"), 4711);
    assert_non_null(text_at(&client, "result.server.version"));
    client_close(&client);
}

static void times_are_seconds_with_microseconds(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "metrics", NULL);
    assert_true(value(&client, "fcgi_worker_busy_seconds", "PHP", NULL, NULL) == (double)1.5);
    assert_true(value(&client, "fcgi_requests_waiting_seconds", "PHP", NULL, NULL) == (double)0.000001);
    assert_true(value(&client, "fcgi_oldest_wait_seconds", "PHP", NULL, NULL) == (double)1.234);
    assert_true(reply_has(&client, "\"value\":0.000001,"));
    assert_true(reply_has(&client, "\"value\":1.5,"));
    client_close(&client);
}

static void counters_tell_since_when_they_count(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "metrics", NULL);
    assert_true(is_quotient(created(&client, "fcgi_requests", "PHP"), FAKE_NOW_MS - 3599000, 1000));
    assert_true(is_quotient(created(&client, "fcgi_request_execution_seconds", "PHP"), FAKE_NOW_MS - 3599000, 1000));
    assert_true(is_quotient(created(&client, "fcgi_config_reloads", NULL), FAKE_NOW_MS - 3600000, 1000));
    assert_null(cJSON_GetObjectItem(sample(&client, "fcgi_requests_in_flight", "PHP", NULL, NULL), "created"));
    assert_null(cJSON_GetObjectItem(sample(&client, "fcgi_pool_state", "PHP", NULL, NULL), "created"));
    client_close(&client);
}

static void a_histogram_adds_its_buckets_up(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "metrics", NULL);
    const cJSON *one = sample(&client, "fcgi_request_execution_seconds", "PHP", NULL, NULL);
    const cJSON *buckets = cJSON_GetObjectItem(one, "buckets");
    assert_int_equal(cJSON_GetArraySize(buckets), COUNTER_BUCKET_COUNT);
    for (int i = 0; i < COUNTER_BUCKET_COUNT; i++) {
        const cJSON *bucket = cJSON_GetArrayItem(buckets, i), *limit = cJSON_GetObjectItem(bucket, "le");
        int wanted = i == COUNTER_BUCKET_COUNT - 1 ? 103 : i < (int)counter_bucket_of(2000) ? 60 : 102;
        assert_int_equal(cJSON_GetObjectItem(bucket, "count")->valuedouble, wanted);
        assert_int_equal(cJSON_IsNull(limit), i == COUNTER_BUCKET_COUNT - 1);
        if (i < COUNTER_BUCKET_COUNT - 1)
            assert_true(is_quotient(limit->valuedouble, counter_bucket_limit_us((unsigned)i), 1000000));
    }
    assert_int_equal(cJSON_GetObjectItem(one, "count")->valuedouble, 103);
    assert_true(cJSON_GetObjectItem(one, "sum")->valuedouble == (double)200.096);
    assert_null(cJSON_GetObjectItem(one, "value"));
    client_close(&client);
}

/* A series that appears with its first step loses that step. */
static void what_can_happen_is_there_with_0_and_what_cannot_is_not(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "metrics", NULL);
    for (unsigned cause = 0; cause < ERROR_CAUSE_COUNT; cause++) {
        bool needs_no_pool = cause == ERROR_CAUSE_NO_MAPPING || cause == ERROR_CAUSE_CONFIG_INVALID;
        const char *name = counter_label_value(COUNTER_LABEL_RESULT, cause);
        assert_int_equal(!sample(&client, "fcgi_requests_completed", "PHP", "result", name), needs_no_pool);
    }
    for (unsigned reason = 0; reason < WORKER_EXIT_COUNT; reason++)
        assert_non_null(sample(&client, "fcgi_worker_exits", "PHP", "reason", counter_label_value(COUNTER_LABEL_EXIT, reason)));
    assert_true(value(&client, "fcgi_requests_completed", "Ruby", "result", "no_mapping") == 1);
    assert_true(value(&client, "fcgi_limit_moves", "PHP", "reason", "queue_waits") == 3);
    assert_true(value(&client, "fcgi_limit_moves", "PHP", "reason", "loss") == 0);
    assert_null(sample(&client, "fcgi_limit_moves", "PHP", "reason", "steady"));
    assert_null(sample(&client, "fcgi_limit_moves", "Ruby", "reason", "loss"));
    assert_true(value(&client, "fcgi_requests_unrouted", NULL, "result", "config_invalid") == 0);
    assert_null(sample(&client, "fcgi_requests_unrouted", NULL, "result", "answered"));
    client_close(&client);
}

/* What docs/management-api.md promises. */
static void a_pool_has_at_most_80_samples_and_3_histograms(void **state)
{
    (void)state;
    struct mgmt_pool pool = {.tuned = true};
    unsigned samples = 0, histograms = 0;
    for (size_t i = 0; i < counter_pool_family_count; i++) {
        const struct counter_family *family = &counter_pool_families[i];
        if (family->kind == COUNTER_KIND_HISTOGRAM)
            histograms++;
        else
            for (unsigned member = 0; member < family->count; member++)
                samples += metrics_json_shows_zero(family, &pool, member);
    }
    assert_in_range(samples, 1, 80);
    assert_int_equal(histograms, 3);
}

static void pools_come_in_pages_and_the_host_with_the_first(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "metrics", "{\"count\":1}");
    assert_non_null(sample(&client, "fcgi_requests", "PHP", NULL, NULL));
    assert_null(sample(&client, "fcgi_requests", "Ruby", NULL, NULL));
    assert_non_null(metric(&client, "fcgi_config_errors"));
    assert_int_equal(number_at(&client, "result.total"), FAKE_POOLS);
    assert_int_equal(number_at(&client, "result.next_page"), 2);
    call_ok(&client, "metrics", "{\"count\":1,\"page\":2}");
    assert_null(sample(&client, "fcgi_requests", "PHP", NULL, NULL));
    assert_non_null(sample(&client, "fcgi_requests", "Ruby", NULL, NULL));
    assert_null(metric(&client, "fcgi_config_errors"));
    call_ok(&client, "metrics", "{\"count\":1000,\"page\":1000000}");
    assert_null(sample(&client, "fcgi_requests", "PHP", NULL, NULL));
    assert_true(is_null_at(&client, "result.next_page"));
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_is_there_in_the_order_of_the_table),
        cmocka_unit_test(values_are_those_of_each_pool_that_serves),
        cmocka_unit_test(values_of_the_host_stand_once),
        cmocka_unit_test(times_are_seconds_with_microseconds),
        cmocka_unit_test(counters_tell_since_when_they_count),
        cmocka_unit_test(a_histogram_adds_its_buckets_up),
        cmocka_unit_test(what_can_happen_is_there_with_0_and_what_cannot_is_not),
        cmocka_unit_test(a_pool_has_at_most_80_samples_and_3_histograms),
        cmocka_unit_test(pools_come_in_pages_and_the_host_with_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
