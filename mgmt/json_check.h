/* json_check: is this text one JSON value and nothing else, by RFC 8259 to the letter?
 *
 * Asked before cJSON parses: cJSON recurses, and takes things that are no JSON. What has passed here, it can only fail for want of
 * memory. No recursion, no allocation. Stricter than the RFC in three points: nesting, the length of a number (cJSON cuts longer
 * ones), and \u0000, at which a string would end. */
#ifndef MGMT_JSON_CHECK_H
#define MGMT_JSON_CHECK_H

#include "fcgiext/core/bytes.h"

enum { JSON_MAX_CHECKED_DEPTH = 32, JSON_MAX_NUMBER_LEN = 60 };

enum json_verdict { JSON_GOOD, JSON_BAD_UTF8, JSON_TOO_DEEP, JSON_BAD_SYNTAX };

/* max_depth: at most JSON_MAX_CHECKED_DEPTH; a lone number has depth 0. *at: the offset of the first byte that is wrong. */
enum json_verdict json_check(struct bytes text, unsigned max_depth, size_t *at);

#endif
