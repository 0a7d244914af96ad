// ptrace(2): events, group stops, PTRACE_SEIZE, system calls, and which process learns of an exit.
#include "test/user/trace.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#define SYSGOOD PTRACE_O_TRACESYSGOOD

static unsigned long message(pid_t pid)
{
    unsigned long value = 0;

    CHECK_EQ(ptrace(PTRACE_GETEVENTMSG, pid, 0, &value), 0);
    return value;
}

static void two_calls(void *)
{
    syscall(SYS_getppid);
    syscall(SYS_close, -1);
}

// The result of PTRACE_GET_SYSCALL_INFO (linux/ptrace.h). C libraries have different names for it.
struct info {
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t rip, rsp;
    union {
        struct {
            uint64_t nr, args[6];
        } entry;
        struct {
            int64_t value;
            uint8_t is_error;
        } exit;
    };
};
#define GET_SYSCALL_INFO 0x420e

UTEST(ptrace_syscall, "ptrace.syscall")
{
    pid_t pid = trace(two_calls, NULL);
    struct info i;

    CHECK_EQ(ptrace(GET_SYSCALL_INFO, pid, sizeof i, &i), 24); // a stop by a signal
    CHECK_EQ(i.op, 0);
    CHECK_ERRNO(ptrace(PTRACE_SETOPTIONS, pid, 0, 1 << 30), EINVAL);
    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, SYSGOOD), 0);
    do
        CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), AT_SYSCALL);
    while (regs_of(pid).orig_rax != SYS_getppid); // skips the calls that raise() makes
    CHECK_EQ(regs_of(pid).rax, -ENOSYS);
    CHECK_EQ(ptrace(GET_SYSCALL_INFO, pid, sizeof i, &i), 80);
    CHECK_EQ(i.op, 1);
    CHECK_EQ(i.arch, 0xc000003e);
    CHECK_EQ(i.entry.nr, SYS_getppid);
    CHECK_EQ(i.rip, regs_of(pid).rip);
    CHECK_EQ(message(pid), 1);
    CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), AT_SYSCALL);
    CHECK_EQ(regs_of(pid).rax, getpid());
    CHECK_EQ(siginfo_of(pid).si_code, SIGTRAP | 0x80);
    CHECK_EQ(message(pid), 2);

    CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), AT_SYSCALL);
    CHECK_EQ(ptrace(GET_SYSCALL_INFO, pid, sizeof i, &i), 80);
    CHECK_EQ(i.entry.nr, SYS_close);
    CHECK_EQ((int)i.entry.args[0], -1);
    CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), AT_SYSCALL);
    CHECK_EQ(ptrace(GET_SYSCALL_INFO, pid, sizeof i, &i), 33);
    CHECK_EQ(i.op, 2);
    CHECK_EQ(i.exit.value, -EBADF);
    CHECK_EQ(i.exit.is_error, 1);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

static void ask_parent(void *)
{
    _exit((int)syscall(SYS_getppid) == 77 ? 1 : (int)syscall(SYS_getuid) == 5 ? 2 : 3);
}

// A tracer can replace a call, suppress it, and change its result.
UTEST(ptrace_syscall_change, "ptrace.syscall-change")
{
    pid_t pid = trace(ask_parent, NULL);

    do
        CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), STOPPED(SIGTRAP)); // without SYSGOOD
    while (regs_of(pid).orig_rax != SYS_getppid);
    struct user_regs_struct r = regs_of(pid);
    r.orig_rax = SYS_getpid;
    CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &r), 0);
    CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), STOPPED(SIGTRAP));
    CHECK_EQ(regs_of(pid).rax, pid);
    CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), STOPPED(SIGTRAP));
    r = regs_of(pid);
    CHECK_EQ(r.orig_rax, SYS_getuid);
    r.orig_rax = -1;
    CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &r), 0);
    CHECK_EQ(go(PTRACE_SYSCALL, pid, 0), STOPPED(SIGTRAP));
    r = regs_of(pid);
    CHECK_EQ(r.rax, -ENOSYS);
    r.rax = 5;
    CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &r), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(2));
}

// ---- events ----

static void fork_exec(void *)
{
    pid_t pid = fork();
    if (pid == 0)
        exec_self("exit", "9", NULL);
    CHECK_EQ(wait_for(pid), ENDED(9));
    _exit(utest_failures());
}

UTEST(ptrace_events, "ptrace.events")
{
    pid_t pid = trace(fork_exec, NULL);

    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0,
                    PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT),
             0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), AT_EVENT(PTRACE_EVENT_FORK));
    pid_t child = (pid_t)message(pid);
    CHECK_EQ(next_status(child), STOPPED(SIGSTOP)); // traced from its first instruction
    CHECK_EQ(go(PTRACE_CONT, child, 0), AT_EVENT(PTRACE_EVENT_EXEC));
    CHECK_EQ(message(child), child);
    CHECK_EQ(regs_of(child).orig_rax, SYS_execve);
    CHECK_EQ(go(PTRACE_CONT, child, 0), AT_EVENT(PTRACE_EVENT_EXIT));
    CHECK_EQ(message(child), ENDED(9));
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(go(PTRACE_CONT, child, 0), ENDED(9)); // first to the tracer
    CHECK_EQ(next_status(pid), STOPPED(SIGCHLD));  // then to the parent
    CHECK_EQ(go(PTRACE_CONT, pid, SIGCHLD), AT_EVENT(PTRACE_EVENT_EXIT));
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
}

static void vfork_once(void *)
{
    pid_t pid = vfork();
    if (pid == 0)
        _exit(4);
    CHECK_EQ(wait_for(pid), ENDED(4));
}

UTEST(ptrace_vfork, "ptrace.vfork")
{
    pid_t pid = trace(vfork_once, NULL);

    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), AT_EVENT(PTRACE_EVENT_VFORK));
    pid_t child = (pid_t)message(pid);
    CHECK_EQ(next_status(child), STOPPED(SIGSTOP));
    CHECK_EQ(ptrace(PTRACE_DETACH, child, 0, 0), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), AT_EVENT(PTRACE_EVENT_VFORK_DONE));
    CHECK_EQ(message(pid), child);
    int status = go(PTRACE_CONT, pid, 0);
    if (status == STOPPED(SIGCHLD))
        status = go(PTRACE_CONT, pid, SIGCHLD);
    CHECK_EQ(status, ENDED(0));
}

// ---- threads ----

static char stack[16384] __attribute__((aligned(16)));
static volatile int go_on;

static int thread_fn(void *)
{
    syscall(SYS_exit, 6);
    return 0;
}

static void start_thread(void *)
{
    clone(thread_fn, stack + sizeof stack,
          CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL);
    while (!go_on)
        usleep(1000);
    _exit(8);
}

UTEST(ptrace_thread, "ptrace.thread")
{
    pid_t pid = trace(start_thread, NULL);

    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), AT_EVENT(PTRACE_EVENT_CLONE));
    pid_t tid = (pid_t)message(pid);
    CHECK(tid != pid);
    CHECK_EQ(next_status(tid), STOPPED(SIGSTOP));
    CHECK_EQ(ptrace(PTRACE_PEEKDATA, tid, &go_on, 0) & 0xffffffff, 0);
    CHECK_EQ(go(PTRACE_CONT, tid, 0), ENDED(6)); // the exit status of a thread
    CHECK_ERRNO(ptrace(PTRACE_CONT, tid, 0, 0), ESRCH);
    CHECK_EQ(ptrace(PTRACE_POKEDATA, pid, &go_on, 1), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(8));
}

// ---- group stops ----

static void stop_twice(void *)
{
    raise(SIGSTOP);
    raise(SIGTSTP);
    _exit(5);
}

UTEST(ptrace_group_stop, "ptrace.group-stop")
{
    pid_t pid = trace(stop_twice, NULL);
    siginfo_t info;

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGSTOP)); // the signal-delivery-stop
    CHECK_EQ(siginfo_of(pid).si_pid, pid);
    CHECK_EQ(go(PTRACE_CONT, pid, SIGSTOP), STOPPED(SIGSTOP)); // the group stop
    CHECK_ERRNO(ptrace(PTRACE_GETSIGINFO, pid, 0, &info), EINVAL);
    CHECK_ERRNO(ptrace(PTRACE_LISTEN, pid, 0, 0), EIO);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTSTP));
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(5)); // suppressed
}

static void wait_long(void *)
{
    for (;;)
        pause();
}

UTEST(ptrace_seize, "ptrace.seize")
{
    pid_t pid = spawn(wait_long, NULL);
    int stop = STOPPED(SIGTRAP | PTRACE_EVENT_STOP << 8);
    int status;

    CHECK_ERRNO(ptrace(PTRACE_SEIZE, pid, 1, 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_SEIZE, pid, 0, 1 << 30), EIO);
    CHECK_EQ(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
    CHECK_ERRNO(ptrace(PTRACE_LISTEN, pid, 0, 0), ESRCH); // the tracee runs
    CHECK_EQ(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
    CHECK_EQ(next_status(pid), stop);
    CHECK_EQ(siginfo_of(pid).si_code, SIGTRAP | PTRACE_EVENT_STOP << 8);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);

    CHECK_EQ(kill(pid, SIGSTOP), 0);
    CHECK_EQ(next_status(pid), STOPPED(SIGSTOP));
    CHECK_EQ(go(PTRACE_CONT, pid, SIGSTOP), STOPPED(SIGSTOP | PTRACE_EVENT_STOP << 8));
    CHECK_EQ(ptrace(PTRACE_LISTEN, pid, 0, 0), 0);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_ERRNO(ptrace(PTRACE_CONT, pid, 0, 0), ESRCH); // the tracee is in PTRACE_LISTEN
    CHECK_EQ(kill(pid, SIGCONT), 0);
    CHECK_EQ(next_status(pid), stop);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGCONT));
    finish(pid);
}

// ---- signals ----

static void queue_and_stop(void *)
{
    union sigval value;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (value.sival_int = 1; value.sival_int <= 3; value.sival_int++)
        sigqueue(getpid(), SIGRTMIN + 1, value);
    raise(SIGUSR1);
    raise(SIGSTOP);
}

UTEST(ptrace_pending, "ptrace.pending-signals")
{
    struct __ptrace_peeksiginfo_args shared = {.off = 1, .flags = 1, .nr = 5};
    struct __ptrace_peeksiginfo_args own = {.nr = 5}, bad = {.flags = 2, .nr = 1},
                                     minus = {.nr = -1};
    pid_t pid = trace(queue_and_stop, NULL);
    siginfo_t info[5];
    uint64_t mask;

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGSTOP));
    CHECK_EQ(ptrace(PTRACE_PEEKSIGINFO, pid, &shared, info), 2);
    CHECK_EQ(info[0].si_value.sival_int, 2);
    CHECK_EQ(info[1].si_value.sival_int, 3);
    CHECK_EQ(info[1].si_code, SI_QUEUE);
    CHECK_EQ(ptrace(PTRACE_PEEKSIGINFO, pid, &own, info), 1);
    CHECK_EQ(info[0].si_signo, SIGUSR1);
    CHECK_ERRNO(ptrace(PTRACE_PEEKSIGINFO, pid, &bad, info), EINVAL);
    CHECK_ERRNO(ptrace(PTRACE_PEEKSIGINFO, pid, &minus, info), EINVAL);
    CHECK_ERRNO(ptrace(PTRACE_PEEKSIGINFO, pid, bad_pointer(), info), EFAULT);

    CHECK_ERRNO(ptrace(PTRACE_GETSIGMASK, pid, 4, &mask), EINVAL);
    CHECK_EQ(ptrace(PTRACE_GETSIGMASK, pid, 8, &mask), 0);
    CHECK_EQ(mask & 1 << (SIGUSR1 - 1), 1 << (SIGUSR1 - 1));
    mask &= ~(1ull << (SIGUSR1 - 1));
    CHECK_EQ(ptrace(PTRACE_SETSIGMASK, pid, 8, &mask), 0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGUSR1)); // the signal is delivered now
    info[0] = siginfo_of(pid);
    info[0].si_code = SI_QUEUE;
    CHECK_EQ(ptrace(PTRACE_SETSIGINFO, pid, 0, info), 0);
    CHECK_EQ(siginfo_of(pid).si_code, SI_QUEUE);
    finish(pid);
}

static void ignore_one(void *)
{
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
}

UTEST(ptrace_ignored, "ptrace.ignored-signal")
{
    pid_t pid = trace(ignore_one, NULL);

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGUSR1)); // the tracer still sees it
    CHECK_EQ(go(PTRACE_CONT, pid, SIGUSR1), ENDED(0));
}

// ---- ends ----

static void trace_and_leave(void *arg)
{
    pid_t pid = *(pid_t *)arg;

    CHECK_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
    CHECK_EQ(next_status(pid), STOPPED(SIGSTOP));
    CHECK_EQ(poke_dr(pid, 0, (uintptr_t)&go_on), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_W, 3)), 0);
}

static void kill_at_exit(void *arg)
{
    pid_t pid = *(pid_t *)arg;

    CHECK_EQ(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL), 0);
}

UTEST_HWBP(ptrace_tracer_ends, "ptrace.tracer-ends")
{
    struct gate g;

    gate_init(&g);
    pid_t pid = fork();
    if (pid == 0) {
        gate_wait(&g);
        go_on = 1; // the debug register is still set
        _exit(11);
    }
    join(spawn(trace_and_leave, &pid));
    gate_open(&g);
    CHECK_EQ(WTERMSIG(wait_for(pid)), SIGTRAP);

    pid = spawn(wait_long, NULL);
    join(spawn(kill_at_exit, &pid));
    CHECK_EQ(wait_for(pid), SIGKILL);
}

// SIGKILL ends a tracee in any stop.
UTEST(ptrace_kill, "ptrace.kill")
{
    pid_t pid = trace(wait_long, NULL);

    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(next_status(pid), SIGKILL);
    pid = trace(wait_long, NULL);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(ptrace(PTRACE_KILL, pid, 0, 0), 0);
    CHECK_EQ(next_status(pid), SIGKILL);
}

// A child that another process traces: the parent learns of the exit after the tracer.
static void trace_to_the_end(void *arg)
{
    struct {
        struct gate ready, seen;
        pid_t pid;
    } *a = arg;

    CHECK_EQ(ptrace(PTRACE_SEIZE, a->pid, 0, 0), 0);
    gate_open(&a->ready);
    gate_wait(&a->seen);
    CHECK_EQ(next_status(a->pid), ENDED(12));
}

UTEST(ptrace_other_parent, "ptrace.other-parent")
{
    struct {
        struct gate ready, seen;
        pid_t pid;
    } a;
    struct gate end;
    siginfo_t info;

    gate_init(&a.ready);
    gate_init(&a.seen);
    gate_init(&end);
    a.pid = fork();
    if (a.pid == 0) {
        gate_wait(&end);
        _exit(12);
    }
    pid_t tracer = spawn(trace_to_the_end, &a);
    gate_wait(&a.ready);
    gate_open(&end);
    sleep_ms(20);
    CHECK_EQ(waitpid(a.pid, NULL, WNOHANG), 0); // a zombie, but the tracer must see it first
    gate_open(&a.seen);
    CHECK_EQ(waitid(P_PID, (id_t)a.pid, &info, WEXITED), 0);
    CHECK_EQ(info.si_status, 12);
    join(tracer);
}

static char status_letter(pid_t pid, int *tracer)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    const char *state = strstr(text, "State:\t"), *by = strstr(text, "TracerPid:\t");
    *tracer = by ? atoi(by + 11) : -1;
    return state ? state[7] : '?';
}

UTEST(ptrace_proc, "ptrace.proc-files")
{
    static volatile long where = 0x1234;
    int tracer, fd;
    char path[64];
    long value = 0;
    pid_t pid = trace(wait_long, NULL);

    CHECK_EQ(status_letter(pid, &tracer), 't');
    CHECK_EQ(tracer, getpid());
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, &value, sizeof value, (off_t)(uintptr_t)&where), sizeof value);
    CHECK_EQ(value, 0x1234);
    value = 0x77;
    CHECK_EQ(pwrite(fd, &value, sizeof value, (off_t)(uintptr_t)&where), sizeof value);
    CHECK_EQ(ptrace(PTRACE_PEEKDATA, pid, &where, 0), 0x77);
    CHECK_EQ(where, 0x1234);
    CHECK_EQ(lseek(fd, (off_t)(uintptr_t)&where, SEEK_SET), (off_t)(uintptr_t)&where);
    CHECK_EQ(read(fd, &value, 1), 1);
    CHECK_ERRNO(pread(fd, &value, sizeof value, 16), EIO);
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, SIGSTOP), 0);
    CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
    CHECK_EQ(status_letter(pid, &tracer), 'T');
    CHECK_EQ(tracer, 0);
    close(fd);
    finish(pid);
}
