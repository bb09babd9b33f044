/* error_page: cause and facts -> status, headers, page.
 *
 * Invariant: the page is never longer than ERROR_PAGE_MAX_LEN, is well-formed UTF-8, and no byte of a fact reaches it unescaped:
 * facts hold what clients, programs and files have written. Everything goes through put_text, which escapes, replaces and
 * cuts; each fact has its own share of the room, so that a long one cannot push the others out. One row per cause
 * holds all that is known about it, so that a new cause cannot be forgotten in some place. */
#include "fcgiext/core/error_page.h"

#include "fcgiext/core/text.h"

enum {
    MAX_FACT_LEN = 2 * 1024,         /* of the page, escaped; there are 9 of these */
    MAX_DIAGNOSTICS_LEN = 40 * 1024, /* the same; all together, with 3 KiB of fixed text, below ERROR_PAGE_MAX_LEN */
    MAX_REFERENCE_LEN = 64,          /* in a header, where it must be a token */
    NO_MAPPING_CODE = 1413,          /* ERROR_INVALID_INDEX: what hosts give for "no such entry" */
};

struct cause {
    const char *name;
    unsigned status;
    unsigned retry_after_s; /* 503 only */
    const char *text;
    const char *advice; /* for whoever runs the server */
};

static const struct cause causes[ERROR_CAUSE_COUNT] = {
    [ERROR_CAUSE_NONE] = {"none", 500, 0, "The request failed for a reason that was not recorded", "Look into the event log."},
    [ERROR_CAUSE_NO_MAPPING] = {"no_mapping", 500, 0, "No program has been set up for this kind of file on this site",
                                "Add a line for the extension to the [Types] section of fcgiext.ini, or remove the mapping "
                                "from the web server."},
    [ERROR_CAUSE_CONFIG_INVALID] = {"config_invalid", 500, 0, "The settings for this program have errors",
                                    "Correct the lines named here in fcgiext.ini; it is read again as soon as it is saved."},
    [ERROR_CAUSE_START_FAILED] = {"start_failed", 500, 0, "The program could not be started",
                                  "Check that ExePath names a program that exists, that the identity of the web server may "
                                  "execute it, and that all libraries it needs are there."},
    [ERROR_CAUSE_LOAD_FAILED] = {"load_failed", 500, 0, "The program was started, but the system could not load all of it",
                                 "Put the libraries that it needs beside it, or into a folder of PATH (EnvironmentVars can set "
                                 "it for the program alone), and check that they are for the same kind of processor."},
    [ERROR_CAUSE_WORKER_EXITED] = {"worker_exited", 500, 0, "The program ended before it had answered the request",
                                   "Look into the program's own log. If it ends by itself after a number of requests, "
                                   "InstanceMaxRequests must not be greater than that number."},
    [ERROR_CAUSE_WORKER_CRASHED] = {"worker_crashed", 500, 0, "The program crashed while it handled the request",
                                    "The exit code names the exception. Look into the program's own log and for recently "
                                    "changed extensions of it."},
    [ERROR_CAUSE_CONNECTION_CLOSED] = {"connection_closed", 500, 0,
                                       "The program closed the connection before its answer was complete",
                                       "Look into the program's own log."},
    [ERROR_CAUSE_CONNECT_FAILED] = {"connect_failed", 500, 0, "The program could not be reached",
                                    "Check that it runs and listens at the address that is configured."},
    [ERROR_CAUSE_ACTIVITY_TIMEOUT] =
        {"activity_timeout", 500, 0, "The program sent nothing for too long",
         "ActivityTimeout says how long a program may be silent. It must be greater than the longest "
         "pause in the program's output."},
    [ERROR_CAUSE_REQUEST_TIMEOUT] = {"request_timeout", 500, 0, "The program did not finish the request in time",
                                     "RequestTimeout says how long a whole request may take."},
    [ERROR_CAUSE_STARTUP_TIMEOUT] =
        {"startup_timeout", 500, 0, "The program was started but did not begin to work in time",
         "StartupTimeout says how long a new program may take until its first output. Check that it "
         "is a FastCGI program."},
    [ERROR_CAUSE_QUEUE_FULL] = {"queue_full", 503, 5, "Too many requests are waiting for this program already",
                                "MaxInstances and QueueLength say how many requests may run and wait."},
    [ERROR_CAUSE_QUEUE_TIMEOUT] = {"queue_timeout", 503, 5, "The request waited too long for a free program",
                                   "MaxInstances says how many requests may run at once, QueueTimeout how long others wait."},
    [ERROR_CAUSE_DRAINING] = {"draining", 503, 10, "This program has been taken out of service for a while",
                              "An operator has drained the pool. It answers again once it is resumed."},
    [ERROR_CAUSE_RAPID_FAIL] =
        {"rapid_fail", 503, 60, "The program failed too often in a short time and is not tried for a while",
         "The first cause says what to repair. RapidFailsPerMinute says how many failures are too many."},
    [ERROR_CAUSE_SHUTTING_DOWN] = {"shutting_down", 503, 5, "The server is about to stop or to restart",
                                   "Nothing is to be done."},
    [ERROR_CAUSE_RECYCLED] = {"recycled", 503, 1, "The program was replaced at once, and this request was cut off by it",
                              "An operator has ended the process, or recycled the pool, without waiting for requests."},
    [ERROR_CAUSE_PROTOCOL] =
        {"protocol", 500, 0, "The program answered with something that is not FastCGI",
         "Check that ExePath or Address names a FastCGI program (php-cgi, not php), and that it prints nothing "
         "outside of requests."},
    [ERROR_CAUSE_OVERLOADED] = {"overloaded", 503, 5, "The program refused the request because it is overloaded",
                                "Allow the program more simultaneous requests, or lower MaxInstances."},
    [ERROR_CAUSE_BAD_RESPONSE] = {"bad_response", 500, 0, "The program's answer has no usable headers",
                                  "An answer begins with header lines and a blank line. Look for text that the program prints "
                                  "before them."},
    [ERROR_CAUSE_STDERR] = {"stderr", 500, 0, "The program reported an error",
                            "Look into the program's own log. StderrMode says what happens to such reports."},
    [ERROR_CAUSE_BODY_TOO_LARGE] = {"body_too_large", 413, 0, "The request is larger than this server accepts",
                                    "MaxSpooledBody limits request bodies whose length is not known beforehand."},
    [ERROR_CAUSE_SPOOL] =
        {"spool", 500, 0, "The body of the request could not be stored until its length was known",
         "Check that the folder for temporary files of the web server's identity exists, that the identity may "
         "write there, and that the disk has room."},
    [ERROR_CAUSE_BAD_REQUEST] = {"bad_request", 400, 0, "The address of the request is not acceptable",
                                 "It holds characters or a file name that the file system would take for another one."},
    [ERROR_CAUSE_CLIENT_GONE] = {"client_gone", 500, 0, "The client closed the connection before it was answered",
                                 "Nothing is to be done."},
    [ERROR_CAUSE_HOST] = {"host", 500, 0, "The web server refused a function that is needed to answer",
                          "Look into the event log, which names the function."},
    [ERROR_CAUSE_IMPERSONATION] =
        {"impersonation", 500, 0, "The request could not be carried out in the name of its user",
         "The web server must have a token for the user, and its identity the right to impersonate. If "
         "the program is to act as the web server's identity for all users, set Impersonate=0."},
    [ERROR_CAUSE_HAND_BACK] =
        {"hand_back", 500, 0, "The web server was to answer this request itself, and could not be told to",
         "IgnoreExistingFiles and IgnoreDirectories need IIS 6 or later. With another web server remove them "
         "from this section, and map the extensions of programs instead of *."},
    [ERROR_CAUSE_NO_MEMORY] = {"no_memory", 500, 0, "The server ran out of memory for this request",
                               "Lower MaxInstances or ResponseBufferLimit, or give the web server more memory."},
};

static const struct cause *cause_of(enum error_cause cause)
{
    return &causes[(unsigned)cause < ERROR_CAUSE_COUNT ? cause : ERROR_CAUSE_NONE];
}

const char *error_cause_name(enum error_cause cause)
{
    return cause_of(cause)->name;
}

unsigned error_cause_status(enum error_cause cause)
{
    return cause_of(cause)->status;
}

const char *error_cause_text(enum error_cause cause)
{
    return cause_of(cause)->text;
}

/* The codes with which the system ends a process before its own first line. */
const char *error_load_failure_text(uint32_t exit_code)
{
    switch (exit_code) {
    case 0xC000007Bu: return "a library that it needs is damaged, or is for another kind of processor";
    case 0xC0000135u: return "a library that it needs was not found";
    case 0xC0000138u:
    case 0xC0000139u: return "a library lacks a function that it needs: it is of another version";
    case 0xC0000142u: return "a library that it needs could not be initialized";
    default: return NULL;
    }
}

static const char *status_line_of(unsigned status)
{
    switch (status) {
    case 400: return "400 Bad Request";
    case 413: return "413 Content Too Large";
    case 503: return "503 Service Unavailable";
    default: return "500 Internal Server Error";
    }
}

/* ---- writing */

struct page {
    struct buffer *out;
    bool failed; /* out of memory: nothing more is written */
};

static void put(struct page *page, const char *html)
{
    page->failed = page->failed || !buffer_append_str(page->out, html);
}

/* What one character of a fact looks like on the page; *len bytes of `text` are taken. Empty: nothing. */
static struct bytes escaped(struct bytes text, size_t *len)
{
    *len = 1;
    switch (text.ptr[0]) {
    case '&': return bytes_of_str("&amp;");
    case '<': return bytes_of_str("&lt;");
    case '>': return bytes_of_str("&gt;");
    case '"': return bytes_of_str("&quot;");
    case '\'': return bytes_of_str("&#39;");
    case '\n':
    case '\t': return bytes_of(text.ptr, 1);
    case '\r': return bytes_of(NULL, 0);
    }
    size_t sequence = text_utf8_len(text);
    if (sequence == 0 || text_is_control(text.ptr[0]))
        return bytes_of_str("\xef\xbf\xbd");
    *len = sequence;
    return bytes_of(text.ptr, sequence);
}

/* At most `most` bytes, and a remark if that was not all. */
static void put_text(struct page *page, struct bytes text, size_t most)
{
    while (text.len > 0 && !page->failed) {
        size_t len;
        struct bytes piece = escaped(text, &len);
        if (piece.len > most) {
            put(page, " \xe2\x80\xa6 [the rest is left out]");
            return;
        }
        page->failed = !buffer_append(page->out, piece);
        most -= piece.len;
        bytes_advance(&text, len);
    }
}

static void put_fact(struct page *page, const char *label, struct bytes value)
{
    if (value.len == 0)
        return;
    put(page, "<dt>");
    put(page, label);
    put(page, "</dt><dd>");
    put_text(page, value, MAX_FACT_LEN);
    put(page, "</dd>\n");
}

/* What went wrong in the end: behind RAPID_FAIL that is its first cause. */
static enum error_cause root_cause(const struct error_facts *facts)
{
    return facts->cause == ERROR_CAUSE_RAPID_FAIL ? facts->first_cause : facts->cause;
}

bool error_has_exit_code(const struct error_facts *facts)
{
    enum error_cause cause = root_cause(facts);
    return cause == ERROR_CAUSE_WORKER_EXITED || cause == ERROR_CAUSE_WORKER_CRASHED || cause == ERROR_CAUSE_LOAD_FAILED;
}

bool error_has_own_code(const struct error_facts *facts)
{
    return root_cause(facts) == ERROR_CAUSE_WORKER_EXITED; /* an exception is the system's */
}

struct bytes error_detail(const struct error_facts *facts)
{
    const char *load_failure = root_cause(facts) == ERROR_CAUSE_LOAD_FAILED ? error_load_failure_text(facts->code) : NULL;
    return facts->detail.len || !load_failure ? facts->detail : bytes_of_str(load_failure);
}

static void put_code(struct page *page, const struct error_facts *facts)
{
    uint32_t code = facts->has_code ? facts->code : NO_MAPPING_CODE;
    if (!facts->has_code && facts->cause != ERROR_CAUSE_NO_MAPPING)
        return;
    put(page, error_has_exit_code(facts) ? "<dt>Exit code</dt><dd>" : "<dt>Error number</dt><dd>");
    page->failed = page->failed || !text_append_decimal(page->out, code);
    put(page, " (0x");
    page->failed = page->failed || !text_append_hex(page->out, code, 8, true);
    put(page, ")</dd>\n");
}

static void put_details(struct page *page, const struct error_facts *facts)
{
    put_fact(page, "Details", error_detail(facts));
    if (facts->first_cause != ERROR_CAUSE_NONE)
        put_fact(page, "First cause", bytes_of_str(error_cause_text(facts->first_cause)));
    put_fact(page, "Pool", facts->pool);
    put_fact(page, "Program", facts->program);
    put_fact(page, "Extension", facts->extension);
    put_fact(page, "Site", facts->site);
    put_fact(page, "Address", facts->url);
    put_code(page, facts);
    put_fact(page, "System", facts->system_text);
    if (facts->diagnostics.len > 0) {
        put(page, "<dt>Settings</dt><dd><pre>");
        put_text(page, facts->diagnostics, MAX_DIAGNOSTICS_LEN);
        put(page, "</pre></dd>\n");
    }
}

static void put_page(struct page *page, const struct error_facts *facts, const char *status_line)
{
    const struct cause *cause = cause_of(facts->cause);
    put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    put(page, status_line);
    put(page, "</title>\n<style>\n"
              ":root { color-scheme: light dark; }\n"
              "body { max-width: 46rem; margin: 12vh auto 3rem; padding: 0 1.25rem; font: 1rem/1.55 system-ui, \"Segoe UI\", "
              "sans-serif; }\n"
              "h1 { font-size: 1.6rem; line-height: 1.25; }\n"
              "dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1.25rem; "
              "border-top: 1px solid #8888; padding-top: 1rem; }\n"
              "dt { font-weight: 600; }\n"
              "dd { margin: 0; overflow-wrap: anywhere; }\n"
              "pre { margin: 0; font: .875rem/1.5 ui-monospace, Consolas, monospace; white-space: pre-wrap; }\n"
              "</style>\n</head>\n<body>\n<main>\n<h1>");
    put(page, status_line);
    put(page, "</h1>\n<p>");
    put(page, cause->text);
    put(page, ".</p>\n");
    if (facts->show_details) {
        put(page, "<p>");
        put(page, cause->advice);
        put(page, "</p>\n");
    }
    if (facts->show_details || facts->reference.len > 0)
        put(page, "<dl>\n");
    if (facts->show_details)
        put_details(page, facts);
    put_fact(page, "Reference", facts->reference);
    if (facts->show_details || facts->reference.len > 0)
        put(page, "</dl>\n");
    put(page, "</main>\n</body>\n</html>\n");
}

/* stderr as the body, as it is; what does not fit is cut behind a whole character. */
static void put_stderr(struct page *page, struct bytes text)
{
    const struct bytes remark = bytes_of_str("\n[the rest is left out]\n");
    bool cut = text.len > ERROR_PAGE_MAX_LEN;
    if (cut) {
        text.len = ERROR_PAGE_MAX_LEN - remark.len;
        for (int steps = 3; steps > 0 && (text.ptr[text.len] & 0xc0) == 0x80; steps--)
            text.len--;
    }
    page->failed = !buffer_append(page->out, text) || (cut && !buffer_append(page->out, remark));
}

static bool put_headers(struct page *page, const struct error_facts *facts, size_t body_len, bool plain)
{
    const struct cause *cause = cause_of(facts->cause);
    put(page, plain ? "Content-Type: text/plain; charset=utf-8\r\n" : "Content-Type: text/html; charset=utf-8\r\n");
    put(page, "Content-Length: ");
    page->failed = page->failed || !text_append_decimal(page->out, body_len);
    put(page, "\r\nCache-Control: no-store\r\n"
              "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
              "X-Content-Type-Options: nosniff\r\n"
              "X-Fcgiext-Reason: ");
    put(page, cause->name);
    put(page, "\r\n");
    if (facts->reference.len <= MAX_REFERENCE_LEN && text_is_token(facts->reference)) {
        put(page, "X-Fcgiext-Reference: ");
        page->failed = page->failed || !buffer_append(page->out, facts->reference);
        put(page, "\r\n");
    }
    if (cause->status == 503) {
        put(page, "Retry-After: ");
        uint32_t seconds = facts->retry_after_s ? facts->retry_after_s : cause->retry_after_s;
        page->failed = page->failed || !text_append_decimal(page->out, seconds);
        put(page, "\r\n");
    }
    page->failed = page->failed || !buffer_append(page->out, bytes_of("\r\n", 3)); /* with its NUL */
    return !page->failed;
}

bool error_page_render(const struct error_facts *facts, const char **status_line, struct buffer *headers, struct buffer *body)
{
    struct page page = {.out = body};
    bool plain = facts->cause == ERROR_CAUSE_STDERR && facts->stderr_text.len > 0;
    *status_line = status_line_of(cause_of(facts->cause)->status);
    if (plain)
        put_stderr(&page, facts->stderr_text);
    else
        put_page(&page, facts, *status_line);
    if (page.failed)
        return false;
    size_t body_len = body->len;
    if (facts->head)
        buffer_clear(body);
    page.out = headers;
    return put_headers(&page, facts, body_len, plain);
}
