/* pool_steps: what the scheduler can do, one step at a time. pool.c says when; pool_info.c and pool_walk.c look at the result. Each step
 * leaves the lists, counts and timers of the pool consistent and emits its actions; only pool_has_room keeps them from
 * being too many. Not an interface of the pool: for its own files only. */
#ifndef FCGIEXT_CORE_POOL_STEPS_H
#define FCGIEXT_CORE_POOL_STEPS_H

#include "fcgiext/core/pool_types.h"

/* Is there room for all actions of one more event? */
bool pool_has_room(const struct pool *pool);
/* `worker` may be NULL. The caller fills in the rest. */
struct pool_action *pool_emit(struct pool *pool, enum pool_action_kind kind, const struct pool_worker *worker);

void pool_set_timer(struct pool *pool, struct pool_timer *timer, uint64_t delay_ms);

/* ---- requests */

void pool_enqueue(struct pool *pool, struct pool_request *request);
/* Until the end of its queue timeout; UINT64_MAX: there is none. */
uint64_t pool_queue_time_left(const struct pool *pool, const struct pool_request *request);
/* For a waiting one: the next probe, or the end of its time. */
void pool_set_waiting_timer(struct pool *pool, struct pool_request *request);
/* A request that never got a slot. */
void pool_reject_arrival(struct pool *pool, uint64_t tag, enum error_cause cause);
/* These three end a request: it waits or lingers; runs and failed; runs and is answered. */
void pool_reject(struct pool *pool, struct pool_request *request, struct pool_failure verdict);
void pool_abort_request(struct pool *pool, struct pool_request *request, struct pool_failure verdict);
void pool_forget_request(struct pool *pool, struct pool_request *request);
/* Ends the request that the worker has, if any: it runs, or lingers. */
void pool_cut_off(struct pool *pool, struct pool_worker *worker, enum error_cause cause);
/* Takes the request off its worker, back to the head of the queue. */
void pool_retry(struct pool *pool, struct pool_request *request, enum pool_retry_cause cause);

/* ---- failures */

bool pool_is_exception(uint32_t exit_code);
/* What a request is told whose worker has ended, or has closed the connection. */
struct pool_failure pool_exit_verdict(const struct pool *pool, const struct pool_worker *worker);
/* A start came to nothing: counts, and the next one waits, longer each time. */
void pool_note_failed_start(struct pool *pool, struct pool_failure verdict);
/* A worker broke off a request. */
void pool_note_loss(struct pool *pool, struct pool_worker *worker);
/* A worker has exited by itself without a request: a failure only when it crashed, or never did any work. */
void pool_note_exit(struct pool *pool, struct pool_worker *worker);

/* ---- workers */

/* The only setter of a worker's state. Takes its timer away. */
void pool_move_worker(struct pool *pool, struct pool_worker *worker, enum worker_state state);
/* A serving worker of the pool's generation that is not an unproven replacement: it is to be replaced from now on. */
void pool_make_old(struct pool *pool, struct pool_worker *worker);
void pool_set_activity_timer(struct pool *pool, struct pool_worker *worker);
/* It has had as many requests as its program takes by itself, as far as that is known. */
bool pool_is_through(const struct pool *pool, const struct pool_worker *worker);
/* A waiting request to an idle worker. */
void pool_assign(struct pool *pool, struct pool_worker *worker, struct pool_request *request);
/* A worker with a clean connection and no request: becomes idle; ends when the pool is closed. */
void pool_worker_free(struct pool *pool, struct pool_worker *worker);
void pool_idle_step(struct pool *pool, struct pool_worker *worker);
/* Ends a worker that has no request. WORKER_EXIT_ENDED: its connection has ended without us, so it is probably on its way out:
 * let it. */
void pool_stop_worker(struct pool *pool, struct pool_worker *worker, enum worker_exit reason);
void pool_kill_worker(struct pool *pool, struct pool_worker *worker);
void pool_worker_gone(struct pool *pool, struct pool_worker *worker);

/* How many workers that are ending may stand beside the limit: else a slow clean-up would cost the pool its capacity. */
uint32_t pool_surge(const struct pool_limits *limits);
/* How many more may be started now. */
uint32_t pool_startable(const struct pool *pool);
/* As many as there are waiting requests for which none is on its way. */
void pool_start_workers(struct pool *pool);
/* false: none can be started now. */
bool pool_start_worker(struct pool *pool);
/* As many as `wanted` says, if the pool may start any now. */
void pool_start_while(struct pool *pool, bool (*wanted)(const struct pool *pool));
/* Workers that are not STOPPING. */
uint32_t pool_serving(const struct pool *pool);
/* So many may serve: the limit, and during a recycle the surge. */
uint32_t pool_max_serving(const struct pool *pool);
/* Requests after which a worker is replaced: the configured limit or the program's own. */
uint32_t pool_request_limit(const struct pool *pool);
void pool_learn_request_limit(struct pool *pool, const struct pool_worker *worker);
void pool_set_limits(struct pool *pool, const struct pool_limits *limits);
/* The limit of a tuned pool; of another one it has crossed a RECONFIGURED. */
void pool_tune(struct pool *pool, uint32_t max_instances);

/* ---- spares (pool_spare.c) */

/* So many workers are kept. */
uint32_t pool_min_serving(const struct pool *pool);
/* Are there fewer, none of them on its way out in a manner that is still to be judged, and not enough being started? */
bool pool_lacks_spares(const struct pool *pool);
void pool_start_spares(struct pool *pool);

/* ---- renewal of what is too old or too large (pool_renewal.c) */

/* A worker runs from now on. */
void pool_begin_life(struct pool *pool, struct pool_worker *worker);
/* A worker leaves the serving states. */
void pool_end_life(struct pool *pool, struct pool_worker *worker);
void pool_set_lifetime_timer(struct pool *pool);
void pool_on_lifetime_timer(struct pool *pool);
void pool_on_renewal_timer(struct pool *pool);
/* Asks for the size of a worker that has answered, if it is time. */
void pool_measure(struct pool *pool, struct pool_worker *worker);
void pool_on_measured(struct pool *pool, struct pool_worker *worker, uint64_t bytes);
/* Worn workers are there: a recycle replaces them. */
void pool_renew(struct pool *pool);
/* It is old for its wear alone: an operator's recycle, if there is one, was not about it. */
bool pool_is_renewal(const struct pool *pool, const struct pool_worker *worker);

/* ---- recycling (pool_recycle.c) */

bool pool_is_old(const struct pool *pool, const struct pool_worker *worker);
/* Why an old one ends. */
enum worker_exit pool_reason_of_old(const struct pool_worker *worker);
void pool_begin_recycle(struct pool *pool, bool now);
/* For the old workers that are still there. */
void pool_continue_recycle(struct pool *pool);
void pool_end_recycle(struct pool *pool, enum pool_recycle_state state);
/* A worker has answered, or has lived long enough. */
void pool_mark_ready(struct pool *pool, struct pool_worker *worker);
/* A worker leaves the serving states. */
void pool_note_leaving(struct pool *pool, struct pool_worker *worker);
/* Retires old workers for ready replacements and starts more of them. */
void pool_recycle_sweep(struct pool *pool);
/* One worker, by an operator's wish: when it is free, or at once. */
void pool_dismiss_worker(struct pool *pool, struct pool_worker *worker);
void pool_end_worker(struct pool *pool, struct pool_worker *worker);
/* Ends idle workers above the limit, or all of them when the pool drains. */
void pool_trim(struct pool *pool);

#endif
