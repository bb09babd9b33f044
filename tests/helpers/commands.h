/* For helpers that are driven by lines of standard input, each of which is answered by one line of output. */
#ifndef TESTS_COMMANDS_H
#define TESTS_COMMANDS_H

#include <windows.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_WORDS = 4 };

struct command {
    char text[8192];
    char *words[COMMAND_WORDS]; /* "" where there is none; the last one may have marks in it */
};

static inline __attribute__((format(gnu_printf, 1, 2))) void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/* Says it, with the system's error, and ends. */
static inline __attribute__((noreturn)) void die(const char *what)
{
    say("cannot go on: %s: error %lu", what, GetLastError());
    TerminateProcess(GetCurrentProcess(), 2);
    abort();
}

/* `mark` stands between words. false: the input has ended. */
static inline bool read_command(struct command *command, char mark)
{
    const char marks[] = {mark, '\0'};
    if (!fgets(command->text, sizeof command->text, stdin))
        return false;
    command->text[strcspn(command->text, "\r\n")] = '\0';
    char *at = command->text;
    for (int i = 0; i < COMMAND_WORDS; i++) {
        command->words[i] = at;
        at += strcspn(at, marks);
        if (*at && i < COMMAND_WORDS - 1)
            *at++ = '\0';
    }
    return true;
}

#endif
