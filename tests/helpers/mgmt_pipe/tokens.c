/* Tokens of clients that we are not. */
#include "tests/helpers/mgmt_pipe/mgmt_pipe.h"

#include <string.h>

static HANDLE own_token(void)
{
    HANDLE token = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | TOKEN_DUPLICATE | TOKEN_ASSIGN_PRIMARY, &token))
        die("OpenProcessToken");
    return token;
}

static HANDLE impersonation(HANDLE token, SECURITY_IMPERSONATION_LEVEL level)
{
    HANDLE result = NULL;
    if (!DuplicateTokenEx(token, TOKEN_QUERY, NULL, level, TokenImpersonation, &result))
        die("DuplicateTokenEx");
    CloseHandle(token);
    return result;
}

/* Its Administrators count only where they are denied something. */
static HANDLE without_administrators(void)
{
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    DWORD len = sizeof administrators;
    SID_AND_ATTRIBUTES disabled = {administrators, 0};
    HANDLE token = own_token(), result = NULL;
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, administrators, &len) ||
        !CreateRestrictedToken(token, DISABLE_MAX_PRIVILEGE, 1, &disabled, 0, NULL, 0, NULL, &result))
        die("CreateRestrictedToken");
    CloseHandle(token);
    return result;
}

uint32_t token_of_kind(const char *kind, HANDLE *token)
{
    if (strcmp(kind, "own") == 0)
        *token = impersonation(own_token(), SecurityIdentification);
    else if (strcmp(kind, "no_admin") == 0)
        *token = impersonation(without_administrators(), SecurityIdentification);
    else if (strcmp(kind, "primary") == 0)
        *token = own_token();
    else if (strcmp(kind, "stuck") == 0) { /* the thread goes on as somebody else */
        *token = impersonation(own_token(), SecurityIdentification);
        if (!ImpersonateSelf(SecurityImpersonation))
            die("ImpersonateSelf");
    } else
        return ERROR_CANNOT_IMPERSONATE;
    return 0;
}
