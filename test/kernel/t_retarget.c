// Wide breakpoints that move, from a task and from their own callback.
#include "arch/x86/smp.h"
#include "debug/retarget.h"
#include "linux/sched/hotplug.h"
#include "test/kernel/bp_test.h"

#define WORDS 4

static volatile u64 words[WORDS];
static struct retarget mover;
static u64 hits; // atomic
static volatile bool stop;

static void write_word(void *n)
{
    words[(u64)n]++;
}

static void write_on_all(u64 n)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        smp_call(cpu, write_word, (void *)n);
}

static struct hwbp_wide *open_mover(perf_overflow_fn fn)
{
    struct perf_event_attr attr = bp_attr(&words[0], HW_BREAKPOINT_W, 8);
    attr.disabled = 1;
    struct hwbp_wide *wide = hwbp_register_wide(&attr, fn, NULL);
    EXPECT(!IS_ERR(wide));
    hits = 0;
    retarget_begin(&mover, wide);
    hwbp_wide_enable(wide);
    return wide;
}

static void close_mover(struct hwbp_wide *wide)
{
    retarget_end(&mover);
    hwbp_unregister_wide(wide);
    EXPECT_EQ(hwbp_live(), 0);
}

static cpumask every_cpu(void)
{
    return nr_cpus == 64 ? ~0ull : BIT(nr_cpus) - 1;
}

static void wait_until_done(void)
{
    while (retarget_done(&mover) != every_cpu())
        schedule();
}

KTEST_HWBP(retarget, "retarget", NULL)
{
    struct hwbp_wide *wide = open_mover(NULL);
    EXPECT_EQ(retarget_done(&mover), every_cpu());
    write_on_all(0);
    EXPECT_EQ(hwbp_wide_count(wide), nr_cpus);
    EXPECT_EQ(hwbp_wide_retarget(&mover, (u64)&words[1] + 4), -EINVAL); // not aligned
    EXPECT_EQ(hwbp_wide_retarget(&mover, (u64)this_cpu()), -EINVAL);    // protected
    EXPECT_EQ(hwbp_wide_retarget(&mover, (u64)&words[1]), 0);
    wait_until_done();
    write_on_all(0);
    EXPECT_EQ(hwbp_wide_count(wide), nr_cpus);
    write_on_all(1);
    EXPECT_EQ(hwbp_wide_count(wide), 2 * nr_cpus);
    close_mover(wide);
}

// The other CPUs move while this CPU is in its callback. This CPU moves when it leaves the
// callback.
static void move_and_wait(struct perf_event *, struct trapframe *)
{
    EXPECT_EQ(hwbp_wide_retarget(&mover, (u64)&words[2]), 0);
    while (retarget_done(&mover) != (every_cpu() & ~BIT(cpu_id())))
        cpu_pause();
}

KTEST_HWBP(retarget_in_db, "retarget-in-db", NULL)
{
    struct hwbp_wide *wide = open_mover(move_and_wait);
    write_word((void *)0);
    wait_until_done();
    write_on_all(0);
    EXPECT_EQ(hwbp_wide_count(wide), 1);
    close_mover(wide);
}

KTEST_HWBP(retarget_offline, "retarget-offline", NULL)
{
    u32 last = nr_cpus - 1;
    if (nr_cpus < 2)
        return ktest_skip("needs two CPUs");
    struct hwbp_wide *wide = open_mover(NULL);
    EXPECT_EQ(cpu_offline(last), 0);
    EXPECT_EQ(hwbp_wide_retarget(&mover, (u64)&words[1]), 0);
    wait_until_done();
    EXPECT_EQ(cpu_online_again(last), 0);
    smp_call(last, write_word, (void *)0);
    EXPECT_EQ(hwbp_wide_count(wide), 0);
    smp_call(last, write_word, (void *)1);
    EXPECT_EQ(hwbp_wide_count(wide), 1);
    close_mover(wide);
}

// ---- under storm ----

static void move_on(struct perf_event *event, struct trapframe *)
{
    u64 n = event->attr.bp_addr - (u64)words;
    __atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
    hwbp_wide_retarget(&mover, (u64)words + (n + 8) % sizeof(words));
}

static void write_all(void *)
{
    while (!stop)
        for (u64 n = 0; n < WORDS; n++)
            write_word((void *)n);
}

static void storm(u64 wanted)
{
    struct hwbp_wide *wide = open_mover(move_on);
    while (__atomic_load_n(&hits, __ATOMIC_RELAXED) < wanted)
        schedule();
    hwbp_wide_disable(wide);
    wait_until_done();
    u64 count = hwbp_wide_count(wide), at = (mover.addr - (u64)words) / 8;
    EXPECT_EQ(count, hits);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        EXPECT_EQ(hwbp_wide_event(wide, cpu)->attr.bp_addr, (u64)&words[at]);
    close_mover(wide);
}

KTEST_HWBP(retarget_storm, "retarget-storm", NULL)
{
    struct task *writers[MAX_CPUS];
    stop = false;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        writers[cpu] = kthread_create("writer", write_all, NULL, BIT(cpu));
    for (int round = 0; round < 8; round++)
        storm(ktest_scale(1000));
    stop = true;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        task_join(writers[cpu]);
        task_put(writers[cpu]);
    }
}
