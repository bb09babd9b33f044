/* The simulator's command line: runs of 20,000 steps each from successive seeds, or one run that replays a failure.
 *
 *   sim [--steps TOTAL] [--first-seed N]      prints TAP
 *   sim --seed N [--steps STEPS]              replays one run */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { STEPS_PER_RUN = 20000, DEFAULT_STEPS = 400000 };

int main(int argc, char **argv)
{
    uint64_t steps = 0, seed = 0, first = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--steps") == 0)
            steps = value;
        else if (strcmp(argv[i], "--seed") == 0)
            seed = value;
        else if (strcmp(argv[i], "--first-seed") == 0)
            first = value;
    }
    struct sim_totals totals;
    if (seed) {
        sim_run(seed, steps ? steps : STEPS_PER_RUN, &totals);
        printf("sim: seed %llu: every invariant held\n", (unsigned long long)seed);
        return 0;
    }
    uint64_t runs = ((steps ? steps : DEFAULT_STEPS) + STEPS_PER_RUN - 1) / STEPS_PER_RUN;
    uint64_t arrived = 0, answered = 0, retried = 0, started = 0;
    for (uint64_t i = 0; i < runs; i++) {
        sim_run(first + i, STEPS_PER_RUN, &totals);
        arrived += totals.arrived;
        answered += totals.answered;
        retried += totals.retried;
        started += totals.started;
    }
    bool busy = answered > runs * 100 && retried > 0 && started > runs; /* a world in which something happens */
    printf("%s 1 - %llu steps in %llu runs: %llu requests, %llu answered, %llu second tries, %llu workers\n1..1\n",
           busy ? "ok" : "not ok", (unsigned long long)(runs * STEPS_PER_RUN), (unsigned long long)runs,
           (unsigned long long)arrived, (unsigned long long)answered, (unsigned long long)retried, (unsigned long long)started);
    return busy ? 0 : 1;
}
