// Signals: numbers and structures as programs see them (signal(7), asm/siginfo.h), and how the
// kernel sends them.
#pragma once

#include "kernel/base/list.h"
#include "kernel/base/spinlock.h"

struct process;
struct task;
struct trapframe;

// clang-format off
enum {
    SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7,
    SIGFPE = 8, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12, SIGPIPE = 13, SIGALRM = 14,
    SIGTERM = 15, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21,
    SIGTTOU = 22, SIGURG = 23, SIGXCPU = 24, SIGXFSZ = 25, SIGVTALRM = 26, SIGPROF = 27,
    SIGWINCH = 28, SIGIO = 29, SIGSYS = 31, SIGRTMIN = 32, NSIG = 64,
};
// clang-format on

#define SIG_BIT(sig) BIT((sig)-1)
#define SIG_STOPS    (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))
#define SIG_IGNORES  (SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))
// An instruction causes most of these signals. They are taken before all others.
#define SIG_FAULTS                                                                                 \
    (SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) | SIG_BIT(SIGBUS) | SIG_BIT(SIGFPE) | SIG_BIT(SIGSEGV) |   \
     SIG_BIT(SIGSYS))
#define SIG_UNMASKABLE (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))

#define SIG_DFL 0ull
#define SIG_IGN 1ull

#define SA_NOCLDSTOP 0x00000001ull
#define SA_NOCLDWAIT 0x00000002ull
#define SA_SIGINFO   0x00000004ull
#define SA_TAGBITS   0x00000800ull // keep the tag bits of addresses; x86-64 has none
#define SA_RESTORER  0x04000000ull
#define SA_ONSTACK   0x08000000ull
#define SA_RESTART   0x10000000ull
#define SA_NODEFER   0x40000000ull
#define SA_RESETHAND 0x80000000ull
// All flags that exist. rt_sigaction(2) drops any other flag. So a program can find out which flags
// exist.
#define SA_KNOWN                                                                                   \
    (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_TAGBITS | SA_RESTORER | SA_ONSTACK |            \
     SA_RESTART | SA_NODEFER | SA_RESETHAND)

// si_code
// clang-format off
enum {
    SI_USER = 0, SI_KERNEL = 0x80, SI_QUEUE = -1, SI_TKILL = -6, ILL_ILLOPN = 2, FPE_INTDIV = 1,
    FPE_FLTDIV = 3, FPE_FLTOVF = 4, FPE_FLTUND = 5, FPE_FLTRES = 6, FPE_FLTINV = 7, SEGV_MAPERR = 1,
    SEGV_ACCERR = 2, BUS_ADRALN = 1, BUS_ADRERR = 2, TRAP_BRKPT = 1, TRAP_TRACE = 2,
    TRAP_HWBKPT = 4, TRAP_PERF = 6, CLD_EXITED = 1, CLD_KILLED = 2, CLD_TRAPPED = 4,
    CLD_STOPPED = 5, CLD_CONTINUED = 6,
};
// clang-format on

#define TRAP_PERF_FLAG_ASYNC 1u // the signal was blocked, so it came later than the hit

// The part of a siginfo_t that the kernel keeps: 48 bytes. Programs see 128 bytes. The other bytes
// are zero.
struct siginfo {
    s32 signo, err, code, pad;
    union {
        struct {
            u32 pid, uid;
            u64 value;
        } rt; // kill, tgkill, sigqueue
        struct {
            u32 pid, uid;
            s32 status, pad;
            u64 utime, stime;
        } chld;
        struct {
            u64 addr;
        } fault;
        struct {
            u64 addr, data;
            u32 type, flags;
            u64 reserved;
        } perf; // TRAP_PERF
        struct {
            s64 band;
            s32 fd;
        } poll; // O_ASYNC
    };
};
_Static_assert(sizeof(struct siginfo) == 48, "as much as any signal of the kernel's uses");

#define SIGINFO_SIZE 128ul // in user memory

// rt_sigaction(2)'s structure.
struct sigaction {
    u64 handler, flags, restorer, mask;
};

// Signals that were sent and not yet taken. Each has an entry in `queue` with its siginfo. A
// standard signal is there once. A real-time signal is there as often as it was sent (signal(7)).
// process->signal_lock guards the set.
struct sigpending {
    u64 set;
    struct list queue;
};

// ---- sending ----
//
// Task context. Signal 0 only checks. A number that is no signal gives -EINVAL. With `info` NULL
// the siginfo says that the kernel sent it (SI_KERNEL).

// Sends to the process. One of its threads that do not block the signal takes it. 0, -EINVAL or
// -EAGAIN (no memory for a real-time signal's entry). proc_lock held.
int signal_process(struct process *p, int sig, const struct siginfo *info);
// The same to one thread. Does nothing for a kernel thread. Takes proc_lock.
int signal_task(struct task *t, int sig, const struct siginfo *info);
// Sends to the running task, because its system call cannot be done. The siginfo looks as if the
// task had sent the signal itself. On Linux, SIGPIPE and SIGXFSZ come in this way, too.
void signal_refused(int sig);
// A fast way to signal the running task, which is on its way to ring 3. If a handler can take the
// signal at once, returns where the caller writes the siginfo, its signo too. NULL: the caller must
// use signal_task().
struct siginfo *signal_self(int sig);
// Sends to the running task because of what it just did. If the task blocks or ignores the signal,
// the signal kills it. If the same signal is pending for the thread already, the pending one is
// taken, with its own siginfo.
void signal_force(int sig, const struct siginfo *info);
void signal_force_fault(int sig, int code, u64 addr);
// Sends to every process of a group. 0, or -ESRCH: the group has none. proc_lock held.
int signal_group(u32 pgid, int sig, const struct siginfo *info);
// What SIGKILL does: all threads of the process end, with this wait status. proc_lock held, unless
// the running thread is the only one.
void signal_kill_process(struct process *p, int wait_status);
