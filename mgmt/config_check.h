/* config_check: the bytes of an fcgiext.ini -> what is wrong with it, for tools, which do not know the core. */
#ifndef MGMT_CONFIG_CHECK_H
#define MGMT_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct mgmt_config_finding {
    bool error;           /* else a warning */
    unsigned line;        /* 1-based; 0: about the whole file */
    const char *section;  /* "" outside of any */
    const char *property; /* "" when it is not about one */
    const char *message;  /* UTF-8, no full stop at the end */
};

/* Calls `take` for each finding in the order of lines. Text without a byte order mark that is not UTF-8 is taken as Windows-1252. false:
 * out of memory. */
bool mgmt_config_check(const char *text, size_t len, void (*take)(void *context, const struct mgmt_config_finding *finding),
                       void *context);

#endif
