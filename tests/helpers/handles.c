/* handles: counts the handles that each process of a name has open, by the type of their objects. Windows' own
 * handles: under Wine most of them are not file descriptors of the process, so nothing outside of Windows could count them.
 *
 *   handles isapihost.exe      one line a process: "PID all=123 Event=40 File=12 ..."
 */
#include "tests/helpers/system_handles.h"

#include <string.h>

#include <tlhelp32.h>

enum { TYPES = 256 };

/* The name of the type of this handle of another process. */
static void type_of(HANDLE process, const struct system_handle *entry, char *name, size_t size)
{
    HANDLE copy = NULL;
    snprintf(name, size, "type-%u", entry->type);
    if (!DuplicateHandle(process, (HANDLE)entry->value, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return;
    system_handle_type(copy, name, size);
    CloseHandle(copy);
}

static void count(DWORD pid)
{
    struct system_handles *entries = system_handles_list();
    if (entries == NULL)
        exit(2);
    HANDLE process = OpenProcess(PROCESS_DUP_HANDLE, FALSE, pid);
    const struct system_handle *one[TYPES] = {NULL};
    unsigned all = 0, counts[TYPES] = {0};
    for (ULONG_PTR i = 0; i < entries->count; i++) {
        const struct system_handle *entry = &entries->items[i];
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
