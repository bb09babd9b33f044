/* hosts_win32: see hosts_win32.h. A connection is opened at the first call, kept, and given up when a call fails: a reply that is late must
 * not be taken for that to the next request. */
#include "tools/fcgictl/hosts_win32.h"

#include <winsock2.h>

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

#include "mgmt/discovery.h"
#include "mgmt/pipe_client.h"
#include "tools/fcgictl/text_win32.h"

static struct hosts_win32_connection connections[FCGICTL_MAX_HOSTS];

static size_t list(void *context, struct fcgictl_host *hosts, size_t max)
{
    struct mgmt_host found[FCGICTL_MAX_HOSTS];
    size_t count = mgmt_discover(found, FCGICTL_MAX_HOSTS); /* of all, which may be more */
    (void)context;
    max = max < FCGICTL_MAX_HOSTS ? max : FCGICTL_MAX_HOSTS;
    count = count < max ? count : max;
    for (size_t i = 0; i < count; i++) {
        hosts[i].pid = found[i].pid;
        snprintf(hosts[i].program, sizeof hosts[i].program, "%s", found[i].program);
    }
    return count;
}

static enum fcgictl_call result_of(enum mgmt_connect connect, uint32_t error, char *why, size_t why_size)
{
    switch (connect) {
    case MGMT_CONNECT_OK: return FCGICTL_CALL_OK;
    case MGMT_CONNECT_NO_HOST: return FCGICTL_CALL_NO_HOST;
    case MGMT_CONNECT_DENIED: return FCGICTL_CALL_DENIED;
    case MGMT_CONNECT_NOT_OURS: return FCGICTL_CALL_NOT_OURS;
    case MGMT_CONNECT_BUSY: return FCGICTL_CALL_BUSY;
    default: text_win32_error(error, why, why_size); return FCGICTL_CALL_FAILED;
    }
}

/* An entry of the list for this host; the last one is used anew when all are taken. */
static struct hosts_win32_connection *find(uint32_t pid)
{
    struct hosts_win32_connection *connection = &connections[FCGICTL_MAX_HOSTS - 1];
    for (size_t i = FCGICTL_MAX_HOSTS; i > 0; i--)
        if (connections[i - 1].pid == 0)
            connection = &connections[i - 1];
    for (size_t i = 0; i < FCGICTL_MAX_HOSTS; i++)
        if (connections[i].pid == pid)
            return &connections[i];
    return connection;
}

void hosts_win32_give_up(struct hosts_win32_connection *connection)
{
    if (connection->pid != 0)
        mgmt_client_close(connection->client);
    *connection = (struct hosts_win32_connection){0};
}

enum fcgictl_call hosts_win32_call(struct hosts_win32_connection *connection, uint32_t pid, const char *line,
                                   unsigned timeout_ms, char **reply, char *why, size_t why_size)
{
    uint32_t error = 0;
    if (connection->pid != pid) {
        struct mgmt_client *client = NULL;
        hosts_win32_give_up(connection);
        enum mgmt_connect connect = mgmt_client_open(pid, timeout_ms, &client, &error);
        if (connect != MGMT_CONNECT_OK)
            return result_of(connect, error, why, why_size);
        *connection = (struct hosts_win32_connection){pid, client};
    }
    if (mgmt_client_call(connection->client, line, timeout_ms, reply, &error))
        return FCGICTL_CALL_OK;
    hosts_win32_give_up(connection);
    if (error == ERROR_TIMEOUT || error == WAIT_TIMEOUT || error == ERROR_SEM_TIMEOUT)
        return FCGICTL_CALL_TIMED_OUT;
    if (error == ERROR_BROKEN_PIPE || error == ERROR_PIPE_NOT_CONNECTED || error == ERROR_NO_DATA)
        return FCGICTL_CALL_LOST;
    text_win32_error(error, why, why_size);
    return FCGICTL_CALL_FAILED;
}

static enum fcgictl_call call(void *context, uint32_t pid, const char *line, unsigned timeout_ms, char **reply, char *why,
                              size_t why_size)
{
    (void)context;
    return hosts_win32_call(find(pid), pid, line, timeout_ms, reply, why, why_size);
}

void hosts_win32_init(struct fcgictl_hosts *hosts)
{
    *hosts = (struct fcgictl_hosts){.list = list, .call = call};
}

void hosts_win32_deinit(void)
{
    for (size_t i = 0; i < FCGICTL_MAX_HOSTS; i++)
        hosts_win32_give_up(&connections[i]);
}
