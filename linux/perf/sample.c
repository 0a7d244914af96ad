// Overflows and samples. See sample.h.
#include "linux/perf/perf.h"
#include "linux/perf/sample.h"
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"
#include "linux/perf/callchain.h"
#include "linux/perf/machine.h"
#include "linux/perf/ring.h"
#include "linux/perf/throttle.h"
#include "linux/perf/upcalls.h"
#include "linux/perf/wakeup.h"
#include "linux/perf/words.h"

#define FIXED_WORDS  22 // words of the header and of all parts with a fixed size
#define READ_WORDS   (3 + 3 * PERF_SAMPLE_GROUP_MAX)
#define SAMPLE_WORDS (FIXED_WORDS + READ_WORDS + 1 + PERF_CALLCHAIN_WORDS + 2 * PERF_REGS_WORDS)
#define SAMPLE_BYTES 65528 // of the longest sample: the size in its header has 16 bits

enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_RAW = 4, CLOCK_BOOTTIME = 7, CLOCK_TAI = 11 };

static bool clock_known(const struct perf_event *event)
{
    const struct perf_event_attr *a = &event->attr;
    if (!a->use_clockid || a->clockid == CLOCK_MONOTONIC || a->clockid == CLOCK_RAW)
        return true;
    // In Linux an exception cannot read these clocks.
    return !event->pmu->limited && (a->clockid == CLOCK_REALTIME || a->clockid == CLOCK_BOOTTIME ||
                                    a->clockid == CLOCK_TAI);
}

bool perf_same_clock(const struct perf_event *a, const struct perf_event *b)
{
    return a->attr.use_clockid == b->attr.use_clockid &&
           (!a->attr.use_clockid || a->attr.clockid == b->attr.clockid);
}

u64 perf_clock(const struct perf_event *event)
{
    const struct perf_event_attr *a = &event->attr;
    bool real = a->use_clockid && (a->clockid == CLOCK_REALTIME || a->clockid == CLOCK_TAI);
    return clock_ns() + (real ? clock_boot_epoch() * NS_PER_SEC : 0);
}

int perf_sample_check(const struct perf_event *event)
{
    const struct perf_event_attr *a = &event->attr;
    if ((a->sample_type & PERF_SAMPLE_BRANCH_STACK) || a->aux_output ||
        (a->sample_regs_user | a->sample_regs_intr) >> 32)
        return -EOPNOTSUPP;
    if ((a->sample_type & PERF_SAMPLE_CALLCHAIN) && a->sample_max_stack > PERF_MAX_STACK)
        return -EOVERFLOW;
    return clock_known(event) && !a->aux_sample_size ? 0 : -EINVAL;
}

// ---- what a sample says ----

u64 perf_put_ids(void)
{
    const struct task *t = current_task();
    return (u64)t->tid << 32 | perf_task_pid(t);
}

// What the parts of a sample are about.
struct subject {
    const struct perf_event *event;
    const struct trapframe *regs;
    u64 addr, period;
};

// The value of a part that is one word. A part that only other PMUs know is zero or "not known".
static u64 word_of(u64 part, const struct subject *s)
{
    // clang-format off
    switch (part) {
    case PERF_SAMPLE_IDENTIFIER:
    case PERF_SAMPLE_ID:             return perf_original(s->event)->id;
    case PERF_SAMPLE_IP:             return s->regs->rip;
    case PERF_SAMPLE_TID:            return perf_put_ids();
    case PERF_SAMPLE_TIME:           return perf_clock(s->event);
    case PERF_SAMPLE_ADDR:           return s->addr;
    case PERF_SAMPLE_STREAM_ID:      return s->event->id;
    case PERF_SAMPLE_CPU:            return cpu_id();
    case PERF_SAMPLE_PERIOD:         return s->period;
    case PERF_SAMPLE_DATA_SRC:       return PERF_MEM_NA;
    case PERF_SAMPLE_PHYS_ADDR:      return perf_phys_addr(s->addr);
    case PERF_SAMPLE_CGROUP:         return 1; // the number of the root group
    case PERF_SAMPLE_DATA_PAGE_SIZE: return perf_page_size(s->addr);
    case PERF_SAMPLE_CODE_PAGE_SIZE: return perf_page_size(s->regs->rip);
    default:                         return 0; // weights, transaction, and no bytes of AUX
    }
    // clang-format on
}

// Puts the parts of the list for which the event asks, in this order. A 0 ends the list.
static void put_parts(struct words *w, const u64 *parts, const struct subject *s)
{
    for (u64 type = s->event->attr.sample_type; *parts; parts++)
        if (type & *parts)
            put_word(w, word_of(*parts, s));
}

u16 perf_put_sample_id(const struct perf_event *event, u64 *words)
{
    static const u64 parts[] = {PERF_SAMPLE_TID,
                                PERF_SAMPLE_TIME,
                                PERF_SAMPLE_ID,
                                PERF_SAMPLE_STREAM_ID,
                                PERF_SAMPLE_CPU,
                                PERF_SAMPLE_IDENTIFIER,
                                0};
    struct words w = {words, words, words + PERF_SAMPLE_ID_WORDS};
    if (event->attr.sample_id_all)
        put_parts(&w, parts, &(struct subject){.event = event});
    return words_bytes(&w);
}

static u64 count_of(struct perf_event *event)
{
    return event->count;
}

// Takes no lock, because the code that was interrupted may hold it. IRQs are off where the context
// runs. So only that code, or a read(2) on another CPU, could be changing the times (C1). Then the
// sample may tell those of an earlier moment.
void perf_put_sample_read(struct words *w, struct perf_event *event)
{
    const struct perf_event *first = perf_read_first(event);
    u64 now = perf_ctx_now(event->ctx), passed = now > first->tstamp ? now - first->tstamp : 0;
    struct perf_times times = {
        first->total_enabled + (first->state >= PERF_INACTIVE ? passed : 0),
        first->total_running + (first->state == PERF_ACTIVE ? passed : 0),
    };
    perf_put_values(w, event, first->count, &times, count_of);
}

// Puts the parts from IDENTIFIER to CALLCHAIN.
static void put_event(struct words *w, struct perf_event *event, const struct subject *s)
{
    static const u64 parts[] = {PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_IP,
                                PERF_SAMPLE_TID,        PERF_SAMPLE_TIME,
                                PERF_SAMPLE_ADDR,       PERF_SAMPLE_ID,
                                PERF_SAMPLE_STREAM_ID,  PERF_SAMPLE_CPU,
                                PERF_SAMPLE_PERIOD,     0};
    u64 type = event->attr.sample_type;
    put_parts(w, parts, s);
    if (type & PERF_SAMPLE_READ)
        perf_put_sample_read(w, event);
    if (type & PERF_SAMPLE_CALLCHAIN)
        perf_put_callchain(w, &event->attr, s->regs);
}

// Puts the parts from WEIGHT to AUX.
static void put_machine(struct words *w, const struct subject *s)
{
    static const u64 before[] = {PERF_SAMPLE_WEIGHTS, PERF_SAMPLE_DATA_SRC, PERF_SAMPLE_TRANSACTION,
                                 0};
    static const u64 after[] = {
        PERF_SAMPLE_PHYS_ADDR,      PERF_SAMPLE_CGROUP, PERF_SAMPLE_DATA_PAGE_SIZE,
        PERF_SAMPLE_CODE_PAGE_SIZE, PERF_SAMPLE_AUX,    0};
    const struct perf_event_attr *a = &s->event->attr;
    put_parts(w, before, s);
    if (a->sample_type & PERF_SAMPLE_REGS_INTR)
        perf_put_regs(w, a->sample_regs_intr, s->regs);
    put_parts(w, after, s);
}

static void write_sample(struct perf_event *event, const struct trapframe *regs, u64 addr,
                         u64 period)
{
    const struct perf_event_attr *a = &event->attr;
    const struct trapframe *user = perf_user_regs(regs);
    u64 words[SAMPLE_WORDS], stack = 0;
    const struct subject s = {event, regs, addr, period};
    struct words w = WORDS_IN(words);
    struct perf_writer out;
    struct perf_record_header *header = (void *)words_room(&w, 1);
    w.at++;
    put_event(&w, event, &s);
    if (a->sample_type & PERF_SAMPLE_RAW)
        put_word(&w, sizeof(u32)); // 4 bytes follow, which are zero
    if (a->sample_type & PERF_SAMPLE_REGS_USER)
        perf_put_regs(&w, a->sample_regs_user, user);
    if (a->sample_type & PERF_SAMPLE_STACK_USER) {
        stack = user ? a->sample_stack_user : 0;
        put_word(&w, stack);
    }
    u64 *split = w.at; // the bytes of the stack come here, and a word that says how many they are
    if (stack)
        put_word(&w, 0);
    put_machine(&w, &s);
    if (stack)
        split[-1] = stack = MIN(stack, SAMPLE_BYTES - words_bytes(&w));

    *header = (struct perf_record_header){
        .type = PERF_RECORD_SAMPLE,
        .misc = from_user(regs) ? PERF_MISC_USER : PERF_MISC_KERNEL,
        .size = words_bytes(&w) + stack,
    };
    if (!perf_buffer_begin(&out, event, header->size))
        return;
    perf_buffer_put(&out, words, (u64)split - (u64)words);
    if (stack)
        *split = perf_buffer_put_user(&out, user->rsp, stack);
    perf_buffer_put(&out, split, (u64)w.at - (u64)split);
    perf_buffer_end(&out, true);
}

// ---- overflows ----

static void overflow(struct perf_event *event, const struct trapframe *regs, u64 addr, u64 period)
{
    struct perf_output *out = event->output;
    struct perf_event *original = perf_original(event);
    u32 work = PERF_WORK_SIGNAL_IN;
    // A program that gets SIGTRAPs sets the pace itself, and must not miss a signal.
    if (!event->attr.sigtrap && !perf_may_overflow(event))
        return;
    if (out->limit && --out->limit == 0) {
        event->stopped = true;
        work = PERF_WORK_SIGNAL_HUP | PERF_WORK_DISABLE;
    }
    if (event->attr.sigtrap)
        perf_trap_owe(event, addr);
    if (original->output->buffer)
        write_sample(event, regs, addr, period);
    if (original->output->file || (work & PERF_WORK_DISABLE))
        perf_work_overflow(original, work);
    if (!from_user(regs) && this_output_cpu()->fresh)
        perf_work_interrupt();
}

void perf_sample_count(struct perf_event *event, u64 nr, struct trapframe *regs, u64 addr)
{
    struct perf_output *out = event->output;
    struct trapframe here;
    // Linux's rule: if samples tell the period and there is no frequency, each occurrence makes a
    // sample. The length of the period does not matter.
    const struct perf_event_attr *a = &event->attr;
    bool each = a->sample_type & PERF_SAMPLE_PERIOD && !a->freq && !perf_is_clock(event);
    out->left -= (s64)nr;
    if (!each && out->left > 0)
        return;
    if (!regs) {
        here = (struct trapframe){
            .rip = (u64)__builtin_return_address(0),
            .rbp = (u64)__builtin_frame_address(0),
            .cs = KERNEL_CS,
        };
        regs = &here;
    }
    do {
        if (event->stopped)
            return;
        u64 period = each ? nr : out->period;
        if (!each)
            out->left += (s64)period;
        overflow(event, regs, addr, period);
    } while (!each && out->left <= 0);
}

// ---- periods ----

// For a clock the right period is known at once.
static __attribute__((noinline)) void begin_frequency(struct perf_event *event)
{
    struct perf_output *out = event->output;
    u64 rate = event->attr.sample_period;
    out->period = rate && perf_is_clock(event) ? MAX(NS_PER_SEC / rate, 1) : 1;
    out->left = (s64)out->period;
}

void perf_sample_init(struct perf_event *event)
{
    struct perf_output *out = event->output;
    out->period = event->attr.sample_period;
    out->left = (s64)out->period;
    if (event->attr.freq)
        begin_frequency(event);
}

void perf_sample_set_period(struct perf_event *event, u64 period)
{
    event->attr.sample_period = period;
    perf_sample_init(event);
    if (perf_is_clock(event))
        perf_clock_begin(event);
}
