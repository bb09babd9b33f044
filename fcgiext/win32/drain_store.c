/* drain_store: see drain_store.h. */
#include "fcgiext/win32/drain_store.h"

#include <stdlib.h>
#include <wchar.h>

#include "fcgiext/win32/wide.h"

static const WCHAR key_name[] = L"SOFTWARE\\fcgiext\\Drained";

enum { MAX_APP_POOL_LEN = 256 };

/* "path|application pool|pool"; NULL: out of memory. */
static WCHAR *value_name(const WCHAR *config_path, const char *pool)
{
    WCHAR app_pool[MAX_APP_POOL_LEN];
    DWORD app_pool_len = GetEnvironmentVariableW(L"APP_POOL_ID", app_pool, MAX_APP_POOL_LEN);
    WCHAR *wide = wide_of_utf8(pool);
    size_t len = wide ? wcslen(config_path) + MAX_APP_POOL_LEN + wcslen(wide) + 3 : 0;
    WCHAR *name = wide ? malloc(len * sizeof *name) : NULL;
    if (!app_pool_len || app_pool_len >= MAX_APP_POOL_LEN)
        app_pool[0] = L'\0';
    if (name) {
        wcscpy(name, config_path);
        wcscat(name, L"|");
        wcscat(name, app_pool);
        wcscat(name, L"|");
        wcscat(name, wide);
    }
    free(wide);
    return name;
}

DWORD drain_store_put(const WCHAR *config_path, const char *pool, uint64_t end_unix_ms)
{
    HKEY key;
    WCHAR *name = value_name(config_path, pool);
    if (!name)
        return ERROR_OUTOFMEMORY;
    LONG error = RegCreateKeyExW(HKEY_LOCAL_MACHINE, key_name, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL);
    if (!error) {
        error = RegSetValueExW(key, name, 0, REG_QWORD, (const BYTE *)&end_unix_ms, sizeof end_unix_ms);
        RegCloseKey(key);
    }
    free(name);
    return (DWORD)error;
}

bool drain_store_get(const WCHAR *config_path, const char *pool, uint64_t *end_unix_ms)
{
    HKEY key;
    DWORD type = 0, len = sizeof *end_unix_ms;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, key_name, 0, KEY_QUERY_VALUE, &key))
        return false;
    WCHAR *name = value_name(config_path, pool);
    bool found = name && RegQueryValueExW(key, name, NULL, &type, (BYTE *)end_unix_ms, &len) == 0 && type == REG_QWORD &&
                 len == sizeof *end_unix_ms;
    RegCloseKey(key);
    free(name);
    return found;
}

void drain_store_remove(const WCHAR *config_path, const char *pool)
{
    HKEY key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, key_name, 0, KEY_SET_VALUE, &key))
        return;
    WCHAR *name = value_name(config_path, pool);
    if (name)
        RegDeleteValueW(key, name);
    RegCloseKey(key);
    free(name);
}
