/* utf8_vars: the two lists of names that are sent as UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgiext/core/utf8_vars.h"

static bool has(const struct utf8_vars *vars, const char *name)
{
    return utf8_vars_has(vars, bytes_of_str(name));
}

static void names_of_both_lists_count_and_case_does_not(void **state)
{
    (void)state;
    struct utf8_vars vars;
    assert_true(utf8_vars_init(&vars, bytes_of("PATH_INFO\0Url\0\0", 15), bytes_of_str("auth_user, PATH_INFO")));
    assert_int_equal(vars.names.count, 3);
    assert_true(has(&vars, "PATH_INFO") && has(&vars, "path_info") && has(&vars, "URL") && has(&vars, "AUTH_USER"));
    assert_false(has(&vars, "PATH_INF") || has(&vars, "PATH_INFOS") || has(&vars, ""));
    assert_false(utf8_vars_is_empty(&vars));
    utf8_vars_deinit(&vars);
}

static void either_list_may_be_empty(void **state)
{
    (void)state;
    struct utf8_vars vars;
    assert_true(utf8_vars_init(&vars, bytes_of_str("URL"), bytes_of(NULL, 0)));
    assert_true(has(&vars, "URL"));
    utf8_vars_deinit(&vars);
    assert_true(utf8_vars_init(&vars, bytes_of(NULL, 0), bytes_of_str("URL")));
    assert_true(has(&vars, "URL"));
    utf8_vars_deinit(&vars);
    assert_true(utf8_vars_init(&vars, bytes_of(NULL, 0), bytes_of_str("")));
    assert_true(utf8_vars_is_empty(&vars));
    assert_false(has(&vars, "URL"));
    utf8_vars_deinit(&vars);
    assert_true(utf8_vars_is_empty(NULL));
    assert_false(has(NULL, "URL"));
}

static void what_is_no_name_is_left_out_and_the_lists_do_not_run_together(void **state)
{
    (void)state;
    struct utf8_vars vars;
    assert_true(utf8_vars_init(&vars, bytes_of_str(" ,,PATH\tb\xc3\xa4 a=b "), bytes_of_str("_INFO\r\n")));
    assert_true(has(&vars, "PATH") && has(&vars, "_INFO"));
    assert_int_equal(vars.names.count, 2);
    utf8_vars_deinit(&vars);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_both_lists_count_and_case_does_not),
        cmocka_unit_test(either_list_may_be_empty),
        cmocka_unit_test(what_is_no_name_is_left_out_and_the_lists_do_not_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
