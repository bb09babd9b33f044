/* protocol: what both ends of the management pipe agree on: names, limits, rights, errors. docs/management-api.md is for its users.
 *
 * Each host (the web server's process that has loaded fcgiext.dll) serves one pipe in byte mode. A request is one line of UTF-8 JSON that
 * ends in LF (a CR before it is taken off); the reply is one line too. JSON-RPC 2.0 with an id; no batches, no notifications. */
#ifndef MGMT_PROTOCOL_H
#define MGMT_PROTOCOL_H

enum {
    MGMT_API_VERSION = 1,
    MGMT_MAX_LINE_LEN = 64 * 1024,    /* of a request, without its LF */
    MGMT_MAX_REPLY_LEN = 1024 * 1024, /* lists longer than that come in pages */
    MGMT_MAX_DEPTH = 16,              /* of objects and arrays in a request */
    MGMT_MAX_ID_LEN = 128,            /* bytes of a request's id that is a string */
    MGMT_MAX_CLIENTS = 16,            /* instances of the pipe */
    MGMT_LINE_MS = 5000,              /* from a line's first byte to its LF, and for a reply to be taken */
    MGMT_IDLE_MS = 600000,            /* a client that asks nothing for so long is disconnected */
    MGMT_PAGE_COUNT = 200,            /* items of a page unless asked otherwise */
    MGMT_MAX_PAGE_COUNT = 1000,
    MGMT_METRICS_PAGE_COUNT = 50, /* pools of a page of `metrics`: some 10 KiB each */
    MGMT_MAX_WAIT_S = 3600,       /* of operation.wait */
};

/* The pipe of the host with this process id: MGMT_PIPE_PREFIX "1234". */
#define MGMT_PIPE_PREFIX "\\\\.\\pipe\\fcgiext-mgmt-"

/* Who may do what, checked against the caller's token (GenericAll in these lists means the right). Query: SYSTEM, Administrators,
 * Performance Monitor Users (by number: not every system knows MU), who may see counters anyway. Operate: SYSTEM and Administrators, who
 * may stop the web server anyway. */
#define MGMT_QUERY_SDDL   "O:BAG:BAD:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;S-1-5-32-558)"
#define MGMT_OPERATE_SDDL "O:BAG:BAD:P(A;;GA;;;SY)(A;;GA;;;BA)"

enum mgmt_right { MGMT_RIGHT_QUERY, MGMT_RIGHT_OPERATE };

/* error.code of a reply; the name stands in error.data.reason. */
enum mgmt_error {
    MGMT_ERROR_NONE = 0,
    MGMT_ERROR_PARSE = -32700,             /* parse_error */
    MGMT_ERROR_INVALID_REQUEST = -32600,   /* invalid_request: a batch, no id, not 2.0 */
    MGMT_ERROR_METHOD_NOT_FOUND = -32601,  /* method_not_found */
    MGMT_ERROR_INVALID_PARAMS = -32602,    /* invalid_params */
    MGMT_ERROR_INTERNAL = -32603,          /* internal: out of memory, a defect */
    MGMT_ERROR_ACCESS_DENIED = -32001,     /* access_denied */
    MGMT_ERROR_NO_SUCH_POOL = -32002,      /* no_such_pool */
    MGMT_ERROR_NO_SUCH_WORKER = -32003,    /* no_such_worker */
    MGMT_ERROR_NO_SUCH_OPERATION = -32004, /* no_such_operation */
    MGMT_ERROR_REFUSED = -32005,           /* refused_by_state: data.state says which */
    MGMT_ERROR_TOO_MANY = -32006,          /* too_many: operations or clients */
    MGMT_ERROR_CONFIG_INVALID = -32007,    /* config_invalid: data.diagnostics */
    MGMT_ERROR_LINE_TOO_LONG = -32008,     /* line_too_long; the connection ends */
    MGMT_ERROR_TIMEOUT = -32009,           /* line_timeout; the connection ends */
    MGMT_ERROR_REPLY_TOO_LONG = -32010,    /* reply_too_long: ask for pages */
};

#endif
