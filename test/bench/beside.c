// Opens and closes a breakpoint while many other tasks have some: on several CPUs, in time.
#include "test/bench/bench.h"
#include "user/clock.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define MANY  50
#define TRIES 400
#define MOST  1024 // sleepers

// Tasks that sleep. Each opens four breakpoints when it reads a byte from `go`, and then writes to
// `ready`. They are one process group. All exist from the start, so that rows differ in nothing
// else: the place of the kernel's data changes the misses of the emulator's small TLB.
struct sleepers {
    pid_t group;
    int go[2], ready[2];
};

static void sleeper(const struct sleepers *s)
{
    char byte;

    need(read(s->go[0], &byte, 1) == 1, "the word to begin");
    open_words(0, BP_REGISTERS, false);
    call3(SYS_write, s->ready[1], (long)&byte, 1);
    for (;;)
        pause();
}

static void start_sleepers(struct sleepers *s)
{
    s->group = 0;
    need(pipe(s->go) == 0 && pipe(s->ready) == 0, "pipes");
    for (int i = 0; i < MOST; i++) {
        pid_t pid = fork();
        need(pid >= 0, "fork");
        if (pid == 0)
            sleeper(s);
        s->group = s->group ? s->group : pid;
        need(setpgid(pid, s->group) == 0, "setpgid");
    }
}

static void one_more(const struct sleepers *s)
{
    char byte = 0;

    need(write(s->go[1], &byte, 1) == 1 && read(s->ready[0], &byte, 1) == 1, "a sleeper");
}

// Nanoseconds: the shortest of many tries, because the host may delay any of them.
static uint64_t open_close(void)
{
    uint64_t best = ~0ull;

    for (int i = 0; i < TRIES; i++) {
        uint64_t start = now_ns();
        for (int j = 0; j < MANY; j++) {
            int fd = bp_open(HW_BREAKPOINT_W, &words[0], 8);
            need(fd >= 0, "a breakpoint");
            close(fd);
        }
        uint64_t took = (now_ns() - start) / MANY;
        best = took < best ? took : best;
    }
    return best;
}

void bench_beside(void)
{
    static const int counts[] = {1, 16, 256, MOST};
    struct sleepers s;
    int there = 0;
    char row[32];

    start_sleepers(&s);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (; there < counts[i]; there++)
            one_more(&s);
        snprintf(row, sizeof row, "beside-%d", there);
        report(row, open_close());
    }
    kill(-s.group, SIGKILL);
    while (there > 0 && waitpid(-s.group, NULL, 0) > 0)
        there--;
    need(there == 0, "the sleepers' end");
}
