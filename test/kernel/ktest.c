// The runner of the built-in tests. It chooses them, prints KTAP, and looks for what they leave
// behind.
#include "test/kernel/ktest.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "hwbp/hwbp.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/die.h"
#include "kernel/base/panic.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "sched/sched.h"

#define LIMIT_S 30 // of one test

// linker.ld gathers the KTEST() entries here.
extern const struct ktest __ktests_start[], __ktests_end[];

static u32 test_failures; // of the running test; atomic, tests use several tasks
static const char *skip_reason;
static const char *running; // name of the running test; NULL: none

void ktest_fail(const char *file, int line, const char *fmt, ...)
{
    char text[160];
    va_list ap;
    if (__atomic_fetch_add(&test_failures, 1, __ATOMIC_RELAXED))
        return; // only the first failure is printed: the others would hide it
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    printk("# %s:%d: %s\n", file, line, text);
}

void ktest_skip(const char *reason)
{
    skip_reason = reason;
}

void ktest_no_breakpoints(void)
{
    ktest_skip("this kernel is built without breakpoints");
}

static enum die_answer name_running_test(struct die *d)
{
    if (d->event == DIE_PANIC && running)
        printk("# in test %s\n", running);
    return DIE_DONE;
}

static struct die_link at_panic = {.fn = name_running_test, .priority = DIE_FIRST};

u64 ktest_scale(u64 n)
{
    u64 div = cmdline_u64("test_div", 1);
    return MAX(n / div, 1ul);
}

struct search {
    const char *comm;
    struct task *found;
};

static void compare_name(struct task *t, void *arg)
{
    struct search *s = arg;
    if (!strcmp(t->comm, s->comm))
        s->found = t;
}

struct task *ktest_task(const char *comm)
{
    struct search s = {.comm = comm};
    task_for_each(compare_name, &s);
    return s.found;
}

u32 ktest_waiting(struct mutex *m)
{
    struct list *w;
    u32 n = 0;
    u64 flags = spin_lock_irqsave(&m->queue.lock);
    for (w = m->queue.waiters.next; w != &m->queue.waiters; w = w->next)
        n++;
    spin_unlock_irqrestore(&m->queue.lock, flags);
    return n;
}

struct leftovers {
    u32 breakpoints, tasks;
};

static void count_task(struct task *, void *arg)
{
    (*(u32 *)arg)++;
}

static struct leftovers take_stock(void)
{
    struct leftovers l = {.breakpoints = hwbp_live()};
    task_for_each(count_task, &l.tasks);
    return l;
}

static void expect_none_left(u32 before, u32 now, const char *what)
{
    const char *more = now > before ? "left" : "took away";
    u32 n = now > before ? now - before : before - now;
    if (n)
        ktest_fail(__FILE__, __LINE__, "the test %s %u %s%s", more, n, what, n == 1 ? "" : "s");
}

// A task that a test has joined is dead, but the switch may not have dropped its last reference
// yet.
static void expect_unchanged(struct leftovers before)
{
    struct leftovers now = take_stock();
    for (u64 end = clock_ns() + 1000000000; now.tasks != before.tasks && clock_ns() < end;) {
        schedule();
        now = take_stock();
    }
    expect_none_left(before.breakpoints, now.breakpoints, "breakpoint");
    expect_none_left(before.tasks, now.tasks, "task");
    if (DEBUG_BUILD && HWBP)
        hwbp_check_slots();
}

// ---- tests that do not end ----

// The limit counts the ticks of CPU 0, not time. On a busy host a test takes long, but the CPU
// takes few ticks then, too.
static u64 limit, ticks_left;

void ktest_tick(void)
{
    if (running && cpu_id() == 0 && !ticks_left--)
        panic_at(this_cpu()->irq_frame, "test %s does not end", running);
}

static bool run_one(const struct ktest *t, u32 number)
{
    const char *rules = HWBP ? slots_name(hwbp_rules()) : NULL;
    struct leftovers before = take_stock();
    test_failures = 0;
    skip_reason = NULL;
    if (HWBP && t->rules)
        EXPECT_EQ(hwbp_set_rules(t->rules), 0);
    ticks_left = limit;
    __atomic_store_n(&running, t->name, __ATOMIC_RELEASE);
    t->fn();
    running = NULL;
    if (HWBP && t->rules)
        EXPECT_EQ(hwbp_set_rules(rules), 0);
    expect_unchanged(before);
    if (test_failures)
        printk("not ok %u %s\n", number, t->name);
    else if (skip_reason)
        printk("ok %u %s # SKIP %s\n", number, t->name, skip_reason);
    else
        printk("ok %u %s\n", number, t->name);
    return test_failures == 0;
}

// True if the first n letters of `word` name the test, or the family before its dot.
static bool names(const char *word, size_t n, const char *name)
{
    return strncmp(word, name, n) == 0 && (name[n] == 0 || name[n] == '.');
}

// The list has names with commas between them, or "all". A dash before a name leaves that test out.
static bool chosen(const char *list, const char *name)
{
    bool wanted = false;
    for (const char *p = list; *p;) {
        const char *comma = strchr(p, ',');
        size_t n = comma ? (size_t)(comma - p) : strlen(p);
        if (*p == '-' && names(p + 1, n - 1, name))
            return false;
        wanted |= names(p, n, "all") || names(p, n, name);
        p += comma ? n + 1 : n;
    }
    return wanted;
}

u32 ktest_run(const char *otherwise)
{
    char list[256];
    u32 planned = 0, number = 0, failed = 0;
    strcopy(list, otherwise, sizeof(list));
    bool asked = cmdline_get("test", list, sizeof(list));
    limit = cmdline_u64("test_limit", LIMIT_S) * HZ;
    for (const struct ktest *t = __ktests_start; t < __ktests_end; t++)
        planned += chosen(list, t->name);
    if (planned == 0 && asked)
        printk("dr7: no built-in test is named \"%s\"\n", list);
    if (planned == 0)
        return asked;
    die_register(&at_panic);
    printk("KTAP version 1\n1..%u\n", planned);
    for (const struct ktest *t = __ktests_start; t < __ktests_end; t++)
        if (chosen(list, t->name))
            failed += !run_one(t, ++number);
    die_unregister(&at_panic);
    return failed;
}
