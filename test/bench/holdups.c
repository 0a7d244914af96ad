// The longest stretch in which the kernel held up its CPU, with interrupts or preemption off, as
// debug builds measure it (/proc/holdups): in instructions, so it is exact under load.
#include "test/bench/bench.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define FILE_NAME "/proc/holdups"
#define AREAS     10000
#define PAGE      4096ul
#define BASE      0x100000000ul

static void set(const char *word)
{
    FILE *f = fopen(FILE_NAME, "w");

    need(f && fputs(word, f) >= 0 && fclose(f) == 0, FILE_NAME);
}

static uint64_t longest(void)
{
    char line[256];
    unsigned long long most = 0, ns;
    FILE *f = fopen(FILE_NAME, "r");

    need(f, FILE_NAME);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "%*[a-z]-off %llu", &ns) == 1 && ns > most)
            most = ns;
    fclose(f);
    return most;
}

// Every other page is an area of its own.
static void many_areas(void)
{
    static char text[PAGE];
    FILE *maps = fopen("/proc/self/maps", "r");

    for (unsigned long i = 0; i < AREAS; i++)
        need(mmap((void *)(BASE + i * 2 * PAGE), PAGE, PROT_READ,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
             "an area");
    need(maps && fread(text, 1, sizeof text, maps) == sizeof text, "maps");
}

// As many as may be queued; the last one is taken first, then the others are forgotten at once.
static void many_signals(void)
{
    const struct timespec now = {0, 0};
    sigset_t all, last;

    sigfillset(&all);
    sigemptyset(&last);
    sigaddset(&last, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &all, NULL);
    while (sigqueue(getpid(), SIGRTMIN, (union sigval){0}) == 0)
        continue;
    sigtimedwait(&last, NULL, &now);
    signal(SIGRTMIN, SIG_IGN);
}

static void row(const char *name, void (*child_does)(void))
{
    int status;

    set("on");
    pid_t pid = fork();
    if (pid == 0) {
        child_does();
        _exit(0);
    }
    need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, name);
    set("off");
    report(name, longest());
}

void bench_holdups(void)
{
    if (access(FILE_NAME, F_OK) != 0)
        return;
    row("holdup-areas", many_areas);
    row("holdup-signals", many_signals);
}
