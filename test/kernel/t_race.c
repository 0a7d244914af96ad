// The race finder. The accesses are written in assembly, because the test needs a list of them.
#include "debug/examples/race.h"
#include "test/kernel/bp_test.h"

enum { BARE_PUT, BARE_GET, ONLY_GET, SAFE_PUT, SAFE_GET, LOW_PUT, HIGH_PUT, NR };

#define RDI   14 // of struct trapframe
#define TRIES 8  // rounds in which a false race could be reported

static u64 cells[3], only_read, safe; // `safe` is written under a lock
static u32 halves[2] __attribute__((aligned(8)));
static bool locked; // atomic
static volatile bool stop;

// Each is one instruction, at the label race_NAME.
#define ACCESS(name, instruction)                                                                  \
    extern const char race_##name[], race_##name##_end[];                                          \
    __attribute__((noinline)) static void name(void *addr)                                         \
    {                                                                                              \
        __asm__ volatile("race_" #name ": " instruction "; race_" #name "_end:"                    \
                         :                                                                         \
                         : "D"(addr), "a"(1ull)                                                    \
                         : "rcx", "memory");                                                       \
    }

ACCESS(bare_put, "mov %%rax, (%%rdi)")
ACCESS(bare_get, "mov 16(%%rdi), %%rcx")
ACCESS(only_get, "mov (%%rdi), %%rcx")
ACCESS(safe_put, "mov %%rax, (%%rdi)")
ACCESS(safe_get, "mov (%%rdi), %%rcx")
ACCESS(low_put, "mov %%eax, (%%rdi)")
ACCESS(high_put, "mov %%eax, (%%rdi)")

#define ROW(name, length, writes, displacement)                                                    \
    {                                                                                              \
        (u64) race_##name, (u64)(race_##name##_end - race_##name), length, writes, RDI,            \
            displacement                                                                           \
    }

static void fill(struct race_access list[NR])
{
    const struct race_access rows[NR] = {
        ROW(bare_put, 8, 1, 0), ROW(bare_get, 8, 0, 16), ROW(only_get, 8, 0, 0),
        ROW(safe_put, 8, 1, 0), ROW(safe_get, 8, 0, 0),  ROW(low_put, 4, 1, 0),
        ROW(high_put, 4, 1, 0),
    };
    memcpy(list, rows, sizeof(rows));
}

static void with_lock(void (*access)(void *))
{
    while (__atomic_exchange_n(&locked, true, __ATOMIC_ACQUIRE))
        schedule();
    access(&safe);
    __atomic_store_n(&locked, false, __ATOMIC_RELEASE);
}

static void put_all(void *)
{
    while (!stop) {
        bare_put(&cells[2]);
        only_get(&only_read);
        low_put(&halves[0]);
        with_lock(safe_put);
    }
}

static void get_all(void *)
{
    while (!stop) {
        bare_get(&cells[0]);
        only_get(&only_read);
        high_put(&halves[1]);
        with_lock(safe_get);
    }
}

static void end(struct task *t)
{
    task_join(t);
    task_put(t);
}

// Whichever access is held up, the only race is between put and get without a lock.
static void expect_race(const struct race_access *list)
{
    u64 before[NR] = {};
    for (int i = 0; i < 1000 && (i < TRIES || !before[BARE_PUT] || !before[BARE_GET]); i++) {
        EXPECT_EQ(race_find(list, NR, 1), 0);
        for (u32 a = 0; a < NR; a++)
            before[a] |= race_met(a);
    }
    for (u32 i = 0; i < NR; i++)
        EXPECT_EQ(before[i], i == BARE_PUT ? BIT(BARE_GET) : i == BARE_GET ? BIT(BARE_PUT) : 0);
}

KTEST_HWBP(race, "race", NULL)
{
    struct race_access list[NR];
    if (nr_cpus < 2)
        return ktest_skip("needs two CPUs");
    fill(list);
    stop = false;
    struct task *putter = kthread_create("put", put_all, NULL, BIT(0));
    struct task *getter = kthread_create("get", get_all, NULL, BIT(1));
    expect_race(list);
    stop = true;
    end(putter);
    end(getter);
    EXPECT_EQ(hwbp_live(), 0);
}
