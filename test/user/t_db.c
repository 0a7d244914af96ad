// #DB as ring 3 sees it: single steps, also with MOV SS, system calls and watchpoints.
#include "test/user/bp_test.h"
#include <signal.h>
#include <ucontext.h>

#define MAX_STEPS 32

static volatile int steps;
static volatile uintptr_t step_rip[MAX_STEPS];

static void on_step(int, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    CHECK_EQ(info->si_code, TRAP_TRACE);
    CHECK_EQ((uintptr_t)info->si_addr, (uintptr_t)uc->uc_mcontext.gregs[REG_RIP]);
    if (steps < MAX_STEPS)
        step_rip[steps] = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
    steps++;
}

static void catch_steps(void)
{
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};

    REQUIRE(sigaction(SIGTRAP, &action, NULL) == 0);
    steps = 0;
}

#define TF_ON  "pushf\n orl $0x100, (%%rsp)\n popf\n"
#define TF_OFF "pushf\n andl $~0x100, (%%rsp)\n popf\n" // three more steps

static void check_steps(const char *what, const uintptr_t *want, int count)
{
    if (steps != count)
        utest_fail(__FILE__, __LINE__, "%s: %d steps, want %d", what, steps, count);
    for (int i = 0; i < count && i < steps; i++)
        if (step_rip[i] != want[i])
            utest_fail(__FILE__, __LINE__, "%s: step %d at %#lx, want %#lx", what, i,
                       (unsigned long)step_rip[i], (unsigned long)want[i]);
}

extern char s1[], s2[], s3[], s4[], e1[], e2[], e3[], e4[], m1[], m2[], m3[], m4[], m5[], m6[];
extern char c1[], c2[], c3[], c4[], c5[];

// The first trap comes after the instruction that follows POPF, then one at each boundary.
UTEST(db_step, "db-step")
{
    catch_steps();
    __asm__ volatile(TF_ON "nop\n s1: pushf\n s2: andl $~0x100, (%%rsp)\n s3: popf\n s4: nop" ::
                         : "memory", "cc");
    uintptr_t want[] = {(uintptr_t)s1, (uintptr_t)s2, (uintptr_t)s3, (uintptr_t)s4};
    check_steps("nop", want, 4);

    if (!on_dr7())
        return;    // a hypervisor that emulates CPUID may lose its step
    catch_steps(); // CPUID is an instruction that emulators handle specially
    __asm__ volatile(TF_ON "cpuid\n e1: pushf\n e2: andl $~0x100, (%%rsp)\n e3: popf\n e4: nop" ::
                         : "rax", "rbx", "rcx", "rdx", "memory", "cc");
    uintptr_t emulated[] = {(uintptr_t)e1, (uintptr_t)e2, (uintptr_t)e3, (uintptr_t)e4};
    check_steps("cpuid", emulated, 4);
}

// Between MOV SS and the next instruction there is no trap.
UTEST(db_step_mov_ss, "db-step-mov-ss")
{
    catch_steps();
    __asm__ volatile("mov %%ss, %%eax\n" TF_ON "nop\n m1: mov %%eax, %%ss\n m2: nop\n"
                     "m3: pushf\n m4: andl $~0x100, (%%rsp)\n m5: popf\n m6: nop" ::
                         : "rax", "memory", "cc");
    uintptr_t want[] = {(uintptr_t)m1, (uintptr_t)m3, (uintptr_t)m4, (uintptr_t)m5, (uintptr_t)m6};
    check_steps("mov ss", want, 5);
}

// A system call does not end single stepping. Whether the boundary right after the call traps
// depends on the return path of the kernel. All later boundaries trap.
UTEST(db_step_syscall, "db-step-syscall")
{
    long pid = SYS_getpid;

    catch_steps();
    __asm__ volatile(TF_ON "nop\n c1: syscall\n c2: nop\n c3: pushf\n"
                           "c4: andl $~0x100, (%%rsp)\n c5: popf"
                     : "+a"(pid)::"rcx", "r11", "memory", "cc");
    CHECK_EQ(pid, getpid());
    bool at_boundary = step_rip[1] == (uintptr_t)c2;
    int from = at_boundary ? 2 : 1;
    CHECK_EQ(step_rip[0], (uintptr_t)c1);
    CHECK_EQ(step_rip[from], (uintptr_t)c3);
    CHECK_EQ(step_rip[from + 1], (uintptr_t)c4);
    CHECK_EQ(step_rip[from + 2], (uintptr_t)c5);
    CHECK_EQ(steps, from + 4);
}

extern char back_from_kernel[];
static volatile uintptr_t kernel_rip;
static volatile long kernel_steps;

static void on_kernel_step(int sig, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)info;
    kernel_steps += sig == SIGTRAP && (uintptr_t)regs[REG_RIP] == kernel_rip;
    regs[REG_RIP] = (greg_t)back_from_kernel;
    regs[REG_EFL] &= ~0x100;
}

// A jump into the kernel traps after the jump, before its target faults. The target may even be the
// first byte of the #DB handler.
UTEST(db_step_kernel, "db-step-kernel")
{
    struct sigaction action = {.sa_sigaction = on_kernel_step, .sa_flags = SA_SIGINFO};
    uintptr_t text = 0xffffffff80100000, end = text + 0x80000;

    REQUIRE(sigaction(SIGTRAP, &action, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
    for (kernel_rip = text; kernel_rip < end; kernel_rip += 16)
        __asm__ volatile(TF_ON "jmp *%0\n back_from_kernel:" ::"r"(kernel_rip) : "memory", "cc");
    CHECK_EQ(kernel_steps, (long)(end - text) / 16);
}

static uint16_t stack_selector __attribute__((aligned(8)));

// MOV SS from a watched word, followed by a system call. A real CPU delivers the watch's #DB in
// ring 0 while RSP is still the program's, which may be invalid (CVE-2018-8897). The kernel must
// survive and count the hit.
UTEST_HWBP(db_mov_ss, "db-semantics")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_RW, &stack_selector, 2);
    long pid = SYS_getpid;

    attr.exclude_kernel = 0;
    __asm__ volatile("mov %%ss, %0" : "=r"(stack_selector));
    int fd = MUST_OPEN(&attr, 0, -1);
    __asm__ volatile("mov (%0), %%ss\n nop" ::"r"(&stack_selector) : "memory");
    CHECK_EQ(bp_read(fd), 1);
    for (int i = 0; i < 20; i++) {
        pid = SYS_getpid;
        __asm__ volatile("mov %%rsp, %%rbx\n mov $8, %%esp\n"
                         "mov (%1), %%ss\n syscall\n mov %%rbx, %%rsp"
                         : "+a"(pid)
                         : "r"(&stack_selector)
                         : "rbx", "rcx", "r11", "memory");
        CHECK_EQ(pid, getpid());
    }
    CHECK_EQ(bp_end(fd), 21);
}
