// ptrace(2): a single step or a write that ends at an execute breakpoint.
#include "test/user/trace.h"

#define RF (1ul << 16)

static volatile uint64_t var;
extern const char at_begin[], at_write[], at_next[], at_end[];

static void __attribute__((noinline)) write_var(void *)
{
    __asm__ volatile("at_begin: nop\n"
                     "at_write: movq $1, %0\n"
                     "at_next: nop\n"
                     "at_end: nop"
                     : "=m"(var));
}

// A child that stands at an address of write_var(), with DR0 on at_next and, if asked for, DR1 on
// the variable.
static pid_t stand_at(const char *where, bool watch)
{
    pid_t pid = trace(write_var, NULL);

    CHECK_EQ(poke_dr(pid, 0, (unsigned long)where), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_X, 0)), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(regs_of(pid).rip, (unsigned long)where);
    CHECK_EQ(poke_dr(pid, 7, 0), 0);
    CHECK_EQ(poke_dr(pid, 0, (unsigned long)at_next), 0);
    CHECK_EQ(poke_dr(pid, 1, (unsigned long)&var), 0);
    unsigned long watching = watch ? DR7_SET(1, DR_W, 2) : 0;
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_X, 0) | watching), 0);
    CHECK_EQ(poke_dr(pid, 6, DR6_NONE), 0);
    return pid;
}

static void stopped_at_next(int status, pid_t pid, unsigned long causes, bool executes)
{
    CHECK_EQ(status, STOPPED(SIGTRAP));
    CHECK_EQ(regs_of(pid).rip, (unsigned long)at_next);
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | causes);
    CHECK_EQ(regs_of(pid).eflags & RF, executes ? RF : 0);
    CHECK_EQ(poke_dr(pid, 6, DR6_NONE), 0);
}

// The step is a trap of the instruction before, the breakpoint a fault of the one behind. So there
// are two stops.
UTEST_HWBP(ptrace_step_to_execute, "ptrace.step-to-execute")
{
    pid_t pid = stand_at(at_write, false);

    stopped_at_next(go(PTRACE_SINGLESTEP, pid, 0), pid, 1 << 14, false);
    stopped_at_next(go(PTRACE_CONT, pid, 0), pid, 1, true);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

UTEST_SEVERAL(ptrace_step_write_execute, "ptrace.step-write-execute")
{
    pid_t pid = stand_at(at_write, true);

    stopped_at_next(go(PTRACE_SINGLESTEP, pid, 0), pid, 1 << 14 | 2, false);
    stopped_at_next(go(PTRACE_SINGLESTEP, pid, 0), pid, 1, true);
    CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(regs_of(pid).rip, (unsigned long)at_end);
    CHECK_EQ(peek_dr(pid, 6), DR6_NONE | 1 << 14);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

UTEST_SEVERAL(ptrace_write_execute, "ptrace.write-execute")
{
    pid_t pid = stand_at(at_begin, true);

    stopped_at_next(go(PTRACE_CONT, pid, 0), pid, 2, false);
    stopped_at_next(go(PTRACE_CONT, pid, 0), pid, 1, true);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// One whose instruction is never tried has not been hit.
UTEST_HWBP(ptrace_step_count, "ptrace.step-count")
{
    pid_t pid = stand_at(at_write, false);
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_X, at_next, sizeof(long));

    CHECK_EQ(poke_dr(pid, 7, 0), 0);
    int fd = bp_open_attr(&attr, pid, -1);
    REQUIRE(fd >= 0);
    stopped_at_next(go(PTRACE_SINGLESTEP, pid, 0), pid, 1 << 14, false);
    CHECK_EQ(bp_read(fd), 0);
    struct user_regs_struct r = regs_of(pid);
    r.rip = (unsigned long)at_end;
    CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &r), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
    CHECK_EQ(bp_read(fd), 0);
    close(fd);
}
