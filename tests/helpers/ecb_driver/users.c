/* users: see users.h. User n lacks the first n + 1 privileges of this process. */
#include "tests/helpers/ecb_driver/users.h"

#include "tests/helpers/ecb_driver/host.h"

const char user_letters[USERS] = {'b', 'x', 'y'};

static HANDLE tokens[USERS];
static DWORD privileges; /* of this process */

static DWORD privilege_count(HANDLE token)
{
    TOKEN_STATISTICS statistics;
    DWORD len;
    if (!GetTokenInformation(token, TokenStatistics, &statistics, sizeof statistics, &len))
        die("a token does not tell about itself: error %lu", GetLastError());
    return statistics.PrivilegeCount;
}

void users_make(void)
{
    union {
        TOKEN_PRIVILEGES list;
        BYTE bytes[4096];
    } all;
    HANDLE own, primary;
    DWORD len;
    if (tokens[0])
        return;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | TOKEN_DUPLICATE | TOKEN_ASSIGN_PRIMARY, &own) ||
        !GetTokenInformation(own, TokenPrivileges, &all, sizeof all, &len))
        die("the token of this process cannot be had: error %lu", GetLastError());
    privileges = privilege_count(own);
    for (unsigned user = 0; user < USERS; user++) {
        if (!CreateRestrictedToken(own, 0, 0, NULL, user + 1, all.list.Privileges, 0, NULL, &primary) ||
            !DuplicateTokenEx(primary, TOKEN_QUERY | TOKEN_DUPLICATE | TOKEN_IMPERSONATE, NULL, SecurityImpersonation,
                              TokenImpersonation, &tokens[user]))
            die("no token for a user: error %lu", GetLastError());
        CloseHandle(primary);
        if (privilege_count(tokens[user]) != privileges - user - 1)
            die("the users' tokens cannot be told apart");
    }
    CloseHandle(own);
}

HANDLE user_token(unsigned user)
{
    return tokens[user];
}

void users_check(void)
{
    for (unsigned user = 0; user < USERS; user++)
        if (privilege_count(tokens[user]) != privileges - user - 1)
            die("rule: the token of user %u has been closed", user);
}

int user_of_thread(void)
{
    HANDLE token;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token)) {
        if (GetLastError() != ERROR_NO_TOKEN)
            die("the thread's token cannot be had: error %lu", GetLastError());
        return NOBODY;
    }
    DWORD lacks = privileges - privilege_count(token);
    CloseHandle(token);
    if (lacks == 0 || lacks > USERS)
        die("a thread acts as somebody else");
    return (int)lacks - 1;
}

void user_act(int user)
{
    if (!SetThreadToken(NULL, user == NOBODY ? NULL : tokens[user]))
        die("the thread cannot act as user %d: error %lu", user, GetLastError());
}

void visit_begin(struct visit *visit, unsigned user)
{
    if (!visit->acts)
        return;
    visit->before = user_of_thread();
    visit->user = (int)((user + 1) % USERS);
    user_act(visit->user);
}

void visit_end(const struct visit *visit)
{
    if (!visit->acts)
        return;
    if (user_of_thread() != visit->user)
        die("rule: a thread comes back as user %d, it was %d", user_of_thread(), visit->user);
    user_act(visit->before);
}
