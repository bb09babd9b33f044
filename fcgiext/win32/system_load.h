/* system_load: what the machine has to do, and what memory it has left. XP SP1 and later. */
#ifndef FCGIEXT_WIN32_SYSTEM_LOAD_H
#define FCGIEXT_WIN32_SYSTEM_LOAD_H

#include <winsock2.h>

#include <windows.h>

#include <stdint.h>

struct system_load {
    uint64_t idle, total; /* time of all processors, as last read */
};

/* How busy the processors were, all together, since the last call with the same `load`, per mille. 0 where the system does not say; the first
 * call only begins. */
uint32_t system_load_cpu(struct system_load *load);

/* Bytes of physical memory: that may be had at once (and that the page file allows), and all of it. */
void system_load_memory(uint64_t *free_bytes, uint64_t *total_bytes);

uint32_t system_load_processors(void);

#endif
