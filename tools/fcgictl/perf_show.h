/* perf_show: the counters as a reader of HKEY_PERFORMANCE_DATA gets them. */
#ifndef FCGICTL_PERF_SHOW_H
#define FCGICTL_PERF_SHOW_H

#include "perfcounters/perf_parse.h"
#include "tools/fcgictl/perf_registration.h"
#include "tools/fcgictl/run.h"

/* One answer of the system. */
struct perf_answer {
    uint8_t *bytes; /* owned */
    struct perf_data data;
    struct perf_object_view objects[PERF_OBJECTS];
};

/* Asks for our objects. false: `why` says what is wrong; *exit_code gets the code. */
bool perf_show_ask(const struct perf_system *system, struct perf_answer *answer, int *exit_code, char *why, size_t why_size);
void perf_show_free(struct perf_answer *answer);

/* `pattern` NULL: all. */
int perf_show_run(struct run *run, const char *pattern);

#endif
