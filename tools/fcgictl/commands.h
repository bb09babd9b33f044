/* commands: the table: one row a command, one function each; the help and the tables of docs/fcgictl.md are made of it. */
#ifndef FCGICTL_COMMANDS_H
#define FCGICTL_COMMANDS_H

#include "tools/fcgictl/run.h"

struct command {
    const char *name;
    const char *arguments; /* "[POOL]"; "" for none */
    size_t least, most;    /* arguments */
    unsigned options;      /* OPTION_... that it takes */
    int (*function)(struct run *run);
    const char *help;    /* one line */
    const char *details; /* sentences */
    const char *example; /* without "fcgictl " */
};

extern const struct command commands_table[];
extern const size_t commands_count;

#endif
