/* json_writer: JSON into a buffer, piece by piece, on one line.
 *
 * Whatever the strings hold, the output is well-formed: bytes that are no UTF-8 become U+FFFD; control characters (C0, DEL, C1) and
 * the separators U+2028 and U+2029 are escaped, so nothing that it writes ends a line or reaches a terminal as a command. Commas are
 * put by the writer. After a failure nothing more is written, and what is there is to be dropped; `too_long` says that the buffer's
 * limit was reached, otherwise memory is out. Names of members are ours and written as they are; NULL inside of an array. */
#ifndef MGMT_JSON_WRITER_H
#define MGMT_JSON_WRITER_H

#include "fcgiext/core/buffer.h"

enum { JSON_MAX_CUT_LEN = 2048 }; /* bytes of a text that a client of the web server made up */

struct json {
    struct buffer *out;
    bool comma; /* something stands before the next value */
    bool failed;
    bool too_long;
};

/* Empties the buffer. */
void json_init(struct json *json, struct buffer *out);

void json_begin_object(struct json *json, const char *name);
void json_end_object(struct json *json);
void json_begin_array(struct json *json, const char *name);
void json_end_array(struct json *json);

void json_string(struct json *json, const char *name, const char *value);
/* Behind JSON_MAX_CUT_LEN bytes it ends with an ellipsis. */
void json_cut_string(struct json *json, const char *name, const char *value);
void json_number(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);
/* Text that is JSON already. */
void json_raw(struct json *json, const char *name, const char *value);

/* A string in pieces. */
void json_begin_string(struct json *json, const char *name);
void json_add_text(struct json *json, struct bytes text);
void json_end_string(struct json *json);

/* A 64-bit id, as a string: not every client's numbers hold it. */
void json_id(struct json *json, const char *name, uint64_t id);
/* Milliseconds as seconds: 1.5 */
void json_seconds(struct json *json, const char *name, uint64_t ms);
void json_microseconds(struct json *json, const char *name, uint64_t us); /* the same of them: 0.00025 */
/* Two members: NAME_time (RFC 3339, UTC) and NAME_unix (seconds), both null when `known` is false. Times that no calendar of
 * four digits has are taken for the last one. */
void json_time(struct json *json, const char *name, bool known, uint64_t unix_ms);

#endif
