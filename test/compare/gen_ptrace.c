// Random writes to the debug registers of a traced process through ptrace(2): every answer, every
// register read back, and after each access of the tracee where it stopped and what DR6 says.
#define _GNU_SOURCE
#include "test/compare/gen.h"
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#define REGISTERS     8
#define ADDRESSES     4
#define OFFSET(n)     (offsetof(struct user, u_debugreg) + sizeof(long) * (size_t)(n))
#define DR6_TRAPS     0xful
#define STOPS_AT_MOST 8

static pid_t tracee;
static uint64_t dr[REGISTERS]; // as read back: what the kernel took

// What the tracee shall do next: after what may be watched, on the same page.
#define TASK ((volatile struct access *)(ARENA + 2048))

static void live(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        _exit(7);
    for (;;) {
        raise(SIGSTOP);
        gen_make(*TASK);
    }
}

static void wait_for_stop(int *status)
{
    if (waitpid(tracee, status, 0) != tracee || !WIFSTOPPED(*status)) {
        printf("the tracee has ended: %x\n", (unsigned)*status);
        exit(8);
    }
}

static void start(void)
{
    int status;

    memset(dr, 0, sizeof dr);
    fflush(stdout);
    tracee = fork();
    if (tracee == 0)
        live();
    wait_for_stop(&status);
}

// ---- registers ----

static void show_address(uint64_t value)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (value == (uintptr_t)gen_functions[i]) {
            printf("function %d", i);
            return;
        }
    printf("%llx", (unsigned long long)value);
}

static void peek(int n)
{
    errno = 0;
    long value = ptrace(PTRACE_PEEKUSER, tracee, OFFSET(n), NULL);

    printf("  dr%d ", n);
    if (errno)
        printf("%s\n", gen_error(errno));
    else
        show_address((uint64_t)value), printf("\n");
    dr[n] = (uint64_t)value;
}

static void poke(int n, uint64_t value)
{
    printf("poke dr%d ", n);
    show_address(value);
    printf(": %s\n", gen_answer(ptrace(PTRACE_POKEUSER, tracee, OFFSET(n), value)));
    peek(n);
}

static uint64_t pick_address(void)
{
    static const uint64_t odd[] = {0,
                                   1,
                                   0x7fffffffeff8,
                                   0x7fffffffefff,
                                   0x7ffffffff000,
                                   0x800000000000,
                                   0xffffe90000001000,
                                   0xffffffffffffffff};

    if (gen_chance(12))
        return gen_pick(odd);
    if (gen_chance(30))
        return (uintptr_t)gen_pick(gen_functions);
    return (uintptr_t)ARENA + (gen_below(ARENA_BYTES) & ~gen_below(8));
}

// A register's part of DR7: execute, write, I/O or read and write; any length.
static uint64_t pick_condition(int n)
{
    static const uint32_t kinds[] = {0, 1, 1, 1, 3, 3, 3, 3};
    uint64_t kind = gen_chance(4) ? 2 : gen_pick(kinds), length = kind ? gen_below(4) : 0;

    if (kind == 0 && gen_chance(10))
        length = gen_below(4);
    return (kind | length << 2) << (16 + 4 * n) | (uint64_t)gen_below(4) << (2 * n);
}

static uint64_t pick_control(void)
{
    uint64_t value = dr[7];

    if (gen_chance(15))
        return 0;
    for (int n = 0; n < ADDRESSES; n++)
        if (gen_chance(50)) {
            value &= ~(3ull << (2 * n) | 0xfull << (16 + 4 * n));
            value |= gen_chance(70) ? pick_condition(n) : 0;
        }
    if (gen_chance(15))
        value ^= 0x300; // LE and GE
    if (gen_chance(5))
        value ^= 1ull << gen_below(64);
    return value;
}

// ---- accesses ----

static bool watches(int n, struct access a)
{
    static const uint32_t types[] = {HW_BREAKPOINT_X, HW_BREAKPOINT_W, 0, HW_BREAKPOINT_RW};
    static const uint32_t lengths[] = {1, 2, 8, 4};
    uint32_t kind = dr[7] >> (16 + 4 * n) & 3, length = lengths[dr[7] >> (18 + 4 * n) & 3];

    return dr[7] >> (2 * n) & 3 && types[kind] && gen_hits(a, types[kind], dr[n], length);
}

static void show_stop(int status)
{
    struct user_regs_struct regs;
    siginfo_t info;

    ptrace(PTRACE_GETREGS, tracee, NULL, &regs);
    ptrace(PTRACE_GETSIGINFO, tracee, NULL, &info);
    printf("  stop %x code %d", (unsigned)status, info.si_code);
    if (WSTOPSIG(status) == SIGTRAP) {
        printf(" ip ");
        show_address(regs.rip);
        printf(" rf %d", (int)(regs.eflags >> 16 & 1));
        if (info.si_addr != (void *)(uintptr_t)regs.rip)
            printf(" address %p", info.si_addr);
    }
    printf("\n");
    peek(6);
}

// Lets the tracee make one access; it stops again before the next one.
static void access_one(void)
{
    struct access a = gen_access();
    uint64_t want = 0;
    int status = 0, n = (int)gen_below(ADDRESSES);

    if (!a.call && dr[n] - (uintptr_t)ARENA < ARENA_BYTES && gen_chance(70))
        a.at = (uint32_t)(dr[n] - (uintptr_t)ARENA) & ~(a.len - 1);
    for (n = 0; n < ADDRESSES; n++)
        want |= (uint64_t)watches(n, a) << n;
    gen_print(a);
    if (!a.call && (want & (want - 1))) {
        printf(": not made\n"); // QEMU reports only one of several
        return;
    }
    printf(": %llx\n", (unsigned long long)want);
    *(struct access *)TASK = a;
    for (int stops = 0; stops < STOPS_AT_MOST && (stops == 0 || WSTOPSIG(status) != SIGSTOP);
         stops++) {
        printf("  cont: %s\n", gen_answer(ptrace(PTRACE_CONT, tracee, NULL, NULL)));
        wait_for_stop(&status);
        show_stop(status);
        if (WSTOPSIG(status) == SIGTRAP && (dr[6] & DR6_TRAPS) != want)
            printf("  DR6 should say %llx\n", (unsigned long long)want);
    }
}

static void replace_tracee(void)
{
    int status = 0;

    if (gen_chance(50)) { // breakpoints are gone with the tracer
        printf("detach: %s\n", gen_answer(ptrace(PTRACE_DETACH, tracee, NULL, (void *)SIGKILL)));
    } else {
        printf("kill\n");
        kill(tracee, SIGKILL);
    }
    waitpid(tracee, &status, 0);
    printf("  status %x\n", (unsigned)status);
    start();
}

static void operate(void)
{
    uint32_t what = gen_below(100);

    if (what < 25)
        poke((int)gen_below(ADDRESSES), pick_address());
    else if (what < 50)
        poke(7, pick_control());
    else if (what < 54)
        poke(6, gen_chance(50) ? 0 : gen_below(0x10000));
    else if (what < 56)
        poke(4 + (int)gen_below(2), gen_below(2));
    else if (what < 65)
        peek((int)gen_below(REGISTERS));
    else if (what < 66)
        replace_tracee();
    else
        access_one();
}

int main(int argc, char **argv)
{
    int operations = gen_start(argc, argv);

    start();
    while (operations-- > 0)
        operate();
    kill(tracee, SIGKILL);
    return 0;
}
