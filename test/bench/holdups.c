// The longest time in which the kernel held up its CPU, with interrupts or preemption off. Debug
// builds measure it (/proc/holdups). It is in instructions, so it is exact under load.
#include "test/bench/bench.h"

#include <dirent.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define FILE_NAME "/proc/holdups"
#define AREAS     10000
#define THREADS   1000
#define WAITERS   2000
#define PROCESSES 500
#define HOLDERS   10
#define EVENTS    200        // of each of them
#define TURN_NS   100000000l // in which flexible events have turns
#define STACK     (64 << 10)
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

// Every other page is a separate area.
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

// Queues the largest number of signals. The last one is taken first, then the others are dropped at
// once.
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

static void *wait_on_word(void *word)
{
    while (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, NULL) != 0)
        continue;
    return NULL;
}

static void start_threads(int n, void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;

    need(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK) == 0, "attr");
    while (n--)
        need(pthread_create(&thread, &attr, run, arg) == 0, "a thread");
}

static void list(const char *path)
{
    DIR *dir = opendir(path);

    need(dir, path);
    while (readdir(dir))
        continue;
    closedir(dir);
}

// The threads are listed, and end with their process.
static void exit_with_threads(void)
{
    static uint32_t word;

    start_threads(THREADS, wait_on_word, &word);
    list("/proc");
    list("/proc/self/task");
}

// A signal to a process whose threads all block it.
static void signal_blocked_by_all(void)
{
    static uint32_t word;
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    sigprocmask(SIG_BLOCK, &one, NULL);
    start_threads(THREADS, wait_on_word, &word);
    need(kill(getpid(), SIGUSR1) == 0, "kill");
}

static void wake_threads(void)
{
    static uint32_t word;
    long woken = 0;

    start_threads(WAITERS, wait_on_word, &word);
    while (woken < WAITERS)
        woken += syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

// A process with many threads that stops, goes on and is killed.
static void stop_threads(void)
{
    static uint32_t word;
    int ready[2], status;
    char byte = 0;

    need(pipe(ready) == 0, "a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        start_threads(THREADS, wait_on_word, &word);
        need(write(ready[1], &byte, 1) == 1, "a byte");
        wait_on_word(&word);
    }
    need(pid > 0 && read(ready[0], &byte, 1) == 1, "its threads");
    for (int i = 0; i < 2; i++) {
        need(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid, "the stop");
        need(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid, "SIGCONT");
    }
    need(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid, "SIGKILL");
}

// Half of the processes are killed. The others read the end of a pipe when their parent has ended.
static void many_processes(void)
{
    int end[2];
    char byte;
    pid_t group = 0;

    need(pipe(end) == 0, "a pipe");
    for (int i = 0; i < 2 * PROCESSES; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            close(end[1]);
            _exit(read(end[0], &byte, 1) != 0);
        }
        group = group ? group : pid;
        need(pid > 0 && (i >= PROCESSES || setpgid(pid, group) == 0), "a process");
    }
    need(kill(-1, SIGCONT) == 0 && kill(-group, SIGTERM) == 0, "kill");
    for (int i = 0; i < PROCESSES; i++)
        need(wait(NULL) > 0, "an end");
}

static void *sleep_until(void *when)
{
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, when, NULL);
    return NULL;
}

// All sleepers wake up at the same time.
static void many_sleepers(void)
{
    static struct timespec when;

    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec++;
    start_threads(THREADS, sleep_until, &when);
    sleep_until(&when);
    sleep_until(&(struct timespec){when.tv_sec + 1, 0});
}

static void hold_events(int ready)
{
    for (int i = 0; i < EVENTS; i++) {
        struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &words[0], 8);
        attr.pinned = 0;
        need(bp_open_attr(&attr, -1, 0) >= 0, "a flexible event");
    }
    need(write(ready, "", 1) == 1, "a byte");
    for (;;)
        pause();
}

// Many flexible events of a CPU take turns.
static void many_events(void)
{
    pid_t holder[HOLDERS];
    int ready[2];
    char byte;

    need(pipe(ready) == 0, "a pipe");
    for (int i = 0; i < HOLDERS; i++) {
        holder[i] = fork();
        if (holder[i] == 0)
            hold_events(ready[1]);
        need(holder[i] > 0 && read(ready[0], &byte, 1) == 1, "its events");
    }
    nanosleep(&(struct timespec){0, TURN_NS}, NULL);
    for (int i = 0; i < HOLDERS; i++)
        need(kill(holder[i], SIGKILL) == 0 && waitpid(holder[i], NULL, 0) == holder[i], "its end");
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
    row("holdup-exit", exit_with_threads);
    row("holdup-wake", wake_threads);
    row("holdup-stop", stop_threads);
    row("holdup-blocked", signal_blocked_by_all);
    row("holdup-processes", many_processes);
    row("holdup-sleepers", many_sleepers);
    row("holdup-events", many_events);
}
