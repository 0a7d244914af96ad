// Execute breakpoints, the resume flag, and single step together with hits.
#include "test/user/bp_test.h"
#include <signal.h>
#include <ucontext.h>

static volatile long calls, signals, steps;
static volatile uint64_t word;
extern char bp_here[], bp_middle[], bp_store[];

static __attribute__((noinline, noclone)) void target(void)
{
    calls++;
}

UTEST_HWBP(bp_exec_basic, "bp-exec-basic")
{
    struct perf_event_attr attr =
        bp_attr(HW_BREAKPOINT_X, (void *)(uintptr_t)&target, sizeof(long));
    void (*volatile call)(void) = target;

    // Without RF the first call would be hit for ever. So hit 2000 is the last.
    attr.disabled = 1;
    attr.sample_period = 2000;
    int fd = MUST_OPEN(&attr, 0, -1);
    REQUIRE(ioctl(fd, PERF_EVENT_IOC_REFRESH, 1) == 0);
    for (int i = 0; i < 1000; i++)
        call();
    CHECK_EQ(bp_end(fd), 1000);
    CHECK_EQ(calls, 1000);
    call();
}

static __attribute__((noinline, noclone)) void loop(long n)
{
    __asm__ volatile(".globl bp_here, bp_middle, bp_store\n"
                     "1: bp_here: .byte 0x48, 0xff\n bp_middle: .byte 0xc8\n" // dec %rax
                     "bp_store: movq %%rax, (%1)\n test %%rax, %%rax\n jnz 1b"
                     : "+a"(n)
                     : "r"(&word)
                     : "memory", "cc");
}

// Each execution counts once, because the instruction itself runs with RF set. A breakpoint inside
// an instruction is never hit. If an instruction with a breakpoint stores to a watched word, it
// counts for both.
UTEST_SEVERAL(bp_exec_rf, "bp-exec-rf")
{
    int here = bp_must(HW_BREAKPOINT_X, bp_here, sizeof(long));
    int middle = bp_must(HW_BREAKPOINT_X, bp_middle, sizeof(long));
    int store = bp_must(HW_BREAKPOINT_X, bp_store, sizeof(long));
    int data = bp_must(HW_BREAKPOINT_W, &word, sizeof word);

    loop(777);
    CHECK_EQ(bp_end(here), 777);
    CHECK_EQ(bp_end(middle), 0);
    CHECK_EQ(bp_end(store), 777);
    CHECK_EQ(bp_end(data), 777);
}

// Two execute breakpoints on one instruction.
UTEST_SEVERAL(bp_exec_same, "bp-exec-same")
{
    int a = bp_must(HW_BREAKPOINT_X, bp_here, sizeof(long));
    int b = bp_must(HW_BREAKPOINT_X, bp_here, sizeof(long));

    loop(10);
    CHECK_EQ(bp_end(a), 10);
    loop(10);
    CHECK_EQ(bp_end(b), 20);
}

static __attribute__((noinline)) void on_usr1(int sig)
{
    (void)sig;
    signals++;
}

// The first instruction of a signal handler. The RF of the interrupted program must not hide it.
UTEST_HWBP(bp_exec_handler, "bp-exec-handler")
{
    struct sigaction action = {.sa_handler = on_usr1};

    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
    int fd = bp_must(HW_BREAKPOINT_X, (void *)(uintptr_t)&on_usr1, sizeof(long));
    for (int i = 0; i < 50; i++)
        raise(SIGUSR1);
    CHECK_EQ(signals, 50);
    CHECK_EQ(bp_end(fd), 50);
}

static volatile uintptr_t step_rip[64];

static void on_step(int, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    CHECK_EQ(info->si_code, TRAP_TRACE);
    if (steps < 64)
        step_rip[steps] = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
    steps++;
}

static void catch_steps(void)
{
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};

    REQUIRE(sigaction(SIGTRAP, &action, NULL) == 0);
}

// Steps over: nop, store, load, nop and the POPF that ends it.
static __attribute__((noinline, noclone)) void step_over_store(void)
{
    __asm__ volatile("pushf\n pushf\n orl $0x100, (%%rsp)\n popf\n"
                     "nop\n movq $5, (%0)\n movq (%0), %%rax\n nop\n"
                     "popf" ::"r"(&word)
                     : "rax", "memory", "cc");
}

UTEST_SEVERAL(bp_step, "bp-step-and-hit")
{
    catch_steps();
    step_over_store();
    long alone = steps;
    CHECK_EQ(alone, 5);
    steps = 0;
    int w = bp_must(HW_BREAKPOINT_W, &word, sizeof word);
    int rw = bp_must(HW_BREAKPOINT_RW, &word, sizeof word);
    for (int i = 0; i < 20; i++)
        step_over_store();
    store8(&word, 1);
    CHECK_EQ(steps, 20 * alone); // neither hides the other, and neither is left pending
    CHECK_EQ(bp_end(w), 21);
    CHECK_EQ(bp_end(rw), 41);
}

// An execute breakpoint on a stepped instruction. The fault before the instruction counts, and the
// step's trap after it comes, too.
UTEST_SEVERAL(bp_step_exec, "bp-step-and-exec")
{
    extern char bp_stepped[];
    int fd = bp_must(HW_BREAKPOINT_X, bp_stepped, sizeof(long));

    catch_steps();
    for (int i = 0; i < 10; i++)
        __asm__ volatile("pushf\n pushf\n orl $0x100, (%%rsp)\n popf\n nop\n"
                         ".globl bp_stepped\n bp_stepped: nop\n nop\n popf" ::
                             : "memory", "cc");
    CHECK_EQ(bp_end(fd), 10);
    CHECK_EQ(steps, 40);
}
