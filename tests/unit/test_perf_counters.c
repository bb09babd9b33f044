/* The counters of perfmon as a table: their names, where these stand in the registry's list, and what each shows. */
#include "perf_testing.h"

static const struct perf_counter *counter_named(enum perf_object object, const char *name)
{
    size_t count;
    const struct perf_counter *counters = perf_counters(object, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(counters[i].name, name) == 0)
            return &counters[i];
    fail_msg("there is no counter %s", name);
    return NULL;
}

static unsigned offset_of(enum perf_object object, const char *name)
{
    size_t count;
    return perf_counter_offset(object, (size_t)(counter_named(object, name) - perf_counters(object, &count)));
}

/* Whoever has to change a number here takes counters away from those who have stored them. */
static void names_stay_where_they_have_been_published(void **state)
{
    (void)state;
    assert_int_equal(perf_object_offset(PERF_POOLS), 0);
    assert_int_equal(offset_of(PERF_POOLS, "Requests/sec"), 2);
    assert_int_equal(offset_of(PERF_POOLS, "Requests Queued"), 20);
    assert_int_equal(offset_of(PERF_POOLS, "Request Execution Time Base"), 26);
    assert_int_equal(offset_of(PERF_POOLS, "Pool Uptime"), 64);
    assert_int_equal(perf_object_offset(PERF_WORKERS), 66);
    assert_int_equal(offset_of(PERF_WORKERS, "Requests/sec"), 68);
    assert_int_equal(offset_of(PERF_WORKERS, "Requests Until Recycle"), 82);
    assert_true(perf_offset_end() >= 84);
}

static void each_name_has_an_even_offset_of_its_own_without_gaps(void **state)
{
    (void)state;
    bool taken[256] = {false};
    for (int object = 0; object < PERF_OBJECTS; object++) {
        size_t count;
        perf_counters((enum perf_object)object, &count);
        for (size_t i = 0; i <= count; i++) {
            unsigned offset =
                i == count ? perf_object_offset((enum perf_object)object) : perf_counter_offset((enum perf_object)object, i);
            assert_true(offset % 2 == 0 && offset / 2 < sizeof taken && !taken[offset / 2]);
            taken[offset / 2] = true;
        }
    }
    for (unsigned offset = 0; offset < perf_offset_end(); offset += 2)
        assert_true(taken[offset / 2]);
    assert_false(taken[perf_offset_end() / 2]);
}

static void names_are_unique_and_explained_and_a_base_stands_behind_its_timer(void **state)
{
    (void)state;
    for (int object = 0; object < PERF_OBJECTS; object++) {
        size_t count;
        const struct perf_counter *counters = perf_counters((enum perf_object)object, &count);
        for (size_t i = 0; i < count; i++) {
            assert_true(strlen(counters[i].help) > 10);
            assert_ptr_equal(counter_named((enum perf_object)object, counters[i].name), &counters[i]);
            bool is_base = counters[i].type == PERFMON_AVERAGE_BASE;
            assert_int_equal(is_base, i > 0 && counters[i - 1].type == PERFMON_AVERAGE_TIMER);
            assert_int_equal(perf_type_len(counters[i].type), (counters[i].type & 0x300) == 0x100 ? 8 : 4);
        }
        assert_int_not_equal(counters[count - 1].type, PERFMON_AVERAGE_TIMER);
    }
}

static const struct perf_clock clock_3mhz = {.ticks = 3000000u * 10u, .ticks_per_second = 3000000};

static uint64_t pool_value(const uint64_t *values, const char *name)
{
    return perf_pool_value(counter_named(PERF_POOLS, name), values, 4000000, &clock_3mhz);
}

static void pools_show_what_their_values_say_in_the_units_of_the_type(void **state)
{
    (void)state;
    uint64_t values[COUNTER_POOL_PLACES] = {0};
    values[COUNTER_REQUESTS] = 10;
    values[COUNTER_RESULTS] = 3;
    values[COUNTER_RESULTS + ERROR_CAUSE_QUEUE_FULL] = 4;
    values[COUNTER_RESULTS + ERROR_CAUSE_CLIENT_GONE] = 2;
    values[COUNTER_RESULTS + ERROR_CAUSE_REQUEST_TIMEOUT] = 1;
    values[COUNTER_RETRIES] = 5;
    values[COUNTER_RETRIES + 1] = 6;
    values[COUNTER_OLDEST_WAIT] = 2999;
    values[COUNTER_BUSY] = 1234567;
    values[COUNTER_WORKERS + WORKER_IDLE] = 7;
    values[COUNTER_WORKERS + WORKER_STARTING] = 8;
    values[COUNTER_EXITS + WORKER_EXIT_CRASHED] = 2;
    values[COUNTER_EXITS + WORKER_EXIT_IDLE] = 3;
    values[COUNTER_EXECUTION] = 20;
    values[COUNTER_EXECUTION + COUNTER_BUCKET_COUNT - 1] = 1;
    values[COUNTER_EXECUTION + COUNTER_BUCKET_COUNT] = 2500000; /* the sum */
    values[COUNTER_STATE + POOL_STATE_RUNNING] = 2;
    values[COUNTER_STATE + POOL_STATE_RAPID_FAIL] = 1;
    assert_int_equal(pool_value(values, "Requests/sec"), 10);
    assert_int_equal(pool_value(values, "Total Requests"), 10);
    assert_int_equal(pool_value(values, "Total Requests Failed"), 5);
    assert_int_equal(pool_value(values, "Requests Rejected/sec"), 4);
    assert_int_equal(pool_value(values, "Requests Timed Out/sec"), 1);
    assert_int_equal(pool_value(values, "Requests Aborted by Client/sec"), 2);
    assert_int_equal(pool_value(values, "Requests Retried/sec"), 11);
    assert_int_equal(pool_value(values, "Maximum Queue Item Age"), 2);
    assert_int_equal(pool_value(values, "% Worker Busy Time"), 12345670);
    assert_int_equal(pool_value(values, "Workers Current"), 15);
    assert_int_equal(pool_value(values, "Workers Idle"), 7);
    assert_int_equal(pool_value(values, "Workers Starting"), 8);
    assert_int_equal(pool_value(values, "Total Workers Crashed"), 2);
    assert_int_equal(pool_value(values, "Total Workers Recycled"), 3);
    assert_int_equal(pool_value(values, "Request Execution Time"), 7500000);
    assert_int_equal(pool_value(values, "Request Execution Time Base"), 21);
    assert_int_equal(pool_value(values, "Queue Wait Time"), 0);
    assert_int_equal(pool_value(values, "Pool State"), POOL_STATE_RAPID_FAIL);
    assert_int_equal(pool_value(values, "Pool Uptime"), 12000000);
}

static void each_pool_counter_depends_on_some_value(void **state)
{
    (void)state;
    size_t count;
    const struct perf_counter *counters = perf_counters(PERF_POOLS, &count);
    for (size_t i = 0; i < count; i++) {
        bool depends = counters[i].source == COUNTER_PERF_SOURCE_START;
        for (unsigned place = 0; place < COUNTER_POOL_PLACES && !depends; place++) {
            uint64_t values[COUNTER_POOL_PLACES] = {0};
            values[place] = 1000;
            depends = perf_pool_value(&counters[i], values, 0, &clock_3mhz) > 0;
        }
        if (!depends)
            fail_msg("%s is always 0", counters[i].name);
    }
}

static uint64_t worker_value(const struct counter_worker_view *view, const char *name)
{
    return perf_worker_value(counter_named(PERF_WORKERS, name), view, &clock_3mhz);
}

static void workers_show_what_is_known_of_them(void **state)
{
    (void)state;
    struct counter_worker_view view = {.pid = 5,
                                       .state = WORKER_BUSY,
                                       .start_us = 1000000,
                                       .request_age_us = 4999,
                                       .served = 12,
                                       .requests_left = 188,
                                       .private_bytes = UINT64_C(0x123456789),
                                       .handle_count = 77};
    assert_int_equal(worker_value(&view, "Requests/sec"), 12);
    assert_int_equal(worker_value(&view, "Total Requests"), 12);
    assert_int_equal(worker_value(&view, "Busy"), 1);
    assert_int_equal(worker_value(&view, "Request Age"), 4);
    assert_true(worker_value(&view, "Private Bytes") == UINT64_C(0x123456789));
    assert_int_equal(worker_value(&view, "Handles"), 77);
    assert_int_equal(worker_value(&view, "Uptime"), 3000000);
    assert_int_equal(worker_value(&view, "Requests Until Recycle"), 188);
    view.state = WORKER_IDLE;
    assert_int_equal(worker_value(&view, "Busy"), 0);
    view.start_us = UINT64_MAX; /* a lie: no time that has not been yet */
    assert_true(worker_value(&view, "Uptime") <= clock_3mhz.ticks);
    view.start_us = 11000000;
    assert_int_equal(worker_value(&view, "Uptime"), clock_3mhz.ticks);
    view.start_us = 0;
    assert_int_equal(worker_value(&view, "Uptime"), clock_3mhz.ticks);
}

static void the_clock_converts_without_losing_its_way(void **state)
{
    (void)state;
    struct perf_clock clock = {.ticks = UINT64_C(10000000) * 86400 * 3650 + 5, .ticks_per_second = 10000000}; /* ten years up */
    assert_true(perf_clock_us(&clock) == UINT64_C(1000000) * 86400 * 3650);
    assert_true(perf_clock_ticks_of(&clock, perf_clock_us(&clock)) == clock.ticks - 5);
    clock.ticks_per_second = 3579545; /* the timer of older machines */
    clock.ticks = 3579545u * UINT64_C(7) + 3579544;
    assert_int_equal(perf_clock_us(&clock), 7999999);
    assert_int_equal(perf_clock_ticks_of(&clock, 8000000), 8 * 3579545);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_where_they_have_been_published),
        cmocka_unit_test(each_name_has_an_even_offset_of_its_own_without_gaps),
        cmocka_unit_test(names_are_unique_and_explained_and_a_base_stands_behind_its_timer),
        cmocka_unit_test(pools_show_what_their_values_say_in_the_units_of_the_type),
        cmocka_unit_test(each_pool_counter_depends_on_some_value),
        cmocka_unit_test(workers_show_what_is_known_of_them),
        cmocka_unit_test(the_clock_converts_without_losing_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
