/* The bounded byte queue: what goes in comes out in order, the limit is exact, a refusal loses nothing, and moves
 * of waiting bytes stay cheap. The last tests compare it with a plain model over random operations and see its two
 * memory-safety checks fire. */
#include "fcgiext/core/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/aborts.h"
#include "tests/unit/no_memory.h"
#include "tests/unit/rng.h"

static void assert_waiting(const struct buffer *buffer, const char *expected)
{
    assert_true(bytes_equal(buffer_peek(buffer), bytes_of_str(expected)));
}

static void new_buffer_is_empty_and_has_no_memory(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    assert_null(buffer.data);
    assert_null(buffer_peek(&buffer).ptr);
    assert_int_equal(buffer_peek(&buffer).len, 0);
    assert_int_equal(buffer_room(&buffer), 100);
    buffer_consume(&buffer, 0);
    buffer_clear(&buffer);
    buffer_deinit(&buffer);
}

static void appended_bytes_come_out_in_order(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    assert_true(buffer_append_str(&buffer, "one "));
    assert_true(buffer_append(&buffer, bytes_of("two", 3)));
    assert_waiting(&buffer, "one two");
    buffer_consume(&buffer, 2);
    assert_waiting(&buffer, "e two");
    assert_true(buffer_append_str(&buffer, "!"));
    assert_waiting(&buffer, "e two!");
    assert_int_equal(buffer_room(&buffer), 94);
    buffer_deinit(&buffer);
}

static void appending_nothing_succeeds_without_memory_and_when_full(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 3);
    assert_true(buffer_append(&buffer, bytes_of(NULL, 0)));
    assert_true(buffer_append_str(&buffer, ""));
    assert_true(buffer_append_str(&buffer, NULL));
    assert_null(buffer.data);
    assert_true(buffer_append_str(&buffer, "abc"));
    assert_true(buffer_append(&buffer, bytes_of(NULL, 0)));
    assert_waiting(&buffer, "abc");
    buffer_deinit(&buffer);
}

static void reserving_nothing_is_no_failure(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 1, 5000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct buffer buffer;
        buffer_init(&buffer, limits[i]);
        assert_non_null(buffer_reserve(&buffer, 0));
        buffer_commit(&buffer, 0);
        uint8_t *room = buffer_reserve(&buffer, limits[i]);
        assert_non_null(room);
        memset(room, 'x', limits[i]);
        buffer_commit(&buffer, limits[i]);
        assert_non_null(buffer_reserve(&buffer, 0));
        assert_null(buffer_reserve(&buffer, 1));
        buffer_deinit(&buffer);
    }
}

static void limit_is_exact_and_a_refusal_changes_nothing(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 5);
    assert_false(buffer_append_str(&buffer, "123456"));
    assert_null(buffer.data);
    assert_true(buffer_append_str(&buffer, "1234"));
    assert_false(buffer_append_str(&buffer, "56"));
    assert_false(buffer_append_str(&buffer, "56"));
    assert_null(buffer_reserve(&buffer, 2));
    assert_waiting(&buffer, "1234");
    assert_true(buffer_append_str(&buffer, "5"));
    assert_int_equal(buffer_room(&buffer), 0);
    assert_false(buffer_append_str(&buffer, "6"));
    buffer_consume(&buffer, 1);
    assert_true(buffer_append_str(&buffer, "6"));
    assert_waiting(&buffer, "23456");
    buffer_deinit(&buffer);
}

static void lengths_near_the_end_of_size_t_do_not_wrap(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX);
    assert_true(buffer_append_str(&buffer, "0123456789"));
    for (size_t below = 0; below < 20; below++) {
        assert_null(buffer_reserve(&buffer, SIZE_MAX - below));
        assert_false(buffer_append(&buffer, bytes_of("x", SIZE_MAX - below)));
    }
    assert_waiting(&buffer, "0123456789");
    assert_true(buffer_append_str(&buffer, "a"));
    buffer_deinit(&buffer);
}

static void out_of_memory_is_reported_and_nothing_is_lost(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX);
    size_t too_much = SIZE_MAX - 4096; /* allowed by the limit, but not to be had */
    assert_null(buffer_reserve(&buffer, too_much));
    assert_true(buffer_append_str(&buffer, "-kept"));
    buffer_consume(&buffer, 1);
    assert_null(buffer_reserve(&buffer, too_much));
    assert_waiting(&buffer, "kept");
    assert_true(buffer_append_str(&buffer, " on"));
    assert_waiting(&buffer, "kept on");
    buffer_deinit(&buffer);
}

static void only_committed_bytes_wait(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 4000);
    uint8_t *room = buffer_reserve(&buffer, 3000);
    assert_non_null(room);
    assert_int_equal(buffer.len, 0);
    memcpy(room, "abcdef", 6);
    buffer_commit(&buffer, 3);
    assert_waiting(&buffer, "abc");
    room = buffer_reserve(&buffer, 1);
    room[0] = 'X';
    assert_waiting(&buffer, "abc");
    buffer_commit(&buffer, 1);
    assert_waiting(&buffer, "abcX");
    buffer_deinit(&buffer);
}

static void emptied_queue_starts_again_at_the_front(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    assert_true(buffer_append_str(&buffer, "first"));
    const uint8_t *front = buffer_peek(&buffer).ptr;
    buffer_consume(&buffer, 2);
    assert_ptr_equal(buffer_peek(&buffer).ptr, front + 2);
    buffer_consume(&buffer, 3);
    assert_true(buffer_append_str(&buffer, "second"));
    assert_ptr_equal(buffer_peek(&buffer).ptr, front);
    assert_waiting(&buffer, "second");
    buffer_deinit(&buffer);
}

static void nothing_is_moved_while_there_is_room_at_the_end(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    assert_non_null(buffer_reserve(&buffer, 60000));
    for (size_t i = 0; i < 60000 / 6; i++) {
        const uint8_t *data = buffer.data;
        size_t start = buffer.start;
        assert_true(buffer_append_str(&buffer, "abcdef"));
        assert_ptr_equal(buffer.data, data);
        assert_int_equal(buffer.start, start);
        buffer_consume(&buffer, 5);
    }
    buffer_deinit(&buffer);
}

static void space_of_consumed_bytes_is_reused_instead_of_growing(void **state)
{
    (void)state;
    struct buffer buffer;
    uint8_t block[1000] = {0};
    buffer_init(&buffer, 1 << 20);
    assert_non_null(buffer_reserve(&buffer, 4000));
    size_t capacity = buffer.capacity;
    for (int i = 0; i < 10000; i++) {
        assert_true(buffer_append(&buffer, bytes_of(block, sizeof block)));
        if (i > 0)
            buffer_consume(&buffer, sizeof block);
    }
    assert_int_equal(buffer.capacity, capacity);
    buffer_deinit(&buffer);
}

/* The worst case for a queue that moves: always full, one byte out, one byte in. */
static void small_steps_through_a_full_queue_move_few_bytes(void **state)
{
    (void)state;
    static const size_t limits[] = {1, 2, 3, 4, 5, 7, 100, 1023, 65536};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        size_t limit = limits[i];
        struct buffer buffer;
        buffer_init(&buffer, limit);
        while (buffer_room(&buffer) > 0)
            assert_true(buffer_append_str(&buffer, "x"));
        uint64_t moved = 0;
        size_t steps = 4 * limit + 1000;
        for (size_t step = 0; step < steps; step++) {
            buffer_consume(&buffer, 1);
            size_t start = buffer.start;
            size_t capacity = buffer.capacity;
            uint8_t *room = buffer_reserve(&buffer, 1);
            assert_non_null(room);
            *room = 'y';
            if (buffer.start < start || buffer.capacity != capacity)
                moved += buffer.len;
            buffer_commit(&buffer, 1);
        }
        assert_true(moved <= 5 * steps + 2 * limit);
        assert_true(buffer.capacity <= limit + limit / 4);
        buffer_deinit(&buffer);
    }
}

static void clear_keeps_the_memory_and_release_gives_it_back(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    assert_true(buffer_append_str(&buffer, "abc"));
    buffer_consume(&buffer, 1);
    uint8_t *data = buffer.data;
    buffer_clear(&buffer);
    assert_int_equal(buffer.len, 0);
    assert_true(buffer_append_str(&buffer, "def"));
    assert_ptr_equal(buffer.data, data);
    assert_waiting(&buffer, "def");

    buffer_release(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
    assert_int_equal(buffer_room(&buffer), 100);
    assert_true(buffer_append_str(&buffer, "ghi"));
    assert_waiting(&buffer, "ghi");
    buffer_deinit(&buffer);
    buffer_deinit(&buffer);
}

/* Bytes are numbered as they go in, so that what waits is known from its first number and its length. */
static const char *run_random_operations(uint64_t seed)
{
    struct rng rng = {seed};
    size_t limit = rng_below(&rng, 5000);
    struct buffer buffer;
    buffer_init(&buffer, limit);
    uint32_t in = 0, out = 0;
    const char *problem = NULL;
    for (int step = 0; step < 400 && !problem; step++) {
        size_t waiting = in - out;
        size_t len = rng_below(&rng, rng_below(&rng, 2) ? 16 : limit + 3);
        if (rng_below(&rng, 100) == 0) {
            rng_below(&rng, 2) ? buffer_clear(&buffer) : buffer_release(&buffer);
            out = in;
        } else if (rng_below(&rng, 2)) {
            uint8_t *room = buffer_reserve(&buffer, len);
            if (!room != (len > limit - waiting))
                problem = "refused or accepted wrongly";
            if (!room)
                continue;
            size_t used = rng_below(&rng, len + 1);
            for (size_t i = 0; i < used; i++)
                room[i] = (uint8_t)(in++ * 7 >> 1);
            buffer_commit(&buffer, used);
        } else {
            size_t used = len < waiting ? len : waiting;
            buffer_consume(&buffer, used);
            out += (uint32_t)used;
        }
        struct bytes peek = buffer_peek(&buffer);
        if (peek.len != in - out || buffer_room(&buffer) != limit - peek.len)
            problem = "wrong length";
        for (uint32_t i = 0; i < peek.len && !problem; i++)
            if (peek.ptr[i] != (uint8_t)((out + i) * 7 >> 1))
                problem = "wrong byte";
    }
    buffer_deinit(&buffer);
    return problem;
}

static void random_operations_behave_like_a_plain_queue(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        const char *problem = run_random_operations(seed);
        if (problem)
            fail_msg("seed %u: %s", (unsigned)seed, problem);
    }
}

static void commit_one_too_many(void *buffer)
{
    struct buffer *full = buffer;
    buffer_commit(full, full->capacity - full->start - full->len + 1);
}

static void commit_over_the_limit(void *buffer)
{
    struct buffer *slack = buffer;
    buffer_commit(slack, buffer_room(slack) + 1);
}

static void consume_one_too_many(void *buffer)
{
    struct buffer *waiting = buffer;
    buffer_consume(waiting, waiting->len + 1);
}

static void commit_or_consume_beyond_what_there_is_aborts(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 4000);
    assert_true(aborts(commit_one_too_many, &buffer)); /* nothing was reserved */
    assert_true(aborts(consume_one_too_many, &buffer));
    assert_true(buffer_append_str(&buffer, "abc"));
    assert_true(aborts(commit_one_too_many, &buffer));
    assert_true(aborts(consume_one_too_many, &buffer));
    assert_waiting(&buffer, "abc");
    buffer_deinit(&buffer);

    buffer_init(&buffer, 4);
    assert_non_null(buffer_reserve(&buffer, 4));
    assert_true(aborts(commit_over_the_limit, &buffer)); /* where memory is larger than the limit */
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_buffer_is_empty_and_has_no_memory),
        cmocka_unit_test(appended_bytes_come_out_in_order),
        cmocka_unit_test(appending_nothing_succeeds_without_memory_and_when_full),
        cmocka_unit_test(reserving_nothing_is_no_failure),
        cmocka_unit_test(limit_is_exact_and_a_refusal_changes_nothing),
        cmocka_unit_test(lengths_near_the_end_of_size_t_do_not_wrap),
        cmocka_unit_test(out_of_memory_is_reported_and_nothing_is_lost),
        cmocka_unit_test(only_committed_bytes_wait),
        cmocka_unit_test(emptied_queue_starts_again_at_the_front),
        cmocka_unit_test(nothing_is_moved_while_there_is_room_at_the_end),
        cmocka_unit_test(space_of_consumed_bytes_is_reused_instead_of_growing),
        cmocka_unit_test(small_steps_through_a_full_queue_move_few_bytes),
        cmocka_unit_test(clear_keeps_the_memory_and_release_gives_it_back),
        cmocka_unit_test(random_operations_behave_like_a_plain_queue),
        cmocka_unit_test(commit_or_consume_beyond_what_there_is_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
