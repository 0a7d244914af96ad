// What a panic says about breakpoints.
#include "arch/x86/debugreg_hw.h"
#include "hwbp/hwbp.h"
#include "hwbp/reserve.h"

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

void claims_print(const char *name, const struct slot_table *t)
{
    for (u32 cpu = 0; cpu < t->nr_cpus; cpu++) {
        const struct slot_cpu *s = &t->cpu[cpu];
        printk("%s cpu %u: cpu_pinned %u cpu_flexible %u flexible %u tasks", name, cpu,
               s->cpu_pinned, s->cpu_flexible, s->flexible);
        for (u32 n = 0; n <= SLOTS_PER_CPU; n++)
            printk(" %u/%u", s->tasks[0][n], s->tasks[1][n]);
        printk("\n");
    }
}

void panic_print_breakpoints(void)
{
    if (!hwbp_live())
        return;
    print_registers();
    claims_print("kept     ", &claims.table);
}
