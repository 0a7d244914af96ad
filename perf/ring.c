// Writing records into a mapped buffer without a lock. See ring.h.
#include "perf/ring.h"
#include "kernel/base/string.h"
#include "perf/event.h"
#include "perf/sample.h"
#include "perf/wakeup.h"

#define WRITERS_BITS 16
#define WRITERS_MASK (BIT(WRITERS_BITS) - 1)
#define UNIT         8 // records are multiples of this

static u64 reserved(u64 state)
{
    return (state >> WRITERS_BITS) * UNIT;
}

// Room for n bytes behind all others, as position; false when there is none.
static bool reserve(struct perf_buffer *b, u64 n, u64 *at)
{
    u64 old = __atomic_load_n(&b->state, __ATOMIC_RELAXED), new;
    do {
        u64 tail = __atomic_load_n(&b->page->data_tail, __ATOMIC_ACQUIRE);
        *at = reserved(old);
        // One byte stays free, so that a full buffer differs from an empty one (Linux's rule).
        if (((tail - *at - 1) & (perf_buffer_size(b) - 1)) < n)
            return false;
        new = old + (n / UNIT << WRITERS_BITS) + 1;
    } while (!__atomic_compare_exchange_n(&b->state, &old, new, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return true;
}

// R2. A publisher that was overtaken must not take data_head back.
static void leave(struct perf_buffer *b)
{
    u64 state = __atomic_sub_fetch(&b->state, 1, __ATOMIC_ACQ_REL);
    if (state & WRITERS_MASK)
        return;
    u64 head = __atomic_load_n(&b->page->data_head, __ATOMIC_RELAXED);
    while ((s64)(reserved(state) - head) > 0 &&
           !__atomic_compare_exchange_n(&b->page->data_head, &head, reserved(state), false,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

static u64 copy_in(struct perf_buffer *b, u64 at, const void *from, u64 n)
{
    const u8 *p = from;
    while (n) {
        u64 page = at >> PAGE_SHIFT & (b->nr_data - 1), offset = at & ~PAGE_MASK;
        u64 part = MIN(n, PAGE_SIZE - offset);
        memcpy(b->data[page] + offset, p, part);
        at += part;
        p += part;
        n -= part;
    }
    return at;
}

static void count_lost(struct perf_buffer *b, struct perf_event *owner)
{
    __atomic_fetch_add(&b->lost, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&owner->output.lost, 1, __ATOMIC_RELAXED);
}

static bool wakeup_is_due(struct perf_buffer *b, const struct perf_event *event, u64 end,
                          bool sample)
{
    u64 at = __atomic_load_n(&b->woken_at, __ATOMIC_RELAXED);
    bool due = end - at > b->watermark &&
               __atomic_compare_exchange_n(&b->woken_at, &at, at + b->watermark, false,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    u32 want = event->attr.watermark ? 0 : event->attr.wakeup_events;
    if (sample && want && __atomic_add_fetch(&b->samples, 1, __ATOMIC_RELAXED) >= want) {
        __atomic_fetch_sub(&b->samples, want, __ATOMIC_RELAXED);
        due = true;
    }
    return due;
}

struct lost_record {
    struct perf_record_header header;
    u64 id, lost;
    u64 trailer[PERF_SAMPLE_ID_WORDS];
};

void perf_buffer_write(struct perf_event *event, const struct perf_record_header *record,
                       bool sample)
{
    struct perf_event *owner = perf_original(event);
    struct perf_buffer *b = __atomic_load_n(&owner->output.buffer, __ATOMIC_ACQUIRE);
    struct lost_record lost;
    u64 at;
    if (!b || !b->nr_data || __atomic_load_n(&b->unmapped, __ATOMIC_ACQUIRE))
        return;
    bool tell = __atomic_load_n(&b->lost, __ATOMIC_RELAXED);
    if (tell) {
        lost.header = (struct perf_record_header){.type = PERF_RECORD_LOST};
        lost.id = owner->id;
        lost.header.size =
            offsetof(struct lost_record, trailer) + perf_put_sample_id(event, lost.trailer);
    }
    u64 size = record->size + (tell ? lost.header.size : 0);
    if (__atomic_load_n(&b->paused, __ATOMIC_RELAXED) || !reserve(b, size, &at)) {
        count_lost(b, owner);
        return;
    }
    u64 end = at + size;
    if (tell) {
        lost.lost = __atomic_exchange_n(&b->lost, 0, __ATOMIC_RELAXED);
        at = copy_in(b, at, &lost, lost.header.size);
    }
    copy_in(b, at, record, record->size);
    bool due = wakeup_is_due(b, event, end, sample);
    leave(b);
    if (due) {
        __atomic_store_n(&b->ready, true, __ATOMIC_RELEASE);
        perf_work_queue(owner, PERF_WORK_WAKE);
        if (!sample) // a sample's overflow signals by itself
            perf_work_overflow(owner, PERF_WORK_SIGNAL_IN);
    }
}
