// Tests that run as a program, on dr7 and on Linux. A test is a function with a UTEST() line. It
// runs in its own process, and uses CHECK for what must be true. Each failed CHECK prints file,
// line and values.
#pragma once

#define _GNU_SOURCE
#include "user/bp.h"
#include "user/clock.h"
#include "user/proc.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct utest {
    const char *name;
    void (*fn)(void);
    const char *rules; // rule set for the test; NULL: the current one
    enum { ANYWHERE, NEEDS_TYPE, NEEDS_HWBP, NEEDS_SEVERAL, NEEDS_DR7 } needs;
};

// The linker makes one table of all entries, which begins at __start_utests.
#define UTEST_ENTRY(id, test_name, rule_set, what)                                                 \
    static void utest_##id(void);                                                                  \
    static const struct utest utest_entry_##id                                                     \
        __attribute__((used, no_reorder, aligned(8), section("utests"))) = {test_name, utest_##id, \
                                                                            rule_set, what};       \
    static void utest_##id(void)

#define UTEST(id, test_name) UTEST_ENTRY(id, test_name, NULL, ANYWHERE)
// For tests where the kernel must know the breakpoint type.
#define UTEST_TYPE(id, test_name) UTEST_ENTRY(id, test_name, NULL, NEEDS_TYPE)
// For tests where breakpoints must really fire.
#define UTEST_HWBP(id, test_name) UTEST_ENTRY(id, test_name, NULL, NEEDS_HWBP)
// For several breakpoints at once, or one with a step: in QEMU Linux miscounts or hangs, dr7 must
// not.
#define UTEST_SEVERAL(id, test_name)   UTEST_ENTRY(id, test_name, NULL, NEEDS_SEVERAL)
#define UTEST_RULES(id, test_name, rs) UTEST_ENTRY(id, test_name, rs, NEEDS_DR7)

// ---- verdicts ----

void utest_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void utest_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// Ends the test as skipped.
void utest_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
// The number of failed CHECKs in this process.
int utest_failures(void);

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            utest_fail(__FILE__, __LINE__, "%s", #cond);                                           \
    } while (0)

#define CHECK_EQ(got, want)                                                                        \
    do {                                                                                           \
        long long g_ = (long long)(got), w_ = (long long)(want);                                   \
        if (g_ != w_)                                                                              \
            utest_fail(__FILE__, __LINE__, "%s is %lld (%#llx), want %lld (%#llx)", #got, g_, g_,  \
                       w_, w_);                                                                    \
    } while (0)

// A call that must fail with this errno.
#define CHECK_ERRNO(call, want)                                                                    \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long long g_ = (long long)(call);                                                          \
        int e_ = errno;                                                                            \
        if (g_ != -1 || e_ != (want))                                                              \
            utest_fail(__FILE__, __LINE__, "%s gives %lld, errno %d (%s), want errno %d (%s)",     \
                       #call, g_, e_, strerror(e_), (want), strerror(want));                       \
    } while (0)

// A CHECK that ends the process if it fails.
#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            utest_fail(__FILE__, __LINE__, "%s (errno %d, %s)", #cond, errno, strerror(errno));    \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

// ---- the machine ----

bool on_dr7(void);
// True in QEMU's software emulation, which has bugs (int1, alignment, #XM: see docs).
bool on_tcg(void);
int online_cpus(void);
// A pointer to unmapped memory. The compiler does not know its value.
void *bad_pointer(void);
// Runs the caller on this CPU only.
void pin_to_cpu(int cpu);
// Loop counts are divided by "div=N", for slow emulators. At least 1.
long scaled(long n);
// How many seconds a long test must run: "seconds=N". 0: the test chooses.
long test_seconds(void);

// ---- processes ----

// Starts fn(arg) in a child, which then exits with 0, or 1 when a CHECK in it failed.
pid_t spawn(void (*fn)(void *arg), void *arg);
// Waits for the child and checks that its status is 0.
void join(pid_t pid);
// Waits and returns the wait status.
int wait_for(pid_t pid);
// Zeroed memory that children share.
void *shared_memory(size_t size);
// Executes this binary again. after_exec() then does what `mode` says (after_exec.c).
void exec_self(const char *mode, const char *arg, char **env) __attribute__((noreturn));
// Reports that an exec of `what` has failed, and exits with a status that no test expects.
void no_exec(const char *what) __attribute__((noreturn));
#define NO_EXEC   127
#define EXEC_MARK "--exec"
int after_exec(int argc, char **argv);
int debuggee(void);            // debuggee.c
extern const char *utest_self; // argv[0]

// Processes signal each other through a pipe of single bytes.
struct gate {
    int fd[2];
};
void gate_init(struct gate *g);
void gate_open(struct gate *g);
void gate_wait(struct gate *g);
