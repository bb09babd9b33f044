/* timers: deadlines in a hierarchical wheel: set and cancel are O(1), whatever their number.
 *
 * Times are milliseconds of the caller's monotonic clock and are given with each call. A timer never fires early and at
 * most TIMERS_TICK_MS late (plus what the caller is late). */
#ifndef FCGIEXT_CORE_TIMERS_H
#define FCGIEXT_CORE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

enum { TIMERS_TICK_MS = 16, TIMERS_SLOTS = 64, TIMERS_LEVELS = 5 }; /* 16 ms x 64^5: 198 days; later ones go round again */

struct timer_entry {
    struct timer_entry *next; /* NULL: not set */
    struct timer_entry *prev;
    uint64_t deadline_ms;
    uint8_t level;
    uint8_t slot;
};

struct timers {
    uint64_t tick;                                         /* everything before it has been expired */
    uint64_t used[TIMERS_LEVELS];                          /* bit n: slot n is not empty */
    struct timer_entry slots[TIMERS_LEVELS][TIMERS_SLOTS]; /* list heads */
};

void timers_init(struct timers *timers, uint64_t now_ms);

/* Sets, or moves, a timer. */
void timers_set(struct timers *timers, struct timer_entry *entry, uint64_t deadline_ms);
void timers_cancel(struct timers *timers, struct timer_entry *entry);

static inline bool timer_is_set(const struct timer_entry *entry)
{
    return entry->next != 0;
}

/* Takes out one timer that is due, NULL when there is none. */
struct timer_entry *timers_expire(struct timers *timers, uint64_t now_ms);

/* When timers_expire should be called next: never later than a tick after the earliest deadline; it may be earlier
 * (when far timers move to a finer wheel). UINT64_MAX: no timer is set. */
uint64_t timers_next_ms(const struct timers *timers);

#endif
