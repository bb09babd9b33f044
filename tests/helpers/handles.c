/* handles: counts the handles that each process of a name has open, by the type of their objects. Windows' own
 * handles: under Wine most of them are not file descriptors of the process, so nothing outside of Windows could count them.
 *
 *   handles isapihost.exe      one line a process: "PID all=123 Event=40 File=12 ..."
 */
#include <windows.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlhelp32.h>

enum { EXTENDED_HANDLE_INFORMATION = 64, OBJECT_TYPE_INFORMATION = 2, FIRST_SIZE = 1 << 20, TYPES = 256 };
static const LONG too_small = (LONG)0xC0000004; /* STATUS_INFO_LENGTH_MISMATCH */

struct entry {
    void *object;
    ULONG_PTR process;
    ULONG_PTR handle;
    ULONG access;
    USHORT trace;
    USHORT type;
    ULONG attributes;
    ULONG reserved;
};

struct entries {
    ULONG_PTR count;
    ULONG_PTR reserved;
    struct entry entry[];
};

typedef LONG(WINAPI *query_system)(int, void *, ULONG, ULONG *);
typedef LONG(WINAPI *query_object)(HANDLE, int, void *, ULONG, ULONG *);

static FARPROC native(const char *name)
{
    FARPROC found = GetProcAddress(GetModuleHandleA("ntdll.dll"), name);
    if (found == NULL)
        exit(2);
    return found;
}

/* All handles of all processes. */
static struct entries *all_entries(void)
{
    query_system query = (query_system)(void *)native("NtQuerySystemInformation");
    for (ULONG size = FIRST_SIZE;; size *= 2) {
        struct entries *entries = malloc(size);
        if (entries == NULL)
            exit(2);
        LONG status = query(EXTENDED_HANDLE_INFORMATION, entries, size, NULL);
        if (status == 0)
            return entries;
        free(entries);
        if (status != too_small)
            exit(2);
    }
}

/* The name of the type of this handle of another process. */
static void type_of(HANDLE process, const struct entry *entry, char *name, size_t size)
{
    query_object query = (query_object)(void *)native("NtQueryObject");
    struct {
        struct {
            USHORT len, capacity;
            WCHAR *text;
        } name;
        WCHAR room[512];
    } type;
    HANDLE copy = NULL;
    snprintf(name, size, "type-%u", entry->type);
    if (!DuplicateHandle(process, (HANDLE)entry->handle, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return;
    if (query(copy, OBJECT_TYPE_INFORMATION, &type, sizeof type, NULL) == 0)
        snprintf(name, size, "%.*ls", type.name.len / 2, type.name.text);
    CloseHandle(copy);
}

static void count(DWORD pid)
{
    struct entries *entries = all_entries();
    HANDLE process = OpenProcess(PROCESS_DUP_HANDLE, FALSE, pid);
    const struct entry *one[TYPES] = {NULL};
    unsigned all = 0, counts[TYPES] = {0};
    for (ULONG_PTR i = 0; i < entries->count; i++) {
        const struct entry *entry = &entries->entry[i];
        if (entry->process != pid || entry->type >= TYPES)
            continue;
        all++;
        counts[entry->type]++;
        one[entry->type] = entry;
    }
    printf("%lu all=%u", pid, all);
    for (size_t i = 0; i < TYPES; i++) {
        char name[64];
        if (counts[i] == 0)
            continue;
        type_of(process, one[i], name, sizeof name);
        printf(" %s=%u", name, counts[i]);
    }
    printf("\n");
    CloseHandle(process);
    free(entries);
}

int main(int argc, char **argv)
{
    PROCESSENTRY32 process = {.dwSize = sizeof process};
    HANDLE processes = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    if (argc != 2 || processes == INVALID_HANDLE_VALUE)
        return 2;
    for (BOOL more = Process32First(processes, &process); more; more = Process32Next(processes, &process))
        if (_stricmp(process.szExeFile, argv[1]) == 0)
            count(process.th32ProcessID);
    CloseHandle(processes);
    return 0;
}
