// Breakpoints in the text (INT3), and breakpoints and watchpoints in the debug registers.
#include "user/dbg/dbg.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>

#define MAX_POINTS 32
#define REGISTERS  4
#define INT3       0xcc

static struct point {
    enum point_kind kind;
    int number; // 0: free
    uint64_t addr, len;
    uint8_t saved;  // SOFT: what INT3 replaces
    uint64_t value; // watched: the last value
    unsigned long hits;
} points[MAX_POINTS];
static int last_number;
static struct point *in_register[REGISTERS];

static const char *const kind_name[] = {"breakpoint", "hardware breakpoint", "watchpoint",
                                        "read watchpoint", "access watchpoint"};

static bool watches(const struct point *p)
{
    return p->kind >= WATCH;
}

static uint64_t watched_value(const struct point *p)
{
    uint64_t value = 0;

    mem_read(p->addr, &value, p->len);
    return value;
}

// ---- the debug registers ----

// DR7 of all registers: local enables, types and lengths (Intel's manual, vol. 3, 18.2.4).
static unsigned long dr7(void)
{
    static const unsigned type[] = {[HARD] = 0, [WATCH] = 1, [RWATCH] = 3, [AWATCH] = 3};
    static const unsigned length[] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
    unsigned long value = 0;

    for (int n = 0; n < REGISTERS; n++) {
        const struct point *p = in_register[n];
        if (p)
            value |= 1ul << 2 * n | (unsigned long)(length[p->len] << 2 | type[p->kind])
                                        << (16 + 4 * n);
    }
    return value;
}

// First all off, then the addresses, then on: in any other order an old length may forbid a new
// address.
static int write_registers(void)
{
    int err = dr_set(7, 0);

    for (int n = 0; n < REGISTERS && !err; n++)
        if (in_register[n])
            err = dr_set(n, in_register[n]->addr);
    return err ? err : dr_set(7, dr7());
}

static int into_register(struct point *p)
{
    for (int n = 0; n < REGISTERS; n++) {
        if (in_register[n])
            continue;
        in_register[n] = p;
        int err = write_registers();
        if (err) {
            in_register[n] = NULL;
            write_registers();
        }
        return err;
    }
    return ENOSPC;
}

static void out_of_register(const struct point *p)
{
    for (int n = 0; n < REGISTERS; n++)
        if (in_register[n] == p)
            in_register[n] = NULL;
    write_registers();
}

// ---- the list ----

static void describe(const struct point *p)
{
    printf("%s %d at %s", kind_name[p->kind], p->number, place_name(p->addr));
    if (watches(p))
        printf(", %llu bytes", (unsigned long long)p->len);
}

void point_add(enum point_kind kind, uint64_t addr, uint64_t len)
{
    const struct symbol *s = symbol_at(addr);
    struct point *p = points;

    while (p < points + MAX_POINTS && p->number)
        p++;
    if (p == points + MAX_POINTS) {
        printf("too many breakpoints\n");
        return;
    }
    *p = (struct point){.kind = kind, .addr = addr, .len = len ? len : s ? s->size : 0};
    if (kind < WATCH)
        p->len = 1;
    if (p->len != 1 && p->len != 2 && p->len != 4 && p->len != 8) {
        printf("a register watches 1, 2, 4 or 8 bytes, not %llu\n", (unsigned long long)p->len);
        return;
    }
    int err = kind != SOFT ? into_register(p) : mem_read(addr, &p->saved, 1) ? 0 : EIO;
    if (err) {
        printf("no %s at %s: %s\n", kind_name[kind], place_name(addr), strerror(err));
        return;
    }
    p->number = ++last_number;
    if (watches(p))
        p->value = watched_value(p);
    describe(p);
    printf("\n");
}

void point_delete(int number)
{
    for (struct point *p = points; p < points + MAX_POINTS; p++) {
        if (p->number != number || !number)
            continue;
        if (p->kind != SOFT)
            out_of_register(p);
        p->number = 0;
        return;
    }
    printf("there is no breakpoint %d\n", number);
}

void points_list(void)
{
    for (const struct point *p = points; p < points + MAX_POINTS; p++) {
        if (!p->number)
            continue;
        describe(p);
        printf(", %lu hits\n", p->hits);
    }
}

// ---- in the text ----

void points_insert(void)
{
    const uint8_t int3 = INT3;

    for (struct point *p = points; p < points + MAX_POINTS; p++)
        if (p->number && p->kind == SOFT)
            mem_write(p->addr, &int3, 1);
}

void points_remove(pid_t from)
{
    pid_t own = target;

    target = from;
    for (struct point *p = points; p < points + MAX_POINTS; p++)
        if (p->number && p->kind == SOFT)
            mem_write(p->addr, &p->saved, 1);
    target = own;
}

static struct point *find(enum point_kind kind, uint64_t addr)
{
    for (struct point *p = points; p < points + MAX_POINTS; p++)
        if (p->number && p->kind == kind && p->addr == addr)
            return p;
    return NULL;
}

bool point_is_soft(uint64_t addr)
{
    return find(SOFT, addr);
}

bool point_is_hard(uint64_t addr)
{
    return find(HARD, addr);
}

// ---- what has happened ----

// A register cannot watch only reads, so a change of the value counts as a write.
static bool tell_watch(struct point *p)
{
    uint64_t old = p->value, now = watched_value(p);
    const char *where = place_name(regs_get().rip);

    p->value = now;
    if (p->kind == RWATCH && old != now)
        return false;
    p->hits++;
    printf("%s %d at %s: ", kind_name[p->kind], p->number, place_name(p->addr));
    if (old == now)
        printf("value %#llx", (unsigned long long)now);
    else
        printf("%#llx -> %#llx", (unsigned long long)old, (unsigned long long)now);
    printf(", before %s\n", where); // the instruction after the access
    return true;
}

static void tell_break(struct point *p)
{
    p->hits++;
    printf("%s %d at %s\n", kind_name[p->kind], p->number, place_name(p->addr));
}

static bool explain_registers(bool *silent)
{
    unsigned long hit = dr_get(6) & 0xf;
    bool said = false;

    for (int n = 0; n < REGISTERS; n++) {
        struct point *p = in_register[n];
        if (!(hit & 1ul << n) || !p)
            continue;
        if (!watches(p))
            tell_break(p);
        said |= watches(p) ? tell_watch(p) : true;
    }
    dr_set(6, 0);
    *silent = hit && !said;
    return hit;
}

bool points_explain(bool *silent)
{
    struct user_regs_struct r = regs_get();
    siginfo_t info;

    if (explain_registers(silent))
        return true;
    if (ptrace(PTRACE_GETSIGINFO, target, 0, &info) || info.si_code != SI_KERNEL)
        return false;
    struct point *p = find(SOFT, r.rip - 1); // after INT3
    if (!p)
        return false;
    r.rip--;
    regs_set(&r);
    tell_break(p);
    return true;
}
