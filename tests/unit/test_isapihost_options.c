/* isapihost: its command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/isapihost/options.h"

static struct host_options options;
static char message[256];

/* Splits line at its spaces and parses. */
static enum options_result parse(const char *line)
{
    static char text[1024];
    static char program[] = "isapihost";
    char *arguments[64] = {program};
    int count = 1;
    message[0] = '\0';
    strcpy(text, line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        arguments[count++] = word;
    return options_parse(&options, count, arguments, message, sizeof message);
}

static void is_wrong(const char *line, const char *expected)
{
    assert_int_equal(parse(line), OPTIONS_ERROR);
    if (strstr(message, expected) == NULL)
        fail_msg("'%s' says '%s', not '%s'", line, message, expected);
}

static void the_example_of_the_manual_is_understood(void **state)
{
    (void)state;
    assert_int_equal(
        parse("--listen 127.0.0.1:8081 --root C:\\site --extension fcgiext.dll --map .php,.fcgi --site-id 7 --app /blog/ "
              "--app 7:/shop=D:\\shop --default-doc index.php,index.html --access-log a.log --completions late --strict"),
        OPTIONS_RUN);
    assert_int_equal(options.site_count, 1);
    assert_int_equal(options.sites[0].id, 7);
    assert_int_equal(options.sites[0].port, 8081);
    assert_string_equal(options.sites[0].root, "C:\\site");
    assert_int_equal(options.map_count, 2);
    assert_string_equal(options.maps[1], ".fcgi");
    assert_int_equal(options.app_count, 2);
    assert_int_equal(options.apps[0].url_len, 5);
    assert_int_equal(options.apps[1].site_id, 7);
    assert_string_equal(options.apps[1].folder, "D:\\shop");
    assert_string_equal(options.default_docs[0], "index.php");
    assert_int_equal(options.completions, COMPLETIONS_LATE);
    assert_true(options.strict);
    assert_true(options_is_loopback(&options));
}

static void what_is_not_said_has_a_default(void **state)
{
    (void)state;
    assert_int_equal(parse("--root=."), OPTIONS_RUN);
    assert_int_equal(options.sites[0].id, 1);
    assert_int_equal(options.sites[0].port, 8080);
    assert_string_equal(options.listen_address, "127.0.0.1");
    assert_int_equal(options.threads, 64);
    assert_int_equal(options.iis, IIS_6);
    assert_int_equal(options.completions, COMPLETIONS_THREAD);
    assert_int_equal(options.default_doc_count, 2);
    assert_false(options.strict || options.map_all || options.allow_path_info);
}

static void several_sites_each_have_a_port_and_a_root(void **state)
{
    (void)state;
    assert_int_equal(parse("--site 1:0:C:\\one --site 2:0:C:\\two --site=3:81:x"), OPTIONS_RUN);
    assert_int_equal(options.site_count, 3);
    assert_string_equal(options.sites[0].root, "C:\\one");
    assert_int_equal(options.sites[2].id, 3);
    assert_int_equal(options.sites[2].port, 81);
    assert_int_equal(parse("--site 2:82:two --root one --listen 127.0.0.1:0"), OPTIONS_RUN);
    assert_string_equal(options.sites[0].root, "one");
    assert_int_equal(options.sites[1].id, 2);
}

static void the_wildcard_can_stand_beside_extensions(void **state)
{
    (void)state;
    assert_int_equal(parse("--root . --extension x.dll --map * --map .php"), OPTIONS_RUN);
    assert_true(options.map_all);
    assert_int_equal(options.map_count, 1);
}

static void ipv6_and_foreign_addresses_are_told_from_this_machine(void **state)
{
    (void)state;
    assert_int_equal(parse("--root . --listen [::1]:0"), OPTIONS_RUN);
    assert_string_equal(options.listen_address, "::1");
    assert_true(options_is_loopback(&options));
    assert_int_equal(parse("--root . --listen 0.0.0.0:80"), OPTIONS_RUN);
    assert_false(options_is_loopback(&options));
}

static void mistakes_are_named(void **state)
{
    (void)state;
    is_wrong("", "no site");
    is_wrong("--root . --bogus", "--bogus");
    is_wrong("--root", "--root wants FOLDER");
    is_wrong("--root . --strict=yes", "--strict takes no value");
    is_wrong("--root . --threads 0", "--threads wants a number from 1 to 1000, not '0'");
    is_wrong("--root . --threads 12x", "12x");
    is_wrong("--root . --threads -1", "-1");
    is_wrong("--root . --listen localhost:80", "IP address");
    is_wrong("--root . --listen 80", "HOST:PORT");
    is_wrong("--root . --listen 127.0.0.1:65536", "65535");
    is_wrong("--root . --map .php", "without --extension");
    is_wrong("--root . --extension x.dll", "without --map");
    is_wrong("--root . --extension x.dll --map php", ".EXTENSION");
    is_wrong("--root . --extension x.dll --map .tar.gz", ".EXTENSION");
    is_wrong("--root . --extension x.dll --map .php,,.x", "1 to 63");
    is_wrong("--root . --completions soon", "inline, thread or late");
    is_wrong("--root . --iis 8", "5.1, 6 or 7");
    is_wrong("--site 1:80", "ID:PORT:ROOT");
    is_wrong("--site 0:80:x", "1 to");
    is_wrong("--site 1:80:", "no root folder");
    is_wrong("--site 1:80:x --site 1:81:y", "given twice");
    is_wrong("--site 1:80:x --site 2:80:y", "two sites");
    is_wrong("--root . --app blog", "/URL");
    is_wrong("--root . --app 0:/blog", "/URL");
    is_wrong("--root . --app /a%20b", "/URL");
    is_wrong("--root . --app /a=", "/URL");
    is_wrong("--root . --default-doc a/b", "file name");
}

static void help_and_version_need_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(parse("--help"), OPTIONS_HELP);
    assert_int_equal(parse("--strict --version"), OPTIONS_VERSION);
}

static void count_lines(void *context, const char *text)
{
    assert_true(strlen(text) <= 128);
    if (strstr(text, "NOT for the internet") != NULL)
        ++*(int *)context;
}

static void the_help_says_that_it_is_not_for_the_internet(void **state)
{
    (void)state;
    int found = 0;
    options_help(count_lines, &found);
    assert_int_equal(found, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_manual_is_understood),
        cmocka_unit_test(what_is_not_said_has_a_default),
        cmocka_unit_test(several_sites_each_have_a_port_and_a_root),
        cmocka_unit_test(the_wildcard_can_stand_beside_extensions),
        cmocka_unit_test(ipv6_and_foreign_addresses_are_told_from_this_machine),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(help_and_version_need_nothing_else),
        cmocka_unit_test(the_help_says_that_it_is_not_for_the_internet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
