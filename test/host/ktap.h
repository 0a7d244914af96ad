// The frame of a host test. It runs the cases one after the other, prints KTAP on standard output,
// and has the kernel's panic(), which a case may expect.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/x86/upcalls.h"
#include "test/expect.h"

struct ktap_case {
    const char *name;
    void (*fn)(void);
};

static u64 ktap_failures; // of the running case
static jmp_buf ktap_panic_to;
static bool ktap_panic_expected;

// Only a case's first failures are printed, because one fault may show a million times.
__printf(3, 4) static void ktest_fail(const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    if (ktap_failures++ >= 5)
        return;
    printf("  # %s:%d: ", file, line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

#define EXPECT_PANIC(statement)                                                                    \
    do {                                                                                           \
        ktap_panic_expected = true;                                                                \
        if (setjmp(ktap_panic_to) == 0) {                                                          \
            statement;                                                                             \
            ktest_fail(__FILE__, __LINE__, "no panic: %s", #statement);                            \
        }                                                                                          \
        ktap_panic_expected = false;                                                               \
    } while (0)

// An unexpected panic ends the run, and the KTAP plan shows the missing cases.
void panic(const char *fmt, ...)
{
    va_list ap;
    if (ktap_panic_expected)
        longjmp(ktap_panic_to, 1);
    printf("  # panic: ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    abort();
}

static int ktap_run(const struct ktap_case *cases, size_t n)
{
    bool failed = false;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("KTAP version 1\n1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        ktap_failures = 0;
        cases[i].fn();
        if (ktap_failures > 0)
            printf("  # %lu failures in all\n", (unsigned long)ktap_failures);
        printf("%sok %zu %s\n", ktap_failures ? "not " : "", i + 1, cases[i].name);
        failed |= ktap_failures > 0;
    }
    return failed;
}

#define KTAP_MAIN(cases)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        return ktap_run(cases, ARRAY_SIZE(cases));                                                 \
    }
