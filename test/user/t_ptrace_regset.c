// ptrace(2): whole register sets by ELF note type.
#include "test/user/trace.h"
#include <sys/uio.h>

#define IOPERM 0x201
#define XSTATE 0x202
#define SHSTK  0x204

// The XSAVE image: the FXSAVE area, which ends with XCR0, and the header. On Linux more state of
// the CPU follows.
struct xstate {
    uint16_t fcw;
    uint8_t last_x87[22];
    uint32_t mxcsr, mxcsr_mask;
    uint64_t st[16], xmm[32], reserved[6], xcr0, software[5];
    uint64_t features, header[7];
    uint8_t more[8192];
};
#define SMALLEST offsetof(struct xstate, more)

static int regset(int request, pid_t pid, unsigned long type, void *buf, size_t *len)
{
    struct iovec v = {buf, *len};
    errno = 0;
    ptrace(request, pid, type, &v);
    *len = v.iov_len;
    return errno;
}

static int get(pid_t pid, unsigned long type, void *buf, size_t len)
{
    return regset(PTRACE_GETREGSET, pid, type, buf, &len);
}

static int set(pid_t pid, unsigned long type, void *buf, size_t len)
{
    return regset(PTRACE_SETREGSET, pid, type, buf, &len);
}

static void with_registers(void *arg)
{
    uint64_t *out = arg;
    __asm__ volatile("mov $0x1234, %%eax\n movq %%rax, %%xmm3\n fldpi\n int3\n movq %%xmm3, %0\n"
                     "fnstcw 8(%1)\n stmxcsr 16(%1)"
                     : "=m"(*out)
                     : "r"(out)
                     : "rax", "xmm3", "st", "memory");
}

// Returns a child that has stopped after its int3. *x gets its image, and *len the length.
static pid_t stopped_child(uint64_t *out, struct xstate *x, size_t *len)
{
    pid_t pid = trace(with_registers, out);

    CHECK_EQ(go(PTRACE_CONT, pid, 0), STOPPED(SIGTRAP));
    memset(x, 0xcc, sizeof *x);
    *len = sizeof *x;
    CHECK_EQ(regset(PTRACE_GETREGSET, pid, XSTATE, x, len), 0);
    return pid;
}

UTEST(ptrace_xstate_get, "ptrace.xstate-get")
{
    struct xstate x, part;
    size_t len;
    pid_t pid = stopped_child(shared_memory(4096), &x, &len);

    CHECK(on_dr7() ? len == SMALLEST : len >= SMALLEST);
    CHECK(on_dr7() ? x.xcr0 == 3 : (x.xcr0 & 3) == 3);
    CHECK_EQ(x.features & 3, 3);
    CHECK_EQ(x.features & ~x.xcr0, 0);
    CHECK_EQ(x.xmm[6], 0x1234);
    CHECK_EQ(x.st[0], 0xc90fdaa22168c235); // pi
    for (int i = 0; i < 7; i++)
        CHECK_EQ(x.header[i], 0);
    memset(&part, 0xcc, sizeof part);
    CHECK_EQ(get(pid, XSTATE, &part, 520), 0);
    CHECK_EQ(memcmp(&part, &x, 520), 0);
    CHECK_EQ(part.header[0], 0xcccccccccccccccc);
    CHECK_EQ(get(pid, XSTATE, &part, 12), EINVAL);
    CHECK_EQ(get(pid, XSTATE, bad_pointer(), 64), EFAULT);
    finish(pid);
}

UTEST(ptrace_xstate_set, "ptrace.xstate-set")
{
    struct xstate x, y;
    uint64_t *out = shared_memory(4096);
    size_t len;
    pid_t pid = stopped_child(out, &x, &len);

    y = x;
    y.features = 1; // SSE is not marked, so it gets its initial state
    y.mxcsr = 0x1fa0;
    y.fcw = 0x27f;
    CHECK_EQ(set(pid, XSTATE, &y, len), 0);
    CHECK_EQ(get(pid, XSTATE, &y, len), 0);
    CHECK_EQ(y.xmm[6], 0);
    CHECK_EQ(y.mxcsr, 0x1f80);
    CHECK_EQ(y.fcw, 0x27f);
    CHECK_EQ(y.st[0], x.st[0]);
    y.features = 2;
    y.xmm[6] = 5;
    y.mxcsr = 0x1fa0;
    y.xcr0 = ~0ull; // XCR0 is only reported: a write is ignored
    CHECK_EQ(set(pid, XSTATE, &y, len), 0);
    CHECK_EQ(get(pid, XSTATE, &y, len), 0);
    CHECK_EQ(y.fcw, 0x37f);
    CHECK_EQ(y.st[0], 0);
    CHECK_EQ(y.xcr0, x.xcr0);
    CHECK_EQ(go(PTRACE_CONT, pid, 0), ENDED(0));
    CHECK_EQ(out[0], 5);
    CHECK_EQ(out[1] & 0xffff, 0x37f);
    CHECK_EQ(out[2] & 0xffffffff, 0x1fa0);
}

// A refused request changes nothing.
UTEST(ptrace_xstate_errors, "ptrace.xstate-errors")
{
    struct xstate x, y;
    size_t len;
    pid_t pid = stopped_child(shared_memory(4096), &x, &len);

    for (int i = 0; i < 7; i++) {
        y = x;
        y.header[i] = i ? 1 : 1ull << 63;
        CHECK_EQ(set(pid, XSTATE, &y, len), EINVAL);
    }
    for (int bit = 63; bit > 32; bit--) {
        y = x;
        y.features |= 1ull << bit;
        CHECK_EQ(set(pid, XSTATE, &y, len), EINVAL);
    }
    for (int features = 0; features < 4; features++) {
        y = x;
        y.features = features;
        y.mxcsr = ~0u;
        if (features)
            CHECK_EQ(set(pid, XSTATE, &y, len), EINVAL);
    }
    y = x;
    y.xmm[6] = 1;
    CHECK_EQ(set(pid, XSTATE, &y, len - 8), EFAULT);
    CHECK_EQ(set(pid, XSTATE, &y, 0), EFAULT);
    CHECK_EQ(set(pid, XSTATE, &y, len - 4), EINVAL);
    CHECK_EQ(set(pid, XSTATE, bad_pointer(), len), EFAULT);
    CHECK_EQ(get(pid, XSTATE, &y, len), 0);
    CHECK_EQ(memcmp(&y, &x, len), 0);
    finish(pid);
}

UTEST(ptrace_regset_types, "ptrace.regset-types")
{
    uint64_t words[128] = {0};
    pid_t pid = trace(with_registers, NULL);

    CHECK_EQ(get(pid, IOPERM, words, 8), ENXIO);
    CHECK_EQ(set(pid, IOPERM, words, 8), EOPNOTSUPP);
    CHECK_EQ(get(pid, SHSTK, words, 8), ENODEV);
    CHECK_EQ(set(pid, SHSTK, words, 8), ENODEV);
    CHECK_EQ(get(pid, SHSTK, words, 7), EINVAL);
    for (unsigned type = 0x300; type < 0x304; type++)
        CHECK_EQ(get(pid, type, words, sizeof words), EINVAL);
    finish(pid);
}
