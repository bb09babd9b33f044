/* Every rule stands in one place, in the order in which a reader of the ISAPI documentation meets them. */
#include "tools/isapihost/conduct.h"

#include <stddef.h>

const char *conduct_note(struct conduct *conduct, enum conduct_event event)
{
    if (conduct->done && event != CONDUCT_ASYNC_END && event != CONDUCT_SYNC_END)
        return event == CONDUCT_DONE     ? "second DONE_WITH_SESSION"
               : event == CONDUCT_RETURN ? "HttpExtensionProc returned a final status after DONE_WITH_SESSION"
                                         : "a call after DONE_WITH_SESSION";
    switch (event) {
    case CONDUCT_SET_COMPLETION:
        if (conduct->async_outstanding)
            return "IO_COMPLETION while an asynchronous operation is outstanding";
        conduct->has_completion = true;
        return NULL;
    case CONDUCT_ASYNC_BEGIN:
        if (!conduct->has_completion)
            return "asynchronous operation without IO_COMPLETION";
        if (conduct->async_outstanding)
            return "two asynchronous operations outstanding";
        if (conduct->sync_outstanding)
            return "asynchronous operation while a synchronous one is going on";
        conduct->async_outstanding = true;
        return NULL;
    case CONDUCT_ASYNC_END: conduct->async_outstanding = false; return NULL;
    case CONDUCT_SYNC_IO:
        if (conduct->async_outstanding)
            return "synchronous operation while an asynchronous one is outstanding";
        if (conduct->sync_outstanding)
            return "two synchronous operations at a time";
        conduct->sync_outstanding = true;
        return NULL;
    case CONDUCT_SYNC_END: conduct->sync_outstanding = false; return NULL;
    case CONDUCT_HEAD:
        if (conduct->head_sent)
            return "headers sent twice";
        conduct->head_sent = true;
        return NULL;
    case CONDUCT_BODY: return conduct->head_sent ? NULL : "body bytes before the headers";
    case CONDUCT_CALL: return NULL;
    case CONDUCT_DONE:
        if (conduct->async_outstanding)
            return "DONE_WITH_SESSION while an asynchronous operation is outstanding";
        if (conduct->sync_outstanding)
            return "DONE_WITH_SESSION while a synchronous operation is going on";
        conduct->done = true;
        return NULL;
    case CONDUCT_RETURN:
        if (conduct->async_outstanding)
            return "HttpExtensionProc returned a final status while an asynchronous operation is outstanding";
        conduct->done = true;
        return NULL;
    }
    return NULL;
}
