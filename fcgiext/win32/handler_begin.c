/* handler_begin: a request until the pool hears of it: which pool, what it is sent, a body whose length is not known. */
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/text.h"
#include "fcgiext/win32/handler_state.h"
#include "fcgiext/win32/wide.h"

enum { SCRATCH_LEN = 512 * 1024 };

struct bytes handler_variable(struct handler *handler, const char *name)
{
    struct bytes value;
    return ecb_get_variable(&handler->ecb, name, &value) ? value : bytes_of(NULL, 0);
}

/* As fcgiext.ini has it, in UTF-8: the code page may have made another name of it. Holds until the next call. */
static struct bytes name_variable(struct handler *handler, const char *name)
{
    struct bytes value;
    if (ecb_get_variable_utf8(&handler->ecb, name, &value))
        return value;
    if (handler->ecb.variable_lost)
        handler->facts.cause = ERROR_CAUSE_NO_MEMORY;
    return bytes_of(NULL, 0);
}

/* The script that the program would be told is the one that was asked for, `name`. Windows maps letters that the code page lacks to
 * others that look like them: what was judged by its own name must not be run by another. */
static bool script_name_survives(struct handler *handler, struct bytes name)
{
    struct buffer told;
    struct bytes ansi = handler_variable(handler, "SCRIPT_NAME");
    if (bytes_equal(name, ansi))
        return true;
    buffer_init(&told, 4 * name.len + 1);
    bool same = utf8_of_ansi(NULL, ansi, &told) && bytes_equal(name, buffer_peek(&told));
    buffer_deinit(&told);
    return same;
}

/* The entry of [Types] for this request; if there is none, handler->facts says why. */
static bool find_entry(struct handler *handler, struct bytes script_name, struct routes_match *match)
{
    const struct settings *settings = handler->settings;
    struct routes_query query = {.extension = routes_extension_of(script_name)};
    text_copy_cut(handler->extension, sizeof handler->extension, query.extension);
    text_copy_cut(handler->site, sizeof handler->site, handler_variable(handler, "INSTANCE_ID"));
    query.site = bytes_of_str(handler->site);
    query.app_path = name_variable(handler, "APPL_MD_PATH");
    handler->facts.extension = bytes_of_str(handler->extension);
    handler->facts.site = query.site;
    if (handler->facts.cause)
        return false; /* out of memory */
    if (!settings->config->usable) {
        handler->facts.cause = ERROR_CAUSE_CONFIG_INVALID;
    } else if (!routes_find(settings->routes, &query, match)) {
        handler->facts.cause = ERROR_CAUSE_NO_MAPPING;
        handler->facts.has_code = true;
        handler->facts.code = ERROR_INVALID_INDEX;
    } else if (match->pool == SIZE_MAX) {
        handler->facts.cause = ERROR_CAUSE_CONFIG_INVALID;
    }
    return !handler->facts.cause;
}

/* The pool for this script, and what it wants to know of its user; without one handler->facts says why. */
static void find_pool(struct handler *handler, struct bytes script_name)
{
    const struct settings *settings = handler->settings;
    struct routes_match match;
    if (!find_entry(handler, script_name, &match))
        return;
    handler->config = &settings->config->pools[match.pool];
    handler->pool = settings->pools[match.pool];
    if (!handler->pool)
        handler->facts.cause = ERROR_CAUSE_CONFIG_INVALID;
    else
        handler_ask_for_user(handler, match.wildcard);
    if (!handler->facts.cause && !handler->handed_back && cgi_vars_has_ansi_path(&settings->utf8_vars[match.pool]) &&
        !script_name_survives(handler, script_name))
        handler->facts.cause = ERROR_CAUSE_BAD_REQUEST;
}

static void route(struct handler *handler)
{
    struct buffer script_name;
    struct bytes name = name_variable(handler, "SCRIPT_NAME");
    buffer_init(&script_name, name.len);
    if (buffer_append(&script_name, name))
        find_pool(handler, buffer_peek(&script_name));
    else
        handler->facts.cause = ERROR_CAUSE_NO_MEMORY;
    buffer_deinit(&script_name);
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
    text_copy_cut(settings->protocol, sizeof settings->protocol, handler_variable(handler, "SERVER_PROTOCOL"));
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
    size_t pool = (size_t)(handler->config - handler->settings->config->pools);
    buffer_init(&scratch, SCRATCH_LEN);
    struct cgi_vars_request vars = {
        .get = request_label_get,
        .get_context = &tap,
        .utf8 = &handler->settings->utf8_vars[pool],
        .get_utf8 = request_label_get_utf8,
        .to_utf8 = utf8_of_ansi,
        .constants = settings_constants(handler->settings, request_label_get, &tap),
        .scratch = &scratch,
        .content_length = handler->relay.settings.body_len,
        .pass_proxy_header = handler->config->pass_proxy_header,
    };
    enum cgi_vars_result result = relay_encode(&handler->relay, &vars, body);
    if (result == CGI_VARS_BAD_PATH) {
        handler->facts.cause = ERROR_CAUSE_BAD_REQUEST;
    } else if (result == CGI_VARS_NO_MEMORY || handler->ecb.variable_lost) {
        /* If there is memory after all, it was a limit, and the client's doing. */
        bool too_long = buffer_reserve(&scratch, buffer_room(&scratch)) != NULL;
        handler->facts.cause = too_long ? ERROR_CAUSE_BODY_TOO_LARGE : ERROR_CAUSE_NO_MEMORY;
        if (too_long)
            handler->facts.detail = bytes_of_str("Its address and header fields together are longer than can be passed on.");
    }
    buffer_deinit(&scratch);
    if (!handler->label)
        handler->label = request_label_create(&tap, handler->relay.settings.body_len);
    buffer_release(&handler->ecb.utf8); /* a request that waits takes little memory */
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

void handler_take_in(struct handler *handler, LONG bits)
{
    struct spool *spool = &handler->intake->spool;
    if (bits & HANDLER_CLIENT) {
        request_label_received(handler->label, handler->client_len);
        handler_count_received(handler, handler->client_len);
        spool_on_read(spool, handler->client_len, handler->client_error == 0);
    }
    if (bits & HANDLER_STORED)
        spool_on_stored(spool, handler->stored_error == 0);
    struct spool_action action = spool_next(spool);
    switch (action.kind) {
    case SPOOL_ACTION_NONE: break;
    case SPOOL_ACTION_READ: handler_read_client(handler, action.target, action.len); break;
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
    strand_init(&handler->strand, handler_run);
    engine_object_born(engine);
    DWORD error = ecb_init(&handler->ecb, block, handler_on_client, handler);
    if (!error)
        route(handler);
    uint64_t body_len = 0;
    bool known = error || spool_length_is_known(block->cbTotalBytes, handler_variable(handler, "CONTENT_LENGTH"), &body_len);
    make_settings(handler, known ? body_len : 0, &settings);
    settings.wants_keep_alive &= known; /* as long as there may be more of the body on the client's connection */
    relay_init(&handler->relay, &settings);
    if (error) {
        handler_unref(handler);
        return HSE_STATUS_ERROR;
    }
    struct bytes first = bytes_of(block->lpbData, block->cbAvailable);
    bool serves = !handler->facts.cause && !handler->handed_back;
    if (!handler->handed_back)
        handler_count_arrival(handler);
    if (serves)
        handler_count_received(handler, first.len);
    if (serves && known)
        encode(handler, first);
    else if (serves)
        handler->facts.cause = open_intake(handler, first);
    handler->taking_in = handler->intake && !handler->facts.cause;
    handler_ref(handler); /* the session may end in one of these calls */
    handler_list_add(&engine->handlers, handler);
    if (!handler->taking_in && !handler->handed_back)
        arrive(handler);
    if (handler->taking_in || handler->handed_back || handler->facts.cause)
        strand_post(&handler->strand, HANDLER_BEGIN);
    handler_unref(handler);
    return HSE_STATUS_PENDING;
}
