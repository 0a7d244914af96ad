// Tasks that write one variable, which each of them watches; works on Linux, too. The arguments say
// how often each writes. Between two writes a task gives up the CPU or moves to the next one. The
// last task watches nothing. Prints what each has counted.
#define _GNU_SOURCE
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASKS  16
#define UNSEEN 40 // writes of the task that watches nothing

static volatile long cell; // after fork, each task has its own
static volatile struct {
    long ready, count[TASKS];
} * shared;

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

static void task(int number, int writes, int tasks)
{
    struct perf_event_attr a = {.type = PERF_TYPE_BREAKPOINT,
                                .size = sizeof(a),
                                .pinned = 1,
                                .bp_type = HW_BREAKPOINT_W,
                                .bp_addr = (long)&cell,
                                .bp_len = 8};
    int fd = number + 1 < tasks ? syscall(SYS_perf_event_open, &a, 0, -1, -1, 0) : -1;
    long long count = -1;
    __atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
    while (shared->ready < tasks)
        sched_yield();
    for (int i = 0; i < writes; i++) {
        cell = i;
        disturb(i + number);
    }
    if (fd >= 0 && read(fd, &count, sizeof(count)) != sizeof(count))
        count = -2;
    shared->count[number] = count;
    _exit(0);
}

int main(int argc, char **argv)
{
    int tasks = argc;
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < tasks; i++)
        if (fork() == 0)
            task(i, i + 1 < tasks ? atoi(argv[i + 1]) : UNSEEN, tasks);
    while (wait(NULL) > 0)
        continue;
    printf("counted:");
    for (int i = 0; i + 1 < tasks; i++)
        printf(" %ld", shared->count[i]);
    printf("\n");
    return 0;
}
