// Fills the memory that pointers point to: with nearly correct structures, or with random bytes.
#define _GNU_SOURCE
#include "test/fuzz/fuzz.h"
#include "test/fuzz/signals.h"
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/uio.h>

static void put(void *at, size_t size, const void *what, size_t n)
{
    memcpy(at, what, n < size ? n : size);
}

static void fill_bytes(void *at, size_t size, struct rng *r)
{
    static const char *const words[] = {
        "0", "1", "2009", "exact", "mainline", "100000", "next_tid:-w-", "next_tid:---", "name"};
    uint64_t *to = at;

    switch (rng_below(r, 3)) {
    case 0:
        memset(at, 0, size);
        strcpy(at, words[rng_below(r, sizeof words / sizeof *words)]);
        break;
    case 1:
        for (size_t i = 0; i < size / 8; i++)
            to[i] = rng_next(r);
        break;
    default:
        for (size_t i = 0; i < size / 8; i++)
            to[i] = rng_once_in(r, 2) ? rng_below(r, 8) : hostile_number(r);
    }
}

static void fill_path(char *at, size_t size, struct rng *r)
{
    static const char *const paths[] = {"/tmp/a",
                                        "/tmp/b",
                                        "/tmp/c",
                                        "/tmp/a/b",
                                        "/tmp/a/b/c",
                                        "/tmp/b/../a/./c",
                                        "a",
                                        "b",
                                        "c/d",
                                        ".",
                                        "..",
                                        "../..",
                                        "",
                                        "/",
                                        "/tmp",
                                        "/tmp/link",
                                        "/proc",
                                        "/proc/self/maps",
                                        "/proc/self/mem",
                                        "/proc/self/task",
                                        "/proc/self/status",
                                        "/proc/self/stat",
                                        "/proc/self/exe",
                                        "/proc/self/cwd",
                                        "/proc/self/cwd/a",
                                        "/proc/self/environ",
                                        "/proc/self/auxv",
                                        "/proc/self/cmdline",
                                        "/proc/self/comm",
                                        "/proc/thread-self/status",
                                        "/proc/hwbp",
                                        "/proc/kmsg",
                                        "/proc/sched",
                                        "/proc/meminfo",
                                        "/proc/sys/kernel/bp_slots",
                                        "/proc/sys/kernel/perf_event_max_sample_rate",
                                        "/dev/null",
                                        "/dev/zero",
                                        "/dev/random",
                                        "/dev/tty",
                                        "/dev/guest",
                                        "/sys/devices/system/cpu/cpu1/online",
                                        "/sys/devices/system/cpu/cpu2/online",
                                        "/sys/devices/system/cpu/online",
                                        "/sys/kernel/debug/tracing/ksym_trace_filter",
                                        "/sys/kernel/debug/tracing/trace",
                                        "/sys/kernel/debug/tracing/trace_stat/ksym_tracer",
                                        "/fuzz"};

    memset(at, 0, size);
    if (rng_once_in(r, 16)) {
        for (size_t i = 0; i < size - rng_below(r, 2); i++)
            at[i] = rng_once_in(r, 2) ? '/' : 'x';
        return;
    }
    strcpy(at, paths[rng_below(r, sizeof paths / sizeof *paths)]);
    if (rng_once_in(r, 8)) { // of another process: its number replaces "self"
        char *self = strstr(at, "self");
        unsigned pid = (unsigned)pid_slot[rng_below(r, SLOTS)];
        if (self == at + 6 && pid < 10000)
            for (int i = 3; i >= 0; i--, pid /= 10)
                self[i] = pid || i == 3 ? (char)('0' + pid % 10) : '/';
    }
}

static void fill_timespec(void *at, size_t size, struct rng *r)
{
    int64_t t[2] = {0, (int64_t)rng_below(r, 2000000)};

    if (rng_once_in(r, 4))
        t[0] = (int64_t)hostile_number(r), t[1] = (int64_t)hostile_number(r);
    put(at, size, t, sizeof t);
}

// Intervals of some milliseconds.
static void fill_timer(void *at, size_t size, struct rng *r)
{
    int64_t t[4] = {0, (int64_t)rng_below(r, 20000), 0, (int64_t)rng_below(r, 20000)};

    if (rng_once_in(r, 4))
        t[rng_below(r, 4)] = (int64_t)hostile_number(r);
    put(at, size, t, sizeof t);
}

static void fill_vector(struct iovec *at, size_t size, struct rng *r, const struct scratch *s)
{
    for (size_t i = 0; i < size / sizeof *at; i++) {
        bool sound = s && !rng_once_in(r, 6);
        at[i].iov_base = sound ? (void *)s->slot[rng_below(r, SLOTS)] : (void *)hostile_pointer(r);
        at[i].iov_len = rng_once_in(r, 12) ? hostile_number(r) : rng_below(r, 600);
    }
}

static uint64_t breakpoint_address(struct rng *r)
{
    static const uint32_t offsets[] = {0, 8, 16, 4088, 4092, 4096, 1, 4095};

    switch (rng_below(r, 8)) {
    case 0:
        return hostile_pointer(r);
    case 1:
        return 0xffffffff80100000 + rng_below(r, 0x80000) * 8;
    case 2:
        return (uintptr_t)touch;
    case 3:
        return (uintptr_t)on_signal;
    case 4:
        return (uintptr_t)&fd_slot[rng_below(r, SLOTS)];
    default:
        return ARENA + offsets[rng_below(r, sizeof offsets / sizeof *offsets)];
    }
}

static void fill_attributes(void *at, size_t size, struct rng *r)
{
    struct perf_event_attr a;
    static const uint32_t sizes[] = {0, 64, 72, 80, 96, 104, 112, 120, 128, 136, 4096, 4097, 8};
    static const uint8_t lengths[] = {1, 2, 4, 8, 8, 8, 0, 3, 16};

    memset(&a, 0, sizeof a);
    a.type = rng_once_in(r, 3) ? PERF_TYPE_SOFTWARE : PERF_TYPE_BREAKPOINT;
    a.size = rng_once_in(r, 8) ? sizes[rng_below(r, sizeof sizes / sizeof *sizes)] : sizeof a;
    if (a.type == PERF_TYPE_SOFTWARE)
        a.config = rng_below(r, 12);
    a.sample_period = rng_once_in(r, 2) ? 1 + rng_below(r, 100) : 0;
    if (rng_once_in(r, 2))
        a.sample_type = rng_next(r) & rng_next(r) & 0x1ffffff;
    a.read_format = rng_below(r, 64) & rng_below(r, 64);
    uint64_t flags = rng_once_in(r, 3) ? rng_next(r) & rng_next(r) : 0;
    flags |= rng_next(r) & 0x7f; // disabled, inherit, pinned, exclusive, exclude_*
    flags |= rng_once_in(r, 4) ? 1ul << 36 | 1ul << 37 : 0; // remove_on_exec, sigtrap
    memcpy((char *)&a + offsetof(struct perf_event_attr, read_format) + 8, &flags, 8);
    a.wakeup_events = (uint32_t)rng_below(r, 3);
    a.bp_type = (uint32_t)rng_below(r, 5);
    a.bp_addr = breakpoint_address(r);
    a.bp_len = a.bp_type == HW_BREAKPOINT_X ? 8 : lengths[rng_below(r, sizeof lengths)];
    if (rng_once_in(r, 8)) // one word of it is random
        ((uint64_t *)&a)[rng_below(r, sizeof a / 8)] = hostile_number(r);
    put(at, size, &a, sizeof a);
}

static void fill_poll(void *at, size_t size, struct rng *r)
{
    struct {
        int fd;
        uint16_t events, got;
    } *p = at;

    for (size_t i = 0; i < size / sizeof *p; i++) {
        p[i].fd = fd_slot[rng_below(r, SLOTS)];
        p[i].events = (uint16_t)rng_next(r);
    }
}

// A futex word, or a counter, that other streams use, too.
static void fill_word(void *at, size_t size, struct rng *r)
{
    uint32_t word = rng_once_in(r, 2) ? 0 : (uint32_t)rng_next(r);

    put(at, size, &word, sizeof word);
}

void fill(enum kind kind, void *at, size_t size, struct rng *r, const struct scratch *s)
{
    uint64_t *words = at;

    switch (kind) {
    case PATH:
        return fill_path(at, size, r);
    case TIMESPEC:
        return fill_timespec(at, size, r);
    case TIMER:
        return fill_timer(at, size, r);
    case VECTOR:
    case REMOTE_VECTOR:
        return fill_vector(at, size, r, s);
    case ATTRIBUTES:
        return fill_attributes(at, size, r);
    case POLL:
        return fill_poll(at, size, r);
    case WORD:
        return fill_word(at, size, r);
    case SIGACTION:
        return fill_action(at, r);
    case SIGINFO:
        return fill_siginfo(at, r);
    case ALTSTACK:
        words[0] = rng_once_in(r, 4) ? hostile_pointer(r) : ARENA;
        words[1] = rng_below(r, 4);
        words[2] = rng_once_in(r, 4) ? hostile_number(r) : 16 * PAGE;
        return;
    case SIGSET:
    case CPUS:
        words[0] = rng_next(r) & rng_next(r);
        words[1] = 0;
        return;
    default:
        return fill_bytes(at, size, r);
    }
}
