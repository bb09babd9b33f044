/* isapihost: starts, prints where it listens, waits for a reason to stop, stops in order: no new requests, running ones end, the extension
 * is unloaded, the server ends. */
#include "fcgiext/version.h"
#include "tools/isapihost/access_log_win32.h"
#include "tools/isapihost/civet_win32.h"
#include "tools/isapihost/control_win32.h"
#include "tools/isapihost/dispatch_win32.h"
#include "tools/isapihost/extension_win32.h"
#include "tools/isapihost/options.h"
#include "tools/isapihost/request_win32.h"
#include "tools/isapihost/session_win32.h"
#include "tools/isapihost/text_win32.h"
#include "tools/isapihost/token_win32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shellapi.h>
#include <windows.h>

enum { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static struct host_options options;

/* The command line in UTF-8. Never freed: the options point into it. */
static char **utf8_arguments(int *count)
{
    WCHAR **wide = CommandLineToArgvW(GetCommandLineW(), count);
    char **arguments = wide != NULL ? calloc((size_t)*count + 1, sizeof *arguments) : NULL;
    for (int i = 0; arguments != NULL && i < *count; ++i) {
        arguments[i] = text_utf8(wide[i]);
        if (arguments[i] == NULL)
            return NULL;
    }
    LocalFree(wide);
    return arguments;
}

/* A folder as an absolute path, which must exist. Never freed. */
static const char *absolute_folder(const char *path)
{
    WCHAR full[32768];
    WCHAR *wide = text_wide(path);
    DWORD len = wide != NULL ? GetFullPathNameW(wide, sizeof full / sizeof full[0], full, NULL) : 0;
    text_free(wide);
    DWORD attributes = len > 0 && len < sizeof full / sizeof full[0] ? GetFileAttributesW(full) : INVALID_FILE_ATTRIBUTES;
    if (attributes == INVALID_FILE_ATTRIBUTES || (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
        fprintf(stderr, "isapihost: '%s' is no folder\n", path);
        return NULL;
    }
    return text_utf8(full);
}

static bool resolve_paths(void)
{
    static WCHAR full[32768];
    for (unsigned i = 0; i < options.site_count; ++i)
        if ((options.sites[i].root = absolute_folder(options.sites[i].root)) == NULL)
            return false;
    for (unsigned i = 0; i < options.app_count; ++i)
        if (options.apps[i].folder != NULL && (options.apps[i].folder = absolute_folder(options.apps[i].folder)) == NULL)
            return false;
    if (options.extension != NULL) {
        /* Absolute, so that the system searches the DLL's own folder for its libraries. */
        WCHAR *wide = text_wide(options.extension);
        if (wide != NULL && GetFullPathNameW(wide, sizeof full / sizeof full[0], full, NULL) > 0)
            options.extension = text_utf8(full);
        text_free(wide);
    }
    return options.extension == NULL || options.extension[0] != '\0';
}

static void *thread_begin(void)
{
    return session_create();
}

static void thread_end(void *session)
{
    session_destroy(session);
}

static struct mg_context *start_server(void)
{
    char ports[OPTIONS_MAX_SITES * 80];
    char message[512];
    size_t used = 0;
    bool v6 = strchr(options.listen_address, ':') != NULL;
    for (unsigned i = 0; i < options.site_count; ++i)
        used += (size_t)snprintf(ports + used, sizeof ports - used, "%s%s%s%s:%u", i > 0 ? "," : "", v6 ? "[" : "",
                                 options.listen_address, v6 ? "]" : "", options.sites[i].port);
    struct civet_config config = {
        .ports = ports,
        .threads = options.threads,
        .timeout_ms = options.timeout_s * 1000,
        .keep_alive_ms = options.keep_alive_s * 1000,
        .thread_begin = thread_begin,
        .thread_end = thread_end,
        .handler = dispatch_connection,
    };
    struct mg_context *server = civet_start(&config, message, sizeof message);
    if (server == NULL) {
        fprintf(stderr, "isapihost: %s\n", message);
        return NULL;
    }
    for (unsigned i = 0; i < options.site_count; ++i)
        options.sites[i].port = (unsigned short)civet_port(server, i);
    return server;
}

static void announce(void)
{
    bool v6 = strchr(options.listen_address, ':') != NULL;
    fprintf(stderr, "isapihost %s, for development and tests: not for the internet%s\n", FCGIEXT_VERSION,
            options_is_loopback(&options) ? "" : ". WARNING: other machines can reach it");
    for (unsigned i = 0; i < options.site_count; ++i)
        printf("listening on http://%s%s%s:%u/\n", v6 ? "[" : "", options.listen_address, v6 ? "]" : "", options.sites[i].port);
    fflush(stdout);
}

/* Waits until no request runs, but no longer than the stop timeout. */
static void drain(void)
{
    DWORD start = GetTickCount();
    while (dispatch_active() > 0 && GetTickCount() - start < options.stop_timeout_s * 1000)
        Sleep(10);
}

static int stop(struct mg_context *server)
{
    unsigned left = 0;
    dispatch_stop();
    civet_stop_accepting(server);
    drain();
    if (options.extension != NULL)
        left = extension_unload(0);
    if (left > 0) {
        /* Their threads cannot be ended: leave them to the end of the process. */
        fprintf(stderr, "isapihost: %u request(s) did not end\n", left);
        fflush(NULL);
        TerminateProcess(GetCurrentProcess(), options.strict ? 3 : EXIT_FAILED);
    }
    session_abandon_all();
    civet_stop(server);
    session_stop_flusher();
    access_log_close();
    return EXIT_STOPPED;
}

static void print_line(void *file, const char *text)
{
    fprintf(file, "%s\n", text);
}

static bool prepare(void)
{
    char message[512];
    session_options = &options;
    dispatch_init(&options);
    request_init();
    token_init();
    if (!arena_start_watch() || !session_start_flusher() || !control_start(&options)) {
        fprintf(stderr, "isapihost: cannot start: error %lu\n", GetLastError());
        return false;
    }
    if (options.access_log != NULL && !access_log_open(options.access_log)) {
        fprintf(stderr, "isapihost: cannot open '%s': error %lu\n", options.access_log, GetLastError());
        return false;
    }
    if (options.extension != NULL && !extension_init(options.extension, message, sizeof message)) {
        fprintf(stderr, "isapihost: %s\n", message);
        return false;
    }
    return true;
}

int main(void)
{
    char message[512];
    int count = 0;
    char **arguments = utf8_arguments(&count);
    if (arguments == NULL)
        return EXIT_FAILED;
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    switch (options_parse(&options, count, arguments, message, sizeof message)) {
    case OPTIONS_HELP: options_help(print_line, stdout); return EXIT_STOPPED;
    case OPTIONS_VERSION: printf("isapihost %s\n", FCGIEXT_VERSION); return EXIT_STOPPED;
    case OPTIONS_ERROR: fprintf(stderr, "isapihost: %s\n", message); return EXIT_USAGE;
    case OPTIONS_RUN: break;
    }
    if (!resolve_paths() || !prepare())
        return EXIT_FAILED;
    struct mg_context *server = start_server();
    if (server == NULL)
        return EXIT_FAILED;
    announce();
    control_wait_for_stop();
    return stop(server);
}
