/* fcgictl config: show, check with and without a host. */
#include "fcgictl_fake.h"

static void check_of_a_file_needs_no_host(void **state)
{
    (void)state;
    fake.host_count = 0;
    fake.file = "[Types]\nphp=PHP\n[PHP]\nExePath=C:\\php\\php-cgi.exe\nQueueLength=many\n";
    assert_int_equal(fake_run("config check a\\fcgiext.ini"), 1);
    fake_out_has("a\\fcgiext.ini:5: error: [PHP] QueueLength: 'many'");
    fake_out_has("\na\\fcgiext.ini: 1 error, 0 warnings\n");
    assert_string_equal(fake_err(), "");
    fake.file = "[Types]\nphp=PHP\n[PHP]\nExePath=C:\\php\\php-cgi.exe\n";
    assert_int_equal(fake_run("config check fcgiext.ini"), 0);
    assert_string_equal(fake_out(), "fcgiext.ini: no problems\n");
}

static void check_of_a_file_as_json_parses(void **state)
{
    (void)state;
    fake.file = "[Types]\nphp=PHP\n[PHP]\nExePath=C:\\php\\php-cgi.exe\nQueueLength=many\nActivityTimeout=1\n";
    assert_int_equal(fake_run("config check x.ini --json"), 1);
    cJSON *document = cJSON_Parse(fake_out());
    assert_non_null(document);
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(document, "errors")), 1);
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(document, "warnings")) >= 1);
    cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "diagnostics"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(first, "property")), "QueueLength");
    cJSON_Delete(document);
}

static void a_file_that_cannot_be_opened_is_told_with_the_reason(void **state)
{
    (void)state;
    assert_int_equal(fake_run("config check no.ini"), 1);
    assert_string_equal(fake_err(), "fcgictl: cannot open 'no.ini': file not found (2)\n");
}

static void check_without_a_file_asks_the_hosts(void **state)
{
    (void)state;
    fake_reply(1234, "config.check",
               "{'api_version':1,'path':'C:\\\\fcgiext.ini','errors':1,'warnings':1,'usable':true,'would_replace':false,"
               "'diagnostics':[{'severity':'warning','line':2,'section':'','property':'','message':'odd'},"
               "{'severity':'error','line':0,'section':'PHP','property':'X','message':'wrong'}]}");
    assert_int_equal(fake_run("config check"), 1);
    assert_string_equal(fake_out(), "C:\\fcgiext.ini:2: warning: odd\n"
                                    "C:\\fcgiext.ini: error: [PHP] X: wrong\n"
                                    "C:\\fcgiext.ini: 1 error, 1 warning\n");
    fake.reply_count = 0;
    fake_reply(1234, "config.check", "{'api_version':1,'path':'C:\\\\fcgiext.ini','errors':0,'warnings':0,'diagnostics':[]}");
    assert_int_equal(fake_run("config check"), 0);
    assert_string_equal(fake_out(), "C:\\fcgiext.ini: no problems\n");
}

#define CONFIG                                                                                                                 \
    "{'api_version':1,'path':'C:\\\\fcgiext.ini','pools':[{'name':'php','line':4,'valid':true,'mapped':true,'settings':["      \
    "{'name':'ExePath','value':'C:\\\\php.exe','is_default':false},{'name':'QueueLength','value':'1000','is_default':true},"   \
    "{'name':'EnvironmentVars','value':null,'is_default':false}]},{'name':'bad','line':9,'valid':false,'mapped':false,"        \
    "'settings':[]}],'types':[{'extension':'php','site':'7','app_path':'','pool':'php'},{'extension':'*','site':'','app_path'" \
    ":'',"                                                                                                                     \
    "'pool':'bad'}],'diagnostics':[]}"

static void show_tells_what_differs_from_the_defaults(void **state)
{
    (void)state;
    fake_reply(1234, "config.show", CONFIG);
    assert_int_equal(fake_run("config show"), 0);
    assert_string_equal(fake_out(), "host 1234 w3wp.exe: C:\\fcgiext.ini\n"
                                    "\n"
                                    "[php]  line 4\n"
                                    "  serves .php of site 7\n"
                                    "  ExePath = C:\\php.exe\n"
                                    "  EnvironmentVars = (not shown to you)\n"
                                    "\n"
                                    "[bad]  line 9, has errors, no [Types] entry leads here\n"
                                    "  serves *\n");
    assert_int_equal(fake_run("config show ph* -o wide"), 0);
    fake_out_has("  QueueLength = 1000  (default)\n");
    assert_null(strstr(fake_out(), "[bad]"));
    assert_int_equal(fake_run("config show x"), 5);
    assert_int_equal(fake_run("config show --json"), 0);
    cJSON *document = cJSON_Parse(fake_out());
    assert_non_null(document);
    cJSON_Delete(document);
}

static void other_words_are_usage_errors(void **state)
{
    (void)state;
    static const char *const lines[] = {"config", "config sow", "config reload x", "config show --wait", "config check -o csv"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(fake_run(lines[i]), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(check_of_a_file_needs_no_host),
        FAKE_TEST(check_of_a_file_as_json_parses),
        FAKE_TEST(a_file_that_cannot_be_opened_is_told_with_the_reason),
        FAKE_TEST(check_without_a_file_asks_the_hosts),
        FAKE_TEST(show_tells_what_differs_from_the_defaults),
        FAKE_TEST(other_words_are_usage_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
