/* isapihost: server variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/isapihost/server_vars.h"

static const struct http_header headers[] = {
    {"Host", "example.org:8080"},
    {"X-Forwarded-For", "1.1.1.1"},
    {"X_Forwarded_For", "2.2.2.2"},
    {"Cookie", "a=1"},
    {"cookie", "b=2"},
    {"Accept", "text/html"},
    {"accept", "*/*"},
    {"Content-Type", "text/plain"},
    {"Connection", "Keep-Alive, x-other"},
};

static struct request_facts facts;
static struct request_target target;
static struct var_source source;

static int set_up(void **state)
{
    (void)state;
    facts = (struct request_facts){
        .method = "POST",
        .raw_url = "/caf%C3%A9.php/info",
        .query = "a=b&c",
        .has_query = true,
        .http_version = "1.1",
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
        .content_length = 42,
        .remote_addr = "127.0.0.9",
        .remote_port = 4321,
        .local_addr = "127.0.0.1",
        .local_port = 8080,
    };
    target = (struct request_target){
        .url = "/caf\xC3\xA9.php/info",
        .script_len = 10,
        .path_info = "/caf\xC3\xA9.php/info",
        .path_translated = "C:\\s\\caf\xC3\xA9.php\\info",
        .script_translated = "C:\\s\\caf\xC3\xA9.php",
        .metabase_path = "/LM/W3SVC/3/ROOT",
        .app_folder = "C:\\s\\",
        .site_id = 3,
    };
    source = (struct var_source){.facts = &facts, .target = &target, .iis = IIS_6};
    return 0;
}

static enum var_result look_up(const char *name, char *out, size_t size)
{
    size_t len = 0;
    enum var_result result = server_var(&source, name, out, size - 1, &len);
    assert_true(len < size);
    out[len] = '\0';
    return result;
}

static void is(const char *name, const char *expected)
{
    char out[512];
    enum var_result result = look_up(name, out, sizeof out);
    if (result == VAR_ABSENT)
        fail_msg("%s is absent", name);
    if (strcmp(out, expected) != 0)
        fail_msg("%s is '%s', not '%s'", name, out, expected);
}

static void is_absent(const char *name)
{
    char out[512];
    if (look_up(name, out, sizeof out) != VAR_ABSENT)
        fail_msg("%s is there", name);
}

static void the_request_is_told_as_iis_tells_it(void **state)
{
    (void)state;
    is("REQUEST_METHOD", "POST");
    is("HTTP_METHOD", "POST");
    is("URL", "/caf\xC3\xA9.php/info");
    is("SCRIPT_NAME", "/caf\xC3\xA9.php");
    is("PATH_INFO", "/caf\xC3\xA9.php/info");
    is("PATH_TRANSLATED", "C:\\s\\caf\xC3\xA9.php\\info");
    is("SCRIPT_TRANSLATED", "C:\\s\\caf\xC3\xA9.php");
    is("QUERY_STRING", "a=b&c");
    is("UNENCODED_URL", "/caf%C3%A9.php/info?a=b&c");
    is("HTTP_URL", "/caf%C3%A9.php/info?a=b&c");
    is("SERVER_PROTOCOL", "HTTP/1.1");
    is("HTTP_VERSION", "HTTP/1.1");
    is("CONTENT_LENGTH", "42");
    is("CONTENT_TYPE", "text/plain");
    is("GATEWAY_INTERFACE", "CGI/1.1");
    is("SERVER_SOFTWARE", "Microsoft-IIS/6.0");
    is("SERVER_NAME", "example.org");
    is("SERVER_PORT", "8080");
    is("SERVER_PORT_SECURE", "0");
    is("HTTPS", "off");
    is("REMOTE_ADDR", "127.0.0.9");
    is("REMOTE_HOST", "127.0.0.9");
    is("REMOTE_PORT", "4321");
    is("LOCAL_ADDR", "127.0.0.1");
    is("INSTANCE_ID", "3");
    is("INSTANCE_META_PATH", "/LM/W3SVC/3");
    is("APPL_MD_PATH", "/LM/W3SVC/3/ROOT");
    is("APPL_PHYSICAL_PATH", "C:\\s\\");
}

static void every_name_of_the_reference_is_found_though_it_may_be_empty(void **state)
{
    (void)state;
    static const char *const names[] = {"APPL_MD_PATH",
                                        "APPL_PHYSICAL_PATH",
                                        "AUTH_TYPE",
                                        "AUTH_PASSWORD",
                                        "AUTH_USER",
                                        "CERT_COOKIE",
                                        "CERT_FLAGS",
                                        "CERT_ISSUER",
                                        "CERT_SERIALNUMBER",
                                        "CERT_SUBJECT",
                                        "CONTENT_LENGTH",
                                        "CONTENT_TYPE",
                                        "GATEWAY_INTERFACE",
                                        "HTTPS",
                                        "HTTPS_KEYSIZE",
                                        "HTTPS_SECRETKEYSIZE",
                                        "HTTPS_SERVER_ISSUER",
                                        "HTTPS_SERVER_SUBJECT",
                                        "INSTANCE_ID",
                                        "INSTANCE_META_PATH",
                                        "LOCAL_ADDR",
                                        "LOGON_USER",
                                        "PATH_INFO",
                                        "PATH_TRANSLATED",
                                        "QUERY_STRING",
                                        "REMOTE_ADDR",
                                        "REMOTE_HOST",
                                        "REQUEST_METHOD",
                                        "SCRIPT_NAME",
                                        "SERVER_NAME",
                                        "SERVER_PORT",
                                        "SERVER_PORT_SECURE",
                                        "SERVER_PROTOCOL",
                                        "SERVER_SOFTWARE",
                                        "REMOTE_USER",
                                        "REMOTE_PORT",
                                        "URL",
                                        "ALL_HTTP",
                                        "ALL_RAW",
                                        "UNENCODED_URL",
                                        "UNMAPPED_REMOTE_USER"};
    char out[512];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
        if (look_up(names[i], out, sizeof out) == VAR_ABSENT)
            fail_msg("%s is absent", names[i]);
    is("AUTH_USER", "");
    is("CERT_SUBJECT", "");
    is("LOGON_USER", "");
}

static void the_length_is_zero_without_a_body_and_absent_with_chunks(void **state)
{
    (void)state;
    facts.content_length = CONTENT_LENGTH_NONE;
    is("CONTENT_LENGTH", "0");
    facts.content_length = CONTENT_LENGTH_CHUNKED;
    is_absent("CONTENT_LENGTH");
    facts.content_length = 4294967297;
    is("CONTENT_LENGTH", "4294967297");
}

static void headers_are_found_by_their_cgi_name_and_their_own(void **state)
{
    (void)state;
    is("HTTP_HOST", "example.org:8080");
    is("HTTP_X_FORWARDED_FOR", "1.1.1.1");
    is("HEADER_X-Forwarded-For", "1.1.1.1");
    is("HEADER_X_Forwarded_For", "2.2.2.2");
    is("HTTP_COOKIE", "a=1; b=2");
    is("HTTP_ACCEPT", "text/html, */*");
    is_absent("HTTP_PROXY");
    is_absent("HTTP_");
    is_absent("HEADER_");
    is_absent("NO_SUCH_VARIABLE");
    is_absent("");
    is_absent("url");
}

static void all_headers_come_in_both_forms(void **state)
{
    (void)state;
    facts.header_count = 3;
    is("ALL_RAW", "Host: example.org:8080\r\nX-Forwarded-For: 1.1.1.1\r\nX_Forwarded_For: 2.2.2.2\r\n");
    is("ALL_HTTP", "HTTP_HOST:example.org:8080\nHTTP_X_FORWARDED_FOR:1.1.1.1\nHTTP_X_FORWARDED_FOR:2.2.2.2\n");
}

static void a_buffer_too_small_still_tells_the_length(void **state)
{
    (void)state;
    char *out = malloc(3);
    size_t len = 0;
    assert_int_equal(server_var(&source, "QUERY_STRING", out, 3, &len), VAR_OK);
    assert_int_equal(len, 5);
    assert_memory_equal(out, "a=b", 3);
    assert_int_equal(server_var(&source, "ALL_RAW", NULL, 0, &len), VAR_OK);
    assert_true(len > 100);
    free(out);
}

static void paths_are_marked_for_conversion(void **state)
{
    (void)state;
    char out[512];
    assert_int_equal(look_up("PATH_TRANSLATED", out, sizeof out), VAR_OK_PATH);
    assert_int_equal(look_up("URL", out, sizeof out), VAR_OK_PATH);
    assert_int_equal(look_up("QUERY_STRING", out, sizeof out), VAR_OK);
    assert_int_equal(look_up("HTTP_HOST", out, sizeof out), VAR_OK);
}

static void the_server_name_comes_from_the_host_header(void **state)
{
    (void)state;
    struct http_header host = {"Host", "[::1]:80"};
    facts.headers = &host;
    facts.header_count = 1;
    is("SERVER_NAME", "[::1]");
    host.value = "";
    is("SERVER_NAME", "127.0.0.1");
    facts.header_count = 0;
    is("SERVER_NAME", "127.0.0.1");
}

static void each_version_of_iis_has_its_own_answers(void **state)
{
    (void)state;
    source.iis = IIS_5_1;
    is("SERVER_SOFTWARE", "Microsoft-IIS/5.1");
    is_absent("HEADER_Host");
    source.iis = IIS_7;
    is("SERVER_SOFTWARE", "Microsoft-IIS/7.5");
}

static void tokens_are_found_in_lists(void **state)
{
    (void)state;
    assert_true(request_header_has(&facts, "connection", "keep-alive"));
    assert_true(request_header_has(&facts, "Connection", "X-Other"));
    assert_false(request_header_has(&facts, "Connection", "keep"));
    assert_false(request_header_has(&facts, "Connection", "close"));
    assert_false(request_header_has(&facts, "Expect", "100-continue"));
    assert_null(request_header(&facts, "Expect"));
    assert_string_equal(request_header(&facts, "HOST"), "example.org:8080");
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_request_is_told_as_iis_tells_it),
        TEST(every_name_of_the_reference_is_found_though_it_may_be_empty),
        TEST(the_length_is_zero_without_a_body_and_absent_with_chunks),
        TEST(headers_are_found_by_their_cgi_name_and_their_own),
        TEST(all_headers_come_in_both_forms),
        TEST(a_buffer_too_small_still_tells_the_length),
        TEST(paths_are_marked_for_conversion),
        TEST(the_server_name_comes_from_the_host_header),
        TEST(each_version_of_iis_has_its_own_answers),
        TEST(tokens_are_found_in_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
