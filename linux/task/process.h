// A process: what the threads of one program share. A thread: what linux/proc keeps beside each
// task.
//
// Who may touch what:
//   proc_lock (RANK_PROC)   tree, lists of processes and threads, ids, exit states, exe, cmdline,
//                           comm, cwd, the pointer mm as seen from other processes
//   signal_lock             actions, pending signals, blocked masks, stop and exit flags, and the
//                           list of threads too
//   the running threads     umask (a plain copy: a torn read is the program's own fault)
// The list of threads changes under both locks, so either is enough to walk it.
//
// References: the tree has one until the process is reaped, each thread's task one until it is
// released.
#pragma once

#include "arch/x86/trap.h"
#include "kernel/base/refcount.h"
#include "linux/task/signal.h"
#include "linux/task/usage.h"
#include "sched/wait.h"

#define PROC_PATH_MAX 256

struct fd_table;
struct mm;
struct node;
struct tracee;

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF, NR_ITIMERS };

// setitimer(2)'s timer. All but `due` are guarded by proc_lock.
struct itimer {
    struct timer timer; // when to look
    u64 at;             // when it runs down, on the clock that it follows; 0: off
    u64 interval;
    bool due; // it is time to look
};

struct process {
    struct refcount refs;
    struct list all_node; // in the list of all processes, until reaped
    u32 pid, pgid, sid;
    struct process *parent;
    u32 forker;            // tid of the parent's thread that made it
    struct tracee *tracee; // the first thread's; also when that has ended (proc_lock)
    struct list children;  // of child->sibling
    struct list sibling;
    struct list threads; // of thread->node, alive ones
    u32 nr_threads;
    char comm[TASK_COMM_LEN];
    char exe[PROC_PATH_MAX];
    char *cmdline; // argv, each string with its NUL; may be NULL
    size_t cmdline_len;
    struct node *cwd; // with a reference; proc_lock
    u32 umask;
    struct mm *mm;        // NULL: ended, or the kernel's init
    struct fd_table *fds; // NULL likewise
    u64 start_ns;         // clock_ns()

    struct wait_queue child_wait; // a child changed state
    bool zombie;
    bool keep_zombie; // the kernel itself waits for it (proc_run_init)
    bool has_execed;  // setpgid by the parent is refused from then on
    bool unknown_syscall_logged;
    int exit_signal;   // what the parent gets when it ends
    int death_signal;  // what it gets when the thread that made it ends, or 0
    bool exiting;      // all threads end, with this status (both: signal_lock)
    int exit_status;   // wait4's, valid when exiting or zombie
    int change;        // wait4's status of a stop or continue not yet reported, or 0
    struct usage gone; // by threads that have ended, in address spaces left behind
    struct cpu_time told;
    struct usage reaped; // by children, those they reaped included

    struct spinlock signal_lock;   // RANK_SIGNAL
    struct sigaction action[NSIG]; // of signal n + 1
    struct sigpending pending;
    struct task *exec_task; // not NULL: all threads but this one end
    bool stopping;          // threads stop before they return to ring 3
    bool continued;         // SIGCONT came, the parent does not know yet
    u32 nr_stopped;
    int stop_signal;

    struct itimer itimers[NR_ITIMERS];
};

// How restart_syscall(2) goes on with a call that was to end at a certain time. fn NULL: -EINTR.
struct restart {
    s64 (*fn)(const struct restart *r);
    u64 until;
    u64 arg[4]; // the call's own
};

struct thread {
    struct task *task;
    struct list node;    // in process->threads
    u64 clear_child_tid; // user address, 0: none
    u64 set_child_tid;   // the same, written once when the thread first runs
    u64 robust_list;     // user address, 0: none
    u64 blocked;         // signals
    u64 waiting_for;     // blocked ones that rt_sigtimedwait takes
    u64 saved_mask;      // to put back (rt_sigsuspend), valid if restore_mask
    bool restore_mask;
    bool stopped;    // counted in process->nr_stopped
    bool stop_due;   // a stop signal is being acted on, and SIGCONT has not taken it back
    int exit_status; // wait status, the process's if this is the last thread
    struct sigpending pending;
    struct siginfo siginfo; // of the signal being delivered, or forced; the thread's own
    bool forced;            // by what it did itself: siginfo is taken before all that is pending
    u64 trap_vector, trap_error, trap_cr2; // of the last exception, for the signal frame
    u64 altstack, altstack_size;
    u32 altstack_flags;
    struct restart restart;
    struct vfork *vfork; // the parent waits until this thread has left its memory (proc_lock)

    // Of ptrace (linux/ptrace).
    struct tracee *tracee; // it is traced
    struct list tracees;   // those it traces (proc_lock)
    u32 trace;             // TRACE_*: what its tracer wants of it
    bool step_tf;          // TF in its frame is the tracer's, not the program's
    int resume_signal;     // what the tracer let it go on with

    struct cpu_time told; // proc_lock
};

extern struct spinlock proc_lock;

static inline struct process *current_process(void)
{
    return current_task()->process;
}

static inline struct thread *current_thread(void)
{
    return current_task()->thread;
}

// ---- finding ----

// With a reference, NULL if there is none (zombies are found). Task context.
struct process *process_find(u32 pid);
// The same by the tid of any of its threads.
struct process *process_of(u32 tid);
void process_get(struct process *p);
void process_put(struct process *p);
// Without a reference. proc_lock held.
struct process *process_lookup(u32 pid);
// The process after p, NULL: the first one. NULL at the end. proc_lock held.
struct process *process_next(struct process *p);
// Calls fn for each process in order of pid under proc_lock: fn must not sleep.
void process_for_each(void (*fn)(struct process *p, void *arg), void *arg);
// Its address space with a reference, or NULL when it has none any more.
struct mm *process_mm(struct process *p);
// 'R', 'S', 'D', 'T' or 'Z', as in /proc/PID/stat: the first thread's. proc_lock held.
char process_state(struct process *p);
char task_state(const struct task *t);
// Whether this (former) parent of p can continue p's group: from outside, in the same session.
bool process_keeps_group(const struct process *parent, const struct process *p);
// Nobody can: the group's members do not stop for a terminal's signals. proc_lock held.
bool process_group_orphaned(u32 pgid);
// The parent's thread that made it, or the one that stands in for it; NULL: the parent is ending.
// proc_lock held.
struct task *process_forker(const struct process *p);
// CPU time of all its threads so far, ns; and all that it has used. proc_lock held.
u64 process_runtime(struct process *p);
struct usage process_usage(struct process *p);
// What one of its threads has used, but for memory. proc_lock held.
struct usage thread_usage(struct thread *th);
// Adds what a task has used, but for memory; it is split when it is told.
void usage_add_task(struct usage *to, const struct task *t);
// Adds what has been used in an address space.
void usage_add_mm(struct usage *to, const struct mm *mm);
// CPU time of one task so far, ns; the slice under way is read racily.
u64 task_runtime(const struct task *t);

// ---- life ----

// A process without threads, linked nowhere, ids unset; NULL when memory is out.
struct process *process_new(void);
// The kernel's per-thread data and FPU state for a task not yet started. 0 or -ENOMEM (nothing
// changed).
int thread_attach(struct task *t, struct process *p);
// Links a new process into the tree below `parent`, and its first thread into it, whose tid
// becomes its pid; or a further thread into its process. The caller holds proc_lock and starts the
// task.
void process_link(struct process *p, struct process *parent, struct task *first);
void thread_link(struct task *t);

// arch_prctl(2), also as a request of ptrace(2).
enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004 };

// Wait statuses (wait(2)).
#define WAIT_EXITED(code)  (((code)&0xff) << 8)
#define WAIT_SIGNALED(sig) (sig)
#define WAIT_STOPPED(sig)  ((sig) << 8 | 0x7f)
#define WAIT_CONTINUED     0xffff

extern struct process *init_process; // pid 1; linux/proc/init.c makes it
