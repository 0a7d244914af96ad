// fork, vfork and clone: they make a copy of the process, or one more thread of it.
#include "arch/x86/uaccess.h"
#include "arch/x86/user/fpu.h"
#include "arch/x86/user/user_regs.h"
#include "kernel/mm/heap.h"
#include "linux/fs/vfs.h"
#include "linux/mm/vm.h"
#include "linux/proc/life.h"
#include "linux/task/signal_state.h"
#include "linux/proc/syscalls.h"
#include "linux/ptrace/abi.h"
#include "linux/ptrace/ptrace.h"
#include "linux/perf/perf.h"
#include "linux/perf/record.h"

#include <linux/sched.h>

// CLONE_DETACHED has no effect, as on Linux.
#define CLONE_OPTIONAL                                                                             \
    (CLONE_VM | CLONE_FILES | CLONE_VFORK | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |   \
     CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_CHILD_SETTID)
#define CLONE_THREAD_NEEDS (CLONE_VM | CLONE_SIGHAND | CLONE_FILES)

struct clone_request {
    u64 flags;
    u64 stack; // the stack pointer; 0: the parent's stack pointer
    u64 parent_tid, child_tid, tls;
};

// The first function of the child, in the kernel.
static void child_start(void *)
{
    struct task *t = current_task();
    struct thread *th = t->thread;
    irq_enable();
    if (th->set_child_tid) // a bad address is no error, as on Linux
        copy_to_user(th->set_child_tid, &t->tid, sizeof(t->tid));
    return_to_user(context_user_frame(&t->arch));
}

// Returns 0, or -EINVAL for a combination that this kernel does not have. Processes cannot share
// actions or the working directory. Threads cannot have descriptors of their own.
static int check_flags(u64 flags)
{
    u64 rest = flags & ~(CLONE_OPTIONAL | CSIGNAL);
    if ((flags & CSIGNAL) > NSIG)
        return -EINVAL;
    if (!(flags & CLONE_THREAD))
        return rest ? -EINVAL : 0;
    if ((flags & CLONE_THREAD_NEEDS) != CLONE_THREAD_NEEDS)
        return -EINVAL;
    return rest & ~(CLONE_THREAD | CLONE_SIGHAND | CLONE_FS) ? -EINVAL : 0;
}

// Copies registers, FPU state, segment bases and signal state to the child. The FPU state of the
// running task is in the CPU.
static void copy_thread(struct task *t, const struct trapframe *f, const struct clone_request *a)
{
    struct thread *th = t->thread, *self = current_thread();
    struct trapframe *child = context_user_frame(&t->arch);
    *child = *f;
    child->rax = 0;
    if (self->trace & TRACE_TF)
        child->rflags &= ~RFLAGS_TF;
    if (a->stack)
        child->rsp = a->stack;
    fpu_save_current(t->arch.fpu);
    t->arch.fs_base = a->flags & CLONE_SETTLS ? a->tls : rdmsr(MSR_FS_BASE);
    t->arch.gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    t->arch.selectors = context_selectors();
    th->blocked = self->blocked;
    if (!(a->flags & CLONE_VM) || (a->flags & CLONE_VFORK)) {
        th->altstack = self->altstack;
        th->altstack_size = self->altstack_size;
        th->altstack_flags = self->altstack_flags;
    }
    if (a->flags & CLONE_CHILD_SETTID)
        th->set_child_tid = a->child_tid;
    if (a->flags & CLONE_CHILD_CLEARTID)
        th->clear_child_tid = a->child_tid;
}

// A copy of the running process, without threads. NULL when memory is out.
static struct process *copy_process(u64 flags)
{
    struct process *self = current_process();
    struct process *p = process_new();
    if (!p)
        return NULL;
    p->mm = flags & CLONE_VM ? self->mm : mm_fork(self->mm);
    p->fds = flags & CLONE_FILES ? self->fds : fds_copy(self->fds);
    p->cmdline = kalloc(self->cmdline_len);
    if (flags & CLONE_VM)
        mm_get(p->mm);
    if (flags & CLONE_FILES)
        ref_get(&p->fds->refs);
    if (p->mm && p->fds && p->cmdline) {
        p->cmdline_len = self->cmdline_len;
        memcpy(p->cmdline, self->cmdline, p->cmdline_len);
        memcpy(p->exe, self->exe, sizeof(p->exe));
        node_put(p->cwd);
        p->cwd = process_cwd(self);
        p->umask = self->umask;
        mutex_lock(&proc_lock);
        memcpy(p->limits, self->limits, sizeof(p->limits));
        mutex_unlock(&proc_lock);
        p->exit_signal = flags & CSIGNAL;
        u64 irq = spin_lock_irqsave(&self->signal_lock);
        memcpy(p->action, self->action, sizeof(p->action));
        spin_unlock_irqrestore(&self->signal_lock, irq);
        return p;
    }
    process_release_unused(p);
    return NULL;
}

void process_release_unused(struct process *p)
{
    mm_put(p->mm);
    fds_put(p->fds);
    p->mm = NULL;
    p->fds = NULL;
    process_put(p);
}

// Waits until the child has left the memory that it shares. If the parent is killed, it stops
// waiting.
static void wait_for_vfork(struct vfork *v, struct task *child)
{
    struct thread *th = child->thread;
    if (wait_event_killable(&v->queue, proc_read(&v->done))) {
        mutex_lock(&proc_lock);
        th->vfork = NULL;
        mutex_unlock(&proc_lock);
    }
}

static u32 event_of(u64 flags)
{
    if (flags & CLONE_VFORK)
        return PTRACE_EVENT_VFORK;
    return (flags & CSIGNAL) == SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
}

// -ERESTARTNOINTR: a signal came first. The call is restarted, because a signal to the whole group
// must not miss the child. -EAGAIN: there are too many threads. If the child has taken *tracee,
// *tracee is NULL on return.
static int link_child(struct task *t, struct process *p, u64 flags, struct tracee **tracee)
{
    struct process *self = current_process();
    int err = 0;
    mutex_lock(&proc_lock);
    if (process_no_more(self)) {
        err = -EAGAIN;
    } else if (sched_interrupted()) {
        err = -ERESTARTNOINTR;
    } else if (p == self) {
        thread_link(t);
    } else {
        p->pgid = self->pgid;
        p->sid = self->sid;
        process_link(p, self, t);
        itimers_limit_cpu(p);
    }
    if (!err && *tracee && ptrace_fork_link(*tracee, event_of(flags)))
        *tracee = NULL;
    mutex_unlock(&proc_lock);
    return err;
}

// Finds the errors that can be found before anything is made. link_child() looks at the number of
// threads again.
static int check(const struct clone_request *a)
{
    int err = check_flags(a->flags);
    if (!err && (a->flags & CLONE_SETTLS) && a->tls >= TASK_SIZE_MAX)
        err = -EPERM;
    mutex_lock(&proc_lock);
    if (!err && process_no_more(current_process()))
        err = -EAGAIN;
    mutex_unlock(&proc_lock);
    return err;
}

// Makes the new task t a thread of p. The thread is linked, and not started yet. On -errno t is
// only a task again.
static int make_thread(struct trapframe *f, struct task *t, struct process *p,
                       const struct clone_request *a)
{
    struct tracee *tracee = NULL;
    int err = thread_attach(t, p);
    if (!err)
        err = ptrace_fork(t, &tracee);
    if (!err)
        err = perf_fork(t, a->flags & CLONE_THREAD);
    if (!err) {
        copy_thread(t, f, a);
        err = link_child(t, p, a->flags, &tracee);
        if (err)
            perf_fork_failed(t);
    }
    ptrace_free(tracee);
    return err;
}

// Lets the child run. Returns its tid. After a vfork it returns only when the child has left the
// parent's memory.
static u32 start_child(struct task *t, struct process *p, const struct clone_request *a)
{
    struct vfork vfork = {.done = false};
    wait_init(&vfork.queue);
    if (a->flags & CLONE_VFORK)
        ((struct thread *)t->thread)->vfork = &vfork;
    u32 tid = t->tid;
    if (a->flags & CLONE_PARENT_SETTID)
        copy_to_user(a->parent_tid, &tid, sizeof(tid));
    t->mm = p->mm;
    if (p != current_process()) // a file may have become shorter before p was linked
        mm_trim(p->mm);
    if (p->fds == current_process()->fds)
        p->fds->shared = true;
    perf_record_fork(t);
    task_start(t);
    ptrace_event(event_of(a->flags), tid);
    if (a->flags & CLONE_VFORK) {
        wait_for_vfork(&vfork, t);
        ptrace_event(PTRACE_EVENT_VFORK_DONE, tid);
    }
    task_put(t);
    return tid;
}

static s64 clone(struct trapframe *f, const struct clone_request *a)
{
    struct task *self = current_task();
    struct process *p = self->process;
    bool thread = a->flags & CLONE_THREAD;
    int err = check(a);
    if (err)
        return err;
    struct task *t = task_new(self->comm, child_start, NULL, self->affinity);
    if (!t)
        return -ENOMEM;
    if (!thread && !(p = copy_process(a->flags))) {
        task_put(t);
        return -ENOMEM;
    }
    err = make_thread(f, t, p, a);
    if (!err)
        return start_child(t, p, a);
    task_put(t);
    if (!thread)
        process_release_unused(p);
    return err;
}

s64 sys_clone(struct trapframe *f, u64 flags, u64 stack, u64 ptid, u64 ctid, u64 tls)
{
    return clone(f, &(struct clone_request){flags, stack, ptid, ctid, tls});
}

s64 sys_fork(struct trapframe *f)
{
    return clone(f, &(struct clone_request){.flags = SIGCHLD});
}

s64 sys_vfork(struct trapframe *f)
{
    return clone(f, &(struct clone_request){.flags = CLONE_VM | CLONE_VFORK | SIGCHLD});
}
