// Single steps: see step.h.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "debug/kgdb/breaks.h"
#include "debug/kgdb/step.h"
#include "kernel/base/errno.h"

#define STEP_LIMIT_MS 500

// First bytes of instructions (SDM vol. 2, appendix A: the opcode map).
enum { PUSHF = 0x9c, POPF = 0x9d, IRET = 0xcf, CLI = 0xfa, STI = 0xfb, HLT = 0xf4, REX_W = 0x48 };

u64 kgdb_step_limit __protected_bss;

static s32 step_cpu __protected_data = -1;
static u8 opcode;
static u64 rip_before, flags_before;
static struct trapframe *user_frame; // of a step in ring 3; it does not move

void kgdb_step_init(void)
{
    u64 start = rdtsc();
    clock_delay_us(1000);
    kgdb_step_limit = (rdtsc() - start) * STEP_LIMIT_MS;
}

__protected_text bool kgdb_steps(u32 cpu)
{
    return step_cpu == (s32)cpu;
}

static u8 opcode_at(u64 rip)
{
    const u8 *code = (const u8 *)rip;
    return code[0] == REX_W ? code[1] : code[0];
}

int kgdb_step_begin(u32 cpu, struct plan *plan, bool *done)
{
    struct trapframe *f = kgdb_frame(cpu);
    *done = false;
    if (from_user(f)) { // the step may be a system call, which may wait for any other task
        plan->alone = false;
        user_frame = f;
    } else if (!kgdb_may_stop_at(f->rip)) {
        return -EINVAL;
    } else {
        opcode = opcode_at(f->rip);
        if (opcode == HLT) { // HLT may end at any time, so also at once
            f->rip++;
            *done = true;
            return 0;
        }
        rip_before = f->rip;
        flags_before = f->rflags;
        struct trapframe faulted = *f;
        if (trap_fixup(&faulted)) // the fault may have to wait for memory, with IRQs on
            plan->alone = false;
        else
            f->rflags &= ~RFLAGS_IF;
        if (kgdb_in_db(cpu)) {
            plan->alone = true;
            trap_step_in_db(true);
        }
    }
    f->rflags |= RFLAGS_TF;
    step_cpu = plan->step_cpu = cpu;
    return 0;
}

static bool loads_if(void)
{
    return opcode == POPF || opcode == IRET || opcode == CLI || opcode == STI;
}

// TF is still in the stepped frame, unless the instruction has loaded new flags.
static void end_in_kernel(struct trapframe *f)
{
    bool made = f->rip != rip_before;
    if (!(f->rflags & RFLAGS_TF))
        return;
    f->rflags &= ~RFLAGS_TF;
    if (made && loads_if())
        return;
    f->rflags |= flags_before & RFLAGS_IF;
    if (made && opcode == PUSHF) // it has pushed the flags as the step had changed them
        *(u64 *)f->rsp = (*(u64 *)f->rsp & ~RFLAGS_TF) | (flags_before & RFLAGS_IF);
}

void kgdb_step_end(void)
{
    if (user_frame)
        user_frame->rflags &= ~RFLAGS_TF;
    else if (step_cpu >= 0)
        end_in_kernel(kgdb_frame(step_cpu));
    trap_step_in_db(false);
    user_frame = NULL;
    step_cpu = -1;
}
