/* perf_system: what `fcgictl perf` needs of the system: perf_win32 fills it in, tests fake it. Texts are UTF-8; keys stand below
 * HKEY_LOCAL_MACHINE. Functions give 0 or an error of the system. */
#ifndef FCGICTL_PERF_SYSTEM_H
#define FCGICTL_PERF_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PERF_SYSTEM_OK = 0,
    PERF_SYSTEM_NOT_FOUND = 2,
    PERF_SYSTEM_DENIED = 5,
    PERF_SYSTEM_NO_MEMORY = 8,
    PERF_SYSTEM_NOT_DONE = 1627 /* ERROR_FUNCTION_FAILED */
};

struct perf_system {
    void *context;
    unsigned bits; /* of the system: 32 or 64 */
    uint32_t (*get_text)(void *context, const char *key, const char *name, char *text, size_t size);
    uint32_t (*get_number)(void *context, const char *key, const char *name, uint32_t *number);
    /* Strings, each with its NUL, `len` bytes in all; the caller frees them. */
    uint32_t (*get_list)(void *context, const char *key, const char *name, char **list, size_t *len);
    /* The key is made if there is none. */
    uint32_t (*set_text)(void *context, const char *key, const char *name, const char *text);
    uint32_t (*set_number)(void *context, const char *key, const char *name, uint32_t number);
    uint32_t (*delete_value)(void *context, const char *key, const char *name);
    /* One without keys in it. */
    uint32_t (*delete_key)(void *context, const char *key);

    /* LoadPerfCounterTextStrings, UnloadPerfCounterTextStrings. */
    uint32_t (*load_names)(void *context, const char *ini, const char *header);
    uint32_t (*unload_names)(void *context);

    /* The full name of a file; `path` NULL: of the fcgiperf.dll beside this program. */
    uint32_t (*full_path)(void *context, const char *path, char *full, size_t size);
    /* For how many bits a DLL was built; 0: it is none for this processor. */
    uint32_t (*library_bits)(void *context, const char *path, unsigned *bits);
    /* HKEY_PERFORMANCE_DATA, of these objects, and PERF_DATA_HEADER_LEN bytes more; the caller frees them. */
    uint32_t (*query)(void *context, const char *indexes, uint8_t **data, size_t *len);
    /* "access is denied (5)" */
    void (*describe)(void *context, uint32_t error, char *text, size_t size);
};

#endif
