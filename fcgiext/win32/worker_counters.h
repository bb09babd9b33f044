/* worker_counters: what is published of a worker; see perfcounters/counter_block.h. Of processes of ours only: those of external servers have
 * no id that anybody here could look up. */
#ifndef FCGIEXT_WIN32_WORKER_COUNTERS_H
#define FCGIEXT_WIN32_WORKER_COUNTERS_H

#include "fcgiext/core/pool.h"

struct worker_io;

/* On the worker's strand: its process runs; it is gone. */
void worker_counters_begin(struct worker_io *worker);
void worker_counters_end(struct worker_io *worker);
/* The same: it is free of its request. */
void worker_counters_released(struct worker_io *worker);
void worker_counters_measured(struct worker_io *worker, uint64_t private_bytes);
/* Under the pool's lock: it is given a request. */
void worker_counters_assigned(struct worker_io *worker, const struct pool *pool);

#endif
