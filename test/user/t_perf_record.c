// Records of what tasks do: names, forks, exits, mappings and switches. Also throttling and
// frequencies.
#include "test/user/perf_ring.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define RATE_FILE "/proc/sys/kernel/perf_event_max_sample_rate"

static volatile uint64_t v;

// An event that counts nothing, but gets all records that its attr asks for.
static struct perf_event_attr dummy(void)
{
    struct perf_event_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.size = sizeof attr;
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_IDENTIFIER;
    attr.sample_id_all = 1;
    attr.exclude_kernel = 1;
    return attr;
}

// The size of what sample_id_all appends here.
#define TRAILER 24
static void check_trailer(const struct perf_event_header *h, pid_t pid)
{
    const uint64_t *t = (const uint64_t *)((const uint8_t *)h + h->size - TRAILER);

    CHECK_EQ(t[0], pid_tid(pid, pid));
    CHECK(t[1] > 0 && t[1] <= now_ns());
    CHECK(t[2] > 0);
}

UTEST(comm, "perf-record-comm")
{
    struct perf_event_attr attr = dummy();
    const struct perf_event_header *h;

    attr.comm = 1;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 1);
    prctl(PR_SET_NAME, "eightchr");
    REQUIRE((h = ring_next(&r)));
    CHECK_EQ(h->type, PERF_RECORD_COMM);
    CHECK_EQ(h->misc & PERF_RECORD_MISC_COMM_EXEC, 0);
    CHECK_EQ(h->size, 8 + 8 + 16 + TRAILER);
    CHECK_EQ(words(h)[0], pid_tid(getpid(), getpid()));
    CHECK(strcmp((const char *)(words(h) + 1), "eightchr") == 0);
    check_trailer(h, getpid());
    CHECK(ring_next(&r) == NULL);
    ring_unmap(&r);
    close(fd);
}

struct task_record {
    struct perf_event_header header;
    uint32_t pid, ppid, tid, ptid;
    uint64_t time;
};

UTEST(fork_exit, "perf-record-fork-exit")
{
    struct perf_event_attr attr = dummy();
    const struct task_record *t;
    int status;

    attr.task = 1;
    attr.inherit = 1;
    pin_to_cpu(0);
    int fd = MUST_OPEN(&attr, 0, 0); // bound to a CPU, because copies write to the buffer, too
    struct ring r = ring_map(fd, 1);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, &status, 0);
    REQUIRE((t = (const void *)ring_next(&r)));
    CHECK_EQ(t->header.type, PERF_RECORD_FORK);
    CHECK_EQ(t->header.size, sizeof *t + TRAILER);
    CHECK_EQ(t->pid, pid);
    CHECK_EQ(t->tid, pid);
    CHECK_EQ(t->ppid, getpid());
    CHECK_EQ(t->ptid, getpid());
    check_trailer(&t->header, getpid());
    REQUIRE((t = (const void *)ring_next(&r)));
    CHECK_EQ(t->header.type, PERF_RECORD_EXIT);
    CHECK_EQ(t->pid, pid);
    CHECK_EQ(t->tid, pid);
    CHECK_EQ(t->ppid, getpid());
    check_trailer(&t->header, pid);
    CHECK(ring_next(&r) == NULL);
    ring_unmap(&r);
    close(fd);
}

struct map_record {
    struct perf_event_header header;
    uint32_t pid, tid;
    uint64_t addr, len, offset;
    uint32_t major, minor;
    uint64_t ino, generation;
    uint32_t prot, flags;
    char path[];
};

UTEST(maps, "perf-record-mmap")
{
    struct perf_event_attr attr = dummy();
    const struct map_record *m;

    attr.mmap = attr.mmap2 = attr.mmap_data = 1;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 1);
    while (ring_next(&r)) // skips the record of the buffer's own mapping
        ;
    void *data = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE((m = (const void *)ring_next(&r)));
    CHECK_EQ(m->header.type, PERF_RECORD_MMAP2);
    CHECK_EQ(m->header.misc, PERF_RECORD_MISC_USER | PERF_RECORD_MISC_MMAP_DATA);
    CHECK_EQ(m->addr, (uintptr_t)data);
    CHECK_EQ(m->len, 8192);
    CHECK_EQ(m->prot, PROT_READ | PROT_WRITE);
    CHECK(strcmp(m->path, "//anon") == 0);
    REQUIRE((m = (const void *)ring_next(&r)));
    CHECK_EQ(m->header.misc, PERF_RECORD_MISC_USER);
    CHECK_EQ(m->addr, (uintptr_t)code);
    CHECK_EQ(m->pid, getpid());
    check_trailer(&m->header, getpid());
    ring_unmap(&r);
    close(fd);
}

// exec: the new name, then the mappings of the program, with the path and the inode of its file.
UTEST(exec, "perf-record-exec")
{
    struct perf_event_attr attr = dummy();
    const struct perf_event_header *h;
    const struct map_record *m;
    int ready[2], status, comms = 0, maps = 0;
    struct stat st;
    char c = 0;

    REQUIRE(stat("/bin/true", &st) == 0);
    attr.mmap = attr.mmap2 = attr.comm = attr.comm_exec = 1;
    REQUIRE(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        read(ready[0], &c, 1);
        execl("/bin/true", "true", (char *)NULL);
        no_exec("true");
    }
    int fd = MUST_OPEN(&attr, pid, -1);
    struct ring r = ring_map(fd, 1);
    write(ready[1], &c, 1);
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    while ((h = ring_next(&r))) {
        if (h->type == PERF_RECORD_COMM) {
            comms++;
            CHECK_EQ(maps, 0);
            CHECK_EQ(h->misc, PERF_RECORD_MISC_COMM_EXEC);
            CHECK(strcmp((const char *)(words(h) + 1), "true") == 0);
            continue;
        }
        m = (const void *)h;
        if (h->type == PERF_RECORD_MMAP2 && strcmp(m->path, "/bin/true") == 0) {
            maps++;
            CHECK_EQ(m->ino, st.st_ino);
            CHECK_EQ(m->major, major(st.st_dev));
            CHECK_EQ(m->minor, minor(st.st_dev));
        }
    }
    CHECK_EQ(comms, 1);
    CHECK(maps >= 1);
    ring_unmap(&r);
    close(fd);
}

UTEST(switches, "perf-record-switch")
{
    struct perf_event_attr attr = dummy();
    const struct perf_event_header *h;
    int out = 0, in = 0;

    attr.context_switch = 1;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 4);
    for (int i = 0; i < 10; i++)
        sleep_ms(2);
    while ((h = ring_next(&r))) {
        CHECK_EQ(h->type, PERF_RECORD_SWITCH);
        CHECK_EQ(h->size, 8 + TRAILER);
        if (h->misc & PERF_RECORD_MISC_SWITCH_OUT)
            out++;
        else
            in++;
        CHECK(out - in == 0 || out - in == 1); // out, in, out, in
    }
    CHECK(out >= 10);
    CHECK_EQ(out, in);
    ring_unmap(&r);
    close(fd);

    attr.sample_type |= PERF_SAMPLE_CPU;
    fd = MUST_OPEN(&attr, -1, 0); // an event of a CPU names the other task
    r = ring_map(fd, 8);
    pin_to_cpu(0);
    for (int i = 0; i < 5; i++)
        sleep_ms(2);
    out = in = 0;
    while ((h = ring_next(&r))) {
        CHECK_EQ(h->type, PERF_RECORD_SWITCH_CPU_WIDE);
        if ((uint32_t)words(h)[0] == (uint32_t)getpid()) {
            if (h->misc & PERF_RECORD_MISC_SWITCH_OUT)
                in++; // another task made way for this one
            else
                out++;
        }
    }
    CHECK(in >= 5 && out >= 5);
    ring_unmap(&r);
    close(fd);
}

// inherit_stat: a record with the count of each child when it ends.
UTEST_HWBP(read_records, "perf-record-read")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    const struct perf_event_header *h;
    int status;

    attr.inherit = attr.inherit_stat = 1;
    pin_to_cpu(0);
    int fd = MUST_OPEN(&attr, 0, 0);
    struct ring r = ring_map(fd, 1);
    for (int n = 1; n <= 3; n++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (int i = 0; i < n; i++)
                store8(&v, 1);
            _exit(0);
        }
        waitpid(pid, &status, 0);
        REQUIRE((h = ring_next(&r)));
        CHECK_EQ(h->type, PERF_RECORD_READ);
        CHECK_EQ(words(h)[0], pid_tid(pid, pid));
        CHECK_EQ(words(h)[1], n);
    }
    ring_unmap(&r);
    CHECK_EQ(bp_end(fd), 6);
}

// ---- how often ----

// More overflows in a tick than allowed: a record says so, and samples go on at the next tick. All
// hits count.
UTEST_HWBP(throttle, "perf-throttle")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    const struct perf_event_header *h;
    char before[32] = "";
    long samples = 0, off = 0, on = 0, stores = 0;

    if (!on_dr7())
        utest_skip("Linux does not throttle breakpoints");
    attr.sample_period = 1;
    attr.sample_type = PERF_SAMPLE_IP;
    read_text(RATE_FILE, before, sizeof before);
    CHECK(strtol(before, NULL, 10) > 0);
    REQUIRE(write_text(RATE_FILE, "2500") == 0); // ten in a tick
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 16);
    uint64_t start = now_ns(), end = start + 200000000;
    while (now_ns() < end) {
        for (int i = 0; i < 100; i++, stores++)
            store8(&v, 1);
    }
    long ticks = (long)((now_ns() - start) / 4000000) + 2;
    CHECK_EQ(write_text(RATE_FILE, before), 0);
    while ((h = ring_next(&r))) {
        if (h->type == PERF_RECORD_THROTTLE) {
            off++;
            CHECK_EQ(h->size, 8 + 24);
        } else if (h->type == PERF_RECORD_UNTHROTTLE) {
            on++;
            CHECK_EQ(off, on);
        } else {
            samples++;
        }
    }
    CHECK(off >= 3);
    CHECK(off - on <= 1);
    CHECK(samples < stores);
    CHECK(samples <= 10 * ticks);
    CHECK_EQ(bp_end(fd), stores);
}

// Stores for a while. Returns the samples of that time; *last is the last one's period.
static uint64_t store_for(struct ring *r, uint64_t ns, uint64_t *last)
{
    const struct perf_event_header *h;
    uint64_t end = now_ns() + ns, samples = 0;

    while (now_ns() < end)
        for (int i = 0; i < 20; i++)
            store8(&v, 1);
    while ((h = ring_next(r))) {
        if (h->type != PERF_RECORD_SAMPLE)
            continue;
        *last = words(h)[0];
        samples++;
    }
    return samples;
}

// About 500 samples a second. On a busy host an emulator makes no steady load, so the test tries
// again.
UTEST_HWBP(frequency, "perf-freq")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);
    uint64_t last = 0, samples = 0;

    attr.freq = 1;
    attr.sample_freq = 500;
    attr.sample_type = PERF_SAMPLE_PERIOD;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 64);
    store_for(&r, 300000000, &last);
    for (int tries = 0; tries < 8 && !(samples > 150 && samples < 600); tries++)
        samples = store_for(&r, 600000000, &last);
    utest_note("%llu samples in 0.6 s, last period %llu", (unsigned long long)samples,
               (unsigned long long)last);
    CHECK(last > 1);
    CHECK(samples > 150 && samples < 600);
    ring_unmap(&r);
    close(fd);
}

// A clock samples the program.
UTEST(clock, "perf-sample-clock")
{
    struct perf_event_attr attr = dummy();
    const struct perf_event_header *h;
    uint64_t samples = 0, in_loop = 0;

    attr.config = PERF_COUNT_SW_TASK_CLOCK;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.sample_period = 10000000;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 4);
    uint64_t end = now_ns() + 400000000;
    while (now_ns() < end)
        for (int i = 0; i < 10000; i++)
            __asm__ volatile("" ::: "memory");
    while ((h = ring_next(&r))) {
        samples++;
        in_loop += h->misc == PERF_RECORD_MISC_USER;
    }
    CHECK(samples > 5 && samples <= 41);
    CHECK_EQ(in_loop, samples); // exclude_kernel
    ring_unmap(&r);
    close(fd);
}

// Works until the event has counted this much. Returns the count.
static uint64_t work_until(int fd, uint64_t ns)
{
    uint64_t count;

    do
        for (int i = 0; i < 1000; i++)
            __asm__ volatile("" ::: "memory");
    while ((count = bp_read(fd)) < ns);
    return count;
}

static uint64_t count_samples(struct ring *r)
{
    uint64_t samples = 0;

    while (ring_find(r, PERF_RECORD_SAMPLE))
        samples++;
    return samples;
}

// One sample for each counted period, and never more. When the host stops an emulator, the clock
// goes on and samples are missed. So one good stretch of three is enough.
static void check_clock(uint64_t config, uint64_t period, bool freq)
{
    struct perf_event_attr attr = dummy();
    uint64_t samples = 0, all = 0, from = 0, to = 0;

    attr.config = config;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.exclude_kernel = 0;
    attr.freq = freq;
    attr.sample_period = freq ? 1000000000 / period : period;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 4);
    int tries = 0;
    do {
        from = to;
        to = work_until(fd, from + 3 * period);
        all += samples = count_samples(&r);
    } while (samples * period < (to - from) / 10 * 9 && ++tries < 1000);
    utest_note("%llu samples in %llu ns", (unsigned long long)samples,
               (unsigned long long)(to - from));
    CHECK(samples * period >= (to - from) / 10 * 9);
    CHECK(all <= bp_read(fd) / period + 1);
    ring_unmap(&r);
    close(fd);
}

UTEST(clock_period, "perf-clock-period")
{
    check_clock(PERF_COUNT_SW_TASK_CLOCK, 1000000, false);
    check_clock(PERF_COUNT_SW_CPU_CLOCK, 1000000, true);
    check_clock(PERF_COUNT_SW_TASK_CLOCK, 300000, false);
}
