/* What the parts of this helper share. */
#ifndef TESTS_MGMT_PIPE_H
#define TESTS_MGMT_PIPE_H

#include <windows.h>

#include <stdbool.h>
#include <stdint.h>

#include "tests/helpers/commands.h"

int serve(int argc, char **argv);
int run_clients(void);

/* An impersonation token of ours of this kind, "own", "no_admin"... (tokens.c); as struct mgmt_caller_source wants it. */
uint32_t token_of_kind(const char *kind, HANDLE *token);

#endif
