/* fcgictl: the shell around fcgictl_run(). The command line is taken as the system has it: the C run-time would expand the '*' of a
 * pattern to file names. */
#include <winsock2.h>

#include <windows.h>

#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/fcgictl/exporter_win32.h"
#include "tools/fcgictl/files_win32.h"
#include "tools/fcgictl/hosts_win32.h"
#include "tools/fcgictl/perf_win32.h"
#include "tools/fcgictl/terminal_win32.h"
#include "tools/fcgictl/text_win32.h"

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
    struct perf_system perf;
    struct fcgictl_exporter exporter;
    struct fcgictl_environment environment = {&hosts, &terminal, NULL, files_win32_read, files_win32_replace, &perf, &exporter};
    size_t count = 0;
    const char **arguments = read_arguments(&count);
    if (!arguments) {
        fputs("fcgictl: out of memory\n", stderr);
        return FCGICTL_FAILED;
    }
    hosts_win32_init(&hosts);
    terminal_win32_init(&terminal);
    perf_win32_init(&perf);
    exporter_win32_init(&exporter);
    int exit_code = fcgictl_run(&environment, count, arguments);
    hosts_win32_deinit();
    return exit_code;
}
