/* handler_list: the requests whose session is open, so that unloading need not wait as long as a client likes. */
#ifndef FCGIEXT_WIN32_HANDLER_LIST_H
#define FCGIEXT_WIN32_HANDLER_LIST_H

#include <winsock2.h>

#include <windows.h>

struct handler;

struct handler_list {
    CRITICAL_SECTION lock;
    struct handler *first;
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

/* `stop` for each of them, on this thread, outside the lock; for none when there is no memory. Nothing may be added meanwhile. */
void handler_list_each(struct handler_list *list, void (*stop)(struct handler *handler));

#endif
