/* account: the name of a token's user, for the log, within a bounded time. */
#ifndef MGMT_ACCOUNT_WIN32_H
#define MGMT_ACCOUNT_WIN32_H

#include <windows.h>

#include "mgmt/pipe_server.h"

enum { ACCOUNT_CACHED = 8 };

struct account_entry {
    BYTE sid[SECURITY_MAX_SID_SIZE];
    bool used;
    uint64_t until_ms;
    char name[MGMT_MAX_ACCOUNT_LEN + 1];
};

/* One thread's. All zero at first. */
struct account_cache {
    struct account_entry entries[ACCOUNT_CACHED];
    unsigned next;
};

/* `name` has room for MGMT_MAX_ACCOUNT_LEN + 1; "" when not even the SID is known. now_ms: a clock that only goes on. */
void account_name(struct account_cache *cache, HANDLE token, uint64_t now_ms, char *name);

#endif
