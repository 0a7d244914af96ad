// What holds up others, by place: see holdup.h. Stretches begin and end on the #DB path, too, so
// all of it is protected.
#include "kernel/checks/holdup.h"
#include "arch/x86/cpu.h"
#include "arch/x86/rep.h"

#define SHORT 2000 // cycles: a stretch below this is not worth its place in the table

static struct stretch {
    u64 since, from; // time-stamp counter; 0: none
} stretches[MAX_CPUS][HOLDUP_STRETCHES] __protected_bss;

bool holdup_on __protected_bss;
struct holdup holdups[NR_HOLDUPS][HOLDUP_PLACES] __protected_bss;
u64 holdups_lost __protected_bss;

// The place's own entry, or the first free one after where it would be.
static __protected_text struct holdup *find(u32 kind, u64 from)
{
    u64 first = from * 0x9e3779b97f4a7c15ull >> 32;
    for (u32 i = 0; i < HOLDUP_PLACES; i++) {
        struct holdup *h = &holdups[kind][(first + i) % HOLDUP_PLACES];
        u64 there = __atomic_load_n(&h->from, __ATOMIC_RELAXED);
        if (!there && __atomic_compare_exchange_n(&h->from, &there, from, false, __ATOMIC_RELAXED,
                                                  __ATOMIC_RELAXED))
            there = from;
        if (there == from)
            return h;
    }
    return NULL;
}

__protected_text void holdup_note(u32 kind, u64 from, u64 to, u64 amount)
{
    struct holdup *h = find(kind, from);
    if (!h) {
        __atomic_fetch_add(&holdups_lost, 1, __ATOMIC_RELAXED);
        return;
    }
    __atomic_fetch_add(&h->times, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&h->total, amount, __ATOMIC_RELAXED);
    if (amount > __atomic_load_n(&h->most, __ATOMIC_RELAXED)) {
        __atomic_store_n(&h->most, amount, __ATOMIC_RELAXED);
        __atomic_store_n(&h->to, to, __ATOMIC_RELAXED);
    }
}

__protected_text void holdup_begin(u32 kind)
{
    struct stretch *s = &stretches[cpu_id()][kind];
    if (s->since)
        return;
    s->from = (u64)__builtin_return_address(0);
    s->since = rdtsc();
}

__protected_text void holdup_end(u32 kind)
{
    struct stretch *s = &stretches[cpu_id()][kind];
    u64 took = s->since ? rdtsc() - s->since : 0;
    s->since = 0;
    if (took >= SHORT)
        holdup_note(kind, s->from, (u64)__builtin_return_address(0), took);
}

void holdup_switch(bool on)
{
    __atomic_store_n(&holdup_on, false, __ATOMIC_SEQ_CST);
    if (on) {
        rep_fill(stretches, 0, sizeof(stretches));
        rep_fill(holdups, 0, sizeof(holdups));
        holdups_lost = 0;
    }
    __atomic_store_n(&holdup_on, on, __ATOMIC_SEQ_CST);
}
