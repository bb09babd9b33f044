/* operations: what operators have asked for, and how far it has come: a table of the last ones, with ids. Pure: the caller has the
 * clock and the lock, and tells what the pools look like.
 *
 * An operation ends once: DONE, FAILED, or SUPERSEDED by a later command to the same pool that is about the same thing. */
#ifndef MGMT_OPERATIONS_H
#define MGMT_OPERATIONS_H

#include "mgmt/ops.h"

enum { OPERATIONS_COUNT = 100 };

struct operations_entry {
    struct mgmt_operation shown;
    void *subject;   /* the caller's: its pool, whose name may have been cut in `shown` */
    uint64_t worker; /* WORKER_...: its id */
    uint64_t began_ms;
    bool held; /* its command is not carried out yet: what the pool looks like says nothing about it */
};

struct operations {
    struct operations_entry entries[OPERATIONS_COUNT];
    uint64_t last_id;
};

/* What a pool looks like now. */
struct operations_facts {
    struct pool_counts counts;
    uint32_t running; /* requests on workers */
    bool has_worker;  /* the entry's worker is there */
};

void operations_init(struct operations *operations);
/* A new one, RUNNING and held until operations_release; its place is that of the oldest that has ended. NULL: all of them still run (too many). What it contradicts,
 * or repeats, is superseded. `pool`: "" for RELOAD. */
struct operations_entry *operations_begin(struct operations *operations, enum mgmt_command_kind kind, const char *pool,
                                          uint64_t worker, uint64_t now_ms);
void operations_release(struct operations_entry *entry);
/* NULL: there never was one, or it is forgotten. */
struct operations_entry *operations_find(struct operations *operations, uint64_t id);
/* How far it has come; nothing happens to one that has ended. Not for RELOAD, whose end operations_end tells. */
void operations_look(struct operations_entry *entry, const struct operations_facts *facts);
/* `reason` may be NULL. Nothing happens to one that has ended. */
void operations_end(struct operations_entry *entry, enum mgmt_operation_state state, const char *reason);
/* Those of this kind that run, up to this id. */
void operations_end_all(struct operations *operations, enum mgmt_command_kind kind, uint64_t last_id,
                        enum mgmt_operation_state state, const char *reason);

#endif
