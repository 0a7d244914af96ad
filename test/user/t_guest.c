// Guests use their own debug registers, while the host has breakpoints of all kinds.
#include "test/user/bp_test.h"
#include "test/user/trace.h"
#include "user/guest.h"
#include "user/guest_image.h"
#include "user/trace.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#define MAX_CPUS      2
#define GUEST_TASKS   2 // per CPU
#define TASKS_PER_CPU (GUEST_TASKS + 2)
#define TURNS         10  // guests that each task runs
#define ROUNDS_TCG    200 // of a guest: enough that some are interrupted
#define ROUNDS        4000
#define TRACED_STORES 100
#define SYMBOL        "next_tid"

// A new guest with this code at address 0.
static int new_guest(const void *code, size_t size)
{
    int fd = open(GUEST_FILE, O_RDWR);

    if (fd < 0 && errno == ENODEV)
        utest_skip("the CPU has no SVM");
    if (fd < 0 && errno == ENOENT)
        utest_skip("there is no " GUEST_FILE);
    REQUIRE(fd >= 0);
    REQUIRE(pwrite(fd, code, size, 0) == (ssize_t)size);
    return fd;
}

static void need_guests(void)
{
    close(new_guest("", 0));
}

// ---- exact counts on both sides ----

struct shared {
    volatile bool go;
    volatile long guests_left[MAX_CPUS]; // a CPU's host task runs until there are none
    volatile long stores[MAX_CPUS];      // to `common`
    volatile long forks[MAX_CPUS];       // each fork writes the kernel's SYMBOL
    volatile uint64_t interrupts;        // of guests
};
static struct shared *shared;

static volatile uint64_t common; // watched by an event of each CPU
static volatile uint64_t own[2]; // each task watches it with its own event

struct place {
    int cpu;
    enum { RUNS_GUESTS, FORKS, TRACES } role;
};

// Runs one guest to its end. It must have seen each of its own accesses.
static void run_guest(int cpu)
{
    struct guest_data data = {.rounds = on_tcg() ? ROUNDS_TCG : ROUNDS};
    uint64_t rounds = data.rounds;
    struct guest_state s;
    int fd = new_guest(guest_image, (size_t)(guest_image_end - guest_image));

    CHECK_EQ(pwrite(fd, &data, sizeof data, GUEST_DATA), sizeof data);
    for (int i = 0; i < GUEST_BREAKPOINTS; i++) {
        CHECK_EQ(ioctl(fd, GUEST_RUN, &s), 0);
        CHECK_EQ(s.rax, GUEST_REPORT);
        CHECK_EQ(s.rdi, rounds * (unsigned)guest_hits_per_round[i]);
        store8(&common, s.rdi);
        __atomic_fetch_add(&shared->stores[cpu], 1, __ATOMIC_RELAXED);
    }
    CHECK_EQ(ioctl(fd, GUEST_RUN, &s), 0);
    CHECK_EQ(s.rax, GUEST_EXIT);
    CHECK_EQ(s.rdi, 0); // #DBs whose DR6 named no register
    CHECK_EQ(s.owns_dr, 1);
    CHECK_EQ(pread(fd, &data, sizeof data, GUEST_DATA), sizeof data);
    CHECK_EQ(data.hits[0], rounds);
    __atomic_fetch_add(&shared->interrupts, s.interrupts, __ATOMIC_RELAXED);
    close(fd);
}

static void fork_once(int cpu)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    CHECK_EQ(wait_for(pid), 0);
    __atomic_fetch_add(&shared->forks[cpu], 1, __ATOMIC_RELAXED);
}

static void wait_for_go(void)
{
    while (!shared->go)
        sleep_ms(1);
}

static void task_on_cpu(void *arg)
{
    struct place *here = arg;
    long stores[2] = {0};

    pin_to_cpu(here->cpu);
    int write = bp_must(HW_BREAKPOINT_W, &own[0], 8), any = bp_must(HW_BREAKPOINT_RW, &own[1], 8);
    wait_for_go();
    for (long turn = 0;
         here->role == RUNS_GUESTS ? turn < scaled(TURNS) : shared->guests_left[here->cpu] > 0;
         turn++) {
        if (here->role == RUNS_GUESTS)
            run_guest(here->cpu);
        else if (turn % 64 == 0)
            fork_once(here->cpu);
        for (int i = 0; i < 2; i++) {
            for (long n = turn % 5 + i; n >= 0; n--, stores[i]++)
                store8(&own[i], (uint64_t)n);
        }
        store8(&common, (uint64_t)turn);
        __atomic_fetch_add(&shared->stores[here->cpu], 1, __ATOMIC_RELAXED);
    }
    if (here->role == RUNS_GUESTS)
        __atomic_fetch_sub(&shared->guests_left[here->cpu], 1, __ATOMIC_RELAXED);
    CHECK_EQ(bp_end(write), stores[0]);
    CHECK_EQ(bp_end(any), stores[1]);
}

// A debugger: through ptrace it watches a child, which stops at each store.
static void store_beside_guests(void *arg)
{
    for (long i = 0; i < *(long *)arg; i++)
        store8(&own[0], (uint64_t)i);
}

static void trace_on_cpu(void *arg)
{
    struct place *here = arg;
    long stores = scaled(TRACED_STORES), hits = 0;
    int status;

    pin_to_cpu(here->cpu);
    wait_for_go();
    do {
        pid_t pid = trace(store_beside_guests, &stores);
        __atomic_fetch_add(&shared->forks[here->cpu], 1, __ATOMIC_RELAXED);
        CHECK_EQ(poke_dr(pid, 0, (uintptr_t)&own[0]), 0);
        CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_W, 2)), 0);
        for (hits = 0; (status = go(PTRACE_CONT, pid, 0)) == STOPPED(SIGTRAP); hits++)
            ;
        CHECK_EQ(status, ENDED(0));
        CHECK_EQ(hits, stores);
    } while (shared->guests_left[here->cpu] > 0);
}

// The hits of the kernel's variable: the number before the name, as in "W   HITS   next_tid".
static long symbol_hits(void)
{
    char text[4096];

    REQUIRE(read_text(KSYM_STAT_FILE, text, sizeof text) >= 0);
    for (const char *line = text; line; line = next_line(line)) {
        char access[8], name[32];
        long hits;
        if (sscanf(line, "%7s %ld %31s", access, &hits, name) == 3 && strcmp(name, SYMBOL) == 0)
            return hits;
    }
    return -1;
}

UTEST_RULES(guest, "guest.counts", "exact") // under the rules of 2009 four registers are too few
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &common, 8);
    int cpus = online_cpus() < MAX_CPUS ? online_cpus() : MAX_CPUS, fd[MAX_CPUS];
    struct place place[MAX_CPUS][TASKS_PER_CPU];
    pid_t pids[MAX_CPUS][TASKS_PER_CPU];
    long forks = 0;

    need_guests();
    shared = shared_memory(sizeof *shared);
    for (int cpu = 0; cpu < cpus; cpu++) {
        fd[cpu] = bp_open_attr(&attr, -1, cpu);
        REQUIRE(fd[cpu] >= 0);
        shared->guests_left[cpu] = GUEST_TASKS;
    }
    REQUIRE(write_text(KSYM_FILTER_FILE, SYMBOL ":-w-\n") == 0);
    long symbol = symbol_hits();
    for (int cpu = 0; cpu < cpus; cpu++) {
        for (int i = 0; i < TASKS_PER_CPU; i++) {
            int role = i < GUEST_TASKS ? RUNS_GUESTS : i == GUEST_TASKS ? FORKS : TRACES;
            place[cpu][i] = (struct place){cpu, role};
            pids[cpu][i] = spawn(role == TRACES ? trace_on_cpu : task_on_cpu, &place[cpu][i]);
        }
    }
    shared->go = true;
    for (int cpu = 0; cpu < cpus; cpu++) {
        for (int i = 0; i < TASKS_PER_CPU; i++)
            join(pids[cpu][i]);
        forks += TASKS_PER_CPU + shared->forks[cpu];
        CHECK_EQ(bp_end(fd[cpu]), shared->stores[cpu]);
    }
    CHECK_EQ(symbol_hits() - symbol, forks);
    REQUIRE(write_text(KSYM_FILTER_FILE, "\n") == 0);
    CHECK(shared->interrupts > 0);
    utest_note("%d guests, interrupted %llu times; beside them %ld stores, %ld forks",
               (int)(cpus * GUEST_TASKS * scaled(TURNS)), (unsigned long long)shared->interrupts,
               shared->stores[0] + shared->stores[1], forks);
}

// ---- the lazy switch ----

// VMMCALL in a loop. The last one comes after the first access to a debug register.
static const uint8_t calls_code[] = {
    0x0f, 0x01, 0xd9, // vmmcall
    0x48, 0xff, 0xc8, // dec rax
    0x75, 0xf8,       // jnz to the vmmcall
    0x0f, 0x21, 0xf8, // mov rax, dr7
    0x0f, 0x01, 0xd9, // vmmcall
};

UTEST_HWBP(lazy, "guest.lazy")
{
    int fd = new_guest(calls_code, sizeof calls_code);
    struct guest_state s;
    static volatile uint64_t watched;

    pin_to_cpu(0);
    long before = hwbp_sum("cpu", "guest_writes");
    CHECK_EQ(ioctl(fd, GUEST_RUN, &s), 0);
    long without = hwbp_sum("cpu", "guest_writes");
    CHECK_EQ(without - before, 0); // the host had no breakpoint, so nothing was restored
    int bp = bp_must(HW_BREAKPOINT_W, &watched, 8);
    uint64_t entries = s.entries;
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(ioctl(fd, GUEST_RUN, &s), 0);
        CHECK_EQ(s.owns_dr, 0);
    }
    // #VMEXIT switches the host's DR7 off. In QEMU it has to be off before the entry as well.
    CHECK_EQ(hwbp_sum("cpu", "guest_writes") - without,
             (long)(s.entries - entries) * (on_tcg() ? 2 : 1));
    store8(&watched, 1);
    CHECK_EQ(bp_end(bp), 1);
    close(fd);

    uint8_t code[sizeof calls_code];
    memcpy(code, calls_code, sizeof code);
    code[6] = code[7] = 0x90; // no jump: the loop ends
    fd = new_guest(code, sizeof code);
    CHECK_EQ(ioctl(fd, GUEST_RUN, &s), 0);
    CHECK_EQ(s.owns_dr, 0);
    CHECK_EQ(ioctl(fd, GUEST_RUN, &s), 0);
    CHECK_EQ(s.owns_dr, 1);
    CHECK_EQ(s.rax, 0x400); // DR7 as after reset, not the host's
    close(fd);
}

// ---- what ends a guest ----

// The guest's #DB handler begins at an execute breakpoint. So each #DB raises the next one, and the
// host gets no instruction boundary at which it could interrupt.
extern const char guest_storm[], guest_storm_handler[], guest_storm_end[];
__asm__(".pushsection .rodata\n"
        ".global guest_storm, guest_storm_handler, guest_storm_end\n"
        "guest_storm:\n"
        "    lgdt 90f - guest_storm\n"
        "    lidt 91f - guest_storm\n"
        "    mov $guest_storm_handler - guest_storm, %eax\n"
        "    mov %rax, %dr0\n"
        "    mov $0x402, %eax\n"
        "    mov %rax, %dr7\n"
        "    int $1\n"
        "    hlt\n"
        "guest_storm_handler:\n"
        "    iretq\n"
        "    .balign 8\n"
        "80: .quad 0, 0x00af9b000000ffff\n"
        "81: .quad 0, 0\n"
        "    .word guest_storm_handler - guest_storm, 8, 0x8e00, 0, 0, 0, 0, 0\n"
        "90: .word 15\n"
        "    .quad 80b - guest_storm\n"
        "91: .word 31\n"
        "    .quad 81b - guest_storm\n"
        "guest_storm_end:\n"
        ".popsection\n");

UTEST(storm, "guest.storm")
{
    struct guest_state s = {0};

    need_guests();
    int fd = new_guest(guest_storm, (size_t)(guest_storm_end - guest_storm));
    CHECK_ERRNO(ioctl(fd, GUEST_RUN, &s), EIO);
    CHECK_EQ(s.exit_code, 0x4d); // #GP: the stack has overwritten the IDT and GDT
    CHECK_EQ(s.rip, guest_storm_handler - guest_storm);
    close(fd);
}

struct misdeed {
    const char *name;
    uint8_t code[16];
    uint64_t exit_code; // AMD APM vol. 2, appendix C
};

static const struct misdeed misdeeds[] = {
    {"hlt", {0xf4}, 0x78},
    {"ud2", {0x0f, 0x0b}, 0x46},
    {"out 0x80, al", {0xe6, 0x80}, 0x7b},
    {"rdmsr", {0x0f, 0x32}, 0x7c},
    {"mov rax, cr0", {0x0f, 0x20, 0xc0}, 0x00},
    {"mov cr3, rax", {0x0f, 0x22, 0xd8}, 0x13},
    {"ltr ax", {0x0f, 0x00, 0xd8}, 0x6d},
    {"vmrun", {0x0f, 0x01, 0xd8}, 0x80},
    {"stgi", {0x0f, 0x01, 0xdc}, 0x84},
    {"fninit", {0xdb, 0xe3}, 0x47},
    {"mov al, [0x10000]", {0x8a, 0x04, 0x25, 0x00, 0x00, 0x01, 0x00}, 0x4e},
    {"mov al, [-1]", {0x8a, 0x04, 0x25, 0xff, 0xff, 0xff, 0xff}, 0x4e},
};

UTEST(misdeeds, "guest.misdeeds")
{
    struct guest_state s;

    need_guests();
    for (size_t i = 0; i < sizeof misdeeds / sizeof misdeeds[0]; i++) {
        const struct misdeed *m = &misdeeds[i];
        int fd = new_guest(m->code, sizeof m->code);
        CHECK_ERRNO(ioctl(fd, GUEST_RUN, &s), EIO);
        if (s.exit_code != m->exit_code || s.rip != 0)
            utest_fail(__FILE__, __LINE__, "%s: exit code %#llx at %#llx", m->name,
                       (unsigned long long)s.exit_code, (unsigned long long)s.rip);
        CHECK_ERRNO(ioctl(fd, GUEST_RUN, &s), EIO); // a dead guest cannot run again
        close(fd);
    }
}

UTEST(file, "guest.file")
{
    char byte = 7;
    struct guest_state s;

    need_guests();
    int fd = new_guest(calls_code, sizeof calls_code);
    CHECK_EQ(pread(fd, &byte, 1, sizeof calls_code), 1);
    CHECK_EQ(byte, 0);
    CHECK_EQ(pread(fd, &byte, 1, 0x10000), 0);
    CHECK_EQ(pwrite(fd, &byte, 1, 0xffff), 1);
    CHECK_ERRNO(pwrite(fd, &byte, 1, 0x10000), ENOSPC);
    CHECK_ERRNO(pwrite(fd, bad_pointer(), 1, 0), EFAULT);
    CHECK_ERRNO(ioctl(fd, GUEST_RUN, bad_pointer()), EFAULT);
    CHECK_ERRNO(ioctl(fd, GUEST_RUN + 1, &s), ENOTTY);
    close(fd);
}

static void on_alarm(int)
{
}

static void run_for_ever(void *arg)
{
    struct guest_state s;

    ioctl(*(int *)arg, GUEST_RUN, &s);
}

// A guest that never exits by itself: signals interrupt it, and a second process cannot run it.
UTEST(endless, "guest.endless")
{
    static const uint8_t code[] = {0xff, 0x04, 0x25, 0x00, 0x10, 0x00, 0x00, // inc dword [0x1000]
                                   0xeb, 0xf7};                              // jmp to the inc
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{.tv_usec = 50000}, {.tv_usec = 50000}};
    uint32_t count = 0, later = 0;
    struct guest_state s;

    need_guests();
    int fd = new_guest(code, sizeof code);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0); // the first may come early
    CHECK_ERRNO(ioctl(fd, GUEST_RUN, &s), EINTR);
    CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
    CHECK_EQ(pread(fd, &count, sizeof count, 0x1000), sizeof count);
    CHECK(count > 0);

    pid_t pid = spawn(run_for_ever, &fd);
    do // the guest goes on where it was
        CHECK_EQ(pread(fd, &later, sizeof later, 0x1000), sizeof later);
    while (later == count);
    CHECK_ERRNO(ioctl(fd, GUEST_RUN, &s), EBUSY);
    kill(pid, SIGKILL);
    int status = wait_for(pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(fd);
}
