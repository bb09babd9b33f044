/* rpc_testing: a client of the made-up host of fake_ops.h: lines in, parsed replies out. Whatever the line, what holds for every reply is
 * checked: one line, JSON, nothing held. */
#ifndef TESTS_UNIT_RPC_TESTING_H
#define TESTS_UNIT_RPC_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mgmt/json_check.h"
#include "mgmt/rpc.h"
#include "tests/unit/fake_ops.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct client {
    struct fake fake;
    struct mgmt_caller caller;
    struct buffer out;
    struct rpc_wait wait;
    struct bytes line; /* the last reply */
    cJSON *reply;      /* the same, until the next one */
    uint64_t now_ms;
};

static inline void client_open(struct client *client)
{
    *client = (struct client){.caller = {true, true, "HOST\\admin"}, .now_ms = 1000};
    fake_init(&client->fake);
    buffer_init(&client->out, MGMT_MAX_REPLY_LEN);
}

static inline void client_close(struct client *client)
{
    cJSON_Delete(client->reply);
    buffer_deinit(&client->out);
}

static inline const cJSON *take_reply(struct client *client, struct bytes line)
{
    size_t at;
    client->line = line;
    assert_true(line.len > 1 && line.len <= MGMT_MAX_REPLY_LEN);
    assert_ptr_equal(memchr(line.ptr, '\n', line.len), line.ptr + line.len - 1);
    assert_int_equal(json_check(bytes_of(line.ptr, line.len - 1), JSON_MAX_CHECKED_DEPTH, &at), JSON_GOOD);
    for (size_t i = 0; i + 1 < line.len; i++)
        assert_true(line.ptr[i] >= 0x20 && line.ptr[i] != 0x7f);
    cJSON_Delete(client->reply);
    client->reply = cJSON_ParseWithLength((const char *)line.ptr, line.len);
    assert_non_null(client->reply);
    assert_int_equal(cJSON_GetArraySize(client->reply), 3);
    assert_string_equal(cJSON_GetObjectItem(client->reply, "jsonrpc")->valuestring, "2.0");
    assert_non_null(cJSON_GetObjectItem(client->reply, "id"));
    assert_int_equal(client->fake.held, 0);
    return client->reply;
}

/* As what it is, and once: `before` is fake.answered before it. */
static inline void check_counted(const struct client *client, unsigned before)
{
    const cJSON *error = cJSON_GetObjectItem(client->reply, "error");
    enum counter_management outcome = error ? COUNTER_MANAGEMENT_ERROR : COUNTER_MANAGEMENT_OK;
    if (error && cJSON_GetObjectItem(error, "code")->valueint == MGMT_ERROR_ACCESS_DENIED)
        outcome = COUNTER_MANAGEMENT_DENIED;
    assert_int_equal(client->fake.answered, before + 1);
    assert_int_equal(client->fake.outcome, outcome);
}

static inline const cJSON *send_bytes(struct client *client, const void *text, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1); /* a byte read behind it is seen */
    unsigned before = client->fake.answered;
    assert_non_null(exact);
    if (len > 0)
        memcpy(exact, text, len);
    struct bytes line =
        rpc_handle(&client->fake.ops, &client->caller, bytes_of(exact, len), client->now_ms, &client->out, &client->wait);
    free(exact);
    take_reply(client, line);
    check_counted(client, before);
    return client->reply;
}

static inline const cJSON *send_line(struct client *client, const char *line)
{
    return send_bytes(client, line, strlen(line));
}

/* A member by its path: "error.data.reason", "result.pools.0.name". */
static inline const cJSON *at(const struct client *client, const char *path)
{
    const cJSON *item = client->reply;
    char copy[200] = "";
    strncat(copy, path, sizeof copy - 1);
    for (char *name = strtok(copy, "."); name && item; name = strtok(NULL, "."))
        item = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, atoi(name)) : cJSON_GetObjectItemCaseSensitive(item, name);
    return item;
}

static inline const char *text_at(const struct client *client, const char *path)
{
    const cJSON *item = at(client, path);
    if (!cJSON_IsString(item))
        fail_msg("no string %s in %.*s", path, (int)client->line.len, (const char *)client->line.ptr);
    return item->valuestring;
}

static inline double number_at(const struct client *client, const char *path)
{
    const cJSON *item = at(client, path);
    if (!cJSON_IsNumber(item))
        fail_msg("no number %s in %.*s", path, (int)client->line.len, (const char *)client->line.ptr);
    return item->valuedouble;
}

static inline bool is_null_at(const struct client *client, const char *path)
{
    return cJSON_IsNull(at(client, path));
}

static inline bool true_at(const struct client *client, const char *path)
{
    const cJSON *item = at(client, path);
    assert_true(cJSON_IsBool(item));
    return cJSON_IsTrue(item);
}

/* params: JSON, or NULL. */
static inline void call(struct client *client, const char *method, const char *params)
{
    char line[4096];
    snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"%s%s}", method, params ? ",\"params\":" : "",
             params ? params : "");
    send_line(client, line);
    assert_true(number_at(client, "id") == 1);
}

static inline void call_ok(struct client *client, const char *method, const char *params)
{
    call(client, method, params);
    if (!at(client, "result"))
        fail_msg("%s: %.*s", method, (int)client->line.len, (const char *)client->line.ptr);
    assert_true(number_at(client, "result.api_version") == MGMT_API_VERSION);
}

static inline void expect_error(const struct client *client, enum mgmt_error code)
{
    assert_null(at(client, "result"));
    if (!at(client, "error") || (int)number_at(client, "error.code") != (int)code)
        fail_msg("not %d: %.*s", (int)code, (int)client->line.len, (const char *)client->line.ptr);
    assert_string_equal(text_at(client, "error.data.reason"), mgmt_error_reason(code));
    assert_true(text_at(client, "error.message")[0] && text_at(client, "error.data.hint")[0]);
}

static inline void call_fails(struct client *client, const char *method, const char *params, enum mgmt_error code)
{
    call(client, method, params);
    expect_error(client, code);
}

static inline bool reply_has(const struct client *client, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= client->line.len; i++)
        if (memcmp(client->line.ptr + i, text, len) == 0)
            return true;
    return false;
}

#endif
