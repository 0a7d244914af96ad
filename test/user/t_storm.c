// switch-storm: many tasks watch the same virtual address, each in its own memory, under forced
// preemption and migration. Each access counts for the task that made it. A task without a
// breakpoint there never traps.
#include "test/user/bp_test.h"
#include <sched.h>

#define TASKS_PER_CPU 8
#define MAX_CPUS      4
#define MAX_TASKS     (TASKS_PER_CPU * MAX_CPUS)
#define SWITCHES      20000
#define LIMIT_MS      200000

static volatile uint64_t cell[BP_REGISTERS] __attribute__((aligned(64)));
static volatile uint64_t elsewhere;

struct storm {
    volatile bool go, stop;
    int cpus;
    struct {
        volatile bool ready, done;
        volatile long accesses, hits, stray;
    } task[MAX_TASKS];
};
static struct storm *storm;

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

// Makes the scheduler act: gives up the CPU, moves, sleeps, or uses up the slice.
static void disturb(uint32_t *random)
{
    uint32_t r = next_random(random) % 32;

    if (r < 20)
        sched_yield();
    else if (r < 28)
        pin_to_cpu((int)(next_random(random) % (uint32_t)storm->cpus));
    else if (r < 30)
        sleep_ms(1);
    else
        for (volatile int i = 0; i < 20000; i++)
            continue;
}

// Task 0 is the control. It watches another place, stores to all cells, and must not trap.
static void storm_task(void *arg)
{
    int number = (int)(intptr_t)arg, watches = number == 0 ? 0 : 1 + number % BP_REGISTERS;
    int written = number == 0 ? BP_REGISTERS : watches;
    int fd[BP_REGISTERS], control = -1;
    long made[BP_REGISTERS] = {0};
    uint32_t random = (uint32_t)number * 7919 + 1;

    for (int i = 0; i < watches; i++)
        fd[i] = bp_must(HW_BREAKPOINT_W, &cell[i], sizeof cell[i]);
    if (number == 0)
        control = bp_must(HW_BREAKPOINT_W, &elsewhere, sizeof elsewhere);
    storm->task[number].ready = true;
    while (!storm->go)
        sleep_ms(1);
    while (!storm->stop) {
        for (int i = 0; i < written; i++) {
            for (uint32_t n = next_random(&random) % 8; n > 0; n--) {
                store8(&cell[i], n);
                made[i]++;
            }
        }
        disturb(&random);
    }
    for (int i = 0; i < watches; i++) {
        int64_t count = bp_end(fd[i]);
        CHECK_EQ(count, made[i]);
        storm->task[number].accesses += made[i];
        storm->task[number].hits += count;
    }
    if (number == 0)
        storm->task[number].stray = bp_end(control);
}

static long switches_of(const pid_t *pids, int count)
{
    long sum = 0;

    for (int i = 0; i < count; i++)
        sum += context_switches(pids[i]);
    return sum;
}

// For test/agree.py, which counts the exceptions from outside.
static void note_each(int tasks)
{
    char text[MAX_TASKS * 12] = "";
    size_t used = 0;

    for (int i = 0; i < tasks; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %ld", storm->task[i].hits);
    utest_note("hits of each task:%s", text);
}

UTEST_RULES(storm, "switch-storm", "exact")
{
    pid_t pids[MAX_TASKS];
    int cpus = online_cpus() < MAX_CPUS ? online_cpus() : MAX_CPUS, tasks = cpus * TASKS_PER_CPU;
    long wanted = scaled(SWITCHES), switches = 0, hits = 0, accesses = 0;

    storm = shared_memory(sizeof *storm);
    storm->cpus = cpus;
    for (int i = 0; i < tasks; i++) {
        pids[i] = spawn(storm_task, (void *)(intptr_t)i);
        while (!storm->task[i].ready)
            sleep_ms(1);
    }
    long exceptions = hwbp_sum("cpu", "db"), spurious = hwbp_sum("cpu", "spurious");
    uint64_t end = now_ns() + LIMIT_MS * 1000000ull;
    storm->go = true;
    while ((switches = switches_of(pids, tasks)) < wanted && now_ns() < end)
        sleep_ms(20);
    storm->stop = true;
    for (int i = 0; i < tasks; i++)
        join(pids[i]);
    for (int i = 0; i < tasks; i++) {
        hits += storm->task[i].hits;
        accesses += storm->task[i].accesses;
    }
    CHECK(switches >= wanted);
    CHECK_EQ(hits, accesses);
    CHECK_EQ(storm->task[0].stray, 0);
    CHECK_EQ(hwbp_sum("cpu", "db") - exceptions,
             hits); // one exception for each, none for the control
    CHECK_EQ(hwbp_sum("cpu", "spurious") - spurious, 0);
    utest_note("%d tasks on %d CPUs, %ld switches, %ld accesses, %ld hits", tasks, cpus, switches,
               accesses, hits);
    note_each(tasks);
}
