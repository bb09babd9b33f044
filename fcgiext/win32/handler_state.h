/* handler_state: what the files of handler share: the request's state, and what one of them has for the others. handler.c has its
 * strand and its references, handler_begin.c all that comes before the pool hears of it, handler_user.c what is done in the name of its
 * user, handler_explain.c what a failed one is told, handler_log.c what of it goes to the event log, handler_counters.c what is counted. */
#ifndef FCGIEXT_WIN32_HANDLER_STATE_H
#define FCGIEXT_WIN32_HANDLER_STATE_H

#include "fcgiext/win32/handler.h"

#include "fcgiext/core/relay.h"
#include "fcgiext/win32/ecb.h"
#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/intake.h"
#include "fcgiext/win32/request_label.h"
#include "fcgiext/win32/strand.h"
#include "fcgiext/win32/sync_read.h"
#include "fcgiext/win32/worker_io.h"

/* What is posted to the strand. */
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
    HANDLER_WRITE_REFUSED = 1024,
    HANDLER_STOP_NOW = 2048,
};

struct handler {
    struct strand strand;
    struct handler_link link; /* from its begin to the end of its session */
    volatile LONG refs;
    struct engine *engine;
    struct settings *settings;        /* that it came under; one of their users */
    const struct config_pool *config; /* NULL: no section was found */
    struct engine_pool *pool;         /* NULL: nor a pool */
    struct ecb ecb;
    struct sync_read sync_read;
    struct relay relay;
    struct request_label *label;
    struct intake *intake; /* NULL: the length of the body was known from the beginning; set before the session is listed */
    bool taking_in;        /* the pool has not heard of it yet */
    HANDLE token;          /* its user's, ours to close; NULL: what is done for it is done as the host */
    const struct hand_back_reason *handed_back; /* why the host answers it, and the pool never hears of it; else NULL */
    struct error_facts facts;                   /* of a failure found before the pool was asked */
    char extension[32];                         /* for NO_MAPPING */
    char site[32];

    /* the worker's strand writes them before it posts */
    struct worker_io *worker; /* a reference, from ASSIGNED to RELEASE */
    struct worker_io *next_worker;
    uint64_t request;
    struct relay_connection connection;
    DWORD written_len, written_error, write_refused;
    uint64_t probed; /* its id, as the probe gave it */
    /* whoever carries out the pool's last action on the request */
    struct pool_action failure;
    /* the host, before it posts */
    bool client_reads;
    DWORD client_len, client_error;
    /* the spooler's thread, likewise */
    DWORD stored_len, stored_error;

    bool client_wait; /* as the pool knows it */

    /* handler_counters */
    uint64_t arrived_us, assigned_us, ran_us; /* ran_us: on all workers that it had */
    bool was_assigned, has_first_byte;
    size_t sending; /* bytes of the body in the send that is under way */

    uint32_t worker_pid;  /* of the worker that it is on, or was last; 0: none, or a server of others */
    uint64_t assigned_ms; /* when it came there */
};

/* Of the strand. */
void handler_run(struct strand *strand, LONG bits);
/* The host's completion; may come inside our own call. */
void handler_on_client(void *context, DWORD len, DWORD error);
void handler_read_client(struct handler *handler, uint8_t *target, size_t len);

/* Empty when the host does not have it; holds until the next call. */
struct bytes handler_variable(struct handler *handler, const char *name);
/* RELAY_ACTION_EXPLAIN: completes what the relay, or we, know of the failure, and has the page written. */
void handler_explain(struct handler *handler, const struct error_facts *found);
/* handler_log: it has a worker now; it has none any more. */
void handler_log_assigned(struct handler *handler);
void handler_log_released(struct handler *handler);
/* An error page is to be sent: the page's reference is put into `reference` and facts->reference. */
void handler_log_failure(struct handler *handler, struct error_facts *facts, char reference[EVENT_REFERENCE_LEN + 1]);
/* It is over; the host's side must not be touched any more. */
void handler_log_end(struct handler *handler);
/* handler_counters. It has come to its pool, or found none; its body's bytes come, its answer's have gone out; it has a worker, the first
 * bytes of its answer, no worker any more; it is over. */
void handler_count_arrival(struct handler *handler);
void handler_count_received(struct handler *handler, uint64_t bytes);
void handler_count_sent(struct handler *handler, uint64_t bytes);
void handler_count_assigned(struct handler *handler);
void handler_count_first_byte(struct handler *handler);
void handler_count_released(struct handler *handler);
void handler_count_end(struct handler *handler);
/* The pool is known: sets handler->token if it wants one, handler->handed_back if the host is to answer, or facts. `wildcard`: a * entry
 * of [Types] leads there. */
void handler_ask_for_user(struct handler *handler, bool wildcard);
/* Has the host answer. true: it has, and the session is over. */
bool handler_hand_back(struct handler *handler, LONG bits);
/* The body's bytes come in, before the pool knows of the request. */
void handler_take_in(struct handler *handler, LONG bits);

#endif
