// Processes, threads and programs that come and go.
#include "test/bench/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>

#define SMALL_PROGRAM "/again"

static void fork_wait(int n)
{
    int status;

    while (n--) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "a child");
    }
}

static void *nothing(void *arg)
{
    return arg;
}

void thread_join(int n)
{
    pthread_t thread;

    while (n--) {
        need(pthread_create(&thread, NULL, nothing, NULL) == 0, "a thread");
        need(pthread_join(thread, NULL) == 0, "its end");
    }
}

// A child executes a small program that executes itself again, n times.
static void program_chain(int n)
{
    char number[16];
    char *argv[] = {SMALL_PROGRAM, number, NULL};
    int status;

    snprintf(number, sizeof number, "%d", n - 1);
    pid_t pid = fork();
    if (pid == 0) {
        execv(argv[0], argv);
        _exit(1);
    }
    need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, SMALL_PROGRAM);
}

void bench_tasks(void)
{
    measure("fork-wait-0", fork_wait, 10);
    measure("thread-join-0", thread_join, 10);
    open_words(0, BP_REGISTERS, true);
    measure("fork-wait-4", fork_wait, 10);
    measure("thread-join-4", thread_join, 10);
    close_words();
    measure("exec", program_chain, 20); // one in twenty follows a fork()
}
