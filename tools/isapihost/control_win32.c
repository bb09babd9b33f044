/* Commands are lines on standard input; each is answered by one line on standard output:
 *   unload       waits for running requests, then unloads the extension      "unloaded" or "busy: N"
 *   unload now   TerminateExtension with requests in flight                  the same
 *   load         loads it again (a request would do so as well)              "loaded" or "failed: why"
 *   status       counters                                                    "status active=N total=N in-flight=N unhealthy=N"
 *   stop         stops the host                                              "stopping" */
#include "tools/isapihost/control_win32.h"

#include "tools/isapihost/dispatch_win32.h"
#include "tools/isapihost/extension_win32.h"
#include "tools/isapihost/request_win32.h"

#include <stdio.h>
#include <string.h>

#include <process.h>
#include <windows.h>

enum { UNLOAD_WAIT_MS = 60000 };

static const struct host_options *control_options;
static HANDLE stop_event;

static BOOL WINAPI on_console(DWORD event)
{
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT && event != CTRL_CLOSE_EVENT && event != CTRL_SHUTDOWN_EVENT)
        return FALSE;
    SetEvent(stop_event);
    if (event == CTRL_CLOSE_EVENT || event == CTRL_SHUTDOWN_EVENT)
        Sleep(INFINITE); /* the process would be killed as soon as this returns */
    return TRUE;
}

static void reply(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

static void unload(unsigned wait_ms)
{
    unsigned left = control_options->extension != NULL ? extension_unload(wait_ms) : 0;
    if (left == 0) {
        reply("unloaded");
        return;
    }
    printf("busy: %u\n", left);
    fflush(stdout);
}

static void load(void)
{
    char message[512] = "no extension";
    if (control_options->extension != NULL && extension_load(message, sizeof message)) {
        reply("loaded");
        return;
    }
    printf("failed: %s\n", message);
    fflush(stdout);
}

static void run(const char *line)
{
    if (strcmp(line, "unload") == 0) {
        unload(UNLOAD_WAIT_MS);
    } else if (strcmp(line, "unload now") == 0) {
        unload(0);
    } else if (strcmp(line, "load") == 0) {
        load();
    } else if (strcmp(line, "status") == 0) {
        printf("status active=%u total=%u in-flight=%u unhealthy=%ld\n", dispatch_active(), dispatch_total(),
               request_count_in_flight(), request_unhealthy_reports);
        fflush(stdout);
    } else if (strcmp(line, "stop") == 0) {
        reply("stopping");
        SetEvent(stop_event);
    } else {
        reply("unknown command");
    }
}

static unsigned __stdcall read_commands(void *unused)
{
    char line[256];
    (void)unused;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (control_options->stdin_commands)
            run(line);
    }
    if (control_options->stop_on_stdin_eof)
        SetEvent(stop_event);
    return 0;
}

bool control_start(const struct host_options *options)
{
    control_options = options;
    stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (stop_event == NULL || !SetConsoleCtrlHandler(on_console, TRUE))
        return false;
    if (!options->stdin_commands && !options->stop_on_stdin_eof)
        return true;
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, read_commands, NULL, 0, NULL);
    if (thread == NULL)
        return false;
    CloseHandle(thread);
    return true;
}

void control_wait_for_stop(void)
{
    WaitForSingleObject(stop_event, INFINITE);
}
