// gdb's breakpoints: see breaks.h.
#include "arch/x86/user/paging_user.h"
#include "arch/x86/user/devices.h"
#include "debug/kgdb/window.h"
#include "debug/kgdb/breaks.h"
#include "debug/kgdb/kgdb.h"
#include "debug/kgdb/stopped.h"

#define INT3         0xcc
#define MAX_SOFTWARE 64

struct software {
    u64 addr, pa; // 0: free
    u8 saved;
    bool planted;
};

static struct software software[MAX_SOFTWARE] __protected_bss;
static struct hwbp_stopped slots[HBP_NUM] __protected_bss;
static enum break_kind slot_kind[HBP_NUM];

static bool leftovers; // the thread has slots to give back; atomic
static struct wait_queue leftover_queue;

// ---- in the text ----

static __protected_text u8 exchange(u64 pa, u8 byte)
{
    u8 *at = window_open(pa, 0);
    u8 old = *at;
    *at = byte;
    window_close();
    return old;
}

__protected_text void kgdb_breaks_lift(void)
{
    for (u32 i = 0; i < MAX_SOFTWARE; i++) {
        struct software *s = &software[i];
        if (s->planted)
            exchange(s->pa, s->saved);
        s->planted = false;
    }
}

__protected_text void kgdb_breaks_plant(void)
{
    for (u32 i = 0; i < MAX_SOFTWARE; i++) {
        struct software *s = &software[i];
        if (!s->addr)
            continue;
        s->saved = exchange(s->pa, INT3);
        s->planted = true;
    }
}

static __protected_text struct software *find_software(u64 addr)
{
    for (u32 i = 0; i < MAX_SOFTWARE; i++)
        if (software[i].addr == addr)
            return &software[i];
    return NULL;
}

__protected_text bool kgdb_break_at(u64 addr)
{
    return find_software(addr);
}

static bool in_protected_text(u64 addr)
{
    return addr >= (u64)__protected_text_start && addr < (u64)__protected_text_end;
}

bool kgdb_may_stop_at(u64 addr)
{
    return addr >= (u64)__text_start && addr < (u64)__text_end && !in_protected_text(addr);
}

// A place where code cannot run needs no INT3. A CPU that comes there faults, and gdb takes the
// fault for the breakpoint. When gdb calls a function, it lets it return to such a place on the
// stack.
static bool never_executes(u64 addr)
{
    u64 pa, flags;
    return addr >= TASK_SIZE_MAX && paging_lookup(read_cr3() & PTE_ADDR, addr, &pa, &flags) &&
           (flags & PTE_NX);
}

static int insert_software(u64 addr)
{
    if (never_executes(addr))
        return 0;
    if (!kgdb_may_stop_at(addr))
        return -EINVAL;
    if (find_software(addr))
        return 0;
    struct software *s = find_software(0);
    if (!s)
        return -ENOSPC;
    s->pa = virt_to_phys((const void *)addr);
    s->addr = addr;
    return 0;
}

static int remove_software(u64 addr)
{
    if (never_executes(addr))
        return 0;
    struct software *s = find_software(addr);
    if (!s || !addr)
        return -ENOENT;
    s->addr = 0;
    return 0;
}

// ---- in the registers ----

static struct hwbp_stopped *find_slot(enum break_kind kind, u64 addr, u64 len)
{
    for (u32 i = 0; i < HBP_NUM; i++)
        if (slots[i].on && slot_kind[i] == kind && slots[i].attr.bp_addr == addr &&
            (kind == Z_HARDWARE || slots[i].attr.bp_len == len))
            return &slots[i];
    return NULL;
}

// A slot for another breakpoint, if possible one that still has its claim. NULL when all four are
// in use, because there is no fifth register.
static struct hwbp_stopped *free_slot(void)
{
    struct hwbp_stopped *found = NULL;
    for (u32 i = 0; i < HBP_NUM; i++)
        if (!slots[i].on && (!found || slots[i].claimed == CLAIM_HELD))
            found = &slots[i];
    return found;
}

static int insert_hardware(enum break_kind kind, u64 addr, u64 len)
{
    static const u32 type_of[] = {[Z_HARDWARE] = HW_BREAKPOINT_X,
                                  [Z_WRITE] = HW_BREAKPOINT_W,
                                  [Z_READ] = HW_BREAKPOINT_RW,
                                  [Z_ACCESS] = HW_BREAKPOINT_RW};
    if (find_slot(kind, addr, len))
        return 0;
    struct hwbp_stopped *s = free_slot();
    if (!s)
        return -ENOSPC;
    int err = hwbp_stopped_set(s, addr, type_of[kind], kind == Z_HARDWARE ? sizeof(long) : len);
    if (!err)
        slot_kind[s - slots] = kind;
    return err;
}

__protected_text int kgdb_slot_of(const void *owner)
{
    for (int i = 0; i < HBP_NUM; i++)
        if (slots[i].event[cpu_id()] == owner)
            return i;
    return -1;
}

__protected_text u64 kgdb_slot_addr(int slot)
{
    return slots[slot].attr.bp_addr;
}

enum break_kind kgdb_slot_kind(int slot)
{
    return slot_kind[slot];
}

__protected_text bool kgdb_slot_is(u32 slot, u64 addr)
{
    return slots[slot].on && slots[slot].attr.bp_addr == addr;
}

void kgdb_breaks_apply(const struct trapframe *f, u64 *dr7)
{
    bool done = true;
    for (u32 i = 0; i < HBP_NUM; i++) // not in protected text, where registers are half changed
        done = done &&
               (!in_protected_text(f->rip) || slots[i].applied[cpu_id()] == slots[i].version) &&
               hwbp_stopped_apply(&slots[i], dr7);
    if (!done)
        lapic_send_self(IPI_DEBUGGER);
}

void debugger_irq(void)
{
    for (u32 i = 0; i < HBP_NUM; i++)
        hwbp_stopped_catch_up(&slots[i]);
    if (__atomic_load_n(&leftovers, __ATOMIC_ACQUIRE))
        wake_all(&leftover_queue);
}

// ---- both ----

int kgdb_break_insert(enum break_kind kind, u64 addr, u64 len)
{
    return kind == Z_SOFTWARE ? insert_software(addr) : insert_hardware(kind, addr, len);
}

int kgdb_break_remove(enum break_kind kind, u64 addr, u64 len)
{
    if (kind == Z_SOFTWARE)
        return remove_software(addr);
    struct hwbp_stopped *s = find_slot(kind, addr, len);
    if (!s)
        return -ENOENT;
    hwbp_stopped_clear(s);
    return 0;
}

void kgdb_break_remove_all(void)
{
    for (u32 i = 0; i < MAX_SOFTWARE; i++)
        software[i].addr = 0;
    for (u32 i = 0; i < HBP_NUM; i++)
        if (slots[i].on)
            hwbp_stopped_clear(&slots[i]);
}

void kgdb_breaks_settle(void)
{
    bool all = true;
    for (u32 i = 0; i < HBP_NUM; i++)
        all = hwbp_stopped_release(&slots[i]) && all;
    if (!all) {
        __atomic_store_n(&leftovers, true, __ATOMIC_RELEASE);
        lapic_send_self(IPI_DEBUGGER);
    }
}

// Gives back what could not be given back while a task was stopped in a reservation.
static void return_leftovers(void *)
{
    for (;;) {
        wait_event(&leftover_queue, __atomic_exchange_n(&leftovers, false, __ATOMIC_ACQ_REL));
        for (u32 i = 0; i < HBP_NUM; i++)
            hwbp_stopped_release_later(&slots[i]);
    }
}

int kgdb_breaks_init(void)
{
    wait_init(&leftover_queue);
    window_init();
    for (u32 i = 0; i < HBP_NUM; i++) {
        int err = hwbp_stopped_init(&slots[i]);
        if (err)
            return err;
    }
    struct task *t = kthread_create("kgdb", return_leftovers, NULL, CPUMASK_ALL);
    if (!t)
        return -ENOMEM;
    task_put(t);
    return 0;
}
