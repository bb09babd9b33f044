/* The reply side of an exchange. Each reply is run through it in one piece, byte by byte and in random pieces, each
 * piece ending at a guard page; the transcripts of events must be the same, and what the test expects. What holds
 * for every single call (no copies, everything counted) is checked at every call. */
#include "tests/unit/guard.h"

#include "fcgiext/core/buffer.h"
#include "fcgiext/core/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/rng.h"

enum { BIG = 8 << 20, LONGEST = 65535 };

static uint8_t filler[LONGEST];
static struct guard guard;
static struct buffer reply;    /* what the application of a test says */
static struct buffer expected; /* transcript that the test wants */
static struct buffer whole;    /* transcript for the reply in one piece */
static struct buffer pieces;   /* and in several */
static struct buffer *const buffers[] = {&reply, &expected, &whole, &pieces};

static int set_up_group(void **state)
{
    (void)state;
    struct rng rng = {7};
    rng_fill(&rng, filler, sizeof filler);
    guard_open(&guard, 1 << 20);
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_init(buffers[i], BIG);
    return 0;
}

static int tear_down_group(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_deinit(buffers[i]);
    guard_close(&guard);
    return 0;
}

static int clear_buffers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffer_clear(buffers[i]);
    return 0;
}

static struct bytes text(const char *str)
{
    return bytes_of_str(str);
}

/* ---- building a reply */

static void add_header(unsigned type, unsigned id, size_t content_len, size_t padding)
{
    const struct fcgi_header header = {
        .type = (uint8_t)type,
        .request_id = (uint16_t)id,
        .content_len = (uint16_t)content_len,
        .padding_len = (uint8_t)padding,
    };
    uint8_t wire[FCGI_HEADER_LEN];
    fcgi_header_encode(wire, &header);
    assert_true(buffer_append(&reply, bytes_of(wire, sizeof wire)));
}

static void add_record(unsigned type, unsigned id, struct bytes content, size_t padding)
{
    static const uint8_t junk[255] = {1, 3, 0, 1, 0, 8}; /* an END_REQUEST, if it is not skipped */
    add_header(type, id, content.len, padding);
    assert_true(buffer_append(&reply, content));
    assert_true(buffer_append(&reply, bytes_of(junk, padding)));
}

static void add_end(uint32_t app_status, uint8_t protocol_status, size_t padding)
{
    const uint8_t body[8] = {
        (uint8_t)(app_status >> 24),
        (uint8_t)(app_status >> 16),
        (uint8_t)(app_status >> 8),
        (uint8_t)app_status,
        protocol_status,
    };
    add_record(FCGI_END_REQUEST, 1, bytes_of(body, sizeof body), padding);
}

/* ---- transcripts: `o` or `e` before each byte of output, `/` where a record ends, END and what it says, BAD and the
 * problem. MORE leaves no trace, so that a transcript does not know how the reply was cut. */

static void note_data(struct buffer *log, enum exchange_event_kind kind, struct bytes data)
{
    uint8_t *room = buffer_reserve(log, data.len * 2);
    assert_non_null(room);
    for (size_t i = 0; i < data.len; i++) {
        room[2 * i] = kind == EXCHANGE_STDOUT ? 'o' : 'e';
        room[2 * i + 1] = data.ptr[i];
    }
    buffer_commit(log, data.len * 2);
}

static void note_end(struct buffer *log, uint32_t app_status, uint8_t protocol_status)
{
    uint8_t entry[8] = {'E', 'N', 'D', protocol_status};
    memcpy(entry + 4, &app_status, 4);
    assert_true(buffer_append(log, bytes_of(entry, sizeof entry)));
}

static void note_bad(struct buffer *log, enum exchange_problem problem)
{
    uint8_t entry[4] = {'B', 'A', 'D', (uint8_t)problem};
    assert_true(buffer_append(log, bytes_of(entry, sizeof entry)));
}

/* One call; checks what holds for each. */
static struct exchange_event next_event(struct exchange *exchange, struct bytes *in)
{
    const struct bytes before = *in;
    uint64_t reply_len = exchange->reply_len;
    struct exchange_event event;
    memset(&event, 0xee, sizeof event);
    exchange_reply(exchange, in, &event);
    size_t taken = before.len - in->len;
    assert_true(in->len <= before.len);
    if (before.len > 0)
        assert_ptr_equal(in->ptr, before.ptr + taken);
    assert_int_equal(exchange->reply_len - reply_len, taken);
    assert_int_equal(event.problem != EXCHANGE_PROBLEM_NONE, event.kind == EXCHANGE_BAD);
    if (event.kind == EXCHANGE_STDOUT || event.kind == EXCHANGE_STDERR) {
        assert_true(event.data.len > 0 && event.data.len <= taken);
        assert_ptr_equal(event.data.ptr + event.data.len, in->ptr); /* a slice of `in`, not a copy */
    } else {
        assert_int_equal(event.data.len, 0);
        assert_false(event.record_end);
    }
    if (event.kind == EXCHANGE_MORE || event.kind == EXCHANGE_BAD)
        assert_int_equal(in->len, 0);
    if (event.kind == EXCHANGE_END)
        assert_true(exchange_at_boundary(exchange));
    return event;
}

static void feed(struct exchange *exchange, struct bytes piece, struct buffer *log)
{
    struct bytes in = guard_put(&guard, piece);
    for (;;) {
        bool was_bad = exchange->problem != EXCHANGE_PROBLEM_NONE;
        struct exchange_event event = next_event(exchange, &in);
        switch (event.kind) {
        case EXCHANGE_MORE: return;
        case EXCHANGE_STDOUT:
        case EXCHANGE_STDERR:
            note_data(log, event.kind, event.data);
            if (event.record_end)
                assert_true(buffer_append_str(log, "/"));
            break;
        case EXCHANGE_END: note_end(log, event.end.app_status, event.end.protocol_status); break;
        case EXCHANGE_BAD:
            if (!was_bad)
                note_bad(log, event.problem);
            return;
        }
    }
}

/* In pieces of `most` bytes, or of up to `most` with `rng`. */
static void replay(struct buffer *log, size_t most, struct rng *rng)
{
    struct exchange exchange;
    struct bytes rest = buffer_peek(&reply);
    exchange_init(&exchange, true);
    buffer_clear(log);
    while (rest.len > 0) {
        size_t len = rng ? 1 + rng_below(rng, most) : most;
        if (len > rest.len)
            len = rest.len;
        feed(&exchange, bytes_of(rest.ptr, len), log);
        bytes_advance(&rest, len);
    }
    assert_int_equal(exchange.reply_len, reply.len);
}

static void check_pieces(uint64_t seed)
{
    static const size_t mosts[] = {1, 2, 3, 9, 20, 300, 5000, 70000};
    replay(&whole, reply.len, NULL);
    struct rng rng = {seed};
    for (size_t i = 0; i < sizeof mosts / sizeof *mosts; i++) {
        replay(&pieces, mosts[i], mosts[i] > 1 ? &rng : NULL);
        if (!bytes_equal(buffer_peek(&whole), buffer_peek(&pieces)))
            fail_msg("seed %u, pieces of %u bytes: other events", (unsigned)seed, (unsigned)mosts[i]);
    }
}

/* Runs the reply; compares; makes room for the next one. */
static void check_reply(void)
{
    check_pieces(1);
    assert_true(bytes_equal(buffer_peek(&whole), buffer_peek(&expected)));
    buffer_clear(&reply);
    buffer_clear(&expected);
}

static void expect_output(enum exchange_event_kind kind, struct bytes data)
{
    note_data(&expected, kind, data);
    assert_true(buffer_append_str(&expected, "/"));
}

/* The application ends its reply well; compares. */
static void finish_well(void)
{
    add_end(0, FCGI_REQUEST_COMPLETE, 0);
    note_end(&expected, 0, FCGI_REQUEST_COMPLETE);
    check_reply();
}

/* ---- good replies */

static void reply_is_taken_apart_into_stdout_stderr_and_end(void **state)
{
    (void)state;
    add_record(FCGI_STDOUT, 1, text("Status: 200\r\n\r\nhello"), 3);
    add_record(FCGI_STDERR, 1, text("a warning"), 7);
    add_record(FCGI_STDOUT, 1, text(" world"), 0);
    add_record(FCGI_STDERR, 1, text(""), 0);
    add_record(FCGI_STDOUT, 1, text(""), 0);
    add_end(7, FCGI_REQUEST_COMPLETE, 0);
    expect_output(EXCHANGE_STDOUT, text("Status: 200\r\n\r\nhello"));
    expect_output(EXCHANGE_STDERR, text("a warning"));
    expect_output(EXCHANGE_STDOUT, text(" world"));
    note_end(&expected, 7, FCGI_REQUEST_COMPLETE);
    check_reply();
}

static void row_08_header_block_in_pieces_with_stderr_in_between_stays_in_order(void **state)
{
    (void)state;
    const char *block = "Content-Type: text/html\r\n\r\n";
    for (size_t i = 0; block[i]; i++) {
        add_record(FCGI_STDOUT, 1, bytes_of(block + i, 1), i % 9);
        add_record(FCGI_STDERR, 1, text("noise\n"), 2);
        expect_output(EXCHANGE_STDOUT, bytes_of(block + i, 1));
        expect_output(EXCHANGE_STDERR, text("noise\n"));
    }
    finish_well();
}

static void empty_stdout_in_mid_stream_is_not_the_end(void **state)
{
    (void)state;
    add_record(FCGI_STDOUT, 1, text("before"), 2);
    add_record(FCGI_STDOUT, 1, text(""), 0);
    add_record(FCGI_STDOUT, 1, text(""), 255);
    add_record(FCGI_STDOUT, 1, text("behind"), 2);
    expect_output(EXCHANGE_STDOUT, text("before"));
    expect_output(EXCHANGE_STDOUT, text("behind"));
    finish_well();
}

static void empty_stderr_is_no_event(void **state)
{
    (void)state;
    add_record(FCGI_STDERR, 1, text(""), 0);
    add_record(FCGI_STDERR, 1, text(""), 8);
    check_reply();
}

static void end_needs_no_empty_stdout_and_no_output_before_it(void **state)
{
    (void)state;
    finish_well();
    add_record(FCGI_STDOUT, 1, text("x"), 0);
    expect_output(EXCHANGE_STDOUT, text("x"));
    finish_well();
}

static void row_02_records_of_65535_bytes_with_any_padding_are_not_cut(void **state)
{
    (void)state;
    static const size_t paddings[] = {1, 7, 8, 127, 128, 254, 255};
    for (size_t i = 0; i < sizeof paddings / sizeof *paddings; i++) {
        add_record(FCGI_STDOUT, 1, bytes_of(filler, 65535), paddings[i]);
        add_record(FCGI_STDERR, 1, bytes_of(filler, 65535), paddings[i]);
        expect_output(EXCHANGE_STDOUT, bytes_of(filler, 65535));
        expect_output(EXCHANGE_STDERR, bytes_of(filler, 65535));
        finish_well();
    }
}

static void all_of_the_status_and_every_protocol_status_are_handed_on(void **state)
{
    (void)state;
    static const uint32_t codes[] = {0, 1, 255, 0x80000000, 0xC0000005, 0xffffffff};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        for (uint8_t status = FCGI_REQUEST_COMPLETE; status <= FCGI_UNKNOWN_ROLE + 1; status++) {
            add_end(codes[i], status, 0);
            note_end(&expected, codes[i], status);
            check_reply();
        }
    }
}

/* Else its padding would be read as the start of the next reply on a kept connection. */
static void end_comes_when_its_padding_is_gone(void **state)
{
    (void)state;
    struct exchange exchange;
    exchange_init(&exchange, true);
    add_end(0xC0000005, FCGI_OVERLOADED, 255);
    for (size_t i = 0; i + 1 < reply.len; i++) {
        struct bytes in = bytes_of(reply.data + i, 1);
        assert_int_equal(next_event(&exchange, &in).kind, EXCHANGE_MORE);
        assert_false(exchange_at_boundary(&exchange));
    }
    struct bytes in = bytes_of(reply.data + reply.len - 1, 1);
    struct exchange_event event = next_event(&exchange, &in);
    assert_int_equal(event.kind, EXCHANGE_END);
    assert_true(event.end.app_status == 0xC0000005);
    assert_int_equal(event.end.protocol_status, FCGI_OVERLOADED);
    assert_int_equal(next_event(&exchange, &in).kind, EXCHANGE_MORE);
    assert_true(exchange_at_boundary(&exchange));
}

static void row_07_reply_cut_in_two_at_each_byte_says_the_same(void **state)
{
    (void)state;
    add_record(FCGI_STDOUT, 1, text("12345678"), 3);
    add_record(FCGI_STDERR, 1, text("x"), 0);
    add_record(FCGI_STDOUT, 1, text(""), 0);
    add_end(1, FCGI_REQUEST_COMPLETE, 2);
    replay(&whole, reply.len, NULL);
    for (size_t cut = 1; cut < reply.len; cut++) {
        struct exchange exchange;
        exchange_init(&exchange, false);
        buffer_clear(&pieces);
        feed(&exchange, bytes_of(reply.data, cut), &pieces);
        feed(&exchange, bytes_of(reply.data + cut, reply.len - cut), &pieces);
        assert_true(bytes_equal(buffer_peek(&whole), buffer_peek(&pieces)));
    }
}

/* ---- the connection's end */

static void row_09_end_of_file_is_clean_between_records_only(void **state)
{
    (void)state;
    size_t boundaries[8], count = 0;
    boundaries[count++] = 0;
    add_record(FCGI_STDOUT, 1, text("12345678"), 3);
    boundaries[count++] = reply.len;
    add_record(FCGI_STDOUT, 1, text(""), 0);
    boundaries[count++] = reply.len;
    add_record(FCGI_STDERR, 1, text("x"), 0);
    boundaries[count++] = reply.len;
    add_end(0, FCGI_REQUEST_COMPLETE, 1);
    boundaries[count++] = reply.len;
    size_t next = 0;
    for (size_t len = 0; len <= reply.len; len++) {
        struct exchange exchange;
        exchange_init(&exchange, false);
        feed(&exchange, bytes_of(reply.data, len), &whole);
        assert_int_equal(exchange_at_boundary(&exchange), len == boundaries[next]);
        assert_int_equal(exchange.ended, len == reply.len);
        next += len == boundaries[next];
    }
    assert_int_equal(next, count);
}

/* ---- bad replies */

/* `reply` so far is followed by more: nothing behind a problem is looked at. */
static void check_bad(enum exchange_problem problem)
{
    add_record(FCGI_STDOUT, 1, text("after the problem"), 0);
    add_end(0, FCGI_REQUEST_COMPLETE, 0);
    note_bad(&expected, problem);
    check_reply();
}

static void row_03_request_id_other_than_ours_is_bad(void **state)
{
    (void)state;
    static const unsigned ids[] = {0, 2, 255, 256, 257, 65535};
    static const unsigned types[] = {FCGI_STDOUT, FCGI_STDERR, FCGI_END_REQUEST};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            add_record(FCGI_STDOUT, 1, text("good"), 4);
            add_record(types[t], ids[i], text("12345678"), 0);
            expect_output(EXCHANGE_STDOUT, text("good"));
            check_bad(EXCHANGE_PROBLEM_REQUEST_ID);
        }
    }
}

/* Decided: an application's types are STDOUT, STDERR and END_REQUEST. Management replies (10 GET_VALUES_RESULT, 11
 * UNKNOWN_TYPE, id 0) answer what we never send. */
static void any_type_that_is_not_an_applications_is_bad(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= 255; type++) {
        if (type == FCGI_STDOUT || type == FCGI_STDERR || type == FCGI_END_REQUEST)
            continue;
        for (unsigned id = 0; id <= 2; id++) {
            add_record(type, id, text("12345678"), 0);
            check_bad(EXCHANGE_PROBLEM_TYPE);
        }
    }
}

static void row_04_management_reply_with_lying_lengths_is_refused_by_its_header(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 8, 65535};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        for (unsigned type = 9; type <= 11; type++) {
            add_header(type, 0, lens[i], 255);
            note_bad(&expected, EXCHANGE_PROBLEM_TYPE); /* nothing behind the header has come */
            check_reply();
        }
    }
}

static void end_request_of_another_length_than_8_is_bad(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 7, 9, 16, 65535};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        add_record(FCGI_END_REQUEST, 1, bytes_of(filler, lens[i]), 0);
        check_bad(EXCHANGE_PROBLEM_END_LEN);
    }
}

static void version_other_than_1_is_bad_from_its_first_byte(void **state)
{
    (void)state;
    for (unsigned version = 0; version <= 255; version++) {
        if (version == 1)
            continue;
        for (size_t len = 1; len <= 9; len++) {
            uint8_t wire[9] = {(uint8_t)version, FCGI_STDOUT, 0, 1, 0, 1, 0, 0, 'x'};
            assert_true(buffer_append(&reply, bytes_of(wire, len)));
            note_bad(&expected, EXCHANGE_PROBLEM_VERSION);
            check_reply();
        }
    }
    add_record(FCGI_STDOUT, 1, text("fine so far"), 0);
    assert_true(buffer_append_str(&reply, "Segmentation fault"));
    expect_output(EXCHANGE_STDOUT, text("fine so far"));
    check_bad(EXCHANGE_PROBLEM_VERSION);
}

static void any_byte_after_the_end_is_bad(void **state)
{
    (void)state;
    for (int byte = 0; byte <= 255; byte++) {
        add_end(0, FCGI_REQUEST_COMPLETE, 0);
        assert_true(buffer_append(&reply, bytes_of(&(uint8_t){(uint8_t)byte}, 1)));
        note_end(&expected, 0, FCGI_REQUEST_COMPLETE);
        note_bad(&expected, EXCHANGE_PROBLEM_AFTER_END);
        check_reply();
    }
    add_end(0, FCGI_REQUEST_COMPLETE, 0);
    note_end(&expected, 0, FCGI_REQUEST_COMPLETE);
    check_bad(EXCHANGE_PROBLEM_AFTER_END);
}

static void problem_stays_whatever_comes_and_its_bytes_count_as_received(void **state)
{
    (void)state;
    struct exchange exchange;
    exchange_init(&exchange, true);
    struct bytes in = text("HTTP/1.1 200 OK");
    assert_int_equal(next_event(&exchange, &in).problem, EXCHANGE_PROBLEM_VERSION);
    assert_int_equal(exchange.reply_len, 15);
    assert_false(exchange_at_boundary(&exchange));
    add_end(0, FCGI_REQUEST_COMPLETE, 0);
    in = buffer_peek(&reply);
    assert_int_equal(next_event(&exchange, &in).problem, EXCHANGE_PROBLEM_VERSION);
    in = bytes_of(NULL, 0);
    assert_int_equal(next_event(&exchange, &in).problem, EXCHANGE_PROBLEM_VERSION);
    assert_int_equal(exchange.reply_len, 15 + 16);
    exchange_init(&exchange, true); /* as good as new */
    assert_int_equal(next_event(&exchange, &in).kind, EXCHANGE_MORE);
    assert_int_equal(exchange.reply_len, 0);
    in = buffer_peek(&reply);
    assert_int_equal(next_event(&exchange, &in).kind, EXCHANGE_END);
}

static void every_problem_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int a = EXCHANGE_PROBLEM_NONE; a <= EXCHANGE_PROBLEM_UNSOLICITED + 1; a++) {
        const char *a_text = exchange_problem_text((enum exchange_problem)a);
        assert_true(strlen(a_text) > 5);
        for (int b = EXCHANGE_PROBLEM_NONE; b < a; b++)
            assert_string_not_equal(a_text, exchange_problem_text((enum exchange_problem)b));
    }
    assert_string_equal(exchange_problem_text(EXCHANGE_PROBLEM_VERSION), "a record with a protocol version other than 1");
}

/* ---- random replies */

static void add_random_record(struct rng *rng)
{
    static const size_t most[] = {1, 10, 300, 3000};
    size_t len = rng_below(rng, most[rng_below(rng, 4)]);
    unsigned type = rng_below(rng, 3) ? FCGI_STDOUT : FCGI_STDERR;
    unsigned id = 1;
    if (rng_below(rng, 60) == 0)
        type = (unsigned)rng_below(rng, 256);
    if (rng_below(rng, 60) == 0)
        id = (unsigned)rng_below(rng, 65536);
    if (rng_below(rng, 60) == 0)
        assert_true(buffer_append(&reply, bytes_of(filler + rng_below(rng, 1000), rng_below(rng, 20))));
    add_record(type, id, bytes_of(filler + rng_below(rng, 1000), len), rng_below(rng, 2) ? 0 : rng_below(rng, 256));
}

static void random_replies_say_the_same_however_they_are_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct rng rng = {seed};
        buffer_clear(&reply);
        for (size_t count = rng_below(&rng, 20); count > 0; count--)
            add_random_record(&rng);
        if (rng_below(&rng, 4))
            add_end((uint32_t)rng_next(&rng), (uint8_t)rng_below(&rng, 4), rng_below(&rng, 3));
        else
            add_record(FCGI_STDOUT, 1, bytes_of(filler, rng_below(&rng, 100)), 0);
        if (rng_below(&rng, 8) == 0)
            reply.len -= 1; /* cut off */
        check_pieces(seed);
    }
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct rng rng = {seed};
        uint8_t wire[200];
        size_t len = 1 + rng_below(&rng, sizeof wire);
        for (size_t i = 0; i < len; i++) /* small numbers, so that headers come about */
            wire[i] = (uint8_t)rng_below(&rng, rng_below(&rng, 4) ? 8 : 256);
        static const uint8_t start[] = {1, FCGI_STDOUT, 0, 1, 0};
        memcpy(wire, start, len < sizeof start ? len : sizeof start);
        buffer_clear(&reply);
        assert_true(buffer_append(&reply, bytes_of(wire, len)));
        check_pieces(seed);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, clear_buffers)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reply_is_taken_apart_into_stdout_stderr_and_end),
        TEST(row_08_header_block_in_pieces_with_stderr_in_between_stays_in_order),
        TEST(empty_stdout_in_mid_stream_is_not_the_end),
        TEST(empty_stderr_is_no_event),
        TEST(end_needs_no_empty_stdout_and_no_output_before_it),
        TEST(row_02_records_of_65535_bytes_with_any_padding_are_not_cut),
        TEST(all_of_the_status_and_every_protocol_status_are_handed_on),
        TEST(end_comes_when_its_padding_is_gone),
        TEST(row_07_reply_cut_in_two_at_each_byte_says_the_same),
        TEST(row_09_end_of_file_is_clean_between_records_only),
        TEST(row_03_request_id_other_than_ours_is_bad),
        TEST(any_type_that_is_not_an_applications_is_bad),
        TEST(row_04_management_reply_with_lying_lengths_is_refused_by_its_header),
        TEST(end_request_of_another_length_than_8_is_bad),
        TEST(version_other_than_1_is_bad_from_its_first_byte),
        TEST(any_byte_after_the_end_is_bad),
        TEST(problem_stays_whatever_comes_and_its_bytes_count_as_received),
        TEST(every_problem_has_a_text_of_its_own),
        TEST(random_replies_say_the_same_however_they_are_cut),
        TEST(random_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
