/* exporter_address and exporter_http: where it listens, whom it answers under which name, what it asks hosts, and what stands in
 * the head of an answer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "mgmt/methods.h"
#include "tools/fcgictl/exporter_http.h"
#include "tools/fcgictl/exporter_status.h"

static struct exporter_ip ip_of(const char *str)
{
    struct exporter_ip ip = {0};
    if (!exporter_ip_parse(str, strlen(str), &ip))
        fail_msg("%s is an address", str);
    return ip;
}

static void addresses_are_read_strictly(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "1",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "1.2.3.256",
                                        "01.2.3.4",
                                        "1.2.3.4 ",
                                        " 1.2.3.4",
                                        "1..3.4",
                                        "1.2.3.",
                                        "0x7f.1",
                                        "+1.2.3.4",
                                        ":",
                                        ":::",
                                        "1::2::3",
                                        "12345::",
                                        "::g",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "1:",
                                        "::1:",
                                        "1:2:3:4:5:6:7:8::",
                                        "fe80::1%1",
                                        "::1.2.3.4",
                                        "[::1]",
                                        "::1 "};
    static const struct {
        const char *str;
        unsigned char bytes[16];
    } v6[] = {
        {"::", {0}},
        {"::1", {[15] = 1}},
        {"1::", {[1] = 1}},
        {"fe80::a:B", {0xfe, 0x80, [13] = 0xa, [15] = 0xb}},
        {"1:2:3:4:5:6:7:8", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"1:2:3:4:5:6:7::", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7}},
        {"::2:3:4:5:6:7:ffff", {[3] = 2, [5] = 3, [7] = 4, [9] = 5, [11] = 6, [13] = 7, [14] = 0xff, [15] = 0xff}},
    };
    struct exporter_ip ip;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (exporter_ip_parse(wrong[i], strlen(wrong[i]), &ip))
            fail_msg("'%s' is no address", wrong[i]);
    ip = ip_of("192.0.2.10");
    assert_false(ip.v6);
    assert_memory_equal(ip.bytes, ((unsigned char[]){192, 0, 2, 10}), 4);
    for (size_t i = 0; i < sizeof v6 / sizeof *v6; i++) {
        ip = ip_of(v6[i].str);
        assert_true(ip.v6);
        assert_memory_equal(ip.bytes, v6[i].bytes, 16);
    }
}

static void what_is_loopback_and_what_means_all(void **state)
{
    (void)state;
    static const struct {
        const char *str;
        bool loopback, any;
        const char *url;
    } rows[] = {
        {"127.0.0.1", true, false, "127.0.0.1"},
        {"127.9.8.7", true, false, "127.9.8.7"},
        {"128.0.0.1", false, false, "128.0.0.1"},
        {"0.0.0.0", false, true, "127.0.0.1"},
        {"::", false, true, "[::1]"},
        {"::1", true, false, "[::1]"},
        {"::2", false, false, "[0:0:0:0:0:0:0:2]"},
        {"7f00::1", false, false, "[7f00:0:0:0:0:0:0:1]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct exporter_ip ip = ip_of(rows[i].str);
        char url[64];
        assert_int_equal(exporter_ip_is_loopback(&ip), rows[i].loopback);
        assert_int_equal(exporter_ip_is_any(&ip), rows[i].any);
        exporter_ip_format(&ip, url, sizeof url);
        assert_string_equal(url, rows[i].url);
    }
}

static void listen_takes_an_address_and_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *str, *url;
        unsigned port;
    } good[] = {
        {"127.0.0.1:9889", "127.0.0.1", 9889}, {"localhost:1", "127.0.0.1", 1},
        {"LOCALHOST:0", "127.0.0.1", 0},       {":80", "127.0.0.1", 80},
        {"9889", "127.0.0.1", 9889},           {"[::1]:65535", "[::1]", 65535},
        {"10.1.2.3:9889", "10.1.2.3", 9889},
    };
    static const char *const wrong[] = {
        "",      "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",   "::1:80",
        "[::1]", "[::1]80",   "[::1",       "[127.0.0.1]:80",  "host:80",        "127.0.0.1:080",
        "65536", "[]:80",     "localhost",  "[localhost]:80",  "127.0.0.1:80:80"};
    struct exporter_ip ip;
    unsigned port = 0;
    char url[64];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!exporter_listen_parse(good[i].str, &ip, &port))
            fail_msg("%s", good[i].str);
        exporter_ip_format(&ip, url, sizeof url);
        assert_string_equal(url, good[i].url);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (exporter_listen_parse(wrong[i], &ip, &port))
            fail_msg("'%s' is taken", wrong[i]);
}

/* The settings of `listen`; `names` NULL: without --allow-remote. */
static bool allows(const char *listen, const char *names, const char *local, const char *host)
{
    struct exporter_settings settings = {.allow_remote = names != NULL, .names = names ? names : ""};
    struct exporter_ip reached = ip_of(local);
    assert_true(exporter_listen_parse(listen, &settings.ip, &settings.port));
    return exporter_host_is_allowed(&settings, &reached, 9889, host);
}

static void only_names_that_no_other_origin_can_have_are_answered(void **state)
{
    (void)state;
    static const char *const good[] = {"localhost:9889", "LocalHost:9889", "127.0.0.1:9889",
                                       "[::1]:9889",     "[0:0::1]:9889",  "127.0.0.5:9889"};
    static const char *const bad[] = {
        "",
        ":9889",
        "localhost",
        "localhost:80",
        "localhost:9889x",
        "localhost:09889",
        "localhost:",
        "localhost.:9889",
        "localhost.evil.example:9889",
        "evil.example:9889",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1.evil.example:9889",
        "127.0.0.6:9889",
        "10.0.0.1:9889",
        "0.0.0.0:9889",
        "[::]:9889",
        "::1:9889",
        "[127.0.0.1]:9889",
        "[::1]",
        "user@localhost:9889",
        "localhost:9889,evil.example",
        "127.1:9889",
        "2130706433:9889",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!allows("127.0.0.5:9889", NULL, "127.0.0.5", good[i]))
            fail_msg("'%s' is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (allows("127.0.0.5:9889", NULL, "127.0.0.5", bad[i]) || allows("0.0.0.0:9889", "", "10.0.0.7", bad[i]))
            fail_msg("'%s' is answered", bad[i]);
    char longest[400];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(allows("0.0.0.0:9889", "mon", "10.0.0.7", longest));
}

static void a_port_may_be_missing_where_it_is_80(void **state)
{
    (void)state;
    struct exporter_settings settings = {.ip = ip_of("127.0.0.1"), .names = ""};
    assert_true(exporter_host_is_allowed(&settings, &settings.ip, 80, "localhost"));
    assert_true(exporter_host_is_allowed(&settings, &settings.ip, 80, "127.0.0.1:80"));
    assert_false(exporter_host_is_allowed(&settings, &settings.ip, 80, "127.0.0.1:9889"));
}

static void with_allow_remote_its_names_and_the_address_that_was_reached(void **state)
{
    (void)state;
    assert_true(allows("0.0.0.0:9889", "", "10.0.0.7", "10.0.0.7:9889"));
    assert_false(allows("127.0.0.1:9889", NULL, "10.0.0.7", "10.0.0.7:9889"));
    assert_false(allows("0.0.0.0:9889", "", "10.0.0.7", "10.0.0.8:9889"));
    assert_true(allows("[::]:9889", "", "fd00::7", "[fd00::7]:9889"));
    assert_true(allows("0.0.0.0:9889", "mon.example", "10.0.0.7", "MON.example:1234"));
    assert_true(allows("0.0.0.0:9889", "a,mon.example", "10.0.0.7", "mon.example"));
    assert_true(allows("0.0.0.0:9889", "mon.example:443,b", "10.0.0.7", "mon.example:443"));
    assert_false(allows("0.0.0.0:9889", "mon.example:443,b", "10.0.0.7", "mon.example:9889"));
    assert_false(allows("0.0.0.0:9889", "mon.example", "10.0.0.7", "evil.mon.example:9889"));
    assert_false(allows("0.0.0.0:9889", "mon.example", "10.0.0.7", "mon.example.evil:9889"));
    assert_true(allows("0.0.0.0:9889", "[fd00::9]", "10.0.0.7", "[fd00::9]:1"));
    static const char *const good[] = {"a", "mon.example:80", "a,b,c,d,e,f,g,h", "[fd00::9]:1"};
    static const char *const bad[] = {"", ",", "a,", "a,,b", "a b", "a:x", "a,b,c,d,e,f,g,h,i", "http://a", "[fd00::9", ":80"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(exporter_names_are_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (exporter_names_are_valid(bad[i]))
            fail_msg("'%s' is taken", bad[i]);
}

static void each_request_gets_its_page_or_the_reason_why_not(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *host;
        unsigned hosts;
        bool body;
        enum exporter_page page;
        int status;
    } rows[] = {
        {"GET", "/", "localhost:9889", 1, false, EXPORTER_PAGE_DASHBOARD, 200},
        {"GET", "/metrics", "localhost:9889", 1, false, EXPORTER_PAGE_METRICS, 200},
        {"HEAD", "/status.json", "localhost:9889", 1, false, EXPORTER_PAGE_STATUS, 200},
        {"GET", "/healthz", "localhost:9889", 1, false, EXPORTER_PAGE_HEALTH, 200},
        {"GET", "/metrics/", "localhost:9889", 1, false, EXPORTER_PAGE_ERROR, 404},
        {"GET", "/Metrics", "localhost:9889", 1, false, EXPORTER_PAGE_ERROR, 404},
        {"GET", "/../metrics", "localhost:9889", 1, false, EXPORTER_PAGE_ERROR, 404},
        {"GET", "", "localhost:9889", 1, false, EXPORTER_PAGE_ERROR, 404},
        {"POST", "/", "localhost:9889", 1, false, EXPORTER_PAGE_ERROR, 405},
        {"get", "/", "localhost:9889", 1, false, EXPORTER_PAGE_ERROR, 405},
        {"OPTIONS", "/metrics", "localhost:9889", 1, false, EXPORTER_PAGE_ERROR, 405},
        {"GET", "/metrics", "localhost:9889", 1, true, EXPORTER_PAGE_ERROR, 400},
        {"GET", "/metrics", NULL, 0, false, EXPORTER_PAGE_ERROR, 400},
        {"GET", "/metrics", "localhost:9889", 2, false, EXPORTER_PAGE_ERROR, 400},
        {"GET", "/metrics", "evil.example:9889", 1, false, EXPORTER_PAGE_ERROR, 403},
        {"POST", "/nothing", "evil.example:9889", 1, true, EXPORTER_PAGE_ERROR, 403},
    };
    struct exporter_settings settings = {.ip = ip_of("127.0.0.1"), .port = 9889, .names = ""};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct exporter_request request = {rows[i].method, rows[i].path, rows[i].host, rows[i].hosts,
                                           NULL,           rows[i].body, settings.ip,  9889};
        struct exporter_route route = exporter_http_route(&settings, &request);
        if (route.page != rows[i].page || route.status != rows[i].status)
            fail_msg("%s %s: page %d, status %d", rows[i].method, rows[i].path, (int)route.page, route.status);
        assert_int_equal(route.head_only, strcmp(rows[i].method, "HEAD") == 0);
        assert_int_equal(route.why[0] != '\0', route.page == EXPORTER_PAGE_ERROR);
    }
}

static void openmetrics_is_for_those_who_ask_for_it(void **state)
{
    (void)state;
    struct exporter_settings settings = {.ip = ip_of("127.0.0.1"), .port = 80, .names = ""};
    struct exporter_request request = {"GET", "/metrics", "localhost", 1, NULL, false, settings.ip, 80};
    assert_false(exporter_http_route(&settings, &request).strict);
    request.accept = "*/*";
    assert_false(exporter_http_route(&settings, &request).strict);
    request.accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    assert_true(exporter_http_route(&settings, &request).strict);
}

static void only_methods_are_called_that_change_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < EXPORTER_METHODS; i++) {
        const struct method *method = NULL;
        for (size_t m = 0; m < method_count && !method; m++)
            if (strcmp(methods[m].name, exporter_methods[i]) == 0)
                method = &methods[m];
        assert_non_null(method);
        assert_int_equal(method->right, MGMT_RIGHT_QUERY);
    }
}

static void has(const char *head, const char *line)
{
    if (!strstr(head, line))
        fail_msg("this is not in it: %s\nall: %s", line, head);
}

static void each_head_says_the_type_and_shuts_the_door(void **state)
{
    (void)state;
    static const struct {
        struct exporter_route route;
        int status;
        const char *first, *type;
    } rows[] = {
        {{.page = EXPORTER_PAGE_DASHBOARD}, 200, "HTTP/1.1 200 OK\r\n", "\r\nContent-Type: text/html; charset=utf-8\r\n"},
        {{.page = EXPORTER_PAGE_METRICS},
         200,
         "HTTP/1.1 200 OK\r\n",
         "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"},
        {{.page = EXPORTER_PAGE_METRICS, .strict = true},
         200,
         "HTTP/1.1 200 OK\r\n",
         "\r\nContent-Type: application/openmetrics-text; version=1.0.0; "},
        {{.page = EXPORTER_PAGE_STATUS}, 200, "HTTP/1.1 200 OK\r\n", "\r\nContent-Type: application/json\r\n"},
        {{.page = EXPORTER_PAGE_HEALTH},
         503,
         "HTTP/1.1 503 Service Unavailable\r\n",
         "\r\nContent-Type: text/plain; charset=utf-8\r\n"},
        {{.page = EXPORTER_PAGE_ERROR}, 405, "HTTP/1.1 405 Method Not Allowed\r\n", "\r\nAllow: GET, HEAD\r\n"},
    };
    static const char *const always[] = {
        "\r\nContent-Length: 12345\r\n",
        "\r\nConnection: close\r\n",
        "\r\nCache-Control: no-store\r\n",
        "\r\nX-Content-Type-Options: nosniff\r\n",
        "\r\nX-Frame-Options: DENY\r\n",
        "\r\nReferrer-Policy: no-referrer\r\n",
        "\r\nCross-Origin-Resource-Policy: same-origin\r\n",
        "frame-ancestors 'none'",
        "\r\nContent-Security-Policy: default-src 'none'; ",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text head = {0};
        exporter_http_head(&head, &rows[i].route, rows[i].status, 12345);
        assert_memory_equal(text_str(&head), rows[i].first, strlen(rows[i].first));
        has(text_str(&head), rows[i].type);
        for (size_t line = 0; line < sizeof always / sizeof *always; line++)
            has(text_str(&head), always[line]);
        assert_string_equal(text_str(&head) + head.len - 4, "\r\n\r\n");
        assert_null(strstr(text_str(&head), "Access-Control"));
        text_deinit(&head);
    }
}

/* Everything is in it, and nothing that a client has written becomes markup. (That its hashes are right a browser says:
 * tests/system/test_dashboard.py.) */
static void the_page_stands_alone(void **state)
{
    (void)state;
    static char page[200000];
    static const char *const without[] = {"@STYLE@",        "@SCRIPT@", "innerHTML", "outerHTML", "insertAdjacentHTML",
                                          "document.write", "eval(",    "style=\"",  "onclick",   "onload",
                                          "https:",         "src=",     "@import",   "url("};
    assert_true(exporter_dashboard_len < sizeof page);
    memcpy(page, exporter_dashboard, exporter_dashboard_len);
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (strstr(page, without[i]))
            fail_msg("%s", without[i]);
    for (const char *at = page; (at = strstr(at, "http://")) != NULL; at++)
        assert_memory_equal(at, "http://www.w3.org/2000/svg",
                            strlen("http://www.w3.org/2000/svg")); /* a name, not an address */
    assert_memory_equal(page, "<!doctype html>", 15);
    assert_non_null(strstr(page, "</html>"));
    const char *script = strstr(exporter_dashboard_policy, "script-src 'sha256-"),
               *style = strstr(exporter_dashboard_policy, "style-src 'sha256-");
    assert_non_null(script);
    assert_non_null(style);
    assert_int_equal(strcspn(script + strlen("script-src 'sha256-"), "'"), 44);
    assert_int_equal(strcspn(style + strlen("style-src 'sha256-"), "'"), 44);
    assert_null(strstr(exporter_dashboard_policy, "unsafe"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_strictly),
        cmocka_unit_test(what_is_loopback_and_what_means_all),
        cmocka_unit_test(listen_takes_an_address_and_a_port),
        cmocka_unit_test(only_names_that_no_other_origin_can_have_are_answered),
        cmocka_unit_test(a_port_may_be_missing_where_it_is_80),
        cmocka_unit_test(with_allow_remote_its_names_and_the_address_that_was_reached),
        cmocka_unit_test(each_request_gets_its_page_or_the_reason_why_not),
        cmocka_unit_test(openmetrics_is_for_those_who_ask_for_it),
        cmocka_unit_test(only_methods_are_called_that_change_nothing),
        cmocka_unit_test(each_head_says_the_type_and_shuts_the_door),
        cmocka_unit_test(the_page_stands_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
