/* Name-value pairs and PARAMS records. The streams are read back by a parser of the tests' own that treats each record
 * by itself, as PHP and wfastcgi do: a pair that spans two records cannot be found by it. */
#include "tests/unit/guard.h"

#include "fcgiext/core/fcgi_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/rng.h"

enum { BIG = 8 << 20, ID = 0x0102, LONGEST = 200000 };

static uint8_t filler[LONGEST]; /* arbitrary bytes: what names and values are made of */
static struct guard guard;

static int set_up(void **state)
{
    (void)state;
    struct rng rng = {99};
    rng_fill(&rng, filler, sizeof filler);
    guard_open(&guard, LONGEST + 4096);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guard_close(&guard);
    return 0;
}

/* ---- the tests' own reading of a stream */

static uint32_t wire_len(const uint8_t **p)
{
    const uint8_t *at = *p;
    if (at[0] < 128) {
        *p += 1;
        return at[0];
    }
    *p += 4;
    return (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Takes a PARAMS record of the stream apart and checks its form; the content's slice. */
static struct bytes next_record(struct bytes *stream)
{
    assert_true(stream->len >= 8);
    const uint8_t *p = stream->ptr;
    size_t content_len = (size_t)p[4] << 8 | p[5];
    assert_int_equal(p[0], 1);
    assert_int_equal(p[1], FCGI_PARAMS);
    assert_int_equal(p[2] << 8 | p[3], ID);
    assert_int_equal(p[7], 0);
    assert_true(content_len <= FCGI_MAX_CONTENT_LEN);
    assert_true(p[6] <= 7);
    assert_int_equal((content_len + p[6]) % 8, 0);
    assert_true(stream->len >= 8 + content_len + p[6]);
    for (size_t i = 0; i < p[6]; i++)
        assert_int_equal(p[8 + content_len + i], 0);
    struct bytes content = bytes_of(p + 8, content_len);
    bytes_advance(stream, 8 + content_len + p[6]);
    return content;
}

/* Pairs of the record that wholly lie in it; fails when something else is there too. */
static size_t whole_pairs(struct bytes content, struct bytes *names, struct bytes *values, size_t room)
{
    const uint8_t *p = content.ptr, *end = p + content.len;
    size_t count = 0;
    while (p < end) {
        uint32_t name_len = wire_len(&p);
        uint32_t value_len = wire_len(&p);
        assert_true(p <= end && (uint64_t)name_len + value_len <= (uint64_t)(end - p));
        assert_true(count < room);
        names[count] = bytes_of(p, name_len);
        values[count++] = bytes_of(p + name_len, value_len);
        p += name_len + value_len;
    }
    return count;
}

/* All pairs of a stream none of which spans records. */
static size_t read_stream(struct bytes stream, struct bytes *names, struct bytes *values, size_t room)
{
    size_t count = 0;
    for (;;) {
        struct bytes content = next_record(&stream);
        if (content.len == 0)
            break;
        count += whole_pairs(content, names + count, values + count, room - count);
    }
    assert_int_equal(stream.len, 0); /* the empty record is the last */
    return count;
}

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

/* ---- one pair */

static void short_lengths_take_one_byte_and_long_ones_four(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint8_t wire[4];
        size_t size;
    } cases[] = {
        {0, {0}, 1},
        {1, {1}, 1},
        {127, {127}, 1},
        {128, {0x80, 0, 0, 128}, 4},
        {255, {0x80, 0, 0, 255}, 4},
        {65535, {0x80, 0, 0xff, 0xff}, 4},
        {70000, {0x80, 1, 0x11, 0x70}, 4},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        for (size_t v = 0; v < sizeof cases / sizeof *cases; v++) {
            struct buffer out;
            buffer_init(&out, BIG);
            assert_true(fcgi_param_encode(&out, bytes_of(filler, cases[n].len), bytes_of(filler, cases[v].len)));
            const uint8_t *p = buffer_peek(&out).ptr;
            assert_int_equal(out.len, cases[n].size + cases[v].size + cases[n].len + cases[v].len);
            assert_memory_equal(p, cases[n].wire, cases[n].size);
            assert_memory_equal(p + cases[n].size, cases[v].wire, cases[v].size);
            buffer_deinit(&out);
        }
    }
}

static void row_06_names_and_values_of_any_length_survive(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 127, 128, 65535, 70000};
    for (size_t n = 0; n < sizeof lens / sizeof *lens; n++) {
        for (size_t v = 0; v < sizeof lens / sizeof *lens; v++) {
            struct bytes name = bytes_of(filler, lens[n]), value = bytes_of(filler + 5, lens[v]);
            struct buffer out;
            buffer_init(&out, BIG);
            assert_true(fcgi_param_encode(&out, name, value));
            struct bytes in = guard_put(&guard, buffer_peek(&out)), got_name, got_value;
            assert_int_equal(fcgi_param_decode(&in, &got_name, &got_value), FCGI_OK);
            assert_true(bytes_equal(got_name, name) && bytes_equal(got_value, value));
            assert_int_equal(in.len, 0);
            buffer_deinit(&out);
        }
    }
}

static void pair_cut_at_each_byte_wants_more_and_changes_nothing(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 3, 127, 128, 300};
    for (size_t n = 0; n < sizeof lens / sizeof *lens; n++) {
        for (size_t v = 0; v < sizeof lens / sizeof *lens; v++) {
            struct buffer out;
            buffer_init(&out, BIG);
            assert_true(fcgi_param_encode(&out, bytes_of(filler, lens[n]), bytes_of(filler, lens[v])));
            for (size_t len = 0; len < out.len; len++) {
                struct bytes in = guard_put(&guard, bytes_of(out.data, len));
                const struct bytes before = in;
                struct bytes name = text("old"), value = text("old");
                assert_int_equal(fcgi_param_decode(&in, &name, &value), FCGI_MORE);
                assert_true(in.ptr == before.ptr && in.len == before.len);
                assert_true(bytes_equal(name, text("old")) && bytes_equal(value, text("old")));
            }
            buffer_deinit(&out);
        }
    }
}

static void decode_leaves_the_next_pair(void **state)
{
    (void)state;
    struct bytes in = guard_put(&guard, bytes_of("\x01\x02nvv\x00\x00rest", 11)), name, value;
    assert_int_equal(fcgi_param_decode(&in, &name, &value), FCGI_OK);
    assert_true(bytes_equal(name, text("n")) && bytes_equal(value, text("vv")));
    assert_int_equal(fcgi_param_decode(&in, &name, &value), FCGI_OK);
    assert_true(name.len == 0 && value.len == 0);
    assert_true(bytes_equal(in, text("rest")));
}

static void row_05_lengths_that_lie_or_wrap_are_not_believed(void **state)
{
    (void)state;
    static const char *const lies[] = {
        "\xff\xff\xff\xff\xff\xff\xff\xff", /* the sum is 2^32 - 2, and 6 with the lengths themselves */
        "\xff\xff\xff\xff\x80\x00\x00\x00", "\x80\x00\x00\x00\xff\xff\xff\xff", "\xff\xff\xff\xf8\x7f\x7f\x7f\x7f",
        "\x7f\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\x01\x01\x01\x01", "\xff\xff\xff\xfe\x80\x00\x00\x02",
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        for (size_t more = 0; more <= 100; more++) {
            uint8_t wire[108];
            memcpy(wire, lies[i], 8);
            memset(wire + 8, 'x', 100);
            struct bytes in = guard_put(&guard, bytes_of(wire, 8 + more)), name, value;
            assert_int_equal(fcgi_param_decode(&in, &name, &value), FCGI_MORE);
            assert_int_equal(in.len, 8 + more);
        }
    }
}

/* Nothing of these names and values is there to be read: the lengths alone must refuse them. */
static void row_05_lengths_that_cannot_be_said_or_wrap_are_refused(void **state)
{
    (void)state;
    size_t max = FCGI_PARAM_MAX_LEN;
    const size_t lens[][2] = {
        {max + 1, 0},  {0, max + 1},  {max, max},    {max, max - 7},       {SIZE_MAX, 0},
        {0, SIZE_MAX}, {SIZE_MAX, 2}, {2, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}, {max + 1, max + 1},
    };
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct bytes name = bytes_of("x", lens[i][0]), value = bytes_of("x", lens[i][1]);
        struct buffer out;
        /* No limit helps, but where the lengths can be said and their sum fits size_t. */
        bool possible = name.len <= max && value.len <= max && value.len <= SIZE_MAX - 8 - name.len;
        buffer_init(&out, possible ? BIG : SIZE_MAX);
        assert_false(fcgi_param_encode(&out, name, value));
        assert_int_equal(out.len, 0);

        struct fcgi_params_writer writer;
        fcgi_params_begin(&writer, &out, ID);
        fcgi_params_add(&writer, name, value);
        assert_true(writer.failed);
        assert_int_equal(out.len, 0);
        assert_false(fcgi_params_end(&writer));
        buffer_deinit(&out);
    }
}

/* ---- streams */

static void stream_without_pairs_is_one_empty_record(void **state)
{
    (void)state;
    struct buffer out;
    struct fcgi_params_writer writer;
    buffer_init(&out, BIG);
    fcgi_params_begin(&writer, &out, ID);
    assert_true(fcgi_params_end(&writer));
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, "\x01\x04\x01\x02\x00\x00\x00\x00", 8);
    buffer_deinit(&out);
}

static void small_pairs_share_one_padded_record(void **state)
{
    (void)state;
    struct buffer out;
    struct fcgi_params_writer writer;
    buffer_init(&out, BIG);
    fcgi_params_begin(&writer, &out, ID);
    fcgi_params_add(&writer, text("A"), text("bc"));
    fcgi_params_add(&writer, text("D"), text(""));
    assert_true(fcgi_params_end(&writer));
    static const char expected[] = "\x01\x04\x01\x02\x00\x08\x00\x00"
                                   "\x01\x02"
                                   "Abc"
                                   "\x01\x00"
                                   "D"
                                   "\x01\x04\x01\x02\x00\x00\x00\x00";
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.len);
    buffer_deinit(&out);
}

static void check_writer_behind_other_bytes(size_t count)
{
    static struct bytes names[3000], values[3000];
    struct buffer out;
    struct fcgi_params_writer writer;
    buffer_init(&out, BIG);
    assert_true(buffer_append_str(&out, "consumed|waiting"));
    buffer_consume(&out, 9);
    fcgi_params_begin(&writer, &out, ID);
    for (size_t i = 0; i < count; i++)
        fcgi_params_add(&writer, text("NAME"), bytes_of(filler + i, 50));
    assert_true(fcgi_params_end(&writer));
    struct bytes stream = buffer_peek(&out);
    assert_memory_equal(stream.ptr, "waiting", 7);
    bytes_advance(&stream, 7);
    assert_int_equal(read_stream(stream, names, values, 3000), count);
    assert_true(bytes_equal(values[count - 1], bytes_of(filler + count - 1, 50)));
    buffer_deinit(&out);
}

static void writer_appends_behind_what_waits_and_what_was_consumed(void **state)
{
    (void)state;
    check_writer_behind_other_bytes(1);
    check_writer_behind_other_bytes(3000); /* the buffer grows, and starts at its front, while a record is open */
}

static void pair_that_just_fits_stays_and_one_byte_more_opens_a_record(void **state)
{
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        struct buffer out;
        struct fcgi_params_writer writer;
        buffer_init(&out, BIG);
        fcgi_params_begin(&writer, &out, ID);
        fcgi_params_add(&writer, text("ab"), text("c")); /* 5 bytes */
        fcgi_params_add(&writer, text("n"), bytes_of(filler, FCGI_MAX_CONTENT_LEN - 5 - 6 + extra));
        assert_true(fcgi_params_end(&writer));
        struct bytes stream = buffer_peek(&out);
        assert_int_equal(next_record(&stream).len, extra ? 5 : FCGI_MAX_CONTENT_LEN);
        if (extra)
            assert_int_equal(next_record(&stream).len, FCGI_MAX_CONTENT_LEN - 5 + 1);
        assert_int_equal(next_record(&stream).len, 0);
        assert_int_equal(stream.len, 0);
        buffer_deinit(&out);
    }
}

static void pair_of_exactly_one_record_does_not_span(void **state)
{
    (void)state;
    struct buffer out;
    struct fcgi_params_writer writer;
    buffer_init(&out, BIG);
    fcgi_params_begin(&writer, &out, ID);
    fcgi_params_add(&writer, text("a"), text("b"));
    fcgi_params_add(&writer, text("n"), bytes_of(filler, FCGI_MAX_CONTENT_LEN - 6));
    fcgi_params_add(&writer, text("c"), text("d"));
    assert_true(fcgi_params_end(&writer));
    struct bytes stream = buffer_peek(&out);
    assert_int_equal(next_record(&stream).len, 4);
    assert_int_equal(next_record(&stream).len, FCGI_MAX_CONTENT_LEN);
    assert_int_equal(next_record(&stream).len, 4);
    assert_int_equal(next_record(&stream).len, 0);
    buffer_deinit(&out);
}

/* Such a pair spans, as it must; its neighbours are still whole in records of their own. */
static void row_06_pair_larger_than_a_record_has_records_of_its_own(void **state)
{
    (void)state;
    static const size_t lens[][2] = {
        {FCGI_MAX_CONTENT_LEN, 0},
        {1, FCGI_MAX_CONTENT_LEN - 5},
        {70000, 0},
        {3, 70000},
        {3, 200000},
        {70000, 70000},
        {FCGI_MAX_CONTENT_LEN, 65535},
        {8, 131056 - 13},
    };
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct bytes name = bytes_of(filler, lens[i][0]), value = bytes_of(filler, lens[i][1]);
        struct buffer out, joined;
        struct fcgi_params_writer writer;
        buffer_init(&out, BIG);
        buffer_init(&joined, BIG);
        fcgi_params_begin(&writer, &out, ID);
        fcgi_params_add(&writer, text("before"), text("1"));
        fcgi_params_add(&writer, name, value);
        fcgi_params_add(&writer, text("after"), text("2"));
        assert_true(fcgi_params_end(&writer));

        struct bytes stream = buffer_peek(&out), got_name, got_value;
        assert_int_equal(whole_pairs(next_record(&stream), &got_name, &got_value, 1), 1);
        assert_true(bytes_equal(got_name, text("before")));
        assert_true(fcgi_param_encode(&joined, name, value));
        size_t pair_len = joined.len;
        assert_true(pair_len > FCGI_MAX_CONTENT_LEN);
        buffer_clear(&joined);
        while (joined.len < pair_len)
            assert_true(buffer_append(&joined, next_record(&stream)));
        struct bytes in = buffer_peek(&joined);
        assert_int_equal(fcgi_param_decode(&in, &got_name, &got_value), FCGI_OK);
        assert_true(in.len == 0 && bytes_equal(got_name, name) && bytes_equal(got_value, value));
        assert_int_equal(whole_pairs(next_record(&stream), &got_name, &got_value, 1), 1);
        assert_true(bytes_equal(got_name, text("after")));
        assert_int_equal(next_record(&stream).len, 0);
        assert_int_equal(stream.len, 0);
        buffer_deinit(&joined);
        buffer_deinit(&out);
    }
}

static void params_of_1_mib_are_split_on_pair_boundaries(void **state)
{
    (void)state;
    enum { COUNT = 1024 };
    static struct bytes names[COUNT], values[COUNT];
    struct buffer out;
    struct fcgi_params_writer writer;
    buffer_init(&out, BIG);
    fcgi_params_begin(&writer, &out, ID);
    for (int i = 0; i < COUNT; i++)
        fcgi_params_add(&writer, bytes_of(filler + i, 20), bytes_of(filler + 2 * i, 1024));
    assert_true(fcgi_params_end(&writer));
    assert_true(out.len > 1 << 20);
    assert_int_equal(read_stream(buffer_peek(&out), names, values, COUNT), COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_true(bytes_equal(names[i], bytes_of(filler + i, 20)));
        assert_true(bytes_equal(values[i], bytes_of(filler + 2 * i, 1024)));
    }
    buffer_deinit(&out);
}

static size_t random_len(struct rng *rng)
{
    static const size_t most[] = {3, 20, 130, 2000, 60000};
    return rng_below(rng, most[rng_below(rng, 5)]);
}

static void random_pairs_survive_and_none_spans_records(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        static struct bytes names[100], values[100], got_names[100], got_values[100];
        struct rng rng = {seed};
        struct buffer out;
        struct fcgi_params_writer writer;
        buffer_init(&out, BIG);
        fcgi_params_begin(&writer, &out, ID);
        size_t count = rng_below(&rng, 100);
        for (size_t i = 0; i < count; i++) {
            names[i] = bytes_of(filler + rng_below(&rng, 1000), random_len(&rng));
            size_t room = FCGI_MAX_CONTENT_LEN - 8 - names[i].len, len = random_len(&rng);
            values[i] = bytes_of(filler + rng_below(&rng, 1000), len < room ? len : room);
            fcgi_params_add(&writer, names[i], values[i]);
        }
        assert_true(fcgi_params_end(&writer));
        size_t got = read_stream(buffer_peek(&out), got_names, got_values, 100);
        bool same = got == count;
        for (size_t i = 0; i < count && same; i++)
            same = bytes_equal(names[i], got_names[i]) && bytes_equal(values[i], got_values[i]);
        if (!same)
            fail_msg("seed %u: the pairs have changed", (unsigned)seed);
        buffer_deinit(&out);
    }
}

static void encoded_pairs_stay_together(void **state)
{
    (void)state;
    struct bytes names[8], values[8];
    struct buffer constant, out;
    struct fcgi_params_writer writer;
    buffer_init(&constant, BIG);
    buffer_init(&out, BIG);
    assert_true(fcgi_param_encode(&constant, text("X"), text("1")));
    assert_true(fcgi_param_encode(&constant, text("Y"), bytes_of(filler, 300)));
    fcgi_params_begin(&writer, &out, ID);
    fcgi_params_add_encoded(&writer, bytes_of(NULL, 0));
    assert_int_equal(out.len, 0);
    fcgi_params_add_encoded(&writer, buffer_peek(&constant));
    fcgi_params_add(&writer, text("BIG"), bytes_of(filler, FCGI_MAX_CONTENT_LEN - 500));
    fcgi_params_add_encoded(&writer, buffer_peek(&constant)); /* no room left in the open record */
    assert_true(fcgi_params_end(&writer));

    struct bytes stream = buffer_peek(&out);
    assert_int_equal(whole_pairs(next_record(&stream), names, values, 8), 3);
    assert_int_equal(whole_pairs(next_record(&stream), names, values, 8), 2);
    assert_true(bytes_equal(names[1], text("Y")) && bytes_equal(values[1], bytes_of(filler, 300)));
    assert_int_equal(next_record(&stream).len, 0);
    buffer_deinit(&out);
    buffer_deinit(&constant);
}

static void encoded_pairs_larger_than_a_record_are_refused(void **state)
{
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        struct buffer out;
        struct fcgi_params_writer writer;
        buffer_init(&out, BIG);
        fcgi_params_begin(&writer, &out, ID);
        fcgi_params_add_encoded(&writer, bytes_of(filler, FCGI_MAX_CONTENT_LEN + extra));
        assert_int_equal(writer.failed, extra);
        assert_int_equal(fcgi_params_end(&writer), !extra);
        buffer_deinit(&out);
    }
}

/* ---- the limit */

static bool write_sample(struct buffer *out, struct fcgi_params_writer *writer, size_t value_len)
{
    fcgi_params_begin(writer, out, ID);
    fcgi_params_add(writer, text("FIRST"), text("pair"));
    fcgi_params_add(writer, text("SECOND"), bytes_of(filler, value_len));
    fcgi_params_add_encoded(writer, bytes_of("\x01\x01XY\x01\x01ZW", 8));
    fcgi_params_add(writer, text("LAST"), text("one"));
    return fcgi_params_end(writer);
}

static void check_limit(size_t limit, size_t value_len, struct bytes whole)
{
    struct buffer out;
    struct fcgi_params_writer writer;
    buffer_init(&out, limit);
    bool done = write_sample(&out, &writer, value_len);
    assert_int_equal(done, limit >= whole.len);
    assert_int_equal(writer.failed, !done);
    assert_true(out.len <= limit);
    if (done) {
        assert_true(bytes_equal(buffer_peek(&out), whole));
    } else {
        size_t len = out.len; /* nothing more is written, though a small pair might fit now */
        buffer_consume(&out, len);
        fcgi_params_add(&writer, text("a"), text("b"));
        fcgi_params_add_encoded(&writer, text("ab"));
        assert_false(fcgi_params_end(&writer));
        assert_int_equal(out.len, 0);
    }
    buffer_deinit(&out);
}

static void limit_reached_at_any_byte_is_reported(void **state)
{
    (void)state;
    static const size_t value_lens[] = {0, 300, FCGI_MAX_CONTENT_LEN - 20, 140000};
    for (size_t i = 0; i < sizeof value_lens / sizeof *value_lens; i++) {
        struct buffer out;
        struct fcgi_params_writer writer;
        buffer_init(&out, BIG);
        assert_true(write_sample(&out, &writer, value_lens[i]));
        struct bytes whole = buffer_peek(&out);
        size_t step = whole.len < 1000 ? 1 : 997;
        for (size_t limit = 0; limit < whole.len; limit += step)
            check_limit(limit, value_lens[i], whole);
        for (size_t limit = whole.len < 100 ? 0 : whole.len - 100; limit <= whole.len + 2; limit++)
            check_limit(limit, value_lens[i], whole);
        buffer_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_lengths_take_one_byte_and_long_ones_four),
        cmocka_unit_test(row_06_names_and_values_of_any_length_survive),
        cmocka_unit_test(pair_cut_at_each_byte_wants_more_and_changes_nothing),
        cmocka_unit_test(decode_leaves_the_next_pair),
        cmocka_unit_test(row_05_lengths_that_lie_or_wrap_are_not_believed),
        cmocka_unit_test(row_05_lengths_that_cannot_be_said_or_wrap_are_refused),
        cmocka_unit_test(stream_without_pairs_is_one_empty_record),
        cmocka_unit_test(small_pairs_share_one_padded_record),
        cmocka_unit_test(writer_appends_behind_what_waits_and_what_was_consumed),
        cmocka_unit_test(pair_that_just_fits_stays_and_one_byte_more_opens_a_record),
        cmocka_unit_test(pair_of_exactly_one_record_does_not_span),
        cmocka_unit_test(row_06_pair_larger_than_a_record_has_records_of_its_own),
        cmocka_unit_test(params_of_1_mib_are_split_on_pair_boundaries),
        cmocka_unit_test(random_pairs_survive_and_none_spans_records),
        cmocka_unit_test(encoded_pairs_stay_together),
        cmocka_unit_test(encoded_pairs_larger_than_a_record_are_refused),
        cmocka_unit_test(limit_reached_at_any_byte_is_reported),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
