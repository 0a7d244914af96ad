// SSE and x87 state: preemption and calls keep it, children inherit it, and other tasks do not see
// it.
#include "test/user/utest.h"
#include <sched.h>

// Loads a pattern into xmm registers and the x87 stack, lets other tasks run, and compares.
static bool keeps_state(uint64_t seed, int method)
{
    uint64_t in[4] = {seed, ~seed, seed * 3, seed * 7}, out[4];
    double x87_in = (double)(seed & 0xffff) + 0.5, x87_out;
    volatile long spin = 20000;

    if (method == 0) { // by preemption
        __asm__ volatile("movups (%2), %%xmm3\n movups 16(%2), %%xmm12\n fldl %4\n"
                         "1: decq %0\n jnz 1b\n"
                         "movups %%xmm3, (%3)\n movups %%xmm12, 16(%3)\n fstpl %1"
                         : "+m"(spin), "=m"(x87_out)
                         : "r"(in), "r"(out), "m"(x87_in)
                         : "xmm3", "xmm12", "memory", "cc");
    } else { // by giving up the CPU inside a call
        __asm__ volatile("movups (%2), %%xmm3\n movups 16(%2), %%xmm12\n fldl %4\n"
                         "mov %5, %%eax\n syscall\n"
                         "movups %%xmm3, (%3)\n movups %%xmm12, 16(%3)\n fstpl %1"
                         : "+m"(spin), "=m"(x87_out)
                         : "r"(in), "r"(out), "m"(x87_in), "i"(SYS_sched_yield)
                         : "xmm3", "xmm12", "rax", "rcx", "r11", "memory", "cc");
    }
    return memcmp(in, out, sizeof in) == 0 && x87_in == x87_out;
}

static void keep_state(void *arg)
{
    uint64_t seed = 0x123456789abcdefull * (uint64_t)(intptr_t)arg;
    long wrong = 0;

    pin_to_cpu(0);
    for (long i = 0; i < scaled(400); i++)
        wrong += !keeps_state(seed + (uint64_t)i, (int)(i & 1));
    CHECK_EQ(wrong, 0);
}

UTEST(sse_preempt, "sse-preemption")
{
    pid_t pids[4];

    for (int i = 0; i < 4; i++)
        pids[i] = spawn(keep_state, (void *)(intptr_t)(i + 1));
    for (int i = 0; i < 4; i++)
        join(pids[i]);
}

static void check_control(void *)
{
    uint32_t mxcsr;
    uint16_t control;
    __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(mxcsr), "=m"(control));
    CHECK_EQ(mxcsr & 0xffc0, 0x5f80); // the parent's rounding mode
    CHECK_EQ(control, 0x77f);
}

UTEST(sse_control, "sse-control")
{
    uint32_t mxcsr, changed = 0x5f80; // round towards +infinity
    uint16_t control, down = 0x77f;   // x87: round down

    __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(mxcsr), "=m"(control));
    CHECK_EQ(mxcsr, 0x1f80); // the initial value
    CHECK_EQ(control, 0x37f);
    __asm__ volatile("ldmxcsr %0\n fldcw %1" ::"m"(changed), "m"(down));
    join(spawn(check_control, NULL));
    check_control(NULL);
}

UTEST(floating_point, "floating-point")
{
    volatile double sum = 0, third = 1.0 / 3;
    char text[64];

    for (int i = 1; i <= 1000; i++)
        sum += third * i;
    CHECK(sum > 166833.33 && sum < 166833.34);
    snprintf(text, sizeof text, "%.6f %g", sum, 1e100);
    CHECK(strcmp(text, "166833.333333 1e+100") == 0);
}

// DS, ES and GS: a program may load them, but does not need them. The C library uses FS.
static unsigned long selectors(void)
{
    unsigned long ds, es, gs;

    __asm__ volatile("mov %%ds, %0\n mov %%es, %1\n mov %%gs, %2" : "=r"(ds), "=r"(es), "=r"(gs));
    return (ds & 0xffff) | (es & 0xffff) << 16 | (gs & 0xffff) << 32;
}

static void load_selectors(void *arg)
{
    unsigned long ss;

    (void)arg;
    __asm__ volatile("mov %%ss, %0\n mov %0, %%ds\n mov %0, %%es\n mov %0, %%gs" : "=r"(ss));
    ss &= 0xffff;
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(selectors(), ss | ss << 16 | ss << 32);
        sched_yield();
    }
}

// Selectors belong to a task like its other registers. A child starts with its parent's selectors.
UTEST(selectors, "selectors")
{
    pin_to_cpu(0);
    pid_t child = spawn(load_selectors, NULL);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(selectors(), 0);
        sched_yield();
    }
    join(child);
    load_selectors(NULL);
    unsigned long mine = selectors();
    pid_t heir = fork();
    if (heir == 0)
        _exit(selectors() == mine ? 0 : 1);
    join(heir);
}
