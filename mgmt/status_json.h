/* status_json: snapshots as JSON. docs/management-api.md names each member. */
#ifndef MGMT_STATUS_JSON_H
#define MGMT_STATUS_JSON_H

#include "mgmt/json_writer.h"
#include "mgmt/ops.h"

/* Members of the object that has been begun. */
void status_json_server(struct json *json, const struct mgmt_server *server);
/* One object each. */
void status_json_pool(struct json *json, const char *name, const struct mgmt_pool *pool);
void status_json_open_pool(struct json *json, const char *name, const struct mgmt_pool *pool); /* its end is the caller's */
void status_json_worker(struct json *json, const struct mgmt_worker *worker);
/* `all`: the query string and the client's address, too. */
void status_json_request(struct json *json, const struct mgmt_request *request, bool all);
void status_json_exit(struct json *json, const struct mgmt_exit *exit, uint64_t now_unix_ms);
void status_json_operation(struct json *json, const char *name, const struct mgmt_operation *operation);

const char *mgmt_pool_state_name(const struct mgmt_pool *pool); /* pool_state_name, or "broken" */
const char *mgmt_request_state_name(enum mgmt_request_state state);
const char *mgmt_command_kind_name(enum mgmt_command_kind kind);
const char *mgmt_operation_state_name(enum mgmt_operation_state state);

#endif
