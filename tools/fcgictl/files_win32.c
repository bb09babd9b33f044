/* files_win32: see files_win32.h. */
#include "tools/fcgictl/files_win32.h"

#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fcgictl/text_win32.h"

enum { MAX_FILE_LEN = 4 * 1024 * 1024 }; /* of an fcgiext.ini; one byte more, and the parser says that it is too long */

static DWORD read_all(HANDLE file, char *bytes, size_t *len)
{
    DWORD got = 0;
    *len = 0;
    do {
        if (!ReadFile(file, bytes + *len, (DWORD)(MAX_FILE_LEN + 1 - *len), &got, NULL))
            return GetLastError();
        *len += got;
    } while (got > 0 && *len <= MAX_FILE_LEN);
    return 0;
}

bool files_win32_read(void *context, const char *path, char **bytes, size_t *len, char *why, size_t why_size)
{
    size_t wide_len = 0;
    wchar_t *wide = text_win32_wide(path, strlen(path), &wide_len);
    char *place = malloc(MAX_FILE_LEN + 1);
    DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, error = ERROR_OUTOFMEMORY;
    HANDLE file = INVALID_HANDLE_VALUE;
    (void)context;
    if (wide && place) {
        file = CreateFileW(wide, GENERIC_READ, share, NULL, OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, NULL);
        error = file == INVALID_HANDLE_VALUE ? GetLastError() : read_all(file, place, len);
    }
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    free(wide);
    if (!error) {
        *bytes = place;
        return true;
    }
    free(place);
    text_win32_error(error, why, why_size);
    return false;
}

/* ---- replacing */

enum { REPLACE_TRIES = 40, REPLACE_PAUSE_MS = 50 };

static DWORD write_all(HANDLE file, const char *bytes, size_t len)
{
    while (len > 0) {
        DWORD written = 0;
        if (!WriteFile(file, bytes, len > 65536 ? 65536 : (DWORD)len, &written, NULL))
            return GetLastError();
        bytes += written;
        len -= written;
    }
    return FlushFileBuffers(file) ? 0 : GetLastError();
}

/* Not shared: of two that write at the same time one fails. What an interrupted one has left is written over. */
static DWORD write_new(const wchar_t *path, const char *bytes, size_t len)
{
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD error = write_all(file, bytes, len);
    CloseHandle(file);
    return error;
}

/* Most readers do not allow that what they have open is replaced: they are waited for. */
static DWORD replace(const wchar_t *from, const wchar_t *to)
{
    DWORD error = 0;
    for (int i = 0; i < REPLACE_TRIES; i++) {
        if (MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
            return 0;
        error = GetLastError();
        if (error != ERROR_ACCESS_DENIED && error != ERROR_SHARING_VIOLATION)
            break;
        Sleep(REPLACE_PAUSE_MS);
    }
    return error;
}

/* "FOLDER\\NAMESUFFIX"; NULL: out of memory. */
static wchar_t *join(const char *folder, const char *name, const char *suffix)
{
    size_t wide_len = 0, size = strlen(folder) + strlen(name) + strlen(suffix) + 2;
    char *path = malloc(size);
    wchar_t *wide = NULL;
    if (path) {
        snprintf(path, size, "%s\\%s%s", folder, name, suffix);
        wide = text_win32_wide(path, strlen(path), &wide_len);
    }
    free(path);
    return wide;
}

bool files_win32_replace(void *context, const char *folder, const char *name, const char *bytes, size_t len, char *why,
                         size_t why_size)
{
    wchar_t *path = join(folder, name, ""), *temporary = join(folder, name, ".tmp");
    DWORD error = ERROR_OUTOFMEMORY;
    (void)context;
    if (path && temporary) {
        error = write_new(temporary, bytes, len);
        bool ours = error != ERROR_SHARING_VIOLATION;
        if (!error)
            error = replace(temporary, path);
        if (error && ours)
            DeleteFileW(temporary);
    }
    free(path);
    free(temporary);
    if (error)
        text_win32_error(error, why, why_size);
    return error == 0;
}
