/* The entries of [Types]: names, values, duplicates. How requests find them: test_routes.c. */
#include "tests/unit/config_testing.h"

#define SECTIONS "[A]\nExePath=C:\\a.exe\n[B]\nExePath=C:\\b.exe\n"

static void all_six_kinds_of_entries_are_read(void **state)
{
    (void)state;
    struct config *config =
        parse("[Types]\nphp:/lm" METABASE_ROOT "/app=A\n*:/lm" METABASE_ROOT "/app=A\nphp:1=A\n*:1=A\nphp=B\n*=B\n" SECTIONS);
    expect_count(config, 0);
    static const struct {
        const char *extension, *site, *app_path;
        size_t pool;
        unsigned line;
    } expected[] = {
        {"php", "", METABASE_ROOT "/app", 0, 2},
        {"*", "", METABASE_ROOT "/app", 0, 3},
        {"php", "1", "", 0, 4},
        {"*", "1", "", 0, 5},
        {"php", "", "", 1, 6},
        {"*", "", "", 1, 7},
    };
    assert_int_equal(config->route_count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(config->routes[i].extension, expected[i].extension);
        assert_string_equal(config->routes[i].site, expected[i].site);
        assert_string_equal(config->routes[i].app_path, expected[i].app_path);
        assert_int_equal(config->routes[i].pool, expected[i].pool);
        assert_int_equal(config->routes[i].line, expected[i].line);
    }
    config_destroy(config);
}

static void names_are_brought_to_one_form(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nPHP : /LM/W3SVC/1/Root/My App/=A\nPhP3:/w3svc/2/root=B\n" SECTIONS);
    expect_count(config, 0);
    assert_string_equal(config->routes[0].extension, "php");
    assert_string_equal(config->routes[0].app_path, METABASE_ROOT "/my app");
    assert_string_equal(config->routes[1].extension, "php3");
    assert_string_equal(config->routes[1].app_path, "/w3svc/2/root");
    config_destroy(config);
}

static void several_mappings_may_name_one_section(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=A\nphp5=a\n*:3=A\nrb=B\n" SECTIONS);
    expect_count(config, 0);
    assert_int_equal(config->pool_count, 2);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(config->routes[i].pool, 0);
    config_destroy(config);
}

static void a_path_needs_no_section(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=c:\\php\\php-cgi.exe\npy=\"C:\\my python\\p.exe\"\n");
    expect_count(config, 0);
    assert_int_equal(config->pool_count, 2);
    assert_string_equal(config->pools[0].name, "c:\\php\\php-cgi.exe");
    assert_string_equal(config->pools[0].exe_path, "c:\\php\\php-cgi.exe");
    assert_int_equal(config->pools[0].line, 2);
    assert_int_equal(config->pools[0].instance_max_requests, 1000);
    assert_true(config->pools[0].valid && config->pools[0].mapped);
    assert_string_equal(config->pools[1].exe_path, "C:\\my python\\p.exe");
    assert_int_equal(config->routes[1].pool, 1);
    config_destroy(config);
}

static void equal_paths_share_a_pool_ignoring_case(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=c:\\php\\php-cgi.exe\nphp5=C:\\PHP\\php-cgi.EXE\nphp7=c:\\php7\\php-cgi.exe\n");
    expect_count(config, 0);
    assert_int_equal(config->pool_count, 2);
    assert_int_equal(config->routes[0].pool, 0);
    assert_int_equal(config->routes[1].pool, 0);
    assert_int_equal(config->routes[2].pool, 1);
    config_destroy(config);
}

static void a_path_that_is_not_absolute_is_an_error(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=php\\php-cgi.exe\nrb=C:\\ruby.exe\n");
    const struct config_diagnostic *d = expect_error(config, 2, "is not an absolute path");
    assert_string_equal(d->section, "Types");
    assert_string_equal(d->property, "php");
    assert_false(config->pools[0].valid);
    assert_true(config->pools[1].valid);
    config_destroy(config);
}

static void a_missing_section_is_an_error_in_the_line_of_the_entry(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\n\nphp=PHP5\nrb=A\n" SECTIONS);
    const struct config_diagnostic *d =
        expect_error(config, 3, "there is no section 'PHP5', and it is not the path of a program");
    assert_string_equal(d->section, "Types");
    assert_string_equal(d->property, "php");
    assert_int_equal(config->routes[0].pool, SIZE_MAX);
    assert_int_equal(config->routes[1].pool, 0);
    assert_true(config->usable);
    config_destroy(config);
    expect_only("[Types]\nphp=Rubby\nrb=Ruby\n[Ruby]\nExePath=C:\\r.exe\n", 2, CONFIG_ERROR, "did you mean 'Ruby'?");
    expect_only("[Types]\nphp=types\n", 2, CONFIG_ERROR, "'types' is no section of a pool");
    expect_only("[Types]\nphp=\nrb=C:\\r.exe\n", 2, CONFIG_ERROR, "there is no value");
}

static void bad_names_are_errors_that_say_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *name, *problem;
    } rows[] = {
        {"p hp", "'p hp' is not an extension"},
        {"php,php5", "is not an extension"},
        {"tar.gz", "is not an extension"},
        {"*php", "is not an extension"},
        {".", "is not an extension"},
        {"c\\php", "is not an extension"},
        {":1", "'' is not an extension"},
        {"php:", "'' is not a site's id"},
        {"php:one", "'one' is not a site's id"},
        {"php:0", "is not a site's id"},
        {"php:01", "is not a site's id"},
        {"php:-1", "is not a site's id"},
        {"php:4294967296", "is not a site's id"},
        {"php:lm" METABASE_ROOT, "is not a site's id"},
        {"php:/", "is not an application's metabase path"},
        {"php:/lm", "is not an application's metabase path"},
        {"php:/lm/w3svc/1", "is not an application's metabase path"},
        {"php:/lm/w3svc/x/root", "is not an application's metabase path"},
        {"php:/lm/w3svc/01/root", "is not an application's metabase path"},
        {"php:/lm/msftpsvc/1/root", "is not an application's metabase path"},
        {"php:/lm" METABASE_ROOT "s", "is not an application's metabase path"},
        {"php:/lm" METABASE_ROOT "//app", "is not an application's metabase path"},
        {"php:/lm" METABASE_ROOT "/a\\b", "is not an application's metabase path"},
        {"php:/lm" METABASE_ROOT "/*", "is not an application's metabase path"},
        {"php:/lm/lm" METABASE_ROOT, "is not an application's metabase path"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200] = "[Types]\n";
        struct config *config = parse(strcat(strcat(strcat(text, rows[i].name), "=A\nrb=A\nx=B\n"), SECTIONS));
        const struct config_diagnostic *d = expect_error(config, 2, rows[i].problem);
        assert_non_null(strstr(d->message, "; allowed is ext, ext:site or ext:/LM/W3SVC/site/ROOT/app"));
        assert_string_equal(d->property, rows[i].name);
        expect_count(config, 1);
        assert_int_equal(config->route_count, 2);
        config_destroy(config);
    }
}

static void good_names_are_accepted(void **state)
{
    (void)state;
    static const char *const names[] = {
        "php", "php:4294967295", "c++", "a-b_c", "7z", "\xc3\xa4", "*:" METABASE_ROOT "/a.b/c d/~x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[200] = "[Types]\n";
        expect_clean(strcat(strcat(text, names[i]), "=C:\\x.exe\n"));
    }
}

static void a_dot_before_an_extension_is_a_warning(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\n.php=C:\\x.exe\n");
    expect_warning(config, 2, "without its dot; 'php' counts");
    assert_string_equal(config->routes[0].extension, "php");
    config_destroy(config);
}

static void a_mapping_given_twice_is_a_warning_and_the_last_counts(void **state)
{
    (void)state;
    struct config *config = parse(
        "[Types]\nphp=A\nPHP=B\nphp:/lm/w3svc/1/root=A\nphp:/W3SVC/1/ROOT/=B\nx:1=A\nX:1=B\nx:/w3svc/1/root=A\n" SECTIONS);
    expect_warning(config, 3, "line 2; this one counts");
    expect_warning(config, 5, "line 4");
    expect_warning(config, 7, "line 6");
    expect_count(config, 3);
    assert_int_equal(config->route_count, 4);
    assert_int_equal(config->routes[0].pool, 1);
    assert_int_equal(config->routes[0].line, 3);
    assert_int_equal(config->routes[1].pool, 1);
    assert_int_equal(config->routes[2].pool, 1);
    assert_int_equal(config->routes[3].pool, 0);
    config_destroy(config);
}

static void a_comment_behind_a_value_is_accepted_with_a_warning(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=A ; our site\nrb=B\t;x\npy=C:\\a;b\\x.exe\n" SECTIONS);
    expect_warning(config, 2, "'; our site' is taken as a comment");
    expect_warning(config, 3, "';x' is taken as a comment");
    expect_count(config, 2);
    assert_int_equal(config->routes[0].pool, 0);
    assert_int_equal(config->routes[1].pool, 1);
    assert_string_equal(config->pools[2].exe_path, "C:\\a;b\\x.exe");
    config_destroy(config);
}

static void a_pools_setting_in_types_is_a_warning(void **state)
{
    (void)state;
    expect_only("[Types]\nphp=C:\\p.exe\nExePath=C:\\x.exe\n", 3, CONFIG_WARNING, "is a [section] missing?");
}

static void entry_16385_is_an_error_and_the_others_serve(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 1024 * 1024);
    assert_true(buffer_append_str(&text, "[Types]\n"));
    for (int i = 0; i < CONFIG_MAX_ROUTES + 2; i++) {
        char entry[] = "php:100000=C:\\x.exe\n";
        for (int digit = 0, number = i; digit < 5; digit++, number /= 10)
            entry[9 - digit] = (char)('0' + number % 10);
        assert_true(buffer_append_str(&text, entry));
    }
    struct config *config = parse_bytes(buffer_peek(&text).ptr, text.len);
    assert_int_equal(config->route_count, CONFIG_MAX_ROUTES);
    expect_error(config, CONFIG_MAX_ROUTES + 2, "left out; allowed are 16384");
    expect_count(config, 1);
    config_destroy(config);
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_six_kinds_of_entries_are_read),
        cmocka_unit_test(names_are_brought_to_one_form),
        cmocka_unit_test(several_mappings_may_name_one_section),
        cmocka_unit_test(a_path_needs_no_section),
        cmocka_unit_test(equal_paths_share_a_pool_ignoring_case),
        cmocka_unit_test(a_path_that_is_not_absolute_is_an_error),
        cmocka_unit_test(a_missing_section_is_an_error_in_the_line_of_the_entry),
        cmocka_unit_test(bad_names_are_errors_that_say_what_is_allowed),
        cmocka_unit_test(good_names_are_accepted),
        cmocka_unit_test(a_dot_before_an_extension_is_a_warning),
        cmocka_unit_test(a_mapping_given_twice_is_a_warning_and_the_last_counts),
        cmocka_unit_test(a_comment_behind_a_value_is_accepted_with_a_warning),
        cmocka_unit_test(a_pools_setting_in_types_is_a_warning),
        cmocka_unit_test(entry_16385_is_an_error_and_the_others_serve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
