/* discovery: see discovery.h. Each process is asked about: has it a pipe of our name? WaitNamedPipe tells without connecting, so it takes
 * no instance, and needs no right. One way for all systems: pipes can be listed on Windows but not on Wine, and a list of them would
 * still have to be held against the living processes. A pipe lives no longer than its server, so a dead host is never seen. */
#include "mgmt/discovery.h"

#include <stdlib.h>

#include "mgmt/pipe_instances_win32.h"

#include <tlhelp32.h>

static bool has_pipe(uint32_t pid)
{
    WCHAR name[PIPE_NAME_LEN];
    pipe_name(name, pid);
    /* ERROR_SEM_TIMEOUT: there is one, and all of its instances are busy */
    return WaitNamedPipeW(name, 1) || GetLastError() == ERROR_SEM_TIMEOUT;
}

static void name_program(struct mgmt_host *host, const WCHAR *file)
{
    WCHAR text[MAX_PATH];
    size_t len = 0;
    while (len + 1 < MAX_PATH && file[len]) {
        text[len] = file[len];
        len++;
    }
    host->program[0] = '\0';
    /* what does not fit is cut, between characters */
    for (; len > 0; len--) {
        int written = WideCharToMultiByte(CP_UTF8, 0, text, (int)len, host->program, sizeof host->program - 1, NULL, NULL);
        if (written > 0) {
            host->program[written] = '\0';
            return;
        }
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = ((const struct mgmt_host *)a)->pid, y = ((const struct mgmt_host *)b)->pid;
    return (x > y) - (x < y);
}

size_t mgmt_discover(struct mgmt_host *hosts, size_t max)
{
    size_t count = 0;
    PROCESSENTRY32W process;
    HANDLE processes = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    if (processes == INVALID_HANDLE_VALUE)
        return 0;
    process.dwSize = sizeof process;
    for (BOOL more = Process32FirstW(processes, &process); more; more = Process32NextW(processes, &process)) {
        if (!has_pipe(process.th32ProcessID))
            continue;
        if (count < max) {
            hosts[count].pid = process.th32ProcessID;
            name_program(&hosts[count], process.szExeFile);
        }
        count++;
    }
    CloseHandle(processes);
    qsort(hosts, count < max ? count : max, sizeof *hosts, compare);
    return count;
}
