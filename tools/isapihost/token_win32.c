/* One token for the life of the process: the host has no users to tell apart. */
#include "tools/isapihost/token_win32.h"

static HANDLE host_token;

void token_init(void)
{
    HANDLE primary;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE | TOKEN_QUERY, &primary))
        return;
    if (!DuplicateTokenEx(primary, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation, TokenImpersonation, &host_token))
        host_token = NULL;
    CloseHandle(primary);
}

HANDLE token_of_host(void)
{
    return host_token;
}

bool token_is_valid(void)
{
    TOKEN_TYPE type;
    DWORD len;
    return host_token == NULL || GetTokenInformation(host_token, TokenType, &type, sizeof type, &len);
}
