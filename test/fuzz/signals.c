// Signals of the victim: it skips faults, and changes frames before rt_sigreturn.
#define _GNU_SOURCE
#include "test/fuzz/signals.h"
#include "test/fuzz/raw.h"
#include <signal.h>
#include <ucontext.h>

#define SA_RESTORER    0x04000000
#define STORM          SIGUSR2
#define STORM_MARK     0x5707
#define CODE_OF_SENDER (-1) // SI_QUEUE: another value than the kernel's own

// The argument of rt_sigaction(2).
struct kernel_action {
    uint64_t handler, flags, restorer, mask;
};

struct storm_info {
    int sig, err, code, pad;
    uint32_t pid, mark;
    uint64_t seed;
    uint8_t rest[96];
};

void signal_return(void);
extern char touch_begin[], touch_end[];

__asm__(".text\n"
        "signal_return:\n"
        "    mov $15, %eax\n"
        "    syscall\n"
        // touch(address in rdi, what in rsi)
        ".globl touch, touch_begin, touch_end, signal_return\n"
        "touch:\n"
        "touch_begin:\n"
        "    and $15, %esi\n"
        "    lea touch_table(%rip), %rax\n"
        "    movslq (%rax,%rsi,4), %rcx\n"
        "    add %rcx, %rax\n"
        "    jmp *%rax\n"
        "1:  mov (%rdi), %rax; ret\n"
        "2:  mov %rax, (%rdi); ret\n"
        "3:  movb $1, (%rdi); ret\n"
        "4:  lock incq (%rdi); ret\n"
        "5:  mov %rdi, %rsi; mov $64, %ecx; rep movsb; ret\n"
        "6:  movups (%rdi), %xmm0; movups %xmm0, 8(%rdi); ret\n"
        "7:  int3; ret\n"
        "8:  xor %ecx, %ecx; xor %edx, %edx; div %ecx; ret\n"
        "9:  pushf; orl $0x100, (%rsp); popf; nop; pushf; andl $~0x100, (%rsp); popf; ret\n"
        "10: hlt; ret\n"
        "11: mov %rdi, %dr0; ret\n"
        "12: mov $0x10, %ecx; mov %ecx, %ss; nop; ret\n"
        "13: ud2; ret\n"
        "14: pushf; orl $0x40000, (%rsp); popf; mov 1(%rdi), %rax; pushf; andl $~0x40000, (%rsp); "
        "popf; ret\n"
        "15: jmp *%rdi\n"
        "16: int $0x80; ret\n"
        "touch_end: ret\n"
        ".balign 4\n"
        "touch_table:\n"
        "    .long 1b-touch_table, 2b-touch_table, 3b-touch_table, 4b-touch_table\n"
        "    .long 5b-touch_table, 6b-touch_table, 7b-touch_table, 8b-touch_table\n"
        "    .long 9b-touch_table, 10b-touch_table, 11b-touch_table, 12b-touch_table\n"
        "    .long 13b-touch_table, 14b-touch_table, 15b-touch_table, 16b-touch_table\n");

static void change_registers(ucontext_t *u, struct rng *r)
{
    greg_t *regs = u->uc_mcontext.gregs;

    switch (rng_below(r, 12)) {
    case 0:
        regs[REG_RIP] = (greg_t)hostile_pointer(r);
        break;
    case 1:
        regs[REG_RSP] = (greg_t)hostile_pointer(r);
        break;
    case 2:
    case 3: // cs, gs, fs, ss
        regs[REG_CSGSFS] = (greg_t)rng_next(r);
        break;
    case 4:
    case 5:
        u->uc_mcontext.fpregs = (void *)hostile_pointer(r);
        break;
    case 6:
    case 7:
    case 8: // the frame itself may be anywhere now
        for (int i = 0; i < 8; i++)
            ((uint64_t *)u->uc_mcontext.fpregs)[rng_below(r, 64)] = hostile_number(r);
        break;
    case 9:
        u->uc_stack.ss_sp = (void *)hostile_pointer(r);
        u->uc_stack.ss_flags = (int)rng_next(r);
        u->uc_stack.ss_size = hostile_number(r);
        break;
    default: // except the direction flag, because C code relies on it
        regs[REG_EFL] = (greg_t)(rng_next(r) & ~0x400ul);
    }
    *(uint64_t *)&u->uc_sigmask = rng_next(r) & rng_next(r) & rng_next(r);
}

void on_signal(int sig, void *info, void *context)
{
    const struct storm_info *i = info;
    ucontext_t *u = context;
    greg_t *regs = u->uc_mcontext.gregs;

    if (i->code == CODE_OF_SENDER && i->mark == STORM_MARK) {
        struct rng r = {i->seed};
        change_registers(u, &r);
    } else if (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE) {
        if ((uint64_t)regs[REG_RIP] - (uint64_t)touch_begin >= (uint64_t)(touch_end - touch_begin))
            raw1(SYS_exit, 1);
        regs[REG_RIP] = (greg_t)touch_end;
    } else if (sig == SIGTRAP) {
        regs[REG_EFL] &= ~0x100;
    }
}

void signals_begin(void)
{
    struct kernel_action a = {(uint64_t)on_signal, SA_SIGINFO | SA_NODEFER | SA_RESTORER,
                              (uint64_t)signal_return, 0};

    for (uint64_t sig = 1; sig <= 64; sig++)
        raw(SYS_rt_sigaction, sig, (uint64_t)&a, 0, 8, 0, 0);
}

void context_storm(uint64_t seed)
{
    struct storm_info i = {.sig = STORM, .code = CODE_OF_SENDER, .mark = STORM_MARK, .seed = seed};
    uint64_t pid = (uint64_t)raw0(SYS_getpid), tid = (uint64_t)raw0(SYS_gettid);

    raw(SYS_rt_tgsigqueueinfo, pid, tid, STORM, (uint64_t)&i, 0, 0);
}

void fill_action(void *at, struct rng *r)
{
    static const uint64_t flags[] = {SA_RESTART,   SA_NODEFER,   SA_ONSTACK,
                                     SA_RESETHAND, SA_NOCLDSTOP, SA_NOCLDWAIT};
    struct kernel_action *a = at;

    *a = (struct kernel_action){(uint64_t)on_signal, SA_SIGINFO | SA_RESTORER,
                                (uint64_t)signal_return, rng_next(r) & rng_next(r)};
    for (int i = 0; i < 6; i++)
        a->flags |= rng_once_in(r, 3) ? flags[i] : 0;
    if (rng_once_in(r, 3))
        a->handler = rng_below(r, 2); // default, ignored
    else if (rng_once_in(r, 8))
        a->handler = hostile_pointer(r);
    if (rng_once_in(r, 16))
        a->flags = rng_next(r);
    if (rng_once_in(r, 16))
        a->restorer = hostile_pointer(r);
}

void fill_siginfo(void *at, struct rng *r)
{
    struct storm_info *i = at;
    uint64_t *words = at;

    for (int n = 0; n < 16; n++)
        words[n] = hostile_number(r);
    i->sig = (int)rng_below(r, 66);
    if (!rng_once_in(r, 4))
        i->code = CODE_OF_SENDER;
}
