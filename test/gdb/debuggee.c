// debuggee: what test/gdbserver.py looks at with gdb.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

volatile long counter, seen;
volatile char wide[24] __attribute__((aligned(8)));
volatile int shared;

int twice(int x)
{
    return 2 * x;
}

static long sum_to(int n)
{
    volatile long sum = 0;

    for (int i = 1; i <= n; i++)
        sum += i;
    return sum;
}

static void on_signal(int)
{
    counter = 100;
}

static void *add_one(void *)
{
    __atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void run_threads(void)
{
    pthread_t t[3];

    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, add_one, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
}

static int child_status(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(twice(2));
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

int main(void)
{
    signal(SIGUSR1, on_signal);
    for (int i = 1; i <= 4; i++)
        counter = i;
    seen = counter;
    sum_to(2);
    wide[0] = wide[9] = wide[19] = 1;
    raise(SIGUSR1);
    run_threads();
    printf("child %d\n", child_status());
    return 3;
}
