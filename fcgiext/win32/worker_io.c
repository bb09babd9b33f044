/* worker_io: see worker_io.h.
 *
 * The order in which one run of the strand looks at what has come matters: completions first, then what the handler
 * wants, then its release, then the exit of the process, then the mailbox. So a request is off the worker before the
 * pool hears of it, and the pool's next action finds the worker in the state that the pool believes it to be in. */
#include "fcgiext/win32/worker_io.h"

#include <stdlib.h>

#include "fcgiext/core/relay.h"
#include "fcgiext/win32/compat.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/handler.h"
#include "fcgiext/win32/request_label.h"
#include "fcgiext/win32/worker_connect.h"
#include "fcgiext/win32/worker_counters.h"

_Static_assert((int)WORKER_READ_LEN <= (int)RELAY_READ_LEN, "the relay has room for one read beyond its limit");

/* Reads that need not wait keep the thread that asks for them, a host's perhaps, or one that serves other workers too: after
 * so many a thread of the port goes on, in its turn. */
enum { MAX_READS_AT_ONCE = 8 };

enum {
    WORKER_MAIL = 1,
    WORKER_STARTED = 2,
    WORKER_READ_DONE = 4,
    WORKER_WRITE_DONE = 8,
    WORKER_CONNECT_DONE = 16,
    WORKER_TRY_CONNECT = 32,
    WORKER_WANT_WRITE = 64,
    WORKER_WANT_READ = 128,
    WORKER_WANT_CLOSE = 256,
    WORKER_WANT_RELEASE = 512,
    WORKER_EXITED = 1024,
    WORKER_TRY_OVER = 2048,
    WORKER_KNOCKED = 4096,
};

static void run(struct strand *strand, LONG bits);

void worker_io_ref(struct worker_io *worker)
{
    InterlockedIncrement(&worker->refs);
}

void worker_io_unref(struct worker_io *worker)
{
    if (InterlockedDecrement(&worker->refs))
        return;
    struct engine *engine = worker->pool->engine;
    pool_version_unref(worker->version);
    request_label_unref(worker->label);
    free(worker->read_buffer);
    free(worker);
    engine_object_gone(engine);
}

/* Posts for a completion that held a reference. */
static void post_and_unref(struct worker_io *worker, LONG bits)
{
    strand_post(&worker->strand, bits);
    worker_io_unref(worker);
}

static void report(struct worker_io *worker, enum pool_event_kind kind, uint32_t code)
{
    struct pool_event event = {.kind = kind, .worker = worker->id, .code = code};
    engine_pool_event(worker->pool, &event);
}

/* ---- completions, on threads of the port ---- */

static void on_launch(struct iocp_op *op, DWORD len, DWORD error)
{
    (void)len;
    (void)error;
    post_and_unref(CONTAINING_RECORD(op, struct worker_io, launch_op), WORKER_MAIL | WORKER_TRY_CONNECT);
}

static void on_read(struct iocp_op *op, DWORD len, DWORD error)
{
    struct worker_io *worker = CONTAINING_RECORD(op, struct worker_io, read_op);
    worker->read_len = len;
    worker->read_error = error;
    post_and_unref(worker, WORKER_READ_DONE);
}

static void on_write(struct iocp_op *op, DWORD len, DWORD error)
{
    struct worker_io *worker = CONTAINING_RECORD(op, struct worker_io, write_op);
    worker->write_done_len = error && !len ? 1 : len; /* what was begun may have been read in part, whatever is reported */
    worker->write_error = error;
    post_and_unref(worker, WORKER_WRITE_DONE);
}

static void on_connect(struct iocp_op *op, DWORD len, DWORD error)
{
    struct worker_io *worker = CONTAINING_RECORD(op, struct worker_io, connect_op);
    (void)len;
    worker->connect_error = error;
    post_and_unref(worker, WORKER_CONNECT_DONE);
}

static void on_knock(struct iocp_op *op, DWORD len, DWORD error)
{
    (void)len;
    (void)error;
    post_and_unref(CONTAINING_RECORD(op, struct worker_io, knock_op), WORKER_KNOCKED);
}

static void on_exit_op(struct iocp_op *op, DWORD len, DWORD error)
{
    (void)len;
    (void)error;
    post_and_unref(CONTAINING_RECORD(op, struct worker_io, exit_op), WORKER_EXITED);
}

/* ---- reading and writing ---- */

/* What is being read from it will complete later, and is of no interest then. */
static void close_transport(struct worker_io *worker)
{
    transport_close(&worker->transport);
    worker->read_stale = worker->read_pending;
    worker->read_wanted = false;
}

/* The connection has ended, or brought what nobody asked for, while no request was on it. */
static void idle_read_came(struct worker_io *worker)
{
    worker->read_ready = false;
    close_transport(worker);
    worker_connect_broken(worker);
    if (!worker->closing)
        report(worker, POOL_EVENT_DISCONNECTED, worker->read_error);
}

static void begin_read(struct worker_io *worker)
{
    worker->read_wanted = worker->read_pending && worker->read_stale;
    if (worker->read_pending || worker->read_ready)
        return;
    worker_io_ref(worker);
    DWORD error = ERROR_BROKEN_PIPE, len = 0;
    worker->read_pending = true;
    InterlockedIncrement(&worker->pool->engine->io.reads);
    if (transport_is_open(&worker->transport))
        error = transport_read(&worker->transport, worker->read_buffer, WORKER_READ_LEN, &worker->read_op, &len);
    bool fair = error || ++worker->reads_at_once < MAX_READS_AT_ONCE;
    if (!fair || error == ERROR_IO_PENDING)
        worker->reads_at_once = 0;
    if (error == ERROR_IO_PENDING || (!fair && iocp_post(worker->port, &worker->read_op, len) == 0))
        return;
    worker->read_len = error ? 0 : len;
    worker->read_error = error;
    post_and_unref(worker, WORKER_READ_DONE);
}

static void begin_write(struct worker_io *worker)
{
    worker->writer = worker->bound;
    handler_ref(worker->writer);
    worker_io_ref(worker);
    DWORD error = ERROR_BROKEN_PIPE, len = 0, refused = 0;
    worker->write_pending = true;
    InterlockedIncrement(&worker->pool->engine->io.writes);
    if (transport_is_open(&worker->transport))
        error = transport_write(&worker->transport, handler_token(worker->writer), worker->to_write.ptr,
                                (DWORD)worker->to_write.len, &worker->write_op, &len, &refused);
    if (error == ERROR_IO_PENDING)
        return;
    worker->write_refused = refused;
    worker->write_done_len = error ? 0 : len;
    worker->write_error = error;
    post_and_unref(worker, WORKER_WRITE_DONE);
}

static void read_done(struct worker_io *worker)
{
    worker->read_pending = false;
    if (worker->read_stale) {
        worker->read_stale = false;
        if (worker->read_wanted)
            begin_read(worker);
        return;
    }
    if (worker->read_len == 0 && worker->read_error == 0)
        worker->read_error = ERROR_HANDLE_EOF; /* TCP: the other side has closed */
    worker->read_ready = true;
    if (worker->read_len)
        worker_connect_answered(worker);
    if (worker->bound)
        handler_read(worker->bound);
    else
        idle_read_came(worker);
}

static void write_done(struct worker_io *worker)
{
    struct handler *writer = worker->writer;
    worker->write_pending = false;
    worker->writer = NULL;
    if (worker->bound == writer && worker->write_refused)
        handler_write_refused(writer, worker->write_refused);
    else if (worker->bound == writer)
        handler_written(writer, worker->write_done_len, worker->write_error);
    worker->write_refused = 0;
    handler_unref(writer);
}

/* ---- start and connection: worker_connect does it ---- */

/* Its own pool says that it is there. */
void worker_io_connected(struct worker_io *worker, enum pool_event_kind kind)
{
    worker->connecting = false;
    worker->request_id = 0;
    /* a program of ours that has ended meanwhile has not accepted this one: what is written to it may need a second try */
    worker->reused = kind == POOL_EVENT_CONNECTED && worker->version->plan.tcp;
    if (worker->closing)
        return;
    report(worker, kind, 0);
}

void worker_io_not_connected(struct worker_io *worker, enum pool_event_kind kind, DWORD error)
{
    worker->connecting = false;
    close_transport(worker);
    report(worker, kind, error);
}

static void do_start(struct worker_io *worker)
{
    worker->read_buffer = malloc(WORKER_READ_LEN);
    if (worker->read_buffer)
        worker_connect_start(worker);
    else
        worker_io_not_connected(worker, POOL_EVENT_START_FAILED, ERROR_OUTOFMEMORY);
}

static void do_connect(struct worker_io *worker)
{
    close_transport(worker);
    worker_connect_again(worker);
}

/* ---- the pool's actions ---- */

static void do_assign(struct worker_io *worker, const struct pool_action *action)
{
    struct handler *handler = (struct handler *)(ULONG_PTR)action->tag;
    if (++worker->request_id == 0)
        worker->request_id = EXCHANGE_FIRST_ID;
    struct relay_connection connection = {
        .request_id = worker->request_id,
        .reused = worker->reused,
        .read_pending = (worker->read_pending && !worker->read_stale) || worker->read_wanted,
        .last = action->last,
    };
    worker->bound = handler;
    handler_ref(handler);
    handler_assigned(handler, worker, action->request, connection);
    worker->reused = true;
}

static void unbind(struct worker_io *worker)
{
    struct handler *handler = worker->bound;
    worker->bound = NULL;
    handler_unref(handler);
}

static void do_abort(struct worker_io *worker, const struct pool_action *action)
{
    struct handler *handler = (struct handler *)(ULONG_PTR)action->tag;
    if (action->cause == ERROR_CAUSE_STARTUP_TIMEOUT || action->cause == ERROR_CAUSE_ACTIVITY_TIMEOUT)
        worker_connect_broken(worker);
    handler_fail(handler, action); /* also when it has just let go: its FINISHED has crossed this and counts for nothing */
    if (worker->bound == handler)
        unbind(worker);
    handler_unref(handler); /* the pool's */
}

static void do_signal(struct worker_io *worker)
{
    process_signal(&worker->process);
    if (!worker->external && (worker->try_pending || !transport_is_open(&worker->transport)))
        worker_connect_knock(worker);
}

static void do_close(struct worker_io *worker)
{
    worker->closing = true;
    close_transport(worker);
    worker_connect_end(worker);
    if (worker->external && !worker->exit_reported) {
        worker->exit_reported = true; /* a connection is all there is of it */
        report(worker, POOL_EVENT_EXITED, 0);
    }
}

/* Nothing is assigned to it any more: its label stays what it is. */
static void note_exit(const struct worker_io *worker, const struct pool_action *release)
{
    struct engine *engine = worker->pool->engine;
    struct exits_entry entry = {
        .pid = (uint32_t)worker->pid,
        .code = release->code,
        .cause = release->cause,
        .at_unix_ms = worker->exit_unix_ms,
        .lived_ms = worker->lived_ms,
        .answered = release->answered,
    };
    struct bytes url_path = bytes_of_str(worker->label ? worker->label->url_path : "");
    EnterCriticalSection(&engine->exits_lock);
    exits_note(&engine->exits, &entry, bytes_of_str(worker->pool->name), url_path);
    LeaveCriticalSection(&engine->exits_lock);
}

static void do_release(struct worker_io *worker, const struct pool_action *action)
{
    if (action->has_code && !worker->external)
        note_exit(worker, action);
    worker->closing = true;
    close_transport(worker);
    worker_connect_end(worker);
    worker_connect_knock_end(worker);
    process_kill(&worker->process); /* grandchildren, or a process that could not be ended in time */
    if (worker->exit_wait) {
        UnregisterWaitEx(worker->exit_wait, INVALID_HANDLE_VALUE); /* its callback is over, or never comes */
        worker->exit_wait = NULL;
        if (!worker->exit_fired)
            worker_io_unref(worker); /* exit_op's */
    }
    process_close(&worker->process);
    worker_counters_end(worker);
    worker_io_unref(worker); /* the pool's */
}

static void do_measure(struct worker_io *worker)
{
    struct pool_event event = {.kind = POOL_EVENT_MEASURED, .worker = worker->id};
    event.bytes = compat_private_bytes(worker->process.process);
    worker_counters_measured(worker, event.bytes);
    engine_pool_event(worker->pool, &event);
}

static bool take_mail(struct worker_io *worker, struct pool_action *action)
{
    bool found = false;
    EnterCriticalSection(&worker->pool->lock);
    if (worker->mail_count) {
        *action = worker->mailbox[worker->mail_first];
        worker->mail_first = (worker->mail_first + 1) % WORKER_MAILBOX_LEN;
        worker->mail_count--;
        found = true;
    }
    LeaveCriticalSection(&worker->pool->lock);
    return found;
}

static void empty_mailbox(struct worker_io *worker)
{
    struct pool_action action;
    while (take_mail(worker, &action)) {
        switch (action.kind) {
        case POOL_ACTION_START: do_start(worker); break;
        case POOL_ACTION_ASSIGN: do_assign(worker, &action); break;
        case POOL_ACTION_CONNECT: do_connect(worker); break;
        case POOL_ACTION_WATCH: begin_read(worker); break;
        case POOL_ACTION_MEASURE: do_measure(worker); break;
        case POOL_ACTION_ABORT: do_abort(worker, &action); break;
        case POOL_ACTION_SIGNAL: do_signal(worker); break;
        case POOL_ACTION_CLOSE: do_close(worker); break;
        case POOL_ACTION_KILL: process_kill(&worker->process); break;
        case POOL_ACTION_RELEASE: do_release(worker, &action); break;
        case POOL_ACTION_PROBE:
        case POOL_ACTION_REJECT:
        case POOL_ACTION_FORGET: break; /* not a worker's */
        }
    }
}

/* ---- the strand ---- */

static void release_bound(struct worker_io *worker)
{
    struct handler *handler = worker->bound;
    struct pool_event event = {.kind = POOL_EVENT_FINISHED, .outcome = worker->outcome};
    event.request = handler_request(handler);
    worker->bound = NULL; /* its reference is ours now */
    worker_counters_released(worker);
    if (worker->outcome != POOL_OUTCOME_DONE) {
        close_transport(worker);
        worker->read_ready = false;
    }
    if (worker->outcome >= POOL_OUTCOME_UNWRITTEN)
        worker_connect_broken(worker); /* before the pool tries it again, on another server */
    engine_pool_event(worker->pool, &event);
    handler_released(handler);
    handler_unref(handler);
    if (worker->external && worker->outcome >= POOL_OUTCOME_UNWRITTEN && !worker->exit_reported) {
        worker->exit_reported = true;
        report(worker, POOL_EVENT_EXITED, 0);
    }
}

static void exited(struct worker_io *worker)
{
    DWORD code = 0;
    worker->exit_reported = true;
    worker->exit_unix_ms = engine_unix_ms();
    worker->lived_ms = engine_now_ms() - worker->launched_ms;
    GetExitCodeProcess(worker->process.process, &code);
    report(worker, POOL_EVENT_EXITED, code);
}

static void run(struct strand *strand, LONG bits)
{
    struct worker_io *worker = CONTAINING_RECORD(strand, struct worker_io, strand);
    worker_io_ref(worker);
    if (bits & WORKER_CONNECT_DONE)
        worker_connect_done(worker);
    if (bits & WORKER_WRITE_DONE)
        write_done(worker);
    if (bits & WORKER_READ_DONE)
        read_done(worker);
    if (worker->bound) {
        if (bits & WORKER_WANT_WRITE)
            begin_write(worker);
        if (bits & WORKER_WANT_READ)
            begin_read(worker);
        if (bits & WORKER_WANT_CLOSE)
            close_transport(worker);
        if (bits & WORKER_WANT_RELEASE)
            release_bound(worker);
    }
    if (bits & WORKER_EXITED)
        exited(worker);
    if (bits & WORKER_TRY_OVER)
        worker_connect_try_over(worker);
    if (bits & WORKER_KNOCKED)
        worker_connect_knock_end(worker);
    if (bits & WORKER_TRY_CONNECT)
        worker_connect_try(worker);
    empty_mailbox(worker);
    worker_io_unref(worker);
}

/* ---- interface ---- */

struct worker_io *worker_io_create(struct engine_pool *pool, uint64_t id)
{
    struct worker_io *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    strand_init(&worker->strand, run);
    worker->refs = 1;
    worker->pool = pool;
    worker->id = id;
    worker->port = engine_port(pool, id);
    worker->external = pool->external;
    worker->version = pool->version;
    pool_version_ref(worker->version);
    transport_init(&worker->transport);
    transport_init(&worker->knock);
    servers_use_init(&worker->use);
    worker->launch_op.done = on_launch;
    worker->exit_op.done = on_exit_op;
    worker->read_op.done = on_read;
    worker->write_op.done = on_write;
    worker->connect_op.done = on_connect;
    worker->knock_op.done = on_knock;
    engine_object_born(pool->engine);
    return worker;
}

void worker_io_put(struct worker_io *worker, const struct pool_action *action)
{
    /* Bounded by the pool: ASSIGN, WATCH, MEASURE and CONNECT need an event that comes from the strand, after it has taken the one before; each
     * other kind comes once in a life. */
    if (worker->mail_count == WORKER_MAILBOX_LEN)
        abort();
    worker->mailbox[(worker->mail_first + worker->mail_count++) % WORKER_MAILBOX_LEN] = *action;
}

void worker_io_kick(struct worker_io *worker, bool slow)
{
    struct engine *engine = worker->pool->engine;
    worker_io_ref(worker);
    if (slow && iocp_post(worker->external ? &engine->resolver : &engine->launcher, &worker->launch_op, 0) == 0)
        return;
    post_and_unref(worker, WORKER_MAIL);
}

void worker_io_try_connect(struct worker_io *worker)
{
    strand_post(&worker->strand, WORKER_TRY_CONNECT);
}

void worker_io_try_over(struct worker_io *worker)
{
    strand_post(&worker->strand, WORKER_TRY_OVER);
}

void worker_io_want_write(struct worker_io *worker, struct bytes bytes)
{
    worker->to_write = bytes;
    strand_post(&worker->strand, WORKER_WANT_WRITE);
}

void worker_io_want_read(struct worker_io *worker)
{
    strand_post(&worker->strand, WORKER_WANT_READ);
}

void worker_io_want_close(struct worker_io *worker)
{
    strand_post(&worker->strand, WORKER_WANT_CLOSE);
}

void worker_io_release(struct worker_io *worker, enum pool_outcome outcome)
{
    worker->outcome = outcome;
    strand_post(&worker->strand, WORKER_WANT_RELEASE);
}
