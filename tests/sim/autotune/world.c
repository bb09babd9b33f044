/* world: see world.h. Processors and databases are shared equally by whoever uses them: a *resource* of so many places gives each of
 * its n jobs the speed min(1, places / n), somewhat less when there are many. What such a job has got grows alike for all of them, so one sum
 * and a heap of the sums at which jobs end are enough. Time is in milliseconds.
 *
 * Many processes on a processor cost it time (1 % for each that stands in line for it); memory that is used twice is moved in and out of
 * a file, which slows everything down. */
#include "world.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/pool.h"
#include "tests/unit/rng.h"

enum { MAX_WORKERS = 8192, START_CPU_MS = 40 };

static const double line_cost = 0.01, paging_cost = 40, system_mib = 256;

/* ---- resources ---- */

struct job {
    double end; /* the sum at which it has got what it wants */
    uint32_t worker, pool;
};

struct resource {
    double places, cost;
    double sum;   /* what each job has got since the beginning */
    double speed; /* of each */
    struct job jobs[MAX_WORKERS * WORLD_POOLS];
    uint32_t count;
};

static void add_job(struct resource *resource, struct job job, double wants)
{
    uint32_t at = resource->count++;
    assert(resource->count <= MAX_WORKERS * WORLD_POOLS);
    job.end = resource->sum + wants;
    for (; at > 0 && resource->jobs[(at - 1) / 2].end > job.end; at = (at - 1) / 2)
        resource->jobs[at] = resource->jobs[(at - 1) / 2];
    resource->jobs[at] = job;
}

static struct job take_first(struct resource *resource)
{
    struct job first = resource->jobs[0];
    struct job last = resource->jobs[--resource->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t next = 2 * at + 1;
        if (next + 1 < resource->count && resource->jobs[next + 1].end < resource->jobs[next].end)
            next++;
        if (next >= resource->count || resource->jobs[next].end >= last.end)
            break;
        resource->jobs[at] = resource->jobs[next];
        at = next;
    }
    resource->jobs[at] = last;
    return first;
}

static void set_speed(struct resource *resource, double slowed)
{
    double line = resource->places > 0 ? resource->count / resource->places : 0;
    resource->speed = (line > 1 ? 1 / line / (1 + resource->cost * (line - 1)) : 1) / slowed;
}

static double next_end_ms(const struct resource *resource)
{
    if (resource->count == 0)
        return INFINITY;
    double left = resource->jobs[0].end - resource->sum;
    return left > 0 ? left / resource->speed : 0;
}

/* ---- the world ---- */

struct sim_worker {
    uint64_t id, request;
    double mib, sleep_ms;
    bool starting;
};

struct sim_pool {
    struct pool *core;
    struct autotune tune;
    bool tuned;
    struct sim_worker workers[MAX_WORKERS];
    const struct world_work *work;
    double per_second, next_arrival_ms;
    uint64_t arrivals; /* the tag of the next one */
    uint64_t last_arrived, last_answered;
};

struct world {
    const struct world_plan *plan;
    struct world_course *course;
    struct rng arrivals[WORLD_POOLS];
    double now_ms, mib;
    double busy_ms, busy_since_second; /* of processors, until the last sample; until the last second */
    struct resource processors;
    struct resource databases[WORLD_POOLS];
    struct sim_pool pools[WORLD_POOLS];
};

static double uniform(struct rng *rng)
{
    return ((double)(rng_next(rng) >> 11) + 1) / 9007199254740993.0;
}

static double exponential(struct rng *rng, double mean)
{
    return -log(uniform(rng)) * mean;
}

/* ---- a request: the same in each run of a seed, whoever serves it */

static struct world_work draw(const struct world *world, const struct sim_pool *pool, uint64_t tag)
{
    struct rng rng;
    rng.state = world->plan->seed * 1000003 + tag * 7919 + (uint64_t)(pool - world->pools);
    const struct world_work *work = pool->work;
    bool heavy = uniform(&rng) < work->heavy;
    struct world_work drawn = *work;
    drawn.cpu_ms = (heavy ? work->heavy_cpu_ms : work->cpu_ms) * (0.5 + uniform(&rng));
    drawn.sleep_ms = (heavy ? work->heavy_sleep_ms : work->sleep_ms) * (0.5 + uniform(&rng));
    return drawn;
}

static void tell(struct world *world, struct sim_pool *pool, struct pool_event event);

static void carry_out(struct world *world, struct sim_pool *pool, const struct pool_action *action)
{
    uint32_t index = (uint32_t)action->worker;
    struct sim_worker *worker = &pool->workers[index];
    struct job job = {0, index, (uint32_t)(pool - world->pools)};
    assert(index < MAX_WORKERS);
    switch (action->kind) {
    case POOL_ACTION_START:
        *worker = (struct sim_worker){.id = action->worker, .mib = pool->work->worker_mib, .starting = true};
        world->mib += worker->mib;
        add_job(&world->processors, job, START_CPU_MS);
        break;
    case POOL_ACTION_ASSIGN: {
        struct world_work drawn = draw(world, pool, action->tag);
        worker->request = action->request;
        worker->sleep_ms = drawn.sleep_ms;
        worker->mib += drawn.leak_mib;
        world->mib += drawn.leak_mib;
        add_job(&world->processors, job, drawn.cpu_ms);
        break;
    }
    case POOL_ACTION_KILL: tell(world, pool, (struct pool_event){.kind = POOL_EVENT_EXITED, .worker = action->worker}); break;
    case POOL_ACTION_RELEASE:
        world->mib -= worker->mib;
        worker->id = 0;
        break;
    default: break;
    }
}

static void tell(struct world *world, struct sim_pool *pool, struct pool_event event)
{
    struct pool_actions actions;
    pool_handle(pool->core, &event, (uint64_t)world->now_ms, &actions);
    for (uint32_t i = 0; i < actions.count; i++)
        carry_out(world, pool, &actions.items[i]);
}

static void end_cpu_job(struct world *world)
{
    struct job job = take_first(&world->processors);
    struct sim_pool *pool = &world->pools[job.pool];
    struct sim_worker *worker = &pool->workers[job.worker];
    if (!worker->starting) {
        add_job(&world->databases[job.pool], job, worker->sleep_ms);
        return;
    }
    worker->starting = false;
    tell(world, pool, (struct pool_event){.kind = POOL_EVENT_STARTED, .worker = worker->id});
}

static void end_request(struct world *world, unsigned number)
{
    struct sim_pool *pool = &world->pools[number];
    struct job job = take_first(&world->databases[number]);
    struct sim_worker *worker = &pool->workers[job.worker];
    tell(world, pool,
         (struct pool_event){.kind = POOL_EVENT_FINISHED, .request = worker->request, .outcome = POOL_OUTCOME_DONE});
}

static void arrive(struct world *world, unsigned number)
{
    struct sim_pool *pool = &world->pools[number];
    tell(world, pool, (struct pool_event){.kind = POOL_EVENT_ARRIVED, .tag = ++pool->arrivals});
    pool->next_arrival_ms = world->now_ms + exponential(&world->arrivals[number], 1000 / pool->per_second);
}

/* ---- what happens by the clock */

static double free_mib(const struct world *world)
{
    double left = world->plan->memory_mib - system_mib - world->mib;
    return left > 0 ? left : 0;
}

static uint32_t average_mib(const struct sim_pool *pool, uint32_t slots)
{
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < slots && count < 4; i++) { /* as the shell does: some of them */
        sum += pool->workers[i].id ? pool->workers[i].mib : 0;
        count += pool->workers[i].id != 0;
    }
    return count ? (uint32_t)(sum / count) : 0;
}

static void sample(struct world *world, struct sim_pool *pool)
{
    struct pool_counts counts;
    pool_get_counts(pool->core, &counts);
    struct autotune_sample sample = {
        .now_ms = (uint64_t)world->now_ms,
        .waiting = counts.waiting,
        .busy = counts.by_state[WORKER_BUSY],
        .workers = counts.workers - counts.by_state[WORKER_STOPPING],
        .starting = counts.by_state[WORKER_STARTING],
        .answered = pool_get_totals(pool->core)->answered,
        .cpu_permille = (uint32_t)(world->busy_ms * 1000 / AUTOTUNE_SAMPLE_MS / world->plan->processors),
        .free_bytes = (uint64_t)free_mib(world) << 20,
        .total_bytes = (uint64_t)world->plan->memory_mib << 20,
        .worker_bytes = (uint64_t)average_mib(pool, pool_worker_slots(pool->core)) << 20,
        .pools = world->plan->pools,
    };
    if (autotune_sample(&pool->tune, &sample))
        tell(world, pool, (struct pool_event){.kind = POOL_EVENT_TUNED, .max_instances = pool->tune.limit});
}

static void note_second(struct world *world, unsigned second)
{
    for (unsigned i = 0; i < world->plan->pools; i++) {
        struct sim_pool *pool = &world->pools[i];
        struct pool_counts counts;
        pool_get_counts(pool->core, &counts);
        uint64_t answered = pool_get_totals(pool->core)->answered;
        world->course->at[i][second] = (struct world_second){
            .limit = counts.max_instances,
            .workers = counts.workers,
            .busy = counts.by_state[WORKER_BUSY],
            .waiting = counts.waiting,
            .arrived = (uint32_t)(pool->arrivals - pool->last_arrived),
            .answered = (uint32_t)(answered - pool->last_answered),
            .cpu_permille = (uint32_t)(world->busy_since_second / world->plan->processors),
            .free_mib = (uint32_t)free_mib(world),
            .reason = pool->tune.reason,
        };
        pool->last_answered = answered;
        pool->last_arrived = pool->arrivals;
        pool_check(pool->core);
    }
    world->busy_since_second = 0;
}

static void begin_phase(struct world *world, const struct world_phase *phase)
{
    for (unsigned i = 0; i < world->plan->pools; i++) {
        struct sim_pool *pool = &world->pools[i];
        pool->work = phase->work[i];
        pool->per_second = phase->per_second[i];
        pool->next_arrival_ms = world->now_ms + exponential(&world->arrivals[i], 1000 / pool->per_second);
        world->databases[i].places = pool->work->database;
    }
}

static void pass(struct world *world, double ms)
{
    double busy = world->processors.count < world->plan->processors ? world->processors.count : world->plan->processors;
    world->now_ms += ms;
    world->busy_ms += busy * ms;
    world->busy_since_second += busy * ms;
    world->processors.sum += ms * world->processors.speed;
    for (unsigned i = 0; i < world->plan->pools; i++)
        world->databases[i].sum += ms * world->databases[i].speed;
}

/* Up to the next thing that happens, or `end_ms`. */
static void step(struct world *world, double end_ms)
{
    double over_mib = world->mib + system_mib - world->plan->memory_mib;
    set_speed(&world->processors, over_mib > 0 ? 1 + paging_cost * over_mib / world->plan->memory_mib : 1);
    double cpu_ms = next_end_ms(&world->processors), next_ms = end_ms - world->now_ms;
    int what = -1;
    unsigned which = 0;
    if (cpu_ms < next_ms) {
        next_ms = cpu_ms;
        what = 0;
    }
    for (unsigned i = 0; i < world->plan->pools; i++) {
        set_speed(&world->databases[i], 1);
        double times[] = {next_end_ms(&world->databases[i]), world->pools[i].next_arrival_ms - world->now_ms,
                          (double)pool_next_deadline_ms(world->pools[i].core) - world->now_ms};
        for (int kind = 0; kind < 3; kind++) {
            if (times[kind] >= next_ms)
                continue;
            next_ms = times[kind] > 0 ? times[kind] : 0;
            what = kind + 1;
            which = i;
        }
    }
    pass(world, next_ms);
    switch (what) {
    case 0: end_cpu_job(world); break;
    case 1: end_request(world, which); break;
    case 2: arrive(world, which); break;
    case 3:
        world->now_ms = ceil(world->now_ms);
        tell(world, &world->pools[which], (struct pool_event){.kind = POOL_EVENT_DEADLINE});
        break;
    default: break;
    }
}

static void create_pools(struct world *world)
{
    const struct world_plan *plan = world->plan;
    uint32_t most = autotune_most((uint64_t)plan->memory_mib << 20);
    for (unsigned i = 0; i < plan->pools; i++) {
        struct sim_pool *pool = &world->pools[i];
        struct pool_limits limits = {.queue_length = 1000, .rapid_fails_per_minute = 10};
        limits.max_instances = plan->fixed[i] ? plan->fixed[i] : autotune_first(plan->processors);
        limits.tuned_max = plan->fixed[i] ? 0 : most;
        limits.instance_max_requests = plan->phase[0].work[i]->life;
        limits.idle_timeout_ms = 300000;
        limits.activity_timeout_ms = limits.request_timeout_ms = UINT32_MAX;
        pool->core = pool_create(&limits, 0);
        pool->tuned = !plan->fixed[i];
        autotune_init(&pool->tune, plan->processors, 1, most);
        world->arrivals[i].state = plan->seed + i * 77;
    }
}

void world_run(const struct world_plan *plan, struct world_course *course)
{
    struct world *world = calloc(1, sizeof *world);
    assert(world);
    world->plan = plan;
    world->course = course;
    world->processors.places = plan->processors;
    world->processors.cost = line_cost;
    create_pools(world);
    course->seconds = 0;
    for (unsigned i = 0; i < plan->phases; i++) {
        begin_phase(world, &plan->phase[i]);
        for (double second = 0; second < plan->phase[i].seconds; second++) {
            double end_ms = ++course->seconds * 1000.0;
            while (world->now_ms < end_ms)
                step(world, end_ms);
            if (course->seconds % (AUTOTUNE_SAMPLE_MS / 1000) == 0) {
                for (unsigned p = 0; p < plan->pools; p++)
                    if (world->pools[p].tuned)
                        sample(world, &world->pools[p]);
                world->busy_ms = 0;
            }
            note_second(world, course->seconds - 1);
        }
    }
    for (unsigned i = 0; i < plan->pools; i++)
        pool_destroy(world->pools[i].core);
    free(world);
}
