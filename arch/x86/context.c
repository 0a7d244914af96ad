// What follows a task at a switch besides its stack, and the stack walk.
#include "arch/x86/context.h"
#include "arch/x86/cpu.h"
#include "arch/x86/extable.h"
#include "arch/x86/trap.h"
#include "arch/x86/upcalls.h"

void context_start(void); // switch.asm

struct trapframe *context_user_frame(struct arch_task *a)
{
    return (struct trapframe *)a->stack_top - 1;
}

void context_prepare(struct arch_task *a, void (*fn)(void *), void *arg)
{
    // Below the room for a frame from ring 3, which may be filled before the task runs.
    struct switch_frame *s = (struct switch_frame *)context_user_frame(a) - 1;
    *s = (struct switch_frame){.r12 = (u64)fn, .r13 = (u64)arg, .rip = (u64)context_start};
    a->rsp = (u64)s;
}

void context_leave(struct arch_task *prev)
{
    if (prev->fpu)
        context_leave_user(prev);
}

void context_enter(struct arch_task *next)
{
    cpu_set_kernel_stack(next->stack_top);
    if (next->fpu)
        context_enter_user(next);
}

// False if nothing is mapped there.
static bool read_word(u64 addr, u64 *value)
{
    bool ok = false;
    __asm__ volatile("1: mov (%2), %0\n"
                     "   movb $1, %1\n"
                     "2:\n" EXTABLE(1b, 2b)
                     : "=&r"(*value), "+q"(ok)
                     : "r"(addr)
                     : "memory");
    return ok;
}

// The upper end of the stack that contains addr, or 0.
static u64 stack_end(u64 addr)
{
    if (addr >= (u64)__data_start && addr < (u64)__data_end) // boot stacks
        return (u64)__data_end;
    return kstack_top(addr);
}

int backtrace_kernel(u64 rip, u64 rbp, u64 *ips, int max)
{
    u64 end = stack_end(rbp);
    int n = 0;
    if (n < max)
        ips[n++] = rip;
    while (n < max && end && rbp % 8 == 0 && rbp < end - 8) {
        u64 next, ret;
        if (!read_word(rbp, &next) || !read_word(rbp + 8, &ret))
            break;
        if (ret < (u64)__text_start || ret >= (u64)__text_end)
            break;
        ips[n++] = ret;
        if (next <= rbp)
            break;
        rbp = next;
    }
    return n;
}
