/* reply: the envelope of one line: a result, or an error with code, message, data.reason, data.hint. */
#ifndef MGMT_REPLY_H
#define MGMT_REPLY_H

#include "mgmt/json_writer.h"
#include "mgmt/protocol.h"

/* Every error there is: for the replies, rpc.discover, and the documentation. */
struct mgmt_error_row {
    enum mgmt_error code;
    const char *reason;
    const char *summary;
    const char *hint; /* unless a better one is known */
};
extern const struct mgmt_error_row mgmt_errors[];
extern const size_t mgmt_error_count;

/* "no_such_pool"; a code that is not in the table: "internal". */
const char *mgmt_error_reason(enum mgmt_error code);

struct reply {
    struct json json;
    const char *id;        /* as JSON; borrowed */
    enum mgmt_error error; /* NONE: a result; known when it has ended */
};

/* `id`: "null", a number, or a string in quotes, escaped. `out`: at most MGMT_MAX_REPLY_LEN bytes are used of it. */
void reply_init(struct reply *reply, struct buffer *out, const char *id);

/* Begins anew, whatever has been written: members of the result, or of error.data, follow. The message is cut at 400 bytes.
 * hint NULL: the table's. */
void reply_begin_result(struct reply *reply);
void reply_begin_error(struct reply *reply, enum mgmt_error code, const char *hint, const char *format, ...);

/* The whole line with its LF, in the buffer or a constant. A reply that was too long, or out of memory, becomes an error. */
struct bytes reply_end(struct reply *reply);

/* Some words that a client has sent, for a message: quoted, and cut if they are long. */
struct reply_quoted {
    char text[112];
};
const char *reply_quote(struct reply_quoted *out, const char *text);

#endif
