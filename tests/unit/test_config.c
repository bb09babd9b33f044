/* Sections, what depends on several settings, and the list of diagnostics. */
#include "tests/unit/config_testing.h"

static void section_and_property_names_ignore_case(void **state)
{
    (void)state;
    struct config *config = parse("[tYPES]\nphp=php\n[PHP]\nEXEPATH=C:\\a.exe\nqueuelength=7\n[manageMENT]\npipe=0\n");
    expect_count(config, 0);
    assert_int_equal(config->routes[0].pool, 0);
    assert_string_equal(config->pools[0].exe_path, "C:\\a.exe");
    assert_int_equal(config->pools[0].queue_length, 7);
    assert_false(config->management.enabled);
    config_destroy(config);
}

static void a_section_without_exepath_uses_its_name_as_the_path(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=c:\\php\\php-cgi.exe\n[c:\\php\\php-cgi.exe]\nQueueLength=5\n");
    expect_count(config, 0);
    assert_int_equal(config->pool_count, 1);
    assert_string_equal(config->pools[0].exe_path, "c:\\php\\php-cgi.exe");
    assert_int_equal(config->pools[0].queue_length, 5);
    config_destroy(config);
}

static void a_section_without_exepath_whose_name_is_no_path_is_an_error(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=PHP\n\n[PHP]\nQueueLength=5\n");
    const struct config_diagnostic *d = expect_error(config, 4, "is missing");
    assert_string_equal(d->section, "PHP");
    assert_string_equal(d->property, "ExePath");
    assert_int_equal(d->pool, 0);
    assert_false(config->pools[0].valid);
    config_destroy(config);
}

static void a_property_given_twice_is_a_warning_and_the_last_counts(void **state)
{
    (void)state;
    struct config *config = parse(PHP "QueueLength=5\nqueuelength=6\n");
    const struct config_diagnostic *d = expect_warning(config, 6, "line 5");
    assert_string_equal(d->property, "queuelength");
    expect_count(config, 1);
    assert_int_equal(config->pools[0].queue_length, 6);
    assert_true(config->pools[0].valid);
    config_destroy(config);
}

static void a_section_given_twice_is_an_error(void **state)
{
    (void)state;
    struct config *config = parse(PHP "[Ruby]\nExePath=C:\\ruby.exe\n[php]\nQueueLength=6\nBad=1\n[Types]\nrb=Ruby\n");
    expect_error(config, 7, "line 3");
    expect_error(config, 9, "no such property");
    expect_error(config, 10, "line 1");
    expect_count(config, 3);
    assert_false(pool_named(config, "PHP")->valid);
    assert_true(pool_named(config, "Ruby")->valid);
    assert_int_equal(config->route_count, 2);
    config_destroy(config);
}

static void phps_own_request_limit_below_ours_is_a_warning_with_the_remedy(void **state)
{
    (void)state;
    expect_only(PHP "EnvironmentVars=PHP_FCGI_MAX_REQUESTS:500\n", 5, CONFIG_WARNING,
                "PHP_FCGI_MAX_REQUESTS is 500, below InstanceMaxRequests (1000)");
    expect_only(PHP "EnvironmentVars=php_fcgi_max_requests:1000\nInstanceMaxRequests=1001\n", 5, CONFIG_WARNING, "set both");
    expect_clean(PHP "EnvironmentVars=PHP_FCGI_MAX_REQUESTS:1000\n");
    expect_clean(PHP "EnvironmentVars=PHP_FCGI_MAX_REQUESTS:1001\n");
    expect_clean(PHP "EnvironmentVars=PHP_FCGI_MAX_REQUESTS:500\nInstanceMaxRequests=500\n");
    expect_clean(PHP "EnvironmentVars=PHP_FCGI_MAX_REQUESTS:0\n"); /* no limit */
}

static void settings_that_other_settings_make_useless_are_warnings(void **state)
{
    (void)state;
    expect_only(PHP "ActivityTimeout=100\n", 5, CONFIG_WARNING, "has no effect: RequestTimeout (90) is shorter");
    expect_clean(PHP "RequestTimeout=60\n");
    expect_only(PHP "MinInstances=5\nMaxInstances=4\n", 5, CONFIG_WARNING, "above MaxInstances (4)");
    expect_clean(PHP "MinInstances=5\nMaxInstances=0\n");
    expect_only(PHP "KeepConnections=Always\nFlushNamedPipe=1\n", 5, CONFIG_WARNING, "FlushNamedPipe=1");
    expect_only(PHP "IgnoreDirectories=1\n", 3, CONFIG_WARNING, "* mappings only");
    expect_clean("[Types]\nphp=PHP\n*:1=PHP\n[PHP]\nExePath=C:\\x.exe\nIgnoreExistingFiles=1\n");
}

static void a_section_that_nothing_names_is_a_warning_and_is_not_mapped(void **state)
{
    (void)state;
    struct config *config = parse(PHP "[Old]\nExePath=C:\\old.exe\nOops=1\n[Management]\nPipe=1\n");
    expect_warning(config, 5, "no entry of [Types] names this section");
    expect_error(config, 7, "no such property");
    expect_count(config, 2);
    assert_true(pool_named(config, "PHP")->mapped);
    assert_false(pool_named(config, "Old")->mapped);
    config_destroy(config);
}

static void errors_of_one_section_leave_the_others_valid(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\na=A\nb=B\nc=C\n[A]\nExePath=C:\\a.exe\n[B]\nExePath=C:\\b.exe\nnonsense\n"
                                  "MaxInstances=x\n[C]\nExePath=C:\\c.exe\n");
    assert_true(config->usable);
    assert_int_equal(config->error_count, 2);
    assert_true(pool_named(config, "A")->valid);
    assert_false(pool_named(config, "B")->valid);
    assert_true(pool_named(config, "C")->valid);
    for (size_t i = 0; i < config->diagnostic_count; i++)
        assert_ptr_equal(&config->pools[config->diagnostics[i].pool], pool_named(config, "B"));
    config_destroy(config);
}

static void all_problems_are_found_in_one_pass_in_the_order_of_lines(void **state)
{
    (void)state;
    struct config *config = parse("stray=1\n"              /* 1 */
                                  "[Types]\n"              /* 2 */
                                  "ph p=PHP\n"             /* 3: extension */
                                  "rb=Nowhere\n"           /* 4: no section */
                                  "php:x=PHP\n"            /* 5: site */
                                  "php=PHP\n"              /* 6 */
                                  "garbage\n"              /* 7 */
                                  "[PHP]\n"                /* 8 */
                                  "ExePath=php-cgi.exe\n"  /* 9: relative */
                                  "QueueLength=many\n"     /* 10 */
                                  "Protocol=ftp\n"         /* 11 */
                                  "FlushNamedPipe=maybe\n" /* 12 */
                                  "Colour=red\n"           /* 13 */
                                  "EnvironmentVars=A\n"    /* 14 */
                                  "[Unclosed\n"            /* 15 */
                                  "ExePath=C:\\x.exe\n"    /* 16 */
                                  "[]\n"                   /* 17 */
                                  "Ignored=1\n");          /* 18: its section has been reported */
    static const unsigned lines[] = {1, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15, 15, 17};
    expect_count(config, sizeof lines / sizeof *lines);
    for (size_t i = 0; i < config->diagnostic_count; i++)
        assert_int_equal(config->diagnostics[i].line, lines[i]);
    expect_warning(config, 15, "no entry of [Types]");
    assert_int_equal(config->error_count, config->diagnostic_count - 1);
    config_destroy(config);
}

static void a_formatted_diagnostic_names_file_line_section_property_and_what_is_allowed(void **state)
{
    (void)state;
    struct config *config = parse(PHP "QueueLength=many\n");
    struct buffer out;
    buffer_init(&out, 1000);
    assert_true(config_diagnostic_format(&config->diagnostics[0], "C:\\fcgiext.ini", &out));
    assert_true(buffer_append(&out, bytes_of("", 1)));
    assert_string_equal((const char *)buffer_peek(&out).ptr,
                        "C:\\fcgiext.ini:5: error: [PHP] QueueLength: 'many' is not a number; allowed is 1 to 10000000\n");
    buffer_deinit(&out);
    config_destroy(config);

    config = parse("");
    buffer_init(&out, 1000);
    assert_true(config_diagnostic_format(&config->diagnostics[0], "f", &out));
    assert_memory_equal(buffer_peek(&out).ptr, "f: error: there is no section [Types]", 37);
    buffer_deinit(&out);
    buffer_init(&out, 5);
    assert_false(config_diagnostic_format(&config->diagnostics[0], "f", &out));
    assert_int_equal(out.len, 0);
    buffer_deinit(&out);
    config_destroy(config);
}

static void offending_text_is_cut_at_80_characters_and_cleaned(void **state)
{
    (void)state;
    char text[1000] = PHP "QueueLength=";
    for (int i = 0; i < 100; i++)
        strcat(text, "\xc3\xa4"); /* one character, two bytes */
    struct config *config = parse(text);
    const char *message = config->diagnostics[0].message;
    assert_memory_equal(message + 1 + 160, "...' is not a number", 20);
    config_destroy(config);

    config = parse(PHP "nonsense \x1b[2J\x07 bell\n");
    assert_null(strpbrk(expect_error(config, 5, "control character: 'nonsense ?[2J? bell'")->message, "\x1b\x07"));
    config_destroy(config);
}

static void at_most_200_diagnostics_are_listed_errors_first_and_the_last_says_so(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 1024 * 1024);
    assert_true(buffer_append_str(&text, PHP));
    for (int i = 0; i < 1000; i++)
        assert_true(buffer_append_str(&text, "QueueLength=0\n")); /* warnings: the range, and given twice */
    assert_true(buffer_append_str(&text, "Zebra=1\nZebra=1\n"));
    struct bytes bytes = buffer_peek(&text);
    struct config *config = parse_bytes(bytes.ptr, bytes.len);
    assert_int_equal(config->diagnostic_count, CONFIG_MAX_DIAGNOSTICS);
    assert_int_equal(config->error_count, 2);
    expect_error(config, 1005, "no such property");
    expect_error(config, 1006, "no such property");
    const struct config_diagnostic *last = &config->diagnostics[CONFIG_MAX_DIAGNOSTICS - 1];
    assert_int_equal(last->line, 0);
    assert_string_equal(last->message, "1802 more problems (0 of them errors) are not listed");
    config_destroy(config);

    for (int i = 0; i < 1000; i++)
        assert_true(buffer_append_str(&text, "Zebra=1\n"));
    bytes = buffer_peek(&text);
    config = parse_bytes(bytes.ptr, bytes.len);
    assert_int_equal(config->error_count, 1002);
    assert_int_equal(config->diagnostics[0].line, 1005);
    assert_int_equal(config->diagnostics[198].line, 1005 + 198);
    last = &config->diagnostics[CONFIG_MAX_DIAGNOSTICS - 1];
    assert_string_equal(last->message, "2802 more problems (803 of them errors) are not listed");
    config_destroy(config);
    buffer_deinit(&text);
}

static void exactly_200_diagnostics_are_all_listed(void **state)
{
    (void)state;
    for (int count = 199; count <= 201; count++) {
        struct buffer text;
        buffer_init(&text, 1024 * 1024);
        assert_true(buffer_append_str(&text, PHP));
        for (int i = 0; i < count; i++)
            assert_true(buffer_append_str(&text, "Zebra=1\n"));
        struct config *config = parse_bytes(buffer_peek(&text).ptr, text.len);
        assert_int_equal(config->diagnostic_count, count > 200 ? 200 : count);
        assert_int_equal(config->error_count, count);
        assert_int_equal(config->diagnostics[config->diagnostic_count - 1].line == 0, count > 200);
        config_destroy(config);
        buffer_deinit(&text);
    }
}

static void without_a_types_section_nothing_can_serve(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "; a comment\n;another", "[PHP]\nExePath=C:\\x.exe\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config *config = parse(texts[i]);
        expect_error(config, 0, "there is no section [Types]");
        expect_count(config, 1);
        assert_false(config->usable);
        config_destroy(config);
    }
    struct config *config = parse("[Types]\n");
    expect_warning(config, 1, "maps nothing");
    assert_true(config->usable);
    config_destroy(config);
}

static void pool_1025_is_an_error_and_the_others_serve(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 1024 * 1024);
    assert_true(buffer_append_str(&text, "[Types]\nx=last\ny=C:\\y.exe\n"));
    for (int i = 0; i < CONFIG_MAX_POOLS + 2; i++) {
        char section[] = "[C:\\0000.exe]\n";
        for (int digit = 0, number = i; digit < 4; digit++, number /= 10)
            section[7 - digit] = (char)('0' + number % 10);
        assert_true(buffer_append_str(&text, section));
    }
    assert_true(buffer_append_str(&text, "Nonsense=1\n"));
    struct config *config = parse_bytes(buffer_peek(&text).ptr, text.len);
    assert_int_equal(config->pool_count, CONFIG_MAX_POOLS);
    expect_error(config, 4 + CONFIG_MAX_POOLS, "left out; allowed are 1024"); /* once, not for each */
    expect_error(config, 2, "no section 'last' among the first 1024");
    assert_int_equal(config->error_count, 2);
    assert_int_equal(config->route_count, 2);
    assert_true(config->routes[1].pool == SIZE_MAX); /* no room for a pool of its own */
    assert_true(config->usable);
    config_destroy(config);
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_and_property_names_ignore_case),
        cmocka_unit_test(a_section_without_exepath_uses_its_name_as_the_path),
        cmocka_unit_test(a_section_without_exepath_whose_name_is_no_path_is_an_error),
        cmocka_unit_test(a_property_given_twice_is_a_warning_and_the_last_counts),
        cmocka_unit_test(a_section_given_twice_is_an_error),
        cmocka_unit_test(phps_own_request_limit_below_ours_is_a_warning_with_the_remedy),
        cmocka_unit_test(settings_that_other_settings_make_useless_are_warnings),
        cmocka_unit_test(a_section_that_nothing_names_is_a_warning_and_is_not_mapped),
        cmocka_unit_test(errors_of_one_section_leave_the_others_valid),
        cmocka_unit_test(all_problems_are_found_in_one_pass_in_the_order_of_lines),
        cmocka_unit_test(a_formatted_diagnostic_names_file_line_section_property_and_what_is_allowed),
        cmocka_unit_test(offending_text_is_cut_at_80_characters_and_cleaned),
        cmocka_unit_test(at_most_200_diagnostics_are_listed_errors_first_and_the_last_says_so),
        cmocka_unit_test(exactly_200_diagnostics_are_all_listed),
        cmocka_unit_test(without_a_types_section_nothing_can_serve),
        cmocka_unit_test(pool_1025_is_an_error_and_the_others_serve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
