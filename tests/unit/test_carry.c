/* What is shown of hosts that have gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/fcgictl/carry.h"
#include "tools/fcgictl/openmetrics.h"
#include "tools/fcgictl/value.h"

static struct carry carry;
static struct text out;

static int teardown(void **state)
{
    (void)state;
    carry_deinit(&carry);
    text_deinit(&out);
    out = (struct text){0};
    return 0;
}

static cJSON *document_of_none(void)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddArrayToObject(document, "hosts");
    cJSON_AddArrayToObject(document, "metrics");
    return document;
}

static void add_metric(cJSON *document, int pid, const char *name, const char *kind, const char *pool, double value)
{
    cJSON *metric = cJSON_CreateObject(), *sample = cJSON_CreateObject();
    cJSON_AddStringToObject(metric, "name", name);
    cJSON_AddStringToObject(metric, "kind", kind);
    cJSON_AddNumberToObject(metric, "host", pid);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(metric, "samples"), sample);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(sample, "labels"), "pool", pool);
    cJSON_AddNumberToObject(sample, "value", value);
    if (strcmp(kind, "histogram") == 0) {
        cJSON *bucket = cJSON_CreateObject();
        cJSON_AddNumberToObject(bucket, "count", value);
        cJSON_AddItemToArray(cJSON_AddArrayToObject(sample, "buckets"), bucket);
        cJSON_AddNumberToObject(sample, "count", value);
        cJSON_AddNumberToObject(sample, "sum", value);
    }
    cJSON_AddItemToArray(cJSON_GetObjectItem(document, "metrics"), metric);
}

/* One that has counted so much; -1: it does not answer. */
static void add_host(cJSON *document, int pid, double value)
{
    cJSON *host = cJSON_CreateObject();
    cJSON_AddNumberToObject(host, "pid", pid);
    if (value < 0)
        cJSON_AddObjectToObject(host, "error");
    cJSON_AddItemToArray(cJSON_GetObjectItem(document, "hosts"), host);
    if (value < 0)
        return;
    add_metric(document, pid, "c", "counter", "php", value);
    add_metric(document, pid, "g", "gauge", "php", value);
    add_metric(document, pid, "s", "stateset", "php", 1);
    add_metric(document, pid, "h", "histogram", "php", value);
}

/* Takes the document. */
static void show(cJSON *document, double now_s)
{
    assert_true(carry_on(&carry, document, now_s));
    text_clear(&out);
    openmetrics_add(&out, document, OPENMETRICS_STRICT);
    cJSON_Delete(document);
}

static bool shows(const char *series)
{
    const char *found = strstr(text_str(&out), series);
    if (found && strstr(found + 1, series))
        fail_msg("twice: %s", series);
    return found;
}

static void show_hosts(int first, double first_value, int second, double second_value, double now_s)
{
    cJSON *document = document_of_none();
    add_host(document, first, first_value);
    if (second)
        add_host(document, second, second_value);
    show(document, now_s);
}

static void counters_and_histograms_of_a_host_that_has_gone_are_shown_for_a_while(void **state)
{
    (void)state;
    show_hosts(1, 5, 2, 7, 100);
    assert_true(shows("\nc_total{host=\"1\",pool=\"php\"} 5\n") && shows("\nc_total{host=\"2\",pool=\"php\"} 7\n"));
    for (double now_s = 200; now_s <= 100 + CARRY_S; now_s += 100) {
        show_hosts(2, now_s, 0, 0, now_s);
        assert_true(shows("\nc_total{host=\"1\",pool=\"php\"} 5\n"));
        assert_true(shows("\nh_bucket{host=\"1\",pool=\"php\",le=\"+Inf\"} 5\n"));
        assert_false(shows("\ng{host=\"1\""));
        assert_false(shows("\ns{host=\"1\""));
        assert_false(shows("\nfcgi_up{host=\"1\"}"));
        assert_true(shows("\ng{host=\"2\""));
    }
    show_hosts(2, 9, 0, 0, 101 + CARRY_S);
    assert_false(shows("host=\"1\""));
    assert_true(shows("\nc_total{host=\"2\",pool=\"php\"} 9\n"));
}

static void without_any_host_they_are_shown_too(void **state)
{
    (void)state;
    show_hosts(1, 5, 0, 0, 100);
    show(document_of_none(), 101);
    assert_true(shows("\nfcgi_hosts 0\n") && shows("\nc_total{host=\"1\",pool=\"php\"} 5\n"));
}

static void a_host_that_does_not_answer_shows_what_it_said_last(void **state)
{
    (void)state;
    show_hosts(1, 5, 0, 0, 100);
    show_hosts(1, -1, 0, 0, 110);
    assert_true(shows("\nfcgi_up{host=\"1\"} 0\n") && shows("\nc_total{host=\"1\",pool=\"php\"} 5\n"));
    assert_false(shows("\ng{host=\"1\""));
    show_hosts(1, 6, 0, 0, 120);
    assert_true(shows("\nfcgi_up{host=\"1\"} 1\n") && shows("\nc_total{host=\"1\",pool=\"php\"} 6\n"));
    show_hosts(1, -1, 0, 0, 121 + CARRY_S);
    assert_false(shows("\nc_total{host=\"1\""));
}

static void a_new_host_with_its_process_id_takes_its_place(void **state)
{
    (void)state;
    show_hosts(1, 5, 0, 0, 100);
    show(document_of_none(), 110);
    show_hosts(1, 2, 0, 0, 120);
    assert_true(shows("\nc_total{host=\"1\",pool=\"php\"} 2\n"));
    show(document_of_none(), 130);
    assert_true(shows("\nc_total{host=\"1\",pool=\"php\"} 2\n"));
}

/* Its connection ends between two pages. */
static void what_a_host_has_said_in_part_is_not_shown_twice(void **state)
{
    (void)state;
    cJSON *document = document_of_none();
    add_host(document, 1, 5);
    add_metric(document, 1, "c", "counter", "b", 5);
    add_metric(document, 1, "c", "counter", "z", 5);
    show(document, 100);
    document = document_of_none();
    add_host(document, 1, -1);
    add_metric(document, 1, "c", "counter", "php", 6);
    add_metric(document, 1, "c", "counter", "b", 6);
    show(document, 110);
    assert_true(shows("\nc_total{host=\"1\",pool=\"php\"}") && shows("\nc_total{host=\"1\",pool=\"b\"}"));
    assert_true(shows("\nc_total{host=\"1\",pool=\"php\"} 6\n") && shows("\nc_total{host=\"1\",pool=\"z\"} 5\n"));
}

static void it_has_a_bound(void **state)
{
    (void)state;
    enum { HOSTS = 3 * CARRY_MAX_HOSTS };
    for (int pid = 1; pid <= HOSTS; pid++)
        show_hosts(pid, 5, 0, 0, 100);
    show(document_of_none(), 100);
    unsigned shown = 0;
    for (const char *at = text_str(&out); (at = strstr(at, "\nc_total{")) != NULL; at++)
        shown++;
    assert_int_equal(shown, CARRY_MAX_HOSTS);
    char last[40];
    snprintf(last, sizeof last, "\nc_total{host=\"%d\"", HOSTS);
    assert_true(shows(last)); /* the oldest have gone */
}

#define CARRY_TEST(function) cmocka_unit_test_teardown(function, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CARRY_TEST(counters_and_histograms_of_a_host_that_has_gone_are_shown_for_a_while),
        CARRY_TEST(without_any_host_they_are_shown_too),
        CARRY_TEST(a_host_that_does_not_answer_shows_what_it_said_last),
        CARRY_TEST(a_new_host_with_its_process_id_takes_its_place),
        CARRY_TEST(what_a_host_has_said_in_part_is_not_shown_twice),
        CARRY_TEST(it_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
