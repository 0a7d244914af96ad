// Do the debug registers hold what was written to them, and what the live slots say?
#include "arch/x86/debugreg_hw.h"

__protected_text const char *dr_check(void)
{
    struct dr_file *d = this_dr();
    for (int i = 0; i < HBP_NUM; i++)
        if (hw_read_dr(i) != d->live_addr[i])
            return "an address register is not what was written to it";
    if (hw_read_dr(7) != d->live_dr7)
        return "DR7 is not what was written to it";
    u64 dr7 = DR7_FIXED_1;
    for (int i = 0; i < HBP_NUM; i++) {
        const struct dr_slot *s = &d->live.slot[i];
        if (s->owner && s->addr != d->live_addr[i])
            return "a live slot has a stale address";
        dr7 |= s->owner ? dr7_encode(i, s->type, s->len) : 0;
    }
    if (d->live_dr7 != dr7)
        return "DR7 does not match the live slots";
    return NULL;
}
