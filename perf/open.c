// perf_event_open(2), in the order in which Linux finds faults.
#include "kernel/base/errno.h"
#include "perf/event.h"
#include "perf/upcalls.h"
#include "sched/sched.h"

#define KNOWN_FLAGS                                                                                \
    (PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT | PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC)

// The task meant by pid, with a reference; NULL for "whatever runs on the CPU".
static struct task *find_target(s32 pid)
{
    if (pid == -1)
        return NULL;
    if (pid == 0) {
        task_get(current_task());
        return current_task();
    }
    struct task *task = pid > 0 ? task_find(pid) : NULL;
    return task ? task : ERR_PTR(-ESRCH);
}

s64 sys_perf_event_open(u64 uattr, s32 pid, s32 cpu, s32 group_fd, u64 flags)
{
    struct perf_event_attr attr;
    if (flags & ~(u64)KNOWN_FLAGS)
        return -EINVAL;
    int err = perf_copy_attr(uattr, &attr);
    if (err)
        return err;
    if (flags & PERF_FLAG_PID_CGROUP)
        return -EINVAL; // there are no control groups
    if (group_fd != -1)
        return perf_fd_valid(group_fd) ? -EOPNOTSUPP : -EBADF; // there are no groups yet

    struct task *target = find_target(pid);
    if (IS_ERR(target))
        return PTR_ERR(target);
    struct perf_event *event = perf_event_create_kernel_counter(&attr, cpu, target, NULL, NULL);
    if (target)
        task_put(target);
    if (IS_ERR(event))
        return PTR_ERR(event);

    int fd = perf_fd_install(event, flags & PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        perf_event_release_kernel(event);
    return fd;
}
