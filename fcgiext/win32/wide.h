/* wide: between UTF-8, which the core speaks, and the system's UTF-16. */
#ifndef FCGIEXT_WIN32_WIDE_H
#define FCGIEXT_WIN32_WIDE_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/buffer.h"

/* Owned by the caller (free). NULL: out of memory. */
WCHAR *wide_of_utf8(const char *text);
char *utf8_of_wide(const WCHAR *text);

/* The system's text for an error or an exception, UTF-8, without the line's end. false: it has none. */
bool system_text(DWORD code, struct buffer *out);

/* Appends `count` units, NULs among them. false: no room, or out of memory. */
bool utf8_append_wide(const WCHAR *text, size_t count, struct buffer *utf8);

/* Text in the ANSI code page; as struct config_options wants it. */
bool utf8_of_ansi(void *context, struct bytes text, struct buffer *utf8);

#endif
