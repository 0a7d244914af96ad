// Tests that run inside the kernel, as kernel threads. "test=NAME" chooses one, "test=all" every
// one, and "test=all,-NAME" all but one. The report is KTAP.
//
// A test is a function with a KTEST() line. It uses EXPECT for what must be true, and goes on after
// a failure. The first failure of a test is printed with file, line and both values. A test leaves
// the machine as it found it. The runner compares live breakpoints, tasks and free pages before and
// after, and a difference fails the test. If a test does not end within 30 s ("test_limit=SECONDS"
// on the command line), the kernel panics and says where each CPU is.
#pragma once

#include "kernel/base/printk.h"
#include "sched/wait.h"
#include "test/expect.h"

struct ktest {
    const char *name;
    void (*fn)(void);
    const char *rules; // the rule set it needs; NULL: it passes with each
};

#define KTEST_ENTRY(id, test_name, fn, rule_set)                                                   \
    static void ktest_##id(void);                                                                  \
    static const struct ktest ktest_entry_##id                                                     \
        __attribute__((used, no_reorder, section(".ktests"), aligned(8))) = {test_name, fn,        \
                                                                             rule_set};            \
    __attribute__((unused)) static void ktest_##id(void)

#define KTEST(id, test_name, rule_set) KTEST_ENTRY(id, test_name, ktest_##id, rule_set)
// A test of breakpoints: skipped in a kernel built without them (make HWBP=0).
#if HWBP
#define KTEST_HWBP KTEST
#else
#define KTEST_HWBP(id, test_name, rule_set)                                                        \
    KTEST_ENTRY(id, test_name, ktest_no_breakpoints, rule_set)
#endif

void ktest_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void ktest_skip(const char *reason); // the test returns right after it
void ktest_no_breakpoints(void);     // skips the test and says why
#define ktest_note(fmt, ...) printk("# " fmt "\n", ##__VA_ARGS__)

// A loop count for this machine. In Bochs it is n divided by "test_div=N" of the command line, and
// printed. Elsewhere it is n.
u64 ktest_scale(u64 n);

// The task of this name; one that lives as long as the kernel.
struct task *ktest_task(const char *comm);

// How many tasks wait for this mutex.
u32 ktest_waiting(struct mutex *m);

// Called at each tick on each CPU, IRQs off. Panics if the running test has taken too long.
void ktest_tick(void);

// Runs the tests that "test=" names. Without that option, `otherwise` names them. Returns the
// number of failures. If the names fit no test, that is one failure. Task context.
u32 ktest_run(const char *otherwise);
