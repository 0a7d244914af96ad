// All consumers of breakpoints at once: ptrace on one task, flexible events on others, the symbol
// tracer on a kernel variable, guests, and (started by test/together.py) gdb on the kernel.
//
// Every count is exact at the end, because each task counts its own accesses. Registers of a CPU:
// one for the symbol tracer, one for gdb, two for the tracee or for another task's flexible events.
#include "test/user/bp_test.h"
#include "test/user/trace.h"
#include "user/trace.h"
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define SECONDS     2  // unless the command line has another number
#define FLEXIBLE    2  // events of each flexible task: both fit
#define CROWD       6  // events of the crowded task: they take turns
#define BURST       20 // accesses between two yields
#define RATE_MS     20 // between two changes of the sample rate
#define RATE_FILE   "/proc/sys/kernel/perf_event_max_sample_rate"
#define GUEST       "/bin/guest"
#define GUEST_WORDS "200" // rounds of each guest
#define NO_GUEST    77    // the guest's status where the CPU has no SVM
#define MAX_TASKS   80

static struct shared {
    volatile int stop;
    uint64_t forks; // atomic: tasks made, each by one write to the kernel's next_tid
    uint64_t traced, rates, guests, no_guests, flexible, crowded;
} * shared;

static volatile uint64_t cell[CROWD] __attribute__((aligned(64)));

static pid_t counted_spawn(void (*fn)(void *), void *arg)
{
    __atomic_add_fetch(&shared->forks, 1, __ATOMIC_RELAXED);
    return spawn(fn, arg);
}

static void nothing(void *)
{
}

// ---- ptrace ----

static void tracee(void *writes)
{
    while (!shared->stop) {
        ++*(uint64_t *)writes; // counted first, because the access may stop the tracee
        store8(&cell[0], 1);
        load8(&cell[1]);
    }
}

// Each access stops the tracee once: the write in DR0, the read in DR1.
static void tracer(void *)
{
    uint64_t *writes = shared_memory(sizeof *writes), hits[2] = {0};
    int status;

    __atomic_add_fetch(&shared->forks, 1, __ATOMIC_RELAXED);
    pid_t pid = trace(tracee, writes);
    CHECK_EQ(poke_dr(pid, 0, (uintptr_t)&cell[0]), 0);
    CHECK_EQ(poke_dr(pid, 1, (uintptr_t)&cell[1]), 0);
    CHECK_EQ(poke_dr(pid, 7, DR7_SET(0, DR_W, 2) | DR7_SET(1, DR_RW, 2)), 0);
    while ((status = go(PTRACE_CONT, pid, 0)) == STOPPED(SIGTRAP)) {
        unsigned long dr6 = peek_dr(pid, 6);
        CHECK(dr6 == (DR6_NONE | 1) || dr6 == (DR6_NONE | 2));
        hits[0] += dr6 & 1;
        hits[1] += dr6 >> 1 & 1;
        CHECK_EQ(poke_dr(pid, 6, DR6_NONE), 0);
    }
    CHECK_EQ(status, ENDED(0));
    CHECK_EQ(hits[0], *writes);
    CHECK_EQ(hits[1], *writes);
    shared->traced = *writes;
}

// ---- perf ----

static int open_flexible(volatile uint64_t *addr)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, addr, 8);

    attr.pinned = 0;
    attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    return bp_open_attr(&attr, 0, -1);
}

struct reading {
    uint64_t count, enabled, running;
};

static struct reading end_reading(int fd)
{
    struct reading r = {0};

    CHECK_EQ(read(fd, &r, sizeof r), sizeof r);
    close(fd);
    return r;
}

// Writes to `n` cells until the end, on all CPUs in turn, and sometimes makes a task. Returns how
// often it wrote to each cell.
static uint64_t write_cells(int n)
{
    int cpus = online_cpus();
    uint64_t bursts = 0;

    for (; !shared->stop; bursts++) {
        for (int i = 0; i < BURST; i++)
            for (int c = 0; c < n; c++)
                store8(&cell[c], bursts);
        if (bursts % 64 == 0)
            join(counted_spawn(nothing, NULL));
        if (bursts % 16 == 0)
            pin_to_cpu((int)(bursts / 16 % (unsigned)cpus));
        sched_yield();
    }
    return bursts * BURST;
}

static void flexible_task(void *)
{
    int fd[FLEXIBLE];

    for (int i = 0; i < FLEXIBLE; i++)
        REQUIRE((fd[i] = open_flexible(&cell[i])) >= 0);
    uint64_t writes = write_cells(FLEXIBLE);
    for (int i = 0; i < FLEXIBLE; i++) {
        struct reading r = end_reading(fd[i]);
        CHECK_EQ(r.count, writes);
        CHECK_EQ(r.running, r.enabled);
        __atomic_add_fetch(&shared->flexible, r.count, __ATOMIC_RELAXED);
    }
}

// More events than registers: each counts a part of the accesses, and its times tell how large a
// part.
static void crowded_task(void *)
{
    int fd[CROWD];

    for (int i = 0; i < CROWD; i++)
        REQUIRE((fd[i] = open_flexible(&cell[i])) >= 0);
    uint64_t writes = write_cells(CROWD);
    for (int i = 0; i < CROWD; i++) {
        struct reading r = end_reading(fd[i]);
        CHECK(r.count <= writes && r.running < r.enabled);
        CHECK(r.count == 0 || r.running > 0);
        __atomic_add_fetch(&shared->crowded, r.count, __ATOMIC_RELAXED);
    }
}

// ---- the kernel's own variables ----

// Each change is one write to the kernel's max_rate, which gdb may watch.
static void rate_writer(void *)
{
    char before[32], text[32];

    REQUIRE(read_text(RATE_FILE, before, sizeof before) > 0);
    while (!shared->stop) {
        snprintf(text, sizeof text, "%ld\n", atol(before) + 1 + (long)(shared->rates & 1));
        CHECK_EQ(write_text(RATE_FILE, text), 0);
        shared->rates++;
        sleep_ms(RATE_MS);
    }
    CHECK_EQ(write_text(RATE_FILE, before), 0);
    shared->rates++;
}

// ---- guests ----

static void run_guest(void *)
{
    REQUIRE(freopen("/dev/null", "w", stdout) != NULL);
    execl(GUEST, GUEST, GUEST_WORDS, NULL);
    no_exec(GUEST);
}

// Runs one guest after the other. Each compares its own hits with its accesses.
static void host(void *)
{
    while (!shared->stop && !shared->no_guests) {
        int status = wait_for(counted_spawn(run_guest, NULL));
        if (WIFEXITED(status) && WEXITSTATUS(status) == NO_GUEST)
            shared->no_guests++;
        else
            CHECK_EQ(status, 0);
        shared->guests++;
    }
}

// ---- all of it ----

// The lines of /proc/hwbp that must be the same before and after.
static void read_slots(char *buf, size_t size)
{
    static char text[65536];
    size_t len = 0;

    REQUIRE(read_text(HWBP_FILE, text, sizeof text) > 0);
    for (const char *line = text; line; line = next_line(line))
        if (strncmp(line, "slots ", 6) == 0 || strncmp(line, "hwbp ", 5) == 0)
            len +=
                (size_t)snprintf(buf + len, size - len, "%.*s\n", (int)strcspn(line, "\n"), line);
}

static long hits_of(const char *symbol)
{
    static char text[4096];

    REQUIRE(read_text(KSYM_STAT_FILE, text, sizeof text) > 0);
    for (const char *line = text; line; line = next_line(line)) {
        char name[128];
        long hits;
        if (sscanf(line, " W %ld %127s", &hits, name) == 2 && strcmp(name, symbol) == 0)
            return hits;
    }
    return -1;
}

UTEST_ENTRY(together, "together", "exact", NEEDS_DR7)
{
    static char before[8192], after[8192];
    pid_t pid[MAX_TASKS];
    int n = 0, tasks = 2 * online_cpus();
    long ms = test_seconds() ? test_seconds() * 1000 : scaled(SECONDS * 1000);

    shared = shared_memory(sizeof *shared);
    read_slots(before, sizeof before);
    REQUIRE(write_text(KSYM_FILTER_FILE, "next_tid:-w-") == 0);
    pid[n++] = counted_spawn(tracer, NULL);
    pid[n++] = counted_spawn(crowded_task, NULL);
    pid[n++] = counted_spawn(rate_writer, NULL);
    if (access(GUEST, X_OK) == 0)
        pid[n++] = counted_spawn(host, NULL);
    for (int i = 0; i < tasks && n < MAX_TASKS; i++)
        pid[n++] = counted_spawn(flexible_task, NULL);
    sleep_ms(ms);
    shared->stop = 1;
    for (int i = 0; i < n; i++)
        join(pid[i]);
    CHECK_EQ(hits_of("next_tid"), shared->forks);
    CHECK_EQ(write_text(KSYM_FILTER_FILE, "next_tid:---"), 0);
    read_slots(after, sizeof after);
    if (strcmp(before, after) != 0)
        utest_fail(__FILE__, __LINE__, "slots before:\n%s\nand after:\n%s", before, after);
    utest_note("%ld ms: %lu tasks made, %lu stops of the tracee, %lu hits of %d flexible tasks", ms,
               shared->forks, 2 * shared->traced, shared->flexible, tasks);
    utest_note("and %lu of the crowded one, %lu guests%s, sample rate written %lu times",
               shared->crowded, shared->guests, shared->no_guests ? " (no SVM)" : "",
               shared->rates);
}
