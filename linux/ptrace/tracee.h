// A tracee, and what the files of this folder share.
//
// thread->tracee and the lists of tracees are guarded by two locks: proc_lock, and the signal_lock
// of the tracee's process. Both are needed to change them, and one of them to look. This
// signal_lock also guards what belongs to a stop, but the tracer freezes and unfreezes without it.
// While a tracee is frozen, its registers, memory and debug registers belong to the tracer.
// Otherwise they belong to the tracee.
#pragma once

#include "linux/ptrace/abi.h"
#include "linux/ptrace/ptrace.h"

struct perf_event;

// A thread's debug registers as tracers see them. A register that was written has an event. The
// event, enabled or not, holds its slot until ptrace_flush().
struct ptrace_debugregs {
    struct perf_event *event[HBP_NUM];
    u64 addr[HBP_NUM]; // as the tracer wrote it; the event gets it when it is enabled
    u64 used;          // the bits of DR7 that belong to registers with an event
    u64 control;       // the values of these bits that the events have
    u64 dr7;           // the value that was written last
    u64 hits;          // the registers that the present #DB reports
};

enum trace_state {
    TRACE_RUNS,    // it runs, or is about to
    TRACE_STOPPED, // it sleeps; wait(2) reports it while report != 0
    TRACE_LISTENS, // the same, but a group stop or a trap wakes it (PTRACE_LISTEN)
    TRACE_FROZEN,  // the tracer works on it: nothing wakes it until that is done
    TRACE_WANTED,  // frozen; afterwards it is woken, because it must end
};

struct tracee {
    struct task *task;    // with a reference, so its thread and process stay, too
    struct task *tracer;  // the thread that may work on the tracee
    struct list node;     // in the tracer's thread->tracees
    u64 options;          // PTRACE_O_*
    bool seized;          // by PTRACE_SEIZE
    bool leader;          // the process's first thread; when it ends, the process ends
    bool ended;           // it has ended, and is no leader
    bool trap;            // it is to stop soon, without a signal
    bool notify;          // it is to stop soon because of SIGCONT
    bool attaching;       // its tracer waits until its stop has become a traced stop
    u32 state;            // enum trace_state. TRACE_RUNS: the fields below are not valid. Atomic
    bool off_cpu;         // it was seen, in this stop, to have left its CPU
    u32 code;             // signal and event, as wait(2) reports them
    u32 report;           // the code until wait(2) has reported it, then 0
    u64 message;          // PTRACE_GETEVENTMSG
    struct siginfo *info; // of the stop; NULL: a group stop has none
};

static inline struct thread *tracee_thread(const struct tracee *tr)
{
    return tr->task->thread;
}

// True if the last stop was at a system call and has the mark of TRACESYSGOOD. `message` says
// whether it was at the beginning or at the end.
static inline bool stopped_at_syscall(const struct tracee *tr)
{
    return tr->info && tr->info->code == (s32)(SIGTRAP | STOP_SYSGOOD);
}

// ---- attach.c; the running thread is the tracer ----

s64 ptrace_traceme(void);
// 0, -ESRCH, -EPERM, -EIO (bad options), or -ENOMEM. -EPERM: the thread is the tracer itself, a
// thread of the kernel, traced already, or ending.
s64 ptrace_attach(s32 tid, bool seize, u64 addr, u64 options);
// Ends the tracing of a frozen tracee, which goes on with this signal. Frees tr.
void ptrace_detach(struct tracee *tr, int sig);

// ---- stop.c ----

// Freezes the running thread's tracee with this tid. Returns the tracee when it is off its CPU.
// NULL: there is no such tracee, or it is not stopped.
struct tracee *ptrace_freeze(s32 tid);
// There are three ways to end what ptrace_freeze() began. The tracee stays stopped:
void ptrace_unfreeze(struct tracee *tr);
// It goes on with this signal:
void ptrace_resume(struct tracee *tr, int sig);
// It listens (PTRACE_LISTEN). 0, or -EIO if it is not seized and in a PTRACE_EVENT_STOP:
int ptrace_listen(struct tracee *tr);

// Lets a tracee stop soon, whether or not it is stopped now. 0, -ESRCH, or -EIO: it is not seized.
int ptrace_interrupt(s32 tid);
// Sends SIGKILL to a tracee. 0 or -ESRCH.
int ptrace_kill(s32 tid);
// Wakes a tracee from its stop. Its signal_lock is held.
void ptrace_wake(struct tracee *tr);
// Tells the tracer's process by SIGCHLD, and wakes the threads that wait there. proc_lock held.
void ptrace_notify_tracer(const struct tracee *tr, int si_code, int status);

// ---- regs.c; the tracee is frozen ----

void ptrace_get_regs(const struct tracee *tr, struct user_regs *r);
// Sets all registers or none. 0, or -EIO: a selector or base that no program can have.
int ptrace_set_regs(struct tracee *tr, const struct user_regs *r);
s64 ptrace_peek_user(struct tracee *tr, u64 offset, u64 udata);
int ptrace_poke_user(struct tracee *tr, u64 offset, u64 value);
// arch_prctl(2), for the tracee.
s64 ptrace_arch_prctl(struct tracee *tr, u64 code, u64 addr);

// ---- regset.c; the tracee is frozen ----

// PTRACE_GETREGS and the other requests on whole sets.
s64 ptrace_regs(struct tracee *tr, bool set, u64 udata);
s64 ptrace_fpregs(struct tracee *tr, bool set, u64 udata);
s64 ptrace_regset(struct tracee *tr, bool set, u32 type, u64 uiovec);

// ---- step.c; the tracee is frozen ----

// Switches single steps of the thread on or off. To switch them on no lock may be held. It also
// switches them off for a thread that nobody traces any more.
void ptrace_set_step(struct thread *th, bool on);

// ---- debugreg.c ----

u64 ptrace_get_debugreg(const struct tracee *tr, u32 n);
// 0, -EIO (no such register), -EINVAL, -ENOSPC, -ENOMEM: then nothing has changed. The tracee is
// frozen.
int ptrace_set_debugreg(struct tracee *tr, u32 n, u64 value);
// The registers that caused the running thread's present #DB, as bits of DR6.
u64 ptrace_take_hits(struct thread *th);

// ---- siginfo.c; the tracee is frozen ----

s64 ptrace_siginfo(struct tracee *tr, bool set, u64 udata);
s64 ptrace_peeksiginfo(struct tracee *tr, u64 uargs, u64 udata);
s64 ptrace_sigmask(struct tracee *tr, bool set, u64 size, u64 udata);
s64 ptrace_syscall_info(struct tracee *tr, u64 size, u64 udata);
