/* responder: the FastCGI program of the demo and of the system tests, on libfcgi. It is started by fcgiext (ExePath).
 *
 * Two tables hold what it can do: `pages`, and the ways to fail in `failures`. Each page carries X-Worker-Pid and
 * X-Worker-Requests, so that a client sees which process answered. The page is named by ?page=NAME, by the path behind the
 * script (/app/index.fcgi/env) or by the script itself (/app/env.fcgi).
 *
 * The request's body is read to its end before a page answers. Both reasons are libfcgi's and fcgiext's: on a kept connection
 * libfcgi takes an unread body for new records, and fcgiext reads no more of the client once the reply's headers have gone out. */
#include <fcgiapp.h>

#include <winsock2.h>

#include <windows.h>

#include "tools/demo/programs/multipart.h"
#include "tools/demo/programs/standard_handles.h"
#include "tools/demo/programs/untimed_select.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BODY_MAX_LEN = 256 * 1024 * 1024,
    READ_STEP_LEN = 64 * 1024,
    PATTERN_PERIOD = 251, /* of /download: byte i is i % 251 */
    NAME_MAX_LEN = 64,
    SHOWN_TEXT_LEN = 2000, /* of a form field */
    WAIT_MAX_MS = 3600 * 1000,
    HEADERS_MAX_COUNT = 1000000,
};

struct request {
    FCGX_Request fcgi;
    unsigned long number; /* in this process, from 1 */
    char *body;
    size_t body_len;
};

struct page {
    const char *name;
    void (*answer)(struct request *);
    const char *query; /* an example, for the index */
    const char *help;
};

static const char style[] = "<style>"
                            ":root{color-scheme:light dark}"
                            "body{font:1rem/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
                            "table{border-collapse:collapse;width:100%}"
                            "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8886}"
                            "label{display:block;margin:.8rem 0 .2rem}"
                            "pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}"
                            "</style>";

/* ---- what came */

static const char *param(const struct request *request, const char *name)
{
    const char *value = FCGX_GetParam(name, request->fcgi.envp);
    return value == NULL ? "" : value;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes one value of the query string, cut if it does not fit. false: it is not there. */
static bool query_text(const struct request *request, const char *name, char *value, size_t value_size)
{
    const char *at = param(request, "QUERY_STRING");
    size_t name_len = strlen(name);
    while (strncmp(at, name, name_len) != 0 || at[name_len] != '=') {
        at = strchr(at, '&');
        if (at == NULL)
            return false;
        at++;
    }
    size_t len = 0;
    for (at += name_len + 1; *at != '\0' && *at != '&' && len + 1 < value_size; at++) {
        char c = *at == '+' ? ' ' : *at;
        if (c == '%' && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
            c = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
            at += 2;
        }
        value[len++] = c;
    }
    value[len] = '\0';
    return true;
}

/* Reads the body into request->body. false: it is too long (the rest has been thrown away), or the connection broke. */
static bool read_body(struct request *request)
{
    size_t room = 0;
    bool kept = true;
    request->body_len = 0;
    while (true) {
        if (room - request->body_len < READ_STEP_LEN) {
            size_t larger = room == 0 ? READ_STEP_LEN : room * 2;
            char *moved = kept && larger <= BODY_MAX_LEN ? realloc(request->body, larger) : NULL;
            if (moved != NULL) {
                request->body = moved;
                room = larger;
            } else {
                if (request->body == NULL)
                    abort();
                kept = false;
                request->body_len = 0;
            }
        }
        int len = FCGX_GetStr(request->body + request->body_len, READ_STEP_LEN, request->fcgi.in);
        request->body_len += (size_t)len;
        if (len < READ_STEP_LEN)
            return kept && FCGX_GetError(request->fcgi.in) == 0;
    }
}

/* ---- what goes out */

static bool put_bytes(struct request *request, const void *bytes, size_t len)
{
    return FCGX_PutStr(bytes, (int)len, request->fcgi.out) == (int)len;
}

static bool put(struct request *request, const char *text)
{
    return put_bytes(request, text, strlen(text));
}

/* For short lines: cut at 1 KiB. */
static void put_format(struct request *request, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

static void put_format(struct request *request, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put(request, text);
}

static void put_escaped(struct request *request, const void *text, size_t len)
{
    for (const char *at = text, *end = at + len; at < end; at++) {
        switch (*at) {
        case '&': put(request, "&amp;"); break;
        case '<': put(request, "&lt;"); break;
        case '>': put(request, "&gt;"); break;
        case '"': put(request, "&quot;"); break;
        case '\'': put(request, "&#39;"); break;
        default: put_bytes(request, at, 1);
        }
    }
}

/* Status and the headers that every page has; the page may add some, and ends them with an empty line. */
static void begin(struct request *request, const char *status, const char *content_type)
{
    put_format(request, "Status: %s\r\n", status);
    put(request, "Content-Type: ");
    put(request, content_type);
    put_format(request, "\r\nCache-Control: no-store\r\nX-Worker-Pid: %lu\r\nX-Worker-Requests: %lu\r\n", GetCurrentProcessId(),
               request->number);
    if (param(request, "HTTP_X_TOKEN")[0] != '\0') /* so that a client sees that this is the answer to its request */
        put_format(request, "X-Token: %s\r\n", param(request, "HTTP_X_TOKEN"));
}

static void begin_text(struct request *request)
{
    begin(request, "200 OK", "text/plain; charset=utf-8");
    put(request, "\r\n");
}

static void begin_html(struct request *request, const char *status, const char *title)
{
    begin(request, status, "text/html; charset=utf-8");
    put(request, "\r\n<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    put(request, style);
    put_format(request, "<title>%s</title></head>\n<body><main><h1>%s</h1>\n", title, title);
}

static void end_html(struct request *request)
{
    put_format(request, "<p><small>Process %lu, its request number %lu.</small></p></main></body></html>\n",
               GetCurrentProcessId(), request->number);
}

static void refuse(struct request *request, const char *status, const char *why)
{
    begin_html(request, status, status);
    put(request, "<p>");
    put_escaped(request, why, strlen(why));
    put(request, "</p>");
    end_html(request);
}

/* A number of the query string; *value keeps its default when there is none. false: it is wrong, and the page says so. */
static bool query_number(struct request *request, const char *name, uint64_t most, uint64_t *value)
{
    char text[NAME_MAX_LEN] = "";
    char *end = text;
    if (!query_text(request, name, text, sizeof text))
        return true;
    unsigned long long number = strtoull(text, &end, 10);
    /* strtoull takes signs, and says ULLONG_MAX for what is too large: that one number is refused with them. */
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && number <= most && number != UINT64_MAX) {
        *value = number;
        return true;
    }
    char why[256];
    snprintf(why, sizeof why, "%s: a whole number from 0 to %llu is wanted, not '%s'.", name, (unsigned long long)most, text);
    refuse(request, "400 Bad Request", why);
    return false;
}

static bool is_head(const struct request *request)
{
    return strcmp(param(request, "REQUEST_METHOD"), "HEAD") == 0;
}

/* ---- the pages */

static void page_env(struct request *request)
{
    begin_text(request);
    for (char **at = request->fcgi.envp; *at != NULL; at++) {
        put(request, *at);
        put(request, "\n");
    }
}

static void put_wide(struct request *request, const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *utf8 = size > 0 ? malloc((size_t)size) : NULL;
    if (utf8 != NULL && WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, size, NULL, NULL) > 0)
        put(request, utf8);
    free(utf8);
    put(request, "\n");
}

/* As the C run-time has taken the command line apart. */
static int argument_count;
static char **arguments;

static void put_arguments(struct request *request)
{
    for (int i = 1; i < argument_count; i++) {
        int len = MultiByteToWideChar(CP_ACP, 0, arguments[i], -1, NULL, 0);
        wchar_t *wide = len > 0 ? malloc((size_t)len * sizeof *wide) : NULL;
        put_format(request, "argument %d: ", i);
        if (wide != NULL && MultiByteToWideChar(CP_ACP, 0, arguments[i], -1, wide, len) > 0)
            put_wide(request, wide);
        free(wide);
    }
}

static void page_process(struct request *request)
{
    wchar_t folder[MAX_PATH + 1] = L"";
    GetCurrentDirectoryW(MAX_PATH, folder);
    begin_text(request);
    put(request, "command line: ");
    put_wide(request, GetCommandLineW());
    put(request, "working directory: ");
    put_wide(request, folder);
    put_arguments(request);
    put(request, "\n");
    wchar_t *environment = GetEnvironmentStringsW();
    for (wchar_t *at = environment; at != NULL && *at != L'\0'; at += wcslen(at) + 1)
        put_wide(request, at);
    if (environment != NULL)
        FreeEnvironmentStringsW(environment);
}

static void page_echo(struct request *request)
{
    const char *type = param(request, "CONTENT_TYPE");
    begin(request, "200 OK", type[0] == '\0' ? "application/octet-stream" : type);
    put_format(request, "X-Body-Length: %llu\r\n\r\n", (unsigned long long)request->body_len);
    if (!is_head(request))
        put_bytes(request, request->body, request->body_len);
}

static void page_download(struct request *request)
{
    static unsigned char pattern[PATTERN_PERIOD * 64];
    uint64_t left = 1000000;
    char length[NAME_MAX_LEN] = "";
    if (!query_number(request, "bytes", INT64_MAX, &left))
        return;
    query_text(request, "length", length, sizeof length);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (unsigned char)(i % PATTERN_PERIOD);
    begin(request, "200 OK", "application/octet-stream");
    put(request, "Content-Disposition: attachment; filename=\"download.bin\"\r\n");
    if (strcmp(length, "no") != 0)
        put_format(request, "Content-Length: %llu\r\n", (unsigned long long)left);
    put(request, "\r\n");
    if (is_head(request))
        return;
    while (left > 0) {
        size_t len = left < sizeof pattern ? (size_t)left : sizeof pattern;
        if (!put_bytes(request, pattern, len))
            return; /* the other side has gone */
        left -= len;
    }
}

static void page_slow(struct request *request)
{
    uint64_t ms = 1000;
    uint64_t lines = 0;
    if (!query_number(request, "ms", WAIT_MAX_MS, &ms) || !query_number(request, "lines", 100000, &lines))
        return;
    if (lines == 0) {
        Sleep((DWORD)ms);
        begin_text(request);
        put_format(request, "waited %llu ms\n", (unsigned long long)ms);
        return;
    }
    begin_text(request);
    for (uint64_t i = 1; i <= lines; i++) {
        Sleep((DWORD)ms);
        put_format(request, "line %llu of %llu\n", (unsigned long long)i, (unsigned long long)lines);
        if (FCGX_FFlush(request->fcgi.out) != 0)
            return;
    }
}

static void page_headers(struct request *request)
{
    uint64_t count = 20;
    if (!query_number(request, "count", HEADERS_MAX_COUNT, &count))
        return;
    begin(request, "200 OK", "text/plain; charset=utf-8");
    for (uint64_t i = 1; i <= count; i++)
        put_format(request, "X-Sample-%llu: value %llu\r\n", (unsigned long long)i, (unsigned long long)i);
    put_format(request, "\r\n%llu headers X-Sample-1 and on\n", (unsigned long long)count);
}

/* ---- the form */

static void put_part(struct request *request, const struct multipart_part *part)
{
    bool is_file = part->file_name.at != NULL;
    struct span shown = is_file ? part->file_name : part->content;
    put(request, "<tr><th scope=\"row\">");
    put_escaped(request, part->name.at, part->name.len);
    put_format(request, "</th><td>%s</td><td>%llu</td><td><pre>", is_file ? "file" : "text",
               (unsigned long long)part->content.len);
    put_escaped(request, shown.at, shown.len < SHOWN_TEXT_LEN ? shown.len : SHOWN_TEXT_LEN);
    put(request, "</pre></td></tr>\n");
}

static void put_parts(struct request *request)
{
    struct multipart form;
    struct multipart_part part;
    put_format(request, "<h2>What came: %llu bytes</h2>\n<table>", (unsigned long long)request->body_len);
    put(request, "<thead><tr><th scope=\"col\">Field</th><th scope=\"col\">Kind</th><th scope=\"col\">Bytes</th>"
                 "<th scope=\"col\">Value</th></tr></thead><tbody>\n");
    if (multipart_begin(&form, param(request, "CONTENT_TYPE"), request->body, request->body_len))
        while (multipart_next(&form, &part))
            put_part(request, &part);
    put(request, "</tbody></table>\n");
    if (!form.complete)
        put(request, "<p>The body is no complete multipart/form-data.</p>\n");
}

static void page_form(struct request *request)
{
    begin_html(request, "200 OK", "Form with upload");
    if (strcmp(param(request, "REQUEST_METHOD"), "POST") == 0)
        put_parts(request);
    put(request, "<form method=\"post\" enctype=\"multipart/form-data\"><label for=\"text\">Text</label>"
                 "<input id=\"text\" name=\"text\" value=\"M&uuml;nchen &amp; more\"><label for=\"file\">File</label>"
                 "<input id=\"file\" name=\"file\" type=\"file\"><p><button>Send</button></p></form>\n");
    end_html(request);
}

/* ---- ways to fail */

static void fail_status(struct request *request)
{
    refuse(request, "418 I'm a teapot", "The program chose this status, and this is its own page.");
}

static void fail_stderr(struct request *request)
{
    FCGX_PutS("The program writes this on stderr, and nothing else.\n", request->fcgi.err);
}

static void fail_stderr_headers(struct request *request)
{
    FCGX_PutS("The program writes this on stderr, then a good page.\n", request->fcgi.err);
    FCGX_FFlush(request->fcgi.err);
    begin_text(request);
    put(request, "a good page\n");
}

static void fail_exit(struct request *request)
{
    uint64_t code = 7;
    if (query_number(request, "code", UINT32_MAX, &code))
        ExitProcess((UINT)code);
}

static void fail_exit_late(struct request *request)
{
    begin_text(request);
    put(request, "the first half\n");
    FCGX_FFlush(request->fcgi.out);
    fail_exit(request);
}

static void fail_crash(struct request *request)
{
    volatile uintptr_t nowhere = 16; /* volatile: else the compiler sees the fault and emits another one */
    *(volatile char *)nowhere = (char)request->number;
}

static void fail_nothing(struct request *request)
{
    (void)request;
}

static void fail_garbage(struct request *request)
{
    put(request, "this line is no header\r\n: no name\r\nbad name: value\r\nX-Good: this one is\r\n");
    begin_text(request);
    put(request, "Only the valid headers reach the client.\n");
}

static void fail_redirect(struct request *request)
{
    put(request, "Location: ?page=env&redirected=1\r\n\r\n");
}

static void fail_hang(struct request *request)
{
    (void)request;
    Sleep(INFINITE);
}

static const struct page failures[] = {
    {"status", fail_status, "", "status 418 and a page of its own"},
    {"stderr", fail_stderr, "", "text on stderr, nothing else"},
    {"stderr-headers", fail_stderr_headers, "", "text on stderr, then a good page"},
    {"exit", fail_exit, "&code=7", "the process exits in the middle of the request"},
    {"exit-late", fail_exit_late, "&code=7", "the process exits when half of the page has gone out"},
    {"crash", fail_crash, "", "access violation"},
    {"nothing", fail_nothing, "", "the request ends without any output"},
    {"garbage", fail_garbage, "", "header lines that are none"},
    {"redirect", fail_redirect, "", "Location alone: 302"},
    {"hang", fail_hang, "", "no answer until the process is ended"},
};

/* ---- tables and index */

static const struct page *find_page(const struct page *table, size_t count, const char *name, size_t name_len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(table[i].name) == name_len && memcmp(table[i].name, name, name_len) == 0)
            return &table[i];
    return NULL;
}

static void put_table(struct request *request, const struct page *table, size_t count, const char *link)
{
    put(request, "<table><tbody>\n");
    for (size_t i = 0; i < count; i++) {
        put_format(request, "<tr><th scope=\"row\"><a href=\"%s%s", link, table[i].name);
        put_escaped(request, table[i].query, strlen(table[i].query));
        put_format(request, "\">%s</a></th><td>%s</td></tr>\n", table[i].name, table[i].help);
    }
    put(request, "</tbody></table>\n");
}

static void page_error(struct request *request)
{
    char kind[NAME_MAX_LEN] = "";
    size_t count = sizeof failures / sizeof failures[0];
    bool asked = query_text(request, "kind", kind, sizeof kind);
    const struct page *failure = find_page(failures, count, kind, strlen(kind));
    if (failure != NULL) {
        failure->answer(request);
        return;
    }
    begin_html(request, asked ? "404 Not Found" : "200 OK", "Ways to fail");
    put_table(request, failures, count, "?page=error&amp;kind=");
    end_html(request);
}

static void page_index(struct request *request);

static const struct page pages[] = {
    {"env", page_env, "", "the CGI variables as they came, NAME=value"},
    {"process", page_process, "", "command line, working directory, arguments and environment of the process"},
    {"echo", page_echo, "", "the body of the request, byte for byte"},
    {"download", page_download, "&bytes=5000000", "many bytes; &amp;length=no leaves out Content-Length"},
    {"slow", page_slow, "&ms=500&lines=10", "waits, or sends a line at a time"},
    {"headers", page_headers, "&count=20", "many headers"},
    {"form", page_form, "", "form with text and file"},
    {"error", page_error, "", "ways to fail"},
    {"index", page_index, "", "this page"},
};
enum { PAGE_COUNT = sizeof pages / sizeof pages[0] };

static void page_index(struct request *request)
{
    char name[NAME_MAX_LEN];
    bool unknown = query_text(request, "page", name, sizeof name) && find_page(pages, PAGE_COUNT, name, strlen(name)) == NULL;
    begin_html(request, unknown ? "404 Not Found" : "200 OK", "Responder");
    put_table(request, pages, PAGE_COUNT, "?page=");
    end_html(request);
}

static const struct page *route(const struct request *request)
{
    char name[NAME_MAX_LEN];
    const struct page *page = NULL;
    if (query_text(request, "page", name, sizeof name))
        page = find_page(pages, PAGE_COUNT, name, strlen(name));
    const char *script = param(request, "SCRIPT_NAME");
    const char *path = param(request, "PATH_INFO");
    size_t script_len = strlen(script);
    if (strncmp(path, script, script_len) == 0) /* IIS's way: the path begins with the script */
        path += script_len;
    if (page == NULL && path[0] == '/')
        page = find_page(pages, PAGE_COUNT, path + 1, strcspn(path + 1, "/"));
    const char *last = strrchr(script, '/');
    last = last == NULL ? script : last + 1;
    if (page == NULL)
        page = find_page(pages, PAGE_COUNT, last, strcspn(last, "."));
    return page == NULL ? &pages[PAGE_COUNT - 1] : page;
}

int main(int argc, char **argv)
{
    static struct request request;
    argument_count = argc;
    arguments = argv;
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX); /* a crash shows no dialog */
    mend_standard_handles();
    if (!untimed_select_install() || FCGX_Init() != 0 || FCGX_IsCGI() || FCGX_InitRequest(&request.fcgi, 0, 0) != 0) {
        fputs("responder: a FastCGI program: name it in fcgiext.ini as ExePath; it does not run by hand\n", stderr);
        return 2;
    }
    while (FCGX_Accept_r(&request.fcgi) == 0) {
        request.number++;
        if (read_body(&request))
            route(&request)->answer(&request);
        else if (FCGX_GetError(request.fcgi.in) == 0)
            refuse(&request, "413 Payload Too Large", "This program takes bodies up to 256 MiB.");
        free(request.body);
        request.body = NULL;
    }
    return 0;
}
