/* mgmt_pipe client: clients of all kinds, each in a slot 0 to 63. The lines of input:
 *
 *   open SLOT PID MS            by the library: ok, no_host, denied, not_ours, busy, failed
 *   call SLOT MS TEXT           by the library: the reply, or `error N`
 *   raw SLOT PID                a bare connection, blocking; waits for a free instance
 *   write SLOT - TEXT           the bytes of TEXT, with \n and \r in it: ok, or `error N`
 *   fill SLOT COUNT             so many bytes that are no LF
 *   read SLOT [COUNT]           one line, or `end N`; at most COUNT bytes of it; of a long one how many bytes it has
 *   line SLOT                   one line, however long, or `end N`
 *   repeat SLOT COUNT TEXT      so many times: writes the line TEXT, and prints the line that comes
 *   gone SLOT                   waits until the server has disconnected it
 *   close SLOT
 *   churn PID COUNT             connections one after the other, each with one call: ok
 *   crowd PID COUNT TIMES       COUNT threads at once, each of which does that TIMES times: ok
 *   list SLOT                   the access list of its pipe
 *   squat PID COUNT / unsquat   takes a name of which there may be COUNT instances
 *   instance PID                tries to make one more: `made` or `error N`
 *   hosts                       discovery: PID:PROGRAM ... */
#include "tests/helpers/mgmt_pipe/mgmt_pipe.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/discovery.h"
#include "mgmt/pipe_client.h"

enum { SLOTS = 64, TIMEOUT_MS = 60000, LINE_ROOM = 1100 * 1024, MOST_SHOWN = 200 };

struct raw {
    HANDLE pipe;
    char *text; /* LINE_ROOM */
    DWORD len;
};

static struct mgmt_client *clients[SLOTS];
static struct raw raws[SLOTS];
static HANDLE squatted = INVALID_HANDLE_VALUE;
static char line[LINE_ROOM];

static void make_name(char name[64], const char *pid)
{
    snprintf(name, 64, MGMT_PIPE_PREFIX "%s", pid);
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static void say_result(BOOL ok)
{
    if (ok)
        say("ok");
    else
        say("error %lu", GetLastError());
}

/* ---- by the library ---- */

static const char *const outcomes[] = {"ok", "no_host", "denied", "not_ours", "busy", "failed"};

static void do_open(unsigned slot, unsigned pid, unsigned ms)
{
    uint32_t error = 0;
    say("%s", outcomes[mgmt_client_open(pid, ms, &clients[slot], &error)]);
}

static void do_call(unsigned slot, unsigned ms, const char *text)
{
    uint32_t error = 0;
    char *reply = NULL;
    if (!clients[slot])
        say("no connection");
    else if (mgmt_client_call(clients[slot], text, ms, &reply, &error))
        say("%s", reply);
    else
        say("error %lu", (unsigned long)error);
    free(reply);
}

static bool one_visit(unsigned pid, unsigned visit)
{
    struct mgmt_client *client = NULL;
    uint32_t error = 0;
    char text[32], *reply = NULL;
    snprintf(text, sizeof text, "visit %u", visit);
    bool ok = mgmt_client_open(pid, TIMEOUT_MS, &client, &error) == MGMT_CONNECT_OK &&
              mgmt_client_call(client, text, TIMEOUT_MS, &reply, &error) && strcmp(reply, text) == 0;
    free(reply);
    mgmt_client_close(client);
    return ok;
}

struct visitor {
    unsigned pid, times, done;
};

static DWORD WINAPI visit(void *context)
{
    struct visitor *visitor = context;
    while (visitor->done < visitor->times && one_visit(visitor->pid, visitor->done))
        visitor->done++;
    return 0;
}

static void do_crowd(unsigned pid, unsigned count, unsigned times)
{
    HANDLE threads[SLOTS];
    struct visitor visitors[SLOTS];
    unsigned done = 0;
    for (unsigned i = 0; i < count && i < SLOTS; i++) {
        visitors[i] = (struct visitor){pid, times, 0};
        threads[i] = CreateThread(NULL, 0, visit, &visitors[i], 0, NULL);
    }
    for (unsigned i = 0; i < count && i < SLOTS; i++) {
        WaitForSingleObject(threads[i], INFINITE);
        CloseHandle(threads[i]);
        done += visitors[i].done;
    }
    say("%u", done);
}

static void do_hosts(void)
{
    struct mgmt_host hosts[SLOTS];
    size_t count = mgmt_discover(hosts, SLOTS);
    for (size_t i = 0; i < count && i < SLOTS; i++)
        printf("%s%lu:%s", i > 0 ? " " : "", (unsigned long)hosts[i].pid, hosts[i].program);
    say("%s", "");
}

/* ---- bare connections ---- */

static void do_raw(unsigned slot, const char *pid)
{
    char name[64];
    make_name(name, pid);
    do
        raws[slot].pipe = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                                      SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
    while (raws[slot].pipe == INVALID_HANDLE_VALUE && GetLastError() == ERROR_PIPE_BUSY && WaitNamedPipeA(name, TIMEOUT_MS));
    say_result(raws[slot].pipe != INVALID_HANDLE_VALUE);
}

static void do_write(unsigned slot, const char *text)
{
    DWORD len = 0, written = 0;
    for (; *text; text++) {
        bool escape = text[0] == '\\' && (text[1] == 'n' || text[1] == 'r');
        line[len++] = !escape ? *text : text[1] == 'n' ? '\n' : '\r';
        text += escape;
    }
    say_result(WriteFile(raws[slot].pipe, line, len, &written, NULL) && written == len);
}

static void do_fill(unsigned slot, unsigned count)
{
    BOOL ok = TRUE;
    memset(line, 'x', sizeof line);
    while (ok && count > 0) {
        DWORD piece = count < 65536 ? count : 65536, written = 0;
        ok = WriteFile(raws[slot].pipe, line, piece, &written, NULL) && written == piece;
        count -= piece;
    }
    say_result(ok);
}

/* What has come behind the line stays for the next one. */
static void do_read(unsigned slot, unsigned most, DWORD longest)
{
    struct raw *raw = &raws[slot];
    DWORD got = 0;
    raw->text = raw->text ? raw->text : malloc(LINE_ROOM);
    if (!raw->text)
        die("no memory");
    char *end;
    while (!(end = memchr(raw->text, '\n', raw->len)) && (most == 0 || raw->len < most)) {
        DWORD room = (most ? most : LINE_ROOM) - raw->len;
        if (room == 0 || !ReadFile(raw->pipe, raw->text + raw->len, room, &got, NULL)) {
            say("end %lu", GetLastError());
            return;
        }
        raw->len += got;
    }
    DWORD len = end ? (DWORD)(end - raw->text) : most;
    if (len > longest)
        say("%lu bytes", len);
    else
        say("%.*s", (int)len, raw->text);
    DWORD taken = end ? len + 1 : len;
    memmove(raw->text, raw->text + taken, raw->len - taken);
    raw->len -= taken;
}

static void do_repeat(unsigned slot, unsigned count, const char *text)
{
    DWORD len = (DWORD)strlen(text), written = 0;
    for (unsigned i = 0; i < count; i++) {
        memcpy(line, text, len);
        line[len] = '\n';
        if (!WriteFile(raws[slot].pipe, line, len + 1, &written, NULL))
            say("error %lu", GetLastError());
        else
            do_read(slot, 0, LINE_ROOM);
    }
}

/* Looks again and again: a read, whose end would tell it, would take what the server waits to get rid of. */
static void do_gone(unsigned slot)
{
    DWORD since = GetTickCount();
    while (PeekNamedPipe(raws[slot].pipe, NULL, 0, NULL, NULL, NULL)) {
        if (GetTickCount() - since > TIMEOUT_MS) {
            say("still there");
            return;
        }
        Sleep(5);
    }
    say("gone");
}

static void do_close(unsigned slot)
{
    if (raws[slot].pipe)
        CloseHandle(raws[slot].pipe);
    free(raws[slot].text);
    ZeroMemory(&raws[slot], sizeof raws[slot]);
    mgmt_client_close(clients[slot]);
    clients[slot] = NULL;
    say("closed");
}

static void do_list(unsigned slot)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    char *text = NULL;
    DWORD error =
        GetSecurityInfo(raws[slot].pipe, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &descriptor);
    if (error || !ConvertSecurityDescriptorToStringSecurityDescriptorA(descriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION,
                                                                       &text, NULL))
        die("cannot read the access list");
    say("%s", text);
    LocalFree(text);
    LocalFree(descriptor);
}

/* ---- names ---- */

static HANDLE make_instance(const char *pid, unsigned count)
{
    char name[64];
    make_name(name, pid);
    return CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, count, 4096, 4096, 0, NULL);
}

static void do_squat(const char *pid, unsigned count)
{
    squatted = make_instance(pid, count);
    say_result(squatted != INVALID_HANDLE_VALUE);
}

static void do_unsquat(void)
{
    CloseHandle(squatted);
    say("ok");
}

static void do_instance(const char *pid)
{
    HANDLE made = make_instance(pid, MGMT_MAX_CLIENTS);
    if (made != INVALID_HANDLE_VALUE)
        CloseHandle(made);
    if (made != INVALID_HANDLE_VALUE)
        say("made");
    else
        say("error %lu", GetLastError());
}

static void do_command(struct command *command)
{
    char *const *words = command->words;
    const char *word = words[0];
    unsigned slot = number(words[1]) % SLOTS;
    if (strcmp(word, "open") == 0)
        do_open(slot, number(words[2]), number(words[3]));
    else if (strcmp(word, "call") == 0)
        do_call(slot, number(words[2]), words[3]);
    else if (strcmp(word, "raw") == 0)
        do_raw(slot, words[2]);
    else if (strcmp(word, "write") == 0)
        do_write(slot, words[3]);
    else if (strcmp(word, "fill") == 0)
        do_fill(slot, number(words[2]));
    else if (strcmp(word, "read") == 0)
        do_read(slot, number(words[2]), MOST_SHOWN);
    else if (strcmp(word, "line") == 0)
        do_read(slot, 0, LINE_ROOM);
    else if (strcmp(word, "repeat") == 0)
        do_repeat(slot, number(words[2]), words[3]);
    else if (strcmp(word, "gone") == 0)
        do_gone(slot);
    else if (strcmp(word, "close") == 0)
        do_close(slot);
    else if (strcmp(word, "churn") == 0)
        do_crowd(number(words[1]), 1, number(words[2]));
    else if (strcmp(word, "crowd") == 0)
        do_crowd(number(words[1]), number(words[2]), number(words[3]));
    else if (strcmp(word, "list") == 0)
        do_list(slot);
    else if (strcmp(word, "squat") == 0)
        do_squat(words[1], number(words[2]));
    else if (strcmp(word, "unsquat") == 0)
        do_unsquat();
    else if (strcmp(word, "instance") == 0)
        do_instance(words[1]);
    else if (strcmp(word, "hosts") == 0)
        do_hosts();
    else
        die(word);
}

int run_clients(void)
{
    struct command command;
    while (read_command(&command, ' '))
        do_command(&command);
    return 0;
}
