// The table of system calls: from Linux's number and six registers to a typed call.
#include "arch/x86/trap.h"
#include "arch/x86/upcalls.h"
#include "kernel/base/printk.h"
#include "kernel/debug/ptrace/ptrace.h"
#include "kernel/fs/syscalls.h"
#include "kernel/mm/page.h"
#include "kernel/proc/process.h"
#include "kernel/proc/syscalls.h"
#include "perf/event.h"

// Linux's names, from its own header (Makefile).
static const char *const names[] = {
#include <syscall_names.h>
};

static __attribute__((noinline)) s64 unknown(u64 number)
{
    struct process *p = current_process();
    const char *name = number < ARRAY_SIZE(names) ? names[number] : NULL;
    if (!p->unknown_syscall_logged) {
        p->unknown_syscall_logged = true;
        printk("%s[%u]: there is no system call %lu (%s)\n", p->comm, p->pid, number,
               name ? name : "nor on Linux");
    }
    return -ENOSYS;
}

#define CALL(name, ...)                                                                            \
    case SYS_##name:                                                                               \
        return sys_##name(__VA_ARGS__)
#define CALL_AS(name, call)                                                                        \
    case SYS_##name:                                                                               \
        return call
// Calls on an open file, whose descriptor is the first argument.
#define FILE_CALLS(X)                                                                              \
    X(read, b, c)                                                                                  \
    X(write, b, c)                                                                                 \
    X(pread64, b, c, d)                                                                            \
    X(pwrite64, b, c, d)                                                                           \
    X(readv, b, c)                                                                                 \
    X(writev, b, c)                                                                                \
    X(lseek, b, c)                                                                                 \
    X(ftruncate, b)                                                                                \
    X(ioctl, b, c)                                                                                 \
    X(getdents64, b, c)                                                                            \
    X(fstat, b)                                                                                    \
    X(fchdir)                                                                                      \
    X(dup)                                                                                         \
    X(dup2, a, b)                                                                                  \
    X(dup3, a, b, c)                                                                               \
    X(fcntl, a, b, c)
// Functions of their own, not inline, so that most calls are only a jump from the table.
#define FILE_CALL(name, ...)                                                                       \
    static __attribute__((noinline)) s64 file_##name(u64 a, u64 b, u64 c, u64 d)                   \
    {                                                                                              \
        struct fd_table *fds = current_process()->fds;                                             \
        struct file *file = fd_borrow(fds, a);                                                     \
        if (!file)                                                                                 \
            return -EBADF;                                                                         \
        (void)b, (void)c, (void)d;                                                                 \
        s64 result = sys_##name(file, ##__VA_ARGS__);                                              \
        fd_return(fds, file);                                                                      \
        return result;                                                                             \
    }
#define CASE(name, ...)                                                                            \
    case SYS_##name:                                                                               \
        return file_##name(a, b, c, d);

FILE_CALLS(FILE_CALL)

static __attribute__((noinline)) s64 close_fd(int fd)
{
    int closed = fd_replace(current_process()->fds, fd, NULL, false);
    return MIN(closed, 0);
}

static __attribute__((noinline)) s64 yield(void)
{
    sched_yield();
    return 0;
}

// Arguments narrow to the types of the function: programs may leave rubbish above an int.
static __attribute__((noinline)) s64 call(u64 a, u64 b, u64 c, u64 d, u64 e, struct trapframe *f)
{
    switch (f->error) {
        // files (kernel/fs)
        FILE_CALLS(CASE)
        CALL_AS(close, close_fd(a));
        CALL_AS(pipe, sys_pipe2(a, 0));
        CALL(pipe2, a, b);
        CALL_AS(open, sys_openat(AT_FDCWD, a, b));
        CALL(openat, a, b, c);
        CALL_AS(stat, sys_newfstatat(AT_FDCWD, a, b, 0));
        CALL_AS(lstat, sys_newfstatat(AT_FDCWD, a, b, AT_SYMLINK_NOFOLLOW));
        CALL(newfstatat, a, b, c, d);
        CALL_AS(access, sys_faccessat(AT_FDCWD, a, b));
        CALL(faccessat, a, b, c);
        CALL_AS(readlink, sys_readlinkat(AT_FDCWD, a, b, c));
        CALL(readlinkat, a, b, c, d);
        CALL_AS(unlink, sys_unlinkat(AT_FDCWD, a, 0));
        CALL(unlinkat, a, b, c);
        CALL(getcwd, a, b);
        CALL(chdir, a);
        CALL(poll, a, b, c);
        CALL(ppoll, a, b, c, d, e);
        // perf
        CALL(perf_event_open, a, b, c, d, e);
        // memory
        CALL(mmap, a, b, c, d, e, f->r9);
        CALL(mprotect, a, b, c);
        CALL(munmap, a, b);
        CALL(brk, a);
        CALL(mremap, a, b, c, d, e);
        CALL(madvise, a, b, c);
        // processes
        CALL(clone, f, a, b, c, d, e);
        CALL(fork, f);
        CALL(vfork, f);
        CALL(execve, f, a, b, c);
        CALL(exit, a);
        CALL(exit_group, a);
        CALL(wait4, a, b, c, d);
        CALL(waitid, a, b, c, d, e);
        CALL_AS(getpid, current_process()->pid);
        CALL_AS(gettid, current_task()->tid);
        CALL(getppid);
        CALL_AS(getpgrp, sys_getpgid(0));
        CALL(getpgid, a);
        CALL(setpgid, a, b);
        CALL(getsid, a);
        CALL(setsid);
        CALL(ptrace, a, b, c, d);
    case SYS_getuid:
    case SYS_getgid:
    case SYS_geteuid:
    case SYS_getegid:
        return 0;
        CALL(umask, a);
        CALL(set_tid_address, a);
        CALL(set_robust_list, a, b);
        CALL(get_robust_list, a, b, c);
        CALL_AS(getgroups, 0);
        CALL(futex, a, b, c, d, e, f->r9);
        CALL(arch_prctl, a, b);
        CALL(prctl, a, b);
        CALL(getrusage, a, b);
        CALL(times, a);
        CALL_AS(getrlimit, sys_prlimit64(0, a, 0, b));
        CALL(prlimit64, a, b, c, d);
        // signals
        CALL(rt_sigaction, a, b, c, d);
        CALL(rt_sigprocmask, a, b, c, d);
        CALL(rt_sigreturn, f);
        CALL(rt_sigpending, a, b);
        CALL(rt_sigtimedwait, a, b, c, d);
        CALL(rt_sigsuspend, a, b);
        CALL(sigaltstack, a, b, f->rsp);
        CALL(kill, a, b);
        CALL(tkill, a, b);
        CALL(tgkill, a, b, c);
        CALL(rt_sigqueueinfo, a, b, c);
        CALL(rt_tgsigqueueinfo, a, b, c, d);
        CALL(pause);
        // time
        CALL(clock_gettime, a, b);
        CALL(clock_getres, a, b);
        CALL(clock_nanosleep, a, b, c, d);
        CALL(nanosleep, a, b);
        CALL(restart_syscall);
        CALL(gettimeofday, a, b);
        CALL(time, a);
        CALL(getitimer, a, b);
        CALL(setitimer, a, b, c);
        CALL(alarm, a);
        // scheduling
        CALL_AS(sched_yield, yield());
        CALL(sched_setaffinity, a, b, c);
        CALL(sched_getaffinity, a, b, c);
        CALL(getcpu, a, b);
        // the system
        CALL(uname, a);
        CALL(sysinfo, a);
        CALL(getrandom, a, b, c);
        CALL(reboot, a, b, c);
    // C libraries and busybox try these, and go on without them.
    case SYS_sendfile:
    case SYS_rseq:
    case SYS_clone3:
        return -ENOSYS;
    default:
        return unknown(f->error);
    }
}

// ---- failing on purpose (debug builds) ----

static struct task *fail_task; // whose next system call is concerned, or NULL
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

void syscall_dispatch(struct trapframe *f)
{
    const struct thread *th = current_thread();
    if (unlikely(th->trace) && ptrace_syscall_enter(f)) {
        ptrace_syscall_leave(f);
        return;
    }
    bool fails = DEBUG_BUILD && __atomic_load_n(&fail_task, __ATOMIC_ACQUIRE) == current_task();
    if (fails) {
        __atomic_store_n(&fail_task, NULL, __ATOMIC_RELAXED);
        mm_inject_failure(fail_nth);
    }
    s64 result = call(f->rdi, f->rsi, f->rdx, f->r10, f->r8, f);
    if (fails)
        fail_left = mm_inject_failure(0);
    f->rax = result;
    if (unlikely(th->trace))
        ptrace_syscall_leave(f);
}
