// perf_event_open(2). It checks in the same order as Linux, so it finds the same error first.
#include "linux/perf/perf.h"
#include "linux/perf/ring.h"
#include "linux/perf/upcalls.h"

#define KNOWN_FLAGS                                                                                \
    (PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT | PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC)

// The task that pid means, with a reference, or ERR_PTR. NULL: any task that runs on the CPU.
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

// Makes the event. Returns it, or ERR_PTR.
static struct perf_event *create(const struct perf_event_attr *attr, struct task *target, s32 cpu,
                                 struct perf_event *group, u64 flags)
{
    struct perf_request r = {
        .attr = attr,
        .cpu = cpu,
        .task = target,
        .leader = flags & (PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT) ? NULL : group,
    };
    if (target && r.leader && r.leader->attr.inherit != attr->inherit)
        return ERR_PTR(-EINVAL);  // children would get half of a group
    if (attr->sigtrap && !target) // any task would get the signal
        return ERR_PTR(-EINVAL);
    struct perf_event *event = perf_event_create(&r);
    if (IS_ERR(event) || !(flags & PERF_FLAG_FD_OUTPUT) || !group)
        return event;
    int err = perf_buffer_redirect(event, group);
    if (!err)
        return event;
    perf_event_release_kernel(event);
    return ERR_PTR(err);
}

// The same for the task and the group that pid and group_fd mean.
static struct perf_event *create_for(const struct perf_event_attr *attr, s32 pid, s32 cpu,
                                     s32 group_fd, u64 flags)
{
    struct perf_fd group = {0};
    struct perf_event *event = ERR_PTR(-ENODEV);
    if (group_fd != -1 && perf_fd_get(group_fd, &group))
        return ERR_PTR(-EBADF);
    if (!group.event || !perf_event_ended(group.event)) {
        struct task *target = find_target(pid);
        event = IS_ERR(target) ? (void *)target : create(attr, target, cpu, group.event, flags);
        if (target && !IS_ERR(target))
            task_put(target);
    }
    if (group.event)
        perf_fd_put(&group);
    return event;
}

s64 sys_perf_event_open(u64 uattr, s32 pid, s32 cpu, s32 group_fd, u64 flags)
{
    struct perf_event_attr attr;
    if (flags & ~(u64)KNOWN_FLAGS)
        return -EINVAL;
    int err = perf_copy_attr(uattr, &attr);
    if (err)
        return err;
    if (flags & PERF_FLAG_PID_CGROUP) // there are no control groups, so pid names none
        return pid == -1 || cpu == -1 ? -EINVAL : -EBADF;
    struct perf_new_fd new;
    err = perf_fd_reserve(&new, flags & PERF_FLAG_FD_CLOEXEC);
    if (err)
        return err;
    struct perf_event *event = create_for(&attr, pid, cpu, group_fd, flags);
    if (!IS_ERR(event))
        return perf_fd_fill(&new, event);
    perf_fd_give_back(&new);
    return PTR_ERR(event);
}
