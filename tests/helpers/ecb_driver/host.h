/* host: an ISAPI host without HTTP: as many ECBs at once as a test likes, each watched for the rules of ISAPI, with host
 * failures injected on request. The real DLL cannot tell it from IIS. */
#ifndef TESTS_ECB_DRIVER_HOST_H
#define TESTS_ECB_DRIVER_HOST_H

#include <windows.h>

#include <httpext.h>

#include <stdbool.h>
#include <stdint.h>

enum completions { COMPLETIONS_INLINE, COMPLETIONS_THREAD, COMPLETIONS_LATE };

/* What the host refuses or breaks, for one request. */
enum fault {
    FAULT_NONE,
    FAULT_NO_IO_COMPLETION, /* HSE_REQ_IO_COMPLETION returns FALSE */
    FAULT_NO_VECTOR_SEND,   /* HSE_REQ_VECTOR_SEND returns FALSE: an old host */
    FAULT_NO_SEND,          /* every way to send returns FALSE */
    FAULT_SEND_BREAKS,      /* a send completes with an error: the client has gone */
    FAULT_NO_READ,          /* HSE_REQ_ASYNC_READ_CLIENT returns FALSE */
    FAULT_READ_BREAKS,      /* a read completes with an error */
    FAULT_READ_ENDS,        /* a read completes with 0 bytes: the client has gone in the middle of its body */
    FAULT_NO_VARIABLES,     /* GetServerVariable fails for all but a few */
    FAULT_COUNT
};
extern const char *const fault_names[FAULT_COUNT];

struct request;

struct request_plan {
    const char *method;
    const char *query;  /* of /app/x.fcgi */
    uint32_t body_len;  /* of the letter 'b' */
    uint32_t available; /* so much of it is in the ECB already */
    enum fault fault;
};

struct host_totals {
    volatile LONG begun, ended; /* ended: DONE_WITH_SESSION, or a status that is not PENDING */
    volatile LONG refused;      /* HSE_STATUS_ERROR */
    volatile LONG answered[6];  /* by hundreds of the status sent; [0]: no headers were sent */
    volatile LONG calls;        /* from the DLL into the host, after the begin */
};

struct host {
    HMODULE dll;
    BOOL(WINAPI *version)(HSE_VERSION_INFO *);
    DWORD(WINAPI *proc)(EXTENSION_CONTROL_BLOCK *);
    BOOL(WINAPI *terminate)(DWORD);
    enum completions completions;
    HANDLE port;
    HANDLE threads[2];
    HANDLE all_ended;
    struct host_totals totals;
    double begin_ns; /* of HttpExtensionProc, by the caller's measure */
};

/* Ends the program with a message when anything goes wrong: there is nothing to test then. */
void host_open(struct host *host, const WCHAR *dll_path, enum completions completions);
/* TerminateExtension and FreeLibrary. */
void host_close(struct host *host);

/* Calls HttpExtensionProc with a new ECB. The request frees itself at its end. */
void host_begin(struct host *host, const struct request_plan *plan);
/* false: not all requests have ended in time. */
bool host_wait_all(struct host *host, DWORD timeout_ms);

void die(const char *format, ...) __attribute__((format(gnu_printf, 1, 2), noreturn));

#endif
