/* census: what this process holds of the system: memory, threads, handles, children, named pipes. */
#ifndef TESTS_ECB_DRIVER_CENSUS_H
#define TESTS_ECB_DRIVER_CENSUS_H

#include <windows.h>

#include <stdbool.h>

SIZE_T private_bytes(void);
unsigned thread_count(void);
/* Waits until there are no more than `most`, but not when none ends for so long: threads of the system's own pool end when they have
 * had nothing to do for some seconds. */
unsigned settled_thread_count(unsigned most, DWORD wait_ms);
/* Shown to be true before the first answer: the program ends if a handle more does not count. */
unsigned handle_count(void);
/* Processes started by this one that have not ended; without the system's console hosts. */
unsigned child_count(void);
bool pipe_exists(const char *name);

#endif
