/* spy: see spy.h.
 *
 * Whose bytes are written is in the bytes: the query of a request of user 1 has "user=1", and its body is of his letter. A file that is
 * looked for has his number in its name: "...\user1\file.txt". */
#include "tests/helpers/ecb_driver/spy.h"

#include <stdio.h>
#include <string.h>

#include "tests/helpers/ecb_driver/foreign.h"
#include "tests/helpers/ecb_driver/host.h"
#include "tests/helpers/ecb_driver/users.h"

enum { BEGIN_REQUEST = 1, STDIN_RECORD = 5, HEADER_LEN = 8 };

const char *const spy_failure_names[SPY_FAILURE_COUNT] = {"none",      "current", "duplicate", "set",
                                                          "set-later", "write",   "put-back",  "foreign"};

struct spy spy;
static volatile LONG written; /* something of a request */
static DWORD last_worker;     /* that was started */
static DWORD slot;            /* of each thread: not NULL: it has just written as a user */

static bool fails(enum spy_failure failure)
{
    if (InterlockedCompareExchange(&spy.failure, SPY_NONE, failure) != (LONG)failure)
        return false;
    InterlockedIncrement(&spy.failed);
    return true;
}

static void end_worker(void)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, last_worker);
    if (!process || !TerminateProcess(process, 1) || WaitForSingleObject(process, INFINITE) != WAIT_OBJECT_0)
        die("the worker cannot be ended: error %lu", GetLastError());
    CloseHandle(process);
}

/* And its end of the pipe, which the system closes a moment later. */
static void end_worker_at(HANDLE pipe)
{
    end_worker();
    while (PeekNamedPipe(pipe, NULL, 0, NULL, NULL, NULL))
        SwitchToThread();
}

static void as_nobody(const char *call)
{
    if (user_of_thread() != NOBODY)
        die("rule: %s as user %d", call, user_of_thread());
}

/* -> NOBODY: these are no bytes of a request. */
static int writer_of(const unsigned char *bytes, DWORD len)
{
    static const char mark[] = "user=";
    if (len < 2 * HEADER_LEN || bytes[0] != 1 || (bytes[1] != BEGIN_REQUEST && bytes[1] != STDIN_RECORD))
        return NOBODY;
    if (bytes[1] == STDIN_RECORD) {
        const char *letter = memchr(user_letters, bytes[HEADER_LEN], USERS);
        if (!letter)
            die("the bytes of a body are nobody's");
        return (int)(letter - user_letters);
    }
    for (DWORD i = 0; i + sizeof mark <= len; i++)
        if (memcmp(bytes + i, mark, sizeof mark - 1) == 0)
            return bytes[i + sizeof mark - 1] - '0';
    die("a request is nobody's");
}

/* ---- in place of the system's ---- */

static BOOL WINAPI write_file(HANDLE file, LPCVOID bytes, DWORD len, LPDWORD done, LPOVERLAPPED overlapped)
{
    int writer = writer_of(bytes, len);
    if (writer == NOBODY)
        return WriteFile(file, bytes, len, done, overlapped);
    if (spy.tracks && user_of_thread() != writer)
        die("rule: a write for user %d as user %d", writer, user_of_thread());
    InterlockedIncrement(&spy.writes[writer]);
    if (spy.tracks)
        TlsSetValue(slot, &spy);
    InterlockedExchange(&written, 1);
    bool ends = fails(SPY_WRITE);
    if (ends)
        end_worker_at(file);
    BOOL ok = WriteFile(file, bytes, len, done, overlapped);
    if (ends && (ok || GetLastError() == ERROR_IO_PENDING))
        die("a write has not failed though its reader has ended");
    return ok;
}

static HANDLE WINAPI create_file(LPCWSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security, DWORD creation,
                                 DWORD flags, HANDLE template_file)
{
    as_nobody("CreateFile");
    if (wcsncmp(name, L"\\\\.\\pipe\\IISFCGI-", 17) == 0) {
        if (!(flags & SECURITY_SQOS_PRESENT) || (flags & SECURITY_DELEGATION) != SECURITY_IMPERSONATION)
            die("rule: a pipe is opened at another level than impersonation");
        if (((flags & SECURITY_CONTEXT_TRACKING) != 0) != spy.tracks)
            die("rule: a pipe %s its writer", spy.tracks ? "does not track" : "tracks");
        InterlockedIncrement(&spy.opens);
        if (fails(SPY_FOREIGN)) {
            end_worker();
            foreign_begin(name);
        }
    }
    return CreateFileW(name, access, share, security, creation, flags, template_file);
}

static HANDLE WINAPI create_pipe(LPCWSTR name, DWORD open_mode, DWORD pipe_mode, DWORD instances, DWORD out_len, DWORD in_len,
                                 DWORD timeout, LPSECURITY_ATTRIBUTES security)
{
    as_nobody("CreateNamedPipe");
    return CreateNamedPipeW(name, open_mode, pipe_mode, instances, out_len, in_len, timeout, security);
}

static BOOL WINAPI create_process(LPCWSTR program, LPWSTR line, LPSECURITY_ATTRIBUTES process, LPSECURITY_ATTRIBUTES thread,
                                  BOOL inherit, DWORD flags, LPVOID environment, LPCWSTR folder, LPSTARTUPINFOW startup,
                                  LPPROCESS_INFORMATION info)
{
    as_nobody("CreateProcess");
    InterlockedIncrement(&spy.starts);
    BOOL ok = CreateProcessW(program, line, process, thread, inherit, flags, environment, folder, startup, info);
    if (ok)
        last_worker = info->dwProcessId;
    return ok;
}

/* Of files it says what their names say. */
static DWORD WINAPI get_attributes(LPCWSTR path)
{
    const WCHAR *user = wcsstr(path, L"\\user");
    if (!user)
        return GetFileAttributesW(path);
    if (user_of_thread() != user[5] - L'0')
        die("rule: a file of user %d is looked for as user %d", user[5] - L'0', user_of_thread());
    InterlockedIncrement(&spy.looks[user[5] - L'0']);
    if (wcsstr(path, L"folder"))
        return FILE_ATTRIBUTE_DIRECTORY;
    if (wcsstr(path, L"file"))
        return FILE_ATTRIBUTE_ARCHIVE;
    SetLastError(wcsstr(path, L"denied")   ? ERROR_ACCESS_DENIED
                 : wcsstr(path, L"share")  ? ERROR_BAD_NETPATH
                 : wcsstr(path, L"unseen") ? ERROR_BAD_IMPERSONATION_LEVEL
                                           : ERROR_FILE_NOT_FOUND);
    return INVALID_FILE_ATTRIBUTES;
}

/* A thread of the DLL's has done with what it had to do. */
static BOOL WINAPI next_completion(HANDLE port, LPDWORD len, PULONG_PTR key, LPOVERLAPPED *overlapped, DWORD timeout)
{
    as_nobody("GetQueuedCompletionStatus");
    return GetQueuedCompletionStatus(port, len, key, overlapped, timeout);
}

static BOOL refuse(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

static BOOL WINAPI set_token(PHANDLE thread, HANDLE token)
{
    bool after_write = TlsGetValue(slot) != NULL;
    TlsSetValue(slot, NULL);
    if (after_write && fails(SPY_PUT_BACK))
        return refuse(ERROR_ACCESS_DENIED);
    if (token && !after_write && (fails(SPY_SET) || (written && fails(SPY_SET_LATER))))
        return refuse(ERROR_BAD_IMPERSONATION_LEVEL);
    return SetThreadToken(thread, token);
}

static BOOL WINAPI open_token(HANDLE thread, DWORD access, BOOL as_self, PHANDLE token)
{
    if (!as_self)
        die("rule: a thread's token is asked for with the user's rights");
    return fails(SPY_CURRENT) ? refuse(ERROR_ACCESS_DENIED) : OpenThreadToken(thread, access, as_self, token);
}

static BOOL WINAPI duplicate_token(HANDLE token, DWORD access, LPSECURITY_ATTRIBUTES security,
                                   SECURITY_IMPERSONATION_LEVEL level, TOKEN_TYPE type, PHANDLE copy)
{
    if (access & ~(DWORD)(TOKEN_QUERY | TOKEN_IMPERSONATE))
        die("rule: a copy of a token that allows more than to act by it");
    return fails(SPY_DUPLICATE) ? refuse(ERROR_BAD_IMPERSONATION_LEVEL)
                                : DuplicateTokenEx(token, access, security, level, type, copy);
}

static BOOL WINAPI report_event(HANDLE log, WORD type, WORD category, DWORD id, PSID user, WORD count, DWORD len,
                                LPCWSTR *strings, LPVOID bytes)
{
    if (spy.log_full) {
        InterlockedIncrement(&spy.events_refused);
        return refuse(ERROR_LOG_FILE_FULL);
    }
    size_t end = 0;
    for (WORD i = 0; i < count && end < sizeof spy.event; i++)
        end += (size_t)snprintf(spy.event + end, sizeof spy.event - end, "%ls", strings[i]);
    InterlockedIncrement(&spy.events);
    return ReportEventW(log, type, category, id, user, count, len, strings, bytes);
}

/* ---- */

static const struct {
    const char *name;
    const void *function;
} replaced[] = {
    {"WriteFile", (const void *)write_file},
    {"CreateFileW", (const void *)create_file},
    {"GetQueuedCompletionStatus", (const void *)next_completion},
    {"CreateNamedPipeW", (const void *)create_pipe},
    {"CreateProcessW", (const void *)create_process},
    {"GetFileAttributesW", (const void *)get_attributes},
    {"SetThreadToken", (const void *)set_token},
    {"OpenThreadToken", (const void *)open_token},
    {"DuplicateTokenEx", (const void *)duplicate_token},
    {"ReportEventW", (const void *)report_event},
};

static void replace(const void **place, const void *function)
{
    DWORD access;
    if (!VirtualProtect(place, sizeof *place, PAGE_READWRITE, &access))
        die("an import cannot be replaced: error %lu", GetLastError());
    *place = function;
    VirtualProtect(place, sizeof *place, access, &access);
}

static unsigned replace_imports(char *base, const IMAGE_IMPORT_DESCRIPTOR *from, size_t which)
{
    unsigned count = 0;
    const IMAGE_THUNK_DATA *names = (const IMAGE_THUNK_DATA *)(const void *)(base + from->OriginalFirstThunk);
    const void **places = (const void **)(void *)(base + from->FirstThunk);
    for (size_t i = 0; names[i].u1.AddressOfData; i++) {
        if (IMAGE_SNAP_BY_ORDINAL(names[i].u1.Ordinal))
            continue;
        const IMAGE_IMPORT_BY_NAME *import = (const IMAGE_IMPORT_BY_NAME *)(const void *)(base + names[i].u1.AddressOfData);
        if (strcmp((const char *)import->Name, replaced[which].name) != 0)
            continue;
        replace(&places[i], replaced[which].function);
        count++;
    }
    return count;
}

void spy_install(HMODULE dll)
{
    char *base = (char *)dll;
    const IMAGE_DOS_HEADER *dos = (const IMAGE_DOS_HEADER *)(const void *)base;
    const IMAGE_NT_HEADERS *nt = (const IMAGE_NT_HEADERS *)(const void *)(base + dos->e_lfanew);
    DWORD imports = nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    bool tracks = spy.tracks;
    ZeroMemory(&spy, sizeof spy);
    spy.tracks = tracks;
    written = 0;
    slot = slot ? slot : TlsAlloc();
    for (size_t which = 0; which < ARRAYSIZE(replaced); which++) {
        unsigned count = 0;
        const IMAGE_IMPORT_DESCRIPTOR *from = (const IMAGE_IMPORT_DESCRIPTOR *)(const void *)(base + imports);
        for (; from->Name; from++)
            count += replace_imports(base, from, which);
        if (count == 0)
            die("the DLL does not import %s", replaced[which].name);
    }
}
