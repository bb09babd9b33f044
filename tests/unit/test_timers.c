/* The timer wheel: never early, at most one tick late, whatever is set, moved and cancelled, and however the clock jumps.
 * The model is a plain array that is searched. */
#include "fcgiext/core/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rng.h"

#define DAY_MS ((uint64_t)24 * 60 * 60 * 1000)

static void no_timer_no_deadline(void **state)
{
    (void)state;
    struct timers timers;
    timers_init(&timers, 12345);
    assert_true(timers_next_ms(&timers) == UINT64_MAX);
    assert_null(timers_expire(&timers, 12345 + 1000 * DAY_MS));
    assert_true(timers_next_ms(&timers) == UINT64_MAX);
}

static void cancel_of_a_timer_that_is_not_set_does_nothing(void **state)
{
    (void)state;
    struct timers timers;
    struct timer_entry entry = {0};
    timers_init(&timers, 0);
    timers_cancel(&timers, &entry);
    assert_false(timer_is_set(&entry));
    timers_set(&timers, &entry, 100);
    assert_true(timer_is_set(&entry));
    timers_cancel(&timers, &entry);
    timers_cancel(&timers, &entry);
    assert_false(timer_is_set(&entry));
    assert_true(timers_next_ms(&timers) == UINT64_MAX);
    assert_null(timers_expire(&timers, 1000));
}

/* Goes from one asked-for call to the next, as the shell does. Returns the time of the one that expired `entry`. */
static uint64_t run_to_expiry(struct timers *timers, const struct timer_entry *entry, uint64_t now_ms, unsigned *calls)
{
    for (*calls = 0; *calls < 1000; ++*calls) {
        uint64_t next_ms = timers_next_ms(timers);
        assert_true(next_ms != UINT64_MAX);
        assert_true(next_ms < entry->deadline_ms + TIMERS_TICK_MS);
        if (next_ms > now_ms)
            now_ms = next_ms;
        struct timer_entry *expired = timers_expire(timers, now_ms);
        if (expired) {
            assert_ptr_equal(expired, entry);
            assert_false(timer_is_set(entry));
            return now_ms;
        }
    }
    fail_msg("never expired");
    return 0;
}

static void one_timer_of_any_length_fires_within_a_tick_after_few_calls(void **state)
{
    (void)state;
    const uint64_t starts[] = {0, 1, 15, 16, 17, 1023, 1024, 999999937, 400 * DAY_MS + 3};
    uint64_t lengths[400];
    size_t count = 0;
    for (uint64_t edge = 1; edge < 2000 * DAY_MS; edge *= 2)
        for (int around = -1; around <= 1; around++)
            lengths[count++] = edge + (uint64_t)around;
    for (uint64_t days = 195; days < 205; days++)
        lengths[count++] = days * DAY_MS;
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
        for (size_t i = 0; i < count; i++) {
            struct timers timers;
            struct timer_entry entry = {0};
            timers_init(&timers, starts[s]);
            uint64_t deadline_ms = starts[s] + lengths[i];
            timers_set(&timers, &entry, deadline_ms);
            unsigned calls;
            uint64_t fired_ms = run_to_expiry(&timers, &entry, starts[s], &calls);
            assert_true(fired_ms >= deadline_ms);
            assert_true(fired_ms < deadline_ms + TIMERS_TICK_MS);
            assert_true(calls <= TIMERS_LEVELS + lengths[i] / (190 * DAY_MS)); /* a far one goes round again */
        }
}

static void timer_set_for_the_past_fires_at_the_next_tick(void **state)
{
    (void)state;
    struct timers timers;
    struct timer_entry entry = {0};
    timers_init(&timers, 0);
    assert_null(timers_expire(&timers, 5000));
    const uint64_t deadlines[] = {0, 4000, 4999, 5000};
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        uint64_t now_ms = 5000 + 100 * i;
        assert_null(timers_expire(&timers, now_ms));
        timers_set(&timers, &entry, deadlines[i]);
        assert_true(timers_next_ms(&timers) <= now_ms + TIMERS_TICK_MS);
        assert_ptr_equal(timers_expire(&timers, now_ms + TIMERS_TICK_MS), &entry);
    }
}

static void timer_that_is_set_again_fires_only_at_its_new_time(void **state)
{
    (void)state;
    struct timers timers;
    struct timer_entry entry = {0};
    timers_init(&timers, 0);
    timers_set(&timers, &entry, 1000);
    timers_set(&timers, &entry, 100000);
    assert_null(timers_expire(&timers, 99999));
    timers_set(&timers, &entry, 200000);
    assert_null(timers_expire(&timers, 199999));
    assert_ptr_equal(timers_expire(&timers, 200016), &entry);
    timers_set(&timers, &entry, 300000);
    timers_set(&timers, &entry, 200100); /* earlier */
    assert_ptr_equal(timers_expire(&timers, 200116), &entry);
    assert_null(timers_expire(&timers, 400000));
}

static void all_that_are_due_come_one_by_one_after_a_jump_of_the_clock(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static struct timer_entry entries[COUNT];
    static bool fired[COUNT];
    struct timers timers;
    memset(entries, 0, sizeof entries);
    timers_init(&timers, 77);
    for (uint64_t i = 0; i < COUNT; i++)
        timers_set(&timers, &entries[i], 77 + i * i * i); /* up to 11 days */
    timers_cancel(&timers, &entries[500]);
    uint64_t last_tick = 0;
    for (int i = 0; i < COUNT - 1; i++) {
        const struct timer_entry *entry = timers_expire(&timers, 300 * DAY_MS);
        assert_non_null(entry);
        fired[entry - entries] = true;
        uint64_t tick = (entry->deadline_ms + TIMERS_TICK_MS - 1) / TIMERS_TICK_MS;
        assert_true(tick >= last_tick); /* in order */
        last_tick = tick;
    }
    assert_null(timers_expire(&timers, 300 * DAY_MS));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(fired[i], i != 500);
}

static void clock_that_goes_back_fires_nothing_and_loses_nothing(void **state)
{
    (void)state;
    const uint64_t deadlines[] = {1000500, 1005000, 3000000}; /* in wheels of their own */
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        struct timers timers;
        struct timer_entry entry = {0};
        timers_init(&timers, 1000000);
        assert_null(timers_expire(&timers, 1000000));
        timers_set(&timers, &entry, deadlines[i]);
        assert_null(timers_expire(&timers, 500));
        assert_null(timers_expire(&timers, 0));
        assert_null(timers_expire(&timers, deadlines[i] - 1));
        assert_ptr_equal(timers_expire(&timers, deadlines[i] + TIMERS_TICK_MS), &entry);
    }
}

static void timer_set_after_a_year_without_a_call_is_on_time(void **state)
{
    (void)state;
    struct timers timers;
    struct timer_entry entry = {0};
    timers_init(&timers, 0);
    uint64_t now_ms = 365 * DAY_MS + 5;
    timers_set(&timers, &entry, now_ms + 1000);
    assert_null(timers_expire(&timers, now_ms));
    unsigned calls;
    uint64_t fired_ms = run_to_expiry(&timers, &entry, now_ms, &calls);
    assert_true(fired_ms >= now_ms + 1000 && fired_ms < now_ms + 1000 + TIMERS_TICK_MS);
}

/* ---- the model */

enum { MODEL_COUNT = 64 };

struct model {
    struct timers timers;
    struct timer_entry entries[MODEL_COUNT];
    bool set[MODEL_COUNT];
    uint64_t due_ms[MODEL_COUNT]; /* the deadline, or when it was set if that was later */
    uint64_t now_ms;
    struct rng rng;
};

static uint64_t model_earliest(const struct model *model)
{
    uint64_t earliest = UINT64_MAX;
    for (int i = 0; i < MODEL_COUNT; i++)
        if (model->set[i] && model->due_ms[i] < earliest)
            earliest = model->due_ms[i];
    return earliest;
}

static void model_expire(struct model *model)
{
    struct timer_entry *entry;
    while ((entry = timers_expire(&model->timers, model->now_ms)) != NULL) {
        ptrdiff_t i = entry - model->entries;
        assert_true(model->set[i]);
        assert_true(entry->deadline_ms <= model->now_ms); /* never early */
        model->set[i] = false;
    }
    uint64_t earliest = model_earliest(model);
    assert_true(earliest == UINT64_MAX || earliest + TIMERS_TICK_MS > model->now_ms); /* none is overdue */
    assert_true(timers_next_ms(&model->timers) > model->now_ms);                      /* it has done all there was to do */
}

static uint64_t random_length(struct rng *rng)
{
    return rng_next(rng) & (((uint64_t)1 << rng_below(rng, 36)) - 1); /* up to two years, mostly short */
}

static void model_step(struct model *model)
{
    size_t i = rng_below(&model->rng, MODEL_COUNT);
    size_t choice = rng_below(&model->rng, 100);
    if (choice < 45) {
        uint64_t deadline_ms = model->now_ms + random_length(&model->rng);
        if (rng_below(&model->rng, 20) == 0)
            deadline_ms = model->now_ms - rng_below(&model->rng, 1 + ((size_t)model->now_ms & 0xffff));
        timers_set(&model->timers, &model->entries[i], deadline_ms);
        model->set[i] = true;
        model->due_ms[i] = deadline_ms > model->now_ms ? deadline_ms : model->now_ms;
    } else if (choice < 60) {
        timers_cancel(&model->timers, &model->entries[i]);
        model->set[i] = false;
    } else if (choice < 80) { /* as asked */
        uint64_t next_ms = timers_next_ms(&model->timers);
        if (next_ms != UINT64_MAX && next_ms > model->now_ms)
            model->now_ms = next_ms;
        model_expire(model);
    } else { /* at any other time */
        model->now_ms += random_length(&model->rng) >> (choice < 99 ? 18 : 0);
        model_expire(model);
    }
    assert_int_equal(timer_is_set(&model->entries[i]), model->set[i]);
    uint64_t earliest = model_earliest(model);
    uint64_t next_ms = timers_next_ms(&model->timers);
    if (earliest == UINT64_MAX)
        assert_true(next_ms == UINT64_MAX);
    else /* a timer for now or before may wait for the tick after */
        assert_true(next_ms <= earliest + TIMERS_TICK_MS);
}

static void random_use_agrees_with_a_sorted_list(void **state)
{
    (void)state;
    static struct model model;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        memset(&model, 0, sizeof model);
        model.rng.state = seed;
        model.now_ms = rng_next(&model.rng) & 0xffffffffff;
        timers_init(&model.timers, model.now_ms);
        uint64_t begin_ms = model.now_ms;
        for (int i = 0; i < 50000; i++)
            model_step(&model);
        assert_true(model.now_ms - begin_ms > 1000 * DAY_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_timer_no_deadline),
        cmocka_unit_test(cancel_of_a_timer_that_is_not_set_does_nothing),
        cmocka_unit_test(one_timer_of_any_length_fires_within_a_tick_after_few_calls),
        cmocka_unit_test(timer_set_for_the_past_fires_at_the_next_tick),
        cmocka_unit_test(timer_that_is_set_again_fires_only_at_its_new_time),
        cmocka_unit_test(all_that_are_due_come_one_by_one_after_a_jump_of_the_clock),
        cmocka_unit_test(clock_that_goes_back_fires_nothing_and_loses_nothing),
        cmocka_unit_test(timer_set_after_a_year_without_a_call_is_on_time),
        cmocka_unit_test(random_use_agrees_with_a_sorted_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
