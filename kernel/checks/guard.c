// The stack guard: see guard.h.
#include "kernel/checks/guard.h"
#include "arch/x86/cpu.h"
#include "kernel/base/panic.h"

#define SPREAD 0x9e3779b97f4a7c15ull // odd; multiplied, each bit reaches all above it

u64 __stack_chk_guard __protected_bss; // #DB reads it before DR7 is off

// The lowest byte is 0, so that a string that runs over cannot carry the guard along.
__attribute__((no_stack_protector)) void stack_guard_init(void)
{
    u64 seed = rdtsc() * SPREAD;
    __stack_chk_guard = (seed ^ seed >> 32) & ~0xffull;
}

void __stack_chk_fail(void)
{
    // The call is the last instruction of its function, so the return address may be in the next.
    panic("stack overrun in %pS", (u8 *)__builtin_return_address(0) - 1);
}
