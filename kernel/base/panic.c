// The end of a kernel that is wrong: say everything that helps, stop the other CPUs, switch off.
#include "kernel/base/panic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "kernel/base/die.h"
#include "kernel/base/ksym.h"
#include "kernel/base/printk.h"
#include "kernel/base/upcalls.h"

#define MAX_FRAMES   24
#define TASK_TEXT    64
#define MESSAGE_SIZE 256
#define STOP_TIME_US 20000 // for the others to take the NMI, so that their last words do not mix in

static u32 panic_cpu; // CPU + 1 of the first one
static u32 depth;     // panics of that CPU

// The first CPU goes on, the others stop here. From now on no breakpoint fires and no lock is
// taken.
static void enter(void)
{
    u32 me = cpu_id() + 1, first = 0;
    irq_disable();
    write_dr7(DR7_FIXED_1);
    if (!__atomic_compare_exchange_n(&panic_cpu, &first, me, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST) &&
        first != me)
        for (;;)
            cpu_halt();
    if (++depth > 2)
        machine_off(PANIC_STATUS);
    if (depth == 1) {
        trap_stop_on_nmi();
        smp_stop_others();
        if (nr_cpus > 1)
            clock_delay_us(STOP_TIME_US);
    }
    log_force();
}

void print_backtrace(u64 rip, u64 rbp)
{
    u64 ips[MAX_FRAMES];
    int n = backtrace_kernel(rip, rbp, ips, MAX_FRAMES);
    for (int i = 0; i < n; i++) {
        // A return address may lie past the last byte of its function: look at the call before
        // it.
        u64 back = i > 0, offset;
        const char *name = ksym_find(ips[i] - back, &offset);
        if (name)
            printk("  [%016lx] %s+0x%lx\n", ips[i], name, offset + back);
        else
            printk("  [%016lx]\n", ips[i]);
    }
}

static void print_frame(const struct trapframe *f)
{
    static const char *const names[] = {"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10",
                                        "r9 ", "r8 ", "rax", "rcx", "rdx", "rsi", "rdi"};
    const u64 *regs = &f->r15;
    for (u32 i = 0; i < ARRAY_SIZE(names); i++)
        printk("%s %016lx%c", names[i], regs[i], i % 3 == 2 ? '\n' : ' ');
    printk("rip %016lx rsp %016lx flg %016lx\ncs %lx ss %lx\n", f->rip, f->rsp, f->rflags, f->cs,
           f->ss);
}

static bool in_stack_guard(u64 rsp)
{
    u64 top = kstack_top(rsp);
    return top && top - rsp > KSTACK_SIZE;
}

static void add_page_fault(struct text *t, const struct trapframe *f, u64 cr2)
{
    text_add(t, "\n%s of %s at %016lx%s",
             f->error & PF_FETCH   ? "execution"
             : f->error & PF_WRITE ? "write"
                                   : "read",
             f->error & PF_PRESENT ? "a page that forbids it" : "a page that is not there", cr2,
             cr2 < PAGE_SIZE ? " (NULL pointer?)" : "");
}

static void print_others(void)
{
    for (u32 i = 0; i < nr_cpus; i++) {
        const struct trapframe *f = __atomic_load_n(&cpus[i].stopped, __ATOMIC_ACQUIRE);
        if (i == cpu_id() || !f)
            continue;
        printk("cpu %u was in ring %lu\n", i, f->cs & 3);
        if (!from_user(f))
            print_backtrace(f->rip, f->rbp);
    }
}

// After enter(). `f`: what this CPU did before; NULL: it has called panic(), and `rbp` is that
// call's.
static __noreturn void finish(const struct trapframe *f, u64 rbp, const char *message)
{
    char task[TASK_TEXT];
    printk("\n%s: %s\n", depth > 1 ? "PANIC inside a panic" : "PANIC", message);
    if (depth > 1)
        machine_off(PANIC_STATUS);
    panic_describe_task(task, sizeof(task));
    printk("cpu %u, task %s\n", cpu_id(), task);
    if (f)
        print_frame(f);
    else
        printk("rbp %016lx flg %016lx\n", rbp, read_flags());
    printk("cr0 %016lx cr2 %016lx\ncr3 %016lx cr4 %016lx\n", read_cr0(), read_cr2(), read_cr3(),
           read_cr4());
    if (!f || !from_user(f))
        print_backtrace(f ? f->rip : (u64)panic, rbp);
    print_others();
    panic_print_breakpoints();
    machine_off(PANIC_STATUS);
}

#define FORMAT(message, fmt)                                                                       \
    char message[MESSAGE_SIZE];                                                                    \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    vsnprintf(message, sizeof(message), fmt, ap);                                                  \
    va_end(ap)

void panic(const char *fmt, ...)
{
    irq_disable();
    die_notify(&(struct die){.event = DIE_PANIC});
    enter(); // a message that cannot be read is a panic inside this one
    FORMAT(message, fmt);
    finish(NULL, (u64)__builtin_frame_address(0), message);
}

void panic_at(const struct trapframe *f, const char *fmt, ...)
{
    die_notify(&(struct die){.event = DIE_PANIC});
    enter();
    FORMAT(message, fmt);
    finish(f, f->rbp, message);
}

void panic_trap(struct trapframe *f, u64 cr2)
{
    char message[MESSAGE_SIZE];
    struct text t = {message, sizeof(message), 0};
    enter();
    text_add(&t, "%s in ring %lu at %pS, error code 0x%lx", trap_name(f->vector), f->cs & 3,
             (void *)f->rip, f->error);
    if (f->vector == TRAP_PF)
        add_page_fault(&t, f, cr2);
    if (f->vector == TRAP_DF && (in_stack_guard(f->rsp) || in_stack_guard(cr2)))
        text_add(&t, "\nthe kernel stack is full");
    finish(f, f->rbp, message);
}
