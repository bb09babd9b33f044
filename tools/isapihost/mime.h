/* Content types by file extension, and single byte ranges. Pure. */
#ifndef ISAPIHOST_MIME_H
#define ISAPIHOST_MIME_H

#include <stdbool.h>
#include <stdint.h>

/* "application/octet-stream" for the unknown. */
const char *mime_type(const char *path);

enum range_result {
    RANGE_NONE,          /* no such header, several ranges, or none that is understood: the whole file */
    RANGE_PART,          /* *first to *last, both inside */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* value: of the Range header, or NULL. */
enum range_result range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *last);

#endif
