// Debug builds: does this CPU hold exactly what it should?
#include "arch/x86/debugreg_hw.h"
#include "hwbp/hwbp.h"
#include "hwbp/pmu.h"
#include "hwbp/reserve.h"
#include "kernel/base/upcalls.h"
#include "kernel/base/printk.h"
#include "perf/context.h"

static void print_registers(void)
{
    struct dr_file *d = &this_cpu()->dr;
    for (int i = 0; i < HBP_NUM; i++)
        printk(
            "DR%d holds %016lx | written %016lx owner %p | wanted %016lx type %u len %u owner %p\n",
            i, hw_read_dr(i), d->live_addr[i], d->live.slot[i].owner, d->want.slot[i].addr,
            d->want.slot[i].type, d->want.slot[i].len, d->want.slot[i].owner);
    printk("DR7 %lx, edits open %u, in #DB %u\n", d->live_dr7, d->depth, d->in_db);
}

void panic_print_breakpoints(void)
{
    if (!hwbp_live())
        return;
    print_registers();
    claims_print();
}

void hwbp_check_cpu(void)
{
    struct dr_file *d = &this_cpu()->dr;
    struct perf_cpu *pc = this_perf_cpu();
    s32 cpu = cpu_id();
    const char *wrong = dr_check();
    u32 owners = 0;
    for (int i = 0; i < HBP_NUM && !wrong; i++) {
        struct perf_event *event = d->want.slot[i].owner;
        if (!event)
            continue;
        owners++;
        if (event->state != PERF_ACTIVE || !event->ctx->running || event->ctx->active_cpu != cpu)
            wrong = "a register holds an event that is not active here";
        else if (bp_of(event)->addr != d->live_addr[i])
            wrong = "a register does not hold its event's address";
        for (int j = i + 1; j < HBP_NUM; j++)
            if (d->want.slot[j].owner == event)
                wrong = "an event is in two registers";
    }
    if (!wrong && owners != pc->ctx.nr_limited + (pc->task_ctx ? pc->task_ctx->nr_limited : 0))
        wrong = "an active event is in no register";
    if (wrong)
        panic("breakpoints of cpu %d: %s", cpu, wrong);
}
