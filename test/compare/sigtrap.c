// Five threads under one inherited event with sigtrap: each access is one synchronous signal for
// the thread that made it, with the event's data.
#include "user/bp.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#define THREADS   5
#define ROUNDS    3000
#define TRAP_DATA 0x1234567890ull
#define TRAP_CODE 6 // TRAP_PERF

static volatile long watched;
static volatile int sum, wrong_thread, wrong_place;
static pthread_barrier_t start;
static _Thread_local volatile int mine;

// What the C library does not name: after si_addr stand the event's data and its type.
struct perf_info {
    int signo, error, code, pad;
    void *addr;
    unsigned long data;
    uint32_t type;
};

static struct perf_info first;

static void on_trap(int, siginfo_t *info, void *)
{
    if (__atomic_fetch_add(&sum, 1, __ATOMIC_RELAXED) == 0)
        memcpy(&first, info, sizeof first);
    if (info->si_addr != (void *)&watched)
        wrong_place++;
    mine++;
}

static void *work(void *)
{
    pthread_barrier_wait(&start);
    for (int i = 0; i < ROUNDS; i++) {
        watched = i;
        if (mine != i + 1)
            __atomic_fetch_add(&wrong_thread, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_RW, &watched, sizeof watched);
    pthread_t threads[THREADS];

    sigaction(SIGTRAP, &sa, NULL);
    attr.pinned = 0;
    attr.disabled = 1;
    attr.sample_period = 1;
    attr.inherit = 1;
    attr.inherit_thread = 1;
    attr.remove_on_exec = 1;
    attr.sigtrap = 1;
    attr.sig_data = TRAP_DATA;
    int fd = bp_open_attr(&attr, 0, -1);
    pthread_barrier_init(&start, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    printf("enable: %d\n", ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
    pthread_barrier_wait(&start);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("disable: %d\n", ioctl(fd, PERF_EVENT_IOC_DISABLE, 0));
    printf("signals %d of %d, counted %lld, not at once %d, elsewhere %d\n", sum, THREADS * ROUNDS,
           (long long)bp_read(fd), wrong_thread, wrong_place);
    printf("code %d of %d, type %u, data %#lx, address %s\n", first.code, TRAP_CODE, first.type,
           first.data, first.addr == (void *)&watched ? "right" : "wrong");
    return 0;
}
