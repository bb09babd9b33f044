/* bare_pipe: the limit that no host can pass: a FastCGI program asked over its pipe, and nothing else. tests/bench compares
 * with it.
 *
 *   bare_pipe PROGRAM REQUEST rate SECONDS COUNT...   round trips over so many connections, each with a process of its own
 *   bare_pipe PROGRAM REQUEST download COUNT          one answer after the other, read to its end
 *
 * PROGRAM is started as fcgiext starts it: its standard input is the synchronous server end of a byte-mode pipe, ours is the
 * overlapped client end. REQUEST is a file with the bytes of one request as fcgiext has sent them, FCGI_KEEP_CONN set. Each
 * connection has a thread, which writes the request with one call, reads until END_REQUEST, and waits for a read that does
 * not complete at once on an event of its own. Of the ways tried under Wine this was the fastest: to wait on the pipe
 * itself, to begin the read before the write, a completion port for each connection were all slower.
 *
 * After each line of figures it waits for a line of its input, or its end, before the processes end: so their processor time
 * can be read by whoever started it. */
#include <windows.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/helpers/latencies.h"

enum { HEADER_LEN = 8, END_REQUEST = 3, STDOUT = 6, READ_LEN = 64 * 1024, PIPE_BUFFER_LEN = 64 * 1024, MOST_CONNECTIONS = 64 };

struct reply {
    uint8_t header[HEADER_LEN];
    size_t header_len;
    size_t left; /* of the record's content and padding */
    uint64_t stdout_len;
    bool ended;
};

struct connection {
    HANDLE pipe, process, thread;
    HANDLE ready;     /* an event: the first answer has come */
    HANDLE read_done; /* an event */
    uint64_t stdout_len;
    char buffer[READ_LEN];
};

static char request[64 * 1024];
static DWORD request_len;
static struct connection connections[MOST_CONNECTIONS];
static struct latencies latencies;
static volatile LONG stopping;

static __attribute__((format(gnu_printf, 1, 2), noreturn)) void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bare_pipe: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    fflush(NULL);
    for (size_t i = 0; i < MOST_CONNECTIONS; i++)
        if (connections[i].process)
            TerminateProcess(connections[i].process, 1);
    TerminateProcess(GetCurrentProcess(), 3);
    abort();
}

/* ---- the program and its pipe ---- */

static void start(struct connection *connection, const char *program)
{
    static unsigned number; /* the name of one that has just ended may live a moment longer */
    char name[80], command[MAX_PATH + 2];
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    PROCESS_INFORMATION info;
    snprintf(name, sizeof name, "\\\\.\\pipe\\bare-%lu-%u", GetCurrentProcessId(), number++);
    HANDLE server_end = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT, 1,
                                         PIPE_BUFFER_LEN, PIPE_BUFFER_LEN, 0, &inherited);
    if (server_end == INVALID_HANDLE_VALUE)
        die("cannot make a pipe: error %lu", GetLastError());
    connection->pipe = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
    if (connection->pipe == INVALID_HANDLE_VALUE)
        die("cannot open the pipe: error %lu", GetLastError());
    STARTUPINFOA startup;
    ZeroMemory(&startup, sizeof startup);
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdInput = server_end;
    startup.hStdOutput = startup.hStdError = INVALID_HANDLE_VALUE;
    snprintf(command, sizeof command, "\"%s\"", program);
    if (!CreateProcessA(NULL, command, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &startup, &info))
        die("cannot start %s: error %lu", program, GetLastError());
    connection->process = info.hProcess;
    CloseHandle(info.hThread);
    connection->read_done = CreateEventW(NULL, TRUE, FALSE, NULL);
    CloseHandle(server_end); /* before the next one is started: it must not inherit it */
}

static void stop(struct connection *connection)
{
    CloseHandle(connection->pipe);
    TerminateProcess(connection->process, 0);
    WaitForSingleObject(connection->process, INFINITE);
    CloseHandle(connection->process);
    CloseHandle(connection->read_done);
    ZeroMemory(connection, sizeof *connection);
}

/* ---- one round trip ---- */

static void end_record(struct reply *reply)
{
    if (reply->header[1] == END_REQUEST)
        reply->ended = true;
    reply->header_len = 0;
}

static void eat(struct reply *reply, const char *bytes, size_t len)
{
    while (len) {
        if (reply->header_len == HEADER_LEN) {
            size_t taken = len < reply->left ? len : reply->left;
            bytes += taken;
            len -= taken;
            reply->left -= taken;
        } else {
            reply->header[reply->header_len++] = (uint8_t)*bytes++;
            len--;
            if (reply->header_len < HEADER_LEN)
                continue;
            size_t content_len = (size_t)reply->header[4] << 8 | reply->header[5];
            reply->left = content_len + reply->header[6];
            if (reply->header[1] == STDOUT)
                reply->stdout_len += content_len;
        }
        if (reply->left == 0)
            end_record(reply);
    }
}

static DWORD wait_for(struct connection *connection, OVERLAPPED *overlapped, const char *what)
{
    DWORD len = 0;
    if (!GetOverlappedResult(connection->pipe, overlapped, &len, TRUE))
        die("the pipe cannot be %s: error %lu", what, GetLastError());
    return len;
}

/* -> bytes of stdout */
static uint64_t round_trip(struct connection *connection)
{
    struct reply reply = {.header_len = 0};
    OVERLAPPED write, read;
    DWORD len = 0;
    ZeroMemory(&write, sizeof write);
    if (!WriteFile(connection->pipe, request, request_len, &len, &write)) {
        if (GetLastError() != ERROR_IO_PENDING)
            die("the pipe cannot be written: error %lu", GetLastError());
        wait_for(connection, &write, "written"); /* there is room for a request: it does not get here */
    }
    while (!reply.ended) {
        ZeroMemory(&read, sizeof read);
        read.hEvent = connection->read_done;
        if (!ReadFile(connection->pipe, connection->buffer, READ_LEN, &len, &read)) {
            if (GetLastError() != ERROR_IO_PENDING)
                die("the pipe cannot be read: error %lu", GetLastError());
            len = wait_for(connection, &read, "read");
        }
        eat(&reply, connection->buffer, len);
    }
    return reply.stdout_len;
}

static DWORD WINAPI run(void *context)
{
    struct connection *connection = context;
    connection->stdout_len = round_trip(connection); /* the program has started when it comes back */
    SetEvent(connection->ready);
    while (!stopping) {
        double before = now_ns();
        if (round_trip(connection) != connection->stdout_len)
            die("the answers are not the same");
        latencies_answered(&latencies, before);
    }
    return 0;
}

/* ---- commands ---- */

static void wait_for_reader(void)
{
    char line[16];
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return;
}

static void rate(const char *program, double seconds, unsigned count)
{
    if (count == 0 || count > MOST_CONNECTIONS)
        die("1 to %d connections", MOST_CONNECTIONS);
    stopping = 0;
    for (unsigned i = 0; i < count; i++) {
        start(&connections[i], program);
        connections[i].ready = CreateEventW(NULL, TRUE, FALSE, NULL);
        connections[i].thread = CreateThread(NULL, 0, run, &connections[i], 0, NULL);
        WaitForSingleObject(connections[i].ready, INFINITE);
    }
    printf("rate %u: begun\n", count);
    fflush(stdout);
    if (!latencies_measure(&latencies, seconds))
        die("no answer came any more");
    stopping = 1;
    for (unsigned i = 0; i < count; i++) {
        WaitForSingleObject(connections[i].thread, INFINITE);
        CloseHandle(connections[i].thread);
        CloseHandle(connections[i].ready);
    }
    latencies_report(&latencies, count, (unsigned long)latencies.count, latencies.spent_ns, count);
    wait_for_reader();
    for (unsigned i = 0; i < count; i++)
        stop(&connections[i]);
}

static void download(const char *program, unsigned count)
{
    start(&connections[0], program);
    round_trip(&connections[0]); /* first uses */
    puts("download: begun");
    fflush(stdout);
    double begun = now_ns();
    uint64_t len = 0;
    for (unsigned i = 0; i < count; i++)
        len += round_trip(&connections[0]);
    double spent = now_ns() - begun;
    printf("download: %llu bytes in %.6f s, %.1f MiB a second\n", (unsigned long long)len, spent / 1e9,
           (double)len / 1048576 * 1e9 / spent);
    wait_for_reader();
    stop(&connections[0]);
}

int main(int argc, char **argv)
{
    FILE *file = argc > 4 ? fopen(argv[2], "rb") : NULL;
    if (!file)
        die("usage: bare_pipe PROGRAM REQUEST-FILE COMMAND ARGUMENT...; see the begin of bare_pipe.c");
    request_len = (DWORD)fread(request, 1, sizeof request, file);
    fclose(file);
    if (request_len == 0 || request_len == sizeof request)
        die("the request is empty, or too long");
    if (strcmp(argv[3], "rate") == 0)
        for (int i = 5; i < argc; i++)
            rate(argv[1], atof(argv[4]), (unsigned)atoi(argv[i]));
    else if (strcmp(argv[3], "download") == 0)
        download(argv[1], (unsigned)atoi(argv[4]));
    else
        die("unknown: %s", argv[3]);
    return 0;
}
