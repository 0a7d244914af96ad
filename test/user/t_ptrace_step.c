// ptrace(2): a single step or a write that ends at an execute breakpoint, and the flags that a
// stepped program sees.
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

// Returns a child that has stopped at an address in write_var(). DR0 is on at_next, and with
// `watch`, DR1 is on the variable.
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

// The step is a trap after one instruction, and the breakpoint is a fault of the next one. So there
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

// A breakpoint counts nothing if its instruction is never executed.
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

// ---- TF ----

#define TF 0x100

extern const char show_flags[], show_flags_end[];

// All ways in which a program sees its flags: first without TF, then with its own TF.
static void shows_flags(void *arg)
{
    register uint64_t *out __asm__("rbx") = arg;
    __asm__ volatile("int3\n"
                     "show_flags: pushfq\n pop (%0)\n"
                     "pushq $0\n pushfw\n popw 8(%0)\n pop %%rax\n"
                     "mov $39, %%eax\n syscall\n mov %%r11, 16(%0)\n"
                     "pushfq\n orl $0x100, (%%rsp)\n popfq\n"
                     "pushfq\n pop 24(%0)\n"
                     "mov $39, %%eax\n syscall\n mov %%r11, 32(%0)\n"
                     "pushfq\n andl $~0x100, (%%rsp)\n popfq\n"
                     "show_flags_end: nop" ::"r"(out)
                     : "rax", "rcx", "r11", "memory");
}

// Linux shows the tracer's TF, too.
UTEST(ptrace_hidden_tf, "ptrace.hidden-tf")
{
    uint64_t *out = shared_memory(4096), shown = on_dr7() ? 0 : TF;
    pid_t pid = trace(shows_flags, out);

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    while (regs_of(pid).rip != (unsigned long)show_flags_end)
        REQUIRE(go(PTRACE_SINGLESTEP, pid, 0) == STOPPED(SIGTRAP));
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
    for (int i = 0; i < 5; i++)
        CHECK_EQ(out[i] & TF, i < 3 ? shown : TF);
    CHECK_EQ(out[0] & 0x202, 0x202); // no other flag is hidden
    CHECK_EQ(out[1] & 0x202, 0x202);
    CHECK_EQ(out[2] & 0x202, 0x202);
}

static void saves_flags(void *)
{
    __asm__ volatile("int3\n pushfq\n popfq\n nop\n nop" ::: "memory");
}

// PUSHF does not save the tracer's TF, so POPF cannot set it. On Linux the program goes on
// trapping.
UTEST(ptrace_saved_tf, "ptrace.saved-tf")
{
    pid_t pid = trace(saves_flags, NULL);

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
    if (on_dr7()) {
        CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
    } else {
        CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
        finish(pid);
    }
}
