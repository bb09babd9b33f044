/* handler_list: see handler_list.h. Who is in the list has the session's reference, so it may be given another under the lock. */
#include "fcgiext/win32/handler_list.h"

#include <stdlib.h>

#include "fcgiext/win32/handler_state.h"

enum { FIRST_CAPACITY = 64 };

void handler_list_init(struct handler_list *list)
{
    InitializeCriticalSection(&list->lock);
}

void handler_list_deinit(struct handler_list *list)
{
    DeleteCriticalSection(&list->lock);
}

void handler_list_add(struct handler_list *list, struct handler *handler)
{
    EnterCriticalSection(&list->lock);
    handler->link.next = list->first;
    if (list->first)
        list->first->link.prev = handler;
    list->first = handler;
    list->count++;
    LeaveCriticalSection(&list->lock);
}

void handler_list_remove(struct handler_list *list, struct handler *handler)
{
    EnterCriticalSection(&list->lock);
    struct handler_link *link = &handler->link;
    *(link->prev ? &link->prev->link.next : &list->first) = link->next;
    if (link->next)
        link->next->link.prev = link->prev;
    list->count--;
    LeaveCriticalSection(&list->lock);
}

struct handler **handler_list_take(struct handler_list *list, size_t *count)
{
    for (size_t there, capacity = FIRST_CAPACITY;; capacity = 2 * there) {
        struct handler **handlers = malloc(capacity * sizeof(struct handler *));
        *count = 0;
        if (!handlers)
            return NULL;
        EnterCriticalSection(&list->lock);
        there = list->count;
        for (struct handler *handler = there <= capacity ? list->first : NULL; handler; handler = handler->link.next) {
            handlers[(*count)++] = handler;
            handler_ref(handler);
        }
        LeaveCriticalSection(&list->lock);
        if (there <= capacity)
            return handlers;
        free(handlers);
    }
}

void handler_list_give_back(struct handler **handlers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        handler_unref(handlers[i]);
    free(handlers);
}

void handler_list_each(struct handler_list *list, void (*stop)(struct handler *handler))
{
    size_t count;
    struct handler **handlers = handler_list_take(list, &count);
    for (size_t i = 0; i < count; i++)
        stop(handlers[i]);
    handler_list_give_back(handlers, count);
}
