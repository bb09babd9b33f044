/* compat: see compat.h. Newer functions are not even declared by our headers (_WIN32_WINNT=0x0501), so what is looked up
 * here has its shape written out. */
#include "fcgiext/win32/compat.h"

#include <psapi.h>
#include <stdbool.h>

#define ATTRIBUTE_HANDLE_LIST 0x00020002u /* PROC_THREAD_ATTRIBUTE_HANDLE_LIST */
#define EXTENDED_STARTUPINFO  0x00080000u /* EXTENDED_STARTUPINFO_PRESENT */
#define REJECT_REMOTE_CLIENTS 0x00000008u /* PIPE_REJECT_REMOTE_CLIENTS */
#define SKIP_ON_SUCCESS       0x01u       /* FILE_SKIP_COMPLETION_PORT_ON_SUCCESS */

struct startupinfo_ex {
    STARTUPINFOW base;
    void *attributes;
};

typedef BOOL(WINAPI *init_attributes)(void *list, DWORD count, DWORD flags, SIZE_T *len);
typedef BOOL(WINAPI *update_attribute)(void *list, DWORD flags, DWORD_PTR attribute, void *value, SIZE_T len, void *old,
                                       SIZE_T *old_len);
typedef void(WINAPI *delete_attributes)(void *list);
typedef BOOL(WINAPI *set_modes)(HANDLE file, UCHAR flags);
typedef BOOL(WINAPI *pipe_server)(HANDLE pipe, ULONG *pid);
typedef BOOL(WINAPI *memory_info)(HANDLE process, PROCESS_MEMORY_COUNTERS *counters, DWORD len);

static init_attributes init_list;
static update_attribute update_list;
static delete_attributes delete_list;
static set_modes set_completion_modes;
static pipe_server get_pipe_server;
static memory_info get_memory_info;
static CRITICAL_SECTION inherit_lock;

void compat_init(void)
{
    HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
    init_list = (init_attributes)(void *)GetProcAddress(kernel, "InitializeProcThreadAttributeList");
    update_list = (update_attribute)(void *)GetProcAddress(kernel, "UpdateProcThreadAttribute");
    delete_list = (delete_attributes)(void *)GetProcAddress(kernel, "DeleteProcThreadAttributeList");
    set_completion_modes = (set_modes)(void *)GetProcAddress(kernel, "SetFileCompletionNotificationModes");
    get_pipe_server = (pipe_server)(void *)GetProcAddress(kernel, "GetNamedPipeServerProcessId");
    get_memory_info = (memory_info)(void *)GetProcAddress(kernel, "K32GetProcessMemoryInfo");
    if (!get_memory_info) { /* before Windows 7 */
        HMODULE psapi = LoadLibraryW(L"psapi.dll");
        if (psapi) /* stays loaded */
            get_memory_info = (memory_info)(void *)GetProcAddress(psapi, "GetProcessMemoryInfo");
    }
    InitializeCriticalSection(&inherit_lock);
}

void compat_deinit(void)
{
    DeleteCriticalSection(&inherit_lock);
}

DWORD compat_reject_remote_clients(void)
{
    return init_list ? REJECT_REMOTE_CLIENTS : 0; /* both came with Vista */
}

DWORD compat_pipe_server(HANDLE pipe)
{
    ULONG pid = 0;
    return get_pipe_server && get_pipe_server(pipe, &pid) ? pid : 0;
}

BOOL compat_skip_completion_on_success(HANDLE file)
{
    return set_completion_modes && set_completion_modes(file, SKIP_ON_SUCCESS);
}

uint64_t compat_private_bytes(HANDLE process)
{
    PROCESS_MEMORY_COUNTERS_EX counters;
    ZeroMemory(&counters, sizeof counters);
    if (process && get_memory_info)
        get_memory_info(process, (PROCESS_MEMORY_COUNTERS *)&counters, sizeof counters);
    return counters.PrivateUsage ? counters.PrivateUsage : counters.PagefileUsage; /* the same; Wine fills in this one only */
}

uint32_t compat_handle_count(HANDLE process)
{
    DWORD handles = 0;
    return process && GetProcessHandleCount(process, &handles) ? handles : 0;
}

void compat_process_use(DWORD pid, uint64_t *private_bytes, uint32_t *handle_count)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, pid);
    *private_bytes = compat_private_bytes(process);
    *handle_count = compat_handle_count(process);
    if (process)
        CloseHandle(process);
}

static DWORD create(WCHAR *command_line, DWORD flags, const WCHAR *environment, const WCHAR *directory,
                    const STARTUPINFOW *startup, PROCESS_INFORMATION *process)
{
    STARTUPINFOW copy = *startup;
    return CreateProcessW(NULL, command_line, NULL, NULL, TRUE, flags, (void *)(ULONG_PTR)environment, directory, &copy,
                          process)
               ? 0
               : GetLastError();
}

static void set_inheritable(HANDLE *handles, unsigned count, DWORD flag)
{
    for (unsigned i = 0; i < count; i++)
        SetHandleInformation(handles[i], HANDLE_FLAG_INHERIT, flag);
}

/* With a list of exactly what the child inherits. */
static DWORD create_with_list(WCHAR *command_line, DWORD flags, const WCHAR *environment, const WCHAR *directory,
                              const STARTUPINFOW *startup, HANDLE *handles, unsigned handle_count, PROCESS_INFORMATION *process)
{
    union {
        double align;
        char bytes[256]; /* one attribute needs some 48 bytes */
    } list;
    SIZE_T len = sizeof list;
    struct startupinfo_ex extended;
    extended.base = *startup;
    extended.base.cb = sizeof extended;
    extended.attributes = &list;
    if (!init_list(&list, 1, 0, &len))
        return GetLastError();
    DWORD error = 0;
    if (!update_list(&list, 0, ATTRIBUTE_HANDLE_LIST, handles, handle_count * sizeof *handles, NULL, NULL) ||
        !CreateProcessW(NULL, command_line, NULL, NULL, TRUE, flags | EXTENDED_STARTUPINFO, (void *)(ULONG_PTR)environment,
                        directory, &extended.base, process))
        error = GetLastError();
    delete_list(&list);
    return error;
}

DWORD compat_create_process(WCHAR *command_line, DWORD flags, const WCHAR *environment, const WCHAR *directory,
                            const STARTUPINFOW *startup, HANDLE *handles, unsigned handle_count, PROCESS_INFORMATION *process)
{
    bool has_list = init_list && update_list && delete_list;
    flags |= CREATE_UNICODE_ENVIRONMENT;
    /* without a list a child inherits every inheritable handle: ours are that only inside this lock */
    EnterCriticalSection(&inherit_lock);
    set_inheritable(handles, handle_count, HANDLE_FLAG_INHERIT);
    DWORD error = has_list
                      ? create_with_list(command_line, flags, environment, directory, startup, handles, handle_count, process)
                      : create(command_line, flags, environment, directory, startup, process);
    set_inheritable(handles, handle_count, 0);
    LeaveCriticalSection(&inherit_lock);
    return error;
}
