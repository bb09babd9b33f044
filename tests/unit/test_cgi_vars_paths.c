/* cgi_vars: which file is the script, for each kind of host and setting, and which paths are refused. */
#include "tests/unit/fake_host.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- which file is the script */

static void script_filename_is_the_script_without_path_info(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    check(&host, "PATH_INFO", "/index.php/api");
    check(&host, "PATH_TRANSLATED", "C:\\inetpub\\wwwroot\\index.php\\api");
    check(&host, "SCRIPT_NAME", "/index.php");
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\index.php");
    host_set_script(&host, "/a/b.php", "/a/b.php", "D:\\elsewhere\\b.php"); /* a virtual directory */
    check(&host, "SCRIPT_FILENAME", "D:\\elsewhere\\b.php");
    host_set_script(&host, "/a/b.php", "/a/b.php/c.php/d:e.", "D:\\elsewhere\\b.php\\c.php\\d:e.");
    check(&host, "SCRIPT_FILENAME", "D:\\elsewhere\\b.php");
    host_set_script(&host, "/dir/", "/dir/", "C:\\inetpub\\wwwroot\\dir\\"); /* a wildcard map */
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\dir\\");
}

/* AllowPathInfoForScriptMappings: PATH_TRANSLATED belongs to the path info, not to the script. */
static void with_path_info_alone_the_script_is_found_in_script_translated(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set_script(&host, "/sub/x.php", "/a/x.php", "C:\\inetpub\\wwwroot\\a\\x.php");
    host_set(&host, "SCRIPT_TRANSLATED", "\\\\?\\D:\\elsewhere\\x.php");
    struct cgi_vars_request request = request_to(&host);
    for (int told = 0; told < 2; told++) {
        request.path_info_is_extra = told;
        check_request(request, "PATH_INFO", "/a/x.php");
        check_request(request, "PATH_TRANSLATED", "C:\\inetpub\\wwwroot\\a\\x.php");
        check_request(request, "SCRIPT_NAME", "/sub/x.php");
        check_request(request, "SCRIPT_FILENAME", "D:\\elsewhere\\x.php");
    }
    host_set(&host, "SCRIPT_TRANSLATED", "\\\\?\\UNC\\server\\share\\x.php");
    check(&host, "SCRIPT_FILENAME", "\\\\server\\share\\x.php");
}

static void without_script_translated_the_applications_folder_serves(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set_script(&host, "/app/sub/x.php", "/a/x.php", "C:\\inetpub\\wwwroot\\a\\x.php");
    host_set(&host, "APPL_MD_PATH", "/LM/W3SVC/1/ROOT/app");
    host_set(&host, "APPL_PHYSICAL_PATH", "E:\\app\\");
    check(&host, "SCRIPT_FILENAME", "E:\\app\\sub\\x.php");
    host_set(&host, "APPL_MD_PATH", "/LM/W3SVC/1/ROOT/other");
    check(&host, "SCRIPT_FILENAME", ""); /* nothing certain: no file, rather than the wrong one */
    host_remove(&host, "APPL_PHYSICAL_PATH");
    host_remove(&host, "APPL_MD_PATH");
    check(&host, "SCRIPT_FILENAME", "");
}

static void row_15_an_empty_path_info_of_its_own_leaves_the_script(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    struct cgi_vars_request request = request_to(&host);
    for (int told = 0; told < 2; told++) {
        request.path_info_is_extra = told;
        host_remove(&host, "SCRIPT_TRANSLATED");
        host_set_script(&host, "/x.php", "", "C:\\inetpub\\wwwroot"); /* the translation of nothing: the root */
        check_request(request, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\x.php");
        check_request(request, "PATH_INFO", "");
        host_set_script(&host, "/v/x.php", "", "D:\\v\\x.php"); /* hosts that give the script */
        check_request(request, "SCRIPT_FILENAME", "D:\\v\\x.php");
        host_set_script(&host, "/v/x.php", "", "C:\\inetpub\\wwwroot\\");
        host_set(&host, "SCRIPT_TRANSLATED", "\\\\?\\D:\\v\\x.php"); /* below a virtual directory */
        check_request(request, "SCRIPT_FILENAME", "D:\\v\\x.php");
    }
}

static void script_name_and_url_stand_in_for_each_other(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_remove(&host, "SCRIPT_NAME");
    check(&host, "SCRIPT_NAME", "/index.php");
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\index.php");
    host_set(&host, "URL", "/index.php?x=1");
    check(&host, "SCRIPT_NAME", "/index.php");
    check(&host, "URL", "/index.php?x=1");
    host_remove(&host, "URL");
    check(&host, "SCRIPT_NAME", "/index.php/api");
    check(&host, "URL", "/index.php/api");
    host_set(&host, "SCRIPT_NAME", "/index.php");
    check(&host, "URL", "/index.php");
}

/* ---- paths that are refused */

static void row_15_empty_path_info_is_safe(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set(&host, "PATH_INFO", "");
    host_set(&host, "PATH_TRANSLATED", "");
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\index.php");
    host_remove(&host, "PATH_INFO");
    host_remove(&host, "PATH_TRANSLATED"); /* NULL in Apache's ECB */
    check(&host, "PATH_INFO", "");
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\index.php");
    host_set(&host, "PATH_TRANSLATED", "C:\\inetpub\\wwwroot\\index.php");
    host_set(&host, "SCRIPT_NAME", "/a/very/long/script/name/longer/than/anything/else.php");
    check(&host, "PATH_INFO", "");
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\a\\very\\long\\script\\name\\longer\\than\\anything\\else.php");
}

static void row_15_newline_in_the_url_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"SCRIPT_NAME", "PATH_INFO", "PATH_TRANSLATED", "URL", "HTTP_URL"};
    static const char controls[] = {'\n', '\r', '\t', 1, 0x7f};
    struct host host;
    for (size_t i = 0; i < COUNT(names); i++)
        for (size_t c = 0; c < sizeof controls; c++) {
            host_init(&host);
            char value[] = "/index.php/a?b";
            value[12] = controls[c];
            host_set(&host, names[i], value);
            check_bad(&host);
        }
}

static void row_16_nul_in_a_path_is_refused(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set_bytes(&host, "SCRIPT_NAME", bytes_of("/file.jpg\0.php", 14));
    check_bad(&host);
    host_init(&host);
    host_set_bytes(&host, "PATH_INFO", bytes_of("/index.php/a\0b", 14));
    check_bad(&host);
    host_init(&host);
    host_set_bytes(&host, "PATH_TRANSLATED", bytes_of("C:\\inetpub\\wwwroot\\index.php\\a\0", 31));
    check_bad(&host);
}

static void row_16_a_slash_behind_the_script_is_path_info(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set_script(&host, "/file.php", "/file.php/", "C:\\inetpub\\wwwroot\\file.php\\");
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\file.php");
    check(&host, "PATH_INFO", "/file.php/");
}

static void row_16_names_that_windows_opens_as_others_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"file.php.",
                                        "file.php ",
                                        "file.php::$DATA",
                                        "file.php:x",
                                        "FILE~1.PHP",
                                        "dir./file.php",
                                        "con.php",
                                        "f\\..\\file.php",
                                        "f<<.php",
                                        "../file.php",
                                        "dir/../file.php",
                                        "./file.php",
                                        "..",
                                        "nul"};
    struct host host;
    for (size_t i = 0; i < COUNT(names); i++) {
        char url[60] = "/";
        char file[60] = "C:\\inetpub\\wwwroot\\";
        strcat(url, names[i]);
        strcat(file, names[i]);
        host_init(&host);
        host_set_script(&host, url, url, file);
        check_bad(&host);
    }
}

static void row_16_the_same_names_behind_the_script_are_no_files_and_pass(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set_script(&host, "/wiki.php", "/wiki.php/Special:Search/J. R./con/FILE~1.PHP",
                    "C:\\inetpub\\wwwroot\\wiki.php\\Special:Search\\J. R.\\con\\FILE~1.PHP");
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\wiki.php");
    host_set(&host, "PATH_INFO", "/wiki.php/../secret");
    check_bad(&host); /* but this: programs put path info behind folders of theirs */
}

static void row_16_a_stream_in_the_translated_path_is_refused(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set_script(&host, "/x.php", "/x.php", "C:\\inetpub\\wwwroot\\x.php::$DATA");
    check_bad(&host);
    host_set_script(&host, "/x.php", "/x.php", "C:\\inetpub\\..\\x.php");
    check_bad(&host);
}

static void row_16_a_script_below_a_picture_is_refused(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set_script(&host, "/file.jpg/x.php", "/file.jpg/x.php", "C:\\inetpub\\wwwroot\\file.jpg\\x.php");
    check_bad(&host);
    host_set_script(&host, "/file.jpg/", "/file.jpg/", "C:\\inetpub\\wwwroot\\file.jpg\\");
    check_bad(&host);
    host_set_script(&host, "/v1.2/x.php", "/v1.2/x.php", "C:\\inetpub\\wwwroot\\v1.2\\x.php");
    check(&host, "SCRIPT_FILENAME", "C:\\inetpub\\wwwroot\\v1.2\\x.php");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script_filename_is_the_script_without_path_info),
        cmocka_unit_test(with_path_info_alone_the_script_is_found_in_script_translated),
        cmocka_unit_test(without_script_translated_the_applications_folder_serves),
        cmocka_unit_test(row_15_an_empty_path_info_of_its_own_leaves_the_script),
        cmocka_unit_test(script_name_and_url_stand_in_for_each_other),
        cmocka_unit_test(row_15_empty_path_info_is_safe),
        cmocka_unit_test(row_15_newline_in_the_url_is_refused),
        cmocka_unit_test(row_16_nul_in_a_path_is_refused),
        cmocka_unit_test(row_16_a_slash_behind_the_script_is_path_info),
        cmocka_unit_test(row_16_names_that_windows_opens_as_others_are_refused),
        cmocka_unit_test(row_16_the_same_names_behind_the_script_are_no_files_and_pass),
        cmocka_unit_test(row_16_a_stream_in_the_translated_path_is_refused),
        cmocka_unit_test(row_16_a_script_below_a_picture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
