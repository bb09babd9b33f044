/* perf_hosts: from the blocks of several hosts to the instances of perfmon: pools over all hosts and their sum, and workers.
 *
 * It lives as long as its reader, and remembers: a counter never becomes less, whatever hosts end, and a pool keeps its place and its
 * instance's name. Of a host that has ended, or is not to be found any more, counters are carried on and gauges are not. What blocks hold
 * is trusted in nothing; everything has a bound. Pure: the caller finds the blocks and says what the time is.
 *
 *   perf_hosts_begin(); perf_hosts_take() for each block; perf_hosts_end(); then the rows, until the next _begin() */
#ifndef PERFCOUNTERS_PERF_HOSTS_H
#define PERFCOUNTERS_PERF_HOSTS_H

#include "perfcounters/perf_counters.h"
#include "perfcounters/perf_names.h"

enum {
    PERF_MAX_HOSTS = 64,     /* that are remembered; of one that is forgotten the totals are kept */
    PERF_MAX_POOLS = 256,    /* names; the sum has what comes later, too */
    PERF_MAX_WORKERS = 4096, /* rows */
};

struct perf_pool_row {
    struct perf_name name;
    uint64_t start_us; /* of the oldest host that is there; 0: none is */
    uint64_t values[COUNTER_POOL_PLACES];
};

struct perf_worker_row {
    struct perf_name name; /* "pool_pid" */
    struct counter_worker_view view;
};

struct perf_hosts;

/* NULL: out of memory. */
struct perf_hosts *perf_hosts_create(void);
void perf_hosts_destroy(struct perf_hosts *hosts);

void perf_hosts_begin(struct perf_hosts *hosts, uint64_t now_us);
/* `len` bytes at `block`, which somebody may be writing, of the process `pid`. false: it is no good block of that process, or there are
 * too many hosts, or memory is out. */
bool perf_hosts_take(struct perf_hosts *hosts, uint32_t pid, const struct counter_block *block, size_t len);
void perf_hosts_end(struct perf_hosts *hosts);

/* At least one: the last is the sum, "_Total". */
const struct perf_pool_row *perf_hosts_pools(const struct perf_hosts *hosts, size_t *count);
const struct perf_worker_row *perf_hosts_workers(const struct perf_hosts *hosts, size_t *count);

#endif
