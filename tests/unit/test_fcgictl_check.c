/* fcgictl check: results, limits, performance data. */
#include "fcgictl_fake.h"

static void all_is_well(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(PHP "," ECHO));
    assert_int_equal(fake_run("check"), 0);
    assert_string_equal(
        fake_out(), "FCGIEXT OK - 2 pools, 3 workers busy, 0 waiting | 'php queue'=0;;;0 'php busy'=38%;;;0 'php wait'=0s;;;0 "
                    "'php failed'=2c;;;0 'echo queue'=0;;;0 'echo busy'=0%;;;0 'echo wait'=0s;;;0 'echo failed'=2c;;;0\n");
}

static void limits_are_from_there_on(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(POOL("php", "running", "8", "8", "10", "")));
    assert_int_equal(fake_run("check --warn queue=11 --crit queue=100"), 0);
    assert_int_equal(fake_run("check --warn queue=10 --crit queue=100"), 1);
    assert_string_equal(fake_out(), "FCGIEXT WARNING - php: 10 requests wait | 'php queue'=10;10;100;0 'php busy'=100%;;;0 "
                                    "'php wait'=0s;;;0 'php failed'=2c;;;0\n");
    assert_int_equal(fake_run("check --warn queue=5 --crit queue=10"), 2);
    assert_int_equal(fake_run("check --warn queue=5,failed=3 --crit busy=100"), 2);
    fake_out_has("FCGIEXT CRITICAL - php: 100 % of the workers are busy; php: 10 requests wait | ");
    assert_int_equal(fake_run("check --warn failed=2 --warn wait=3"), 1);
}

static void the_oldest_wait_has_a_limit(void **state)
{
    (void)state;
    fake_reply(1234, "status",
               STATUS("{'name':'php','state':'running','requests':{'queued':1,'queue_length':10,'oldest_wait_seconds':4.5}}"));
    assert_int_equal(fake_run("check --crit wait=4"), 2);
    fake_out_has("php: 4.5 s is the longest wait | ");
    fake_out_has("'php wait'=4.5s;;4;0");
}

static void states_have_results(void **state)
{
    (void)state;
    static const struct {
        const char *state, *options;
        int result;
    } rows[] = {
        {"running", "", 0},
        {"rapid_fail", "", 2},
        {"broken", "", 2},
        {"draining", "", 1},
        {"drained", "", 1},
        {"closed", "", 1},
        {"unheard_of", "", 3},
        {"drained", " --crit state=drained", 2},
        {"rapid_fail", " --warn state=rapid_fail", 1},
        {"drained", " --crit queue=1,state=drained,busy=90", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[1024], line[64];
        snprintf(json, sizeof json, "{'api_version':1,'pools':[{'name':'php','state':'%s'}]}", rows[i].state);
        snprintf(line, sizeof line, "check%s", rows[i].options);
        fake.reply_count = 0;
        fake_reply(1234, "status", json);
        if (fake_run(line) != rows[i].result)
            fail_msg("%s%s: %s", rows[i].state, rows[i].options, fake_out());
    }
}

static void the_worst_is_told_first_and_with_its_reason(void **state)
{
    (void)state;
    fake_reply(1234, "status",
               STATUS(POOL("off", "drained", "0", "0", "0", "") "," POOL(
                   "api", "rapid_fail", "0", "0", "0", ",'rapid_fail':{'left_seconds':42,'first_cause':'worker_crashed'}")));
    assert_int_equal(fake_run("check"), 2);
    fake_out_has("FCGIEXT CRITICAL - api is rapid fail: stopped after repeated failures (worker crashed), tried again in 42 s; "
                 "off is drained: out of service until `resume` | ");
}

static void a_failed_recycle_and_a_rejected_ini_are_warnings(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(POOL("php", "running", "1", "0", "0", ",'recycle':{'state':'failed'}")));
    assert_int_equal(fake_run("check"), 1);
    fake_out_has("WARNING - php: recycle has failed | ");
    fake.reply_count = 0;
    fake_reply(1234, "status", "{'api_version':1,'server':{'config':{'state':'rejected'}},'pools':[]}");
    assert_int_equal(fake_run("check"), 1);
    assert_string_equal(fake_out(), "FCGIEXT WARNING - host 1234: the changed fcgiext.ini has errors and was not taken\n");
}

static void what_cannot_be_asked_is_unknown(void **state)
{
    (void)state;
    fake_fails(1234, "status", FCGICTL_CALL_DENIED, "");
    assert_int_equal(fake_run("check"), 3);
    assert_string_equal(fake_out(), "FCGIEXT UNKNOWN - cannot connect to host 1234: access denied\n");
    fake.reply_count = 0;
    fake_reply(1234, "status", STATUS(PHP));
    assert_int_equal(fake_run("check phpx"), 3);
    assert_string_equal(fake_out(), "FCGIEXT UNKNOWN - no pool is called 'phpx'\n");
    fake.host_count = 0;
    assert_int_equal(fake_run("check"), 3);
    assert_string_equal(fake_out(), "FCGIEXT UNKNOWN - no host was found: no process has loaded fcgiext.dll\n");
}

static void wrong_usage_is_unknown_and_not_critical(void **state)
{
    (void)state;
    static const char *const lines[] = {"check --warn queue",
                                        "check --warn queue=x",
                                        "check --crit nothing=5",
                                        "check --warn",
                                        "check --warn state=odd",
                                        "check --crit queue=1,,busy=2",
                                        "check --now",
                                        "check a b"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(fake_run(lines[i]), 3);
    fake_run("check --warn queue");
    fake_out_has("FCGIEXT UNKNOWN - 'queue' is no limit: ");
}

static void a_name_cannot_break_the_performance_data(void **state)
{
    (void)state;
    fake_reply(1234, "status", STATUS(POOL("a|b=c", "drained", "1", "0", "0", "")));
    assert_int_equal(fake_run("check"), 1);
    fake_out_has("a/b=c is drained");
    fake_out_has(" | 'a_b_c queue'=0;;;0 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(all_is_well),
        FAKE_TEST(limits_are_from_there_on),
        FAKE_TEST(the_oldest_wait_has_a_limit),
        FAKE_TEST(states_have_results),
        FAKE_TEST(the_worst_is_told_first_and_with_its_reason),
        FAKE_TEST(a_failed_recycle_and_a_rejected_ini_are_warnings),
        FAKE_TEST(what_cannot_be_asked_is_unknown),
        FAKE_TEST(wrong_usage_is_unknown_and_not_critical),
        FAKE_TEST(a_name_cannot_break_the_performance_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
