// Work of several CPUs at once. It is measured in time, because instructions do not show waiting. A
// row is the median of a few rounds.
#define _GNU_SOURCE // CPU_SET
#include "test/bench/bench.h"
#include "user/clock.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

#define ROUNDS  9
#define THREADS 4
#define EACH    8   // threads that each thread makes
#define OPENS   200 // of each thread
#define TRIPS   500
#define FORKS   20 // of each CPU

static int nr_cpus;

static void stay_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    need(sched_setaffinity(0, sizeof set, &set) == 0, "a CPU");
}

static void *make_threads(void *arg)
{
    thread_join(EACH);
    return arg;
}

static void *open_close(void *arg)
{
    for (int i = 0; i < OPENS; i++) {
        int fd = bp_open(HW_BREAKPOINT_W, arg, 8);
        need(fd >= 0, "a breakpoint");
        close(fd);
    }
    return arg;
}

// Runs THREADS threads at once, each with its own word.
static void in_threads(void *(*run)(void *))
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        need(pthread_create(&threads[i], NULL, run, (void *)&words[i]) == 0, "a thread");
    for (int i = 0; i < THREADS; i++)
        need(pthread_join(threads[i], NULL) == 0, "its end");
}

static void threads_come_and_go(void)
{
    in_threads(make_threads);
}

static void open_at_once(void)
{
    in_threads(open_close);
}

// Sends a byte to a process on another CPU, and back.
static void round_trips(void)
{
    int to[2], from[2], status;
    char byte;

    need(pipe(to) == 0 && pipe(from) == 0, "pipes");
    pid_t pid = fork();
    if (pid == 0) {
        stay_on(1);
        for (int i = 0; i < TRIPS; i++)
            need(read(to[0], &byte, 1) == 1 && write(from[1], "", 1) == 1, "a byte");
        _exit(0);
    }
    need(pid > 0, "a partner");
    stay_on(0);
    for (int i = 0; i < TRIPS; i++)
        need(write(to[1], "", 1) == 1 && read(from[0], &byte, 1) == 1, "a byte");
    need(waitpid(pid, &status, 0) == pid && status == 0, "its end");
    for (int i = 0; i < 2; i++) {
        close(to[i]);
        close(from[i]);
    }
}

static void fork_here(int cpu)
{
    stay_on(cpu);
    for (int i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        need(pid > 0 && waitpid(pid, NULL, 0) == pid, "a child");
    }
    _exit(0);
}

static void fork_everywhere(void)
{
    int status;

    for (int cpu = 0; cpu < nr_cpus; cpu++) {
        pid_t pid = fork();
        if (pid == 0)
            fork_here(cpu);
        need(pid > 0, "a process");
    }
    for (int cpu = 0; cpu < nr_cpus; cpu++)
        need(wait(&status) > 0 && status == 0, "its end");
}

// Prints the ns for each of the n operations of run().
static void row(const char *name, void (*run)(void), int n)
{
    uint64_t took[ROUNDS];

    run(); // for effects that happen only once
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        run();
        took[i] = (now_ns() - start) / (uint64_t)n;
    }
    report(name, median(took, ROUNDS));
}

void bench_cpus(void)
{
    cpu_set_t all;

    need(sched_getaffinity(0, sizeof all, &all) == 0, "the CPUs");
    nr_cpus = CPU_COUNT(&all);
    row("cpus-threads", threads_come_and_go, THREADS * (1 + EACH));
    row("cpus-open-close", open_at_once, THREADS * OPENS);
    row("cpus-fork", fork_everywhere, nr_cpus * (1 + FORKS));
    row("cpus-pipe", round_trips, TRIPS); // the last one: the caller stays on one CPU
}
