/* error_page: what went wrong -> HTTP status, headers and an HTML page that says what, where and what to do.
 *
 * Details (paths, exit codes, the system's text, file and line) go to local clients only, unless configured; a remote
 * client gets the sentence, the status and a reference id that is in the log, too. reference.md section 5. What a program has
 * written on stderr is no such detail: StderrMode=ReturnStderrIn500 says that clients are to see it. It is sent as the body,
 * as it is, as plain text (it may hold what the client has sent, so it must not be taken for HTML). */
#ifndef FCGIEXT_CORE_ERROR_PAGE_H
#define FCGIEXT_CORE_ERROR_PAGE_H

#include "fcgiext/core/buffer.h"

/* Every way in which a request can fail. The names are part of the interface (logs, management pipe): see
 * error_cause_name(). */
enum error_cause {
    ERROR_CAUSE_NONE,
    ERROR_CAUSE_NO_MAPPING,        /* no [Types] entry for the extension and site */
    ERROR_CAUSE_CONFIG_INVALID,    /* fcgiext.ini, or this pool's section, has errors */
    ERROR_CAUSE_START_FAILED,      /* the process could not be started (missing, not executable, access denied) */
    ERROR_CAUSE_LOAD_FAILED,       /* the process was started, but the system could not load what it needs (a DLL) */
    ERROR_CAUSE_WORKER_EXITED,     /* the process exited before the reply was complete */
    ERROR_CAUSE_WORKER_CRASHED,    /* the same with an exception code (0xC...) */
    ERROR_CAUSE_CONNECTION_CLOSED, /* the connection ended before the reply was complete, the process lives on */
    ERROR_CAUSE_CONNECT_FAILED,    /* an external server, or the pipe of a worker, could not be reached */
    ERROR_CAUSE_ACTIVITY_TIMEOUT,
    ERROR_CAUSE_REQUEST_TIMEOUT,
    ERROR_CAUSE_STARTUP_TIMEOUT,
    ERROR_CAUSE_QUEUE_FULL,     /* 503, Retry-After */
    ERROR_CAUSE_QUEUE_TIMEOUT,  /* 503, Retry-After */
    ERROR_CAUSE_DRAINING,       /* 503, Retry-After */
    ERROR_CAUSE_RAPID_FAIL,     /* 503, Retry-After; first_cause says why */
    ERROR_CAUSE_SHUTTING_DOWN,  /* 503 */
    ERROR_CAUSE_RECYCLED,       /* 503: an operator had the pool recycled at once */
    ERROR_CAUSE_PROTOCOL,       /* the worker sent something that is not FastCGI */
    ERROR_CAUSE_OVERLOADED,     /* END_REQUEST with FCGI_OVERLOADED: 503 */
    ERROR_CAUSE_BAD_RESPONSE,   /* no header at all, or too many of them */
    ERROR_CAUSE_STDERR,         /* StderrMode made a 500 of what came on stderr */
    ERROR_CAUSE_BODY_TOO_LARGE, /* 413: above MaxSpooledBody */
    ERROR_CAUSE_SPOOL,          /* a body of unknown length could not be stored, or read back */
    ERROR_CAUSE_BAD_REQUEST,    /* 400: a path with NUL, control characters or Windows tricks */
    ERROR_CAUSE_CLIENT_GONE,    /* nobody is there to read a page */
    ERROR_CAUSE_HOST,           /* the host refused a call that we need */
    ERROR_CAUSE_IMPERSONATION,  /* the user's token could not be had, or not be used */
    ERROR_CAUSE_HAND_BACK,      /* a file or folder that the host is to answer, and refuses to */
    ERROR_CAUSE_NO_MEMORY,
    ERROR_CAUSE_COUNT
};

enum { ERROR_PAGE_MAX_LEN = 64 * 1024 };

struct error_facts {
    enum error_cause cause;
    struct bytes pool;            /* name; empty when no pool was found */
    struct bytes url;             /* path without the query */
    struct bytes extension;       /* NO_MAPPING: ".php" */
    struct bytes site;            /* NO_MAPPING: the site's id */
    struct bytes program;         /* ExePath or Address */
    struct bytes diagnostics;     /* CONFIG_INVALID: lines "file:line: error: ..." */
    struct bytes detail;          /* any further sentence (exchange_problem_text, which limit, which host call) */
    struct bytes stderr_text;     /* ERROR_CAUSE_STDERR with ReturnStderrIn500: the body, to every client; else empty */
    struct bytes system_text;     /* the system's text for `code` */
    bool has_code;                /* NO_MAPPING without one: 1413 */
    uint32_t code;                /* Win32 error or exit code: shown in decimal and hex */
    enum error_cause first_cause; /* RAPID_FAIL */
    uint32_t retry_after_s;       /* 503: 0 gives a default */
    struct bytes reference;       /* id that is in the log, too */
    bool show_details;            /* the client is local, or details are configured */
    bool head;                    /* HEAD: headers only */
};

/* snake_case, stable: "activity_timeout". */
const char *error_cause_name(enum error_cause cause);
/* Which exit codes mean LOAD_FAILED, and why: "a library that it needs was not found". NULL: this one does not. */
const char *error_load_failure_text(uint32_t exit_code);
/* 500, 503, 413, 400. */
unsigned error_cause_status(enum error_cause cause);
/* One sentence, without a full stop, distinct for each cause: also for the log. */
const char *error_cause_text(enum error_cause cause);

/* `code` is what a program ended with, not a number of the system. */
bool error_has_exit_code(const struct error_facts *facts);
/* The same, and it is the program's own: the system's text for an error of that number does not belong to it. */
bool error_has_own_code(const struct error_facts *facts);
/* The further sentence, or what the code of LOAD_FAILED means; may be empty. */
struct bytes error_detail(const struct error_facts *facts);

/* Renders the whole page into empty buffers. status_line is a string like "503 Service Unavailable"; `headers` gets lines that end
 * in CRLF (Content-Type, Content-Length, Cache-Control, X-Fcgiext-Reason: error_cause_name(), X-Fcgiext-Reference, Retry-After with a 503,
 * and what keeps browsers from running anything in it) and the blank line and a NUL, its last byte; `body` the HTML in UTF-8, escaped,
 * at most ERROR_PAGE_MAX_LEN (longer facts are cut and say so); nothing for HEAD, whose Content-Length is the page's.
 * What is no UTF-8, and control characters, become U+FFFD. false: out of memory. */
bool error_page_render(const struct error_facts *facts, const char **status_line, struct buffer *headers, struct buffer *body);

#endif
