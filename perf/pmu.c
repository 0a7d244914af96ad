// The registered PMUs.
#include "perf/pmu.h"
#include "arch/x86/platform.h"
#include "perf/context.h"

#define MAX_PMUS 4

static const struct pmu *pmus[MAX_PMUS]; // filled at boot, constant afterwards
static u32 nr_pmus;

static void nothing(void)
{
}

static const struct pmu no_hardware = {.begin = nothing, .commit = nothing};
const struct pmu *perf_hardware = &no_hardware;

void perf_pmu_register(const struct pmu *pmu)
{
    ASSERT(nr_pmus < MAX_PMUS && !perf_pmu_find(pmu->type));
    pmus[nr_pmus++] = pmu;
    ASSERT(perf_hardware == &no_hardware || !pmu->begin);
    if (pmu->begin)
        perf_hardware = pmu;
}

const struct pmu *perf_pmu_find(u32 type)
{
    for (u32 i = 0; i < nr_pmus; i++)
        if (pmus[i]->type == type)
            return pmus[i];
    return NULL;
}

void perf_flush_task(struct task *t)
{
    for (u32 i = 0; i < nr_pmus; i++)
        if (pmus[i]->task_flush)
            pmus[i]->task_flush(t);
}
