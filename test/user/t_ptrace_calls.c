// ptrace(2) and system calls: emulation, execve by a thread, errors. Also process_vm_readv(2).
#include "test/user/trace.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

// Requests that not every C library names.
#define ARCH_PRCTL        30
#define SYSEMU            31
#define SYSEMU_SINGLESTEP 32
#define SINGLEBLOCK       33
enum { SET_FS = 0x1002, GET_FS, GET_GS, SET_GS = 0x1001 };

extern const char calls[], calls_end[];

static void two_calls(void *)
{
    __asm__ volatile("int3\ncalls: mov $39, %%eax\n syscall\n nop\n mov $39, %%eax\n syscall\n"
                     "calls_end: nop\n mov %%eax, %%edi\n mov $231, %%eax\n syscall" ::
                         : "memory");
}

static void set_rax(pid_t pid, unsigned long value)
{
    CHECK_EQ(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), value), 0);
}

UTEST(ptrace_emulate, "ptrace.emulate")
{
    pid_t pid = trace(two_calls, NULL);

    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(go(SYSEMU, pid, 0), AT_SYSCALL);
    CHECK_EQ(regs_of(pid).rip, (uintptr_t)calls + 7);
    CHECK_EQ(regs_of(pid).orig_rax, SYS_getpid);
    CHECK_EQ(regs_of(pid).rax, -ENOSYS);
    CHECK_EQ(go(SYSEMU_SINGLESTEP, pid, 0), STOPPED(SIGTRAP)); // no second stop at the same call
    CHECK_EQ(regs_of(pid).rip, (uintptr_t)calls + 8);
    CHECK_EQ(regs_of(pid).rax, -ENOSYS); // and the call was not made
    CHECK_EQ(go(SINGLEBLOCK, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(go(SYSEMU_SINGLESTEP, pid, 0), AT_SYSCALL);
    CHECK_EQ(regs_of(pid).rip, (uintptr_t)calls_end);
    set_rax(pid, 5);
    CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), AT_SYSCALL); // its end
    CHECK_EQ(regs_of(pid).rax, 5);
    CHECK_ERRNO(ptrace(SYSEMU, pid, 0, 65), EIO);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(5));
}

extern const char own_tf[];

static void sets_tf(void *)
{
    __asm__ volatile("int3\nown_tf: pushf\n orl $0x100, (%%rsp)\n popf\n nop\n nop" ::: "memory");
}

// After a stepped POPF the program has the TF that it has asked for.
UTEST(ptrace_own_tf, "ptrace.own-tf")
{
    pid_t pid = trace(sets_tf, NULL);

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(regs_of(pid).eflags & 0x100, 0);
        CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
    }
    CHECK_EQ(regs_of(pid).eflags & 0x100, 0x100);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP)); // the program's TF traps, too
    CHECK_EQ(siginfo_of(pid).si_code, TRAP_TRACE);
    CHECK_EQ(regs_of(pid).eflags & 0x100, 0x100);
    finish(pid);
}

// The number of a call is the lower half of RAX, both for the kernel and for the tracer.
static long wide_getpid(void)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(7ul << 32 | SYS_getpid)
                     : "rcx", "r11", "memory");
    return result;
}

static void makes_wide_call(void *)
{
    _exit(wide_getpid() != getpid());
}

#define GET_SYSCALL_INFO 0x420e

static long info_nr(pid_t pid)
{
    long info[11];
    CHECK_EQ(ptrace(GET_SYSCALL_INFO, pid, sizeof info, info), 80);
    return info[3];
}

UTEST(syscall_number, "ptrace.syscall-number")
{
    const unsigned long none[] = {0xffffffff, 0x1ffffffff, ~0ul};
    pid_t pid = trace(makes_wide_call, NULL);

    CHECK_EQ(wide_getpid(), getpid());
    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
    do // some C libraries make more calls at the end of raise()
        CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), AT_SYSCALL);
    while ((int)regs_of(pid).orig_rax != SYS_getpid);
    struct user_regs_struct r = regs_of(pid);
    CHECK_EQ(r.orig_rax, 7ul << 32 | SYS_getpid);
    CHECK_EQ(info_nr(pid), SYS_getpid);
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
        struct user_regs_struct n = r;
        n.orig_rax = none[i];
        CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &n), 0);
        CHECK_EQ(regs_of(pid).orig_rax, none[i]);
        CHECK_EQ(info_nr(pid), -1);
    }
    r.orig_rax = 9ul << 32 | SYS_getpid;
    CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &r), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// ---- execve under a tracer that steps ----

static void execs(void *)
{
    exec_self("is-first", "", (char *[]){NULL});
}

// The end of execve and the end of the step are one stop, because the signal is pending once.
UTEST(ptrace_step_exec, "ptrace.step-exec")
{
    pid_t pid = trace(execs, NULL);

    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
    do
        CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), AT_SYSCALL);
    while (regs_of(pid).orig_rax != SYS_execve);
    CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
    struct user_regs_struct first = regs_of(pid);
    CHECK_EQ(first.orig_rax, SYS_execve);
    CHECK_EQ(first.rax, 0);
    CHECK_EQ(first.eflags & 0x100, 0);
    CHECK_EQ(siginfo_of(pid).si_code, SI_USER);
    CHECK_EQ(go(PTRACE_SINGLESTEP, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(siginfo_of(pid).si_code, TRAP_TRACE);
    CHECK(regs_of(pid).rip != first.rip);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

UTEST(ptrace_arch_prctl, "ptrace.arch-prctl")
{
    pid_t pid = trace(two_calls, NULL);
    struct user_regs_struct r = regs_of(pid);
    unsigned long base = 1;

    CHECK_EQ(r.cs, 0x33); // debuggers recognise 64-bit mode by it
    CHECK_EQ(r.ss, 0x2b);
    CHECK_EQ(ptrace(ARCH_PRCTL, pid, &base, GET_FS), 0);
    CHECK_EQ(base, r.fs_base);
    CHECK_EQ(ptrace(ARCH_PRCTL, pid, 0x1000, SET_GS), 0);
    CHECK_EQ(ptrace(ARCH_PRCTL, pid, &base, GET_GS), 0);
    CHECK_EQ(base, 0x1000);
    CHECK_ERRNO(ptrace(ARCH_PRCTL, pid, 1ul << 63, SET_FS), EPERM);
    CHECK_ERRNO(ptrace(ARCH_PRCTL, pid, 0, GET_FS), EFAULT);
    CHECK_ERRNO(ptrace(ARCH_PRCTL, pid, &base, 1), EINVAL);
    CHECK_EQ(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.eflags), 0x4202), 0); // NT
    CHECK_EQ(regs_of(pid).eflags, 0x4202);
    finish(pid);
}

UTEST(ptrace_errors, "ptrace.errors")
{
    pid_t pid = trace(two_calls, NULL);

    CHECK_ERRNO(ptrace(PTRACE_SEIZE, 1234567, 1, ~0ul), ESRCH); // the process is checked first
    CHECK_ERRNO(ptrace(PTRACE_SEIZE, pid, 1, 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_SEIZE, pid, 0, 1 << 8), EIO);
    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, 0x300080), 0); // the options for seccomp
    CHECK_ERRNO(ptrace(PTRACE_SETOPTIONS, pid, 0, 1 << 8), EINVAL);
    CHECK_ERRNO(ptrace(PTRACE_GETREGSET, pid, 1ul << 32 | 1, bad_pointer()), EFAULT);
    finish(pid);
}

// ---- execve by a thread that is not the first ----

static void *thread_execs(void *)
{
    exec_self("is-first", "", (char *[]){NULL});
}

static void start_execer(void *)
{
    pthread_t thread;
    pthread_create(&thread, NULL, thread_execs, NULL);
    for (;;)
        pause();
}

UTEST(exec_by_thread, "exec-by-thread")
{
    CHECK_EQ(wait_for(spawn(start_execer, NULL)), ENDED(0));
}

UTEST(ptrace_exec_by_thread, "ptrace.exec-by-thread")
{
    pid_t pid = trace(start_execer, NULL);
    unsigned long tid, message;

    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), AT_EVENT(PTRACE_EVENT_CLONE));
    CHECK_EQ(ptrace(PTRACE_GETEVENTMSG, pid, 0, &tid), 0);
    CHECK_EQ(next_status((pid_t)tid), STOPPED(SIGSTOP));
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(ptrace(PTRACE_CONT, (pid_t)tid, 0, 0), 0);
    CHECK_EQ(next_status(pid), AT_EVENT(PTRACE_EVENT_EXEC)); // no status for the first thread's end
    CHECK_EQ(ptrace(PTRACE_GETEVENTMSG, pid, 0, &message), 0);
    CHECK_EQ(message, tid);
    CHECK_EQ(regs_of(pid).rax, -ENOSYS);
    CHECK_ERRNO(ptrace(PTRACE_CONT, (pid_t)tid, 0, 0), ESRCH);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

// ---- process_vm_readv, process_vm_writev ----

static void wait_long(void *)
{
    for (;;)
        pause();
}

UTEST(process_vm, "process-vm")
{
    enum { PAGE = 4096 };
    static char buf[2 * PAGE];
    char *m = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(m, 'a', 3 * PAGE);
    CHECK_EQ(mprotect(m + PAGE, PAGE, PROT_READ), 0);
    CHECK_EQ(mprotect(m + 2 * PAGE, PAGE, PROT_NONE), 0);
    pid_t pid = spawn(wait_long, NULL);
    struct iovec mine[] = {{buf, 3}, {buf + 10, 100}}, its[] = {{m, 1}, {m + 5, 0}, {m + 9, 6}};

    CHECK_EQ(process_vm_readv(pid, mine, 2, its, 3, 0), 7);
    CHECK_EQ(memcmp(buf, "aaa\0\0\0\0\0\0\0aaaa\0", 15), 0);
    mine[0] = (struct iovec){"xyz", 3};
    CHECK_EQ(process_vm_writev(pid, mine, 1, its, 3, 0), 3);
    CHECK_EQ(m[0], 'a'); // only the other process has changed
    mine[0] = (struct iovec){buf, sizeof buf};
    its[0] = (struct iovec){m, 3 * PAGE};
    CHECK_EQ(process_vm_readv(pid, mine, 1, its, 1, 0), 2 * PAGE);
    CHECK_EQ(memcmp(buf, "xaa", 3), 0);
    CHECK_EQ(memcmp(buf + 9, "yza", 3), 0);
    CHECK_EQ(process_vm_writev(pid, mine, 1, its, 1, 0), PAGE); // it respects PROT_READ
    its[0].iov_base = m + PAGE;
    CHECK_ERRNO(process_vm_writev(pid, mine, 1, its, 1, 0), EFAULT);
    CHECK_ERRNO(process_vm_readv(pid, bad_pointer(), 1, its, 1, 0), EFAULT);
    CHECK_ERRNO(process_vm_readv(pid, mine, 1, bad_pointer(), 1, 0), EFAULT);
    CHECK_ERRNO(process_vm_readv(pid, mine, 1, its, 1, 1), EINVAL);
    CHECK_ERRNO(process_vm_readv(pid, mine, 1025, its, 1, 0), EINVAL);
    CHECK_ERRNO(process_vm_readv(1234567, mine, 1, its, 1, 0), ESRCH);
    CHECK_EQ(process_vm_readv(1234567, mine, 0, its, 1, 0), 0);
    finish(pid);
}
