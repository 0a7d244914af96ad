// How records are written into a mapped buffer without a lock. See ring.h.
#include "linux/perf/ring.h"
#include "arch/x86/uaccess.h"
#include "kernel/base/string.h"
#include "linux/perf/sample.h"
#include "linux/perf/wakeup.h"

#define WRITERS_BITS 16
#define WRITERS_MASK (BIT(WRITERS_BITS) - 1)
#define UNIT         8 // the bytes of a record are a multiple of this

static u64 reserved(u64 state)
{
    return (state >> WRITERS_BITS) * UNIT;
}

// The value of data_head after `bytes` bytes were written.
static u64 position(const struct perf_buffer *b, u64 bytes)
{
    return b->backward ? -bytes : bytes;
}

// Reserves n bytes after the reserved ones. *before becomes the number of bytes that were reserved
// before. False if there is no room.
static bool reserve(struct perf_buffer *b, u64 n, u64 *before)
{
    u64 old = __atomic_load_n(&b->state, __ATOMIC_RELAXED), new;
    do {
        u64 read = position(b, __atomic_load_n(&b->page->data_tail, __ATOMIC_ACQUIRE));
        *before = reserved(old);
        // One byte stays free, as on Linux. So a full buffer differs from an empty one.
        if (!b->overwrite && ((read - *before - 1) & (perf_buffer_size(b) - 1)) < n)
            return false;
        new = old + (n / UNIT << WRITERS_BITS) + 1;
    } while (!__atomic_compare_exchange_n(&b->state, &old, new, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED));
    return true;
}

// A writer leaves (R2). If another writer has published a later data_head, this one must not move
// it back.
static void leave(struct perf_buffer *b)
{
    u64 state = __atomic_sub_fetch(&b->state, 1, __ATOMIC_ACQ_REL), all = reserved(state);
    if (state & WRITERS_MASK)
        return;
    u64 head = __atomic_load_n(&b->page->data_head, __ATOMIC_RELAXED);
    while ((s64)(all - position(b, head)) > 0 &&
           !__atomic_compare_exchange_n(&b->page->data_head, &head, position(b, all), false,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

// Returns where the next piece goes. A piece is inside one page, and has at most *n bytes.
static u8 *next_piece(struct perf_writer *w, u64 *n)
{
    u64 page = w->at >> PAGE_SHIFT & (w->buffer->nr_data - 1), offset = w->at & ~PAGE_MASK;
    *n = MIN(*n, PAGE_SIZE - offset);
    w->at += *n;
    return w->buffer->data[page] + offset;
}

void perf_buffer_put(struct perf_writer *w, const void *from, u64 n)
{
    const u8 *p = from;
    for (u64 part; n; n -= part, p += part) {
        part = n;
        u8 *to = next_piece(w, &part);
        memcpy(to, p, part);
    }
}

u64 perf_buffer_put_user(struct perf_writer *w, u64 from, u64 n)
{
    u64 end = w->at + n, copied = 0, part;
    for (; copied < n; copied += part) {
        part = MIN(n - copied, PAGE_SIZE - ((from + copied) & ~PAGE_MASK));
        u8 *to = next_piece(w, &part);
        if (copy_from_user_atomic(to, from + copied, part))
            break;
    }
    w->at = end;
    return copied;
}

static void count_lost(struct perf_buffer *b, struct perf_event *owner)
{
    __atomic_fetch_add(&b->lost, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&owner->output->lost, 1, __ATOMIC_RELAXED);
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
        // In Linux this mark is also the number of wakeups. So each wakeup moves it by one.
        __atomic_fetch_add(&b->woken_at, 1, __ATOMIC_RELAXED);
        due = true;
    }
    return due;
}

struct lost_record {
    struct perf_record_header header;
    u64 id, lost;
    u64 trailer[PERF_SAMPLE_ID_WORDS];
};

bool perf_buffer_begin(struct perf_writer *w, struct perf_event *event, u64 size)
{
    struct perf_event *owner = perf_original(event);
    struct perf_buffer *b = __atomic_load_n(&owner->output->buffer, __ATOMIC_ACQUIRE);
    struct lost_record lost = {.header = {.type = PERF_RECORD_LOST}, .id = owner->id};
    u64 before;
    if (!b || !b->nr_data || __atomic_load_n(&b->unmapped, __ATOMIC_ACQUIRE))
        return false;
    if (__atomic_load_n(&b->lost, __ATOMIC_RELAXED))
        lost.header.size =
            offsetof(struct lost_record, trailer) + perf_put_sample_id(event, lost.trailer);
    size += lost.header.size;
    if (__atomic_load_n(&b->paused, __ATOMIC_RELAXED) || !reserve(b, size, &before)) {
        count_lost(b, owner);
        return false;
    }
    u64 end = before + size;
    *w = (struct perf_writer){event, b, b->backward ? -end : before, end};
    if (lost.header.size) {
        lost.lost = __atomic_exchange_n(&b->lost, 0, __ATOMIC_RELAXED);
        perf_buffer_put(w, &lost, lost.header.size);
    }
    return true;
}

void perf_buffer_end(struct perf_writer *w, bool sample)
{
    struct perf_buffer *b = w->buffer;
    struct perf_event *owner = perf_original(w->event);
    bool due = wakeup_is_due(b, w->event, w->end, sample);
    leave(b);
    if (due) {
        __atomic_store_n(&b->ready, true, __ATOMIC_RELEASE);
        perf_work_queue(owner, PERF_WORK_WAKE);
        if (!sample) // the overflow of a sample sends its signal itself
            perf_work_overflow(owner, PERF_WORK_SIGNAL_IN);
    }
}

void perf_buffer_write(struct perf_event *event, const struct perf_record_header *record)
{
    struct perf_writer w;
    if (!perf_buffer_begin(&w, event, record->size))
        return;
    perf_buffer_put(&w, record, record->size);
    perf_buffer_end(&w, false);
}
