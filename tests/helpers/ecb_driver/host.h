/* host: an ISAPI host without HTTP: as many ECBs at once as a test likes, each watched for the rules of ISAPI, with host
 * failures injected on request. The real DLL cannot tell it from IIS. */
#ifndef TESTS_ECB_DRIVER_HOST_H
#define TESTS_ECB_DRIVER_HOST_H

#include <windows.h>

#include <httpext.h>

#include <stdbool.h>
#include <stdint.h>

#include "tests/helpers/now_ns.h"

enum completions { COMPLETIONS_INLINE, COMPLETIONS_THREAD, COMPLETIONS_LATE, COMPLETIONS_HELD /* never */ };

/* What the host refuses or breaks, for one request. */
enum fault {
    FAULT_NONE,
    FAULT_NO_IO_COMPLETION, /* HSE_REQ_IO_COMPLETION returns FALSE */
    FAULT_NO_VECTOR_SEND,   /* HSE_REQ_VECTOR_SEND returns FALSE: an old host */
    FAULT_NO_SEND,          /* every way to send returns FALSE */
    FAULT_NO_REASON,        /* the same, and it says no error */
    FAULT_SEND_BREAKS,      /* a send completes with an error: the client has gone */
    FAULT_SYNC_READ,        /* HSE_REQ_ASYNC_READ_CLIENT returns FALSE; ReadClient, on a thread of the DLL's, reads */
    FAULT_NO_READ,          /* both return FALSE */
    FAULT_READ_BREAKS,      /* a read completes with an error */
    FAULT_READ_ENDS,        /* a read completes with 0 bytes: the client has gone in the middle of its body */
    FAULT_NO_VARIABLES,     /* GetServerVariable fails for all but a few */
    FAULT_NO_TOKEN,         /* HSE_REQ_GET_IMPERSONATION_TOKEN returns FALSE: a host without users */
    FAULT_NO_EXEC_URL,      /* HSE_REQ_EXEC_URL returns FALSE: an old host */
    FAULT_EXEC_URL_BREAKS,  /* it completes with an error, and the client has not been answered */
    FAULT_COUNT
};
extern const char *const fault_names[FAULT_COUNT];

static inline bool fault_stops_sends(enum fault fault)
{
    return fault == FAULT_NO_SEND || fault == FAULT_NO_REASON;
}

static inline uint32_t fault_error(enum fault fault)
{
    return fault == FAULT_NO_REASON ? 0 : 87; /* ERROR_INVALID_PARAMETER */
}

/* What its client does. */
enum client {
    CLIENT_STAYS,
    CLIENT_LEAVES_QUEUE,  /* it has gone, as IS_CONNECTED says, and every read and send */
    CLIENT_LEAVES_BODY,   /* it goes after the first read of its body */
    CLIENT_LEAVES_ANSWER, /* it goes after the first send */
    CLIENT_PAUSES,        /* its body stops until host_resume: so a worker is held without a clock */
};

struct request;

/* What a host says of the paths. IIS and isapihost refuse some of these themselves; another host may not. */
struct path_plan {
    const char *what;
    const char *script;     /* SCRIPT_NAME, URL */
    const char *info;       /* PATH_INFO */
    const char *translated; /* PATH_TRANSLATED */
};

struct request_plan {
    const char *method;
    const char *query;            /* of /app/x.fcgi */
    const struct path_plan *path; /* instead of that, if any */
    const char *const (*more)[2]; /* variables with their values, before all others; ends with a NULL; NULL: none */
    unsigned user;                /* whose request it is, and whose token the host gives: see users.h */
    uint32_t body_len;            /* of the user's letter */
    uint32_t available;           /* so much of it is in the ECB already */
    enum fault fault;
    enum client client;
    bool keep_answer; /* in host->answer; one request at a time */
};

struct host_totals {
    volatile LONG begun, ended; /* ended: DONE_WITH_SESSION, or a status that is not PENDING */
    volatile LONG refused;      /* HSE_STATUS_ERROR */
    volatile LONG answered[6];  /* by hundreds of the status sent; [0]: no headers were sent */
    volatile LONG calls;        /* from the DLL into the host, after the begin */
    volatile LONG probes;       /* IS_CONNECTED */
    volatile LONG handed_back;  /* EXEC_URL, which the host has answered */
};

enum { ANSWER_LEN = 32 * 1024, SAMPLES_LEN = 1024 };

/* Measured values in nanoseconds, from any thread. What does not fit is left out. */
struct samples {
    volatile LONG count;
    double ns[SAMPLES_LEN];
};

typedef DWORD(WINAPI *extension_proc)(EXTENSION_CONTROL_BLOCK *);

/* A request that has ended. */
struct ended {
    unsigned status; /* that was sent; 0: none */
    uint64_t sent;   /* bytes of body, with the framing that the DLL puts around it */
    double begun_ns;
};

struct host {
    HMODULE dll; /* NULL: an extension inside this program */
    BOOL(WINAPI *version)(HSE_VERSION_INFO *);
    extension_proc proc;
    BOOL(WINAPI *terminate)(DWORD);
    enum completions completions;
    HANDLE port;
    HANDLE threads[2];
    DWORD thread_ids[3]; /* theirs, and that of who opened it */
    HANDLE ended_enough;
    volatile LONG ended_wanted;
    HANDLE paused; /* an event: a client has paused */
    struct request *pausing;
    struct host_totals totals;
    char answer[ANSWER_LEN]; /* headers and body */
    size_t answer_len;
    HANDLE refilled; /* an event */
    volatile LONG refills_to_post, refills_to_begin;
    struct request_plan refill_plan;
    double last_end_ns;
    struct samples arrival;  /* HttpExtensionProc, while refilling */
    struct samples hand_off; /* from the end of a request to the end of the next, likewise: with one worker */
    struct samples leaving;  /* from the answer that a client has gone to the end of its request */
    /* To be set after host_open by who measures. */
    void (*on_end)(struct host *host, const struct ended *ended); /* inside the call that ends it, as all but its last step */
    bool unguarded; /* ECBs stay in bounds after their end: two system calls a request less, and that one rule is not watched */
    bool acts_as_users; /* threads that call the DLL act as some user, and must do so still when it returns */
};

/* Ends the program with a message when anything goes wrong: there is nothing to test then. */
void host_open(struct host *host, const WCHAR *dll_path, enum completions completions);
/* For an extension inside this program, without a DLL. */
void host_open_with(struct host *host, extension_proc proc, enum completions completions);
/* TerminateExtension and FreeLibrary. */
void host_close(struct host *host);

/* Calls HttpExtensionProc with a new ECB. -> how long it took, in nanoseconds */
double host_begin(struct host *host, const struct request_plan *plan);
/* false: so many, or all, have not ended in time. One thread at a time. */
bool host_wait_ended(struct host *host, LONG count, DWORD timeout_ms);
bool host_wait_all(struct host *host, DWORD timeout_ms);

/* Waits until a client has paused. */
bool host_wait_paused(struct host *host, DWORD timeout_ms);
void host_resume(struct host *host);

/* From now on each of the next `count` requests that end is followed by a new one, from a thread of the host: as many wait
 * as before. */
void host_refill(struct host *host, const struct request_plan *plan, LONG count);
bool host_wait_refilled(struct host *host, DWORD timeout_ms);

void die(const char *format, ...) __attribute__((format(gnu_printf, 1, 2), noreturn));

#endif
