/* fcgictl: the commands that show things: tables, CSV, JSON, --watch. */
#include "fcgictl_fake.h"

static void status_is_a_table_that_begins_with_the_host(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(PHP "," ECHO));
    assert_int_equal(fake_run("status"), 0);
    assert_string_equal(fake_out(), "host 1234 w3wp.exe: fcgiext 0.1.0, up 3 d\n"
                                    "POOL  STATE    WORKERS  BUSY  QUEUE  REQUESTS  FAILED  REJECTED\n"
                                    "php   running      4/8     3      0     12034       2         0\n"
                                    "echo  running      1/8     0      0     12034       2         0\n");
    assert_string_equal(fake_err(), "");
    assert_string_equal(text_str(&fake.calls), "1234 status\n");
}

#define API  POOL("api", "rapid_fail", "0", "0", "0", ",'rapid_fail':{'left_seconds':42,'first_cause':'worker_crashed'}")
#define OLD  POOL("old", "draining", "2", "2", "1", ",'drain':{'left_seconds':540,'persist':true}")
#define OFF  POOL("off", "drained", "0", "0", "0", ",'drain':{'left_seconds':null,'persist':false}")
#define FULL POOL("full", "running", "8", "8", "90", "")
#define NEW  POOL("new", "running", "4", "1", "0", ",'recycle':{'state':'running','old_workers':1}")
#define BAD  POOL("bad", "running", "4", "1", "0", ",'recycle':{'state':'failed','old_workers':4}")

static void what_is_bad_is_marked_and_told_in_words(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(PHP "," API "," OLD "," OFF "," FULL "," NEW "," BAD));
    assert_int_equal(fake_run("status"), 0);
    fake_out_has("    POOL");
    fake_out_has("\n    php   running         4/8     3      0     12034       2         0\n");
    fake_out_has("\n!!  api   rapid fail ");
    fake_out_has("  stopped after repeated failures (worker crashed), tried again in 42 s\n");
    fake_out_has("\n!   old   draining ");
    fake_out_has("  takes no requests, 3 requests left, resumes in 9 min, persistent\n");
    fake_out_has("\n!   off   drained ");
    fake_out_has("  out of service until `resume`\n");
    fake_out_has("\n!!  full  running ");
    fake_out_has("  queue 90 % full: 90 wait\n");
    fake_out_has("\n    new   running ");
    fake_out_has("  recycling, 1 old worker left\n");
    fake_out_has("\n!!  bad   running ");
    fake_out_has("  recycle stopped: new workers failed, 4 old workers serve on\n");
}

static void colours_are_for_a_terminal_that_may_have_them(void **state)
{
    (void)state;
    fake.terminal.out_is_terminal = true;
    fake.terminal.colours = true;
    fake_reply(1234, "status", STATUS(POOL("off", "drained", "0", "0", "0", "")));
    assert_int_equal(fake_run("status"), 0);
    fake_out_has("{strong}   POOL  STATE    WORKERS");
    fake_out_has("{warning}!{}  off   {warning}drained{}      0/8");
    fake.terminal.colours = false;
    assert_int_equal(fake_run("status"), 0);
    assert_null(strchr(fake_out(), '{'));
    fake_out_has("\n!  off   drained      0/8");
}

static void a_rejected_configuration_is_told_with_the_host(void **state)
{
    (void)state;
    fake_reply(1234, "status",
               "{'api_version':1,'server':{'version':'0.1.0','uptime_seconds':5,'config':{'state':'rejected'}},'pools':[]}");
    assert_int_equal(fake_run("status"), 0);
    assert_string_equal(fake_out(),
                        "host 1234 w3wp.exe: fcgiext 0.1.0, up 5 s; its changed fcgiext.ini has errors and was not taken: "
                        "fcgictl config check\nno pools\n");
}

static void several_hosts_are_merged_and_get_a_column(void **state)
{
    (void)state;
    fake_host(2000);
    fake_reply(1234, "status", STATUS(PHP));
    fake_reply(2000, "status", STATUS(PHP));
    assert_int_equal(fake_run("status"), 0);
    fake_out_has("host 1234 w3wp.exe: fcgiext 0.1.0, up 3 d\nhost 2000 w3wp.exe: fcgiext 0.1.0, up 3 d\n");
    fake_out_has("HOST  POOL  STATE");
    fake_out_has("1234  php   running      4/8");
    fake_out_has("2000  php   running      4/8");
    assert_int_equal(fake_run("status --host 2000"), 0);
    assert_string_equal(text_str(&fake.calls), "2000 status\n");
    assert_null(strstr(fake_out(), "HOST"));
}

static void one_of_several_hosts_that_fails_makes_it_partly_done(void **state)
{
    (void)state;
    fake_host(2000);
    fake_reply(1234, "status", STATUS(PHP));
    fake_fails(2000, "status", FCGICTL_CALL_DENIED, "");
    assert_int_equal(fake_run("status"), 8);
    assert_string_equal(fake_err(), "fcgictl: cannot connect to host 2000: access denied\n"
                                    "hint: run it as administrator, or see [Management] in fcgiext.ini\n");
    fake_out_has("host 2000 w3wp.exe: access denied\n");
    fake_out_has("php   running");
    assert_int_equal(fake_run("status --json"), 8);
    cJSON *document = cJSON_Parse(fake_out());
    assert_non_null(document);
    cJSON *second = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "hosts"), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(second, "error"), "reason")),
                        "access_denied");
    cJSON_Delete(document);
}

static void a_pattern_picks_pools(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(PHP "," ECHO "," POOL("php7", "running", "1", "0", "0", "")));
    assert_int_equal(fake_run("status PHP*"), 0);
    fake_out_has("php   running");
    fake_out_has("php7  running");
    assert_null(strstr(fake_out(), "echo"));
}

static void a_pool_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(PHP "," ECHO));
    fake_reply(1234, "pool.list", LIST(PHP "," ECHO));
    assert_int_equal(fake_run("status phpx"), 5);
    assert_string_equal(fake_err(), "fcgictl: there is no pool 'phpx'\nhint: did you mean 'php'?\n");
    assert_string_equal(fake_out(), "");
    assert_int_equal(fake_run("status abc*"), 5);
    assert_string_equal(fake_err(), "fcgictl: no pool matches 'abc*'\nhint: pools: php, echo\n");
}

static void list_tells_programs(void **state)
{
    (void)state;
    fake_reply(1234, "pool.list", LIST(PHP));
    assert_int_equal(fake_run("list"), 0);
    assert_string_equal(fake_out(), "POOL  STATE    WORKERS  PROGRAM\n"
                                    "php   running      4/8  C:\\php.exe\n");
    assert_int_equal(fake_run("list -o wide"), 0);
    assert_string_equal(
        fake_out(),
        "POOL  STATE    WORKERS  QUEUE LIMIT  MAX REQUESTS  IDLE TIMEOUT  ACTIVITY TIMEOUT  REQUEST TIMEOUT  PROGRAM\n"
        "php   running      4/8          100           200         5 min              30 s             90 s  "
        "C:\\php.exe\n");
}

#define WORKERS                                                                                                        \
    "{'api_version':1,'workers':[{'pool':'php','id':'17','pid':4711,'state':'busy','retiring':true,'request':'9',"     \
    "'served':120,'answered':119,'requests_left':80,'age_seconds':7300,'state_seconds':0.34,'private_bytes':35651584," \
    "'handles':88,'url_path':'/index.php'},{'pool':'php','id':'18','pid':null,'state':'starting','retiring':false,"    \
    "'request':null,'served':0,'age_seconds':1,'state_seconds':1,'private_bytes':null,'url_path':''}],'next_page':null}"

static void ps_shows_workers(void **state)
{
    (void)state;
    fake_reply(1234, "worker.list", WORKERS);
    assert_int_equal(fake_run("ps"), 0);
    assert_string_equal(fake_out(), "POOL  WORKER  STATE              FOR  AGE  SERVED  MEMORY  URL\n"
                                    "php     4711  busy, retiring  340 ms  2 h     120  34 MiB  /index.php\n"
                                    "php      #18  starting           1 s  1 s       0       -  -\n");
}

static void a_pool_without_workers_is_there_all_the_same(void **state)
{
    (void)state;
    fake_reply(1234, "worker.list", WORKERS);
    fake_reply(1234, "pool.list", LIST(PHP "," ECHO));
    assert_int_equal(fake_run("ps echo"), 0);
    assert_string_equal(fake_out(), "no workers\n");
    assert_int_equal(fake_run("ps nothing"), 5);
    assert_int_equal(fake_run("ps php"), 0);
}

static void pages_are_put_together(void **state)
{
    (void)state;
    fake_reply(1234, "pool.list", "{'api_version':1,'pools':[" PHP "],'total':2,'next_page':2}");
    fake_reply(1234, "pool.list", LIST(ECHO));
    assert_int_equal(fake_run("list"), 0);
    assert_string_equal(text_str(&fake.calls), "1234 pool.list\n1234 pool.list {\"page\":2}\n");
    fake_out_has("\nphp ");
    fake_out_has("\necho ");
}

static void a_host_whose_pages_do_not_end_is_left(void **state)
{
    (void)state;
    fake_reply(1234, "pool.list", "{'api_version':1,'pools':[" PHP "],'next_page':2}");
    assert_int_equal(fake_run("list"), 0);
    assert_string_equal(text_str(&fake.calls), "1234 pool.list\n1234 pool.list {\"page\":2}\n");
}

static void requests_show_the_query_to_those_who_get_it(void **state)
{
    (void)state;
    fake_reply(1234, "request.list",
               "{'api_version':1,'requests':[{'pool':'php','id':'9','worker_pid':4711,'state':'running','method':'GET',"
               "'url_path':'/a','query':'x=1','client':'10.0.0.1','age_seconds':3,'state_seconds':2,'body_bytes':0,"
               "'sent_bytes':2048,'waits_for_client':true},{'pool':'php','id':'10','worker_pid':null,'state':'queued',"
               "'method':'POST','url_path':'/b','age_seconds':1,'state_seconds':1,'body_bytes':10,'sent_bytes':0}]}");
    assert_int_equal(fake_run("requests"), 0);
    assert_string_equal(fake_out(), "POOL  AGE  STATE                    WORKER     SENT  METHOD  URL\n"
                                    "php   3 s  running, client is slow    4711  2.0 KiB  GET     /a\n"
                                    "php   1 s  queued                        -      0 B  POST    /b\n");
    assert_int_equal(fake_run("requests -o wide"), 0);
    fake_out_has("CLIENT    METHOD  URL  QUERY\n");
    fake_out_has("10.0.0.1  GET     /a   x=1\n");
}

#define EXITS                                                                                                        \
    "{'api_version':1,'exits':[{'pool':'php','pid':4711,'code':3221225477,'code_hex':'0xc0000005','code_text':"      \
    "'access violation','expected':false,'cause':'worker_crashed','at_time':'2026-01-02T03:04:05.000Z','at_unix':1," \
    "'age_seconds':190,'lived_seconds':3600,'answered':7,'url_path':'/x.php'},{'pool':'php','pid':4712,'code':0,"    \
    "'code_hex':'0x00000000','code_text':'','expected':true,'cause':null,'age_seconds':200,'lived_seconds':60,"      \
    "'answered':200,'url_path':'/y.php'}]}"

static void exits_tell_what_codes_mean(void **state)
{
    (void)state;
    fake_reply(1234, "exit.list", EXITS);
    assert_int_equal(fake_run("exits"), 0);
    assert_string_equal(fake_out(),
                        "  AGO  POOL  WORKER        CODE  CAUSE                              LIVED  SERVED  LAST URL\n"
                        "3 min  php     4711  0xc0000005  worker crashed: access violation  60 min       7  /x.php\n"
                        "3 min  php     4712           0  expected                            60 s     200  /y.php\n");
}

#define TUNED(reason, move_reason, age)                                                                                      \
    "{'api_version':1,'pool':" POOL("php", "running", "4", "3", "0",                                                         \
                                    ",'tuning':{'reason':'" reason "','move_reason':" move_reason ",'move_age_seconds':" age \
                                    "}") ",'workers':[],'exits':[]}"

static void show_tells_the_limit_of_a_tuned_pool_and_why(void **state)
{
    (void)state;
    fake_reply(1234, "pool.list", LIST(PHP "," ECHO));
    fake_reply(1234, "pool.show", TUNED("cpu_saturated", "'queue_waits'", "72"));
    assert_int_equal(fake_run("show php"), 0);
    fake_out_has("  tuning     at most 8 workers, tuned: cpu saturated; moved 72 s ago: queue waits\n");
    fake_reply(1234, "pool.show", TUNED("steady", "null", "null"));
    assert_int_equal(fake_run("show php"), 0);
    fake_out_has("  tuning     at most 8 workers, tuned: steady\n");
}

static void show_is_a_page(void **state)
{
    (void)state;
    fake_reply(1234, "pool.list", LIST(PHP "," ECHO));
    fake_reply(1234, "pool.show",
               "{'api_version':1,'pool':" PHP ",'workers':[{'pool':'php','id':'1','pid':4711,'state':'idle','served':3,"
               "'age_seconds':60,'state_seconds':5,'private_bytes':1048576,'url_path':'/'}],'exits':[]}");
    assert_int_equal(fake_run("show php"), 0);
    assert_string_equal(fake_out(), "php\n"
                                    "  state      running\n"
                                    "  program    C:\\php.exe\n"
                                    "  workers    4 of at most 8: 3 busy, 1 idle, 0 starting, 0 retiring\n"
                                    "  requests   3 running (the oldest for 340 ms), 0 waiting\n"
                                    "  totals     12034 requests: 12000 answered, 2 failed, 0 rejected, 1 retried; since "
                                    "2026-01-02T03:04:05.000Z\n"
                                    "  failed of  activity timeout 2\n"
                                    "  processes  9 started, 0 starts failed, 5 ended, 1 of them unexpectedly\n"
                                    "  limits     queue 100, 200 requests a worker, idle 5 min, activity 30 s, request 90 s\n"
                                    "\n"
                                    "POOL  WORKER  STATE  FOR   AGE  SERVED   MEMORY  URL\n"
                                    "php     4711  idle   5 s  60 s       3  1.0 MiB  /\n");
    assert_int_equal(fake_run("show php --json"), 0);
    cJSON *document = cJSON_Parse(fake_out());
    cJSON *page = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "pools"), 0);
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(page, "host")), 1234);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(page, "workers")), 1);
    cJSON_Delete(document);
    assert_int_equal(fake_run("show nothing"), 5);
    assert_int_equal(fake_run("show"), 2);
    assert_int_equal(fake_run("show php -o csv"), 2);
}

static void csv_has_raw_values_and_quotes(void **state)
{
    (void)state;
    fake_reply(1234, "worker.list",
               "{'api_version':1,'workers':[{'pool':'a, \\'b\\'','id':'17','pid':4711,'state':'busy','state_seconds':0.25,"
               "'age_seconds':7300,'served':1,'requests_left':2,'private_bytes':35651584,'handles':8,'request':null,"
               "'url_path':'/line\\u000aend'}]}");
    assert_int_equal(fake_run("ps -o csv"), 0);
    assert_string_equal(
        fake_out(),
        "host,pool,pid,id,state,state_seconds,age_seconds,served,requests_left,private_bytes,handles,request,url_path\n"
        "1234,\"a, \"\"b\"\"\",4711,17,busy,0.25,7300,1,2,35651584,8,,/line\xEF\xBF\xBD"
        "end\n");
}

static void json_stands_alone_and_parses(void **state)
{
    (void)state;
    static const char *const commands[] = {"status", "list", "ps", "requests", "exits", "metrics", "version"};
    fake_reply(1234, "status", STATUS(PHP));
    fake_reply(1234, "pool.list", LIST(PHP));
    fake_reply(1234, "worker.list", WORKERS);
    fake_reply(1234, "request.list", "{'api_version':1,'requests':[]}");
    fake_reply(1234, "exit.list", EXITS);
    fake_reply(1234, "metrics", "{'api_version':1,'metrics':[]}");
    fake_reply(1234, "server.info", "{'api_version':1,'version':'0.1.0','pid':1234}");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s --json", commands[i]);
        assert_int_equal(fake_run(line), 0);
        const char *end = NULL;
        cJSON *document = cJSON_ParseWithOpts(fake_out(), &end, false);
        assert_non_null(document);
        assert_string_equal(end, "\n");
        assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(document, "api_version")), 1);
        assert_non_null(cJSON_GetObjectItem(document, "hosts"));
        assert_string_equal(fake_err(), "");
        cJSON_Delete(document);
    }
}

static void ndjson_is_one_line_an_item(void **state)
{
    (void)state;
    fake_reply(1234, "pool.list", LIST(PHP "," ECHO));
    assert_int_equal(fake_run("list -o ndjson"), 0);
    const char *line = fake_out();
    for (int i = 0; i < 2; i++) {
        const char *end = NULL;
        cJSON *item = cJSON_ParseWithOpts(line, &end, false);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(item, "name")), i == 0 ? "php" : "echo");
        assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(item, "host")), 1234);
        assert_int_equal(*end, '\n');
        line = end + 1;
        cJSON_Delete(item);
    }
    assert_string_equal(line, "");
}

/* fake_write fails for each control character. */
static void control_characters_of_a_host_never_reach_the_terminal(void **state)
{
    (void)state;
    static const char *const commands[] = {"ps", "ps -o wide", "ps -o csv", "ps --json", "ps -o ndjson"};
    fake_reply(1234, "worker.list",
               "{'api_version':1,'workers':[{'pool':'p\\u001b[31m\\u0001','id':'1','pid':1,'state':'\\u0007','url_path':"
               "'/\\u0085\\u007f\\u202e\x1b'}]}");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        assert_int_equal(fake_run(commands[i]), 0);
        fake_out_has("[31m");
        assert_null(strstr(fake_out(), "\xC2\x85"));
        assert_null(strstr(fake_out(), "\xE2\x80\xAE"));
    }
}

static void watch_shows_it_again_until_ctrl_c(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(POOL("php", "running", "4", "3", "1", "")));
    fake_reply(1234, "status", STATUS(POOL("php", "running", "4", "3", "7", "")));
    fake.terminal.out_is_terminal = true;
    fake.interrupt_after = 3;
    assert_int_equal(fake_run("status --watch=5"), 0);
    assert_true(fake.catching);
    assert_int_equal(fake.clears, 3);
    assert_int_equal(fake.now_ms, 15000);
    fake_out_has("every 5 s; Ctrl-C ends\nhost 1234");
    fake_out_has("  1 waits\n");
    fake_out_has("  queue grows: 1 to 7\n");
    fake_out_has("  7 wait\n");
}

static void watch_goes_on_when_hosts_go(void **state)
{
    (void)state;
    fake.host_count = 0;
    fake.interrupt_after = 2;
    assert_int_equal(fake_run("status --watch"), 0);
    fake_err_has("fcgictl: no host was found");
    assert_int_equal(fake.waits, 2);
}

static void the_last_column_is_cut_at_the_end_of_a_terminal(void **state)
{
    (void)state;
    fake.terminal.out_is_terminal = true;
    fake.terminal.width = 32;
    fake_reply(1234, "pool.list", LIST(POOL("a_long_program_name", "running", "1", "1", "0", "")));
    assert_int_equal(fake_run("list --host 1234"), 0);
    fake_out_has("  C:\\a_long...\n");
    assert_int_equal(fake_run("list -o wide"), 0);
    fake_out_has("C:\\a_long_program_name.exe\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(status_is_a_table_that_begins_with_the_host),
        FAKE_TEST(what_is_bad_is_marked_and_told_in_words),
        FAKE_TEST(colours_are_for_a_terminal_that_may_have_them),
        FAKE_TEST(a_rejected_configuration_is_told_with_the_host),
        FAKE_TEST(several_hosts_are_merged_and_get_a_column),
        FAKE_TEST(one_of_several_hosts_that_fails_makes_it_partly_done),
        FAKE_TEST(a_pattern_picks_pools),
        FAKE_TEST(a_pool_that_is_not_there_is_not_found),
        FAKE_TEST(list_tells_programs),
        FAKE_TEST(ps_shows_workers),
        FAKE_TEST(a_pool_without_workers_is_there_all_the_same),
        FAKE_TEST(pages_are_put_together),
        FAKE_TEST(a_host_whose_pages_do_not_end_is_left),
        FAKE_TEST(requests_show_the_query_to_those_who_get_it),
        FAKE_TEST(exits_tell_what_codes_mean),
        FAKE_TEST(show_is_a_page),
        FAKE_TEST(show_tells_the_limit_of_a_tuned_pool_and_why),
        FAKE_TEST(csv_has_raw_values_and_quotes),
        FAKE_TEST(json_stands_alone_and_parses),
        FAKE_TEST(ndjson_is_one_line_an_item),
        FAKE_TEST(control_characters_of_a_host_never_reach_the_terminal),
        FAKE_TEST(watch_shows_it_again_until_ctrl_c),
        FAKE_TEST(watch_goes_on_when_hosts_go),
        FAKE_TEST(the_last_column_is_cut_at_the_end_of_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
