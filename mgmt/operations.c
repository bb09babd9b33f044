/* operations: see operations.h. Progress is not counted as it happens but seen from the pool when somebody asks: what is left of the
 * workers, or requests, that were there at the beginning. */
#include "mgmt/operations.h"

#include <stdio.h>
#include <string.h>

void operations_init(struct operations *operations)
{
    memset(operations, 0, sizeof *operations);
}

/* Does `later` take the place of `earlier`, of the same pool? A drain ends what a recycle has begun. */
static bool supersedes(enum mgmt_command_kind later, enum mgmt_command_kind earlier)
{
    switch (later) {
    case MGMT_COMMAND_RECYCLE: return earlier == MGMT_COMMAND_RECYCLE;
    case MGMT_COMMAND_DRAIN: return earlier == MGMT_COMMAND_DRAIN || earlier == MGMT_COMMAND_RECYCLE;
    case MGMT_COMMAND_RESUME: return earlier == MGMT_COMMAND_DRAIN;
    case MGMT_COMMAND_WORKER_RECYCLE:
    case MGMT_COMMAND_WORKER_KILL:
    case MGMT_COMMAND_RELOAD: return false; /* both come to the same end */
    }
    return false;
}

void operations_end(struct operations_entry *entry, enum mgmt_operation_state state, const char *reason)
{
    if (entry->shown.state != MGMT_OPERATION_RUNNING)
        return;
    entry->shown.state = state;
    if (state == MGMT_OPERATION_DONE)
        entry->shown.done = entry->shown.total;
    snprintf(entry->shown.reason, sizeof entry->shown.reason, "%s", reason ? reason : "");
}

static bool is_running(const struct operations_entry *entry)
{
    return entry->shown.id && entry->shown.state == MGMT_OPERATION_RUNNING;
}

struct operations_entry *operations_begin(struct operations *operations, enum mgmt_command_kind kind, const char *pool,
                                          uint64_t worker, uint64_t now_ms)
{
    struct operations_entry *place = NULL;
    for (unsigned i = 0; i < OPERATIONS_COUNT; i++) {
        struct operations_entry *entry = &operations->entries[i];
        if (is_running(entry) && strcmp(entry->shown.pool, pool) == 0 && supersedes(kind, entry->shown.kind))
            operations_end(entry, MGMT_OPERATION_SUPERSEDED, "a later command took its place");
        if (!is_running(entry) && (!place || entry->shown.id < place->shown.id))
            place = entry;
    }
    if (!place)
        return NULL;
    memset(place, 0, sizeof *place);
    place->shown.id = ++operations->last_id;
    place->shown.kind = kind;
    place->shown.state = MGMT_OPERATION_RUNNING;
    snprintf(place->shown.pool, sizeof place->shown.pool, "%s", pool);
    place->worker = worker;
    place->began_ms = now_ms;
    place->held = true;
    return place;
}

void operations_release(struct operations_entry *entry)
{
    entry->held = false;
}

struct operations_entry *operations_find(struct operations *operations, uint64_t id)
{
    for (unsigned i = 0; i < OPERATIONS_COUNT; i++)
        if (id && operations->entries[i].shown.id == id)
            return &operations->entries[i];
    return NULL;
}

/* `left` of what there was at the beginning; more may have come since. */
static void progress(struct mgmt_operation *shown, uint32_t left)
{
    if (shown->total < left)
        shown->total = left;
    shown->done = shown->total - left;
}

static void say(struct mgmt_operation *shown, const char *reason)
{
    snprintf(shown->reason, sizeof shown->reason, "%s", reason);
}

static void look_at_recycle(struct operations_entry *entry, const struct operations_facts *facts)
{
    const struct pool_counts *counts = &facts->counts;
    uint32_t left = counts->old_workers - counts->renewals; /* what becomes worn meanwhile is the pool's own business */
    progress(&entry->shown, left);
    say(&entry->shown, "");
    if (left == 0)
        operations_end(entry, MGMT_OPERATION_DONE, NULL);
    else if (counts->recycle == POOL_RECYCLE_FAILED)
        operations_end(entry, MGMT_OPERATION_FAILED, "its replacements failed: the old workers go on serving");
    else if (counts->state == POOL_STATE_RAPID_FAIL)
        say(&entry->shown, "the pool is in rapid-fail: nothing is started before that ends");
    else if (counts->by_state[WORKER_STARTING] == 0 && counts->by_state[WORKER_IDLE] == 0)
        say(&entry->shown, "it waits for workers that are busy");
}

static void look_at_drain(struct operations_entry *entry, const struct operations_facts *facts)
{
    const struct pool_counts *counts = &facts->counts;
    progress(&entry->shown, counts->waiting + facts->running + counts->workers);
    say(&entry->shown, "");
    if (counts->state == POOL_STATE_DRAINED)
        operations_end(entry, MGMT_OPERATION_DONE, NULL);
    else if (counts->state != POOL_STATE_DRAINING)
        operations_end(entry, MGMT_OPERATION_SUPERSEDED, "the pool was resumed");
    else if (facts->running)
        say(&entry->shown, "it waits for requests that run");
    else
        say(&entry->shown, "it waits for processes to end");
}

static void look_at_worker(struct operations_entry *entry, const struct operations_facts *facts)
{
    progress(&entry->shown, 1u * facts->has_worker);
    if (!facts->has_worker)
        operations_end(entry, MGMT_OPERATION_DONE, NULL);
}

void operations_look(struct operations_entry *entry, const struct operations_facts *facts)
{
    if (entry->held || entry->shown.state != MGMT_OPERATION_RUNNING || entry->shown.kind == MGMT_COMMAND_RELOAD)
        return;
    if (facts->counts.state == POOL_STATE_CLOSED) {
        operations_end(entry, MGMT_OPERATION_FAILED, "the host is shutting down");
        return;
    }
    switch (entry->shown.kind) {
    case MGMT_COMMAND_RECYCLE: look_at_recycle(entry, facts); break;
    case MGMT_COMMAND_DRAIN: look_at_drain(entry, facts); break;
    case MGMT_COMMAND_RESUME: operations_end(entry, MGMT_OPERATION_DONE, NULL); break;
    case MGMT_COMMAND_WORKER_RECYCLE:
    case MGMT_COMMAND_WORKER_KILL: look_at_worker(entry, facts); break;
    case MGMT_COMMAND_RELOAD: break;
    }
}

void operations_end_all(struct operations *operations, enum mgmt_command_kind kind, uint64_t last_id,
                        enum mgmt_operation_state state, const char *reason)
{
    for (unsigned i = 0; i < OPERATIONS_COUNT; i++) {
        struct operations_entry *entry = &operations->entries[i];
        if (is_running(entry) && entry->shown.kind == kind && entry->shown.id <= last_id)
            operations_end(entry, state, reason);
    }
}
