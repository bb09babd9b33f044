/* Thin wrappers: the lengths are checked here once, so that no caller casts. */
#include "tools/isapihost/text_win32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

WCHAR *text_wide(const char *utf8)
{
    int count = MultiByteToWideChar(CP_UTF8, 0, utf8, -1, NULL, 0);
    WCHAR *wide = count > 0 ? malloc((size_t)count * sizeof *wide) : NULL;
    if (wide != NULL)
        MultiByteToWideChar(CP_UTF8, 0, utf8, -1, wide, count);
    return wide;
}

char *text_utf8(const WCHAR *wide)
{
    int len = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *utf8 = len > 0 ? malloc((size_t)len) : NULL;
    if (utf8 != NULL)
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, utf8, len, NULL, NULL);
    return utf8;
}

void text_free(void *text)
{
    free(text);
}

bool text_is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; ++i)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

size_t text_to_wide(const char *utf8, size_t len, WCHAR *out, size_t size)
{
    if (len == 0 || len > 0x1000000 || size > 0x1000000)
        return 0;
    int count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, (int)len, out, (int)size);
    if (count == 0 && GetLastError() == ERROR_NO_UNICODE_TRANSLATION)
        count = MultiByteToWideChar(CP_ACP, 0, utf8, (int)len, out, (int)size);
    return count > 0 ? (size_t)count : 0;
}

static size_t convert(UINT from, const char *text, size_t len, UINT to, char *out, size_t size)
{
    if (len == 0 || len > 0x1000000 || size > 0x1000000)
        return 0;
    WCHAR *wide = malloc(len * sizeof *wide);
    if (wide == NULL)
        return 0;
    int count = MultiByteToWideChar(from, 0, text, (int)len, wide, (int)len);
    int result = count > 0 ? WideCharToMultiByte(to, 0, wide, count, out, (int)size, NULL, NULL) : 0;
    free(wide);
    return result > 0 ? (size_t)result : 0;
}

size_t text_to_ansi(const char *utf8, size_t len, char *out, size_t size)
{
    return convert(CP_UTF8, utf8, len, CP_ACP, out, size);
}

size_t text_from_ansi(const char *ansi, size_t len, char *out, size_t size)
{
    return convert(CP_ACP, ansi, len, CP_UTF8, out, size);
}

void text_local_time(char *out)
{
    SYSTEMTIME now;
    GetLocalTime(&now);
    snprintf(out, TEXT_TIME_SIZE, "%04u-%02u-%02u %02u:%02u:%02u", now.wYear % 10000u, now.wMonth % 100u, now.wDay % 100u,
             now.wHour % 100u, now.wMinute % 100u, now.wSecond % 100u);
}
