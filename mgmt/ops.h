/* ops: what the management interface asks of the engine: snapshots and commands, as plain data. fcgiext/win32/mgmt_ops fills it in, a
 * test fakes it. mgmt/methods turns it into JSON.
 *
 * Strings are UTF-8, NUL-terminated, never NULL ("" for none), and belong to the snapshot. Times: `_ms` without more is a duration;
 * `_unix_ms` counts from 1970, UTC. All functions may be called from several threads, and never wait. */
#ifndef MGMT_OPS_H
#define MGMT_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgiext/core/autotune.h"
#include "fcgiext/core/config.h"
#include "fcgiext/core/counters.h"
#include "fcgiext/core/error_page.h"
#include "fcgiext/core/pool.h"
#include "mgmt/protocol.h"

struct mgmt_server {
    char *host_program; /* "w3wp.exe" */
    char *config_path;
    uint32_t pid;
    uint64_t start_unix_ms; /* of the process */
    uint64_t load_unix_ms;  /* of the DLL */
    uint64_t now_unix_ms;
    uint64_t config_read_unix_ms; /* when what is in force was read */
    bool config_rejected;         /* a newer fcgiext.ini has errors and was not taken: config.check tells them */
    uint64_t config_rejected_unix_ms;
    uint32_t config_errors, config_warnings; /* of what is in force */
    uint64_t counters[COUNTER_HOST_PLACES];  /* counters.inc */
};

struct mgmt_pool {
    char *name;    /* its section */
    char *program; /* ExePath, or the addresses */
    bool external;
    bool broken; /* its section has errors: it serves nothing, and what follows is 0 */
    enum pool_state state;
    struct pool_limits limits;
    struct pool_counts counts;
    uint32_t running;        /* requests on workers */
    uint64_t oldest_wait_ms; /* of the queue's head; 0: nothing waits */
    uint64_t oldest_run_ms;
    uint64_t rapid_fail_left_ms;  /* RAPID_FAIL */
    enum error_cause first_cause; /* the same */
    bool drain_expires;
    uint64_t drain_left_ms;
    bool drain_persists;
    uint64_t start_unix_ms;                 /* of the pool, and of its counters */
    uint64_t counters[COUNTER_POOL_PLACES]; /* counters.inc, completed */
    bool tuned;                             /* MaxInstances=0: limits.max_instances moves */
    struct mgmt_tuning {
        enum autotune_reason reason;
        enum autotune_reason move_reason; /* of the last move; STEADY: there was none */
        uint64_t move_age_ms;
        uint64_t moves[AUTOTUNE_REASON_COUNT];
    } tuning;
};

struct mgmt_worker {
    char *pool;
    uint64_t id;
    uint32_t pid; /* 0: none yet, or external */
    enum worker_state state;
    bool retiring_soon; /* of an old generation: to be replaced */
    uint64_t request;   /* id; 0: none */
    uint32_t served, answered;
    uint32_t requests_left; /* until InstanceMaxRequests, or the limit of the program itself */
    uint64_t age_ms;
    uint64_t state_ms;      /* in this state */
    uint64_t private_bytes; /* 0: not known */
    uint32_t handle_count;
    char *url_path; /* of the request that it has, or had last */
};

enum mgmt_request_state { MGMT_REQUEST_TAKING_IN, MGMT_REQUEST_QUEUED, MGMT_REQUEST_RUNNING, MGMT_REQUEST_LINGERING };

struct mgmt_request {
    char *pool;
    uint64_t id;
    uint32_t worker_pid; /* 0: none */
    enum mgmt_request_state state;
    char *method;
    char *url_path;
    char *query;  /* shown with the operate right only */
    char *client; /* REMOTE_ADDR; the same */
    uint64_t age_ms, state_ms;
    uint64_t body_bytes; /* of the request, in all */
    uint64_t sent_bytes; /* of the answer, so far */
    bool waits_for_client;
};

struct mgmt_exit {
    char *pool;
    uint32_t pid;
    uint32_t code;
    bool expected;          /* we had told it to end, or it ended by its own limit of requests */
    enum error_cause cause; /* NONE when expected */
    uint64_t at_unix_ms;
    uint64_t lived_ms;
    uint32_t answered;
    char *url_path; /* of its last request */
};

/* What is asked for. */
enum {
    MGMT_WANT_POOLS = 1,
    MGMT_WANT_WORKERS = 2,
    MGMT_WANT_REQUESTS = 4,
    MGMT_WANT_EXITS = 8,
};

struct mgmt_snapshot {
    struct mgmt_server server; /* always */
    struct mgmt_pool *pools;
    size_t pool_count;
    struct mgmt_worker *workers;
    size_t worker_count;
    struct mgmt_request *requests; /* of a pool: those that run, then those that wait, oldest first */
    size_t request_count;
    struct mgmt_exit *exits; /* newest first, at most 50 */
    size_t exit_count;
};

enum mgmt_command_kind {
    MGMT_COMMAND_RECYCLE,
    MGMT_COMMAND_DRAIN,
    MGMT_COMMAND_RESUME,
    MGMT_COMMAND_WORKER_RECYCLE,
    MGMT_COMMAND_WORKER_KILL,
    MGMT_COMMAND_RELOAD, /* reads fcgiext.ini again */
};

struct mgmt_command {
    enum mgmt_command_kind kind;
    const char *pool;   /* all but RELOAD */
    uint32_t pid;       /* WORKER_...: or */
    uint64_t worker;    /* its id, where it has no process */
    bool now;           /* RECYCLE: at once, what runs is cut off */
    bool persist;       /* DRAIN: across a restart of the host, too */
    uint64_t ttl_ms;    /* DRAIN: 0 = until RESUME */
    const char *caller; /* account, for the log */
};

enum mgmt_operation_state {
    MGMT_OPERATION_RUNNING,
    MGMT_OPERATION_DONE,
    MGMT_OPERATION_FAILED,     /* it cannot end any more: `reason` says why */
    MGMT_OPERATION_SUPERSEDED, /* another command took its place */
};

struct mgmt_operation {
    uint64_t id;
    enum mgmt_command_kind kind;
    char pool[128];
    enum mgmt_operation_state state;
    uint32_t done, total; /* workers replaced, or ended; requests ended: what is counted depends on the kind */
    char reason[256];     /* FAILED, or why it takes long: a sentence part */
    uint64_t age_ms;
};

struct mgmt_ops {
    void *context;
    /* NULL: out of memory. `want`: MGMT_WANT_... */
    struct mgmt_snapshot *(*snapshot)(void *context, unsigned want);
    void (*free_snapshot)(void *context, struct mgmt_snapshot *snapshot);
    /* MGMT_ERROR_NONE, NO_SUCH_POOL, NO_SUCH_WORKER, REFUSED, TOO_MANY, CONFIG_INVALID (RELOAD: what is in force stays), INTERNAL.
     * operation->reason says why where there is an error. Idempotent: what holds already is an operation that is DONE. */
    enum mgmt_error (*command)(void *context, const struct mgmt_command *command, struct mgmt_operation *operation);
    /* Somebody has asked for that who may not operate. May be NULL. */
    void (*denied)(void *context, const char *caller, const char *method);
    /* A line has got its reply, also one that was not read to its end. May be NULL. */
    void (*answered)(void *context, enum counter_management outcome);
    /* MGMT_ERROR_NONE or NO_SUCH_OPERATION. The last 100 are remembered. */
    enum mgmt_error (*operation)(void *context, uint64_t id, struct mgmt_operation *operation);
    /* The configuration in force, referenced until config_release; and the file as it is now, parsed anew, which belongs to the
     * caller (config_destroy). NULL: out of memory. */
    const struct config *(*config_in_force)(void *context, void **reference);
    void (*config_release)(void *context, void *reference);
    struct config *(*config_check)(void *context);
};

#endif
