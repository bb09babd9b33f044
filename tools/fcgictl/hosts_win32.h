/* hosts_win32: struct fcgictl_hosts over the management pipes of this computer. */
#ifndef FCGICTL_HOSTS_WIN32_H
#define FCGICTL_HOSTS_WIN32_H

#include "tools/fcgictl/fcgictl.h"

struct mgmt_client;

struct hosts_win32_connection {
    uint32_t pid; /* 0: none */
    struct mgmt_client *client;
};

/* fcgictl_hosts.call on a connection of the caller's: one thread at a time. */
enum fcgictl_call hosts_win32_call(struct hosts_win32_connection *connection, uint32_t pid, const char *line,
                                   unsigned timeout_ms, char **reply, char *why, size_t why_size);
void hosts_win32_give_up(struct hosts_win32_connection *connection);

/* There is one set of connections in the process. */
void hosts_win32_init(struct fcgictl_hosts *hosts);
void hosts_win32_deinit(void);

#endif
