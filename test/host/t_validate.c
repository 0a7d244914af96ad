// link: Validation on the host: every type, length, alignment, wrap and kernel area. The source is
// included, because the linker's symbols must have the addresses of a kernel.
#include "test/host/ktap.h"
#include "hwbp/bp.h"

#define TEXT       0xffffffff80100000ull
#define TEXT_GUARD 0xffffffff80104000ull // protected text, inside the text
#define TEXT_AFTER 0xffffffff80105000ull
#define DATA       0xffffffff80120000ull
#define DATA_GUARD 0xffffffff80121000ull // protected data
#define DATA_AFTER 0xffffffff80123000ull

#define __protected_text_start ((char *)TEXT_GUARD)
#define __protected_text_end   ((char *)TEXT_AFTER)
#define __protected_data_start ((char *)DATA_GUARD)
#define __protected_data_end   ((char *)DATA_AFTER)
#include "hwbp/validate.c"

static int parse(u32 type, u64 addr, u64 len, bool exclude_kernel, struct hw_breakpoint *bp)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_BREAKPOINT,
                                   .bp_type = type,
                                   .bp_addr = addr,
                                   .bp_len = len,
                                   .exclude_kernel = exclude_kernel};
    *bp = (struct hw_breakpoint){0};
    const char *why = NULL;
    int err = hwbp_parse(&attr, bp, &why);
    EXPECT(!err == !why);
    return err;
}

// Checks the answer for `len` bytes at `addr`, with the kernel not excluded.
static void expect(u32 type, u64 addr, u64 len, int want, int line)
{
    struct hw_breakpoint bp;
    int err = parse(type, addr, len, false, &bp);
    if (err != want)
        ktest_fail(__FILE__, line, "type %u, %lu bytes at %lx: %d, want %d", type,
                   (unsigned long)len, (unsigned long)addr, err, want);
    if (err == 0)
        EXPECT(bp.addr == addr && bp.len == (type == HW_BREAKPOINT_X ? 1 : len));
}
#define EXPECT_W(addr, len, want) expect(HW_BREAKPOINT_W, addr, len, want, __LINE__)
#define EXPECT_X(addr, want)      expect(HW_BREAKPOINT_X, addr, 8, want, __LINE__)

static void types(void)
{
    struct hw_breakpoint bp;
    for (u32 type = 0; type <= 16; type++) {
        int want = type == HW_BREAKPOINT_W || type == HW_BREAKPOINT_RW || type == HW_BREAKPOINT_X
                       ? 0
                       : -EINVAL; // R alone: x86 has no such condition
        EXPECT_EQ(parse(type, 0x1000, 8, true, &bp), want);
    }
    EXPECT_EQ(parse(HW_BREAKPOINT_W, 0x1000, 2, true, &bp), 0);
    EXPECT(bp.type == DR_WRITE && bp.len == 2 && bp.addr == 0x1000);
    EXPECT_EQ(parse(HW_BREAKPOINT_RW, 0x1000, 4, true, &bp), 0);
    EXPECT(bp.type == DR_READ_WRITE && bp.len == 4);
    EXPECT_EQ(parse(HW_BREAKPOINT_X, 0x1003, 8, true, &bp), 0);
    EXPECT(bp.type == DR_EXECUTE && bp.len == 1 && bp.addr == 0x1003); // LEN must be 0
}

static void lengths_and_alignment(void)
{
    for (u64 len = 0; len <= 64; len++) {
        bool power = len && (len & (len - 1)) == 0;
        for (u64 offset = 0; offset < 64; offset++) {
            int want = !power || offset % len ? -EINVAL : len > 8 ? -EOPNOTSUPP : 0;
            EXPECT_W(0x4000 + offset, len, want);
            expect(HW_BREAKPOINT_RW, 0x4000 + offset, len, want, __LINE__);
            expect(HW_BREAKPOINT_X, 0x4000 + offset, len, len == 8 ? 0 : -EINVAL, __LINE__);
        }
    }
    EXPECT_W(1ull << 40, 1ull << 40, -EOPNOTSUPP);
    EXPECT_W(0x1000, ~0ull, -EINVAL);
}

static void ends_of_the_address_space(void)
{
    EXPECT_W(0, 8, 0); // NULL is a normal address
    EXPECT_X(0, 0);
    EXPECT_W(-8ull, 8, 0); // the last eight bytes: no wrap
    EXPECT_W(-4ull, 8, -EINVAL);
    EXPECT_W(-1ull, 1, 0);
    EXPECT_X(-8ull, 0);
    EXPECT_X(-1ull, -EINVAL); // its length of 8 wraps, although it compares only one byte
    EXPECT_W(-16ull, 32, -EINVAL);
    EXPECT_W(1ull << 63, 1ull << 63, -EOPNOTSUPP);
    EXPECT_W(0, 0, -EINVAL);
}

static void user_and_kernel(void)
{
    struct hw_breakpoint bp;
    for (u64 len = 1; len <= 8; len *= 2) {
        EXPECT_EQ(parse(HW_BREAKPOINT_W, TASK_SIZE_MAX - len, len, true, &bp), 0);
        EXPECT_EQ(parse(HW_BREAKPOINT_W, TASK_SIZE_MAX, len, true, &bp), -EINVAL);
        EXPECT_EQ(parse(HW_BREAKPOINT_W, TASK_SIZE_MAX, len, false, &bp), 0);
        EXPECT_EQ(parse(HW_BREAKPOINT_RW, DATA, len, true, &bp), -EINVAL);
        EXPECT_EQ(parse(HW_BREAKPOINT_RW, DATA, len, false, &bp), 0);
    }
    EXPECT_EQ(parse(HW_BREAKPOINT_X, TEXT, 8, true, &bp), -EINVAL);
    EXPECT_EQ(parse(HW_BREAKPOINT_X, TEXT, 8, false, &bp), 0);
}

// Data breakpoints up to the edges of the protected areas, but not inside.
static void protected_areas(void)
{
    static const struct {
        u64 start, end;
    } areas[] = {{DATA_GUARD, DATA_AFTER}, {KSTACK_BASE, KSTACK_END}};
    for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
        for (u64 len = 1; len <= 8; len *= 2) {
            EXPECT_W(areas[i].start - len, len, 0);
            EXPECT_W(areas[i].start, len, -EINVAL);
            EXPECT_W(areas[i].start + (areas[i].end - areas[i].start) / 2, len, -EINVAL);
            EXPECT_W(areas[i].end - len, len, -EINVAL);
            EXPECT_W(areas[i].end, len, 0);
        }
    }
    EXPECT_W(TEXT_GUARD, 8, 0); // protected text may be read
}

static void kernel_execute(void)
{
    EXPECT_X(TEXT - 1, 0);
    EXPECT_X(TEXT, 0);
    EXPECT_X(TEXT_GUARD - 1, 0);
    EXPECT_X(TEXT_GUARD, -EINVAL);
    EXPECT_X(TEXT_AFTER - 1, -EINVAL);
    EXPECT_X(TEXT_AFTER, 0);
    EXPECT_X(DATA, 0);
    EXPECT_X(DATA_GUARD - 1, 0);
    EXPECT_X(DATA_GUARD, -EINVAL);
    EXPECT_X(DATA_AFTER, 0);
    EXPECT_X(KSTACK_BASE, -EINVAL);
    EXPECT_X(PHYS_BASE + 0x100000, 0);
    EXPECT_X(TASK_SIZE_MAX, 0);
    EXPECT_X(1ull << 47, 0); // not canonical
}

static const struct ktap_case cases[] = {
    {"bp-types", types},
    {"bp-lengths", lengths_and_alignment},
    {"bp-wrap", ends_of_the_address_space},
    {"bp-user-kernel", user_and_kernel},
    {"bp-protected-data", protected_areas},
    {"bp-kernel-execute", kernel_execute},
};
KTAP_MAIN(cases)
