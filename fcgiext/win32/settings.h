/* settings: one reading of fcgiext.ini, and the pools that it leads to. It never changes: a reload publishes another one, and
 * each request keeps the one that it came under.
 *
 * Two counts. `users` are the requests that may still go to its pools, and its being published; with the last one it goes to
 * engine->unused, where the watch's thread finds it and drains the pools that no other settings lead to. `refs` keep the
 * memory, which versions of pools need for longer. */
#ifndef FCGIEXT_WIN32_SETTINGS_H
#define FCGIEXT_WIN32_SETTINGS_H

#include <winsock2.h>

#include <windows.h>

#include "fcgiext/core/cgi_vars.h"
#include "fcgiext/core/config.h"
#include "fcgiext/core/event_gate.h"
#include "fcgiext/core/pool.h"
#include "fcgiext/core/routes.h"
#include "fcgiext/win32/process.h"
#include "fcgiext/win32/server_list.h"

struct engine;
struct engine_pool;

struct settings {
    struct engine *engine;
    volatile LONG users, refs;
    struct settings *next_unused;
    struct config *config;
    struct routes *routes;
    struct buffer report;        /* its errors, as lines, for error pages */
    struct engine_pool **pools;  /* by index of config->pools; NULL: the section is broken */
    struct event_gates *gates;   /* likewise, under the event log's lock: of broken sections, which have no pool */
    struct utf8_vars *utf8_vars; /* likewise: what each sends as UTF-8 */
    uint64_t read_unix_ms;
    DWORD load_error;                         /* the file could not be read */
    struct cgi_constants *volatile constants; /* of the host, when a request has asked for them */
};

/* Reads the engine's file. One user, one reference. NULL: out of memory. */
struct settings *settings_load(struct engine *engine);

/* Of its fcgiext.ini; that the file could not be read is one, too. */
uint32_t settings_error_count(const struct settings *settings);

/* The published ones, as one more user. */
struct settings *settings_enter(struct engine *engine);
void settings_leave(struct settings *settings);
/* Takes the place of the published ones, whose user that was leaves. */
void settings_publish(struct engine *engine, struct settings *settings);

/* The host's constant variables, encoded once, by the first request; `get` asks the host. NULL: out of memory. */
const struct cgi_constants *settings_constants(struct settings *settings, cgi_vars_get *get, void *get_context);

void settings_ref(struct settings *settings);
void settings_unref(struct settings *settings);

/* What a pool's settings mean to the system. Each worker keeps the one that it was started under. */
struct pool_version {
    volatile LONG refs;
    struct settings *settings; /* owns `config`; a reference */
    const struct config_pool *config;
    struct pool_limits limits;
    struct process_plan plan;
    struct server_list *servers; /* NULL: processes of our own; a reference */
};

/* NULL: out of memory. */
struct pool_version *pool_version_create(struct settings *settings, const struct config_pool *config);
/* The version that follows `old` (may be NULL) goes on with what is known of its servers, if they are the same. Before any worker
 * has it. */
void pool_version_follow(struct pool_version *version, const struct pool_version *old);
void pool_version_ref(struct pool_version *version);
void pool_version_unref(struct pool_version *version);

#endif
