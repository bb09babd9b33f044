/* fcgictl: the command line, help, version, and that docs/fcgictl.md says what the tables say. */
#include "fcgictl_fake.h"

#include "fcgiext/version.h"
#include "tools/fcgictl/commands.h"

static void wrong_usage_exits_with_2_and_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"stauts", "fcgictl: there is no command 'stauts'\nhint: did you mean 'status'?\n"},
        {"xyzzy", "fcgictl: there is no command 'xyzzy'\nhint: `fcgictl help` lists the commands\n"},
        {"status --wiat", "fcgictl: there is no option '--wiat'; did you mean '--wait'?\nhint: fcgictl help status\n"},
        {"status --wait", "fcgictl: status does not take --wait\nhint: fcgictl help status\n"},
        {"status a b", "fcgictl: status: too many arguments\nhint: fcgictl status [POOL]\n"},
        {"wait", "fcgictl: wait: an argument is missing\nhint: fcgictl wait OPERATION\n"},
        {"status --host", "fcgictl: --host wants a value: PID\n"},
        {"status --host x", "fcgictl: --host x: not a value that it takes; "},
        {"status --host=0", "fcgictl: --host 0: not a value that it takes; "},
        {"status -o xml", "fcgictl: --output xml: not a value that it takes; table, wide, json, ndjson"},
        {"status --json=1", "fcgictl: --json takes no value\n"},
        {"status --watch=0", "fcgictl: --watch 0: not a value"},
        {"drain php --ttl 0", "fcgictl: --ttl 0: not a value"},
        {"status -x", "fcgictl: there is no option '-x'"},
        {"help nothing", "fcgictl: there is no command 'nothing'\n"},
        {"--json", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(fake_run(rows[i].line), 2);
        if (strncmp(fake_err(), rows[i].said, strlen(rows[i].said)) != 0)
            fail_msg("'%s' says %s", rows[i].line, fake_err());
        assert_string_equal(text_str(&fake.calls), "");
    }
}

static void options_may_stand_anywhere_and_in_all_forms(void **state)
{
    (void)state;
    static const char *const lines[] = {"--host 1234 -o csv list php", "list -ocsv --host=1234 php",
                                        "list --output=csv php --host 1234", "list -o csv --host 1234 -- php"};
    fake_reply(1234, "pool.list", LIST(PHP "," ECHO));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(fake_run(lines[i]), 0);
        fake_out_has("host,name,state,");
        fake_out_has("\n1234,php,running,");
        assert_null(strstr(fake_out(), "echo"));
    }
}

static void a_host_that_is_not_listed_is_tried_all_the_same(void **state)
{
    (void)state;
    fake_reply(77, "pool.list", LIST(PHP));
    assert_int_equal(fake_run("list --host 77"), 0);
    assert_string_equal(text_str(&fake.calls), "77 pool.list\n");
    fake_fails(78, "status", FCGICTL_CALL_NO_HOST, "");
    assert_int_equal(fake_run("status --host 78"), 3);
    assert_string_equal(fake_out(), "");
}

static void what_the_user_has_written_is_cleaned_too(void **state)
{
    (void)state;
    assert_int_equal(fake_run("sta\x1b[2Jtus"), 2);
    fake_err_has("fcgictl: there is no command 'sta\xEF\xBF\xBD[2Jtus'\n");
}

static void messages_are_coloured_where_that_may_be(void **state)
{
    (void)state;
    fake.terminal.colours = true;
    assert_int_equal(fake_run("xyzzy"), 2);
    assert_string_equal(fake_err(),
                        "{bad}fcgictl: {}there is no command 'xyzzy'\n{strong}hint: {}`fcgictl help` lists the commands\n");
}

static void help_knows_all_commands_and_options(void **state)
{
    (void)state;
    assert_int_equal(fake_run("help"), 0);
    for (size_t i = 0; i < commands_count; i++) {
        char line[64];
        fake_out_has(commands_table[i].help);
        snprintf(line, sizeof line, "\n  %s", commands_table[i].name);
        fake_out_has(line);
    }
    struct text overview = {0};
    text_add(&overview, fake_out());
    assert_int_equal(fake_run("--help"), 0);
    assert_string_equal(fake_out(), text_str(&overview));
    assert_int_equal(fake_run(""), 0);
    assert_string_equal(fake_out(), text_str(&overview));
    text_deinit(&overview);
    assert_string_equal(fake_err(), "");
}

static void each_command_has_help_with_its_options_and_an_example(void **state)
{
    (void)state;
    for (size_t i = 0; i < commands_count; i++) {
        char line[64], example[160];
        snprintf(line, sizeof line, "help %s", commands_table[i].name);
        assert_int_equal(fake_run(line), 0);
        snprintf(example, sizeof example, "\nExample\n  fcgictl %s\n", commands_table[i].example);
        fake_out_has(example);
        for (size_t j = 0; j < cmdline_option_count; j++)
            if (commands_table[i].options & cmdline_options[j].bit)
                fake_out_has(cmdline_options[j].name);
        struct text by_help = {0};
        text_add(&by_help, fake_out());
        snprintf(line, sizeof line, "%s --help", commands_table[i].name);
        assert_int_equal(fake_run(line), 0);
        assert_string_equal(fake_out(), text_str(&by_help));
        text_deinit(&by_help);
    }
    assert_int_equal(fake_run("help drain"), 0);
    fake_out_has("usage: fcgictl drain POOL [OPTION]...\ntake a pool out of service\n");
    fake_out_has("\n  --ttl TIME               resume by itself");
}

static void version_tells_those_of_the_hosts(void **state)
{
    (void)state;
    fake_reply(1234, "server.info", "{'api_version':1,'version':'0.0.9','uptime_seconds':5}");
    assert_int_equal(fake_run("version"), 0);
    assert_string_equal(fake_out(), "fcgictl " FCGIEXT_VERSION "\nhost 1234 w3wp.exe: fcgiext 0.0.9, up 5 s\n");
    assert_int_equal(fake_run("--version"), 0);
    fake_out_has("fcgictl " FCGIEXT_VERSION "\n");
    fake_host(2000);
    fake_reply(2000, "server.info", ERROR("-32001", "access denied", "{'reason':'access_denied'}"));
    assert_int_equal(fake_run("version"), 8);
    assert_string_equal(fake_out(), "fcgictl " FCGIEXT_VERSION "\nhost 1234 w3wp.exe: fcgiext 0.0.9, up 5 s\n"
                                    "host 2000 w3wp.exe: access denied\n");
    assert_int_equal(fake_run("version --json"), 8);
    fake_out_has("\"error\": {\n        \"exit_code\": 4,\n        \"reason\": \"access_denied\",");
    fake.host_count = 0;
    assert_int_equal(fake_run("version"), 0);
    assert_string_equal(fake_out(), "fcgictl " FCGIEXT_VERSION "\n");
    assert_string_equal(fake_err(), "");
}

static char *read_document(void)
{
    FILE *file = fopen(FCGIEXT_SOURCE_DIR "/docs/fcgictl.md", "rb");
    char *text = calloc(1, 100000);
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 99999, file) > 0);
    fclose(file);
    return text;
}

/* `fcgictl help --markdown` writes what stands between the two marks. */
static void the_document_has_the_tables_of_the_code(void **state)
{
    (void)state;
    char *text = read_document();
    char *start = strstr(text, "<!-- fcgictl help --markdown -->\n"), *end = strstr(text, "<!-- end -->\n");
    assert_non_null(start);
    assert_non_null(end);
    start = strchr(start, '\n') + 1;
    *end = '\0';
    assert_int_equal(fake_run("help --markdown"), 0);
    assert_string_equal(fake_out(), start);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(wrong_usage_exits_with_2_and_says_what_is_wrong),
        FAKE_TEST(options_may_stand_anywhere_and_in_all_forms),
        FAKE_TEST(a_host_that_is_not_listed_is_tried_all_the_same),
        FAKE_TEST(what_the_user_has_written_is_cleaned_too),
        FAKE_TEST(messages_are_coloured_where_that_may_be),
        FAKE_TEST(help_knows_all_commands_and_options),
        FAKE_TEST(each_command_has_help_with_its_options_and_an_example),
        FAKE_TEST(version_tells_those_of_the_hosts),
        FAKE_TEST(the_document_has_the_tables_of_the_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
