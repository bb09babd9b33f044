/* strand: events of one object, from any thread, handled one after another without a lock.
 *
 * strand_post sets bits and, when nobody is at it, runs the object's handler until no bit is left. An event posted from
 * inside the handler (a completion that comes inline) or from another thread meanwhile is taken up by whoever is
 * running. So nothing recurses, and no lock is held while the handler calls the system or the host. */
#ifndef FCGIEXT_WIN32_STRAND_H
#define FCGIEXT_WIN32_STRAND_H

#include <winsock2.h>

#include <windows.h>

struct strand {
    volatile LONG bits;
    volatile LONG posts; /* since the runner began; 0: nobody runs */
    void (*run)(struct strand *strand, LONG bits);
};

static inline void strand_init(struct strand *strand, void (*run)(struct strand *strand, LONG bits))
{
    strand->bits = 0;
    strand->posts = 0;
    strand->run = run;
}

/* The caller holds a reference to the object over the call. */
static inline void strand_post(struct strand *strand, LONG bits)
{
    LONG old = strand->bits;
    for (;;) { /* InterlockedOr, which the 32-bit headers do not have as a function for XP */
        LONG seen = InterlockedCompareExchange(&strand->bits, old | bits, old);
        if (seen == old)
            break;
        old = seen;
    }
    if (InterlockedIncrement(&strand->posts) != 1)
        return;
    LONG posts;
    do {
        posts = strand->posts;
        LONG taken = InterlockedExchange(&strand->bits, 0);
        if (taken)
            strand->run(strand, taken);
    } while (InterlockedCompareExchange(&strand->posts, 0, posts) != posts);
}

#endif
