// Random numbers that follow from their seed on every machine.
#include "test/fuzz/fuzz.h"

// The generator called SplitMix64: the state is a counter, mixed by two multiplications.
uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    return rng_next(r) % n;
}

bool rng_once_in(struct rng *r, uint64_t n)
{
    return rng_below(r, n) == 0;
}
