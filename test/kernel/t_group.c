// Groups: bound to one CPU, and of the largest size.
#include "linux/perf/perf.h"
#include "linux/perf/sample.h"
#include "perf/context.h"
#include "test/kernel/bp_test.h"

static volatile u64 pair[2];

// Of a task on this CPU, or of the CPU: leader and sibling are placed together.
static void count_on(int cpu, struct task *task)
{
    struct perf_event *member[2];
    for (int i = 0; i < 2; i++) {
        struct perf_event_attr attr = bp_attr(&pair[i], HW_BREAKPOINT_W, 8);
        struct perf_request r = {.attr = &attr, .cpu = cpu, .task = task};
        attr.pinned = i == 0;
        r.leader = i ? member[0] : NULL;
        member[i] = perf_event_create(&r);
    }
    pair[0] = pair[1] = 1;
    EXPECT_EQ(bp_close(member[1]), 1);
    EXPECT_EQ(bp_close(member[0]), 1);
}

KTEST_HWBP(group_bound, "group-on-one-cpu", "exact")
{
    int cpu = nr_cpus - 1;
    EXPECT_EQ(sched_set_affinity(current_task(), BIT(cpu)), 0);
    count_on(cpu, current_task());
    count_on(cpu, NULL);
    EXPECT_EQ(sched_set_affinity(current_task(), CPUMASK_ALL), 0);
}

// Many tasks ask at once to join one group. The limit holds although all have passed the first
// check.
#define ASKED (PERF_SAMPLE_GROUP_MAX + 8)

struct asker {
    struct perf_request request;
    struct perf_event *event;
};

static void ask(void *arg)
{
    struct asker *a = arg;
    a->event = perf_event_create(&a->request);
}

// All requests have passed the checks that need no mutex, and now wait for the mutex.
static void ask_together(struct asker *askers, struct perf_event *leader)
{
    struct task *task[ASKED];
    mutex_lock(&perf_mutex);
    for (u32 i = 0; i < ASKED; i++) {
        askers[i].request = (struct perf_request){
            .attr = &leader->attr, .cpu = -1, .task = current_task(), .leader = leader};
        task[i] = kthread_create("asker", ask, &askers[i], CPUMASK_ALL);
    }
    while (ktest_waiting(&perf_mutex) < ASKED)
        schedule();
    mutex_unlock(&perf_mutex);
    for (u32 i = 0; i < ASKED; i++) {
        task_join(task[i]);
        task_put(task[i]);
    }
}

// A sibling's descriptor changes its whole group. Meanwhile the leader is closed: then the sibling
// is a group of its own, and the old leader may be gone.
static void disable_group(void *sibling)
{
    EXPECT_EQ(perf_event_ioctl(sibling, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP), 0);
}

KTEST_HWBP(group_leader, "group-leader-leaves", NULL)
{
    struct perf_event_attr attr = bp_attr(&pair[0], HW_BREAKPOINT_W, 8);
    struct perf_request r = {.attr = &attr, .cpu = -1, .task = current_task()};
    attr.pinned = 0;
    struct perf_event *leader = r.leader = perf_event_create(&r);
    struct perf_event *sibling = perf_event_create(&r);
    mutex_lock(&perf_mutex);
    struct task *t = kthread_create("disables", disable_group, sibling, CPUMASK_ALL);
    while (!ktest_waiting(&perf_mutex))
        schedule();
    perf_detach(leader);
    EXPECT(list_empty(&leader->siblings));
    mutex_unlock(&perf_mutex);
    task_join(t);
    task_put(t);
    EXPECT_EQ(sibling->state, PERF_OFF);
    perf_event_free(leader);
    perf_event_release_kernel(sibling);
}

// A sibling that has left has nothing to do with its leader, which may go first.
KTEST_HWBP(group_sibling, "group-sibling-leaves", NULL)
{
    struct perf_event_attr attr = bp_attr(&pair[0], HW_BREAKPOINT_W, 8);
    struct perf_request r = {.attr = &attr, .cpu = -1, .task = current_task()};
    struct perf_event *leader = r.leader = perf_event_create(&r);
    attr.pinned = 0;
    struct perf_event *sibling = perf_event_create(&r);
    mutex_lock(&perf_mutex);
    perf_detach(sibling);
    EXPECT_EQ((u64)sibling->leader, (u64)sibling);
    mutex_unlock(&perf_mutex);
    perf_event_release_kernel(leader);
    perf_event_free(sibling);
}

KTEST(group_limit, "group-limit-at-once", NULL)
{
    static struct asker askers[ASKED];
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY};
    struct perf_event *leader =
        perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL);
    u32 joined = 0, refused = 0;
    ask_together(askers, leader);
    for (u32 i = 0; i < ASKED; i++) {
        joined += !IS_ERR(askers[i].event);
        refused += IS_ERR(askers[i].event) && PTR_ERR(askers[i].event) == -E2BIG;
    }
    EXPECT_EQ(joined, PERF_SAMPLE_GROUP_MAX - 1);
    EXPECT_EQ(refused, ASKED - joined);
    EXPECT_EQ(leader->nr_siblings, joined);
    for (u32 i = 0; i < ASKED; i++)
        if (!IS_ERR(askers[i].event))
            perf_event_release_kernel(askers[i].event);
    EXPECT_EQ(leader->nr_siblings, 0);
    perf_event_release_kernel(leader);
}
