/* The path of a URL: from the bytes on the wire to the canonical path that is looked up, and the names that Windows would take for
 * something else. Pure. */
#ifndef ISAPIHOST_URL_PATH_H
#define ISAPIHOST_URL_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum url_result {
    URL_OK,
    URL_BAD,      /* not a path: bad escape, NUL, control character, backslash, above the root: 400 */
    URL_TOO_LONG, /* 414 */
};

/* Decodes raw[0..len) once (it must begin with '/'; a '?' is not expected), removes dot segments, joins repeated slashes. Writes a
 * NUL-terminated string of *out_len bytes to out. What was escaped counts like what was not: %2e%2e is a dot segment, %5c a
 * backslash. On failure nothing is to be used. */
enum url_result url_normalize(const char *raw, size_t len, char *out, size_t out_size, size_t *out_len);

/* False for a name that Windows or its file systems would open as something else, or that is no file name at all: trailing dot or
 * space, a colon (streams, drives), 8.3 short names, devices (CON, NUL.txt, COM1), wildcards, quotes. */
bool url_name_is_safe(const char *name, size_t len);

/* Writes text with the characters escaped that must not stand in a Location header; always NUL-terminated. False: no room. */
bool url_escape(const char *text, char *out, size_t out_size);

/* ASCII comparison without case. */
bool url_equal_ignoring_case(const char *a, const char *b, size_t len);

/* True for well-formed UTF-8 (no overlong forms, no surrogates). */
bool url_is_utf8(const char *text, size_t len);

#endif
