// See retarget.h.
#include "debug/retarget.h"
#include "arch/x86/user/devices.h"
#include "perf/context.h"

static struct spinlock lock = SPINLOCK("retarget", RANK_RETARGET);
static struct list all = LIST_INIT(all); // under the lock

void retarget_begin(struct retarget *r, struct hwbp_wide *wide)
{
    r->wide = wide;
    r->addr = hwbp_wide_event(wide, 0)->attr.bp_addr;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        r->at[cpu] = r->addr;
    u64 flags = spin_lock_irqsave(&lock);
    list_add_tail(&r->node, &all);
    spin_unlock_irqrestore(&lock, flags);
}

void retarget_end(struct retarget *r)
{
    u64 flags = spin_lock_irqsave(&lock);
    list_del(&r->node);
    spin_unlock_irqrestore(&lock, flags);
}

int hwbp_wide_retarget(struct retarget *r, u64 addr)
{
    struct perf_event_attr attr = hwbp_wide_event(r->wide, 0)->attr;
    struct hw_breakpoint unused;
    const char *why;
    attr.bp_addr = addr;
    int err = hwbp_parse(&attr, &unused, &why);
    if (err)
        return err;
    __atomic_store_n(&r->addr, addr, __ATOMIC_SEQ_CST); // before the interrupts
    lapic_send_all(IPI_RETARGET);
    return 0;
}

cpumask retarget_done(const struct retarget *r)
{
    u64 addr = __atomic_load_n(&r->addr, __ATOMIC_ACQUIRE);
    cpumask done = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        if (__atomic_load_n(&r->at[cpu], __ATOMIC_ACQUIRE) == addr)
            done |= BIT(cpu);
    return done;
}

static void move_to(struct perf_event *event, void *addr)
{
    struct perf_event_attr attr = event->attr;
    attr.bp_addr = *(u64 *)addr;
    hwbp_apply(event, &attr);
}

// perf_ctx_run() calls no other CPU here, because the context of a CPU runs on that CPU or nowhere.
void retarget_here(void)
{
    u32 cpu = cpu_id();
    struct retarget *r;
    spin_lock(&lock);
    list_for_each (r, &all, node) {
        u64 addr = __atomic_load_n(&r->addr, __ATOMIC_ACQUIRE);
        if (r->at[cpu] == addr)
            continue;
        perf_ctx_run(hwbp_wide_event(r->wide, cpu), move_to, &addr);
        __atomic_store_n(&r->at[cpu], addr, __ATOMIC_RELEASE);
    }
    spin_unlock(&lock);
}
