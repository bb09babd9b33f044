/* autotune: the limit of workers of a pool with MaxInstances=0. A sample every AUTOTUNE_SAMPLE_MS in, a limit and the reason for it
 * out. autotune.c begins with how it decides. Samples are taken only while the pool has work. */
#ifndef FCGIEXT_CORE_AUTOTUNE_H
#define FCGIEXT_CORE_AUTOTUNE_H

#include <stdbool.h>
#include <stdint.h>

enum { AUTOTUNE_SAMPLE_MS = 2000 };

enum autotune_reason {
    AUTOTUNE_STEADY,        /* no request waits that more workers would help */
    AUTOTUNE_QUEUE_WAITS,   /* all workers are busy, and requests wait */
    AUTOTUNE_CPU_SATURATED, /* the processors are busy: more workers would only share them */
    AUTOTUNE_MEMORY_LOW,
    AUTOTUNE_NO_GAIN, /* more workers have not answered more requests */
    AUTOTUNE_LOSS,    /* fewer workers have answered fewer requests */
    AUTOTUNE_AT_MOST, /* the limit is as high as it may be */
    AUTOTUNE_IDLE,    /* far more workers are allowed than were used */
    AUTOTUNE_REASON_COUNT,
};

struct autotune_sample {
    uint64_t now_ms;
    uint32_t waiting;      /* requests without a worker */
    uint32_t busy;         /* workers with a request */
    uint32_t workers;      /* all that serve, those that are starting included */
    uint32_t starting;     /* of them */
    uint64_t answered;     /* requests in all; only differences count */
    uint32_t cpu_permille; /* of the machine, all processors together, since the last sample */
    uint64_t free_bytes;   /* of physical memory */
    uint64_t total_bytes;
    uint64_t worker_bytes; /* what a worker of this pool takes, on average; 0: not known */
    uint32_t pools;        /* pools that are tuned and have work: they share what is free. At least 1 */
};

struct autotune_rate {
    uint64_t answered, ms, cpu_ms, busy_ms; /* sums over samples */
};

enum autotune_trial {
    AUTOTUNE_TRIAL_NONE,
    AUTOTUNE_TRIAL_MORE,    /* must bring a quarter of what would be proportional */
    AUTOTUNE_TRIAL_AGAINST, /* more although the processors are busy: must bring nearly all of it */
    AUTOTUNE_TRIAL_FEWER,   /* must cost nothing */
};

struct autotune {
    uint32_t limit;
    enum autotune_reason reason;           /* as the last sample found it */
    enum autotune_reason move_reason;      /* of the last move; STEADY: there was none */
    uint64_t moved_ms;                     /* when that was */
    uint64_t moves[AUTOTUNE_REASON_COUNT]; /* in all, by reason */

    /* the rest is autotune.c's own */
    uint32_t processors, min, max;
    bool sampled; /* there is a last sample: */
    uint64_t last_ms, last_answered;
    unsigned pressed, calm; /* samples in a row with, without requests that wait for the limit */
    uint32_t peak;          /* of busy workers since peak_ms */
    uint64_t peak_ms;
    bool settled; /* since measure_ms the rate is that of the limit */
    uint64_t measure_ms;
    struct autotune_rate running, measured; /* measured.ms == 0: not yet at this limit */
    uint64_t service_ms;                    /* time of a request on its worker, as last measured */
    enum autotune_trial trial;
    uint32_t before; /* the trial: the limit that it would go back to, and what that brought */
    struct autotune_rate before_rate;
    bool fewer_failed;
    uint64_t saturated_ms; /* since when the processors are busy; 0: they are not */
    uint64_t failed_ms, hold_ms;
    struct autotune_rate held_rate;
    uint64_t relieved_ms; /* when memory was low; 0: never */
};

/* A limit of at least `min` and at most `max`; 1 <= min <= max. */
void autotune_init(struct autotune *tune, uint32_t processors, uint32_t min, uint32_t max);
/* For fcgiext.ini that was changed: the limit goes on within the new bounds. */
void autotune_set_bounds(struct autotune *tune, uint32_t min, uint32_t max);
/* As autotune_init, but the moves are counted on. *tune: of a pool that was tuned before, or zeros. */
void autotune_restart(struct autotune *tune, uint32_t processors, uint32_t min, uint32_t max);
/* No request is there, and none was answered since the last sample: there is nothing to learn. */
bool autotune_rests(const struct autotune *tune, const struct autotune_sample *sample);
/* true: the limit has changed. */
bool autotune_sample(struct autotune *tune, const struct autotune_sample *sample);

/* The first limit, and the highest one that a machine with so much memory may have. */
uint32_t autotune_first(uint32_t processors);
uint32_t autotune_most(uint64_t total_bytes);

/* snake_case, stable: "queue_waits". */
const char *autotune_reason_name(enum autotune_reason reason);

#endif
