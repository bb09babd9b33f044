/* rpc: the request's envelope. What json_check has passed, cJSON can only fail to parse for want of memory. */
#include "mgmt/rpc.h"

#include "fcgiext/core/text.h"
#include "mgmt/json_check.h"

#include <stdio.h>

#define MAX_INTEGER 9007199254740991.0 /* 2^53 - 1: what a double holds exactly */

static const char *const member_names[] = {"jsonrpc", "id", "method", "params"};
enum { MEMBER_JSONRPC, MEMBER_ID, MEMBER_METHOD, MEMBER_PARAMS, MEMBER_COUNT };

struct request {
    const cJSON *members[MEMBER_COUNT];
    const char *unknown; /* the first of these */
    const char *twice;
};

static void take_members(struct request *request, const cJSON *object)
{
    *request = (struct request){0};
    for (const cJSON *item = object->child; item; item = item->next) {
        int i = 0;
        while (i < MEMBER_COUNT && strcmp(item->string, member_names[i]) != 0)
            i++;
        if (i == MEMBER_COUNT)
            request->unknown = request->unknown ? request->unknown : item->string;
        else if (request->members[i])
            request->twice = member_names[i];
        else
            request->members[i] = item;
    }
}

/* The id as JSON; false: there is none that can be used, and *problem says why. */
static bool encode_id(const struct request *request, char *id, size_t size, const char **problem)
{
    const cJSON *item = request->members[MEMBER_ID];
    *problem = "the id must be a string or an integer";
    if (!item)
        *problem = "there is no id; notifications are not taken, as each request is answered";
    if (request->twice == member_names[MEMBER_ID])
        *problem = "there is more than one id";
    else if (cJSON_IsString(item)) {
        *problem = "the id is longer than 128 bytes";
        if (strlen(item->valuestring) > MGMT_MAX_ID_LEN)
            return false;
        struct buffer text;
        struct json json;
        buffer_init(&text, size - 1);
        json_init(&json, &text);
        json_string(&json, NULL, item->valuestring);
        *problem = "out of memory";
        if (!json.failed)
            memcpy(id, buffer_peek(&text).ptr, text.len);
        id[json.failed ? 0 : text.len] = '\0';
        buffer_deinit(&text);
        return !json.failed;
    } else if (cJSON_IsNumber(item)) {
        double number = item->valuedouble;
        *problem = "an id that is a number must be an integer of at most 53 bits; use a string";
        if (!(number >= -MAX_INTEGER && number <= MAX_INTEGER) || (double)(int64_t)number != number)
            return false;
        int64_t integer = (int64_t)number;
        uint8_t digits[TEXT_MAX_DECIMAL_LEN];
        int len = (int)text_put_decimal(digits, (uint64_t)(integer < 0 ? -integer : integer));
        snprintf(id, size, "%s%.*s", integer < 0 ? "-" : "", len, (const char *)digits);
        return true;
    }
    return false;
}

/* NULL: the request is one; else what is wrong. */
static const char *envelope_problem(const struct request *request)
{
    const cJSON *const *members = request->members;
    if (!cJSON_IsString(members[MEMBER_JSONRPC]) || strcmp(members[MEMBER_JSONRPC]->valuestring, "2.0") != 0)
        return "\"jsonrpc\" must be \"2.0\"";
    if (!cJSON_IsString(members[MEMBER_METHOD]))
        return "\"method\" must be a string";
    if (members[MEMBER_PARAMS] && !cJSON_IsObject(members[MEMBER_PARAMS]))
        return "\"params\" must be an object: parameters are given by name";
    return NULL;
}

static void handle_object(const struct mgmt_ops *ops, const struct mgmt_caller *caller, const cJSON *object, uint64_t now_ms,
                          struct reply *reply, struct rpc_wait *wait)
{
    struct request request;
    struct reply_quoted quoted;
    const char *problem;
    take_members(&request, object);
    bool has_id = encode_id(&request, wait->id, sizeof wait->id, &problem);
    if (has_id) {
        reply->id = wait->id;
        problem = envelope_problem(&request);
    }
    if (has_id && !caller->may_query) /* whatever it is: it learns nothing */
        methods_call(ops, caller, "", NULL, now_ms, reply, &wait->method);
    else if (problem)
        reply_begin_error(reply, MGMT_ERROR_INVALID_REQUEST, NULL, "%s", problem);
    else if (request.twice)
        reply_begin_error(reply, MGMT_ERROR_INVALID_REQUEST, NULL, "the member '%s' stands there twice", request.twice);
    else if (request.unknown)
        reply_begin_error(reply, MGMT_ERROR_INVALID_REQUEST, "members of a request: jsonrpc, id, method, params",
                          "a request has no member %s", reply_quote(&quoted, request.unknown));
    else
        methods_call(ops, caller, request.members[MEMBER_METHOD]->valuestring, request.members[MEMBER_PARAMS], now_ms, reply,
                     &wait->method);
}

static void handle_text(const struct mgmt_ops *ops, const struct mgmt_caller *caller, struct bytes text, uint64_t now_ms,
                        struct reply *reply, struct rpc_wait *wait)
{
    const char *end;
    cJSON *root = cJSON_ParseWithLengthOpts((const char *)text.ptr, text.len, &end, false);
    if (!root)
        reply_begin_error(reply, MGMT_ERROR_INTERNAL, "try again", "out of memory");
    else if (cJSON_IsArray(root))
        reply_begin_error(reply, MGMT_ERROR_INVALID_REQUEST, "send the requests one by one, each on a line of its own",
                          "batches are not taken");
    else if (!cJSON_IsObject(root))
        reply_begin_error(reply, MGMT_ERROR_INVALID_REQUEST, NULL, "a request is an object");
    else
        handle_object(ops, caller, root, now_ms, reply, wait);
    cJSON_Delete(root);
}

/* Some writers of UTF-8 send it once, in front of the first line. */
static struct bytes without_mark(struct bytes line)
{
    struct bytes mark = bytes_of_str("\xef\xbb\xbf");
    if (line.len >= mark.len && memcmp(line.ptr, mark.ptr, mark.len) == 0)
        bytes_advance(&line, mark.len);
    return line;
}

/* Counts the reply as what it has become: one that is too long ends as an error. */
static struct bytes end(const struct mgmt_ops *ops, struct reply *reply)
{
    struct bytes line = reply_end(reply);
    enum counter_management outcome = reply->error ? COUNTER_MANAGEMENT_ERROR : COUNTER_MANAGEMENT_OK;
    if (reply->error == MGMT_ERROR_ACCESS_DENIED)
        outcome = COUNTER_MANAGEMENT_DENIED;
    if (ops->answered)
        ops->answered(ops->context, outcome);
    return line;
}

static struct bytes end_unless_it_waits(const struct mgmt_ops *ops, struct reply *reply, const struct rpc_wait *wait)
{
    return wait->method.waits ? bytes_of(NULL, 0) : end(ops, reply);
}

struct bytes rpc_handle(const struct mgmt_ops *ops, const struct mgmt_caller *caller, struct bytes line, uint64_t now_ms,
                        struct buffer *out, struct rpc_wait *wait)
{
    struct reply reply;
    size_t at = 0;
    if (line.len > MGMT_MAX_LINE_LEN)
        return rpc_refuse(ops, MGMT_ERROR_LINE_TOO_LONG, out);
    *wait = (struct rpc_wait){0};
    reply_init(&reply, out, "null");
    struct bytes text = without_mark(line);
    switch (json_check(text, MGMT_MAX_DEPTH, &at)) {
    case JSON_GOOD: handle_text(ops, caller, text, now_ms, &reply, wait); break;
    case JSON_BAD_UTF8: reply_begin_error(&reply, MGMT_ERROR_PARSE, NULL, "not UTF-8 at byte %zu", at); break;
    case JSON_TOO_DEEP:
        reply_begin_error(&reply, MGMT_ERROR_PARSE, NULL, "nested deeper than %d at byte %zu", MGMT_MAX_DEPTH, at);
        break;
    case JSON_BAD_SYNTAX: reply_begin_error(&reply, MGMT_ERROR_PARSE, NULL, "not JSON at byte %zu", at); break;
    }
    return end_unless_it_waits(ops, &reply, wait);
}

struct bytes rpc_poll(const struct mgmt_ops *ops, uint64_t now_ms, struct buffer *out, struct rpc_wait *wait)
{
    struct reply reply;
    reply_init(&reply, out, wait->id);
    methods_poll(ops, now_ms, &reply, &wait->method);
    return end_unless_it_waits(ops, &reply, wait);
}

struct bytes rpc_refuse(const struct mgmt_ops *ops, enum mgmt_error code, struct buffer *out)
{
    struct reply reply;
    reply_init(&reply, out, "null");
    if (code == MGMT_ERROR_LINE_TOO_LONG)
        reply_begin_error(&reply, code, NULL, "the line is longer than %d bytes", MGMT_MAX_LINE_LEN);
    else if (code == MGMT_ERROR_TIMEOUT)
        reply_begin_error(&reply, code, NULL, "the line was not complete within %d ms", MGMT_LINE_MS);
    else if (code == MGMT_ERROR_TOO_MANY)
        reply_begin_error(&reply, code, NULL, "%d clients are connected already", MGMT_MAX_CLIENTS);
    else
        reply_begin_error(&reply, code, NULL, "the request cannot be handled");
    return end(ops, &reply);
}
