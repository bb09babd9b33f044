/* Which requests of a * mapping the host is to answer itself. */
#include "tests/unit/config_testing.h"

#include <stdio.h>

#include "fcgiext/core/hand_back.h"
#include "fcgiext/core/script_path.h"

/* A disk with one folder of each kind, as the system answers for it. */
static enum hand_back_found found_at(struct bytes path)
{
    static const char *const folders[] = {"C:", "C:\\site", "C:\\site\\up", "C:\\site\\album.jpe"};
    static const char *const files[] = {"C:\\site\\up\\photo.jpe", "C:\\site\\index.php", "C:\\site\\up\\hashed"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (bytes_equal(path, bytes_of_str(folders[i])))
            return HAND_BACK_DIRECTORY;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (bytes_equal(path, bytes_of_str(files[i])))
            return HAND_BACK_FILE;
    if (bytes_equal(path, bytes_of_str("C:\\site\\secret")))
        return HAND_BACK_DENIED;
    if (path.len == 0)
        return HAND_BACK_NO_FOLDER;
    return found_at(script_path_parent(path)) == HAND_BACK_DIRECTORY ? HAND_BACK_NOTHING : HAND_BACK_NO_FOLDER;
}

/* "IgnoreExistingFiles 2": handed back because of it after two looks; "pool 1", "refused 256". */
static const char *outcome_of(bool files, bool directories, const char *path)
{
    static char outcome[64];
    struct config *config = parse("[Types]\n*=All\nphp=All\n[All]\nExePath=C:\\all.exe\n");
    struct routes *routes = routes_create(config);
    assert_non_null(routes);
    struct config_pool pool = {.ignore_existing_files = files, .ignore_directories = directories};
    struct routes_query query = {.site = bytes_of_str("1")};
    struct hand_back hand_back;
    enum hand_back_next next = HAND_BACK_LOOK;
    hand_back_init(&hand_back, &pool, routes, &query, bytes_of_str(path));
    while (next == HAND_BACK_LOOK)
        next = hand_back_on_found(&hand_back, found_at(hand_back.path));
    assert_int_equal(next == HAND_BACK_HOST, hand_back.reason != NULL);
    const char *who = next == HAND_BACK_HOST ? hand_back.reason->property : next == HAND_BACK_POOL ? "pool" : "refused";
    snprintf(outcome, sizeof outcome, "%s %u", who, hand_back.looks);
    routes_destroy(routes);
    config_destroy(config);
    return outcome;
}

static void each_property_hands_back_its_kind(void **state)
{
    static const struct {
        const char *path, *neither, *files, *directories, *both;
    } rows[] = {
        {"C:\\site\\page", "pool 1", "pool 1", "pool 1", "pool 1"},
        {"C:\\site\\up\\photo.jpe", "pool 1", "IgnoreExistingFiles 1", "pool 1", "IgnoreExistingFiles 1"},
        {"C:\\site\\up", "pool 1", "pool 1", "IgnoreDirectories 1", "IgnoreDirectories 1"},
        {"C:\\site\\up\\", "pool 1", "pool 1", "IgnoreDirectories 1", "IgnoreDirectories 1"},
        {"C:\\site\\secret", "pool 1", "IgnoreExistingFiles 1", "pool 1", "IgnoreExistingFiles 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(outcome_of(false, false, rows[i].path), rows[i].neither);
        assert_string_equal(outcome_of(true, false, rows[i].path), rows[i].files);
        assert_string_equal(outcome_of(false, true, rows[i].path), rows[i].directories);
        assert_string_equal(outcome_of(true, true, rows[i].path), rows[i].both);
    }
}

static void row_16_what_lies_below_a_file_goes_where_the_file_goes(void **state)
{
    (void)state;
    assert_string_equal(outcome_of(true, true, "C:\\site\\up\\photo.jpe\\x"), "IgnoreExistingFiles 2");
    assert_string_equal(outcome_of(true, true, "C:\\site\\up\\photo.jpe\\a\\b\\c.php"), "IgnoreExistingFiles 4");
    assert_string_equal(outcome_of(true, true, "C:\\site\\up\\photo.jpe\\"), "IgnoreExistingFiles 1");
    assert_string_equal(outcome_of(true, true, "C:\\site\\up\\hashed\\x"), "IgnoreExistingFiles 2");
    assert_string_equal(outcome_of(true, true, "C:\\site\\secret\\a\\b"), "IgnoreExistingFiles 3");
    assert_string_equal(outcome_of(false, true, "C:\\site\\up\\photo.jpe\\x"),
                        "pool 1"); /* the file itself is the pool's, too */
}

static void a_program_with_an_entry_of_its_own_keeps_its_path_info(void **state)
{
    (void)state;
    assert_string_equal(outcome_of(true, true, "C:\\site\\index.php\\a\\b"), "pool 3");
}

static void a_url_below_folders_alone_is_the_pools(void **state)
{
    (void)state;
    assert_string_equal(outcome_of(true, true, "C:\\site\\a\\b\\c"), "pool 3");
    assert_string_equal(outcome_of(true, true, "C:\\site\\album.jpe\\x"), "pool 1");
    assert_string_equal(outcome_of(true, true, "D:\\a"), "pool 2"); /* nothing is there at all */
}

static void looks_are_bounded(void **state)
{
    char path[2 * HAND_BACK_MAX_LOOKS + 64] = "C:\\site\\up\\photo.jpe";
    (void)state;
    for (int i = 0; i < HAND_BACK_MAX_LOOKS - 1; i++)
        strcat(path, "\\x");
    assert_string_equal(outcome_of(true, true, path), "IgnoreExistingFiles 256");
    strcat(path, "\\x");
    assert_string_equal(outcome_of(true, true, path), "refused 256");
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
        cmocka_unit_test(row_16_what_lies_below_a_file_goes_where_the_file_goes),
        cmocka_unit_test(a_program_with_an_entry_of_its_own_keeps_its_path_info),
        cmocka_unit_test(a_url_below_folders_alone_is_the_pools),
        cmocka_unit_test(looks_are_bounded),
        cmocka_unit_test(only_a_wildcard_entry_with_a_property_asks_the_file_system),
        cmocka_unit_test(the_path_that_is_looked_at_is_that_of_the_whole_url),
        cmocka_unit_test(names_that_windows_opens_as_others_are_not_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
