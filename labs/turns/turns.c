// Breakpoints that take turns; works on Linux, too. The first argument is the length of a scene in
// ms. Each further one is a scene: letters are events, and letters without a comma between them are
// a group. t: flexible, of this task. c: flexible, of CPU 0. p: pinned, of this task. Each event
// watches a variable of its own, which is written once in each round. A scene that begins with "y"
// gives up the CPU to another task after each round. Prints how many rounds there were, and what
// each event has counted and how long.
#define _GNU_SOURCE
#include "user/bp.h"
#include "user/clock.h"
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_EVENTS 16
#define MAX_SCENES 8

struct values {
    uint64_t count, enabled, running; // the latter in ns
};

volatile long cell[MAX_SCENES][MAX_EVENTS] __attribute__((aligned(4096)));

static int open_event(char kind, volatile long *at, int leader)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, at, 8);
    attr.pinned = kind == 'p';
    attr.disabled = leader < 0;
    attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    return (int)syscall(SYS_perf_event_open, &attr, kind == 'c' ? -1 : 0, kind == 'c' ? 0 : -1,
                        leader, 0ul);
}

// Opens the events of a scene. Returns their number, or -1. At the end the leaders are switched on.
static int open_all(const char *scene, volatile long *at, int *fd)
{
    int leaders[MAX_EVENTS], nr_leaders = 0, n = 0, leader = -1;
    for (; *scene && n < MAX_EVENTS; scene++) {
        if (*scene == ',') {
            leader = -1;
            continue;
        }
        if ((fd[n] = open_event(*scene, &at[n], leader)) < 0)
            return -1;
        if (leader < 0)
            leaders[nr_leaders++] = leader = fd[n];
        n++;
    }
    for (int i = 0; i < nr_leaders; i++)
        ioctl(leaders[i], PERF_EVENT_IOC_ENABLE, 0);
    return n;
}

// Writes each variable once in each round. Returns the number of rounds.
static uint64_t write_all(volatile long *at, int n, uint64_t ns, bool yields)
{
    uint64_t rounds = 0;
    for (uint64_t end = now_ns() + ns; now_ns() < end; rounds++) {
        for (int i = 0; i < n; i++)
            at[i] = (long)rounds;
        if (yields)
            sched_yield();
    }
    return rounds;
}

static pid_t start_other(void)
{
    pid_t pid = fork();
    while (pid == 0)
        sched_yield();
    return pid;
}

static void play(const char *scene, volatile long *at, uint64_t ns)
{
    struct values v[MAX_EVENTS];
    int fd[MAX_EVENTS];
    bool yields = *scene == 'y';
    pid_t other = yields ? start_other() : 0;
    int n = open_all(scene + yields, at, fd);
    if (n < 0) {
        perror(scene);
        exit(1);
    }
    uint64_t rounds = write_all(at, n, ns, yields);
    for (int i = 0; i < n; i++)
        if (read(fd[i], &v[i], sizeof v[i]) != sizeof v[i])
            memset(&v[i], 0, sizeof v[i]);
    printf("scene %s rounds %lu\n", scene, rounds);
    for (int i = 0; i < n; i++) {
        double estimate = v[i].running ? (double)v[i].count * v[i].enabled / v[i].running : 0;
        printf("event %d count %lu enabled %lu running %lu estimate %.0f\n", i, v[i].count,
               v[i].enabled, v[i].running, estimate);
        close(fd[i]);
    }
    if (yields)
        kill(other, SIGKILL);
}

int main(int argc, char **argv)
{
    cpu_set_t first = {{1}};
    sched_setaffinity(0, sizeof first, &first);
    for (int i = 2; i < argc && i - 2 < MAX_SCENES; i++)
        play(argv[i], cell[i - 2], strtoul(argv[1], NULL, 10) * 1000000);
    return 0;
}
