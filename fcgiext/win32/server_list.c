/* server_list: see server_list.h. */
#include "fcgiext/win32/server_list.h"

#include <stdlib.h>

#include "fcgiext/win32/engine.h"

struct server_list *server_list_create(uint32_t count)
{
    struct server_list *list = calloc(1, sizeof *list);
    if (!list)
        return NULL;
    list->servers = servers_create(count);
    if (!list->servers) {
        free(list);
        return NULL;
    }
    list->refs = 1;
    InitializeCriticalSection(&list->lock);
    return list;
}

void server_list_ref(struct server_list *list)
{
    InterlockedIncrement(&list->refs);
}

void server_list_unref(struct server_list *list)
{
    if (InterlockedDecrement(&list->refs))
        return;
    servers_destroy(list->servers);
    DeleteCriticalSection(&list->lock);
    free(list);
}

bool server_list_next(struct server_list *list, struct servers_use *use, uint32_t *try_ms)
{
    uint64_t now_ms = engine_now_ms();
    EnterCriticalSection(&list->lock);
    bool found = servers_next(list->servers, use, now_ms);
    *try_ms = found ? servers_try_ms(list->servers, use) : 0;
    LeaveCriticalSection(&list->lock);
    return found;
}

void server_list_failed(struct server_list *list, struct servers_use *use)
{
    uint64_t now_ms = engine_now_ms();
    EnterCriticalSection(&list->lock);
    servers_failed(list->servers, use, now_ms);
    LeaveCriticalSection(&list->lock);
}

void server_list_answered(struct server_list *list, struct servers_use *use)
{
    EnterCriticalSection(&list->lock);
    servers_answered(list->servers, use);
    LeaveCriticalSection(&list->lock);
}

void server_list_leave(struct server_list *list, struct servers_use *use)
{
    EnterCriticalSection(&list->lock);
    servers_leave(list->servers, use);
    LeaveCriticalSection(&list->lock);
}
