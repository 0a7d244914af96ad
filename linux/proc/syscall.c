// The table of system calls: from Linux's number and six registers to a typed call.
#include "arch/x86/user/upcalls.h"
#include "kernel/checks/failure.h"
#include "linux/fs/syscalls.h"
#include "linux/proc/oom.h"
#include "linux/proc/syscalls.h"
#include "linux/ptrace/ptrace.h"
#include "linux/fs/upcalls.h"
#include "linux/perf/perf.h"

// Linux's names, from its own header (Makefile).
static const char *const names[] = {
#include <syscall_names.h>
};

static __attribute__((noinline)) s64 unknown(u32 number)
{
    struct process *p = current_process();
    const char *name = number < ARRAY_SIZE(names) ? names[number] : NULL;
    if (!p->unknown_syscall_logged) {
        p->unknown_syscall_logged = true;
        printk("%s[%u]: there is no system call %u (%s)\n", p->comm, p->pid, number,
               name ? name : "nor on Linux");
    }
    return -ENOSYS;
}

// The six arguments in the frame f. Each call loads only those that it has.
#define A f->rdi
#define B f->rsi
#define C f->rdx
#define D f->r10
#define E f->r8
#define F f->r9

#define CALL(name, ...)                                                                            \
    case SYS_##name:                                                                               \
        return sys_##name(__VA_ARGS__)
#define CALL_AS(name, call)                                                                        \
    case SYS_##name:                                                                               \
        return call
// Calls on an open file, whose descriptor is the first argument.
#define FILE_CALLS(X)                                                                              \
    X(read, B, C)                                                                                  \
    X(write, B, C)                                                                                 \
    X(pread64, B, C, D)                                                                            \
    X(pwrite64, B, C, D)                                                                           \
    X(readv, B, C)                                                                                 \
    X(writev, B, C)                                                                                \
    X(lseek, B, C)                                                                                 \
    X(ftruncate, B)                                                                                \
    X(ioctl, B, C, A)                                                                              \
    X(getdents64, B, C)                                                                            \
    X(fstat, B)                                                                                    \
    X(fchdir)                                                                                      \
    X(fsync)                                                                                       \
    X(fchmod, B)                                                                                   \
    X(fchown, B, C)                                                                                \
    X(fstatfs, B)                                                                                  \
    X(dup)                                                                                         \
    X(dup2, A, B)                                                                                  \
    X(dup3, A, B, C)                                                                               \
    X(fcntl, A, B, C)
// Returns -EBADF, except for arguments that Linux refuses before it looks at the descriptor.
static __attribute__((noinline)) s64 no_file(const struct trapframe *f)
{
    bool bad = false;
    if (f->error == SYS_dup3)
        bad = (int)A == (int)B || (C & ~(u64)O_CLOEXEC);
    else if (f->error == SYS_ftruncate)
        bad = (s64)B < 0;
    else if (f->error == SYS_pread64 || f->error == SYS_pwrite64)
        bad = (s64)D < 0;
    return bad ? -EINVAL : -EBADF;
}
// These are functions of their own, not inline. So most calls are only a jump from the table.
#define FILE_CALL(name, ...)                                                                       \
    static __attribute__((noinline))                                                               \
    s64 shared_##name(const struct trapframe *f, struct fd_table *fds)                             \
    {                                                                                              \
        struct file *file = fd_get(fds, A);                                                        \
        s64 result = file ? sys_##name(file, ##__VA_ARGS__) : no_file(f);                          \
        file_put(file);                                                                            \
        return result;                                                                             \
    }                                                                                              \
    static __attribute__((noinline)) s64 file_##name(const struct trapframe *f)                    \
    {                                                                                              \
        struct fd_table *fds = current_process()->fds;                                             \
        if (unlikely(fds->shared))                                                                 \
            return shared_##name(f, fds);                                                          \
        struct file *file = fd_own(fds, A);                                                        \
        return file ? sys_##name(file, ##__VA_ARGS__) : no_file(f);                                \
    }
#define CASE(name, ...)                                                                            \
    case SYS_##name:                                                                               \
        return file_##name(f);

FILE_CALLS(FILE_CALL)

static __attribute__((noinline)) s64 yield(void)
{
    schedule();
    return 0;
}

// Arguments are cut to the types of the function, and the number to 32 bits. Programs may leave any
// bits above an int.
// The function is long because each system call has its line.
static __attribute__((noinline)) s64 call(struct trapframe *f)
{
    u64 number = (u32)f->error;
    switch (number) {
        // files (linux/fs)
        FILE_CALLS(CASE)
        CALL_AS(close, fd_close(current_process()->fds, A));
        CALL_AS(pipe, sys_pipe2(A, 0));
        CALL(pipe2, A, B);
        CALL(eventfd2, A, B);
        CALL_AS(eventfd, sys_eventfd2(A, 0));
        CALL_AS(fdatasync, file_fsync(f));
        CALL_AS(sync, 0);
        CALL_AS(open, sys_openat(AT_FDCWD, A, B, C));
        CALL_AS(creat, sys_openat(AT_FDCWD, A, O_CREAT | O_WRONLY | O_TRUNC, B));
        CALL(openat, A, B, C, D);
        CALL(truncate, A, B);
        CALL(statfs, A, B);
        CALL_AS(stat, sys_newfstatat(AT_FDCWD, A, B, 0));
        CALL_AS(lstat, sys_newfstatat(AT_FDCWD, A, B, AT_SYMLINK_NOFOLLOW));
        CALL(newfstatat, A, B, C, D);
        CALL_AS(access, sys_faccessat(AT_FDCWD, A, B));
        CALL(faccessat, A, B, C);
        CALL_AS(readlink, sys_readlinkat(AT_FDCWD, A, B, C));
        CALL(readlinkat, A, B, C, D);
        CALL_AS(unlink, sys_unlinkat(AT_FDCWD, A, 0));
        CALL(unlinkat, A, B, C);
        CALL_AS(mkdir, sys_mkdirat(AT_FDCWD, A, B));
        CALL(mkdirat, A, B, C);
        CALL_AS(symlink, sys_symlinkat(A, AT_FDCWD, B));
        CALL(symlinkat, A, B, C);
        CALL_AS(rmdir, sys_unlinkat(AT_FDCWD, A, AT_REMOVEDIR));
        CALL_AS(rename, sys_renameat(AT_FDCWD, A, AT_FDCWD, B));
        CALL(renameat, A, B, C, D);
        CALL_AS(renameat2, E ? -EINVAL : sys_renameat(A, B, C, D));
        CALL_AS(chmod, sys_fchmodat(AT_FDCWD, A, B));
        CALL(fchmodat, A, B, C);
        CALL_AS(chown, sys_fchownat(AT_FDCWD, A, B, C, 0));
        CALL(fchownat, A, B, C, D, E);
        CALL(utimensat, A, B, C, D);
        CALL(getcwd, A, B);
        CALL(chdir, A);
        CALL(poll, A, B, C);
        CALL(ppoll, A, B, C, D, E);
        CALL(select, A, B, C, D, E);
        CALL(pselect6, A, B, C, D, E, F);
        // perf
        CALL(perf_event_open, A, B, C, D, E);
        // memory
        CALL(mmap, A, B, C, D, E, F);
        CALL(mprotect, A, B, C);
        CALL(munmap, A, B);
        CALL(brk, A);
        CALL(mremap, A, B, C, D, E);
        CALL(madvise, A, B, C);
        CALL(msync, A, B, C);
        CALL(mlock, A, B);
        CALL_AS(munlock, sys_mlock(A, B));
        CALL_AS(mlockall, 0);
        CALL_AS(munlockall, 0);
        // processes
        CALL(clone, f, A, B, C, D, E);
        CALL(fork, f);
        CALL(vfork, f);
        CALL(execve, f, A, B, C);
        CALL(exit, A);
        CALL(exit_group, A);
        CALL(wait4, A, B, C, D);
        CALL(waitid, A, B, C, D, E);
        CALL_AS(getpid, current_process()->pid);
        CALL_AS(gettid, current_task()->tid);
        CALL(getppid);
        CALL_AS(getpgrp, sys_getpgid(0));
        CALL(getpgid, A);
        CALL(setpgid, A, B);
        CALL(getsid, A);
        CALL(setsid);
        CALL(ptrace, A, B, C, D);
        CALL(process_vm_readv, A, B, C, D, E, F);
        CALL(process_vm_writev, A, B, C, D, E, F);
    case SYS_getuid:
    case SYS_getgid:
    case SYS_geteuid:
    case SYS_getegid:
        return 0;
        CALL_AS(setuid, sys_setresuid(A, A, A));
        CALL_AS(setgid, sys_setresuid(A, A, A));
        CALL_AS(setreuid, sys_setresuid(A, B, B));
        CALL_AS(setregid, sys_setresuid(A, B, B));
        CALL(setresuid, A, B, C);
        CALL_AS(setresgid, sys_setresuid(A, B, C));
        CALL(getresuid, A, B, C);
        CALL_AS(getresgid, sys_getresuid(A, B, C));
        CALL(umask, A);
        CALL(set_tid_address, A);
        CALL(set_robust_list, A, B);
        CALL(get_robust_list, A, B, C);
        CALL_AS(getgroups, 0);
        CALL(futex, A, B, C, D, E, F);
        CALL(arch_prctl, A, B);
        CALL(prctl, A, B);
        CALL(getrusage, A, B);
        CALL(times, A);
        CALL_AS(getrlimit, sys_prlimit64(0, A, 0, B));
        CALL_AS(setrlimit, sys_prlimit64(0, A, B, 0));
        CALL(prlimit64, A, B, C, D);
        // signals
        CALL(rt_sigaction, A, B, C, D);
        CALL(rt_sigprocmask, A, B, C, D);
        CALL(rt_sigreturn, f);
        CALL(rt_sigpending, A, B);
        CALL(rt_sigtimedwait, A, B, C, D);
        CALL(rt_sigsuspend, A, B);
        CALL(sigaltstack, A, B, f->rsp);
        CALL(kill, A, B);
        CALL(tkill, A, B);
        CALL(tgkill, A, B, C);
        CALL(rt_sigqueueinfo, A, B, C);
        CALL(rt_tgsigqueueinfo, A, B, C, D);
        CALL(pause);
        // time
        CALL(clock_gettime, A, B);
        CALL(clock_getres, A, B);
        CALL(clock_nanosleep, A, B, C, D);
        CALL(nanosleep, A, B);
        CALL(restart_syscall);
        CALL(gettimeofday, A, B);
        CALL(time, A);
        CALL(getitimer, A, B);
        CALL(setitimer, A, B, C);
        CALL(alarm, A);
        // scheduling
        CALL_AS(sched_yield, yield());
        CALL(sched_setaffinity, A, B, C);
        CALL(sched_getaffinity, A, B, C);
        CALL(getcpu, A, B);
        // the system
        CALL(uname, A);
        CALL(sysinfo, A);
        CALL(getrandom, A, B, C);
        CALL(reboot, A, B, C);
    // C libraries, busybox and perf try these, and go on without them.
    case SYS_capget:
    case SYS_sendfile:
    case SYS_unshare:
    case SYS_rseq:
    case SYS_clone3:
        return -ENOSYS;
    default:
        return unknown(number);
    }
}

// ---- failing on purpose (debug builds) ----

static struct task *fail_task; // an allocation fails in its next system call, or NULL
static u64 fail_nth, fail_left;

void syscall_fail_nth(u64 nth)
{
    fail_nth = nth;
    __atomic_store_n(&fail_task, current_task(), __ATOMIC_RELEASE);
}

u64 syscall_fail_left(void)
{
    return fail_left;
}

// A call that has failed has changed nothing, so it may be made twice. What rt_sigreturn(2) returns
// is no error: it is a register of the interrupted code.
static __attribute__((noinline)) s64 call_again(struct trapframe *f)
{
    s64 result = -ENOMEM;
    for (u32 n = 0; result == -ENOMEM && f->vector == VECTOR_SYSCALL && oom_try_again(n); n++)
        result = call(f);
    return result;
}

void syscall_dispatch(struct trapframe *f)
{
    const struct thread *th = current_thread();
    f->rax = -ENOSYS; // a tracer sees this value, and it stays if the tracer skips the call
    if (unlikely(th->trace) && ptrace_syscall_enter(f)) {
        ptrace_syscall_leave(f);
        return;
    }
    bool fails = DEBUG_BUILD && __atomic_load_n(&fail_task, __ATOMIC_ACQUIRE) == current_task();
    if (fails) {
        __atomic_store_n(&fail_task, NULL, __ATOMIC_RELAXED);
        mm_inject_failure(fail_nth);
    }
    s64 result = call(f);
    if (fails)
        fail_left = mm_inject_failure(0);
    else if (unlikely(result == -ENOMEM))
        result = call_again(f);
    f->rax = result;
    if (unlikely(th->trace))
        ptrace_syscall_leave(f);
}
