/* The settings: the tables, defaults, each type of value and its errors, what asks for new processes. */
#include "tests/unit/config_testing.h"

static void exepath_may_stand_in_quotes(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=PHP\n[PHP]\nExePath=\"C:\\Program Files\\php\\php-cgi.exe\"\n"
                                  "MonitorChangesTo=\"php.ini\"\n");
    expect_count(config, 0);
    assert_string_equal(config->pools[0].exe_path, "C:\\Program Files\\php\\php-cgi.exe");
    assert_string_equal(config->pools[0].monitor_changes_to, "php.ini");
    config_destroy(config);
    expect_only("[Types]\nphp=C:\\x.exe\n[C:\\x.exe]\nExePath=\"C:\\a b.exe\" -x\n", 4, CONFIG_ERROR,
                "has a quote where none can be");
}

static void exepath_must_be_absolute(void **state)
{
    (void)state;
    static const char *const bad[] = {"php-cgi.exe", "php\\php-cgi.exe", "c:php-cgi.exe", "\\php\\php-cgi.exe", "1:\\x.exe"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[200] = "[Types]\nphp=PHP\n[PHP]\nExePath=";
        expect_only(strcat(text, bad[i]), 4, CONFIG_ERROR, "is not an absolute path");
    }
    static const char *const good[] = {"C:\\x.exe", "z:/x.exe", "\\\\server\\share\\x.exe", "\\\\?\\C:\\x.exe"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[200] = "[Types]\nphp=PHP\n[PHP]\nExePath=";
        expect_clean(strcat(text, good[i]));
    }
}

static void an_unknown_property_is_an_error_that_names_the_nearest(void **state)
{
    (void)state;
    expect_only(PHP "QueueLenght=5\n", 5, CONFIG_ERROR, "no such property, did you mean 'QueueLength'?");
    expect_only(PHP "maxinstance=5\n", 5, CONFIG_ERROR, "did you mean 'MaxInstances'?");
    expect_only(PHP "EnvironmentVar=5\n", 5, CONFIG_ERROR, "did you mean 'EnvironmentVars'?");
    struct config *config = parse(PHP "Zebra=5\n");
    assert_string_equal(expect_error(config, 5, "no such property")->message, "there is no such property");
    config_destroy(config);
}

static void defaults_are_those_of_1_5(void **state)
{
    (void)state;
    struct config *config = parse(PHP);
    const struct config_pool *p = &config->pools[0];
    assert_string_equal(p->arguments, "");
    assert_int_equal(p->env_count, 0);
    assert_int_equal(p->protocol, CONFIG_PROTOCOL_NAMED_PIPE);
    assert_int_equal(p->queue_length, 1000);
    assert_int_equal(p->max_instances, 0);
    assert_int_equal(p->instance_max_requests, 1000);
    assert_int_equal(p->idle_timeout_s, 300);
    assert_int_equal(p->activity_timeout_s, 70);
    assert_int_equal(p->request_timeout_s, 90);
    assert_int_equal(p->response_buffer_limit, 4194304);
    assert_false(p->flush_named_pipe);
    assert_false(p->unhealthy_on_queue_full);
    assert_int_equal(p->rapid_fails_per_minute, 10);
    assert_false(p->ignore_existing_files);
    assert_false(p->ignore_directories);
    assert_string_equal(p->monitor_changes_to, "");
    assert_int_equal(p->stderr_mode, CONFIG_STDERR_RETURN_500);
    assert_int_equal(p->signal_before_terminate_s, 0);
    assert_int_equal(p->address_count, 0);
    assert_int_equal(p->keep_connections, CONFIG_KEEP_AUTO);
    assert_true(p->impersonate);
    assert_int_equal(p->min_instances, 0);
    assert_int_equal(p->queue_timeout_s, 0);
    assert_int_equal(p->startup_timeout_s, 0);
    assert_int_equal(p->max_lifetime_s, 0);
    assert_true(p->max_private_bytes == 0);
    assert_true(p->max_spooled_body == UINT64_C(4294967296));
    assert_int_equal(p->slow_request_s, 0);
    assert_false(p->pass_proxy_header);
    assert_true(config->management.enabled);
    assert_string_equal(config->management.query_sddl, "");
    assert_string_equal(config->management.operate_sddl, "");
    assert_false(config->management.error_details_to_all);
    config_destroy(config);
}

static void all_properties_of_1_5_are_read(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\n*=W\n[W]\n"
                                  "ExePath=C:\\w.exe\nArguments=-a \"b c\" --d=e\nEnvironmentVars=A:1,B:2\nProtocol=tcp\n"
                                  "QueueLength=11\nMaxInstances=12\nInstanceMaxRequests=13\nIdleTimeout=14\n"
                                  "ActivityTimeout=15\nRequestTimeout=16\nResponseBufferLimit=0\nFlushNamedPipe=1\n"
                                  "UnhealthyOnQueueFull=1\nRapidFailsPerMinute=17\nIgnoreExistingFiles=1\n"
                                  "IgnoreDirectories=1\nMonitorChangesTo=C:\\php.ini\nStderrMode=ReturnGeneric500\n"
                                  "SignalBeforeTerminateSeconds=18\n");
    expect_count(config, 0);
    const struct config_pool *p = &config->pools[0];
    assert_string_equal(p->exe_path, "C:\\w.exe");
    assert_string_equal(p->arguments, "-a \"b c\" --d=e");
    assert_int_equal(p->env_count, 2);
    assert_int_equal(p->protocol, CONFIG_PROTOCOL_TCP);
    assert_int_equal(p->queue_length, 11);
    assert_int_equal(p->max_instances, 12);
    assert_int_equal(p->instance_max_requests, 13);
    assert_int_equal(p->idle_timeout_s, 14);
    assert_int_equal(p->activity_timeout_s, 15);
    assert_int_equal(p->request_timeout_s, 16);
    assert_int_equal(p->response_buffer_limit, 0);
    assert_true(p->flush_named_pipe);
    assert_true(p->unhealthy_on_queue_full);
    assert_int_equal(p->rapid_fails_per_minute, 17);
    assert_true(p->ignore_existing_files);
    assert_true(p->ignore_directories);
    assert_string_equal(p->monitor_changes_to, "C:\\php.ini");
    assert_int_equal(p->stderr_mode, CONFIG_STDERR_GENERIC_500);
    assert_int_equal(p->signal_before_terminate_s, 18);
    config_destroy(config);
}

static void our_own_properties_are_read(void **state)
{
    (void)state;
    struct config *config = parse(PHP "KeepConnections=always\nImpersonate=0\nMinInstances=2\nQueueTimeout=3\n"
                                      "StartupTimeout=4\nMaxLifetime=5\nMaxPrivateBytes=6000000000\n"
                                      "MaxSpooledBody=7000000000\nSlowRequestSeconds=8\nPassProxyHeader=1\n"
                                      "Utf8ServerVariables=PATH_INFO, http_x\n");
    expect_count(config, 0);
    const struct config_pool *p = &config->pools[0];
    assert_int_equal(p->keep_connections, CONFIG_KEEP_ALWAYS);
    assert_false(p->impersonate);
    assert_int_equal(p->min_instances, 2);
    assert_int_equal(p->queue_timeout_s, 3);
    assert_int_equal(p->startup_timeout_s, 4);
    assert_int_equal(p->max_lifetime_s, 5);
    assert_true(p->max_private_bytes == UINT64_C(6000000000));
    assert_true(p->max_spooled_body == UINT64_C(7000000000));
    assert_int_equal(p->slow_request_s, 8);
    assert_true(p->pass_proxy_header);
    assert_string_equal(p->utf8_server_variables, "PATH_INFO, http_x");
    config_destroy(config);
}

static void stderr_modes_ignore_case(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum config_stderr_mode mode;
    } rows[] = {
        {"returnstderrin500", CONFIG_STDERR_RETURN_500},
        {"RETURNGENERIC500", CONFIG_STDERR_GENERIC_500},
        {"IgnoreAndReturn200", CONFIG_STDERR_IGNORE},
        {"terminateProcess", CONFIG_STDERR_TERMINATE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200] = PHP "StderrMode=";
        struct config *config = parse(strcat(text, rows[i].text));
        expect_count(config, 0);
        assert_int_equal(config->pools[0].stderr_mode, rows[i].mode);
        config_destroy(config);
    }
}

static void a_number_outside_of_its_range_is_a_warning_and_is_used(void **state)
{
    (void)state;
    struct config *config = parse(PHP "ActivityTimeout=9\nInstanceMaxRequests=0\nMaxInstances=10001\n");
    expect_warning(config, 5, "'9' is outside of the usual range 10 to 3600");
    expect_warning(config, 6, "'0' is outside of the usual range 1 to 10000000");
    expect_warning(config, 7, "'10001' is outside of the usual range 0 to 10000");
    expect_count(config, 3);
    assert_int_equal(config->error_count, 0);
    assert_int_equal(config->pools[0].activity_timeout_s, 9);
    assert_int_equal(config->pools[0].instance_max_requests, 0);
    assert_int_equal(config->pools[0].max_instances, 10001);
    config_destroy(config);
    expect_clean(PHP "ActivityTimeout=10\nInstanceMaxRequests=1\nMaxInstances=10000\nQueueLength=10000000\n"
                     "IdleTimeout=604800\nRequestTimeout=604800\n");
}

static void a_number_that_cannot_be_held_is_an_error(void **state)
{
    (void)state;
    expect_only(PHP "QueueLength=4294967296\n", 5, CONFIG_ERROR, "'4294967296' is too large; allowed is 1 to 10000000");
    expect_only(PHP "MaxPrivateBytes=18446744073709551616\n", 5, CONFIG_ERROR, "is too large");
    expect_only(PHP "QueueLength=4294967295\n", 5, CONFIG_WARNING, "outside");
}

static void what_is_no_number_is_an_error_and_the_default_stays(void **state)
{
    (void)state;
    static const char *const bad[] = {"many", "-1", "+1", "1.5", "0x10", "1 000", "10s", "\xc2\xb2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[200] = PHP "QueueLength=";
        struct config *config = parse(strcat(text, bad[i]));
        const struct config_diagnostic *d = expect_error(config, 5, "is not a number; allowed is 1 to 10000000");
        assert_string_equal(d->section, "PHP");
        assert_string_equal(d->property, "QueueLength");
        assert_false(config->pools[0].valid);
        assert_int_equal(config->pools[0].queue_length, 1000);
        config_destroy(config);
    }
    expect_only(PHP "QueueLength=\n", 5, CONFIG_ERROR, "'' is not a number");
    expect_only(PHP "QueueLength=5 ; enough\n", 5, CONFIG_ERROR, "a comment needs a line of its own");
}

static void a_bad_bool_or_enum_is_an_error_with_the_choices(void **state)
{
    (void)state;
    expect_only(PHP "FlushNamedPipe=yes\n", 5, CONFIG_ERROR, "'yes' is unknown; allowed is 0 or 1");
    expect_only(PHP "FlushNamedPipe=2\n", 5, CONFIG_ERROR, "allowed is 0 or 1");
    expect_only(PHP "Protocol=udp\n", 5, CONFIG_ERROR, "'udp' is unknown; allowed is NamedPipe or Tcp");
    expect_only(PHP "StderrMode=none\n", 5, CONFIG_ERROR,
                "allowed is ReturnStderrIn500, ReturnGeneric500, IgnoreAndReturn200 or TerminateProcess");
    expect_only(PHP "KeepConnections=1\n", 5, CONFIG_ERROR, "allowed is Auto, Always or Never");
}

static void management_has_its_own_settings(void **state)
{
    (void)state;
    struct config *config = parse(PHP "[Management]\nPipe=0\nQuerySddl=D:(A;;GA;;;BA)\nOperateSddl=D:(A;;GA;;;SY)\n"
                                      "ErrorDetails=ALL\n");
    expect_count(config, 0);
    assert_false(config->management.enabled);
    assert_string_equal(config->management.query_sddl, "D:(A;;GA;;;BA)");
    assert_string_equal(config->management.operate_sddl, "D:(A;;GA;;;SY)");
    assert_true(config->management.error_details_to_all);
    config_destroy(config);
    expect_only(PHP "[Management]\nErrorDetail=All\n", 6, CONFIG_ERROR, "did you mean 'ErrorDetails'?");
    expect_only(PHP "[Management]\nErrorDetails=some\n", 6, CONFIG_ERROR, "allowed is Local or All");
    expect_only(PHP "[Management]\nExePath=C:\\x.exe\n", 6, CONFIG_ERROR, "no such property");
    expect_only(PHP "[Management]\n[management]\n", 6, CONFIG_ERROR, "line 5");
}

static void a_change_of_what_shapes_a_process_asks_for_new_processes(void **state)
{
    (void)state;
    struct config *base = parse(PHP "EnvironmentVars=A:1,B:2\nArguments=-x\n");
    static const struct {
        const char *line;
        bool same;
    } rows[] = {
        {"EnvironmentVars=A:1,B:2\nArguments=-x\n", true},
        {"EnvironmentVars=A:1,B:3\nArguments=-x\n", false},
        {"EnvironmentVars=A:1,b:2\nArguments=-x\n", false},
        {"EnvironmentVars=A:1\nArguments=-x\n", false},
        {"EnvironmentVars=A:1,B:2\nArguments=-y\n", false},
        {"EnvironmentVars=A:1,B:2\nArguments=-x\nExePath=C:\\other.exe\n", false},
        {"EnvironmentVars=A:1,B:2\nArguments=-x\nProtocol=Tcp\n", false},
        {"EnvironmentVars=A:1,B:2\nArguments=-x\nImpersonate=0\n", false},
        {"EnvironmentVars=A:1,B:2\nArguments=-x\nKeepConnections=Never\n", false},
        {"EnvironmentVars=A:1,B:2\nArguments=-x\nSignalBeforeTerminateSeconds=5\n", false},
        {"EnvironmentVars=A:1,B:2\nArguments=-x\nAddress=a:1\n", false},
        {"EnvironmentVars=A:1,B:2\nArguments=-x\nQueueLength=5\nMaxInstances=4\nStderrMode=TerminateProcess\n"
         "MonitorChangesTo=x\nMaxSpooledBody=1\nIdleTimeout=20\n",
         true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[400] = PHP;
        struct config *other = parse(strcat(text, rows[i].line));
        if (config_pool_same_processes(&base->pools[0], &other->pools[0]) != rows[i].same)
            fail_msg("%s", rows[i].line);
        config_destroy(other);
    }
    config_destroy(base);
    static const char *const addresses[] = {"a:1,b:2", "a:1,b:3", "a:1", "a:1,c:2"};
    for (size_t i = 0; i < 4; i++) {
        char text[200] = "[Types]\nx=X\n[X]\nAddress=";
        base = parse("[Types]\nx=X\n[X]\nAddress=a:1,b:2\n");
        struct config *other = parse(strcat(text, addresses[i]));
        assert_int_equal(config_pool_same_processes(&base->pools[0], &other->pools[0]), i == 0);
        config_destroy(base);
        config_destroy(other);
    }
}

static void a_file_with_errors_does_not_take_the_place_of_a_good_one(void **state)
{
    (void)state;
    const char *const texts[] = {PHP, PHP "QueueLength=many\n", "nonsense"}; /* good, broken in a section, of no use at all */
    static const bool may[3][3] = {{true, false, false}, {true, true, false}, {true, true, true}};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            struct config *in_force = parse(texts[i]);
            struct config *fresh = parse(texts[k]);
            if (config_may_replace(in_force, fresh) != may[i][k])
                fail_msg("'%s' in place of '%s'", texts[k], texts[i]);
            config_destroy(in_force);
            config_destroy(fresh);
        }
}

static void each_row_of_the_tables_is_complete_and_its_default_is_good(void **state)
{
    (void)state;
    size_t of_1_5 = 0;
    for (size_t i = 0; i < config_setting_count + config_management_setting_count; i++) {
        bool pool = i < config_setting_count;
        const struct config_setting *s = pool ? &config_settings[i] : &config_management_settings[i - config_setting_count];
        assert_non_null(s->name);
        assert_non_null(s->unit);
        assert_non_null(s->default_text);
        assert_true(s->size > 0 &&
                    s->offset + s->size <= (pool ? sizeof(struct config_pool) : sizeof(struct config_management)));
        assert_true(strcmp(s->since, "1.0") == 0 || strcmp(s->since, "1.5") == 0 || strcmp(s->since, "fcgiext 0.1") == 0);
        assert_true(strlen(s->help) > 10 && s->help[strlen(s->help) - 1] == '.');
        of_1_5 += pool && s->since[0] == '1';
        assert_ptr_equal(config_setting_find(s->name), pool ? s : NULL);
        if (s->type != CONFIG_TYPE_NUMBER && s->type != CONFIG_TYPE_BOOL && s->type != CONFIG_TYPE_ENUM)
            continue;
        /* The default, given as a value, is read without a word. */
        char text[200] = PHP;
        strcat(strcat(strcat(strcat(strcat(text, pool ? "" : "[Management]\n"), s->name), "="), s->default_text), "\n");
        struct config *config = parse(text), *defaults = parse(PHP);
        expect_count(config, 0);
        const char *a = pool ? (const char *)&config->pools[0] : (const char *)&config->management;
        const char *b = pool ? (const char *)&defaults->pools[0] : (const char *)&defaults->management;
        assert_memory_equal(a + s->offset, b + s->offset, s->size);
        config_destroy(config);
        config_destroy(defaults);
    }
    assert_int_equal(of_1_5, 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exepath_may_stand_in_quotes),
        cmocka_unit_test(exepath_must_be_absolute),
        cmocka_unit_test(an_unknown_property_is_an_error_that_names_the_nearest),
        cmocka_unit_test(defaults_are_those_of_1_5),
        cmocka_unit_test(all_properties_of_1_5_are_read),
        cmocka_unit_test(our_own_properties_are_read),
        cmocka_unit_test(stderr_modes_ignore_case),
        cmocka_unit_test(a_number_outside_of_its_range_is_a_warning_and_is_used),
        cmocka_unit_test(a_number_that_cannot_be_held_is_an_error),
        cmocka_unit_test(what_is_no_number_is_an_error_and_the_default_stays),
        cmocka_unit_test(a_bad_bool_or_enum_is_an_error_with_the_choices),
        cmocka_unit_test(management_has_its_own_settings),
        cmocka_unit_test(a_change_of_what_shapes_a_process_asks_for_new_processes),
        cmocka_unit_test(a_file_with_errors_does_not_take_the_place_of_a_good_one),
        cmocka_unit_test(each_row_of_the_tables_is_complete_and_its_default_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
