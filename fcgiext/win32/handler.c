/* handler: see handler.h. References: one for the session (until DONE_WITH_SESSION), one for the pool (from ARRIVED until
 * its last mention of the request), one while a worker has it bound, one for each write of its bytes. The memory goes
 * with the last one, so no completion ever finds it gone. */
#include "fcgiext/win32/handler.h"

#include <stdlib.h>

#include "fcgiext/win32/handler_state.h"
#include "fcgiext/win32/identity_os.h"

void handler_ref(struct handler *handler)
{
    InterlockedIncrement(&handler->refs);
}

void handler_unref(struct handler *handler)
{
    if (InterlockedDecrement(&handler->refs))
        return;
    struct engine *engine = handler->engine;
    relay_deinit(&handler->relay);
    intake_close(handler->intake);
    request_label_unref(handler->label);
    ecb_deinit(&handler->ecb);
    if (handler->token)
        identity_os.close(identity_os.context, handler->token);
    settings_leave(handler->settings);
    free(handler);
    engine_object_gone(engine);
}

uint64_t handler_request(const struct handler *handler)
{
    return handler->request;
}

HANDLE handler_token(const struct handler *handler)
{
    return handler->token;
}

struct request_label *handler_label(const struct handler *handler)
{
    return handler->label;
}

const struct engine_pool *handler_intake_pool(const struct handler *handler)
{
    return handler->intake && handler->intake->under_way ? handler->pool : NULL;
}

/* ---- what others post ---- */

void handler_assigned(struct handler *handler, struct worker_io *worker, uint64_t request, struct relay_connection connection)
{
    worker_io_ref(worker);
    handler->next_worker = worker;
    handler->request = request;
    handler->connection = connection;
    strand_post(&handler->strand, HANDLER_ASSIGNED);
}

void handler_read(struct handler *handler)
{
    strand_post(&handler->strand, HANDLER_READ);
}

void handler_written(struct handler *handler, DWORD len, DWORD error)
{
    handler->written_len = len;
    handler->written_error = error;
    strand_post(&handler->strand, HANDLER_WRITTEN);
}

void handler_write_refused(struct handler *handler, DWORD error)
{
    handler->write_refused = error;
    strand_post(&handler->strand, HANDLER_WRITE_REFUSED);
}

void handler_released(struct handler *handler)
{
    strand_post(&handler->strand, HANDLER_RELEASED);
}

void handler_fail(struct handler *handler, const struct pool_action *action)
{
    handler->failure = *action;
    strand_post(&handler->strand, HANDLER_FAILED);
}

void handler_probe(struct handler *handler, uint64_t request)
{
    handler->probed = request;
    strand_post(&handler->strand, HANDLER_PROBE);
}

void handler_stored(void *context, DWORD len, DWORD error)
{
    struct handler *handler = context;
    handler->stored_len = len;
    handler->stored_error = error;
    handler_ref(handler); /* the session may end inside */
    strand_post(&handler->strand, HANDLER_STORED);
    handler_unref(handler);
}

void handler_stop(struct handler *handler)
{
    strand_post(&handler->strand, HANDLER_STOP);
}

void handler_stop_now(struct handler *handler)
{
    strand_post(&handler->strand, HANDLER_STOP_NOW);
}

void handler_on_client(void *context, DWORD len, DWORD error)
{
    struct handler *handler = context;
    handler->client_len = len;
    handler->client_error = error;
    handler_ref(handler); /* DONE_WITH_SESSION may come inside */
    strand_post(&handler->strand, HANDLER_CLIENT);
    handler_unref(handler);
}
/* ---- the strand ---- */

static void release_worker(struct handler *handler, enum pool_outcome outcome)
{
    struct worker_io *worker = handler->worker;
    handler->worker = NULL;
    worker_io_release(worker, outcome);
    worker_io_unref(worker);
    handler_count_released(handler);
    handler_log_released(handler);
}

static void tell_client_wait(struct handler *handler, bool client_wait)
{
    struct pool_event event = {.request = handler->request};
    event.kind = client_wait ? POOL_EVENT_CLIENT_WAIT : POOL_EVENT_CLIENT_READY;
    if (client_wait != handler->client_wait)
        engine_pool_event(handler->pool, &event);
    handler->client_wait = client_wait;
}

/* Before an operation of the host's is begun. A host that waits for its client inside the call holds us up, not the worker. */
static void begin_call(struct handler *handler)
{
    if (handler->engine->host_waits && handler->worker)
        tell_client_wait(handler, true);
    handler->ecb.calling = GetCurrentThreadId();
}

static void end_call(struct handler *handler, DWORD error)
{
    handler->ecb.calling = 0;
    if (handler->ecb.completes_inside)
        InterlockedExchange(&handler->engine->host_waits, 1);
    if (error)
        handler_on_client(handler, 0, error);
}

void handler_read_client(struct handler *handler, uint8_t *target, size_t len)
{
    handler->client_reads = true;
    begin_call(handler);
    DWORD error = ecb_read(&handler->ecb, target, (DWORD)len);
    if (error == ERROR_NOT_SUPPORTED)
        error = sync_read_begin(&handler->sync_read, &handler->engine->readers, &handler->ecb, target, (DWORD)len);
    end_call(handler, error);
}

static void read_body(struct handler *handler, const struct relay_action *action)
{
    if (handler->intake)
        spool_io_read(&handler->intake->io, action->target, action->len);
    else
        handler_read_client(handler, action->target, action->len);
}

static void send_response(struct handler *handler, const struct relay_action *action)
{
    struct ecb_response response = {
        .status_line = action->status_line,
        .headers = action->headers,
        .status = action->status,
        .body = action->bytes,
        .final = action->final,
        .keep_alive = action->keep_alive,
    };
    handler->client_reads = false;
    handler->sending = action->bytes.len;
    begin_call(handler);
    end_call(handler, ecb_send(&handler->ecb, &response));
}

/* The answer has not gone out as it was announced, or not at all. */
static bool is_cut(const struct relay *relay)
{
    return !relay->final_sent || (relay->framing == CGI_FRAMING_LENGTH && relay->length_left > 0);
}

static void finish(struct handler *handler, bool keep_alive)
{
    handler_count_end(handler); /* before the host is told: who waits for the end finds it counted */
    DWORD status = keep_alive ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_SUCCESS;
    if (is_cut(&handler->relay)) {
        status = HSE_STATUS_ERROR; /* the host closes the connection, and does not take it for our mistake */
        if (handler->relay.framing == CGI_FRAMING_CLOSE)
            ecb_close_connection(&handler->ecb); /* an orderly end would be the end of the body */
    }
    ecb_finish(&handler->ecb, status);
    handler_log_end(handler);
}

/* false: the session is over. */
static bool carry_out(struct handler *handler, const struct relay_action *action)
{
    switch (action->kind) {
    case RELAY_ACTION_WRITE: worker_io_want_write(handler->worker, action->bytes); break;
    case RELAY_ACTION_READ: worker_io_want_read(handler->worker); break;
    case RELAY_ACTION_CLOSE: worker_io_want_close(handler->worker); break;
    case RELAY_ACTION_RELEASE: release_worker(handler, action->outcome); break;
    case RELAY_ACTION_CLIENT_READ: read_body(handler, action); break;
    case RELAY_ACTION_CANCEL_READ: ecb_cancel_read(&handler->ecb); break;
    case RELAY_ACTION_SEND: send_response(handler, action); break;
    case RELAY_ACTION_EXPLAIN: handler_explain(handler, &action->facts); break;
    case RELAY_ACTION_DONE: finish(handler, action->keep_alive); return false;
    }
    return true;
}

static void on_read(struct handler *handler)
{
    struct worker_io *worker = handler->worker;
    if (!worker || !worker->read_ready)
        return; /* let go meanwhile: the worker looks at it itself */
    worker->read_ready = false;
    if (worker->read_len)
        handler_count_first_byte(handler);
    relay_on_read(&handler->relay, bytes_of(worker->read_buffer, worker->read_len), worker->read_error == 0);
}

static void on_failed(struct handler *handler)
{
    struct error_facts facts = {
        .cause = handler->failure.cause,
        .first_cause = handler->failure.first_cause,
        .retry_after_s = handler->failure.retry_after_s,
        .has_code = handler->failure.has_code,
        .code = handler->failure.code,
    };
    if (handler->worker) {
        worker_io_unref(handler->worker);
        handler->worker = NULL;
        handler_count_released(handler);
        handler_log_released(handler);
    }
    relay_fail(&handler->relay, &facts);
    bool waits = handler->relay.client_read_pending || handler->relay.send_pending;
    if (waits && facts.cause == ERROR_CAUSE_SHUTTING_DOWN)
        ecb_close_connection(&handler->ecb); /* or we would wait as long as the client likes */
}

static void on_write_refused(struct handler *handler)
{
    struct error_facts facts = {.cause = ERROR_CAUSE_IMPERSONATION, .has_code = true, .code = handler->write_refused};
    facts.detail = bytes_of_str("no thread could act by the user's token");
    relay_on_write_refused(&handler->relay, &facts);
}

/* Tells the pool of signs of life, and on whose account time passes now. */
static void report_progress(struct handler *handler, bool received)
{
    struct pool_event event = {.kind = POOL_EVENT_PROGRESS, .request = handler->request};
    if (!handler->worker)
        return;
    if (received)
        engine_pool_event(handler->pool, &event);
    tell_client_wait(handler, relay_waits_for_client(&handler->relay));
}

static void on_probe(struct handler *handler)
{
    struct pool_event event = {.kind = POOL_EVENT_GONE, .request = handler->probed};
    if (!ecb_is_connected(&handler->ecb))
        engine_pool_event(handler->pool, &event);
}

static void on_client_done(struct handler *handler, LONG bits)
{
    if (bits & HANDLER_STORED)
        relay_on_client_read(&handler->relay, handler->stored_len, handler->stored_error == 0);
    if ((bits & HANDLER_CLIENT) && handler->client_reads) {
        handler_count_received(handler, handler->client_len);
        relay_on_client_read(&handler->relay, handler->client_len, handler->client_error == 0);
    } else if (bits & HANDLER_CLIENT) {
        request_label_sent(handler->label, handler->client_len);
        handler_count_sent(handler, handler->client_error ? 0 : handler->sending);
        relay_on_sent(&handler->relay, handler->client_error == 0);
    }
}

/* A body that nobody has been asked to answer is of no use any more; what is on its way has a while. */
static bool stops_waiting(const struct handler *handler, LONG bits)
{
    const struct relay *relay = &handler->relay;
    bool now = (bits & HANDLER_STOP_NOW) && (relay->client_read_pending || relay->send_pending || handler->handed_back);
    return now || ((bits & (HANDLER_STOP | HANDLER_STOP_NOW)) && handler->taking_in);
}

/* The session's reference goes with it. */
static void close_session(struct handler *handler)
{
    handler_list_remove(&handler->engine->handlers, handler);
    handler_unref(handler);
}

void handler_run(struct strand *strand, LONG bits)
{
    struct handler *handler = CONTAINING_RECORD(strand, struct handler, strand);
    struct relay *relay = &handler->relay;
    struct relay_action action;
    bool open = handler->ecb.block != NULL, was_handed_back = handler->handed_back != NULL;
    if (bits & HANDLER_ASSIGNED) {
        handler->worker = handler->next_worker;
        handler->client_wait = false;
        handler_count_assigned(handler);
        handler_log_assigned(handler);
        relay_on_assigned(relay, handler->connection);
    }
    if (bits & HANDLER_WRITTEN)
        relay_on_written(relay, handler->written_len, handler->written_error == 0);
    if (bits & HANDLER_WRITE_REFUSED)
        on_write_refused(handler);
    if (bits & HANDLER_READ)
        on_read(handler);
    if (handler->handed_back && handler_hand_back(handler, bits)) {
        close_session(handler);
        return;
    }
    if (handler->taking_in)
        handler_take_in(handler, bits);
    else if (!was_handed_back && (bits & (HANDLER_CLIENT | HANDLER_STORED)))
        on_client_done(handler, bits);
    if (bits & HANDLER_FAILED)
        on_failed(handler);
    if (open && (bits & HANDLER_PROBE))
        on_probe(handler);
    if (open && stops_waiting(handler, bits))
        ecb_close_connection(&handler->ecb); /* or we would wait as long as the client likes */
    while (open && !handler->taking_in && relay_next(relay, &action)) {
        if (!carry_out(handler, &action)) {
            close_session(handler); /* whoever posted has a reference of its own */
            return;
        }
        if (action.kind == RELAY_ACTION_RELEASE)
            break; /* the worker is free before the client has its answer, and may ask again: HANDLER_RELEASED */
    }
    report_progress(handler, (bits & HANDLER_READ) != 0);
}
