/* fcgictl perf: registering the counters, saying what is wrong with that, and showing them; over a registry that is a table. */
#include "fcgictl_perf_fake.h"

/* ---- install, uninstall */

static void install_writes_what_the_system_loads_the_dll_by(void **state)
{
    (void)state;
    assert_int_equal(fake_run("perf install"), 0);
    fake_out_has("registered: C:\\fcgi\\fcgiperf.dll\n");
    assert_null(strstr(fake_out(), "numbers only"));
    assert_string_equal(text_of("Library"), "C:\\fcgi\\fcgiperf.dll");
    assert_string_equal(text_of("Open"), "OpenFcgiPerf");
    assert_string_equal(text_of("Collect"), "CollectFcgiPerf");
    assert_string_equal(text_of("Close"), "CloseFcgiPerf");
    assert_string_equal(text_of("Object List"), "2342 2408");
    assert_int_equal(number("Last Counter") - number("First Counter"), perf_offset_end() - 2);
    assert_int_equal(fake_run("perf status"), 0);
    fake_out_has("ok  names       numbers 2342 to 2424\n");
    fake_out_has("ok  read        1 pool, 1 worker\n");
}

static void install_again_keeps_the_numbers_and_takes_the_new_library(void **state)
{
    (void)state;
    fake_run("perf install");
    set_number(NULL, PERF_KEY, PERF_DISABLED, 1);
    assert_int_equal(fake_run("perf install other.dll"), 0);
    assert_int_equal(registry.loads, 1);
    assert_int_equal(number("First Counter"), 2342);
    assert_string_equal(text_of("Library"), "C:\\fcgi\\other.dll");
    assert_null(find(PERF_KEY, PERF_DISABLED));
}

static void install_over_another_version_loads_the_names_anew(void **state)
{
    (void)state;
    fake_run("perf install");
    set_number(NULL, PERF_KEY, "Last Counter", 2380);
    assert_int_equal(fake_run("perf install"), 0);
    assert_int_equal(registry.unloads, 1);
    assert_int_equal(registry.loads, 2);
    assert_int_equal(number("First Counter"), 2426);
    assert_string_equal(text_of("Object List"), "2426 2492");
}

static void where_the_system_takes_no_names_there_are_numbers(void **state)
{
    (void)state;
    registry.load_works = false;
    set_number(NULL, PERF_PERFLIB_KEY, "Last Counter", 5001);
    assert_int_equal(fake_run("perf install"), 0);
    fake_out_has("this system keeps no names of counters: they have numbers only\n");
    assert_int_equal(number("First Counter"), 5002);
    assert_int_equal(number("First Help"), 5003);
    assert_int_equal(fake_run("perf status"), 0);
    fake_out_has("ok  names       numbers 5002 to 5084, without names: this system keeps none\n");
    assert_int_equal(fake_run("perf show php"), 0); /* ours stand in */
    fake_out_has("Requests Queued");
    assert_int_equal(fake_run("perf install"), 0);
    assert_int_equal(number("First Counter"), 5002);
    assert_int_equal(fake_run("perf uninstall"), 0);
    assert_int_equal(number("First Counter"), 0);
}

static void what_fails_is_said_with_its_reason(void **state)
{
    (void)state;
    registry.denied = PERF_SYSTEM_DENIED;
    assert_int_equal(fake_run("perf install"), 4);
    assert_string_equal(fake_err(), "fcgictl: cannot register the counters: error 5\n"
                                    "hint: the registry is an administrator's: start fcgictl from an elevated prompt\n");
    registry.denied = 0;
    registry.load_works = false;
    registry.load_result = 87;
    assert_int_equal(fake_run("perf install"), 1);
    fake_err_has("fcgictl: cannot register the counters: error 87\n");
    registry.bits_result = 2;
    assert_int_equal(fake_run("perf install x.dll"), 1);
    assert_string_equal(fake_err(), "fcgictl: cannot open 'C:\\fcgi\\x.dll': error 2\n");
    registry.bits_result = 0;
    registry.bits = 32;
    assert_int_equal(fake_run("perf install"), 1);
    fake_err_has("fcgictl: 'C:\\fcgi\\fcgiperf.dll' is no DLL of 64 bits");
}

static void uninstall_leaves_nothing_and_can_be_repeated(void **state)
{
    (void)state;
    fake_run("perf install");
    assert_int_equal(fake_run("perf uninstall"), 0);
    fake_out_has("no longer registered\n");
    assert_int_equal(registry.unloads, 1);
    assert_null(find(PERF_KEY, "Library"));
    assert_int_equal(fake_run("perf uninstall"), 0);
    assert_string_equal(fake_out(), "was not registered\n");
    assert_int_equal(fake_run("perf uninstall -o ndjson"), 0);
    assert_string_equal(fake_out(), "{\"api_version\":1,\"registered\":false,\"changed\":false}\n");
    fake_run("perf install");
    registry.denied = PERF_SYSTEM_DENIED;
    assert_int_equal(fake_run("perf uninstall"), 4);
}

/* ---- status */

static void status_names_what_is_wrong_and_the_remedy(void **state)
{
    (void)state;
    assert_int_equal(fake_run("perf status"), 1);
    assert_string_equal(fake_out(), "!!  registered  no\n    remedy: fcgictl perf install\n");
    fake_run("perf install");
    set_text(NULL, PERF_KEY, "Open", "OpenOther");
    assert_int_equal(fake_run("perf status"), 1);
    fake_out_has("!!  registered  the registry names functions that are not ours\n    remedy: fcgictl perf install\n");
    fake_run("perf install");
    registry.bits = 32;
    assert_int_equal(fake_run("perf status"), 1);
    fake_out_has("!!  library     C:\\fcgi\\fcgiperf.dll is for 32 bits, this system has 64\n    remedy: fcgictl perf install "
                 "DLL, with");
    registry.bits = 0;
    fake_run("perf status");
    fake_out_has("!!  library     C:\\fcgi\\fcgiperf.dll is no DLL for this processor\n");
    registry.bits = 64;
    registry.bits_result = 2;
    fake_run("perf status");
    fake_out_has("!!  library     cannot open 'C:\\fcgi\\fcgiperf.dll': error 2\n");
    registry.bits_result = 0;
    set_number(NULL, PERF_KEY, PERF_DISABLED, 1);
    assert_int_equal(fake_run("perf status"), 1);
    fake_out_has("!!  enabled     no: Windows has switched the DLL off\n    remedy: fcgictl perf install\n");
    fake_out_has("!!  read        nothing comes from fcgiperf.dll\n");
    fake_run("perf install");
    set_number(NULL, PERF_PERFLIB_KEY, PERF_DISABLED, 1);
    assert_int_equal(fake_run("perf status"), 1);
    fake_out_has("    remedy: delete the value `Disable Performance Counters` of HKLM\\SOFTWARE\\");
}

static void status_looks_into_the_list_of_names(void **state)
{
    (void)state;
    fake_run("perf install");
    *in_list("Requests Queued") = 'X'; /* somebody has broken it */
    assert_int_equal(fake_run("perf status"), 1);
    fake_out_has("!!  names       numbers 2342 to 2424 have other names in the system's list\n    remedy: `lodctr /r`, then");
    set_number(NULL, PERF_KEY, "Last Counter", 2380);
    fake_run("perf status");
    fake_out_has("!!  names       numbers 2342 to 2380 are those of another version\n    remedy: fcgictl perf install\n");
    unload_names(NULL);
    assert_int_equal(fake_run("perf status"), 1);
    fake_out_has("!!  names       the counters have no numbers\n    remedy: fcgictl perf install\n");
}

static void status_can_be_had_as_json(void **state)
{
    (void)state;
    fake_run("perf install");
    assert_int_equal(fake_run("perf status --json"), 0);
    fake_out_has("\"ok\": true,\n  \"checks\": [{\n      \"check\": \"registered\",\n      \"ok\": true,");
    registry.query_result = PERF_SYSTEM_DENIED;
    assert_int_equal(fake_run("perf status -o ndjson"), 1);
    fake_out_has("{\"check\":\"read\",\"ok\":false,\"text\":\"the system cannot read counters: error 5\",\"remedy\":\"");
}

/* ---- show */

static void show_formats_two_samples_as_perfmon_does(void **state)
{
    (void)state;
    fake_run("perf install");
    assert_int_equal(fake_run("perf show php -o csv"), 0);
    assert_int_equal(fake.waits, 1);
    fake_out_has("object,instance,counter,value,unit\nFastCGI Pools,php,Requests/sec,10,/s\n");
    fake_out_has("FastCGI Pools,php,Total Requests,120,\n");
    fake_out_has("FastCGI Pools,php,Pool Uptime,10,s\n");
    fake_out_has("FastCGI Workers,php_4711,Total Requests,4712,\n");
    assert_null(strstr(fake_out(), " Base,"));
    assert_null(strstr(fake_out(), "_Total"));
    assert_int_equal(fake_run("perf show _Total"), 0);
    fake_out_has("INSTANCE  COUNTER");
    fake_out_has("\n_Total    Requests/sec                    10.000  /s\n");
    assert_null(strstr(fake_out(), "php"));
    assert_int_equal(fake_run("perf show -o ndjson"), 0);
    fake_out_has(
        "{\"object\":\"FastCGI Pools\",\"instance\":\"_Total\",\"counter\":\"Requests/sec\",\"value\":10,\"unit\":\"/s\"}\n");
}

static void show_takes_the_names_that_the_system_has(void **state)
{
    (void)state;
    fake_run("perf install");
    memcpy(in_list("Requests/sec"), "Anfragen/sek", 12);
    fake_run("perf show php");
    fake_out_has("Anfragen/sek");
    find(PERF_NAMES_KEY, "Counter")->list_len = 9; /* nothing but "2 System" */
    fake_run("perf show php -o csv");
    fake_out_has("#2342,php,#2344,");
}

static void a_rate_without_a_sample_before_is_none(void **state)
{
    (void)state;
    fake_run("perf install");
    registry.block->pools[0].used = 0; /* it comes between the two */
    assert_int_equal(fake_run("perf show php -o ndjson"), 0);
    fake_out_has("\"instance\":\"php\",\"counter\":\"Requests/sec\",\"value\":null,\"unit\":\"/s\"}\n");
    fake_out_has("\"instance\":\"php\",\"counter\":\"Total Requests\",\"value\":120,\"unit\":\"\"}\n");
}

static void show_ends_without_output_for_ctrl_c_and_for_a_name_that_nothing_has(void **state)
{
    (void)state;
    fake_run("perf install");
    assert_int_equal(fake_run("perf show nothing"), 5);
    assert_string_equal(fake_err(), "fcgictl: no instance is called 'nothing'\n");
    assert_string_equal(fake_out(), "");
    fake.interrupt_after = 1;
    assert_int_equal(fake_run("perf show"), 6);
    assert_string_equal(fake_out(), "");
}

static void show_says_why_there_is_nothing(void **state)
{
    (void)state;
    assert_int_equal(fake_run("perf show"), 1);
    assert_string_equal(fake_err(),
                        "fcgictl: the counters are not registered\nhint: `fcgictl perf status` says what is wrong\n");
    fake_run("perf install");
    registry.library_is_loaded = false;
    assert_int_equal(fake_run("perf show"), 1);
    fake_err_has("fcgictl: nothing comes from fcgiperf.dll\n");
    registry.query_result = PERF_SYSTEM_DENIED;
    assert_int_equal(fake_run("perf show"), 4);
}

static void wrong_usage_is_told(void **state)
{
    (void)state;
    assert_int_equal(fake_run("perf"), 2);
    assert_int_equal(fake_run("perf frobnicate"), 2);
    fake_err_has("fcgictl: perf: install, uninstall, status or show is wanted\n");
    assert_int_equal(fake_run("perf status x"), 2);
    assert_int_equal(fake_run("perf install -o csv"), 2);
    fake_err_has("fcgictl: perf: there is no table to write as CSV\n");
    assert_int_equal(fake_run("perf show --host 1"), 2);
    assert_int_equal(registry.count, 0);
}

/* ---- the .ini */

static void symbols_are_unique_by_their_beginning(void **state)
{
    (void)state;
    struct text ini = {0}, header = {0};
    perf_ini_add_ini(&ini);
    perf_ini_add_header(&header);
    size_t lines = 0;
    for (const char *line = text_str(&header); *line; line = strstr(line, "\r\n") + 2, lines++) {
        assert_memory_equal(line, "#define FCGI_", 13);
        assert_int_equal(strcspn(line + 8, " "), 8);
        char symbol[16];
        snprintf(symbol, sizeof symbol, "\n%.8s_", line + 8);
        assert_non_null(strstr(text_str(&ini), symbol));
    }
    assert_int_equal(lines, perf_offset_end() / 2);
    assert_non_null(strstr(text_str(&ini), "[objects]\r\nFCGI_000_009_NAME=\r\nFCGI_066_009_NAME=\r\n\r\n[text]\r\n"));
    assert_non_null(strstr(text_str(&ini), "\r\nFCGI_000_009_NAME=FastCGI Pools\r\nFCGI_000_009_HELP=Pools of "));
    assert_null(perf_ini_text(perf_offset_end()));
    text_deinit(&ini);
    text_deinit(&header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PERF_TEST(install_writes_what_the_system_loads_the_dll_by),
        PERF_TEST(install_again_keeps_the_numbers_and_takes_the_new_library),
        PERF_TEST(install_over_another_version_loads_the_names_anew),
        PERF_TEST(where_the_system_takes_no_names_there_are_numbers),
        PERF_TEST(what_fails_is_said_with_its_reason),
        PERF_TEST(uninstall_leaves_nothing_and_can_be_repeated),
        PERF_TEST(status_names_what_is_wrong_and_the_remedy),
        PERF_TEST(status_looks_into_the_list_of_names),
        PERF_TEST(status_can_be_had_as_json),
        PERF_TEST(show_formats_two_samples_as_perfmon_does),
        PERF_TEST(show_takes_the_names_that_the_system_has),
        PERF_TEST(a_rate_without_a_sample_before_is_none),
        PERF_TEST(show_ends_without_output_for_ctrl_c_and_for_a_name_that_nothing_has),
        PERF_TEST(show_says_why_there_is_nothing),
        PERF_TEST(wrong_usage_is_told),
        PERF_TEST(symbols_are_unique_by_their_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
