/* misbehave: a FastCGI program that does what a program must not do, when it is told to. It speaks FastCGI by hand over the pipe that
 * is its standard input, or over connections to the socket that is (Protocol=Tcp), because libfcgi would do it right.
 *
 * What it is told are words NAME=VALUE: its arguments, or the query of a request (separated by &), which goes before them.
 *   way=NAME   one of the table `ways` below
 *   code=N     the exit code of the ways that exit, the exception of those that crash; 0x is understood
 *   at=N       how many bytes, or which value; the way says of what
 *   read=N     reads only so many bytes of the body before it answers or does what the way says
 *   once=FILE  (an argument) misbehaves only if it can delete this file: so a test says which one of several processes does
 *   cleanup=PORT  (an argument) goes to that gate, as "idle after N" or "busy after N" (requests), before it obeys the shutdown event
 *   log=FILE   (an argument) a byte is appended to this file at each start: so a test counts the processes
 *   keep=N     (a request) takes N MiB more of memory, and keeps them
 *   gate=PORT  a request goes to 127.0.0.1:PORT first and waits until that connection ends, as with the witness
 *   name=TEXT  told to the gate, and given back
 * Without a way it reads the body and answers with lines NAME=VALUE; it obeys the shutdown event. */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The point at which a way takes over from the normal course. */
enum moment { AT_START, AT_CONNECT, AT_BEGIN, AT_REQUEST };

static char program[MAX_PATH];
static unsigned long requests, connections;
static volatile bool busy; /* with a request, until the normal answer to one */

/* ---- the normal course */

/* Up to `most` bytes of the body, or its end. */
static void read_body(struct request *request, unsigned long most)
{
    static struct record record;
    while (!request->body_ended && request->body < most && request->connected) {
        if (!read_record(&record)) {
            request->connected = false;
            return;
        }
        request->body += (unsigned long)record.len;
        request->body_ended = record.type == STDIN && record.len == 0;
    }
}

/* All of it, unless the test wants less. */
static void read_wanted(struct request *request)
{
    read_body(request, number(request, "read", ULONG_MAX));
}

/* The whole answer: one record of stdout, END_REQUEST. -> its length */
static size_t make_answer(const struct request *request, uint8_t *out, uint8_t protocol_status)
{
    char text[2 * WORDS_LEN], name[NAME_LEN];
    size_t len = 0;
    word(request->query, "name", name, sizeof name);
    int text_len = snprintf(text, sizeof text,
                            "Content-Type: text/plain; charset=utf-8\r\n\r\npid=%lu\nrequests=%lu\nconnections=%lu\nkept=%d\n"
                            "body=%lu\nname=%s\n",
                            GetCurrentProcessId(), requests, connections, request->keep, request->body, name);
    put_record(request, out, &len, STDOUT, text, (size_t)text_len);
    put_end(request, out, &len, protocol_status);
    return len;
}

static void answer_at_once(struct request *request)
{
    uint8_t out[4 * WORDS_LEN];
    busy = false; /* the event may follow END_REQUEST at once */
    write_all(out, make_answer(request, out, 0));
}

/* The rest of a body that was not wanted goes with its connection. */
static void answer(struct request *request)
{
    read_wanted(request);
    if (request->connected)
        answer_at_once(request);
}

/* ---- ways */

static void leave(struct request *request)
{
    ExitProcess(number(request, "code", 0));
}

static void crash(struct request *request)
{
    RaiseException(number(request, "code", 0xC0000005), EXCEPTION_NONCONTINUABLE, 0, NULL);
}

static void stay(struct request *request)
{
    (void)request;
    WaitForSingleObject(GetCurrentProcess(), INFINITE); /* until somebody ends it */
}

static void spawn(struct request *request)
{
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION info;
    char line[MAX_PATH + NAME_LEN];
    (void)request;
    snprintf(line, sizeof line, "\"%s\" way=stay", program);
    if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &startup, &info))
        ExitProcess(GetLastError());
    CloseHandle(info.hThread);
    CloseHandle(info.hProcess);
}

static void exit_in_stdin(struct request *request)
{
    read_body(request, strtoul(request->length, NULL, 10) / 2);
    leave(request);
}

static void exit_after_headers(struct request *request)
{
    static const char text[] = "Content-Type: text/plain\r\n\r\nthe first half\n";
    uint8_t out[WORDS_LEN];
    size_t len = 0;
    read_wanted(request);
    put_record(request, out, &len, STDOUT, text, sizeof text - 1);
    write_all(out, len);
    leave(request);
}

static void exit_after_end(struct request *request)
{
    answer(request);
    leave(request);
}

static void exit_on_next(struct request *request)
{
    static struct record record;
    answer(request);
    do {
        if (!read_record(&record))
            return;
    } while (record.type != STDIN || record.len > 0);
    leave(request);
}

static void close_on_next(struct request *request)
{
    static struct record record;
    answer(request);
    if (read_record(&record))
        disconnect(request);
}

static void end_of_file(struct request *request)
{
    uint8_t out[4 * WORDS_LEN];
    read_wanted(request);
    size_t len = make_answer(request, out, 0), at = number(request, "at", 0);
    write_all(out, at < len ? at : len);
    disconnect(request);
}

/* The answer with the byte `at` of its first header replaced. */
static void garble(struct request *request, size_t at, uint8_t by)
{
    uint8_t out[4 * WORDS_LEN];
    read_wanted(request);
    size_t len = make_answer(request, out, 0);
    out[at] = by;
    write_all(out, len);
}

static void garble_version(struct request *request)
{
    garble(request, 0, 7);
}

static void garble_type(struct request *request)
{
    garble(request, 1, 99);
}

static void garble_id(struct request *request)
{
    garble(request, 3, (uint8_t)(request->id + 1));
}

static void garble_length(struct request *request)
{
    garble(request, 4, 0x7f);
}

static void more_after_end(struct request *request)
{
    static const char text[] = "Content-Type: text/plain\r\n\r\nname=stray\n";
    uint8_t out[4 * WORDS_LEN];
    read_wanted(request);
    size_t len = make_answer(request, out, 0);
    put_record(request, out, &len, STDOUT, text, sizeof text - 1);
    put_end(request, out, &len, 0);
    write_all(out, len);
}

static void wait_at_gate(const struct request *request);

static void more_when_idle(struct request *request)
{
    answer(request);
    FlushFileBuffers(pipe_end); /* the answer has been read: what comes now is a read of its own */
    more_after_end(request);
    wait_at_gate(request);
}

static void protocol_status(struct request *request)
{
    uint8_t out[4 * WORDS_LEN];
    read_wanted(request);
    write_all(out, make_answer(request, out, (uint8_t)number(request, "at", 77)));
}

static void end_then_silent(struct request *request)
{
    answer(request);
    stay(request);
}

static void end_then_gate(struct request *request)
{
    answer(request);
    wait_at_gate(request);
}

static void exit_unaccepted(struct request *request)
{
    answer(request);
    disconnect(request);
    wait_at_gate(request);
    leave(request);
}

static bool serve(void);

static void serve_one_connection(struct request *request)
{
    while (serve()) {
    }
    leave(request);
}

static const struct way {
    const char *name;
    enum moment moment;
    void (*act)(struct request *request);
    const char *help;
} ways[] = {
    {"exit-at-start", AT_START, leave, "exits before it connects"},
    {"stay", AT_START, stay, "never connects"},
    {"spawn", AT_START, spawn, "starts a child that never ends, then works as it should"},
    {"one-connection", AT_START, serve_one_connection,
     "never calls ConnectNamedPipe, as wfastcgi: serves the first connection, exits"},
    {"ignore-event", AT_START, NULL, "does not obey the shutdown event"},
    {"poll-event", AT_START, NULL, "looks at the shutdown event before and after it waits for a connection, as php"},
    {"exit-after-connect", AT_CONNECT, leave, "exits when it has a connection, and has read nothing"},
    {"exit-after-begin", AT_BEGIN, leave, "exits when it has read BEGIN_REQUEST"},
    {"exit-in-stdin", AT_REQUEST, exit_in_stdin, "exits when it has read half of the body"},
    {"exit-after-headers", AT_REQUEST, exit_after_headers, "exits when its headers and a piece of the body are out"},
    {"exit-after-end", AT_REQUEST, exit_after_end, "exits right after END_REQUEST"},
    {"exit-on-next", AT_REQUEST, exit_on_next, "answers, reads the whole next request on the kept connection, and exits"},
    {"close-on-next", AT_REQUEST, close_on_next, "answers, and disconnects when the next request comes; lives on"},
    {"exit-unaccepted", AT_REQUEST, exit_unaccepted, "answers, disconnects, goes to the gate (again), exits"},
    {"crash", AT_REQUEST, crash, "crashes"},
    {"silent", AT_REQUEST, stay, "never answers, and reads no more"},
    {"eof", AT_REQUEST, end_of_file, "disconnects after the byte `at` of its answer; lives on"},
    {"garble-version", AT_REQUEST, garble_version, "answers with a record of version 7"},
    {"garble-type", AT_REQUEST, garble_type, "answers with a record of type 99"},
    {"garble-id", AT_REQUEST, garble_id, "answers to the request after this one"},
    {"garble-length", AT_REQUEST, garble_length, "announces more content than it sends"},
    {"more-after-end", AT_REQUEST, more_after_end, "sends one more answer together with END_REQUEST"},
    {"more-when-idle", AT_REQUEST, more_when_idle, "sends one more answer when nobody has asked, and goes to the gate (again)"},
    {"status", AT_REQUEST, protocol_status, "ends the request with the protocolStatus `at`"},
    {"no-stdin", AT_REQUEST, answer_at_once, "answers without reading any of the body"},
    {"end-then-gate", AT_REQUEST, end_then_gate, "answers, goes to the gate (again), and reads on only then"},
    {"end-then-silent", AT_REQUEST, end_then_silent, "answers, and then neither reads nor disconnects"},
};

/* Whether there was a way for this moment, and it was gone. */
static bool misbehave(struct request *request, enum moment moment)
{
    char name[NAME_LEN], once[MAX_PATH];
    bool asked = word(request->query, "way", name, sizeof name);
    if ((!asked && !word(arguments, "way", name, sizeof name)) || name[0] == '\0')
        return false;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i].name, name) != 0)
            continue;
        if (ways[i].moment != moment || ways[i].act == NULL)
            return false;
        if (!asked && word(arguments, "once", once, sizeof once) && !DeleteFileA(once))
            return false;
        ways[i].act(request);
        return true;
    }
    ExitProcess(64); /* a mistake in the test */
}

/* ---- requests */

static void wait_at(unsigned long port, const char *name)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char line[NAME_LEN + 2], got;
    if (port == 0)
        return;
    SOCKET gate = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((u_short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int len = snprintf(line, sizeof line, "%s\n", name);
    if (connect(gate, (struct sockaddr *)&address, sizeof address) == 0 && send(gate, line, len, 0) == len)
        recv(gate, &got, 1, 0);
    closesocket(gate);
}

static void wait_at_gate(const struct request *request)
{
    char name[NAME_LEN];
    word(request->query, "name", name, sizeof name);
    wait_at(number(request, "gate", 0), name);
}

static size_t pair_len(const uint8_t **at)
{
    size_t len = *(*at)++;
    if (len >= 128) {
        len = (len & 127) << 24 | (size_t)(*at)[0] << 16 | (size_t)(*at)[1] << 8 | (*at)[2];
        *at += 3;
    }
    return len;
}

/* The lengths are believed: what is tested is whoever sends them. */
static void take_params(struct request *request, const struct record *record)
{
    const uint8_t *at = record->content, *end = record->content + record->len;
    while (at < end) {
        size_t name_len = pair_len(&at), value_len = pair_len(&at);
        const char *name = (const char *)at, *value = name + name_len;
        if (name_len == 12 && memcmp(name, "QUERY_STRING", name_len) == 0)
            snprintf(request->query, sizeof request->query, "%.*s", (int)value_len, value);
        if (name_len == 14 && memcmp(name, "CONTENT_LENGTH", name_len) == 0)
            snprintf(request->length, sizeof request->length, "%.*s", (int)value_len, value);
        at += name_len + value_len;
    }
}

static void keep_memory(const struct request *request)
{
    size_t len = (size_t)number(request, "keep", 0) << 20;
    volatile char *memory = len > 0 ? malloc(len) : NULL; /* for good; volatile: no compiler leaves it out */
    if (len > 0 && memory == NULL)
        ExitProcess(67);
    for (size_t i = 0; i < len; i += 4096)
        memory[i] = 1; /* what is never touched need not be there */
}

/* One request; whether the connection is there for another one. */
static bool serve(void)
{
    static struct record record;
    struct request request = {.connected = true};
    if (!read_record(&record) || record.type != BEGIN_REQUEST)
        return false;
    request.id = record.id;
    request.keep = record.content[2] & 1;
    busy = true;
    misbehave(&request, AT_BEGIN);
    do {
        if (!read_record(&record) || record.type != PARAMS)
            return false;
        take_params(&request, &record);
    } while (record.len > 0);
    requests++;
    keep_memory(&request);
    wait_at_gate(&request);
    if (!misbehave(&request, AT_REQUEST))
        answer(&request);
    return request.keep && request.connected;
}

static void log_start(void)
{
    char name[MAX_PATH];
    if (!word(arguments, "log", name, sizeof name))
        return;
    HANDLE file = CreateFileA(name, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, 0, NULL);
    DWORD written;
    if (!WriteFile(file, "s", 1, &written, NULL))
        ExitProcess(65);
    CloseHandle(file);
}

__attribute__((noreturn)) static void obey(void)
{
    char port[NAME_LEN], text[NAME_LEN];
    snprintf(text, sizeof text, "%s after %lu", busy ? "busy" : "idle", requests);
    word(arguments, "cleanup", port, sizeof port);
    wait_at(strtoul(port, NULL, 10), text);
    ExitProcess(0);
}

static DWORD WINAPI obey_event(void *event)
{
    WaitForSingleObject(event, INFINITE);
    obey();
}

static HANDLE shutdown_event; /* NULL: none, or not to be obeyed */

static void watch_event(void)
{
    const char *event = getenv("_FCGI_SHUTDOWN_EVENT_");
    char way[NAME_LEN];
    word(arguments, "way", way, sizeof way);
    if (event == NULL || strcmp(way, "ignore-event") == 0)
        return;
    shutdown_event = (HANDLE)(uintptr_t)strtoul(event, NULL, 10);
    if (strcmp(way, "poll-event") != 0)
        CloseHandle(CreateThread(NULL, 0, obey_event, shutdown_event, 0, NULL));
}

static void poll_event(void)
{
    if (shutdown_event != NULL && WaitForSingleObject(shutdown_event, 0) == WAIT_OBJECT_0)
        obey();
}

int main(int argc, char **argv)
{
    struct request nobody = {.connected = true};
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    look_at_stdin();
    snprintf(program, sizeof program, "%s", argv[0]);
    for (int i = 1; i < argc; i++) {
        size_t used = strlen(arguments);
        snprintf(arguments + used, sizeof arguments - used, "%s&", argv[i]);
    }
    log_start();
    watch_event();
    misbehave(&nobody, AT_START);
    for (poll_event(); accept_connection(); poll_event()) {
        poll_event();
        connections++;
        misbehave(&nobody, AT_CONNECT);
        while (serve()) {
        }
        disconnect(&nobody);
    }
    return 2;
}
