// struct process is what the threads of one program share. struct thread is what this storey keeps
// beside each task of a program.
//
// Which lock guards what:
//   proc_lock (a mutex)     the tree, the lists of processes and threads, ids, exit states, exe,
//                           cmdline, comm, cwd, and the pointer mm for other processes
//   signal_lock (spinlock)  actions, pending signals, blocked masks, the flags of stopping and
//                           ending, and the list of threads
//   none                    umask: the threads of the program use it as they like
// The list of threads changes only under both locks. So one of the two is enough to walk it. A
// program has as many processes and threads as it likes. So work on all of them is done under
// proc_lock, which leaves interrupts and preemption on. Such work takes signal_lock for one thread
// at a time.
//
// References: the tree has one until the process is reaped. Each thread's task has one until it is
// released.
#pragma once

#include "arch/x86/user/fpu.h"
#include "linux/sched/timer.h"
#include "linux/task/rlimit.h"
#include "linux/task/signal.h"
#include "linux/task/usage.h"
#include "sched/wait.h"

#define PROC_PATH_MAX 256

struct fd_table;
struct mm;
struct node;
struct tracee;

// The timers of setitimer(2), and the timer of RLIMIT_CPU.
enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF, ITIMER_CPU_LIMIT, NR_ITIMERS };

// An interval timer. proc_lock guards all but `due`.
struct itimer {
    struct timer timer; // when the kernel is to look at this one
    u64 at;             // when it runs down, in ns of the clock that it follows; 0: off
    u64 interval;       // ns
    bool due;           // it is time to look; atomic
};

struct process {
    struct refcount refs;
    struct tree_node pid_node; // in the tree of all processes, until reaped
    u32 pid, pgid, sid;
    struct process *parent;
    u32 forker;            // tid of the parent's thread that made it
    struct tracee *tracee; // of the first thread, even when that has ended (proc_lock)
    struct list children;  // linked by child->sibling
    struct list sibling;
    struct list threads; // linked by thread->node; only living threads
    u32 nr_threads;
    char comm[TASK_COMM_LEN];
    char exe[PROC_PATH_MAX];
    char *cmdline; // argv, each string with its NUL; may be NULL
    size_t cmdline_len;
    struct node *cwd; // with a reference; proc_lock
    u32 umask;
    struct mm *mm;        // NULL: the process has ended, or is the kernel's init
    struct fd_table *fds; // NULL: the same
    u64 start_ns;         // clock_ns()

    struct wait_queue child_wait; // woken when a child has changed its state
    bool zombie;
    bool keep_zombie; // the kernel itself waits for its end (proc_run_init)
    bool unkillable;  // the first program: signals without a handler do not end it (signal_lock)
    bool has_execed;  // the parent may not call setpgid(2) for it any more
    bool unknown_syscall_logged;
    int exit_signal;   // the parent gets it when this process ends
    int death_signal;  // this process gets it when the thread that made it ends; 0: none
    bool exiting;      // all threads end, with exit_status (both: signal_lock)
    int exit_status;   // a wait status, valid when exiting or zombie
    bool makes_room;   // it is ended, or was, because memory was out (proc_lock)
    int change;        // the wait status of a stop or continue that is not reported yet, or 0
    struct usage gone; // of threads that have ended, and of address spaces left by exec
    struct cpu_time told;
    struct usage reaped; // of children that were waited for, and of their children

    struct spinlock signal_lock;   // RANK_SIGNAL
    struct sigaction action[NSIG]; // action[n] belongs to signal n + 1
    struct sigpending pending;
    struct task *exec_task; // if not NULL, all threads but this one end
    union {                 // what threads have to do on their way to ring 3
        struct {
            bool stopping;  // they stop
            bool continued; // the parent does not know yet that SIGCONT has come
            bool offers;    // other threads are to look at the signals in `left`
        };
        u32 to_do; // not 0: at least one of these is true
    };
    u64 left;  // a thread may have been woken for these signals, and did not take them
    u64 round; // each SIGCONT begins a new one; from 1
    u32 nr_stopped;
    int stop_signal;

    struct itimer itimers[NR_ITIMERS];
    struct rlimit limits[RLIM_NLIMITS]; // changed under proc_lock
};

// How restart_syscall(2) goes on with a call that has a deadline. fn NULL: the call ends with
// EINTR.
struct restart {
    s64 (*fn)(const struct restart *r);
    u64 until;
    u64 arg[4]; // arguments of the call
};

struct thread {
    struct task *task;
    struct list node;    // in process->threads
    u64 clear_child_tid; // user address; 0: none
    u64 set_child_tid;   // the same; written once, when the thread first runs
    u64 robust_list;     // user address; 0: none
    u64 blocked;         // a set of signals
    u64 waiting_for;     // signals for which rt_sigtimedwait(2) waits
    u64 saved_mask;      // the mask to put back (rt_sigsuspend(2)), if restore_mask
    bool restore_mask;
    u64 stopped_in;  // the round in which it stopped: thread_stopped(). 0: never
    u64 taken_in;    // the round in which it took its last signal
    int exit_status; // a wait status; the process's one if this is the last thread
    struct sigpending pending;
    struct siginfo siginfo; // of the signal that is delivered or forced; only the thread uses it
    bool forced;            // the thread caused siginfo itself: it is taken before pending ones
    u64 trap_vector, trap_error, trap_cr2; // of the last exception, for the signal frame
    u64 altstack, altstack_size;
    u32 altstack_flags;
    struct restart restart;
    struct vfork *vfork; // the parent waits until this thread has left its memory (proc_lock)

    // For linux/ptrace.
    struct ptrace_debugregs *debugregs; // NULL: no tracer has written any. The thread's own
    u64 debug_status;                   // the causes of its last #DB, as positive bits of DR6
    struct tracee *tracee;              // not NULL: the thread is traced
    struct list tracees;                // the threads that this one traces (proc_lock)
    u32 trace;         // TRACE_*: what its tracer wants of it. Atomic while the thread runs
    int resume_signal; // the signal with which the tracer let it go on

    struct cpu_time told; // proc_lock
    struct fpu_state fpu; // task->arch.fpu
};

extern struct mutex proc_lock;

static inline struct process *current_process(void)
{
    return current_task()->process;
}

static inline struct thread *current_thread(void)
{
    return current_task()->thread;
}

// Whether th is counted in nr_stopped of its process p. A thread that stopped before the last
// SIGCONT does not count any more. signal_lock held.
static inline bool thread_stopped(const struct process *p, const struct thread *th)
{
    return th->stopped_in == p->round;
}

// ---- finding ----

// The process with this pid, with a reference, or NULL. A zombie is found, too. Task context.
struct process *process_find(u32 pid);
// The same by the tid of any of its threads.
struct process *process_of(u32 tid);
void process_get(struct process *p);
void process_put(struct process *p); // NULL: nothing
// Reads a flag that is guarded by proc_lock, which it takes.
bool proc_read(const bool *flag);
// process_find() without a reference. proc_lock held.
struct process *process_lookup(u32 pid);
// The process after p in the order of pids. With p NULL it is the first one. NULL at the end.
// proc_lock held.
struct process *process_next(struct process *p);
// The first process whose pid is at least `pid`, or NULL. proc_lock held.
struct process *process_from(u32 pid);
// The address space of p, with a reference, or NULL when it has none any more. Task context.
struct mm *process_mm(struct process *p);
// Calls fn for the address space of each process. Address spaces that are being made or freed are
// left out. An address space that processes share may come several times. No lock is held, so fn
// may take mm->lock.
void process_each_mm(void (*fn)(struct mm *mm));
// The state of the first thread as a letter of /proc/PID/stat (proc(5)). proc_lock held.
char process_state(struct process *p);
char task_state(const struct task *t);
// Whether `parent`, a parent or former parent of p, can continue p's group when the group has
// stopped. It can if it is in the same session, but in another group. proc_lock held.
bool process_keeps_group(const struct process *parent, const struct process *p);
// True if no parent can continue the group. Then its members do not stop for signals of the
// terminal. proc_lock held.
bool process_group_orphaned(u32 pgid);
// The parent's thread that made p. If that thread has ended, another thread of the parent. NULL:
// the parent is ending. proc_lock held.
struct task *process_forker(const struct process *p);
// process_runtime() gives the CPU time of all threads of p so far, in ns. process_usage() gives all
// that p has used. proc_lock held.
u64 process_runtime(struct process *p);
struct usage process_usage(struct process *p);
// What one thread has used, without memory. proc_lock held.
struct usage thread_usage(struct thread *th);
// Adds what a task has used, without memory. system_ns stays: usage_split() computes it.
void usage_add_task(struct usage *to, const struct task *t);
// Adds what was used of an address space: faults and the peak of pages.
void usage_add_mm(struct usage *to, const struct mm *mm);
// The CPU time of a task so far, in ns. It is read without a lock, so for a task that runs it may
// be a moment old.
u64 task_runtime(const struct task *t);

// ---- life ----

// Boot CPU, once.
void processes_init(void);
// A process without threads, linked nowhere, without ids. NULL when memory is out. Task context.
struct process *process_new(void);
// Makes a task that has not started yet a thread of p: a struct thread and FPU state. 0, or
// -ENOMEM, and nothing has changed. Task context.
int thread_attach(struct task *t, struct process *p);
// Gives the running task this tid. If a task that is ending still has the tid, the two exchange
// theirs.
void task_take_tid(struct task *self, u32 tid);
// process_link() links a new process into the tree below `parent`, and its first thread into the
// process. The thread's tid becomes the pid. thread_link() links a further thread into its process.
// proc_lock held. Afterwards the caller starts the task.
void process_link(struct process *p, struct process *parent, struct task *first);
void thread_link(struct task *t);
// For a task that has not started: gives it another number if its own is in use without a task.
// A group, a session, or a process that nobody has waited for may still have that number.
// process_link() and thread_link() call this function. So the number is final only after them.
// proc_lock held.
void tid_settle(struct task *t);
// tid_last() says which number was given last. tid_set_last() changes that, up to MAX_TID. The next
// number that is given follows it.
u32 tid_last(void);
void tid_set_last(u32 tid);
// Whether there are as many threads as its RLIMIT_NPROC, or the system, allows. proc_lock held.
bool process_no_more(const struct process *p);
// Takes a thread out of its process. True if it was the last. proc_lock and signal_lock held.
bool thread_leave(struct thread *th);
// Unlinks a zombie and drops the tree's reference. proc_lock held.
void process_reap(struct process *p);

// Codes of arch_prctl(2). A request of ptrace(2) takes them, too.
enum {
    ARCH_SET_GS = 0x1001,
    ARCH_SET_FS,
    ARCH_GET_FS,
    ARCH_GET_GS,
    ARCH_GET_CPUID = 0x1011,
    ARCH_SET_CPUID
};

// Wait statuses (wait(2)).
#define WAIT_EXITED(code)  (((code)&0xff) << 8)
#define WAIT_SIGNALED(sig) (sig)
#define WAIT_STOPPED(sig)  ((sig) << 8 | 0x7f)
#define WAIT_CONTINUED     0xffff

extern struct process *init_process; // pid 1; linux/proc/init.c makes it
