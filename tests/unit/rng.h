/* rng: random numbers for tests (splitmix64). The same seed gives the same numbers everywhere, so that the seed
 * which a failing test prints replays the failure on every platform and with every compiler. The state is the
 * caller's: tests do not disturb each other. Not for secrets. */
#ifndef FCGIEXT_TESTS_RNG_H
#define FCGIEXT_TESTS_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state; /* start with the seed */
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 to `below` - 1. */
static inline size_t rng_below(struct rng *rng, size_t below)
{
    return (size_t)(rng_next(rng) % below);
}

static inline void rng_fill(struct rng *rng, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)rng_next(rng);
}

#endif
