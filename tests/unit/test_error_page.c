/* error_page: each cause has its page, and no page gives away or lets in what it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgiext/core/error_page.h"
#include "fcgiext/core/text.h"
#include "tests/unit/rng.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM = 80 * 1024 };

struct rendered {
    const char *status_line;
    struct buffer headers_buffer;
    struct buffer body_buffer;
    const char *headers; /* strings */
    const char *body;
    size_t body_len;
};

static struct rendered render(const struct error_facts *facts)
{
    struct rendered page = {NULL, {0}, {0}, NULL, NULL, 0};
    buffer_init(&page.headers_buffer, ROOM);
    buffer_init(&page.body_buffer, ROOM);
    assert_true(error_page_render(facts, &page.status_line, &page.headers_buffer, &page.body_buffer));
    struct bytes headers = buffer_peek(&page.headers_buffer);
    assert_int_equal(headers.ptr[headers.len - 1], '\0');
    page.headers = (const char *)headers.ptr;
    assert_int_equal(strlen(page.headers), headers.len - 1);
    assert_string_equal(page.headers + headers.len - 5, "\r\n\r\n");
    page.body_len = page.body_buffer.len;
    assert_true(page.body_len <= ERROR_PAGE_MAX_LEN);
    assert_true(buffer_append(&page.body_buffer, bytes_of("", 1)));
    page.body = (const char *)buffer_peek(&page.body_buffer).ptr;
    return page;
}

static void rendered_deinit(struct rendered *page)
{
    buffer_deinit(&page->headers_buffer);
    buffer_deinit(&page->body_buffer);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
}

static void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in: %s", part, text);
}

/* A fact of everything. */
static struct error_facts full_facts(enum error_cause cause)
{
    return (struct error_facts){
        .cause = cause,
        .pool = bytes_of_str("pool-fact"),
        .url = bytes_of_str("/url-fact"),
        .extension = bytes_of_str(".extension-fact"),
        .site = bytes_of_str("site-fact"),
        .program = bytes_of_str("C:\\program-fact.exe"),
        .diagnostics = bytes_of_str("fcgiext.ini:3: error: diagnostics-fact\nfcgiext.ini:4: another"),
        .detail = bytes_of_str("detail-fact"),
        .system_text = bytes_of_str("system-fact"),
        .has_code = true,
        .code = 0xc0000005u,
        .first_cause = ERROR_CAUSE_START_FAILED,
        .reference = bytes_of_str("reference-fact"),
        .show_details = true,
    };
}

static void each_cause_has_its_own_name_text_and_status(void **state)
{
    (void)state;
    for (int a = 0; a < ERROR_CAUSE_COUNT; a++) {
        enum error_cause cause = (enum error_cause)a;
        const char *name = error_cause_name(cause);
        const char *text = error_cause_text(cause);
        assert_true(strlen(name) > 2 && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name));
        assert_true(strlen(text) > 20 && text[strlen(text) - 1] != '.');
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(name, error_cause_name((enum error_cause)b));
            assert_string_not_equal(text, error_cause_text((enum error_cause)b));
        }
        unsigned status = error_cause_status(cause);
        bool busy = cause == ERROR_CAUSE_QUEUE_FULL || cause == ERROR_CAUSE_QUEUE_TIMEOUT || cause == ERROR_CAUSE_DRAINING ||
                    cause == ERROR_CAUSE_RAPID_FAIL || cause == ERROR_CAUSE_SHUTTING_DOWN || cause == ERROR_CAUSE_OVERLOADED ||
                    cause == ERROR_CAUSE_RECYCLED;
        unsigned expected = busy                                  ? 503
                            : cause == ERROR_CAUSE_BODY_TOO_LARGE ? 413
                            : cause == ERROR_CAUSE_BAD_REQUEST    ? 400
                                                                  : 500;
        assert_int_equal(status, expected);
    }
    assert_string_equal(error_cause_name(ERROR_CAUSE_ACTIVITY_TIMEOUT), "activity_timeout");
    assert_string_equal(error_cause_name(ERROR_CAUSE_COUNT), "none"); /* a stray number is no way out of the table */
}

static void each_page_says_its_status_cause_and_length(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_CAUSE_COUNT; i++) {
        enum error_cause cause = (enum error_cause)i;
        struct error_facts facts = full_facts(cause);
        struct rendered page = render(&facts);
        assert_int_equal(strtoul(page.status_line, NULL, 10), error_cause_status(cause));
        assert_has(page.body, page.status_line);
        assert_has(page.body, error_cause_text(cause));
        char line[200];
        snprintf(line, sizeof line, "\r\nContent-Length: %u\r\n", (unsigned)page.body_len);
        assert_has(page.headers, line);
        snprintf(line, sizeof line, "\r\nX-Fcgiext-Reason: %s\r\n", error_cause_name(cause));
        assert_has(page.headers, line);
        assert_has(page.headers, "Content-Type: text/html; charset=utf-8\r\n");
        assert_has(page.headers, "\r\nCache-Control: no-store\r\n");
        assert_has(page.headers, "\r\nX-Content-Type-Options: nosniff\r\n");
        if (error_cause_status(cause) == 503)
            assert_has(page.headers, "\r\nRetry-After: ");
        else
            assert_has_not(page.headers, "Retry-After");
        rendered_deinit(&page);
    }
}

static void a_load_failure_says_what_the_exit_code_means(void **state)
{
    (void)state;
    struct error_facts facts = {.cause = ERROR_CAUSE_LOAD_FAILED, .has_code = true, .code = 0xc0000135u, .show_details = true};
    struct rendered page = render(&facts);
    assert_has(page.body, "<dt>Details</dt><dd>a library that it needs was not found</dd>");
    assert_has(page.body, "<dt>Exit code</dt><dd>3221225781 (0xC0000135)</dd>");
    rendered_deinit(&page);
    facts.cause = ERROR_CAUSE_RAPID_FAIL; /* the code is that of the first cause */
    facts.first_cause = ERROR_CAUSE_LOAD_FAILED;
    facts.code = 0xc0000142u;
    page = render(&facts);
    assert_has(page.body, "<dt>Details</dt><dd>a library that it needs could not be initialized</dd>");
    rendered_deinit(&page);
    facts.first_cause = ERROR_CAUSE_WORKER_CRASHED;
    page = render(&facts);
    assert_has_not(page.body, "<dt>Details</dt>");
    rendered_deinit(&page);
    assert_null(error_load_failure_text(0));
    assert_null(error_load_failure_text(0xc0000005u));
    assert_null(error_load_failure_text(0xc0000136u));
}

static void the_page_is_well_formed_and_accessible(void **state)
{
    (void)state;
    struct error_facts facts = full_facts(ERROR_CAUSE_WORKER_CRASHED);
    for (int details = 0; details < 2; details++) {
        facts.show_details = details;
        struct rendered page = render(&facts);
        assert_int_equal(strncmp(page.body, "<!DOCTYPE html>\n<html lang=\"en\">", 32), 0);
        assert_has(page.body, "<meta charset=\"utf-8\">");
        assert_has(page.body, "<title>500 Internal Server Error</title>");
        assert_has(page.body, "color-scheme: light dark");
        static const char *const elements[] = {"html", "head", "style", "body", "main", "h1",
                                               "p",    "dl",   "dt",    "dd",   "pre",  "title"};
        for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
            char open[20];
            char close[20];
            snprintf(open, sizeof open, "<%s>", elements[i]);
            snprintf(close, sizeof close, "</%s>", elements[i]);
            int opened = strcmp(elements[i], "html") == 0; /* it has an attribute */
            int closed = 0;
            for (const char *at = page.body; (at = strstr(at, open)); at++)
                opened++;
            for (const char *at = page.body; (at = strstr(at, close)); at++)
                closed++;
            assert_int_equal(opened, closed);
        }
        rendered_deinit(&page);
    }
}

static void details_are_all_there_when_they_may_be_shown(void **state)
{
    (void)state;
    struct error_facts facts = full_facts(ERROR_CAUSE_RAPID_FAIL);
    struct rendered page = render(&facts);
    static const char *const parts[] = {"<dd>pool-fact</dd>",
                                        "<dd>/url-fact</dd>",
                                        "<dd>.extension-fact</dd>",
                                        "<dd>site-fact</dd>",
                                        "<dd>C:\\program-fact.exe</dd>",
                                        "<dd>detail-fact</dd>",
                                        "<dd>system-fact</dd>",
                                        "fcgiext.ini:3: error: diagnostics-fact\nfcgiext.ini:4: another",
                                        "<dd>reference-fact</dd>",
                                        "3221225477 (0xC0000005)"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        assert_has(page.body, parts[i]);
    assert_has(page.body, error_cause_text(ERROR_CAUSE_START_FAILED));
    rendered_deinit(&page);
}

static void others_see_the_sentence_the_status_and_the_reference_only(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_CAUSE_COUNT; i++) {
        struct error_facts facts = full_facts((enum error_cause)i);
        facts.show_details = false;
        struct rendered page = render(&facts);
        assert_has(page.body, error_cause_text(facts.cause));
        assert_has(page.body, "<dd>reference-fact</dd>");
        const char *reference = strstr(page.body, "reference-fact");
        const char *fact = strstr(page.body, "-fact");
        assert_ptr_equal(fact, reference + strlen("reference")); /* no fact before it */
        assert_has_not(fact + 1, "-fact");                       /* and none behind */
        static const char *const secrets[] = {"3221225477", "C0000005", "fcgiext.ini", "could not be started"};
        for (size_t s = 0; s < sizeof secrets / sizeof secrets[0]; s++)
            if (facts.cause != ERROR_CAUSE_START_FAILED || s < 3)
                assert_has_not(page.body, secrets[s]);
        const char *header = strstr(page.headers, "\r\nX-Fcgiext-Reference: reference-fact\r\n");
        assert_non_null(header);
        assert_has_not(strstr(header, "-fact") + 1, "-fact");
        rendered_deinit(&page);
    }
}

static void only_a_token_becomes_a_header(void **state)
{
    (void)state;
    static const char *const references[] = {"", "two words", "x\r\nX-Evil: 1", "a:b"};
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        struct error_facts facts = {.cause = ERROR_CAUSE_HOST, .reference = bytes_of_str(references[i])};
        struct rendered page = render(&facts);
        assert_has_not(page.headers, "X-Fcgiext-Reference");
        assert_has_not(page.headers, "Evil");
        rendered_deinit(&page);
    }
}

static void numbers_come_in_decimal_and_hex(void **state)
{
    (void)state;
    struct error_facts facts = {.cause = ERROR_CAUSE_START_FAILED, .has_code = true, .code = 2, .show_details = true};
    struct rendered page = render(&facts);
    assert_has(page.body, "<dt>Error number</dt><dd>2 (0x00000002)</dd>");
    rendered_deinit(&page);
    facts.cause = ERROR_CAUSE_WORKER_EXITED;
    facts.code = 0;
    page = render(&facts);
    assert_has(page.body, "<dt>Exit code</dt><dd>0 (0x00000000)</dd>");
    rendered_deinit(&page);
    facts.cause = ERROR_CAUSE_RAPID_FAIL;
    facts.first_cause = ERROR_CAUSE_WORKER_EXITED;
    page = render(&facts);
    assert_has(page.body, "<dt>Exit code</dt><dd>0 (0x00000000)</dd>");
    rendered_deinit(&page);
    facts.first_cause = ERROR_CAUSE_START_FAILED;
    page = render(&facts);
    assert_has(page.body, "<dt>Error number</dt><dd>0 (0x00000000)</dd>");
    rendered_deinit(&page);
    facts.has_code = false;
    page = render(&facts);
    assert_has_not(page.body, "0x");
    rendered_deinit(&page);
}

static void a_missing_mapping_is_error_1413(void **state)
{
    (void)state;
    struct error_facts facts = {.cause = ERROR_CAUSE_NO_MAPPING,
                                .extension = bytes_of_str(".php"),
                                .site = bytes_of_str("123154536"),
                                .show_details = true};
    struct rendered page = render(&facts);
    assert_string_equal(page.status_line, "500 Internal Server Error");
    assert_has(page.body, "1413 (0x00000585)");
    assert_has(page.body, "<dd>.php</dd>");
    assert_has(page.body, "<dd>123154536</dd>");
    rendered_deinit(&page);
}

static void retry_after_is_the_given_one_or_a_default(void **state)
{
    (void)state;
    struct error_facts facts = {.cause = ERROR_CAUSE_RAPID_FAIL, .retry_after_s = 17};
    struct rendered page = render(&facts);
    assert_string_equal(page.status_line, "503 Service Unavailable");
    assert_has(page.headers, "\r\nRetry-After: 17\r\n");
    rendered_deinit(&page);
    facts.retry_after_s = 0;
    page = render(&facts);
    assert_has(page.headers, "\r\nRetry-After: 60\r\n");
    rendered_deinit(&page);
    facts.cause = ERROR_CAUSE_START_FAILED;
    facts.retry_after_s = 17;
    page = render(&facts);
    assert_has_not(page.headers, "Retry-After");
    rendered_deinit(&page);
}

static void nothing_of_a_fact_is_taken_for_html(void **state)
{
    (void)state;
    struct error_facts facts = {.cause = ERROR_CAUSE_WORKER_EXITED,
                                .url = bytes_of_str("/<script>alert(\"1\")</script>&'x'"),
                                .diagnostics = bytes_of_str("</pre><b>\r\n\tsecond"),
                                .show_details = true};
    struct rendered page = render(&facts);
    assert_has(page.body, "<dd>/&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;x&#39;</dd>");
    assert_has(page.body, "<pre>&lt;/pre&gt;&lt;b&gt;\n\tsecond</pre>");
    assert_has_not(page.body, "<script>");
    rendered_deinit(&page);
}

static void what_is_no_utf8_or_no_text_is_replaced(void **state)
{
    (void)state;
    struct error_facts facts = {.cause = ERROR_CAUSE_WORKER_EXITED,
                                .url = bytes_of("/\xc3\xa4\xe4\xf0\x9f\x98\x80\x00\x1b[0m\x7f\xc3", 15),
                                .show_details = true};
    struct rendered page = render(&facts);
    assert_has(page.body, "<dd>/\xc3\xa4\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd[0m\xef\xbf\xbd\xef\xbf\xbd</dd>");
    rendered_deinit(&page);
}

static void a_head_request_gets_the_headers_of_the_page_alone(void **state)
{
    (void)state;
    struct error_facts facts = full_facts(ERROR_CAUSE_QUEUE_FULL);
    struct rendered get = render(&facts);
    facts.head = true;
    struct rendered head = render(&facts);
    assert_string_equal(head.headers, get.headers);
    assert_string_equal(head.status_line, get.status_line);
    assert_true(get.body_len > 0);
    assert_int_equal(head.body_len, 0);
    rendered_deinit(&get);
    rendered_deinit(&head);
}

/* ---- StderrMode=ReturnStderrIn500 */

static void stderr_is_the_body_as_it_is_and_never_html(void **state)
{
    (void)state;
    struct error_facts facts = {.cause = ERROR_CAUSE_STDERR,
                                .stderr_text = bytes_of_str("PHP Fatal error: <b>x</b> & y in C:\\x.php\n"),
                                .show_details = false};
    struct rendered page = render(&facts);
    assert_string_equal(page.status_line, "500 Internal Server Error");
    assert_string_equal(page.body, "PHP Fatal error: <b>x</b> & y in C:\\x.php\n");
    assert_has(page.headers, "Content-Type: text/plain; charset=utf-8\r\n");
    assert_has(page.headers, "X-Content-Type-Options: nosniff\r\n");
    assert_has(page.headers, "X-Fcgiext-Reason: stderr\r\n");
    rendered_deinit(&page);
    facts.stderr_text = bytes_of_str(""); /* ReturnGeneric500 */
    page = render(&facts);
    assert_has(page.headers, "text/html");
    assert_has(page.body, error_cause_text(ERROR_CAUSE_STDERR));
    rendered_deinit(&page);
    facts = (struct error_facts){.cause = ERROR_CAUSE_WORKER_EXITED, .stderr_text = bytes_of_str("secret")};
    page = render(&facts);
    assert_has_not(page.body, "secret");
    rendered_deinit(&page);
}

static void row_11_a_mebibyte_of_stderr_is_cut_behind_a_whole_character(void **state)
{
    (void)state;
    enum { LEN = 1024 * 1024 };
    char *text = malloc(LEN);
    assert_non_null(text);
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', LEN);
        for (size_t i = shift; i + 4 <= LEN; i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        struct error_facts facts = {.cause = ERROR_CAUSE_STDERR, .stderr_text = bytes_of(text, LEN)};
        struct rendered page = render(&facts);
        assert_true(page.body_len > ERROR_PAGE_MAX_LEN - 4);
        struct bytes rest = bytes_of(page.body, page.body_len);
        while (rest.len > 0) {
            size_t len = text_utf8_len(rest);
            assert_int_not_equal(len, 0);
            bytes_advance(&rest, len);
        }
        assert_has(page.body, "\n[the rest is left out]\n");
        rendered_deinit(&page);
    }
    struct error_facts facts = {.cause = ERROR_CAUSE_STDERR, .stderr_text = bytes_of(text, ERROR_PAGE_MAX_LEN)};
    struct rendered page = render(&facts);
    assert_int_equal(page.body_len, ERROR_PAGE_MAX_LEN);
    assert_has_not(page.body, "left out");
    rendered_deinit(&page);
    memset(text, '\x80', LEN); /* no UTF-8 at all: nothing to look for */
    facts.stderr_text = bytes_of(text, LEN);
    page = render(&facts);
    assert_int_equal(page.body_len, ERROR_PAGE_MAX_LEN - 3);
    rendered_deinit(&page);
    free(text);
}

/* ---- limits */

static void the_longest_facts_leave_a_whole_page_within_64_kib(void **state)
{
    (void)state;
    enum { LEN = 1024 * 1024 };
    char *text = malloc(LEN);
    assert_non_null(text);
    memset(text, '"', LEN); /* six times as long on the page */
    struct bytes fact = bytes_of(text, LEN);
    for (int i = 0; i < ERROR_CAUSE_COUNT; i++) {
        struct error_facts facts = full_facts((enum error_cause)i);
        facts.pool = facts.url = facts.extension = facts.site = facts.program = fact;
        facts.diagnostics = facts.detail = facts.system_text = facts.reference = fact;
        struct rendered page = render(&facts);
        assert_has(page.body, "[the rest is left out]</dd>");
        assert_has(page.body, "[the rest is left out]</pre>");
        assert_has(page.body, "</html>\n");
        rendered_deinit(&page);
    }
    free(text);
}

static void a_fact_that_just_fits_is_not_cut(void **state)
{
    (void)state;
    char text[2050];
    memset(text, 'x', sizeof text);
    struct error_facts facts = {.cause = ERROR_CAUSE_HOST, .show_details = true, .detail = bytes_of(text, 2048)};
    struct rendered page = render(&facts);
    assert_has_not(page.body, "left out");
    rendered_deinit(&page);
    facts.detail.len++;
    page = render(&facts);
    assert_has(page.body, "xx \xe2\x80\xa6 [the rest is left out]</dd>");
    rendered_deinit(&page);
}

static void a_page_without_facts_has_no_empty_list(void **state)
{
    (void)state;
    struct error_facts facts = {.cause = ERROR_CAUSE_HOST};
    struct rendered page = render(&facts);
    assert_has_not(page.body, "<dl>");
    rendered_deinit(&page);
    facts.reference = bytes_of_str("r-1");
    page = render(&facts);
    assert_has(page.body, "<dl>\n<dt>Reference</dt><dd>r-1</dd>\n</dl>");
    assert_has_not(page.body, "<pre>");
    rendered_deinit(&page);
}

static void a_full_buffer_is_said(void **state)
{
    (void)state;
    struct error_facts facts = full_facts(ERROR_CAUSE_QUEUE_FULL);
    struct rendered whole = render(&facts);
    size_t headers_len = whole.headers_buffer.len;
    for (size_t limit = 0; limit <= whole.body_len; limit++) {
        struct buffer headers;
        struct buffer body;
        const char *status_line;
        buffer_init(&headers, headers_len);
        buffer_init(&body, limit);
        assert_int_equal(error_page_render(&facts, &status_line, &headers, &body), limit == whole.body_len);
        buffer_deinit(&headers);
        buffer_deinit(&body);
        if (limit < headers_len) {
            buffer_init(&headers, limit);
            buffer_init(&body, ROOM);
            assert_false(error_page_render(&facts, &status_line, &headers, &body));
            buffer_deinit(&headers);
            buffer_deinit(&body);
        }
    }
    rendered_deinit(&whole);
}

static void random_facts_give_well_formed_utf8_with_no_markup_of_theirs(void **state)
{
    (void)state;
    struct error_facts none = {
        .cause = ERROR_CAUSE_WORKER_EXITED, .show_details = true, .url = bytes_of_str("x"), .diagnostics = bytes_of_str("x")};
    struct rendered plain = render(&none);
    size_t brackets = 0;
    for (const char *at = plain.body; *at; at++)
        brackets += *at == '<';
    rendered_deinit(&plain);
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct rng rng = {seed};
        uint8_t random[300];
        rng_fill(&rng, random, sizeof random);
        struct error_facts facts = none;
        facts.url = bytes_of(random, 1 + rng_below(&rng, 150));
        facts.diagnostics = bytes_of(random + 150, 1 + rng_below(&rng, 150));
        struct rendered page = render(&facts);
        size_t found = 0;
        for (size_t i = 0; i < page.body_len; i++)
            found += page.body[i] == '<';
        struct bytes rest = bytes_of(page.body, page.body_len);
        bool good = found == brackets;
        while (good && rest.len > 0) {
            size_t len = text_utf8_len(rest);
            good = len > 0 && !(text_is_control(rest.ptr[0]) && rest.ptr[0] != '\n' && rest.ptr[0] != '\t');
            bytes_advance(&rest, len);
        }
        if (!good)
            fail_msg("seed %u", (unsigned)seed);
        rendered_deinit(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cause_has_its_own_name_text_and_status),
        cmocka_unit_test(each_page_says_its_status_cause_and_length),
        cmocka_unit_test(a_load_failure_says_what_the_exit_code_means),
        cmocka_unit_test(the_page_is_well_formed_and_accessible),
        cmocka_unit_test(details_are_all_there_when_they_may_be_shown),
        cmocka_unit_test(only_a_token_becomes_a_header),
        cmocka_unit_test(others_see_the_sentence_the_status_and_the_reference_only),
        cmocka_unit_test(numbers_come_in_decimal_and_hex),
        cmocka_unit_test(a_missing_mapping_is_error_1413),
        cmocka_unit_test(retry_after_is_the_given_one_or_a_default),
        cmocka_unit_test(nothing_of_a_fact_is_taken_for_html),
        cmocka_unit_test(what_is_no_utf8_or_no_text_is_replaced),
        cmocka_unit_test(a_head_request_gets_the_headers_of_the_page_alone),
        cmocka_unit_test(stderr_is_the_body_as_it_is_and_never_html),
        cmocka_unit_test(row_11_a_mebibyte_of_stderr_is_cut_behind_a_whole_character),
        cmocka_unit_test(the_longest_facts_leave_a_whole_page_within_64_kib),
        cmocka_unit_test(a_fact_that_just_fits_is_not_cut),
        cmocka_unit_test(a_page_without_facts_has_no_empty_list),
        cmocka_unit_test(a_full_buffer_is_said),
        cmocka_unit_test(random_facts_give_well_formed_utf8_with_no_markup_of_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
