/* Does autotune find the right limit? Loads of each kind run through a modelled machine, with steps up and down, once tuned and once
 * with each of many fixed limits. For each step: at most two changes of direction in the 60 s after it, and from then on at least 85 %
 * of what the best fixed limit answers; memory that is used up is got back in seconds. Two pools on one machine: no pair of fixed limits serves both of them better than that, and
 * each pool gets what it needs, or nearly half of the processors.
 *
 *   autotune_sim [--seeds N] [--processors N] [--plot [LOAD]]       prints TAP; with --plot the courses as well */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum {
    SETTLED_S = 60,
    MAX_TURNS = 2,
    ENOUGH_PERCENT = 85,
    MAX_FULL_S = 10,
    ROWS = 12,
    COLUMNS = 100,
    SHORT_S = 12,
    LARGE = 16
};

static const uint32_t processor_counts[] = {1, 2, 4, 16};

/* ---- loads: rates, databases and memory are for one processor */

static const struct world_work computing = {.cpu_ms = 50, .worker_mib = 20, .life = 1000};
static const struct world_work asleep = {.cpu_ms = 4, .sleep_ms = 1000, .worker_mib = 15, .life = 1000};
static const struct world_work slow = {.cpu_ms = 4, .sleep_ms = 6000, .worker_mib = 15, .life = 1000};
static const struct world_work leaking = {.cpu_ms = 6, .sleep_ms = 300, .worker_mib = 10, .leak_mib = 0.4, .life = 400};
static const struct world_work mixed = {.cpu_ms = 5,
                                        .sleep_ms = 600,
                                        .heavy = 0.3,
                                        .heavy_cpu_ms = 60,
                                        .heavy_sleep_ms = 30,
                                        .worker_mib = 20,
                                        .leak_mib = 0.05,
                                        .life = 500};
static const struct world_work database = {.cpu_ms = 4, .sleep_ms = 500, .database = 25, .worker_mib = 15, .life = 1000};

struct load {
    const char *name;
    unsigned pools, phases;
    double memory_mib;
    struct world_phase phase[WORLD_PHASES];
};

static const struct load loads[] = {
    {"cpu_bound", 1, 3, 1024, {{90, {&computing}, {8}}, {150, {&computing}, {30}}, {150, {&computing}, {8}}}},
    {"sleeping", 1, 3, 2048, {{90, {&asleep}, {8}}, {150, {&asleep}, {60}}, {150, {&asleep}, {8}}}},
    {"slow", 1, 3, 2048, {{90, {&slow}, {1}}, {180, {&slow}, {9}}, {150, {&slow}, {2}}}},
    {"leaking", 1, 2, 1024, {{90, {&leaking}, {5}}, {300, {&leaking}, {60}}}},
    {"mixed", 1, 3, 1024, {{90, {&mixed}, {15}}, {150, {&mixed}, {70}}, {150, {&mixed}, {10}}}},
    {"database", 1, 2, 2048, {{90, {&database}, {20}}, {240, {&database}, {70}}}},
    {"sleeping_then_cpu_bound", 1, 3, 2048, {{120, {&asleep}, {60}}, {180, {&computing}, {30}}, {150, {&asleep}, {60}}}},
};
enum { LOAD_COUNT = sizeof loads / sizeof *loads };

static const struct load pairs[] = {
    {"cpu_bound_beside_sleeping", 2, 2, 2048, {{90, {&computing, &asleep}, {8, 4}}, {300, {&computing, &asleep}, {40, 20}}}},
    {"cpu_bound_beside_cpu_bound",
     2,
     2,
     2048,
     {{90, {&computing, &computing}, {4, 4}}, {300, {&computing, &computing}, {40, 30}}}},
};
enum { PAIR_COUNT = sizeof pairs / sizeof *pairs };

typedef struct world_work works[WORLD_PHASES][WORLD_POOLS];

static void make_plan(struct world_plan *plan, works made, const struct load *load, uint32_t processors, uint64_t seed)
{
    memset(plan, 0, sizeof *plan);
    plan->processors = processors;
    plan->memory_mib = 256 + load->memory_mib * processors;
    plan->pools = load->pools;
    plan->phases = load->phases;
    plan->seed = seed;
    for (unsigned p = 0; p < load->phases; p++) {
        plan->phase[p] = load->phase[p];
        for (unsigned i = 0; i < load->pools; i++) {
            made[p][i] = *load->phase[p].work[i];
            made[p][i].database *= processors;
            plan->phase[p].work[i] = &made[p][i];
            plan->phase[p].per_second[i] *= processors;
        }
    }
}

/* ---- what a course was like */

static uint64_t answered(const struct world_course *course, unsigned pool, unsigned from, unsigned to)
{
    uint64_t sum = 0;
    for (unsigned s = from; s < to; s++)
        sum += course->at[pool][s].answered;
    return sum;
}

/* All there was: a fixed limit that was too low until then has more left to answer. */
static uint64_t to_answer(const struct world_course *course, unsigned pool, unsigned from, unsigned to)
{
    const struct world_second *begin = &course->at[pool][from - 1];
    uint64_t sum = begin->waiting + begin->busy;
    for (unsigned s = from; s < to; s++)
        sum += course->at[pool][s].arrived;
    return sum;
}

static unsigned turns(const struct world_course *course, unsigned pool, unsigned from)
{
    unsigned count = 0;
    int direction = 0;
    for (unsigned s = from + 1; s < from + SETTLED_S && s < course->seconds; s++) {
        uint32_t before = course->at[pool][s - 1].limit, now = course->at[pool][s].limit;
        int next = now > before ? 1 : now < before ? -1 : direction;
        count += direction && next != direction;
        direction = next;
    }
    return count;
}

/* The longest time without free memory. */
static unsigned full_seconds(const struct world_course *course, unsigned from, unsigned to)
{
    unsigned longest = 0, now = 0;
    for (unsigned s = from; s < to; s++) {
        now = course->at[0][s].free_mib ? 0 : now + 1;
        if (now > longest)
            longest = now;
    }
    return longest;
}

/* ---- courses as text */

static uint32_t highest(const struct world_course *course, unsigned pool)
{
    uint32_t most = 1;
    for (unsigned s = 0; s < course->seconds; s++) {
        if (course->at[pool][s].limit > most)
            most = course->at[pool][s].limit;
        if (course->at[pool][s].workers > most)
            most = course->at[pool][s].workers;
    }
    return most;
}

static void plot(const struct world_course *course, unsigned pool, const char *name, uint32_t processors)
{
    unsigned step = (course->seconds + COLUMNS - 1) / COLUMNS;
    double top = highest(course, pool);
    printf("#\n# %s, %u processors; o: limit, .: workers; a column is %u s\n", name, (unsigned)processors, step);
    for (int row = ROWS; row > 0; row--) {
        printf("# %6.0f |", top * row / ROWS);
        for (unsigned s = 0; s < course->seconds; s += step) {
            int limit = (int)(course->at[pool][s].limit * ROWS / top + 0.999);
            int workers = (int)(course->at[pool][s].workers * ROWS / top + 0.999);
            putchar(limit == row ? 'o' : workers >= row ? '.' : ' ');
        }
        putchar('\n');
    }
    static const char marks[] = {'-', 'q', 'c', 'm', 'g', 'l', '^', 'i'};
    printf("# reason |");
    for (unsigned s = 0; s < course->seconds; s += step)
        putchar(marks[course->at[pool][s].reason]);
    printf("\n#   cpu%% |");
    for (unsigned s = 0; s < course->seconds; s += step)
        putchar("0123456789*"[course->at[pool][s].cpu_permille / 100 > 10 ? 10 : course->at[pool][s].cpu_permille / 100]);
    printf("\n# -: steady, q: queue_waits, c: cpu_saturated, m: memory_low, g: no_gain, l: loss, ^: at_most, i: idle\n");
}

static void print_moves(const struct world_course *course, unsigned pool)
{
    uint32_t before = course->at[pool][0].limit;
    printf("# moves:");
    for (unsigned s = 0; s < course->seconds; s++) {
        if (course->at[pool][s].limit != before)
            printf(" %us %u->%u %s;", s, (unsigned)before, (unsigned)course->at[pool][s].limit,
                   autotune_reason_name(course->at[pool][s].reason));
        before = course->at[pool][s].limit;
    }
    printf("\n");
}

static void print_short(const struct world_course *course, unsigned pool)
{
    printf("#   limit every %d s:", SHORT_S);
    for (unsigned s = 0; s < course->seconds; s += SHORT_S)
        printf(" %u", (unsigned)course->at[pool][s].limit);
    printf("\n");
}

/* ---- one load on one machine */

static unsigned next_fixed(unsigned limit)
{
    return limit < 4 ? limit + 1 : limit + limit / 2;
}

/* The most that a fixed limit answers in each phase, once it has settled. */
static void find_best(struct world_plan *plan, struct world_course *course, uint64_t best[WORLD_PHASES],
                      unsigned at[WORLD_PHASES])
{
    uint32_t most = (uint32_t)(100 * plan->processors);
    for (unsigned limit = plan->processors > 2 ? plan->processors / 2 : 1; limit <= most; limit = next_fixed(limit)) {
        plan->fixed[0] = limit;
        world_run(plan, course);
        unsigned begin = 0;
        for (unsigned p = 0; p < plan->phases; p++) {
            unsigned end = begin + (unsigned)plan->phase[p].seconds;
            uint64_t count = answered(course, 0, begin + SETTLED_S, end);
            if (count > best[p]) {
                best[p] = count;
                at[p] = limit;
            }
            begin = end;
        }
    }
    plan->fixed[0] = 0;
}

static bool judge(const struct world_plan *plan, const struct world_course *course, const uint64_t best[WORLD_PHASES],
                  const unsigned at[WORLD_PHASES])
{
    bool good = true;
    unsigned begin = 0;
    for (unsigned p = 0; p < plan->phases; p++) {
        unsigned end = begin + (unsigned)plan->phase[p].seconds;
        uint64_t count = answered(course, 0, begin + SETTLED_S, end);
        uint64_t wanted = to_answer(course, 0, begin + SETTLED_S, end);
        if (wanted > best[p])
            wanted = best[p];
        unsigned turned = turns(course, 0, begin);
        unsigned full = full_seconds(course, begin, end);
        bool ok = turned <= MAX_TURNS && full <= MAX_FULL_S && count * 100 >= wanted * ENOUGH_PERCENT;
        good &= ok;
        printf("#   seed %llu, from %3u s: %3llu %% of the best fixed limit (%u), %u turns, no memory for %u s, limit %u at "
               "the end%s\n",
               (unsigned long long)plan->seed, begin, (unsigned long long)(wanted ? count * 100 / wanted : 100), at[p], turned,
               full, (unsigned)course->at[0][end - 1].limit, ok ? "" : " <-- WRONG");
        begin = end;
    }
    return good;
}

static bool run(const struct load *load, uint32_t processors, unsigned seeds, bool with_plot)
{
    static struct world_course course;
    works made;
    struct world_plan plan;
    uint64_t best[WORLD_PHASES];
    unsigned at[WORLD_PHASES];
    bool good = true;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        make_plan(&plan, made, load, processors, seed);
        memset(best, 0, sizeof best);
        memset(at, 0, sizeof at);
        find_best(&plan, &course, best, at);
        world_run(&plan, &course);
        good &= judge(&plan, &course, best, at);
        if (with_plot)
            plot(&course, 0, load->name, processors);
        if (with_plot)
            print_moves(&course, 0);
        if (seed == 1)
            print_short(&course, 0);
    }
    return good;
}

/* ---- two pools on one machine, in the last phase */

/* Do these two limits serve both pools so much better? */
static bool is_better(struct world_plan *plan, struct world_course *course, const uint64_t tuned[], unsigned from,
                      const uint32_t limits[])
{
    bool better = true;
    memcpy(plan->fixed, limits, sizeof plan->fixed);
    world_run(plan, course);
    for (unsigned i = 0; i < WORLD_POOLS; i++)
        better &= tuned[i] * 100 < answered(course, i, from, course->seconds) * ENOUGH_PERCENT;
    memset(plan->fixed, 0, sizeof plan->fixed);
    return better;
}

static bool judge_pool(const struct world_plan *plan, const struct world_course *course, unsigned pool, unsigned from)
{
    double work_ms = plan->phase[1].work[pool]->cpu_ms;
    uint64_t half = (uint64_t)(500.0 / work_ms * plan->processors * (course->seconds - from));
    uint64_t wanted = to_answer(course, pool, from, course->seconds), got = answered(course, pool, from, course->seconds);
    unsigned turned = turns(course, pool, (unsigned)plan->phase[0].seconds);
    wanted = wanted < half ? wanted : half;
    bool ok = turned <= MAX_TURNS && got * 100 >= wanted * ENOUGH_PERCENT;
    printf("#   seed %llu, pool %u: %3llu %% of what it should get, %u turns, limit %u at the end%s\n",
           (unsigned long long)plan->seed, pool, (unsigned long long)(got * 100 / wanted), turned,
           (unsigned)course->at[pool][course->seconds - 1].limit, ok ? "" : " <-- WRONG");
    return ok;
}

static bool run_pair(const struct load *load, uint32_t processors, unsigned seeds, bool with_plot)
{
    static struct world_course course;
    works made;
    struct world_plan plan;
    bool good = true;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        uint64_t tuned[WORLD_POOLS];
        make_plan(&plan, made, load, processors, seed);
        unsigned from = (unsigned)plan.phase[0].seconds + 2 * SETTLED_S; /* beside busy processors they grow slowly */
        world_run(&plan, &course);
        for (unsigned i = 0; i < WORLD_POOLS; i++) {
            tuned[i] = answered(&course, i, from, course.seconds);
            good &= judge_pool(&plan, &course, i, from);
            if (with_plot) {
                plot(&course, i, load->name, processors);
                print_moves(&course, i);
            }
            if (seed == 1)
                print_short(&course, i);
        }
        for (uint32_t a = processors; a <= 8 * processors; a *= 2)
            for (uint32_t b = processors; b <= 32 * processors; b *= 2)
                if (is_better(&plan, &course, tuned, from, (uint32_t[]){a, b})) {
                    printf("#   seed %u: the limits %u and %u serve both better <-- WRONG\n", seed, (unsigned)a, (unsigned)b);
                    good = false;
                }
    }
    return good;
}

int main(int argc, char **argv)
{
    unsigned seeds = 2, only = 0, number = 0, wrong = 0;
    const char *plotted = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
            seeds = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--processors") == 0 && i + 1 < argc)
            only = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--plot") == 0)
            plotted = i + 1 < argc && argv[i + 1][0] != '-' ? argv[++i] : "";
    }
    for (unsigned l = 0; l < LOAD_COUNT + PAIR_COUNT; l++) {
        const struct load *load = l < LOAD_COUNT ? &loads[l] : &pairs[l - LOAD_COUNT];
        if (plotted && *plotted && strcmp(plotted, load->name) != 0)
            continue;
        for (unsigned i = 0; i < sizeof processor_counts / sizeof *processor_counts; i++) {
            if (only && only != processor_counts[i])
                continue;
            unsigned enough = processor_counts[i] < LARGE ? seeds : (seeds + 1) / 2; /* chance matters less there */
            bool good = (load->pools == 1 ? run : run_pair)(load, processor_counts[i], enough, plotted != NULL);
            wrong += !good;
            printf("%s %u - %s on %u processors\n", good ? "ok" : "not ok", ++number, load->name,
                   (unsigned)processor_counts[i]);
            fflush(stdout);
        }
    }
    printf("1..%u\n", number);
    return wrong ? 1 : 0;
}
