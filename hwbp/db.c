// #DB dispatch: each register that fired goes to its event.
#include "arch/x86/upcalls.h"
#include "hwbp/hwbp.h"

static hwbp_observer_fn observer;

void hwbp_observe(hwbp_observer_fn fn)
{
    __atomic_store_n(&observer, fn, __ATOMIC_RELEASE);
}

u64 debug_exception(struct trapframe *f, struct dr_hits *hits)
{
    hwbp_observer_fn look = __atomic_load_n(&observer, __ATOMIC_ACQUIRE);
    if (look && look(f, hits))
        return 0;
    for (int i = 0; i < HBP_NUM; i++) {
        if (!(hits->slots & BIT(i)))
            continue;
        // An execute breakpoint is a fault: without RF the same instruction would fault for ever.
        // QEMU does not save RF for us, so it is always set here.
        if (hits->type[i] == DR_EXECUTE)
            f->rflags |= RFLAGS_RF;
        perf_event_hit(hits->owner[i], f);
    }
    return hits->dr6 & (DR6_BD | DR6_BS | DR6_BT);
}
