/* wide: see wide.h. Bytes that are not valid in their encoding become the replacement character: nothing here fails for
 * what a file or a client contains. */
#include "fcgiext/win32/wide.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

WCHAR *wide_of_utf8(const char *text)
{
    int len = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    WCHAR *wide = len > 0 ? malloc((size_t)len * sizeof *wide) : NULL;
    if (wide)
        MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, len);
    return wide;
}

char *utf8_of_wide(const WCHAR *text)
{
    int len = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *utf8 = len > 0 ? malloc((size_t)len) : NULL;
    if (utf8)
        WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8, len, NULL, NULL);
    return utf8;
}

bool system_text(DWORD code, struct buffer *out)
{
    WCHAR text[512];
    DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
    DWORD len = 0;
    if (code >= 0xC0000000u) /* an exit code that is an exception */
        len = FormatMessageW(flags | FORMAT_MESSAGE_FROM_HMODULE, GetModuleHandleW(L"ntdll.dll"), code, 0, text,
                             ARRAYSIZE(text), NULL);
    if (!len)
        len = FormatMessageW(flags, NULL, code, 0, text, ARRAYSIZE(text), NULL);
    while (len && (text[len - 1] == L' ' || text[len - 1] == L'.'))
        len--;
    text[len < ARRAYSIZE(text) ? len : len - 1] = L'\0';
    char *utf8 = len ? utf8_of_wide(text) : NULL;
    bool ok = utf8 && buffer_append_str(out, utf8);
    free(utf8);
    return ok;
}

bool utf8_append_wide(const WCHAR *text, size_t count, struct buffer *utf8)
{
    if (count == 0)
        return true;
    if (count > INT_MAX / 4)
        return false;
    int len = WideCharToMultiByte(CP_UTF8, 0, text, (int)count, NULL, 0, NULL, NULL);
    uint8_t *place = len > 0 ? buffer_reserve(utf8, (size_t)len) : NULL;
    if (!place)
        return false;
    WideCharToMultiByte(CP_UTF8, 0, text, (int)count, (char *)place, len, NULL, NULL);
    buffer_commit(utf8, (size_t)len);
    return true;
}

bool utf8_of_ansi(void *context, struct bytes text, struct buffer *utf8)
{
    (void)context;
    if (text.len == 0)
        return true;
    int wide_len = MultiByteToWideChar(CP_ACP, 0, (const char *)text.ptr, (int)text.len, NULL, 0);
    WCHAR *wide = wide_len > 0 ? malloc((size_t)wide_len * sizeof *wide) : NULL;
    if (!wide)
        return false;
    MultiByteToWideChar(CP_ACP, 0, (const char *)text.ptr, (int)text.len, wide, wide_len);
    bool appended = utf8_append_wide(wide, (size_t)wide_len, utf8);
    free(wide);
    return appended;
}
