// ptrace(2): attach and detach, memory, registers, steps, signals.
#include "test/user/trace.h"
#include <sys/mman.h>
#include <sys/uio.h>

static volatile long word = 0x1122334455667788;

static void nothing(void *)
{
}

UTEST(ptrace_traceme, "ptrace.traceme")
{
    pid_t pid = trace(nothing, NULL);

    CHECK_ERRNO(ptrace(PTRACE_ATTACH, pid, 0, 0), EPERM); // traced already
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
    CHECK_ERRNO(ptrace(PTRACE_CONT, pid, 0, 0), ESRCH);
    CHECK_ERRNO(ptrace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
    CHECK_ERRNO(ptrace(PTRACE_ATTACH, 1234567, 0, 0), ESRCH);
    CHECK_ERRNO(ptrace(PTRACE_CONT, getpid(), 0, 0), ESRCH);
}

static void wait_at_gate(void *arg)
{
    gate_wait(arg);
}

UTEST(ptrace_attach, "ptrace.attach")
{
    struct gate g;

    gate_init(&g);
    pid_t pid = spawn(wait_at_gate, &g);
    CHECK_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
    CHECK_EQ(next_status(pid), STOPPED(SIGSTOP));
    CHECK_ERRNO(ptrace(PTRACE_CONT, pid, 0, 65), EIO);
    CHECK_ERRNO(ptrace(PTRACE_CONT, pid, 0, 1ul << 32), EIO);
    CHECK_ERRNO(ptrace(99, pid, 0, 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_INTERRUPT, pid, 0, 0), EIO); // not seized
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_ERRNO(ptrace(PTRACE_CONT, pid, 0, 0), ESRCH); // the tracee runs
    CHECK_EQ(kill(pid, SIGSTOP), 0);
    CHECK_EQ(next_status(pid), STOPPED(SIGSTOP));
    CHECK_ERRNO(ptrace(PTRACE_DETACH, pid, 0, 65), EIO);
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, 1ul << 32), 0); // 32 bits of it count
    CHECK_ERRNO(ptrace(PTRACE_DETACH, pid, 0, 0), ESRCH);
    gate_open(&g);
    CHECK_EQ(wait_for(pid), ENDED(0));
}

UTEST(ptrace_memory, "ptrace.memory")
{
    long *readonly = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap((char *)readonly + 4096, 4096);
    pid_t pid = trace(nothing, NULL);

    CHECK_EQ(ptrace(PTRACE_PEEKDATA, pid, &word, 0), 0x1122334455667788);
    CHECK_EQ(ptrace(PTRACE_POKEDATA, pid, &word, 5), 0);
    CHECK_EQ(ptrace(PTRACE_PEEKTEXT, pid, &word, 0), 5);
    CHECK_EQ(word, 0x1122334455667788);                     // the tracee's copy, not the tracer's
    CHECK_EQ(ptrace(PTRACE_POKETEXT, pid, readonly, 9), 0); // also into read-only memory
    CHECK_EQ(ptrace(PTRACE_PEEKDATA, pid, readonly, 0), 9);
    CHECK_EQ(*readonly, 0);
    CHECK_ERRNO(ptrace(PTRACE_PEEKDATA, pid, bad_pointer(), 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_POKEDATA, pid, (char *)readonly + 4092, 0), EIO);
    finish(pid);
}

// ---- breakpoints in the text: int3 ----

__attribute__((noinline)) static void called(void)
{
    word++;
    __asm__ volatile("");
}

static void call_twice(void *)
{
    called();
    called();
    CHECK_EQ(word, 0x1122334455667788 + 2);
    _exit(utest_failures());
}

UTEST(ptrace_int3, "ptrace.int3")
{
    pid_t pid = trace(call_twice, NULL);
    long old = ptrace(PTRACE_PEEKTEXT, pid, called, 0);

    for (int i = 0; i < 2; i++) {
        CHECK_EQ(ptrace(PTRACE_POKETEXT, pid, called, (old & ~0xfful) | 0xcc), 0);
        CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
        struct user_regs_struct r = regs_of(pid);
        siginfo_t info = siginfo_of(pid);
        CHECK_EQ(r.rip, (uintptr_t)called + 1);
        CHECK_EQ(info.si_code, SI_KERNEL);
        r.rip--;
        CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &r), 0);
        CHECK_EQ(ptrace(PTRACE_POKETEXT, pid, called, old), 0);
        CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
        CHECK(regs_of(pid).rip > (uintptr_t)called);
        CHECK_EQ(siginfo_of(pid).si_code, 2); // TRAP_TRACE
    }
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// ---- registers ----

extern const char known_at[]; // where known_registers() stops

static void known_registers(void *)
{
    __asm__ volatile(
        "mov $0x101, %%rbx\n mov $0x102, %%rcx\n mov $0x103, %%rdx\n"
        "mov $0x104, %%rsi\n mov $0x105, %%rdi\n mov $0x108, %%r8\n"
        "mov $0x109, %%r9\n mov $0x110, %%r10\n mov $0x111, %%r11\n"
        "mov $0x112, %%r12\n mov $0x113, %%r13\n mov $0x114, %%r14\n"
        "mov $0x115, %%r15\n mov $0x100, %%rax\n movq %%rax, %%xmm3\n stc\n int3\n"
        "known_at: movq %%xmm3, %%rdi\n add %%r15, %%rdi\n mov $231, %%eax\n syscall" ::
            : "memory");
}

UTEST(ptrace_regs, "ptrace.registers")
{
    pid_t pid = trace(known_registers, NULL);
    struct user_fpregs_struct fp;

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    struct user_regs_struct r = regs_of(pid), back;
    unsigned long long got[] = {r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.r8,
                                r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
    static const int want[] = {0x100, 0x101, 0x102, 0x103, 0x104, 0x105, 0x108,
                               0x109, 0x110, 0x111, 0x112, 0x113, 0x114, 0x115};
    for (int i = 0; i < 14; i++)
        CHECK_EQ(got[i], want[i]);
    CHECK_EQ(r.rip, (uintptr_t)known_at);
    CHECK_EQ(r.orig_rax, -1);
    CHECK_EQ(r.eflags & 0x301, 0x201); // CF set, TF clear, IF set
    CHECK_EQ(r.cs & 3, 3);
    CHECK_EQ(ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.r13), 0), 0x113);
    CHECK_EQ(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.r15), 2), 0);
    CHECK_EQ(ptrace(PTRACE_GETFPREGS, pid, 0, &fp), 0);
    CHECK_EQ(fp.xmm_space[12], 0x100);
    fp.xmm_space[12] = 5;
    CHECK_EQ(ptrace(PTRACE_SETFPREGS, pid, 0, &fp), 0);
    fp.mxcsr |= 1u << 31;
    CHECK_ERRNO(ptrace(PTRACE_SETFPREGS, pid, 0, &fp), EINVAL);

    r = regs_of(pid);
    r.eflags |= 1ul << 16; // RF, for a tracer that has moved its tracee
    CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &r), 0);
    CHECK(regs_of(pid).eflags & 1ul << 16);

    // Values that a program can never have are refused.
    back = r = regs_of(pid);
    back.fs_base = 1ull << 63;
    CHECK_ERRNO(ptrace(PTRACE_SETREGS, pid, 0, &back), EIO);
    CHECK_ERRNO(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.cs), 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rip) + 4, 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_PEEKUSER, pid, 928, 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_SETREGS, pid, 0, bad_pointer()), EFAULT);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(7));
}

UTEST(ptrace_regset, "ptrace.regset")
{
    pid_t pid = trace(known_registers, NULL);
    struct user_regs_struct r;
    struct user_fpregs_struct fp;
    struct iovec v = {&r, sizeof r + 80};

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(ptrace(PTRACE_GETREGSET, pid, 1, &v), 0);
    CHECK_EQ(v.iov_len, sizeof r);
    CHECK_EQ(r.r15, 0x115);
    v.iov_len = 16; // r15 and r14
    r.r15 = 1;
    CHECK_EQ(ptrace(PTRACE_SETREGSET, pid, 1, &v), 0);
    CHECK_EQ(regs_of(pid).r15, 1);
    CHECK_EQ(regs_of(pid).r13, 0x113);
    v.iov_len = 12;
    CHECK_ERRNO(ptrace(PTRACE_GETREGSET, pid, 1, &v), EINVAL);
    v = (struct iovec){&fp, sizeof fp};
    CHECK_EQ(ptrace(PTRACE_GETREGSET, pid, 2, &v), 0);
    CHECK_EQ(fp.xmm_space[12], 0x100);
    CHECK_ERRNO(ptrace(PTRACE_GETREGSET, pid, 77, &v), EINVAL);
    finish(pid);
}

// ---- stepping ----

extern const char steps[], steps_end[];

static void few_steps(void *)
{
    __asm__ volatile("int3\nsteps: nop\n nop\n mov $39, %%eax\n syscall\n pushf\n pop %%rax\n"
                     "steps_end: nop" ::
                         : "rax", "rcx", "r11", "memory");
}

UTEST(ptrace_step, "ptrace.step")
{
    static const int offset[] = {1, 2, 7, 9, 10, 11};
    pid_t pid = trace(few_steps, NULL);

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(regs_of(pid).rip, (uintptr_t)steps);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
        struct user_regs_struct r = regs_of(pid);
        CHECK_EQ(r.rip - (uintptr_t)steps, offset[i]);
        CHECK_EQ(r.eflags & 0x100, 0); // TF of the step is hidden
        if (i == 3)
            CHECK_EQ(r.rax, pid);                          // the system call, one step
        CHECK_EQ(siginfo_of(pid).si_code, i == 3 ? 1 : 2); // TRAP_BRKPT, TRAP_TRACE
    }
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

static void handler(int)
{
    called();
}

static void raise_usr1(void *)
{
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    _exit(word == 0x1122334455667789 ? 3 : 4);
}

// A step with a signal ends at the handler's first instruction.
UTEST(ptrace_step_signal, "ptrace.step-signal")
{
    pid_t pid = trace(raise_usr1, NULL);

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGUSR1));
    CHECK_EQ(siginfo_of(pid).si_pid, pid);
    CHECK_EQ(go(PTRACE_SINGLESTEP, pid, SIGUSR1), STOPPED(SIGTRAP));
    CHECK_EQ(regs_of(pid).rip, (uintptr_t)handler);
    CHECK_EQ(siginfo_of(pid).si_code, SIGTRAP);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(3));
}

// The tracer decides what happens with a signal.
UTEST(ptrace_signal_change, "ptrace.signal-change")
{
    pid_t pid = trace(raise_usr1, NULL);

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGUSR1));
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(4)); // the signal was suppressed

    pid = trace(raise_usr1, NULL);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGUSR1));
    CHECK_EQ(go(PTRACE_CONT, pid, SIGTERM), SIGTERM); // a different signal instead
}
