// The debug-register file: encoding, the wanted and the live state, and what a #DB means.
#include "arch/x86/debugreg.h"
#include "arch/x86/debugreg_hw.h"
#include "arch/x86/upcalls.h"

__protected_text bool dr_implies(const struct dr_slot *a, const struct dr_slot *b)
{
    if (a->type == DR_EXECUTE || b->type == DR_EXECUTE)
        return a->type == b->type && a->addr == b->addr;
    if (a->type == DR_READ_WRITE && b->type == DR_WRITE)
        return false;
    return b->addr <= a->addr && a->addr + a->len <= b->addr + b->len;
}

static __protected_text u64 encode_all(const struct dr_slot *slots)
{
    u64 dr7 = DR7_FIXED_1;
    for (int i = 0; i < HBP_NUM; i++)
        if (slots[i].owner)
            dr7 |= dr7_encode(i, slots[i].type, slots[i].len);
    return dr7;
}

static __protected_text void write_addr(struct dr_file *d, int n, u64 addr)
{
    hw_write_dr(n, addr);
    d->live_addr[n] = addr;
    d->stats.writes++;
    d->stats.addr_writes++;
}

static inline __attribute__((always_inline)) void write_control(struct dr_file *d, u64 dr7,
                                                                u64 *counter)
{
    if (dr7 == d->live_dr7)
        return;
    hw_write_dr(7, dr7);
    d->live_dr7 = dr7;
    ++*counter;
}

// Breakpoints are aligned and at most eight bytes long, so two of them overlap only if they lie in
// the same 8-byte word.
static inline __attribute__((always_inline)) bool share_word(const struct dr_slot *a,
                                                             const struct dr_slot *b)
{
    return a->owner && b->owner && (a->addr ^ b->addr) < 8;
}

// D4. "Implies" is transitive: no slot that *a was compared with implies the new *a.
static __protected_text void order_nested(struct dr_file *d)
{
    struct dr_image *image = &d->want;
    bool exchanged = false;
    d->unordered = false;
    image->crowded = 0;
    for (int lo = 0; lo < HBP_NUM; lo++) {
        for (int hi = lo + 1; image->used >> lo > 1 && hi < HBP_NUM; hi++) {
            struct dr_slot *a = &image->slot[lo], *b = &image->slot[hi];
            if (!share_word(a, b))
                continue;
            image->crowded |= BIT(lo) | BIT(hi);
            if (dr_implies(b, a) && !dr_implies(a, b)) {
                struct dr_slot t = *a;
                *a = *b;
                *b = t;
                exchanged = true;
            }
        }
    }
    if (exchanged) {
        image->control = encode_all(image->slot);
        d->edited |= image->used;
    }
}

// D1: the registers that get another address are off meanwhile.
static __attribute__((noinline)) __protected_text void write_addrs(struct dr_file *d, u32 moved,
                                                                   u64 *counter)
{
    u64 safe = d->live_dr7;
    for_each_bit (i, moved)
        safe &= ~DR7_SLOT_BITS(i);
    write_control(d, safe, counter);
    for_each_bit (i, moved)
        write_addr(d, i, d->live.slot[i].addr);
}

// Makes the hardware equal to the wanted state.
static __protected_text void write_out(struct dr_file *d, u64 *counter)
{
    u32 moved = 0;
    if (unlikely(d->unordered))
        order_nested(d);
    for_each_bit (i, d->edited) {
        if (!d->want.slot[i].owner) {
            d->live.slot[i].owner = NULL;
            continue;
        }
        d->live.slot[i] = d->want.slot[i];
        if (d->live.slot[i].addr != d->live_addr[i])
            moved |= BIT(i);
    }
    d->edited = 0;
    d->live.control = d->want.control;
    d->live.used = d->want.used;
    d->live.crowded = d->want.crowded;
    if (moved)
        write_addrs(d, moved, counter);
    write_control(d, d->live.control, counter);
}

void dr_init(void)
{
    hw_write_dr(7, DR7_FIXED_1); // first, because of D1: some register may be enabled
    for (int i = 0; i < HBP_NUM; i++)
        hw_write_dr(i, 0);
    hw_write_dr(6, DR6_ACTIVE_LOW);
    *this_dr() = (struct dr_file){
        .want.control = DR7_FIXED_1, .live.control = DR7_FIXED_1, .live_dr7 = DR7_FIXED_1};
}

void dr_begin(void)
{
    this_dr()->depth++;
}

void dr_commit(void)
{
    struct dr_file *d = this_dr();
    if (d->depth == 0)
        panic("dr_commit without dr_begin");
    if (--d->depth == 0 && d->edited)
        write_out(d, &d->stats.writes);
}

// The registers that hold this address, also free ones. Bit n: DRn.
static inline u32 holders(const struct dr_file *d, u64 addr)
{
    u32 regs = 0;
#pragma GCC unroll 4 // HBP_NUM; most of an install's time is spent here
    for (int i = 0; i < HBP_NUM; i++)
        regs |= d->live_addr[i] == addr ? BIT(i) : 0;
    return regs;
}

// The free register that costs the fewest writes. Best is one that has the condition already. Then
// one that has the address: only DR7 is written. Then one that is off: it need not be switched off
// first. Then any. -1 if none is free.
static inline int choose(const struct dr_file *d, u64 addr, enum dr_type type, u8 len)
{
    u32 free = ~d->want.used & DR6_SLOTS, off = free & ~d->live.used;
    u32 held = holders(d, addr) & free, best = held ? held : off ? off : free;
    for_each_bit (i, held & (held - 1) ? held : 0) { // one of several
        const struct dr_slot *l = &d->live.slot[i];
        if (l->owner && l->type == type && l->len == len)
            return i;
    }
    return best ? __builtin_ctz(best) : -1;
}

// Before wanted slots are added to those that are there.
static inline void expect_more(struct dr_file *d)
{
    if (d->want.used)
        d->unordered = true;
    else
        d->want.crowded = 0;
}

int dr_install(void *owner, u64 addr, enum dr_type type, u8 len)
{
    struct dr_file *d = this_dr();
    int n = choose(d, addr, type, len);
    if (n < 0)
        return -1;
    expect_more(d);
    d->want.slot[n] = (struct dr_slot){.owner = owner, .addr = addr, .type = type, .len = len};
    d->want.used |= BIT(n);
    d->edited |= BIT(n);
    d->want.control |= dr7_encode(n, type, len);
    d->stats.installs++;
    return n;
}

static inline void clear_slot(struct dr_file *d, int n)
{
    d->want.slot[n].owner = NULL;
    d->want.used &= ~BIT(n);
    d->want.control &= ~DR7_SLOT_BITS(n);
    d->edited |= BIT(n);
    d->stats.evictions++;
}

// The wanted register that has this owner, or -1.
static inline int find_owner(const struct dr_file *d, const void *owner)
{
    for (int n = 0; n < HBP_NUM; n++)
        if (d->want.slot[n].owner == owner)
            return n;
    return -1;
}

bool dr_evict(const void *owner)
{
    struct dr_file *d = this_dr();
    int n = find_owner(d, owner);
    if (n >= 0)
        clear_slot(d, n);
    return n >= 0;
}

bool dr_change(const void *owner, u64 addr, enum dr_type type, u8 len)
{
    struct dr_file *d = this_dr();
    int n = find_owner(d, owner);
    if (n < 0)
        return false;
    struct dr_slot *s = &d->want.slot[n];
    s->addr = addr;
    s->type = type;
    s->len = len;
    d->want.control = (d->want.control & ~DR7_SLOT_BITS(n)) | dr7_encode(n, type, len);
    d->unordered = d->unordered || d->want.used != BIT(n);
    d->edited |= BIT(n);
    return true;
}

void dr_take_out(u32 regs, struct dr_image *image)
{
    struct dr_file *d = this_dr();
    if (d->unordered)
        order_nested(d); // now, because they come back in the same order
    image->used = d->want.used & regs;
    image->crowded = d->want.crowded;
    image->control = d->want.control;
    for_each_bit (i, image->used) {
        image->slot[i] = d->want.slot[i];
        clear_slot(d, i);
    }
    image->control &= ~d->want.control;
}

// Whether each would be in its old register without a write that another place saves.
static bool fit_as_they_were(const struct dr_file *d, const struct dr_image *image)
{
    if (d->want.used & image->used)
        return false;
    for_each_bit (i, image->used) {
        u64 addr = image->slot[i].addr;
        for (int k = 0; d->live_addr[i] != addr && k < HBP_NUM; k++)
            if (d->live_addr[k] == addr)
                return false;
    }
    return true;
}

static void put_as_they_were(struct dr_file *d, const struct dr_image *image)
{
    for_each_bit (i, image->used) {
        d->want.slot[i] = image->slot[i];
        d->stats.installs++;
    }
    expect_more(d);
    d->want.used |= image->used;
    d->edited |= image->used;
    d->want.crowded |= image->crowded;
    d->want.control |= image->control;
}

bool dr_put_back(const struct dr_image *image)
{
    struct dr_file *d = this_dr();
    if (fit_as_they_were(d, image)) {
        put_as_they_were(d, image);
        return true;
    }
    static const u8 count[1 << HBP_NUM] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    if (count[d->want.used] + count[image->used] > HBP_NUM)
        return false;
    for_each_bit (i, image->used) {
        const struct dr_slot *s = &image->slot[i];
        dr_install(s->owner, s->addr, s->type, s->len);
    }
    return true;
}

// Adds the live slots that must have been hit, too, when one of the reported slots was.
static __protected_text void add_implied(const struct dr_file *d, struct dr_hits *hits)
{
    u32 reported = hits->slots;
    for (int i = 0; i < HBP_NUM; i++)
        for (int j = 0; (reported & BIT(i)) && j < HBP_NUM; j++)
            if (d->live.slot[j].owner && dr_implies(&d->live.slot[i], &d->live.slot[j]))
                hits->slots |= BIT(j);
    hits->dr6 |= hits->slots;
}

// The end of a step and a hit of data are traps of the instruction before, an execute breakpoint is
// a fault of the next one (SDM vol. 3, 6.9: such traps come first). DR6 may show both. The fault
// then comes by itself, when the instruction is tried: it has not hit yet.
static __protected_text u32 without_early_faults(const struct dr_file *d, u32 slots, u64 dr6)
{
    u32 faults = 0;
    for_each_bit (i, slots)
        faults |= d->live.slot[i].type == DR_EXECUTE ? BIT(i) : 0;
    return (dr6 & DR6_BS) || slots != faults ? slots & ~faults : slots;
}

// DR6 may say too much, or too little. This is the last step of dr_db_enter(), so that a plain hit
// saves no registers for the call.
static __protected_text void correct_hits(const struct dr_file *d, struct dr_hits *hits)
{
    hits->slots = without_early_faults(d, hits->slots, hits->raw);
    hits->dr6 = hits->slots | (hits->dr6 & ~DR6_SLOTS);
    if (hits->slots & d->live.crowded)
        add_implied(d, hits);
}

__protected_text void dr_db_enter(struct dr_hits *hits)
{
    struct dr_file *d = this_dr();
    u64 dr6 = hw_read_dr(6) | d->nested_dr6;
    hw_write_dr(7, DR7_FIXED_1);
    hw_write_dr(6, DR6_ACTIVE_LOW);

    if (d->in_db)
        panic("#DB inside #DB");
    d->nested_dr6 = 0;
    d->in_db = true;
    d->depth++;
    d->live_dr7 = DR7_FIXED_1;
    d->stats.db_writes += 2;
    d->stats.exceptions++;

    hits->raw = dr6;
    hits->slots = dr6 & d->live.used;
    hits->dr6 = hits->slots | (dr6 & (DR6_CAUSES & ~DR6_SLOTS));
    hits->slot = d->live.slot;
    if (unlikely(!hits->dr6 && (dr6 & DR6_SLOTS)))
        d->stats.spurious++;
    // More than one cause, or a register that implies others.
    if (unlikely(hits->dr6 & ((hits->dr6 - 1) | d->live.crowded)))
        correct_hits(d, hits);
}

__protected_text void dr_db_exit(void)
{
    struct dr_file *d = this_dr();
    // The edits of handlers are written here. If a begin is open, its commit writes them.
    d->in_db = false;
    if (--d->depth == 0 && d->edited)
        write_out(d, &d->stats.db_writes);
    else
        write_control(d, d->live.control, &d->stats.db_writes);
    const char *wrong = DEBUG_BUILD ? dr_check() : NULL;
    if (wrong)
        panic("debug registers at the end of #DB: %s", wrong);
}

__protected_text u64 dr_pause(void)
{
    u64 found = hw_read_dr(7);
    hw_write_dr(7, DR7_FIXED_1);
    return found;
}

__protected_text void dr_unpause(u64 found)
{
    hw_write_dr(7, found);
}
