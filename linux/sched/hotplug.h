// CPUs that go offline and come back: see docs/hotplug.md.
#pragma once

#include "sched/sched.h"

void hotplug_init(void); // boot CPU, once

// cpu_offline() takes a CPU offline. On return no task runs there any more. cpu_online_again()
// takes it online again. On return the CPU runs tasks again. Returns 0, also when nothing was to
// do. -EINVAL: the CPU does not exist, or is CPU 0, which has the devices' interrupts. A task that
// was bound to the leaving CPU alone may run anywhere from then on, as on Linux. Task context.
int cpu_offline(u32 cpu);
int cpu_online_again(u32 cpu);
