// kernel_main: the table of contents of the kernel. Read it top to bottom, then follow what
// interests you.
#include "linux/perf/perf.h"
#include "arch/x86/paging.h"
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "arch/x86/user/devices.h"
#include "debug/crash.h"
#include "debug/examples/race.h"
#include "debug/examples/watch.h"
#include "debug/guest.h"
#include "debug/kgdb/kgdb.h"
#include "debug/ksym/ksym.h"
#include "debug/step.h"
#include "debug/watchdog.h"
#include "hwbp/hwbp.h"
#include "kernel/base/cmdline.h"
#include "kernel/checks/guard.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/proc/init.h"
#include "linux/sched/hotplug.h"
#include "linux/sched/timer.h"
#include "test/kernel/ktest.h"

#define DEFAULT_INIT "/bin/init"
#define FAILED       1 // status of the machine when a built-in test or the first program failed

// Says how the first program ended, for people and for the host's scripts. The machine's status.
static u32 report_end(int wait_status)
{
    if (wait_status < 0)
        printk("dr7: init could not be started: error %d\n", -wait_status);
    else if (wait_status & 0x7f) // wait(2): the signal, or 0
        printk("dr7: init killed by signal %d\n", wait_status & 0x7f);
    else
        printk("dr7: init exited with status %d\n", wait_status >> 8 & 0xff);
    return wait_status ? FAILED : 0;
}

// GRUB passes no empty word, so an argument of nothing but percent signs has one more than is
// meant: "%" stands for an empty word, "%%" for one percent sign, and so on.
static char *as_meant(char *word)
{
    const char *s = word;
    while (*s == '%')
        s++;
    return s > word && !*s ? word + 1 : word;
}

// The first kernel thread: everything that may sleep, then the programs.
static void main_thread(void *)
{
    char init[512] = DEFAULT_INIT;
    static char *argv[1 + CMDLINE_WORDS + 1];
    kgdb_start();
    watchdog_start();
    crash_if_asked();
    bool programs = fs_have_archive();
    if (!programs)
        printk("dr7: no programs: started without a module; running the built-in tasks "
               "(test=NAME chooses)\n");
    watch_start();
    race_start();
    u32 status = ktest_run(programs ? "" : "all") ? FAILED : 0;

    cmdline_get("init", init, sizeof(init));
    cmdline_name_unknown();
    if (programs) {
        argv[0] = init;
        int n = 1;
        for (char **word = cmdline_rest; *word; word++)
            argv[n++] = as_meant(*word);
        u32 ended = report_end(proc_run_init(init, n, argv));
        status = status ? status : ended;
    }
    machine_off(status);
}

// The PC: this CPU, memory, interrupts, time.
static void bring_up_machine(u32 magic, u32 mbi)
{
    serial_init(); // a voice
    screen_init();
    cpu_detect(); // this CPU: its tables, its exceptions
    CHECKED(stack_guard_init());
    trap_init();
    cpu_init(0, 0);
    log_stage("this CPU: its tables, its exceptions");

    boot_info_parse(magic, mbi); // what GRUB left for us
    framebuffer_init();
    cmdline_init(boot_info.cmdline);
    log_init();
    page_init(); // memory: pages, the kernel's own page tables, the heap
    heap_init();
    framebuffer_map();
    log_stage("memory: %lu MB are free", pages_free_count() >> (20 - PAGE_SHIFT));

    acpi_init(); // the machine: CPUs, interrupts, time
    apic_init();
    clock_init();
    clock_init_epoch();
    keyboard_init();
    log_stage("interrupts and time");
}

void kernel_main(u32 magic, u32 mbi)
{
    bring_up_machine(magic, mbi);

    sched_init(); // tasks; from here on this flow is CPU 0's idle task
    timers_init();
    hotplug_init();
    perf_init(); // perf events
    hwbp_init(); // breakpoints as one kind of them
    perf_cpu_start(0);
    log_stage("tasks and perf events");
    smp_start_all(cmdline_u64("cpus", MAX_CPUS)); // the other CPUs
    log_stage("%u CPU%s", nr_cpus, nr_cpus == 1 ? "" : "s");
    trace_init();
    step_init();
    hwbp_slots_init(); // which breakpoints may exist
    log_stage("breakpoints: rules \"%s\"", slots_name(hwbp_rules()));
    perf_programs_init();
    fs_init();    // files from the archive
    ksym_init();  // who reads and writes a kernel variable
    guest_init(); // virtual machines for programs
    proc_init();  // processes
    log_stage("files, processes");

    struct task *first = kthread_create("main", main_thread, NULL, CPUMASK_ALL);
    if (!first)
        panic("no memory for the main thread");
    task_put(first);
    sched_idle(); // never returns
}
