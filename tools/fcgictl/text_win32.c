/* text_win32: see text_win32.h. */
#include "tools/fcgictl/text_win32.h"

#include <windows.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

wchar_t *text_win32_wide(const char *utf8, size_t len, size_t *wide_len)
{
    int count = len == 0 || len > INT_MAX ? 0 : MultiByteToWideChar(CP_UTF8, 0, utf8, (int)len, NULL, 0);
    wchar_t *wide = malloc(((size_t)count + 1) * sizeof *wide);
    if (!wide)
        return NULL;
    if (count > 0)
        MultiByteToWideChar(CP_UTF8, 0, utf8, (int)len, wide, count);
    wide[count] = L'\0';
    *wide_len = (size_t)count;
    return wide;
}

char *text_win32_utf8(const wchar_t *wide)
{
    int len = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *utf8 = len > 0 ? malloc((size_t)len) : NULL;
    if (utf8)
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, utf8, len, NULL, NULL);
    return utf8;
}

void text_win32_error(uint32_t error, char *text, size_t size)
{
    wchar_t wide[200];
    DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
    DWORD len = FormatMessageW(flags, NULL, error, 0, wide, ARRAYSIZE(wide), NULL);
    while (len > 0 && (wide[len - 1] == L' ' || wide[len - 1] == L'.'))
        len--;
    wide[len < ARRAYSIZE(wide) ? len : len - 1] = L'\0';
    char *utf8 = len > 0 ? text_win32_utf8(wide) : NULL;
    if (utf8)
        snprintf(text, size, "%s (%lu)", utf8, (unsigned long)error);
    else
        snprintf(text, size, "error %lu", (unsigned long)error);
    free(utf8);
}
