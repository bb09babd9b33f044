/* EnvironmentVars and Address. */
#include "tests/unit/config_testing.h"

/* The value gives these names and values (name, value, name, value, ..., NULL), and this many diagnostics. */
static struct config *parse_env(const char *value, size_t diagnostics, const char *const *expected)
{
    char text[4096] = PHP "EnvironmentVars=";
    struct config *config = parse(strcat(strcat(text, value), "\n"));
    expect_count(config, diagnostics);
    const struct config_pool *pool = &config->pools[0];
    size_t count = 0;
    while (expected[2 * count])
        count++;
    if (pool->env_count != count)
        fail_msg("%s: %zu entries", value, pool->env_count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(pool->env[i].name, expected[2 * i]);
        assert_string_equal(pool->env[i].value, expected[2 * i + 1]);
    }
    return config;
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ENV   ((const char *const[]){NULL})

static void check_env(const char *value, const char *const *expected)
{
    config_destroy(parse_env(value, 0, expected));
}

static void names_and_values_are_split_at_commas_and_the_first_colon_or_equals_sign(void **state)
{
    (void)state;
    check_env("A:1", ENV("A", "1"));
    check_env("A:1,B:2,C:3", ENV("A", "1", "B", "2", "C", "3"));
    check_env("A=1,B:2", ENV("A", "1", "B", "2"));
    check_env("A:b=c", ENV("A", "b=c"));
    check_env("A=b:c", ENV("A", "b:c"));
    check_env("A::", ENV("A", ":"));
    check_env(" A : 1 , B = 2 ", ENV("A", "1", "B", "2"));
    check_env("A:one two", ENV("A", "one two"));
    check_env("A:,B:", ENV("A", "", "B", ""));
    check_env("ProgramFiles(x86):x", ENV("ProgramFiles(x86)", "x"));
    check_env("", NO_ENV);
}

static void a_backslash_is_plain(void **state)
{
    (void)state;
    check_env("PHPRC:C:\\php\\,TEMP:\\\\server\\x\\n", ENV("PHPRC", "C:\\php\\", "TEMP", "\\\\server\\x\\n"));
}

static void quotes_stand_around_a_value(void **state)
{
    (void)state;
    check_env("A:\"one two\",B:2", ENV("A", "one two", "B", "2"));
    check_env("A:\" x \" , B:2", ENV("A", " x ", "B", "2"));
    check_env("A:\"\"", ENV("A", ""));
    check_env("A:\"a,b:c=d\",B:2", ENV("A", "a,b:c=d", "B", "2"));
    check_env("A:say \"hi\"", ENV("A", "say \"hi\"")); /* not at the value's start: as it is */
    check_env("A:\"C:\\Program Files\\x\\\"", ENV("A", "C:\\Program Files\\x\\"));
}

static void slash_comma_is_a_comma_and_slash_slash_a_slash(void **state)
{
    (void)state;
    check_env("A:a/,b", ENV("A", "a,b"));
    check_env("A:a//b,B:2", ENV("A", "a/b", "B", "2"));
    check_env("A:a//,B:2", ENV("A", "a/", "B", "2"));
    check_env("A:a///,b", ENV("A", "a/,b"));
    check_env("A:////", ENV("A", "//"));
    check_env("A:\"a/,b//c\"", ENV("A", "a,b/c"));
    check_env("A/,B:1", ENV("A,B", "1"));
    check_env("A:http:////host//x", ENV("A", "http://host/x"));
}

static void any_other_slash_stays_with_a_warning(void **state)
{
    (void)state;
    struct config *config = parse_env("A:a/b/c,B:/", 1, ENV("A", "a/b/c", "B", "/"));
    assert_string_equal(expect_warning(config, 5, "a single '/' stays as it is")->property, "EnvironmentVars");
    assert_true(config->pools[0].valid);
    config_destroy(config);
    config_destroy(parse_env("A:\"x/\"", 1, ENV("A", "x/")));
}

static void a_name_given_twice_is_a_warning_and_the_last_counts(void **state)
{
    (void)state;
    struct config *config = parse_env("Path:1,B:2,PATH:3", 1, ENV("Path", "3", "B", "2"));
    expect_warning(config, 5, "'PATH' is given more than once; the last one counts");
    config_destroy(config);
}

static void a_comma_too_many_is_a_warning(void **state)
{
    (void)state;
    static const char *const values[] = {"A:1,", ",A:1", "A:1,,", "A:1, ,"};
    static const size_t warnings[] = {1, 1, 2, 2};
    for (size_t i = 0; i < 4; i++) {
        struct config *config = parse_env(values[i], warnings[i], ENV("A", "1"));
        expect_warning(config, 5, "a comma too many");
        config_destroy(config);
    }
}

static void bad_entries_are_errors_and_all_of_them_are_reported(void **state)
{
    (void)state;
    static const struct {
        const char *value, *problem;
    } rows[] = {
        {"A", "'A' has no ':' between name and value"},
        {"A:1,B,C:3", "'B' has no ':'"},
        {":1", "':1' has no name"},
        {" =1", "'=1' has no name"},
        {"A\tB:1", "a tab or a quote in its name"},
        {"\"A:1,B:2\"", "a tab or a quote in its name"},
        {"A:\"x", "a quote that does not end"},
        {"A:\"x\"y,B:2", "text behind the value's quotes"},
        {"_FCGI_X_PIPE_:x", "belongs to fcgiext itself"},
        {"_fcgi_shutdown_event_:x", "belongs to fcgiext itself"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200] = PHP "EnvironmentVars=";
        struct config *config = parse(strcat(text, rows[i].value));
        const struct config_diagnostic *d = expect_error(config, 5, rows[i].problem);
        assert_non_null(strstr(d->message, "; allowed is Name:Value,Name:Value"));
        assert_int_equal(config->pools[0].env_count, 0);
        assert_false(config->pools[0].valid);
        config_destroy(config);
    }
    struct config *config = parse(PHP "EnvironmentVars=A,:2,C:\"3\n");
    expect_count(config, 3);
    config_destroy(config);
}

static void more_than_1024_variables_are_an_error(void **state)
{
    (void)state;
    for (int count = CONFIG_MAX_ENV; count <= CONFIG_MAX_ENV + 2; count++) {
        char text[16 * 1024] = PHP "EnvironmentVars=";
        char *end = text + strlen(text);
        for (int i = 0; i < count; i++) {
            static const char digits[] = "0123456789";
            *end++ = digits[i / 1000 % 10];
            *end++ = digits[i / 100 % 10];
            *end++ = digits[i / 10 % 10];
            *end++ = digits[i % 10];
            *end++ = ':';
            *end++ = ',';
        }
        end[-1] = '\0';
        struct config *config = parse(text);
        expect_count(config, count > CONFIG_MAX_ENV);
        assert_int_equal(config->pools[0].env_count, count > CONFIG_MAX_ENV ? 0 : count);
        config_destroy(config);
    }
}

#define EXTERNAL "[Types]\nphp=X\n[X]\n"

static void addresses_are_hosts_with_ports(void **state)
{
    (void)state;
    struct config *config =
        parse(EXTERNAL "Address=127.0.0.1:9000, php-1.example.com:65535 ,[::1]:1,[fe80::1%3]:9000,my_host:80\n");
    expect_count(config, 0);
    const struct config_pool *pool = &config->pools[0];
    static const struct {
        const char *host;
        uint16_t port;
    } expected[] = {{"127.0.0.1", 9000}, {"php-1.example.com", 65535}, {"::1", 1}, {"fe80::1%3", 9000}, {"my_host", 80}};
    assert_int_equal(pool->address_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(pool->addresses[i].host, expected[i].host);
        assert_int_equal(pool->addresses[i].port, expected[i].port);
    }
    assert_string_equal(pool->exe_path, ""); /* no process is started, so none is missed */
    config_destroy(config);
}

static void bad_addresses_are_errors_that_say_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *value, *problem;
    } rows[] = {
        {"", "'' is empty"},
        {"a:1,", "'' is empty"},
        {"localhost", "has no port"},
        {"[::1]", "has no port"},
        {"[::1]9000", "has no port"},
        {"[::1:9000", "has no ']'"},
        {"::1:9000", "an IPv6 address without brackets"},
        {"host:", "a port that is not a number from 1 to 65535"},
        {"host:0", "a port that is not"},
        {"host:65536", "a port that is not"},
        {"host:9 0", "a port that is not"},
        {"host:php", "a port that is not"},
        {":9000", "a host that is neither"},
        {"[]:9000", "a host that is neither"},
        {"ho st:9000", "a host that is neither"},
        {"tcp://host:9000", "an IPv6 address without brackets"},
        {"/run/php.sock:1", "a host that is neither"},
        {"[::1]x]:9000", "a host that is neither"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200] = EXTERNAL "Address=";
        struct config *config = parse(strcat(text, rows[i].value));
        const struct config_diagnostic *d = expect_error(config, 4, rows[i].problem);
        assert_non_null(strstr(d->message, "; allowed is host:port,host:port or [IPv6]:port"));
        expect_count(config, 1);
        assert_int_equal(config->pools[0].address_count, 0);
        assert_false(config->pools[0].valid);
        config_destroy(config);
    }
}

static void an_address_given_twice_counts_once(void **state)
{
    (void)state;
    struct config *config = parse(EXTERNAL "Address=host:1,HOST:1,host:2\n");
    expect_warning(config, 4, "'HOST:1' is given more than once");
    assert_int_equal(config->pools[0].address_count, 2);
    config_destroy(config);
}

static void more_than_256_servers_are_an_error(void **state)
{
    (void)state;
    for (int count = CONFIG_MAX_ADDRESSES; count <= CONFIG_MAX_ADDRESSES + 1; count++) {
        char text[4096] = EXTERNAL "Address=";
        for (int i = 0; i < count; i++) {
            char address[] = ",h000:1";
            for (int digit = 0, number = i; digit < 3; digit++, number /= 10)
                address[4 - digit] = (char)('0' + number % 10);
            strcat(text, address + (i == 0));
        }
        struct config *config = parse(text);
        expect_count(config, count > CONFIG_MAX_ADDRESSES);
        assert_int_equal(config->pools[0].address_count, count > CONFIG_MAX_ADDRESSES ? 0 : count);
        config_destroy(config);
    }
}

static void address_and_exepath_exclude_each_other(void **state)
{
    (void)state;
    expect_only(EXTERNAL "Address=host:1\nExePath=C:\\x.exe\n", 4, CONFIG_ERROR, "stands beside ExePath");
    expect_clean("[Types]\nphp=C:\\x.exe\n[C:\\x.exe]\nAddress=host:1\n"); /* the name alone is no ExePath */
}

static void settings_of_own_processes_beside_address_are_warnings(void **state)
{
    (void)state;
    struct config *config = parse(EXTERNAL "Arguments=-x\nMinInstances=2\nAddress=host:1\nQueueLength=5\nProtocol=Tcp\n");
    expect_warning(config, 4, "has no effect beside Address");
    expect_warning(config, 5, "has no effect beside Address");
    expect_count(config, 2);
    config_destroy(config);
}

/* ---- Utf8ServerVariables */

static void utf8_variables_are_names_of_variables_that_are_sent(void **state)
{
    (void)state;
    expect_clean(PHP "Utf8ServerVariables=PATH_INFO,Script_Name , HTTP_X_Y\n");
    expect_clean(PHP "Utf8ServerVariables=\n");
    expect_only(PHP "Utf8ServerVariables=PATH_INFO,PATH_IFNO\n", 5, CONFIG_WARNING,
                "'PATH_IFNO' is not among the variables that programs get");
    expect_only(PHP "Utf8ServerVariables=PATH_INFO,\"URL\"\n", 5, CONFIG_ERROR,
                "'\"URL\"' is not the name of a variable; allowed is Name,Name");
    expect_clean("[Types]\nphp=PHP\n[PHP]\nAddress=localhost:9000\nUtf8ServerVariables=URL\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_split_at_commas_and_the_first_colon_or_equals_sign),
        cmocka_unit_test(a_backslash_is_plain),
        cmocka_unit_test(quotes_stand_around_a_value),
        cmocka_unit_test(slash_comma_is_a_comma_and_slash_slash_a_slash),
        cmocka_unit_test(any_other_slash_stays_with_a_warning),
        cmocka_unit_test(a_name_given_twice_is_a_warning_and_the_last_counts),
        cmocka_unit_test(a_comma_too_many_is_a_warning),
        cmocka_unit_test(bad_entries_are_errors_and_all_of_them_are_reported),
        cmocka_unit_test(more_than_1024_variables_are_an_error),
        cmocka_unit_test(addresses_are_hosts_with_ports),
        cmocka_unit_test(bad_addresses_are_errors_that_say_what_is_allowed),
        cmocka_unit_test(an_address_given_twice_counts_once),
        cmocka_unit_test(more_than_256_servers_are_an_error),
        cmocka_unit_test(address_and_exepath_exclude_each_other),
        cmocka_unit_test(settings_of_own_processes_beside_address_are_warnings),
        cmocka_unit_test(utf8_variables_are_names_of_variables_that_are_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
