// The rule engine inside the kernel: the table of worked examples under each rule set, and the
// admission scenarios. test/host/t_slots.c has the exhaustive walks.
#include "arch/x86/platform.h"
#include "kernel/base/cmdline.h"
#include "test/kernel/bp_test.h"
#include "test/slots_table.h"

KTEST_HWBP(slots_rows, "rules-table", NULL)
{
    for (enum slot_rules rules = SLOTS_2009; rules <= SLOTS_MAINLINE; rules++)
        slots_check_rows(rules);
}

// slots= on the command line chooses the rule set, which is in force when no test needs another.
KTEST_HWBP(slots_boot, "rules-boot", NULL)
{
    char name[16] = "2009";
    cmdline_get("slots", name, sizeof(name));
    EXPECT_EQ(strcmp(slots_name(hwbp_rules()), name), 0);
}

KTEST_HWBP(slots_scenarios, "rules-scenarios", NULL)
{
    slots_check_scenarios();
}

// ---- the same scenarios with real breakpoints ----

#define HELD_MAX 16

static volatile u64 target;

struct held {
    char who[2]; // its name in the script
    struct perf_event *event;
};

static void wait_for_end(void *arg)
{
    while (!*(volatile bool *)arg)
        schedule();
}

static void run_script(const struct slots_scenario *c, struct task *other)
{
    struct held held[HELD_MAX] = {0};
    for (const char *s = c->script; *s;) {
        int times = *s >= '0' && *s <= '9' ? *s++ - '0' : 1;
        char verb = *s == '!' || *s == '~' ? *s++ : '+';
        struct task *task = *s == '-' ? NULL : *s == 'A' ? current_task() : other;
        int cpu = s[1] == '*' ? -1 : s[1] - '0';
        for (; times > 0; times--) {
            struct held *h = held;
            while (verb == '~' ? !h->event || memcmp(h->who, s, 2) : h->event != NULL)
                h++;
            ASSERT(h < held + HELD_MAX);
            if (verb == '~') {
                perf_event_release_kernel(h->event);
                h->event = NULL;
                continue;
            }
            struct perf_event_attr attr = bp_attr(&target, HW_BREAKPOINT_RW, 1);
            struct perf_event *event =
                perf_event_create_kernel_counter(&attr, cpu, task, NULL, NULL);
            if ((verb == '!') != (PTR_ERR(event) == -ENOSPC))
                ktest_fail(__FILE__, __LINE__, "%s: %ld at \"%s\"", c->name, PTR_ERR(event), s);
            if (!IS_ERR(event))
                *h = (struct held){{s[0], s[1]}, event};
        }
        for (s += 2; *s == ' ';)
            s++;
    }
    for (u32 i = 0; i < HELD_MAX; i++)
        if (held[i].event)
            perf_event_release_kernel(held[i].event);
    EXPECT_EQ(hwbp_live(), 0);
}

KTEST_HWBP(admission, "admission-scenarios", "mainline")
{
    bool end = false;
    if (nr_cpus < 2) {
        ktest_skip("needs two CPUs");
        return;
    }
    struct task *other = kthread_create("other", wait_for_end, &end, CPUMASK_ALL);
    for (u32 i = 0; i < ARRAY_SIZE(slots_scenarios); i++)
        run_script(&slots_scenarios[i], other);
    end = true;
    task_join(other);
    task_put(other);
}
