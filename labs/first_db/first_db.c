// Debug registers by hand (Intel's manual, volume 3, chapter 18.2).
#include "arch/x86/first_db.h"

u64 dr7_bits(int n, u8 type, u8 len)
{
    static const u8 code[] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
    u64 condition = type | (type == DR_EXECUTE ? 0 : code[len]) << 2;
    return 2ull << n * 2 | condition << (16 + n * 4);
}

void arm(int n, u64 addr, u8 type, u8 len)
{
    u64 others = read_dr7() & ~DR7_SLOT_BITS(n);
    write_dr7(others);
    hw_write_dr(n, addr);
    write_dr7(others | dr7_bits(n, type, len));
}

void disarm(int n)
{
    write_dr7(read_dr7() & ~DR7_SLOT_BITS(n));
}

void on_db(struct trapframe *f)
{
    u64 dr6 = read_dr6(), dr7 = read_dr7();
    write_dr6(DR6_ACTIVE_LOW);
    if (dr6 & DR6_BS)
        steps++;
    for (int n = 0; n < 4; n++) {
        if (!(dr6 & BIT(n)) || !(dr7 & DR7_ENABLE_BITS(n)))
            continue;
        hits[n]++;
        if ((dr7 >> (16 + n * 4) & 3) == DR_EXECUTE)
            f->rflags |= RFLAGS_RF;
    }
}
