/* The envelope: which lines are requests, what becomes of ids, and that each line gets exactly one reply, whatever it holds. */
#include "tests/unit/rpc_testing.h"

#define STATUS "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server.info\"}"

static void strict_json_is_taken_and_nothing_else(void **state)
{
    (void)state;
    static const char *const good[] = {"1",
                                       "-0",
                                       "0.5e+10",
                                       "1E-2",
                                       "\"\"",
                                       "\"\\ud83d\\ude00\\u00e4\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
                                       "true",
                                       "false",
                                       "null",
                                       " [ ] ",
                                       "{}",
                                       "[[],{},[1,2]]",
                                       "{\"a\":{\"b\":[1]},\"c\":null}",
                                       "\t\r\n{ \"a\" : 1 , \"b\" : 2 } ",
                                       "\"\x7f\xc3\xa4\xf0\x9f\x98\x80\""};
    static const char *const bad[] = {"",
                                      " ",
                                      "01",
                                      "-",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "0x1",
                                      "NaN",
                                      "Infinity",
                                      "tru",
                                      "truex",
                                      "'a'",
                                      "\"",
                                      "\"a",
                                      "\"\t\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u123g\"",
                                      "\"\\u0000\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\ud800\"",
                                      "\"\\ud800x\"",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{",
                                      "}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{\"a\":1]",
                                      "[1}",
                                      "1 1",
                                      "{} {}",
                                      "// x\n1",
                                      "\v1",
                                      "nul"};
    size_t at = 0;
    for (size_t i = 0; i < COUNT(good); i++)
        if (json_check(bytes_of_str(good[i]), 16, &at) != JSON_GOOD)
            fail_msg("refused at %zu: %s", at, good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (json_check(bytes_of_str(bad[i]), 16, &at) != JSON_BAD_SYNTAX)
            fail_msg("not refused: %s", bad[i]);
    assert_int_equal(json_check(bytes_of("1\0", 2), 16, &at), JSON_BAD_SYNTAX);
}

static void bytes_that_are_no_utf8_are_told_apart_with_their_place(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\"ab\xff\"", "\"ab\xc3\"", "\"ab\xc0\xaf\"", "\"ab\xed\xa0\x80\"", "\"ab\xf4\x90\x80\x80\"", "\"ab\x80\""};
    size_t at = 0;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(json_check(bytes_of_str(bad[i]), 16, &at), JSON_BAD_UTF8);
        assert_int_equal(at, 3);
    }
    assert_int_equal(json_check(bytes_of_str("[1,\xff]"), 16, &at), JSON_BAD_UTF8);
    assert_int_equal(at, 3);
}

static void nesting_ends_at_the_limit(void **state)
{
    (void)state;
    char text[100];
    size_t at;
    for (unsigned limit = 1; limit <= JSON_MAX_CHECKED_DEPTH; limit++)
        for (unsigned depth = limit; depth <= limit + 1; depth++) {
            memset(text, '[', depth);
            memset(text + depth, ']', depth);
            assert_int_equal(json_check(bytes_of(text, 2 * depth), limit, &at), depth == limit ? JSON_GOOD : JSON_TOO_DEEP);
            if (depth > limit)
                assert_int_equal(at, limit);
        }
    assert_int_equal(json_check(bytes_of_str("1"), 0, &at), JSON_GOOD);
    assert_int_equal(json_check(bytes_of_str("[]"), 0, &at), JSON_TOO_DEEP);
}

static void a_number_longer_than_the_parser_takes_is_refused(void **state)
{
    (void)state;
    char text[JSON_MAX_NUMBER_LEN + 2];
    size_t at;
    memset(text, '7', sizeof text);
    assert_int_equal(json_check(bytes_of(text, JSON_MAX_NUMBER_LEN), 1, &at), JSON_GOOD);
    assert_int_equal(json_check(bytes_of(text, JSON_MAX_NUMBER_LEN + 1), 1, &at), JSON_BAD_SYNTAX);
}

static void lines_that_are_no_json_get_a_parse_error_without_an_id(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        " ",
                                        "status",
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"",
                                        STATUS STATUS,
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}",
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\tb\"}",
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u0000b\"}",
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"params\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"};
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(lines); i++) {
        send_line(&client, lines[i]);
        expect_error(&client, MGMT_ERROR_PARSE);
        assert_true(is_null_at(&client, "id"));
    }
    send_bytes(&client, "{}\0", 3);
    expect_error(&client, MGMT_ERROR_PARSE);
    client_close(&client);
}

static void deep_nesting_and_endless_lines_cost_no_stack_and_no_memory(void **state)
{
    (void)state;
    struct client client;
    const size_t len = 10 * 1024 * 1024;
    char *line = malloc(len);
    assert_non_null(line);
    memset(line, '[', len);
    client_open(&client);
    send_bytes(&client, line, len);
    expect_error(&client, MGMT_ERROR_LINE_TOO_LONG);
    send_bytes(&client, line, MGMT_MAX_LINE_LEN + 1);
    expect_error(&client, MGMT_ERROR_LINE_TOO_LONG);
    send_bytes(&client, line, MGMT_MAX_LINE_LEN);
    expect_error(&client, MGMT_ERROR_PARSE);
    assert_non_null(strstr(text_at(&client, "error.message"), "deep"));
    memset(line, ' ', MGMT_MAX_LINE_LEN);
    memcpy(line, STATUS, strlen(STATUS));
    send_bytes(&client, line, MGMT_MAX_LINE_LEN); /* as long as may be */
    assert_non_null(at(&client, "result.pid"));
    free(line);
    client_close(&client);
}

static void what_is_json_but_no_request_is_told_why(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message;
        bool has_id;
    } rows[] = {
        {"[" STATUS "]", "batches are not taken", false},
        {"[]", "batches are not taken", false},
        {"1", "is an object", false},
        {"\"status\"", "is an object", false},
        {"{}", "there is no id", false},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"status\"}", "there is no id", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"status\"}", "must be a string or an integer", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"status\"}", "must be a string or an integer", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"status\"}", "must be a string or an integer", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"status\"}", "more than one id", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"status\"}", "an integer of at most 53 bits", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":9007199254740992,\"method\":\"status\"}", "an integer of at most 53 bits", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":-9007199254740992,\"method\":\"status\"}", "an integer of at most 53 bits", false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1e999,\"method\":\"status\"}", "an integer of at most 53 bits", false},
        {"{\"id\":1,\"method\":\"status\"}", "\"jsonrpc\" must be", true},
        {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"status\"}", "\"jsonrpc\" must be", true},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"status\"}", "\"jsonrpc\" must be", true},
        {"{\"JSONRPC\":\"2.0\",\"id\":1,\"method\":\"status\"}", "\"jsonrpc\" must be", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", "\"method\" must be", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}", "\"method\" must be", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[]}", "by name", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":null}", "by name", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"param\":{}}", "no member 'param'", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"method\":\"status\"}", "'method' stands there twice", true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{},\"params\":{}}", "'params' stands there twice",
         true},
    };
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(rows); i++) {
        send_line(&client, rows[i].line);
        expect_error(&client, MGMT_ERROR_INVALID_REQUEST);
        if (!strstr(text_at(&client, "error.message"), rows[i].message))
            fail_msg("%s -> %s", rows[i].line, text_at(&client, "error.message"));
        assert_true(rows[i].has_id ? number_at(&client, "id") == 1 : is_null_at(&client, "id"));
    }
    client_close(&client);
}

static void ids_come_back_as_they_were(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *back;
    } rows[] = {
        {"1", "1"},
        {"0", "0"},
        {"-0", "0"},
        {"-7", "-7"},
        {"1e3", "1000"},
        {"2147483648", "2147483648"},
        {"9007199254740991", "9007199254740991"},
        {"-9007199254740991", "-9007199254740991"},
        {"\"\"", "\"\""},
        {"\"a b\"", "\"a b\""},
        {"\"\\u0041\\n\\u001b\\\"\\\\\"", "\"A\\n\\u001b\\\"\\\\\""},
        {"\"\xc3\xa4\\ud83d\\ude00\"", "\"\xc3\xa4\xf0\x9f\x98\x80\""},
    };
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char line[200], expected[200];
        snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"method\":\"server.info\",\"id\":%s}", rows[i].sent);
        snprintf(expected, sizeof expected, "\"id\":%s,", rows[i].back);
        send_line(&client, line);
        assert_non_null(at(&client, "result"));
        assert_true(reply_has(&client, expected));
    }
    client_close(&client);
}

static void an_id_may_have_128_bytes_all_of_them_escaped(void **state)
{
    (void)state;
    char line[2000];
    struct client client;
    client_open(&client);
    for (int len = MGMT_MAX_ID_LEN; len <= MGMT_MAX_ID_LEN + 1; len++) {
        strcpy(line, "{\"jsonrpc\":\"2.0\",\"method\":\"server.info\",\"id\":\"");
        for (int i = 0; i < len; i++)
            strcat(line, "\\u0001");
        send_line(&client, strcat(line, "\"}"));
        if (len == MGMT_MAX_ID_LEN) {
            assert_int_equal(strlen(text_at(&client, "id")), len);
        } else {
            expect_error(&client, MGMT_ERROR_INVALID_REQUEST);
            assert_true(is_null_at(&client, "id"));
        }
    }
    client_close(&client);
}

static void a_mark_in_front_and_a_cr_behind_are_taken_off(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    send_line(&client, "\xef\xbb\xbf" STATUS "\r");
    assert_non_null(at(&client, "result"));
    send_line(&client, "\xef\xbb\xbf\xef\xbb\xbf" STATUS);
    expect_error(&client, MGMT_ERROR_PARSE);
    client_close(&client);
}

/* ---- memory */

static int left; /* allocations of the parser until one fails */

static void *failing_malloc(size_t size)
{
    return left-- > 0 ? malloc(size) : NULL;
}

static void without_memory_there_is_still_one_reply(void **state)
{
    (void)state;
    cJSON_Hooks hooks = {failing_malloc, free};
    int errors = 0;
    for (int n = 0; n < 40; n++) {
        struct fake fake;
        struct rpc_wait wait;
        struct buffer out;
        struct mgmt_caller caller = {true, true, ""};
        struct client client;
        client_open(&client);
        fake_init(&fake);
        buffer_init(&out, MGMT_MAX_REPLY_LEN);
        left = n;
        cJSON_InitHooks(&hooks);
        struct bytes line = rpc_handle(&fake.ops, &caller, bytes_of_str(STATUS), 0, &out, &wait);
        cJSON_InitHooks(NULL);
        take_reply(&client, line);
        if (at(&client, "error")) {
            expect_error(&client, MGMT_ERROR_INTERNAL);
            assert_string_equal(text_at(&client, "error.message"), "out of memory");
            errors++;
        }
        buffer_deinit(&out);
        client_close(&client);
    }
    assert_in_range(errors, 5, 35);
}

static void a_buffer_without_room_for_an_error_gives_the_constant_line(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    buffer_deinit(&client.out);
    for (size_t limit = 0; limit < 900; limit += 7) { /* at every place of the reply */
        buffer_init(&client.out, limit);
        send_line(&client, STATUS);
        if (limit < 100)
            expect_error(&client, MGMT_ERROR_INTERNAL);
        else if (at(&client, "error") && !is_null_at(&client, "id"))
            expect_error(&client, MGMT_ERROR_REPLY_TOO_LONG);
        if (limit > 700)
            assert_non_null(at(&client, "result"));
        buffer_deinit(&client.out);
    }
    client_close(&client);
}

static void refusals_are_lines_like_any_other(void **state)
{
    (void)state;
    static const enum mgmt_error codes[] = {MGMT_ERROR_LINE_TOO_LONG, MGMT_ERROR_TIMEOUT, MGMT_ERROR_TOO_MANY,
                                            MGMT_ERROR_INTERNAL};
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(codes); i++) {
        take_reply(&client, rpc_refuse(&client.fake.ops, codes[i], &client.out));
        check_counted(&client, (unsigned)i);
        expect_error(&client, codes[i]);
        assert_true(is_null_at(&client, "id"));
    }
    client_close(&client);
}

/* ---- any line at all */

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(random_state >> 8) * limit) >> 24);
}

static void any_line_gets_exactly_one_reply(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        STATUS,
        "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"pool.drain\",\"params\":{\"pool\":\"php\",\"ttl_seconds\":1.5}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"worker.kill\",\"params\":{\"pool\":\"php\",\"pid\":12}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"request.list\",\"params\":{\"pool\":\"PHP\",\"page\":2,\"count\":2}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"operation.wait\",\"params\":{\"operation\":\"17\",\"timeout_seconds\":0}}",
    };
    static const char signs[] = "{}[]\",:\\u0019e-+.tfn \xff\xc3\xa4\x80\0";
    struct client client;
    int results = 0;
    client_open(&client);
    client.fake.operation.state = MGMT_OPERATION_DONE;
    for (int round = 0; round < 20000; round++) {
        char line[400];
        size_t len = strlen(strcpy(line, seeds[random_below(COUNT(seeds))]));
        for (uint32_t change = random_below(3); change > 0; change--) {
            size_t place = random_below((uint32_t)len);
            line[place] = random_below(2) ? signs[random_below(sizeof signs - 1)] : line[random_below((uint32_t)len)];
            len = random_below(20) ? len : place;
            if (len == 0)
                break;
        }
        send_bytes(&client, line, len);
        results += at(&client, "result") != NULL;
    }
    assert_in_range(results, 3000, 19000);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_json_is_taken_and_nothing_else),
        cmocka_unit_test(bytes_that_are_no_utf8_are_told_apart_with_their_place),
        cmocka_unit_test(nesting_ends_at_the_limit),
        cmocka_unit_test(a_number_longer_than_the_parser_takes_is_refused),
        cmocka_unit_test(lines_that_are_no_json_get_a_parse_error_without_an_id),
        cmocka_unit_test(deep_nesting_and_endless_lines_cost_no_stack_and_no_memory),
        cmocka_unit_test(what_is_json_but_no_request_is_told_why),
        cmocka_unit_test(ids_come_back_as_they_were),
        cmocka_unit_test(an_id_may_have_128_bytes_all_of_them_escaped),
        cmocka_unit_test(a_mark_in_front_and_a_cr_behind_are_taken_off),
        cmocka_unit_test(without_memory_there_is_still_one_reply),
        cmocka_unit_test(a_buffer_without_room_for_an_error_gives_the_constant_line),
        cmocka_unit_test(refusals_are_lines_like_any_other),
        cmocka_unit_test(any_line_gets_exactly_one_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
