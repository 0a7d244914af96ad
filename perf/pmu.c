// The registered PMUs, and the register file of one of them.
#include "perf/pmu.h"

#define MAX_PMUS 4

static const struct pmu *pmus[MAX_PMUS]; // filled at boot, constant afterwards
static u32 nr_pmus;

static void nothing(void)
{
}

static const struct perf_registers no_registers = {.nr = 0, .begin = nothing, .commit = nothing};
const struct perf_registers *perf_registers = &no_registers;

void perf_registers_set(const struct perf_registers *registers)
{
    ASSERT(perf_registers == &no_registers && registers->nr <= PERF_MAX_REGISTERS);
    perf_registers = registers;
}

void perf_pmu_register(const struct pmu *pmu)
{
    ASSERT(nr_pmus < MAX_PMUS && !perf_pmu_find(pmu->type));
    pmus[nr_pmus++] = pmu;
}

const struct pmu *perf_pmu_find(u32 type)
{
    for (u32 i = 0; i < nr_pmus; i++)
        if (pmus[i]->type == type)
            return pmus[i];
    return NULL;
}
