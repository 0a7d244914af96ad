// Breakpoints and the life of tasks: fork, exec, exit, other tasks.
#include "test/user/bp_test.h"
#include <signal.h>
#include <sys/wait.h>

static volatile uint64_t v[4];

static void store_hundred(void *)
{
    for (int i = 0; i < 100; i++)
        store8(&v[0], (uint64_t)i);
}

// A child inherits the descriptor, but not the breakpoint.
UTEST_HWBP(bp_fork, "bp-fork")
{
    int fd = bp_must(HW_BREAKPOINT_W, &v[0], 8);

    store8(&v[0], 1);
    for (int i = 0; i < 5; i++) {
        pid_t pid = spawn(store_hundred, NULL);
        store8(&v[0], 2);
        join(pid);
    }
    CHECK_EQ(bp_end(fd), 6);
}

static void close_and_exit(void *arg)
{
    close(*(int *)arg);
}

// The event lives until its last descriptor is closed, in whichever process.
UTEST_HWBP(bp_fork_fd, "bp-fork-descriptor")
{
    int fd = bp_must(HW_BREAKPOINT_W, &v[0], 8);
    struct gate g;

    join(spawn(close_and_exit, &fd));
    store8(&v[0], 1);
    CHECK_EQ(bp_read(fd), 1);
    gate_init(&g);
    pid_t pid = fork();
    if (pid == 0) {
        gate_wait(&g); // the parent has closed its own
        _exit((int)bp_read(fd));
    }
    close(fd);
    store8(&v[0], 1);
    gate_open(&g);
    CHECK_EQ(wait_for(pid), 2 << 8);
}

extern volatile long bp_across_exec;

static void watch_and_exec(void *)
{
    char fd[16];
    snprintf(fd, sizeof fd, "%d", bp_must(HW_BREAKPOINT_W, &bp_across_exec, sizeof(long)));
    for (int i = 0; i < 3; i++)
        store8(&bp_across_exec, 1);
    exec_self("bp", fd, (char *[]){NULL});
}

// execve of the same binary leaves the variable at the same address: 3 stores before, 2 after.
UTEST_HWBP(bp_exec, "bp-exec")
{
    CHECK_EQ(wait_for(spawn(watch_and_exec, NULL)), 5 << 8);
}

static void take_four(void *)
{
    for (int i = 0; i < BP_REGISTERS; i++)
        bp_must(HW_BREAKPOINT_W, &v[i], 8);
    store8(&v[0], 1);
}

static void take_four_and_wait(void *arg)
{
    struct gate *g = arg;
    take_four(NULL);
    gate_open(g);
    for (;;)
        store8(&v[3], 1);
}

// Slots come back, no matter how their holder ends.
UTEST_HWBP(bp_exit, "bp-exit")
{
    struct gate g;

    gate_init(&g);
    for (long i = 0; i < scaled(50); i++) {
        join(spawn(take_four, NULL));
        take_four(NULL); // all four are free again
        for (int fd = 0; fd < 64; fd++) {
            uint64_t id;
            if (ioctl(fd, PERF_EVENT_IOC_ID, &id) == 0)
                close(fd);
        }
        pid_t pid = spawn(take_four_and_wait, &g);
        gate_wait(&g);
        kill(pid, SIGKILL);
        CHECK_EQ(wait_for(pid), SIGKILL);
    }
}

struct other {
    struct gate start, done;
};

static void store_on_demand(void *arg)
{
    struct other *o = arg;
    for (int round = 0; round < 2; round++) {
        gate_wait(&o->start);
        store_hundred(NULL);
        gate_open(&o->done);
    }
}

// The breakpoint of another task, set while it sleeps; the count stays readable when that task is
// gone.
UTEST_HWBP(bp_other, "bp-other-task")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v[0], 8);
    struct other o;

    gate_init(&o.start);
    gate_init(&o.done);
    pid_t pid = spawn(store_on_demand, &o);
    int fd = MUST_OPEN(&attr, pid, -1);
    store_hundred(NULL); // the parent's stores do not count
    CHECK_EQ(bp_read(fd), 0);
    gate_open(&o.start);
    gate_wait(&o.done);
    CHECK_EQ(bp_read(fd), 100);
    gate_open(&o.start);
    join(pid);
    CHECK_EQ(bp_end(fd), 200);
}

static void store_until(void *arg)
{
    volatile uint64_t *shared = arg; // [0] stop, [1] stores made
    while (!shared[0]) {
        store8(&v[0], 1);
        shared[1]++;
    }
}

// A breakpoint of a task that is running on another CPU: open, disable, enable and close take
// effect there.
UTEST_HWBP(bp_running, "bp-running-task")
{
    volatile uint64_t *shared = shared_memory(4096);
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v[0], 8);
    pid_t pid = spawn(store_until, (void *)shared);

    while (shared[1] == 0)
        sleep_ms(1);
    for (long i = 0; i < scaled(30); i++) {
        uint64_t before = shared[1];
        int fd = MUST_OPEN(&attr, pid, -1);
        sleep_ms(2);
        CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), 0);
        int64_t count = bp_read(fd);
        uint64_t after = shared[1];
        CHECK(count >= 0 && (uint64_t)count <= after - before + 2);
        sleep_ms(1);
        CHECK_EQ(bp_read(fd), count);
        CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
        for (int tries = 0; bp_read(fd) == count && tries < 1000; tries++)
            sleep_ms(1);
        CHECK(bp_read(fd) > count);
        close(fd);
    }
    shared[0] = 1;
    join(pid);
}
