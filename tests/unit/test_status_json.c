/* What snapshots look like as JSON: each member of each object, nasty text, numbers and times at their borders. */
#include "tests/unit/rpc_testing.h"

#include <limits.h>

#include "mgmt/config_json.h"
#include "mgmt/exit_code.h"
#include "mgmt/metrics_json.h"
#include "mgmt/status_json.h"

/* ---- the writer */

struct page {
    struct buffer out;
    struct json json;
};

static void page_open(struct page *page, size_t limit)
{
    buffer_init(&page->out, limit);
    json_init(&page->json, &page->out);
}

static void page_is(struct page *page, const char *expected)
{
    assert_false(page->json.failed);
    assert_int_equal(page->out.len, strlen(expected));
    assert_memory_equal(buffer_peek(&page->out).ptr, expected, page->out.len);
    buffer_deinit(&page->out);
}

static void strings_are_escaped_and_mended(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", "\"\""},
        {"a/b", "\"a/b\""},
        {"\"\\\n\r\t\b\f", "\"\\\"\\\\\\n\\r\\t\\u0008\\u000c\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\"\\u0080\\u009f\xc2\xa0\""},
        {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\""},
        {"\xc3\xa4\xf0\x9f\x98\x80", "\"\xc3\xa4\xf0\x9f\x98\x80\""},
        {"a\xff"
         "b\x80\xc3",
         "\"a\xef\xbf\xbd"
         "b\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct page page;
        page_open(&page, 1000);
        json_string(&page.json, NULL, rows[i].text);
        page_is(&page, rows[i].expected);
    }
    struct page page;
    page_open(&page, 1000);
    json_begin_string(&page.json, NULL);
    json_add_text(&page.json, bytes_of("a\0b", 3));
    json_end_string(&page.json);
    page_is(&page, "\"a\\u0000b\"");
}

static void commas_stand_between_members_and_items(void **state)
{
    (void)state;
    struct page page;
    page_open(&page, 1000);
    json_begin_object(&page.json, NULL);
    json_begin_array(&page.json, "a");
    json_end_array(&page.json);
    json_begin_object(&page.json, "b");
    json_null(&page.json, "c");
    json_bool(&page.json, "d", true);
    json_end_object(&page.json);
    json_begin_array(&page.json, "e");
    json_number(&page.json, NULL, 1);
    json_id(&page.json, NULL, UINT64_MAX);
    json_begin_object(&page.json, NULL);
    json_end_object(&page.json);
    json_raw(&page.json, NULL, "-1");
    json_end_array(&page.json);
    json_end_object(&page.json);
    page_is(&page, "{\"a\":[],\"b\":{\"c\":null,\"d\":true},\"e\":[1,\"18446744073709551615\",{},-1]}");
}

static void text_of_clients_is_cut_between_characters(void **state)
{
    (void)state;
    char text[JSON_MAX_CUT_LEN + 10];
    for (size_t len = JSON_MAX_CUT_LEN - 1; len <= JSON_MAX_CUT_LEN + 1; len++) {
        struct page page;
        memset(text, 'x', sizeof text);
        memcpy(text + JSON_MAX_CUT_LEN - 2, "\xf0\x9f\x98\x80", 5);
        text[len < JSON_MAX_CUT_LEN ? JSON_MAX_CUT_LEN - 2 : JSON_MAX_CUT_LEN + 2] = '\0';
        page_open(&page, 10000);
        json_cut_string(&page.json, NULL, text);
        bool cut = len >= JSON_MAX_CUT_LEN;
        assert_int_equal(page.out.len, JSON_MAX_CUT_LEN - 2 + 2 + (cut ? 3 : 0));
        assert_int_equal(memcmp(buffer_peek(&page.out).ptr + page.out.len - 4, "\xe2\x80\xa6\"", 4) == 0, cut);
        buffer_deinit(&page.out);
    }
}

static void a_full_buffer_stops_the_writer_and_is_told_from_want_of_memory(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 12; limit++) {
        struct page page;
        page_open(&page, limit);
        json_string(&page.json, NULL, "a\"b\xff"); /* "a\"bX": 9 bytes */
        json_number(&page.json, NULL, 1);
        bool fits = limit >= 11;
        assert_int_equal(page.json.failed, !fits);
        assert_int_equal(page.json.too_long, !fits);
        assert_true(page.out.len <= limit);
        buffer_deinit(&page.out);
    }
}

static void seconds_have_milliseconds_if_there_are_any(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {{0, "0"},       {1, "0.001"},    {10, "0.01"},
                {100, "0.1"},   {999, "0.999"},  {1000, "1"},
                {1010, "1.01"}, {60500, "60.5"}, {UINT64_C(18446744073709551615), "18446744073709551.615"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct page page;
        page_open(&page, 100);
        json_seconds(&page.json, NULL, rows[i].ms);
        page_is(&page, rows[i].text);
    }
}

static void times_are_right_across_leap_days_and_centuries(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {UINT64_C(68169599999), "1972-02-28T23:59:59.999Z"},
        {UINT64_C(68169600000), "1972-02-29T00:00:00.000Z"},
        {UINT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {UINT64_C(951868800000), "2000-03-01T00:00:00.000Z"},
        {UINT64_C(1704067199999), "2023-12-31T23:59:59.999Z"},
        {UINT64_C(1709210096789), "2024-02-29T12:34:56.789Z"},
        {UINT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {UINT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {UINT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct page page;
        char expected[40];
        page_open(&page, 200);
        json_begin_object(&page.json, NULL);
        json_time(&page.json, "x", true, rows[i].ms);
        snprintf(expected, sizeof expected, "{\"x_time\":\"%s\"", rows[i].text);
        assert_memory_equal(buffer_peek(&page.out).ptr, expected, strlen(expected));
        buffer_deinit(&page.out);
    }
    struct page page;
    page_open(&page, 200);
    json_begin_object(&page.json, NULL);
    json_time(&page.json, "x", false, 5);
    json_end_object(&page.json);
    page_is(&page, "{\"x_time\":null,\"x_unix\":null}");
}

/* ---- objects */

static void the_server_tells_times_twice_and_its_configuration(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "server.info", NULL);
    assert_string_equal(text_at(&client, "result.host_program"), "w3wp.exe");
    assert_true(number_at(&client, "result.pid") == 4711);
    assert_string_equal(text_at(&client, "result.started_time"), "2024-02-29T11:34:56.289Z");
    assert_true(reply_has(&client, "\"started_unix\":1709206496.289,"));
    assert_string_equal(text_at(&client, "result.now_time"), "2024-02-29T12:34:56.789Z");
    assert_true(number_at(&client, "result.uptime_seconds") == 3600);
    assert_string_equal(text_at(&client, "result.config.path"), "C:\\fcgiext\\fcgiext.ini");
    assert_string_equal(text_at(&client, "result.config.state"), "rejected");
    assert_string_equal(text_at(&client, "result.config.rejected_time"), "2024-02-29T12:34:26.789Z");
    assert_true(number_at(&client, "result.config.errors") == 4);
    client.fake.clean = true;
    call_ok(&client, "status", NULL);
    assert_null(at(&client, "result.server.api_version"));
    assert_string_equal(text_at(&client, "result.server.config.state"), "ok");
    assert_true(is_null_at(&client, "result.server.config.rejected_time"));
    assert_true(is_null_at(&client, "result.server.config.rejected_unix"));
    client_close(&client);
}

static void a_pool_that_drains(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "status", NULL);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.pools")), FAKE_POOLS);
    assert_string_equal(text_at(&client, "result.pools.0.state"), "draining");
    assert_true(number_at(&client, "result.pools.0.drain.left_seconds") ==
                (double)59.001); /* the cast: x87 constants are longer */
    assert_true(true_at(&client, "result.pools.0.drain.persist"));
    assert_true(is_null_at(&client, "result.pools.0.rapid_fail"));
    assert_true(number_at(&client, "result.pools.0.workers.current") == 3);
    assert_true(number_at(&client, "result.pools.0.workers.maximum") == 4);
    assert_true(number_at(&client, "result.pools.0.workers.busy") == 2);
    assert_true(number_at(&client, "result.pools.0.workers.starting") == 1);
    assert_true(number_at(&client, "result.pools.0.requests.queued") == 3);
    assert_true(number_at(&client, "result.pools.0.requests.oldest_wait_seconds") == (double)1.234);
    assert_true(number_at(&client, "result.pools.0.learned_requests") == 500);
    assert_true(number_at(&client, "result.pools.0.limits.activity_timeout_seconds") == 70.5);
    assert_string_equal(text_at(&client, "result.pools.0.tuning.reason"), "steady");
    assert_string_equal(text_at(&client, "result.pools.0.tuning.move_reason"), "queue_waits");
    assert_true(number_at(&client, "result.pools.0.tuning.move_age_seconds") == 1.5);
    assert_true(number_at(&client, "result.pools.0.tuning.moves_by_reason.queue_waits") == 3);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.pools.0.tuning.moves_by_reason")), 1);
    assert_true(is_null_at(&client, "result.pools.1.tuning"));
    assert_true(number_at(&client, "result.pools.0.totals.requests") == 110);
    assert_true(number_at(&client, "result.pools.0.totals.failed") == 5);
    assert_true(number_at(&client, "result.pools.0.totals.failed_by_cause.activity_timeout") == 3);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.pools.0.totals.failed_by_cause")), 2);
    assert_true(number_at(&client, "result.pools.0.totals.rejected") == 2);
    assert_true(number_at(&client, "result.pools.0.totals.retried") == 1);
    assert_true(number_at(&client, "result.pools.0.totals.starts") == 5);
    assert_true(number_at(&client, "result.pools.0.totals.start_failures") == 4);
    assert_true(number_at(&client, "result.pools.0.totals.exits") == 2);
    assert_true(number_at(&client, "result.pools.0.totals.unexpected_exits") == 1);
    client_close(&client);
}

static void pools_that_fail_or_are_broken(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "status", NULL);
    assert_string_equal(text_at(&client, "result.pools.1.state"), "rapid_fail");
    assert_true(number_at(&client, "result.pools.1.rapid_fail.left_seconds") == 45);
    assert_string_equal(text_at(&client, "result.pools.1.rapid_fail.first_cause"), "connect_failed");
    assert_string_equal(text_at(&client, "result.pools.1.recycle.state"), "failed");
    assert_true(is_null_at(&client, "result.pools.1.drain"));
    assert_true(is_null_at(&client, "result.pools.1.learned_requests"));
    assert_true(reply_has(&client, "\"requests\":18446744073709551615,")); /* no double */
    assert_string_equal(text_at(&client, "result.pools.2.state"), "broken");
    assert_true(true_at(&client, "result.pools.2.broken"));
    assert_true(is_null_at(&client, "result.pools.2.started_time"));
    client_close(&client);
}

static void a_drain_without_end_has_no_time_left(void **state)
{
    (void)state;
    struct mgmt_pool pool = {.name = fake_str("a"), .program = fake_str(""), .state = POOL_STATE_DRAINED, .drain_left_ms = 5};
    struct page page;
    page_open(&page, 10000);
    status_json_pool(&page.json, NULL, &pool);
    cJSON *root = cJSON_ParseWithLength((const char *)buffer_peek(&page.out).ptr, page.out.len);
    const cJSON *drain = cJSON_GetObjectItem(root, "drain");
    assert_true(cJSON_IsObject(drain) && cJSON_IsNull(cJSON_GetObjectItem(drain, "left_seconds")));
    assert_string_equal(cJSON_GetObjectItem(root, "state")->valuestring, "drained");
    cJSON_Delete(root);
    buffer_deinit(&page.out);
}

static void a_worker_with_nasty_text_in_its_url(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "worker.list", NULL);
    assert_string_equal(text_at(&client, "result.workers.0.url_path"),
                        "/a\"b\\c\r\n\x1b[31m\x7f\xef\xbf\xbd\xef\xbf\xbd(\xe2\x80\xa8\xc2\x9b\xc3\xa4");
    assert_true(reply_has(&client, "/a\\\"b\\\\c\\r\\n\\u001b[31m\\u007f"));
    assert_true(reply_has(&client, "(\\u2028\\u009b\xc3\xa4"));
    assert_string_equal(text_at(&client, "result.workers.0.id"), "17179869184");
    assert_string_equal(text_at(&client, "result.workers.0.request"), "18446744073709551615");
    assert_string_equal(text_at(&client, "result.workers.0.state"), "busy");
    assert_true(true_at(&client, "result.workers.0.retiring"));
    assert_true(number_at(&client, "result.workers.0.private_bytes") == 5000000000.0);
    assert_true(number_at(&client, "result.workers.0.age_seconds") == 3.5);
    assert_true(is_null_at(&client, "result.workers.1.pid") && is_null_at(&client, "result.workers.1.request"));
    assert_true(is_null_at(&client, "result.workers.1.private_bytes") && is_null_at(&client, "result.workers.1.handles"));
    assert_string_equal(text_at(&client, "result.workers.1.state"), "connecting");
    client_close(&client);
}

static void requests_with_and_without_the_operate_right(void **state)
{
    (void)state;
    static const char *const states[] = {"lingering", "running", "queued", "taking_in", "lingering"};
    struct client client;
    client_open(&client);
    client.fake.long_path = FAKE_NASTY_PATH;
    call_ok(&client, "request.list", NULL);
    for (int i = 0; i < FAKE_REQUESTS; i++) {
        char path[40];
        snprintf(path, sizeof path, "result.requests.%d.state", i);
        assert_string_equal(text_at(&client, path), states[i]);
    }
    assert_true(number_at(&client, "result.requests.0.worker_pid") == 1000 &&
                is_null_at(&client, "result.requests.1.worker_pid"));
    assert_true(number_at(&client, "result.requests.0.body_bytes") == 4294967297.0);
    assert_true(true_at(&client, "result.requests.0.waits_for_client"));
    assert_string_equal(text_at(&client, "result.requests.0.query"), "token=query_secret");
    assert_string_equal(text_at(&client, "result.requests.0.client"), "192.0.2.77");
    client.caller.may_operate = false;
    call_ok(&client, "request.list", NULL);
    assert_null(at(&client, "result.requests.0.query"));
    assert_null(at(&client, "result.requests.0.client"));
    client_close(&client);
}

static void long_urls_do_not_make_a_list_too_long(void **state)
{
    (void)state;
    struct client client;
    char *url = malloc(65536);
    assert_non_null(url);
    memset(url, '\x01', 65535);
    url[65535] = '\0';
    client_open(&client);
    client.fake.long_path = url;
    call_ok(&client, "request.list", NULL);
    assert_in_range(client.line.len, 5 * 6 * JSON_MAX_CUT_LEN, 5 * 6 * JSON_MAX_CUT_LEN + 2000);
    client_close(&client);
    free(url);
}

static void exits_tell_what_their_code_means(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "exit.list", NULL);
    assert_true(number_at(&client, "result.total") == 2);
    assert_true(number_at(&client, "result.exits.0.code") == 3221225477.0);
    assert_string_equal(text_at(&client, "result.exits.0.code_hex"), "0xc0000005");
    assert_string_equal(text_at(&client, "result.exits.0.code_text"), "access violation");
    assert_string_equal(text_at(&client, "result.exits.0.cause"), "worker_crashed");
    assert_true(number_at(&client, "result.exits.0.age_seconds") == 2.5);
    assert_string_equal(text_at(&client, "result.exits.1.code_text"), "");
    assert_true(is_null_at(&client, "result.exits.1.cause"));
    assert_true(number_at(&client, "result.exits.1.age_seconds") == 0); /* the clock has been set back */
    call_ok(&client, "exit.list", "{\"pool\":\"ruby\"}");
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.exits")), 1);
    client_close(&client);
    static const uint32_t known[] = {0xC0000005, 0xC0000374, 0xC00000FD, 0xC0000135, 0xC0000142, 0xC000013A,
                                     0x40010004, 0xC0000409, 0xC000001D, 0xC0000094, 0xE06D7363};
    for (size_t i = 0; i < COUNT(known); i++)
        assert_true(exit_code_text(known[i])[0]);
    assert_string_equal(exit_code_text(0), "");
    assert_string_equal(exit_code_text(255), "");
}

static void a_pool_is_shown_with_its_settings_workers_and_exits(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "pool.show", "{\"pool\":\"PHP\"}");
    assert_string_equal(text_at(&client, "result.pool.name"), "PHP");
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.pool.settings")), config_setting_count);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.workers")), 1);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.exits")), 1);
    client.fake.ini_in_force = "[Types]\nrb=Ruby\n[Ruby]\nExePath=C:\\r.exe\n"; /* read again between the two looks */
    call_ok(&client, "pool.show", "{\"pool\":\"PHP\"}");
    assert_true(is_null_at(&client, "result.pool.settings"));
    client_close(&client);
}

/* ---- configuration */

static const char *setting_value(const struct client *client, int pool, const char *name, bool *is_default)
{
    char path[60];
    snprintf(path, sizeof path, "result.pools.%d.settings", pool);
    const cJSON *setting;
    cJSON_ArrayForEach(setting, at(client, path)) if (strcmp(cJSON_GetObjectItem(setting, "name")->valuestring, name) == 0)
    {
        *is_default = cJSON_IsTrue(cJSON_GetObjectItem(setting, "is_default"));
        return cJSON_GetObjectItem(setting, "value")->valuestring;
    }
    fail_msg("no setting %s", name);
    return NULL;
}

static void settings_are_shown_as_the_ini_has_them(void **state)
{
    (void)state;
    static const struct {
        int pool;
        const char *name, *value;
        bool is_default;
    } rows[] = {
        {0, "ExePath", "C:\\php\\php-cgi.exe", false},
        {0, "QueueLength", "50", false},
        {0, "EnvironmentVars", "SECRET_NAME:secret/,value,PATH_LIKE:a//b", false},
        {0, "StderrMode", "IgnoreAndReturn200", false},
        {0, "Protocol", "NamedPipe", true},
        {0, "Impersonate", "1", true},
        {0, "MaxSpooledBody", "4294967296", true},
        {0, "Address", "", true},
        {1, "Address", "127.0.0.1:9000,[::1]:9001", false},
        {1, "ExePath", "", true},
        {1, "EnvironmentVars", "", true},
    };
    struct client client;
    client_open(&client);
    call_ok(&client, "config.show", NULL);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.pools")), 3);
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool is_default = false;
        assert_string_equal(setting_value(&client, rows[i].pool, rows[i].name, &is_default), rows[i].value);
        assert_int_equal(is_default, rows[i].is_default);
    }
    assert_false(true_at(&client, "result.pools.2.valid"));
    assert_string_equal(text_at(&client, "result.types.1.site"), "42");
    assert_string_equal(text_at(&client, "result.types.1.pool"), "Ruby");
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.diagnostics")), 4);
    assert_string_equal(text_at(&client, "result.management.operate_sddl"), MGMT_OPERATE_SDDL);
    call_ok(&client, "config.show", "{\"pool\":\"broken\"}");
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.pools")), 1);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.types")), 1);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.diagnostics")), 4);
    call_ok(&client, "config.show", "{\"pool\":\"ruby\"}");
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.diagnostics")), 0);
    client_close(&client);
}

/* What config.show tells, written into a file, means the same. */
static void a_value_as_shown_reads_as_the_same_value(void **state)
{
    (void)state;
    static const char *const values[] = {"A:b", "A:b,C:d/,e//f", "A:\" blank ends \"", "A:x:y=z \"quoted\" w", "A:,B:"};
    for (size_t i = 0; i < COUNT(values); i++) {
        struct client client;
        char first[400], second[400];
        bool is_default;
        client_open(&client);
        snprintf(first, sizeof first, "[Types]\nx=X\n[X]\nExePath=C:\\x.exe\nEnvironmentVars=%s\n", values[i]);
        client.fake.ini_in_force = first;
        call_ok(&client, "config.show", NULL);
        snprintf(second, sizeof second, "[Types]\nx=X\n[X]\nExePath=C:\\x.exe\nEnvironmentVars=%s\n",
                 setting_value(&client, 0, "EnvironmentVars", &is_default));
        struct config *a = config_parse(bytes_of_str(first), NULL), *b = config_parse(bytes_of_str(second), NULL);
        assert_true(a->pools[0].env_count > 0 && b->error_count == 0);
        assert_true(config_pool_same_processes(&a->pools[0], &b->pools[0]));
        config_destroy(a);
        config_destroy(b);
        client_close(&client);
    }
}

static void a_check_tells_whether_the_file_would_be_taken(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    client.fake.ini_in_force = "[Types]\nrb=Ruby\n[Ruby]\nExePath=C:\\r.exe\n";
    call_ok(&client, "config.check", NULL);
    assert_true(number_at(&client, "result.errors") == 4 && number_at(&client, "result.warnings") == 0);
    assert_true(true_at(&client, "result.usable"));
    assert_false(true_at(&client, "result.would_replace"));
    assert_string_equal(text_at(&client, "result.diagnostics.3.message"),
                        "the line has no '=': 'lone_secret'; allowed are [section], name=value and ; comment");
    client.fake.ini_now = "[Types]\nrb=Ruby\n[Ruby]\nExePath=C:\\r.exe\nRequestTimeout=1\n";
    call_ok(&client, "config.check", NULL);
    assert_true(number_at(&client, "result.errors") == 0 && number_at(&client, "result.warnings") == 1);
    assert_true(true_at(&client, "result.would_replace"));
    assert_string_equal(text_at(&client, "result.diagnostics.0.severity"), "warning");
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_and_mended),
        cmocka_unit_test(commas_stand_between_members_and_items),
        cmocka_unit_test(text_of_clients_is_cut_between_characters),
        cmocka_unit_test(a_full_buffer_stops_the_writer_and_is_told_from_want_of_memory),
        cmocka_unit_test(seconds_have_milliseconds_if_there_are_any),
        cmocka_unit_test(times_are_right_across_leap_days_and_centuries),
        cmocka_unit_test(the_server_tells_times_twice_and_its_configuration),
        cmocka_unit_test(a_pool_that_drains),
        cmocka_unit_test(pools_that_fail_or_are_broken),
        cmocka_unit_test(a_drain_without_end_has_no_time_left),
        cmocka_unit_test(a_worker_with_nasty_text_in_its_url),
        cmocka_unit_test(requests_with_and_without_the_operate_right),
        cmocka_unit_test(long_urls_do_not_make_a_list_too_long),
        cmocka_unit_test(exits_tell_what_their_code_means),
        cmocka_unit_test(a_pool_is_shown_with_its_settings_workers_and_exits),
        cmocka_unit_test(settings_are_shown_as_the_ini_has_them),
        cmocka_unit_test(a_value_as_shown_reads_as_the_same_value),
        cmocka_unit_test(a_check_tells_whether_the_file_would_be_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
