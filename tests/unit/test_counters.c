/* What is counted, and what is shown of it. */
#include "fcgiext/core/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void each_family_has_its_places_behind_those_of_the_one_before(void **state)
{
    (void)state;
    unsigned place = 0;
    for (size_t i = 0; i < counter_pool_family_count; i++) {
        assert_int_equal(counter_pool_families[i].first, place);
        assert_in_range(counter_pool_families[i].count, 1, COUNTER_POOL_PLACES);
        place += counter_pool_families[i].count;
    }
    assert_int_equal(place, COUNTER_POOL_PLACES);
    place = 0;
    for (size_t i = 0; i < counter_host_family_count; i++) {
        assert_int_equal(counter_host_families[i].first, place);
        place += counter_host_families[i].count;
    }
    assert_int_equal(place, COUNTER_HOST_PLACES);
}

static void check_names(const struct counter_family *families, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct counter_family *family = &families[i];
        const char *unit = counter_unit_name(family->unit);
        size_t len = strlen(family->name), unit_len = strlen(unit);
        assert_int_equal(strncmp(family->name, "fcgi_", 5), 0);
        assert_null(strstr(family->name, "_total"));
        if (family->unit == COUNTER_UNIT_SECONDS || family->unit == COUNTER_UNIT_BYTES)
            assert_string_equal(family->name + len - unit_len, unit); /* what OpenMetrics wants of a unit */
        assert_true((family->kind == COUNTER_KIND_HISTOGRAM) == (family->label == COUNTER_LABEL_BUCKET));
        assert_true(strlen(family->help) > 10 && family->help[strlen(family->help) - 1] == '.');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(families[j].name, family->name);
        for (unsigned member = 0; member < family->count && *counter_label_name(family->label); member++) {
            const char *value = counter_label_value(family->label, member);
            assert_true(*value);
            for (unsigned other = 0; other < member; other++)
                assert_string_not_equal(value, counter_label_value(family->label, other));
        }
    }
}

static void names_are_what_openmetrics_wants_and_different(void **state)
{
    (void)state;
    check_names(counter_pool_families, counter_pool_family_count);
    check_names(counter_host_families, counter_host_family_count);
}

static void a_bucket_takes_what_is_at_most_its_limit(void **state)
{
    (void)state;
    assert_int_equal(counter_bucket_of(0), 0);
    for (unsigned bucket = 0; bucket < COUNTER_BUCKET_COUNT; bucket++) {
        uint64_t limit_us = counter_bucket_limit_us(bucket);
        assert_int_equal(counter_bucket_of(limit_us), bucket);
        if (bucket < COUNTER_BUCKET_COUNT - 1) {
            assert_int_equal(counter_bucket_of(limit_us + 1), bucket + 1);
            assert_true(limit_us < counter_bucket_limit_us(bucket + 1));
        }
    }
    assert_true(counter_bucket_limit_us(COUNTER_BUCKET_COUNT - 1) == UINT64_MAX);
}

static void what_runs_and_waits_counts_with_the_time_until_now(void **state)
{
    (void)state;
    uint64_t values[COUNTER_POOL_PLACES] = {0};
    values[COUNTER_REQUESTS] = 10;
    values[COUNTER_RESULTS] = 4;
    values[COUNTER_RESULTS + ERROR_CAUSE_QUEUE_FULL] = 1;
    values[COUNTER_BUSY] = 1000;
    struct counter_times times = {.executing = 2, .run_since_sum = 500 + 700, .oldest_run_since = 500};
    times.queued = 3;
    times.wait_since_sum = 3 * 900;
    times.oldest_wait_since = 900;
    counters_complete(values, &times, 1000);
    assert_int_equal(values[COUNTER_BUSY], 1000 + 500 + 300);
    assert_int_equal(values[COUNTER_WAITED], 300);
    assert_int_equal(values[COUNTER_EXECUTING], 2);
    assert_int_equal(values[COUNTER_QUEUED], 3);
    assert_int_equal(values[COUNTER_OLDEST_RUN], 500);
    assert_int_equal(values[COUNTER_OLDEST_WAIT], 100);
    assert_int_equal(values[COUNTER_IN_FLIGHT], 5);
}

static void values_that_do_not_fit_each_other_give_no_nonsense(void **state)
{
    (void)state;
    uint64_t values[COUNTER_POOL_PLACES] = {0};
    values[COUNTER_RESULTS] = 4; /* ended before they came */
    struct counter_times times = {.executing = UINT64_MAX, .queued = 1, .wait_since_sum = 2000, .oldest_wait_since = 2000};
    counters_complete(values, &times, 1000);
    assert_int_equal(values[COUNTER_BUSY], 0);
    assert_int_equal(values[COUNTER_WAITED], 0);
    assert_int_equal(values[COUNTER_OLDEST_WAIT], 0);
    assert_int_equal(values[COUNTER_OLDEST_RUN], 0);
    assert_int_equal(values[COUNTER_IN_FLIGHT], 0);
}

static void several_hosts_are_added_but_for_ages(void **state)
{
    (void)state;
    uint64_t sum[COUNTER_POOL_PLACES] = {0}, values[COUNTER_POOL_PLACES] = {0};
    values[COUNTER_REQUESTS] = 5;
    values[COUNTER_OLDEST_WAIT] = 70;
    counters_add(sum, values);
    values[COUNTER_OLDEST_WAIT] = 30;
    counters_add(sum, values);
    assert_int_equal(sum[COUNTER_REQUESTS], 10);
    assert_int_equal(sum[COUNTER_OLDEST_WAIT], 70);
}

/* Each cause is a power of two, so a sum says which ones it has. */
static void classes_take_results_apart(void **state)
{
    (void)state;
    uint64_t values[COUNTER_POOL_PLACES] = {0};
    for (unsigned cause = 0; cause < ERROR_CAUSE_COUNT; cause++)
        values[COUNTER_RESULTS + cause] = 1u << cause;
    uint64_t all = (1u << ERROR_CAUSE_COUNT) - 1;
    uint64_t aborted = counter_class_sum(values, COUNTER_CLASS_ABORTED),
             failed = counter_class_sum(values, COUNTER_CLASS_FAILED);
    assert_int_equal(aborted, 1u << ERROR_CAUSE_CLIENT_GONE);
    assert_int_equal(failed + aborted + 1, all);
    uint64_t rejected = counter_class_sum(values, COUNTER_CLASS_REJECTED),
             late = counter_class_sum(values, COUNTER_CLASS_TIMED_OUT);
    assert_int_equal(rejected & failed, rejected);
    assert_int_equal(late & failed, late);
    assert_int_equal(rejected & late, 0);
    assert_int_equal(late, 1u << ERROR_CAUSE_ACTIVITY_TIMEOUT | 1u << ERROR_CAUSE_REQUEST_TIMEOUT |
                               1u << ERROR_CAUSE_STARTUP_TIMEOUT);
    assert_true(rejected & 1u << ERROR_CAUSE_QUEUE_FULL);
    assert_false(rejected & 1u << ERROR_CAUSE_WORKER_CRASHED);
}

static void classes_take_exits_apart(void **state)
{
    (void)state;
    uint64_t values[COUNTER_POOL_PLACES] = {0};
    for (unsigned reason = 0; reason < WORKER_EXIT_COUNT; reason++)
        values[COUNTER_EXITS + reason] = 1u << reason;
    values[COUNTER_START_FAILURES] = 1u << WORKER_EXIT_COUNT;
    uint64_t crashed = counter_class_sum(values, COUNTER_CLASS_CRASHED),
             recycled = counter_class_sum(values, COUNTER_CLASS_RECYCLED);
    assert_int_equal(crashed, 1u << WORKER_EXIT_CRASHED | 1u << WORKER_EXIT_EXITED | 1u << WORKER_EXIT_COUNT);
    assert_int_equal(crashed + recycled, (2u << WORKER_EXIT_COUNT) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_family_has_its_places_behind_those_of_the_one_before),
        cmocka_unit_test(names_are_what_openmetrics_wants_and_different),
        cmocka_unit_test(a_bucket_takes_what_is_at_most_its_limit),
        cmocka_unit_test(what_runs_and_waits_counts_with_the_time_until_now),
        cmocka_unit_test(values_that_do_not_fit_each_other_give_no_nonsense),
        cmocka_unit_test(several_hosts_are_added_but_for_ages),
        cmocka_unit_test(classes_take_results_apart),
        cmocka_unit_test(classes_take_exits_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
