/* account: see account_win32.h. The system may ask a domain controller that does not answer, for half a minute: so a thread of its own
 * asks, and is waited for but a moment. It holds its module while it runs, and what it was given belongs to whoever is the last. */
#include "mgmt/account_win32.h"

#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKUP_MS = 1000, KEEP_MS = 600000, KEEP_UNNAMED_MS = 60000, PART_LEN = 256 };

struct lookup {
    volatile LONG holders;
    HANDLE done;
    HMODULE module;
    bool found;
    BYTE sid[SECURITY_MAX_SID_SIZE];
    WCHAR domain[PART_LEN], user[PART_LEN];
};

static void release(struct lookup *lookup)
{
    if (InterlockedDecrement(&lookup->holders) == 0) {
        CloseHandle(lookup->done);
        free(lookup);
    }
}

static DWORD WINAPI run(void *context)
{
    struct lookup *lookup = context;
    HMODULE module = lookup->module;
    DWORD domain_len = PART_LEN, user_len = PART_LEN;
    SID_NAME_USE use;
    lookup->found = LookupAccountSidW(NULL, lookup->sid, lookup->user, &user_len, lookup->domain, &domain_len, &use);
    SetEvent(lookup->done);
    release(lookup);
    FreeLibraryAndExitThread(module, 0);
    return 0;
}

static struct lookup *begin(PSID sid)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return NULL;
    lookup->holders = 2;
    lookup->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!lookup->done || !CopySid(sizeof lookup->sid, lookup->sid, sid) ||
        !GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (const WCHAR *)(void *)run, &lookup->module))
        goto free_lookup;
    HANDLE thread = CreateThread(NULL, 0, run, lookup, 0, NULL);
    if (!thread)
        goto free_module;
    CloseHandle(thread);
    return lookup;
free_module:
    FreeLibrary(lookup->module);
free_lookup:
    if (lookup->done)
        CloseHandle(lookup->done);
    free(lookup);
    return NULL;
}

/* false: it has no name, or none that comes soon enough. */
static bool look_up(PSID sid, char *name)
{
    struct lookup *lookup = begin(sid);
    if (!lookup)
        return false;
    bool found = WaitForSingleObject(lookup->done, LOOKUP_MS) == WAIT_OBJECT_0 && lookup->found;
    if (found) {
        WCHAR both[2 * PART_LEN + 1] = L"";
        if (lookup->domain[0]) {
            wcscpy(both, lookup->domain);
            wcscat(both, L"\\");
        }
        wcscat(both, lookup->user);
        found = WideCharToMultiByte(CP_UTF8, 0, both, -1, name, MGMT_MAX_ACCOUNT_LEN + 1, NULL, NULL) > 0;
    }
    release(lookup);
    return found;
}

static void name_by_sid(PSID sid, char *name)
{
    char *text = NULL;
    name[0] = '\0';
    if (ConvertSidToStringSidA(sid, &text))
        snprintf(name, MGMT_MAX_ACCOUNT_LEN + 1, "%s", text);
    LocalFree(text);
}

void account_name(struct account_cache *cache, HANDLE token, uint64_t now_ms, char *name)
{
    union {
        TOKEN_USER user;
        BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } info;
    DWORD len = 0;
    name[0] = '\0';
    if (!GetTokenInformation(token, TokenUser, &info, sizeof info, &len))
        return;
    PSID sid = info.user.User.Sid;
    struct account_entry *entry = NULL;
    for (unsigned i = 0; i < ACCOUNT_CACHED && !entry; i++)
        if (cache->entries[i].used && EqualSid(cache->entries[i].sid, sid))
            entry = &cache->entries[i];
    if (!entry) {
        entry = &cache->entries[cache->next];
        cache->next = (cache->next + 1) % ACCOUNT_CACHED;
        entry->used = CopySid(sizeof entry->sid, entry->sid, sid);
        entry->until_ms = 0;
    }
    if (!entry->used || now_ms >= entry->until_ms) {
        bool found = look_up(sid, entry->name);
        if (!found)
            name_by_sid(sid, entry->name);
        entry->until_ms = now_ms + (found ? KEEP_MS : KEEP_UNNAMED_MS);
    }
    memcpy(name, entry->name, sizeof entry->name);
}
