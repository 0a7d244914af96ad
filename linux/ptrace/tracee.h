// A tracee, and what the files of this folder share.
//
// Guarded by proc_lock and by the signal_lock of the tracee's process, both to change it, either to
// look: thread->tracee and the lists of tracees. By that signal_lock: what belongs to a stop, but
// the tracer freezes and unfreezes without it. A frozen tracee's registers, memory and debug
// registers are the tracer's, a running one's its own.
#pragma once

#include "arch/x86/debugreg.h"
#include "kernel/base/errno.h"
#include "linux/ptrace/abi.h"
#include "linux/ptrace/ptrace.h"

struct perf_event;

// Debug registers as tracers see them; a thread's, from the first that is written on. A register
// that has been written has an event, which holds its slot, enabled or not, until ptrace_flush().
struct ptrace_debugregs {
    struct perf_event *event[HBP_NUM];
    u64 addr[HBP_NUM]; // as written; an enabled event has it, another will
    u64 used;          // the bits of DR7 that belong to those with an event
    u64 control;       // and what they are
    u64 dr7;           // as it was last written
    u64 hits;          // those of the #DB that is being handled
};

enum trace_state {
    TRACE_RUNS,    // or is about to
    TRACE_STOPPED, // it sleeps; wait tells while report != 0
    TRACE_LISTENS, // the same, until something comes (PTRACE_LISTEN)
    TRACE_FROZEN,  // the tracer is at work on it: nothing wakes it until that is done
    TRACE_WANTED,  // frozen, and then it is woken, for it is to die
};

struct tracee {
    struct task *task;    // with a reference: its thread and process stay, too
    struct task *tracer;  // a thread: only that one may work on the tracee
    struct list node;     // in the tracer's thread->tracees
    u64 options;          // PTRACE_O_*
    bool seized;          // by PTRACE_SEIZE
    bool leader;          // the process's first thread: its end is the process's
    bool ended;           // has ended, and is no leader
    bool trap;            // stops at the next chance, for no signal
    bool notify;          // the same because of SIGCONT
    bool attaching;       // its tracer waits until it has got from its stop into a traced one
    u32 state;            // enum trace_state; unless it runs, what follows is valid. atomic
    bool off_cpu;         // has been seen to have left its CPU, in this stop
    u32 code;             // signal, event and the like, as wait tells them
    u32 report;           // the code as long as wait has not told it, else 0
    u64 message;          // PTRACE_GETEVENTMSG
    struct siginfo *info; // the tracee's; NULL: a group stop has none
};

static inline struct thread *tracee_thread(const struct tracee *tr)
{
    return tr->task->thread;
}

// The last stop was at a system call, known by TRACESYSGOOD: message says on which side.
static inline bool stopped_at_syscall(const struct tracee *tr)
{
    return tr->info && tr->info->code == (s32)(SIGTRAP | STOP_SYSGOOD);
}

// ---- attach.c; the running thread is the tracer ----

s64 ptrace_traceme(void);
// 0, -ESRCH, -EPERM (itself, the kernel's, traced already, ending), -EIO (bad options), -ENOMEM.
s64 ptrace_attach(s32 tid, bool seize, u64 addr, u64 options);
// Ends the tracing of a frozen tracee, which goes on with this signal. Frees it.
void ptrace_detach(struct tracee *tr, int sig);

// ---- stop.c ----

// The running thread's tracee with this tid, if it is stopped, frozen and off its CPU; or NULL.
struct tracee *ptrace_freeze(s32 tid);
// Three ways to end what ptrace_freeze() began. To leave it as it is:
void ptrace_unfreeze(struct tracee *tr);
// To let it go on with this signal:
void ptrace_resume(struct tracee *tr, int sig);
// To let it listen: 0, or -EIO when it is not seized and in a PTRACE_EVENT_STOP.
int ptrace_listen(struct tracee *tr);

// Has a tracee, stopped or not, stop soon. 0, -ESRCH, or -EIO when it is not seized.
int ptrace_interrupt(s32 tid);
// Sends it SIGKILL. 0 or -ESRCH.
int ptrace_kill(s32 tid);
// Wakes a tracee from its stop. Its signal_lock is held.
void ptrace_wake(struct tracee *tr);
// Tells the tracer's process by SIGCHLD and wakes who waits there. proc_lock held.
void ptrace_notify_tracer(const struct tracee *tr, int si_code, int status);

// ---- regs.c; the tracee is frozen ----

void ptrace_get_regs(const struct tracee *tr, struct user_regs *r);
// All or none. 0 or -EIO: a selector or base that no program can have.
int ptrace_set_regs(struct tracee *tr, const struct user_regs *r);
s64 ptrace_peek_user(struct tracee *tr, u64 offset, u64 udata);
s64 ptrace_poke_user(struct tracee *tr, u64 offset, u64 value);
// PTRACE_GETREGS and the others of whole sets.
s64 ptrace_regs(struct tracee *tr, bool set, u64 udata);
// arch_prctl(2), for the tracee.
s64 ptrace_arch_prctl(struct tracee *tr, u64 code, u64 addr);

// ---- regset.c; the tracee is frozen ----

s64 ptrace_fpregs(struct tracee *tr, bool set, u64 udata);
s64 ptrace_regset(struct tracee *tr, bool set, u32 type, u64 uiovec);

// ---- step.c; the tracee is frozen ----

// Steps from now on (then no lock may be held), or not any more. Also for a tracee that nobody
// traces any more.
void ptrace_set_step(struct thread *th, bool on);

// ---- debugreg.c ----

u64 ptrace_get_debugreg(const struct tracee *tr, u32 n);
// 0, -EIO (no such register), -EINVAL, -ENOSPC, -ENOMEM: then nothing has changed. The tracee is
// frozen.
s64 ptrace_set_debugreg(struct tracee *tr, u32 n, u64 value);
// Of the #DB that the running thread is in: the registers that were hit, as bits of DR6.
u64 ptrace_take_hits(struct thread *th);

// ---- siginfo.c; the tracee is frozen ----

s64 ptrace_siginfo(struct tracee *tr, bool set, u64 udata);
s64 ptrace_peeksiginfo(struct tracee *tr, u64 uargs, u64 udata);
s64 ptrace_sigmask(struct tracee *tr, bool set, u64 size, u64 udata);
s64 ptrace_syscall_info(struct tracee *tr, u64 size, u64 udata);
