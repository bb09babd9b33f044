/* mgmt_pipe: both ends of the management pipe, driven by lines of standard input; tests/system/test_mgmt_pipe.py does.
 *
 *   mgmt_pipe serve OPTION...     a server (serve.c)
 *   mgmt_pipe client              clients (client.c)
 *
 * Each line of input is answered by one line of output; what a server tells unasked begins with "alarm". The end of input ends all. */
#include "tests/helpers/mgmt_pipe/mgmt_pipe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void die(const char *what)
{
    say("mgmt_pipe: %s: error %lu", what, GetLastError());
    TerminateProcess(GetCurrentProcess(), 2);
    abort();
}

bool read_command(struct command *command)
{
    if (!fgets(command->text, sizeof command->text, stdin))
        return false;
    command->text[strcspn(command->text, "\r\n")] = '\0';
    char *at = command->text;
    for (int i = 0; i < COMMAND_WORDS; i++) {
        command->words[i] = at;
        at += strcspn(at, " ");
        if (*at && i < COMMAND_WORDS - 1)
            *at++ = '\0';
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "serve") == 0)
        return serve(argc - 2, argv + 2);
    if (argc == 2 && strcmp(argv[1], "client") == 0)
        return run_clients();
    fprintf(stderr, "usage: mgmt_pipe serve OPTION... | mgmt_pipe client; see main.c\n");
    return 2;
}
