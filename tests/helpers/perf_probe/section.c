/* The sections of other processes: who may have them. */
#include "tests/helpers/perf_probe/perf_probe.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_LEN = 64 };

static void name_of(char name[NAME_LEN], const char *folder, const char *pid)
{
    int len = snprintf(name, NAME_LEN, "%s\\", folder);
    snprintf(name + len, (size_t)(NAME_LEN - len), COUNTER_BLOCK_NAME, strtoul(pid, NULL, 10));
}

void section_squat(const char *folder, const char *pid)
{
    char name[NAME_LEN];
    name_of(name, folder, pid);
    if (!CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, name) ||
        GetLastError() == ERROR_ALREADY_EXISTS)
        die("CreateFileMapping");
    say("ok");
}

void section_access(const char *folder, const char *pid)
{
    char name[NAME_LEN], *text;
    PSECURITY_DESCRIPTOR security;
    name_of(name, folder, pid);
    HANDLE section = OpenFileMappingA(FILE_MAP_READ | READ_CONTROL, FALSE, name);
    if (!section || GetSecurityInfo(section, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &security) ||
        !ConvertSecurityDescriptorToStringSecurityDescriptorA(security, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text,
                                                              NULL))
        die("OpenFileMapping");
    CloseHandle(section);
    DWORD error = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name) ? 0 : GetLastError();
    say("%s %lu", text, error);
    LocalFree(text);
    LocalFree(security);
}
