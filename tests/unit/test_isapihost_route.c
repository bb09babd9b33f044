/* isapihost: which handler, application and file a URL path belongs to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/isapihost/route.h"

static const struct host_site site_1 = {.id = 1, .root = "C:\\site"};
static const struct host_site site_2 = {.id = 2, .root = "D:\\other\\"};

static struct host_options php_options(void)
{
    struct host_options options = {.map_count = 2};
    strcpy(options.maps[0], ".php");
    strcpy(options.maps[1], ".fcgi");
    options.apps[0] = (struct host_app){.url = "/blog", .url_len = 5};
    options.apps[1] = (struct host_app){.url = "/blog/admin", .url_len = 11, .folder = "E:\\admin"};
    options.apps[2] = (struct host_app){.site_id = 2, .url = "/shop", .url_len = 5};
    options.app_count = 3;
    return options;
}

static void goes_to_script(const char *url, const char *script)
{
    struct host_options options = php_options();
    struct route route;
    route_find(&options, &site_1, url, false, &route);
    assert_int_equal(route.kind, ROUTE_EXTENSION);
    assert_false(route.wildcard);
    assert_int_equal(route.script_len, strlen(script));
    assert_memory_equal(url, script, strlen(script));
}

static enum route_kind kind_of(const char *url)
{
    struct host_options options = php_options();
    struct route route;
    route_find(&options, &site_1, url, false, &route);
    return route.kind;
}

static void the_first_mapped_segment_is_the_script(void **state)
{
    (void)state;
    goes_to_script("/index.php", "/index.php");
    goes_to_script("/index.php/api", "/index.php");
    goes_to_script("/index.php/", "/index.php");
    goes_to_script("/a/b.PHP/c.php/d", "/a/b.PHP");
    goes_to_script("/file.jpg/x.php", "/file.jpg/x.php");
    goes_to_script("/.php", "/.php");
    goes_to_script("/x.fcgi", "/x.fcgi");
}

static void what_is_not_mapped_is_static(void **state)
{
    (void)state;
    assert_int_equal(kind_of("/"), ROUTE_STATIC);
    assert_int_equal(kind_of("/a/"), ROUTE_STATIC);
    assert_int_equal(kind_of("/index.php5"), ROUTE_STATIC);
    assert_int_equal(kind_of("/php"), ROUTE_STATIC);
    assert_int_equal(kind_of("/index.php.txt"), ROUTE_STATIC);
}

static void tricks_in_the_script_are_refused_but_path_info_is_free(void **state)
{
    (void)state;
    assert_int_equal(kind_of("/index.php."), ROUTE_REFUSED);
    assert_int_equal(kind_of("/index.php "), ROUTE_REFUSED);
    assert_int_equal(kind_of("/index.php::$DATA"), ROUTE_REFUSED);
    assert_int_equal(kind_of("/INDEX~1.PHP"), ROUTE_REFUSED);
    assert_int_equal(kind_of("/con/x.php"), ROUTE_REFUSED);
    assert_int_equal(kind_of("/dir./x.php"), ROUTE_REFUSED);
    assert_int_equal(kind_of("/nul.txt"), ROUTE_REFUSED);
    goes_to_script("/index.php/a:b/con/c.", "/index.php");
}

static void a_wildcard_map_takes_all_until_it_is_ignored(void **state)
{
    (void)state;
    struct host_options options = php_options();
    struct route route;
    options.map_all = true;
    route_find(&options, &site_1, "/a/b.php/c", false, &route);
    assert_int_equal(route.kind, ROUTE_EXTENSION);
    assert_true(route.wildcard);
    assert_int_equal(route.script_len, 10);
    route_find(&options, &site_1, "/a/b.php/c", true, &route);
    assert_int_equal(route.kind, ROUTE_EXTENSION);
    assert_false(route.wildcard);
    assert_int_equal(route.script_len, 8);
    route_find(&options, &site_1, "/a.txt", true, &route);
    assert_int_equal(route.kind, ROUTE_STATIC);
    route_find(&options, &site_1, "/a.txt::$DATA", false, &route);
    assert_int_equal(route.kind, ROUTE_REFUSED);
}

static const char *app_of(const struct host_site *site, const char *url)
{
    static char path[64];
    struct host_options options = php_options();
    struct route route;
    route_find(&options, site, url, false, &route);
    assert_true(route_metabase_path(site, route.app, path, sizeof path));
    return path;
}

static void the_longest_application_wins(void **state)
{
    (void)state;
    assert_string_equal(app_of(&site_1, "/x.php"), "/LM/W3SVC/1/ROOT");
    assert_string_equal(app_of(&site_1, "/blog"), "/LM/W3SVC/1/ROOT/blog");
    assert_string_equal(app_of(&site_1, "/BLOG/x.php"), "/LM/W3SVC/1/ROOT/blog");
    assert_string_equal(app_of(&site_1, "/blogger/x.php"), "/LM/W3SVC/1/ROOT");
    assert_string_equal(app_of(&site_1, "/blog/admin/x.php"), "/LM/W3SVC/1/ROOT/blog/admin");
    assert_string_equal(app_of(&site_1, "/shop/x.php"), "/LM/W3SVC/1/ROOT");
    assert_string_equal(app_of(&site_2, "/shop/x.php"), "/LM/W3SVC/2/ROOT/shop");
}

static void maps_to(const struct host_site *site, const char *url, const char *expected)
{
    struct host_options options = php_options();
    char out[64];
    assert_true(route_map(&options, site, url, strlen(url), out, sizeof out));
    assert_string_equal(out, expected);
}

static void urls_map_to_the_folder_of_site_or_application(void **state)
{
    (void)state;
    maps_to(&site_1, "/", "C:\\site\\");
    maps_to(&site_1, "/a/b.php", "C:\\site\\a\\b.php");
    maps_to(&site_2, "/a", "D:\\other\\a");
    maps_to(&site_1, "/blog/x", "C:\\site\\blog\\x");
    maps_to(&site_1, "/blog/admin", "E:\\admin\\");
    maps_to(&site_1, "/blog/admin/", "E:\\admin\\");
    maps_to(&site_1, "/blog/admin/x.php", "E:\\admin\\x.php");
    struct host_options options = php_options();
    char out[10];
    assert_false(route_map(&options, &site_1, "/abc", 4, out, sizeof out));
}

static void the_application_folder_ends_with_a_backslash(void **state)
{
    (void)state;
    struct host_options options = php_options();
    char out[64];
    assert_true(route_app_folder(&options, &site_1, NULL, out, sizeof out));
    assert_string_equal(out, "C:\\site\\");
    assert_true(route_app_folder(&options, &site_1, &options.apps[0], out, sizeof out));
    assert_string_equal(out, "C:\\site\\blog\\");
    assert_true(route_app_folder(&options, &site_1, &options.apps[1], out, sizeof out));
    assert_string_equal(out, "E:\\admin\\");
    assert_false(route_app_folder(&options, &site_1, &options.apps[0], out, 13));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_mapped_segment_is_the_script),
        cmocka_unit_test(what_is_not_mapped_is_static),
        cmocka_unit_test(tricks_in_the_script_are_refused_but_path_info_is_free),
        cmocka_unit_test(a_wildcard_map_takes_all_until_it_is_ignored),
        cmocka_unit_test(the_longest_application_wins),
        cmocka_unit_test(urls_map_to_the_folder_of_site_or_application),
        cmocka_unit_test(the_application_folder_ends_with_a_backslash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
