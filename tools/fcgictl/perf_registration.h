/* perf_registration: what the registry holds of fcgiperf.dll: making it, taking it away, and saying what is wrong with it. */
#ifndef FCGICTL_PERF_REGISTRATION_H
#define FCGICTL_PERF_REGISTRATION_H

#include "tools/fcgictl/perf_system.h"
#include "tools/fcgictl/text.h"

#define PERF_KEY         "SYSTEM\\CurrentControlSet\\Services\\fcgiext\\Performance"
#define PERF_PERFLIB_KEY "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Perflib"
#define PERF_NAMES_KEY   PERF_PERFLIB_KEY "\\009"
#define PERF_DISABLED    "Disable Performance Counters"

enum { PERF_PATH_LEN = 1024 };

struct perf_indexes {
    uint32_t first_counter, last_counter, first_help, last_help;
};

/* false: the system has given us none. */
bool perf_registration_indexes(const struct perf_system *system, struct perf_indexes *indexes);
/* Is this version's list of names registered? */
bool perf_registration_is_ours(const struct perf_indexes *indexes);

/* "1848 1914": the numbers of our objects, as a list of them is written. */
enum { PERF_OBJECT_LIST_LEN = 24 };
void perf_registration_objects(const struct perf_indexes *indexes, char list[PERF_OBJECT_LIST_LEN]);

/* false: numbers are all that the system has of our counters (Wine). */
bool perf_registration_are_named(const struct perf_system *system);

/* `library` is its full path. */
uint32_t perf_registration_install(const struct perf_system *system, const char *library);
/* PERF_SYSTEM_NOT_FOUND: there was nothing to take away. */
uint32_t perf_registration_uninstall(const struct perf_system *system);

struct perf_check {
    const char *name; /* "library" */
    bool good;
    char text[PERF_PATH_LEN + 260]; /* what has been found */
    const char *remedy;             /* what to do, if it is not good */
};

enum { PERF_MAX_CHECKS = 6 };

/* -> how many there are: after the first bad one of some, nothing further can be looked at */
size_t perf_registration_check(const struct perf_system *system, struct perf_check checks[PERF_MAX_CHECKS]);

/* The name of an index in the system's list, as `get_list` has given it; "" if it has none. */
const char *perf_registration_name(const char *list, size_t len, uint32_t index);

#endif
