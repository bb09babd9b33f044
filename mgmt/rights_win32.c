/* rights: see rights_win32.h. There is one right to each list, so an entry either means all of it or is refused when the list is read:
 * GA is turned into that one bit here, since AccessCheck expects lists without generic rights. */
#include "mgmt/rights_win32.h"

#include <sddl.h>
#include <stdlib.h>

enum { THE_RIGHT = 1 };

static DWORD map_entries(PACL dacl)
{
    for (DWORD i = 0; i < dacl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace; /* of the same shape as one that denies */
        if (!GetAce(dacl, i, (void **)&ace))
            return GetLastError();
        if (ace->Header.AceType != ACCESS_ALLOWED_ACE_TYPE && ace->Header.AceType != ACCESS_DENIED_ACE_TYPE)
            return ERROR_INVALID_ACL;
        if (!(ace->Mask & GENERIC_ALL))
            return ERROR_INVALID_ACL;
        ace->Mask = THE_RIGHT;
    }
    return 0;
}

static DWORD open_list(struct rights_list *list, const char *sddl, PSID owner)
{
    BOOL present = FALSE, defaulted;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(sddl, SDDL_REVISION_1, &list->parsed, NULL))
        return GetLastError();
    if (!GetSecurityDescriptorDacl(list->parsed, &present, &list->dacl, &defaulted))
        return GetLastError();
    if (!present || !list->dacl)
        return ERROR_INVALID_ACL; /* it would mean everybody */
    DWORD error = map_entries(list->dacl);
    if (error)
        return error;
    if (!InitializeSecurityDescriptor(&list->descriptor, SECURITY_DESCRIPTOR_REVISION) ||
        !SetSecurityDescriptorOwner(&list->descriptor, owner, FALSE) ||
        !SetSecurityDescriptorGroup(&list->descriptor, owner, FALSE) ||
        !SetSecurityDescriptorDacl(&list->descriptor, TRUE, list->dacl, FALSE))
        return GetLastError();
    return 0;
}

DWORD rights_open(struct rights *rights, const char *query_sddl, const char *operate_sddl)
{
    ZeroMemory(rights, sizeof *rights);
    DWORD len = sizeof rights->administrators;
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, rights->administrators, &len))
        return GetLastError();
    const char *query = query_sddl && *query_sddl ? query_sddl : MGMT_QUERY_SDDL;
    const char *operate = operate_sddl && *operate_sddl ? operate_sddl : MGMT_OPERATE_SDDL;
    DWORD error = open_list(&rights->query, query, rights->administrators);
    if (!error)
        error = open_list(&rights->operate, operate, rights->administrators);
    if (error)
        rights_close(rights);
    return error;
}

void rights_close(struct rights *rights)
{
    LocalFree(rights->query.parsed);
    LocalFree(rights->operate.parsed);
    ZeroMemory(rights, sizeof *rights);
}

static bool allows(const struct rights_list *list, HANDLE token)
{
    GENERIC_MAPPING mapping = {THE_RIGHT, THE_RIGHT, THE_RIGHT, THE_RIGHT};
    SECURITY_DESCRIPTOR descriptor = list->descriptor;
    PRIVILEGE_SET privileges;
    DWORD len = sizeof privileges, granted = 0;
    BOOL yes = FALSE;
    return AccessCheck(&descriptor, token, THE_RIGHT, &mapping, &privileges, &len, &granted, &yes) && yes;
}

void rights_check(const struct rights *rights, HANDLE token, bool *may_query, bool *may_operate)
{
    *may_operate = allows(&rights->operate, token);
    *may_query = *may_operate || allows(&rights->query, token);
}

/* ---- whose token ---- */

static uint32_t impersonated_token(void *context, void *pipe, void **token)
{
    (void)context;
    if (!ImpersonateNamedPipeClient(pipe))
        return GetLastError();
    DWORD error = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, token) ? 0 : GetLastError();
    if (!RevertToSelf())
        SetThreadToken(NULL, NULL); /* the caller looks whether that has helped */
    return error;
}

const struct mgmt_caller_source rights_client_of_pipe = {NULL, impersonated_token};

bool rights_impersonating(void)
{
    HANDLE token = NULL;
    if (OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token))
        CloseHandle(token);
    else if (GetLastError() == ERROR_NO_TOKEN)
        return false;
    return true;
}

/* ---- the pipe's list ---- */

struct well_known {
    SID sid; /* with one number */
};

static struct well_known well_known(BYTE authority, DWORD number)
{
    struct well_known result = {{SID_REVISION, 1, {{0, 0, 0, 0, 0, authority}}, {number}}};
    return result;
}

static bool has_entry(ACL *acl, PSID sid, DWORD access)
{
    for (DWORD i = 0; i < acl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace;
        if (GetAce(acl, i, (void **)&ace) && ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE && ace->Mask == access &&
            EqualSid(&ace->SidStart, sid))
            return true;
    }
    return false;
}

static bool add_clients(ACL *acl, const struct rights_list *list)
{
    for (DWORD i = 0; i < list->dacl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace;
        if (!GetAce(list->dacl, i, (void **)&ace))
            return false;
        bool counts = ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE && !(ace->Header.AceFlags & INHERIT_ONLY_ACE);
        if (counts && !has_entry(acl, &ace->SidStart, RIGHTS_CLIENT_ACCESS) &&
            !AddAccessAllowedAce(acl, ACL_REVISION, RIGHTS_CLIENT_ACCESS, &ace->SidStart))
            return false;
    }
    return true;
}

ACL *rights_pipe_list(const struct rights *rights, PSID creator, bool deny_network)
{
    enum { MAX_OWN = 3 * (sizeof(ACCESS_ALLOWED_ACE) + SECURITY_MAX_SID_SIZE) };
    struct well_known network = well_known(5, SECURITY_NETWORK_RID);
    struct well_known owner_rights = well_known(3, 4); /* OW: means nothing before Vista, and does no harm there */
    DWORD len = (DWORD)sizeof(ACL) + MAX_OWN + rights->query.dacl->AclSize + rights->operate.dacl->AclSize;
    ACL *acl = len <= MAXWORD ? calloc(1, len) : NULL;
    if (!acl)
        return NULL;
    if (!InitializeAcl(acl, len, ACL_REVISION) ||
        (deny_network && !AddAccessDeniedAce(acl, ACL_REVISION, FILE_ALL_ACCESS, &network.sid)) ||
        (creator && !AddAccessAllowedAce(acl, ACL_REVISION, RIGHTS_CLIENT_ACCESS | FILE_CREATE_PIPE_INSTANCE, creator)) ||
        !add_clients(acl, &rights->operate) || !add_clients(acl, &rights->query) ||
        !AddAccessAllowedAce(acl, ACL_REVISION, READ_CONTROL, &owner_rights.sid)) {
        free(acl);
        return NULL;
    }
    return acl;
}
