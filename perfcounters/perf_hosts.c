/* perf_hosts: see perf_hosts.h.
 *
 * Each host keeps the values that its pools had last. So a slot that cannot be read just now, because its writer was killed in the middle
 * of a change, shows what it showed before; and a host that is found again after it was missed is not counted twice. Only when its
 * place is needed are the totals of an absent host added to its pools (`carried`), and its identity forgotten.
 *
 * Invariant: the sum that is shown of a counter only grows: a host's values are never replaced by lower ones. */
#include "perfcounters/perf_hosts.h"

#include <stdlib.h>

enum { NO_POOL = PERF_MAX_POOLS, PIDS = 2 * PERF_MAX_WORKERS };

/* What a host has said of one of its slots. */
struct slot {
    unsigned pool; /* in hosts->pools; NO_POOL: there was no room */
    uint64_t start_us;
    uint64_t values[COUNTER_POOL_PLACES];
};

struct host {
    uint32_t pid;
    uint64_t process_start, start_us;
    uint64_t seen; /* in which round; 0: the entry is free */
    bool lives;    /* has said so in that round */
    struct slot *slots[COUNTER_BLOCK_POOLS];
};

struct pool {
    char name[COUNTER_BLOCK_POOL_NAME_LEN];
    struct perf_name instance;
    uint64_t carried[COUNTER_POOL_PLACES];
};

struct perf_hosts {
    uint64_t round, now_us;
    bool counts[COUNTER_POOL_PLACES]; /* is the value at this place a counter? */
    struct host hosts[PERF_MAX_HOSTS];
    struct pool *pools[PERF_MAX_POOLS];
    size_t pool_count;
    uint64_t carried[COUNTER_POOL_PLACES]; /* of what has no pool */
    struct perf_pool_row *rows;            /* of PERF_MAX_POOLS + 1 */
    struct perf_worker_row *workers;       /* grows */
    size_t worker_count, worker_capacity;
    uint32_t pids[PIDS]; /* of the workers of this round, hashed; 0: free */
};

struct perf_hosts *perf_hosts_create(void)
{
    struct perf_hosts *hosts = calloc(1, sizeof *hosts);
    struct perf_pool_row *rows = calloc(PERF_MAX_POOLS + 1, sizeof *rows);
    if (!hosts || !rows) {
        free(rows);
        free(hosts);
        return NULL;
    }
    hosts->rows = rows;
    for (size_t i = 0; i < counter_pool_family_count; i++) {
        const struct counter_family *family = &counter_pool_families[i];
        bool counts = family->kind == COUNTER_KIND_COUNTER || family->kind == COUNTER_KIND_HISTOGRAM;
        for (unsigned place = family->first; place < family->first + family->count; place++)
            hosts->counts[place] = counts;
    }
    perf_name_set(&rows[0].name, "_Total");
    return hosts;
}

static void clear_host(struct host *host)
{
    for (unsigned i = 0; i < COUNTER_BLOCK_POOLS; i++)
        free(host->slots[i]);
    memset(host, 0, sizeof *host);
}

void perf_hosts_destroy(struct perf_hosts *hosts)
{
    if (!hosts)
        return;
    for (unsigned i = 0; i < PERF_MAX_HOSTS; i++)
        clear_host(&hosts->hosts[i]);
    for (size_t i = 0; i < hosts->pool_count; i++)
        free(hosts->pools[i]);
    free(hosts->workers);
    free(hosts->rows);
    free(hosts);
}

/* ---- pools */

static bool instance_is_taken(const struct perf_hosts *hosts, const struct perf_name *name)
{
    for (size_t i = 0; i < hosts->pool_count; i++)
        if (perf_name_equal(&hosts->pools[i]->instance, name))
            return true;
    return false;
}

static unsigned find_pool(struct perf_hosts *hosts, const char *name)
{
    struct bytes wanted = bytes_of_str(name);
    for (size_t i = 0; i < hosts->pool_count; i++)
        if (bytes_equal_nocase(bytes_of_str(hosts->pools[i]->name), wanted))
            return (unsigned)i;
    struct pool *pool = hosts->pool_count < PERF_MAX_POOLS ? calloc(1, sizeof *pool) : NULL;
    if (!pool)
        return NO_POOL;
    struct perf_name instance;
    memcpy(pool->name, name, wanted.len + 1);
    perf_name_clean(&instance, wanted);
    pool->instance = instance;
    /* the first number tried is one that no other pool has tried first: no long search, whatever the names are */
    for (uint32_t number = (uint32_t)hosts->pool_count + 1; instance_is_taken(hosts, &pool->instance); number++) {
        pool->instance = instance;
        perf_name_add_number(&pool->instance, '~', number);
    }
    hosts->pools[hosts->pool_count] = pool;
    return (unsigned)hosts->pool_count++;
}

/* ---- hosts */

static void add_counters(const struct perf_hosts *hosts, uint64_t *sum, const uint64_t *values)
{
    for (unsigned place = 0; place < COUNTER_POOL_PLACES; place++)
        if (hosts->counts[place])
            sum[place] += values[place];
}

static void forget(struct perf_hosts *hosts, struct host *host)
{
    for (unsigned i = 0; i < COUNTER_BLOCK_POOLS; i++)
        if (host->slots[i]) {
            unsigned pool = host->slots[i]->pool;
            add_counters(hosts, pool == NO_POOL ? hosts->carried : hosts->pools[pool]->carried, host->slots[i]->values);
        }
    clear_host(host);
}

/* The entry of this host, or one for it: a free one, or that of the host that has been absent for longest. */
static struct host *find_host(struct perf_hosts *hosts, const struct host *wanted)
{
    struct host *place = NULL;
    for (unsigned i = 0; i < PERF_MAX_HOSTS; i++) {
        struct host *host = &hosts->hosts[i];
        if (host->seen && host->pid == wanted->pid && host->process_start == wanted->process_start &&
            host->start_us == wanted->start_us)
            return host;
        if (host->seen < hosts->round && (!place || host->seen < place->seen))
            place = host;
    }
    if (!place)
        return NULL;
    forget(hosts, place);
    *place = *wanted;
    return place;
}

static void take_pool(struct perf_hosts *hosts, struct host *host, const struct counter_block *block, unsigned index)
{
    struct counter_pool_view view;
    struct slot *slot = host->slots[index];
    if (!counter_block_read_pool(block, index, hosts->now_us, &view))
        return;
    if (!slot) {
        slot = host->slots[index] = calloc(1, sizeof *slot);
        if (!slot)
            return;
        slot->pool = find_pool(hosts, view.name);
        slot->start_us = view.start_us;
    }
    for (unsigned place = 0; place < COUNTER_POOL_PLACES; place++)
        if (!hosts->counts[place] || slot->values[place] < view.values[place])
            slot->values[place] = view.values[place];
}

/* ---- workers */

/* false: a worker with this process id has been seen in this round. */
static bool note_pid(struct perf_hosts *hosts, uint32_t pid)
{
    unsigned place = (pid * 2654435761u >> 16) % PIDS;
    for (; hosts->pids[place]; place = (place + 1) % PIDS)
        if (hosts->pids[place] == pid)
            return false;
    hosts->pids[place] = pid;
    return true;
}

static struct perf_worker_row *add_worker(struct perf_hosts *hosts)
{
    if (hosts->worker_count == hosts->worker_capacity) {
        size_t capacity = hosts->worker_capacity ? 2 * hosts->worker_capacity : 64;
        struct perf_worker_row *workers = realloc(hosts->workers, capacity * sizeof *workers);
        if (!workers)
            return NULL;
        hosts->workers = workers;
        hosts->worker_capacity = capacity;
    }
    return &hosts->workers[hosts->worker_count++];
}

static void take_workers(struct perf_hosts *hosts, const struct host *host, const struct counter_block *block)
{
    struct counter_worker_view view;
    for (unsigned i = 0; i < COUNTER_BLOCK_WORKERS && hosts->worker_count < PERF_MAX_WORKERS; i++) {
        if (!counter_block_read_worker(block, i, hosts->now_us, &view))
            continue;
        const struct slot *slot = host->slots[view.pool];
        if (!slot || slot->pool == NO_POOL || !note_pid(hosts, view.pid))
            continue;
        struct perf_worker_row *row = add_worker(hosts);
        if (!row)
            return;
        row->view = view;
        row->name = hosts->pools[slot->pool]->instance;
        perf_name_add_number(&row->name, '_', view.pid);
    }
}

/* ---- a round */

void perf_hosts_begin(struct perf_hosts *hosts, uint64_t now_us)
{
    hosts->round++;
    hosts->now_us = now_us;
    hosts->worker_count = 0;
    memset(hosts->pids, 0, sizeof hosts->pids);
}

bool perf_hosts_take(struct perf_hosts *hosts, uint32_t pid, const struct counter_block *block, size_t len)
{
    if (counter_block_check(block, len) != COUNTER_BLOCK_GOOD || block->pid != pid)
        return false;
    struct host identity = {
        .pid = pid, .process_start = block->process_start, .start_us = block->start_us, .seen = hosts->round};
    struct host *host = find_host(hosts, &identity);
    if (!host)
        return false;
    host->seen = hosts->round;
    host->lives = !block->ended; /* asked before its values are read: they are final then */
    for (unsigned i = 0; i < COUNTER_BLOCK_POOLS; i++)
        take_pool(hosts, host, block, i);
    if (host->lives)
        take_workers(hosts, host, block);
    return true;
}

static void add_slot(struct perf_hosts *hosts, const struct slot *slot, bool lives)
{
    struct perf_pool_row *rows[2] = {&hosts->rows[hosts->pool_count], NULL};
    if (slot->pool != NO_POOL)
        rows[1] = &hosts->rows[slot->pool];
    for (int i = 0; i < 2 && rows[i]; i++) {
        if (!lives) {
            add_counters(hosts, rows[i]->values, slot->values);
            continue;
        }
        counters_add(rows[i]->values, slot->values);
        if (!rows[i]->start_us || slot->start_us < rows[i]->start_us)
            rows[i]->start_us = slot->start_us;
    }
}

void perf_hosts_end(struct perf_hosts *hosts)
{
    struct perf_pool_row *total = &hosts->rows[hosts->pool_count];
    memset(hosts->rows, 0, (hosts->pool_count + 1) * sizeof *hosts->rows);
    perf_name_set(&total->name, "_Total");
    memcpy(total->values, hosts->carried, sizeof hosts->carried);
    for (size_t i = 0; i < hosts->pool_count; i++) {
        hosts->rows[i].name = hosts->pools[i]->instance;
        memcpy(hosts->rows[i].values, hosts->pools[i]->carried, sizeof hosts->pools[i]->carried);
        add_counters(hosts, total->values, hosts->pools[i]->carried);
    }
    for (unsigned i = 0; i < PERF_MAX_HOSTS; i++) {
        const struct host *host = &hosts->hosts[i];
        for (unsigned j = 0; host->seen && j < COUNTER_BLOCK_POOLS; j++)
            if (host->slots[j])
                add_slot(hosts, host->slots[j], host->lives && host->seen == hosts->round);
    }
}

const struct perf_pool_row *perf_hosts_pools(const struct perf_hosts *hosts, size_t *count)
{
    *count = hosts->pool_count + 1;
    return hosts->rows;
}

const struct perf_worker_row *perf_hosts_workers(const struct perf_hosts *hosts, size_t *count)
{
    *count = hosts->worker_count;
    return hosts->workers;
}
