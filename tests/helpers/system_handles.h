/* The system's list of all open handles, and the type of a handle's object: what ntdll.dll knows and no header declares. */
#ifndef TESTS_SYSTEM_HANDLES_H
#define TESTS_SYSTEM_HANDLES_H

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

struct system_handle {
    void *object;
    ULONG_PTR process;
    ULONG_PTR value;
    ULONG access;
    USHORT trace, type;
    ULONG attributes, reserved;
};

struct system_handles {
    ULONG_PTR count, reserved;
    struct system_handle items[];
};

static inline FARPROC ntdll_function(const char *name)
{
    return GetProcAddress(GetModuleHandleA("ntdll.dll"), name);
}

/* Of all processes; to be freed. NULL: the system does not list them, or memory is out. */
static inline struct system_handles *system_handles_list(void)
{
    typedef LONG(WINAPI * query_system)(int, void *, ULONG, ULONG *);
    enum { EXTENDED_HANDLE_INFORMATION = 64, FIRST_LEN = 1 << 20 };
    const LONG too_short = (LONG)0xC0000004; /* STATUS_INFO_LENGTH_MISMATCH */
    query_system query = (query_system)(void *)ntdll_function("NtQuerySystemInformation");
    LONG status = too_short;
    for (ULONG len = FIRST_LEN; query != NULL && status == too_short; len *= 2) {
        struct system_handles *handles = malloc(len);
        status = handles != NULL ? query(EXTENDED_HANDLE_INFORMATION, handles, len, NULL) : 0;
        if (status == 0)
            return handles;
        free(handles);
    }
    return NULL;
}

/* "File", "Event" ... false: the system does not say. */
static inline BOOL system_handle_type(HANDLE handle, char *name, size_t size)
{
    typedef LONG(WINAPI * query_object)(HANDLE, int, void *, ULONG, ULONG *);
    enum { OBJECT_TYPE_INFORMATION = 2 };
    query_object query = (query_object)(void *)ntdll_function("NtQueryObject");
    struct {
        struct {
            USHORT len, capacity;
            WCHAR *text;
        } name;
        WCHAR room[512];
    } type;
    if (query == NULL || query(handle, OBJECT_TYPE_INFORMATION, &type, sizeof type, NULL) != 0)
        return FALSE;
    snprintf(name, size, "%.*ls", type.name.len / 2, type.name.text);
    return TRUE;
}

#endif
