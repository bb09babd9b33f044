/* cgi_vars: the variables that a program sees, their order and their values. */
#include "tests/unit/fake_host.h"

#include "fcgiext/core/fcgi_params.h"

/* ---- the list */

static void the_variables_are_those_of_fcgiext_1_5_in_its_order(void **state)
{
    (void)state;
    static const char expected[] =
        "APPL_MD_PATH APPL_PHYSICAL_PATH AUTH_TYPE AUTH_PASSWORD AUTH_USER CERT_COOKIE CERT_FLAGS CERT_ISSUER "
        "CERT_SERIALNUMBER "
        "CERT_SUBJECT CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE HTTPS HTTPS_KEYSIZE HTTPS_SECRETKEYSIZE "
        "HTTPS_SERVER_ISSUER "
        "HTTPS_SERVER_SUBJECT INSTANCE_ID INSTANCE_META_PATH LOCAL_ADDR LOGON_USER PATH_INFO PATH_TRANSLATED QUERY_STRING "
        "REMOTE_ADDR REMOTE_HOST REQUEST_METHOD SCRIPT_NAME SERVER_NAME SERVER_PORT SERVER_PORT_SECURE SERVER_PROTOCOL "
        "SERVER_SOFTWARE REMOTE_USER REMOTE_PORT URL REQUEST_URI DOCUMENT_ROOT SCRIPT_FILENAME HTTP_HOST ";
    struct host host;
    host_init(&host);
    struct outcome outcome = emit_host(&host);
    assert_int_equal(outcome.result, CGI_VARS_OK);
    char names[2000] = "";
    for (size_t i = 0; i < outcome.list.count; i++)
        strcat(strcat(names, outcome.list.vars[i].name), " ");
    assert_string_equal(names, expected);
    var_list_deinit(&outcome.list);
}

static void values_are_the_hosts_and_absent_ones_are_empty(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set(&host, "REMOTE_ADDR", "::1");
    host_set_bytes(&host, "AUTH_USER", bytes_of("d\xf6main\\joe", 10));
    check(&host, "REMOTE_ADDR", "::1");
    check(&host, "AUTH_USER", "d\xf6main\\joe");
    check(&host, "SERVER_SOFTWARE", "Microsoft-IIS/6.0");
    check(&host, "CERT_COOKIE", "");
    check(&host, "REMOTE_PORT", "");
}

static void each_variable_is_asked_for_once(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    struct outcome outcome = emit_host(&host);
    assert_int_equal(outcome.result, CGI_VARS_OK);
    for (size_t i = 0; i < host.count; i++)
        if (host.vars[i].asked > 1 || (host.vars[i].asked == 0 && strcmp(host.vars[i].name, "UNENCODED_URL") != 0))
            fail_msg("%s was asked for %u times", host.vars[i].name, host.vars[i].asked);
    assert_true(host.asked_in_vain <= outcome.list.count);
    var_list_deinit(&outcome.list);
}

static void put_decoded(void *context, struct bytes pairs)
{
    struct bytes name, value;
    while (pairs.len > 0) {
        assert_int_equal(fcgi_param_decode(&pairs, &name, &value), FCGI_OK);
        var_list_put(context, name, value);
    }
}

static void constants_stand_in_their_places_and_are_not_asked_for(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    struct outcome plain = emit_host(&host);
    struct cgi_constants constants;
    assert_true(cgi_constants_init(&constants, host_get, &host));
    free(host.answer);
    host_init(&host);
    struct cgi_vars_request request = request_to(&host);
    request.constants = &constants;
    request.put_encoded = put_decoded;
    struct outcome outcome = emit(request);
    assert_int_equal(outcome.list.count, plain.list.count);
    for (size_t i = 0; i < plain.list.count; i++) {
        assert_string_equal(outcome.list.vars[i].name, plain.list.vars[i].name);
        assert_string_equal(outcome.list.vars[i].value, plain.list.vars[i].value);
    }
    for (size_t i = 0; i < host.count; i++)
        if (strcmp(host.vars[i].name, "SERVER_SOFTWARE") == 0 || strcmp(host.vars[i].name, "GATEWAY_INTERFACE") == 0)
            assert_int_equal(host.vars[i].asked, 0);
    cgi_constants_deinit(&constants);
    var_list_deinit(&plain.list);
    var_list_deinit(&outcome.list);
}

static void content_length_is_that_of_the_body_that_is_sent(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set(&host, "CONTENT_LENGTH", "4294967295");
    check(&host, "CONTENT_LENGTH", "0");
    struct cgi_vars_request request = request_to(&host);
    request.content_length = 5000000000u;
    check_request(request, "CONTENT_LENGTH", "5000000000");
}

static void https_is_on_or_off(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    check(&host, "HTTPS", "off");
    host_set(&host, "HTTPS", "ON");
    check(&host, "HTTPS", "on");
    host_set(&host, "HTTPS", "");
    check(&host, "HTTPS", "off");
    host_remove(&host, "HTTPS");
    check(&host, "HTTPS", "off");
}

static void document_root_has_no_backslash_at_its_end(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    check(&host, "DOCUMENT_ROOT", "C:\\inetpub\\wwwroot");
    check(&host, "APPL_PHYSICAL_PATH", "C:\\inetpub\\wwwroot\\");
    host_set(&host, "APPL_PHYSICAL_PATH", "D:\\");
    check(&host, "DOCUMENT_ROOT", "D:\\");
}

static void a_host_that_knows_nothing_gives_empty_variables(void **state)
{
    (void)state;
    struct host host = {.count = 0};
    struct outcome outcome = emit_host(&host);
    assert_int_equal(outcome.result, CGI_VARS_OK);
    assert_int_equal(outcome.list.count, 40);
    for (size_t i = 0; i < outcome.list.count; i++) {
        const char *name = outcome.list.vars[i].name;
        const char *expected = strcmp(name, "CONTENT_LENGTH") == 0      ? "0"
                               : strcmp(name, "HTTPS") == 0             ? "off"
                               : strcmp(name, "GATEWAY_INTERFACE") == 0 ? "CGI/1.1"
                                                                        : "";
        assert_string_equal(outcome.list.vars[i].value, expected);
    }
    var_list_deinit(&outcome.list);
}

/* ---- header fields */

static void row_13_proxy_header_never_becomes_http_proxy(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    struct outcome outcome = emit_host(&host);
    assert_null(var_list_find(&outcome.list, "HTTP_PROXY"));
    assert_string_equal(var_list_find(&outcome.list, "HTTP_HOST"), "localhost");
    var_list_deinit(&outcome.list);
    struct cgi_vars_request request = request_to(&host);
    request.pass_proxy_header = true;
    check_request(request, "HTTP_PROXY", "evil");
}

static void row_14_the_underscore_spelling_of_a_header_is_dropped(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set(&host, "ALL_RAW", "X_Forwarded_For: forged\r\nX-Forwarded-For: 10.0.0.1\r\n");
    host_set(&host, "ALL_HTTP", "HTTP_X_FORWARDED_FOR:forged\n");
    check(&host, "HTTP_X_FORWARDED_FOR", "10.0.0.1");
}

static void a_host_without_all_raw_is_asked_for_all_http(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_remove(&host, "ALL_RAW");
    host_set(&host, "ALL_HTTP", "HTTP_HOST:a\nHTTP_PROXY:evil\nHTTP_ACCEPT_LANGUAGE:de\n");
    check(&host, "HTTP_ACCEPT_LANGUAGE", "de");
    struct outcome outcome = emit_host(&host);
    assert_null(var_list_find(&outcome.list, "HTTP_PROXY"));
    var_list_deinit(&outcome.list);
}

/* ---- REQUEST_URI */

static void request_uri_is_what_the_client_has_sent(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_set(&host, "HTTP_URL", "/index.php/a%20b%2Fc?x=%31");
    host_set(&host, "QUERY_STRING", "x=%31");
    check(&host, "REQUEST_URI", "/index.php/a%20b%2Fc?x=%31");
    host_set(&host, "HTTP_URL", "/index.php/a%20b"); /* a host that leaves the query out */
    check(&host, "REQUEST_URI", "/index.php/a%20b?x=%31");
    host_set(&host, "QUERY_STRING", "");
    check(&host, "REQUEST_URI", "/index.php/a%20b");
}

static void request_uri_is_encoded_anew_where_the_host_has_no_http_url(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host_remove(&host, "HTTP_URL");
    check(&host, "REQUEST_URI", "/index.php/api?x=1");
    host_set_script(&host, "/a b.php", "/a b.php/50%?#\xc3\xa4;v=(1)azAZ09",
                    "C:\\inetpub\\wwwroot\\a b.php\\50%?#\xc3\xa4;v=(1)azAZ09");
    host_set(&host, "QUERY_STRING", "");
    check(&host, "REQUEST_URI", "/a%20b.php/50%25%3F%23%C3%A4;v=(1)azAZ09");
    host_set(&host, "PATH_INFO", "/extra/x");
    host_set(&host, "QUERY_STRING", "q");
    struct cgi_vars_request request = request_to(&host);
    request.path_info_is_extra = true;
    check_request(request, "REQUEST_URI", "/a%20b.php/extra/x?q");
}

static void after_url_rewrite_request_uri_is_the_url_before_it(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    struct outcome outcome = emit_host(&host);
    assert_null(var_list_find(&outcome.list, "UNENCODED_URL"));
    assert_null(var_list_find(&outcome.list, "IIS_WasUrlRewritten"));
    var_list_deinit(&outcome.list);

    host_set(&host, "IIS_WasUrlRewritten", "1");
    host_set(&host, "UNENCODED_URL", "/nice/url?y=2");
    host_set(&host, "HTTP_URL", "/index.php?x=1");
    host_set(&host, "ALL_RAW", "X-Original-URL: /nice/url?y=2\r\n");
    check(&host, "REQUEST_URI", "/nice/url?y=2");
    check(&host, "UNENCODED_URL", "/nice/url?y=2");
    check(&host, "IIS_WasUrlRewritten", "1");
    check(&host, "HTTP_X_ORIGINAL_URL", "/nice/url?y=2");
    outcome = emit_host(&host);
    assert_string_equal(outcome.list.vars[39].name, "SCRIPT_FILENAME");
    assert_string_equal(outcome.list.vars[40].name, "UNENCODED_URL");
    assert_string_equal(outcome.list.vars[41].name, "IIS_WasUrlRewritten");
    var_list_deinit(&outcome.list);
}

/* ---- memory */

/* Every limit from nothing to enough: refused until it is enough, and then complete. */
static void check_limits(struct host *host, const char *file, const char *uri)
{
    bool enough = false;
    size_t refused = 0;
    size_t passed = 0;
    for (size_t limit = 0; limit < 6000 && passed < 10; limit++) {
        struct var_list list = {NULL, 0};
        struct buffer scratch;
        buffer_init(&scratch, limit);
        struct cgi_vars_request request = request_to(host);
        request.put = var_list_put;
        request.put_context = &list;
        request.scratch = &scratch;
        enum cgi_vars_result result = cgi_vars_emit(&request);
        assert_true(result == CGI_VARS_OK || (result == CGI_VARS_NO_MEMORY && !enough));
        if (result == CGI_VARS_OK) {
            assert_string_equal(var_list_find(&list, "SCRIPT_FILENAME"), file);
            assert_string_equal(var_list_find(&list, "REQUEST_URI"), uri);
        }
        enough = result == CGI_VARS_OK;
        refused += !enough;
        passed += enough;
        buffer_deinit(&scratch);
        var_list_deinit(&list);
    }
    free(host->answer);
    host->answer = NULL;
    assert_true(enough);
    assert_true(refused > 200);
}

/* Hosts of which each makes another piece the longest. */
static void a_scratch_that_is_too_small_is_said_and_never_overrun(void **state)
{
    (void)state;
    char name[200] = "/";
    char file[200] = "C:\\";
    char uri[400] = "/";
    memset(name + 1, '%', 100);
    memset(file + 3, '%', 100);
    for (size_t i = 0; i < 100; i++)
        memcpy(uri + 1 + 3 * i, "%25", 4);
    struct host host = {.count = 0};
    host_set(&host, "SCRIPT_NAME", name);
    host_set(&host, "APPL_PHYSICAL_PATH", "C:\\");
    check_limits(&host, file, uri); /* the script's file from the application's folder, the URI from the path */
    host_set(&host, "HTTP_URL", "/");
    check_limits(&host, file, "/");
    host_set(&host, "SCRIPT_TRANSLATED", file);
    check_limits(&host, file, "/");
    host_set(&host, "PATH_TRANSLATED", file);
    host_set(&host, "PATH_INFO", name);
    check_limits(&host, file, "/");
    host_set(&host, "HTTP_URL", uri);
    host_set(&host, "QUERY_STRING", "q");
    strcat(uri, "?q");
    char http_url[400];
    memcpy(http_url, uri, sizeof http_url);
    *strchr(http_url, '?') = '\0';
    host_set(&host, "HTTP_URL", http_url);
    check_limits(&host, file, uri);
    host_set(&host, "IIS_WasUrlRewritten", "1");
    host_set(&host, "UNENCODED_URL", http_url);
    check_limits(&host, file, uri);
    host_set(&host, "ALL_RAW", "A: b\nC: d\nE: f\nG: h\n");
    check_limits(&host, file, uri);
}

static void values_of_64_kib_pass(void **state)
{
    (void)state;
    enum { LEN = 65000 };
    char *query = malloc(LEN + 1);
    char *uri = malloc(LEN + 20);
    assert_true(query && uri);
    memset(query, 'q', LEN);
    query[LEN] = '\0';
    strcpy(uri, "/index.php/api?");
    strcat(uri, query);
    struct host host;
    host_init(&host);
    host_set(&host, "QUERY_STRING", query);
    host_remove(&host, "HTTP_URL");
    check(&host, "QUERY_STRING", query);
    check(&host, "REQUEST_URI", uri);
    free(query);
    free(uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_variables_are_those_of_fcgiext_1_5_in_its_order),
        cmocka_unit_test(values_are_the_hosts_and_absent_ones_are_empty),
        cmocka_unit_test(each_variable_is_asked_for_once),
        cmocka_unit_test(constants_stand_in_their_places_and_are_not_asked_for),
        cmocka_unit_test(content_length_is_that_of_the_body_that_is_sent),
        cmocka_unit_test(https_is_on_or_off),
        cmocka_unit_test(document_root_has_no_backslash_at_its_end),
        cmocka_unit_test(a_host_that_knows_nothing_gives_empty_variables),
        cmocka_unit_test(row_13_proxy_header_never_becomes_http_proxy),
        cmocka_unit_test(row_14_the_underscore_spelling_of_a_header_is_dropped),
        cmocka_unit_test(a_host_without_all_raw_is_asked_for_all_http),
        cmocka_unit_test(request_uri_is_what_the_client_has_sent),
        cmocka_unit_test(request_uri_is_encoded_anew_where_the_host_has_no_http_url),
        cmocka_unit_test(after_url_rewrite_request_uri_is_the_url_before_it),
        cmocka_unit_test(a_scratch_that_is_too_small_is_said_and_never_overrun),
        cmocka_unit_test(values_of_64_kib_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
