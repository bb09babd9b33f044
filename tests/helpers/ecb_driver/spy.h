/* spy: stands between the DLL and the system, in its table of imports: sees as whom a thread acts in each call where that matters, and
 * has calls fail. What it finds wrong ends the program. */
#ifndef TESTS_ECB_DRIVER_SPY_H
#define TESTS_ECB_DRIVER_SPY_H

#include <stdbool.h>

#include <windows.h>

/* Of which the next one fails. */
enum spy_failure {
    SPY_NONE,
    SPY_CURRENT,   /* OpenThreadToken: whose token the thread has cannot be seen */
    SPY_DUPLICATE, /* DuplicateTokenEx */
    SPY_SET,       /* SetThreadToken to a user's */
    SPY_SET_LATER, /* the same, of the write of more of a body */
    SPY_WRITE,     /* WriteFile of a request's bytes: the worker started last, alone of its pool, ends just before */
    SPY_PUT_BACK,  /* SetThreadToken after a write: the thread stays as it is */
    SPY_FOREIGN,   /* none: before a pipe is opened the worker started last ends, and a foreign process serves it */
    SPY_FAILURE_COUNT
};
extern const char *const spy_failure_names[SPY_FAILURE_COUNT];

struct spy {
    bool tracks; /* whether the pipes are to be opened so that their other end may act as the writer */
    volatile LONG failure;
    volatile LONG failed;    /* calls that were made to fail */
    volatile LONG writes[3]; /* of the bytes of this user's requests, under his token */
    volatile LONG opens;     /* of pipes, as nobody */
    volatile LONG starts;    /* of processes, as nobody */
    volatile LONG looks[3];  /* for a file of this user's request, as him */
    volatile bool log_full;  /* the event log takes nothing */
    volatile LONG events_refused, events;
    char event[2048]; /* the last one that it has taken: its strings; for one request at a time */
};
extern struct spy spy;

/* Of each function at least one import must be there. All counts are zero from now on. */
void spy_install(HMODULE dll);

#endif
