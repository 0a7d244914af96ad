// The registered PMUs.
#include "perf/pmu.h"
#include "arch/x86/platform.h"
#include "perf/context.h"

#define MAX_PMUS 4

static const struct pmu *pmus[MAX_PMUS]; // filled at boot, constant afterwards
static u32 nr_pmus;
static const struct pmu *bracketed[MAX_PMUS]; // those with begin and commit
static u32 nr_bracketed;

void perf_pmu_register(const struct pmu *pmu)
{
    ASSERT(nr_pmus < MAX_PMUS && !perf_pmu_find(pmu->type));
    pmus[nr_pmus++] = pmu;
    if (pmu->begin)
        bracketed[nr_bracketed++] = pmu;
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
    if (pc->edit_depth++ == 0)
        pc->edit_ns = clock_ns();
    for (u32 i = 0; i < nr_bracketed; i++)
        bracketed[i]->begin();
}

void perf_edit_commit(void)
{
    for (u32 i = 0; i < nr_bracketed; i++)
        bracketed[i]->commit();
    this_perf_cpu()->edit_depth--;
}

void perf_flush_task(struct task *t)
{
    for (u32 i = 0; i < nr_pmus; i++)
        if (pmus[i]->task_flush)
            pmus[i]->task_flush(t);
}
