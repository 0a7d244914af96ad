// A thread that comes and goes among many others, which wait.
#include "test/bench/bench.h"

#include <pthread.h>
#include <stdlib.h>

#define FEW   250
#define MANY  4000
#define STACK (64 << 10)

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *wait_at_gate(void *arg)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return arg;
}

void bench_many(void)
{
    pthread_t *threads = calloc(MANY, sizeof *threads);
    pthread_attr_t attr;
    int n = 0;

    need(threads, "memory");
    need(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK) == 0, "attr");
    pthread_mutex_lock(&gate);
    for (; n < FEW; n++)
        need(pthread_create(&threads[n], &attr, wait_at_gate, NULL) == 0, "a thread");
    measure("thread-among-250", thread_join, 10);
    for (; n < MANY; n++)
        need(pthread_create(&threads[n], &attr, wait_at_gate, NULL) == 0, "a thread");
    measure("thread-among-4000", thread_join, 10);
    pthread_mutex_unlock(&gate);
    while (n > 0)
        need(pthread_join(threads[--n], NULL) == 0, "its end");
    free(threads);
}
