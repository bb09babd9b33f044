/* UTF-8 to UTF-16 and to the ANSI code page, as server variables and file names need it. */
#ifndef ISAPIHOST_TEXT_WIN32_H
#define ISAPIHOST_TEXT_WIN32_H

#include <stdbool.h>
#include <stddef.h>

#include <windows.h>

/* Heap copies; NULL if there is no memory or the text is malformed. Free with text_free. */
WCHAR *text_wide(const char *utf8);
char *text_utf8(const WCHAR *wide);
void text_free(void *text);

bool text_is_ascii(const char *text, size_t len);

/* Convert len bytes of UTF-8; return the number of characters written (no NUL), at most size; 0 also on failure. Bytes that are no UTF-8
 * are taken from the ANSI code page. */
size_t text_to_wide(const char *utf8, size_t len, WCHAR *out, size_t size);
size_t text_to_ansi(const char *utf8, size_t len, char *out, size_t size);

/* ANSI to UTF-8. */
size_t text_from_ansi(const char *ansi, size_t len, char *out, size_t size);

/* "2026-11-22 01:02:03", local time; out has TEXT_TIME_SIZE bytes. */
enum { TEXT_TIME_SIZE = 20 };
void text_local_time(char *out);

#endif
