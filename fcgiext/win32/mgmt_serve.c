/* mgmt_serve: see mgmt_serve.h. `server` changes on the watch's thread only, and before and after it runs. */
#include "fcgiext/win32/mgmt_serve.h"

#include <stdlib.h>
#include <string.h>

#include "fcgiext/win32/event_log.h"
#include "fcgiext/win32/mgmt_ops.h"
#include "mgmt/pipe_server.h"
#include "mgmt/rpc.h"

struct mgmt_serve {
    struct engine *engine;
    struct mgmt_ops ops;
    struct mgmt_pipe_server *server; /* NULL: nothing is served */
    char *query_sddl, *operate_sddl; /* of the server */
};

/* ---- what the server asks */

static struct bytes handle(void *context, const struct mgmt_peer *peer, struct bytes line, uint64_t now_ms, struct buffer *out,
                           void *wait)
{
    const struct mgmt_serve *serve = context;
    struct mgmt_caller caller = {peer->may_query, peer->may_operate, peer->account};
    return rpc_handle(&serve->ops, &caller, line, now_ms, out, wait);
}

static struct bytes poll(void *context, uint64_t now_ms, struct buffer *out, void *wait)
{
    const struct mgmt_serve *serve = context;
    return rpc_poll(&serve->ops, now_ms, out, wait);
}

static struct bytes refuse(void *context, enum mgmt_error code, struct buffer *out)
{
    const struct mgmt_serve *serve = context;
    return rpc_refuse(&serve->ops, code, out);
}

static void alarm(void *context, const char *what, uint32_t win32_error)
{
    struct mgmt_serve *serve = context;
    event_log_write_error(&serve->engine->log, EVENT_LOG_NOT_SERVED, what, win32_error);
}

/* ---- start, change, stop */

static bool is_served_as(const struct mgmt_serve *serve, const struct config_management *wanted)
{
    return serve->server
               ? mgmt_pipe_serves(serve->server) && wanted->enabled && strcmp(serve->query_sddl, wanted->query_sddl) == 0 &&
                     strcmp(serve->operate_sddl, wanted->operate_sddl) == 0
               : !wanted->enabled;
}

static void stop_server(struct mgmt_serve *serve)
{
    mgmt_pipe_stop(serve->server);
    serve->server = NULL;
    free(serve->query_sddl);
    free(serve->operate_sddl);
    serve->query_sddl = serve->operate_sddl = NULL;
}

static void start_server(struct mgmt_serve *serve, const struct config_management *wanted)
{
    struct mgmt_pipe_config config = {
        .query_sddl = wanted->query_sddl,
        .operate_sddl = wanted->operate_sddl,
        .context = serve,
        .wait_len = sizeof(struct rpc_wait),
        .handle = handle,
        .poll = poll,
        .refuse = refuse,
        .alarm = alarm,
    };
    uint32_t error;
    serve->query_sddl = _strdup(wanted->query_sddl);
    serve->operate_sddl = _strdup(wanted->operate_sddl);
    if (!serve->query_sddl || !serve->operate_sddl)
        alarm(serve, "the management pipe cannot be served", ERROR_OUTOFMEMORY);
    else if (mgmt_pipe_start(&config, &serve->server, &error))
        return;
    stop_server(serve);
}

void mgmt_serve_follow(struct engine *engine)
{
    struct mgmt_serve *serve = engine->serve;
    if (!serve) /* the engine is being made */
        return;
    struct settings *settings = settings_enter(engine);
    const struct config_management *wanted = &settings->config->management;
    uint32_t error;
    if (serve->server && wanted->enabled && !mgmt_pipe_may_have(wanted->query_sddl, wanted->operate_sddl, &error)) {
        alarm(serve, "the new access lists of the management pipe cannot be used, the old ones stay in force", error);
    } else if (!is_served_as(serve, wanted)) {
        stop_server(serve);
        if (wanted->enabled)
            start_server(serve, wanted);
    }
    settings_leave(settings);
}

DWORD mgmt_serve_start(struct engine *engine)
{
    struct mgmt_serve *serve = calloc(1, sizeof *serve);
    if (!serve)
        return ERROR_OUTOFMEMORY;
    serve->engine = engine;
    mgmt_ops_of(engine, &serve->ops);
    engine->serve = serve;
    mgmt_serve_follow(engine);
    return 0;
}

void mgmt_serve_stop(struct engine *engine)
{
    if (!engine->serve)
        return;
    stop_server(engine->serve);
    free(engine->serve);
    engine->serve = NULL;
}
