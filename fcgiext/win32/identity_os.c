/* identity_os: see identity_os.h.
 *
 * The host's token is asked for with the process's own rights, as the user may have none on it. Copies are for impersonation and
 * nothing else; one cannot be made of a token that only identifies, so such a user's requests fail. An account without the right to
 * impersonate gets from SetThreadToken, without an error, a token that only identifies: its processes can then open nothing by it. */
#include "fcgiext/win32/identity_os.h"

#include <winsock2.h>

#include <windows.h>

static uint32_t current(void *context, void **token)
{
    (void)context;
    if (OpenThreadToken(GetCurrentThread(), TOKEN_IMPERSONATE | TOKEN_QUERY, TRUE, token))
        return 0;
    *token = NULL;
    DWORD error = GetLastError();
    return error == ERROR_NO_TOKEN ? 0 : error;
}

static uint32_t set(void *context, void *token)
{
    (void)context;
    return SetThreadToken(NULL, token) ? 0 : GetLastError();
}

static uint32_t duplicate(void *context, void *token, void **copy)
{
    (void)context;
    if (DuplicateTokenEx(token, TOKEN_IMPERSONATE | TOKEN_QUERY, NULL, SecurityImpersonation, TokenImpersonation, copy))
        return 0;
    *copy = NULL;
    return GetLastError();
}

static void close_token(void *context, void *token)
{
    (void)context;
    CloseHandle(token);
}

/* No exception: IIS would catch it, and go on with this thread. The exit code is in the event that IIS writes about the end. */
static void stuck(void *context, uint32_t error)
{
    (void)context;
    (void)error;
    TerminateProcess(GetCurrentProcess(), ERROR_CANNOT_IMPERSONATE);
}

const struct identity_os identity_os = {
    .current = current, .set = set, .duplicate = duplicate, .close = close_token, .stuck = stuck};
