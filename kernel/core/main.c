// kernel_main of the core: tasks, perf events and breakpoints, and nothing above them. The kernel
// with programs has the same beginning (kernel/main.c).
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "arch/x86/trap.h"
#include "hwbp/hwbp.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/printk.h"
#include "kernel/checks/guard.h"
#include "kernel/core/core.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "sched/sched.h"
#include "sched/upcalls.h"
#include "test/kernel/ktest.h"

// With "test=" the tests that it names, otherwise the demonstration.
static void main_thread(void *)
{
    char tests[8] = "";
    bool asked = cmdline_get("test", tests, sizeof(tests));
    trace_begin();
    u32 status = (asked ? ktest_run("") == 0 : demo_run()) ? 0 : 1;
    trace_end();
    cmdline_name_unknown();
    printk("dr7: core ended with status %u\n", status);
    machine_off(status);
}

void kernel_main(u32 magic, u32 mbi)
{
    serial_init(); // a voice
    screen_init();
    cpu_detect(); // this CPU: its tables, its exceptions
    CHECKED(stack_guard_init());
    trap_init();
    cpu_init(0, 0);
    log_stage("this CPU: its tables, its exceptions");

    boot_info_parse(magic, mbi); // what GRUB left for us
    cmdline_init(boot_info.cmdline);
    log_init();
    page_init(); // memory: pages, the kernel's own page tables, the heap
    heap_init();
    log_stage("memory: %lu MB are free", pages_free_count() >> (20 - PAGE_SHIFT));

    acpi_init(); // the machine: CPUs, interrupts, time
    apic_init();
    clock_init();
    log_stage("interrupts and time");

    sched_init(); // tasks; from here on this flow is CPU 0's idle task
    perf_init();  // perf events
    hwbp_init();  // breakpoints as one kind of them
    perf_cpu_start(0);
    log_stage("tasks and perf events");
    smp_start_all(cmdline_u64("cpus", MAX_CPUS)); // the other CPUs
    log_stage("%u CPU%s", nr_cpus, nr_cpus == 1 ? "" : "s");
    hwbp_slots_init(); // which breakpoints may exist
    log_stage("breakpoints: rules \"%s\"", slots_name(hwbp_rules()));

    struct task *first = kthread_create("main", main_thread, NULL, CPUMASK_ALL);
    if (!first)
        panic("no memory for the main thread");
    task_put(first);
    sched_idle(); // never returns
}
