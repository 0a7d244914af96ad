// Code with races. Two tasks, each on a CPU of its own, use one store: CPU 1 puts, CPU 0 gets.
// Seven fields have a lock each. "racy=" says who forgets it. Bit n: the putter, for field n; bit
// 8 + n: the getter. Three more things look like races and are none.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "debug/examples/race.h"
#include "debug/examples/racy.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/printk.h"
#include "sched/sched.h"

#define FIELDS 7

struct store {
    u64 spare;     // nobody touches it
    u64 name;      // only read
    u32 low, high; // the putter writes low, the getter writes high
    u64 jobs, bytes, head, tail, owner, flags, stamp;
    u64 own; // in a store of each CPU
};

volatile struct store racy_store, racy_own[2];
static bool locks[FIELDS]; // atomic
static u64 forgotten;
static volatile bool stop;

#define PUT(field)                                                                                 \
    __attribute__((noinline)) void put_##field(volatile struct store *s)                           \
    {                                                                                              \
        s->field = 1;                                                                              \
    }
#define GET(field)                                                                                 \
    __attribute__((noinline)) u64 get_##field(volatile struct store *s)                            \
    {                                                                                              \
        return s->field;                                                                           \
    }
#define BOTH(field) PUT(field) GET(field)

BOTH(jobs)
BOTH(bytes)
BOTH(head)
BOTH(tail)
BOTH(owner)
BOTH(flags)
BOTH(stamp)
GET(name)
PUT(low)
PUT(high)
PUT(own)

static void (*const put[FIELDS])(volatile struct store *) = {
    put_jobs, put_bytes, put_head, put_tail, put_owner, put_flags, put_stamp};
static u64 (*const get[FIELDS])(volatile struct store *) = {
    get_jobs, get_bytes, get_head, get_tail, get_owner, get_flags, get_stamp};

// Takes the lock of field n, unless the bit of `forgotten` is set.
static void enter(u32 n, u32 bit)
{
    while (!(forgotten & BIT(bit)) && __atomic_exchange_n(&locks[n], true, __ATOMIC_ACQUIRE))
        cpu_pause();
}

static void leave(u32 n, u32 bit)
{
    if (!(forgotten & BIT(bit)))
        __atomic_store_n(&locks[n], false, __ATOMIC_RELEASE);
}

static void putter(void *)
{
    while (!stop) {
        for (u32 n = 0; n < FIELDS; n++) {
            enter(n, n);
            put[n](&racy_store);
            leave(n, n);
        }
        get_name(&racy_store);
        put_low(&racy_store);
        put_own(&racy_own[1]);
    }
}

static void getter(void *)
{
    while (!stop) {
        for (u32 n = 0; n < FIELDS; n++) {
            enter(n, 8 + n);
            get[n](&racy_store);
            leave(n, 8 + n);
        }
        get_name(&racy_store);
        put_high(&racy_store);
        put_own(&racy_own[0]);
    }
}

void racy_run(void)
{
    char unused[1];
    if (!cmdline_get("racy", unused, sizeof(unused)))
        return race_start();
    forgotten = cmdline_u64("racy", 0);
    if (nr_cpus < 2 || !kthread_create("getter", getter, NULL, BIT(0)) ||
        !kthread_create("putter", putter, NULL, BIT(1)))
        printk("racy: needs two CPUs\n");
    else
        race_run(NULL);
    machine_off(0);
}
