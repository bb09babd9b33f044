/* exporter_board, and what it is made of: when hosts are asked, who is waited for, and what /status.json, /metrics and /healthz say. */
#include "fcgictl_fake.h"

#include "tools/fcgictl/exporter_board.h"

static struct exporter_board board;
static uint32_t asked[FCGICTL_MAX_HOSTS];

static int setup(void **state)
{
    exporter_board_init(&board);
    return fake_setup(state);
}

static int teardown(void **state)
{
    exporter_board_deinit(&board);
    return fake_teardown(state);
}

/* Hosts by their pids, up to 0. -> how many are to be asked */
static size_t begin(uint64_t now_ms, const uint32_t *pids)
{
    struct fcgictl_host hosts[FCGICTL_MAX_HOSTS];
    size_t count = 0;
    for (; pids[count]; count++)
        hosts[count] = (struct fcgictl_host){pids[count], "w3wp.exe"};
    return exporter_board_begin(&board, hosts, count, now_ms, asked);
}
#define HOSTS(...) ((const uint32_t[]){__VA_ARGS__, 0})

/* 32-bit code compares with more places than a double has. */
static int64_t milliseconds(const cJSON *seconds)
{
    return (int64_t)(seconds->valuedouble * 1000 + 0.5);
}

static cJSON *json(const char *text)
{
    char *quoted = fake_quotes(text);
    cJSON *item = cJSON_Parse(quoted);
    if (!item)
        fail_msg("no JSON: %s", text);
    free(quoted);
    return item;
}

static void take(uint32_t pid, uint64_t now_ms, const char *status, const char *requests, const char *exits,
                 const char *metrics)
{
    cJSON *results[EXPORTER_METHODS] = {json(status), json(requests), json(exits), json(metrics)};
    struct exporter_digest digest;
    exporter_digest_make(&digest, pid, results);
    assert_false(digest.failed);
    exporter_board_take(&board, pid, &digest, now_ms);
    for (int i = 0; i < EXPORTER_METHODS; i++)
        cJSON_Delete(results[i]);
}

static void take_pools(uint32_t pid, uint64_t now_ms, const char *status)
{
    take(pid, now_ms, status, "{'requests':[],'total':0}", "{'exits':[]}", "{'metrics':[]}");
}

static void host_fails(uint32_t pid, const char *reason, const char *message)
{
    struct reply failure = {0};
    snprintf(failure.reason, sizeof failure.reason, "%s", reason);
    snprintf(failure.message, sizeof failure.message, "%s", message);
    exporter_board_fail(&board, pid, &failure);
}

/* What /status.json says. The caller deletes it. */
static cJSON *status_at(uint64_t now_ms)
{
    struct text text = {0};
    exporter_board_status(&board, now_ms, 1700000000123, &text);
    assert_false(text.failed);
    cJSON *document = cJSON_Parse(text_str(&text));
    if (!document)
        fail_msg("no JSON: %s", text_str(&text));
    text_deinit(&text);
    return document;
}

static const cJSON *item(const cJSON *document, const char *list, int index)
{
    const cJSON *found = cJSON_GetArrayItem(cJSON_GetObjectItem(document, list), index);
    assert_non_null(found);
    return found;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void a_round_begins_at_most_once_a_second(void **state)
{
    (void)state;
    assert_true(exporter_board_is_due(&board, 5000));
    assert_false(exporter_board_is_fresh(&board, 5000, 5000));
    assert_int_equal(begin(5000, HOSTS(1)), 1);
    assert_false(exporter_board_is_due(&board, 7000)); /* one is running */
    assert_false(exporter_board_is_fresh(&board, 5000, 5001));
    take_pools(1, 5010, STATUS(PHP));
    assert_int_equal(exporter_board_left_ms(&board, 5010), 0);
    exporter_board_end(&board, 5010);
    assert_true(exporter_board_is_fresh(&board, 5999, 5999));
    assert_false(exporter_board_is_due(&board, 5999));
    assert_true(exporter_board_is_due(&board, 6000));
    assert_false(exporter_board_is_fresh(&board, 6000, 6000));
    assert_true(exporter_board_is_fresh(&board, 5009, 6000)); /* for who has waited for it since then */
}

static void a_silent_host_is_waited_for_once_and_asked_no_more_until_it_has_answered(void **state)
{
    (void)state;
    assert_int_equal(begin(1000, HOSTS(1, 2)), 2);
    take_pools(1, 1020, STATUS(PHP));
    assert_int_equal(exporter_board_left_ms(&board, 1020), EXPORTER_PATIENCE_MS - 20);
    assert_int_equal(exporter_board_left_ms(&board, 1000 + EXPORTER_PATIENCE_MS), 0);
    exporter_board_end(&board, 1000 + EXPORTER_PATIENCE_MS);
    assert_int_equal(begin(3000, HOSTS(1, 2)), 1);
    assert_int_equal(asked[0], 1);
    take_pools(1, 3010, STATUS(PHP));
    assert_int_equal(exporter_board_left_ms(&board, 3010), 0);
    exporter_board_end(&board, 3010);
    host_fails(2, "timed_out", "host 2 has not answered in 10 s");
    assert_int_equal(begin(4000, HOSTS(1, 2)), 2); /* it is asked again, */
    take_pools(1, 4010, STATUS(PHP));
    assert_int_equal(exporter_board_left_ms(&board, 4010), 0); /* but nobody waits for it */
    exporter_board_end(&board, 4010);
    take_pools(2, 4500, STATUS(ECHO));
    assert_int_equal(begin(5000, HOSTS(1, 2)), 2);
    take_pools(1, 5010, STATUS(PHP));
    assert_int_equal(exporter_board_left_ms(&board, 5010), EXPORTER_PATIENCE_MS - 10); /* it is trusted again */
}

static void figures_of_a_silent_host_stay_with_their_age(void **state)
{
    (void)state;
    begin(1000, HOSTS(1));
    take_pools(1, 1010, STATUS(PHP));
    exporter_board_end(&board, 1010);
    begin(2000, HOSTS(1));
    exporter_board_end(&board, 3500);
    cJSON *document = status_at(3600);
    const cJSON *host = item(document, "hosts", 0);
    assert_true(cJSON_IsFalse(member(host, "answers")));
    assert_int_equal(milliseconds(member(host, "age_seconds")), 2490);
    assert_string_equal(member(member(host, "error"), "reason")->valuestring, "silent");
    assert_string_equal(member(item(document, "pools", 0), "name")->valuestring, "php");
    assert_int_equal(milliseconds(member(document, "age_seconds")), 100);
    cJSON_Delete(document);
    host_fails(1, "access_denied", "cannot connect to host 1: access denied");
    begin(4000, HOSTS(1));
    host_fails(1, "access_denied", "a \"quote\"\x01");
    exporter_board_end(&board, 4001);
    document = status_at(4001);
    host = item(document, "hosts", 0);
    assert_string_equal(member(member(host, "error"), "reason")->valuestring, "access_denied");
    assert_string_equal(member(member(host, "error"), "message")->valuestring, "a \"quote\"\x01");
    cJSON_Delete(document);
}

static void hosts_come_and_go(void **state)
{
    (void)state;
    begin(1000, HOSTS(5, 7));
    take_pools(5, 1010, STATUS(PHP));
    take_pools(7, 1010, STATUS(ECHO));
    exporter_board_end(&board, 1010);
    assert_int_equal(begin(2000, HOSTS(3, 7, 9)), 3);
    take_pools(5, 2010, STATUS(PHP)); /* too late: it has gone */
    take_pools(3, 2010, STATUS(PHP));
    take_pools(7, 2010, STATUS(ECHO "," PHP));
    host_fails(9, "access_denied", "");
    assert_int_equal(exporter_board_left_ms(&board, 2010), 0);
    exporter_board_end(&board, 2010);
    cJSON *document = status_at(2010);
    assert_int_equal(cJSON_GetArraySize(member(document, "hosts")), 3);
    static const int pids[] = {3, 7, 9}, pool_hosts[] = {3, 7, 7};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(member(item(document, "hosts", i), "pid")->valueint, pids[i]);
        assert_int_equal(member(item(document, "pools", i), "host")->valueint, pool_hosts[i]);
    }
    assert_true(cJSON_IsNull(member(item(document, "hosts", 2), "server")));
    assert_true(cJSON_IsNull(member(item(document, "hosts", 2), "age_seconds")));
    cJSON_Delete(document);
    struct text health = {0};
    assert_int_equal(exporter_board_health(&board, &health), 200);
    assert_string_equal(text_str(&health), "ok: 2 of 3 hosts answering\n");
    text_deinit(&health);
    struct fcgictl_host again = {7, "other.exe"}; /* another process with the number of one that has ended */
    assert_int_equal(exporter_board_begin(&board, &again, 1, 3000, asked), 1);
    exporter_board_end(&board, 3000);
    document = status_at(3000);
    assert_int_equal(cJSON_GetArraySize(member(document, "pools")), 0);
    cJSON_Delete(document);
}

static void a_list_with_the_same_host_twice_and_one_that_is_full(void **state)
{
    (void)state;
    uint32_t pids[FCGICTL_MAX_HOSTS + 1] = {0};
    assert_int_equal(begin(1000, HOSTS(4, 4, 2, 4)), 2);
    exporter_board_end(&board, 1000);
    for (uint32_t i = 0; i < FCGICTL_MAX_HOSTS; i++)
        pids[i] = 100 - i;
    begin(2000, pids);
    assert_int_equal(board.count, FCGICTL_MAX_HOSTS);
    exporter_board_end(&board, 2000);
    for (uint32_t i = 0; i < FCGICTL_MAX_HOSTS; i++)
        pids[i] = 100 + i;
    begin(3000, pids);
    assert_int_equal(board.count, FCGICTL_MAX_HOSTS);
    assert_int_equal(board.hosts[0].host.pid, 100);
    assert_int_equal(board.hosts[FCGICTL_MAX_HOSTS - 1].host.pid, 100 + FCGICTL_MAX_HOSTS - 1);
}

static void without_hosts_there_is_a_document_and_no_health(void **state)
{
    (void)state;
    struct text text = {0};
    static const uint32_t none[] = {0};
    assert_int_equal(begin(1000, none), 0);
    assert_int_equal(exporter_board_left_ms(&board, 1000), 0);
    exporter_board_end(&board, 1000);
    cJSON *document = status_at(1000);
    static const char *const lists[] = {"hosts", "pools", "requests", "exits"};
    for (size_t i = 0; i < 4; i++)
        assert_true(cJSON_IsArray(member(document, lists[i])) && cJSON_GetArraySize(member(document, lists[i])) == 0);
    assert_int_equal(member(document, "api_version")->valueint, 1);
    assert_int_equal(milliseconds(member(document, "now_unix")), 1700000000123);
    cJSON_Delete(document);
    assert_int_equal(exporter_board_health(&board, &text), 503);
    assert_string_equal(text_str(&text), "no host: no process has loaded fcgiext.dll\n");
    text_clear(&text);
    begin(2000, HOSTS(1));
    exporter_board_end(&board, 2000);
    assert_int_equal(exporter_board_health(&board, &text), 503);
    assert_string_equal(text_str(&text), "none of 1 hosts answers\n");
    text_clear(&text);
    exporter_board_metrics(&board, true, &text);
    assert_string_equal(text_str(&text) + text.len - 6, "# EOF\n");
    assert_non_null(strstr(text_str(&text), "\nfcgi_up{host=\"1\"} 0\n"));
    text_deinit(&text);
}

/* The exporter's own account may be an administrator's: then hosts tell it more than its clients are to know. */
static void what_needs_the_right_to_operate_is_not_passed_on(void **state)
{
    (void)state;
    struct text text = {0};
    begin(1000, HOSTS(1));
    take(1, 1000,
         "{" SERVER
         ",'pools':[{'name':'p','settings':[{'value':'SECRET'}],'environment':'SECRET','note':'SECRET','host':'SECRET'}]}",
         "{'requests':[{'pool':'p','id':'9','worker_pid':7,'state':'running','method':'GET','url_path':'/a','query':'SECRET',"
         "'client':'SECRET','age_seconds':1,'state_seconds':1,'body_bytes':0,'sent_bytes':5,'waits_for_client':false,'new':'"
         "SECRET'}],"
         "'total':1}",
         "{'exits':[{'pool':'p','pid':8,'code':3,'query':'SECRET','url_path':'/b'}]}", "{'metrics':[]}");
    exporter_board_end(&board, 1000);
    exporter_board_status(&board, 1000, 0, &text);
    assert_null(strstr(text_str(&text), "SECRET"));
    cJSON *document = cJSON_Parse(text_str(&text));
    const cJSON *request = item(document, "requests", 0);
    assert_string_equal(member(request, "url_path")->valuestring, "/a");
    assert_int_equal(member(request, "host")->valueint, 1);
    assert_int_equal(cJSON_GetArraySize(request), 12);
    assert_int_equal(member(item(document, "exits", 0), "pid")->valueint, 8);
    cJSON_Delete(document);
    text_deinit(&text);
}

static void pools_come_with_what_is_wrong_and_with_their_histogram(void **state)
{
    (void)state;
    begin(1000, HOSTS(1));
    take(1, 1000, STATUS(PHP "," POOL("down", "drained", "0", "0", "0", ",'drain':{'left_seconds':null,'persist':false}")),
         "{'requests':[]}", "{'exits':[]}",
         "{'metrics':[{'name':'fcgi_requests','kind':'counter','samples':[{'labels':{'pool':'php'},'value':1}]},"
         "{'name':'fcgi_request_execution_seconds','kind':'histogram','samples':["
         "{'labels':{'pool':'other'},'count':1},{'labels':{'pool':'php'},'count':2,'sum':0.5}]}]}");
    exporter_board_end(&board, 1000);
    cJSON *document = status_at(1000);
    const cJSON *php = item(document, "pools", 0), *down = item(document, "pools", 1);
    assert_int_equal(member(member(php, "execution"), "count")->valueint, 2);
    assert_null(member(member(php, "execution"), "labels"));
    assert_string_equal(member(php, "trouble")->valuestring, "none");
    assert_null(member(down, "execution"));
    assert_string_equal(member(down, "trouble")->valuestring, "warning");
    assert_string_equal(member(down, "note")->valuestring, "out of service until `resume`");
    cJSON_Delete(document);
}

static void answers_of_another_shape_do_no_harm(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}", "{'pools':{},'requests':7,'exits':null,'metrics':'x','server':[]}",
        "{'pools':[1,null,[],'x',{}],'requests':[{}],'exits':[[]],'metrics':[{},1,{'name':'fcgi_request_execution_seconds'}]}",
        "{'pools':[{'name':7}],'metrics':[{'name':'a','samples':[{},{'labels':{'a':1,'b\\n':'c'},'value':'d'}]}]}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct text text = {0};
        begin(1000 * i, HOSTS(1));
        take(1, 1000 * i, odd[i], odd[i], odd[i], odd[i]);
        exporter_board_end(&board, 1000 * i);
        cJSON_Delete(status_at(1000 * i));
        exporter_board_metrics(&board, true, &text);
        assert_string_equal(text_str(&text) + text.len - 6, "# EOF\n");
        text_deinit(&text);
    }
}

static void texts_are_made_once_a_round(void **state)
{
    (void)state;
    struct text first = {0}, second = {0};
    begin(1000, HOSTS(1));
    take_pools(1, 1000, STATUS(PHP));
    exporter_board_end(&board, 1000);
    exporter_board_metrics(&board, true, &first);
    const char *made = board.metrics[true].data;
    exporter_board_metrics(&board, true, &second);
    assert_ptr_equal(board.metrics[true].data, made);
    assert_string_equal(text_str(&first), text_str(&second));
    begin(2000, HOSTS(1));
    exporter_board_end(&board, 3500);
    text_clear(&second);
    exporter_board_metrics(&board, true, &second);
    assert_non_null(strstr(text_str(&second), "fcgi_up{host=\"1\"} 0\n"));
    text_deinit(&first);
    text_deinit(&second);
}

static void metrics_of_several_hosts_stand_together_by_family(void **state)
{
    (void)state;
    struct text text = {0};
    begin(1000, HOSTS(1, 2));
    take(1, 1000, STATUS(PHP), "{'requests':[]}", "{'exits':[]}",
         "{'metrics':[{'name':'a','kind':'counter','help':'A \\\\ b.','samples':[{'labels':{'pool':'x "
         "\\\"y\\\"'},'value':3}]}]}");
    take(2, 1000, STATUS(PHP), "{'requests':[]}", "{'exits':[]}",
         "{'metrics':[{'name':'b','kind':'gauge','help':'B.','samples':[{'labels':{'pool':'z'},'value':1.5}]},"
         "{'name':'a','kind':'counter','help':'other','samples':[{'labels':{'pool':'z'},'value':4}]}]}");
    exporter_board_end(&board, 1000);
    exporter_board_metrics(&board, true, &text);
    const char *first =
        strstr(text_str(&text), "a_total{host=\"1\",pool=\"x \\\"y\\\"\"} 3\na_total{host=\"2\",pool=\"z\"} 4\n");
    assert_non_null(first);
    assert_non_null(strstr(text_str(&text), "# HELP a A \\\\ b.\n"));
    assert_non_null(strstr(text_str(&text), "b{host=\"2\",pool=\"z\"} 1.5\n"));
    assert_non_null(strstr(text_str(&text), "fcgi_up{host=\"1\"} 1\nfcgi_up{host=\"2\"} 1\n"));
    assert_string_equal(text_str(&text) + text.len - 6, "# EOF\n");
    text_clear(&text);
    exporter_board_metrics(&board, false, &text);
    assert_non_null(strstr(text_str(&text), "# TYPE a_total counter\n"));
    text_deinit(&text);
}

/* A reader that looks every minute is to find what it has counted in its last one. */
static void counters_of_a_host_that_has_gone_are_shown_for_a_while(void **state)
{
    (void)state;
    struct text text = {0};
    begin(1000, HOSTS(1));
    take(1, 1000, STATUS(PHP), "{'requests':[]}", "{'exits':[]}",
         "{'metrics':[{'name':'a','kind':'counter','help':'A.','samples':[{'labels':{'pool':'php'},'value':3}]},"
         "{'name':'b','kind':'gauge','help':'B.','samples':[{'labels':{'pool':'php'},'value':1}]}]}");
    exporter_board_end(&board, 1000);
    begin(2000, (const uint32_t[]){0});
    exporter_board_end(&board, 2000);
    exporter_board_metrics(&board, true, &text);
    assert_non_null(strstr(text_str(&text), "a_total{host=\"1\",pool=\"php\"} 3\n"));
    assert_null(strstr(text_str(&text), "b{host"));
    text_clear(&text);
    begin(2000 + 1000 * CARRY_S + 1, (const uint32_t[]){0});
    exporter_board_end(&board, 2000 + 1000 * CARRY_S + 1);
    exporter_board_metrics(&board, true, &text);
    assert_null(strstr(text_str(&text), "a_total{host"));
    text_deinit(&text);
}

static void all_pages_of_metrics_are_asked_for_and_the_first_of_the_rest(void **state)
{
    (void)state;
    cJSON *result = NULL, *params = NULL;
    static const char *const pages[] = {"{'metrics':[{'name':'a'}],'next_page':2}",
                                        "{'metrics':[{'name':'b'},{'name':'c'}],'next_page':3}",
                                        "{'metrics':[{'name':'d'}],'next_page':null}"};
    for (int i = 0; i < 3; i++) {
        assert_true(exporter_next_page(result, EXPORTER_METRICS, &params));
        if (i == 0)
            assert_null(params);
        else
            assert_int_equal(member(params, "page")->valueint, i + 1);
        cJSON_Delete(params);
        exporter_add_page(&result, EXPORTER_METRICS, json(pages[i]));
    }
    assert_false(exporter_next_page(result, EXPORTER_METRICS, &params));
    assert_int_equal(cJSON_GetArraySize(member(result, "metrics")), 4);
    assert_string_equal(member(item(result, "metrics", 3), "name")->valuestring, "d");
    cJSON_Delete(result);
    result = NULL;
    assert_true(exporter_next_page(NULL, EXPORTER_REQUESTS, &params));
    assert_int_equal(member(params, "count")->valueint, EXPORTER_MAX_REQUESTS);
    cJSON_Delete(params);
    exporter_add_page(&result, EXPORTER_REQUESTS, json("{'requests':[],'next_page':2}"));
    assert_false(exporter_next_page(result, EXPORTER_REQUESTS, &params));
    cJSON_Delete(result);
}

static void a_host_that_counts_its_pages_wrongly_is_asked_no_more(void **state)
{
    (void)state;
    static const char *const next[] = {"1", "3", "-1", "0", "'2'", "1e300"};
    cJSON *params;
    for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
        char text[80];
        cJSON *result = NULL;
        snprintf(text, sizeof text, "{'metrics':[],'next_page':%s}", next[i]);
        exporter_add_page(&result, EXPORTER_METRICS, json(text));
        assert_false(exporter_next_page(result, EXPORTER_METRICS, &params));
        cJSON_Delete(result);
    }
    cJSON *result = NULL;
    unsigned asked_pages = 1;
    exporter_add_page(&result, EXPORTER_METRICS, json("{'metrics':[],'next_page':2}"));
    for (char text[80]; exporter_next_page(result, EXPORTER_METRICS, &params); asked_pages++) {
        cJSON_Delete(params);
        snprintf(text, sizeof text, "{'metrics':[],'next_page':%u}", asked_pages + 2);
        exporter_add_page(&result, EXPORTER_METRICS, json(text));
    }
    assert_int_equal(asked_pages, 100);
    cJSON_Delete(result);
}

#define BOARD_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOARD_TEST(a_round_begins_at_most_once_a_second),
        BOARD_TEST(a_silent_host_is_waited_for_once_and_asked_no_more_until_it_has_answered),
        BOARD_TEST(figures_of_a_silent_host_stay_with_their_age),
        BOARD_TEST(hosts_come_and_go),
        BOARD_TEST(a_list_with_the_same_host_twice_and_one_that_is_full),
        BOARD_TEST(without_hosts_there_is_a_document_and_no_health),
        BOARD_TEST(what_needs_the_right_to_operate_is_not_passed_on),
        BOARD_TEST(pools_come_with_what_is_wrong_and_with_their_histogram),
        BOARD_TEST(answers_of_another_shape_do_no_harm),
        BOARD_TEST(texts_are_made_once_a_round),
        BOARD_TEST(all_pages_of_metrics_are_asked_for_and_the_first_of_the_rest),
        BOARD_TEST(a_host_that_counts_its_pages_wrongly_is_asked_no_more),
        BOARD_TEST(metrics_of_several_hosts_stand_together_by_family),
        BOARD_TEST(counters_of_a_host_that_has_gone_are_shown_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
