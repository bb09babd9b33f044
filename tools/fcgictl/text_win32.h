/* text_win32: between UTF-8 and the system's UTF-16, and the system's words for its errors. */
#ifndef FCGICTL_TEXT_WIN32_H
#define FCGICTL_TEXT_WIN32_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

/* Owned by the caller (free). NULL: out of memory. `len`: bytes without a NUL; *wide_len gets UTF-16 units, and a NUL stands behind them. */
wchar_t *text_win32_wide(const char *utf8, size_t len, size_t *wide_len);
char *text_win32_utf8(const wchar_t *wide);

/* "access is denied (5)", in UTF-8. */
void text_win32_error(uint32_t error, char *text, size_t size);

#endif
