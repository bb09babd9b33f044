/* server_list: the external servers of a pool (core/servers) for all its connections: counted references, a lock of its own that
 * is held over nothing but a call of the core, and the clock. A reload that leaves Address as it is shares the list, so that what
 * is known of the servers is kept. */
#ifndef FCGIEXT_WIN32_SERVER_LIST_H
#define FCGIEXT_WIN32_SERVER_LIST_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/servers.h"

struct server_list {
    volatile LONG refs;
    CRITICAL_SECTION lock;
    struct servers *servers;
};

/* NULL: out of memory. */
struct server_list *server_list_create(uint32_t count);
void server_list_ref(struct server_list *list);
void server_list_unref(struct server_list *list);

/* As servers_next; *try_ms: as servers_try_ms. */
bool server_list_next(struct server_list *list, struct servers_use *use, uint32_t *try_ms);
void server_list_failed(struct server_list *list, struct servers_use *use);
void server_list_answered(struct server_list *list, struct servers_use *use);
void server_list_leave(struct server_list *list, struct servers_use *use);

#endif
