/* sim: see sim.h. The world does what win32/engine, worker_io and handler do, in the orders in which they may do it: an
 * action is noted when the pool gives it out and carried out when its worker's mailbox is drawn; what follows from it
 * (a start, a reply, an exit) is an event at some later time. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim *running; /* for pool_check's hook */

void sim_broken(const struct sim *sim, const char *condition, int line)
{
    printf("sim: step %llu: line %d: does not hold: %s\n", (unsigned long long)sim->step, line, condition);
    printf("replay: sim --seed %llu --steps %llu\n", (unsigned long long)sim->seed, (unsigned long long)sim->step + 1);
    exit(1);
}

static void check_failed(const char *condition)
{
    sim_broken(running, condition, 0);
}

/* ---- later events ---- */

static void later(struct sim *sim, struct sim_worker *worker, uint64_t delay_ms, struct pool_event event)
{
    REQUIRE(sim, sim->event_count < SIM_MAX_EVENTS);
    struct sim_event *later = &sim->events[sim->event_count++];
    later->at_ms = sim->now_ms + delay_ms;
    later->event = event;
    later->worker = worker ? (uint32_t)(worker - sim->workers) + 1 : 0;
    later->worker_id = worker ? worker->id : 0;
}

static void later_of_worker(struct sim *sim, struct sim_worker *worker, uint64_t delay_ms, enum pool_event_kind kind,
                            uint32_t code)
{
    later(sim, worker, delay_ms, (struct pool_event){.kind = kind, .worker = worker->id, .code = code});
}

static void later_finished(struct sim *sim, struct sim_worker *worker, uint64_t delay_ms, enum pool_outcome outcome)
{
    uint64_t id = sim->requests[worker->request - 1].id;
    struct pool_event event = {.kind = POOL_EVENT_FINISHED, .request = id, .outcome = outcome};
    event.worker = worker->id; /* for the world's rules: the pool does not look at it */
    later(sim, worker, delay_ms, event);
}

/* ---- the pool's actions, when they are given out ---- */

static struct sim_request *request_of(struct sim *sim, uint64_t tag)
{
    struct sim_request *request = &sim->requests[tag % SIM_MAX_REQUESTS];
    REQUIRE(sim, request->state == SIM_OPEN && request->order == tag); /* each request ends once */
    return request;
}

static void end_request(struct sim *sim, uint64_t tag)
{
    request_of(sim, tag)->state = SIM_ENDED;
    sim->open_count--;
}

static unsigned live_workers(const struct sim *sim)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SIM_MAX_WORKERS; i++)
        count += sim->workers[i].used && !sim->workers[i].gone;
    return count;
}

static struct sim_worker *worker_of(struct sim *sim, uint64_t id)
{
    unsigned i = 0;
    while (i < SIM_MAX_WORKERS && !(sim->workers[i].used && !sim->workers[i].gone && sim->workers[i].id == id))
        i++;
    REQUIRE(sim, i < SIM_MAX_WORKERS);
    return &sim->workers[i];
}

static void note_start(struct sim *sim, const struct pool_action *action)
{
    uint32_t max = sim->limits.max_instances, quarter = max / 4;
    unsigned free_slot = 0;
    while (free_slot < SIM_MAX_WORKERS && sim->workers[free_slot].used)
        free_slot++;
    REQUIRE(sim, free_slot < SIM_MAX_WORKERS);
    REQUIRE(sim, (uint32_t)action->worker < pool_worker_slots(sim->pool));
    struct sim_worker *worker = &sim->workers[free_slot];
    memset(worker, 0, sizeof *worker);
    worker->used = true;
    worker->id = action->worker;
    REQUIRE(sim, live_workers(sim) <= max + (quarter ? quarter : 1)); /* never above the limit and the surge */
    limits_at_start(sim);
    sim->totals.started++;
}

static void note_assign(struct sim *sim, const struct pool_action *action)
{
    struct sim_worker *worker = worker_of(sim, action->worker);
    struct sim_request *request = request_of(sim, action->tag);
    REQUIRE(sim, !worker->retiring);         /* nothing is routed to a worker that is to end */
    REQUIRE(sim, !worker->has_pool_request); /* one request a worker */
    REQUIRE(sim, request->id == action->request || request->id == 0);
    if (!request->was_assigned) { /* first in, first out; second tries come back to the front */
        REQUIRE(sim, request->order > sim->last_assigned_order || sim->last_assigned_order == 0);
        sim->last_assigned_order = request->order;
    } else {
        sim->totals.retried++;
    }
    limits_at_assign(sim, worker);
    request->was_assigned = true;
    worker->has_pool_request = true;
    worker->pool_order = request->order;
}

static void note_failure(struct sim *sim, const struct pool_action *action)
{
    REQUIRE(sim, action->cause > ERROR_CAUSE_NONE && action->cause < ERROR_CAUSE_COUNT);
    limits_at_failure(sim, request_of(sim, action->tag), action->cause);
    for (unsigned i = 0; i < SIM_MAX_WORKERS; i++)
        if (sim->workers[i].has_pool_request && sim->workers[i].pool_order == action->tag)
            sim->workers[i].has_pool_request = false;
    end_request(sim, action->tag);
    sim->totals.failed[action->cause]++;
}

static void note(struct sim *sim, const struct pool_action *action)
{
    switch (action->kind) {
    case POOL_ACTION_START: note_start(sim, action); break;
    case POOL_ACTION_ASSIGN: note_assign(sim, action); break;
    case POOL_ACTION_SIGNAL:
    case POOL_ACTION_CLOSE:
    case POOL_ACTION_KILL: worker_of(sim, action->worker)->retiring = true; break;
    case POOL_ACTION_ABORT:
    case POOL_ACTION_REJECT: note_failure(sim, action); break;
    case POOL_ACTION_FORGET:
        end_request(sim, action->tag);
        sim->totals.answered++;
        break;
    case POOL_ACTION_PROBE:
        if (chance(sim, 10))
            later(sim, NULL, 1, (struct pool_event){.kind = POOL_EVENT_GONE, .request = action->request});
        REQUIRE(sim, request_of(sim, action->tag)->order == action->tag);
        break;
    case POOL_ACTION_RELEASE: sim->totals.unexpected += action->cause != ERROR_CAUSE_NONE; break;
    case POOL_ACTION_MEASURE: limits_at_measure(sim, worker_of(sim, action->worker)); break;
    case POOL_ACTION_CONNECT:
    case POOL_ACTION_WATCH: break;
    }
    if (!action->worker)
        return;
    struct sim_worker *worker = worker_of(sim, action->worker);
    REQUIRE(sim, worker->mail_count < SIM_MAILBOX);
    worker->mailbox[worker->mail_count++] = *action;
    worker->gone |= action->kind == POOL_ACTION_RELEASE;
}

static uint64_t tell(struct sim *sim, const struct pool_event *event)
{
    struct pool_actions actions;
    limits_before(sim, event);
    pool_handle(sim->pool, event, sim->now_ms, &actions);
    for (uint32_t i = 0; i < actions.count; i++)
        note(sim, &actions.items[i]);
    pool_check(sim->pool);
    limits_after(sim, event);
    return actions.arrived;
}

/* ---- the pool's actions, when they are carried out ---- */

static void start(struct sim *sim, struct sim_worker *worker)
{
    do {
        worker->behaviour = (enum behaviour)draw(sim, BEHAVE_COUNT);
    } while (!(sim->mix & 1u << worker->behaviour));
    worker->exits_after = 1 + (unsigned)draw(sim, 5);
    worker->bytes = 100 + draw(sim, 300);
    worker->leak = draw(sim, 200);
    uint64_t delay_ms = worker->behaviour == BEHAVE_START_SLOWLY ? 1000 + draw(sim, 20000) : 5 + draw(sim, 50);
    if (worker->behaviour == BEHAVE_START_FAIL) {
        later_of_worker(sim, worker, delay_ms, POOL_EVENT_START_FAILED, 2);
        return;
    }
    worker->runs = worker->connected = true;
    later_of_worker(sim, worker, delay_ms, POOL_EVENT_STARTED, 0);
    if (worker->behaviour == BEHAVE_EXIT_AT_START) {
        worker->runs = worker->connected = false;
        later_of_worker(sim, worker, delay_ms - 5 + draw(sim, 25), POOL_EVENT_EXITED, draw_start_exit(sim));
    }
}

/* The process ends: its connection and its exit are seen in either order. */
static void die(struct sim *sim, struct sim_worker *worker, uint64_t delay_ms, uint32_t code)
{
    if (!worker->runs)
        return;
    worker->runs = false;
    later_of_worker(sim, worker, delay_ms + draw(sim, 30), POOL_EVENT_EXITED, code);
    if (worker->connected && !worker->request && worker->watched)
        later_of_worker(sim, worker, delay_ms + draw(sim, 30), POOL_EVENT_DISCONNECTED, 0);
    worker->connected = false;
}

static void break_off(struct sim *sim, struct sim_worker *worker)
{
    struct sim_request *request = &sim->requests[worker->request - 1];
    uint64_t delay_ms = draw(sim, 2000);
    bool answered = chance(sim, 50);
    enum pool_outcome outcome = !answered && worker->reused ? POOL_OUTCOME_UNANSWERED : POOL_OUTCOME_BROKEN;
    request->was_answered = answered;
    if (answered)
        later(sim, worker, delay_ms / 2, (struct pool_event){.kind = POOL_EVENT_PROGRESS, .request = request->id});
    later_finished(sim, worker, delay_ms + draw(sim, 50), outcome);
    worker->connected = false;
    if (chance(sim, 80)) { /* else it lives on, without a connection */
        worker->runs = false;
        later_of_worker(sim, worker, delay_ms + draw(sim, 50), POOL_EVENT_EXITED, chance(sim, 50) ? 0xC0000005u : 0);
    }
}

/* Signs of life, now and then a wait for the client, then the end. */
static void answer(struct sim *sim, struct sim_worker *worker, uint64_t step_ms, unsigned steps, enum pool_outcome outcome)
{
    struct pool_event event = {.kind = POOL_EVENT_PROGRESS, .request = sim->requests[worker->request - 1].id};
    uint64_t at_ms = 0;
    for (unsigned i = 0; i < steps; i++) {
        at_ms += 1 + draw(sim, step_ms);
        later(sim, worker, at_ms, event);
        if (chance(sim, 10)) {
            event.kind = POOL_EVENT_CLIENT_WAIT;
            later(sim, worker, at_ms, event);
            at_ms += draw(sim, 200000);
            event.kind = POOL_EVENT_CLIENT_READY;
            later(sim, worker, at_ms, event);
            event.kind = POOL_EVENT_PROGRESS;
        }
    }
    later_finished(sim, worker, at_ms + draw(sim, step_ms), outcome);
}

static void assign(struct sim *sim, struct sim_worker *worker, const struct pool_action *action)
{
    struct sim_request *request = &sim->requests[action->tag % SIM_MAX_REQUESTS];
    REQUIRE(sim, worker->request == 0);
    worker->watched = false;
    worker->request = (uint32_t)(action->tag % SIM_MAX_REQUESTS) + 1;
    worker->request_id = action->request;
    if (request->state != SIM_OPEN || request->order != action->tag)
        return; /* it has been aborted meanwhile: that is next in this mailbox */
    request->id = action->request;
    bool lost = !worker->connected && worker->reused && chance(sim, 80); /* written into the pipe of a process that is going */
    if (!worker->connected && !lost) {
        later_finished(sim, worker, draw(sim, 5), POOL_OUTCOME_UNWRITTEN);
        return;
    }
    request->written_to++;
    REQUIRE(sim, request->written_to <= (request->replayable ? 2u : 1u)); /* what may not be sent twice is not */
    REQUIRE(sim, !request->was_answered);                                 /* nor what has been answered in part */
    if (lost) {
        later_finished(sim, worker, draw(sim, 5), POOL_OUTCOME_UNANSWERED);
        return;
    }
    enum pool_outcome outcome = chance(sim, 70) ? POOL_OUTCOME_DONE : draw_close(sim);
    switch (worker->behaviour) {
    case BEHAVE_CRASH: break_off(sim, worker); break;
    case BEHAVE_NEVER_READ: break;
    case BEHAVE_GARBLE: later_finished(sim, worker, draw(sim, 100), POOL_OUTCOME_DONE_UNUSABLE); break;
    case BEHAVE_END_EARLY: answer(sim, worker, 20, 1, POOL_OUTCOME_DONE_CLOSED); break;
    case BEHAVE_SLOWLY: answer(sim, worker, 15000, 1 + (unsigned)draw(sim, 6), outcome); break;
    default: answer(sim, worker, 50, (unsigned)draw(sim, 3), outcome); break;
    }
    worker->reused = true;
}

static void close_connection(struct sim *sim, struct sim_worker *worker)
{
    worker->connected = false;
    bool ignores = worker->behaviour == BEHAVE_IGNORE_CLOSE || worker->behaviour == BEHAVE_IGNORE_KILL;
    if (!ignores && chance(sim, 80))
        die(sim, worker, draw(sim, 1500), 0);
}

static void carry_out(struct sim *sim, struct sim_worker *worker)
{
    struct pool_action action = worker->mailbox[0];
    memmove(worker->mailbox, worker->mailbox + 1, --worker->mail_count * sizeof action);
    switch (action.kind) {
    case POOL_ACTION_START: start(sim, worker); break;
    case POOL_ACTION_ASSIGN: assign(sim, worker, &action); break;
    case POOL_ACTION_CONNECT:
        worker->connected = worker->runs;
        worker->reused = false;
        later_of_worker(sim, worker, draw(sim, 50), worker->runs ? POOL_EVENT_CONNECTED : POOL_EVENT_DISCONNECTED, 0);
        break;
    case POOL_ACTION_WATCH:
        REQUIRE(sim, worker->request == 0 && !worker->watched);
        worker->watched = true;
        if (!worker->connected && worker->runs)
            later_of_worker(sim, worker, draw(sim, 30), POOL_EVENT_DISCONNECTED, 0);
        break;
    case POOL_ACTION_MEASURE:
        later(sim, worker, draw(sim, 30),
              (struct pool_event){POOL_EVENT_MEASURED, .worker = worker->id, .bytes = worker->bytes});
        break;
    case POOL_ACTION_ABORT: worker->request = 0; break;
    case POOL_ACTION_SIGNAL:
        if (chance(sim, 50))
            die(sim, worker, draw(sim, 3000), 3);
        break;
    case POOL_ACTION_CLOSE: close_connection(sim, worker); break;
    case POOL_ACTION_KILL:
        worker->killed = true;
        if (worker->behaviour != BEHAVE_IGNORE_KILL)
            die(sim, worker, draw(sim, 50), 1);
        break;
    case POOL_ACTION_RELEASE:
        REQUIRE(sim, worker->request == 0 && worker->mail_count == 0);
        REQUIRE(sim, !worker->runs || worker->killed); /* no process is left behind; one that cannot be killed is given up */
        worker->used = false;
        sim->totals.released++;
        break;
    default: REQUIRE(sim, !"an action without a worker in a mailbox");
    }
}

/* ---- what happens ---- */

static void deliver_next(struct sim *sim)
{
    unsigned next = 0;
    for (unsigned i = 1; i < sim->event_count; i++)
        if (sim->events[i].at_ms < sim->events[next].at_ms)
            next = i;
    struct sim_event later = sim->events[next];
    memmove(&sim->events[next], &sim->events[next + 1], (--sim->event_count - next) * sizeof later);
    if (later.at_ms > sim->now_ms)
        sim->now_ms = later.at_ms;
    struct sim_worker *worker = later.worker ? &sim->workers[later.worker - 1] : NULL;
    bool same = worker && worker->used && worker->id == later.worker_id;
    if (later.event.kind == POOL_EVENT_FINISHED) {
        if (!same || !worker->request || worker->request_id != later.event.request)
            return; /* aborted meanwhile: the handler has let go */
        uint64_t order = sim->requests[worker->request - 1].order;
        worker->request = 0;
        if (worker->has_pool_request && worker->pool_order == order)
            worker->has_pool_request = false;
        worker->bytes += worker->leak;
        if (later.event.outcome <= POOL_OUTCOME_DONE_UNUSABLE && ++worker->answered >= worker->exits_after &&
            worker->behaviour == BEHAVE_EXIT_AFTER_N)
            die(sim, worker, 0, 0);
    }
    tell(sim, &later.event);
}

static void arrive(struct sim *sim)
{
    struct sim_request *request = &sim->requests[sim->next_order % SIM_MAX_REQUESTS];
    if (request->state == SIM_OPEN || sim->open_count > sim->limits.max_instances + draw(sim, 40))
        return;
    memset(request, 0, sizeof *request);
    request->state = SIM_OPEN;
    request->order = sim->next_order++;
    request->arrived_ms = sim->now_ms;
    request->replayable = chance(sim, 60);
    sim->open_count++;
    sim->totals.arrived++;
    uint64_t draining_before = sim->totals.failed[ERROR_CAUSE_DRAINING];
    struct pool_event event = {.kind = POOL_EVENT_ARRIVED, .tag = request->order, .replayable = request->replayable};
    uint64_t id = tell(sim, &event);
    if (request->state == SIM_OPEN)
        request->id = id;
    REQUIRE(sim, (id != 0) == (request->state == SIM_OPEN) || request->was_assigned);
    if (sim->draining && !sim->closed)
        REQUIRE(sim, sim->totals.failed[ERROR_CAUSE_DRAINING] == draining_before + 1); /* drained: nothing is admitted */
}

static void client_goes(struct sim *sim)
{
    struct sim_request *request = &sim->requests[draw(sim, SIM_MAX_REQUESTS)];
    if (request->state == SIM_OPEN && request->id)
        tell(sim, &(struct pool_event){.kind = POOL_EVENT_GONE, .request = request->id});
}

static void pass_deadline(struct sim *sim)
{
    uint64_t deadline_ms = pool_next_deadline_ms(sim->pool);
    if (deadline_ms == UINT64_MAX)
        return;
    if (deadline_ms > sim->now_ms)
        sim->now_ms = deadline_ms + draw(sim, 20);
    tell(sim, &(struct pool_event){.kind = POOL_EVENT_DEADLINE});
}

/* What the pool shows of itself agrees with what the world has seen of it. */
static void look_at_worker(void *context, const struct pool_worker_info *info)
{
    struct sim *sim = context;
    const struct sim_worker *worker = worker_of(sim, info->id);
    bool lingers = info->state == WORKER_RETIRING; /* the world is through with its request, the pool is not */
    REQUIRE(sim, (info->request != 0) == (worker->has_pool_request || lingers));
    REQUIRE(sim, info->state_ms <= info->age_ms && info->answered <= info->served);
    sim->seen_workers++;
}

static void look_at_request(void *context, const struct pool_request_info *info)
{
    struct sim *sim = context;
    const struct sim_request *request = request_of(sim, info->tag);
    REQUIRE(sim, request->id == info->id && info->state_ms <= info->age_ms);
    if (info->worker) {
        const struct sim_worker *worker = worker_of(sim, info->worker);
        bool lingers = info->state == POOL_REQUEST_LINGERING;
        REQUIRE(sim, worker->pool_order == request->order && worker->has_pool_request == !lingers);
    }
    sim->seen_requests++;
}

static void look(struct sim *sim)
{
    sim->seen_workers = sim->seen_requests = 0;
    pool_each_worker(sim->pool, sim->now_ms, look_at_worker, sim);
    pool_each_request(sim->pool, sim->now_ms, look_at_request, sim);
    REQUIRE(sim, sim->seen_workers == live_workers(sim) && sim->seen_requests == sim->open_count);
}

/* Picks on one worker: it gets nothing any more. A kill is the end of its request, too; without one no request is lost. */
static void operate_on_worker(struct sim *sim)
{
    struct sim_worker *worker = &sim->workers[draw(sim, 16)];
    struct pool_event event = {.kind = chance(sim, 60) ? POOL_EVENT_DISMISS : POOL_EVENT_KILL, .worker = worker->id};
    struct pool_worker_info info;
    uint64_t recycled = sim->totals.failed[ERROR_CAUSE_RECYCLED];
    if (!worker->used || worker->gone)
        return;
    REQUIRE(sim, pool_find_worker(sim->pool, worker->id, sim->now_ms, &info));
    recycled += event.kind == POOL_EVENT_KILL && info.request;
    bool alone = !sim->cuts_off; /* a recycle at once may still be ending others */
    sim->cuts_off |= event.kind == POOL_EVENT_KILL;
    worker->retiring = true;
    tell(sim, &event);
    REQUIRE(sim, !alone || sim->totals.failed[ERROR_CAUSE_RECYCLED] == recycled);
    REQUIRE(sim, event.kind == POOL_EVENT_DISMISS || !worker->has_pool_request);
}

static void operate(struct sim *sim)
{
    struct pool_event event = {.kind = POOL_EVENT_RECYCLE};
    switch (draw(sim, 5)) {
    case 0: sim->cuts_off = event.now = true; break;
    case 1:
        event.kind = POOL_EVENT_DRAIN;
        sim->draining = true;
        break;
    case 2:
        sim_draw_limits(sim);
        tell(sim, &(struct pool_event){.kind = POOL_EVENT_TUNED, .max_instances = sim->limits.max_instances});
        sim->limits = sim->next_limits;
        event = (struct pool_event){.kind = POOL_EVENT_RECONFIGURED, .limits = &sim->limits};
        break;
    default: break;
    }
    tell(sim, &event);
    sim->mix = (unsigned)draw(sim, 1u << BEHAVE_COUNT) | 1u << BEHAVE_WELL;
    if (chance(sim, 80))
        sim->mix |= 1u << BEHAVE_EXIT_AFTER_N;
}

static void resume(struct sim *sim)
{
    sim->draining = false;
    tell(sim, &(struct pool_event){.kind = POOL_EVENT_RESUME});
}

static bool draw_mailbox(struct sim *sim)
{
    unsigned first = (unsigned)draw(sim, SIM_MAX_WORKERS);
    for (unsigned i = 0; i < SIM_MAX_WORKERS; i++) {
        struct sim_worker *worker = &sim->workers[(first + i) % SIM_MAX_WORKERS];
        if (worker->mail_count) {
            carry_out(sim, worker);
            return true;
        }
    }
    return false;
}

static void step(struct sim *sim)
{
    uint64_t what = draw(sim, 1000);
    if (what < 3)
        operate(sim);
    else if (what < 5 && sim->draining)
        resume(sim);
    else if (what < 7)
        operate_on_worker(sim);
    else if (what < 8)
        look(sim);
    else if (what < 15)
        client_goes(sim);
    else if (what < 280)
        arrive(sim);
    else if (what < 350)
        pass_deadline(sim);
    else if (what < 700 && draw_mailbox(sim))
        return;
    else if (sim->event_count && pool_next_deadline_ms(sim->pool) > sim->events[0].at_ms)
        deliver_next(sim);
    else if (sim->event_count && chance(sim, 50))
        deliver_next(sim);
    else
        pass_deadline(sim);
}

static void compare_totals(struct sim *sim)
{
    const struct pool_totals *totals = pool_get_totals(sim->pool);
    REQUIRE(sim, totals->arrived == sim->totals.arrived);
    REQUIRE(sim, totals->answered == sim->totals.answered);
    REQUIRE(sim, totals->started == sim->totals.started);
    REQUIRE(sim, pool_totals_unexpected_exits(totals) == sim->totals.unexpected);
    REQUIRE(sim, memcmp(totals->failed, sim->totals.failed, sizeof totals->failed) == 0);
}

/* Lets everything that is under way come to its end, without new arrivals. */
void sim_settle(struct sim *sim, bool (*settled)(const struct sim *))
{
    for (unsigned i = 0; !settled(sim); i++) {
        REQUIRE(sim, i < 100000); /* it never comes to its end */
        if (draw_mailbox(sim))
            continue;
        uint64_t deadline_ms = pool_next_deadline_ms(sim->pool);
        if (sim->event_count && (deadline_ms == UINT64_MAX || chance(sim, 60)))
            deliver_next(sim);
        else
            pass_deadline(sim);
    }
}

static bool is_drained(const struct sim *sim)
{
    struct pool_counts counts;
    pool_get_counts(sim->pool, &counts);
    return counts.state == POOL_STATE_DRAINED && live_workers(sim) == 0;
}

static bool is_empty(const struct sim *sim)
{
    for (unsigned i = 0; i < SIM_MAX_WORKERS; i++)
        if (sim->workers[i].used)
            return false;
    return pool_is_empty(sim->pool) && sim->open_count == 0;
}

/* A drained pool reaches zero; then it serves again. */
static void drain_fully(struct sim *sim)
{
    sim->draining = true;
    tell(sim, &(struct pool_event){.kind = POOL_EVENT_DRAIN});
    sim_settle(sim, is_drained);
    REQUIRE(sim, sim->open_count == 0);
    resume(sim);
}

uint64_t sim_run(uint64_t seed, uint64_t steps, struct sim_totals *sum)
{
    static struct sim sim; /* large */
    memset(&sim, 0, sizeof sim);
    running = &sim;
    pool_check_failed = check_failed;
    sim.seed = seed;
    sim.random = seed * 0x9E3779B97F4A7C15u + 1;
    sim.now_ms = 1000;
    sim.next_order = 1;
    sim.mix = 1u << BEHAVE_WELL | 1u << BEHAVE_SLOWLY | (unsigned)draw(&sim, 1u << BEHAVE_COUNT);
    sim.limits = sim_random_limits(&sim);
    sim.pool = pool_create(&sim.limits, sim.now_ms);
    for (sim.step = 0; sim.step < steps; sim.step++) {
        step(&sim);
        if (sim.step % 4096 == 2047) {
            resume(&sim);
            limits_in_calm(&sim);
        }
        if (sim.step % 4096 == 4095) {
            compare_totals(&sim);
            drain_fully(&sim);
        }
    }
    sim.closed = true;
    tell(&sim, &(struct pool_event){.kind = POOL_EVENT_SHUT_DOWN});
    sim_settle(&sim, is_empty);
    compare_totals(&sim);
    REQUIRE(&sim, sim.totals.started == sim.totals.released);
    pool_destroy(sim.pool);
    *sum = sim.totals;
    return sim.totals.arrived;
}
