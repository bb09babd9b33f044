/* timers: see timers.h. Level l has 64 slots of 64^l ticks each. A timer stands in the finest level whose 64 slots,
 * counted from now, still reach its tick; when the wheel comes to a coarse slot, its timers move to finer ones. A timer
 * is due when its tick, rounded up, has passed: so it is never early.
 *
 * Invariant: every entry's tick >= timers->tick, a slot's bit in `used` is set exactly when its list is not empty, and no
 * coarse slot that the wheel is in the middle of holds a timer (it was emptied when the wheel came to its begin, and what
 * is set later within its reach is finer). */
#include "fcgiext/core/timers.h"

#include <stddef.h>
#include <string.h>

enum { SLOT_BITS = 6 };

static uint64_t tick_of(uint64_t ms)
{
    return ms / TIMERS_TICK_MS + (ms % TIMERS_TICK_MS != 0);
}

void timers_init(struct timers *timers, uint64_t now_ms)
{
    memset(timers, 0, sizeof *timers);
    timers->tick = now_ms / TIMERS_TICK_MS;
    for (int level = 0; level < TIMERS_LEVELS; level++)
        for (int slot = 0; slot < TIMERS_SLOTS; slot++) {
            struct timer_entry *head = &timers->slots[level][slot];
            head->next = head->prev = head;
        }
}

static void link_entry(struct timers *timers, struct timer_entry *entry)
{
    uint64_t tick = tick_of(entry->deadline_ms);
    if (tick < timers->tick)
        tick = timers->tick;
    /* 63 slots of the coarsest level: what lies behind is looked at again then */
    const uint64_t reach = (uint64_t)(TIMERS_SLOTS - 1) << (SLOT_BITS * (TIMERS_LEVELS - 1));
    if (tick - timers->tick > reach)
        tick = timers->tick + reach;
    int level = 0;
    while (level < TIMERS_LEVELS - 1 && (tick >> (SLOT_BITS * level)) - (timers->tick >> (SLOT_BITS * level)) >= TIMERS_SLOTS)
        level++;
    unsigned slot = (unsigned)(tick >> (SLOT_BITS * level)) & (TIMERS_SLOTS - 1);
    entry->level = (uint8_t)level;
    entry->slot = (uint8_t)slot;
    struct timer_entry *head = &timers->slots[level][slot];
    entry->prev = head->prev;
    entry->next = head;
    head->prev->next = entry;
    head->prev = entry;
    timers->used[level] |= (uint64_t)1 << slot;
}

void timers_cancel(struct timers *timers, struct timer_entry *entry)
{
    if (!timer_is_set(entry))
        return;
    entry->prev->next = entry->next;
    entry->next->prev = entry->prev;
    struct timer_entry *head = &timers->slots[entry->level][entry->slot];
    if (head->next == head)
        timers->used[entry->level] &= ~((uint64_t)1 << entry->slot);
    entry->next = entry->prev = NULL;
}

void timers_set(struct timers *timers, struct timer_entry *entry, uint64_t deadline_ms)
{
    timers_cancel(timers, entry);
    entry->deadline_ms = deadline_ms;
    link_entry(timers, entry);
}

/* Distance in slots from `from` to the next used slot of the level, going round; -1 when the level is empty. */
static int next_used(uint64_t used, unsigned from)
{
    if (!used)
        return -1;
    uint64_t turned = from ? used >> from | used << (64 - from) : used;
    int distance = 0;
    while (!(turned & 1)) {
        turned >>= 1;
        distance++;
    }
    return distance;
}

/* The tick at which the wheel next has something to do; UINT64_MAX: nothing. */
static uint64_t next_tick(const struct timers *timers)
{
    uint64_t best = UINT64_MAX;
    for (int level = 0; level < TIMERS_LEVELS; level++) {
        uint64_t at = timers->tick >> (SLOT_BITS * level);
        int distance = next_used(timers->used[level], (unsigned)at & (TIMERS_SLOTS - 1));
        if (distance < 0)
            continue;
        uint64_t tick = (at + (uint64_t)distance) << (SLOT_BITS * level);
        if (tick < best)
            best = tick;
    }
    return best;
}

/* Moves the timers of the coarse slots that begin at timers->tick to finer ones. */
static void cascade(struct timers *timers)
{
    for (int level = TIMERS_LEVELS - 1; level > 0; level--) {
        unsigned slot = (unsigned)(timers->tick >> (SLOT_BITS * level)) & (TIMERS_SLOTS - 1);
        struct timer_entry *head = &timers->slots[level][slot];
        while (head->next != head) {
            struct timer_entry *entry = head->next;
            timers_cancel(timers, entry);
            link_entry(timers, entry); /* never this slot again: it is finer, or 63 slots ahead */
        }
    }
}

struct timer_entry *timers_expire(struct timers *timers, uint64_t now_ms)
{
    uint64_t now_tick = now_ms / TIMERS_TICK_MS;
    for (;;) {
        uint64_t tick = next_tick(timers);
        if (tick == UINT64_MAX || tick > now_tick)
            break;
        timers->tick = tick;
        cascade(timers);
        struct timer_entry *head = &timers->slots[0][tick & (TIMERS_SLOTS - 1)];
        if (head->next != head) {
            struct timer_entry *entry = head->next;
            timers_cancel(timers, entry);
            return entry;
        }
        timers->tick = tick + 1;
    }
    if (timers->tick <= now_tick)
        timers->tick = now_tick + 1;
    return NULL;
}

uint64_t timers_next_ms(const struct timers *timers)
{
    uint64_t tick = next_tick(timers);
    return tick == UINT64_MAX ? UINT64_MAX : tick * TIMERS_TICK_MS;
}
