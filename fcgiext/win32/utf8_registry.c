/* utf8_registry: see utf8_registry.h. HKLM\SYSTEM is one for 32-bit and 64-bit processes. */
#include "fcgiext/win32/utf8_registry.h"

#include <winsock2.h>

#include <windows.h>

#include <stdlib.h>

#include "fcgiext/win32/wide.h"

static const WCHAR key_name[] = L"SYSTEM\\CurrentControlSet\\Services\\w3svc\\Parameters";
static const WCHAR value_name[] = L"FastCGIUtf8ServerVariables";

/* false: out of memory. A value of another type is none; so is one that is longer than any list of names. */
static bool read_value(HKEY key, struct buffer *names)
{
    DWORD type = 0, len = 0;
    if (RegQueryValueExW(key, value_name, NULL, &type, NULL, &len) || len > UTF8_REGISTRY_MAX_LEN ||
        (type != REG_MULTI_SZ && type != REG_SZ))
        return true;
    WCHAR *text = malloc(len + 1);
    if (!text)
        return false;
    bool read = RegQueryValueExW(key, value_name, NULL, &type, (BYTE *)text, &len) == 0; /* false: it has just changed */
    bool kept = !read || utf8_append_wide(text, len / sizeof *text, names);
    free(text);
    return kept;
}

bool utf8_registry_read(struct buffer *names)
{
    HKEY key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, key_name, 0, KEY_QUERY_VALUE, &key))
        return true;
    bool kept = read_value(key, names);
    RegCloseKey(key);
    return kept;
}
