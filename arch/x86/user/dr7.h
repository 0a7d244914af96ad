// DR7 as a program writes it.
#pragma once

#include "arch/x86/debugreg.h"

#define DR7_ENABLE_ALL 0xffull

// The reverse of dr7_encode(): whether register n is enabled (L or G), and its type and its length
// in bytes.
static inline bool dr7_decode(u64 dr7, int n, u8 *type, u8 *len)
{
    u32 condition = dr7 >> (16 + n * 4) & 0xf, len_code = condition >> 2;
    *type = condition & 3;
    *len = 1u << (len_code ^ len_code >> 1); // 0, 1, 2, 3 are 1, 2, 8, 4 bytes (SDM 18.2.4)
    return dr7 & DR7_ENABLE_BITS(n);
}
