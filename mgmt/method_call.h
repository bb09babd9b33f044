/* method_call: what a handler gets, and what handlers share; for methods*.c only. */
#ifndef MGMT_METHOD_CALL_H
#define MGMT_METHOD_CALL_H

#include "mgmt/methods.h"

struct method_arg {
    bool given;
    const char *text; /* STRING; "" when not given */
    uint64_t number;  /* INTEGER, ID; SECONDS in milliseconds, rounded up */
    bool flag;
};

struct method_call {
    const struct mgmt_ops *ops;
    const struct mgmt_caller *caller;
    uint64_t now_ms;
    struct method_arg args[METHOD_MAX_PARAMS]; /* in the order of the row */
    struct reply *reply;
    struct method_wait *wait;
};

/* The result's members follow. */
static inline struct json *method_result(struct method_call *call)
{
    reply_begin_result(call->reply);
    return &call->reply->json;
}

void method_out_of_memory(struct method_call *call);
/* NULL: an error has been written. */
struct mgmt_snapshot *method_snapshot(struct method_call *call, unsigned want);
void method_free_snapshot(struct method_call *call, struct mgmt_snapshot *snapshot);
/* Names of pools are compared ignoring case, as sections of the ini are. NULL: an error has been written. */
const struct mgmt_pool *method_find_pool(struct method_call *call, const struct mgmt_snapshot *snapshot, const char *name);
void method_no_such_pool(struct method_call *call, const struct mgmt_snapshot *snapshot, const char *name);

static inline bool method_same_name(const char *a, const char *b)
{
    return bytes_equal_nocase(bytes_of_str(a), bytes_of_str(b));
}

/* methods_query.c */
void method_server_info(struct method_call *call);
void method_status(struct method_call *call);
void method_pool_list(struct method_call *call);
void method_pool_show(struct method_call *call);
void method_worker_list(struct method_call *call);
void method_request_list(struct method_call *call);
void method_exit_list(struct method_call *call);
void method_metrics(struct method_call *call);
void method_discover(struct method_call *call);
/* methods_config.c */
void method_config_show(struct method_call *call);
void method_config_check(struct method_call *call);
/* methods_operate.c */
void method_pool_recycle(struct method_call *call);
void method_pool_drain(struct method_call *call);
void method_pool_resume(struct method_call *call);
void method_worker_recycle(struct method_call *call);
void method_worker_kill(struct method_call *call);
void method_config_reload(struct method_call *call);
void method_operation_wait(struct method_call *call);

#endif
