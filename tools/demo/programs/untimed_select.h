/* untimed_select: libfcgi waits for TCP connections by a select() with a time, again and again. The server of Wine 8 dies when such a
 * time runs out while the result is on the way, and every program of the prefix with it. So a program that uses libfcgi has its
 * select() wait without a time: what libfcgi does when the time is over is of no use to it, as the shutdown event ends the process. */
#ifndef FCGIEXT_PROGRAMS_UNTIMED_SELECT_H
#define FCGIEXT_PROGRAMS_UNTIMED_SELECT_H

#include <winsock2.h>

#include <windows.h>

#include <stdbool.h>

/* Puts `by` in the place through which this program, its libraries included, calls a function of a DLL. -> the function, or NULL. */
static void *replace_import(const char *dll_name, const char *name, void *by)
{
    char *base = (char *)GetModuleHandleA(NULL);
    IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)(void *)(base + ((IMAGE_DOS_HEADER *)(void *)base)->e_lfanew);
    IMAGE_DATA_DIRECTORY *directory = &headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    void *wanted = (void *)GetProcAddress(GetModuleHandleA(dll_name), name);
    if (wanted == NULL)
        return NULL;
    for (IMAGE_IMPORT_DESCRIPTOR *dll = (void *)(base + directory->VirtualAddress); dll->FirstThunk != 0; dll++) {
        for (void **slot = (void *)(base + dll->FirstThunk); *slot != NULL; slot++) {
            DWORD before = 0;
            if (*slot != wanted || !VirtualProtect(slot, sizeof *slot, PAGE_READWRITE, &before))
                continue;
            *slot = by;
            return wanted;
        }
    }
    return NULL;
}

typedef int(WSAAPI *select_function)(int, fd_set *, fd_set *, fd_set *, const struct timeval *);

static select_function timed_select;

static int WSAAPI untimed_select(int count, fd_set *readable, fd_set *writable, fd_set *errors, const struct timeval *timeout)
{
    (void)timeout;
    return timed_select(count, readable, writable, errors, NULL);
}

static bool untimed_select_install(void)
{
    timed_select = (select_function)replace_import("ws2_32.dll", "select", (void *)untimed_select);
    return timed_select != NULL;
}

#endif
