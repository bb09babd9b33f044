/* fcgictl exporter: what it is told, what it says, and how it ends. */
#include "fcgictl_fake.h"

#include "tools/fcgictl/exporter_address.h"

static struct {
    struct exporter_settings settings;
    char names[100];
    unsigned starts, stops, services;
    uint32_t error;
    bool not_a_service;
    const char *why;
} server;

static void take(const struct exporter_settings *settings, char *why, size_t why_size)
{
    server.settings = *settings;
    snprintf(server.names, sizeof server.names, "%s", settings->names);
    snprintf(why, why_size, "%s", server.why ? server.why : "");
}

static uint32_t start(void *context, const struct exporter_settings *settings, unsigned *port, char *why, size_t why_size)
{
    (void)context;
    server.starts++;
    take(settings, why, why_size);
    *port = settings->port ? settings->port : 54321;
    return server.error;
}

static void stop(void *context)
{
    (void)context;
    server.stops++;
}

static uint32_t serve(void *context, const struct exporter_settings *settings, bool *not_a_service, char *why, size_t why_size)
{
    (void)context;
    server.services++;
    take(settings, why, why_size);
    *not_a_service = server.not_a_service;
    return server.error;
}

static int setup(void **state)
{
    memset(&server, 0, sizeof server);
    fake_setup(state);
    fake.exporter = (struct fcgictl_exporter){.start = start, .stop = stop, .serve = serve};
    return 0;
}

static void it_serves_until_ctrl_c_and_exits_with_0(void **state)
{
    (void)state;
    fake.interrupt_after = 3;
    assert_int_equal(fake_run("exporter"), 0);
    assert_string_equal(fake_out(),
                        "dashboard  http://127.0.0.1:9889/\nmetrics    http://127.0.0.1:9889/metrics\nCtrl-C ends it\n");
    assert_string_equal(fake_err(), "");
    assert_int_equal(server.starts, 1);
    assert_int_equal(server.stops, 1);
    assert_int_equal(server.services, 0);
    assert_true(fake.catching);
    assert_false(server.settings.allow_remote);
    assert_string_equal(text_str(&fake.calls), ""); /* no host is asked by itself */
}

static void it_tells_the_port_that_was_free(void **state)
{
    (void)state;
    fake.interrupt_after = 1;
    assert_int_equal(fake_run("exporter --listen [::1]:0"), 0);
    fake_out_has("dashboard  http://[::1]:54321/\n");
}

static void a_port_in_use_is_told_and_exits_with_1(void **state)
{
    (void)state;
    server.error = 10048;
    server.why = "cannot listen on 127.0.0.1:80: in use (10048)";
    assert_int_equal(fake_run("exporter --listen 127.0.0.1:80"), 1);
    assert_string_equal(fake_err(), "fcgictl: cannot listen on 127.0.0.1:80: in use (10048)\n"
                                    "hint: --listen ADDRESS:PORT chooses another one\n");
    assert_string_equal(fake_out(), "");
    assert_int_equal(server.stops, 0);
}

static void wrong_settings_start_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"exporter --listen 127.0.0.1", "fcgictl: --listen 127.0.0.1: not an address of this computer with a port\n"},
        {"exporter --listen web:80", "fcgictl: --listen web:80: not an address"},
        {"exporter --listen 0.0.0.0:9889",
         "fcgictl: --listen 0.0.0.0:9889: other machines could read what is served there, without a "
         "password\nhint: --allow-remote permits it\n"},
        {"exporter --listen 10.0.0.1:9889 --service", "fcgictl: --listen 10.0.0.1:9889: other machines"},
        {"exporter --listen [::]:9889", "fcgictl: --listen [::]:9889: other machines"},
        {"exporter --allow-remote=http://x/", "fcgictl: --allow-remote=http://x/: not names of computers\n"},
        {"exporter --allow-remote=", "fcgictl: --allow-remote=: not names"},
        {"exporter --host 1", "fcgictl: exporter does not take --host\n"},
        {"exporter php", "fcgictl: exporter: too many arguments\n"},
        {"status --listen :80", "fcgictl: status does not take --listen\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(fake_run(rows[i].line), 2);
        if (strncmp(fake_err(), rows[i].said, strlen(rows[i].said)) != 0)
            fail_msg("'%s' says %s", rows[i].line, fake_err());
    }
    assert_int_equal(server.starts + server.services, 0);
}

static void allow_remote_warns(void **state)
{
    (void)state;
    fake.interrupt_after = 1;
    assert_int_equal(fake_run("exporter --listen 0.0.0.0:9889 --allow-remote=mon.example,b"), 0);
    fake_err_has("fcgictl: warning: whoever reaches this computer can read what is served, without a password and in clear\n");
    fake_out_has("dashboard  http://127.0.0.1:9889/\n");
    assert_true(server.settings.allow_remote);
    assert_string_equal(server.names, "mon.example,b");
    fake.interrupt_after = 1;
    assert_int_equal(fake_run("exporter --allow-remote --listen 10.0.0.1:80"), 0);
    assert_string_equal(server.names, "");
}

static void as_a_service_it_says_nothing_and_does_not_wait_for_ctrl_c(void **state)
{
    (void)state;
    assert_int_equal(fake_run("exporter --service --listen [::1]:9999"), 0);
    assert_string_equal(fake_out(), "");
    assert_string_equal(fake_err(), "");
    assert_int_equal(server.services, 1);
    assert_int_equal(server.starts, 0);
    assert_int_equal(fake.waits, 0);
    assert_true(server.settings.service && server.settings.ip.v6 && server.settings.port == 9999);
}

static void a_service_that_cannot_be_one_says_why(void **state)
{
    (void)state;
    server.error = 1063;
    server.not_a_service = true;
    assert_int_equal(fake_run("exporter --service"), 1);
    fake_err_has("fcgictl: the system has not started this as a service\nhint: without --service ");
    server.not_a_service = false;
    server.why = "in use (10048)";
    assert_int_equal(fake_run("exporter --service"), 1);
    assert_string_equal(fake_err(), "fcgictl: in use (10048)\n");
}

#define EXPORTER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXPORTER_TEST(it_serves_until_ctrl_c_and_exits_with_0),
        EXPORTER_TEST(it_tells_the_port_that_was_free),
        EXPORTER_TEST(a_port_in_use_is_told_and_exits_with_1),
        EXPORTER_TEST(wrong_settings_start_nothing),
        EXPORTER_TEST(allow_remote_warns),
        EXPORTER_TEST(as_a_service_it_says_nothing_and_does_not_wait_for_ctrl_c),
        EXPORTER_TEST(a_service_that_cannot_be_one_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
