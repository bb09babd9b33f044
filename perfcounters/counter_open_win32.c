/* counter_open_win32: see counter_open_win32.h. A section is open only as long as it is read: a handle that is kept would hold the name, and
 * a host that is loaded anew could not take it. */
#include "perfcounters/counter_open_win32.h"

#include <windows.h>

#include <psapi.h>
#include <stdio.h>

enum { NAME_LEN = 48 };

/* What is reserved only, and has no memory behind it, does not count. */
static size_t readable_len(const void *view)
{
    MEMORY_BASIC_INFORMATION region;
    WCHAR file[4];
    if (!VirtualQuery(view, &region, sizeof region) || region.State != MEM_COMMIT)
        return 0;
    return GetMappedFileNameW(GetCurrentProcess(), (void *)(ULONG_PTR)view, file, 4) ? 0 : region.RegionSize;
}

static bool open_name(struct counter_view *section, const char *folder, uint32_t pid)
{
    char name[NAME_LEN];
    section->mapping = NULL;
    int len = snprintf(name, sizeof name, "%s", folder);
    snprintf(name + len, sizeof name - (size_t)len, COUNTER_BLOCK_NAME, (unsigned long)pid);
    section->mapping = OpenFileMappingA(FILE_MAP_READ, FALSE, name);
    if (!section->mapping)
        return false;
    section->block = MapViewOfFile(section->mapping, FILE_MAP_READ, 0, 0, 0);
    section->len = section->block ? readable_len(section->block) : 0;
    if (section->len > 0 && counter_block_check(section->block, section->len) == COUNTER_BLOCK_GOOD)
        return true;
    counter_view_close(section);
    return false;
}

bool counter_view_open(struct counter_view *section, uint32_t pid)
{
    return open_name(section, "Global\\", pid) || open_name(section, "Local\\", pid);
}

void counter_view_close(struct counter_view *section)
{
    if (section->block)
        UnmapViewOfFile(section->block);
    CloseHandle(section->mapping);
}
