// The generator SplitMix64 (Steele, Lea, Flood 2014). All CPUs share its counter, and each number
// also depends on the time-stamp counter.
#include "linux/proc/random.h"

#include "arch/x86/cpu.h"
#include "arch/x86/user/devices.h"
#include "kernel/base/string.h"

#define GOLDEN_GAMMA 0x9e3779b97f4a7c15ull

static u64 next_random(void)
{
    static u64 counter;
    u64 z = __atomic_add_fetch(&counter, GOLDEN_GAMMA, __ATOMIC_RELAXED);
    z ^= rdtsc() ^ clock_boot_epoch() << 32;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void random_fill(void *buf, size_t n)
{
    for (u8 *p = buf; n;) {
        u64 v = next_random();
        size_t part = MIN(n, sizeof(v));
        memcpy(p, &v, part);
        p += part;
        n -= part;
    }
}
