/* fcgictl: the commands that change something, their waiting, and the exit codes that come of it. */
#include "fcgictl_fake.h"

static void host_with_pools(uint32_t pid)
{
    fake_reply(pid, "pool.list", LIST(PHP "," ECHO));
}

static void recycle_starts_an_operation_and_names_it(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "running", "0", "4", ""));
    assert_int_equal(fake_run("recycle php"), 0);
    assert_string_equal(fake_out(), "php: recycling (operation 1234:17179869185)\n");
    assert_string_equal(text_str(&fake.calls), "1234 pool.list\n1234 pool.recycle {\"pool\":\"php\"}\n");
    assert_int_equal(fake_run("recycle php --now"), 0);
    assert_string_equal(text_str(&fake.calls), "1234 pool.list\n1234 pool.recycle {\"pool\":\"php\",\"now\":true}\n");
}

static void recycle_waits_and_says_each_step_once(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "running", "0", "4", ""));
    fake_reply(1234, "operation.wait", OPERATION("recycle", "running", "0", "4", ""))->takes_ms = 1000;
    fake_reply(1234, "operation.wait", OPERATION("recycle", "running", "2", "4", "a request takes long"))->takes_ms = 1000;
    fake_reply(1234, "operation.wait", OPERATION("recycle", "done", "4", "4", ""))->takes_ms = 500;
    assert_int_equal(fake_run("recycle php --wait"), 0);
    assert_string_equal(fake_out(), "php: recycling, 0 of 4 workers replaced\n"
                                    "php: recycling, 2 of 4 workers replaced: a request takes long\n"
                                    "php: recycled, 4 of 4 workers replaced, after 2 s\n");
    assert_non_null(
        strstr(text_str(&fake.calls), "1234 operation.wait {\"operation\":\"17179869185\",\"timeout_seconds\":1}\n"));
    assert_true(fake.last_timeout_ms > 1000);
}

static void progress_on_a_terminal_is_one_line(void **state)
{
    (void)state;
    fake.terminal.out_is_terminal = true;
    host_with_pools(1234);
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "running", "1", "4", ""));
    fake_reply(1234, "operation.wait", OPERATION("recycle", "done", "4", "4", ""))->takes_ms = 900;
    assert_int_equal(fake_run("recycle php --wait"), 0);
    assert_string_equal(text_str(&fake.progress), "php: recycling [#####...............], 1 of 4 workers replaced, 0 s\n-\n");
    assert_string_equal(fake_out(), "php: recycled, 4 of 4 workers replaced, after 900 ms\n");
}

static void a_host_that_answers_at_once_is_not_asked_without_a_pause(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "running", "0", "4", ""));
    fake_reply(1234, "operation.wait", OPERATION("recycle", "running", "0", "4", ""));
    assert_int_equal(fake_run("recycle php --wait --timeout 2"), 6);
    assert_int_equal(fake.waits, 10);
}

static void a_wait_that_times_out_exits_with_6_and_the_operation_goes_on(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.drain", OPERATION("drain", "running", "0", "2", ""));
    fake_reply(1234, "operation.wait", OPERATION("drain", "running", "1", "2", "a request runs"))->takes_ms = 1000;
    assert_int_equal(fake_run("drain php --wait --timeout 3"), 6);
    fake_err_has("fcgictl: php: not at its end in time, still draining, 1 of 2 ended: a request runs\n"
                 "hint: it goes on; `fcgictl wait 1234:17179869185` waits again\n");
    assert_int_equal(fake.now_ms, 3000);
}

static void ctrl_c_ends_the_waiting_only_and_says_so(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.drain", OPERATION("drain", "running", "0", "2", ""));
    fake_reply(1234, "operation.wait", OPERATION("drain", "running", "0", "2", ""))->takes_ms = 1000;
    fake.interrupt_after = 3;
    assert_int_equal(fake_run("drain php --wait"), 6);
    fake_err_has("fcgictl: php: the waiting was stopped, still draining, 0 of 2 ended\n"
                 "hint: it goes on; `fcgictl wait 1234:17179869185` waits again\n");
}

static void pools_behind_a_ctrl_c_are_not_touched(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "running", "0", "2", ""));
    fake_reply(1234, "operation.wait", OPERATION("recycle", "running", "0", "2", ""))->takes_ms = 1000;
    fake.interrupt_after = 2;
    assert_int_equal(fake_run("recycle --all --wait"), 6);
    fake_err_has("fcgictl: echo: not touched, as you have stopped\n");
    assert_null(strstr(text_str(&fake.calls), "echo"));
}

static void an_operation_that_fails_exits_with_1_and_tells_why(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "running", "0", "4", ""));
    fake_reply(1234, "operation.wait", OPERATION("recycle", "failed", "1", "4", "two new workers did not start"))->takes_ms =
        100;
    assert_int_equal(fake_run("recycle php --wait"), 1);
    fake_err_has("fcgictl: php: recycling has failed, 1 of 4 workers replaced: two new workers did not start\n");
}

static void an_operation_that_another_takes_the_place_of_exits_with_7(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.drain", OPERATION("drain", "running", "0", "4", ""));
    fake_reply(1234, "operation.wait", OPERATION("drain", "superseded", "1", "4", ""))->takes_ms = 100;
    assert_int_equal(fake_run("drain php --wait"), 7);
    fake_err_has("fcgictl: php: draining was given up, 1 of 4 ended: another command has taken its place\n");
    fake.reply_count = 0;
    host_with_pools(1234);
    fake_reply(1234, "pool.drain", OPERATION("drain", "superseded", "1", "4", "the pool was resumed"));
    assert_int_equal(fake_run("drain php --wait"), 7);
    fake_err_has("fcgictl: php: draining was given up, 1 of 4 ended: the pool was resumed\n");
}

static void drain_and_resume_pass_their_options(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.drain", OPERATION("drain", "done", "2", "2", ""));
    fake_reply(1234, "pool.resume", OPERATION("resume", "done", "0", "0", ""));
    assert_int_equal(fake_run("drain php --ttl 10m --persist"), 0);
    assert_non_null(strstr(text_str(&fake.calls), "pool.drain {\"pool\":\"php\",\"ttl_seconds\":600,\"persist\":true}\n"));
    assert_string_equal(fake_out(), "php: drained: out of service\n");
    assert_int_equal(fake_run("resume php"), 0);
    assert_string_equal(fake_out(), "php: in service again\n");
}

static void refusals_have_their_exit_codes(void **state)
{
    (void)state;
    static const struct {
        const char *error;
        int exit_code;
        const char *said;
    } rows[] = {
        {ERROR("-32005", "php is broken", "{'reason':'refused_by_state'}"), 7,
         "fcgictl: host 1234: php: php is broken\nhint: `fcgictl status` tells"},
        {ERROR("-32001", "the operate right is wanted", "{'reason':'access_denied'}"), 4,
         "fcgictl: host 1234: php: the operate right is wanted\n"
         "hint: run it as administrator, or see [Management] in fcgiext.ini\n"},
        {ERROR("-32002", "there is no pool", "{'reason':'no_such_pool','hint':'pools: echo'}"), 5, "hint: pools: echo\n"},
        {ERROR("-32006", "too many operations", "{'reason':'too_many'}"), 1, "too many operations\n"},
        {ERROR("-32601", "no such method", "{}"), 1, "hint: the host has an older fcgiext.dll"},
        {"raw:{]", 1, "fcgictl: host 1234: its reply is not JSON\n"},
        {"raw:{'jsonrpc':'2.0','id':2,'result':{'api_version':1}}", 1, "its reply is not one to the request\n"},
        {"{'api_version':2}", 1, "its management interface is of another version\n"},
        {"{'api_version':1}", 1, "has told no operation\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake.reply_count = 0;
        host_with_pools(1234);
        fake_reply(1234, "pool.recycle", rows[i].error);
        assert_int_equal(fake_run("recycle php"), rows[i].exit_code);
        fake_err_has(rows[i].said);
        assert_string_equal(fake_out(), "");
    }
}

static void hosts_that_cannot_be_reached_have_their_exit_codes(void **state)
{
    (void)state;
    static const struct {
        enum fcgictl_call call;
        int exit_code;
        const char *said;
    } rows[] = {
        {FCGICTL_CALL_NO_HOST, 3,
         "fcgictl: cannot connect to host 1234: it serves no management pipe\nhint: it may have ended"},
        {FCGICTL_CALL_DENIED, 4, "fcgictl: cannot connect to host 1234: access denied\nhint: "},
        {FCGICTL_CALL_NOT_OURS, 1, "fcgictl: cannot connect to host 1234: the pipe belongs to another process\nhint: "},
        {FCGICTL_CALL_BUSY, 1, "fcgictl: cannot connect to host 1234: all connections of its pipe are taken\nhint: "},
        {FCGICTL_CALL_TIMED_OUT, 6, "fcgictl: host 1234 has not answered in 10 s\nhint: "},
        {FCGICTL_CALL_LOST, 1, "fcgictl: host 1234 has ended the connection\nhint: "},
        {FCGICTL_CALL_FAILED, 1, "fcgictl: cannot connect to host 1234: the pipe broke (109)\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake.reply_count = 0;
        fake_fails(1234, "pool.list", rows[i].call, "the pipe broke (109)");
        assert_int_equal(fake_run("recycle php"), rows[i].exit_code);
        fake_err_has(rows[i].said);
    }
    assert_int_equal(fake.last_timeout_ms, 10000);
    fake_run("recycle php --timeout 2.5");
    assert_int_equal(fake.last_timeout_ms, 2500);
}

static void a_lost_connection_is_made_again_for_what_changes_nothing(void **state)
{
    (void)state;
    fake_fails(1234, "pool.list", FCGICTL_CALL_LOST, "");
    host_with_pools(1234);
    fake_reply(1234, "pool.drain", OPERATION("drain", "running", "0", "2", ""));
    fake_fails(1234, "operation.wait", FCGICTL_CALL_LOST, "");
    fake_fails(1234, "operation.wait", FCGICTL_CALL_NO_HOST, "");
    fake_reply(1234, "operation.wait", OPERATION("drain", "done", "2", "2", ""));
    assert_int_equal(fake_run("drain php --wait"), 0);
    assert_string_equal(fake_err(), "");
    fake.reply_count = 0;
    host_with_pools(1234);
    fake_fails(1234, "pool.recycle", FCGICTL_CALL_LOST, "");
    assert_int_equal(fake_run("recycle php"), 1);
    assert_string_equal(text_str(&fake.calls), "1234 pool.list\n1234 pool.recycle {\"pool\":\"php\"}\n");
    fake.reply_count = 0;
    fake_fails(1234, "status", FCGICTL_CALL_LOST, "");
    fake_fails(1234, "status", FCGICTL_CALL_NO_HOST, "");
    assert_int_equal(fake_run("status"), 3);
    fake_err_has("fcgictl: cannot connect to host 1234: it serves no management pipe\n");
    fake.reply_count = 0;
    fake_fails(1234, "status", FCGICTL_CALL_LOST, "");
    fake_fails(1234, "status", FCGICTL_CALL_DENIED, "");
    assert_int_equal(fake_run("status"), 4);
    assert_string_equal(text_str(&fake.calls), "1234 status\n1234 status\n");
}

static void a_pool_or_a_worker_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "worker.list", "{'api_version':1,'workers':[{'pool':'php','id':'17','pid':4711,'state':'idle'}]}");
    assert_int_equal(fake_run("drain phq"), 5);
    assert_string_equal(fake_err(), "fcgictl: there is no pool 'phq'\nhint: did you mean 'php'?\n");
    assert_int_equal(fake_run("kill php/4712"), 5);
    assert_string_equal(fake_err(), "fcgictl: php has no worker 4712\nhint: `fcgictl ps php` lists its workers\n");
    assert_int_equal(fake_run("kill abc/4711"), 5);
    assert_int_equal(fake_run("recycle abc/4711"), 5);
}

static void no_host_exits_with_3_and_a_sentence(void **state)
{
    (void)state;
    static const char *const commands[] = {"status",      "recycle php",   "kill php/1", "wait 5",
                                           "config show", "config reload", "ps"};
    fake.host_count = 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        assert_int_equal(fake_run(commands[i]), 3);
        assert_string_equal(fake_err(),
                            "fcgictl: no host was found: no process has loaded fcgiext.dll\n"
                            "hint: IIS loads the extension at the first request: ask for a page of the site, then try again\n");
        assert_string_equal(fake_out(), "");
    }
}

static void a_worker_is_named_by_its_pool_and_process(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "worker.list",
               "{'api_version':1,'workers':[{'pool':'php','id':'17','pid':4711,'state':'busy','request':'9','url_path':'/a'},"
               "{'pool':'echo','id':'18','pid':null,'state':'idle'}]}");
    fake_reply(1234, "worker.recycle", OPERATION("worker_recycle", "done", "1", "1", ""));
    fake_reply(1234, "worker.kill", OPERATION("worker_kill", "running", "0", "1", ""));
    assert_int_equal(fake_run("recycle php/4711"), 0);
    assert_string_equal(fake_out(), "php/4711: recycled\n");
    assert_non_null(strstr(text_str(&fake.calls), "worker.recycle {\"pool\":\"php\",\"pid\":4711}\n"));
    assert_int_equal(fake_run("kill echo/#18"), 0);
    assert_string_equal(fake_out(), "echo/#18: ending (operation 1234:17179869185)\n");
    assert_non_null(strstr(text_str(&fake.calls), "worker.kill {\"pool\":\"echo\",\"id\":\"18\"}\n"));
    assert_int_equal(fake_run("kill php/4711 --dry-run"), 0);
    assert_string_equal(fake_out(), "would kill php/4711: busy, with a request of /a\nnothing was done\n");
    assert_int_equal(fake_run("recycle php/4711 --now"), 2);
    fake_err_has("hint: `fcgictl kill php/4711` ends a worker at once\n");
}

static void a_pool_may_be_called_by_a_path(void **state)
{
    (void)state;
    fake_reply(1234, "pool.list", LIST(POOL("D:/php/55", "running", "1", "0", "0", "")));
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "done", "1", "1", ""));
    assert_int_equal(fake_run("recycle D:/php/55"), 0);
    assert_non_null(strstr(text_str(&fake.calls), "pool.recycle {\"pool\":\"D:/php/55\"}\n"));
}

static void what_is_not_clear_is_a_usage_error_and_nothing_is_done(void **state)
{
    (void)state;
    static const char *const commands[] = {"recycle",
                                           "recycle php --all",
                                           "drain",
                                           "kill",
                                           "kill php",
                                           "kill --all",
                                           "wait",
                                           "wait x",
                                           "wait 1234:",
                                           "wait a:5",
                                           "recycle php echo",
                                           "drain php/4711 --now"};
    host_with_pools(1234);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (fake_run(commands[i]) != 2)
            fail_msg("'%s' says %s", commands[i], fake_err());
        fake_err_has("fcgictl: ");
        assert_null(strstr(text_str(&fake.calls), "pool.re"));
        assert_null(strstr(text_str(&fake.calls), "drain"));
    }
}

static void a_worker_of_two_hosts_is_ambiguous(void **state)
{
    (void)state;
    fake_host(2000);
    for (uint32_t pid = 1234; pid <= 2000; pid += 766) {
        host_with_pools(pid);
        fake_reply(pid, "worker.list", "{'api_version':1,'workers':[{'pool':'php','id':'17','pid':null,'state':'idle'}]}");
    }
    assert_int_equal(fake_run("kill php/#17"), 2);
    fake_err_has("fcgictl: php/#17 is ambiguous");
    assert_int_equal(fake_run("wait 17"), 2);
    fake_err_has("fcgictl: operation 17 is ambiguous: there are 2 hosts\nhint: HOST:ID, or --host PID, picks one\n");
}

static void all_and_patterns_name_several_pools(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.resume", OPERATION("resume", "done", "0", "0", ""));
    assert_int_equal(fake_run("resume --all"), 0);
    assert_string_equal(fake_out(), "php: in service again\necho: in service again\n");
    assert_int_equal(fake_run("resume ?H*"), 0);
    assert_string_equal(fake_out(), "php: in service again\n");
}

static void hosts_are_worked_off_one_after_another(void **state)
{
    (void)state;
    fake_host(2000);
    host_with_pools(1234);
    host_with_pools(2000);
    for (uint32_t pid = 1234; pid <= 2000; pid += 766) {
        fake_reply(pid, "pool.recycle", OPERATION("recycle", "running", "0", "4", ""));
        fake_reply(pid, "operation.wait", OPERATION("recycle", "done", "4", "4", ""))->takes_ms = 100;
    }
    assert_int_equal(fake_run("recycle php --wait"), 0);
    assert_string_equal(fake_out(), "host 1234: php: recycling, 0 of 4 workers replaced\n"
                                    "host 1234: php: recycled, 4 of 4 workers replaced, after 100 ms\n"
                                    "host 2000: php: recycling, 0 of 4 workers replaced\n"
                                    "host 2000: php: recycled, 4 of 4 workers replaced, after 100 ms\n");
}

static void a_pool_whose_recycling_failed_is_left_alone_at_other_hosts(void **state)
{
    (void)state;
    fake_host(2000);
    host_with_pools(1234);
    host_with_pools(2000);
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "failed", "0", "4", "it does not start"));
    assert_int_equal(fake_run("recycle php"), 1);
    fake_err_has("fcgictl: host 1234: php: recycling has failed, 0 of 4 workers replaced: it does not start\n"
                 "fcgictl: host 2000: php: not touched, as it has failed before\n");
}

static void partly_done_is_8(void **state)
{
    (void)state;
    fake_host(2000);
    host_with_pools(1234);
    fake_fails(2000, "pool.list", FCGICTL_CALL_TIMED_OUT, "");
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "done", "4", "4", ""));
    assert_int_equal(fake_run("recycle php"), 8);
    fake_reply(1234, "pool.resume", OPERATION("resume", "done", "4", "4", ""));
    fake_reply(1234, "pool.resume", ERROR("-32005", "no", "{}"));
    assert_int_equal(fake_run("resume --all --host 1234"), 8);
}

static void dry_run_shows_the_plan_and_does_nothing(void **state)
{
    (void)state;
    fake_host(2000);
    host_with_pools(1234);
    host_with_pools(2000);
    assert_int_equal(fake_run("recycle php --dry-run"), 0);
    assert_string_equal(fake_out(), "would recycle host 1234: php: 4 workers, 3 running, 0 waiting\n"
                                    "would recycle host 2000: php: 4 workers, 3 running, 0 waiting\n"
                                    "nothing was done\n");
    assert_string_equal(text_str(&fake.calls), "1234 pool.list\n2000 pool.list\n");
    assert_int_equal(fake_run("drain e* --ttl 1h --dry-run -o ndjson"), 0);
    assert_string_equal(fake_out(),
                        "{\"host\":1234,\"method\":\"pool.drain\",\"params\":{\"pool\":\"echo\",\"ttl_seconds\":3600}}\n"
                        "{\"host\":2000,\"method\":\"pool.drain\",\"params\":{\"pool\":\"echo\",\"ttl_seconds\":3600}}\n");
    assert_int_equal(fake_run("config reload --dry-run --host 2000"), 0);
    assert_string_equal(fake_out(), "would read fcgiext.ini again at host 2000\nnothing was done\n");
}

static void operations_as_json_stand_alone(void **state)
{
    (void)state;
    host_with_pools(1234);
    fake_reply(1234, "pool.recycle", OPERATION("recycle", "running", "0", "4", ""));
    fake_reply(1234, "operation.wait", OPERATION("recycle", "running", "1", "4", ""))->takes_ms = 1000;
    fake_reply(1234, "operation.wait", OPERATION("recycle", "done", "4", "4", ""))->takes_ms = 100;
    assert_int_equal(fake_run("recycle php --wait --json"), 0);
    cJSON *document = cJSON_Parse(fake_out());
    assert_non_null(document);
    cJSON *entry = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "operations"), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(entry, "operation"), "state")), "done");
    assert_int_equal((int)cJSON_GetNumberValue(cJSON_GetObjectItem(entry, "host")), 1234);
    cJSON_Delete(document);
    assert_string_equal(fake_err(), "");
}

static void wait_takes_up_an_operation_again(void **state)
{
    (void)state;
    fake_reply(1234, "operation.wait", OPERATION("recycle", "running", "1", "4", ""));
    fake_reply(1234, "operation.wait", OPERATION("recycle", "done", "4", "4", ""))->takes_ms = 1000;
    fake_host(2000);
    assert_int_equal(fake_run("wait 1234:17179869185"), 0);
    assert_string_equal(fake_out(), "php: recycling, 1 of 4 workers replaced\n"
                                    "php: recycled, 4 of 4 workers replaced, after 1 s\n");
    assert_int_equal(fake_run("wait 1234:17179869185 --json"), 0);
    fake_out_has("\"operation\": {");
    fake_reply(2000, "operation.wait", ERROR("-32004", "there is no operation 5", "{'reason':'no_such_operation'}"));
    assert_int_equal(fake_run("wait 5 --host 2000"), 5);
}

static void a_reload_that_is_refused_tells_what_is_wrong(void **state)
{
    (void)state;
    fake_reply(1234, "config.reload",
               ERROR("-32007", "fcgiext.ini has errors",
                     "{'reason':'config_invalid','diagnostics':[{'severity':'error','line':12,"
                     "'section':'php','property':'QueueLength','message':'no number'}]}"));
    assert_int_equal(fake_run("config reload"), 1);
    assert_string_equal(fake_err(), "fcgictl: line 12: error: [php] QueueLength: no number\n"
                                    "fcgictl: host 1234: fcgiext.ini has errors\n"
                                    "hint: `fcgictl config check` tells what is wrong with the file as it is now\n");
    fake.reply_count = 0;
    fake_reply(1234, "config.reload", OPERATION("reload", "failed", "0", "0", "fcgiext.ini has errors"));
    assert_int_equal(fake_run("config reload"), 1);
    assert_string_equal(fake_err(), "fcgictl: host 1234: reading fcgiext.ini has failed: fcgiext.ini has errors\n"
                                    "hint: `fcgictl config check` tells what is wrong with the file as it is now\n");
    fake.reply_count = 0;
    fake_reply(1234, "config.reload", OPERATION("reload", "done", "0", "0", ""));
    assert_int_equal(fake_run("config reload"), 0);
    assert_string_equal(fake_out(), "host 1234: fcgiext.ini was read again\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(recycle_starts_an_operation_and_names_it),
        FAKE_TEST(recycle_waits_and_says_each_step_once),
        FAKE_TEST(progress_on_a_terminal_is_one_line),
        FAKE_TEST(a_host_that_answers_at_once_is_not_asked_without_a_pause),
        FAKE_TEST(a_wait_that_times_out_exits_with_6_and_the_operation_goes_on),
        FAKE_TEST(ctrl_c_ends_the_waiting_only_and_says_so),
        FAKE_TEST(pools_behind_a_ctrl_c_are_not_touched),
        FAKE_TEST(an_operation_that_fails_exits_with_1_and_tells_why),
        FAKE_TEST(an_operation_that_another_takes_the_place_of_exits_with_7),
        FAKE_TEST(drain_and_resume_pass_their_options),
        FAKE_TEST(refusals_have_their_exit_codes),
        FAKE_TEST(hosts_that_cannot_be_reached_have_their_exit_codes),
        FAKE_TEST(a_lost_connection_is_made_again_for_what_changes_nothing),
        FAKE_TEST(a_pool_or_a_worker_that_is_not_there_is_not_found),
        FAKE_TEST(no_host_exits_with_3_and_a_sentence),
        FAKE_TEST(a_worker_is_named_by_its_pool_and_process),
        FAKE_TEST(a_pool_may_be_called_by_a_path),
        FAKE_TEST(what_is_not_clear_is_a_usage_error_and_nothing_is_done),
        FAKE_TEST(a_worker_of_two_hosts_is_ambiguous),
        FAKE_TEST(all_and_patterns_name_several_pools),
        FAKE_TEST(hosts_are_worked_off_one_after_another),
        FAKE_TEST(a_pool_whose_recycling_failed_is_left_alone_at_other_hosts),
        FAKE_TEST(partly_done_is_8),
        FAKE_TEST(dry_run_shows_the_plan_and_does_nothing),
        FAKE_TEST(operations_as_json_stand_alone),
        FAKE_TEST(wait_takes_up_an_operation_again),
        FAKE_TEST(a_reload_that_is_refused_tells_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
