/* pipe_instances: see pipe_instances_win32.h. That we are the first is asked of the system twice: by FILE_FLAG_FIRST_PIPE_INSTANCE, and
 * by the count of instances after the first, as not every system obeys the flag.
 *
 * Between the first instance and the last one our own account may make instances, too. Were another process of it to use that moment,
 * the last of ours could not be made, and none would be served. */
#include "mgmt/pipe_instances_win32.h"

#include <stdio.h>
#include <stdlib.h>

#define REJECT_REMOTE_CLIENTS 0x00000008u /* PIPE_REJECT_REMOTE_CLIENTS: since Vista; XP refuses flags that it does not know */

enum { IN_BUFFER_LEN = 4096, OUT_BUFFER_LEN = 64 * 1024 };

void pipe_name(WCHAR name[PIPE_NAME_LEN], uint32_t pid)
{
    swprintf(name, PIPE_NAME_LEN, L"%hs%lu", MGMT_PIPE_PREFIX, (unsigned long)pid);
}

static bool can_reject_remote_clients(void)
{
    /* came with it */
    return GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "GetNamedPipeServerProcessId") != NULL;
}

static DWORD own_sid(TOKEN_USER *user, DWORD size)
{
    HANDLE token = NULL;
    DWORD len = 0;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return GetLastError();
    DWORD error = GetTokenInformation(token, TokenUser, user, size, &len) ? 0 : GetLastError();
    CloseHandle(token);
    return error;
}

static DWORD make(HANDLE *pipe, unsigned index, SECURITY_DESCRIPTOR *descriptor)
{
    WCHAR name[PIPE_NAME_LEN];
    SECURITY_ATTRIBUTES security = {sizeof security, descriptor, FALSE};
    DWORD open_mode = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED;
    DWORD pipe_mode = PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT;
    if (index == 0)
        open_mode |= FILE_FLAG_FIRST_PIPE_INSTANCE | WRITE_DAC;
    if (can_reject_remote_clients())
        pipe_mode |= REJECT_REMOTE_CLIENTS;
    pipe_name(name, GetCurrentProcessId());
    HANDLE made = CreateNamedPipeW(name, open_mode, pipe_mode, MGMT_MAX_CLIENTS, OUT_BUFFER_LEN, IN_BUFFER_LEN, 0, &security);
    if (made == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD count = 0;
    DWORD error = 0;
    if (index == 0 && !GetNamedPipeHandleStateW(made, NULL, &count, NULL, NULL, NULL, 0))
        error = GetLastError();
    else if (index == 0 && count != 1)
        error = ERROR_ALREADY_EXISTS;
    if (error)
        CloseHandle(made);
    else
        *pipe = made;
    return error;
}

static void close_all(HANDLE pipes[MGMT_MAX_CLIENTS], unsigned count)
{
    while (count > 0)
        CloseHandle(pipes[--count]);
}

/* Nobody may make a further instance. */
static DWORD withdraw(HANDLE pipe, const struct rights *rights)
{
    SECURITY_DESCRIPTOR descriptor;
    ACL *acl = rights_pipe_list(rights, NULL, !can_reject_remote_clients());
    if (!acl)
        return ERROR_OUTOFMEMORY;
    DWORD error = 0;
    if (!InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION) ||
        !SetSecurityDescriptorDacl(&descriptor, TRUE, acl, FALSE) ||
        !SetKernelObjectSecurity(pipe, DACL_SECURITY_INFORMATION, &descriptor))
        error = GetLastError();
    free(acl);
    return error;
}

static DWORD make_all(HANDLE pipes[MGMT_MAX_CLIENTS], PACL acl, const struct rights *rights, const char **what)
{
    SECURITY_DESCRIPTOR descriptor;
    if (!InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION) ||
        !SetSecurityDescriptorDacl(&descriptor, TRUE, acl, FALSE))
        return GetLastError();
    for (unsigned i = 0; i < MGMT_MAX_CLIENTS; i++) {
        DWORD error = make(&pipes[i], i, &descriptor);
        if (error) {
            bool taken = error == ERROR_ACCESS_DENIED || error == ERROR_PIPE_BUSY || error == ERROR_ALREADY_EXISTS;
            *what = taken ? "another process has taken the name of the management pipe" : "the management pipe cannot be made";
            close_all(pipes, i);
            return error;
        }
    }
    DWORD error = withdraw(pipes[0], rights);
    if (error) {
        *what = "the access list of the management pipe cannot be set";
        close_all(pipes, MGMT_MAX_CLIENTS);
    }
    return error;
}

DWORD pipe_instances_open(HANDLE pipes[MGMT_MAX_CLIENTS], const struct rights *rights, const char **what)
{
    union {
        TOKEN_USER user;
        BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } own;
    *what = "the management pipe cannot be made";
    DWORD error = own_sid(&own.user, sizeof own);
    if (error)
        return error;
    ACL *acl = rights_pipe_list(rights, own.user.User.Sid, !can_reject_remote_clients());
    if (!acl)
        return ERROR_OUTOFMEMORY;
    error = make_all(pipes, acl, rights, what);
    free(acl);
    return error;
}
