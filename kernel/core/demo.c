// The demonstration of the core. It shows breakpoints that follow their tasks, the rules that
// refuse one and grant it, and a kernel variable whose writers are named. Every number is measured
// while it runs.
#include "kernel/core/core.h"
#include "arch/x86/platform.h"
#include "arch/x86/screen.h"
#include "arch/x86/smp.h"
#include "hwbp/reserve.h"
#include "kernel/base/errno.h"
#include "kernel/base/printk.h"
#include "perf/context.h"
#include "sched/sched.h"

#define TASKS       8 // A to H
#define MAX_WATCHES 3 // per task, so that the rules of 2009 admit all of them
#define ROUNDS      100
#define ACCESSES    5       // writes to each variable per round
#define ROUND_NS    1500000 // a round lasts this long: ticks preempt some
#define SHOWN_CPUS  8
#define NOBODY      '-'

// On the screen only; the serial line gets plain text.
enum { GREEN = 0x0a00, CYAN = 0x0b00, RED = 0x0c00, YELLOW = 0x0e00 }; // cells of screen.h
#define say(colour, ...) (screen_colour(colour), printk(__VA_ARGS__), screen_colour(CELL_PLAIN))

static bool verdict(bool right, const char *good, const char *bad)
{
    say(right ? GREEN : RED, "%s\n", right ? good : bad);
    return right;
}

static struct task *start(const char *name, void (*fn)(void *), void *arg, cpumask cpus)
{
    struct task *t = kthread_create(name, fn, arg, cpus);
    if (!t)
        panic("demo: no memory for its tasks");
    return t;
}

static void run(const char *name, void (*fn)(void *), void *arg, cpumask cpus)
{
    struct task *t = start(name, fn, arg, cpus);
    task_join(t);
    task_put(t);
}

static struct perf_event_attr writes_to(const volatile void *addr, bool pinned)
{
    return (struct perf_event_attr){
        .type = PERF_TYPE_BREAKPOINT,
        .size = sizeof(struct perf_event_attr),
        .pinned = pinned,
        .bp_type = HW_BREAKPOINT_W,
        .bp_addr = (u64)addr,
        .bp_len = sizeof(u64),
    };
}

// A watchpoint of the running task, or an error when it is refused.
static struct perf_event *watch(const volatile void *addr, bool pinned)
{
    struct perf_event_attr attr = writes_to(addr, pinned);
    return perf_event_create_kernel_counter(&attr, -1, current_task(), NULL, NULL);
}

static void unwatch(struct perf_event *event)
{
    if (!IS_ERR(event))
        perf_event_release_kernel(event);
}

// ---- 1: tasks A to H ----

// What the tasks watch. All write all of it: each must count its own writes and nobody else's.
static volatile u64 cell[HBP_NUM] __aligned(64);

// Whose watchpoint each register of each CPU holds, by its letter.
struct snapshot {
    u32 held;
    char letter[SHOWN_CPUS][HBP_NUM];
};

static struct actor {
    struct task *task;
    u32 number, watches;
    u64 made, counted;
    struct snapshot best; // with most registers held, of those this task took
} actors[TASKS];

static u32 ready; // how many have their watchpoints; atomic

static char letter_of(const struct perf_event *event)
{
    for (u32 i = 0; event && i < TASKS; i++)
        if (event->target == actors[i].task)
            return 'A' + i;
    return NOBODY;
}

// On each CPU in turn, IRQs off.
static void look_here(void *arg)
{
    struct snapshot *s = arg;
    for (u32 reg = 0; reg < HBP_NUM; reg++) {
        char who = letter_of(this_cpu()->dr.live.slot[reg].owner);
        s->letter[cpu_id()][reg] = who;
        s->held += who != NOBODY;
    }
}

// A running task holds its registers, so that the tasks themselves see most.
static void look_around(struct actor *me)
{
    struct snapshot now = {0};
    for (u32 cpu = 0; cpu < MIN(nr_cpus, SHOWN_CPUS); cpu++)
        smp_call(cpu, look_here, &now);
    if (now.held > me->best.held)
        me->best = now;
}

static void write_round(struct actor *me, u64 round)
{
    for (u32 n = 0; n < ACCESSES; n++)
        for (u32 i = 0; i < MAX_WATCHES; i++) {
            cell[i] = round;
            me->made += i < me->watches;
        }
}

static void act(struct actor *me)
{
    u32 cpu = me->number;
    for (u32 round = 0; round < ROUNDS; round++) {
        u64 end = clock_ns() + ROUND_NS;
        write_round(me, round);
        while (clock_ns() < end)
            cpu_pause();
        if (round % 5 == 0)
            look_around(me);
        if (round % 3 == 0)
            schedule();
        if (round % 10 == me->number) // and nothing happens where there is no such CPU
            sched_set_affinity(current_task(), BIT(++cpu % nr_cpus));
    }
}

static void actor_main(void *arg)
{
    struct actor *me = arg;
    struct perf_event *event[MAX_WATCHES];
    for (u32 i = 0; i < me->watches; i++)
        event[i] = watch(&cell[i], true);
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < TASKS)
        schedule();
    act(me);
    for (u32 i = 0; i < me->watches; i++) {
        me->counted += IS_ERR(event[i]) ? 0 : perf_event_read_value(event[i], NULL, NULL);
        unwatch(event[i]);
    }
}

static void print_snapshot(void)
{
    const struct snapshot *s = &actors[0].best;
    for (u32 i = 1; i < TASKS; i++)
        if (actors[i].best.held > s->held)
            s = &actors[i].best;
    printk("\nWho held DR0-DR3 at one moment of the run\n          DR0 DR1 DR2 DR3\n");
    for (u32 cpu = 0; cpu < MIN(nr_cpus, SHOWN_CPUS); cpu++) {
        const char *l = s->letter[cpu];
        say(YELLOW, "  CPU %-2u   %c   %c   %c   %c\n", cpu, l[0], l[1], l[2], l[3]);
    }
}

static bool print_actors(void)
{
    u64 made = 0, wrong = 0;
    printk("\n  task  tid  watchpoints  writes made  hits counted  switches  migrations\n");
    for (const struct actor *a = actors; a < actors + TASKS; a++) {
        bool right = a->made == a->counted;
        say(right ? GREEN : RED, "  %c    %4u  %11u  %11lu  %12lu  %8lu  %10lu%s\n",
            'A' + a->number, a->task->tid, a->watches, a->made, a->counted, a->task->nr_switches,
            a->task->nr_migrations, right ? "" : "  <- WRONG");
        made += a->made;
        wrong += !right;
    }
    printk("%lu writes to what a task watches, by the task itself. ", made);
    return verdict(!wrong, "Each was counted once, and no other.", "WRONG: counts differ.");
}

static u64 total_writes(void)
{
    u64 sum = 0;
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        sum += cpus[cpu].dr.stats.writes;
    return sum;
}

static void print_cost(u64 switches, u64 writes)
{
    printk("Meanwhile all CPUs together made %lu context switches, and wrote DR0-DR3 and DR7\n"
           "%lu times: %lu.%02lu writes per switch.\n",
           switches, writes, writes / switches, writes * 100 / switches % 100);
}

static bool tasks_part(void)
{
    u64 switches = sched_total_switches(), writes = total_writes();
    say(CYAN, "\n1. Breakpoints follow their task\n");
    printk("Tasks A to H on %u CPU%s, each with 1 to 3 watchpoints on the same variables. All "
           "write all\nof them, yield, are preempted, and move.\n",
           nr_cpus, nr_cpus == 1 ? "" : "s");
    for (u32 i = 0; i < TASKS; i++) {
        char name[2] = {(char)('A' + i)};
        actors[i] = (struct actor){.number = i, .watches = 1 + i % MAX_WATCHES};
        actors[i].task = start(name, actor_main, &actors[i], CPUMASK_ALL);
    }
    for (u32 i = 0; i < TASKS; i++)
        task_join(actors[i].task);
    print_snapshot();
    bool right = print_actors();
    print_cost(sched_total_switches() - switches, total_writes() - writes);
    for (u32 i = 0; i < TASKS; i++)
        task_put(actors[i].task);
    return right;
}

// ---- 2: the fourth breakpoint ----

// Task B asks for its first one, a flexible one.
static void ask_as_b(void *granted)
{
    struct perf_event *event = watch(&cell[0], false);
    *(bool *)granted = !IS_ERR(event);
    unwatch(event);
}

// Under the rule set: this task takes all four, then another asks for its first.
static bool ask_under(const char *rules, bool should_get_it)
{
    struct perf_event *mine[HBP_NUM];
    bool all = hwbp_set_rules(rules) == 0, granted;
    for (u32 i = 0; i < HBP_NUM; i++) {
        mine[i] = watch(&cell[i], true);
        all = all && !IS_ERR(mine[i]);
    }
    run("B", ask_as_b, &granted, CPUMASK_ALL);
    printk("Rules \"%s\": task A takes its fourth breakpoint: %s. Task B asks for its first: ",
           rules, all ? "granted" : "refused");
    verdict(all && granted == should_get_it, granted ? "granted." : "refused.",
            granted ? "granted, WRONG." : "refused, WRONG.");
    if (!granted)
        printk("    the kernel's reason: %s\n",
               claims.refusals[(claims.nr_refusals - 1) % REFUSALS]);
    for (u32 i = 0; i < HBP_NUM; i++)
        unwatch(mine[i]);
    return all && granted == should_get_it;
}

static bool rules_part(void)
{
    const char *before = slots_name(hwbp_rules());
    say(CYAN, "\n2. Who may have one: four registers, two rules\n");
    bool right = ask_under("2009", false);
    printk("    A and B never run on one CPU at once, so there was no need to refuse:\n");
    right &= ask_under("exact", true);
    return right && hwbp_set_rules(before) == 0;
}

// ---- 3: the kernel itself ----

static u64 balance; // which nobody should touch without being seen
static u32 caught;  // atomic

// In the debug exception: whoever wrote is interrupted right after the store.
static void on_write(struct perf_event *, struct trapframe *regs)
{
    __atomic_fetch_add(&caught, 1, __ATOMIC_RELAXED);
    say(YELLOW, "  written on cpu %u by task %s, before %pS\n", cpu_id(), current_task()->comm,
        (void *)regs->rip);
}

static void pay(void *)
{
    __atomic_fetch_add(&balance, 10, __ATOMIC_RELAXED);
}

static void steal(void *)
{
    __atomic_store_n(&balance, 0, __ATOMIC_RELAXED);
}

static bool kernel_part(void)
{
    struct perf_event_attr attr = writes_to(&balance, true);
    say(CYAN, "\n3. Who writes this kernel variable?\n");
    struct hwbp_wide *wide = hwbp_register_wide(&attr, on_write, NULL);
    if (IS_ERR(wide))
        return verdict(false, "", "WRONG: the watch was refused.");
    printk("Watched on all CPUs: \"balance\". Two tasks write it.\n");
    run("honest", pay, NULL, BIT(0));
    run("thief", steal, NULL, BIT(nr_cpus - 1));
    u64 count = hwbp_wide_count(wide);
    hwbp_unregister_wide(wide);
    return verdict(caught == 2 && count == 2, "Both were caught.", "WRONG: not caught once each.");
}

bool demo_run(void)
{
    bool right = tasks_part();
    right &= rules_part();
    right &= kernel_part();
    printk("\n");
    return right;
}
