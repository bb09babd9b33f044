/* cgi_vars: variables that are wanted as UTF-8, and what is made of them. The code page of this host is Latin-1. */
#include "tests/unit/fake_host.h"

static size_t put_latin1(char *out, struct bytes text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x80) {
            out[len++] = (char)text.ptr[i];
        } else {
            out[len++] = (char)(0xc0 | text.ptr[i] >> 6);
            out[len++] = (char)(0x80 | (text.ptr[i] & 0x3f));
        }
    }
    return len;
}

static bool latin1_to_utf8(void *context, struct bytes text, struct buffer *utf8)
{
    char *out = malloc(2 * text.len + 1);
    assert_non_null(out);
    (void)context;
    bool appended = buffer_append(utf8, bytes_of(out, put_latin1(out, text)));
    free(out);
    return appended;
}

/* A host with UNICODE_X answers with that; another one with the ANSI value, converted. */
static bool get_utf8(void *context, const char *name, struct bytes *value)
{
    struct host *host = context;
    char unicode_name[80] = "UNICODE_";
    unsigned in_vain = host->asked_in_vain;
    if (host_get(context, strcat(unicode_name, name), value))
        return true;
    host->asked_in_vain = in_vain;
    if (!host_get(context, name, value))
        return false;
    char *out = malloc(2 * value->len + 1);
    assert_non_null(out);
    size_t len = put_latin1(out, *value);
    free(host->answer);
    host->answer = out;
    *value = bytes_of(out, len);
    return true;
}

#define A_UMLAUT      "\xe4"
#define A_UMLAUT_UTF8 "\xc3\xa4"
#define ROOT          "C:\\w" A_UMLAUT
#define ROOT_UTF8     "C:\\w" A_UMLAUT_UTF8

/* /app/ä.php/ä?q=ä, as a client sends it that does not escape, in the folder wä. */
static void host_with_umlauts(struct host *host)
{
    host_init(host);
    host_set_script(host, "/app/" A_UMLAUT ".php", "/app/" A_UMLAUT ".php/" A_UMLAUT,
                    ROOT "\\app\\" A_UMLAUT ".php\\" A_UMLAUT);
    host_set(host, "APPL_PHYSICAL_PATH", ROOT "\\");
    host_set(host, "QUERY_STRING", "q=" A_UMLAUT);
    host_set(host, "HTTP_URL", "/app/" A_UMLAUT_UTF8 ".php/" A_UMLAUT_UTF8 "?q=" A_UMLAUT_UTF8);
    host_set(host, "AUTH_USER", "J" A_UMLAUT "n");
    host_set(host, "CONTENT_TYPE", "x/" A_UMLAUT);
    host_set(host, "ALL_RAW", "X-Ansi: " A_UMLAUT "\r\nX-Utf8: " A_UMLAUT_UTF8 "\r\nX-Ascii: a\r\n");
}

/* What each variable is when `names` are wanted as UTF-8; rows end with a NULL name. */
static void check_rows(struct host *host, const char *names, const char *const (*rows)[2])
{
    struct utf8_vars utf8;
    assert_true(utf8_vars_init(&utf8, bytes_of(NULL, 0), bytes_of_str(names)));
    struct cgi_vars_request request = request_to(host);
    request.utf8 = &utf8;
    request.get_utf8 = get_utf8;
    request.to_utf8 = latin1_to_utf8;
    for (; (*rows)[0]; rows++)
        check_request(request, (*rows)[0], (*rows)[1]);
    utf8_vars_deinit(&utf8);
}

static void by_default_all_values_are_the_hosts_bytes(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"SCRIPT_NAME", "/app/" A_UMLAUT ".php"},
        {"PATH_INFO", "/app/" A_UMLAUT ".php/" A_UMLAUT},
        {"PATH_TRANSLATED", ROOT "\\app\\" A_UMLAUT ".php\\" A_UMLAUT},
        {"SCRIPT_FILENAME", ROOT "\\app\\" A_UMLAUT ".php"},
        {"DOCUMENT_ROOT", ROOT},
        {"REQUEST_URI", "/app/" A_UMLAUT_UTF8 ".php/" A_UMLAUT_UTF8 "?q=" A_UMLAUT_UTF8},
        {"AUTH_USER", "J" A_UMLAUT "n"},
        {"HTTP_X_ANSI", A_UMLAUT},
        {"HTTP_X_UTF8", A_UMLAUT_UTF8},
        {NULL, NULL},
    };
    struct host host;
    host_with_umlauts(&host);
    check_rows(&host, "", rows);
    check_rows(&host, "SOMETHING_ELSE", rows);
    host_set(&host, "UNICODE_PATH_INFO", "not to be asked for");
    check_rows(&host, "", rows);
    for (size_t i = 0; rows[i][0]; i++)
        check(&host, rows[i][0], rows[i][1]);
}

static void a_named_variable_is_utf8_and_the_others_stay(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"PATH_INFO", "/app/" A_UMLAUT_UTF8 ".php/" A_UMLAUT_UTF8},
        {"AUTH_USER", "J" A_UMLAUT_UTF8 "n"},
        {"SCRIPT_NAME", "/app/" A_UMLAUT ".php"},
        {"URL", "/app/" A_UMLAUT ".php"},
        {"PATH_TRANSLATED", ROOT "\\app\\" A_UMLAUT ".php\\" A_UMLAUT},
        {"SCRIPT_FILENAME", ROOT "\\app\\" A_UMLAUT ".php"}, /* made of one encoding, whatever PATH_INFO is */
        {"QUERY_STRING", "q=" A_UMLAUT},
        {NULL, NULL},
    };
    struct host host;
    host_with_umlauts(&host);
    check_rows(&host, "path_info,Auth_User", rows);
}

static void what_is_made_of_a_variable_follows_it(void **state)
{
    (void)state;
    static const char *const translated[][2] = {
        {"PATH_TRANSLATED", ROOT_UTF8 "\\app\\" A_UMLAUT_UTF8 ".php\\" A_UMLAUT_UTF8},
        {"SCRIPT_FILENAME", ROOT_UTF8 "\\app\\" A_UMLAUT_UTF8 ".php"},
        {"SCRIPT_NAME", "/app/" A_UMLAUT ".php"},
        {"DOCUMENT_ROOT", ROOT},
        {NULL, NULL},
    };
    static const char *const root[][2] = {
        {"APPL_PHYSICAL_PATH", ROOT_UTF8 "\\"},
        {"DOCUMENT_ROOT", ROOT_UTF8},
        {"SCRIPT_FILENAME", ROOT "\\app\\" A_UMLAUT ".php"},
        {NULL, NULL},
    };
    static const char *const alone[][2] = {
        {"SCRIPT_FILENAME", ROOT_UTF8 "\\app\\" A_UMLAUT_UTF8 ".php"},
        {"DOCUMENT_ROOT", ROOT_UTF8},
        {"PATH_TRANSLATED", ROOT "\\app\\" A_UMLAUT ".php\\" A_UMLAUT},
        {"APPL_PHYSICAL_PATH", ROOT "\\"},
        {NULL, NULL},
    };
    struct host host;
    host_with_umlauts(&host);
    check_rows(&host, "PATH_TRANSLATED", translated);
    check_rows(&host, "APPL_PHYSICAL_PATH", root);
    check_rows(&host, "SCRIPT_FILENAME,DOCUMENT_ROOT", alone);
}

static void script_filename_of_a_host_without_path_translated_follows_too(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"SCRIPT_FILENAME", ROOT_UTF8 "\\app\\" A_UMLAUT_UTF8 ".php"}, {NULL, NULL}};
    struct host host;
    host_with_umlauts(&host);
    host_remove(&host, "PATH_TRANSLATED");
    check_rows(&host, "SCRIPT_FILENAME", rows);
    host_set(&host, "SCRIPT_TRANSLATED", ROOT "\\app\\" A_UMLAUT ".php");
    check_rows(&host, "SCRIPT_FILENAME", rows);
}

static void what_the_client_has_sent_is_converted_only_if_it_is_not_utf8(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"QUERY_STRING", "q=" A_UMLAUT_UTF8},
        {"CONTENT_TYPE", "x/" A_UMLAUT_UTF8},
        {"HTTP_X_ANSI", A_UMLAUT_UTF8},
        {"HTTP_X_UTF8", A_UMLAUT_UTF8},
        {"HTTP_X_ASCII", "a"},
        {"REQUEST_URI", "/app/" A_UMLAUT_UTF8 ".php/" A_UMLAUT_UTF8 "?q=" A_UMLAUT_UTF8},
        {NULL, NULL},
    };
    static const char *const uri[][2] = {{"REQUEST_URI", "/" A_UMLAUT_UTF8 "?q=" A_UMLAUT_UTF8}, {NULL, NULL}};
    static const char *const before[][2] = {
        {"REQUEST_URI", "/nice/" A_UMLAUT_UTF8 "?q=" A_UMLAUT_UTF8}, {"UNENCODED_URL", "/nice/" A_UMLAUT}, {NULL, NULL}};
    static const char names[] = "QUERY_STRING CONTENT_TYPE http_x_ansi HTTP_X_UTF8 HTTP_X_ASCII REQUEST_URI";
    struct host host;
    host_with_umlauts(&host);
    check_rows(&host, names, rows);
    host_set(&host, "HTTP_URL", "/" A_UMLAUT);
    check_rows(&host, names, uri);
    check_rows(&host, "HTTP_URL", uri);
    host_set(&host, "IIS_WasUrlRewritten", "1");
    host_set(&host, "UNENCODED_URL", "/nice/" A_UMLAUT);
    check_rows(&host, names, before);
}

static void request_uri_that_is_encoded_anew_has_escapes_of_utf8(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"REQUEST_URI", "/app/%C3%A4.php/%C3%A4?q=" A_UMLAUT_UTF8}, {NULL, NULL}};
    struct host host;
    host_with_umlauts(&host);
    host_remove(&host, "HTTP_URL");
    check_rows(&host, "REQUEST_URI", rows);
}

#define ALL_PATHS "SCRIPT_NAME,PATH_INFO,PATH_TRANSLATED,URL"

/* U+65E5, which Latin-1 lacks: the host's ANSI values have a question mark. */
static void host_with_a_character_beyond_the_code_page(struct host *host)
{
    host_init(host);
    host_set_script(host, "/?.php", "/?.php/?", "C:\\w\\?.php\\?");
    host_set(host, "UNICODE_SCRIPT_NAME", "/\xe6\x97\xa5.php");
    host_set(host, "UNICODE_URL", "/\xe6\x97\xa5.php");
    host_set(host, "UNICODE_PATH_INFO", "/\xe6\x97\xa5.php/\xe6\x97\xa5");
    host_set(host, "UNICODE_PATH_TRANSLATED", "C:\\w\\\xe6\x97\xa5.php\\\xe6\x97\xa5");
    host_set(host, "HTTP_URL", "/%E6%97%A5.php/%E6%97%A5");
    host_set(host, "QUERY_STRING", "");
}

static enum cgi_vars_result result_with(struct host *host, const char *names)
{
    struct utf8_vars utf8;
    assert_true(utf8_vars_init(&utf8, bytes_of_str(names), bytes_of(NULL, 0)));
    struct cgi_vars_request request = request_to(host);
    request.utf8 = &utf8;
    request.get_utf8 = get_utf8;
    request.to_utf8 = latin1_to_utf8;
    struct outcome outcome = emit(request);
    var_list_deinit(&outcome.list);
    utf8_vars_deinit(&utf8);
    return outcome.result;
}

static void characters_beyond_the_code_page_arrive_whole_where_the_host_has_them(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"SCRIPT_NAME", "/\xe6\x97\xa5.php"},
        {"PATH_INFO", "/\xe6\x97\xa5.php/\xe6\x97\xa5"},
        {"SCRIPT_FILENAME", "C:\\w\\\xe6\x97\xa5.php"},
        {"REQUEST_URI", "/%E6%97%A5.php/%E6%97%A5"},
        {NULL, NULL},
    };
    struct host host;
    host_with_a_character_beyond_the_code_page(&host);
    check_rows(&host, ALL_PATHS, rows);
    check_bad(&host); /* its file's name has a question mark then */
}

static void a_path_is_judged_in_each_encoding_in_which_it_is_sent(void **state)
{
    (void)state;
    struct host host;
    host_with_a_character_beyond_the_code_page(&host);
    assert_int_equal(result_with(&host, ALL_PATHS), CGI_VARS_OK);
    assert_int_equal(result_with(&host, "PATH_INFO"), CGI_VARS_BAD_PATH); /* SCRIPT_NAME is ANSI, with the question mark */
    host_init(&host);
    host_set(&host, "UNICODE_PATH_INFO", "/index.php/../x");
    assert_int_equal(result_with(&host, "AUTH_USER"), CGI_VARS_OK);
    assert_int_equal(result_with(&host, "PATH_INFO"), CGI_VARS_BAD_PATH);
    assert_int_equal(result_with(&host, ALL_PATHS), CGI_VARS_BAD_PATH);
    host_init(&host);
    host_set(&host, "UNICODE_SCRIPT_NAME", "/index.php ");
    assert_int_equal(result_with(&host, "SCRIPT_FILENAME"), CGI_VARS_BAD_PATH);
    host_init(&host);
    host_set(&host, "HTTP_URL", "/a\nb");
    assert_int_equal(result_with(&host, ALL_PATHS), CGI_VARS_BAD_PATH);
}

static void the_order_is_the_same_and_each_comes_once(void **state)
{
    (void)state;
    struct host host;
    host_with_umlauts(&host);
    struct outcome plain = emit_host(&host);
    struct utf8_vars utf8;
    assert_true(utf8_vars_init(&utf8, bytes_of_str(ALL_PATHS ",AUTH_USER,HTTP_X_ANSI,HTTPS"), bytes_of_str("SERVER_NAME")));
    struct cgi_vars_request request = request_to(&host);
    request.utf8 = &utf8;
    request.get_utf8 = get_utf8;
    request.to_utf8 = latin1_to_utf8;
    struct outcome outcome = emit(request);
    assert_int_equal(outcome.result, CGI_VARS_OK);
    assert_int_equal(outcome.list.count, plain.list.count);
    for (size_t i = 0; i < plain.list.count; i++)
        assert_string_equal(outcome.list.vars[i].name, plain.list.vars[i].name);
    var_list_deinit(&plain.list);
    var_list_deinit(&outcome.list);
    utf8_vars_deinit(&utf8);
}

/* Every limit from nothing to enough: refused, or complete. */
static void a_scratch_that_is_too_small_is_said(void **state)
{
    (void)state;
    struct utf8_vars utf8;
    assert_true(utf8_vars_init(&utf8, bytes_of_str(ALL_PATHS ",QUERY_STRING,HTTP_X_ANSI,REQUEST_URI"), bytes_of(NULL, 0)));
    struct host host;
    host_with_umlauts(&host);
    host_set(&host, "HTTP_URL", "/" A_UMLAUT);
    bool enough = false;
    size_t refused = 0;
    for (size_t limit = 0; limit < 3000; limit++) {
        struct var_list list = {NULL, 0};
        struct buffer scratch;
        buffer_init(&scratch, limit);
        struct cgi_vars_request request = request_to(&host);
        request.utf8 = &utf8;
        request.get_utf8 = get_utf8;
        request.to_utf8 = latin1_to_utf8;
        request.put = var_list_put;
        request.put_context = &list;
        request.scratch = &scratch;
        enum cgi_vars_result result = cgi_vars_emit(&request);
        assert_true(result == CGI_VARS_OK || (result == CGI_VARS_NO_MEMORY && !enough));
        enough = result == CGI_VARS_OK;
        refused += !enough;
        if (enough) {
            assert_string_equal(var_list_find(&list, "SCRIPT_FILENAME"), ROOT_UTF8 "\\app\\" A_UMLAUT_UTF8 ".php");
            assert_string_equal(var_list_find(&list, "HTTP_X_ANSI"), A_UMLAUT_UTF8);
            assert_string_equal(var_list_find(&list, "REQUEST_URI"), "/" A_UMLAUT_UTF8 "?q=" A_UMLAUT_UTF8);
        }
        buffer_deinit(&scratch);
        var_list_deinit(&list);
    }
    assert_true(enough && refused > 300);
    free(host.answer);
    utf8_vars_deinit(&utf8);
}

static void the_names_that_are_sent_are_known(void **state)
{
    (void)state;
    static const char *const sent[] = {"PATH_INFO",     "path_info", "APPL_MD_PATH", "SCRIPT_FILENAME",
                                       "UNENCODED_URL", "HTTP_X",    "HTTPS"};
    static const char *const others[] = {"PATH_IFNO", "HTTP_", "", "HTTP", "PATH", "SCRIPT_TRANSLATED"};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
        assert_true(cgi_vars_is_sent(bytes_of_str(sent[i])));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(cgi_vars_is_sent(bytes_of_str(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_default_all_values_are_the_hosts_bytes),
        cmocka_unit_test(a_named_variable_is_utf8_and_the_others_stay),
        cmocka_unit_test(what_is_made_of_a_variable_follows_it),
        cmocka_unit_test(script_filename_of_a_host_without_path_translated_follows_too),
        cmocka_unit_test(what_the_client_has_sent_is_converted_only_if_it_is_not_utf8),
        cmocka_unit_test(request_uri_that_is_encoded_anew_has_escapes_of_utf8),
        cmocka_unit_test(characters_beyond_the_code_page_arrive_whole_where_the_host_has_them),
        cmocka_unit_test(a_path_is_judged_in_each_encoding_in_which_it_is_sent),
        cmocka_unit_test(the_order_is_the_same_and_each_comes_once),
        cmocka_unit_test(a_scratch_that_is_too_small_is_said),
        cmocka_unit_test(the_names_that_are_sent_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
