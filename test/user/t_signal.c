// Signals: handlers, masks, nesting, alternate stacks, restarted calls, restored registers.
#include "test/user/utest.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static volatile int caught, nested, order[8], orders;
static volatile sig_atomic_t last_signal;

static void set_handler(int sig, void (*fn)(int, siginfo_t *, void *), int flags, int blocked)
{
    struct sigaction action = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

    if (blocked)
        sigaddset(&action.sa_mask, blocked);
    REQUIRE(sigaction(sig, &action, NULL) == 0);
}

static void count_it(int sig, siginfo_t *info, void *)
{
    caught++;
    last_signal = sig;
    CHECK_EQ(info->si_signo, sig);
}

UTEST(signal_basic, "signal-basic")
{
    struct sigaction old;

    set_handler(SIGUSR1, count_it, 0, 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(caught, 1);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(caught, 2);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &old), 0);
    CHECK(old.sa_sigaction == count_it);
    CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGKILL, &old, NULL, 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
    CHECK_ERRNO(kill(1234567, 0), ESRCH);
    CHECK_ERRNO(kill(1234567, 65), ESRCH); // the process is checked first
    CHECK_ERRNO(kill(getpid(), 65), EINVAL);
    CHECK_ERRNO(kill(-getpgrp(), 65), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, -1, getpid(), 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_tkill, getpid(), 65), EINVAL);
    CHECK_EQ(kill(getpid(), 0), 0);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    CHECK_EQ(caught, 2);
    CHECK_EQ(raise(SIGCHLD), 0); // ignored by default
}

UTEST(signal_mask, "signal-mask")
{
    sigset_t set, pending, old;

    set_handler(SIGUSR1, count_it, 0, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, &old), 0);
    CHECK(!sigismember(&old, SIGUSR1));
    raise(SIGUSR1);
    raise(SIGUSR1); // merges with the first signal
    CHECK_EQ(caught, 0);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGUSR1));
    CHECK_EQ(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
    CHECK_EQ(caught, 1);
    CHECK_ERRNO(syscall(SYS_rt_sigprocmask, 77, &set, NULL, 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad_pointer(), NULL, 8), EFAULT);
}

static void outer(int, siginfo_t *, void *)
{
    order[orders++] = 1;
    raise(SIGUSR2); // not blocked: its handler runs now
    order[orders++] = 3;
    raise(SIGUSR1); // blocked in its own handler: comes after it
    order[orders++] = caught++ ? 5 : 4;
    if (caught >= 2)
        signal(SIGUSR1, SIG_IGN);
}

static void inner(int, siginfo_t *, void *)
{
    nested++;
    order[orders++] = 2;
}

UTEST(signal_nested, "signal-nested")
{
    static const int want[8] = {1, 2, 3, 4, 1, 2, 3, 5};

    set_handler(SIGUSR1, outer, 0, 0);
    set_handler(SIGUSR2, inner, 0, 0);
    raise(SIGUSR1);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(order[i], want[i]);
    CHECK_EQ(nested, 2);
}

static char alt_stack[32768] __attribute__((aligned(16)));
static volatile uintptr_t handler_sp;

static void note_stack(int, siginfo_t *, void *)
{
    stack_t now, off = {.ss_flags = SS_DISABLE};
    handler_sp = (uintptr_t)__builtin_frame_address(0);
    CHECK_EQ(sigaltstack(NULL, &now), 0);
    CHECK_EQ(now.ss_flags & ~(int)0x80000000, SS_ONSTACK);
    CHECK_ERRNO(sigaltstack(&off, NULL), EPERM); // not allowed while the stack is in use
}

UTEST(signal_altstack, "signal-altstack")
{
    stack_t stack = {.ss_sp = alt_stack, .ss_size = sizeof alt_stack}, tiny = {.ss_sp = alt_stack};

    CHECK_ERRNO(sigaltstack(&tiny, NULL), ENOMEM);
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    set_handler(SIGUSR1, note_stack, SA_ONSTACK, 0);
    raise(SIGUSR1);
    CHECK(handler_sp > (uintptr_t)alt_stack &&
          handler_sp < (uintptr_t)alt_stack + sizeof alt_stack);
    CHECK_EQ(handler_sp % 16, 0);
}

struct kick {
    pid_t target;
    int delay_ms, fd;
};

static void kick_later(void *arg)
{
    struct kick *k = arg;
    sleep_ms(k->delay_ms);
    kill(k->target, SIGUSR1);
    sleep_ms(k->delay_ms);
    write(k->fd, "x", 1);
}

UTEST(signal_restart, "signal-restart")
{
    int ends[2];
    char c;

    REQUIRE(pipe(ends) == 0);
    struct kick k = {getpid(), 30, ends[1]};
    set_handler(SIGUSR1, count_it, SA_RESTART, 0);
    pid_t pid = spawn(kick_later, &k);
    CHECK_EQ(read(ends[0], &c, 1), 1); // restarted after the handler
    CHECK_EQ(caught, 1);
    join(pid);

    set_handler(SIGUSR1, count_it, 0, 0);
    pid = spawn(kick_later, &k);
    CHECK_ERRNO(read(ends[0], &c, 1), EINTR);
    CHECK_EQ(caught, 2);
    join(pid);

    struct timespec t = {5, 0}, left = {0, 0};
    pid = spawn(kick_later, &k);
    CHECK_ERRNO(nanosleep(&t, &left), EINTR);
    CHECK(left.tv_sec >= 3 && left.tv_sec < 5);
    join(pid);
}

UTEST(signal_wait, "signal-stop-continue")
{
    struct gate g;
    int status;

    gate_init(&g);
    pid_t pid = fork();
    if (pid == 0) {
        gate_wait(&g);
        _exit(5);
    }
    CHECK_EQ(kill(pid, SIGSTOP), 0);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    gate_open(&g);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_EQ(kill(pid, SIGCONT), 0);
    CHECK_EQ(wait_for(pid), 5 << 8);
}

static void sigchld(int, siginfo_t *info, void *)
{
    caught++;
    CHECK_EQ(info->si_code, CLD_EXITED);
    CHECK_EQ(info->si_status, 9);
}

static void exit_nine(void *)
{
    _exit(9);
}

UTEST(signal_child, "signal-child")
{
    set_handler(SIGCHLD, sigchld, SA_RESTART, 0);
    CHECK_EQ(wait_for(spawn(exit_nine, NULL)), 9 << 8);
    CHECK_EQ(caught, 1);
}

// ---- sigreturn restores every register ----

struct registers {
    uint64_t gpr[14]; // rbx rcx rdx rsi rdi r8-r15 rax; rbp and rsp need no check: the code goes on
    uint64_t xmm[4][2];
    uint64_t flags;
};
struct registers before, after; // named in the assembly below

static void spoil(int, siginfo_t *, void *)
{
    caught++;
    __asm__ volatile("xor %%ecx, %%ecx\n xor %%edx, %%edx\n xor %%r8d, %%r8d\n xor %%r9d, %%r9d\n"
                     "pxor %%xmm0, %%xmm0\n pxor %%xmm1, %%xmm1\n pxor %%xmm7, %%xmm7\n"
                     "pxor %%xmm15, %%xmm15" ::
                         : "rcx", "rdx", "r8", "r9", "xmm0", "xmm1", "xmm7", "xmm15");
}

// All registers are loaded when ud2 gives SIGILL. The handler skips the ud2.
static void spoil_and_skip(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    spoil(sig, info, context);
    uc->uc_mcontext.gregs[REG_RIP] += 2;
}

UTEST(sigreturn, "sigreturn-registers")
{
    set_handler(SIGILL, spoil_and_skip, 0, 0);
    for (int i = 0; i < 14; i++)
        before.gpr[i] = 0x0101010101010101ull * (unsigned)(i + 1);
    for (int i = 0; i < 8; i++)
        before.xmm[i / 2][i % 2] = 0xabcdef0123456789ull * (unsigned)(i + 3);
    __asm__ volatile(
        "lea before(%%rip), %%rax\n"
        "movups 112(%%rax), %%xmm0\n movups 128(%%rax), %%xmm1\n"
        "movups 144(%%rax), %%xmm7\n movups 160(%%rax), %%xmm15\n"
        "mov (%%rax), %%rbx\n mov 8(%%rax), %%rcx\n mov 16(%%rax), %%rdx\n"
        "mov 24(%%rax), %%rsi\n mov 32(%%rax), %%rdi\n mov 40(%%rax), %%r8\n mov 48(%%rax), %%r9\n"
        "mov 56(%%rax), %%r10\n mov 64(%%rax), %%r11\n mov 72(%%rax), %%r12\n"
        "mov 80(%%rax), %%r13\n mov 88(%%rax), %%r14\n mov 96(%%rax), %%r15\n"
        "mov 104(%%rax), %%rax\n"
        "std\n stc\n"
        "ud2\n"
        "pushf\n cld\n push %%rax\n lea after(%%rip), %%rax\n"
        "mov %%rbx, (%%rax)\n mov %%rcx, 8(%%rax)\n mov %%rdx, 16(%%rax)\n"
        "mov %%rsi, 24(%%rax)\n mov %%rdi, 32(%%rax)\n mov %%r8, 40(%%rax)\n mov %%r9, 48(%%rax)\n"
        "mov %%r10, 56(%%rax)\n mov %%r11, 64(%%rax)\n mov %%r12, 72(%%rax)\n"
        "mov %%r13, 80(%%rax)\n mov %%r14, 88(%%rax)\n mov %%r15, 96(%%rax)\n"
        "movups %%xmm0, 112(%%rax)\n movups %%xmm1, 128(%%rax)\n"
        "movups %%xmm7, 144(%%rax)\n movups %%xmm15, 160(%%rax)\n"
        "pop 104(%%rax)\n pop 176(%%rax)\n" ::
            : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
              "r14", "r15", "xmm0", "xmm1", "xmm7", "xmm15", "memory", "cc");
    CHECK_EQ(caught, 1);
    for (int i = 0; i < 14; i++)
        if (after.gpr[i] != before.gpr[i])
            utest_fail(__FILE__, __LINE__, "gpr %d is %#llx, want %#llx", i,
                       (unsigned long long)after.gpr[i], (unsigned long long)before.gpr[i]);
    CHECK(memcmp(after.xmm, before.xmm, sizeof before.xmm) == 0);
    CHECK_EQ(after.flags & 0x401, 0x401); // direction and carry
}

// A handler starts with the direction flag clear, as the ABI says.
static volatile uint64_t handler_flags;

static void note_flags(int sig, siginfo_t *info, void *context)
{
    uint64_t flags;

    __asm__ volatile("pushf\n pop %0" : "=r"(flags));
    handler_flags = flags;
    spoil_and_skip(sig, info, context);
}

UTEST(signal_flags, "signal-flags")
{
    struct {
        void *handler;
        unsigned long flags, restorer, mask;
    } all = {.flags = ~0ul}, kept = {0};

    CHECK_EQ(syscall(SYS_rt_sigaction, SIGUSR2, &all, NULL, 8), 0);
    CHECK_EQ(syscall(SYS_rt_sigaction, SIGUSR2, NULL, &kept, 8), 0);
    CHECK_EQ(kept.flags, 0xdc000807); // only the known flags
    set_handler(SIGILL, note_flags, 0, 0);
    __asm__ volatile("std\n ud2\n cld" ::: "memory", "cc");
    CHECK_EQ(handler_flags & 0x500, 0); // DF and TF are clear
}

static void bad_frame(void *)
{
    __asm__ volatile("mov $16, %%rsp\n mov $15, %%eax\n syscall" ::: "rax", "rcx", "r11");
    __builtin_unreachable();
}

UTEST(sigreturn_bad, "sigreturn-bad-frame")
{
    int status = wait_for(spawn(bad_frame, NULL));

    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

// ---- the SSE image in the frame ----

static long fpu_shift; // how far the handler moves the image; 0: it removes it

static void move_fpu(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    char *fpu = (char *)uc->uc_mcontext.fpregs;

    uc->uc_mcontext.fpregs = fpu_shift ? (void *)(fpu + fpu_shift) : NULL;
    spoil_and_skip(sig, info, context);
}

static void sigreturn_with_fpu(void *arg)
{
    uint32_t mxcsr = 0x5f80; // rounds up

    fpu_shift = (long)arg;
    set_handler(SIGILL, move_fpu, 0, 0);
    __asm__ volatile("ldmxcsr %0\n ud2\n stmxcsr %0" : "+m"(mxcsr)::"memory");
    _exit(mxcsr == (fpu_shift ? 0x5f80 : 0x1f80) ? 0 : 1);
}

// Without an image the FPU gets its initial state. An image that cannot be loaded ends the program.
UTEST(sigreturn_fpu, "sigreturn-fpu")
{
    CHECK_EQ(wait_for(spawn(sigreturn_with_fpu, NULL)), 0);
    int misplaced = wait_for(spawn(sigreturn_with_fpu, (void *)8));
    CHECK(WIFSIGNALED(misplaced));
    CHECK_EQ(WTERMSIG(misplaced), SIGSEGV);
    int nowhere = wait_for(spawn(sigreturn_with_fpu, (void *)(1L << 50)));
    CHECK(WIFSIGNALED(nowhere));
    CHECK_EQ(WTERMSIG(nowhere), SIGSEGV);
}

// ---- the FPU of a handler ----

static struct fpu {
    uint32_t mxcsr;
    uint16_t control, status;
    uint64_t xmm5[2];
} fpu_seen;

static struct fpu read_fpu(void)
{
    struct fpu s;

    __asm__ volatile("stmxcsr %0\n fnstcw %1\n fnstsw %2\n movups %%xmm5, %3"
                     : "=m"(s.mxcsr), "=m"(s.control), "=m"(s.status), "=m"(s.xmm5));
    return s;
}

static void look_at_fpu(int)
{
    fpu_seen = read_fpu();
    uint32_t mxcsr = 0x3f80;
    __asm__ volatile("ldmxcsr %0\n fldz\n fldz\n pcmpeqd %%xmm5, %%xmm5" ::"m"(mxcsr) : "xmm5");
}

// A handler starts with the initial FPU state, and its own state does not survive it.
UTEST(signal_fresh_fpu, "signal-fresh-fpu")
{
    struct fpu before = {.mxcsr = 0x7f80, .control = 0x0f7f, .xmm5 = {0x1234, 0x5678}}, after;

    signal(SIGUSR1, look_at_fpu);
    pid_t self = getpid();
    long result;
    __asm__ volatile("ldmxcsr %1\n fldcw %2\n fld1\n movups %3, %%xmm5\n syscall"
                     : "=a"(result)
                     : "m"(before.mxcsr), "m"(before.control), "m"(before.xmm5), "a"(SYS_kill),
                       "D"(self), "S"(SIGUSR1)
                     : "rcx", "r11", "memory", "xmm5");
    after = read_fpu();
    uint32_t usual = 0x1f80;
    __asm__ volatile("ldmxcsr %0\n fninit" ::"m"(usual));
    CHECK_EQ(result, 0);
    CHECK_EQ(fpu_seen.mxcsr, 0x1f80);
    CHECK_EQ(fpu_seen.control, 0x37f);
    CHECK_EQ(fpu_seen.status, 0); // TOP is 0, too
    CHECK_EQ(fpu_seen.xmm5[0] | fpu_seen.xmm5[1], 0);
    CHECK_EQ(after.mxcsr, 0x7f80);
    CHECK_EQ(after.control, 0x0f7f);
    CHECK_EQ(after.status & 0x3800, 0x3800); // TOP 7: one value is on the stack
    CHECK(after.xmm5[0] == 0x1234 && after.xmm5[1] == 0x5678);
}

// Each part of the frame lies once at the start of a page that is not mapped yet.
UTEST(signal_fresh_stack, "signal-fresh-stack")
{
    const size_t size = 16384;
    double one = 1.5, two;

    set_handler(SIGILL, spoil_and_skip, SA_ONSTACK, 0);
    for (size_t top = size - 4096; top < size; top += 64) {
        char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        stack_t stack = {.ss_sp = area, .ss_size = top};
        REQUIRE(area != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
        __asm__ volatile("movsd %1, %%xmm7\n ud2\n movsd %%xmm7, %0"
                         : "=m"(two)
                         : "m"(one)
                         : "xmm7", "memory");
        CHECK(two == one);
        munmap(area, size);
    }
    CHECK_EQ(caught, 64);
}
