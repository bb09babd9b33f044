/* The bytes that perfmon gets, read back by a strict parser; and that parser, which takes nothing that is not as it has to be. */
#include "perf_testing.h"

#include "perfcounters/perf_blob.h"
#include "perfcounters/perf_parse.h"

enum { FIRST_COUNTER = 2342, FIRST_HELP = 2343, TICKS_PER_SECOND = 10000000 };

struct bench {
    struct perf_hosts *hosts;
    struct counter_block *block;
    struct perf_blob blob;
};

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->hosts = perf_hosts_create();
    assert_non_null(bench->hosts);
    bench->block = perf_test_block(10);
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    perf_hosts_destroy(bench->hosts);
    free(bench->block);
    free(bench);
    return 0;
}

static void fill(struct bench *bench, unsigned pools, unsigned workers)
{
    for (unsigned i = 0; i < pools; i++) {
        char name[64];
        snprintf(name, sizeof name, "pool %.*s%u", (int)(i % 30), "abcdefghijklmnopqrstuvwxyzabcd", i);
        perf_test_pool(bench->block, name, 100 + i)->values[COUNTER_EXECUTION + COUNTER_BUCKET_COUNT] = 1000 * i;
    }
    for (unsigned i = 0; i < workers; i++)
        perf_test_worker(bench->block, i, 7 * i + 1, i % pools);
}

static struct perf_blob *collect(struct bench *bench)
{
    const struct counter_block *block = bench->block;
    struct perf_blob *blob = &bench->blob;
    perf_test_round(bench->hosts, &block, 1);
    *blob = (struct perf_blob){.wanted = {true, true}, .first_counter = FIRST_COUNTER, .first_help = FIRST_HELP};
    blob->pools = perf_hosts_pools(bench->hosts, &blob->pool_count);
    blob->workers = perf_hosts_workers(bench->hosts, &blob->worker_count);
    blob->clock = (struct perf_clock){.ticks = 5 * TICKS_PER_SECOND, .ticks_per_second = TICKS_PER_SECOND};
    return blob;
}

/* Into memory of exactly that length, which the caller frees. */
static struct bytes put(const struct perf_blob *blob, uint32_t objects)
{
    uint32_t len = (uint32_t)perf_blob_len(blob), count = 77;
    uint8_t *memory = malloc(len ? len : 1), *at = memory;
    assert_non_null(memory);
    memset(memory, 0xee, len);
    assert_true(perf_blob_put(blob, &at, &len, &count));
    assert_int_equal(count, objects);
    assert_int_equal(len, perf_blob_len(blob));
    assert_ptr_equal(at, memory + len);
    assert_int_equal(len % 8, 0);
    return bytes_of(memory, len);
}

static void release(struct bytes bytes)
{
    free((void *)(uintptr_t)bytes.ptr);
}

static void check_object(const struct perf_object_view *object, enum perf_object which, size_t rows)
{
    size_t count;
    const struct perf_counter *counters = perf_counters(which, &count);
    assert_int_equal(object->type.name_index, FIRST_COUNTER + perf_object_offset(which));
    assert_int_equal(object->type.help_index, FIRST_HELP + perf_object_offset(which));
    assert_int_equal(object->type.counter_count, count);
    assert_int_equal(object->type.instance_count, rows);
    assert_int_equal(object->type.ticks, 5 * TICKS_PER_SECOND);
    assert_int_equal(object->type.ticks_per_second, TICKS_PER_SECOND);
    uint32_t next = sizeof(struct perf_value_block);
    for (uint32_t i = 0; i < count; i++) {
        struct perf_counter_definition counter;
        perf_parse_counter(object, i, &counter);
        assert_int_equal(counter.name_index, FIRST_COUNTER + perf_counter_offset(which, i));
        assert_int_equal(counter.help_index, FIRST_HELP + perf_counter_offset(which, i));
        assert_int_equal(counter.type, counters[i].type);
        assert_int_equal(counter.value_len, perf_type_len(counters[i].type));
        assert_int_equal(counter.value_offset, next);
        next += 8;
    }
    size_t at = 0, seen = 0;
    for (struct perf_instance_view instance; perf_parse_instance(object, &at, &instance); seen++)
        assert_int_equal(instance.values.len, next);
    assert_int_equal(seen, rows);
}

static void check_names_and_values(const struct perf_object_view *object, enum perf_object which, const struct perf_blob *blob)
{
    struct perf_instance_view instance;
    size_t at = 0;
    for (size_t row = 0; perf_parse_instance(object, &at, &instance); row++) {
        const struct perf_name *name = which == PERF_POOLS ? &blob->pools[row].name : &blob->workers[row].name;
        assert_true(bytes_equal(instance.name, bytes_of(name->units, 2 * (size_t)name->len)));
        for (uint32_t i = 0; i < object->type.counter_count; i++) {
            struct perf_counter_definition definition;
            size_t count;
            perf_parse_counter(object, i, &definition);
            const struct perf_counter *counter = &perf_counters(which, &count)[i];
            uint64_t wanted = which == PERF_POOLS
                                  ? perf_pool_value(counter, blob->pools[row].values, blob->pools[row].start_us, &blob->clock)
                                  : perf_worker_value(counter, &blob->workers[row].view, &blob->clock);
            if (definition.value_len == 4)
                wanted = (uint32_t)wanted;
            assert_true(perf_parse_value(&definition, &instance) == wanted);
        }
    }
}

static void what_is_written_is_read_back(struct bench *bench, unsigned pools, unsigned workers)
{
    struct perf_object_view object;
    fill(bench, pools, workers);
    const struct perf_blob *blob = collect(bench);
    struct bytes all = put(blob, 2), rest = all;
    assert_true(perf_parse_object(&rest, &object));
    check_object(&object, PERF_POOLS, pools + 1);
    check_names_and_values(&object, PERF_POOLS, blob);
    assert_true(perf_parse_object(&rest, &object));
    check_object(&object, PERF_WORKERS, workers);
    check_names_and_values(&object, PERF_WORKERS, blob);
    assert_int_equal(rest.len, 0);
    release(all);
}

static void nothing_but_the_sum_is_written_as_it_has_to_be(void **state)
{
    what_is_written_is_read_back(*state, 0, 0);
}

static void a_pool_and_two_workers_are_written_as_it_has_to_be(void **state)
{
    what_is_written_is_read_back(*state, 1, 2);
}

static void pools_64_and_workers_1000_are_written_as_it_has_to_be(void **state)
{
    what_is_written_is_read_back(*state, 64, 1000);
}

static void one_object_can_be_had_alone_or_none(void **state)
{
    struct bench *bench = *state;
    struct perf_object_view object;
    fill(bench, 3, 4);
    struct perf_blob *blob = collect(bench);
    size_t both = perf_blob_len(blob);
    blob->wanted[PERF_POOLS] = false;
    struct bytes all = put(blob, 1), rest = all;
    assert_true(perf_parse_object(&rest, &object) && rest.len == 0);
    check_object(&object, PERF_WORKERS, 4);
    release(all);
    blob->wanted[PERF_POOLS] = true;
    blob->wanted[PERF_WORKERS] = false;
    rest = put(blob, 1);
    assert_int_equal(rest.len + all.len, both);
    release(rest);
    blob->wanted[PERF_POOLS] = false;
    release(put(blob, 0));
}

static void a_buffer_that_is_too_small_by_whatever_is_left_alone(void **state)
{
    struct bench *bench = *state;
    fill(bench, 2, 3);
    const struct perf_blob *blob = collect(bench);
    uint32_t needed = (uint32_t)perf_blob_len(blob);
    uint8_t *memory = malloc(needed);
    assert_non_null(memory);
    for (uint32_t room = 0; room < needed; room++) {
        uint8_t *at = memory;
        uint32_t len = room, count = 77;
        memset(memory, 0xee, needed);
        assert_false(perf_blob_put(blob, &at, &len, &count));
        assert_ptr_equal(at, memory);
        assert_int_equal(len, 0);
        assert_int_equal(count, 0);
        for (uint32_t i = 0; i < needed; i++)
            assert_int_equal(memory[i], 0xee);
    }
    free(memory);
}

static void more_room_than_is_needed_is_left_alone_and_alignment_does_not_matter(void **state)
{
    struct bench *bench = *state;
    fill(bench, 2, 3);
    const struct perf_blob *blob = collect(bench);
    uint32_t needed = (uint32_t)perf_blob_len(blob);
    struct bytes wanted = put(blob, 2);
    for (uint32_t more = 0; more < 20; more++) {
        uint8_t *memory = malloc(needed + 2 * more), *at = memory + more;
        uint32_t len = needed + more, count = 0;
        assert_non_null(memory);
        memset(memory, 0xee, needed + 2 * more);
        assert_true(perf_blob_put(blob, &at, &len, &count));
        assert_int_equal(len, needed);
        assert_ptr_equal(at, memory + more + needed);
        assert_memory_equal(memory + more, wanted.ptr, needed);
        for (uint32_t i = 0; i < more; i++)
            assert_true(memory[i] == 0xee && memory[more + needed + i] == 0xee);
        free(memory);
    }
    release(wanted);
}

static void averages_are_of_32_bits_and_wrap(void **state)
{
    struct bench *bench = *state;
    struct perf_object_view object;
    struct perf_instance_view instance;
    struct perf_counter_definition counter;
    struct counter_block_pool *pool = perf_test_pool(bench->block, "php", 0);
    pool->values[COUNTER_EXECUTION] = UINT64_C(0x100000003);
    pool->values[COUNTER_EXECUTION + COUNTER_BUCKET_COUNT] = UINT64_C(500000000); /* 500 s: more ticks than 32 bits have */
    struct bytes all = put(collect(bench), 2), rest = all;
    size_t at = 0;
    assert_true(perf_parse_object(&rest, &object) && perf_parse_instance(&object, &at, &instance));
    perf_parse_counter(&object, 11, &counter);
    assert_int_equal(counter.type, PERFMON_AVERAGE_TIMER);
    assert_int_equal(perf_parse_value(&counter, &instance), UINT64_C(5000000000) - UINT64_C(0x100000000));
    perf_parse_counter(&object, 12, &counter);
    assert_int_equal(counter.type, PERFMON_AVERAGE_BASE);
    assert_int_equal(perf_parse_value(&counter, &instance), 3);
    release(all);
}

/* ---- what is asked for */

static void queries_name_what_they_want(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        bool pools, workers;
    } rows[] = {
        {"Global", true, true},
        {"GLOBAL", true, true},
        {"", true, true},
        {"  Global", true, true},
        {"Costly", false, false},
        {"Foreign SERVER", false, false},
        {"Foreign 2342", false, false},
        {"2342", true, false},
        {"2408", false, true},
        {"2342 2408", true, true},
        {"2 4 2408 230", false, true},
        {" 2342\t ", true, false},
        {"2344", false, false}, /* a counter's */
        {"234", false, false},
        {"23422", false, false},
        {"4294969638", false, false}, /* 2342 and 2 to the 32nd */
        {"99999999999999999999999999999999999999999", false, false},
        {"x", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].query) + 1;
        uint16_t *query = malloc(2 * len); /* exactly: nothing is read behind it */
        assert_non_null(query);
        for (size_t j = 0; j < len; j++)
            query[j] = (uint16_t)rows[i].query[j];
        bool wanted[PERF_OBJECTS] = {true, false};
        perf_query_parse(query, FIRST_COUNTER, wanted);
        if (wanted[PERF_POOLS] != rows[i].pools || wanted[PERF_WORKERS] != rows[i].workers)
            fail_msg("'%s' wants %d %d", rows[i].query, wanted[PERF_POOLS], wanted[PERF_WORKERS]);
        free(query);
    }
    bool wanted[PERF_OBJECTS] = {false, false};
    perf_query_parse(NULL, FIRST_COUNTER, wanted);
    assert_true(wanted[PERF_POOLS] && wanted[PERF_WORKERS]);
}

/* ---- the parser */

static void each_cut_is_seen(void **state)
{
    struct bench *bench = *state;
    struct perf_object_view object;
    fill(bench, 1, 1);
    struct bytes all = put(collect(bench), 2), first = all;
    assert_true(perf_parse_object(&first, &object));
    size_t len = all.len - first.len;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, all.ptr, cut);
        struct bytes in = bytes_of(copy, cut);
        assert_false(perf_parse_object(&in, &object));
        assert_int_equal(in.len, cut);
        free(copy);
    }
    release(all);
}

/* Every 32-bit word of the headers, set to what is wrong in it: either it is refused, or all that can be read lies inside. */
static void no_wrong_number_leads_outside(void **state)
{
    struct bench *bench = *state;
    static const uint32_t wrong[] = {0, 1, 3, 4, 7, 8, 0x7ffffff8, 0x80000000, 0xfffffff8, 0xffffffff};
    fill(bench, 1, 0);
    struct bytes all = put(collect(bench), 2);
    size_t refused = 0;
    for (size_t at = 0; at + 4 <= all.len; at += 4)
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            uint8_t *copy = malloc(all.len);
            struct perf_object_view object;
            struct perf_instance_view instance;
            struct perf_counter_definition counter;
            size_t next = 0;
            assert_non_null(copy);
            memcpy(copy, all.ptr, all.len);
            memcpy(copy + at, &wrong[i], 4);
            struct bytes in = bytes_of(copy, all.len);
            while (in.len > 0 && perf_parse_object(&in, &object))
                for (next = 0; perf_parse_instance(&object, &next, &instance);)
                    for (uint32_t j = 0; j < object.type.counter_count; j++) {
                        perf_parse_counter(&object, j, &counter);
                        perf_parse_value(&counter, &instance);
                    }
            refused += in.len > 0;
            free(copy);
        }
    assert_true(refused > 1000);
    release(all);
}

/* ---- as perfmon shows it */

static double formatted(uint32_t type, uint64_t before, uint64_t now)
{
    struct perf_sample a = {.value = before,
                            .base = 0xfffffffe,
                            .ticks = 1000,
                            .ticks_per_second = 1000,
                            .time_100ns = 5,
                            .object_ticks = 100,
                            .object_ticks_per_second = 100};
    struct perf_sample b = {.value = now,
                            .base = 2,
                            .ticks = 3000,
                            .ticks_per_second = 1000,
                            .time_100ns = 20000005,
                            .object_ticks = 500,
                            .object_ticks_per_second = 100};
    double result = -1;
    assert_true(perf_format(type, &a, &b, &result));
    return result;
}

static void values_are_formatted_as_their_types_say(void **state)
{
    (void)state;
    double result;
    struct perf_sample one = {.value = 5, .ticks = 1, .ticks_per_second = 1, .object_ticks_per_second = 1};
    assert_true(formatted(PERFMON_COUNTER_BULK_COUNT, 10, 30) == 10);
    assert_true(formatted(PERFMON_COUNTER_BULK_COUNT, 30, 10) == 0);
    assert_true(formatted(PERFMON_COUNTER_LARGE_RAWCOUNT, 10, 30) == 30);
    assert_true(formatted(PERFMON_100NSEC_TIMER, 0, 5000000) == 25);
    assert_true(formatted(PERFMON_ELAPSED_TIME, 0, 200) == 3);
    assert_true(formatted(PERFMON_ELAPSED_TIME, 0, 600) == 0);
    assert_true(formatted(PERFMON_AVERAGE_TIMER, 0xffffff00, 0xea0) == 1); /* 4000 ticks, 4 events: both have wrapped */
    assert_false(perf_format(PERFMON_AVERAGE_BASE, &one, &one, &result));
    assert_false(perf_format(PERFMON_COUNTER_BULK_COUNT, NULL, &one, &result));
    assert_false(perf_format(PERFMON_COUNTER_BULK_COUNT, &one, &one, &result)); /* no time has passed */
    assert_true(perf_format(PERFMON_COUNTER_LARGE_RAWCOUNT, NULL, &one, &result) && result == 5);
    assert_true(perf_format(PERFMON_AVERAGE_TIMER, &one, &one, &result) && result == 0);
    assert_string_equal(perf_format_unit(PERFMON_100NSEC_TIMER), "%");
}

/* ---- the whole of what RegQueryValueEx gives */

static struct bytes with_header(struct bytes objects, size_t gap)
{
    static const uint8_t signature[] = {'P', 0, 'E', 0, 'R', 0, 'F', 0};
    uint32_t words[] = {1, 1, 1, (uint32_t)(PERF_DATA_HEADER_LEN + objects.len), PERF_DATA_HEADER_LEN, 2};
    uint64_t times[] = {1, 2, 3};
    uint8_t *all = calloc(1, words[3] + gap);
    assert_non_null(all);
    memcpy(all, signature, sizeof signature);
    memcpy(all + 8, words, sizeof words);
    memcpy(all + 56, times, sizeof times);
    memcpy(all + PERF_DATA_HEADER_LEN + gap, objects.ptr, objects.len);
    return bytes_of(all, words[3] + gap);
}

static void the_header_before_the_objects_is_read(void **state)
{
    struct bench *bench = *state;
    struct perf_data data;
    fill(bench, 1, 1);
    struct bytes objects = put(collect(bench), 2);
    for (size_t gap = 0; gap <= PERF_DATA_HEADER_LEN; gap += PERF_DATA_HEADER_LEN) {
        struct bytes all = with_header(objects, gap);
        assert_true(perf_parse_data(all, &data));
        assert_int_equal(data.object_count, 2);
        assert_int_equal(data.ticks, 1);
        assert_int_equal(data.ticks_per_second, 2);
        assert_int_equal(data.time_100ns, 3);
        assert_memory_equal(data.objects.ptr, objects.ptr, objects.len);
        for (size_t cut = 0; cut < all.len; cut++)
            assert_false(perf_parse_data(bytes_of(all.ptr, cut), &data));
        release(all);
    }
    release(objects);
}

#define BENCH_TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(nothing_but_the_sum_is_written_as_it_has_to_be),
        BENCH_TEST(a_pool_and_two_workers_are_written_as_it_has_to_be),
        BENCH_TEST(pools_64_and_workers_1000_are_written_as_it_has_to_be),
        BENCH_TEST(one_object_can_be_had_alone_or_none),
        BENCH_TEST(a_buffer_that_is_too_small_by_whatever_is_left_alone),
        BENCH_TEST(more_room_than_is_needed_is_left_alone_and_alignment_does_not_matter),
        BENCH_TEST(averages_are_of_32_bits_and_wrap),
        cmocka_unit_test(queries_name_what_they_want),
        BENCH_TEST(each_cut_is_seen),
        BENCH_TEST(no_wrong_number_leads_outside),
        cmocka_unit_test(values_are_formatted_as_their_types_say),
        BENCH_TEST(the_header_before_the_objects_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
