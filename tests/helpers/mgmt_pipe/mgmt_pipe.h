/* What the parts of this helper share. */
#ifndef TESTS_MGMT_PIPE_H
#define TESTS_MGMT_PIPE_H

#include <windows.h>

#include <stdbool.h>
#include <stdint.h>

enum { COMMAND_WORDS = 4 };

struct command {
    char text[8192];
    char *words[COMMAND_WORDS]; /* "" where there is none; the last one may have spaces */
};

bool read_command(struct command *command);
__attribute__((format(gnu_printf, 1, 2))) void say(const char *format, ...);
__attribute__((noreturn)) void die(const char *what);

int serve(int argc, char **argv);
int run_clients(void);

/* An impersonation token of ours of this kind, "own", "no_admin"... (tokens.c); as struct mgmt_caller_source wants it. */
uint32_t token_of_kind(const char *kind, HANDLE *token);

#endif
