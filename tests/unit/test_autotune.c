/* The limit of a pool with MaxInstances=0, sample by sample. What it does to whole loads is seen by tests/sim/autotune. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fcgiext/core/autotune.h"

enum { PROCESSORS = 4 };
static const uint64_t mib = 1024 * 1024;

struct world {
    struct autotune tune;
    struct autotune_sample sample;
};

static void begin(struct world *world)
{
    memset(world, 0, sizeof *world);
    autotune_init(&world->tune, PROCESSORS, 1, 1000);
    world->sample = (struct autotune_sample){
        .now_ms = 5000, .free_bytes = 8192 * mib, .total_bytes = 16384 * mib, .worker_bytes = 10 * mib, .pools = 1};
}

/* The next sample: all workers that are allowed are busy, so many requests wait, so many were answered since the last one. */
static bool look(struct world *world, uint32_t waiting, uint32_t answered, uint32_t cpu_permille)
{
    struct autotune_sample *sample = &world->sample;
    sample->now_ms += AUTOTUNE_SAMPLE_MS;
    sample->waiting = waiting;
    sample->busy = sample->workers = world->tune.limit;
    sample->answered += answered;
    sample->cpu_permille = cpu_permille;
    return autotune_sample(&world->tune, sample);
}

/* So many samples. */
static void go_on(struct world *world, unsigned samples, uint32_t waiting, uint32_t answered, uint32_t cpu_permille)
{
    while (samples-- > 0)
        look(world, waiting, answered, cpu_permille);
}

/* To a limit above which each step is a trial, by workers that sleep. */
static void climb_to_trials(struct world *world)
{
    for (int i = 0; i < 100 && world->tune.limit < 10 * PROCESSORS; i++)
        look(world, 1000, 100, 100);
    assert_true(world->tune.limit >= 10 * PROCESSORS);
}

static void it_begins_with_a_worker_a_processor(void **state)
{
    (void)state;
    struct autotune tune;
    assert_int_equal(autotune_first(1), 2);
    assert_int_equal(autotune_first(16), 16);
    autotune_init(&tune, 16, 1, 1000);
    assert_int_equal(tune.limit, 16);
    autotune_init(&tune, 16, 20, 1000);
    assert_int_equal(tune.limit, 20);
    autotune_init(&tune, 16, 1, 5);
    assert_int_equal(tune.limit, 5);
    assert_int_equal(autotune_most(1024 * mib), 128);
    assert_int_equal(autotune_most(1024 * 1024 * mib), 10000);
    assert_int_equal(autotune_most(0), 4);
}

static void it_grows_while_requests_wait_and_the_processors_have_time(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    assert_true(look(&world, 100, 0, 50));
    assert_int_equal(world.tune.limit, 8);
    assert_int_equal(world.tune.reason, AUTOTUNE_QUEUE_WAITS);
    assert_int_equal(world.tune.move_reason, AUTOTUNE_QUEUE_WAITS);
    assert_int_equal(world.tune.moved_ms, world.sample.now_ms);
    assert_int_equal(world.tune.moves[AUTOTUNE_QUEUE_WAITS], 1);
    look(&world, 100, 100, 50);
    assert_int_equal(world.tune.limit, 16);
    look(&world, 100, 100, 760); /* four fifths of the processors: a quarter more is all there is */
    assert_int_equal(world.tune.limit, 20);
}

static void nothing_that_waits_only_for_a_worker_to_start_raises_it(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    world.sample.now_ms += AUTOTUNE_SAMPLE_MS;
    world.sample.waiting = 3;
    world.sample.busy = world.sample.starting = 1;
    world.sample.workers = 3;
    assert_false(autotune_sample(&world.tune, &world.sample));
    assert_int_equal(world.tune.reason, AUTOTUNE_STEADY);
}

static void busy_processors_end_the_growth_at_two_a_processor(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    go_on(&world, 10, 100, 100, 1000);
    assert_int_equal(world.tune.limit, 2 * PROCESSORS);
    assert_int_equal(world.tune.reason, AUTOTUNE_CPU_SATURATED);
}

static void a_trial_that_brings_nothing_is_taken_back(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    uint32_t before = world.tune.limit;
    go_on(&world, 2, 1000, 300, 100);
    assert_true(world.tune.limit > before);
    go_on(&world, 4, 1000, 300, 100);
    assert_int_equal(world.tune.limit, before);
    assert_int_equal(world.tune.move_reason, AUTOTUNE_NO_GAIN);
    go_on(&world, 20, 1000, 300, 100); /* and is not tried again soon */
    assert_int_equal(world.tune.limit, before);
    assert_int_equal(world.tune.reason, AUTOTUNE_NO_GAIN);
    uint64_t raised = world.tune.moves[AUTOTUNE_QUEUE_WAITS];
    go_on(&world, 10, 1000, 300, 100);
    assert_int_equal(world.tune.moves[AUTOTUNE_QUEUE_WAITS], raised + 1); /* but then */
}

static void a_trial_that_brings_more_is_kept(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    uint32_t before = world.tune.limit;
    for (int i = 0; i < 12; i++)
        look(&world, 1000, 8 * world.tune.limit, 100);
    assert_true(world.tune.limit > 3 * before);
    assert_int_equal(world.tune.moves[AUTOTUNE_NO_GAIN], 0);
}

static void fewer_workers_are_kept_when_the_processors_stay_busy(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    for (int i = 0; i < 60 && world.tune.limit > 2 * PROCESSORS; i++) {
        uint32_t before = world.tune.limit;
        look(&world, 1000, 300, 1000);
        assert_true(world.tune.limit <= before);
    }
    assert_int_equal(world.tune.limit, 2 * PROCESSORS);
    assert_int_equal(world.tune.move_reason, AUTOTUNE_CPU_SATURATED);
}

static void fewer_workers_are_taken_back_when_they_answer_fewer(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    uint32_t before = world.tune.limit;
    for (int i = 0; i < 10 && world.tune.move_reason != AUTOTUNE_LOSS; i++)
        look(&world, 1000, 10 * world.tune.limit, 1000); /* it is another pool that needs them */
    assert_int_equal(world.tune.limit, before);
    assert_int_equal(world.tune.move_reason, AUTOTUNE_LOSS);
}

static void low_memory_stops_the_growth_and_then_lowers_the_limit(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    uint32_t before = world.tune.limit;
    world.sample.free_bytes = 900 * mib; /* below the reserve */
    go_on(&world, 3, 1000, 300, 100);
    assert_int_equal(world.tune.limit, before);
    assert_int_equal(world.tune.reason, AUTOTUNE_MEMORY_LOW);
    world.sample.free_bytes = 400 * mib; /* below half of it */
    look(&world, 1000, 300, 100);
    assert_true(world.tune.limit < before && world.tune.limit >= before * 3 / 4 - 1);
    assert_int_equal(world.tune.move_reason, AUTOTUNE_MEMORY_LOW);
    go_on(&world, 200, 1000, 300, 100);
    assert_int_equal(world.tune.limit, 2 * PROCESSORS);
    world.sample.free_bytes = 30 * mib; /* not even a few workers */
    go_on(&world, 200, 1000, 300, 100);
    assert_int_equal(world.tune.limit, PROCESSORS / 2); /* others may have taken it: the pool serves on */
    world.sample.free_bytes = 400 * mib;
    go_on(&world, 200, 1000, 300, 100);
    assert_int_equal(world.tune.limit, 2 * PROCESSORS);
}

static void memory_that_is_rather_low_leaves_the_limit_to_a_pool_with_few_workers(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    uint32_t before = world.tune.limit;
    world.sample.now_ms += AUTOTUNE_SAMPLE_MS;
    world.sample.free_bytes = 900 * mib;
    world.sample.waiting = 0;
    world.sample.busy = world.sample.workers = 1;
    assert_false(autotune_sample(&world.tune, &world.sample));
    assert_int_equal(world.tune.limit, before);
}

static void two_workers_a_processor_are_allowed_where_memory_is_rather_low(void **state)
{
    (void)state;
    struct world world = {.sample = {.now_ms = 5000, .free_bytes = 380 * mib, .total_bytes = 4096 * mib, .pools = 1}};
    autotune_init(&world.tune, 2, 1, 512);
    world.sample.busy = world.sample.workers = 1; /* the first request */
    autotune_sample(&world.tune, &world.sample);
    assert_int_equal(world.tune.limit, 2);
    go_on(&world, 30, 100, 10, 1000);
    assert_int_equal(world.tune.limit, 4);
    world.sample.free_bytes = 190 * mib; /* below half of the reserve, but there is room for some */
    go_on(&world, 30, 100, 10, 1000);
    assert_int_equal(world.tune.limit, 4);
}

static void the_reserve_of_a_large_machine_is_a_gibibyte(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    world.sample.total_bytes = 256 * 1024 * mib;
    go_on(&world, 4, 1000, 100, 100); /* 8 GiB are free */
    assert_true(world.tune.limit > 2 * PROCESSORS);
    assert_int_equal(world.tune.moves[AUTOTUNE_MEMORY_LOW], 0);
}

static void growth_is_bounded_by_the_share_of_free_memory(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    world.sample.free_bytes = (1024 + 80) * mib; /* three quarters: 6 workers, for two pools 3 */
    world.sample.pools = 2;
    look(&world, 100, 0, 50);
    assert_int_equal(world.tune.limit, 2 * PROCESSORS); /* these are allowed anyway */
    look(&world, 100, 0, 50);
    assert_int_equal(world.tune.limit, 2 * PROCESSORS + 3);
}

static void an_unused_limit_goes_down(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    for (int i = 0; i < 70; i++) { /* two looks at the most that were busy in a minute */
        world.sample.now_ms += AUTOTUNE_SAMPLE_MS;
        world.sample.waiting = 0;
        world.sample.busy = 10;
        world.sample.answered += 10;
        autotune_sample(&world.tune, &world.sample);
    }
    assert_int_equal(world.tune.limit, 20);
    assert_int_equal(world.tune.move_reason, AUTOTUNE_IDLE);
}

/* The first sample after an hour without work. */
static void look_again(struct world *world, uint32_t waiting, uint32_t busy)
{
    world->sample.now_ms += 3600 * 1000;
    world->sample.waiting = waiting;
    world->sample.busy = busy;
    autotune_sample(&world->tune, &world->sample);
}

static void a_time_without_work_lets_it_begin_anew(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    look_again(&world, 0, 1);
    assert_int_equal(world.tune.limit, PROCESSORS);
    assert_int_equal(world.tune.move_reason, AUTOTUNE_IDLE);
}

static void what_a_load_uses_is_kept_after_a_time_without_work(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    climb_to_trials(&world);
    uint32_t before = world.tune.limit;
    look_again(&world, 0, before);
    assert_int_equal(world.tune.limit, before);
    look_again(&world, 5, 7);
    assert_int_equal(world.tune.limit, 2 * 7 + 5);
}

static void above_a_minimum_more_are_tried_when_the_processors_stay_busy(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    autotune_set_bounds(&world.tune, 20, 1000);
    uint32_t most = 0;
    for (int i = 0; i < 30; i++) {
        look(&world, 1000, 10 * world.tune.limit, 1000);
        assert_true(world.tune.limit >= 20);
        most = most > world.tune.limit ? most : world.tune.limit;
    }
    assert_int_equal(most, 30);
}

static void the_moves_are_counted_on_when_it_is_tuned_again(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    go_on(&world, 3, 100, 100, 50);
    uint64_t moves = world.tune.moves[AUTOTUNE_QUEUE_WAITS];
    assert_true(moves > 0);
    autotune_restart(&world.tune, PROCESSORS, 1, 1000);
    assert_int_equal(world.tune.limit, PROCESSORS);
    assert_int_equal(world.tune.move_reason, AUTOTUNE_STEADY);
    assert_int_equal(world.tune.moves[AUTOTUNE_QUEUE_WAITS], moves);
    look(&world, 100, 0, 50);
    look(&world, 100, 0, 50);
    assert_true(world.tune.moves[AUTOTUNE_QUEUE_WAITS] > moves);
}

static void it_stays_within_its_bounds(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    autotune_set_bounds(&world.tune, 3, 11);
    go_on(&world, 50, 1000, 100, 100);
    assert_int_equal(world.tune.limit, 11);
    assert_int_equal(world.tune.reason, AUTOTUNE_AT_MOST);
    world.sample.free_bytes = 0;
    go_on(&world, 100, 1000, 100, 100);
    assert_int_equal(world.tune.limit, 3);
    autotune_set_bounds(&world.tune, 6, 20);
    assert_int_equal(world.tune.limit, 6);
}

static void each_reason_has_a_name(void **state)
{
    (void)state;
    for (int reason = 0; reason < AUTOTUNE_REASON_COUNT; reason++) {
        const char *name = autotune_reason_name((enum autotune_reason)reason);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (int other = 0; other < reason; other++)
            assert_string_not_equal(name, autotune_reason_name((enum autotune_reason)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_a_worker_a_processor),
        cmocka_unit_test(it_grows_while_requests_wait_and_the_processors_have_time),
        cmocka_unit_test(nothing_that_waits_only_for_a_worker_to_start_raises_it),
        cmocka_unit_test(busy_processors_end_the_growth_at_two_a_processor),
        cmocka_unit_test(a_trial_that_brings_nothing_is_taken_back),
        cmocka_unit_test(a_trial_that_brings_more_is_kept),
        cmocka_unit_test(fewer_workers_are_kept_when_the_processors_stay_busy),
        cmocka_unit_test(fewer_workers_are_taken_back_when_they_answer_fewer),
        cmocka_unit_test(low_memory_stops_the_growth_and_then_lowers_the_limit),
        cmocka_unit_test(memory_that_is_rather_low_leaves_the_limit_to_a_pool_with_few_workers),
        cmocka_unit_test(two_workers_a_processor_are_allowed_where_memory_is_rather_low),
        cmocka_unit_test(the_reserve_of_a_large_machine_is_a_gibibyte),
        cmocka_unit_test(growth_is_bounded_by_the_share_of_free_memory),
        cmocka_unit_test(an_unused_limit_goes_down),
        cmocka_unit_test(a_time_without_work_lets_it_begin_anew),
        cmocka_unit_test(what_a_load_uses_is_kept_after_a_time_without_work),
        cmocka_unit_test(above_a_minimum_more_are_tried_when_the_processors_stay_busy),
        cmocka_unit_test(the_moves_are_counted_on_when_it_is_tuned_again),
        cmocka_unit_test(it_stays_within_its_bounds),
        cmocka_unit_test(each_reason_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
