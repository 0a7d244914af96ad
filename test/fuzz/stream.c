// The calls of a stream.
#include "test/fuzz/fuzz.h"
#include <stdio.h>

#define MAX_DEPTH 3 // streams of this depth start no others

static unsigned depth_of(uint64_t stream)
{
    unsigned depth = 0;

    for (; stream >= ROOT_STREAMS; stream = (stream - ROOT_STREAMS) / ROOT_CALLS)
        depth++;
    return depth;
}

unsigned stream_length(uint64_t stream)
{
    return stream < ROOT_STREAMS ? ROOT_CALLS : CHILD_CALLS;
}

uint64_t stream_child(uint64_t stream, unsigned index)
{
    return stream * ROOT_CALLS + index + ROOT_STREAMS;
}

uint64_t round_seed(uint64_t seed, uint64_t round)
{
    struct rng r = {seed};

    r.state = rng_next(&r) + round;
    return rng_next(&r);
}

static bool starts_a_stream(const struct call *c)
{
    return c->entry->number == CALL_SPAWN || c->entry->number == CALL_EXEC;
}

static const struct entry *pick(struct rng *r)
{
    static unsigned sum;
    unsigned total = 0;

    if (!sum) {
        for (size_t i = 0; i < table_size; i++)
            total += table[i].weight;
        sum = total; // several threads may do this at once, with the same outcome
    }
    unsigned at = (unsigned)rng_below(r, sum);
    const struct entry *e = table;
    for (; at >= e->weight; e++)
        at -= e->weight;
    return e;
}

void stream_call(uint64_t round_seed, uint64_t stream, unsigned index, struct call *c)
{
    struct rng r = {round_seed ^ stream << 32 ^ index};

    r.state = rng_next(&r);
    do
        c->entry = pick(&r);
    while (starts_a_stream(c) && depth_of(stream) == MAX_DEPTH);
    for (int i = 0; i < ARGS; i++)
        c->arg[i] = c->entry->kind[i] == NOTHING ? 0 : kind_value(c->entry->kind[i], &r);
    c->seed = rng_next(&r);
}

static void print_call(uint64_t stream, unsigned index, const struct call *c)
{
    printf("%lu %u %s(", (unsigned long)stream, index, c->entry->name);
    for (int i = 0; i < ARGS && c->entry->kind[i] != NOTHING; i++) {
        enum kind kind = c->entry->kind[i];
        bool slot = kind == FD || kind == PID || kind == TID || kind >= FIRST_BUFFER;
        bool is_slot = slot && c->arg[i] < SLOTS;
        printf("%s%s%s%#lx", i ? ", " : "", kind_name(kind), is_slot ? "#" : " ",
               (unsigned long)c->arg[i]);
    }
    printf(") seed %#lx\n", (unsigned long)c->seed);
}

static void print_stream(uint64_t round_seed, uint64_t stream)
{
    struct call c;

    for (unsigned i = 0; i < stream_length(stream); i++) {
        stream_call(round_seed, stream, i, &c);
        print_call(stream, i, &c);
        if (starts_a_stream(&c))
            print_stream(round_seed, stream_child(stream, i));
    }
}

void stream_print(uint64_t seed, uint64_t round)
{
    for (uint64_t stream = 0; stream < ROOT_STREAMS; stream++)
        print_stream(round_seed(seed, round), stream);
}
