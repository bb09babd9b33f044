/* handler: see handler.h. References: one for the session (until DONE_WITH_SESSION), one for the pool (from ARRIVED until
 * its last mention of the request), one while a worker has it bound, one for each write of its bytes. The memory goes
 * with the last one, so no completion ever finds it gone. */
#include "fcgiext/win32/handler.h"

#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/relay.h"
#include "fcgiext/core/text.h"
#include "fcgiext/win32/ecb.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/intake.h"
#include "fcgiext/win32/pool_plan.h"
#include "fcgiext/win32/request_label.h"
#include "fcgiext/win32/strand.h"
#include "fcgiext/win32/wide.h"
#include "fcgiext/win32/worker_io.h"

enum {
    HANDLER_BEGIN = 1,
    HANDLER_ASSIGNED = 2,
    HANDLER_READ = 4,
    HANDLER_WRITTEN = 8,
    HANDLER_CLIENT = 16,
    HANDLER_FAILED = 32,
    HANDLER_PROBE = 64,
    HANDLER_STORED = 128,
    HANDLER_STOP = 256,
    HANDLER_RELEASED = 512,
    SCRATCH_LEN = 512 * 1024,
};

struct handler {
    struct strand strand;
    volatile LONG refs;
    struct engine *engine;
    struct settings *settings;        /* that it came under; one of their users */
    const struct config_pool *config; /* NULL: no section was found */
    struct engine_pool *pool;         /* NULL: nor a pool */
    struct ecb ecb;
    struct relay relay;
    struct request_label *label;
    struct intake *intake;    /* NULL: the length of the body was known from the beginning, or the body is in the relay now */
    bool taking_in;           /* the pool has not heard of it yet */
    struct error_facts facts; /* of a failure found before the pool was asked */
    char extension[32];       /* for NO_MAPPING */
    char site[32];

    /* the worker's strand writes them before it posts */
    struct worker_io *worker; /* a reference, from ASSIGNED to RELEASE */
    struct worker_io *next_worker;
    uint64_t request;
    struct relay_connection connection;
    DWORD written_len, written_error;
    uint64_t probed; /* its id, as the probe gave it */
    /* whoever carries out the pool's last action on the request */
    struct pool_action failure;
    /* the host, before it posts */
    bool client_reads;
    DWORD client_len, client_error;
    /* the spooler's thread, likewise */
    DWORD stored_len, stored_error;

    bool client_wait; /* as the pool knows it */
};

static void run(struct strand *strand, LONG bits);
static void take_in(struct handler *handler, LONG bits);

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
    settings_leave(handler->settings);
    free(handler);
    engine_object_gone(engine);
}

uint64_t handler_request(const struct handler *handler)
{
    return handler->request;
}

struct request_label *handler_label(const struct handler *handler)
{
    return handler->label;
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

/* The host's completion; may come inside our own call. */
static void on_client(void *context, DWORD len, DWORD error)
{
    struct handler *handler = context;
    handler->client_len = len;
    handler->client_error = error;
    handler_ref(handler); /* DONE_WITH_SESSION may come inside */
    strand_post(&handler->strand, HANDLER_CLIENT);
    handler_unref(handler);
}

/* ---- facts ---- */

static struct bytes variable_or_empty(struct handler *handler, const char *name)
{
    struct bytes value;
    return ecb_get_variable(&handler->ecb, name, &value) ? value : bytes_of(NULL, 0);
}

static bool client_is_local(struct handler *handler)
{
    char local[64] = "";
    struct bytes address = variable_or_empty(handler, "LOCAL_ADDR");
    if (address.len && address.len < sizeof local)
        memcpy(local, address.ptr, address.len);
    address = variable_or_empty(handler, "REMOTE_ADDR");
    return address.len && (bytes_equal(address, bytes_of_str(local)) || bytes_equal(address, bytes_of_str("::1")) ||
                           bytes_start_with_nocase(address, bytes_of_str("127.")));
}

/* A program's own exit code, whatever the system calls an error of that number. An exception is the system's. */
static bool is_own_code(const struct error_facts *facts)
{
    return (facts->cause == ERROR_CAUSE_RAPID_FAIL ? facts->first_cause : facts->cause) == ERROR_CAUSE_WORKER_EXITED;
}

/* Completes what the relay, or we, know of the failure, and has the page written. */
static void explain(struct handler *handler, const struct error_facts *found)
{
    struct error_facts facts = *found;
    struct buffer text, program;
    buffer_init(&text, 1024);
    buffer_init(&program, 1024);
    if (handler->config) {
        facts.pool = bytes_of_str(handler->config->name);
        facts.program = pool_program_of(handler->config, &program);
    }
    if (facts.cause == ERROR_CAUSE_CONFIG_INVALID || facts.cause == ERROR_CAUSE_NO_MAPPING)
        facts.diagnostics = buffer_peek(&handler->settings->report);
    if (facts.has_code && !is_own_code(&facts) && system_text(facts.code, &text))
        facts.system_text = buffer_peek(&text);
    facts.show_details = handler->settings->config->management.error_details_to_all || client_is_local(handler);
    facts.head = handler->relay.settings.head;
    facts.url = variable_or_empty(handler, "URL");
    relay_explain(&handler->relay, &facts);
    buffer_deinit(&text);
    buffer_deinit(&program);
}

/* ---- the strand ---- */

static void release_worker(struct handler *handler, enum pool_outcome outcome)
{
    struct worker_io *worker = handler->worker;
    handler->worker = NULL;
    worker_io_release(worker, outcome);
    worker_io_unref(worker);
}

static void client_failed(struct handler *handler, DWORD error)
{
    if (error)
        on_client(handler, 0, error);
}

static void read_client(struct handler *handler, uint8_t *target, size_t len)
{
    handler->client_reads = true;
    client_failed(handler, ecb_read(&handler->ecb, target, (DWORD)len));
}

static void read_body(struct handler *handler, const struct relay_action *action)
{
    if (handler->intake)
        spool_io_read(&handler->intake->io, action->target, action->len);
    else
        read_client(handler, action->target, action->len);
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
    client_failed(handler, ecb_send(&handler->ecb, &response));
}

/* The answer has not gone out as it was announced, or not at all. */
static bool is_cut(const struct relay *relay)
{
    return !relay->final_sent || (relay->framing == CGI_FRAMING_LENGTH && relay->length_left > 0);
}

static void finish(struct handler *handler, bool keep_alive)
{
    DWORD status = keep_alive ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_SUCCESS;
    if (is_cut(&handler->relay)) {
        status = HSE_STATUS_ERROR; /* the host closes the connection, and does not take it for our mistake */
        if (handler->relay.framing == CGI_FRAMING_CLOSE)
            ecb_close_connection(&handler->ecb); /* an orderly end would be the end of the body */
    }
    ecb_finish(&handler->ecb, status);
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
    case RELAY_ACTION_EXPLAIN: explain(handler, &action->facts); break;
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
    }
    relay_fail(&handler->relay, &facts);
    bool waits = handler->relay.client_read_pending || handler->relay.send_pending;
    if (waits && facts.cause == ERROR_CAUSE_SHUTTING_DOWN)
        ecb_close_connection(&handler->ecb); /* or we would wait as long as the client likes */
}

/* Tells the pool of signs of life, and on whose account time passes now. */
static void report_progress(struct handler *handler, bool received)
{
    struct pool_event event = {.request = handler->request};
    bool client_wait = relay_waits_for_client(&handler->relay);
    if (!handler->worker)
        return;
    if (received) {
        event.kind = POOL_EVENT_PROGRESS;
        engine_pool_event(handler->pool, &event);
    }
    if (client_wait != handler->client_wait) {
        handler->client_wait = client_wait;
        event.kind = client_wait ? POOL_EVENT_CLIENT_WAIT : POOL_EVENT_CLIENT_READY;
        engine_pool_event(handler->pool, &event);
    }
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
    if ((bits & HANDLER_CLIENT) && handler->client_reads)
        relay_on_client_read(&handler->relay, handler->client_len, handler->client_error == 0);
    else if (bits & HANDLER_CLIENT) {
        request_label_sent(handler->label, handler->client_len);
        relay_on_sent(&handler->relay, handler->client_error == 0);
    }
}

static void run(struct strand *strand, LONG bits)
{
    struct handler *handler = CONTAINING_RECORD(strand, struct handler, strand);
    struct relay *relay = &handler->relay;
    struct relay_action action;
    bool open = handler->ecb.block != NULL;
    if (bits & HANDLER_ASSIGNED) {
        handler->worker = handler->next_worker;
        handler->client_wait = false;
        relay_on_assigned(relay, handler->connection);
    }
    if (bits & HANDLER_WRITTEN)
        relay_on_written(relay, handler->written_len, handler->written_error == 0);
    if (bits & HANDLER_READ)
        on_read(handler);
    if (handler->taking_in)
        take_in(handler, bits);
    else if (bits & (HANDLER_CLIENT | HANDLER_STORED))
        on_client_done(handler, bits);
    if (bits & HANDLER_FAILED)
        on_failed(handler);
    if (open && (bits & HANDLER_PROBE))
        on_probe(handler);
    if (open && (bits & HANDLER_STOP) && handler->taking_in)
        ecb_close_connection(&handler->ecb); /* or we would wait as long as the client likes */
    while (open && !handler->taking_in && relay_next(relay, &action)) {
        if (!carry_out(handler, &action)) {
            handler_unref(handler); /* the session's; whoever posted has one of its own */
            return;
        }
        if (action.kind == RELAY_ACTION_RELEASE)
            break; /* the worker is free before the client has its answer, and may ask again: HANDLER_RELEASED */
    }
    report_progress(handler, (bits & HANDLER_READ) != 0);
}

/* ---- begin ---- */

static void keep_text(char *out, size_t out_len, struct bytes text)
{
    size_t len = text.len < out_len - 1 ? text.len : out_len - 1;
    memcpy(out, text.ptr ? text.ptr : (const uint8_t *)"", len);
    out[len] = '\0';
}

/* The pool of [Types] for this request; without one handler->facts says why. */
static void find_pool(struct handler *handler)
{
    const struct settings *settings = handler->settings;
    struct routes_match match;
    char app_path[512];
    keep_text(handler->extension, sizeof handler->extension, routes_extension_of(variable_or_empty(handler, "SCRIPT_NAME")));
    keep_text(handler->site, sizeof handler->site, variable_or_empty(handler, "INSTANCE_ID"));
    keep_text(app_path, sizeof app_path, variable_or_empty(handler, "APPL_MD_PATH"));
    struct routes_query query = {bytes_of_str(handler->extension), bytes_of_str(handler->site), bytes_of_str(app_path)};
    handler->facts.extension = query.extension;
    handler->facts.site = query.site;
    if (!settings->config->usable) {
        handler->facts.cause = ERROR_CAUSE_CONFIG_INVALID;
    } else if (!routes_find(settings->routes, &query, &match)) {
        handler->facts.cause = ERROR_CAUSE_NO_MAPPING;
        handler->facts.has_code = true;
        handler->facts.code = ERROR_INVALID_INDEX;
    } else if (match.pool == SIZE_MAX) {
        handler->facts.cause = ERROR_CAUSE_CONFIG_INVALID;
    } else {
        handler->config = &settings->config->pools[match.pool];
        handler->pool = settings->pools[match.pool];
        if (!handler->pool)
            handler->facts.cause = ERROR_CAUSE_CONFIG_INVALID;
    }
}

static bool is_method(const EXTENSION_CONTROL_BLOCK *block, const char *method)
{
    return strcmp(block->lpszMethod, method) == 0;
}

static bool wants_keep_alive(struct handler *handler)
{
    BOOL keep = FALSE;
    EXTENSION_CONTROL_BLOCK *block = handler->ecb.block;
    return block->ServerSupportFunction(block->ConnID, HSE_REQ_IS_KEEP_CONN, &keep, NULL, NULL) && keep;
}

static bool keeps_connection(const struct config_pool *config, uint64_t body_len)
{
    if (config->flush_named_pipe || config->keep_connections == CONFIG_KEEP_NEVER)
        return false;
    if (config->keep_connections == CONFIG_KEEP_ALWAYS)
        return true;
    /* Auto. libfcgi takes what it has not read of a body for records: no body, no danger. A process of an external
     * server that sits on a kept connection is lost for the others. */
    return body_len == 0 && config->address_count == 0;
}

static void make_settings(struct handler *handler, uint64_t body_len, struct relay_settings *settings)
{
    const EXTENSION_CONTROL_BLOCK *block = handler->ecb.block;
    ZeroMemory(settings, sizeof *settings);
    settings->head = is_method(block, "HEAD");
    settings->safe = settings->head || is_method(block, "GET") || is_method(block, "OPTIONS");
    keep_text(settings->protocol, sizeof settings->protocol, variable_or_empty(handler, "SERVER_PROTOCOL"));
    settings->wants_keep_alive = wants_keep_alive(handler);
    settings->body_len = body_len;
    if (!handler->pool)
        return;
    const struct config_pool *config = handler->config;
    settings->keep_conn = keeps_connection(config, settings->body_len);
    settings->buffer_limit = config->response_buffer_limit;
    settings->stderr_mode = config->stderr_mode;
}

static void encode(struct handler *handler, struct bytes body)
{
    struct buffer scratch;
    struct request_label_tap tap = {.ecb = &handler->ecb};
    buffer_init(&scratch, SCRATCH_LEN);
    struct cgi_vars_request vars = {
        .get = request_label_get,
        .get_context = &tap,
        .constants = settings_constants(handler->settings, request_label_get, &tap),
        .scratch = &scratch,
        .content_length = handler->relay.settings.body_len,
        .pass_proxy_header = handler->config->pass_proxy_header,
    };
    enum cgi_vars_result result = relay_encode(&handler->relay, &vars, body);
    if (result == CGI_VARS_NO_MEMORY)
        handler->facts.cause = ERROR_CAUSE_NO_MEMORY;
    else if (result == CGI_VARS_BAD_PATH)
        handler->facts.cause = ERROR_CAUSE_BAD_REQUEST;
    buffer_deinit(&scratch);
    if (!handler->label)
        handler->label = request_label_create(&tap, handler->relay.settings.body_len);
}

/* To the pool; or an error page instead, which the strand will send. */
static void arrive(struct handler *handler)
{
    if (handler->facts.cause) {
        relay_fail(&handler->relay, &handler->facts);
        return;
    }
    handler_ref(handler); /* the pool's */
    struct pool_event event = {.kind = POOL_EVENT_ARRIVED, .tag = (ULONG_PTR)handler};
    event.replayable = relay_is_replayable(&handler->relay);
    engine_pool_event(handler->pool, &event);
}

/* ---- bodies of unknown length */

/* The body is there, and so is its length. */
static void taken_in(struct handler *handler, const struct spool_action *action)
{
    struct relay_settings settings;
    make_settings(handler, handler->intake->spool.len, &settings);
    settings.spooled = true;
    relay_deinit(&handler->relay);
    relay_init(&handler->relay, &settings);
    encode(handler, action->in_file ? bytes_of(NULL, 0) : action->bytes);
    intake_complete(handler->intake);
    handler->taking_in = false;
    arrive(handler);
}

static void take_in(struct handler *handler, LONG bits)
{
    struct spool *spool = &handler->intake->spool;
    if (bits & HANDLER_CLIENT) {
        request_label_received(handler->label, handler->client_len);
        spool_on_read(spool, handler->client_len, handler->client_error == 0);
    }
    if (bits & HANDLER_STORED)
        spool_on_stored(spool, handler->stored_error == 0);
    struct spool_action action = spool_next(spool);
    switch (action.kind) {
    case SPOOL_ACTION_NONE: break;
    case SPOOL_ACTION_READ: read_client(handler, action.target, action.len); break;
    case SPOOL_ACTION_STORE: spool_io_store(&handler->intake->io, action.bytes); break;
    case SPOOL_ACTION_COMPLETE: taken_in(handler, &action); break;
    case SPOOL_ACTION_FAIL:
        handler->taking_in = false;
        handler->facts.cause = action.cause;
        handler->facts.has_code = action.cause == ERROR_CAUSE_SPOOL;
        handler->facts.code = handler->stored_error;
        arrive(handler);
        break;
    }
}

static enum error_cause open_intake(struct handler *handler, struct bytes first)
{
    struct request_label_tap tap = {.ecb = &handler->ecb};
    request_label_ask(&tap);
    handler->label = request_label_create(&tap, first.len);
    return intake_open(&handler->intake, handler, handler->pool, handler->config, first);
}

DWORD handler_begin(struct engine *engine, EXTENSION_CONTROL_BLOCK *block)
{
    struct relay_settings settings;
    struct handler *handler = calloc(1, sizeof *handler);
    if (!handler)
        return HSE_STATUS_ERROR;
    handler->engine = engine;
    handler->settings = settings_enter(engine);
    handler->refs = 1; /* the session's */
    strand_init(&handler->strand, run);
    engine_object_born(engine);
    DWORD error = ecb_init(&handler->ecb, block, on_client, handler);
    if (!error)
        find_pool(handler);
    uint64_t body_len = 0;
    bool known = error || spool_length_is_known(block->cbTotalBytes, variable_or_empty(handler, "CONTENT_LENGTH"), &body_len);
    make_settings(handler, known ? body_len : 0, &settings);
    settings.wants_keep_alive &= known; /* as long as there may be more of the body on the client's connection */
    relay_init(&handler->relay, &settings);
    if (error) {
        handler_unref(handler);
        return HSE_STATUS_ERROR;
    }
    struct bytes first = bytes_of(block->lpbData, block->cbAvailable);
    if (!handler->facts.cause && known)
        encode(handler, first);
    else if (!handler->facts.cause)
        handler->facts.cause = open_intake(handler, first);
    handler->taking_in = handler->intake && !handler->facts.cause;
    handler_ref(handler); /* the session may end in one of these calls */
    if (!handler->taking_in)
        arrive(handler);
    if (handler->taking_in || handler->facts.cause)
        strand_post(&handler->strand, HANDLER_BEGIN);
    handler_unref(handler);
    return HSE_STATUS_PENDING;
}
