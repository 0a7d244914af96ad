// The mapped buffer: the content of samples, their order, lost records, and wakeups.
#define _GNU_SOURCE
#include "test/user/perf_ring.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

static volatile uint64_t v, w;

UTEST_HWBP(contents, "perf-ring-contents")
{
    struct perf_event_attr attr =
        sampling(&v, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
                         PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID |
                         PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD | PERF_SAMPLE_READ);
    const struct perf_event_header *h;
    uint64_t id = 0, last_time = 0;

    attr.read_format = PERF_FORMAT_ID;
    int cpu = online_cpus() - 1;
    pin_to_cpu(cpu);
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 2);
    REQUIRE(ioctl(fd, PERF_EVENT_IOC_ID, &id) == 0);
    CHECK_EQ(r.page->data_offset, 4096);
    CHECK_EQ(r.page->data_size, 8192);
    for (uint64_t n = 1; n <= 2000; n++) { // the buffer wraps many times
        extern char utest_stored[];
        __asm__ volatile(".globl utest_stored\n.balign 16\n" // see docs/emulators.md
                         "movq %1, (%0)\n"
                         "utest_stored:" ::"r"(&v),
                         "r"(n)
                         : "memory");
        h = ring_next(&r);
        REQUIRE(h != NULL);
        const uint64_t *x = words(h);
        CHECK_EQ(h->type, PERF_RECORD_SAMPLE);
        CHECK_EQ(h->misc, PERF_RECORD_MISC_USER);
        CHECK_EQ(h->size, 8 + 11 * 8);
        CHECK_EQ(x[0], id);
        CHECK_EQ(x[1], (uintptr_t)utest_stored); // a data breakpoint is a trap
        CHECK_EQ(x[2], pid_tid(getpid(), getpid()));
        CHECK(x[3] >= last_time);
        last_time = x[3];
        CHECK_EQ(x[4], (uintptr_t)&v);
        CHECK_EQ(x[5], id);
        CHECK_EQ(x[6], id);
        CHECK_EQ(x[7], cpu);
        CHECK_EQ(x[8], 1);
        CHECK_EQ(x[9], n);
        CHECK_EQ(x[10], id);
        REQUIRE(ring_next(&r) == NULL);
    }
    ring_unmap(&r);
    store8(&v, 1); // no buffer gets this sample
    uint64_t counts[2];
    CHECK_EQ(read(fd, counts, sizeof counts), sizeof counts);
    CHECK_EQ(counts[0], 2001);
    close(fd);
}

UTEST_HWBP(period, "perf-ring-period")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IP | PERF_SAMPLE_READ);
    const struct perf_event_header *h;

    attr.sample_period = 7;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 4);
    for (int i = 0; i < 100; i++)
        store8(&v, 1);
    for (int n = 1; n <= 14; n++) {
        REQUIRE((h = ring_next(&r)));
        CHECK_EQ(words(h)[1], 7 * n);
    }
    CHECK(ring_next(&r) == NULL);
    uint64_t bigger = 10;
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_PERIOD, &bigger), 0);
    for (int i = 0; i < 100; i++)
        store8(&v, 1);
    int n = 0;
    while (ring_next(&r))
        n++;
    CHECK(n == 10 || n == 11);
    bigger = 0;
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_PERIOD, &bigger), EINVAL);
    ring_unmap(&r);
    CHECK_EQ(bp_end(fd), 200);
}

// ---- call chains ----

// Every call has a frame, also the innermost one.
__attribute__((noipa, optimize("O1", "no-omit-frame-pointer", "no-shrink-wrap"))) static int
descend(int depth)
{
    int n = 0;

    if (depth)
        n = descend(depth - 1);
    else
        store8(&v, 1);
    __asm__ volatile("" ::: "memory");
    return n + 1;
}

UTEST_HWBP(callchain, "perf-callchain")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN);
    const struct perf_event_header *h;

    attr.exclude_callchain_kernel = 1;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 4);
    descend(9);
    REQUIRE((h = ring_next(&r)));
    const uint64_t *x = words(h);
    CHECK(x[1] >= 2 + 9);
    CHECK_EQ(x[2], PERF_CONTEXT_USER);
    CHECK_EQ(x[3], x[0]);
    for (int i = 1; i < 9; i++) // nine calls by the same instruction
        CHECK_EQ(x[4 + i], x[4]);
    CHECK(x[4] - (uintptr_t)descend < 256);

    // Invalid frame pointers.
    static const uint64_t bad[] = {0, 1, 8, 0x7fffffffeff8, 0x800000000000, ~7ull};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        __asm__ volatile("push %%rbp\n"
                         "mov %1, %%rbp\n"
                         "movq $1, (%0)\n"
                         "pop %%rbp" ::"r"(&v),
                         "r"(bad[i])
                         : "memory");
        REQUIRE((h = ring_next(&r)));
        CHECK_EQ(words(h)[1], 2);
        CHECK_EQ(words(h)[3], words(h)[0]);
    }
    ring_unmap(&r);
    close(fd);
}

UTEST_HWBP(kernel_chain, "perf-callchain-kernel")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN);
    const struct perf_event_header *h;
    int ends[2], kernel = 0, user = 0;

    attr.exclude_kernel = 0;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 4);
    REQUIRE(pipe(ends) == 0);
    REQUIRE(write(ends[1], "12345678", 8) == 8);
    REQUIRE(read(ends[0], (void *)&v, 8) == 8); // the kernel writes it
    REQUIRE((h = ring_next(&r)));
    CHECK_EQ(h->misc, PERF_RECORD_MISC_KERNEL);
    const uint64_t *x = words(h);
    CHECK(x[0] >> 63);
    for (uint64_t i = 0; i < x[1]; i++) {
        kernel += x[2 + i] == PERF_CONTEXT_KERNEL;
        user += x[2 + i] == PERF_CONTEXT_USER;
    }
    CHECK_EQ(kernel, 1);
    CHECK_EQ(user, 1);
    ring_unmap(&r);
    close(fd);
}

// ---- room ----

UTEST_HWBP(lost, "perf-ring-lost")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IP | PERF_SAMPLE_TID);
    const struct perf_event_header *h;
    uint64_t id, counts[2];
    int n = 0;

    attr.read_format = PERF_FORMAT_LOST;
    attr.sample_id_all = 1;
    int fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(fd, 1);
    REQUIRE(ioctl(fd, PERF_EVENT_IOC_ID, &id) == 0);
    for (int i = 0; i < 500; i++)
        store8(&v, 1);
    CHECK_EQ(r.page->data_head, 4096 - 4096 % 24);
    while (ring_next(&r))
        n++;
    CHECK_EQ(n, 4096 / 24);
    REQUIRE(read(fd, counts, sizeof counts) == sizeof counts);
    CHECK_EQ(counts[0], 500);
    CHECK_EQ(counts[1], 500 - n);
    store8(&v, 1);
    REQUIRE((h = ring_next(&r)));
    CHECK_EQ(h->type, PERF_RECORD_LOST);
    CHECK_EQ(h->size, 8 + 16 + 8);
    CHECK_EQ(words(h)[0], id);
    CHECK_EQ(words(h)[1], 500 - n);
    CHECK_EQ(words(h)[2], pid_tid(getpid(), getpid()));
    REQUIRE((h = ring_next(&r)));
    CHECK_EQ(h->type, PERF_RECORD_SAMPLE);

    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1), 0);
    store8(&v, 1);
    CHECK(ring_next(&r) == NULL);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0), 0);
    store8(&v, 1);
    REQUIRE((h = ring_next(&r)));
    CHECK_EQ(h->type, PERF_RECORD_LOST);
    CHECK_EQ(words(h)[1], 1);
    REQUIRE((h = ring_next(&r)));
    CHECK(ring_next(&r) == NULL);
    ring_unmap(&r);
    CHECK_EQ(read(fd, counts, sizeof counts), sizeof counts);
    CHECK_EQ(counts[1], 500 - n + 1);
    close(fd);
}

// A mapped buffer can move only as a whole. Other shared memory can also be cut.
UTEST_HWBP(map_whole, "perf-mmap-whole")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IP);
    const size_t page = 4096, size = 3 * page;
    int fd = MUST_OPEN(&attr, 0, -1), type = 0;
    struct ring r = ring_map(fd, 2);
    char *p = (char *)r.page, *to = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    for (size_t at = 0; at < size; at += page) {
        CHECK_ERRNO(munmap(p + at, page), EINVAL);
        CHECK_ERRNO(mprotect(p + at, page, PROT_READ), EINVAL);
        CHECK_ERRNO(mmap(p + at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
                            MAP_FAILED
                        ? -1
                        : 0,
                    EINVAL);
        CHECK(mremap(p + at, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED);
    }
    CHECK(mremap(p, size, page, 0) == MAP_FAILED);
    CHECK(mremap(p, size, 2 * size, MREMAP_MAYMOVE) == MAP_FAILED);
    REQUIRE(mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    r.page = (struct perf_event_mmap_page *)to;
    store8(&v, 1);
    CHECK(ring_find(&r, PERF_RECORD_SAMPLE) != NULL);
    ring_unmap(&r);
    close(fd);

    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(p != MAP_FAILED);
    p[page] = 7;
    CHECK(mremap(p, size, 2 * page, 0) == p);
    REQUIRE(mremap(p + page, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    CHECK_EQ(*to, 7);
    CHECK_ERRNO(mremap(p + page, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED ? -1
                                                                                              : 0,
                EFAULT);
    munmap(p, page);
    munmap(to, page);

    FILE *f = fopen("/sys/bus/event_source/devices/breakpoint/type", "r");
    CHECK(f && fscanf(f, "%d", &type) == 1);
    CHECK_EQ(type, PERF_TYPE_BREAKPOINT);
    if (f)
        fclose(f);
}

// With PERF_SAMPLE_PERIOD each hit has its own sample, and the period in it is 1.
UTEST_HWBP(each_hit, "perf-sample-each-hit")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_PERIOD);
    const struct perf_event_header *h;

    for (uint64_t period = 1; period <= 5; period += 2) {
        attr.sample_period = period;
        int fd = MUST_OPEN(&attr, 0, -1);
        struct ring r = ring_map(fd, 1);
        for (int i = 0; i < 10; i++) {
            store8(&v, 1);
            REQUIRE((h = ring_next(&r)));
            CHECK_EQ(words(h)[0], 1);
            CHECK(ring_next(&r) == NULL);
        }
        ring_unmap(&r);
        close(fd);
    }
}

UTEST_HWBP(map_rules, "perf-mmap-rules")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IP), inherit = attr;
    int fd = MUST_OPEN(&attr, 0, -1);
    const int rw = PROT_READ | PROT_WRITE;

    CHECK_ERRNO(mmap(NULL, 3 * 4096, rw, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0, EINVAL);
    CHECK_ERRNO(mmap(NULL, 4 * 4096, rw, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, EINVAL);
    CHECK_ERRNO(mmap(NULL, 3 * 4096, rw, MAP_SHARED, fd, 4096) == MAP_FAILED ? -1 : 0, EINVAL);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1), EINVAL);
    struct ring one = ring_map(fd, 0); // only the control page
    store8(&v, 1);
    CHECK_EQ(one.page->data_head, 0);
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1), EINVAL);
    ring_unmap(&one);
    one = ring_map(fd, 1);
    ring_unmap(&one); // nor after a buffer has been unmapped
    CHECK_ERRNO(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1), EINVAL);
    struct ring r = ring_map(fd, 2), again = ring_map(fd, 2); // the same buffer twice
    CHECK_ERRNO(mmap(NULL, 2 * 4096, rw, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, EINVAL);
    store8(&v, 1);
    CHECK(again.page->data_head > 0);
    CHECK_EQ(again.page->data_head, r.page->data_head);
    ring_unmap(&again);
    store8(&v, 1);
    CHECK_EQ(r.page->data_head, 32);
    close(fd); // the buffer lives as long as it is mapped
    CHECK(ring_next(&r) != NULL);
    ring_unmap(&r);

    inherit.inherit = 1;
    fd = MUST_OPEN(&inherit, 0, -1);
    CHECK_ERRNO(mmap(NULL, 3 * 4096, rw, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, EINVAL);
    close(fd);
}

UTEST_SEVERAL(set_output, "perf-set-output")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_ADDR);
    struct perf_event_attr other = sampling(&w, PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_ADDR);
    const struct perf_event_header *h;
    int a = MUST_OPEN(&attr, 0, -1), b = MUST_OPEN(&other, 0, -1);

    CHECK_ERRNO(ioctl(b, PERF_EVENT_IOC_SET_OUTPUT, a), EINVAL); // `a` has no buffer
    struct ring r = ring_map(a, 2);
    CHECK_ERRNO(ioctl(b, PERF_EVENT_IOC_SET_OUTPUT, b), EINVAL);
    CHECK_ERRNO(ioctl(b, PERF_EVENT_IOC_SET_OUTPUT, 0), EBADF);
    CHECK_ERRNO(ioctl(a, PERF_EVENT_IOC_SET_OUTPUT, b), EINVAL); // `a` has its own buffer
    CHECK_EQ(ioctl(b, PERF_EVENT_IOC_SET_OUTPUT, a), 0);
    for (int i = 0; i < 10; i++) {
        store8(&v, 1);
        store8(&w, 1);
    }
    for (int i = 0; i < 20; i++) {
        REQUIRE((h = ring_next(&r)));
        CHECK_EQ(words(h)[1], (uintptr_t)(i % 2 ? &w : &v));
    }
    CHECK_EQ(ioctl(b, PERF_EVENT_IOC_SET_OUTPUT, -1l), 0);
    store8(&w, 1);
    CHECK(ring_next(&r) == NULL);
    ring_unmap(&r);
    close(a);
    close(b);
}

// ---- wakeups ----

UTEST_HWBP(wakeups, "perf-ring-poll")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IP);
    struct pollfd p = {.events = POLLIN};

    attr.wakeup_events = 3;
    p.fd = MUST_OPEN(&attr, 0, -1);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLHUP); // no buffer, so no sample will come
    struct ring r = ring_map(p.fd, 4);
    for (int i = 1; i <= 12; i++) {
        store8(&v, 1);
        CHECK_EQ(poll(&p, 1, 0), i % 3 == 0);
        CHECK_EQ(p.revents, i % 3 == 0 ? POLLIN : 0);
    }
    ring_unmap(&r);
    close(p.fd);

    attr.watermark = 1;
    attr.wakeup_watermark = 160; // a sample is 16 bytes
    p.fd = MUST_OPEN(&attr, 0, -1);
    r = ring_map(p.fd, 4);
    int woken = 0;
    for (int i = 1; i <= 100; i++) {
        store8(&v, 1);
        woken += poll(&p, 1, 0);
        while (ring_next(&r))
            ;
    }
    CHECK(woken == 9 || woken == 10);
    ring_unmap(&r);
    close(p.fd);
}

// In Linux one word is both the watermark and a count of wakeups, so each sample that wakes moves
// the mark on by a byte.
UTEST_HWBP(wakeup_mark, "perf-wakeup-mark")
{
    const int samples = 290; // of 8 bytes; the mark is at 2048
    struct perf_event_attr attr = sampling(&v, 0);
    struct pollfd p = {.events = POLLIN};

    attr.wakeup_events = 1;
    attr.comm = 1;
    p.fd = MUST_OPEN(&attr, 0, -1);
    struct ring r = ring_map(p.fd, 1);
    for (int i = 0; i < samples; i++) {
        store8(&v, 1);
        CHECK_EQ(poll(&p, 1, 0), 1);
    }
    CHECK_EQ(r.page->data_head, 8 * samples);
    prctl(PR_SET_NAME, "name"); // 24 bytes, up to 2,344: the mark was at 290
    CHECK_EQ(poll(&p, 1, 0), 1);
    prctl(PR_SET_NAME, "name");
    CHECK_EQ(poll(&p, 1, 0), 0);
    ring_unmap(&r);
    close(p.fd);
}

static void hit_later(void *)
{
    sleep_ms(30);
    for (int i = 0; i < 5; i++)
        store8(&v, 1);
    sleep_ms(30);
}

// poll(2) sleeps until another process has a hit, and returns POLLHUP when that process ends.
UTEST_HWBP(poll_wakes, "perf-poll-wakes")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_IP);
    struct pollfd p = {.events = POLLIN};
    pid_t pid = spawn(hit_later, NULL);

    attr.wakeup_events = 5;
    p.fd = bp_open_attr(&attr, pid, -1);
    REQUIRE(p.fd >= 0);
    struct ring r = ring_map(p.fd, 1);
    CHECK_EQ(poll(&p, 1, 20000), 1);
    CHECK_EQ(p.revents, POLLIN);
    int n = 0;
    while (ring_next(&r))
        n++;
    CHECK_EQ(n, 5);
    CHECK_EQ(poll(&p, 1, 20000), 1);
    CHECK_EQ(p.revents, POLLHUP);
    join(pid);
    ring_unmap(&r);
    close(p.fd);
}

// ---- many writers ----

struct writers {
    long each;
    uint32_t go;
};

static void *store_many(void *arg)
{
    struct writers *s = arg;
    while (!__atomic_load_n(&s->go, __ATOMIC_ACQUIRE))
        sched_yield();
    for (long i = 0; i < s->each; i++)
        store8(&v, 1);
    return NULL;
}

// Threads inherit an event and write to one buffer on its CPU. Every record is complete.
UTEST_HWBP(many_writers, "perf-ring-writers")
{
    struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_TID | PERF_SAMPLE_ADDR);
    const struct perf_event_header *h;
    struct writers s = {.each = scaled(500)};
    pthread_t thread[4];
    long samples = 0, lost = 0;

    attr.inherit = 1;
    int fd = MUST_OPEN(&attr, 0, 0);
    struct ring r = ring_map(fd, 8);
    pin_to_cpu(0);
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&thread[i], NULL, store_many, &s) == 0);
    __atomic_store_n(&s.go, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    store8(&v, 1);
    while ((h = ring_next(&r))) {
        if (h->type == PERF_RECORD_LOST) {
            lost += (long)words(h)[1];
            continue;
        }
        samples++;
        CHECK_EQ(h->size, 24);
        CHECK_EQ((uint32_t)words(h)[0], getpid());
        CHECK_EQ(words(h)[1], (uintptr_t)&v);
    }
    store8(&v, 1);
    while ((h = ring_next(&r))) {
        if (h->type == PERF_RECORD_LOST)
            lost += (long)words(h)[1];
        else
            samples++;
    }
    CHECK_EQ(samples + lost, 4 * s.each + 2);
    ring_unmap(&r);
    CHECK_EQ(bp_end(fd), 4 * s.each + 2);
}
