/* http_vars: header fields -> HTTP_* variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgiext/core/http_vars.h"
#include "tests/unit/rng.h"
#include "tests/unit/var_list.h"

enum { SCRATCH_LIMIT = 256 * 1024 };

static bool emit_bytes(struct bytes text, enum http_vars_form form, bool pass_proxy, size_t limit, struct var_list *list)
{
    /* An exact copy, so that a step outside is seen; and an odd start, so that the alignment is our own doing. */
    uint8_t *copy = malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    struct buffer scratch;
    buffer_init(&scratch, limit);
    bool ready = limit < 3 || buffer_append_str(&scratch, "odd");
    assert_true(ready);
    size_t before = scratch.len;
    bool ok = http_vars_emit(bytes_of(copy, text.len), form, pass_proxy, &scratch, var_list_put, list);
    assert_int_equal(scratch.len, before);
    buffer_deinit(&scratch);
    free(copy);
    return ok;
}

/* "NAME=value|NAME=value|" of everything that comes out. */
static void check(const char *text, enum http_vars_form form, bool pass_proxy, const char *expected)
{
    struct var_list list = {NULL, 0};
    assert_true(emit_bytes(bytes_of_str(text), form, pass_proxy, SCRATCH_LIMIT, &list));
    char actual[2000] = "";
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.vars[i].value_len, strlen(list.vars[i].value));
        strcat(strcat(strcat(strcat(actual, list.vars[i].name), "="), list.vars[i].value), "|");
    }
    assert_string_equal(actual, expected);
    var_list_deinit(&list);
}

static void check_raw(const char *text, const char *expected)
{
    check(text, HTTP_VARS_RAW, false, expected);
}

static void fields_become_variables_in_their_order(void **state)
{
    (void)state;
    check_raw("Host: example.org:8080\r\nAccept: */*\r\nX-Requested-With:XMLHttpRequest\r\n",
              "HTTP_HOST=example.org:8080|HTTP_ACCEPT=*/*|HTTP_X_REQUESTED_WITH=XMLHttpRequest|");
    check_raw("b: 2\na: 1", "HTTP_B=2|HTTP_A=1|"); /* LF, and no line end at the end */
    check_raw("Empty:\r\nSpaces:  \t a b \t \r\nBytes: \xc3\xa4\xff\r\n",
              "HTTP_EMPTY=|HTTP_SPACES=a b|HTTP_BYTES=\xc3\xa4\xff|");
    check_raw("", "");
}

static void fields_of_one_name_are_joined(void **state)
{
    (void)state;
    check_raw("Accept: a\r\nHost: h\r\naccept: b\r\nACCEPT:\r\nAccept: c\r\n", "HTTP_ACCEPT=a, b, , c|HTTP_HOST=h|");
    check_raw("Cookie: a=1\r\ncookie: b=2\r\n", "HTTP_COOKIE=a=1; b=2|");
}

static void row_13_proxy_header_never_becomes_http_proxy(void **state)
{
    (void)state;
    check_raw("Proxy: http://evil/\r\nHost: h\r\n", "HTTP_HOST=h|");
    check_raw("pRoXy: http://evil/\r\nPROXY:x\r\n", "");
    check_raw("Proxy : x\r\n Proxy: y\r\n", "");
    check("HTTP_PROXY:http://evil/\nHTTP_HOST:h\n", HTTP_VARS_CGI, false, "HTTP_HOST=h|");
    check("http_proxy:http://evil/\n", HTTP_VARS_CGI, false, "");
    check_raw("Proxy-Connection: close\r\nX-Proxy: a\r\nProxies: b\r\n",
              "HTTP_PROXY_CONNECTION=close|HTTP_X_PROXY=a|HTTP_PROXIES=b|");
}

static void proxy_passes_when_it_is_asked_for(void **state)
{
    (void)state;
    check("Proxy: a\r\nProxy: b\r\n", HTTP_VARS_RAW, true, "HTTP_PROXY=a, b|");
    check("HTTP_PROXY:a\n", HTTP_VARS_CGI, true, "HTTP_PROXY=a|");
}

static void row_14_an_underscore_spelling_never_passes_for_the_hyphen_one(void **state)
{
    (void)state;
    check_raw("X-Forwarded-For: real\r\nX_Forwarded_For: forged\r\n", "HTTP_X_FORWARDED_FOR=real|");
    check_raw("X_Forwarded_For: forged\r\nX-Forwarded-For: real\r\n", "HTTP_X_FORWARDED_FOR=real|");
    check_raw(
        "X_Forwarded_For: f1\r\nX_Forwarded_For: f2\r\nX-Forwarded-For: r1\r\nX_FORWARDED-FOR: f3\r\nx-forwarded-for: r2\r\n",
        "HTTP_X_FORWARDED_FOR=r1, r2|");
    check_raw("X_A-B: first\r\nX-A_B: second\r\nx_a-b: third\r\n", "HTTP_X_A_B=first, third|");
}

static void an_underscore_alone_passes(void **state)
{
    (void)state;
    check_raw("SM_USER: joe\r\n", "HTTP_SM_USER=joe|");
}

static void lines_that_are_no_fields_are_left_out(void **state)
{
    (void)state;
    check_raw("no colon\r\n: no name\r\nA B: space\r\nA : space\r\nGood: 1\r\n\r\nX(y): z\r\nAfter: 2\r\n",
              "HTTP_GOOD=1|HTTP_AFTER=2|");
    check_raw("A: x\001y\r\nB: x\ry\r\nC: \x7f\r\nD: a\tb\r\n", "HTTP_D=a\tb|");
    check("ACCEPT:no prefix\nHTTP_:no name\nHTTP_OK:1\nHTTP:x\n", HTTP_VARS_CGI, false, "HTTP_OK=1|");
}

static void a_nul_in_a_value_drops_the_field(void **state)
{
    (void)state;
    struct var_list list = {NULL, 0};
    assert_true(emit_bytes(bytes_of("A: x\0y\r\nB: 1\r\n", 14), HTTP_VARS_RAW, false, SCRATCH_LIMIT, &list));
    assert_int_equal(list.count, 1);
    assert_string_equal(var_list_find(&list, "HTTP_B"), "1");
    var_list_deinit(&list);
}

static void a_continued_field_is_left_out_as_a_whole(void **state)
{
    (void)state;
    check_raw("A: 1\r\n B: 2\r\n\tC: 3\r\nD: 4\r\n", "HTTP_D=4|");
    check_raw(" A: 1\r\nB: 2\r\n", "HTTP_B=2|");
}

static void all_http_of_other_hosts_serves_too(void **state)
{
    (void)state;
    check("HTTP_CONNECTION:Keep-Alive\nHTTP_ACCEPT: */*\nHTTP_X_Y:1\n", HTTP_VARS_CGI, false,
          "HTTP_CONNECTION=Keep-Alive|HTTP_ACCEPT=*/*|HTTP_X_Y=1|");
    check("HTTP_A:1\r\nHTTP_A:2\r\n", HTTP_VARS_CGI, false, "HTTP_A=1, 2|");
}

static void too_little_room_emits_nothing(void **state)
{
    (void)state;
    const char *text = "Host: h\r\nAccept: a\r\nAccept: b\r\nX-Y: z\r\n";
    bool enough = false;
    size_t refused = 0;
    for (size_t limit = 0; limit < 1000; limit++) {
        struct var_list list = {NULL, 0};
        bool ok = emit_bytes(bytes_of_str(text), HTTP_VARS_RAW, false, limit, &list);
        assert_int_equal(list.count, ok ? 3 : 0);
        assert_true(ok || !enough); /* more room is never worse */
        enough = enough || ok;
        refused += !ok;
        var_list_deinit(&list);
    }
    assert_true(enough);
    assert_true(refused > 100);
}

/* 16 KiB, what IIS takes at most by default, of the shortest different fields, and of the same one. */
static void the_most_headers_that_a_host_takes_fit_the_usual_scratch(void **state)
{
    (void)state;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+.^`|~";
    enum { LEN = 16 * 1024, LINE = 5 };
    char *text = malloc(LEN);
    assert_non_null(text);
    for (int same = 0; same < 2; same++) {
        size_t lines = 0;
        for (size_t at = 0; at + LINE <= LEN; at += LINE, lines++) {
            text[at] = same ? 'x' : letters[lines % 49];
            text[at + 1] = same ? 'y' : letters[lines / 49 % 49];
            memcpy(text + at + 2, ":v\n", 3);
        }
        struct var_list list = {NULL, 0};
        assert_true(emit_bytes(bytes_of(text, lines * LINE), HTTP_VARS_RAW, false, SCRATCH_LIMIT, &list));
        assert_int_equal(list.count, same ? 1 : 49 * 49);
        size_t values = 0;
        for (size_t i = 0; i < list.count; i++)
            values += (list.vars[i].value_len + 2) / 3; /* "v, v, v" */
        assert_int_equal(values, lines);
        var_list_deinit(&list);
    }
    free(text);
}

/* Random text: no variable twice, no HTTP_PROXY, every name in capitals, values without control characters. */
static void whatever_a_client_sends_the_variables_are_well_formed(void **state)
{
    (void)state;
    static const char *const pieces[] = {"X-A", "X_A", "x-a", "Proxy", "proxy", "Cookie", ":", ": ", "\r\n", "\n",   "\r",
                                         " ",   "\t",  "v",   ",",     "\x01",  "HTTP_",  "-", "_",  "é",    "\r\n "};
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct rng rng = {seed};
        char text[400] = "";
        size_t count = rng_below(&rng, 60);
        for (size_t i = 0; i < count; i++)
            strcat(text, pieces[rng_below(&rng, sizeof pieces / sizeof pieces[0])]);
        enum http_vars_form form = rng_below(&rng, 2) ? HTTP_VARS_RAW : HTTP_VARS_CGI;
        struct var_list list = {NULL, 0};
        assert_true(emit_bytes(bytes_of_str(text), form, false, SCRATCH_LIMIT, &list));
        for (size_t i = 0; i < list.count; i++) {
            const char *name = list.vars[i].name;
            bool good = var_list_find(&list, name) && strncmp(name, "HTTP_", 5) == 0 && name[5] && !strchr(name, '-') &&
                        strcmp(name, "HTTP_PROXY") != 0 && !strpbrk(name, "abcdefghijklmnopqrstuvwxyz") &&
                        !strpbrk(list.vars[i].value, "\r\n\x01") && strlen(list.vars[i].value) == list.vars[i].value_len;
            if (!good)
                fail_msg("seed %u: %s=%s", (unsigned)seed, name, list.vars[i].value);
        }
        var_list_deinit(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_become_variables_in_their_order),
        cmocka_unit_test(fields_of_one_name_are_joined),
        cmocka_unit_test(row_13_proxy_header_never_becomes_http_proxy),
        cmocka_unit_test(proxy_passes_when_it_is_asked_for),
        cmocka_unit_test(row_14_an_underscore_spelling_never_passes_for_the_hyphen_one),
        cmocka_unit_test(an_underscore_alone_passes),
        cmocka_unit_test(lines_that_are_no_fields_are_left_out),
        cmocka_unit_test(a_nul_in_a_value_drops_the_field),
        cmocka_unit_test(a_continued_field_is_left_out_as_a_whole),
        cmocka_unit_test(all_http_of_other_hosts_serves_too),
        cmocka_unit_test(too_little_room_emits_nothing),
        cmocka_unit_test(the_most_headers_that_a_host_takes_fit_the_usual_scratch),
        cmocka_unit_test(whatever_a_client_sends_the_variables_are_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
