/* rights: what a token may do, by the two descriptors; whose token it is; and the pipe's access list, which follows from them. */
#ifndef MGMT_RIGHTS_WIN32_H
#define MGMT_RIGHTS_WIN32_H

#include <windows.h>

#include "mgmt/pipe_server.h"

/* What a client of a pipe needs to read and write. FILE_CREATE_PIPE_INSTANCE is not in it; it is the same bit as FILE_APPEND_DATA, which
 * GENERIC_WRITE asks for: the system does not count it for clients. */
#define RIGHTS_CLIENT_ACCESS ((FILE_GENERIC_READ | FILE_GENERIC_WRITE) & ~(DWORD)FILE_CREATE_PIPE_INSTANCE)

struct rights_list {
    PSECURITY_DESCRIPTOR parsed; /* owned; `dacl` is a part of it */
    PACL dacl;
    SECURITY_DESCRIPTOR descriptor; /* with an owner and a group, which AccessCheck insists on */
};

struct rights {
    BYTE administrators[SECURITY_MAX_SID_SIZE];
    struct rights_list query, operate;
};

/* 0 or a Win32 error; then there is nothing to close. */
DWORD rights_open(struct rights *rights, const char *query_sddl, const char *operate_sddl);
void rights_close(struct rights *rights);

/* token: an impersonation token. Whatever fails: no right. */
void rights_check(const struct rights *rights, HANDLE token, bool *may_query, bool *may_operate);

/* The client at the other end. */
extern const struct mgmt_caller_source rights_client_of_pipe;
/* Does this thread act as somebody else? Also when that cannot be told. */
bool rights_impersonating(void);

/* The pipe's list: see pipe_server.h. `creator`: may make instances as well; NULL: nobody. deny_network: where the system cannot refuse
 * clients on other machines by itself. To be freed; NULL: out of memory. */
ACL *rights_pipe_list(const struct rights *rights, PSID creator, bool deny_network);

#endif
