// The words of a record while it is put together, in a buffer of fixed size. Every write looks at
// the end of the buffer. So no code has to rely on limits that were checked elsewhere.
#pragma once

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

// Puts the last two values of an event, as `format` asks: its id, and how many records it has lost.
static inline void perf_put_identity(struct words *w, u64 format, const struct perf_event *event)
{
    const struct perf_event *original = perf_original(event);
    if (format & PERF_FORMAT_ID)
        put_word(w, original->id);
    if (format & PERF_FORMAT_LOST)
        put_word(w, __atomic_load_n(&original->output->lost, __ATOMIC_RELAXED));
}

// A read of `event` begins with the value and times of the event that this returns. It is the
// leader if the read is about the group.
static inline struct perf_event *perf_read_first(struct perf_event *event)
{
    return event->attr.read_format & PERF_FORMAT_GROUP ? event->leader : event;
}

// Puts the times for which the format asks.
static inline void put_times(struct words *w, u64 format, const struct perf_times *times)
{
    if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
        put_word(w, times->enabled);
    if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
        put_word(w, times->running);
}

// Puts the values of an event or of its group, as its read_format says. `count` and `times` belong
// to perf_read_first(). value() gives the count of a sibling. No event joins or leaves the group
// meanwhile.
static inline void perf_put_values(struct words *w, struct perf_event *event, u64 count,
                                   const struct perf_times *times,
                                   u64 (*value)(struct perf_event *sibling))
{
    u64 format = event->attr.read_format;
    struct perf_event *first = perf_read_first(event), *sibling;
    if (!(format & PERF_FORMAT_GROUP)) {
        put_word(w, count);
        put_times(w, format, times);
        perf_put_identity(w, format, event);
        return;
    }
    put_word(w, 1 + first->nr_siblings);
    put_times(w, format, times);
    put_word(w, count);
    perf_put_identity(w, format, first);
    list_for_each (sibling, &first->siblings, node) {
        put_word(w, value(sibling));
        perf_put_identity(w, format, sibling);
    }
}
