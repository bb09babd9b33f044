/* config_file: see config_file.h. The file is read in one piece, shared with whoever writes or replaces it. */
#include "fcgiext/win32/config_file.h"

#include <stdlib.h>
#include <wchar.h>

#include "fcgiext/win32/wide.h"

enum { MAX_PATH_LEN = 32768 };

static WCHAR *path_from_environment(void)
{
    DWORD len = GetEnvironmentVariableW(L"FCGIEXT_INI", NULL, 0);
    WCHAR *path = len > 1 ? malloc(len * sizeof *path) : NULL;
    if (path && GetEnvironmentVariableW(L"FCGIEXT_INI", path, len) >= len) {
        free(path);
        path = NULL; /* it has grown meanwhile */
    }
    return path;
}

static HMODULE own_module(void)
{
    MEMORY_BASIC_INFORMATION memory;
    if (!VirtualQuery((const void *)(ULONG_PTR)config_file_path, &memory, sizeof memory))
        return NULL;
    return memory.AllocationBase;
}

WCHAR *config_file_path(void)
{
    static const WCHAR name[] = L"fcgiext.ini";
    WCHAR *path = path_from_environment();
    if (path)
        return path;
    path = malloc((MAX_PATH_LEN + ARRAYSIZE(name)) * sizeof *path);
    if (!path)
        return NULL;
    DWORD len = GetModuleFileNameW(own_module(), path, MAX_PATH_LEN);
    path[len < MAX_PATH_LEN ? len : MAX_PATH_LEN - 1] = L'\0';
    WCHAR *slash = wcsrchr(path, L'\\');
    wcscpy(slash ? slash + 1 : path, name);
    return path;
}

/* At most CONFIG_MAX_FILE_LEN + 1 bytes: config_parse says that it is too long. */
static DWORD read_file(const WCHAR *path, uint8_t **bytes, size_t *len)
{
    DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    HANDLE file = CreateFileW(path, GENERIC_READ, share, NULL, OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD error = 0;
    *len = 0;
    *bytes = malloc(CONFIG_MAX_FILE_LEN + 1);
    if (!*bytes)
        error = ERROR_OUTOFMEMORY;
    while (!error && *len <= CONFIG_MAX_FILE_LEN) {
        DWORD got = 0;
        if (!ReadFile(file, *bytes + *len, (DWORD)(CONFIG_MAX_FILE_LEN + 1 - *len), &got, NULL))
            error = GetLastError();
        if (!got)
            break;
        *len += got;
    }
    CloseHandle(file);
    return error;
}

struct config *config_file_load(const WCHAR *path, DWORD *error)
{
    struct config_options options = {utf8_of_ansi, NULL};
    uint8_t *bytes = NULL;
    size_t len = 0;
    *error = read_file(path, &bytes, &len);
    struct config *config = config_parse(bytes_of(bytes, *error ? 0 : len), &options);
    free(bytes);
    return config;
}
