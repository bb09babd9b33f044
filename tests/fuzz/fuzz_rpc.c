/* One line to a host that is made up. The first line of the input says who calls and what goes wrong: 'q' may not query, 'o' may not
 * operate, 'm' no memory for snapshots, 'w' the operation still runs, 'n' it is unknown, 's' the reply has little room, and a digit
 * picks the error of commands. What follows is the line, with any LFs in it.
 *
 * What must hold: exactly one reply; it is one line of strict JSON with the three members of JSON-RPC and an id that was the request's
 * or null; nothing of the host is held; without rights no secret is told and no command is given. A line that cJSON takes and
 * json_check does not is fine, not the other way round. */
#include "tests/fuzz/fuzz.h"

#include "mgmt/json_check.h"
#include "mgmt/rpc.h"
#include "tests/unit/fake_ops.h"

static bool holds(struct bytes text, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.ptr + i, word, len) == 0)
            return true;
    return false;
}

static bool has(struct bytes line, char flag)
{
    return line.len > 0 && memchr(line.ptr, flag, line.len);
}

static void check_parsers_agree(struct bytes line)
{
    size_t at = SIZE_MAX;
    enum json_verdict verdict = json_check(line, MGMT_MAX_DEPTH, &at);
    CHECK(verdict == JSON_GOOD ? at == SIZE_MAX : at <= line.len);
    if (verdict != JSON_GOOD)
        return;
    cJSON *root = cJSON_ParseWithLength((const char *)line.ptr, line.len);
    CHECK(root);
    cJSON_Delete(root);
}

static void check_id(const cJSON *reply, struct bytes line)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(reply, "id");
    CHECK(id);
    if (cJSON_IsNull(id))
        return;
    cJSON *request = cJSON_ParseWithLength((const char *)line.ptr, line.len);
    CHECK(cJSON_Compare(id, cJSON_GetObjectItemCaseSensitive(request, "id"), true));
    cJSON_Delete(request);
}

static void check_reply(struct bytes reply, struct bytes line)
{
    size_t at;
    CHECK(reply.len > 1 && memchr(reply.ptr, '\n', reply.len) == reply.ptr + reply.len - 1);
    CHECK(json_check(bytes_of(reply.ptr, reply.len - 1), JSON_MAX_CHECKED_DEPTH, &at) == JSON_GOOD);
    cJSON *root = cJSON_ParseWithLength((const char *)reply.ptr, reply.len);
    CHECK(root && cJSON_GetArraySize(root) == 3);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
    CHECK(!error != !cJSON_GetObjectItemCaseSensitive(root, "result"));
    if (error) {
        const cJSON *data = cJSON_GetObjectItemCaseSensitive(error, "data");
        int code = cJSON_GetObjectItemCaseSensitive(error, "code")->valueint;
        CHECK(strcmp(cJSON_GetObjectItemCaseSensitive(data, "reason")->valuestring, mgmt_error_reason((enum mgmt_error)code)) ==
              0);
        CHECK(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(data, "hint")));
    }
    check_id(root, line);
    cJSON_Delete(root);
}

/* Unless the line says them itself. */
static void check_secrets(struct bytes reply, struct bytes line)
{
    static const char *const secrets[] = {"query_secret", "192.0.2.77", "secret,value", "hidden_secret", "lone_secret"};
    for (size_t i = 0; i < COUNT(secrets); i++)
        CHECK(!holds(reply, secrets[i]) || holds(line, "secret") || holds(line, "192"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mgmt_error errors[] = {MGMT_ERROR_NONE,    MGMT_ERROR_NO_SUCH_POOL, MGMT_ERROR_NO_SUCH_WORKER,
                                             MGMT_ERROR_REFUSED, MGMT_ERROR_TOO_MANY,     MGMT_ERROR_CONFIG_INVALID,
                                             MGMT_ERROR_INTERNAL};
    struct bytes rest = bytes_of(data, size), flags = fuzz_first_line(&rest), line = fuzz_copy(rest), reply;
    struct mgmt_caller caller = {!has(flags, 'q'), !has(flags, 'o'), "fuzzer"};
    struct fake fake;
    struct rpc_wait wait;
    struct buffer out;
    fake_init(&fake);
    fake.no_memory = has(flags, 'm');
    fake.operation.state = has(flags, 'w') ? MGMT_OPERATION_RUNNING : MGMT_OPERATION_DONE;
    fake.operation_error = has(flags, 'n') ? MGMT_ERROR_NO_SUCH_OPERATION : MGMT_ERROR_NONE;
    for (size_t i = 0; i < COUNT(errors); i++)
        if (has(flags, (char)('0' + i)))
            fake.command_error = errors[i];
    buffer_init(&out, has(flags, 's') ? 700 : MGMT_MAX_REPLY_LEN);
    check_parsers_agree(line);
    reply = rpc_handle(&fake.ops, &caller, line, 1000, &out, &wait);
    if (reply.len == 0) {
        CHECK(wait.method.waits && has(flags, 'w') && wait.method.deadline_ms <= 1000 + MGMT_MAX_WAIT_S * 1000);
        if (wait.method.deadline_ms > 1000)
            CHECK(rpc_poll(&fake.ops, wait.method.deadline_ms - 1, &out, &wait).len == 0);
        reply = rpc_poll(&fake.ops, wait.method.deadline_ms, &out, &wait);
    }
    check_reply(reply, line);
    CHECK(fake.held == 0);
    if (!caller.may_operate || !caller.may_query) {
        check_secrets(reply, line);
        CHECK(fake.commands == 0);
    }
    buffer_deinit(&out);
    fuzz_free(line);
    return 0;
}
