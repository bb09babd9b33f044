/* spool: bodies of unknown length, in memory or in a file, within a limit. The test is client and file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fcgiext/core/buffer.h"
#include "fcgiext/core/spool.h"
#include "tests/unit/rng.h"

struct outcome {
    enum spool_action_kind kind;
    enum error_cause cause;
    bool in_file;
    unsigned reads, stores;
    struct buffer body; /* as the worker would get it */
};

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8));
}

static uint8_t *some_body(size_t len)
{
    uint8_t *body = malloc(len ? len : 1);
    assert_non_null(body);
    for (size_t i = 0; i < len; i++)
        body[i] = byte_at(i);
    return body;
}

/* The client sends `len` bytes in portions of up to `portion` behind the first ones. */
static void run(struct spool *spool, size_t len, size_t portion, size_t first_len, struct outcome *outcome)
{
    uint8_t *body = some_body(len);
    size_t sent = first_len;
    memset(outcome, 0, sizeof *outcome);
    buffer_init(&outcome->body, SIZE_MAX / 4);
    for (;;) {
        struct spool_action action = spool_next(spool);
        size_t piece = len - sent < portion ? len - sent : portion;
        switch (action.kind) {
        case SPOOL_ACTION_READ:
            assert_int_equal(spool_next(spool).kind, SPOOL_ACTION_NONE); /* one at a time */
            assert_true(action.len > 0);
            if (piece > action.len)
                piece = action.len;
            memcpy(action.target, body + sent, piece);
            sent += piece;
            outcome->reads++;
            spool_on_read(spool, piece, true);
            break;
        case SPOOL_ACTION_STORE:
            assert_int_equal(spool_next(spool).kind, SPOOL_ACTION_NONE);
            assert_true(action.bytes.len > 0);
            assert_true(buffer_append(&outcome->body, action.bytes));
            outcome->stores++;
            spool_on_stored(spool, true);
            break;
        default:
            outcome->kind = action.kind;
            outcome->cause = action.cause;
            outcome->in_file = action.in_file;
            if (!action.in_file)
                assert_true(buffer_append(&outcome->body, action.bytes));
            free(body);
            return;
        }
    }
}

static void expect_whole(const struct spool *spool, struct outcome *outcome, size_t len)
{
    assert_int_equal(outcome->kind, SPOOL_ACTION_COMPLETE);
    assert_int_equal(spool->len, len);
    assert_int_equal(outcome->body.len, len);
    struct bytes got = buffer_peek(&outcome->body);
    for (size_t i = 0; i < len; i++)
        if (got.ptr[i] != byte_at(i))
            fail_msg("byte %u is wrong", (unsigned)i);
}

static void check(size_t len, size_t portion, size_t first_len)
{
    struct spool spool;
    struct outcome outcome;
    uint8_t *first = some_body(first_len);
    assert_true(spool_init(&spool, SIZE_MAX, bytes_of(first, first_len)));
    free(first); /* it has a copy */
    run(&spool, len, portion, first_len, &outcome);
    expect_whole(&spool, &outcome, len);
    assert_int_equal(outcome.in_file, len >= spool.capacity);
    assert_true(outcome.stores <= len / SPOOL_BLOCK_LEN + 1);
    buffer_deinit(&outcome.body);
    spool_deinit(&spool);
}

static void short_bodies_stay_in_memory_and_long_ones_go_to_the_file(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 1000, SPOOL_BLOCK_LEN - 1, SPOOL_BLOCK_LEN, SPOOL_BLOCK_LEN + 1, 200000, 1000000};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        check(lens[i], 100000, 0);
        check(lens[i], 777, 0);
        check(lens[i], 100000, lens[i] / 2);
        check(lens[i], 1, lens[i]);
    }
}

static void random_portions_arrive_whole(void **state)
{
    (void)state;
    struct rng rng = {.state = 1};
    for (int i = 0; i < 300; i++) {
        size_t len = rng_below(&rng, 300000);
        check(len, 1 + rng_below(&rng, 80000), rng_below(&rng, len + 1));
    }
}

static void a_body_above_the_limit_is_refused_as_soon_as_it_is(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 10, SPOOL_BLOCK_LEN, 300000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct spool spool;
        struct outcome outcome;
        assert_true(spool_init(&spool, limits[i], bytes_of(NULL, 0)));
        run(&spool, limits[i], 1000, 0, &outcome);
        expect_whole(&spool, &outcome, limits[i]);
        buffer_deinit(&outcome.body);
        spool_deinit(&spool);
        assert_true(spool_init(&spool, limits[i], bytes_of(NULL, 0)));
        run(&spool, 10000000, 1000, 0, &outcome);
        assert_int_equal(outcome.kind, SPOOL_ACTION_FAIL);
        assert_int_equal(outcome.cause, ERROR_CAUSE_BODY_TOO_LARGE);
        assert_true(spool.len > limits[i] && spool.len <= limits[i] + 1000);
        assert_int_equal(spool_next(&spool).kind, SPOOL_ACTION_FAIL); /* and it stays so */
        buffer_deinit(&outcome.body);
        spool_deinit(&spool);
    }
}

static void what_has_come_already_counts(void **state)
{
    (void)state;
    struct spool spool;
    assert_true(spool_init(&spool, 4, bytes_of_str("hello")));
    assert_int_equal(spool_next(&spool).cause, ERROR_CAUSE_BODY_TOO_LARGE);
    spool_deinit(&spool);
}

static void a_client_that_goes_and_a_file_that_fails_end_it(void **state)
{
    (void)state;
    struct spool spool;
    assert_true(spool_init(&spool, SIZE_MAX, bytes_of(NULL, 0)));
    assert_int_equal(spool_next(&spool).kind, SPOOL_ACTION_READ);
    spool_on_read(&spool, 0, false);
    assert_int_equal(spool_next(&spool).cause, ERROR_CAUSE_CLIENT_GONE);
    spool_deinit(&spool);
    assert_true(spool_init(&spool, SIZE_MAX, bytes_of(NULL, 0)));
    struct spool_action action = spool_next(&spool);
    memset(action.target, 'a', action.len);
    spool_on_read(&spool, action.len, true);
    assert_int_equal(spool_next(&spool).kind, SPOOL_ACTION_STORE);
    spool_on_stored(&spool, false);
    assert_int_equal(spool_next(&spool).cause, ERROR_CAUSE_SPOOL);
    spool_deinit(&spool);
}

static void a_host_that_gives_more_than_was_asked_for_is_not_trusted(void **state)
{
    (void)state;
    struct spool spool;
    assert_true(spool_init(&spool, SIZE_MAX, bytes_of(NULL, 0)));
    struct spool_action action = spool_next(&spool);
    spool_on_read(&spool, action.len + 1, true);
    assert_int_equal(spool_next(&spool).kind, SPOOL_ACTION_FAIL);
    spool_deinit(&spool);
}

static void row_30_a_length_is_known_where_the_host_counts_it_or_has_more_than_it_counts(void **state)
{
    (void)state;
    static const struct {
        uint32_t counted;
        const char *announced;
        bool known;
        uint64_t len;
    } rows[] = {
        {0, "", true, 0},
        {5, "5", true, 5},
        {UINT32_MAX - 1, "", true, UINT32_MAX - 1},
        {UINT32_MAX, "", false, 0},
        {UINT32_MAX, "0", false, 0},
        {UINT32_MAX, "-1", false, 0},
        {UINT32_MAX, "4294967295", false, 0},
        {UINT32_MAX, "4294967296", true, 4294967296u},
        {UINT32_MAX, "4294967297", true, 4294967297u},
        {UINT32_MAX, "99999999999999999999999", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t len;
        assert_int_equal(spool_length_is_known(rows[i].counted, bytes_of_str(rows[i].announced), &len), rows[i].known);
        assert_true(!rows[i].known || len == rows[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_bodies_stay_in_memory_and_long_ones_go_to_the_file),
        cmocka_unit_test(random_portions_arrive_whole),
        cmocka_unit_test(a_body_above_the_limit_is_refused_as_soon_as_it_is),
        cmocka_unit_test(what_has_come_already_counts),
        cmocka_unit_test(a_client_that_goes_and_a_file_that_fails_end_it),
        cmocka_unit_test(row_30_a_length_is_known_where_the_host_counts_it_or_has_more_than_it_counts),
        cmocka_unit_test(a_host_that_gives_more_than_was_asked_for_is_not_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
