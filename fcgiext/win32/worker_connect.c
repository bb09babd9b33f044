/* worker_connect: see worker_connect.h.
 *
 * A process of ours is connected to before it runs. Over TCP it is the backlog of its listening socket that takes the connection,
 * also later ones: that a connection stands does not mean that the program has accepted it.
 *
 * An external server: core/servers says which; one that cannot be reached, or whose name is not known, gives way to the next, each
 * at most once for a start. Names are looked up on the resolver's thread, so the next try goes there, too. */
#include "fcgiext/win32/worker_connect.h"

#include "fcgiext/win32/compat.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/identity_os.h"
#include "fcgiext/win32/pool_plan.h"
#include "fcgiext/win32/worker_counters.h"

enum { KNOCK_MS = 1000 }; /* for how long a program that is not waiting for a connection is knocked at */

/* The name is free for a moment when a process has ended that we have not heard of yet: whoever has it then must not get a request. */
static bool is_ours(struct worker_io *worker, const struct transport *transport)
{
    DWORD server = compat_pipe_server(transport->pipe);
    return !server || server == GetCurrentProcessId() || server == (DWORD)worker->pid;
}

static DWORD open_pipe(struct worker_io *worker, struct transport *transport)
{
    InterlockedIncrement(&worker->pool->engine->io.opens);
    DWORD error = transport_open_pipe(transport, worker->port, worker->process.pipe_name, worker->pool->is_users);
    if (error || is_ours(worker, transport))
        return error;
    transport_close(transport);
    return ERROR_INVALID_OWNER;
}

static DWORD open_tcp(struct worker_io *worker, const void *address, int address_len)
{
    worker_io_ref(worker);
    worker->try_over = false;
    worker->try_began_ms = engine_now_ms();
    InterlockedIncrement(&worker->pool->engine->io.opens);
    DWORD error = transport_open_tcp(&worker->transport, worker->port, address, address_len, &worker->connect_op);
    worker->try_pending = error == 0;
    if (error)
        worker_io_unref(worker);
    return error;
}

static DWORD open_own_tcp(struct worker_io *worker)
{
    return open_tcp(worker, &worker->process.address, sizeof worker->process.address);
}

/* There is no connection, and nothing more to be tried. */
static void give_up(struct worker_io *worker, DWORD error)
{
    if (worker->started) {
        worker_io_not_connected(worker, POOL_EVENT_DISCONNECTED, error);
        return;
    }
    worker->closing = true;
    process_kill(&worker->process); /* it may run, if only the watch or the connection failed */
    worker_io_not_connected(worker, POOL_EVENT_START_FAILED, error);
}

/* ---- processes of our own ---- */

/* On a thread of the system's wait pool: only hands on, so that UnregisterWaitEx never waits long. */
static void CALLBACK on_exit_wait(void *context, BOOLEAN timed_out)
{
    struct worker_io *worker = context;
    (void)timed_out;
    InterlockedExchange(&worker->exit_fired, 1);
    iocp_post(worker->port, &worker->exit_op, 0);
}

static DWORD watch_exit(struct worker_io *worker)
{
    worker_io_ref(worker); /* for exit_op */
    if (RegisterWaitForSingleObject(&worker->exit_wait, worker->process.process, on_exit_wait, worker, INFINITE,
                                    WT_EXECUTEONLYONCE))
        return 0;
    DWORD error = GetLastError();
    worker_io_unref(worker);
    return error;
}

static DWORD start_as_host(struct worker_io *worker)
{
    HANDLE server_end = INVALID_HANDLE_VALUE;
    const struct process_plan *plan = &worker->version->plan;
    DWORD error = process_create_stdin(&worker->process, plan, &server_end);
    if (error)
        return error;
    error = plan->tcp ? open_own_tcp(worker) : open_pipe(worker, &worker->transport);
    if (error) {
        process_close_stdin(plan, server_end);
        return error;
    }
    error = process_start(&worker->process, plan, server_end);
    worker->launched_ms = engine_now_ms();
    InterlockedExchange(&worker->pid, (LONG)worker->process.id);
    worker_counters_begin(worker);
    return error ? error : watch_exit(worker);
}

/* The launcher's thread is nobody's, but START may be carried out on a thread of the host's, with a KILL that follows it. */
static DWORD start_process(struct worker_io *worker)
{
    struct identity_scope scope;
    DWORD error = identity_enter(&identity_os, NULL, &scope);
    if (error)
        return error;
    error = start_as_host(worker);
    identity_leave(&identity_os, &scope);
    return error;
}

/* The program has disconnected and will listen again in a moment: until then the name is busy (231). */
static void try_pipe(struct worker_io *worker)
{
    DWORD error = open_pipe(worker, &worker->transport);
    if (!error)
        worker_io_connected(worker, POOL_EVENT_CONNECTED);
    else if (error == ERROR_PIPE_BUSY)
        engine_retry_connect(worker->pool->engine, worker);
    else
        give_up(worker, error);
}

/* It may not have come to wait yet, and would sleep for good if it looked at the event just before that was set. */
static void knock_at_pipe(struct worker_io *worker)
{
    DWORD error = open_pipe(worker, &worker->knock);
    transport_close(&worker->knock);
    worker->knocking = error == ERROR_PIPE_BUSY && !worker->exit_reported && engine_now_ms() < worker->knock_until_ms;
    if (worker->knocking)
        engine_retry_connect(worker->pool->engine, worker);
}

void worker_connect_knock(struct worker_io *worker)
{
    if (!worker->version->plan.tcp) {
        worker->knock_until_ms = engine_now_ms() + KNOCK_MS;
        knock_at_pipe(worker);
        return;
    }
    worker_io_ref(worker);
    if (transport_open_tcp(&worker->knock, worker->port, (const struct sockaddr *)&worker->process.address,
                           sizeof worker->process.address, &worker->knock_op))
        worker_io_unref(worker);
}

void worker_connect_knock_end(struct worker_io *worker)
{
    worker->knocking = false;
    transport_close(&worker->knock);
}

/* ---- external servers ---- */

static DWORD open_server(struct worker_io *worker, uint32_t try_ms)
{
    struct sockaddr_storage resolved;
    int resolved_len = 0;
    DWORD error = tcp_resolve(&worker->version->config->addresses[worker->use.server], &resolved, &resolved_len);
    if (!error)
        error = open_tcp(worker, &resolved, resolved_len);
    if (!error && try_ms)
        engine_bound_try(worker->pool->engine, worker, try_ms);
    return error;
}

static void try_servers(struct worker_io *worker)
{
    struct server_list *servers = worker->version->servers;
    uint32_t try_ms = 0;
    while (server_list_next(servers, &worker->use, &try_ms)) {
        DWORD error = open_server(worker, try_ms);
        if (!error)
            return; /* connect_error is the completion's now, which may have come */
        worker->last_error = error;
        server_list_failed(servers, &worker->use);
    }
    give_up(worker, worker->last_error);
}

static void try_next_server(struct worker_io *worker)
{
    server_list_failed(worker->version->servers, &worker->use);
    transport_close(&worker->transport);
    worker->connecting = true;
    worker_io_ref(worker);
    if (iocp_post(&worker->pool->engine->resolver, &worker->launch_op, 0) == 0)
        return;
    worker_io_unref(worker);
    try_servers(worker);
}

void worker_connect_try_over(struct worker_io *worker)
{
    /* it may have crossed the end of the try, and another one may have begun since */
    if (!worker->try_pending || engine_now_ms() < worker->try_began_ms + SERVERS_TRY_MS)
        return;
    worker->try_over = true;
    transport_close(&worker->transport); /* connect_op completes now */
}

void worker_connect_answered(struct worker_io *worker)
{
    if (worker->external && !worker->use.answered)
        server_list_answered(worker->version->servers, &worker->use);
}

void worker_connect_broken(struct worker_io *worker)
{
    if (worker->external)
        server_list_failed(worker->version->servers, &worker->use);
}

void worker_connect_end(struct worker_io *worker)
{
    if (!worker->external)
        return;
    engine_unbound_try(worker->pool->engine, worker);
    /* a try that the pool has ended, unless it did so for another reason than its time */
    if (worker->try_pending && engine_now_ms() >= worker->try_began_ms + SERVERS_TRY_MS)
        server_list_failed(worker->version->servers, &worker->use);
    else
        server_list_leave(worker->version->servers, &worker->use);
}

/* ---- interface ---- */

void worker_connect_start(struct worker_io *worker)
{
    if (worker->external) {
        try_servers(worker);
        return;
    }
    DWORD error = start_process(worker);
    if (error) {
        give_up(worker, error);
    } else if (!worker->version->plan.tcp) {
        worker->started = true;
        worker_io_connected(worker, POOL_EVENT_STARTED);
    }
}

void worker_connect_again(struct worker_io *worker)
{
    worker->connecting = true;
    if (worker->external) {
        servers_use_init(&worker->use);
        try_servers(worker);
    } else if (worker->version->plan.tcp) {
        DWORD error = open_own_tcp(worker);
        if (error)
            give_up(worker, error);
    } else {
        try_pipe(worker);
    }
}

void worker_connect_try(struct worker_io *worker)
{
    if (worker->knocking)
        knock_at_pipe(worker);
    if (!worker->connecting || worker->closing || worker->try_pending)
        return;
    if (worker->external)
        try_servers(worker);
    else if (!worker->version->plan.tcp)
        try_pipe(worker);
}

void worker_connect_done(struct worker_io *worker)
{
    DWORD error = worker->connect_error;
    bool first = !worker->started;
    worker->try_pending = false;
    if (worker->external)
        engine_unbound_try(worker->pool->engine, worker);
    if (worker->closing)
        return;
    if (worker->try_over)
        error = WSAETIMEDOUT;
    if (!error)
        error = transport_tcp_connected(&worker->transport);
    if (!error) {
        worker->started = true;
        worker_io_connected(worker, first ? POOL_EVENT_STARTED : POOL_EVENT_CONNECTED);
        return;
    }
    worker->last_error = error;
    if (worker->external)
        try_next_server(worker);
    else
        give_up(worker, error);
}
