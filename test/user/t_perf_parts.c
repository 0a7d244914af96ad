// The parts of a sample that show the machine's state, and buffers that keep the latest records.
#include "test/user/perf_ring.h"
#include <asm/perf_regs.h>

static volatile uint64_t v;

// The last parts of a sample, which are not in the order of their bits.
UTEST_HWBP(parts, "perf-sample-parts")
{
    struct perf_event_attr attr = sampling(
        &v, PERF_SAMPLE_RAW | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER | PERF_SAMPLE_WEIGHT |
                PERF_SAMPLE_DATA_SRC | PERF_SAMPLE_TRANSACTION | PERF_SAMPLE_REGS_INTR |
                PERF_SAMPLE_PHYS_ADDR | PERF_SAMPLE_AUX | PERF_SAMPLE_CGROUP |
                PERF_SAMPLE_DATA_PAGE_SIZE | PERF_SAMPLE_CODE_PAGE_SIZE);
    const struct perf_event_header *h;
    uint64_t sp;
    extern char utest_after_hit[];

    attr.sample_regs_user = 1 << PERF_REG_X86_SP | 1 << PERF_REG_X86_IP | 1 << PERF_REG_X86_R12;
    attr.sample_regs_intr = 1 << PERF_REG_X86_R12;
    attr.sample_stack_user = 16;
    int fd = open_must(&attr);
    struct ring r = ring_map(fd, 1);
    for (int n = 1; n <= 100; n++) { // also across a border of two pages
        __asm__ volatile("mov %2, %%r12\n"
                         "push $77\n"
                         "push $78\n"
                         "mov %%rsp, %0\n"
                         "movq $1, (%1)\n"
                         ".globl utest_after_hit\n"
                         "utest_after_hit:\n"
                         "add $16, %%rsp"
                         : "=&r"(sp)
                         : "r"(&v), "r"((uint64_t)n)
                         : "memory", "r12");
        REQUIRE((h = ring_next(&r)));
        const uint64_t want[] = {sizeof(uint32_t),
                                 PERF_SAMPLE_REGS_ABI_64,
                                 sp,
                                 (uintptr_t)utest_after_hit,
                                 n, // the program's r12
                                 16,
                                 78,
                                 77,
                                 16, // its stack
                                 0,
                                 0x1e05080021,
                                 0, // weight, data source, transaction
                                 PERF_SAMPLE_REGS_ABI_64,
                                 n, // the interrupted r12
                                 (uintptr_t)&v % 4096,
                                 1,
                                 4096,
                                 4096,
                                 0}; // page, cgroup, sizes, AUX
        const size_t physical = 14;
        uint64_t *x = (uint64_t *)words(h);
        CHECK_EQ(h->size, 8 + sizeof want);
        CHECK(x[physical] >= 4096);
        x[physical] %= 4096;
        for (size_t i = 0; i < sizeof want / sizeof *want; i++)
            CHECK_EQ(x[i], want[i]);
    }
    ring_unmap(&r);

    attr.sample_type = PERF_SAMPLE_STACK_USER;
    attr.sample_stack_user = 65528; // more than a record can hold, and than the stack has
    close(fd);
    fd = open_must(&attr);
    r = ring_map(fd, 16);
    store8(&v, 1);
    const struct perf_event_header *all = (const void *)((char *)r.page + 4096);
    CHECK_EQ(all->size, 65528);
    CHECK_EQ(words(all)[0], 65528 - 24);
    uint64_t there = words(all)[1 + (65528 - 24) / 8];
    CHECK(there > 0 && there < 65528 - 24 && there % 8 == 0);
    ring_unmap(&r);
    close(fd);
}

// A buffer that is mapped read-only keeps the latest records and loses none. If it is written
// backward, the latest record is first.
UTEST_HWBP(overwrite, "perf-ring-overwrite")
{
    for (int backward = 0; backward < 2; backward++) {
        struct perf_event_attr attr = sampling(&v, PERF_SAMPLE_READ), other = attr;
        attr.write_backward = backward;
        int fd = open_must(&attr);
        const struct perf_event_mmap_page *page = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
        REQUIRE(page != MAP_FAILED);
        for (int i = 0; i < 1000; i++)
            store8(&v, 1);
        CHECK_EQ(page->data_head, backward ? -16000 : 16000);
        const uint64_t *data = (const uint64_t *)((const char *)page + 4096);
        for (uint64_t i = 0; i < 4096 / 16; i++) { // two words each
            uint64_t at = backward ? page->data_head + 16 * i : page->data_head - 16 * (i + 1);
            CHECK_EQ(data[at % 4096 / 8 + 1], 1000 - i);
        }
        int second = open_must(&other);
        CHECK_EQ(ioctl(second, PERF_EVENT_IOC_SET_OUTPUT, fd), backward ? -1 : 0);
        close(second);
        munmap((void *)page, 8192);
        close(fd);
    }
}
