// Counting: kinds of access, lengths, neighbours, several breakpoints on one variable.
#include "test/user/bp_test.h"

static uint8_t bytes[64] __attribute__((aligned(64)));

static void store_any(volatile void *p, int len)
{
    if (len == 1)
        store1(p, 1);
    else if (len == 2)
        store2(p, 2);
    else if (len == 4)
        store4(p, 4);
    else
        store8(p, 8);
}

static int64_t count_of(uint32_t type, int len)
{
    int fd = bp_must(type, &bytes[8], (uint64_t)len);

    for (int i = 0; i < 10; i++)
        store_any(&bytes[8], len);
    for (int i = 0; i < 7; i++)
        load1(&bytes[8]);
    load1(&bytes[8 + len]); // the neighbours
    store1(&bytes[8 + len], 0);
    load1(&bytes[7]);
    store1(&bytes[7], 0);
    return bp_end(fd);
}

UTEST_HWBP(bp_basic, "bp-basic")
{
    for (int len = 1; len <= 8; len *= 2) {
        CHECK_EQ(count_of(HW_BREAKPOINT_W, len), 10);
        CHECK_EQ(count_of(HW_BREAKPOINT_RW, len), 17);
    }
}

// A breakpoint covers its last byte, but not the next one. A wider or unaligned access that touches
// it counts once.
UTEST_SEVERAL(bp_overlap, "bp-overlap")
{
    int one = bp_must(HW_BREAKPOINT_W, &bytes[3], 1);
    int four = bp_must(HW_BREAKPOINT_W, &bytes[4], 4);
    int eight = bp_must(HW_BREAKPOINT_W, &bytes[8], 8);

    store1(&bytes[15], 1);
    CHECK_EQ(bp_read(eight), 1);
    store1(&bytes[16], 1);
    CHECK_EQ(bp_read(eight), 1);
    if (on_tcg()) { // QEMU reports only one of two adjacent breakpoints
        close(one), close(four), close(eight);
        utest_note("accesses across two breakpoints are not tested: QEMU reports only one of them");
        return;
    }
    store8(&bytes[0], 1); // one and four
    CHECK_EQ(bp_read(one), 1);
    CHECK_EQ(bp_read(four), 1);
    CHECK_EQ(bp_read(eight), 1);
    store8(&bytes[3], 1); // all three
    CHECK_EQ(bp_read(one), 2);
    CHECK_EQ(bp_read(four), 2);
    CHECK_EQ(bp_read(eight), 2);
    store2(&bytes[7], 1); // four and eight
    CHECK_EQ(bp_end(one), 2);
    CHECK_EQ(bp_end(four), 3);
    CHECK_EQ(bp_end(eight), 3);
}

UTEST_SEVERAL(bp_same, "bp-same-address")
{
    int a = bp_must(HW_BREAKPOINT_W, bytes, 8);
    int b = bp_must(HW_BREAKPOINT_W, bytes, 8);
    int narrow = bp_must(HW_BREAKPOINT_W, bytes, 1);
    int rw = bp_must(HW_BREAKPOINT_RW, bytes, 8);

    for (int i = 0; i < 100; i++)
        store1(bytes, (uint8_t)i);
    for (int i = 0; i < 10; i++)
        load8(bytes);
    CHECK_EQ(bp_end(a), 100); // closing one must not disturb the others
    for (int i = 0; i < 5; i++)
        store1(bytes, 1);
    CHECK_EQ(bp_end(b), 105);
    CHECK_EQ(bp_end(narrow), 105);
    CHECK_EQ(bp_end(rw), 115);
}

UTEST_SEVERAL(bp_all_four, "bp-all-four")
{
    int fd[4];
    static volatile uint64_t v[4];

    for (int i = 0; i < 4; i++)
        fd[i] = bp_must(HW_BREAKPOINT_W, &v[i], 8);
    for (int round = 0; round < 50; round++)
        for (int i = 0; i < 4; i++)
            for (int n = 0; n <= i; n++)
                store8(&v[i], (uint64_t)round);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(bp_end(fd[i]), 50 * (i + 1));
}

UTEST_SEVERAL(bp_instructions, "bp-instructions")
{
    static uint64_t v[8] __attribute__((aligned(64)));
    int w = bp_must(HW_BREAKPOINT_W, &v[2], 8), rw = bp_must(HW_BREAKPOINT_RW, &v[4], 8);
    uint64_t *p = v;
    unsigned long n = 8;

    __asm__ volatile("incq 16(%0)\n incq 32(%0)" ::"r"(v) : "memory", "cc"); // once each
    CHECK_EQ(bp_read(w), 1);
    CHECK_EQ(bp_read(rw), 1);
    __asm__ volatile("movq $0, 16(%0)\n movq $0, 16(%0)" ::"r"(v) : "memory"); // same value
    CHECK_EQ(bp_read(w), 3);
    __asm__ volatile("cld\n rep stosq" : "+D"(p), "+c"(n) : "a"(0ul) : "memory", "cc"); // one of 8
    CHECK_EQ(bp_read(w), 4);
    CHECK_EQ(bp_read(rw), 2);
    __asm__ volatile("push 32(%0)\n pop 16(%0)" ::"r"(v) : "memory"); // reads one, then writes one
    CHECK_EQ(bp_end(rw), 3);
    CHECK_EQ(bp_end(w), 5);
}

UTEST_HWBP(bp_locked, "bp-locked-instructions")
{
    static uint64_t v;
    uint64_t one = 1;

    if (on_tcg() && online_cpus() > 1)
        utest_skip("QEMU 7.2 with several CPUs does not watch locked instructions");
    int fd = bp_must(HW_BREAKPOINT_W, &v, 8);
    __asm__ volatile("lock incq (%0)\n lock addq %1, (%0)\n lock btsq $9, (%0)\n"
                     "lock cmpxchg %1, (%0)"
                     :
                     : "r"(&v), "r"(one)
                     : "rax", "memory", "cc");
    CHECK_EQ(bp_end(fd), 4);
}

// Accesses by the kernel to the watched memory count only if the attr includes the kernel.
UTEST_SEVERAL(bp_kernel, "bp-kernel-access")
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, bytes, 8);
    int user = bp_open_attr(&attr, 0, -1), ends[2];

    attr.exclude_kernel = 0;
    attr.exclude_user = 1;
    int kernel = bp_open_attr(&attr, 0, -1);
    attr.exclude_user = 0;
    int both = bp_open_attr(&attr, 0, -1);
    REQUIRE(user >= 0 && kernel >= 0 && both >= 0 && pipe(ends) == 0);
    write(ends[1], "12345678", 8);
    CHECK_EQ(read(ends[0], bytes, 8), 8);
    CHECK_EQ(bp_read(user), 0);
    int64_t copies = bp_read(kernel);
    CHECK(copies >= 1 && copies <= 8); // the kernel's copy may use several stores
    CHECK_EQ(bp_read(both), copies);
    store8(bytes, 1);
    CHECK_EQ(bp_end(user), 1);
    CHECK_EQ(bp_end(kernel), copies);
    CHECK_EQ(bp_end(both), copies + 1);
}

// Many hits, so that ticks and switches come between hits and during their #DBs.
UTEST_HWBP(bp_many, "bp-many")
{
    static volatile uint64_t v;
    int fd = bp_must(HW_BREAKPOINT_W, &v, 8);
    long n = scaled(200000);

    for (long i = 0; i < n; i++)
        store8(&v, (uint64_t)i);
    CHECK_EQ(bp_end(fd), n);
}
