// A simulated register file under arch/x86/debugreg.c, and a model to compare it with. It checks
// the invariants D1-D4 (arch/x86/debugreg.h) at every write, and the result at every commit.
#pragma once

#include <string.h>

#include "arch/x86/debugreg_hw.h"
#include "arch/x86/user/dr7.h"
#include "test/host/ktap.h"

#define BASE      0x1000ull // watched bytes: BASE .. BASE + WINDOW - 1
#define WINDOW    16
#define NR_OWNERS 12

enum { READ, WRITE, FETCH };

struct access {
    int kind;
    u64 addr, len;
};

// ---- The model: owners with a condition, and the register of each ----

static struct dr_slot owners[NR_OWNERS];    // owner: the slot itself
static bool wanted[NR_OWNERS];              // after the next outermost commit
static struct dr_slot committed[NR_OWNERS]; // after the last commit; owner NULL: in no register
static int open_begins, in_db;

static struct dr_file file;
static struct {
    u64 dr[8];
    u32 addr_writes, control_writes; // since begin
} hw;

static bool same_condition(const struct dr_slot *a, const struct dr_slot *b)
{
    return a->addr == b->addr && a->type == b->type && a->len == b->len;
}

// Decodes register n of the hardware; false if it is off.
static bool decode(int n, u64 dr7, struct dr_slot *s)
{
    *s = (struct dr_slot){.addr = hw.dr[n]};
    return dr7_decode(dr7, n, &s->type, &s->len);
}

static bool somebody_wants(const struct dr_slot *s)
{
    for (int i = 0; i < NR_OWNERS; i++)
        if ((wanted[i] && same_condition(s, &owners[i])) ||
            (committed[i].owner && same_condition(s, &committed[i])))
            return true;
    return false;
}

static void check_dr7(u64 dr7)
{
    u64 used = DR7_FIXED_1;
    for (int n = 0; n < HBP_NUM; n++) {
        struct dr_slot s;
        if (!decode(n, dr7, &s))
            continue;
        used |= 3ull << n * 2 | 0xfull << (16 + n * 4);
        EXPECT(somebody_wants(&s)); // D1
        EXPECT(!in_db);             // D3
    }
    EXPECT_EQ(dr7 & ~used, 0); // D2
    EXPECT(dr7 & DR7_FIXED_1);
}

void hw_write_dr(int n, u64 v)
{
    if (n < HBP_NUM) {
        struct dr_slot s;
        EXPECT(!decode(n, hw.dr[7], &s)); // D1
        hw.addr_writes++;
    } else if (n == 7) {
        check_dr7(v);
        hw.control_writes++;
    }
    hw.dr[n] = v;
}

u64 hw_read_dr(int n)
{
    return hw.dr[n];
}

struct dr_file *this_dr(void)
{
    return &file;
}

static void reset(void)
{
    memset(wanted, 0, sizeof(wanted));
    memset(committed, 0, sizeof(committed));
    open_begins = in_db = 0;
    dr_init();
}

static void own(int i, u64 addr, u8 type, u8 len)
{
    owners[i] = (struct dr_slot){&owners[i], addr, type, len};
}

// ---- Operations, each done to the file and to the model ----

static void begin(void)
{
    dr_begin();
    if (open_begins++ == 0)
        hw.addr_writes = hw.control_writes = 0;
}

static bool install(int i)
{
    int nr = 0;
    for (int j = 0; j < NR_OWNERS; j++)
        nr += wanted[j];
    int n = dr_install(&owners[i], owners[i].addr, owners[i].type, owners[i].len);
    EXPECT_EQ(n >= 0, nr < HBP_NUM);
    wanted[i] = n >= 0;
    return n >= 0;
}

static void evict(int i)
{
    EXPECT_EQ(dr_evict(&owners[i]), wanted[i]);
    wanted[i] = false;
}

static void change(int i, u64 addr, u8 type, u8 len)
{
    own(i, addr, type, len);
    EXPECT_EQ(dr_change(&owners[i], addr, type, len), wanted[i]);
}

static void remember_committed(void)
{
    for (int i = 0; i < NR_OWNERS; i++)
        committed[i] = wanted[i] ? owners[i] : (struct dr_slot){0};
}

// Every committed owner is in one enabled register, no other register is enabled, and D4 holds.
static void check_registers(void)
{
    struct dr_slot s[HBP_NUM];
    bool on[HBP_NUM];
    int enabled = 0, members = 0, matched = 0;
    for (int n = 0; n < HBP_NUM; n++)
        enabled += on[n] = decode(n, hw.dr[7], &s[n]);
    for (int i = 0; i < NR_OWNERS; i++) {
        const struct dr_slot *c = &committed[i];
        members += c->owner != NULL;
        for (int n = 0; c->owner && n < HBP_NUM; n++)
            matched += on[n] && file.live.slot[n].owner == c->owner && same_condition(&s[n], c);
    }
    EXPECT_EQ(enabled, members);
    EXPECT_EQ(matched, members);
    for (int lo = 0; lo < HBP_NUM; lo++)
        for (int hi = lo + 1; hi < HBP_NUM; hi++)
            if (on[lo] && on[hi])
                EXPECT(!dr_implies(&s[hi], &s[lo]) || dr_implies(&s[lo], &s[hi])); // D4
    if (dr_check())
        ktest_fail(__FILE__, __LINE__, "dr_check: %s", dr_check());
}

// True if every register already watches the right place.
static bool nothing_to_do(void)
{
    for (int n = 0; n < HBP_NUM; n++) {
        struct dr_slot s;
        bool on = decode(n, hw.dr[7], &s);
        if (on != (file.want.slot[n].owner != NULL) ||
            (on && !same_condition(&s, &file.want.slot[n])))
            return false;
    }
    return true;
}

static void commit(void)
{
    u64 before[HBP_NUM], writes = file.stats.writes, addr_writes = file.stats.addr_writes;
    u32 changed = 0;

    memcpy(before, hw.dr, sizeof(before));
    EXPECT_EQ(hw.addr_writes + hw.control_writes, 0); // nothing moved since begin
    bool idle = nothing_to_do();
    dr_commit();
    if (--open_begins > 0) {
        EXPECT_EQ(hw.addr_writes + hw.control_writes, 0);
        return;
    }
    for (int n = 0; n < HBP_NUM; n++)
        changed += hw.dr[n] != before[n];
    EXPECT_EQ(hw.addr_writes, changed);
    EXPECT(hw.control_writes <= 2);
    if (idle)
        EXPECT_EQ(hw.addr_writes + hw.control_writes, 0);
    EXPECT_EQ(file.stats.writes - writes, hw.addr_writes + hw.control_writes);
    EXPECT_EQ(file.stats.addr_writes - addr_writes, hw.addr_writes);
    remember_committed();
    check_registers();
}

// ---- #DB as each machine reports it ----

static bool hits(const struct dr_slot *s, const struct access *a)
{
    if (s->type == DR_EXECUTE || a->kind == FETCH)
        return s->type == DR_EXECUTE && a->kind == FETCH && s->addr == a->addr;
    if (s->type == DR_WRITE && a->kind == READ)
        return false;
    return s->addr < a->addr + a->len && a->addr < s->addr + s->len;
}

enum machine { QEMU, REAL };

// Makes an access: returns the registers that it really hits, and sets DR6 as the machine does.
// `noise`: bits that a real machine may set for registers that are off.
static u32 access_memory(enum machine machine, const struct access *a, u32 noise)
{
    u32 truth = 0, off = 0;
    for (int n = 0; n < HBP_NUM; n++) {
        struct dr_slot s;
        if (!decode(n, hw.dr[7], &s))
            off |= BIT(n);
        else if (hits(&s, a))
            truth |= BIT(n);
    }
    u32 said = machine == QEMU ? truth & -truth : truth | (noise & off);
    hw.dr[6] = DR6_ACTIVE_LOW | said;
    return truth;
}

// True if QEMU's report of `truth` implies all of it. It does not if one access hits independent
// registers, for example two neighbours with one wide store.
static bool lowest_tells_all(u32 truth)
{
    int lowest = __builtin_ctz(truth);
    for (int n = lowest; n < HBP_NUM; n++)
        if (truth & BIT(n) && !dr_implies(&file.live.slot[lowest], &file.live.slot[n]))
            return false;
    return true;
}

static void take_db(enum machine machine, const struct access *a, u32 noise, void (*handler)(void))
{
    struct dr_hits h;
    u64 spurious = file.stats.spurious;
    u32 truth = access_memory(machine, a, noise);
    u32 said = hw.dr[6] & DR6_SLOTS;

    if (!said)
        return;
    dr_db_enter(&h);
    in_db++;
    EXPECT_EQ(hw.dr[7], DR7_FIXED_1); // D3
    EXPECT_EQ(hw.dr[6], DR6_ACTIVE_LOW);
    EXPECT_EQ(h.dr6, h.slots);
    EXPECT_EQ(h.slots & ~truth, 0);
    EXPECT_EQ(file.stats.spurious - spurious, truth == 0);
    if (truth && (machine == REAL || lowest_tells_all(truth)))
        EXPECT_EQ(h.slots, truth);
    EXPECT(h.slot == file.live.slot);
    handler();
    in_db--;
    hw.control_writes = 0;
    bool open = open_begins > 0;
    dr_db_exit();
    if (!open)
        remember_committed();
    else
        hw.addr_writes = hw.control_writes = 0; // the open begin starts to count again
    check_registers();
}
