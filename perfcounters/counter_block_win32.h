/* counter_block_win32: making the section in which a host publishes its counters. */
#ifndef PERFCOUNTERS_COUNTER_BLOCK_WIN32_H
#define PERFCOUNTERS_COUNTER_BLOCK_WIN32_H

#include <windows.h>

#include "perfcounters/counter_block.h"

struct counter_section {
    struct counter_block *block;
    HANDLE mapping;                             /* NULL: private memory, as no section could be had */
    volatile LONG taken[COUNTER_BLOCK_WORKERS]; /* not 0: the worker's place is in use */
};

/* Who may read it: SYSTEM and Administrators; LOCAL SERVICE, as which performance DLLs are called from afar; Performance Monitor Users
 * and Performance Log Users, by their SIDs, which XP does not know by letters. Nobody may write: the handle that made it can, and no other
 * is ever opened so. Whoever wrote could make dashboards and alerts lie. */
#define COUNTER_SECTION_SDDL "D:P(A;;0x4;;;SY)(A;;0x4;;;BA)(A;;0x4;;;LS)(A;;0x4;;;S-1-5-32-558)(A;;0x4;;;S-1-5-32-559)"

/* false: out of memory. *error: why it is not shared, 0 if it is. */
bool counter_section_create(struct counter_section *section, DWORD *error);
/* The block, and what was taken of it, must not be used any more. */
void counter_section_destroy(struct counter_section *section);

/* NULL: there is none left (left_out is stepped). */
struct counter_block_worker *counter_section_take_worker(struct counter_section *section);
void counter_section_give_worker(struct counter_section *section, struct counter_block_worker *worker);

/* Microseconds of the performance counter, which all processes share. */
uint64_t counter_now_us(void);

#endif
