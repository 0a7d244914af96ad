// The words of a record while it is put together, in a buffer of fixed size. Every write looks at
// the end of the buffer. So no code has to rely on limits that were checked elsewhere.
#pragma once

#include "kernel/base/panic.h"
#include "linux/perf/output.h"

struct words {
    u64 *at; // where the next word goes
    u64 *start, *end;
};

#define WORDS_IN(array) ((struct words){(array), (array), (array) + ARRAY_SIZE(array)})

// The place for n more words. The caller fills them and moves `at`. Panics if there is no room. Any
// context.
static inline u64 *words_room(struct words *w, u32 n)
{
    if (unlikely(w->end - w->at < (ssize_t)n))
        panic("perf: a record has no room for %u words more than %lu", n, w->at - w->start);
    return w->at;
}

static inline void put_word(struct words *w, u64 word)
{
    *words_room(w, 1) = word;
    w->at++;
}

static inline u64 words_bytes(const struct words *w)
{
    return (u64)w->at - (u64)w->start;
}

// Puts the last two values of an event in a read_format: its id, and how many records it has lost.
static inline void perf_put_identity(struct words *w, u64 format, const struct perf_event *event)
{
    const struct perf_event *original = perf_original(event);
    if (format & PERF_FORMAT_ID)
        put_word(w, original->id);
    if (format & PERF_FORMAT_LOST)
        put_word(w, __atomic_load_n(&original->output->lost, __ATOMIC_RELAXED));
}
