/* perf_names: names of instances: what perfmon and the agents behind it can tell apart and take in a path.
 *
 * UTF-16, at most PERF_NAME_LEN units, without a NUL. The marks of a counter's path are replaced: ( ) by [ ], and / \ # * by _. */
#ifndef PERFCOUNTERS_PERF_NAMES_H
#define PERFCOUNTERS_PERF_NAMES_H

#include <stdint.h>

#include "fcgiext/core/bytes.h"

enum { PERF_NAME_LEN = 64 };

struct perf_name {
    uint16_t units[PERF_NAME_LEN];
    unsigned len;
};

/* `utf8` is well-formed; what is not is cut off. A name that ends as the sum of all instances does, _Total, gets a _ behind it. */
void perf_name_clean(struct perf_name *name, struct bytes utf8);
/* ASCII, as it is. */
void perf_name_set(struct perf_name *name, const char *ascii);
/* Behind it, a mark and the number; the name is cut where there is no room. */
void perf_name_add_number(struct perf_name *name, char mark, uint32_t number);
/* Ignores the case of letters of Latin, Greek and Cyrillic, which is what names have. */
bool perf_name_equal(const struct perf_name *a, const struct perf_name *b);

#endif
