/* autotune: see autotune.h. How the limit is found:
 *
 * It is a hill climber on what a pool answers in a second, with guards. The limit matters only while all workers are busy and
 * requests wait; then, at every sample or as soon as enough has been measured:
 *
 * - up to the base, two workers a processor, it is raised at once: no kind of load does worse with them than with fewer;
 * - while the processors have time left, it is doubled, or raised in proportion to that time: if all of the load is ours, the result is
 *   a machine that is just busy. Workers that wait for a database are found so, in a few steps. Up to ten a processor this is done
 *   at each sample, above each step is a trial: it must bring a quarter of what would be proportional, in answers or in use
 *   of the processors, or it is taken back (no_gain: the database is the limit);
 * - when the processors are busy, half of the workers is tried, down to the base: as long as the processors stay busy and the
 *   answers as many, the others only shared them; else the old limit comes back (loss). Workers of a kind that needs no processor stay
 *   below their need when others keep the processors busy: after a while more of them are tried, which must bring
 *   nearly what is proportional. Whoever wants only a larger share of the processors does not reach that: so pools do not arm against
 *   each other;
 * - above the base the limit never grows by more than what fits into three quarters of the memory that is free above a reserve
 *   (a tenth of all, at most 1 GiB), divided among the pools with work. Below the reserve it does not grow so, below half of it
 *   the limit is cut to get it back, and it grows only slowly afterwards, later. It is cut below the base, or kept there, only
 *   where not even a few workers more would fit.
 *
 * A trial is judged when its workers run, half a service time later, over 200 answers or 10 s. After one that was taken back the limit
 * stays for a minute, twice as long each further time, unless the load changes. That, and the gap between the loads that raise and those
 * that lower, is the hysteresis: a step in load changes the direction at most twice in a minute.
 *
 * When nothing has waited for a minute, a limit of more than twice the workers that were busy at a time goes down to that, so that another kind of
 * load does not find hundreds of workers allowed.
 *
 * Pools of one machine see the same processors. Raising in proportion to what is left makes the sum of all come out right, too. */
#include "fcgiext/core/autotune.h"

#include <string.h>

enum {
    BASE_PER_PROCESSOR = 2,
    MIN_BASE = 4,
    QUICK_PER_PROCESSOR = 10, /* without trials: the older advice for any pool */
    TARGET_CPU = 950,
    BUSY_CPU = 920,  /* no growth from here on; */
    FULL_CPU = 970,  /* here fewer are tried */
    OTHER_CPU = 200, /* a difference that means another load */
    GAP_MS = 5 * AUTOTUNE_SAMPLE_MS,
    MEASURE_ANSWERS = 200,
    MEASURE_MS = 10000,
    FEW_ANSWERS = 20, /* say nothing */
    SETTLE_MS = 10000,
    HOLD_MS = 60000,
    MAX_HOLD_MS = 480000,
    SURE_HOLD_MS = 30000, /* whatever the load does */
    PATIENCE_MS = 30000,  /* with busy processors, before more is tried */
    CALM_SAMPLES = 5,
    PEAK_MS = 60000,
    RELIEF_MS = 4000, /* between two cuts: workers end when they become free */
    RELIEF_HOLD_MS = 60000,
    CAREFUL_MS = 300000,
    MAX_RESERVE = 1024 * 1024 * 1024, /* bytes */
    FEW_WORKERS = 4,                  /* that fit into what is free: enough for the base */
    MAX_LIMIT = 10000,
    SMALLEST_WORKER = 8 * 1024 * 1024, /* bytes: so many of them fit into the machine at most */
    USUAL_WORKER = 32 * 1024 * 1024,   /* where nobody knows */
};

static uint32_t within(uint32_t value, uint32_t min, uint32_t max)
{
    if (value < min)
        return min;
    return value > max ? max : value;
}

static uint32_t least(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

static uint32_t base_of(const struct autotune *tune)
{
    uint32_t base = BASE_PER_PROCESSOR * tune->processors;
    return base < MIN_BASE ? MIN_BASE : base;
}

uint32_t autotune_first(uint32_t processors)
{
    return processors < MIN_BASE / BASE_PER_PROCESSOR ? MIN_BASE / BASE_PER_PROCESSOR : processors;
}

uint32_t autotune_most(uint64_t total_bytes)
{
    return within(least(total_bytes / SMALLEST_WORKER, MAX_LIMIT), MIN_BASE, MAX_LIMIT);
}

void autotune_init(struct autotune *tune, uint32_t processors, uint32_t min, uint32_t max)
{
    memset(tune, 0, sizeof *tune);
    tune->processors = within(processors, 1, MAX_LIMIT / QUICK_PER_PROCESSOR);
    tune->limit = autotune_first(tune->processors);
    autotune_set_bounds(tune, min, max);
}

void autotune_set_bounds(struct autotune *tune, uint32_t min, uint32_t max)
{
    tune->min = min;
    tune->max = max;
    tune->limit = within(tune->limit, min, max);
    tune->before = within(tune->before, min, max);
}

void autotune_restart(struct autotune *tune, uint32_t processors, uint32_t min, uint32_t max)
{
    uint64_t moves[AUTOTUNE_REASON_COUNT];
    memcpy(moves, tune->moves, sizeof moves);
    autotune_init(tune, processors, min, max);
    memcpy(tune->moves, moves, sizeof moves);
}

bool autotune_rests(const struct autotune *tune, const struct autotune_sample *sample)
{
    return !sample->busy && !sample->waiting && sample->answered == tune->last_answered;
}

const char *autotune_reason_name(enum autotune_reason reason)
{
    static const char *const names[] = {
        [AUTOTUNE_STEADY] = "steady",
        [AUTOTUNE_QUEUE_WAITS] = "queue_waits",
        [AUTOTUNE_CPU_SATURATED] = "cpu_saturated",
        [AUTOTUNE_MEMORY_LOW] = "memory_low",
        [AUTOTUNE_NO_GAIN] = "no_gain",
        [AUTOTUNE_LOSS] = "loss",
        [AUTOTUNE_AT_MOST] = "at_most",
        [AUTOTUNE_IDLE] = "idle",
    };
    return reason < AUTOTUNE_REASON_COUNT ? names[reason] : "steady";
}

/* ---- measuring ---- */

static void measure_anew(struct autotune *tune, uint64_t now_ms)
{
    memset(&tune->running, 0, sizeof tune->running);
    memset(&tune->measured, 0, sizeof tune->measured);
    tune->settled = false;
    tune->measure_ms = now_ms;
}

/* Answers in 1000 s. */
static uint64_t answers(const struct autotune_rate *rate)
{
    return rate->ms ? rate->answered * 1000000 / rate->ms : 0;
}

static uint32_t cpu(const struct autotune_rate *rate)
{
    return rate->ms ? (uint32_t)(rate->cpu_ms / rate->ms) : 0;
}

/* The workers that the limit allows run, or are not needed; what they got before has ended. */
static bool is_settled(struct autotune *tune, const struct autotune_sample *sample)
{
    uint64_t waited_ms = sample->now_ms - tune->moved_ms;
    bool there = sample->workers - sample->starting >= tune->limit || !sample->waiting;
    bool fewer_enough = tune->trial != AUTOTUNE_TRIAL_FEWER || sample->workers <= tune->limit;
    if (tune->settled)
        return sample->now_ms > tune->measure_ms;
    if (!(there && fewer_enough) && waited_ms < SETTLE_MS)
        return false;
    tune->settled = true;
    tune->measure_ms = sample->now_ms + tune->service_ms / 2;
    return false;
}

/* true: a measurement has come to its end. */
static bool measure(struct autotune *tune, const struct autotune_sample *sample, uint64_t ms)
{
    struct autotune_rate *running = &tune->running;
    if (!is_settled(tune, sample))
        return false;
    running->answered += sample->answered - tune->last_answered;
    running->ms += ms;
    running->cpu_ms += ms * sample->cpu_permille;
    running->busy_ms += ms * sample->busy;
    if (running->answered < MEASURE_ANSWERS && running->ms < MEASURE_MS)
        return false;
    tune->measured = *running;
    tune->service_ms = running->busy_ms / (running->answered ? running->answered : 1);
    if (tune->service_ms > SETTLE_MS)
        tune->service_ms = SETTLE_MS;
    memset(running, 0, sizeof *running);
    return true;
}

/* ---- moving ---- */

static enum autotune_reason move(struct autotune *tune, const struct autotune_sample *sample, uint32_t limit,
                                 enum autotune_reason reason)
{
    limit = within(limit, tune->min, tune->max);
    if (limit == tune->limit)
        return reason;
    tune->limit = limit;
    tune->moved_ms = sample->now_ms;
    tune->move_reason = reason;
    tune->moves[reason]++;
    measure_anew(tune, sample->now_ms);
    return reason;
}

static enum autotune_reason try(struct autotune *tune, const struct autotune_sample *sample, enum autotune_trial trial,
                                uint32_t limit, enum autotune_reason reason)
{
    tune->trial = trial;
    tune->before = tune->limit;
    tune->before_rate = tune->measured;
    return move(tune, sample, limit, reason);
}

static enum autotune_reason take_back(struct autotune *tune, const struct autotune_sample *sample, enum autotune_reason reason)
{
    tune->fewer_failed = tune->trial == AUTOTUNE_TRIAL_FEWER;
    tune->trial = AUTOTUNE_TRIAL_NONE;
    tune->failed_ms = sample->now_ms;
    tune->hold_ms = tune->hold_ms ? 2 * tune->hold_ms : HOLD_MS;
    if (tune->hold_ms > MAX_HOLD_MS)
        tune->hold_ms = MAX_HOLD_MS;
    memset(&tune->held_rate, 0, sizeof tune->held_rate); /* to be measured */
    return move(tune, sample, tune->before, reason);
}

/* ---- memory ---- */

static uint64_t reserve(const struct autotune_sample *sample)
{
    return least(sample->total_bytes / 10, MAX_RESERVE);
}

static uint64_t bytes_of_worker(const struct autotune_sample *sample)
{
    uint64_t bytes = sample->worker_bytes ? sample->worker_bytes : USUAL_WORKER;
    return bytes * (sample->pools ? sample->pools : 1);
}

static bool base_fits(const struct autotune_sample *sample)
{
    return sample->free_bytes > FEW_WORKERS * bytes_of_worker(sample);
}

/* Workers that there is room for. */
static uint32_t room(const struct autotune *tune, const struct autotune_sample *sample)
{
    uint64_t all = sample->workers;
    if (sample->free_bytes > reserve(sample))
        all += (sample->free_bytes - reserve(sample)) * 3 / 4 / bytes_of_worker(sample);
    uint32_t out_of_reserve = least(sample->workers + sample->free_bytes / 2 / bytes_of_worker(sample), base_of(tune));
    return least(all > out_of_reserve ? all : out_of_reserve, tune->max);
}

static bool was_relieved(const struct autotune *tune, const struct autotune_sample *sample, uint64_t ms)
{
    return tune->relieved_ms && sample->now_ms - tune->relieved_ms < ms;
}

/* Below half of the reserve: the limit from which workers are to end, to get it back. */
static void cut(struct autotune *tune, const struct autotune_sample *sample)
{
    uint32_t limit = tune->limit < sample->workers ? tune->limit : sample->workers;
    bool at_its_end = sample->free_bytes < reserve(sample) / 4; /* nobody knows how much is missing */
    uint64_t missing = reserve(sample) - sample->free_bytes;
    uint32_t fewer = at_its_end ? limit / 4 + 1 : least(missing / bytes_of_worker(sample) + 1, limit / 4 + 1);
    /* others may have taken it: a pool goes on serving */
    uint32_t least_limit = base_fits(sample) ? base_of(tune) : autotune_first(tune->processors) / 2;
    limit = limit > fewer ? limit - fewer : 1;
    if (limit < least_limit)
        limit = least_limit;
    tune->relieved_ms = sample->now_ms;
    if (limit < tune->limit)
        move(tune, sample, limit, AUTOTUNE_MEMORY_LOW);
}

/* false: there is enough, or the base is not reached yet. */
static bool relieve(struct autotune *tune, const struct autotune_sample *sample)
{
    bool very_low = sample->free_bytes < reserve(sample) / 2;
    if (sample->free_bytes >= reserve(sample))
        return false;
    if (tune->limit < base_of(tune) && (!very_low || base_fits(sample)))
        return false;
    tune->trial = AUTOTUNE_TRIAL_NONE;
    if (very_low && !was_relieved(tune, sample, RELIEF_MS))
        cut(tune, sample);
    return true;
}

/* ---- deciding ---- */

static enum autotune_reason grow(struct autotune *tune, const struct autotune_sample *sample, uint32_t cpu_permille)
{
    bool trial = tune->limit >= QUICK_PER_PROCESSOR * tune->processors;
    uint64_t wanted = 2 * (uint64_t)tune->limit;
    if (cpu_permille > TARGET_CPU / 2 && tune->limit >= base_of(tune))
        wanted = (uint64_t)tune->limit * TARGET_CPU / cpu_permille;
    if (cpu_permille >= BUSY_CPU)
        wanted = least(wanted, base_of(tune));
    if (was_relieved(tune, sample, CAREFUL_MS))
        wanted = least(wanted, tune->limit + tune->limit / 8);
    if (wanted <= tune->limit)
        wanted = tune->limit + 1u;
    uint32_t limit = least(wanted, room(tune, sample));
    if (tune->limit >= tune->max)
        return AUTOTUNE_AT_MOST;
    if (limit <= tune->limit || was_relieved(tune, sample, RELIEF_HOLD_MS))
        return AUTOTUNE_MEMORY_LOW;
    if (trial)
        return try(tune, sample, AUTOTUNE_TRIAL_MORE, limit, AUTOTUNE_QUEUE_WAITS);
    tune->hold_ms = 0; /* whatever failed was under another load */
    tune->fewer_failed = false;
    return move(tune, sample, limit, AUTOTUNE_QUEUE_WAITS);
}

/* Is `now` above `before` by `share` per mille of what the limit has grown by? */
static bool has_gained(const struct autotune *tune, uint64_t before, uint64_t now, uint64_t share)
{
    uint64_t grown = (uint64_t)(tune->limit - tune->before) * share / tune->before; /* per mille */
    return now * 1000 >= before * (1000 + grown);
}

/* Of a trial that was measured. */
static bool has_failed(const struct autotune *tune, bool pressed)
{
    const struct autotune_rate *before = &tune->before_rate, *now = &tune->measured;
    bool few = before->answered < FEW_ANSWERS || now->answered < FEW_ANSWERS;
    switch (tune->trial) {
    case AUTOTUNE_TRIAL_MORE:
        return pressed && !few && !has_gained(tune, answers(before), answers(now), 250) &&
               !has_gained(tune, cpu(before), cpu(now), 250);
    case AUTOTUNE_TRIAL_AGAINST: return pressed && (few || !has_gained(tune, answers(before), answers(now), 800));
    case AUTOTUNE_TRIAL_FEWER: return pressed && (cpu(now) < FULL_CPU || (!few && answers(now) * 4 < answers(before) * 3));
    case AUTOTUNE_TRIAL_NONE: break;
    }
    return false;
}

/* A load that is another one than that of the failed trial. */
static void look_for_change(struct autotune *tune, uint64_t now_ms)
{
    if (tune->held_rate.ms == 0)
        tune->held_rate = tune->measured;
    uint64_t then = answers(&tune->held_rate), now = answers(&tune->measured);
    bool changed = tune->calm >= CALM_SAMPLES;
    if (tune->held_rate.answered >= FEW_ANSWERS && tune->measured.answered >= FEW_ANSWERS)
        changed |= now * 10 > then * 15 || now * 15 < then * 10;
    uint32_t cpu_then = cpu(&tune->held_rate), cpu_now = cpu(&tune->measured);
    changed |= cpu_now > cpu_then + OTHER_CPU || cpu_then > cpu_now + OTHER_CPU;
    if (!changed || now_ms - tune->failed_ms < SURE_HOLD_MS)
        return;
    tune->hold_ms = 0;
    tune->fewer_failed = false;
}

/* The processors are busy and requests wait, at the base or above. */
static enum autotune_reason weigh(struct autotune *tune, const struct autotune_sample *sample)
{
    uint32_t base = base_of(tune);
    uint32_t half = tune->limit / 2;
    uint32_t fewer = within(half > base ? half : base, tune->min, tune->max);
    if (cpu(&tune->measured) >= FULL_CPU && fewer < tune->limit && !tune->fewer_failed)
        return try(tune, sample, AUTOTUNE_TRIAL_FEWER, fewer, AUTOTUNE_CPU_SATURATED);
    bool patient = tune->saturated_ms && sample->now_ms - tune->saturated_ms >= PATIENCE_MS;
    uint32_t more = least((uint64_t)tune->limit * 3 / 2, room(tune, sample));
    if (patient && more > tune->limit && !was_relieved(tune, sample, CAREFUL_MS))
        return try(tune, sample, AUTOTUNE_TRIAL_AGAINST, more, AUTOTUNE_QUEUE_WAITS);
    return AUTOTUNE_CPU_SATURATED;
}

/* Something was measured at this limit. */
static enum autotune_reason climb(struct autotune *tune, const struct autotune_sample *sample, bool pressed)
{
    if (has_failed(tune, pressed)) {
        bool more = tune->trial == AUTOTUNE_TRIAL_MORE, fewer = tune->trial == AUTOTUNE_TRIAL_FEWER;
        return take_back(tune, sample, more ? AUTOTUNE_NO_GAIN : fewer ? AUTOTUNE_LOSS : AUTOTUNE_CPU_SATURATED);
    }
    if (tune->trial) {
        if (tune->trial == AUTOTUNE_TRIAL_FEWER)
            tune->saturated_ms = sample->now_ms; /* more are not the next thing to try */
        tune->trial = AUTOTUNE_TRIAL_NONE;
        tune->hold_ms = 0;
    }
    look_for_change(tune, sample->now_ms);
    if (!pressed)
        return AUTOTUNE_STEADY;
    bool held = tune->hold_ms && sample->now_ms - tune->failed_ms < tune->hold_ms;
    bool busy = cpu(&tune->measured) >= BUSY_CPU;
    if (held)
        return busy ? AUTOTUNE_CPU_SATURATED : AUTOTUNE_NO_GAIN;
    return busy ? weigh(tune, sample) : grow(tune, sample, cpu(&tune->measured));
}

/* Nothing has waited for long: what was never used is not kept. */
static enum autotune_reason shrink(struct autotune *tune, const struct autotune_sample *sample)
{
    uint32_t used = 2 * tune->peak;
    uint32_t first = autotune_first(tune->processors);
    tune->peak = sample->busy;
    tune->peak_ms = sample->now_ms;
    if (used < first)
        used = first;
    return used < tune->limit ? move(tune, sample, used, AUTOTUNE_IDLE) : AUTOTUNE_STEADY;
}

static enum autotune_reason decide(struct autotune *tune, const struct autotune_sample *sample, bool measured)
{
    bool pressed = tune->pressed >= 2 || (tune->pressed && sample->waiting >= tune->limit / 2);
    bool busy = sample->cpu_permille >= BUSY_CPU;
    uint32_t quick = busy ? base_of(tune) : QUICK_PER_PROCESSOR * tune->processors;
    if (!busy)
        tune->saturated_ms = 0;
    else if (!tune->saturated_ms)
        tune->saturated_ms = sample->now_ms;
    if (relieve(tune, sample))
        return AUTOTUNE_MEMORY_LOW;
    bool sure = tune->pressed >= 2 || tune->limit < base_of(tune); /* the processors' use is that of this load */
    if (pressed && sure && !tune->trial && tune->limit < quick)
        return grow(tune, sample, sample->cpu_permille);
    bool lost = tune->trial == AUTOTUNE_TRIAL_FEWER && tune->running.ms && cpu(&tune->running) < FULL_CPU;
    if (lost && !measured && pressed) { /* that is enough */
        tune->measured = tune->running;
        measured = true;
    }
    if (measured)
        return climb(tune, sample, pressed);
    if (sample->now_ms - tune->peak_ms >= PEAK_MS)
        return shrink(tune, sample);
    return pressed ? tune->reason : AUTOTUNE_STEADY;
}

/* The first sample, or the first one after a time without work: what the load that ended it has use for is kept. */
static void begin(struct autotune *tune, const struct autotune_sample *sample)
{
    uint32_t first = autotune_first(tune->processors);
    uint64_t used = 2 * (uint64_t)sample->busy + sample->waiting;
    uint32_t keep = used > first ? least(used, tune->limit) : first;
    if (tune->sampled && sample->now_ms - tune->last_ms >= PEAK_MS && keep < tune->limit)
        move(tune, sample, keep, AUTOTUNE_IDLE);
    tune->trial = AUTOTUNE_TRIAL_NONE;
    tune->pressed = tune->calm = 0;
    tune->saturated_ms = 0;
    tune->peak = 0;
    tune->peak_ms = sample->now_ms;
    measure_anew(tune, sample->now_ms);
}

bool autotune_sample(struct autotune *tune, const struct autotune_sample *sample)
{
    uint32_t limit = tune->limit;
    uint64_t ms = sample->now_ms - tune->last_ms;
    bool measured = false;
    bool waits = sample->waiting && sample->workers >= tune->limit;
    if (!tune->sampled || ms > GAP_MS)
        begin(tune, sample);
    else if (waits && !tune->pressed && !tune->trial)
        measure_anew(tune, sample->now_ms); /* not over a step in load */
    else
        measured = measure(tune, sample, ms);
    tune->pressed = waits ? tune->pressed + 1 : 0;
    tune->calm = waits ? 0 : tune->calm + 1;
    if (sample->busy > tune->peak)
        tune->peak = sample->busy;
    if (sample->waiting)
        tune->peak = tune->peak > sample->workers ? tune->peak : sample->workers;
    tune->reason = decide(tune, sample, measured);
    tune->last_ms = sample->now_ms;
    tune->last_answered = sample->answered;
    tune->sampled = true;
    return tune->limit != limit;
}
