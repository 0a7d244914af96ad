// Every exception that a program can cause, and the signal, si_code and si_addr that Linux gives.
#include "test/user/utest.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf after_signal;
static volatile struct {
    int signal, code;
    uintptr_t addr, rip;
} seen;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    seen.signal = sig;
    seen.code = info->si_code;
    seen.addr = (uintptr_t)info->si_addr;
    seen.rip = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
    siglongjmp(after_signal, 1);
}

static void catch_all(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    static char stack[65536];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigaltstack(&alt, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
}

#define RIP_IS_ADDR UINTPTR_MAX // si_addr is the address of the instruction
#define NO_CHECK    (UINTPTR_MAX - 1)

static void expect(const char *what, int sig, int code, uintptr_t addr)
{
    if (addr == RIP_IS_ADDR)
        addr = seen.rip;
    if (addr == NO_CHECK)
        addr = seen.addr;
    if (seen.signal != sig || seen.code != code || seen.addr != addr)
        utest_fail(__FILE__, __LINE__, "%s: signal %d code %#x addr %#lx, want %d %#x %#lx", what,
                   seen.signal, (unsigned)seen.code, (unsigned long)seen.addr, sig, (unsigned)code,
                   (unsigned long)addr);
}

// Runs a statement that should not return.
#define RAISES(statement, sig, code, addr)                                                         \
    do {                                                                                           \
        seen.signal = 0;                                                                           \
        if (sigsetjmp(after_signal, 1) == 0) {                                                     \
            statement;                                                                             \
            utest_fail(__FILE__, __LINE__, "no signal from: %s", #statement);                      \
        } else {                                                                                   \
            expect(#statement, sig, code, addr);                                                   \
        }                                                                                          \
    } while (0)

#define ASM(text) __asm__ volatile(text ::: "rax", "rcx", "rdx", "rdi", "memory", "cc")

UTEST(exception_instructions, "exceptions-instructions")
{
    catch_all();
    RAISES(ASM("xor %%ecx, %%ecx\n xor %%edx, %%edx\n mov $1, %%eax\n div %%ecx"), SIGFPE,
           FPE_INTDIV, RIP_IS_ADDR);
    RAISES(ASM("mov $0x80000000, %%eax\n mov $-1, %%ecx\n cltd\n idiv %%ecx"), SIGFPE, FPE_INTDIV,
           RIP_IS_ADDR);
    RAISES(ASM("ud2"), SIGILL, ILL_ILLOPN, RIP_IS_ADDR);
    RAISES(ASM(".byte 0x06"), SIGILL, ILL_ILLOPN, RIP_IS_ADDR); // push es: not in 64-bit mode
    RAISES(ASM("hlt"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("cli"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("in $0x80, %%al"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("mov %%cr0, %%rax"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("mov %%dr7, %%rax"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("rdmsr"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("int $0x50"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("int $14"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("int $1"), SIGSEGV, SI_KERNEL, 0);
    RAISES(ASM("mov $0x1234, %%ax\n mov %%ax, %%ds"), SIGSEGV, SI_KERNEL, 0);
}

UTEST(exception_int3, "exceptions-int3")
{
    extern char past_int3[];

    catch_all();
    RAISES(ASM("int3\n .globl past_int3\n past_int3:"), SIGTRAP, SI_KERNEL, 0);
    CHECK_EQ(seen.rip, (uintptr_t)past_int3);
}

UTEST(exception_int1, "exceptions-int1")
{
    extern char past_int1[];

    if (on_tcg())
        utest_skip("QEMU before 9.1 hangs at int1");
    catch_all();
    RAISES(ASM(".byte 0xf1\n .globl past_int1\n past_int1:"), SIGTRAP, TRAP_BRKPT, NO_CHECK);
    CHECK_EQ(seen.rip, (uintptr_t)past_int1);
}

UTEST(exception_memory, "exceptions-memory")
{
    static char data[64] = "\xc3"; // ret
    uintptr_t hole = 0x300000000000, high = 0xffffffff80000000, odd = 0x8000000000000000;
    uintptr_t text = (uintptr_t)&expect;
    char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    catch_all();
    RAISES(*(volatile int *)bad_pointer(), SIGSEGV, SEGV_MAPERR, 16);
    RAISES(*(volatile char *)hole = 1, SIGSEGV, SEGV_MAPERR, hole);
    RAISES(*(volatile char *)text = 1, SIGSEGV, SEGV_ACCERR, text);
    RAISES(*(volatile char *)ro = 1, SIGSEGV, SEGV_ACCERR, (uintptr_t)ro);
    RAISES(*(volatile char *)high, SIGSEGV, SEGV_MAPERR, high);
    RAISES(*(volatile char *)high = 1, SIGSEGV, SEGV_MAPERR, high);
    RAISES(*(volatile char *)odd, SIGSEGV, SI_KERNEL, 0);
    RAISES(((void (*)(void))(uintptr_t)data)(), SIGSEGV, SEGV_ACCERR, (uintptr_t)data);
    RAISES(((void (*)(void))hole)(), SIGSEGV, SEGV_MAPERR, hole);
    RAISES(((void (*)(void))odd)(), SIGSEGV, SI_KERNEL, 0);
    if (!on_tcg()) // QEMU raises #GP where a CPU raises #SS
        RAISES(__asm__ volatile("mov %0, %%rsp\n push %%rax" ::"r"(odd)), SIGBUS, SI_KERNEL, 0);
}

// The signal's frame cannot be written either, so the program ends.
static void no_stack(void *)
{
    signal(SIGSEGV, SIG_DFL);
    __asm__ volatile("xor %%esp, %%esp\n push %%rax" ::: "memory");
}

UTEST(exception_no_stack, "exceptions-no-stack")
{
    CHECK_EQ(wait_for(spawn(no_stack, NULL)) & 0x7f, SIGSEGV);
}

static volatile long depth;

static __attribute__((noinline)) long recurse(volatile char *above)
{
    volatile char here[512];

    here[0] = above[0];
    if (here[0] != 0)
        return 0; // never true: without it the compiler warns
    depth++;
    return recurse(here) + here[0];
}

UTEST(exception_stack, "exceptions-stack-overflow")
{
    volatile char first[1] = {0};

    catch_all();
    RAISES(recurse(first), SIGSEGV, SEGV_MAPERR, NO_CHECK);
    CHECK(depth > 1000); // the stack is reasonably large
}

UTEST(exception_alignment, "exceptions-alignment")
{
    static long word[2];

    if (on_tcg())
        utest_skip("QEMU before 8.2 does not check alignment");
    catch_all();
    RAISES(__asm__ volatile("pushf\n orl $0x40000, (%%rsp)\n popf\n mov (%0), %%rax\n"
                            "pushf\n andl $~0x40000, (%%rsp)\n popf" ::"r"((char *)word + 1)
                            : "rax", "memory", "cc"),
           SIGBUS, BUS_ADRALN, 0);
}

static void unmask_and_divide(void)
{
    uint16_t control = 0x037b; // all masked but division by zero

    __asm__ volatile("fldcw %0\n fld1\n fldz\n fdivrp\n fwait" ::"m"(control) : "st");
}

static void sse_divide(void)
{
    uint32_t mxcsr = 0x1d80; // all masked but division by zero

    __asm__ volatile("ldmxcsr %0\n mov $1, %%eax\n cvtsi2sd %%eax, %%xmm0\n pxor %%xmm1, %%xmm1\n"
                     "divsd %%xmm1, %%xmm0" ::"m"(mxcsr)
                     : "rax", "xmm0", "xmm1");
}

UTEST(exception_float, "exceptions-float")
{
    catch_all();
    RAISES(unmask_and_divide(), SIGFPE, FPE_FLTDIV, RIP_IS_ADDR);
    __asm__ volatile("fninit");
    if (on_tcg())
        utest_note("the SSE half is not tested: QEMU raises no #XM");
    else
        RAISES(sse_divide(), SIGFPE, FPE_FLTDIV, RIP_IS_ADDR);
}

UTEST(exception_step, "exceptions-single-step")
{
    extern char step_point[];

    catch_all();
    RAISES(ASM("pushf\n orl $0x100, (%%rsp)\n popf\n nop\n .globl step_point\n step_point: nop"),
           SIGTRAP, TRAP_TRACE, RIP_IS_ADDR);
    CHECK_EQ(seen.rip, (uintptr_t)step_point); // after one whole instruction
}

UTEST(exception_beyond_file, "exceptions-beyond-file")
{
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd < 0)
        fd = open(utest_self, O_RDONLY);
    REQUIRE(fd >= 0);
    off_t size = lseek(fd, 0, SEEK_END), pages = (size + 4095) / 4096;
    char *p = mmap(NULL, (size_t)(pages + 1) * 4096, PROT_READ, MAP_PRIVATE, fd, 0);

    REQUIRE(p != MAP_FAILED);
    catch_all();
    CHECK_EQ(p[1], 'E');              // of "\177ELF"
    CHECK_EQ(p[pages * 4096 - 1], 0); // the rest of the last page
    RAISES(*(volatile char *)(p + pages * 4096), SIGBUS, BUS_ADRERR,
           (uintptr_t)p + (uintptr_t)pages * 4096);
}
