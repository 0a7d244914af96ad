// A refusal in words.
#include "hwbp/slots.h"
#include "kernel/base/printk.h"

// What fits of one more part.
static void __printf(4, 5) add(char *buf, size_t size, size_t *len, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t end = *len + vsnprintf(buf + *len, size - *len, fmt, ap);
    va_end(ap);
    *len = MIN(end, size - 1);
}

int slots_explain(const struct slot_refusal *why, char *buf, size_t size)
{
    const struct {
        u32 n;
        const char *what;
    } terms[] = {
        {why->by_cpu, " pinned by the CPU"},
        {why->by_task, " pinned by one task"},
        {why->kept, " kept for"},
    };
    size_t len = 0;
    const char *between = "";
    add(buf, size, &len, "cpu %u: ", why->cpu);
    for (u32 i = 0; i < ARRAY_SIZE(terms); i++) {
        if (!terms[i].n)
            continue;
        add(buf, size, &len, "%s%u%s", between, terms[i].n, terms[i].what);
        between = " + ";
    }
    if (why->kept)
        add(buf, size, &len, " %u flexible", why->flexible);
    add(buf, size, &len, " = %u", why->by_cpu + why->by_task + why->kept);
    return len;
}
