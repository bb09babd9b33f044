/* help: what the tables of commands and options say, as text and as Markdown; and version. */
#ifndef FCGICTL_HELP_H
#define FCGICTL_HELP_H

#include "tools/fcgictl/commands.h"

int help_run(struct run *run);
int help_version(struct run *run);
/* NULL: of all. */
int help_of(struct run *run, const struct command *command);

#endif
