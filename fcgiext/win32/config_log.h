/* config_log: what is told of fcgiext.ini in the event log: each diagnostic of a file with errors, in events of some lines each. */
#ifndef FCGIEXT_WIN32_CONFIG_LOG_H
#define FCGIEXT_WIN32_CONFIG_LOG_H

#include <stdbool.h>

struct settings;

/* Settings that are about to be put in force at the start. */
void config_log_start(const struct settings *settings);
/* A file that was read again; taken: it is in force now. */
void config_log_reload(const struct settings *settings, bool taken);

#endif
