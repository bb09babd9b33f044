/* perf_win32: see perf_win32.h. All keys are those of the system, also for a 32-bit fcgictl on 64-bit Windows. */
#include "tools/fcgictl/perf_win32.h"

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perfcounters/perf_parse.h"
#include "tools/fcgictl/text_win32.h"

enum { MAX_ANSWER_LEN = 64 * 1024 * 1024, FIRST_ANSWER_LEN = 64 * 1024, FILE_NAME_LEN = 1024, MORE_LEN = PERF_DATA_HEADER_LEN };

/* ---- texts */

static bool to_wide(const char *utf8, WCHAR *wide, size_t size)
{
    return MultiByteToWideChar(CP_UTF8, 0, utf8, -1, wide, (int)size) > 0;
}

static DWORD to_utf8(const WCHAR *wide, char *utf8, size_t size)
{
    return WideCharToMultiByte(CP_UTF8, 0, wide, -1, utf8, (int)size, NULL, NULL) > 0 ? 0 : GetLastError();
}

/* ---- the registry */

static DWORD open_key(const char *name, REGSAM access, HKEY *key)
{
    WCHAR wide[256];
    if (!to_wide(name, wide, ARRAYSIZE(wide)))
        return ERROR_INVALID_PARAMETER;
    if (access & KEY_SET_VALUE)
        return (DWORD)RegCreateKeyExW(HKEY_LOCAL_MACHINE, wide, 0, NULL, 0, access | KEY_WOW64_64KEY, NULL, key, NULL);
    return (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, wide, 0, access | KEY_WOW64_64KEY, key);
}

/* A value of whatever length, with MORE_LEN bytes behind it, 0 mostly; the caller frees it. Of performance data the length cannot be asked for. */
static DWORD query_value(HKEY key, const WCHAR *name, DWORD *type, BYTE **data, DWORD *len)
{
    for (DWORD size = FIRST_ANSWER_LEN; size <= MAX_ANSWER_LEN; size *= 2) {
        BYTE *place = calloc(1, size + MORE_LEN);
        if (!place)
            return ERROR_OUTOFMEMORY;
        *len = size;
        LONG error = RegQueryValueExW(key, name, NULL, type, place, len);
        if (!error) {
            *data = place;
            return 0;
        }
        free(place);
        if (error != ERROR_MORE_DATA)
            return (DWORD)error;
    }
    return ERROR_MORE_DATA;
}

static DWORD get_value(const char *key_name, const char *name, DWORD wanted, BYTE **data, DWORD *len)
{
    WCHAR wide[64];
    HKEY key;
    DWORD type = 0,
          error = to_wide(name, wide, ARRAYSIZE(wide)) ? open_key(key_name, KEY_QUERY_VALUE, &key) : ERROR_INVALID_PARAMETER;
    if (error)
        return error;
    error = query_value(key, wide, &type, data, len);
    RegCloseKey(key);
    if (!error && type != wanted && !(wanted == REG_SZ && type == REG_EXPAND_SZ)) {
        free(*data);
        return ERROR_INVALID_DATA;
    }
    return error;
}

static DWORD set_value(const char *key_name, const char *name, DWORD type, const void *data, size_t len)
{
    WCHAR wide[64];
    HKEY key;
    DWORD error = to_wide(name, wide, ARRAYSIZE(wide)) ? open_key(key_name, KEY_SET_VALUE, &key) : ERROR_INVALID_PARAMETER;
    if (error)
        return error;
    error = (DWORD)RegSetValueExW(key, wide, 0, type, data, (DWORD)len);
    RegCloseKey(key);
    return error;
}

static uint32_t get_text(void *context, const char *key, const char *name, char *text, size_t size)
{
    BYTE *data;
    DWORD len, error = get_value(key, name, REG_SZ, &data, &len);
    (void)context;
    if (error)
        return error;
    error = to_utf8((const WCHAR *)(void *)data, text, size);
    free(data);
    return error;
}

static uint32_t get_number(void *context, const char *key, const char *name, uint32_t *number)
{
    BYTE *data;
    DWORD len, error = get_value(key, name, REG_DWORD, &data, &len);
    (void)context;
    if (error)
        return error;
    memcpy(number, data, sizeof *number); /* there is always room for it */
    free(data);
    return 0;
}

static uint32_t get_list(void *context, const char *key, const char *name, char **list, size_t *len)
{
    BYTE *data;
    DWORD byte_len, error = get_value(key, name, REG_MULTI_SZ, &data, &byte_len);
    (void)context;
    if (error)
        return error;
    const WCHAR *wide = (const WCHAR *)(void *)data;
    size_t count = byte_len / sizeof *wide;
    while (count > 0 && !wide[count - 1])
        count--;
    int needed = WideCharToMultiByte(CP_UTF8, 0, wide, (int)count + 1, NULL, 0, NULL, NULL);
    *list = malloc((size_t)needed + 1);
    *len = count && *list ? (size_t)WideCharToMultiByte(CP_UTF8, 0, wide, (int)count + 1, *list, needed, NULL, NULL) : 0;
    free(data);
    return *list ? 0 : ERROR_OUTOFMEMORY;
}

static uint32_t set_text(void *context, const char *key, const char *name, const char *text)
{
    size_t len;
    wchar_t *wide = text_win32_wide(text, strlen(text), &len);
    DWORD error = wide ? set_value(key, name, REG_SZ, wide, (len + 1) * sizeof *wide) : ERROR_OUTOFMEMORY;
    (void)context;
    free(wide);
    return error;
}

static uint32_t set_number(void *context, const char *key, const char *name, uint32_t number)
{
    (void)context;
    return set_value(key, name, REG_DWORD, &number, sizeof number);
}

static uint32_t delete_value(void *context, const char *key_name, const char *name)
{
    WCHAR wide[64];
    HKEY key;
    DWORD error = to_wide(name, wide, ARRAYSIZE(wide)) ? open_key(key_name, KEY_SET_VALUE, &key) : ERROR_INVALID_PARAMETER;
    (void)context;
    if (error)
        return error;
    error = (DWORD)RegDeleteValueW(key, wide);
    RegCloseKey(key);
    return error;
}

/* Of the SYSTEM hive, which 32-bit programs do not have another of. */
static uint32_t delete_key(void *context, const char *name)
{
    WCHAR wide[256];
    (void)context;
    return to_wide(name, wide, ARRAYSIZE(wide)) ? (DWORD)RegDeleteKeyW(HKEY_LOCAL_MACHINE, wide) : ERROR_INVALID_PARAMETER;
}

static uint32_t query(void *context, const char *indexes, uint8_t **data, size_t *len)
{
    WCHAR wide[64];
    DWORD type, got = 0;
    DWORD error = to_wide(indexes, wide, ARRAYSIZE(wide)) ? query_value(HKEY_PERFORMANCE_DATA, wide, &type, data, &got)
                                                          : ERROR_INVALID_PARAMETER;
    (void)context;
    *len = got + MORE_LEN; /* Wine writes that far: see perf_parse */
    return error;          /* the key stays open: between two samples the DLL shall keep what it knows */
}

/* ---- names */

typedef DWORD(WINAPI *change_names)(WCHAR *command, BOOL quiet);

static DWORD call_loadperf(const char *function, WCHAR *command)
{
    WCHAR path[MAX_PATH];
    UINT len = GetSystemDirectoryW(path, MAX_PATH - 20);
    if (len == 0 || len >= MAX_PATH - 20)
        return ERROR_MOD_NOT_FOUND;
    wcscpy(path + len, L"\\loadperf.dll");
    HMODULE module = LoadLibraryW(path);
    change_names change = module ? (change_names)(void *)GetProcAddress(module, function) : NULL;
    DWORD error = change ? change(command, TRUE) : GetLastError();
    if (module)
        FreeLibrary(module);
    return error;
}

static DWORD write_file(const WCHAR *path, const void *mark, size_t mark_len, const void *data, size_t len)
{
    DWORD written, error = 0;
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!WriteFile(file, mark, (DWORD)mark_len, &written, NULL) || !WriteFile(file, data, (DWORD)len, &written, NULL))
        error = GetLastError();
    CloseHandle(file);
    return error;
}

/* The texts in UTF-16; the numbers in ASCII: systems before Vista read no other header. */
static DWORD write_files(const WCHAR *ini_path, const WCHAR *header_path, const char *ini, const char *header)
{
    static const BYTE mark[] = {0xff, 0xfe};
    size_t len;
    wchar_t *wide = text_win32_wide(ini, strlen(ini), &len);
    DWORD error = wide ? write_file(ini_path, mark, sizeof mark, wide, len * sizeof *wide) : ERROR_OUTOFMEMORY;
    free(wide);
    return error ? error : write_file(header_path, "", 0, header, strlen(header));
}

/* The header is looked for beside the .ini, or in the current folder: it is both. A short name has no spaces, which not every version takes. */
static DWORD load_from(const WCHAR *folder, const WCHAR *ini_path)
{
    WCHAR name[MAX_PATH], before[FILE_NAME_LEN], command[MAX_PATH + 16];
    DWORD len = GetShortPathNameW(ini_path, name, MAX_PATH);
    if (len == 0 || len >= MAX_PATH)
        lstrcpynW(name, ini_path, MAX_PATH);
    _snwprintf(command, ARRAYSIZE(command), wcschr(name, L' ') ? L"lodctr \"%ls\"" : L"lodctr %ls", name);
    len = GetCurrentDirectoryW(FILE_NAME_LEN, before);
    SetCurrentDirectoryW(folder);
    DWORD error = call_loadperf("LoadPerfCounterTextStringsW", command);
    if (len > 0 && len < FILE_NAME_LEN)
        SetCurrentDirectoryW(before);
    return error;
}

static uint32_t load_names(void *context, const char *ini, const char *header)
{
    WCHAR folder[MAX_PATH], ini_path[MAX_PATH], header_path[MAX_PATH];
    DWORD len = GetTempPathW(MAX_PATH - 60, folder);
    (void)context;
    if (len == 0 || len >= MAX_PATH - 60)
        return ERROR_FILENAME_EXCED_RANGE;
    _snwprintf(folder + len, MAX_PATH - len, L"fcgiperf-%lu-%lu", GetCurrentProcessId(), GetTickCount());
    _snwprintf(ini_path, MAX_PATH, L"%ls\\fcgiperf.ini", folder);
    _snwprintf(header_path, MAX_PATH, L"%ls\\fcgiperf.h", folder);
    if (!CreateDirectoryW(folder, NULL))
        return GetLastError();
    DWORD error = write_files(ini_path, header_path, ini, header);
    if (!error)
        error = load_from(folder, ini_path);
    DeleteFileW(ini_path);
    DeleteFileW(header_path);
    RemoveDirectoryW(folder);
    return error;
}

static uint32_t unload_names(void *context)
{
    WCHAR command[] = L"unlodctr fcgiext";
    (void)context;
    return call_loadperf("UnloadPerfCounterTextStringsW", command);
}

/* ---- the DLL */

static uint32_t full_path(void *context, const char *path, char *full, size_t size)
{
    WCHAR wide[FILE_NAME_LEN], result[FILE_NAME_LEN + 16], *file = NULL;
    (void)context;
    if (path) {
        if (!to_wide(path, wide, ARRAYSIZE(wide)))
            return ERROR_FILENAME_EXCED_RANGE;
        DWORD len = GetFullPathNameW(wide, FILE_NAME_LEN, result, &file);
        return len > 0 && len < FILE_NAME_LEN ? to_utf8(result, full, size) : ERROR_FILENAME_EXCED_RANGE;
    }
    DWORD len = GetModuleFileNameW(NULL, result, FILE_NAME_LEN);
    if (len == 0 || len >= FILE_NAME_LEN)
        return ERROR_FILENAME_EXCED_RANGE;
    file = wcsrchr(result, L'\\');
    wcscpy(file ? file + 1 : result, L"fcgiperf.dll");
    return to_utf8(result, full, size);
}

/* 0: not what we know */
static unsigned bits_of_machine(const BYTE *bytes, DWORD len)
{
    LONG at;
    WORD machine;
    if (len < sizeof(IMAGE_DOS_HEADER) || bytes[0] != 'M' || bytes[1] != 'Z')
        return 0;
    memcpy(&at, bytes + offsetof(IMAGE_DOS_HEADER, e_lfanew), sizeof at);
    if (at < 0 || (DWORD)at > len - 6 || memcmp(bytes + at, "PE\0\0", 4) != 0)
        return 0;
    memcpy(&machine, bytes + at + 4, sizeof machine);
    return machine == IMAGE_FILE_MACHINE_AMD64 ? 64 : machine == IMAGE_FILE_MACHINE_I386 ? 32 : 0;
}

static uint32_t library_bits(void *context, const char *path, unsigned *bits)
{
    WCHAR wide[FILE_NAME_LEN];
    BYTE bytes[4096];
    DWORD len = 0, error = 0;
    (void)context;
    if (!to_wide(path, wide, ARRAYSIZE(wide)))
        return ERROR_FILENAME_EXCED_RANGE;
    HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    if (!ReadFile(file, bytes, sizeof bytes, &len, NULL))
        error = GetLastError();
    CloseHandle(file);
    *bits = error ? 0 : bits_of_machine(bytes, len);
    return error;
}

static void describe(void *context, uint32_t error, char *text, size_t size)
{
    (void)context;
    text_win32_error(error, text, size);
}

static unsigned system_bits(void)
{
    BOOL is_guest = FALSE;
    return sizeof(void *) == 8 || (IsWow64Process(GetCurrentProcess(), &is_guest) && is_guest) ? 64 : 32;
}

void perf_win32_init(struct perf_system *system)
{
    *system = (struct perf_system){
        .bits = system_bits(),
        .get_text = get_text,
        .get_number = get_number,
        .get_list = get_list,
        .set_text = set_text,
        .set_number = set_number,
        .delete_value = delete_value,
        .delete_key = delete_key,
        .load_names = load_names,
        .unload_names = unload_names,
        .full_path = full_path,
        .library_bits = library_bits,
        .query = query,
        .describe = describe,
    };
}
