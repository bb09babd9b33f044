/* handler_list: the requests whose session is open: so unloading need not wait as long as a client likes, and those that no pool knows
 * yet can be shown. */
#ifndef FCGIEXT_WIN32_HANDLER_LIST_H
#define FCGIEXT_WIN32_HANDLER_LIST_H

#include <winsock2.h>

#include <windows.h>

struct handler;

struct handler_list {
    CRITICAL_SECTION lock;
    struct handler *first;
    size_t count;
};

/* A handler's place in it. */
struct handler_link {
    struct handler *next, *prev;
};

void handler_list_init(struct handler_list *list);
void handler_list_deinit(struct handler_list *list);

/* While the session's reference is held. */
void handler_list_add(struct handler_list *list, struct handler *handler);
void handler_list_remove(struct handler_list *list, struct handler *handler);

/* References to all of them, for handler_list_give_back. NULL: out of memory; *count is 0 then. */
struct handler **handler_list_take(struct handler_list *list, size_t *count);
void handler_list_give_back(struct handler **handlers, size_t count);

/* `stop` for each of them, on this thread, outside the lock; for none when there is no memory. */
void handler_list_each(struct handler_list *list, void (*stop)(struct handler *handler));

#endif
