// Inherited events in detail: several generations, groups, changes through the parent's event,
// close and exec.
#include "test/user/bp_test.h"
#include <sys/wait.h>

#define CHILDREN 25 // each has three descendants, and all are alive at once
#define DEPTH    4

static volatile uint64_t word, second;

static int open_inherited(volatile void *addr, int leader)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, addr, 8);

    attr.pinned = 0;
    attr.inherit = 1;
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, leader, 0ul);
}

struct shared {
    volatile int go; // the number of rounds so far allowed
    volatile long made;
    volatile int waiting;
};

// Makes one round of writes each time `go` grows, and ends when it is negative.
static void live(struct shared *s, int depth, int number)
{
    pid_t pid = depth > 1 ? fork() : 0;

    if (depth > 1 && pid == 0) {
        live(s, depth - 1, number + 1);
        _exit(0);
    }
    for (int round = 0; s->go >= 0; round++) {
        __atomic_fetch_add(&s->waiting, 1, __ATOMIC_SEQ_CST);
        while (s->go == round)
            sleep_ms(1);
        if (s->go < 0)
            break;
        for (int i = 0; i < 1 + number % 5; i++)
            store8(&word, 1);
        store8(&second, 1);
        __atomic_fetch_add(&s->made, 1 + number % 5, __ATOMIC_SEQ_CST);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void wait_for_all(struct shared *s, int round)
{
    while (s->waiting < CHILDREN * DEPTH * (round + 1))
        sleep_ms(1);
}

// A hundred forks in four generations. All inherit a group of two.
UTEST_RULES(inherit_tree, "inherit-tree", "exact")
{
    struct shared *s = shared_memory(sizeof *s);
    int fd = open_inherited(&word, -1), sibling = open_inherited(&second, fd);
    long all = CHILDREN * DEPTH;
    pid_t pid[CHILDREN];

    REQUIRE(fd >= 0 && sibling >= 0);
    for (int i = 0; i < CHILDREN; i++)
        if ((pid[i] = fork()) == 0) {
            live(s, DEPTH, i);
            _exit(0);
        }
    wait_for_all(s, 0);
    s->go = 1;
    wait_for_all(s, 1);
    CHECK_EQ(bp_read(fd), s->made); // all are alive
    CHECK_EQ(bp_read(sibling), all);
    long first = s->made;
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP), 0);
    s->go = 2;
    wait_for_all(s, 2);
    CHECK_EQ(bp_read(fd), first);
    CHECK_EQ(bp_read(sibling), all);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP), 0);
    CHECK_EQ(bp_read(fd), 0);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP), 0);
    s->go = 3;
    wait_for_all(s, 3);
    CHECK_EQ(bp_read(fd), first);
    CHECK_EQ(bp_read(sibling), all);
    s->go = -1;
    for (int i = 0; i < CHILDREN; i++)
        waitpid(pid[i], NULL, 0);
    CHECK_EQ(bp_end(fd), first); // the same when all have ended
    CHECK_EQ(bp_end(sibling), all);
}

static void write_word(void *)
{
    store8(&word, 1);
}

// Under these rules the task that holds most counts for every task: nobody else gets a slot. The
// copies do, because they are not refused.
UTEST_RULES(inherit_full, "inherit-full", "2009")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word, 8);
    int fd[BP_REGISTERS];

    attr.inherit = 1;
    for (int i = 0; i < BP_REGISTERS; i++)
        fd[i] = MUST_OPEN(&attr, 0, -1);
    join(spawn(write_word, NULL));
    for (int i = 0; i < BP_REGISTERS; i++)
        CHECK_EQ(bp_end(fd[i]), 1);
}

static int inherited_fd;

static void write_twice(void *arg)
{
    struct gate *gate = arg;

    close(inherited_fd); // only the parent's event remains
    store8(&word, 1);
    gate_open(&gate[0]);
    gate_wait(&gate[1]);
    store8(&word, 1); // one write shows which of the two events counts
    store8(&second, 1);
    store8(&second, 1);
    gate_open(&gate[0]);
    gate_wait(&gate[1]);
}

// A modification of the parent's event changes the copies, and close removes them.
UTEST_HWBP(inherit_modify, "inherit-modify-close")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &second, 8);
    int fd = inherited_fd = open_inherited(&word, -1);
    struct gate gate[2];

    gate_init(&gate[0]);
    gate_init(&gate[1]);
    pid_t pid = spawn(write_twice, gate);
    gate_wait(&gate[0]);
    CHECK_EQ(bp_read(fd), 1);
    attr.pinned = 0;
    attr.inherit = 1;
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr), 0);
    gate_open(&gate[1]);
    gate_wait(&gate[0]);
    CHECK_EQ(bp_read(fd), 3);
    long live = hwbp_sum("hwbp", "live");
    close(fd);
    if (on_dr7())
        CHECK_EQ(hwbp_sum("hwbp", "live"), live - 2); // the child's slot is free, too
    gate_open(&gate[1]);
    join(pid);
}

// If the parent's event is disabled at the fork, the child's copy is, too.
UTEST_HWBP(inherit_state, "inherit-state")
{
    int fd = inherited_fd = open_inherited(&word, -1);
    struct gate gate[2];

    gate_init(&gate[0]);
    gate_init(&gate[1]);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), 0);
    pid_t pid = spawn(write_twice, gate);
    gate_wait(&gate[0]);
    CHECK_EQ(bp_read(fd), 0);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
    gate_open(&gate[1]);
    gate_wait(&gate[0]);
    gate_open(&gate[1]);
    join(pid);
    CHECK_EQ(bp_end(fd), 1);
}

// ---- exec: exec_self("bp") writes twice and exits with the count ----

extern volatile long bp_across_exec;

struct exec_case {
    unsigned enable : 1, remove : 1, disabled : 1, inherited : 1;
    int want;
};

static void exec_with(void *arg)
{
    const struct exec_case *c = arg;
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &bp_across_exec, 8);
    char number[12];

    attr.pinned = 0;
    attr.enable_on_exec = c->enable;
    attr.remove_on_exec = c->remove;
    attr.disabled = c->disabled;
    attr.inherit = c->inherited;
    int fd = MUST_OPEN(&attr, 0, -1);
    bp_across_exec = 1;               // before the fork, because the child may read the sum first
    if (c->inherited && fork() > 0) { // the child executes, with a copy
        int status;
        wait(&status);
        CHECK_EQ(status, c->want << 8);
        CHECK_EQ(bp_read(fd), c->want);
        _exit(c->want);
    }
    snprintf(number, sizeof number, "%d", fd);
    exec_self("bp", number, (char *[]){NULL});
}

UTEST_HWBP(exec_events, "exec-events")
{
    static const struct exec_case cases[] = {
        {.want = 3},
        {.disabled = 1, .want = 0},
        {.disabled = 1, .enable = 1, .want = 2},
        {.enable = 1, .want = 3},
        {.remove = 1, .want = 1},
        {.inherited = 1, .want = 3},              // the parent's write and the copy's two
        {.inherited = 1, .remove = 1, .want = 1}, // only the parent's
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = wait_for(spawn(exec_with, (void *)&cases[i]));
        if (status != cases[i].want << 8)
            utest_fail(__FILE__, __LINE__, "case %zu: status %#x, want count %d", i, status,
                       cases[i].want);
    }
}

// An event that exec has removed stays removed, whatever ioctl it gets, and is not inherited.
static void removed(void *arg)
{
    int *fd = arg;
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &bp_across_exec, 8);
    char number[12];

    attr.pinned = 0;
    attr.remove_on_exec = 1;
    *fd = bp_open_attr(&attr, 0, -1);
    bp_across_exec = 1;
    snprintf(number, sizeof number, "%d", *fd);
    exec_self("bp-enable", number, (char *[]){NULL});
}

UTEST_HWBP(exec_removed, "exec-removed-for-ever")
{
    int fd;

    CHECK_EQ(wait_for(spawn(removed, &fd)), 1 << 8);
}

// A tick may give a register to another flexible event in the middle of a fork. Still, each event
// is copied once.
UTEST_RULES(inherit_turns, "inherit-while-turning", "exact")
{
    enum { EVENTS = 40 };
    long forks = scaled(300);
    int end[2], wrong = 0;
    char byte;

    for (int i = 0; i < EVENTS; i++)
        REQUIRE(open_inherited(&word, -1) >= 0);
    for (long n = 0; n < forks; n++) {
        REQUIRE(pipe(end) == 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(end[1]);
            _exit((int)read(end[0], &byte, 1)); // waits until the other end is closed
        }
        wrong += hwbp_sum("hwbp", "live") != 2 * EVENTS;
        close(end[0]);
        close(end[1]);
        waitpid(pid, NULL, 0);
    }
    CHECK_EQ(wrong, 0);
}
