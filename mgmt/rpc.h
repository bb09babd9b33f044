/* rpc: one line of JSON-RPC 2.0 in, one line out. No pipe, clock, thread: the server reads and writes the lines.
 *
 * Checked before anything is parsed: length, UTF-8, syntax, depth. Then: one object (no batch) with "jsonrpc":"2.0", an id (a string of
 * at most MGMT_MAX_ID_LEN bytes, or an integer of at most 53 bits), a method, and params, if any, by name; no member twice, none that is
 * unknown: a slip is told, not dropped. Every line gets exactly one reply; its id is null when the request's could not be read. */
#ifndef MGMT_RPC_H
#define MGMT_RPC_H

#include "mgmt/methods.h"

enum { RPC_MAX_ID_JSON_LEN = 6 * MGMT_MAX_ID_LEN + 2 /* each byte may be escaped */ };

struct rpc_wait {
    struct method_wait method;
    char id[RPC_MAX_ID_JSON_LEN + 1];
};

/* `line`: without its LF. `out`: emptied first; it should hold MGMT_MAX_REPLY_LEN bytes and may be used again and again. The reply with
 * its LF, in `out` or a constant; empty: it comes from rpc_poll, and until then no further line of this client is to be handled. */
struct bytes rpc_handle(const struct mgmt_ops *ops, const struct mgmt_caller *caller, struct bytes line, uint64_t now_ms,
                        struct buffer *out, struct rpc_wait *wait);

/* Empty: not yet. Ask again, a few times a second, and at wait->method.deadline_ms. */
struct bytes rpc_poll(const struct mgmt_ops *ops, uint64_t now_ms, struct buffer *out, struct rpc_wait *wait);

/* What a client is told, unasked or for a line that was not read to its end: MGMT_ERROR_LINE_TOO_LONG, TIMEOUT, TOO_MANY. */
struct bytes rpc_refuse(const struct mgmt_ops *ops, enum mgmt_error code, struct buffer *out);

#endif
