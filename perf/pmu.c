// The registered PMUs.
#include "perf/pmu.h"
#include "arch/x86/platform.h"
#include "perf/context.h"

#define MAX_PMUS 4

static const struct pmu *pmus[MAX_PMUS]; // filled at boot, constant afterwards
static u32 nr_pmus;
static const struct pmu *hardware; // the one that is edited between begin and commit

void perf_pmu_register(const struct pmu *pmu)
{
    ASSERT(nr_pmus < MAX_PMUS && !perf_pmu_find(pmu->type));
    pmus[nr_pmus++] = pmu;
    ASSERT(!hardware || !pmu->begin);
    if (pmu->begin)
        hardware = pmu;
}

const struct pmu *perf_pmu_find(u32 type)
{
    for (u32 i = 0; i < nr_pmus; i++)
        if (pmus[i]->type == type)
            return pmus[i];
    return NULL;
}

void perf_edit_begin(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    if (pc->edit_depth++)
        return;
    pc->edit_ns = clock_ns();
    if (hardware)
        hardware->begin();
}

void perf_edit_commit(void)
{
    struct perf_cpu *pc = this_perf_cpu();
    if (pc->edit_depth == 1 && hardware)
        hardware->commit();
    pc->edit_depth--;
}

void perf_pmu_park(struct perf_event_context *ctx)
{
    hardware->park(ctx);
}

bool perf_pmu_unpark(struct perf_event_context *ctx)
{
    return hardware->unpark(ctx);
}

void perf_flush_task(struct task *t)
{
    for (u32 i = 0; i < nr_pmus; i++)
        if (pmus[i]->task_flush)
            pmus[i]->task_flush(t);
}
