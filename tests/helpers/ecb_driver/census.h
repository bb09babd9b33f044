/* census: what this process holds of the system: memory, threads, handles, children, named pipes. */
#ifndef TESTS_ECB_DRIVER_CENSUS_H
#define TESTS_ECB_DRIVER_CENSUS_H

#include <windows.h>

#include <stdbool.h>

SIZE_T private_bytes(void);
unsigned thread_count(void);
/* Shown to be true before the first answer: the program ends if a handle more does not count. */
unsigned handle_count(void);
/* Processes started by this one that have not ended; without the system's console hosts. */
unsigned child_count(void);
bool pipe_exists(const char *name);

#endif
