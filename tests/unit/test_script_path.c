/* script_path: the script's part of a path, and the names that Windows takes for other ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgiext/core/script_path.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void assert_slice(struct bytes actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    if (actual.len > 0)
        assert_memory_equal(actual.ptr, expected, actual.len);
}

static void what_follows_the_script_is_found_under_both_settings(void **state)
{
    (void)state;
    static const struct {
        const char *script_name, *path_info;
        bool path_info_is_extra;
        const char *extra;
        bool stripped;
    } cases[] = {
        {"/index.php", "/index.php/api/1", false, "/api/1", true},
        {"/index.php", "/index.php", false, "", true},
        {"/index.php", "/index.php/", false, "/", true},
        {"/index.php", "/INDEX.PHP/api", false, "/api", true},
        {"/index.php", "", false, "", false},
        {"/index.php", "/api/1", true, "/api/1", false},
        {"/index.php", "", true, "", false},
        {"/a.php", "/a.php", true, "/a.php", false},      /* /a.php/a.php */
        {"/index.php", "/api/1", false, "/api/1", false}, /* the setting is on and nobody has told us */
        {"/a.php", "/a.phpx", false, "/a.phpx", false},   /* not at a boundary */
        {"/", "/x", false, "/x", false},
        {"", "/x", false, "/x", false},
        {"", "", false, "", false},
        {"/dir/", "/dir/", false, "", true}, /* a folder under a wildcard map */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool stripped = !cases[i].stripped;
        assert_slice(script_path_extra(bytes_of_str(cases[i].script_name), bytes_of_str(cases[i].path_info),
                                       cases[i].path_info_is_extra, &stripped),
                     cases[i].extra);
        assert_int_equal(stripped, cases[i].stripped);
    }
}

static void the_scripts_file_is_what_is_left_without_path_info(void **state)
{
    (void)state;
    static const struct {
        const char *translated, *script_name, *extra, *file;
    } cases[] = {
        {"C:\\root\\index.php\\api\\1", "/index.php", "/api/1", "C:\\root\\index.php"},
        {"C:\\root\\index.php", "/index.php", "", "C:\\root\\index.php"},
        {"C:\\root\\file.php\\", "/file.php", "/", "C:\\root\\file.php"},
        {"C:\\root\\a.php\\x\\a.php\\y", "/a.php", "/x/a.php/y", "C:\\root\\a.php"},
        {"C:\\root\\a.php\\a.php", "/a.php", "/a.php", "C:\\root\\a.php"},
        {"C:\\root\\x.php\\a\\b", "/x.php", "//a///b", "C:\\root\\x.php"}, /* the host has joined separators */
        {"C:\\root\\x.php\\a\\b\\", "/x.php", "/a/b/", "C:\\root\\x.php"},
        {"C:\\ROOT\\X.PHP\\a", "/x.php", "/a", "C:\\ROOT\\X.PHP"},
        {"/srv/x.php/a", "/x.php", "/a", "/srv/x.php"},
        {"\\\\server\\share\\x.php\\a", "/x.php", "/a", "\\\\server\\share\\x.php"},
        /* not the file with path info behind it: AllowPathInfoForScriptMappings translates PATH_INFO alone */
        {"C:\\root\\api\\1", "/index.php", "/api/1", ""},
        {"C:\\root\\b\\a.php", "/a.php", "/b/a.php", ""},
        {"C:\\root\\a.php", "/a.php", "/a.php", ""},
        {"C:\\root", "/index.php", "", ""},
        {"", "/index.php", "/api", ""},
        {"", "", "", ""},
        {"C:\\", "/x.php", "/a/b/c/d/e", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_slice(script_path_without_extra(bytes_of_str(cases[i].translated), bytes_of_str(cases[i].script_name),
                                               bytes_of_str(cases[i].extra)),
                     cases[i].file);
}

static void the_part_below_the_application_follows_its_metabase_path(void **state)
{
    (void)state;
    static const struct {
        const char *script_name, *appl_md_path, *below;
    } cases[] = {
        {"/x.php", "/LM/W3SVC/1/ROOT", "/x.php"},
        {"/x.php", "/LM/W3SVC/1/Root/", "/x.php"},
        {"/app/x.php", "/LM/W3SVC/1/ROOT/app", "/x.php"},
        {"/APP/sub/x.php", "/LM/W3SVC/1/ROOT/app", "/sub/x.php"},
        {"/a/b/x.php", "/LM/W3SVC/1/ROOT/a/b", "/x.php"},
        {"/application/x.php", "/LM/W3SVC/1/ROOT/app", ""},
        {"/ape/x.php", "/LM/W3SVC/1/ROOT/app", ""},
        {"/x.php", "/LM/W3SVC/1/ROOT/app", ""},
        {"/x.php", "", "/x.php"},
        {"", "", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_slice(script_path_below_app(bytes_of_str(cases[i].script_name), bytes_of_str(cases[i].appl_md_path)),
                     cases[i].below);
}

static void a_document_root_has_no_separator_at_its_end(void **state)
{
    (void)state;
    assert_slice(script_path_document_root(bytes_of_str("C:\\inetpub\\wwwroot\\")), "C:\\inetpub\\wwwroot");
    assert_slice(script_path_document_root(bytes_of_str("C:\\inetpub\\wwwroot")), "C:\\inetpub\\wwwroot");
    assert_slice(script_path_document_root(bytes_of_str("\\\\server\\share\\")), "\\\\server\\share");
    assert_slice(script_path_document_root(bytes_of_str("/srv/www/")), "/srv/www");
    assert_slice(script_path_document_root(bytes_of_str("C:\\")), "C:\\"); /* "C:" is another folder */
    assert_slice(script_path_document_root(bytes_of_str("/")), "/");
    assert_slice(script_path_document_root(bytes_of_str("")), "");
}

static void control_characters_and_dot_dot_are_not_clean(void **state)
{
    (void)state;
    static const char *const clean[] = {"", "/", "/a..b/..c/d../x.php", "C:\\a\\...\\x", "/\xc3\xa4/x.php"};
    static const char *const unclean[] = {"/..",      "..",    "/../x.php", "/a/../x.php", "\\..\\x.php", "/a\\../b",
                                          "/x.php\n", "/a\rb", "/a\tb",     "/a\x7f",      "/x.php/..",   "C:\\a\\..\\b"};
    for (size_t i = 0; i < COUNT(clean); i++)
        assert_true(script_path_is_clean(bytes_of_str(clean[i])));
    for (size_t i = 0; i < COUNT(unclean); i++)
        assert_false(script_path_is_clean(bytes_of_str(unclean[i])));
    assert_false(script_path_is_clean(bytes_of("/x.php\0.jpg", 11)));
}

static void names_that_windows_opens_as_others_are_not_plain(void **state)
{
    (void)state;
    static const char *const tricks[] = {
        "/x.php.",       "/x.php..",      "/x.php ",    "/x.php. .",    "/dir./x.php",     "/dir /x.php", "/./x.php",
        "/x.php::$DATA", "/x.php:stream", "/C:/x.php",  "/INDEX~1.PHP", "/PROGRA~1/x.php", "/a~12",       "/ABCDE~12.ht",
        "/con",          "/CON.php",      "/aux.php/x", "/nul.tar.gz",  "/com1.php",       "/LPT9",       "/prn .php",
        "/conin$",       "/com0",         "/x~9.php",   "/x~10.php",    "/x<<.php",        "/x>.php",     "/x\".php",
        "/x*.php",       "/x?.php",       "/a\\x.php",  "\\x.php",
    };
    for (size_t i = 0; i < COUNT(tricks); i++)
        if (script_path_is_plain(bytes_of_str(tricks[i])))
            fail_msg("%s passed", tricks[i]);
}

static void names_that_only_look_like_tricks_pass(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "/",
        "/index.php",
        "/v1.2/x.php",
        "/.well-known/x.php",
        "/~user/x.php",
        "/~1.php",
        "/a~b.php",
        "/backup~2024.html5",
        "/longer-name~1.php",
        "/console.php",
        "/com-.php",
        "/2024/x.php",
        "/abc~.php",
        "/12.php",
        "/com.php",
        "/com10.php",
        "/lpt/x.php",
        "/a b/x y.php",
        "/auxiliary.php",
        "/a;b,c=d/x.php",
        "/\xe8\xa1\xa8.php",
        "/\x95\x5c.php" /* one character of code page 932 */,
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (!script_path_is_plain(bytes_of_str(names[i])))
            fail_msg("%s was refused", names[i]);
}

/* "äöüÄÖ~1.php", and others of UTF-8. */
static void a_short_alias_is_counted_in_characters(void **state)
{
    (void)state;
    static const char *const aliases[] = {
        "/\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x84\xc3\x96~1.php",
        "/\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x84\xc3\x96\xc3\x9c~1",
        "/\xe8\xa1\xa8\xe8\xa1\xa8~1.php",
        "/abc~1.\xc3\xa4\xc3\xb6\xc3\xbc",
        "/\xf0\x9f\x98\x80\xf0\x9f\x98\x80~12/x.php",
    };
    static const char *const names[] = {
        "/\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x84\xc3\x96\xc3\x9c\xc3\x9f~1.php", /* nine characters */
        "/abc~1.\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f",                         /* an extension of four */
    };
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (script_path_is_plain(bytes_of_str(aliases[i])))
            fail_msg("%s passed", aliases[i]);
    for (size_t i = 0; i < COUNT(names); i++)
        if (!script_path_is_plain(bytes_of_str(names[i])))
            fail_msg("%s was refused", names[i]);
}

static void a_colon_in_a_file_stands_behind_a_drive_letter_only(void **state)
{
    (void)state;
    assert_true(script_path_file_is_plain(bytes_of_str("C:\\root\\x.php")));
    assert_true(script_path_file_is_plain(bytes_of_str("\\\\server\\share\\x.php")));
    assert_true(script_path_file_is_plain(bytes_of_str("")));
    assert_false(script_path_file_is_plain(bytes_of_str("C:\\root\\x.php::$DATA")));
    assert_false(script_path_file_is_plain(bytes_of_str("CC:\\root")));
    assert_false(script_path_file_is_plain(bytes_of_str("x:stream:y")));
}

static void a_path_below_what_looks_like_an_upload_is_seen(void **state)
{
    (void)state;
    static const char *const below[] = {"/file.jpg/x.php", "/up/FILE.JPG/x.php", "/a.pdf/b/c.php",
                                        "/file.png/",      "/a.tar.gz/x.php",    "/up/photo.jfif/x.php"};
    static const char *const not_below[] = {
        "/x.php",     "/file.jpg",   "/v1.2/x.php",  "/three.js/x.php", "/example.com/x.php",
        "/jpg/x.php", "/.zip/x.php", "/a.php/b.php", "/jpg.d/x.php",    "",
        "/"};
    for (size_t i = 0; i < COUNT(below); i++)
        assert_true(script_path_is_below_media(bytes_of_str(below[i])));
    for (size_t i = 0; i < COUNT(not_below); i++)
        assert_false(script_path_is_below_media(bytes_of_str(not_below[i])));
}

static void parents_and_names_are_counted_between_separators(void **state)
{
    (void)state;
    assert_slice(script_path_parent(bytes_of_str("C:\\a\\\\b\\")), "C:\\a");
    assert_slice(script_path_parent(bytes_of_str("/a")), "");
    assert_slice(script_path_parent(bytes_of_str("")), "");
    assert_int_equal(script_path_name_count(bytes_of_str("")), 0);
    assert_int_equal(script_path_name_count(bytes_of_str("//")), 0);
    assert_int_equal(script_path_name_count(bytes_of_str("/a//b\\c/")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_the_script_is_found_under_both_settings),
        cmocka_unit_test(the_scripts_file_is_what_is_left_without_path_info),
        cmocka_unit_test(the_part_below_the_application_follows_its_metabase_path),
        cmocka_unit_test(a_document_root_has_no_separator_at_its_end),
        cmocka_unit_test(control_characters_and_dot_dot_are_not_clean),
        cmocka_unit_test(names_that_windows_opens_as_others_are_not_plain),
        cmocka_unit_test(names_that_only_look_like_tricks_pass),
        cmocka_unit_test(a_short_alias_is_counted_in_characters),
        cmocka_unit_test(a_colon_in_a_file_stands_behind_a_drive_letter_only),
        cmocka_unit_test(a_path_below_what_looks_like_an_upload_is_seen),
        cmocka_unit_test(parents_and_names_are_counted_between_separators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
