// The debug registers of a tracee. They are perf events, but a debugger sees registers.
#include "test/user/bp_test.h"
#include "test/user/trace.h"

static struct {
    volatile uint64_t at[8];
} vars __attribute__((aligned(64)));

static void write_all(void *)
{
    for (int i = 0; i < 8; i++)
        store8(&vars.at[i], 1);
}

static unsigned long var(int n)
{
    return (uintptr_t)&vars.at[n];
}

// DR6 has only the causes of the last stop, even if the tracer has not cleared it.
UTEST_HWBP(ptrace_dr6, "ptrace.dr6")
{
    pid_t pid = trace(write_all, NULL);

    CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 0x4000); // a step
    CHECK_EQ(poke_dr(pid, 0, var(2)), 0);
    CHECK_EQ(poke_dr(pid, 1, var(5)), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_W, 2) | DR7_SET(1, DR_W, 2)), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 1);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 2);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// A tracer that enables only DR3 takes only one register: three are left.
UTEST_HWBP(ptrace_one, "ptrace.dr-one")
{
    pid_t pid = trace(write_all, NULL);
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &vars.at[4], 8);

    CHECK_EQ(poke_dr(pid, 3, var(2)), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(3, DR_W, 2)), 0);
    for (int i = 0; i < 3; i++)
        CHECK(bp_open_attr(&attr, pid, -1) >= 0);
    CHECK_ERRNO(bp_open_attr(&attr, pid, -1), ENOSPC);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 8);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// The tracer's four registers are its own: they do not take turns with flexible breakpoints.
UTEST_HWBP(ptrace_pinned, "ptrace.dr-pinned")
{
    pid_t pid = trace(write_all, NULL);
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &vars.at[4], 8);

    attr.pinned = 0;
    for (int i = 0; i < BP_REGISTERS - 1; i++)
        CHECK_EQ(poke_dr(pid, i, var(i)), 0);
    CHECK(bp_open_attr(&attr, pid, -1) >= 0);
    CHECK_EQ(poke_dr(pid, 3, var(3)), ENOSPC);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

UTEST_HWBP(ptrace_watch, "ptrace.watch")
{
    pid_t pid = trace(write_all, NULL);

    CHECK_EQ(poke_dr(pid, 0, var(2)), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_W, 2)), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(siginfo_of(pid).si_code, 4); // TRAP_HWBKPT
    CHECK_EQ((uintptr_t)siginfo_of(pid).si_addr, regs_of(pid).rip);
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 1);
    CHECK_EQ(ptrace(PTRACE_PEEKDATA, pid, var(2), 0), 1); // after the write
    CHECK_EQ(ptrace(PTRACE_PEEKDATA, pid, var(3), 0), 0);
    CHECK_EQ(poke_dr(pid, 6, 0), 0);
    CHECK_EQ(peek_dr(pid, 6), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

__attribute__((noinline)) static void target(void)
{
    __asm__ volatile("");
}

static void call_target(void *arg)
{
    for (long i = 0; i < *(long *)arg; i++)
        target();
}

// There are more hits than a throttle would allow, and each one stops the tracee.
UTEST_HWBP(ptrace_execute, "ptrace.execute")
{
    long calls = scaled(3000) + 3;
    pid_t pid = trace(call_target, &calls);

    CHECK_EQ(poke_dr(pid, 1, (uintptr_t)target), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(1, DR_X, 0)), 0);
    for (long i = 0; i < calls; i++) {
        if (go(PTRACE_CONT, pid, 0) != STOPPED(SIGTRAP) || peek_dr(pid, 6) != (DR6_NONE | 2) ||
            regs_of(pid).rip != (uintptr_t)target) {
            utest_fail(__FILE__, __LINE__, "hit %ld of %ld did not stop", i, calls);
            break;
        }
    }
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// The registers are written as gdb and rr write them. A read returns what was written.
UTEST_TYPE(ptrace_dr_order, "ptrace.dr-order")
{
    pid_t pid = trace(write_all, NULL);

    for (int n = 0; n < 4; n++)
        CHECK_EQ(peek_dr(pid, n), 0);
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE);
    CHECK_EQ(peek_dr(pid, 7), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_W, 0) | 0x700), 0); // enabled before an address is set
    CHECK_EQ(peek_dr(pid, 7), DR7_SET(0, DR_W, 0) | 0x700);
    CHECK_EQ(peek_dr(pid, 0), 0);
    CHECK_EQ(poke_dr(pid, 0, 1), 0); // one byte needs no alignment
    CHECK_EQ(peek_dr(pid, 0), 1);
    CHECK_EQ(poke_dr(pid, 0, 2), 0);
    CHECK_EQ(peek_dr(pid, 0), 2);
    CHECK_EQ(poke_dr(pid, 3, var(1)), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(3, DR_RW, 3)), 0);
    CHECK_EQ(peek_dr(pid, 7), DR7_SET(3, DR_RW, 3));
    CHECK_EQ(poke_dr(pid, 7, 0), 0);
    CHECK_EQ(peek_dr(pid, 7), 0);
    CHECK_EQ(peek_dr(pid, 3), var(1)); // the address stays
    CHECK_EQ(poke_dr(pid, 3, var(1) + 1), 0);
    CHECK_EQ(peek_dr(pid, 3), var(1) + 1);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// A register that has had no condition yet watches a byte for writes.
UTEST_HWBP(ptrace_dr_byte, "ptrace.dr-byte")
{
    pid_t pid = trace(write_all, NULL);

    for (int n = 0; n < 4; n++) {
        CHECK_EQ(poke_dr(pid, n, var(n) + 1), 0);
        CHECK_EQ(poke_dr(pid, n, var(n) + 3), 0);
        CHECK_EQ(peek_dr(pid, n), var(n) + 3);
    }
    CHECK_EQ(peek_dr(pid, 7), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(3, DR_W, 0)), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 8);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// Without DR7 an address does nothing, whether the program runs there or writes there; nor does the
// address of another register that is refused.
UTEST_HWBP(ptrace_dr_off, "ptrace.dr-off")
{
    long calls = 2;
    pid_t runs = trace(call_target, &calls), writes = trace(write_all, NULL);

    CHECK_EQ(poke_dr(runs, 0, (uintptr_t)target), 0);
    CHECK_EQ(go(PTRACE_CONT, runs, 0), ENDED(0));
    CHECK_EQ(poke_dr(writes, 0, var(0)), 0);
    CHECK_EQ(poke_dr(writes, 1, 0xffffffff80000000), EINVAL);
    CHECK_EQ(poke_dr(writes, 0, var(0) + 1), 0);
    CHECK_EQ(go(PTRACE_CONT, writes, 0), ENDED(0));
}

UTEST_HWBP(ptrace_dr_errors, "ptrace.dr-errors")
{
    unsigned long dr7 = DR7_SET(0, DR_W, 3);
    pid_t pid = trace(write_all, NULL);

    CHECK_EQ(poke_dr(pid, 4, 0), EIO);
    CHECK_EQ(poke_dr(pid, 5, 0), EIO);
    CHECK_EQ(peek_dr(pid, 4), 0);
    CHECK_EQ(poke_dr(pid, 0, var(0)), 0);
    CHECK_EQ(poke_dr(pid, 7, dr7), 0);
    CHECK_EQ(poke_dr(pid, 1, 0xffffffff80000000), EINVAL); // a kernel address
    CHECK_EQ(peek_dr(pid, 1), 0);
    CHECK_EQ(poke_dr(pid, 0, var(0) + 1), EINVAL); // four bytes must be aligned
    CHECK_EQ(peek_dr(pid, 0), var(0));
    CHECK_EQ(poke_dr(pid, 2, var(2) + 2), 0);
    if (on_dr7()) { // the end of a program's addresses, also for a register that is off
        CHECK_EQ(poke_dr(pid, 2, 0x7ffffffff000), EINVAL);
        CHECK_EQ(peek_dr(pid, 2), var(2) + 2);
    }
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(1, DR_W, 0) | DR7_SET(2, DR_W, 3)), EINVAL);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(2, DR_X, 1)), EINVAL); // an execute breakpoint has length 0
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(2, 2, 0)), EINVAL);    // I/O
    CHECK_EQ(peek_dr(pid, 7), dr7);
    CHECK_EQ(poke_dr(pid, 6, 0), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP)); // the first breakpoint is still armed
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 1);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// Whether /proc/hwbp tells that an address was refused for this thread.
static bool perf_refused(pid_t pid)
{
    static char text[65536];
    char want[80];

    if (read_text(HWBP_FILE, text, sizeof text) < 0) // on Linux
        return false;
    snprintf(want, sizeof want, "not a multiple of the length (task %d, ", pid);
    return strstr(text, want);
}

// The request is refused because of DR2. DR1 comes before DR2, so it keeps its slot, disabled. From
// then on it follows DR7.
UTEST_HWBP(ptrace_dr_refused, "ptrace.dr-refused")
{
    const unsigned long conditions = DR7_SET(1, DR_W, 3) | DR7_SET(2, DR_W, 3);
    pid_t pid = trace(write_all, NULL);

    CHECK_EQ(poke_dr(pid, 7, DR7_SET(1, DR_W, 0) | DR7_SET(2, 2, 0)), EINVAL);
    CHECK_EQ(peek_dr(pid, 7), 0);
    CHECK_EQ(peek_dr(pid, 1), 0);
    CHECK_EQ(poke_dr(pid, 7, conditions & ~0xfful), 0);
    CHECK_EQ(poke_dr(pid, 1, var(0) + 1), EINVAL);
    CHECK_EQ(poke_dr(pid, 2, var(0) + 1), 0);
    CHECK_EQ(poke_dr(pid, 3, var(0) + 1), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(3, DR_W, 3) & ~0xfful), EINVAL); // also while it is off
    CHECK(!perf_refused(pid));                                        // where perf is not asked
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, 2, 0)), EINVAL);
    CHECK_EQ(poke_dr(pid, 1, var(0) + 1), 0); // a refusal made it an execute breakpoint
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// The registers belong to the thread: a hit without a tracer ends it.
UTEST_HWBP(ptrace_dr_detach, "ptrace.dr-detach")
{
    pid_t pid = trace(write_all, NULL);

    CHECK_EQ(poke_dr(pid, 3, var(3)), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(3, DR_W, 2)), 0);
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
    CHECK_EQ(WTERMSIG(wait_for(pid)), SIGTRAP);
}

// The next tracer finds the registers as they were.
UTEST_HWBP(ptrace_dr_attach, "ptrace.dr-attach")
{
    const unsigned long dr7 = DR7_SET(2, DR_W, 2);
    pid_t pid = trace(write_all, NULL);
    int status;

    CHECK_EQ(poke_dr(pid, 2, var(2)), 0);
    CHECK_EQ(poke_dr(pid, 7, dr7), 0);
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, SIGSTOP), 0);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_EQ(status, STOPPED(SIGSTOP));
    CHECK_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
    CHECK_EQ(next_status(pid), STOPPED(SIGSTOP));
    CHECK_EQ(peek_dr(pid, 2), var(2));
    CHECK_EQ(peek_dr(pid, 7), dr7);
    CHECK_EQ(poke_dr(pid, 7, 0), 0);
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
    CHECK_EQ(kill(pid, SIGCONT), 0);
    CHECK_EQ(wait_for(pid), ENDED(0));
}

static void fork_and_write(void *arg)
{
    pid_t pid = spawn(write_all, NULL);

    CHECK_EQ(wait_for(pid), ENDED(0)); // an inherited breakpoint would kill it
    write_all(arg);
    _exit(utest_failures());
}

UTEST_HWBP(ptrace_dr_fork, "ptrace.dr-fork")
{
    pid_t pid = trace(fork_and_write, NULL);

    CHECK_EQ(poke_dr(pid, 0, var(7)), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_W, 2)), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGCHLD));
    CHECK_EQ(go(PTRACE_CONT, pid, SIGCHLD), STOPPED(SIGTRAP));
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 1);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

static void become_true(void *)
{
    exec_self("end", NULL, NULL);
}

UTEST_TYPE(ptrace_dr_exec, "ptrace.dr-exec")
{
    pid_t pid = trace(become_true, NULL);

    CHECK_EQ(poke_dr(pid, 0, var(0)), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_W, 2)), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP)); // execve
    for (int n = 0; n < 4; n++)
        CHECK_EQ(peek_dr(pid, n), 0);
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE);
    CHECK_EQ(peek_dr(pid, 7), 0);
    finish(pid);
}
