/* foreign: see foreign.h. The process is this program again. */
#include "tests/helpers/ecb_driver/foreign.h"

#include <stdio.h>

#include "tests/helpers/ecb_driver/spy.h"
#include "tests/helpers/ecb_driver/watched.h"

enum { WAIT_MS = 120000, BODY_LEN = 1000, EXIT_GOT_NOTHING = 10, EXIT_GOT_BYTES = 11 };

static HANDLE process;

/* ---- the process ---- */

void foreign_serve(const char *pipe_name, const char *ready_name)
{
    HANDLE pipe, ready = OpenEventA(EVENT_MODIFY_STATE, FALSE, ready_name);
    char byte;
    DWORD len = 0;
    while ((pipe = CreateNamedPipeA(pipe_name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 0, 0, 0, NULL)) == INVALID_HANDLE_VALUE) {
        if (GetLastError() != ERROR_PIPE_BUSY)
            ExitProcess(GetLastError());
        SwitchToThread(); /* the system closes what a process had a moment after its end */
    }
    if (!ready || !SetEvent(ready))
        ExitProcess(GetLastError());
    /* NO_DATA: the client has come and gone */
    if (!ConnectNamedPipe(pipe, NULL) && GetLastError() != ERROR_PIPE_CONNECTED && GetLastError() != ERROR_NO_DATA)
        ExitProcess(GetLastError());
    ExitProcess(ReadFile(pipe, &byte, 1, &len, NULL) && len ? EXIT_GOT_BYTES : EXIT_GOT_NOTHING);
}

/* ---- this one ---- */

void foreign_begin(const WCHAR *pipe_name)
{
    WCHAR program[MAX_PATH], line[2 * MAX_PATH], ready_name[32];
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION info;
    swprintf(ready_name, ARRAYSIZE(ready_name), L"foreign-%lu", GetCurrentProcessId());
    HANDLE ready = CreateEventW(NULL, TRUE, FALSE, ready_name);
    GetModuleFileNameW(NULL, program, ARRAYSIZE(program));
    swprintf(line, ARRAYSIZE(line), L"\"%ls\" - serve-pipe %ls %ls", program, pipe_name, ready_name);
    if (!ready || !CreateProcessW(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &info))
        die("no foreign process can be started: error %lu", GetLastError());
    CloseHandle(info.hThread);
    process = info.hProcess;
    HANDLE either[] = {ready, process};
    if (WaitForMultipleObjects(ARRAYSIZE(either), either, FALSE, WAIT_MS) != WAIT_OBJECT_0)
        die("the foreign process does not serve the pipe");
    CloseHandle(ready);
}

static DWORD foreign_end(void)
{
    DWORD code = 0;
    if (WaitForSingleObject(process, WAIT_MS) != WAIT_OBJECT_0 || !GetExitCodeProcess(process, &code))
        die("nobody has come to the foreign process");
    CloseHandle(process);
    if (code != EXIT_GOT_NOTHING && code != EXIT_GOT_BYTES)
        die("the foreign process has ended with error %lu", code);
    return code;
}

void foreign(struct host *host, const WCHAR *dll, enum completions completions)
{
    const struct request_plan kept = {.method = "GET", .query = "page=echo&user=1", .user = 1};
    struct request_plan not_kept = {.method = "POST", .query = "page=echo&user=1", .user = 1, .body_len = BODY_LEN};
    not_kept.available = not_kept.body_len;
    watched_open(host, dll, completions, true);
    watched_ask(host, &kept);
    spy.failure = SPY_FOREIGN;
    watched_ask(host, &not_kept);
    watched_ask(host, &kept);
    if (spy.failure != SPY_NONE)
        die("no other connection to the worker has been made");
    DWORD code = foreign_end();
    printf("foreign: 2xx %ld of %ld, starts %ld, the foreign process got %s\n", host->totals.answered[2], host->totals.ended,
           spy.starts, code == EXIT_GOT_BYTES ? "bytes" : "a connection");
    host_close(host);
}
