/* Which requests of a * mapping the host is to answer itself. */
#include "fcgiext/core/hand_back.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *because(bool files, bool directories, enum hand_back_found found)
{
    struct config_pool pool = {.ignore_existing_files = files, .ignore_directories = directories};
    const char *property = hand_back_because(&pool, found);
    return property ? property : "";
}

static void each_property_hands_back_its_kind(void **state)
{
    static const struct {
        enum hand_back_found found;
        const char *neither, *files, *directories, *both;
    } rows[] = {
        {HAND_BACK_NOTHING, "", "", "", ""},
        {HAND_BACK_FILE, "", "IgnoreExistingFiles", "", "IgnoreExistingFiles"},
        {HAND_BACK_DIRECTORY, "", "", "IgnoreDirectories", "IgnoreDirectories"},
        {HAND_BACK_DENIED, "", "IgnoreExistingFiles", "", "IgnoreExistingFiles"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(because(false, false, rows[i].found), rows[i].neither);
        assert_string_equal(because(true, false, rows[i].found), rows[i].files);
        assert_string_equal(because(false, true, rows[i].found), rows[i].directories);
        assert_string_equal(because(true, true, rows[i].found), rows[i].both);
    }
}

static void only_a_wildcard_entry_with_a_property_asks_the_file_system(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        struct config_pool pool = {.ignore_existing_files = bits & 1, .ignore_directories = (bits & 2) != 0};
        bool wildcard = (bits & 4) != 0;
        assert_int_equal(hand_back_asks(&pool, wildcard), wildcard && (bits & 3));
    }
}

static enum hand_back_path path_of(const char *script_name, const char *path_info)
{
    return hand_back_path_of(bytes_of_str(script_name), bytes_of_str(path_info));
}

static void the_path_that_is_looked_at_is_that_of_the_whole_url(void **state)
{
    (void)state;
    assert_int_equal(path_of("/a/b.css", "/a/b.css"), HAND_BACK_PATH_INFO);
    assert_int_equal(path_of("/", "/"), HAND_BACK_PATH_INFO);
    assert_int_equal(path_of("/a/", "/a/"), HAND_BACK_PATH_INFO);
    /* with AllowPathInfoForScriptMappings PATH_TRANSLATED is the site's root, which is a folder for every URL */
    assert_int_equal(path_of("/a/b.css", ""), HAND_BACK_PATH_SCRIPT);
    assert_int_equal(path_of("/a/b.css", "/more"), HAND_BACK_PATH_SCRIPT);
}

/* "x.php." opens x.php: whoever serves files must not be asked for it by us. The pool refuses such names. */
static void names_that_windows_opens_as_others_are_not_looked_for(void **state)
{
    static const char *const names[] = {"",          "/x.php.",   "/x.php ", "/x.php::$DATA", "/X~1.PHP",
                                        "/a\\x.php", "/../x.php", "/con",    "/a\nb"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(path_of(names[i], names[i]), HAND_BACK_PATH_NONE);
        assert_int_equal(path_of(names[i], ""), HAND_BACK_PATH_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_hands_back_its_kind),
        cmocka_unit_test(only_a_wildcard_entry_with_a_property_asks_the_file_system),
        cmocka_unit_test(the_path_that_is_looked_at_is_that_of_the_whole_url),
        cmocka_unit_test(names_that_windows_opens_as_others_are_not_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
