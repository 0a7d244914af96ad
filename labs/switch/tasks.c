// Tasks that write one variable, each with a watchpoint of its own; works on Linux, too. Each
// argument is a task: the first letter of its name, and how often it writes. Between two writes a
// task gives up the CPU or moves to the next one. One more task writes and is not watched. Prints
// what was counted for each.
#define _GNU_SOURCE
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS  16
#define UNSEEN "t40" // the task that is not watched

static volatile long cell; // after fork, each task has its own
static volatile long *named;

static void disturb(int i)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(i % sysconf(_SC_NPROCESSORS_ONLN), &one);
    if (i % 3 == 0)
        sched_setaffinity(0, sizeof(one), &one);
    else
        sched_yield();
}

// Writes when the byte comes. It sleeps first, so that it leaves its CPU while it is watched.
static void task(int number, const char *what, int start)
{
    char name[] = {what[0], 't', 'a', 's', 'k', 0};
    prctl(PR_SET_NAME, name);
    __atomic_fetch_add(named, 1, __ATOMIC_SEQ_CST);
    if (read(start, name, 1) != 1)
        _exit(1);
    usleep(1000);
    for (int i = 0; i < atoi(what + 1); i++) {
        cell = i;
        disturb(i + number);
    }
    _exit(0);
}

static int watch(pid_t pid)
{
    struct perf_event_attr a = {.type = PERF_TYPE_BREAKPOINT,
                                .size = sizeof(a),
                                .pinned = 1,
                                .bp_type = HW_BREAKPOINT_W,
                                .bp_addr = (long)&cell,
                                .bp_len = 8};
    return syscall(SYS_perf_event_open, &a, pid, -1, -1, 0);
}

static long long count_of(int fd)
{
    long long count;
    return read(fd, &count, sizeof(count)) == sizeof(count) ? count : -1;
}

int main(int argc, char **argv)
{
    int start[2], fd[TASKS], tasks = argc - 1;
    pid_t pid[TASKS];
    named = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pipe(start) < 0)
        return 1;
    for (int i = 0; i <= tasks; i++)
        if ((pid[i] = fork()) == 0)
            task(i, i < tasks ? argv[i + 1] : UNSEEN, start[0]);
    while (*named <= tasks)
        sched_yield();
    for (int i = 0; i < tasks; i++)
        fd[i] = watch(pid[i]);
    if (write(start[1], argv, tasks + 1) != tasks + 1)
        return 1;
    while (wait(NULL) > 0)
        continue;
    printf("counted:");
    for (int i = 0; i < tasks; i++)
        printf(" %lld", count_of(fd[i]));
    printf("\n");
    return 0;
}
