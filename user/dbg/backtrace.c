// The chain of callers, without debugging information and without frame pointers. A word on the
// stack counts as a return address if it points after a call. The target of a direct call is the
// function that was called. Old return addresses of indirect calls may give wrong lines.
#include "user/dbg/dbg.h"
#include <stdio.h>
#include <string.h>

#define MAX_FRAMES 32
#define MAX_WORDS  4096

// True if a call that ends at addr can have entered `callee`.
static bool called_from(uint64_t addr, const struct symbol *callee)
{
    uint8_t code[7]; // the bytes before addr
    int32_t distance;

    if (!mem_read(addr - sizeof code, code, sizeof code))
        return false;
    if (code[2] == 0xe8) { // call rel32
        memcpy(&distance, code + 3, sizeof distance);
        return symbol_at(addr + (uint64_t)(int64_t)distance) == callee;
    }
    for (int len = 2; len <= 7; len++) // call r/m64: ff /2 with up to 5 bytes more
        if (code[7 - len] == 0xff && (code[8 - len] >> 3 & 7) == 2)
            return true;
    return false;
}

void backtrace(void)
{
    struct user_regs_struct r = regs_get();
    const struct symbol *callee = symbol_at(r.rip);
    uint64_t word, sp = r.rsp;
    int n = 0;

    printf("#%-2d %s\n", n++, place_name(r.rip));
    for (int i = 0; i < MAX_WORDS && n < MAX_FRAMES && mem_read(sp, &word, 8); i++, sp += 8) {
        const struct symbol *s = symbol_at(word);
        if (!s || !s->code || word == s->addr || !called_from(word, callee))
            continue;
        printf("#%-2d %s\n", n++, place_name(word));
        callee = s;
    }
}
