/* methods: what can be asked of a host, one row a method: name, right, parameters, help, handler. The rows are all there is to
 * know about a method: the dispatcher checks rights and parameters by them, rpc.discover and docs/management-api.md print them. */
#ifndef MGMT_METHODS_H
#define MGMT_METHODS_H

#include <cjson/cJSON.h>

#include "mgmt/ops.h"
#include "mgmt/reply.h"

enum { METHOD_MAX_PARAMS = 4 };

/* Who calls: decided by the pipe server for each connection. */
struct mgmt_caller {
    bool may_query; /* without it everything is denied */
    bool may_operate;
    const char *account; /* for the log */
};

enum method_type {
    METHOD_STRING,
    METHOD_INTEGER,
    METHOD_SECONDS, /* a number, also with a fraction */
    METHOD_BOOL,
    METHOD_ID, /* a string of digits, 64 bits */
};

struct method_param {
    const char *name; /* NULL: no further one */
    enum method_type type;
    bool required;
    uint32_t min, max; /* INTEGER, SECONDS */
    const char *summary;
};

struct method_call; /* method_call.h */

struct method {
    const char *name;
    enum mgmt_right right;
    const char *summary; /* one sentence */
    const char *result;  /* what the result holds, in Markdown */
    struct method_param params[METHOD_MAX_PARAMS];
    void (*handle)(struct method_call *call);
};
extern const struct method methods[];
extern const size_t method_count;

const char *method_type_name(enum method_type type); /* "string", "integer", "number", "boolean", "id" */
const char *mgmt_right_name(enum mgmt_right right);  /* "query", "operate" */

/* operation.wait that has not ended: nothing has been written, and methods_poll is to be asked from time to time, at the latest at
 * the deadline. */
struct method_wait {
    bool waits;
    uint64_t operation;
    uint64_t deadline_ms;
};

/* Writes a result or an error into `reply`, unless wait->waits is set. params: NULL for none. now_ms: any clock that only goes on. */
void methods_call(const struct mgmt_ops *ops, const struct mgmt_caller *caller, const char *method, const cJSON *params,
                  uint64_t now_ms, struct reply *reply, struct method_wait *wait);
void methods_poll(const struct mgmt_ops *ops, uint64_t now_ms, struct reply *reply, struct method_wait *wait);

#endif
