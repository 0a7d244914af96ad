// Does a CPU hold exactly the breakpoints that it should, and are the slots counted right?
#include "hwbp/pmu.h"
#include "hwbp/reserve.h"
#include "kernel/base/string.h"
#include "perf/context.h"

#define FEW_CLAIMS 256 // up to so many are recounted after every operation

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

// ---- slots: the table must equal what the live claims add up to ----

static struct slot_table recounted;

static bool recount(void)
{
    struct bp_claim *c;
    bool same = true;
    slots_init(&recounted, claims.table.rules, claims.table.nr_cpus);
    list_for_each (c, &claims.live, node)
        if (c->task)
            memset(&tally_of(c->task)->recount, 0, sizeof(struct slot_task));
    list_for_each (c, &claims.live, node) {
        struct bp_task *t = tally_of(c->task);
        struct slot_request r = {t ? &t->recount : NULL, c->cpu, c->pinned};
        slots_inherit(&recounted, &r);
    }
    list_for_each (c, &claims.live, node) {
        struct bp_task *t = tally_of(c->task);
        if (t && memcmp(&t->kept, &t->recount, sizeof(t->kept)))
            same = false;
    }
    return same && !memcmp(&claims.table, &recounted, sizeof(recounted));
}

static void check_all(void)
{
    if (recount())
        return;
    claims_print("recounted", &recounted);
    panic("slot counts differ from the live breakpoints"); // which prints the table that is kept
}

// A recount looks at every claim. So n claims would cost n * n looks, if there were one after each
// operation however many there are.
void claims_check(void)
{
    static u64 unchecked; // operations since the last recount; claims.mutex
    if (++unchecked * FEW_CLAIMS <= hwbp_live())
        return;
    unchecked = 0;
    check_all();
}

void hwbp_check_slots(void)
{
    mutex_lock(&claims.mutex);
    check_all();
    mutex_unlock(&claims.mutex);
}
