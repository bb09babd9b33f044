/* fcgictl: the shell around fcgictl_run(). The command line is taken as the system has it: the C run-time would expand the '*' of a
 * pattern to file names. */
#include <winsock2.h>

#include <windows.h>

#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fcgictl/hosts_win32.h"
#include "tools/fcgictl/terminal_win32.h"
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

static bool read_file(void *context, const char *path, char **bytes, size_t *len, char *why, size_t why_size)
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

/* -> UTF-8, without the program's name; NULL: out of memory. Never freed. */
static const char **read_arguments(size_t *count)
{
    int wide_count = 0;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &wide_count);
    const char **arguments = wide ? calloc((size_t)wide_count + 1, sizeof *arguments) : NULL;
    *count = wide_count > 0 ? (size_t)wide_count - 1 : 0;
    for (size_t i = 0; arguments && i < *count; i++)
        if (!(arguments[i] = text_win32_utf8(wide[i + 1])))
            return NULL;
    LocalFree(wide);
    return arguments;
}

int main(void)
{
    struct fcgictl_hosts hosts;
    struct fcgictl_terminal terminal;
    struct fcgictl_environment environment = {&hosts, &terminal, NULL, read_file};
    size_t count = 0;
    const char **arguments = read_arguments(&count);
    if (!arguments) {
        fputs("fcgictl: out of memory\n", stderr);
        return FCGICTL_FAILED;
    }
    hosts_win32_init(&hosts);
    terminal_win32_init(&terminal);
    int exit_code = fcgictl_run(&environment, count, arguments);
    hosts_win32_deinit();
    return exit_code;
}
