// The debug registers around a guest: lent to it, and taken back.
#include "arch/x86/debugreg_hw.h"
#include "arch/x86/svm/debugreg_guest.h"
#include "arch/x86/upcalls.h"

static __protected_text void write_for_guest(struct dr_file *d, int n, u64 value)
{
    hw_write_dr(n, value);
    d->stats.guest_writes++;
}

__protected_text void dr_lend(const u64 *addr)
{
    struct dr_file *d = this_dr();
    if (d->live_dr7 != DR7_FIXED_1)
        write_for_guest(d, 7, DR7_FIXED_1); // first (D1)
    for (int i = 0; addr && i < HBP_NUM; i++)
        if (addr[i] != d->live_addr[i])
            write_for_guest(d, i, addr[i]);
    d->lent = addr;
}

__protected_text void hw_breakpoint_restore(void)
{
    struct dr_file *d = this_dr();
    for (int i = 0; d->lent && i < HBP_NUM; i++)
        if (hw_read_dr(i) != d->live_addr[i])
            write_for_guest(d, i, d->live_addr[i]);
    d->lent = false;
    if (hw_read_dr(6) != DR6_ACTIVE_LOW)
        write_for_guest(d, 6, DR6_ACTIVE_LOW);
    if (hw_read_dr(7) != d->live_dr7)
        write_for_guest(d, 7, d->live_dr7); // last (D1)
    const char *wrong = DEBUG_BUILD ? dr_check() : NULL;
    if (wrong)
        panic("debug registers after a guest: %s", wrong);
}
