/* engine: what lives from GetExtensionVersion to TerminateExtension: the configuration, its pools with their locks, the
 * completion port, the launcher, the timer.
 *
 * Lock rule: one lock a pool, held only over pool_handle and putting actions into mailboxes; no lock is held over a
 * system call or a call into the host. */
#ifndef FCGIEXT_WIN32_ENGINE_H
#define FCGIEXT_WIN32_ENGINE_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/config.h"
#include "fcgiext/core/pool.h"
#include "fcgiext/core/routes.h"
#include "fcgiext/win32/iocp.h"
#include "fcgiext/win32/process.h"

struct worker_io;

struct engine_pool {
    struct engine *engine;
    const struct config_pool *config;
    CRITICAL_SECTION lock;
    struct pool *core;
    struct worker_io **workers; /* by index of their id; NULL: none */
    uint64_t armed_ms;          /* the deadline that the timer knows of */
    struct process_plan plan;
};

struct engine {
    WCHAR *config_path;
    char *config_path_utf8;
    struct config *config; /* NULL only when memory is out */
    struct routes *routes;
    struct buffer config_report; /* its errors, as lines, for error pages */
    struct engine_pool *pools;   /* by index of config->pools; core NULL: the section is broken */
    struct iocp iocp;
    struct iocp launcher; /* one thread: starts processes, one after another */
    HANDLE timer_thread;
    HANDLE timer_wake;
    volatile LONG stopping;
    volatile LONG objects; /* handlers and workers alive */
    HANDLE idle;           /* set when objects comes to 0 */
    CRITICAL_SECTION connect_lock;
    bool wsa_started;
    struct worker_io *connecting; /* a list of those whose program does not listen yet; references */
};

/* NULL and *error: not even memory or threads. A broken configuration is no error here: requests get it explained. */
struct engine *engine_create(DWORD *error);
/* Ends all requests and workers, waits for them and for our threads. */
void engine_destroy(struct engine *engine);

/* Gives an event to the pool and has its actions carried out. */
void engine_pool_event(struct engine_pool *pool, const struct pool_event *event);

uint64_t engine_now_ms(void);

/* Every handler and worker, at its birth and end. */
void engine_object_born(struct engine *engine);
void engine_object_gone(struct engine *engine);

/* Has worker_io_try_connect called soon, from the timer's thread. */
void engine_retry_connect(struct engine *engine, struct worker_io *worker);

#endif
