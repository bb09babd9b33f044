/* perf_probe: what its parts share. */
#ifndef TESTS_HELPERS_PERF_PROBE_H
#define TESTS_HELPERS_PERF_PROBE_H

#include <windows.h>

#include <stdbool.h>

#include "perfcounters/perf_parse.h"

#include "tests/helpers/commands.h"

/* ---- block.c: the section that this process publishes. Each says "ok". */

/* The words are those of the command line. */
void block_publish(const char *kind);
void block_pool(const char *name, const char *requests, const char *times);
void block_workers(const char *count, const char *first_pid, const char *pool);
void block_change(const char *what, const char *value);

/* ---- section.c: those of other processes, by folder (Global, Local) and process id */

/* Takes the name of another process's section, so that it cannot have it. Says "ok". */
void section_squat(const char *folder, const char *pid);
/* Its access list as text, and the error of opening it for writing. */
void section_access(const char *folder, const char *pid);

/* ---- collect.c: the DLL's exports, and the registry */

void collect_load(const char *path);
void collect_open(void);
void collect_close(void);
/* What came, one line: "objects 2 bytes N | FastCGI Pools: php ..." */
void collect_call(const char *query);
/* Each length of the buffer from 0 to 8 more than is needed; of a long answer not all of them. */
void collect_each_size(const char *query);
void collect_registry(const char *query);
/* The raw value of a counter, by its place. */
void collect_value(const char *object, const char *instance, const char *counter);
/* The object's clock, its rate, and of each counter in their order: "TICKS TICKS_PER_SECOND NUMBER:TYPE:VALUE ...". */
void collect_values(const char *object, const char *instance);

#endif
