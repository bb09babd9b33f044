/* config_commands: `config show`, `config check`, `config reload`. */
#ifndef FCGICTL_CONFIG_COMMANDS_H
#define FCGICTL_CONFIG_COMMANDS_H

#include "tools/fcgictl/run.h"

int config_commands_run(struct run *run);

#endif
