/* Encodings and lines of fcgiext.ini, and the traps of inih. */
#include "tests/unit/config_testing.h"

static const char umlaut_text[] =
    "[Types]\nphp=PHP\n[PHP]\nExePath=C:\\\xc3\xa4\xe2\x82\xac\\x.exe\n"; /* ä and the euro sign */
static const char umlaut_path[] = "C:\\\xc3\xa4\xe2\x82\xac\\x.exe";

/* ASCII and `tail`, in UTF-16 with a byte order mark. Returns the length. */
static size_t to_utf16(uint8_t *out, const char *ascii, bool big_endian, const uint16_t *tail, size_t tail_count)
{
    size_t len = 0, count = strlen(ascii);
    for (size_t i = 0; i < 1 + count + tail_count; i++) {
        unsigned unit = i == 0 ? 0xfeff : i <= count ? (uint8_t)ascii[i - 1] : tail[i - 1 - count];
        out[len++] = (uint8_t)(big_endian ? unit >> 8 : unit);
        out[len++] = (uint8_t)(big_endian ? unit : unit >> 8);
    }
    return len;
}

static void utf8_is_read_with_and_without_a_byte_order_mark(void **state)
{
    (void)state;
    char marked[200] = "\xef\xbb\xbf";
    const char *texts[] = {umlaut_text, strcat(marked, umlaut_text)};
    for (size_t i = 0; i < 2; i++) {
        struct config *config = parse(texts[i]);
        expect_count(config, 0);
        assert_string_equal(config->pools[0].exe_path, umlaut_path);
        config_destroy(config);
    }
}

static void utf16_is_read_in_both_byte_orders(void **state)
{
    (void)state;
    /* ä, a character outside of the first plane (two units), and the rest of the line */
    static const uint16_t tail[] = {0xe4, 0xd83d, 0xde00, '.', 'e', 'x', 'e', '\r', '\n'};
    for (int big = 0; big < 2; big++) {
        uint8_t text[400];
        size_t len = to_utf16(text, "[Types]\r\nphp=PHP\r\n[PHP]\r\nExePath=C:\\", big, tail, sizeof tail / sizeof *tail);
        struct config *config = parse_bytes(text, len);
        expect_count(config, 0);
        assert_string_equal(config->pools[0].exe_path, "C:\\\xc3\xa4\xf0\x9f\x98\x80.exe");
        config_destroy(config);
    }
}

static void a_lone_surrogate_is_an_error_in_its_line(void **state)
{
    (void)state;
    static const uint16_t tails[][3] = {{0xd83d, '\n', 'x'}, {0xde00, '\n', 'x'}, {0xd83d, 0xd83d, '\n'}, {'x', 'y', 0xd83d}};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        uint8_t text[400];
        size_t len = to_utf16(text, PHP "Arguments=", i % 2 == 1, tails[i], 3);
        struct config *config = parse_bytes(text, len);
        const struct config_diagnostic *d = expect_error(config, 5, "not UTF-16");
        assert_string_equal(d->section, "PHP");
        assert_false(config->pools[0].valid);
        config_destroy(config);
    }
}

static void utf16_of_an_odd_length_is_an_error_in_the_last_line(void **state)
{
    (void)state;
    uint8_t text[400];
    size_t len = to_utf16(text, PHP "Arguments=x", false, NULL, 0);
    text[len] = 'y';
    struct config *config = parse_bytes(text, len + 1);
    expect_error(config, 5, "not UTF-16");
    expect_count(config, 1);
    config_destroy(config);
}

static void utf16_without_a_byte_order_mark_is_an_error_that_says_so(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        uint8_t text[400];
        size_t len = to_utf16(text, PHP, big, NULL, 0);
        struct config *config = parse_bytes(text + 2, len - 2);
        expect_error(config, 1, "looks like UTF-16 without a byte order mark");
        assert_false(config->usable);
        config_destroy(config);
    }
}

static void other_text_is_of_the_ansi_code_page(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=PHP\n[PHP]\nExePath=C:\\\xe4\x80\\x.exe\n");
    expect_count(config, 0);
    assert_string_equal(config->pools[0].exe_path, umlaut_path);
    config_destroy(config);
}

static bool decode_as_dashes(void *context, struct bytes text, struct buffer *utf8)
{
    ++*(int *)context;
    for (size_t i = 0; i < text.len; i++)
        if (!buffer_append(utf8, text.ptr[i] < 0x80 ? bytes_of(text.ptr + i, 1) : bytes_of_str("-")))
            return false;
    return true;
}

static bool decode_fails(void *context, struct bytes text, struct buffer *utf8)
{
    (void)context;
    (void)text;
    (void)utf8;
    return false;
}

static void the_callers_decoder_is_used_for_ansi_text_only(void **state)
{
    (void)state;
    int calls = 0;
    struct config_options options = {decode_as_dashes, &calls};
    struct config *config = config_parse(bytes_of_str("[Types]\nphp=C:\\\xe4.exe"), &options);
    assert_string_equal(config->pools[0].exe_path, "C:\\-.exe");
    assert_int_equal(calls, 1);
    config_destroy(config);
    config = config_parse(bytes_of_str("[Types]\nphp=C:\\\xc3\xa4.exe"), &options);
    assert_string_equal(config->pools[0].exe_path, "C:\\\xc3\xa4.exe");
    assert_int_equal(calls, 1);
    config_destroy(config);
    options.decode_ansi = decode_fails;
    assert_null(config_parse(bytes_of_str("\xe4"), &options));
}

static void broken_utf8_behind_a_byte_order_mark_is_an_error_in_its_line(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xe4", "\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[200] = "\xef\xbb\xbf" PHP "Arguments=";
        struct config *config = parse(strcat(strcat(text, bad[i]), "\nQueueLength=5\n"));
        expect_error(config, 5, "not UTF-8");
        expect_count(config, 1);
        assert_int_equal(config->pools[0].queue_length, 5);
        config_destroy(config);
    }
}

static void lines_end_in_crlf_lf_or_cr_in_any_mixture(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\r\nphp=PHP\n\r\n\r[PHP]\rExePath=C:\\x.exe\n\n\r\nQueueLength=x\r\nMaxInstances=y");
    expect_error(config, 9, "'x' is not a number");
    expect_error(config, 10, "'y' is not a number");
    expect_count(config, 2);
    assert_int_equal(config->pools[0].line, 5);
    config_destroy(config);
}

static void the_last_line_needs_no_end(void **state)
{
    (void)state;
    struct config *config = parse(PHP "Arguments=x y");
    expect_count(config, 0);
    assert_string_equal(config->pools[0].arguments, "x y");
    config_destroy(config);
    expect_only(PHP "[", 5, CONFIG_ERROR, "the section has no name");
}

static void a_comment_is_a_line_that_begins_with_a_semicolon(void **state)
{
    (void)state;
    struct config *config = parse(";c=1\n" PHP "  ; indented [x]\n;\n\t;tab\nArguments=a ; b;c\n");
    expect_count(config, 0);
    assert_string_equal(config->pools[0].arguments, "a ; b;c"); /* not a comment: arguments may hold anything */
    config_destroy(config);
    expect_only(PHP "# old\n", 5, CONFIG_ERROR, "a comment begins with ';', not with '#': '# old'");
    expect_only(PHP "#QueueLength=5\n", 5, CONFIG_ERROR, "no such property");
}

static void blanks_around_names_and_values_do_not_count(void **state)
{
    (void)state;
    struct config *config = parse(" [ Types ] \n\tphp = PHP\t\n[PHP ]\n  ExePath  =\tC:\\a b.exe  \n   \nQueueLength =7\n");
    expect_count(config, 0);
    assert_string_equal(config->pools[0].name, "PHP");
    assert_string_equal(config->pools[0].exe_path, "C:\\a b.exe");
    assert_int_equal(config->pools[0].queue_length, 7);
    config_destroy(config);
}

static void a_colon_in_a_name_does_not_split_the_line(void **state)
{
    (void)state;
    struct config *config =
        parse("[Types]\nphp:123154536=PHP Site 2\n*:/LM/W3SVC/1/ROOT/a=C:\\x.exe\n[PHP Site 2]\nExePath=C:\\a=b:c.exe\n"
              "a:b:c=d\n");
    assert_string_equal(config->routes[0].extension, "php");
    assert_string_equal(config->routes[0].site, "123154536");
    assert_int_equal(config->routes[0].pool, 0);
    assert_string_equal(config->routes[1].app_path, METABASE_ROOT "/a");
    assert_string_equal(config->pools[0].exe_path, "C:\\a=b:c.exe"); /* colons and `=` of a value stay */
    assert_string_equal(expect_error(config, 6, "no such property")->property, "a:b:c");
    expect_count(config, 1);
    config_destroy(config);
}

static void a_line_with_a_colon_but_no_equals_sign_is_an_error(void **state)
{
    (void)state;
    expect_only(PHP "QueueLength: 5\n", 5, CONFIG_ERROR,
                "the line has no '=': 'QueueLength: 5'; allowed are [section], name=value");
}

static void each_line_without_an_equals_sign_is_an_error(void **state)
{
    (void)state;
    struct config *config = parse("what\n" PHP "one\ntwo\n=three\n  four\n");
    expect_error(config, 1, "'what'");
    expect_error(config, 6, "'one'");
    expect_error(config, 7, "'two'");
    expect_error(config, 8, "no name before the '='");
    expect_error(config, 9, "'four'");
    expect_count(config, 5);
    assert_int_equal(config->diagnostics[0].pool, SIZE_MAX);
    assert_int_equal(config->diagnostics[1].pool, 0);
    config_destroy(config);
}

static void a_section_line_without_its_bracket_is_an_error_of_that_section(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=PHP\nrb=Ruby\n[PHP\nExePath=C:\\p.exe\n[Ruby]\nExePath=C:\\r.exe\n");
    expect_error(config, 4, "has no ']': 'PHP'");
    expect_count(config, 1);
    assert_false(pool_named(config, "PHP")->valid);
    assert_true(pool_named(config, "Ruby")->valid);
    config_destroy(config);
}

static void text_behind_a_section_is_a_warning_unless_it_is_a_comment(void **state)
{
    (void)state;
    expect_clean("[Types] ; here\nphp=PHP\n[PHP];x\nExePath=C:\\x.exe\n");
    expect_only("[Types]\nphp=PHP\n[PHP] ExePath=x\nExePath=C:\\x.exe\n", 3, CONFIG_WARNING, "does not count: 'ExePath=x'");
}

static void names_of_sections_and_properties_may_be_long(void **state)
{
    (void)state; /* inih keeps 49 bytes of a section's name */
    static const char path[] =
        "C:\\a folder with a long name\\and another one in it with a name as long\\and one more\\php-cgi.exe";
    char text[1000] = "[Types]\nphp=";
    strcat(strcat(strcat(strcat(text, path), "\n["), path), "]\nQueueLength=5\n");
    struct config *config = parse(text);
    expect_count(config, 0);
    assert_int_equal(config->pool_count, 1);
    assert_string_equal(config->pools[0].exe_path, path);
    assert_int_equal(config->pools[0].queue_length, 5);
    config_destroy(config);
}

static void a_control_character_is_an_error_in_its_line(void **state)
{
    (void)state;
    for (int c = 0; c < 0x20; c++) {
        char text[] = PHP "Arguments=a_b\nQueueLength=5\n";
        char *place = strchr(text, '_');
        *place = (char)c;
        if (c == '\n' || c == '\r')
            continue;
        struct config *config = parse_bytes(text, sizeof text - 1);
        if (c == '\t') {
            expect_count(config, 0);
            assert_string_equal(config->pools[0].arguments, "a\tb");
        } else {
            expect_error(config, 5, c == 0 ? "NUL byte: 'Arguments=a?b'" : "control character: 'Arguments=a?b'");
            expect_count(config, 1);
            assert_string_equal(config->pools[0].arguments, "");
        }
        assert_int_equal(config->pools[0].queue_length, 5);
        config_destroy(config);
    }
    expect_only(PHP "; in a comment, too: \x7f\n", 5, CONFIG_ERROR, "control character");
}

/* PHP, a line `Arguments=xxx` of this length, and one more setting. */
static struct config *parse_long_line(size_t len)
{
    static const char head[] = PHP "Arguments=", tail[] = "\nQueueLength=5\n";
    size_t filler = len - strlen("Arguments="), total = strlen(head) + filler + strlen(tail);
    char *text = malloc(total + 1);
    assert_non_null(text);
    memcpy(text, head, strlen(head));
    memset(text + strlen(head), 'x', filler);
    memcpy(text + strlen(head) + filler, tail, strlen(tail) + 1);
    struct config *config = parse_bytes(text, total);
    free(text);
    return config;
}

static void a_line_up_to_the_limit_is_read_whole(void **state)
{
    (void)state; /* also at the sizes where inih's buffer grows */
    static const size_t lens[] = {199, 200, 201, 510, 511, 512, 513, 1022, 1023, 1024, 16383, 16384, CONFIG_MAX_LINE_LEN};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct config *config = parse_long_line(lens[i]);
        expect_count(config, 0);
        assert_int_equal(strlen(config->pools[0].arguments), lens[i] - strlen("Arguments="));
        assert_int_equal(config->pools[0].queue_length, 5);
        config_destroy(config);
    }
}

static void an_over_long_line_is_an_error_and_none_of_it_is_used(void **state)
{
    (void)state;
    static const size_t lens[] = {CONFIG_MAX_LINE_LEN + 1, 65535, 65536, 65537, 1024 * 1024};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct config *config = parse_long_line(lens[i]);
        expect_error(config, 5, "bytes long: 'Arguments=xxxx");
        assert_non_null(strstr(config->diagnostics[0].message, "allowed are 32768"));
        expect_count(config, 1);
        assert_string_equal(config->pools[0].arguments, "");
        assert_int_equal(config->pools[0].queue_length, 5);
        assert_false(config->pools[0].valid);
        config_destroy(config);
    }
}

static void a_file_up_to_the_limit_is_read_and_a_longer_one_is_not(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        size_t len = (size_t)CONFIG_MAX_FILE_LEN + extra;
        char *text = malloc(len);
        assert_non_null(text);
        memset(text, '\n', len);
        memcpy(text, PHP, strlen(PHP));
        struct config *config = parse_bytes(text, len);
        assert_int_equal(config->usable, extra == 0);
        if (extra) {
            expect_error(config, 0, "the file is 4194305 bytes long; allowed are 4194304");
            assert_int_equal(config->pool_count, 0);
        }
        expect_count(config, extra);
        config_destroy(config);
        free(text);
    }
}

static void a_file_of_the_greatest_length_in_any_encoding_is_read(void **state)
{
    (void)state; /* each byte of Windows-1252, and each unit of UTF-16, may become three of UTF-8 */
    uint8_t *text = malloc(CONFIG_MAX_FILE_LEN);
    assert_non_null(text);
    memset(text, 0x80, CONFIG_MAX_FILE_LEN);
    struct config *config = parse_bytes(text, CONFIG_MAX_FILE_LEN);
    expect_error(config, 1, "the line is 12582912 bytes long");
    config_destroy(config);
    memset(text, 0x20, CONFIG_MAX_FILE_LEN);
    text[0] = 0xff;
    text[1] = 0xfe;
    config = parse_bytes(text, CONFIG_MAX_FILE_LEN);
    expect_error(config, 1, "the line is 6291453 bytes long");
    config_destroy(config);
    free(text);
}

static void files_with_nothing_but_a_byte_order_mark_are_empty(void **state)
{
    (void)state;
    static const char *const texts[] = {"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config *config = parse(texts[i]);
        expect_error(config, 0, "no section [Types]");
        expect_count(config, 1);
        config_destroy(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_read_with_and_without_a_byte_order_mark),
        cmocka_unit_test(utf16_is_read_in_both_byte_orders),
        cmocka_unit_test(a_lone_surrogate_is_an_error_in_its_line),
        cmocka_unit_test(utf16_of_an_odd_length_is_an_error_in_the_last_line),
        cmocka_unit_test(utf16_without_a_byte_order_mark_is_an_error_that_says_so),
        cmocka_unit_test(other_text_is_of_the_ansi_code_page),
        cmocka_unit_test(the_callers_decoder_is_used_for_ansi_text_only),
        cmocka_unit_test(broken_utf8_behind_a_byte_order_mark_is_an_error_in_its_line),
        cmocka_unit_test(lines_end_in_crlf_lf_or_cr_in_any_mixture),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(a_comment_is_a_line_that_begins_with_a_semicolon),
        cmocka_unit_test(blanks_around_names_and_values_do_not_count),
        cmocka_unit_test(a_colon_in_a_name_does_not_split_the_line),
        cmocka_unit_test(a_line_with_a_colon_but_no_equals_sign_is_an_error),
        cmocka_unit_test(each_line_without_an_equals_sign_is_an_error),
        cmocka_unit_test(a_section_line_without_its_bracket_is_an_error_of_that_section),
        cmocka_unit_test(text_behind_a_section_is_a_warning_unless_it_is_a_comment),
        cmocka_unit_test(names_of_sections_and_properties_may_be_long),
        cmocka_unit_test(a_control_character_is_an_error_in_its_line),
        cmocka_unit_test(a_line_up_to_the_limit_is_read_whole),
        cmocka_unit_test(an_over_long_line_is_an_error_and_none_of_it_is_used),
        cmocka_unit_test(a_file_up_to_the_limit_is_read_and_a_longer_one_is_not),
        cmocka_unit_test(a_file_of_the_greatest_length_in_any_encoding_is_read),
        cmocka_unit_test(files_with_nothing_but_a_byte_order_mark_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
