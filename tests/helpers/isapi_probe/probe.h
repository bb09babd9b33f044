/* An ISAPI extension that exercises isapihost: what it does is the query string of the request, "command" or "command:argument". Each
 * function answers one command; without a command the answer is "hello". */
#ifndef TESTS_ISAPI_PROBE_H
#define TESTS_ISAPI_PROBE_H

#include <stddef.h>

#include <windows.h>

#include <httpext.h>

struct command {
    const char *name;
    DWORD (*function)(EXTENSION_CONTROL_BLOCK *ecb, const char *argument);
};

/* Each ends with a row without a name. */
extern const struct command answer_commands[];
extern const struct command async_commands[];
extern const struct command breach_commands[];

extern volatile LONG jobs;             /* requests that are pending */
extern HANDLE release_event;           /* set by the command "release" and by TerminateExtension */
extern EXTENSION_CONTROL_BLOCK *ended; /* an ECB that is no longer ours */
extern HCONN ended_connection;

void job_begins(void);
void job_ends(void);

/* ServerSupportFunction */
BOOL support(EXTENSION_CONTROL_BLOCK *ecb, DWORD number, void *buffer, DWORD *size, DWORD *type);
BOOL send_head(EXTENSION_CONTROL_BLOCK *ecb, const char *status, const char *headers, BOOL keep);
BOOL write_sync(EXTENSION_CONTROL_BLOCK *ecb, const void *data, size_t len);

/* A whole response of text, synchronously. */
DWORD answer(EXTENSION_CONTROL_BLOCK *ecb, const char *text, size_t len);
DWORD answer_format(EXTENSION_CONTROL_BLOCK *ecb, const char *format, ...);

/* DONE_WITH_SESSION */
void done(EXTENSION_CONTROL_BLOCK *ecb, DWORD status);

#endif
