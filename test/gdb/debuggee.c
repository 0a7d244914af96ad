// debuggee: the program that test/gdbserver.py debugs with gdb. With an argument it does other
// things: "exec" runs it once more, "many" has THREADS threads that wait, "stores" stores for ever.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 200

volatile long counter, seen;
volatile char wide[24] __attribute__((aligned(8)));
volatile int shared, pid;

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
    pid_t child = fork();

    if (child == 0)
        _exit(twice(2));
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

static pthread_barrier_t barrier;

static void *wait_long(void *)
{
    __atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
}

void all_there(void)
{
}

static int many(void)
{
    pthread_t t;

    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&t, NULL, wait_long, NULL))
            return 1;
    pthread_barrier_wait(&barrier);
    all_there();
    return 6;
}

void store(void)
{
    counter++;
}

static int other(char **argv)
{
    if (strcmp(argv[1], "many") == 0)
        return many();
    pid = getpid();
    while (strcmp(argv[1], "stores") == 0)
        store();
    if (strcmp(argv[1], "exec") == 0)
        execl(argv[0], argv[0], "again", NULL);
    return 5;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return other(argv);
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
