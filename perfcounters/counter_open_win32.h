/* counter_open_win32: the block of a host, opened for reading. */
#ifndef PERFCOUNTERS_COUNTER_OPEN_WIN32_H
#define PERFCOUNTERS_COUNTER_OPEN_WIN32_H

#include "perfcounters/counter_block.h"

struct counter_view {
    void *mapping; /* a handle */
    const struct counter_block *block;
    size_t len; /* bytes that can be read there */
};

/* In all sessions, else in our own. false: this process has no section that is a block, or we may not read it, or it is backed by a file:
 * reading that may fail, and whoever reads would end. What is in the block is not checked. */
bool counter_view_open(struct counter_view *section, uint32_t pid);
void counter_view_close(struct counter_view *section);

#endif
