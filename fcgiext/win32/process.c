/* process: see process.h. Our copy of the pipe's server end, or of the listening socket, is closed as soon as the child has its
 * own: a copy kept here would keep a dead child's pipe alive. The process starts suspended, so that it is in its job before it can have
 * a child of its own. */
#include "fcgiext/win32/process.h"

#include <ntsecapi.h>
#include <sddl.h>
#include <stdlib.h>
#include <wchar.h>

#include "fcgiext/win32/compat.h"

/* SYSTEM and Administrators, and the owner (the account that the host runs under): nobody else may connect to a worker,
 * or it could have any request run in the pool's name. */
#define PIPE_SDDL L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;OW)"
/* Before Vista OW is not known; the creator's default list (owner, Administrators, SYSTEM; read for others) is the
 * system's own then. */

enum { PIPE_BUFFER_LEN = 64 * 1024, EXIT_CODE_KILLED = 1 };

static DWORD name_pipe(WCHAR *name)
{
    static const WCHAR digits[] = L"0123456789abcdef";
    unsigned char random[16];
    if (!RtlGenRandom(random, sizeof random))
        return ERROR_GEN_FAILURE;
    wcscpy(name, L"\\\\.\\pipe\\IISFCGI-");
    WCHAR *end = name + wcslen(name);
    for (unsigned i = 0; i < sizeof random; i++) {
        *end++ = digits[random[i] >> 4];
        *end++ = digits[random[i] & 15];
    }
    *end = L'\0';
    return 0;
}

static DWORD create_pipe(struct process *process, HANDLE *server_end)
{
    DWORD error = name_pipe(process->pipe_name);
    if (error)
        return error;
    SECURITY_ATTRIBUTES security = {sizeof security, NULL, FALSE};
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (ConvertStringSecurityDescriptorToSecurityDescriptorW(PIPE_SDDL, SDDL_REVISION_1, &descriptor, NULL))
        security.lpSecurityDescriptor = descriptor;
    DWORD open_mode = PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE;
    DWORD pipe_mode = PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | compat_reject_remote_clients();
    HANDLE pipe = CreateNamedPipeW(process->pipe_name, open_mode, pipe_mode, 1, PIPE_BUFFER_LEN, PIPE_BUFFER_LEN, 0, &security);
    error = pipe == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    LocalFree(descriptor);
    if (!error)
        *server_end = pipe;
    return error;
}

/* Exclusive: no other program can bind the port after us and take our connections. The backlog takes a connection before the
 * program accepts, so we can connect before it runs. Overlapped, as socket() makes them: the connections that the program accepts
 * are of the same kind, and on others one thread's recv() would hold up another one's send(). */
static DWORD create_listener(struct process *process, HANDLE *server_end)
{
    BOOL exclusive = TRUE;
    int len = sizeof process->address;
    SOCKET listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (listener == INVALID_SOCKET)
        return (DWORD)WSAGetLastError();
    SetHandleInformation((HANDLE)listener, HANDLE_FLAG_INHERIT, 0); /* until its own process is created */
    process->address.sin_family = AF_INET;
    process->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&exclusive, sizeof exclusive) ||
        bind(listener, (const struct sockaddr *)&process->address, len) || listen(listener, SOMAXCONN) ||
        getsockname(listener, (struct sockaddr *)&process->address, &len)) {
        DWORD error = (DWORD)WSAGetLastError();
        closesocket(listener);
        return error;
    }
    *server_end = (HANDLE)listener;
    return 0;
}

DWORD process_create_stdin(struct process *process, const struct process_plan *plan, HANDLE *server_end)
{
    ZeroMemory(process, sizeof *process);
    return plan->tcp ? create_listener(process, server_end) : create_pipe(process, server_end);
}

void process_close_stdin(const struct process_plan *plan, HANDLE server_end)
{
    if (plan->tcp)
        closesocket((SOCKET)server_end);
    else
        CloseHandle(server_end);
}

/* ---- environment ---- */

static size_t name_len(const WCHAR *entry)
{
    /* the host's own "=C:=..." entries begin with the sign */
    const WCHAR *sign = wcschr(*entry ? entry + 1 : entry, L'=');
    return sign ? (size_t)(sign - entry) : wcslen(entry);
}

static int compare_entries(const void *a, const void *b)
{
    const WCHAR *x = *(const WCHAR *const *)a;
    const WCHAR *y = *(const WCHAR *const *)b;
    size_t x_len = name_len(x), y_len = name_len(y);
    int order = _wcsnicmp(x, y, x_len < y_len ? x_len : y_len);
    return order ? order : (x_len > y_len) - (x_len < y_len);
}

static BOOL replaced(const WCHAR *entry, const WCHAR *const *by, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (compare_entries(&entry, &by[i]) == 0)
            return TRUE;
    return FALSE;
}

/* One block, sorted by name, with `own` in place of the host's variables of the same names; one without a sign takes the host's
 * variable away. NULL: out of memory. */
static WCHAR *environment_block(const WCHAR *const *own, unsigned own_count)
{
    WCHAR *host = GetEnvironmentStringsW();
    if (!host)
        return NULL;
    size_t count = own_count, len = 2;
    for (const WCHAR *entry = host; *entry; entry += wcslen(entry) + 1)
        count++;
    WCHAR *block = NULL;
    const WCHAR **entries = malloc(count * sizeof *entries + 1);
    if (!entries)
        goto free_host;
    count = 0;
    for (const WCHAR *entry = host; *entry; entry += wcslen(entry) + 1)
        if (!replaced(entry, own, own_count))
            entries[count++] = entry;
    for (unsigned i = 0; i < own_count; i++)
        if (wcschr(own[i], L'='))
            entries[count++] = own[i];
    for (size_t i = 0; i < count; i++)
        len += wcslen(entries[i]) + 1;
    qsort(entries, count, sizeof *entries, compare_entries);
    block = malloc(len * sizeof *block);
    if (block) {
        WCHAR *end = block;
        for (size_t i = 0; i < count; i++) {
            size_t entry_len = wcslen(entries[i]) + 1;
            memcpy(end, entries[i], entry_len * sizeof *end);
            end += entry_len;
        }
        end[0] = end[1] = L'\0';
        if (count == 0)
            end[0] = L'\0';
    }
    free(entries);
free_host:
    FreeEnvironmentStringsW(host);
    return block;
}

static WCHAR *environment_of(const struct process *process, const struct process_plan *plan)
{
    enum { OWN = 2 };
    WCHAR pipe[PROCESS_PIPE_NAME_LEN + 32];
    WCHAR event[64];
    if (plan->tcp)
        wcscpy(pipe, L"_FCGI_X_PIPE_"); /* what the host itself may have been given is not for this one */
    else
        swprintf(pipe, ARRAYSIZE(pipe), L"_FCGI_X_PIPE_=%ls", process->pipe_name);
    const WCHAR **own = malloc((plan->env_count + OWN) * sizeof *own);
    if (!own)
        return NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < plan->env_count; i++)
        own[count++] = plan->env[i];
    own[count++] = pipe;
    if (process->shutdown_event) {
        swprintf(event, ARRAYSIZE(event), L"_FCGI_SHUTDOWN_EVENT_=%lu", (unsigned long)(ULONG_PTR)process->shutdown_event);
        own[count++] = event;
    }
    WCHAR *block = environment_block(own, count);
    free(own);
    return block;
}

/* ---- start ---- */

static DWORD create_job(struct process *process)
{
    process->job = CreateJobObjectW(NULL, NULL);
    if (!process->job)
        return GetLastError();
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
    ZeroMemory(&limits, sizeof limits);
    /* a crash ends the process at once, without a dialog that nobody sees */
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    if (SetInformationJobObject(process->job, JobObjectExtendedLimitInformation, &limits, sizeof limits))
        return 0;
    DWORD error = GetLastError();
    CloseHandle(process->job);
    process->job = NULL;
    return error;
}

static DWORD create_suspended(const struct process_plan *plan, const WCHAR *environment, HANDLE *handles, unsigned handle_count,
                              HANDLE server_end, PROCESS_INFORMATION *info)
{
    STARTUPINFOW startup;
    ZeroMemory(&startup, sizeof startup);
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdInput = server_end;
    startup.hStdOutput = INVALID_HANDLE_VALUE; /* how a program sees that it runs under FastCGI */
    startup.hStdError = INVALID_HANDLE_VALUE;
    size_t len = wcslen(plan->command_line) + 1;
    WCHAR *command_line = malloc(len * sizeof *command_line); /* CreateProcessW writes to it */
    if (!command_line)
        return ERROR_OUTOFMEMORY;
    DWORD flags = CREATE_SUSPENDED | CREATE_NO_WINDOW;
    memcpy(command_line, plan->command_line, len * sizeof *command_line);
    /* out of the host's own job, where that is allowed: else ours is refused before Windows 8 */
    DWORD error = compat_create_process(command_line, flags | CREATE_BREAKAWAY_FROM_JOB, environment, plan->directory, &startup,
                                        handles, handle_count, info);
    if (error == ERROR_ACCESS_DENIED) {
        memcpy(command_line, plan->command_line, len * sizeof *command_line);
        error = compat_create_process(command_line, flags, environment, plan->directory, &startup, handles, handle_count, info);
    }
    free(command_line);
    return error;
}

DWORD process_start(struct process *process, const struct process_plan *plan, HANDLE server_end)
{
    HANDLE handles[2] = {server_end, NULL};
    unsigned handle_count = 1;
    PROCESS_INFORMATION info;
    ZeroMemory(&info, sizeof info);
    DWORD error = 0;
    WCHAR *environment = NULL;
    if (plan->signal_ms) {
        process->shutdown_event = CreateEventW(NULL, TRUE, FALSE, NULL);
        if (!process->shutdown_event) {
            error = GetLastError();
            goto close_server_end;
        }
        handles[handle_count++] = process->shutdown_event;
    }
    environment = environment_of(process, plan);
    if (!environment) {
        error = ERROR_OUTOFMEMORY;
        goto close_server_end;
    }
    process->job_error = create_job(process);
    error = create_suspended(plan, environment, handles, handle_count, server_end, &info);
    if (!error && !info.hProcess)
        error = ERROR_BAD_EXE_FORMAT; /* not a Windows program: nothing that could be watched */
    if (error)
        goto free_environment;
    if (process->job && !AssignProcessToJobObject(process->job, info.hProcess)) {
        process->job_error = GetLastError();
        CloseHandle(process->job);
        process->job = NULL;
    }
    process->process = info.hProcess;
    process->id = info.dwProcessId;
    ResumeThread(info.hThread);
    CloseHandle(info.hThread);
free_environment:
    free(environment);
close_server_end:
    process_close_stdin(plan, server_end);
    return error;
}

void process_signal(struct process *process)
{
    if (process->shutdown_event)
        SetEvent(process->shutdown_event);
}

void process_kill(struct process *process)
{
    if (process->job)
        TerminateJobObject(process->job, EXIT_CODE_KILLED);
    else if (process->process)
        TerminateProcess(process->process, EXIT_CODE_KILLED);
}

void process_close(struct process *process)
{
    if (process->job)
        CloseHandle(process->job);
    if (process->shutdown_event)
        CloseHandle(process->shutdown_event);
    if (process->process)
        CloseHandle(process->process);
    ZeroMemory(process, sizeof *process);
}
