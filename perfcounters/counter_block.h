/* counter_block: the memory in which a host publishes its counters, and reading it.
 *
 * Each host has one section, COUNTER_BLOCK_NAME with its process id, laid out as struct counter_block, which is the same for 32 and 64 bits.
 * Only the host that made it writes. Values that belong together are written under a sequence (odd while they change); what
 * is stepped on its own, by one interlocked addition, is not. Offsets never change within a version; a reader knows one version.
 *
 * A reader trusts nothing in it: the host may be of another version, killed in the middle of a change, or not ours at all. Times are
 * microseconds of the performance counter, which all processes share. */
#ifndef PERFCOUNTERS_COUNTER_BLOCK_H
#define PERFCOUNTERS_COUNTER_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgiext/core/counters.h"

/* Behind "Global\\"; where that is refused (no SeCreateGlobalPrivilege), "Local\\". */
#define COUNTER_BLOCK_NAME "fcgiext-perf-%lu"

enum {
    COUNTER_BLOCK_MAGIC = 0x43474346, /* "FCGC" */
    COUNTER_BLOCK_VERSION = 1,        /* changes with anything below, also with the number of places in counters.inc */
    COUNTER_BLOCK_POOLS = 128,        /* what does not fit is not shown: left_out says how many */
    COUNTER_BLOCK_WORKERS = 4096,
    COUNTER_BLOCK_POOL_NAME_LEN = 128, /* with the NUL */
    COUNTER_BLOCK_LINE = 64,           /* of a processor's cache: pools share none */
};

struct counter_block_pool {
    volatile uint32_t sequence;
    volatile uint32_t used; /* 1, once all that does not change is there; it stays until the host ends */
    uint64_t start_us;
    uint64_t start_unix_ms;
    char name[COUNTER_BLOCK_POOL_NAME_LEN]; /* UTF-8, of its section */
    volatile uint64_t times[6];             /* struct counter_times, in its order */
    volatile uint64_t values[COUNTER_POOL_PLACES];
    uint8_t
        padding[COUNTER_BLOCK_LINE - (8 * (3 + 6 + COUNTER_POOL_PLACES) + COUNTER_BLOCK_POOL_NAME_LEN) % COUNTER_BLOCK_LINE];
};

struct counter_block_worker {
    volatile uint32_t sequence;
    volatile uint32_t pid;   /* 0: none, and the rest means nothing */
    volatile uint32_t pool;  /* index */
    volatile uint32_t state; /* enum worker_state */
    volatile uint64_t start_us;
    volatile uint64_t request_since_us; /* 0: no request */
    volatile uint64_t served;
    volatile uint64_t requests_left;
    volatile uint64_t private_bytes; /* 0: not looked at yet */
    volatile uint32_t handle_count;
    uint32_t reserved;
};

struct counter_block {
    uint32_t magic; /* written last */
    uint32_t version;
    uint32_t len;
    uint32_t pid;
    uint64_t process_start; /* FILETIME: a process id is used again */
    uint64_t start_us;
    uint64_t start_unix_ms;
    volatile uint32_t ended;    /* 1: the host has taken leave; its totals are final */
    volatile uint32_t left_out; /* pools and workers for which there was no room */
    volatile uint64_t values[COUNTER_HOST_PLACES];
    uint8_t padding[COUNTER_BLOCK_LINE - (8 * (6 + COUNTER_HOST_PLACES)) % COUNTER_BLOCK_LINE];
    struct counter_block_pool pools[COUNTER_BLOCK_POOLS];
    struct counter_block_worker workers[COUNTER_BLOCK_WORKERS];
};

_Static_assert(sizeof(struct counter_block_worker) == COUNTER_BLOCK_LINE, "a line each");
_Static_assert(sizeof(struct counter_block_pool) % COUNTER_BLOCK_LINE == 0, "pools share no line");
_Static_assert(offsetof(struct counter_block, pools) % COUNTER_BLOCK_LINE == 0, "nor with the host");
_Static_assert(offsetof(struct counter_block_pool, times) == 24 + COUNTER_BLOCK_POOL_NAME_LEN, "no gaps");
_Static_assert(offsetof(struct counter_block, values) == 48, "no gaps");
_Static_assert(sizeof(struct counter_times) == 48, "times[]");
/* Whoever adds a row to counters.inc comes by here: a new COUNTER_BLOCK_VERSION. */
_Static_assert(COUNTER_POOL_PLACES == 138 && COUNTER_HOST_PLACES == 36, "COUNTER_BLOCK_VERSION");

/* ---- writing; by one thread at a time for each pool and worker, whose lock it is holds */

void counter_block_init(struct counter_block *block, uint32_t pid, uint64_t process_start, uint64_t now_us,
                        uint64_t now_unix_ms);
/* A free slot that gets the name; NULL: there is none (left_out is stepped). One thread at a time. */
struct counter_block_pool *counter_block_add_pool(struct counter_block *block, struct bytes name, uint64_t now_us,
                                                  uint64_t now_unix_ms);

void counter_sequence_begin(volatile uint32_t *sequence);
void counter_sequence_end(volatile uint32_t *sequence);

/* ---- reading */

struct counter_pool_view {
    char name[COUNTER_BLOCK_POOL_NAME_LEN];
    uint64_t start_us, start_unix_ms;
    uint64_t values[COUNTER_POOL_PLACES]; /* completed, as of `now_us` */
};

struct counter_worker_view {
    uint32_t pid, pool; /* an index below COUNTER_BLOCK_POOLS, of a used one */
    enum worker_state state;
    uint64_t start_us, request_age_us, served, requests_left, private_bytes;
    uint32_t handle_count;
};

enum counter_block_check { COUNTER_BLOCK_GOOD, COUNTER_BLOCK_FOREIGN, COUNTER_BLOCK_OTHER_VERSION };

/* `len` bytes can be read. FOREIGN: too short, or no block. */
enum counter_block_check counter_block_check(const struct counter_block *block, size_t len);

/* false: the slot is unused, or stays half-written however often it is read. Of a good block only. */
bool counter_block_read_pool(const struct counter_block *block, unsigned index, uint64_t now_us,
                             struct counter_pool_view *view);
/* The same of a slot that is used. */
bool counter_pool_read(const struct counter_block_pool *pool, uint64_t now_us, struct counter_pool_view *view);
bool counter_block_read_worker(const struct counter_block *block, unsigned index, uint64_t now_us,
                               struct counter_worker_view *view);
void counter_block_read_host(const struct counter_block *block, uint64_t values[COUNTER_HOST_PLACES]);

#endif
