/* handler_list: see handler_list.h. Who is in the list has the session's reference, so it may be given another under the lock. */
#include "fcgiext/win32/handler_list.h"

#include <stdlib.h>

#include "fcgiext/win32/handler_state.h"

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
    LeaveCriticalSection(&list->lock);
}

void handler_list_remove(struct handler_list *list, struct handler *handler)
{
    EnterCriticalSection(&list->lock);
    struct handler_link *link = &handler->link;
    *(link->prev ? &link->prev->link.next : &list->first) = link->next;
    if (link->next)
        link->next->link.prev = link->prev;
    LeaveCriticalSection(&list->lock);
}

/* References to those in the list, at most `capacity`. -> how many there are */
static size_t take(struct handler_list *list, struct handler **handlers, size_t capacity)
{
    size_t count = 0;
    EnterCriticalSection(&list->lock);
    for (struct handler *handler = list->first; handler; handler = handler->link.next, count++) {
        if (count < capacity) {
            handlers[count] = handler;
            handler_ref(handler);
        }
    }
    LeaveCriticalSection(&list->lock);
    return count;
}

void handler_list_each(struct handler_list *list, void (*stop)(struct handler *handler))
{
    size_t capacity = take(list, NULL, 0);
    struct handler **handlers = capacity ? malloc(capacity * sizeof(struct handler *)) : NULL;
    size_t count = handlers ? take(list, handlers, capacity) : 0; /* not more: nothing is added */
    for (size_t i = 0; i < count && i < capacity; i++) {
        stop(handlers[i]);
        handler_unref(handlers[i]);
    }
    free(handlers);
}
