// The upcalls of a kernel that has nothing above breakpoints. What another one answers here, this
// one is never asked, or it has nothing to do.
#include "arch/x86/paging.h"
#include "arch/x86/upcalls.h"
#include "hwbp/hwbp.h"
#include "perf/upcalls.h"
#include "sched/upcalls.h"
#include "test/kernel/ktest.h"

// clang-format off

// ---- ring 3: there is none ----

void cpu_init_user(void) {}
void trap_from_user(struct trapframe *f, u64 cr2) { panic_trap(f, cr2); }
void trap_debug_from_user(struct trapframe *f, u64) { panic_trap(f, 0); }
void trap_work_before_user(struct trapframe *f) { panic_trap(f, 0); }
bool user_page_fault(struct trapframe *, u64) { return false; }
void context_leave_user(struct arch_task *) {}
void context_enter_user(struct arch_task *) {}
void mm_activate(struct mm *) { paging_load_kernel(); }

// ---- devices and debuggers ----

bool device_irq(struct trapframe *) { return false; }
void debugger_off(u32) {}
bool timer_is_tick(void) { return true; }

// ---- the scheduler: no timers, all CPUs stay ----

void sched_ticked(struct trapframe *) { ktest_tick(); }
void sched_rest(void) {}

// ---- the end of a task ----

void task_exiting(struct task *t) { perf_task_ends(t); }
void task_released(struct task *t) { perf_task_free(t); }

// ---- perf: nobody samples, records, waits or inherits ----

const size_t perf_output_size = 0;
void perf_born(struct perf_event *) {}
int perf_accepts(const struct perf_event *) { return 0; }
int perf_accepts_member(const struct perf_event *) { return 0; }
void perf_ends(struct perf_event *) {}
void perf_left(struct perf_event *) {}
void perf_gone(struct perf_event *) {}
void perf_counted(struct perf_event *, u64, struct trapframe *, u64) {}
void perf_task_leaves(struct task *, struct task *) {}
void perf_task_arrived(struct task *) {}
