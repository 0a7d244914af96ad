// Opening and closing a breakpoint while many other tasks hold some: on several CPUs, in time.
#include "test/bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#define MANY  50
#define TRIES 400

// Starts tasks that hold four breakpoints each and sleep; they are group `group`, or a new one.
static pid_t sleepers(pid_t group, int n)
{
    int ready[2];
    char byte = 0;

    need(pipe(ready) == 0, "pipe");
    for (int i = 0; i < n; i++) {
        pid_t pid = fork();
        need(pid >= 0, "fork");
        if (pid == 0) {
            open_words(0, BP_REGISTERS, false);
            call3(SYS_write, ready[1], (long)&byte, 1);
            for (;;)
                pause();
        }
        group = group ? group : pid;
        need(setpgid(pid, group) == 0, "setpgid");
        need(read(ready[0], &byte, 1) == 1, "a sleeper");
    }
    close(ready[0]);
    close(ready[1]);
    return group;
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// Nanoseconds: the shortest of many tries, for the host may delay any of them.
static uint64_t open_close(void)
{
    uint64_t best = ~0ull;

    for (int i = 0; i < TRIES; i++) {
        uint64_t start = now();
        for (int j = 0; j < MANY; j++) {
            int fd = bp_open(HW_BREAKPOINT_W, &words[0], 8);
            need(fd >= 0, "a breakpoint");
            close(fd);
        }
        uint64_t took = (now() - start) / MANY;
        best = took < best ? took : best;
    }
    return best;
}

void bench_beside(void)
{
    static const int counts[] = {1, 16, 256, 1024};
    pid_t group = 0;
    int there = 0, left;
    char row[32];

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        group = sleepers(group, counts[i] - there);
        there = counts[i];
        snprintf(row, sizeof row, "beside-%d", there);
        report(row, open_close());
    }
    kill(-group, SIGKILL);
    for (left = there; left && waitpid(-group, NULL, 0) > 0; left--)
        continue;
    need(left == 0, "the sleepers' end");
}
