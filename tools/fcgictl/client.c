/* client: see client.h. A reply is believed only if it is JSON-RPC 2.0 with our id and a result of the version of the interface that this
 * tool speaks. */
#include "tools/fcgictl/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/protocol.h"
#include "tools/fcgictl/value.h"

enum { TRIES = 10, PAUSE_MS = 100 };

static void put(char *place, size_t size, const struct text *text)
{
    const char *str = text_str(text);
    size_t len = strlen(str) < size ? strlen(str) : size - 1;
    while (len > 0 && ((unsigned char)str[len] & 0xc0) == 0x80) /* not within a character */
        len--;
    memcpy(place, str, len);
    place[len] = '\0';
}

static void fail(struct reply *reply, int exit_code, const char *reason, const char *hint)
{
    reply->exit_code = exit_code;
    snprintf(reply->reason, sizeof reply->reason, "%s", reason);
    snprintf(reply->hint, sizeof reply->hint, "%s", hint);
}

static void fail_call(struct reply *reply, uint32_t pid, enum fcgictl_call call, const char *why, unsigned timeout_ms)
{
    struct text message = {0};
    text_addf(&message, "cannot connect to host %lu: ", (unsigned long)pid);
    switch (call) {
    case FCGICTL_CALL_NO_HOST:
        fail(reply, FCGICTL_NO_HOST, "cannot_connect",
             "it may have ended, or [Management] in fcgiext.ini switches the pipe off; `fcgictl version` lists the hosts");
        text_add(&message, "it serves no management pipe");
        break;
    case FCGICTL_CALL_DENIED:
        fail(reply, FCGICTL_DENIED, "access_denied", "run it as administrator, or see [Management] in fcgiext.ini");
        text_add(&message, "access denied");
        break;
    case FCGICTL_CALL_NOT_OURS:
        fail(reply, FCGICTL_FAILED, "not_ours", "another program has taken the name of its pipe: nothing was sent to it");
        text_add(&message, "the pipe belongs to another process");
        break;
    case FCGICTL_CALL_BUSY:
        fail(reply, FCGICTL_FAILED, "busy", "try again, or end other programs that use the pipe");
        text_add(&message, "all connections of its pipe are taken");
        break;
    case FCGICTL_CALL_TIMED_OUT:
        fail(reply, FCGICTL_TIMED_OUT, "timed_out", "the host is stuck or has much to do: --timeout waits longer");
        text_clear(&message);
        text_addf(&message, "host %lu has not answered in %.3g s", (unsigned long)pid, timeout_ms / 1000.0);
        break;
    case FCGICTL_CALL_LOST:
        fail(reply, FCGICTL_FAILED, "lost",
             "it may be ending, or [Management] in fcgiext.ini has changed; see `fcgictl version`, then try again");
        text_clear(&message);
        text_addf(&message, "host %lu has ended the connection", (unsigned long)pid);
        break;
    default:
        fail(reply, FCGICTL_FAILED, "cannot_connect", "");
        text_addf(&message, "%s", why[0] ? why : "an error without a name");
        break;
    }
    put(reply->message, sizeof reply->message, &message);
    text_deinit(&message);
}

static void fail_bad_reply(struct reply *reply, uint32_t pid, const char *what)
{
    fail(reply, FCGICTL_FAILED, "bad_reply", "fcgictl and fcgiext.dll may be of different versions: see `fcgictl version`");
    snprintf(reply->message, sizeof reply->message, "host %lu: %s", (unsigned long)pid, what);
}

static int exit_code_of(int error)
{
    switch (error) {
    case MGMT_ERROR_ACCESS_DENIED: return FCGICTL_DENIED;
    case MGMT_ERROR_NO_SUCH_POOL:
    case MGMT_ERROR_NO_SUCH_WORKER:
    case MGMT_ERROR_NO_SUCH_OPERATION: return FCGICTL_NOT_FOUND;
    case MGMT_ERROR_REFUSED: return FCGICTL_REFUSED;
    case MGMT_ERROR_TIMEOUT: return FCGICTL_TIMED_OUT;
    default: return FCGICTL_FAILED;
    }
}

/* Those of the host are for programs: they name methods. "": the host's is as good. */
static const char *hint_of(int error)
{
    switch (error) {
    case MGMT_ERROR_ACCESS_DENIED: return "run it as administrator, or see [Management] in fcgiext.ini";
    case MGMT_ERROR_METHOD_NOT_FOUND: return "the host has an older fcgiext.dll: see `fcgictl version`";
    case MGMT_ERROR_REFUSED: return "`fcgictl status` tells what state the pool is in, and why";
    case MGMT_ERROR_NO_SUCH_WORKER: return "`fcgictl ps` lists all workers";
    case MGMT_ERROR_CONFIG_INVALID: return "`fcgictl config check` tells what is wrong with the file as it is now";
    default: return "";
    }
}

static void fail_error(struct reply *reply, uint32_t pid, const cJSON *error)
{
    struct text text = {0};
    int code = (int)value_number(error, "code", 0);
    reply->exit_code = exit_code_of(code);
    text_addf(&text, "host %lu: %s", (unsigned long)pid, value_string(error, "message"));
    put(reply->message, sizeof reply->message, &text);
    text_clear(&text);
    text_add_data(&text, value_string(error, "data.reason"));
    put(reply->reason, sizeof reply->reason, &text);
    const char *hint = hint_of(code);
    text_clear(&text);
    text_add_data(&text, hint[0] ? hint : value_string(error, "data.hint"));
    put(reply->hint, sizeof reply->hint, &text);
    text_deinit(&text);
}

static char *request_line(const char *method, cJSON *params)
{
    cJSON *request = cJSON_CreateObject();
    char *line = NULL;
    if (cJSON_AddStringToObject(request, "jsonrpc", "2.0") && cJSON_AddNumberToObject(request, "id", 1) &&
        cJSON_AddStringToObject(request, "method", method)) {
        if (params && cJSON_AddItemToObject(request, "params", params))
            params = NULL;
        line = cJSON_PrintUnformatted(request);
    }
    cJSON_Delete(params);
    cJSON_Delete(request);
    return line;
}

static void take_reply(struct reply *reply, uint32_t pid, const char *line)
{
    reply->document = cJSON_Parse(line);
    const cJSON *error = value_at(reply->document, "error");
    cJSON *result = cJSON_GetObjectItemCaseSensitive(reply->document, "result");
    if (!reply->document)
        fail_bad_reply(reply, pid, "its reply is not JSON");
    else if (cJSON_IsObject(error))
        fail_error(reply, pid, error);
    else if (!cJSON_IsObject(result) || value_number(reply->document, "id", 0) != 1)
        fail_bad_reply(reply, pid, "its reply is not one to the request");
    else if (value_number(result, "api_version", 0) != MGMT_API_VERSION)
        fail_bad_reply(reply, pid, "its management interface is of another version");
    else
        reply->result = result;
}

static bool may_repeat(const char *method)
{
    static const char *const changes[] = {"pool.recycle", "pool.drain", "pool.resume", "worker.recycle", "worker.kill"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (strcmp(changes[i], method) == 0)
            return false;
    return true;
}

/* A host ends connections that have been idle, and all of them when [Management] changes: then its pipe is away for a moment. */
static enum fcgictl_call call_again(const struct fcgictl_environment *environment, uint32_t pid, const char *line,
                                    unsigned timeout_ms, char **answer, char *why, size_t why_size)
{
    const struct fcgictl_hosts *hosts = environment->hosts;
    enum fcgictl_call call = FCGICTL_CALL_LOST;
    for (int i = 0; i < TRIES && (call == FCGICTL_CALL_LOST || call == FCGICTL_CALL_NO_HOST); i++) {
        call = hosts->call(hosts->context, pid, line, timeout_ms, answer, why, why_size);
        if (call != FCGICTL_CALL_OK && !environment->terminal->wait(environment->terminal->context, PAUSE_MS))
            break;
    }
    return call;
}

void client_call(const struct fcgictl_environment *environment, const struct fcgictl_host *host, const char *method,
                 cJSON *params, unsigned timeout_ms, struct reply *reply)
{
    const struct fcgictl_hosts *hosts = environment->hosts;
    *reply = (struct reply){0};
    char *line = request_line(method, params), *answer = NULL;
    char why[256] = "";
    enum fcgictl_call call = FCGICTL_CALL_FAILED;
    if (line)
        call = hosts->call(hosts->context, host->pid, line, timeout_ms, &answer, why, sizeof why);
    if (call == FCGICTL_CALL_LOST && may_repeat(method))
        call = call_again(environment, host->pid, line, timeout_ms, &answer, why, sizeof why);
    if (!line)
        snprintf(why, sizeof why, "out of memory");
    if (call != FCGICTL_CALL_OK)
        fail_call(reply, host->pid, call, why, timeout_ms);
    else
        take_reply(reply, host->pid, answer);
    free(answer);
    cJSON_free(line);
}

void client_free(struct reply *reply)
{
    cJSON_Delete(reply->document);
    *reply = (struct reply){0};
}
