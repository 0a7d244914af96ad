// wait4(2) and waitid(2): they tell what has become of the children.
#include "arch/x86/uaccess.h"
#include "linux/proc/syscalls.h"
#include "linux/ptrace/ptrace.h"

#include <linux/wait.h>

struct wait_for {
    u32 pid, pgid; // 0: any
    u32 options;
    bool usage; // the caller asks what the child has used
};

struct waited {
    u32 pid;
    int status;
    bool trapped;          // the status is a stop, which is told to the tracer
    struct tracee *tracee; // a tracee that has ended and is to be freed, or NULL
    struct usage usage;
};

static bool matches(const struct process *child, const struct wait_for *w)
{
    // A child that ends without SIGCHLD is a "clone child" (wait(2)): only __WCLONE and __WALL ask
    // for it.
    bool is_clone = child->exit_signal != SIGCHLD;
    if (!(w->options & __WALL) && is_clone != !!(w->options & __WCLONE))
        return false;
    if ((w->options & __WNOTHREAD) && process_forker(child) != current_task())
        return false;
    // A child that has ended will not stop any more. But if it is traced, the parent is told later.
    if (child->zombie && !(w->options & WEXITED) && !child->tracee)
        return false;
    return (!w->pid || child->pid == w->pid) && (!w->pgid || child->pgid == w->pgid);
}

// True if the parent is told. The end of a traced child is told to the tracer first. If the tracer
// is the parent itself, stops are reported to it as the tracer.
static bool reports(const struct process *child, u32 options)
{
    if (child->zombie)
        return (options & WEXITED) && !child->tracee;
    if (child->change == WAIT_CONTINUED)
        return options & WCONTINUED;
    return child->change && (options & WUNTRACED) && !ptrace_traced_by(child, child->parent);
}

static void add_usage(struct waited *out, struct process *p)
{
    out->usage = process_usage(p);
    usage_add(&out->usage, &p->reaped);
}

// Looks at the children. 1: *out is filled. 0: nothing has happened yet. -ECHILD: there is no child
// to wait for. proc_lock held.
static int look_at_children(struct process *p, const struct wait_for *w, struct waited *out)
{
    struct process *child;
    int result = -ECHILD;
    list_for_each (child, &p->children, sibling) {
        if (!matches(child, w))
            continue;
        result = 0;
        if (!reports(child, w->options))
            continue;
        *out = (struct waited){
            .pid = child->pid,
            .status = child->zombie ? child->exit_status : child->change,
        };
        if (w->usage)
            add_usage(out, child);
        if (!(w->options & WNOWAIT)) {
            child->change = 0;
            if (child->zombie)
                process_reap(child);
        }
        return 1;
    }
    return result;
}

// The same for the tracees of one thread.
static int look_at_tracees(const struct thread *th, const struct wait_for *w, struct waited *out)
{
    struct waited_tracee t;
    int found = ptrace_look(th, w->pid, w->pgid, w->options & WEXITED, &t);
    if (found <= 0)
        return found;
    *out = (struct waited){.pid = t.tid, .status = t.status, .trapped = !t.ended};
    if (w->usage)
        add_usage(out, t.process);
    if (!(w->options & WNOWAIT)) {
        if (t.ended) {
            ptrace_reap(t.tracee);
            out->tracee = t.tracee;
        } else {
            ptrace_reported(t.tracee);
        }
    }
    return 1;
}

static int look(struct process *p, const struct wait_for *w, struct waited *out)
{
    struct thread *th;
    mutex_lock(&proc_lock);
    int result = look_at_children(p, w, out);
    list_for_each (th, &p->threads, node) {
        if (result > 0)
            break;
        if ((w->options & __WNOTHREAD) && th != current_thread())
            continue;
        int found = look_at_tracees(th, w, out);
        result = MAX(result, found);
    }
    mutex_unlock(&proc_lock);
    return result;
}

// 1, 0 (only with WNOHANG), -ECHILD or -ERESTARTSYS.
static int wait_for_child(const struct wait_for *w, struct waited *out)
{
    struct process *p = current_process();
    struct waiter self = {.task = NULL};
    int found = 0, err = 0;
    if (w->options & WNOHANG) {
        found = look(p, w, out);
    } else {
        do // usually it must sleep, so it is in the queue before its first look
            err = wait_step(&p->child_wait, &self, TASK_SLEEPING);
        while (!err && !(found = look(p, w, out)));
        wait_finish(&p->child_wait, &self);
    }
    ptrace_free(out->tracee);
    return err ? -ERESTARTSYS : found;
}

static int put_usage(const struct waited *child, u64 urusage)
{
    const struct rusage usage = usage_tell(&child->usage);
    return put_user(usage, urusage);
}

s64 sys_wait4(s32 pid, u64 ustatus, u32 options, u64 urusage)
{
    struct waited child = {0};
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WALL | __WCLONE))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    struct wait_for w = {.options = options | WEXITED, .usage = urusage};
    if (pid > 0)
        w.pid = pid;
    else if (pid != -1)
        w.pgid = pid ? (u32)-pid : current_process()->pgid;
    int found = wait_for_child(&w, &child);
    if (found <= 0)
        return found;
    if ((ustatus && put_user(child.status, ustatus)) || (urusage && put_usage(&child, urusage)))
        return -EFAULT;
    return child.pid;
}

static void describe(const struct waited *child, struct siginfo *info)
{
    int status = child->status, sig = status & 0x7f;
    info->signo = SIGCHLD;
    info->chld.pid = child->pid;
    if (status == WAIT_CONTINUED) {
        info->code = CLD_CONTINUED;
        info->chld.status = SIGCONT;
    } else if (sig == 0x7f) {
        info->code = child->trapped ? CLD_TRAPPED : CLD_STOPPED;
        info->chld.status = status >> 8;
    } else {
        info->code = sig ? CLD_KILLED : CLD_EXITED;
        info->chld.status = sig ? sig : status >> 8;
    }
}

// Writes six numbers, and nothing between or after them.
static bool put_info(u64 uinfo, const struct siginfo *info)
{
    const size_t first = offsetof(struct siginfo, pad), pid = offsetof(struct siginfo, chld);
    const size_t second = offsetof(struct siginfo, chld.pad) - pid;
    return copy_to_user(uinfo, info, first) || copy_to_user(uinfo + pid, &info->chld, second);
}

s64 sys_waitid(int type, u32 id, u64 uinfo, u32 options, u64 urusage)
{
    struct waited child = {0};
    struct siginfo info = {0};
    const u32 kinds = WEXITED | WUNTRACED | WCONTINUED;
    if ((options & ~(kinds | WNOHANG | WNOWAIT | __WNOTHREAD | __WALL | __WCLONE)) ||
        !(options & kinds) || type < P_ALL || type > P_PGID || (type == P_PID && (s32)id <= 0) ||
        (type == P_PGID && (s32)id < 0))
        return -EINVAL;
    struct wait_for w = {.options = options, .usage = urusage};
    if (type == P_PID)
        w.pid = id;
    else if (type == P_PGID)
        w.pgid = id ? id : current_process()->pgid;
    int found = wait_for_child(&w, &child);
    if (found < 0)
        return found;
    if (found) {
        describe(&child, &info);
        if (urusage && put_usage(&child, urusage))
            return -EFAULT;
    }
    return uinfo && put_info(uinfo, &info) ? -EFAULT : 0;
}
