/* engine: what lives from GetExtensionVersion to TerminateExtension: the published settings, the pools with their locks,
 * the completion port, the launcher, the timer, the watch.
 *
 * Lock rule: one lock a pool, held only over pool_handle and putting actions into mailboxes; no lock is held over a
 * system call or a call into the host. */
#ifndef FCGIEXT_WIN32_ENGINE_H
#define FCGIEXT_WIN32_ENGINE_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/config.h"
#include "fcgiext/core/exits.h"
#include "fcgiext/core/pool.h"
#include "fcgiext/core/timers.h"
#include "fcgiext/win32/event_log.h"
#include "fcgiext/win32/handler_list.h"
#include "fcgiext/win32/io_counts.h"
#include "fcgiext/win32/iocp.h"
#include "fcgiext/win32/settings.h"
#include "fcgiext/win32/sync_read.h"
#include "fcgiext/win32/tuning.h"
#include "fcgiext/win32/watch.h"
#include "perfcounters/counter_block_win32.h"

struct mgmt_engine;
struct mgmt_serve;
struct worker_io;

enum { ENGINE_MAX_PORTS = 64 };

struct engine_pool {
    struct engine *engine;
    struct engine_pool *next; /* in the engine's list */
    char *name;               /* of its section */
    unsigned number;          /* of the pools that there ever were */
    bool external;
    bool is_users; /* its processes get to know the user of a request */
    CRITICAL_SECTION lock;
    struct pool *core;
    struct pool_version *version; /* under the lock, as all below */
    struct worker_io **workers;   /* by index of their id; NULL: none */
    uint64_t armed_ms;            /* the deadline that the timer knows of */
    struct pool_tuning tuning;    /* of the limit of workers */

    /* what POOL_EVENT_RECONFIGURED puts in place of `version` and `workers`: see engine_pool_prepare */
    struct pool_version *next_version;
    struct worker_io **next_workers;

    uint64_t start_unix_ms;
    struct counter_block_pool *counters;     /* in the published block, or own_counters where it is full */
    struct counter_block_pool *own_counters; /* NULL: the former */
    bool drained;          /* by an operator, whatever fcgiext.ini says meanwhile; under the lock, as the next two */
    bool drain_persists;   /* across a restart */
    uint64_t drain_end_ms; /* 0: none; then it serves again */

    struct event_gates events; /* under the event log's lock */
    volatile LONG intakes;     /* bodies of unknown length being taken in for it */
    unsigned settings_count;   /* the watch's thread only: of settings with users that lead here */
};

struct engine {
    WCHAR *config_path;
    char *config_path_utf8;
    CRITICAL_SECTION settings_lock;     /* held for a few instructions */
    struct settings *settings;          /* the published ones, under settings_lock */
    struct settings *unused;            /* a list of those that have no user any more, under settings_lock */
    struct engine_pool *volatile pools; /* a list that only grows, at its head, by one thread at a time */
    struct watch watch;
    unsigned processors;
    struct iocp ports[ENGINE_MAX_PORTS];
    unsigned port_count;
    struct iocp launcher;        /* one thread: starts processes, one after another */
    struct iocp resolver;        /* one thread: looks up the names of external servers, which nobody else is to wait for */
    struct iocp spooler;         /* two threads: bodies of unknown length, to their files and back */
    struct sync_readers readers; /* for hosts that refuse asynchronous reads */
    struct handler_list handlers;
    HANDLE timer_thread;
    HANDLE timer_wake;
    struct tuning tuning;        /* the timer's thread looks at pools */
    struct fcgiext_io_counts io; /* stepped by whoever makes the call */
    volatile LONG host_waits;    /* 1: it has been seen to wait for a client inside our call */
    volatile LONG stopping;
    volatile LONG objects; /* handlers and workers alive */
    HANDLE idle;           /* set when objects comes to 0 */
    struct event_log log;
    struct counter_section counters;
    struct mgmt_engine *mgmt;
    struct mgmt_serve *serve; /* NULL: not yet, or no more */
    uint64_t load_unix_ms;
    uint64_t rejected_unix_ms;   /* when a newer file was not taken; 0: none; under settings_lock */
    volatile LONG reload_wanted; /* see reload_ask */
    CRITICAL_SECTION exits_lock;
    struct exits exits; /* under exits_lock */
    CRITICAL_SECTION connect_lock;
    bool wsa_started;
    struct worker_io *connecting; /* a list of those whose program does not listen yet; references; under connect_lock */
    struct timers tries;          /* to connect to one server of several; under connect_lock; references */
    uint64_t tries_armed_ms;      /* the deadline of them that the timer knows of */
};

/* NULL and *error: not even memory or threads. A broken configuration is no error here: requests get it explained. */
struct engine *engine_create(DWORD *error);
/* Ends all requests and workers, waits for them and for our threads. */
void engine_destroy(struct engine *engine);

/* The port for the operations of this worker. Each port has one thread, and a worker one port for its life: what happens to it is
 * handled on that thread mostly, and a completion wakes no other. (With several threads on one port, Wine wakes two for each
 * read: the one that began it, and the one that has waited longest.) */
struct iocp *engine_port(const struct engine_pool *pool, uint64_t worker);

/* Gives an event to the pool and has its actions carried out. */
void engine_pool_event(struct engine_pool *pool, const struct pool_event *event);

/* For the watch's thread, and before it runs. The pool of these settings, whose next POOL_EVENT_RECONFIGURED, with
 * pool->next_version->limits, puts `config` in force: an old pool of the same name, else a new one. NULL: out of memory.
 * `config` is valid and belongs to `settings`. */
struct engine_pool *engine_pool_prepare(struct engine *engine, struct settings *settings, const struct config_pool *config);

/* Of a clock that is never set. */
uint64_t engine_now_ms(void);
/* Since 1970, UTC: for people. */
uint64_t engine_unix_ms(void);
uint64_t engine_unix_of_filetime(FILETIME time);

/* Every handler and worker, at its birth and end. */
void engine_object_born(struct engine *engine);
void engine_object_gone(struct engine *engine);

/* Has worker_io_try_connect called soon, from the timer's thread. */
void engine_retry_connect(struct engine *engine, struct worker_io *worker);

/* Has worker_io_try_over called when so much time has passed, if it is not cancelled before. One at a time for a worker. */
void engine_bound_try(struct engine *engine, struct worker_io *worker, uint32_t try_ms);
void engine_unbound_try(struct engine *engine, struct worker_io *worker);

#endif
