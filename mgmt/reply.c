/* reply: begun anew as often as need be, so that whoever finds an error late just says so; the buffer's memory stays. When there is
 * no memory even for an error, a constant line is the reply: there is always exactly one. */
#include "mgmt/reply.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_MESSAGE_LEN = 400, QUOTED_LEN = 80 };

const struct mgmt_error_row mgmt_errors[] = {
    {MGMT_ERROR_PARSE, "parse_error", "The line is not JSON, not UTF-8, or nested too deep.",
     "one JSON object in UTF-8 on one line, with an LF at its end"},
    {MGMT_ERROR_INVALID_REQUEST, "invalid_request", "It is JSON, but no request: a batch, no id, not JSON-RPC 2.0.",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}"},
    {MGMT_ERROR_METHOD_NOT_FOUND, "method_not_found", "There is no such method. `data.method` repeats it.",
     "rpc.discover lists all methods"},
    {MGMT_ERROR_INVALID_PARAMS, "invalid_params",
     "A parameter is missing, unknown, of another type or out of range. `data.param` names it.",
     "rpc.discover lists the parameters of each method"},
    {MGMT_ERROR_INTERNAL, "internal", "Out of memory, or a defect of fcgiext.", "try again; the event log may say more"},
    {MGMT_ERROR_ACCESS_DENIED, "access_denied", "The caller lacks a right. `data.right`: `query` or `operate`.",
     "run as an administrator, or grant the right in [Management] of fcgiext.ini"},
    {MGMT_ERROR_NO_SUCH_POOL, "no_such_pool", "There is no such pool in this host. `data.pool` repeats the name.",
     "pool.list shows all pools"},
    {MGMT_ERROR_NO_SUCH_WORKER, "no_such_worker", "The pool has no such worker (any more).", "worker.list shows all workers"},
    {MGMT_ERROR_NO_SUCH_OPERATION, "no_such_operation", "The operation is unknown, or forgotten: the last 100 are remembered.",
     "ids of operations hold for one host until it ends"},
    {MGMT_ERROR_REFUSED, "refused_by_state", "Not possible in the pool's present state. `data.state` says which.",
     "pool.show tells the state and its reason"},
    {MGMT_ERROR_TOO_MANY, "too_many", "Too many operations, or clients, at a time.", "try again when others have ended"},
    {MGMT_ERROR_CONFIG_INVALID, "config_invalid",
     "fcgiext.ini has errors, and what is in force stays. `data.diagnostics` lists them.",
     "mend the lines that data.diagnostics names; config.check tries the file without taking it"},
    {MGMT_ERROR_LINE_TOO_LONG, "line_too_long", "The line is longer than 65536 bytes; the connection ends.",
     "requests are short; was there no LF at the end of the one before?"},
    {MGMT_ERROR_TIMEOUT, "line_timeout", "The rest of the line did not come within 5 s; the connection ends.",
     "end each request with an LF"},
    {MGMT_ERROR_REPLY_TOO_LONG, "reply_too_long", "The reply would be longer than 1 MiB.",
     "ask for less at a time: one pool, or smaller pages (page, count)"},
};
const size_t mgmt_error_count = sizeof mgmt_errors / sizeof *mgmt_errors;

static const struct mgmt_error_row *row_of(enum mgmt_error code)
{
    const struct mgmt_error_row *internal = NULL;
    for (size_t i = 0; i < mgmt_error_count; i++) {
        if (mgmt_errors[i].code == code)
            return &mgmt_errors[i];
        if (mgmt_errors[i].code == MGMT_ERROR_INTERNAL)
            internal = &mgmt_errors[i];
    }
    return internal;
}

const char *mgmt_error_reason(enum mgmt_error code)
{
    return row_of(code)->reason;
}

void reply_init(struct reply *reply, struct buffer *out, const char *id)
{
    *reply = (struct reply){.id = id};
    json_init(&reply->json, out);
}

static struct json *begin(struct reply *reply)
{
    struct json *json = &reply->json;
    json_init(json, json->out);
    json_begin_object(json, NULL);
    json_string(json, "jsonrpc", "2.0");
    json_raw(json, "id", reply->id);
    return json;
}

void reply_begin_result(struct reply *reply)
{
    struct json *json = begin(reply);
    reply->error = MGMT_ERROR_NONE;
    json_begin_object(json, "result");
    json_number(json, "api_version", MGMT_API_VERSION);
}

#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 4, 5)))
#elif defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
void reply_begin_error(struct reply *reply, enum mgmt_error code, const char *hint, const char *format, ...)
{
    const struct mgmt_error_row *row = row_of(code);
    char message[MAX_MESSAGE_LEN + 1], number[16];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    snprintf(number, sizeof number, "%d", (int)row->code);
    struct json *json = begin(reply);
    reply->error = row->code;
    json_begin_object(json, "error");
    json_raw(json, "code", number);
    json_string(json, "message", message);
    json_begin_object(json, "data");
    json_string(json, "reason", row->reason);
    json_string(json, "hint", hint ? hint : row->hint);
}

static bool finish(struct reply *reply)
{
    struct json *json = &reply->json;
    if (reply->error)
        json_end_object(json);
    json_end_object(json);
    json_end_object(json);
    const struct bytes end = bytes_of_str("\n");
    if (!json->failed && buffer_room(json->out) < end.len)
        json->failed = json->too_long = true;
    return !json->failed && buffer_append(json->out, end) && json->out->len <= MGMT_MAX_REPLY_LEN;
}

struct bytes reply_end(struct reply *reply)
{
    static const char constant[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32603,\"message\":\"out of memory\","
                                   "\"data\":{\"reason\":\"internal\",\"hint\":\"try again\"}}}\n";
    if (finish(reply))
        return buffer_peek(reply->json.out);
    bool too_long = reply->json.too_long || reply->json.out->len > MGMT_MAX_REPLY_LEN;
    if (too_long)
        reply_begin_error(reply, MGMT_ERROR_REPLY_TOO_LONG, NULL, "the reply would be longer than %d bytes",
                          MGMT_MAX_REPLY_LEN);
    else
        reply_begin_error(reply, MGMT_ERROR_INTERNAL, "try again", "out of memory");
    return finish(reply) ? buffer_peek(reply->json.out) : bytes_of_str(constant);
}

const char *reply_quote(struct reply_quoted *out, const char *text)
{
    size_t len = strlen(text);
    bool cut = len > QUOTED_LEN;
    if (cut)
        for (len = QUOTED_LEN; len > QUOTED_LEN - 3 && ((uint8_t)text[len] & 0xc0) == 0x80; len--)
            ;
    snprintf(out->text, sizeof out->text, "'%.*s%s'", (int)len, text, cut ? "..." : "");
    return out->text;
}
