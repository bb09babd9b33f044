/* mgmt_pipe serve: a server whose lines mean little, for tests of all around them.
 *
 *   --query SDDL  --operate SDDL  --line-ms N  --idle-ms N
 *   --tokens KIND,KIND...     the first client has the first one, and so on; without it the clients have their own
 *
 * It prints its process id. Lines of input: start, stop, release (ends all waiting), census (handles and threads). Lines of clients:
 * `who`, `big COUNT`, `wait` (until release), `busy COUNT` (until it has been asked so many times); all others come back. */
#include "tests/helpers/mgmt_pipe/mgmt_pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlhelp32.h>

#include "mgmt/pipe_server.h"
#include "tests/helpers/system_handles.h"

enum { MAX_TOKENS = 32 };

struct waiting {
    bool until_release;
    unsigned polls;
};

static const char *tokens[MAX_TOKENS];
static unsigned token_count, next_token;
static volatile LONG released;

static struct bytes reply_text(struct buffer *out, const char *text)
{
    if (!buffer_append_str(out, text) || !buffer_append_str(out, "\n"))
        die("a reply does not fit");
    return buffer_peek(out);
}

static struct bytes handle(void *context, const struct mgmt_peer *peer, struct bytes line, uint64_t now_ms, struct buffer *out,
                           void *memory)
{
    struct waiting *wait = memory;
    char text[MGMT_MAX_LINE_LEN + 1];
    (void)context;
    (void)now_ms;
    memcpy(text, line.ptr, line.len);
    text[line.len] = '\0';
    if (strcmp(text, "who") == 0) {
        char who[MGMT_MAX_ACCOUNT_LEN + 64];
        snprintf(who, sizeof who, "query=%d operate=%d account=%s", peer->may_query, peer->may_operate, peer->account);
        return reply_text(out, who);
    }
    if (strncmp(text, "big ", 4) == 0) {
        size_t len = strtoul(text + 4, NULL, 10);
        uint8_t *room = buffer_reserve(out, len + 1);
        if (!room)
            die("a big reply does not fit");
        memset(room, 'x', len);
        room[len] = '\n';
        buffer_commit(out, len + 1);
        return buffer_peek(out);
    }
    if (wait->until_release || wait->polls)
        die("the handler's memory is not zeroed");
    wait->until_release = strcmp(text, "wait") == 0;
    wait->polls = strncmp(text, "busy ", 5) == 0 ? (unsigned)strtoul(text + 5, NULL, 10) : 0;
    if (wait->until_release || wait->polls)
        return bytes_of(NULL, 0);
    return reply_text(out, text);
}

static struct bytes poll_waiting(void *context, uint64_t now_ms, struct buffer *out, void *memory)
{
    struct waiting *wait = memory;
    (void)context;
    (void)now_ms;
    if (wait->until_release ? released : --wait->polls == 0)
        return reply_text(out, "done");
    return bytes_of(NULL, 0);
}

static struct bytes refuse(void *context, enum mgmt_error code, struct buffer *out)
{
    (void)context;
    if (code == MGMT_ERROR_LINE_TOO_LONG)
        return reply_text(out, "line_too_long");
    return code == MGMT_ERROR_TIMEOUT ? bytes_of_str("line_timeout\n") : bytes_of(NULL, 0);
}

static void alarm_about(void *context, const char *what, uint32_t error)
{
    (void)context;
    say("alarm %s (%lu)", what, (unsigned long)error);
}

static uint32_t next_of_tokens(void *context, void *pipe, void **token)
{
    (void)context;
    (void)pipe;
    if (next_token >= token_count)
        die("more clients than tokens");
    return token_of_kind(tokens[next_token++], token);
}

static const struct mgmt_caller_source planned = {NULL, next_of_tokens};

static void take_options(struct mgmt_pipe_config *config, int argc, char **argv)
{
    for (int i = 0; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--query") == 0)
            config->query_sddl = argv[i + 1];
        else if (strcmp(argv[i], "--operate") == 0)
            config->operate_sddl = argv[i + 1];
        else if (strcmp(argv[i], "--line-ms") == 0)
            config->line_ms = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--idle-ms") == 0)
            config->idle_ms = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--tokens") == 0) {
            config->caller_source = &planned;
            for (char *kind = strtok(argv[i + 1], ","); kind && token_count < MAX_TOKENS; kind = strtok(NULL, ","))
                tokens[token_count++] = kind;
        } else
            die(argv[i]);
    }
}

static void census(void)
{
    struct system_handles *handles = system_handles_list();
    unsigned threads = 0, own = 0;
    THREADENTRY32 thread = {.dwSize = sizeof thread};
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    for (BOOL more = Thread32First(all, &thread); more; more = Thread32Next(all, &thread))
        threads += thread.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(all);
    if (!handles)
        die("the system does not list its handles");
    for (ULONG_PTR i = 0; i < handles->count; i++)
        own += handles->items[i].process == GetCurrentProcessId();
    free(handles);
    say("handles=%u threads=%u", own, threads);
}

int serve(int argc, char **argv)
{
    struct mgmt_pipe_config config = {
        .wait_len = sizeof(struct waiting), .handle = handle, .poll = poll_waiting, .refuse = refuse, .alarm = alarm_about};
    struct mgmt_pipe_server *server = NULL;
    struct command command;
    take_options(&config, argc, argv);
    say("pid %lu", GetCurrentProcessId());
    while (read_command(&command, ' ')) {
        const char *word = command.words[0];
        uint32_t error = 0;
        if (strcmp(word, "start") == 0) {
            if (mgmt_pipe_start(&config, &server, &error))
                say("started");
            else
                say("failed %lu", (unsigned long)error);
        } else if (strcmp(word, "stop") == 0) {
            mgmt_pipe_stop(server);
            server = NULL;
            say("stopped");
        } else if (strcmp(word, "release") == 0) {
            InterlockedExchange(&released, 1);
            mgmt_pipe_wake(server);
            say("released");
        } else if (strcmp(word, "census") == 0)
            census();
        else
            die(word);
    }
    mgmt_pipe_stop(server);
    return 0;
}
